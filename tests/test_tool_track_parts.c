/* What following boxes is made of: assignments beside all permutations, and the filter beside that
 * of whole matrices. */
#include "tests/file_fixture.h"

#include <math.h>

#include "answer/assign.h"
#include "answer/motion.h"

/* ---- assignment ----------------------------------------------------------------------------- */

enum { SIDE = 7 };

/* The least sum over all ways to give each row from `row` on a column of its own. */
static double least_sum(const double *costs, uint32_t rows, uint32_t columns, uint32_t row,
                        unsigned used)
{
    double least = INFINITY;
    if (row == rows)
        return 0;
    for (uint32_t j = 0; j < columns; j++)
        if (!(used >> j & 1))
            least = fmin(least, costs[row * columns + j] +
                                    least_sum(costs, rows, columns, row + 1, used | 1U << j));
    return least;
}

static void test_assign(void **state)
{
    (void)state;
    double prices[3][SIDE];
    int32_t lists[3][SIDE];
    uint8_t done[2][SIDE];
    struct infer__assign m = {prices[0], prices[1], prices[2], lists[0],
                              lists[1],  lists[2],  done[0],   done[1]};
    struct rng rng = {3};
    for (int k = 0; k < 3000; k++) {
        double costs[SIDE * SIDE], sum = 0;
        const uint32_t columns = 1 + rng_below(&rng, SIDE), rows = 1 + rng_below(&rng, columns);
        unsigned used = 0;
        for (uint32_t i = 0; i < rows * columns; i++) /* often equal, often 0, below 0 and above */
            costs[i] = k % 3 ? (double)rng_below(&rng, 5) - 3 : (double)rng_below(&rng, 10000) / 99;
        infer__assign(costs, rows, columns, &m);
        for (uint32_t i = 0; i < rows; i++) {
            assert_true(m.column_of[i] >= 0 && m.column_of[i] < (int32_t)columns);
            assert_false(used >> m.column_of[i] & 1);
            used |= 1U << m.column_of[i];
            sum += costs[i * columns + (uint32_t)m.column_of[i]];
        }
        /* the same numbers in another order: some roundings of sums below 1000 */
        assert_true(fabs(sum - least_sum(costs, rows, columns, 0, 0)) < 1e-9);
    }
}

/* ---- the filter ----------------------------------------------------------------------------- */

enum { N = 8, Z = 4 };

static void multiply(double (*out)[N], double (*a)[N], double (*b)[N], int transposed)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            out[i][j] = 0;
            for (int k = 0; k < N; k++)
                out[i][j] += a[i][k] * (transposed ? b[j][k] : b[k][j]);
        }
}

/* ByteTrack's deviations of state (x, y, ratio, height, and what they change by). */
static void deviations(double height, double position, double velocity, double ratio,
                       double ratio_by, double out[N])
{
    const double std[N] = {position * height, position * height, ratio,    position * height,
                           velocity * height, velocity * height, ratio_by, velocity * height};
    memcpy(out, std, sizeof std);
}

struct whole {
    double x[N], p[N][N];
};

static void whole_predict(struct whole *w)
{
    double f[N][N] = {{0}}, fp[N][N], q[N], x[N] = {0};
    for (int i = 0; i < N; i++)
        f[i][i] = 1;
    for (int i = 0; i < Z; i++)
        f[i][i + Z] = 1;
    deviations(w->x[3], 1.0 / 20, 1.0 / 160, 1e-2, 1e-5, q);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            x[i] += f[i][k] * w->x[k];
    memcpy(w->x, x, sizeof x);
    multiply(fp, f, w->p, 0);
    multiply(w->p, fp, f, 1);
    for (int i = 0; i < N; i++)
        w->p[i][i] += q[i] * q[i];
}

/* One measured number after another, which comes to the same as all at once, as their noise is
 * independent. */
static void whole_correct(struct whole *w, const double z[Z])
{
    double r[N], kept[N][N];
    deviations(w->x[3], 1.0 / 20, 0, 1e-1, 0, r);
    for (int i = 0; i < Z; i++) {
        const double s = w->p[i][i] + r[i] * r[i], error = z[i] - w->x[i];
        memcpy(kept, w->p, sizeof kept);
        for (int a = 0; a < N; a++) {
            w->x[a] += kept[a][i] / s * error;
            for (int b = 0; b < N; b++)
                w->p[a][b] = kept[a][b] - kept[a][i] * kept[i][b] / s;
        }
    }
}

static void test_motion(void **state)
{
    (void)state;
    struct rng rng = {4};
    struct infer__motion m;
    struct whole w = {{0}, {{0}}};
    for (int frame = 0; frame < 200; frame++) {
        const double noise = rng_below(&rng, 1000) / 500.0 - 1;
        const double z[Z] = {100 + 3 * frame + noise, 50 - frame + 2 * noise, 0.5 + 0.02 * noise,
                             80 + 0.5 * frame - noise};
        infer_box b = {.x0 = (float)(z[0] - z[2] * z[3] / 2),
                       .x1 = (float)(z[0] + z[2] * z[3] / 2)};
        b.y0 = (float)(z[1] - z[3] / 2);
        b.y1 = (float)(z[1] + z[3] / 2);
        if (!frame) {
            double std[N];
            infer__motion_begin(&m, &b);
            memcpy(w.x, z, sizeof z);
            deviations(z[3], 2.0 / 20, 10.0 / 160, 1e-2, 1e-5, std);
            for (int i = 0; i < N; i++)
                w.p[i][i] = std[i] * std[i];
        } else {
            infer__motion_predict(&m, 0);
            whole_predict(&w);
            if (frame % 5) { /* hidden now and then */
                infer__motion_correct(&m, &b);
                whole_correct(&w, z);
            }
        }
        for (int i = 0; i < Z; i++) { /* boxes are f32: numbers below 1000 within 6e-5 */
            assert_true(fabs(m.axis[i].at - w.x[i]) < 2e-4);
            assert_true(fabs(m.axis[i].by - w.x[i + Z]) < 2e-4);
            assert_true(fabs(m.axis[i].pp - w.p[i][i]) < 1e-4 * w.p[i][i]);
            assert_true(fabs(m.axis[i].vv - w.p[i + Z][i + Z]) < 1e-4 * w.p[i + Z][i + Z]);
        }
    }
    infer__motion_predict(&m, 1); /* hidden: the height stays */
    const double height = m.axis[3].at;
    infer__motion_predict(&m, 1);
    assert_true(m.axis[3].at == height && m.axis[3].by == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_assign),
                                       cmocka_unit_test(test_motion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
