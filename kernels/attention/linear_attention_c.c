/* LinearAttention: for each head of keys a state, a matrix of a key's times a value's size. At each
 * step it is multiplied by e^decay (gated), and k v' is added to it, where with the delta rule v is
 * beta * (v - what the state has for k) instead; each of its queries reads a value out of it. */
#include <math.h>

#include "kernels/nd.h"

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };

struct heads {
    int64_t images, steps, keys, each, key, value; /* queries of a key; sizes of both */
};

static struct heads heads_of(const struct infer__task *t)
{
    const struct infer__linear_attention *p = &t->p.linear_attention;
    const int64_t *q = t->in[QUERY].dims, *v = t->in[VALUE].dims;
    struct heads h = {q[0], q[1], p->keys, p->queries / p->keys, q[2] / p->queries, v[2] / p->keys};
    return h;
}

static uint32_t head_units(const struct infer__task *t, const struct heads *h)
{
    return infer__task_units(t, h->images * h->keys, 1);
}

INFER__APART static double linear_attention_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_LINEAR_ATTENTION || t->in[0].type != INFER_F32 || !infer__no_epilogue(t))
        return -1;
    struct heads h = heads_of(t);
    return infer__bytes_ns(t) + (double)(h.images * h.keys * h.steps) * (double)h.key *
                                    (double)h.value * (1 + 0.5 * (double)h.each);
}

/* A state and a corrected value; where the present state is an output the state is that. */
static infer_status linear_attention_prepare(const struct infer__task *t, struct infer__need *need,
                                             infer_error *err)
{
    struct heads h = heads_of(t);
    (void)err;
    need->units = head_units(t, &h);
    need->scratch_bytes =
        infer__bytes_of(INFER__SUM(INFER__PRODUCT(h.key, h.value), h.value), sizeof(float));
    return INFER_OK;
}

static int has_present(const struct infer__task *t)
{
    return t->nout > 1 && t->out[1].type != INFER_TYPE_NONE;
}

/* state *= e^decay, one number for all of it or one for each row. */
static void forget(const struct infer__task *t, const struct infer__buffers *b,
                   const struct heads *h, int64_t step, int64_t head, float *state)
{
    const int64_t width = t->in[DECAY].dims[2], rows = width / h->keys;
    const float *decay = (const float *)b->in[DECAY] + step * width + head * rows;
    for (int64_t i = 0; i < h->key; i++) {
        const float factor = expf(decay[rows > 1 ? i : 0]);
        for (int64_t j = 0; j < h->value; j++)
            state[i * h->value + j] *= factor;
    }
}

/* beta * (v - state' k) */
static void correct(const struct infer__task *t, const struct infer__buffers *b,
                    const struct heads *h, int64_t step, int64_t head, const float *state,
                    const float *k, const float *v, float *to)
{
    const int64_t width = t->in[BETA].dims[2];
    const float beta = ((const float *)b->in[BETA])[step * width + (width > 1 ? head : 0)];
    for (int64_t j = 0; j < h->value; j++)
        to[j] = v[j];
    for (int64_t i = 0; i < h->key; i++)
        for (int64_t j = 0; j < h->value; j++)
            to[j] -= state[i * h->value + j] * k[i];
    for (int64_t j = 0; j < h->value; j++)
        to[j] *= beta;
}

static void read_out(const struct heads *h, const float *state, const float *q, float scale,
                     float *y)
{
    for (int64_t j = 0; j < h->value; j++)
        y[j] = 0;
    for (int64_t i = 0; i < h->key; i++)
        for (int64_t j = 0; j < h->value; j++)
            y[j] += state[i * h->value + j] * q[i];
    for (int64_t j = 0; j < h->value; j++)
        y[j] *= scale;
}

/* One head of keys of one image. */
static void one_head(const struct infer__task *t, const struct infer__buffers *b,
                     const struct heads *h, int64_t image, int64_t head, float *state,
                     float *corrected)
{
    const struct infer__linear_attention *p = &t->p.linear_attention;
    for (int64_t s = 0; s < h->steps; s++) {
        const int64_t step = image * h->steps + s, at = step * h->keys + head;
        const float *k = (const float *)b->in[KEY] + at * h->key;
        const float *v = (const float *)b->in[VALUE] + at * h->value;
        if (p->rule & INFER__GATED)
            forget(t, b, h, step, head, state);
        if (p->rule & INFER__DELTA) {
            correct(t, b, h, step, head, state, k, v, corrected);
            v = corrected;
        }
        for (int64_t i = 0; i < h->key; i++)
            for (int64_t j = 0; j < h->value; j++)
                state[i * h->value + j] += k[i] * v[j];
        for (int64_t e = 0; e < h->each; e++) {
            const int64_t query = at * h->each + e;
            read_out(h, state, (const float *)b->in[QUERY] + query * h->key, p->scale,
                     (float *)b->out[0] + query * h->value);
        }
    }
}

static void linear_attention_run(const struct infer__task *t, const struct infer__buffers *b,
                                 uint32_t begin, uint32_t end)
{
    const struct heads h = heads_of(t);
    const uint32_t units = head_units(t, &h);
    const int64_t total = h.images * h.keys, size = h.key * h.value;
    const int64_t last = infer__unit_begin(total, units, end);
    for (int64_t i = infer__unit_begin(total, units, begin); i < last; i++) {
        float *corrected = b->scratch, *state = corrected + h.value;
        if (has_present(t))
            state = (float *)b->out[1] + i * size;
        for (int64_t k = 0; k < size; k++)
            state[k] = infer__has_in(t, PAST) ? ((const float *)b->in[PAST])[i * size + k] : 0;
        one_head(t, b, &h, i / h.keys, i % h.keys, state, corrected);
    }
}

const struct infer__kernel infer__linear_attention_c = {.name = "linear_attention_c",
                                                        .isa = INFER_ISA_C,
                                                        .estimate = linear_attention_estimate,
                                                        .prepare = linear_attention_prepare,
                                                        .run = linear_attention_run};
