/* The counted store: one copy, made once, freed with its last user; threads, failures, forks. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/store.h"
#include "tests/file_fixture.h"

#define OK(expr) assert_int_equal((expr), INFER_OK)

enum { KEYS = 24, THREADS = 8, ROUNDS = 400 };

static size_t bytes_of(uint32_t key)
{
    return 100 + 1000 * key;
}

static struct infer__share share_of(uint32_t key)
{
    return (struct infer__share){.key = {{key, ~(uint64_t)key}}, .bytes = bytes_of(key)};
}

static void fill(const struct infer__share *s)
{
    memset(infer__share_memory(s), (int)s->key.word[0] + 1, s->bytes);
}

static int is_filled(const struct infer__share *s)
{
    const unsigned char *p = infer__share_memory(s);
    for (size_t i = 0; i < s->bytes; i++)
        if (p[i] != s->key.word[0] + 1)
            return 0;
    return 1;
}

/* Takes, makes what is to be made, waits: how many were made; -1 where one never will be. */
static int take(struct infer__store *store, struct infer__share *s, uint32_t n)
{
    infer_error err;
    int made = 0;
    OK(infer__store_take(store, s, n, &err));
    for (uint32_t i = 0; i < n; i++)
        if (s[i].make) {
            fill(&s[i]);
            made++;
        }
    infer__store_made(store, s, n, 1);
    return infer__store_wait(s, n) ? made : -1;
}

static void check_count(struct infer__store *store, size_t bytes, size_t entries)
{
    size_t has, number;
    infer__store_count(store, &has, &number);
    assert_int_equal(has, bytes);
    assert_int_equal(number, entries);
}

static void test_one_copy(void **state)
{
    struct counter c;
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = counting(&c);
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    const size_t empty = c.blocks;
    struct infer__share first[] = {share_of(1), share_of(2)};
    struct infer__share second[] = {share_of(1), share_of(2), share_of(3)};
    assert_int_equal(take(store, first, 2), 2);
    assert_int_equal(take(store, second, 3), 1);
    assert_ptr_equal(infer__share_memory(&first[0]), infer__share_memory(&second[0]));
    assert_int_equal((uintptr_t)infer__share_memory(&first[1]) % 64, 0);
    check_count(store, bytes_of(1) + bytes_of(2) + bytes_of(3), 3);
    infer__store_give(store, first, 2);
    check_count(store, bytes_of(1) + bytes_of(2) + bytes_of(3), 3);
    for (int i = 0; i < 3; i++)
        assert_true(is_filled(&second[i]));
    infer__store_give(store, second, 3);
    check_count(store, 0, 0);
    assert_int_equal(c.blocks, empty);
    infer__store_give(store, second, 3); /* what is not held is passed over */
    infer__store_free(store);
    assert_int_equal(c.blocks, 0);
}

/* One holder may want a key more than once. */
static void test_repeated(void **state)
{
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    struct infer__share s[] = {share_of(4), share_of(4), share_of(5)};
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    assert_int_equal(take(store, s, 3), 2);
    assert_ptr_equal(infer__share_memory(&s[0]), infer__share_memory(&s[1]));
    check_count(store, bytes_of(4) + bytes_of(5), 2);
    infer__store_give(store, s, 1);
    assert_true(is_filled(&s[1]));
    infer__store_give(store, s + 1, 2);
    check_count(store, 0, 0);
    infer__store_free(store);
}

/* Memory of several that was taken at once: the others stay when some go, and the whole goes with
 * the last. */
static void test_parts_go(void **state)
{
    struct counter c;
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = counting(&c);
    struct infer__share all[KEYS], kept = share_of(KEYS / 2);
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    const size_t empty = c.blocks;
    for (uint32_t k = 0; k < KEYS; k++)
        all[k] = share_of(k);
    assert_int_equal(take(store, all, KEYS), KEYS);
    assert_int_equal(take(store, &kept, 1), 0);
    infer__store_give(store, all, KEYS);
    check_count(store, kept.bytes, 1);
    assert_true(is_filled(&kept));
    assert_int_equal(take(store, all, KEYS), KEYS - 1);
    for (uint32_t k = 0; k < KEYS; k++)
        assert_true(is_filled(&all[k]));
    infer__store_give(store, &kept, 1);
    infer__store_give(store, all, KEYS);
    assert_int_equal(c.blocks, empty);
    infer__store_free(store);
}

static void test_no_memory(void **state)
{
    struct counter c;
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = counting(&c);
    infer_status status = INFER_ERROR_NO_MEMORY;
    (void)state;
    c.fail_only = 1;
    assert_int_equal(infer__store_create(&a, &store, &err), INFER_ERROR_NO_MEMORY);
    assert_null(store);
    OK(infer__store_create(&a, &store, &err));
    for (size_t k = 1; status != INFER_OK; k++) {
        struct infer__share s[] = {share_of(7), share_of(8)};
        c.fail_from = c.calls + k;
        status = infer__store_take(store, s, 2, &err);
        c.fail_from = 0;
        if (status == INFER_OK) {
            assert_true(k > 2);
            infer__store_made(store, s, 2, 1);
        } else {
            assert_int_equal(status, INFER_ERROR_NO_MEMORY);
            assert_true(!s[0].entry && !s[1].entry);
            check_count(store, 0, 0);
        }
        infer__store_give(store, s, 2);
    }
    infer__store_free(store);
    assert_int_equal(c.blocks, 0);
}

/* ---- threads -------------------------------------------------------------------------------- */

struct worker {
    struct infer__store *store;
    uint64_t seed;
    _Atomic int *waiting;
    int result;
};

static void *wait_for(void *arg)
{
    struct worker *w = arg;
    struct infer__share s = share_of(9);
    infer_error err;
    w->result = -2;
    if (infer__store_take(w->store, &s, 1, &err) != INFER_OK || s.make)
        return NULL;
    atomic_store(w->waiting, 1);
    w->result = infer__store_wait(&s, 1) ? is_filled(&s) : -1;
    infer__store_give(w->store, &s, 1);
    return NULL;
}

/* Another thread waits for what this one makes, or learns that it can't be made. */
static void test_waiting(void **state)
{
    const infer_allocator a = infer__allocator(NULL);
    (void)state;
    for (int ok = 0; ok < 2; ok++) {
        struct infer__store *store;
        infer_error err;
        pthread_t thread;
        _Atomic int waiting = 0;
        struct infer__share s = share_of(9), again = share_of(9);
        OK(infer__store_create(&a, &store, &err));
        struct worker w = {.store = store, .waiting = &waiting};
        OK(infer__store_take(store, &s, 1, &err));
        assert_int_equal(s.make, 1);
        assert_int_equal(pthread_create(&thread, NULL, wait_for, &w), 0);
        while (!atomic_load(&waiting))
            usleep(100);
        usleep(2000); /* it sleeps by now, or will find it done: both are right */
        fill(&s);
        infer__store_made(store, &s, 1, ok);
        pthread_join(thread, NULL);
        assert_int_equal(w.result, ok ? 1 : -1);
        assert_int_equal(take(store, &again, 1), ok ? 0 : 1);
        infer__store_give(store, &s, 1);
        infer__store_give(store, &again, 1);
        check_count(store, 0, 0);
        infer__store_free(store);
    }
}

static void *take_often(void *arg)
{
    struct worker *w = arg;
    struct rng r = {w->seed};
    w->result = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct infer__share s[KEYS];
        infer_error err;
        uint32_t n = 0;
        int fails = rng_below(&r, 8) == 0;
        for (uint32_t k = 0; k < KEYS; k++)
            if (rng_below(&r, 3) == 0)
                s[n++] = share_of(k);
        if (infer__store_take(w->store, s, n, &err) != INFER_OK)
            return NULL;
        for (uint32_t k = 0; k < n && !fails; k++)
            if (s[k].make)
                fill(&s[k]);
        infer__store_made(w->store, s, n, !fails);
        if (infer__store_wait(s, n))
            for (uint32_t k = 0; k < n; k++)
                if (!is_filled(&s[k]))
                    return NULL;
        infer__store_give(w->store, s, n);
    }
    w->result = 1;
    return NULL;
}

/* Any threads, any keys, makers that fail: what is waited for is whole, and nothing is left. */
static void test_many_threads(void **state)
{
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    pthread_t thread[THREADS];
    struct worker w[THREADS];
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    for (uint64_t i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.store = store, .seed = i};
        assert_int_equal(pthread_create(&thread[i], NULL, take_often, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(w[i].result, 1);
    }
    check_count(store, 0, 0);
    infer__store_free(store);
}

/* ---- processes ------------------------------------------------------------------------------ */

/* In the child of a fork what was made is there, and what the parent is still making is made anew:
 * nobody else will. */
static void test_fork(void **state)
{
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    struct infer__share made = share_of(1), making = share_of(2);
    int status;
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    assert_int_equal(take(store, &made, 1), 1);
    OK(infer__store_take(store, &making, 1, &err));
    pid_t child = fork();
    if (child == 0) {
        struct infer__share s[] = {share_of(1), share_of(2)};
        int ok = take(store, s, 2) == 1 && !s[0].make && is_filled(&s[0]) && is_filled(&s[1]);
        infer__store_give(store, s, 2);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    infer__store_made(store, &making, 1, 1);
    infer__store_give(store, &making, 1);
    infer__store_give(store, &made, 1);
    check_count(store, 0, 0);
    infer__store_free(store);
}

/* A child is made while other threads change the store all the time: whatever it finds, it can use
 * the store. */
static void test_fork_in_between(void **state)
{
    struct infer__store *store;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    pthread_t thread[2];
    struct worker w[2];
    (void)state;
    OK(infer__store_create(&a, &store, &err));
    for (uint64_t i = 0; i < 2; i++) {
        w[i] = (struct worker){.store = store, .seed = 100 + i};
        assert_int_equal(pthread_create(&thread[i], NULL, take_often, &w[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            struct infer__share s[KEYS];
            alarm(20);
            for (uint32_t k = 0; k < KEYS; k++)
                s[k] = share_of(k);
            int ok = take(store, s, KEYS) >= 0;
            for (uint32_t k = 0; k < KEYS; k++)
                ok &= is_filled(&s[k]);
            infer__store_give(store, s, KEYS);
            _exit(ok ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(w[i].result, 1);
    }
    check_count(store, 0, 0);
    infer__store_free(store);
}

/* ---- digests -------------------------------------------------------------------------------- */

static struct infer__digest digest_of(const void *bytes, size_t size)
{
    struct infer__digest d = infer__digest_start();
    infer__digest_add(&d, bytes, size);
    return d;
}

static int both_differ(struct infer__digest a, struct infer__digest b)
{
    return a.word[0] != b.word[0] && a.word[1] != b.word[1];
}

/* Equal for equal bytes at any address; another for each changed bit, length and cut. */
static void test_digest(void **state)
{
    unsigned char x[80], y[81];
    (void)state;
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (unsigned char)(i * 37);
    memcpy(y + 1, x, sizeof x);
    for (size_t size = 0; size < sizeof x; size++) {
        struct infer__digest d = digest_of(x, size), same = digest_of(y + 1, size);
        assert_memory_equal(&d, &same, sizeof d);
        memset(y + 1 + size, 0, sizeof x - size);
        assert_true(both_differ(d, digest_of(y + 1, size + 1)));
        memcpy(y + 1, x, sizeof x);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            y[1 + bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_true(both_differ(d, digest_of(y + 1, size)));
            y[1 + bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        for (size_t cut = 0; cut <= size; cut++) {
            struct infer__digest two = digest_of(x, cut);
            infer__digest_add(&two, x + cut, size - cut);
            assert_true(both_differ(d, two));
        }
    }
    struct infer__digest one = infer__digest_start(), other = one;
    infer__digest_number(&one, 1);
    infer__digest_number(&other, 2);
    assert_true(both_differ(one, other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest),          cmocka_unit_test(test_one_copy),
        cmocka_unit_test(test_repeated),        cmocka_unit_test(test_parts_go),
        cmocka_unit_test(test_no_memory),       cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_many_threads),    cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
