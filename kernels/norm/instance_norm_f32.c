/* levels: avx2 avx512 */
/* InstanceNormalization in f32: two passes over the pixels, one for
 * mean and variance (in double, from differences to the first pixel, in the order of the pixels)
 * and one for the output. Neighbouring blocks of channels of a unit are read together. */
#include "kernels/levels.h"

#include "kernels/vec_double.h"
#include "kernels/vec_epilogue.h"

enum {
    BLOCK = 16, /* channels: a unit's smallest piece */
    GROUP = 4   /* vectors read together: half lines of cache would cost as much as whole ones */
};

struct shape {
    int64_t n, pixels, c, blocks; /* blocks of channels */
    uint32_t units;
};

static struct shape shape_of(const struct infer__task *t)
{
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    struct shape s = {x.n, x.d * x.h * x.w, x.c, (x.c + BLOCK - 1) / BLOCK, 1};
    s.units = infer__units(s.n * s.blocks, 1, t->threads > 1 ? 4 * t->threads : 1);
    return s;
}

VEC_INLINE vec load(const float *p, int rest)
{
    return rest == VEC ? vec_load(p) : vec_load_n(p, rest);
}

/* mean, and scale / sqrt(variance + epsilon), of a vector of channels */
VEC_INLINE void solve(const struct vec_moments *m, double pixels, float epsilon, vec scale,
                      vec *mean, vec *factor)
{
    vec_double n = vec_double_set(pixels), shift = vec_double_div(m->sum, n);
    vec_double v = vec_double_sub(vec_double_div(m->squares, n), vec_double_mul(shift, shift));
    v = vec_double_max(vec_double_set(0), v); /* a NaN stays */
    v = vec_double_sqrt(vec_double_add(v, vec_double_set((double)epsilon)));
    *mean = vec_from_double(vec_double_add(m->first, shift));
    *factor = vec_from_double(vec_double_div(vec_to_double(scale), v));
}

/* `nv` vectors of channels (a constant), or `rest` channels of the only one. */
VEC_INLINE void normalise(int nv, int rest, const struct infer__task *t, const struct shape *s,
                          const float *scale, const float *shift, const float *x, float *y)
{
    struct vec_moments m[GROUP];
    vec mean[GROUP], factor[GROUP], offset[GROUP];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        m[v] = vec_moments_begin(load(x + v * VEC, rest));
    const float *at = x;
    for (int64_t p = 0; p < s->pixels; p++, at += s->c) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            vec_moments_add(&m[v], load(at + v * VEC, rest));
    }
    VEC_UNROLL
    for (int v = 0; v < nv; v++) {
        solve(&m[v], (double)s->pixels, t->p.norm.epsilon, load(scale + v * VEC, rest), &mean[v],
              &factor[v]);
        offset[v] = load(shift + v * VEC, rest);
    }
    int simple = vec_is_simple(t->epi.act);
    for (int64_t p = 0; p < s->pixels; p++, x += s->c, y += s->c) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            vec a = vec_sub(load(x + v * VEC, rest), mean[v]);
            a = vec_activate(&t->epi, vec_fma(a, factor[v], offset[v]));
            if (rest == VEC)
                vec_store(y + v * VEC, a);
            else
                vec_store_n(y, a, rest);
        }
        if (!simple)
            vec_epilogue_row(&t->epi, y, NULL, y, nv > 1 ? nv * VEC : rest);
    }
}

static void instance_norm_run(const struct infer__task *t, const struct infer__buffers *b,
                              uint32_t begin, uint32_t end)
{
    const struct shape *s = b->cut;
    int64_t i = infer__unit_begin(s->n * s->blocks, s->units, begin);
    int64_t last = infer__unit_begin(s->n * s->blocks, s->units, end);
    while (i < last && s->pixels > 0) {
        int64_t n = i / s->blocks, block = i % s->blocks, c = block * BLOCK;
        int64_t blocks = last - i < s->blocks - block ? last - i : s->blocks - block;
        int64_t stop = c + blocks * BLOCK < s->c ? c + blocks * BLOCK : s->c;
        const float *x = (const float *)b->in[0] + n * s->pixels * s->c;
        const float *scale = b->in[1], *shift = b->in[2];
        float *y = (float *)b->out[0] + n * s->pixels * s->c;
        for (; c + GROUP * VEC <= stop; c += GROUP * VEC)
            normalise(GROUP, VEC, t, s, scale + c, shift + c, x + c, y + c);
        for (; c + 2 * VEC <= stop; c += 2 * VEC)
            normalise(2, VEC, t, s, scale + c, shift + c, x + c, y + c);
        for (; c + VEC <= stop; c += VEC)
            normalise(1, VEC, t, s, scale + c, shift + c, x + c, y + c);
        if (c < stop)
            normalise(1, (int)(stop - c), t, s, scale + c, shift + c, x + c, y + c);
        i += blocks;
    }
}

static infer_status instance_norm_prepare(const struct infer__task *t, struct infer__need *need,
                                          infer_error *err)
{
    struct shape *s = need->cut;
    (void)err;
    *s = shape_of(t);
    need->units = s->units;
    return INFER_OK;
}

INFER__APART static double instance_norm_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_INSTANCE_NORMALIZATION || !infer__isa_has(t->isa, LEVEL_ISA) ||
        t->nin != 3 || t->epi.residual || t->in[0].rank < 3 || t->in[0].rank > 5 ||
        !t->in[0].clast || t->out[0].type != INFER_F32)
        return -1;
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].type != INFER_F32)
            return -1;
    struct shape s = shape_of(t);
    return 300 + (double)(s.n * s.pixels) * (double)((s.c + VEC - 1) / VEC) * 4;
}

const struct infer__kernel LEVEL_NAME(infer__instance_norm_f32) = {
    .name = LEVEL_STRING("instance_norm_f32"),
    .isa = LEVEL_ISA,
    .cut_bytes = sizeof(struct shape),
    .estimate = instance_norm_estimate,
    .prepare = instance_norm_prepare,
    .run = instance_norm_run};
