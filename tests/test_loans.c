/* Memory that runs work in, lent by the pool: how many rooms there are and how large, who waits for
 * one and who gets it, and what sessions on one pool hold. */
#include "tests/small_net.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/session.h"

enum { MANY = 12 };

/* Memory that is counted, and refused past a number of calls. */
struct counted {
    _Atomic int held, calls;
    int refuse_at; /* call, from 1; 0: none */
};

static void *counted_alloc(void *ctx, size_t bytes)
{
    struct counted *c = ctx;
    if (++c->calls == c->refuse_at)
        return NULL;
    c->held++;
    return malloc(bytes);
}

static void counted_free(void *ctx, void *memory)
{
    struct counted *c = ctx;
    c->held--;
    free(memory);
}

static struct infer__loans *make(struct infer__loans *l, struct counted *c, uint32_t most)
{
    const infer_allocator a = {c, counted_alloc, counted_free};
    infer__loans_init(l, &a, most);
    return l;
}

static void expect(struct infer__loans *l, size_t bytes, size_t rooms)
{
    size_t has_bytes, has_rooms;
    infer__loans_count(l, &has_bytes, &has_rooms);
    assert_int_equal(has_bytes, bytes);
    assert_int_equal(has_rooms, rooms);
}

/* ---- rooms ---------------------------------------------------------------------------------- */

static void test_rooms_follow_borrowers(void **state)
{
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower b[4] = {{0}};
    infer_error err;
    (void)state;
    make(&l, &c, 2);
    OK(infer__loans_come(&l, &b[0], 1000, &err));
    expect(&l, 1000, 1);
    OK(infer__loans_come(&l, &b[1], 3000, &err));
    expect(&l, 4000, 2);
    OK(infer__loans_come(&l, &b[2], 2000, &err)); /* the second largest now; no third at a time */
    expect(&l, 5000, 2);
    OK(infer__loans_come(&l, &b[3], 500, &err));
    expect(&l, 5000, 2);
    OK(infer__loans_come(&l, &b[3], 100, &err)); /* less changes nothing */
    assert_int_equal(b[3].need, 500);
    OK(infer__loans_come(&l, &b[0], 7000, &err));
    expect(&l, 10000, 2);
    infer__loans_leave(&b[1]);
    infer__loans_leave(&b[0]);
    expect(&l, 10000, 2); /* both are large enough for those that are left */
    infer__loans_leave(&b[2]);
    infer__loans_leave(&b[2]); /* that has left */
    expect(&l, 3000, 1);       /* the larger one went */
    infer__loans_leave(&b[3]);
    expect(&l, 0, 0);
    infer__loans_free(&l);
    assert_int_equal(c.held, 0);
}

static void test_smallest_that_serves(void **state)
{
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower small = {0}, large = {0};
    infer_error err;
    (void)state;
    make(&l, &c, 2);
    OK(infer__loans_come(&l, &small, 1 << 10, &err));
    OK(infer__loans_come(&l, &large, 1 << 20, &err));
    char *a = infer__loans_begin(&small, 1 << 10), *b = infer__loans_begin(&large, 1 << 20);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal((uintptr_t)a % 4096, 0);
    memset(a, 1, 1 << 10);
    memset(b, 2, 1 << 20);
    assert_int_equal(a[0], 1);
    infer__loans_end(&small);
    assert_ptr_equal(infer__loans_begin(&small, 1 << 10), a); /* warm */
    infer__loans_end(&small);
    infer__loans_end(&large);
    infer__loans_leave(&small);
    infer__loans_leave(&large);
    infer__loans_free(&l);
    assert_int_equal(c.held, 0);
}

/* What is in use stays; what replaced it is there at once, and it goes when somebody comes or
 * leaves. */
static void test_growing_while_it_is_used(void **state)
{
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower b[2] = {{0}};
    infer_error err;
    (void)state;
    make(&l, &c, 1);
    OK(infer__loans_come(&l, &b[0], 1000, &err));
    assert_non_null(infer__loans_begin(&b[0], 1000));
    OK(infer__loans_come(&l, &b[1], 5000, &err));
    expect(&l, 6000, 2);
    assert_non_null(infer__loans_begin(&b[1], 5000));
    infer__loans_end(&b[1]);
    infer__loans_leave(&b[0]); /* gives its room back */
    expect(&l, 5000, 1);
    infer__loans_leave(&b[1]);
    infer__loans_free(&l);
    assert_int_equal(c.held, 0);
}

/* AddressSanitizer keeps what is freed for a while: resident memory says nothing there. */
#if defined(__SANITIZE_ADDRESS__)
enum { RESIDENT_COUNTS = 0 };
#else
enum { RESIDENT_COUNTS = 1 };
#endif

/* Kilobytes that the process has of its own. */
static long resident(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtol(line + 8, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

/* A room that was large for one who has left keeps its size, not its pages. */
static void test_large_rooms_are_dropped(void **state)
{
    const size_t large = 64 << 20;
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower b[2] = {{0}};
    infer_error err;
    (void)state;
    make(&l, &c, 1);
    OK(infer__loans_come(&l, &b[0], 1 << 20, &err));
    OK(infer__loans_come(&l, &b[1], large, &err));
    memset(infer__loans_begin(&b[1], large), 1, large);
    infer__loans_end(&b[1]);
    const long before = resident();
    infer__loans_leave(&b[1]);
    expect(&l, large, 1);
    if (RESIDENT_COUNTS && before >= 0)
        assert_true(resident() < before - 60000);
    memset(infer__loans_begin(&b[0], 1 << 20), 1, 1 << 20);
    infer__loans_leave(&b[0]);
    infer__loans_free(&l);
    assert_int_equal(c.held, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int at = 1;; at++) {
        struct infer__loans l;
        struct counted c = {0};
        struct infer__borrower b[2] = {{0}};
        infer_error err;
        make(&l, &c, 2);
        OK(infer__loans_come(&l, &b[0], 1000, &err));
        c.calls = 0;
        c.refuse_at = at;
        infer_status status = infer__loans_come(&l, &b[1], 4000, &err);
        c.refuse_at = 0;
        if (status == INFER_OK)
            assert_true(at > 2);
        else
            assert_null(b[1].loans);
        assert_non_null(infer__loans_begin(&b[0], 1000));
        infer__loans_end(&b[0]);
        if (status != INFER_OK)
            expect(&l, 1000, 1);
        infer__loans_leave(&b[1]);
        infer__loans_leave(&b[0]);
        infer__loans_free(&l);
        assert_int_equal(c.held, 0);
        if (status == INFER_OK)
            return;
    }
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void test_first_come_first_served(void **state)
{
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower b[4] = {{0}};
    infer_error err;
    (void)state;
    make(&l, &c, 1);
    for (int i = 0; i < 4; i++)
        OK(infer__loans_come(&l, &b[i], 1000, &err));
    void *room = infer__loans_begin(&b[0], 1000);
    for (int i = 1; i < 4; i++)
        assert_null(infer__loans_begin(&b[i], 1000));
    assert_null(infer__loans_wait(&b[1]));
    infer__loans_end(&b[1]); /* gives up */
    infer__loans_end(&b[0]);
    assert_null(infer__loans_begin(&b[0], 1000)); /* 2 has it, 3 is before it */
    assert_null(infer__loans_wait(&b[3]));
    assert_ptr_equal(infer__loans_wait(&b[2]), room);
    infer__loans_end(&b[2]);
    assert_ptr_equal(infer__loans_wait(&b[3]), room);
    infer__loans_end(&b[3]);
    assert_ptr_equal(infer__loans_wait(&b[0]), room);
    for (int i = 0; i < 4; i++)
        infer__loans_leave(&b[i]);
    infer__loans_free(&l);
    assert_int_equal(c.held, 0);
}

/* A child has the parent's rooms for itself, and nobody waits for its threads. */
static void test_fork(void **state)
{
    struct infer__loans l;
    struct counted c = {0};
    struct infer__borrower b[3] = {{0}};
    infer_error err;
    (void)state;
    make(&l, &c, 1);
    for (int i = 0; i < 3; i++)
        OK(infer__loans_come(&l, &b[i], 1000, &err));
    assert_non_null(infer__loans_begin(&b[0], 1000));
    assert_null(infer__loans_begin(&b[1], 1000));
    const pid_t child = fork();
    if (child == 0) {
        int ok = infer__loans_begin(&b[2], 1000) != NULL;
        ok &= infer__loans_begin(&b[0], 1000) == NULL; /* one at a time here too */
        infer__loans_end(&b[2]);
        ok &= infer__loans_wait(&b[0]) != NULL; /* 1 is passed over */
        for (int i = 0; i < 3; i++)
            infer__loans_leave(&b[i]);
        infer__loans_free(&l);
        _exit(ok && c.held == 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < 3; i++)
        infer__loans_leave(&b[i]);
    infer__loans_free(&l);
}

/* ---- sessions ------------------------------------------------------------------------------- */

static struct bytes file;
static infer_model *model;
static float picture[3 * 17 * 13];

static int setup(void **state)
{
    infer_error err;
    (void)state;
    file = small_net();
    return infer_load_memory(file.data, file.size, NULL, &model, &err) != INFER_OK;
}

static int teardown(void **state)
{
    (void)state;
    infer_model_free(&model);
    free(file.data);
    return 0;
}

static infer_session *session_on(infer_pool *pool)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.pool = pool;
    OK(infer_session_create(model, &o, &s, &err));
    return s;
}

static infer_status run(infer_session *s, const infer_run_options *o, infer_error *err)
{
    const infer_tensor in = {INFER_F32, 4, {1, 3, 17, 13}, picture, sizeof picture, {0, 0}};
    infer_tensor out[2] = {{0}};
    return infer_run_with(s, o, &in, 1, out, 2, err);
}

static infer_pool *pool_with(struct counted *c)
{
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    infer_pool *pool;
    infer_error err;
    o.threads = 2;
    o.allocator = (infer_allocator){c, counted_alloc, counted_free};
    OK(infer_pool_create(&o, &pool, &err));
    return pool;
}

/* Idle sessions hold nothing of what they run in, which each still counts as its own. */
static void test_sessions_borrow(void **state)
{
    infer_session *s[MANY];
    struct counted c = {0};
    size_t bytes, rooms;
    infer_error err;
    infer_pool *pool = pool_with(&c);
    struct infer__loans *l = infer__pool_loans(pool);
    (void)state;
    for (int i = 0; i < MANY; i++)
        s[i] = session_on(pool);
    const struct infer__memory_need *need = &s[0]->memory.bytes;
    infer__loans_count(l, &bytes, &rooms);
    assert_int_equal(rooms, l->most < MANY ? l->most : MANY);
    assert_int_equal(bytes, rooms * (need->arenas + need->scratch));
    for (int i = 0; i < MANY; i++) {
        infer_session_memory m = INFER_SESSION_MEMORY_INIT;
        const int calls = c.calls;
        OK(run(s[i], NULL, &err));
        assert_int_equal(c.calls, calls);
        assert_null(s[i]->memory.arenas);
        OK(infer_session_memory_use(s[i], &m, &err));
        assert_int_equal(m.arena_bytes, need->arenas);
        assert_true(s[i]->meter.held >= need->arenas + need->scratch + m.packed_bytes);
    }
    for (int i = 0; i < MANY; i++)
        infer_session_free(&s[i]);
    expect(l, 0, 0);
    infer_pool_free(&pool);
    assert_int_equal(c.held, 0);
}

/* Runs of sessions beyond the rooms wait; a deadline and cancelling end that too. */
static void *cancel_soon(void *arg)
{
    const struct timespec moment = {0, 20000000};
    nanosleep(&moment, NULL);
    infer_session_cancel(arg);
    return NULL;
}

static void test_waiting_runs_stop(void **state)
{
    struct infer__borrower all[64] = {{0}};
    struct counted c = {0};
    infer_pool *pool = pool_with(&c);
    struct infer__loans *l = infer__pool_loans(pool);
    infer_session *s = session_on(pool);
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    pthread_t thread;
    infer_error err;
    (void)state;
    assert_in_range(l->most, 2, 64);
    const size_t need = s->memory.bytes.arenas + s->memory.bytes.scratch;
    for (uint32_t i = 0; i < l->most; i++)
        OK(infer__loans_come(l, &all[i], need, &err));
    for (uint32_t i = 0; i < l->most; i++)
        assert_non_null(infer__loans_begin(&all[i], need));
    o.deadline_ns = 1;
    assert_int_equal(run(s, &o, &err), INFER_ERROR_DEADLINE);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, s), 0);
    assert_int_equal(run(s, NULL, &err), INFER_ERROR_CANCELLED);
    pthread_join(thread, NULL);
    infer__loans_end(&all[0]);
    OK(run(s, NULL, &err));
    infer_session_free(&s);
    for (uint32_t i = 0; i < l->most; i++)
        infer__loans_leave(&all[i]);
    expect(l, 0, 0);
    infer_pool_free(&pool);
    assert_int_equal(c.held, 0);
}

static void *run_often(void *arg)
{
    infer_error err;
    for (int i = 0; i < 300; i++)
        OK(run(arg, NULL, &err));
    return NULL;
}

/* More callers than rooms, while sessions come and go. */
static void test_many_callers(void **state)
{
    struct counted c = {0};
    infer_pool *pool = pool_with(&c);
    infer_session *s[MANY];
    pthread_t threads[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        s[i] = session_on(pool);
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, s[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        infer_session *other = session_on(pool);
        infer_session_free(&other);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        infer_session_free(&s[i]);
    }
    expect(infer__pool_loans(pool), 0, 0);
    infer_pool_free(&pool);
    assert_int_equal(c.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rooms_follow_borrowers),
        cmocka_unit_test(test_smallest_that_serves),
        cmocka_unit_test(test_growing_while_it_is_used),
        cmocka_unit_test(test_large_rooms_are_dropped),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_sessions_borrow),
        cmocka_unit_test(test_waiting_runs_stop),
        cmocka_unit_test(test_many_callers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
