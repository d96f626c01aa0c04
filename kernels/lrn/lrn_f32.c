/* levels: avx2 avx512 */
/* LRN in f32 with a beta of 0.75. A pixel's squares are written to
 * scratch with zeros before and behind them, so that every channel sums the same number of them,
 * from the lowest channel up. */
#include "kernels/levels.h"

#include "kernels/vec_math.h"

enum { MOST = 64 }; /* channels summed over */

static int64_t channels(const struct infer__task *t)
{
    return t->in[0].dims[t->in[0].rank - 1];
}

static int64_t pixels(const struct infer__task *t)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < t->in[0].rank; i++)
        n *= t->in[0].dims[i];
    return n;
}

static uint32_t units(const struct infer__task *t)
{
    return infer__units(pixels(t), 1, t->threads > 1 ? 8 * t->threads : 1);
}

/* Floats of scratch: zeros, squares in whole vectors, zeros. */
static int64_t padded(const struct infer__task *t)
{
    return channels(t) + 2 * MOST + VEC;
}

static void one_pixel(const struct infer__norm *p, int64_t count, const float *x, float *y,
                      float *squares)
{
    const float *first = squares + MOST - (p->size - 1) / 2;
    vec alpha = vec_set(p->alpha / (float)p->size), bias = vec_set(p->bias);
    for (int64_t c = 0; c < count; c += VEC) {
        int rest = count - c < VEC ? (int)(count - c) : VEC;
        vec a = rest == VEC ? vec_load(x + c) : vec_load_n(x + c, rest);
        vec_store(squares + MOST + c, vec_mul(a, a));
    }
    for (int64_t c = 0; c < count; c += VEC) {
        int rest = count - c < VEC ? (int)(count - c) : VEC;
        vec sum = vec_load(first + c), a = rest == VEC ? vec_load(x + c) : vec_load_n(x + c, rest);
        for (int64_t k = 1; k < p->size; k++)
            sum = vec_add(sum, vec_load(first + c + k));
        vec root = vec_sqrt(vec_fma(alpha, sum, bias));
        a = vec_div(a, vec_mul(root, vec_sqrt(root)));
        if (rest == VEC)
            vec_store(y + c, a);
        else
            vec_store_n(y + c, a, rest);
    }
}

static void lrn_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    int64_t count = channels(t), all = pixels(t), last = infer__unit_begin(all, units(t), end);
    float *squares = b->scratch;
    for (int64_t i = 0; i < padded(t); i++)
        squares[i] = 0;
    for (int64_t i = infer__unit_begin(all, units(t), begin); i < last; i++)
        one_pixel(&t->p.norm, count, (const float *)b->in[0] + i * count,
                  (float *)b->out[0] + i * count, squares);
}

static infer_status lrn_prepare(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    (void)err;
    need->scratch_bytes = infer__bytes_of(padded(t), sizeof(float));
    need->units = units(t);
    return INFER_OK;
}

INFER__APART static double lrn_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_LRN || !infer__isa_has(t->isa, LEVEL_ISA) || t->nin != 1 ||
        t->in[0].type != INFER_F32 || t->out[0].type != INFER_F32 || t->in[0].rank < 2 ||
        (t->in[0].rank > 2 && !t->in[0].clast) || t->epi.residual || t->epi.act ||
        t->p.norm.size < 1 || t->p.norm.size > MOST || t->p.norm.beta != 0.75f)
        return -1;
    double vectors = (double)pixels(t) * (double)((channels(t) + VEC - 1) / VEC);
    return 300 + vectors * (VEC_LEVEL == 512 ? 16 : 9) + vectors * 0.4 * (double)t->p.norm.size;
}

const struct infer__kernel LEVEL_NAME(infer__lrn_f32) = {.name = LEVEL_STRING("lrn_f32"),
                                                         .isa = LEVEL_ISA,
                                                         .estimate = lrn_estimate,
                                                         .prepare = lrn_prepare,
                                                         .run = lrn_run};
