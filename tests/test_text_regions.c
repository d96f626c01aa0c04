/* Regions of maps: shapes drawn by hand, and hostile maps within bounds of time and memory. */
#include "tests/file_fixture.h"

#include <math.h>
#include <time.h>

#include "answer/regions.h"
#include "base/memory.h"

struct drawn {
    struct infer__map map;
    float *data;
    struct infer__regions_rule rule;
    struct infer__region_found *found;
    size_t count;
};

static void begin(struct drawn *d, int32_t rows, int32_t columns)
{
    *d = (struct drawn){.rule = {0.3F, 0.6F, 1.5F, 3}};
    d->data = calloc((size_t)rows * (size_t)columns, sizeof *d->data);
    assert_non_null(d->data);
    d->map = (struct infer__map){d->data, rows, columns};
}

static void end(struct drawn *d)
{
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, d->found);
    free(d->data);
}

static void find(struct drawn *d)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_error err;
    infer__free(&a, d->found);
    assert_int_equal(infer__regions_find(&d->map, &d->rule, &a, &d->found, &d->count, &err),
                     INFER_OK);
}

static void fill(struct drawn *d, int x0, int y0, int x1, int y1, float v)
{
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++)
            d->data[y * d->map.columns + x] = v;
}

static double mean(const double v[4])
{
    return (v[0] + v[1] + v[2] + v[3]) / 4;
}

static void check_corners(const struct infer__region_found *r, const double *x, const double *y,
                          double near)
{
    for (int k = 0; k < 4; k++)
        if (!(fabs(r->x[k] - x[k]) <= near && fabs(r->y[k] - y[k]) <= near))
            fail_msg("corner %d is (%.3f, %.3f), not (%.3f, %.3f)", k, r->x[k], r->y[k], x[k],
                     y[k]);
}

/* ---- one region ----------------------------------------------------------------------------- */

/* 41 x 11 pixels: sides of 40 and 10 between their centres, which grow by 400 * 1.5 / 100. */
static void test_upright(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 60, 100);
    fill(&d, 20, 30, 60, 40, 0.9F);
    find(&d);
    assert_int_equal(d.count, 1);
    check_corners(d.found, (double[]){14, 66, 66, 14}, (double[]){24, 24, 46, 46}, 0);
    assert_true(fabs(d.found->score - 0.9) < 1e-4);
    d.rule.unclip = 3;
    find(&d);
    check_corners(d.found, (double[]){8, 72, 72, 8}, (double[]){18, 18, 52, 52}, 0);
    d.rule.score_threshold = 0.95F;
    find(&d);
    assert_int_equal(d.count, 0);
    end(&d);
}

/* All pixels whose centres are in a turned rectangle of `length` x `high`. */
static void bar(struct drawn *d, double cx, double cy, double length, double high, double angle)
{
    const double c = cos(angle), s = sin(angle);
    for (int y = 0; y < d->map.rows; y++)
        for (int x = 0; x < d->map.columns; x++) {
            const double u = (x - cx) * c + (y - cy) * s, v = (y - cy) * c - (x - cx) * s;
            if (fabs(u) <= length / 2 && fabs(v) <= high / 2)
                d->data[y * d->map.columns + x] = 1;
        }
}

/* Bars at all angles: the rectangle is the bar's, grown, but for pixels' steps and rounding. */
static void test_turned(void **state)
{
    (void)state;
    const double length = 120, high = 20, more = 1.5 * length * high / (2 * (length + high));
    for (int degrees = -70; degrees <= 70; degrees += 5) {
        const double angle = degrees * acos(-1) / 180;
        struct drawn d;
        begin(&d, 220, 240);
        bar(&d, 120, 110, length, high, angle);
        find(&d);
        assert_int_equal(d.count, 1);
        const struct infer__region_found *r = d.found;
        assert_true(fabs(mean(r->x) - 120) < 1.5 && fabs(mean(r->y) - 110) < 1.5);
        assert_true(r->score > 0.9);
        const double a = hypot(r->x[1] - r->x[0], r->y[1] - r->y[0]);
        const double b = hypot(r->x[3] - r->x[0], r->y[3] - r->y[0]);
        assert_true(fabs(a - length - 2 * more) < 4);
        assert_true(fabs(b - high - 2 * more) < 4);
        /* clockwise, with a square corner */
        const double turn =
            (r->x[1] - r->x[0]) * (r->y[2] - r->y[1]) - (r->y[1] - r->y[0]) * (r->x[2] - r->x[1]);
        const double across =
            (r->x[1] - r->x[0]) * (r->x[3] - r->x[0]) + (r->y[1] - r->y[0]) * (r->y[3] - r->y[0]);
        assert_true(turn > 0 && fabs(across) < 1e-6 * a * b);
        /* none is further to the left, but for the lower one of two */
        assert_true(fmin(r->x[0], r->x[3]) <= fmin(r->x[1], r->x[2]));
        assert_true(r->y[0] < r->y[3] && r->y[1] < r->y[2]);
        end(&d);
    }
}

/* ---- several -------------------------------------------------------------------------------- */

/* Regions that touch at corners are one, those a column apart are two. */
static void test_touching(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 40, 80);
    d.rule.score_threshold = 0.1F; /* rectangles around both are half empty */
    fill(&d, 5, 5, 20, 12, 1);
    fill(&d, 21, 13, 40, 20, 1); /* at the corner */
    find(&d);
    assert_int_equal(d.count, 1);
    fill(&d, 20, 12, 20, 12, 0);
    find(&d);
    assert_int_equal(d.count, 2);
    fill(&d, 42, 13, 60, 20, 1); /* column 41 is between */
    find(&d);
    assert_int_equal(d.count, 3);
    fill(&d, 41, 20, 41, 20, 0.31F);
    find(&d);
    assert_int_equal(d.count, 2);
    end(&d);
}

/* A region whose parts come together below only, and one within the hole of another. */
static void test_forks(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 60, 60);
    for (int k = 0; k < 6; k++) /* a comb: teeth upwards */
        fill(&d, 4 + 8 * k, 4, 7 + 8 * k, 20, 1);
    fill(&d, 4, 21, 47, 24, 1);
    find(&d);
    assert_int_equal(d.count, 1);
    check_corners(d.found, (double[]){-5, 56, 56, -5}, (double[]){-5, -5, 33, 33}, 3);
    end(&d);
    begin(&d, 60, 60);
    d.rule.score_threshold = 0.2F;
    fill(&d, 4, 4, 55, 55, 1);
    fill(&d, 9, 9, 50, 50, 0);
    fill(&d, 20, 20, 40, 30, 0.9F);
    find(&d);
    assert_int_equal(d.count, 2);
    assert_true(d.found[0].area > d.found[1].area); /* in the order of their first rows */
    end(&d);
}

static void test_edges(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 30, 50);
    fill(&d, 0, 0, 49, 29, 1); /* all of it: the rectangle reaches out of the map */
    find(&d);
    assert_int_equal(d.count, 1);
    assert_true(d.found->x[0] < 0 && d.found->y[0] < 0 && d.found->x[2] > 49);
    assert_true(fabs(d.found->score - 1) < 1e-4);
    fill(&d, 0, 0, 49, 29, 0);
    fill(&d, 0, 10, 49, 10, 1); /* a row, a column, a pixel: too thin */
    fill(&d, 30, 15, 30, 29, 1);
    fill(&d, 49, 29, 49, 29, 1);
    find(&d);
    assert_int_equal(d.count, 0);
    fill(&d, 0, 20, 6, 24, 1);
    fill(&d, 43, 0, 49, 4, 1);
    find(&d);
    assert_int_equal(d.count, 2);
    end(&d);
}

/* ---- numbers that are none ------------------------------------------------------------------- */

static void test_special(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 40, 80);
    fill(&d, 0, 0, 79, 39, NAN);
    find(&d);
    assert_int_equal(d.count, 0);
    fill(&d, 10, 10, 40, 20, INFINITY);
    find(&d);
    assert_int_equal(d.count, 1);
    assert_true(fabs(d.found->score - 1) < 1e-4);
    fill(&d, 15, 12, 35, 18, -INFINITY); /* the score counts it as 0 */
    find(&d);
    assert_int_equal(d.count, 0);
    fill(&d, 15, 12, 35, 18, 1e38F);
    find(&d);
    assert_int_equal(d.count, 1);
    end(&d);
}

/* ---- the order of reading -------------------------------------------------------------------- */

static void test_order(void **state)
{
    (void)state;
    struct drawn d;
    begin(&d, 100, 200);
    fill(&d, 120, 10, 150, 18, 1); /* the second of line 1, a little higher */
    fill(&d, 10, 12, 60, 20, 1);
    fill(&d, 10, 50, 100, 60, 1);
    fill(&d, 150, 52, 180, 58, 1);
    fill(&d, 20, 80, 40, 86, 1);
    find(&d);
    assert_int_equal(d.count, 5);
    assert_int_equal(infer__regions_order(d.found, d.count, 100), 5);
    const double x[] = {35, 135, 55, 165, 30};
    for (int i = 0; i < 5; i++)
        assert_true(fabs(mean(d.found[i].x) - x[i]) < 1);
    assert_int_equal(infer__regions_order(d.found, d.count, 2), 2); /* the two largest */
    assert_true(fabs(mean(d.found[0].x) - 35) < 1 && fabs(mean(d.found[1].x) - 55) < 1);
    assert_int_equal(infer__regions_order(d.found, 2, 0), 0);
    end(&d);
}

/* ---- hulls and rectangles held to all directions -------------------------------------------- */

/* The smallest rectangle with a side along one between two of the points. */
static double smallest(const int32_t *p, size_t n)
{
    double best = INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            const double x = p[2 * k] - p[2 * i], y = p[2 * k + 1] - p[2 * i + 1];
            double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
            if (x == 0 && y == 0)
                continue;
            for (size_t j = 0; j < n; j++) {
                const double u = p[2 * j] * x + p[2 * j + 1] * y;
                const double v = p[2 * j + 1] * x - p[2 * j] * y;
                low[0] = fmin(low[0], u);
                high[0] = fmax(high[0], u);
                low[1] = fmin(low[1], v);
                high[1] = fmax(high[1], v);
            }
            best = fmin(best, (high[0] - low[0]) * (high[1] - low[1]) / (x * x + y * y));
        }
    return best;
}

static int by_y_then_x(const void *a, const void *b)
{
    const int32_t *p = a, *q = b;
    return p[1] != q[1] ? (p[1] > q[1]) - (p[1] < q[1]) : (p[0] > q[0]) - (p[0] < q[0]);
}

static void test_calipers(void **state)
{
    (void)state;
    struct rng rng = {test_seed()};
    for (int trial = 0; trial < 3000; trial++) {
        int32_t p[24], hull[50];
        const size_t n = 1 + rng_below(&rng, 12);
        const uint32_t size = 1 + rng_below(&rng, trial % 2 ? 5 : 1000);
        for (size_t i = 0; i < 2 * n; i++)
            p[i] = (int32_t)rng_below(&rng, size);
        qsort(p, n, 2 * sizeof *p, by_y_then_x);
        const size_t k = infer__convex_hull(p, n, hull);
        assert_true(k >= 1 && k <= n);
        const struct infer__rectangle r = infer__smallest_rectangle(hull, k);
        const double want = smallest(p, n);
        assert_true(isinf(want) ? r.width == 0 && r.height == 0
                                : fabs(r.width * r.height - want) <= 1e-9 * (1 + want));
        for (size_t i = 0; i < n; i++) { /* all are in it */
            const double u = (p[2 * i] - r.x) * r.ux + (p[2 * i + 1] - r.y) * r.uy;
            const double v = (p[2 * i + 1] - r.y) * r.ux - (p[2 * i] - r.x) * r.uy;
            assert_true(fabs(u) <= r.width / 2 + 1e-6 && fabs(v) <= r.height / 2 + 1e-6);
        }
    }
}

/* ---- hostile maps ---------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { SIDE = 2048 };

static float one(int x, int y)
{
    (void)x;
    (void)y;
    return 1;
}

static float dots(int x, int y) /* a million regions of a pixel */
{
    return x % 2 == 0 && y % 2 == 0;
}

static float board(int x, int y) /* one region of two million runs */
{
    return (x + y) % 2 == 0;
}

static float rings(int x, int y) /* each around all that are smaller */
{
    const int a = abs(x - SIDE / 2), b = abs(y - SIDE / 2);
    return (a > b ? a : b) % 8 < 5;
}

static float hooks(int x, int y) /* each with a corner, beside the next */
{
    return (x > y ? x : y) % 8 < 6;
}

static float comb(int x, int y) /* columns that come together in the last row */
{
    return x % 2 == 0 || y == SIDE - 1;
}

static float slants(int x, int y)
{
    return (x + 3 * y) % 40 < 21;
}

static float blocks(int x, int y) /* regions that count, as many as there can be */
{
    return x % 6 < 4 && y % 6 < 4;
}

/* None takes more than a few times what the plainest one does, which sets the scale of this
 * machine; memory is bounded by the pixels. */
static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float (*at)(int x, int y);
    } maps[] = {{"ones", one},    {"dots", dots}, {"board", board},   {"rings", rings},
                {"hooks", hooks}, {"comb", comb}, {"slants", slants}, {"blocks", blocks}};
    struct drawn d;
    begin(&d, SIDE, SIDE);
    d.rule.score_threshold = 0.01F;
    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) {
        struct counter c;
        const infer_allocator a = counting(&c);
        struct infer__region_found *found;
        size_t count;
        infer_error err;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                d.data[y * SIDE + x] = maps[m].at(x, y);
        const double start = now();
        assert_int_equal(infer__regions_find(&d.map, &d.rule, &a, &found, &count, &err), INFER_OK);
        const size_t all = infer__regions_order(found, count, 1000);
        const double seconds = now() - start;
        printf("%s: %zu regions, %.0f ms, %.1f bytes a pixel\n", maps[m].name, count, seconds * 1e3,
               (double)c.peak / SIDE / SIDE);
        assert_true(all <= 1000);
        assert_true(seconds < 20); /* some 0.1 s; kernels that are checked take far longer */
        assert_true((double)c.peak < 32.0 * SIDE * SIDE);
        infer__free(&a, found);
        assert_int_equal(c.blocks, 0);
    }
    end(&d);
}

/* Without memory it says so, at each place where it takes some. */
static void test_no_memory(void **state)
{
    (void)state;
    struct drawn d;
    struct counter c;
    const infer_allocator a = counting(&c);
    int made = 0;
    begin(&d, 40, 40);
    fill(&d, 5, 5, 30, 20, 1);
    for (size_t from = 1; !made; from++) {
        struct infer__region_found *found;
        size_t count;
        infer_error err;
        c.calls = 0;
        c.fail_from = from;
        const infer_status status = infer__regions_find(&d.map, &d.rule, &a, &found, &count, &err);
        made = status == INFER_OK;
        assert_true(made || (status == INFER_ERROR_NO_MEMORY && !found && from < 20));
        infer__free(&a, found);
        assert_int_equal(c.blocks, 0);
    }
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upright),  cmocka_unit_test(test_turned),
        cmocka_unit_test(test_touching), cmocka_unit_test(test_forks),
        cmocka_unit_test(test_edges),    cmocka_unit_test(test_special),
        cmocka_unit_test(test_order),    cmocka_unit_test(test_calipers),
        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
