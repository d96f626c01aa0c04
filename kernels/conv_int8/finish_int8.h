/* What stands behind the sums of an int8 convolution: requantisation, table, residual and store, or
 * an f32 result; for the vectors of vec_int8.h. See docs/quantization.md for the arithmetic. */
#ifndef INFER_KERNELS_CONV_INT8_FINISH_INT8_H
#define INFER_KERNELS_CONV_INT8_FINISH_INT8_H

#include <math.h>

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/conv_int8/vec_int8.h"

/* One run's constants. */
struct finish {
    int f32, s32, has_table, has_residual;
    int plain; /* 1: a requantisation that cannot overflow s32 before it is clamped, and no more */
    int added; /* 1: the residual's sum cannot overflow s32 before it is clamped */
    int zero, residual_inner;
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
    const float *bias; /* of an f32 result; NULL: none */
    int valid;         /* channels of the panel that exist */
};

/* One tile by one panel. */
struct job {
    const struct infer__conv8_tile *tile;
    const int8_t *weights;
    const int8_t *soon; /* weights that are used after this panel: `lines` lines of 64 bytes for
                           each step of the tile may be fetched from there on */
    int64_t lines;
    uintptr_t next; /* activations of the next tile, the same: `next_lines` for each step */
    int64_t next_lines;
    struct infer__conv8_starts starts;
    const int32_t *zero;   /* NULL, or the weights' zero points, of which each pixel's sum loses */
    const int32_t *pixels; /* the sum of its activations times those */
    const struct finish *finish;
    struct finish_to to;
};

/* Adding 1.5 * 2^23 leaves no digits behind the point of a number below 2^22. */
#define FINISH_WHOLE 12582912.0f

/* `small`: infer__conv8_small. A sum times a factor below 1/2, rounded, plus a zero point stays
 * within s32; 16 bits are then reached by saturation, which the clamp to 0 .. 255 makes of no
 * consequence. */
VEC_INLINE void finish_init(struct finish *f, const struct infer__task *t,
                            const struct infer__linear *s, int small)
{
    const struct infer__requant *q = s->rq;
    memset(f, 0, sizeof *f);
    f->f32 = s->f32;
    f->s32 = s->s32;
    if (s->s32)
        return;
    if (s->f32) {
        infer__clamp_bounds(&t->epi, &f->low, &f->high);
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
    f->plain = small && !f->has_table && !f->has_residual;
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

/* a and b are what the residuals are added to, as floats. */
VEC_INLINE vec finish_residual(const struct finish *f, vecf a, vecf b, const vec residual[2])
{
    const vecf ratio = vec_setf(f->ratio), other = vec_setf(f->residual_ratio);
    const vecf fixed = vec_setf(f->fixed);
    const vecf c = vec_to_float(residual[0]), d = vec_to_float(residual[1]);
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

/* Words of two sums, whatever stands behind them; `more`: words of the residual, if any. `table`
 * and `residual` are constants. */
VEC_INLINE vec finish_words(const struct finish *f, const int table, const int residual, vec sum0,
                            vec sum1, vecf factor0, vecf factor1, const vec more[2])
{
    if (!table && !residual && f->plain)
        return finish_plain(f, sum0, sum1, factor0, factor1);
    vecf a = finish_clamp(vec_mulf(vec_to_float(sum0), factor0), f->low, f->high);
    vecf b = finish_clamp(vec_mulf(vec_to_float(sum1), factor1), f->low, f->high);
    if (residual && !table) {
        const vecf whole = vec_setf(f->whole), back = vec_setf(f->back);
        a = vec_addf(vec_addf(a, whole), back);
        b = vec_addf(vec_addf(b, whole), back);
        return finish_residual(f, a, b, more);
    }
    vec words = words_add(words_pack(vec_round(a), vec_round(b)), words_set(f->zero));
    if (table)
        words = words_look_up(&f->table, words);
    if (!residual)
        return words;
    a = vec_to_float(words_first(words));
    b = vec_to_float(words_second(words));
    return finish_residual(f, a, b, more);
}

/* An f32 result of one pixel. Its activation leaves a NaN and the sign of a zero as they are. */
VEC_INLINE vecf finish_float(const struct finish *f, vec sum, const float *factor,
                             const float *bias)
{
    vecf x = vec_mulf(vec_to_float(sum), vec_loadf(factor));
    if (bias)
        x = vec_addf(x, vec_loadf(bias));
    return vec_minf(vec_setf(f->high), vec_maxf(vec_setf(f->low), x));
}

VEC_INLINE void finish_floats(const struct finish *f, const struct finish_to *to, int m, int nv,
                              const int32_t *sums)
{
    float *y = (void *)(to->y + m * to->y_step);
    for (int v = 0; v < nv; v++) {
        int left = to->valid - v * VEC;
        const float *bias = to->bias ? to->bias + v * VEC : NULL;
        vec_storef_n(y + v * VEC,
                     finish_float(f, vec_load(sums + v * VEC), to->factor + v * VEC, bias),
                     left < VEC ? left : VEC);
    }
}

/* The sums themselves. */
VEC_INLINE void finish_sums(const struct finish_to *to, int m, const int32_t *sums)
{
    memcpy(to->y + m * to->y_step, sums, (size_t)to->valid * sizeof *sums);
}

/* A tile of bytes. Constants are copied, so that they stay in registers though bytes are stored;
 * behind the last pixel it is taken again. */
VEC_INLINE void finish_bytes(const struct finish *shared, const struct finish_to *to, int count,
                             const int nv, const int table, const int residual, const int32_t *sums)
{
    const struct finish f = *shared;
    const vec low = bytes_set(f.byte_low), high = bytes_set(f.byte_high);
    const vecf factor0 = vec_loadf(to->factor);
    const vecf factor1 = nv == 2 ? vec_loadf(to->factor + VEC) : factor0;
    const int64_t step = to->y_step;
    const int valid = to->valid;
    uint8_t *y = to->y;
    const uint8_t *from = to->residual;
    const int pixels = nv == 2 ? 2 : 4; /* of four vectors */
    for (int m = 0; m < count; m += pixels) {
        vec words[2];
        int64_t at[4];
        for (int i = 0; i < pixels; i++)
            at[i] = m + i < count ? m + i : count - 1;
        for (int i = 0; i < 2; i++) {
            const int32_t *p = sums + at[nv == 2 ? i : 2 * i] * nv * VEC;
            const int32_t *q = nv == 2 ? p + VEC : sums + at[2 * i + 1] * VEC;
            vec more[2] = {vec_load(p), vec_load(q)};
            if (residual && nv == 2) {
                more[0] = vec_load_bytes(from + at[i] * step, VEC);
                more[1] = vec_load_bytes(from + at[i] * step + VEC, valid - VEC);
            } else if (residual) {
                more[0] = vec_load_bytes(from + at[2 * i] * step, valid);
                more[1] = vec_load_bytes(from + at[2 * i + 1] * step, valid);
            }
            words[i] =
                finish_words(&f, table, residual, vec_load(p), vec_load(q), factor0, factor1, more);
        }
        vec bytes = bytes_pack(words[0], words[1], low, high);
        uint8_t *to_y[4];
        for (int i = 0; i < pixels; i++)
            to_y[i] = y + at[i] * step;
        if (nv == 2)
            bytes_store_2(to_y, bytes, valid);
        else
            bytes_store_4(to_y, bytes, valid);
    }
}

/* A tile whose sums are in memory: `nv` vectors of each pixel. */
VEC_INLINE void finish_tile(const struct finish *f, const struct finish_to *to, int count,
                            const int nv, const int32_t *sums)
{
    if (f->f32)
        for (int m = 0; m < count; m++, sums += nv * VEC)
            finish_floats(f, to, m, nv, sums);
    else if (f->s32)
        for (int m = 0; m < count; m++, sums += nv * VEC)
            finish_sums(to, m, sums);
    else if (f->has_residual && f->has_table)
        finish_bytes(f, to, count, nv, 1, 1, sums);
    else if (f->has_residual)
        finish_bytes(f, to, count, nv, 0, 1, sums);
    else if (f->has_table)
        finish_bytes(f, to, count, nv, 1, 0, sums);
    else
        finish_bytes(f, to, count, nv, 0, 0, sums);
}

#endif
