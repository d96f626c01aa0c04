#include "kernels/nd.h"

#include <string.h>

void infer__nd_init(struct infer__nd *w, const struct infer__operand *out)
{
    w->axes = out->rank;
    w->operands = 0;
    for (int i = 0; i < out->rank; i++)
        w->dims[i] = out->dims[i];
}

void infer__nd_strides(const int64_t *dims, int rank, int64_t *stride)
{
    int64_t s = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = s;
        s *= dims[i];
    }
}

void infer__nd_broadcast(struct infer__nd *w, const struct infer__operand *o)
{
    int64_t dense[INFER_MAX_RANK];
    int64_t *stride = w->stride[w->operands++];
    int shift = w->axes - o->rank;
    infer__nd_strides(o->dims, o->rank, dense);
    for (int i = 0; i < w->axes; i++)
        stride[i] = i < shift || o->dims[i - shift] == 1 ? 0 : dense[i - shift];
}

void infer__nd_merge(struct infer__nd *w)
{
    int n = 0; /* axes kept so far */
    for (int i = 0; i < w->axes; i++) {
        if (w->dims[i] == 1)
            continue;
        int merge = n > 0;
        for (int k = 0; k < w->operands && merge; k++)
            merge = w->stride[k][n - 1] == w->stride[k][i] * w->dims[i];
        int to = merge ? n - 1 : n++;
        w->dims[to] = merge ? w->dims[to] * w->dims[i] : w->dims[i];
        for (int k = 0; k < w->operands; k++)
            w->stride[k][to] = w->stride[k][i];
    }
    if (n == 0) {
        w->dims[n] = 1;
        for (int k = 0; k < w->operands; k++)
            w->stride[k][n] = 1;
        n = 1;
    }
    w->axes = n;
}

void infer__nd_seek(const struct infer__nd *w, int64_t row, struct infer__nd_at *at)
{
    for (int k = 0; k < w->operands; k++)
        at->offset[k] = 0;
    for (int i = w->axes - 2; i >= 0; i--) {
        at->index[i] = row % w->dims[i];
        row /= w->dims[i];
        for (int k = 0; k < w->operands; k++)
            at->offset[k] += at->index[i] * w->stride[k][i];
    }
}

void infer__nd_next(const struct infer__nd *w, struct infer__nd_at *at)
{
    for (int i = w->axes - 2; i >= 0; i--) {
        int wraps = ++at->index[i] == w->dims[i];
        int64_t steps = wraps ? 1 - w->dims[i] : 1;
        for (int k = 0; k < w->operands; k++)
            at->offset[k] += steps * w->stride[k][i];
        if (!wraps)
            return;
        at->index[i] = 0;
    }
}

/* ---- copying -------------------------------------------------------------------------------- */

#define COPY_STRIDED(type)                                                                         \
    static void copy_##type(const type *src, int64_t stride, int64_t count, type *dst)             \
    {                                                                                              \
        if (stride == 0)                                                                           \
            for (int64_t i = 0; i < count; i++)                                                    \
                dst[i] = *src;                                                                     \
        else if (stride == 1 && count < 16)                                                        \
            for (int64_t i = 0; i < count; i++)                                                    \
                dst[i] = src[i];                                                                   \
        else if (stride == 1)                                                                      \
            memcpy(dst, src, (size_t)count * sizeof(type));                                        \
        else                                                                                       \
            for (int64_t i = 0; i < count; i++)                                                    \
                dst[i] = src[i * stride];                                                          \
    }
COPY_STRIDED(infer__e1)
COPY_STRIDED(infer__e2)
COPY_STRIDED(infer__e4)
COPY_STRIDED(infer__e8)

static void copy_row(const void *src, size_t size, int64_t offset, int64_t stride, int64_t count,
                     void *dst)
{
    switch (size) {
    case 1:
        copy_infer__e1((const infer__e1 *)src + offset, stride, count, dst);
        break;
    case 2:
        copy_infer__e2((const infer__e2 *)src + offset, stride, count, dst);
        break;
    case 4:
        copy_infer__e4((const infer__e4 *)src + offset, stride, count, dst);
        break;
    default:
        copy_infer__e8((const infer__e8 *)src + offset, stride, count, dst);
        break;
    }
}

void infer__nd_copy(const struct infer__nd *w, const void *src, size_t size, int64_t begin,
                    int64_t count, void *dst)
{
    if (count <= 0)
        return;
    struct infer__nd_at at;
    int64_t length = w->dims[w->axes - 1], stride = w->stride[0][w->axes - 1];
    int64_t inside = begin % length;
    char *to = dst;
    for (infer__nd_seek(w, begin / length, &at);; infer__nd_next(w, &at)) {
        int64_t n = length - inside < count ? length - inside : count;
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): ruled out above */
        copy_row(src, size, at.offset[0] + inside * stride, stride, n, to);
        count -= n;
        if (count == 0)
            return;
        to += (size_t)n * size;
        inside = 0;
    }
}

const void *infer__broadcast_block(const struct infer__operand *out, const struct infer__operand *o,
                                   const void *src, int64_t begin, int64_t count, void *buffer)
{
    size_t size = infer__operand_size(o);
    struct infer__nd w;
    infer__nd_init(&w, out);
    infer__nd_broadcast(&w, o);
    infer__nd_merge(&w);
    if (w.axes == 1 && w.stride[0][0] == 1)
        return (const char *)src + (size_t)begin * size;
    infer__nd_copy(&w, src, size, begin, count, buffer);
    return buffer;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

uint32_t infer__task_units(const struct infer__task *t, int64_t total, int64_t grain)
{
    return infer__units(total, grain, t->threads > 1 ? t->threads * 4 : 1);
}

static uint32_t element_units(const struct infer__task *t)
{
    return infer__task_units(t, infer__operand_elements(&t->out[0]), 8192);
}

infer_status infer__elements_prepare(const struct infer__task *t, struct infer__need *need,
                                     infer_error *err)
{
    (void)err;
    need->units = element_units(t);
    return INFER_OK;
}

void infer__elements_range(const struct infer__task *t, uint32_t begin, uint32_t end,
                           int64_t *first, int64_t *last)
{
    int64_t total = infer__operand_elements(&t->out[0]);
    uint32_t units = element_units(t);
    *first = infer__unit_begin(total, units, begin);
    *last = infer__unit_begin(total, units, end);
}

size_t infer__operand_size(const struct infer__operand *o)
{
    return infer_type_size((infer_type)o->type);
}

size_t infer__operand_bytes(const struct infer__operand *o)
{
    return o->type ? infer__array_bytes((size_t)infer__operand_elements(o), infer__operand_size(o))
                   : 0;
}

double infer__bytes_ns(const struct infer__task *t)
{
    double bytes = 0;
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].type)
            bytes +=
                (double)infer__operand_elements(&t->in[i]) * (double)infer__operand_size(&t->in[i]);
    for (uint32_t i = 0; i < t->nout; i++)
        if (t->out[i].type)
            bytes += (double)infer__operand_elements(&t->out[i]) *
                     (double)infer__operand_size(&t->out[i]);
    return bytes * 0.04;
}

int infer__no_epilogue(const struct infer__task *t)
{
    return !t->epi.act && !t->epi.residual;
}

int infer__has_in(const struct infer__task *t, uint32_t i)
{
    return i < t->nin && t->in[i].type != INFER_TYPE_NONE;
}
