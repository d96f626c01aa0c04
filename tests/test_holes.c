/* The holes of the arena: against a plain list that is searched from end to end. */
#include "plan/holes.h"
#include "tests/small_net.h"

/* ---- the plain list ------------------------------------------------------------------------- */

enum { MOST = 600 };

struct list {
    struct {
        uint64_t begin, bytes;
    } holes[MOST];
    uint32_t count;
    uint64_t end, peak;
};

static uint64_t list_take(struct list *l, uint64_t bytes)
{
    uint32_t best = MOST;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->holes[i].bytes >= bytes &&
            (best == MOST || l->holes[i].bytes < l->holes[best].bytes ||
             (l->holes[i].bytes == l->holes[best].bytes &&
              l->holes[i].begin < l->holes[best].begin)))
            best = i;
    if (best == MOST) {
        l->end += bytes;
        l->peak = l->end > l->peak ? l->end : l->peak;
        return l->end - bytes;
    }
    uint64_t begin = l->holes[best].begin;
    l->holes[best].begin += bytes;
    l->holes[best].bytes -= bytes;
    if (!l->holes[best].bytes)
        l->holes[best] = l->holes[--l->count];
    return begin;
}

static void list_give(struct list *l, uint64_t begin, uint64_t bytes)
{
    for (uint32_t i = 0; i < l->count;) {
        uint64_t other = l->holes[i].begin, size = l->holes[i].bytes;
        if (other + size != begin && begin + bytes != other) {
            i++;
            continue;
        }
        begin = other < begin ? other : begin;
        bytes += size;
        l->holes[i] = l->holes[--l->count];
    }
    if (begin + bytes == l->end) {
        l->end = begin;
        return;
    }
    assert_true(l->count < MOST);
    l->holes[l->count].begin = begin;
    l->holes[l->count++].bytes = bytes;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Takes and gives at random, about `live` ranges at a time of up to `sizes` different sizes. */
static void compare(uint64_t seed, uint32_t live, uint32_t sizes, uint32_t rounds)
{
    struct rng rng = {seed};
    struct infer__region region;
    struct infer__holes h;
    struct list l = {.count = 0};
    struct {
        uint32_t range;
        uint64_t bytes, begin;
    } taken[MOST];
    uint32_t count = 0;
    infer_error err;
    infer__region_init(&region, NULL);
    infer__holes_init(&h, &region, (uint64_t)rounds * sizes * 64);
    for (uint32_t i = 0; i < rounds; i++) {
        if (count == MOST || rng_below(&rng, 2 * live) < count) {
            uint32_t k = rng_below(&rng, count);
            infer__holes_give(&h, taken[k].range);
            list_give(&l, taken[k].begin, taken[k].bytes);
            taken[k] = taken[--count];
        } else {
            uint64_t bytes = 64 * (uint64_t)(1 + rng_below(&rng, sizes));
            taken[count].bytes = bytes;
            taken[count].begin = list_take(&l, bytes);
            OK(infer__holes_take(&h, bytes, &taken[count].range, &err));
            assert_true(infer__holes_begin(&h, taken[count].range) == taken[count].begin);
            count++;
        }
        assert_true(h.end == l.end && h.peak == l.peak);
    }
    while (count) {
        infer__holes_give(&h, taken[--count].range);
        list_give(&l, taken[count].begin, taken[count].bytes);
    }
    assert_int_equal(h.end, 0);
    assert_int_equal(h.root, 0);
    infer__holes_free(&h);
    infer__region_free(&region);
}

static void test_like_a_list(void **state)
{
    const uint64_t seed = test_seed();
    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        compare(seed + i, 1 + i, 3, 3000);
        compare(seed + i, 100, 1 + 50 * i, 3000);
        compare(seed + i, 290, 1 + i * i * i, 3000);
    }
}

/* As many holes as ranges, all of one size or each of its own, taken again from the least. */
static void test_many(void **state)
{
    enum { N = 200000 };
    struct infer__region region;
    struct infer__holes h;
    infer_error err;
    uint32_t *range = calloc(2 * N, sizeof *range);
    (void)state;
    assert_non_null(range);
    for (int same = 0; same < 2; same++) {
        infer__region_init(&region, NULL);
        infer__holes_init(&h, &region, UINT64_MAX);
        for (uint32_t i = 0; i < 2 * N; i++)
            OK(infer__holes_take(&h, same ? 64 : 64 * (1 + i / 2), &range[i], &err));
        const uint64_t end = h.end;
        for (uint32_t i = 0; i < N; i++)
            infer__holes_give(&h, range[2 * i]);
        for (uint32_t i = 0, r; i < N; i++) {
            OK(infer__holes_take(&h, same ? 64 : 64 * (1 + i), &r, &err));
            assert_true(infer__holes_begin(&h, r) ==
                        h.ranges[range[2 * i + 1]].begin - (same ? 64 : 64 * (1 + (uint64_t)i)));
        }
        assert_true(h.end == end && h.root == 0);
        infer__region_free(&region);
    }
    free(range);
}

static void test_no_memory(void **state)
{
    struct counter counter;
    infer_allocator a = counting(&counter);
    struct infer__region region;
    struct infer__holes h;
    infer_error err;
    uint32_t range;
    (void)state;
    infer__region_init(&region, &a);
    infer__holes_init(&h, &region, 4096);
    counter.fail_from = 1;
    assert_int_equal(infer__holes_take(&h, 64, &range, &err), INFER_ERROR_NO_MEMORY);
    counter.fail_from = 0;
    OK(infer__holes_take(&h, 64, &range, &err));
    assert_int_equal(infer__holes_begin(&h, range), 0);
    infer__region_free(&region);
    assert_int_equal(counter.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_a_list),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
