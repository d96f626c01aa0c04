/* Pad. Axes behind the last padded one are walked as one element, called a cell. Where an end is
 * negative, the input is cut first and what remains is padded. */
#include <string.h>

#include "kernels/nd.h"

struct pad {
    int axes;                       /* up to the last padded one; at least 1 */
    int64_t dims[INFER_MAX_RANK];   /* of the output */
    int64_t stride[INFER_MAX_RANK]; /* of the input, in cells */
    int64_t cell;                   /* elements */
    int64_t rows;                   /* product of dims but the last */
};

static struct pad pad_of(const struct infer__task *t)
{
    const struct infer__operand *in = &t->in[0];
    struct pad p = {.axes = in->rank, .cell = 1, .rows = 1};
    while (p.axes > 1 && !t->p.pad.begin[p.axes - 1] && !t->p.pad.end[p.axes - 1])
        p.cell *= in->dims[--p.axes];
    infer__nd_strides(in->dims, p.axes, p.stride);
    for (int i = 0; i < p.axes; i++) {
        p.dims[i] = t->out[0].dims[i];
        p.rows *= i + 1 < p.axes ? p.dims[i] : 1;
    }
    return p;
}

INFER__APART static double pad_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_PAD || t->in[0].rank < 1 || t->in[0].type != t->out[0].type ||
        !infer__no_epilogue(t) || (infer__has_in(t, 2) && t->in[2].type != t->in[0].type))
        return -1;
    struct pad p = pad_of(t);
    return infer__bytes_ns(t) + 20 * (double)p.rows;
}

static uint32_t units_of(const struct infer__task *t, const struct pad *p)
{
    return infer__task_units(t, p->rows, 8192 / (p->cell * p->dims[p->axes - 1] + 1) + 1);
}

static infer_status pad_prepare(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    struct pad p = pad_of(t);
    (void)err;
    need->units = units_of(t, &p);
    return INFER_OK;
}

/* Place in the input of output place `o` along an axis; -1: the pad value. */
static int64_t source(const struct infer__pad *p, int axis, int64_t size, int64_t o)
{
    int64_t low = p->begin[axis] < 0 ? -p->begin[axis] : 0;
    int64_t n = size - low - (p->end[axis] < 0 ? -p->end[axis] : 0); /* what is left of it */
    int64_t i = o - (p->begin[axis] > 0 ? p->begin[axis] : 0);
    if (n <= 0)
        return -1;
    if (i < 0 || i >= n) {
        int64_t period = 2 * (n - 1);
        switch (p->mode) {
        case INFER__PAD_REFLECT:
            if (period == 0) {
                i = 0;
                break;
            }
            i = i % period + (i % period < 0 ? period : 0);
            i = i < n ? i : period - i;
            break;
        case INFER__PAD_EDGE:
            i = i < 0 ? 0 : n - 1;
            break;
        case INFER__PAD_WRAP:
            i = i % n + (i % n < 0 ? n : 0);
            break;
        default:
            return -1;
        }
    }
    return low + i;
}

static void fill(void *to, size_t size, int64_t count, const void *value)
{
    struct infer__nd w = {1, 1, {count}, {{0}}};
    infer__nd_copy(&w, value, size, 0, count, to);
}

/* One output row from the input row at `in` (NULL: all of it is padding): runs of cells that
 * stand side by side in the input, too, are copied at once. */
static void pad_row(const struct infer__task *t, const struct pad *p, const char *in, char *to,
                    const void *value)
{
    int axis = p->axes - 1;
    size_t size = infer__operand_size(&t->in[0]), cell = (size_t)p->cell * size;
    int64_t count = p->dims[axis], run;
    for (int64_t o = 0; o < count; o += run, to += (size_t)run * cell) {
        int64_t from = in ? source(&t->p.pad, axis, t->in[0].dims[axis], o) : -1, next = from;
        for (run = 1; o + run < count; run++) {
            int64_t s = in ? source(&t->p.pad, axis, t->in[0].dims[axis], o + run) : -1;
            next += from < 0 ? 0 : 1;
            if (s != next)
                break;
        }
        if (from < 0)
            fill(to, size, run * p->cell, value);
        else
            memcpy(to, in + (size_t)from * cell, (size_t)run * cell);
    }
}

static void run_pad(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    static const uint64_t zero;
    struct pad p = pad_of(t);
    uint32_t units = units_of(t, &p);
    const void *value = infer__has_in(t, 2) ? b->in[2] : &zero;
    size_t cell = (size_t)p.cell * infer__operand_size(&t->in[0]);
    int64_t last = infer__unit_begin(p.rows, units, end), width = p.dims[p.axes - 1];
    if (cell == 0 || width == 0)
        return;
    for (int64_t r = infer__unit_begin(p.rows, units, begin); r < last; r++) {
        int64_t rest = r, offset = 0;
        for (int i = p.axes - 2; i >= 0 && offset >= 0; i--) {
            int64_t s = source(&t->p.pad, i, t->in[0].dims[i], rest % p.dims[i]);
            rest /= p.dims[i];
            offset = s < 0 ? -1 : offset + s * p.stride[i];
        }
        const char *in = offset < 0 ? NULL : (const char *)b->in[0] + (size_t)offset * cell;
        pad_row(t, &p, in, (char *)b->out[0] + (size_t)(r * width) * cell, value);
    }
}

const struct infer__kernel infer__pad_c = {.name = "pad_c",
                                           .isa = INFER_ISA_C,
                                           .estimate = pad_estimate,
                                           .prepare = pad_prepare,
                                           .run = run_pad};
