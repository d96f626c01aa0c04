/* The one-dimensional transforms of Winograd convolutions on vectors, for 1, 4, 6, 8 and 10 points:
 * 0, pairs of +x and -x, and infinity (no pair: the one point of an axis that has no taps). Two of
 * them, one along each axis, make a tile's transform. `pairs` and `out` are constants everywhere.
 */
#ifndef INFER_KERNELS_CONV_WINOGRAD_WINOGRAD_LINES_H
#define INFER_KERNELS_CONV_WINOGRAD_WINOGRAD_LINES_H

#include "kernels/conv/vec_f32.h"
#include "kernels/conv_winograd/conv_winograd.h"

/* Square of pair p modulo the number of pairs; the elementary symmetric sums of the squares of all
 * pairs but p. */
VEC_INLINE double line_square(int pairs, int p)
{
    double x = infer__winograd_point(pairs, p % pairs);
    return x * x;
}
VEC_INLINE double line_sum(int pairs, int p)
{
    double a = line_square(pairs, p + 1), b = line_square(pairs, p + 2);
    return pairs == 2 ? a : pairs == 3 ? a + b : a + b + line_square(pairs, p + 3);
}
VEC_INLINE double line_second(int pairs, int p)
{
    double a = line_square(pairs, p + 1), b = line_square(pairs, p + 2);
    return pairs == 3 ? a * b : a * b + (a + b) * line_square(pairs, p + 3);
}
VEC_INLINE double line_third(int pairs, int p)
{
    return line_square(pairs, p + 1) * line_square(pairs, p + 2) * line_square(pairs, p + 3);
}

/* d[i] and every other one from there to i + 2 * degree, by the product of (x^2 - square) over
 * `degree` pairs, whose coefficients follow: the highest is 1, the signs alternate. */
VEC_INLINE vec line_product(int degree, const vec *d, int i, double e1, double e2, double e3,
                            double e4)
{
    vec v = d[i + 2 * degree];
    if (degree > 0)
        v = vec_fma(vec_set((float)-e1), d[i + 2 * degree - 2], v);
    if (degree > 1)
        v = vec_fma(vec_set((float)e2), d[i + 2 * degree - 4], v);
    if (degree > 2)
        v = vec_fma(vec_set((float)-e3), d[i + 2 * degree - 6], v);
    if (degree > 3)
        v = vec_fma(vec_set((float)e4), d[i + 2 * degree - 8], v);
    return v;
}

/* v = B' d. Row p of B' has the coefficients of the product of (x - q) over the other points q, the
 * last row those over all. Points +x and -x share their even and odd halves. */
VEC_INLINE void input_line(const int pairs, const vec *d, vec *v)
{
    if (!pairs) {
        v[0] = d[0];
        return;
    }
    /* of all squares */
    double last = line_square(pairs, pairs - 1), e1 = last, e2 = 0, e3 = 0, e4 = 0;
    if (pairs > 1) {
        e1 += line_sum(pairs, pairs - 1);
        e2 = last * line_sum(pairs, pairs - 1);
    }
    if (pairs > 2) {
        e2 += line_second(pairs, pairs - 1);
        e3 = last * line_second(pairs, pairs - 1);
    }
    if (pairs > 3) {
        e3 += line_third(pairs, pairs - 1);
        e4 = last * line_third(pairs, pairs - 1);
    }
    v[0] = line_product(pairs, d, 0, e1, e2, e3, e4);
    VEC_UNROLL
    for (int p = 0; p < pairs; p++) {
        const float x = (float)infer__winograd_point(pairs, p);
        double s1 = pairs > 1 ? line_sum(pairs, p) : 0, s2 = pairs > 2 ? line_second(pairs, p) : 0;
        double s3 = pairs > 3 ? line_third(pairs, p) : 0;
        vec even = line_product(pairs - 1, d, 2, s1, s2, s3, 0);
        vec odd = line_product(pairs - 1, d, 1, s1, s2, s3, 0);
        if (pairs == 1) { /* x is 1 */
            v[1] = vec_add(even, odd);
            v[2] = vec_sub(even, odd);
        } else {
            v[2 * p + 1] = vec_fma(vec_set(x), odd, even);
            v[2 * p + 2] = vec_fma(vec_set(-x), odd, even);
        }
    }
    v[2 * pairs + 1] = line_product(pairs, d, 1, e1, e2, e3, e4);
}

/* The same for stride 2: v of the even ones of nine d at the finite points of two pairs, then the
 * odd ones. */
VEC_INLINE void strided_input_line(const vec *d, vec *v)
{
    const vec even[6] = {d[0], d[2], d[4], d[6], d[8], vec_set(0)};
    vec all[6];
    input_line(2, even, all); /* the last one is not used */
    VEC_UNROLL
    for (int i = 0; i < 5; i++)
        v[i] = all[i];
    VEC_UNROLL
    for (int i = 0; i < 4; i++)
        v[5 + i] = d[2 * i + 1];
}

/* y = A' m, `out` of them, at most 4. Row i of A' has the i-th powers of the points. */
VEC_INLINE void output_line(const int pairs, const int out, const vec *m, vec *y)
{
    if (!pairs) {
        y[0] = m[0];
        return;
    }
    VEC_UNROLL
    for (int i = 0; i < out; i++) {
        vec sum = m[0];
        VEC_UNROLL
        for (int p = 0; p < pairs; p++) {
            const double x = infer__winograd_point(pairs, p);
            const double power = i == 0 ? 1 : i == 1 ? x : i == 2 ? x * x : x * x * x;
            vec half =
                i % 2 ? vec_sub(m[2 * p + 1], m[2 * p + 2]) : vec_add(m[2 * p + 1], m[2 * p + 2]);
            if (p == 0 && i > 0)
                sum = vec_mul(vec_set((float)power), half);
            else
                sum = i == 0 ? vec_add(sum, half) : vec_fma(vec_set((float)power), half, sum);
        }
        y[i] = i == out - 1 ? vec_add(sum, m[2 * pairs + 1]) : sum;
    }
}

/* The same for stride 2: four outputs of nine m. */
VEC_INLINE void strided_output_line(const vec *m, vec *y)
{
    const vec at[6] = {m[0], m[1], m[2], m[3], m[4], vec_set(0)};
    output_line(2, 4, at, y); /* the last one adds nothing */
    VEC_UNROLL
    for (int i = 0; i < 4; i++)
        y[i] = vec_add(y[i], m[5 + i]);
}

#endif
