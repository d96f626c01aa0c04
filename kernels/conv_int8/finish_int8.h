/* What stands behind the sums of an int8 convolution: requantisation, table, residual and store, or
 * an f32 result; for the vectors of vec_int8.h. See docs/quantization.md for the arithmetic. */
#ifndef INFER_KERNELS_CONV_INT8_FINISH_INT8_H
#define INFER_KERNELS_CONV_INT8_FINISH_INT8_H

#include <math.h>

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/conv_int8/vec_int8.h"

/* One run's constants. */
struct finish {
    int f32, has_table, has_residual;
    int plain; /* 1: a requantisation that cannot overflow s32 before it is clamped, and no more */
    int residual_inner;
    int added; /* 1: the residual's sum cannot overflow s32 before it is clamped */
    int zero;
    float low, high;   /* the clamp of the sum times its factor */
    float whole, back; /* (x + whole) + back is rint(x) + zero */
    float ratio, residual_ratio, fixed, add_low, add_high;
    int byte_low, byte_high; /* the last clamp */
    struct vec_table table;
};

/* Where the results of a tile go. */
struct finish_to {
    uint8_t *y;
    const uint8_t *residual; /* NULL: none */
    int64_t y_step;          /* bytes between pixels of y, and of the residual */
    const float *factor;
    int valid; /* channels of the panel that exist */
};

/* One tile by one panel. */
struct job {
    const struct infer__conv8_tile *tile;
    const int8_t *weights;
    const int32_t *start;
    int64_t start_step; /* between pixels: 0 where all have the same */
    const struct finish *finish;
    struct finish_to to;
};

/* Adding 1.5 * 2^23 leaves no digits behind the point of a number below 2^22. */
#define FINISH_WHOLE 12582912.0f

/* A sum times a factor below 1/2, rounded, plus a zero point stays within s32; 16 bits are then
 * reached by saturation, which the clamp to 0 .. 255 makes of no consequence. */
VEC_INLINE void finish_init(struct finish *f, const struct infer__task *t,
                            const struct infer__conv8 *s)
{
    const struct infer__requant *q = s->rq;
    memset(f, 0, sizeof *f);
    f->f32 = s->f32;
    if (s->f32) {
        f->low = t->epi.act == INFER__OP_CLIP ? t->epi.alpha : t->epi.act ? 0 : -INFINITY;
        f->high = t->epi.act == INFER__OP_CLIP ? t->epi.beta : INFINITY;
        return;
    }
    f->zero = q->zero;
    f->low = (float)(q->lo - q->zero);
    f->high = (float)(q->hi - q->zero);
    f->whole = FINISH_WHOLE;
    f->back = (float)q->zero - FINISH_WHOLE;
    f->has_table = q->table != NULL;
    if (f->has_table)
        vec_table_load(&f->table, q->table);
    f->has_residual = s->residual != 0;
    f->ratio = q->ratio;
    f->residual_ratio = q->residual_ratio;
    f->residual_inner = q->residual_inner;
    f->fixed = q->fixed;
    f->add_low = (float)q->add_lo;
    f->add_high = (float)q->add_hi;
    f->added = 256 * (fabsf(q->ratio) + fabsf(q->residual_ratio)) + fabsf(q->fixed) < 1e9f;
    f->byte_low = f->has_residual ? q->add_lo : f->has_table ? 0 : q->lo;
    f->byte_high = f->has_residual ? q->add_hi : f->has_table ? 255 : q->hi;
    f->plain = !f->has_table && !f->has_residual;
    for (uint32_t m = 0; m < s->wq->count; m++)
        f->plain = f->plain && infer__conv8_factor(s, m) < 0.5f;
}

VEC_INLINE vecf finish_clamp(vecf x, float low, float high)
{
    return vec_minf(vec_maxf(x, vec_setf(low)), vec_setf(high));
}

VEC_INLINE vec finish_plain(const struct finish *f, vec sum0, vec sum1, vecf factor0, vecf factor1)
{
    vec a = vec_round(vec_mulf(vec_to_float(sum0), factor0));
    vec b = vec_round(vec_mulf(vec_to_float(sum1), factor1));
    return words_add(words_pack(a, b), words_set(f->zero));
}

/* a and b are what the residual is added to, as floats. */
VEC_INLINE vec finish_residual(const struct finish *f, vecf a, vecf b, vec more)
{
    const vecf ratio = vec_setf(f->ratio), other = vec_setf(f->residual_ratio);
    const vecf fixed = vec_setf(f->fixed);
    const vecf c = vec_to_float(words_first(more)), d = vec_to_float(words_second(more));
    if (f->residual_inner) {
        a = vec_fmaf(a, ratio, vec_fmaf(c, other, fixed));
        b = vec_fmaf(b, ratio, vec_fmaf(d, other, fixed));
    } else {
        a = vec_fmaf(c, other, vec_fmaf(a, ratio, fixed));
        b = vec_fmaf(d, other, vec_fmaf(b, ratio, fixed));
    }
    if (!f->added) {
        a = finish_clamp(a, f->add_low, f->add_high);
        b = finish_clamp(b, f->add_low, f->add_high);
    }
    return words_pack(vec_round(a), vec_round(b));
}

/* Words of two sums, whatever stands behind them; `more`: words of the residual, if any. */
VEC_INLINE vec finish_words(const struct finish *f, vec sum0, vec sum1, vecf factor0, vecf factor1,
                            vec more)
{
    vecf a = finish_clamp(vec_mulf(vec_to_float(sum0), factor0), f->low, f->high);
    vecf b = finish_clamp(vec_mulf(vec_to_float(sum1), factor1), f->low, f->high);
    if (f->has_residual && !f->has_table) {
        const vecf whole = vec_setf(f->whole), back = vec_setf(f->back);
        a = vec_addf(vec_addf(a, whole), back);
        b = vec_addf(vec_addf(b, whole), back);
        return finish_residual(f, a, b, more);
    }
    vec words = words_add(words_pack(vec_round(a), vec_round(b)), words_set(f->zero));
    if (f->has_table)
        words = words_look_up(&f->table, words);
    if (!f->has_residual)
        return words;
    a = vec_to_float(words_first(words));
    b = vec_to_float(words_second(words));
    return finish_residual(f, a, b, more);
}

/* Words of pixel m of a panel of two vectors. */
VEC_INLINE vec finish_pixel(const struct finish *f, const struct finish_to *to, int m, vec sum0,
                            vec sum1)
{
    vec more = sum0;
    if (f->plain)
        return finish_plain(f, sum0, sum1, vec_loadf(to->factor), vec_loadf(to->factor + VEC));
    if (to->residual)
        more = words_load(to->residual + m * to->y_step, to->valid);
    return finish_words(f, sum0, sum1, vec_loadf(to->factor), vec_loadf(to->factor + VEC), more);
}

/* Words of pixels m and n of a panel of one vector. */
VEC_INLINE vec finish_pixels(const struct finish *f, const struct finish_to *to, int m, int n,
                             vec sum0, vec sum1)
{
    const vecf factor = vec_loadf(to->factor);
    vec more = sum0;
    if (f->plain)
        return finish_plain(f, sum0, sum1, factor, factor);
    if (to->residual)
        more =
            words_load_two(to->residual + m * to->y_step, to->residual + n * to->y_step, to->valid);
    return finish_words(f, sum0, sum1, factor, factor, more);
}

/* An f32 result of one pixel. Its activation leaves a NaN and the sign of a zero as they are. */
VEC_INLINE vecf finish_float(const struct finish *f, vec sum, const float *factor)
{
    vecf x = vec_mulf(vec_to_float(sum), vec_loadf(factor));
    return vec_minf(vec_setf(f->high), vec_maxf(vec_setf(f->low), x));
}

VEC_INLINE void finish_floats(const struct finish *f, const struct finish_to *to, int m, vec sum0,
                              vec sum1, int nv)
{
    float *y = (void *)(to->y + m * to->y_step);
    vecf a = finish_float(f, sum0, to->factor);
    if (nv == 2)
        vec_storef_two(y, a, finish_float(f, sum1, to->factor + VEC), to->valid);
    else
        vec_storef_n(y, a, to->valid);
}

/* A tile's sums in memory: vectors of pixels, `nv` of each. */
VEC_INLINE void finish_tile(const struct finish *f, const struct finish_to *to, int count, int nv,
                            const int32_t *sums)
{
    const vec low = bytes_set(f->byte_low), high = bytes_set(f->byte_high);
    const int each = 4 / nv;
    for (int m = 0; m < count && f->f32; m++, sums += nv * VEC)
        finish_floats(f, to, m, vec_load(sums), vec_load(sums + (nv - 1) * VEC), nv);
    for (int m = 0; m < count && !f->f32; m += each) {
        vec words[2];
        uint8_t *y[4];
        int at[4]; /* at the end the last pixel is taken more than once */
        for (int i = 0; i < 4; i++)
            at[i] = m + i < count ? m + i : count - 1;
        for (int i = 0; i < each; i++)
            y[i] = to->y + at[i] * to->y_step;
        for (int i = 0; i < 2; i++) {
            int p = nv == 2 ? 2 * at[i] : at[2 * i], q = nv == 2 ? p + 1 : at[2 * i + 1];
            vec a = vec_load(sums + p * VEC), b = vec_load(sums + q * VEC);
            words[i] =
                nv == 2 ? finish_pixel(f, to, at[i], a, b) : finish_pixels(f, to, p, q, a, b);
        }
        if (nv == 2)
            bytes_store_2(y, bytes_pack(words[0], words[1], low, high), to->valid);
        else
            bytes_store_4(y, bytes_pack(words[0], words[1], low, high), to->valid);
    }
}

#endif
