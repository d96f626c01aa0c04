/* src/base/pool.c and team.c: every unit once, whatever the number of threads, teams and callers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <time.h>

#include "base/pool_parts.h"

#define OK(expr) assert_int_equal((expr), INFER_OK)

enum { UNITS = 20000, CALLERS = 6 };

static struct infer_pool *make_pool(const struct infer__pool_setup *setup)
{
    infer_allocator a = infer__allocator(NULL);
    struct infer_pool *p;
    infer_error err;
    OK(infer__pool_create(setup, &a, &p, &err));
    return p;
}

static struct infer_pool *pool_of(unsigned threads)
{
    struct infer__pool_setup setup = infer__pool_setup(threads);
    setup.cpus = threads; /* however many there are */
    return make_pool(&setup);
}

static struct infer__team *open_team(struct infer_pool *p, unsigned members)
{
    struct infer__team *t;
    infer_error err;
    OK(infer__team_open(p, members, &t, &err));
    return t;
}

/* ---- units ---------------------------------------------------------------------------------- */

/* How often each unit was computed, and whether a number was ever two threads' at a time. */
struct tally {
    _Atomic int hits[UNITS];
    _Atomic int inside[64];
    unsigned members;
    _Atomic int bad;
};

static void count_units(void *ctx, unsigned member, uint32_t begin, uint32_t end)
{
    struct tally *t = ctx;
    if (member >= t->members || atomic_fetch_add(&t->inside[member], 1))
        t->bad = 1;
    for (uint32_t i = begin; i < end; i++)
        t->hits[i]++;
    if (member < t->members)
        atomic_fetch_sub(&t->inside[member], 1);
}

/* Jobs of all sizes in one run; every unit of each must be computed once. */
static void run_jobs(struct infer__team *team, struct tally *t, uint32_t jobs)
{
    static const uint32_t large[] = {4095, 4096, 8190, 8191, UNITS};
    int *want = calloc(UNITS, sizeof *want);
    assert_non_null(want);
    memset(t, 0, sizeof *t);
    t->members = infer__team_members(team);
    infer__team_begin(team, 0);
    for (uint32_t job = 0; job < jobs; job++) {
        uint32_t units = job * 7919u % 300u;
        if (job % 50 == 0)
            units = large[job / 50 % 5];
        for (uint32_t i = 0; i < units; i++)
            want[i]++;
        infer__team_run(team, count_units, t, units);
    }
    infer__team_end(team);
    for (int i = 0; i < UNITS; i++)
        assert_int_equal(t->hits[i], want[i]);
    assert_int_equal(t->bad, 0);
    free(want);
}

static void test_every_unit_once(void **state)
{
    static struct tally t;
    (void)state;
    for (unsigned threads = 1; threads <= 7; threads++) {
        struct infer_pool *p = pool_of(threads);
        assert_int_equal(infer__pool_threads(p), threads);
        for (unsigned members = 1; members <= threads + 1; members++) {
            struct infer__team *team = open_team(p, members);
            assert_int_equal(infer__team_members(team), members < threads ? members : threads);
            run_jobs(team, &t, 300);
            infer__team_close(team);
        }
        infer__pool_free(p);
    }
}

/* The part of a member that is never there is computed by the others. */
static void test_parts(void **state)
{
    static struct tally t;
    (void)state;
    struct infer_pool *p = pool_of(5);
    struct infer__team *team = open_team(p, 5);
    for (unsigned k = 1; k < 5; k++) /* somebody has all numbers: no worker can join */
        assert_int_equal(infer__team_join(team, k), k);
    assert_int_equal(infer__team_join(team, 1), 0);
    assert_false(infer__team_wants(team));
    run_jobs(team, &t, 200);
    infer__team_leave(team, 3);
    assert_int_equal(infer__team_join(team, 1), 3);
    for (unsigned k = 1; k < 5; k++)
        infer__team_leave(team, k);
    run_jobs(team, &t, 200);
    infer__team_close(team);
    infer__pool_free(p);
}

struct slow {
    _Atomic uint32_t by[8]; /* units that each member computed */
    _Atomic uint32_t of_part[8];
    uint32_t units;
    unsigned members;
};

static void sleep_us(long us)
{
    struct timespec t = {0, us * 1000};
    while (nanosleep(&t, &t))
        continue;
}

static void slow_units(void *ctx, unsigned member, uint32_t begin, uint32_t end)
{
    struct slow *s = ctx;
    for (uint32_t i = begin; i < end; i++) {
        s->by[member]++;
        s->of_part[member] += i * s->members / s->units == member;
        sleep_us(300); /* gives up its CPU: so that the others run too, however few there are */
    }
}

/* Who is there computes its own part first. */
static void test_members_keep_their_parts(void **state)
{
    (void)state;
    struct infer_pool *p = pool_of(4);
    struct infer__team *team = open_team(p, 4);
    struct slow s = {.units = 40, .members = 4};
    uint32_t all = 0, own = 0;
    infer__team_begin(team, 0);
    for (int i = 0; i < 20; i++)
        infer__team_run(team, slow_units, &s, s.units);
    infer__team_end(team);
    for (int k = 0; k < 4; k++) {
        all += s.by[k];
        own += s.of_part[k];
        assert_true(s.by[k] > 0); /* all four took part */
    }
    assert_int_equal(all, 20 * s.units);
    assert_true(own > all / 3); /* by chance a quarter; on a busy machine some members come late */
    infer__team_close(team);
    infer__pool_free(p);
}

/* ---- many teams ----------------------------------------------------------------------------- */

struct caller {
    struct infer_pool *pool;
    unsigned number;
    struct tally tally;
};

static void *call_often(void *arg)
{
    struct caller *c = arg;
    for (unsigned i = 0; i < 12; i++) {
        struct infer__team *team = open_team(c->pool, 2 + (c->number + i) % 4);
        for (int k = 0; k < 3; k++)
            run_jobs(team, &c->tally, 60);
        infer__team_close(team);
    }
    return NULL;
}

static void test_many_callers(void **state)
{
    static struct caller callers[CALLERS];
    pthread_t threads[CALLERS];
    (void)state;
    for (unsigned n = 2; n <= 12; n += 5) {
        struct infer_pool *p = pool_of(n);
        for (unsigned i = 0; i < CALLERS; i++) {
            callers[i].pool = p;
            callers[i].number = i;
            assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
        }
        for (unsigned i = 0; i < CALLERS; i++)
            pthread_join(threads[i], NULL);
        unsigned teams = 0;
        for (struct infer__team *t = p->teams; t; t = t->next)
            teams++;
        assert_in_range(teams, 1, CALLERS); /* closed ones are used again */
        assert_int_equal(p->active, 0);
        assert_int_equal(p->callers, 0);
        infer__pool_free(p);
    }
}

/* Two runs at once, one of which never ends a job by itself: the worker leaves it for the other. */
static void test_workers_go_where_units_are(void **state)
{
    (void)state;
    struct infer_pool *p = pool_of(8);
    struct infer__team *idle = open_team(p, 8), *team = open_team(p, 8);
    struct slow s = {.units = 64, .members = 8};
    infer__team_begin(idle, 0); /* workers stand by here */
    sleep_us(200);
    infer__team_begin(team, 0);
    for (int i = 0; i < 10; i++)
        infer__team_run(team, slow_units, &s, s.units);
    infer__team_end(team);
    infer__team_end(idle);
    unsigned busy = 0;
    for (int k = 0; k < 8; k++)
        busy += s.by[k] > 0;
    assert_true(busy >= 6);
    infer__team_close(team);
    infer__team_close(idle);
    infer__pool_free(p);
}

/* Threads beyond the CPUs stand aside: they would take the CPU of one that has claimed a unit. */
static void test_no_more_than_cpus(void **state)
{
    (void)state;
    struct infer__pool_setup setup = infer__pool_setup(8);
    struct slow s = {.units = 64, .members = 8};
    unsigned busy = 0;
    setup.cpus = 2;
    struct infer_pool *p = make_pool(&setup);
    struct infer__team *team = open_team(p, 8);
    infer__team_begin(team, 0);
    for (int i = 0; i < 10; i++)
        infer__team_run(team, slow_units, &s, s.units);
    infer__team_end(team);
    for (int k = 0; k < 8; k++)
        busy += s.by[k] > 0;
    assert_true(busy <= 2);
    infer__team_close(team);
    infer__pool_free(p);
}

/* A word of a part that nobody has touched for long does not seem to be of a later job. */
static void test_job_numbers(void **state)
{
    static struct tally t;
    (void)state;
    struct infer_pool *p = pool_of(3);
    struct infer__team *team = open_team(p, 3);
    static const uint64_t numbers[] = {(1 << 20) - 30, (UINT64_C(1) << 39) - 30,
                                       (UINT64_C(1) << 40) - 30};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            team->parts[k].taken = numbers[i] << JOB_BITS;
        team->state = numbers[i] << JOB_BITS | 3 << UNIT_BITS;
        run_jobs(team, &t, 100);
    }
    infer__team_close(team);
    infer__pool_free(p);
}

/* ---- errands -------------------------------------------------------------------------------- */

struct errand {
    struct infer__errand base; /* first */
    struct infer__team *team;
    struct tally *tally;
    _Atomic int *order;
    _Atomic int was; /* how many errands were done before */
    sem_t *over;
};

static void do_errand(struct infer__errand *base)
{
    struct errand *e = (struct errand *)base;
    if (e->team) {
        infer__team_begin(e->team, 1);
        infer__team_run(e->team, count_units, e->tally, 100);
        infer__team_end(e->team);
    }
    e->was = atomic_fetch_add(e->order, 1);
    sem_post(e->over);
}

static void test_errands_in_order(void **state)
{
    enum { ERRANDS = 100 };
    static struct errand errands[ERRANDS];
    static struct tally t;
    _Atomic int order = 0;
    sem_t over;
    infer_error err;
    (void)state;
    assert_int_equal(sem_init(&over, 0, 0), 0);
    for (unsigned threads = 2; threads <= 5; threads++) {
        struct infer_pool *p = pool_of(threads);
        struct infer__team *team = open_team(p, threads);
        t = (struct tally){.members = threads};
        order = 0;
        for (int i = 0; i < ERRANDS; i++) {
            /* one thread may lead the team at a time */
            errands[i] = (struct errand){.base = {.run = do_errand},
                                         .team = threads == 2 ? team : NULL,
                                         .tally = &t,
                                         .order = &order,
                                         .over = &over};
            OK(infer__pool_start(p, &errands[i].base, &err));
            if (i % 17 == 0)
                sleep_us(500); /* workers fall asleep */
        }
        for (int i = 0; i < ERRANDS; i++)
            while (sem_wait(&over))
                continue;
        assert_int_equal(order, ERRANDS);
        for (int i = 0; threads == 2 && i < ERRANDS; i++) { /* one worker: one after the other */
            assert_int_equal(errands[i].was, i);
            assert_int_equal(t.hits[i], ERRANDS);
        }
        infer__team_close(team);
        infer__pool_free(p);
    }
    sem_destroy(&over);
}

static void test_no_worker_for_an_errand(void **state)
{
    struct errand e = {.base = {.run = do_errand}};
    infer_error err;
    (void)state;
    struct infer_pool *p = pool_of(1);
    assert_int_equal(infer__pool_start(p, &e.base, &err), INFER_ERROR_THREAD);
    infer__pool_free(p);
}

/* ---- executors ------------------------------------------------------------------------------ */

struct item {
    void (*run)(void *arg, uint32_t index);
    void *arg;
    uint32_t index;
};

static void *run_item(void *arg)
{
    struct item *i = arg;
    i->run(i->arg, i->index);
    return NULL;
}

/* ctx 0: a thread for each item; 1: one after the other, backwards; 2: leaves out all of them. */
static void execute(void *ctx, uint32_t n, void (*item)(void *arg, uint32_t index), void *arg)
{
    struct item items[8];
    pthread_t threads[8];
    int way = *(int *)ctx;
    assert_in_range(n, 1, 8);
    for (uint32_t i = 0; way == 0 && i < n; i++) {
        items[i] = (struct item){item, arg, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_item, &items[i]), 0);
    }
    for (uint32_t i = 0; way == 0 && i < n; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = n; way == 1 && i > 0; i--)
        item(arg, i - 1);
    item(arg, 5000); /* nonsense does nothing */
}

static void test_executor(void **state)
{
    static struct tally t;
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct infer__pool_setup setup = infer__pool_setup(4);
        setup.executor = (infer_executor){&way, execute};
        struct infer_pool *p = make_pool(&setup);
        struct infer__team *team = open_team(p, 4);
        struct errand e = {.base = {.run = do_errand}};
        infer_error err;
        assert_int_equal(p->running, 0);
        run_jobs(team, &t, 300);
        assert_int_equal(infer__pool_start(p, &e.base, &err), INFER_ERROR_THREAD);
        infer__team_close(team);
        infer__pool_free(p);
    }
}

/* ---- what else ------------------------------------------------------------------------------ */

static void test_fork(void **state)
{
    static struct tally t;
    (void)state;
    struct infer_pool *p = pool_of(4);
    struct infer__team *team = open_team(p, 4);
    for (int i = 0; i < 20; i++) {
        run_jobs(team, &t, 20);
        pid_t pid = fork();
        if (pid == 0) {
            struct errand e = {.base = {.run = do_errand}};
            infer_error err;
            run_jobs(team, &t, 20);
            struct infer__team *fresh = open_team(p, 4);
            run_jobs(fresh, &t, 20);
            int refused = infer__pool_start(p, &e.base, &err) == INFER_ERROR_THREAD;
            infer__team_close(fresh);
            infer__team_close(team);
            infer__pool_free(p);
            _exit(!refused);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    infer__team_close(team);
    infer__pool_free(p);
}

static void test_pins(void **state)
{
    static struct tally t;
    cpu_set_t may;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof may, &may), 0);
    struct infer__pool_setup setup = infer__pool_setup(4);
    setup.pin = 1;
    struct infer_pool *p = make_pool(&setup);
    for (unsigned i = 0; i < p->running; i++) {
        cpu_set_t one, both;
        assert_int_equal(pthread_getaffinity_np(p->workers[i].thread, sizeof one, &one), 0);
        CPU_AND(&both, &one, &may);
        assert_int_equal(CPU_COUNT(&one), 1);
        assert_int_equal(CPU_COUNT(&both), 1);
    }
    struct infer__team *team = open_team(p, 4);
    run_jobs(team, &t, 100);
    infer__team_close(team);
    infer__pool_free(p);
}

static void test_refuses(void **state)
{
    infer_allocator a = infer__allocator(NULL);
    struct infer__pool_setup none = infer__pool_setup(0), many = infer__pool_setup(100000);
    struct infer_pool *p;
    infer_error err;
    (void)state;
    assert_int_equal(infer__pool_create(&none, &a, &p, &err), INFER_ERROR_ARGUMENT);
    assert_null(p);
    assert_int_equal(infer__pool_create(&many, &a, &p, &err), INFER_ERROR_ARGUMENT);
    infer__pool_free(NULL);
    infer__team_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_unit_once),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_members_keep_their_parts),
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_workers_go_where_units_are),
        cmocka_unit_test(test_no_more_than_cpus),
        cmocka_unit_test(test_job_numbers),
        cmocka_unit_test(test_errands_in_order),
        cmocka_unit_test(test_no_worker_for_an_errand),
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
