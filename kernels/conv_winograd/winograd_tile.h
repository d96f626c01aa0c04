/* The transforms of Winograd convolutions on vectors, for one shape of tile: of inputs, of sums,
 * and of weights. The shape is all constants, so that loops over points are unrolled. `bf16` stores
 * are the including file's v_store and V_AT. */
#ifndef INFER_KERNELS_CONV_WINOGRAD_WINOGRAD_TILE_H
#define INFER_KERNELS_CONV_WINOGRAD_WINOGRAD_TILE_H

#include "kernels/conv_winograd/winograd_lines.h"
#include "kernels/vec_double.h"
#include "kernels/vec_epilogue.h"

/* Pairs of points and outputs along H and W, and the stride: see struct infer__winograd_tile. */
#define TILE_SHAPE                                                                                 \
    const int pairs_h, const int pairs_w, const int out_h, const int out_w, const int stride
#define TILE_OF pairs_h, pairs_w, out_h, out_w, stride

/* Different weights along an axis, input pixels, and taps. */
#define LINES(pairs) ((pairs) ? 2 * (pairs) + 2 : 1)
#define IN(pairs) (stride == 2 ? 9 : LINES(pairs))
#define TAPS(pairs, out) (stride == 2 ? 3 : LINES(pairs) - (out) + 1)
enum { MOST_POINTS = 81, MOST_TAPS = 25 }; /* of a tile: F(4x4, 5x5), and stride 2 */

/* ---- along one axis, of any stride ----------------------------------------------------------- */

VEC_INLINE void input_points(const int pairs, const int stride, const vec *d, vec *v)
{
    if (stride == 2)
        strided_input_line(d, v);
    else
        input_line(pairs, d, v);
}

VEC_INLINE void output_points(const int pairs, const int out, const int stride, const vec *m,
                              vec *y)
{
    if (stride == 2)
        strided_output_line(m, y);
    else
        output_line(pairs, out, m, y);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* V of VEC channels of the pixels at at[], from c on, of which `rest` exist. */
VEC_INLINE void input_vector(TILE_SHAPE, const float *const *at, int64_t c, int rest, float *v,
                             int64_t v_point)
{
    const int in_h = IN(pairs_h), in_w = IN(pairs_w);
    vec half[WINOGRAD_LINE][WINOGRAD_LINE];
    VEC_UNROLL
    for (int j = 0; j < in_w; j++) {
        vec d[WINOGRAD_LINE], all[WINOGRAD_LINE];
        VEC_UNROLL
        for (int i = 0; i < in_h; i++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all are set */
            const float *from = at[i * in_w + j] + c;
            d[i] = rest < VEC ? vec_load_n(from, rest) : vec_load(from);
        }
        input_points(pairs_h, stride, d, all);
        VEC_UNROLL
        for (int i = 0; i < in_h; i++)
            half[i][j] = all[i];
    }
    VEC_UNROLL
    for (int i = 0; i < in_h; i++) {
        vec all[WINOGRAD_LINE];
        input_points(pairs_w, stride, half[i], all);
        VEC_UNROLL
        for (int j = 0; j < in_w; j++)
            v_store(v + (i * in_w + j) * v_point + V_AT(c), all[j]);
    }
    (void)out_h, (void)out_w;
}

/* Where a tile's outputs go, and how many rows and columns of them exist. */
struct target {
    float *y;
    const float *residual;
    int64_t row, column; /* floats from row to row and from pixel to pixel */
    int rows, columns;
};

VEC_INLINE void finish_vector(const struct infer__epilogue *e, vec x, float *y,
                              const float *residual, int rest)
{
    if (rest >= VEC) {
        if (residual)
            x = vec_add(x, vec_load(residual));
        vec_store(y, vec_activate(e, x));
    } else {
        if (residual)
            x = vec_add(x, vec_load_n(residual, rest));
        vec_store_n(y, vec_activate(e, x), rest);
    }
}

/* VEC channels of a tile, of which `rest` exist. */
VEC_INLINE void output_vector(TILE_SHAPE, const struct infer__epilogue *e, const float *m,
                              int64_t m_point, vec bias, const struct target *to, int64_t c,
                              int rest)
{
    const int in_h = IN(pairs_h), in_w = IN(pairs_w);
    vec half[4][WINOGRAD_LINE];
    VEC_UNROLL
    for (int j = 0; j < in_w; j++) {
        vec in[WINOGRAD_LINE], all[4];
        VEC_UNROLL
        for (int i = 0; i < in_h; i++)
            in[i] = vec_load(m + (i * in_w + j) * m_point);
        output_points(pairs_h, out_h, stride, in, all);
        VEC_UNROLL
        for (int i = 0; i < out_h; i++)
            half[i][j] = all[i];
    }
    VEC_UNROLL
    for (int i = 0; i < out_h; i++) {
        vec all[4];
        if (i >= to->rows)
            break;
        output_points(pairs_w, out_w, stride, half[i], all);
        VEC_UNROLL
        for (int j = 0; j < out_w; j++) {
            int64_t at = i * to->row + j * to->column + c;
            if (j < to->columns)
                finish_vector(e, vec_add(all[j], bias), to->y + at,
                              to->residual ? to->residual + at : NULL, rest);
        }
    }
}

/* ---- weights: U = G g G', in double, rounded once -------------------------------------------- */

/* u = G g of an axis. Points +x and -x share their even and odd powers. */
VEC_INLINE void weight_line(const int pairs, const int taps,
                            double matrix[WINOGRAD_LINE][WINOGRAD_TAPS], const vec_double *g,
                            vec_double *u)
{
    if (!pairs) {
        u[0] = g[0];
        return;
    }
    u[0] = vec_double_mul(vec_double_set(matrix[0][0]), g[0]);
    VEC_UNROLL
    for (int p = 0; p < pairs; p++) {
        const double *power = matrix[2 * p + 1];
        vec_double half[2];
        VEC_UNROLL
        for (int k = 0; k < taps; k++) {
            vec_double factor = vec_double_set(power[k]);
            half[k % 2] =
                k < 2 ? vec_double_mul(factor, g[k]) : vec_double_fma(factor, g[k], half[k % 2]);
        }
        u[2 * p + 1] = vec_double_add(half[0], half[1]);
        u[2 * p + 2] = vec_double_sub(half[0], half[1]);
    }
    u[2 * pairs + 1] = g[taps - 1];
}

/* The same for any stride: for 2, the outer two of three taps at the finite points, then the middle
 * one. */
VEC_INLINE void weight_points(const int pairs, const int taps, const int stride,
                              double matrix[WINOGRAD_LINE][WINOGRAD_TAPS], const vec_double *g,
                              vec_double *u)
{
    if (stride == 2) {
        const vec_double outer[2] = {g[0], g[2]};
        weight_line(2, 2, matrix, outer, u);
        u[5] = g[1];
    } else {
        weight_line(pairs, taps, matrix, g, u);
    }
}

/* U of one input channel and a vector of output channels of the block, from `at` on. */
VEC_INLINE void transform_weights(TILE_SHAPE, double g[2][WINOGRAD_LINE][WINOGRAD_TAPS],
                                  float (*weights)[CONV_BLOCK], int at, float (*u)[CONV_BLOCK])
{
    const int taps_h = TAPS(pairs_h, out_h), taps_w = TAPS(pairs_w, out_w);
    const int lines_h = LINES(pairs_h), lines_w = LINES(pairs_w);
    vec_double half[WINOGRAD_LINE][WINOGRAD_TAPS];
    VEC_UNROLL
    for (int j = 0; j < taps_w; j++) {
        vec_double tap[WINOGRAD_TAPS], all[WINOGRAD_LINE];
        VEC_UNROLL
        for (int i = 0; i < taps_h; i++)
            tap[i] = vec_to_double(vec_load(weights[i * taps_w + j] + at));
        weight_points(pairs_h, taps_h, stride, g[0], tap, all);
        VEC_UNROLL
        for (int i = 0; i < lines_h; i++)
            half[i][j] = all[i];
    }
    VEC_UNROLL
    for (int i = 0; i < lines_h; i++) {
        vec_double all[WINOGRAD_LINE];
        weight_points(pairs_w, taps_w, stride, g[1], half[i], all);
        VEC_UNROLL
        for (int j = 0; j < lines_w; j++)
            vec_store(u[i * lines_w + j] + at, vec_from_double(all[j]));
    }
}

#endif
