/* What stands behind the sums of a block: residual, activation and store, to bf16 or f32.
 *
 * Results are stored pixel by pixel beside the products of the next block, which leave the vector
 * units idle; an activation that is no clamp is done before, for all of a block. */
#include "kernels/conv_bf16/conv_bf16_tiles.h"
#include "kernels/conv_bf16/vec_bf16.h"
#include "kernels/vec_epilogue.h"

/* What is still to be done with sums: nothing, none wait; a clamp and a store in bf16; a residual
 * in bf16 before them; any of these with tensors of f32 among them. */
enum kind16 { KIND_NONE, KIND_PLAIN, KIND_RESIDUAL, KIND_MIXED };

/* One run's constants. */
struct finish16 {
    enum kind16 kind;
    const struct infer__task *t;
    const void *residual; /* NULL: none */
    const void *early;    /* one that is added before an activation that is no clamp */
    void *y;
    int half_residual, half_y; /* in bf16, else f32 */
    int clamp;                 /* the activation is a clamp between low and high */
    float low, high;
    int64_t step;         /* elements from pixel to pixel of y, and of the residual */
    int64_t width, pitch; /* pixels of a line; from one line to the next in a block */
};

static struct finish16 finish_of(const struct infer__task *t, const struct infer__tiles16 *c,
                                 const struct infer__buffers *b)
{
    const struct infer__linear *s = &c->s;
    struct finish16 f = {.t = t, .y = b->out[0]};
    f.residual = s->residual ? b->in[s->residual] : NULL;
    f.half_residual = s->half_residual;
    f.half_y = s->half_y;
    infer__clamp_bounds(&t->epi, &f.low, &f.high);
    f.clamp = infer__is_clamp(t->epi.act);
    f.step = s->y.c;
    f.width = c->flat ? 1 : s->y.w;
    f.pitch = infer__tiles16_pitch(c);
    if (!f.clamp) {
        f.early = f.residual;
        f.residual = NULL;
    }
    if (!f.half_y || (f.residual && !f.half_residual))
        f.kind = KIND_MIXED;
    else
        f.kind = f.residual ? KIND_RESIDUAL : KIND_PLAIN;
    return f;
}

/* Results of a block: `left` more pixels, TILES16_PANEL sums to each, of which the next one stands
 * in column `column` of its line; from `width` on there are none of the output's. */
struct results16 {
    float *sums;
    int64_t at; /* the output's element, or that of the next line's first pixel */
    int64_t column;
    int left;
    int valid; /* channels of the panel that exist */
};

/* What the results of one block have in common; copies stay in registers though results are
 * stored. */
struct finish16_vectors {
    vec low, high;
    __mmask32 some;
    const void *residual;
    void *y;
    int half_residual, half_y;
    int64_t step, width, pitch;
};

static inline struct finish16_vectors vectors_of(const struct finish16 *f,
                                                 const struct results16 *r)
{
    return (struct finish16_vectors){.low = vec_set(f->low),
                                     .high = vec_set(f->high),
                                     .some = (__mmask32)((UINT64_C(1) << r->valid) - 1),
                                     .residual = f->residual,
                                     .y = f->y,
                                     .half_residual = f->half_residual,
                                     .half_y = f->half_y,
                                     .step = f->step,
                                     .width = f->width,
                                     .pitch = f->pitch};
}

/* The residual of one pixel's channels `v` VEC on. */
VEC_INLINE vec residual_some(const struct finish16_vectors *f, const int half, int64_t at, int v)
{
    const __mmask16 some = (__mmask16)(f->some >> v * VEC);
    if (half)
        return bf16_load_some((const uint16_t *)f->residual + at + v * VEC, some);
    return _mm512_maskz_loadu_ps(some, (const float *)f->residual + at + v * VEC);
}

VEC_INLINE void next_pixel(const struct finish16_vectors *f, struct results16 *r)
{
    if (r->column < f->width)
        r->at += f->step;
    if (++r->column == f->pitch)
        r->column = 0;
    r->sums += TILES16_PANEL;
    r->left--;
}

/* The next pixel, of a kind that is not KIND_NONE. */
VEC_INLINE void finish_next(const struct finish16_vectors *f, struct results16 *r,
                            const enum kind16 kind)
{
    const int mixed = kind == KIND_MIXED;
    if (r->column < f->width) {
        vec a = vec_load(r->sums), b = vec_load(r->sums + VEC);
        if (kind == KIND_RESIDUAL || (mixed && f->residual)) {
            a = vec_add(a, residual_some(f, !mixed || f->half_residual, r->at, 0));
            b = vec_add(b, residual_some(f, !mixed || f->half_residual, r->at, 1));
        }
        a = vec_at_most(f->high, vec_at_least(f->low, a));
        b = vec_at_most(f->high, vec_at_least(f->low, b));
        if (!mixed || f->half_y) {
            _mm512_mask_storeu_epi16((uint16_t *)f->y + r->at, f->some, vec_to_bf16(a, b));
        } else {
            float *y = (float *)f->y + r->at;
            _mm512_mask_storeu_ps(y, (__mmask16)f->some, a);
            _mm512_mask_storeu_ps(y + VEC, (__mmask16)(f->some >> VEC), b);
        }
    }
    next_pixel(f, r);
}

/* An activation that is no clamp, of all sums of a block, behind its residual. */
static void finish_activate(const struct finish16 *f, const struct results16 *r)
{
    struct finish16_vectors v = vectors_of(f, r);
    v.residual = f->early;
    for (struct results16 i = *r; i.left > 0 && f->early; next_pixel(&v, &i))
        for (int part = 0; part < 2 && i.column < f->width; part++) {
            float *sums = i.sums + part * VEC;
            vec more = residual_some(&v, f->half_residual, i.at, part);
            vec_store(sums, vec_add(vec_load(sums), more));
        }
    vec_activate_rows(&f->t->epi, r->sums, TILES16_PANEL, r->left,
                      r->valid > VEC ? TILES16_PANEL : VEC);
}

/* What still waits. */
static void finish_all(const struct finish16 *f, struct results16 *r)
{
    const struct finish16_vectors v = vectors_of(f, r);
    while (r->left > 0)
        finish_next(&v, r, KIND_MIXED);
}
