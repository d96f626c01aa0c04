/* Kernels that find things in data against plain readings of what they look for, between guard
 * pages, in several partitions of their units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "guard.h"
#include "kernel_cut.h"

static uint64_t seed;

enum { OPERANDS = 5, MOST = 650000 };

struct problem {
    struct infer__task t;
    struct infer__operand in[OPERANDS], out[OPERANDS];
    const void *x[OPERANDS]; /* values of inputs */
};

static struct infer__operand operand(infer_type type, int rank, int64_t a, int64_t b, int64_t c)
{
    return (struct infer__operand){.type = (uint8_t)type, .rank = (uint8_t)rank, .dims = {a, b, c}};
}

static void begin(struct problem *p, uint16_t op, uint32_t nin, uint32_t nout)
{
    memset(p, 0, sizeof *p);
    p->t =
        (struct infer__task){.op = op, .isa = INFER_ISA_C, .threads = 1, .nin = nin, .nout = nout};
    p->t.in = p->in;
    p->t.out = p->out;
}

static size_t bytes_of(const struct infer__operand *o)
{
    return o->type ? (size_t)infer__operand_elements(o) * infer_type_size((infer_type)o->type) : 0;
}

/* Runs every kernel of the operator; what is written stands in y. Returns what was found. */
static int64_t run(const struct problem *p, const struct infer__kernel *k, void **y, int at_end)
{
    const struct infer__task *t = &p->t;
    struct guard gin[OPERANDS], gout[OPERANDS], scratch, shared;
    const void *in[OPERANDS] = {0};
    void *out[OPERANDS] = {0};
    struct infer__need need = {.units = 1};
    infer_error err;
    int64_t extent = -1;
    assert_true(infer__kernel_ns(k, t) >= 0);
    assert_int_equal(prepare_kernel(k, t, &need, &err), INFER_OK);
    scratch = guard_new(infer__bytes_count(need.scratch_bytes), 16, at_end);
    shared = guard_new(infer__bytes_count(need.scratch_bytes), 16, at_end);
    for (uint32_t i = 0; i < t->nin; i++) {
        gin[i] = guard_copy(p->x[i], bytes_of(&t->in[i]), 8, at_end);
        in[i] = t->in[i].type ? gin[i].data : NULL;
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        gout[i] = guard_new(bytes_of(&t->out[i]), 8, at_end);
        out[i] = t->out[i].type ? gout[i].data : NULL;
    }
    struct infer__buffers b = {
        in, out, NULL, scratch.data, need.cut, at_end ? shared.data : scratch.data, &extent};
    if (!at_end) {
        k->run(t, &b, 0, need.units);
    } else { /* one by one, from the last; those that others wait for first */
        for (uint32_t u = need.barrier; u-- > 0;)
            k->run(t, &b, u, u + 1);
        for (uint32_t u = need.units; u-- > need.barrier;)
            k->run(t, &b, u, u + 1);
    }
    for (uint32_t i = 0; i < t->nin; i++) {
        assert_true(guard_check(&gin[i]));
        guard_free(&gin[i]);
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        assert_true(guard_check(&gout[i]));
        memcpy(y[i], gout[i].data, bytes_of(&t->out[i]));
        guard_free(&gout[i]);
    }
    assert_true(guard_check(&scratch) && guard_check(&shared));
    guard_free(&scratch);
    guard_free(&shared);
    return extent;
}

/* Calls `see` for each kernel, in both partitions, and for several numbers of threads. */
static void each(struct problem *p, void (*see)(const struct problem *p, void **y, int64_t found))
{
    static int64_t memory[OPERANDS][MOST];
    void *y[OPERANDS];
    uint32_t at = 0, kernels = 0;
    for (const struct infer__kernel *k; (k = infer__kernel_next(p->t.op, &at)); kernels++)
        for (int way = 0; way < 4; way++) {
            for (int i = 0; i < OPERANDS; i++) {
                y[i] = memory[i];
                memset(memory[i], 0, i < (int)p->t.nout ? bytes_of(&p->t.out[i]) : 0);
            }
            p->t.isa = k->isa;
            p->t.threads = way < 2 ? 1 : 7;
            if (!infer_cpu_has((infer_isa)k->isa) || infer__kernel_ns(k, &p->t) < 0)
                continue;
            const int64_t found = run(p, k, y, way & 1);
            see(p, y, found);
        }
    assert_true(kernels > 0);
}

static float few(void)
{
    return (float)random_int(&seed, -6, 6) / 2;
}

/* ---- NonZero, Compress ---------------------------------------------------------------------- */

static void see_non_zero(const struct problem *p, void **y, int64_t found)
{
    const float *x = p->x[0];
    const int64_t *at = y[0];
    int64_t n = 0;
    for (int64_t i = 0; i < infer__operand_elements(&p->in[0]); i++)
        if (x[i] != 0) {
            const int64_t b = p->in[0].dims[1], c = p->in[0].dims[2];
            assert_true(n < found && at[n] == i / c / b && at[found + n] == i / c % b &&
                        at[2 * found + n] == i % c);
            n++;
        }
    assert_int_equal(n, found);
}

static void test_non_zero(void **state)
{
    (void)state;
    static float x[MOST / 3];
    for (int round = 0; round < 100; round++) {
        struct problem p;
        begin(&p, INFER__OP_NON_ZERO, 1, 1);
        const int wide = round % 7 == 0; /* for several units */
        p.in[0] = operand(INFER_F32, 3, random_int(&seed, 1, 5), random_int(&seed, 1, 7),
                          wide ? 6000 : random_int(&seed, 1, 9));
        for (int64_t i = 0; i < infer__operand_elements(&p.in[0]); i++)
            x[i] = round % 3 == 0 ? 0 : round % 3 == 1 ? few() * few() : -0.0f + (i % 2 ? NAN : 0);
        p.out[0] = operand(INFER_S64, 2, 3, infer__operand_elements(&p.in[0]), 0);
        p.x[0] = x;
        each(&p, see_non_zero);
    }
}

static void see_compress(const struct problem *p, void **y, int64_t found)
{
    const int16_t *x = p->x[0], *to = y[0];
    const uint8_t *which = p->x[1];
    const int64_t *d = p->in[0].dims;
    int64_t n = 0, count = 0;
    for (int64_t i = 0; i < p->in[1].dims[0]; i++)
        count += which[i];
    assert_int_equal(count, found);
    for (int64_t i = 0; i < d[0]; i++)
        for (int64_t k = 0; k < d[1]; k++)
            for (int64_t j = 0; j < d[2]; j++)
                if (k < p->in[1].dims[0] && which[k])
                    assert_int_equal(to[n++], x[(i * d[1] + k) * d[2] + j]);
}

static void test_compress(void **state)
{
    (void)state;
    static int16_t x[4000];
    static uint8_t which[64];
    for (int round = 0; round < 100; round++) {
        struct problem p;
        begin(&p, INFER__OP_COMPRESS, 2, 1);
        p.in[0] = operand(INFER_S16, 3, random_int(&seed, 1, 5), random_int(&seed, 1, 20),
                          random_int(&seed, 1, 9));
        p.in[1] = operand(INFER_BOOL, 1, random_int(&seed, 1, p.in[0].dims[1]), 0, 0);
        p.out[0] = p.in[0];
        p.out[0].dims[1] = p.in[1].dims[0];
        p.t.p.axis.axis = 1;
        for (int i = 0; i < 4000; i++)
            x[i] = (int16_t)random_int(&seed, -30000, 30000);
        for (size_t i = 0; i < sizeof which; i++)
            which[i] = round % 2 ? (uint8_t)random_int(&seed, 0, 1) : 0;
        p.x[0] = x;
        p.x[1] = which;
        each(&p, see_compress);
    }
}

/* ---- TopK ----------------------------------------------------------------------------------- */

/* Whether a comes before b, by what they are, then by their places. */
static int before(double a, int64_t i, double b, int64_t k, int smallest)
{
    if (isnan(a) != isnan(b))
        return smallest ? isnan(b) : isnan(a);
    if (isnan(a) || a == b)
        return i < k;
    return smallest ? a < b : a > b;
}

static void see_top_k(const struct problem *p, void **y, int64_t found)
{
    const float *x = p->x[0], *values = y[0];
    const int64_t *places = y[1], *d = p->in[0].dims, k = p->out[0].dims[1];
    const int smallest = p->t.p.axis.smallest;
    assert_int_equal(found, -1);
    for (int64_t i = 0; i < d[0]; i++)
        for (int64_t j = 0; j < d[2]; j++) {
            const float *column = x + i * d[1] * d[2] + j;
            for (int64_t a = 0; a < d[1]; a++) {
                int64_t rank = 0;
                for (int64_t b = 0; b < d[1]; b++)
                    rank += before((double)column[b * d[2]], b, (double)column[a * d[2]], a,
                                   smallest) &&
                            a != b;
                if (rank >= k)
                    continue;
                const int64_t at = (i * k + rank) * d[2] + j;
                assert_int_equal(places[at], a);
                assert_memory_equal(&values[at], &column[a * d[2]], sizeof *values);
            }
        }
}

static void test_top_k(void **state)
{
    (void)state;
    static float x[4000];
    for (int round = 0; round < 200; round++) {
        struct problem p;
        begin(&p, INFER__OP_TOP_K, 2, 2);
        p.in[0] = operand(INFER_F32, 3, random_int(&seed, 1, 4), random_int(&seed, 1, 90),
                          random_int(&seed, 1, 5));
        if (round % 8 < 4) { /* along the last axis */
            p.in[0].rank = 2;
            p.in[0].dims[2] = 1;
        }
        p.out[0] = p.in[0];
        p.out[0].dims[1] = random_int(&seed, 1, p.in[0].dims[1]);
        p.out[1] = p.out[0];
        p.out[1].type = INFER_S64;
        p.t.p.axis.axis = 1;
        p.t.p.axis.smallest = round & 1;
        for (int i = 0; i < 4000; i++)
            x[i] = round % 4 < 2 ? few() : random_int(&seed, 0, 20) ? few() * 3 : NAN;
        p.x[0] = x;
        each(&p, see_top_k);
    }
}

/* ---- NonMaxSuppression ---------------------------------------------------------------------- */

/* Corners of a box: least x and y, greatest x and y. */
static void corners(const float *b, int center, float c[4])
{
    if (center) {
        c[0] = b[0] - b[2] / 2;
        c[1] = b[1] - b[3] / 2;
        c[2] = b[0] + b[2] / 2;
        c[3] = b[1] + b[3] / 2;
    } else {
        c[0] = fminf(b[1], b[3]);
        c[1] = fminf(b[0], b[2]);
        c[2] = fmaxf(b[1], b[3]);
        c[3] = fmaxf(b[0], b[2]);
    }
}

static int overlap(const float *a, const float *b, int center, float threshold)
{
    float p[4], q[4];
    corners(a, center, p);
    corners(b, center, q);
    const float w = fminf(p[2], q[2]) - fmaxf(p[0], q[0]);
    const float h = fminf(p[3], q[3]) - fmaxf(p[1], q[1]);
    const float both = w * h, one = (p[2] - p[0]) * (p[3] - p[1]);
    const float other = (q[2] - q[0]) * (q[3] - q[1]);
    return w > 0 && h > 0 && one > 0 && other > 0 && both / (one + other - both) > threshold;
}

static void see_nms(const struct problem *p, void **y, int64_t found)
{
    const float *boxes = p->x[0], *scores = p->x[1];
    const int64_t *to = y[0], n = p->in[1].dims[2], classes = p->in[1].dims[1];
    const int64_t wanted = *(const int64_t *)p->x[2];
    const float overlaps = *(const float *)p->x[3], least = *(const float *)p->x[4];
    int64_t at = 0;
    for (int64_t i = 0; i < p->in[1].dims[0] * classes; i++) {
        const float *s = scores + i * n, *b = boxes + i / classes * n * 4;
        char gone[100] = {0};
        for (int64_t k = 0; k < wanted; k++) {
            int64_t best = -1;
            for (int64_t j = 0; j < n; j++)
                if (!gone[j] && s[j] > least && (best < 0 || s[j] > s[best]))
                    best = j;
            if (best < 0)
                break;
            assert_true(at < found && to[3 * at] == i / classes && to[3 * at + 1] == i % classes &&
                        to[3 * at + 2] == best);
            at++;
            gone[best] = 1;
            for (int64_t j = 0; j < n; j++)
                gone[j] = gone[j] || overlap(b + 4 * j, b + 4 * best, p->t.p.nms.center, overlaps);
        }
    }
    assert_int_equal(at, found);
}

static void test_nms(void **state)
{
    (void)state;
    static float boxes[4000], scores[4000], overlaps, least;
    int64_t wanted, all = 0;
    for (int round = 0; round < 200; round++) {
        struct problem p;
        begin(&p, INFER__OP_NON_MAX_SUPPRESSION, 5, 1);
        const int64_t n = random_int(&seed, 1, 90), images = random_int(&seed, 1, 3);
        const int64_t classes = random_int(&seed, 1, 5);
        p.in[0] = operand(INFER_F32, 3, images, n, 4);
        p.in[1] = operand(INFER_F32, 3, images, classes, n);
        p.in[2] = operand(INFER_S64, 0, 0, 0, 0);
        p.in[3] = p.in[4] = operand(INFER_F32, 0, 0, 0, 0);
        p.t.p.nms.center = round & 1;
        p.t.p.nms.most = n;
        p.out[0] = operand(INFER_S64, 2, images * classes * n, 3, 0);
        for (int64_t i = 0; i < images * n * 4; i++)
            boxes[i] = (float)random_int(&seed, 0, 12);
        for (int64_t i = 0; i < images * classes * n; i++)
            scores[i] = (float)random_int(&seed, -2, 10) / 10;
        wanted = random_int(&seed, 0, n);
        overlaps = (float)random_int(&seed, 0, 10) / 10;
        least = (float)random_int(&seed, -3, 10) / 10;
        p.x[0] = boxes;
        p.x[1] = scores;
        p.x[2] = &wanted;
        p.x[3] = &overlaps;
        p.x[4] = &least;
        all += wanted;
        each(&p, see_nms);
    }
    assert_true(all > 100);
}

/* ---- Unique --------------------------------------------------------------------------------- */

static void see_unique(const struct problem *p, void **y, int64_t found)
{
    const int8_t *x = p->x[0], *values = y[0];
    const int64_t *first = y[1], *inverse = y[2], *counts = y[3], *d = p->in[0].dims;
    int64_t n = 0;
    for (int64_t k = 0; k < d[0]; k++) {
        const int64_t which = inverse[k];
        assert_true(which >= 0 && which < found);
        assert_memory_equal(values + which * d[1], x + k * d[1], (size_t)d[1]);
        n += first[which] == k;
        assert_true(first[which] <= k);
    }
    assert_int_equal(n, found); /* each has a first place, and all differ: */
    int64_t all = 0;
    for (int64_t i = 0; i < found; i++) {
        all += counts[i];
        for (int64_t k = 0; k < i; k++)
            assert_memory_not_equal(values + i * d[1], values + k * d[1], (size_t)d[1]);
        int order = 0;
        for (int64_t j = 0; i && !order && j < d[1]; j++)
            order = values[i * d[1] + j] - values[(i - 1) * d[1] + j];
        assert_true(!i || (p->t.p.axis.unsorted ? first[i] > first[i - 1] : order > 0));
    }
    assert_int_equal(all, d[0]);
}

static void test_unique(void **state)
{
    (void)state;
    static int8_t x[4000];
    for (int round = 0; round < 100; round++) {
        struct problem p;
        begin(&p, INFER__OP_UNIQUE, 1, 4);
        p.in[0] = operand(INFER_S8, 2, random_int(&seed, 1, 40), random_int(&seed, 1, 3), 0);
        p.out[0] = p.in[0];
        for (int i = 1; i < 4; i++)
            p.out[i] = operand(INFER_S64, 1, p.in[0].dims[0], 0, 0);
        p.t.p.axis.unsorted = round & 1;
        for (int i = 0; i < 4000; i++)
            x[i] = (int8_t)random_int(&seed, -2, 2);
        p.x[0] = x;
        each(&p, see_unique);
    }
}

/* ---- less room than there is ---------------------------------------------------------------- */

static void see_nothing(const struct problem *p, void **y, int64_t found)
{
    (void)p;
    assert_int_equal(found, 4);
    for (uint32_t i = 0; i < p->t.nout; i++)
        assert_int_equal(*(unsigned char *)y[i], GUARD_BYTE);
}

static void test_no_room(void **state)
{
    (void)state;
    static const float x[4] = {1, 2, 3, 4};
    static const uint8_t yes[4] = {1, 1, 1, 1};
    struct problem p;
    begin(&p, INFER__OP_NON_ZERO, 1, 1);
    p.in[0] = operand(INFER_F32, 1, 4, 0, 0);
    p.out[0] = operand(INFER_S64, 2, 1, 3, 0);
    p.x[0] = x;
    each(&p, see_nothing);
    begin(&p, INFER__OP_COMPRESS, 2, 1);
    p.in[0] = operand(INFER_F32, 1, 4, 0, 0);
    p.in[1] = operand(INFER_BOOL, 1, 4, 0, 0);
    p.out[0] = operand(INFER_F32, 1, 3, 0, 0);
    p.x[0] = x;
    p.x[1] = yes;
    each(&p, see_nothing);
    begin(&p, INFER__OP_UNIQUE, 1, 2);
    p.in[0] = operand(INFER_F32, 1, 4, 0, 0);
    p.out[0] = operand(INFER_F32, 1, 4, 0, 0);
    p.out[1] = operand(INFER_S64, 1, 3, 0, 0);
    p.t.p.axis.flat = 1;
    p.x[0] = x;
    each(&p, see_nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_non_zero), cmocka_unit_test(test_compress),
        cmocka_unit_test(test_top_k),    cmocka_unit_test(test_nms),
        cmocka_unit_test(test_unique),   cmocka_unit_test(test_no_room),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
