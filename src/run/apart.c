/* Whether the caller's tensors lie apart: kernels write an output while they still read inputs and
 * write other outputs, so an output may share no byte with any other tensor. Inputs may overlap
 * each other. All ranges are sorted by where they begin and walked once: a model may have a million
 * outputs. The room for that was taken with the session. */
#include "run/program.h"

static void swap(struct infer__range *a, struct infer__range *b)
{
    struct infer__range t = *a;
    *a = *b;
    *b = t;
}

/* Lets element i of a heap of n sink to its place; the greatest is on top. */
static void sink(struct infer__range *r, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && r[child + 1].begin > r[child].begin;
        if (r[i].begin >= r[child].begin)
            return;
        swap(&r[i], &r[child]);
    }
}

/* Heapsort (Williams 1964): no memory of its own, and no worse case. */
static void sort(struct infer__range *r, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sink(r, i, n);
    for (size_t end = n; end-- > 1;) {
        swap(&r[0], &r[end]);
        sink(r, 0, end);
    }
}

static void add(struct infer__range *all, size_t *n, const void *begin, uint64_t bytes,
                int64_t output)
{
    if (begin && bytes)
        all[(*n)++] = (struct infer__range){(uintptr_t)begin, bytes, output};
}

/* Two tensors overlap, one of them an output. */
static infer_status fail(const struct infer__range *a, const struct infer__range *b,
                         infer_error *err)
{
    const int64_t output = a->output > b->output ? a->output : b->output;
    return infer__fail(err, INFER_ERROR_ARGUMENT, "output %lld shares memory with %s",
                       (long long)output,
                       a->output < 0 || b->output < 0 ? "an input" : "another output");
}

infer_status infer__check_apart(struct infer__program *p, const char *lent,
                                const infer_tensor *inputs, const infer_tensor *outputs,
                                infer_error *err)
{
    const struct infer__graph *g = &p->plan.graph;
    struct infer__range *all = p->ranges;
    const struct infer__range *written = NULL, *read = NULL; /* that reach furthest so far */
    size_t n = 0;
    for (uint32_t i = 0; i < g->ninputs; i++) {
        struct infer__value v = infer__program_value(p, g->inputs[i]);
        if (v.kind == INFER__VALUE_INPUT)
            add(all, &n, inputs[i].data, infer__value_bytes(&v), INFER__RANGE_INPUT);
    }
    for (uint32_t i = 0; i < g->noutputs; i++) {
        struct infer__value v = infer__program_value(p, g->outputs[i]);
        const void *data = outputs[i].data ? outputs[i].data : lent + p->output_offsets[i];
        add(all, &n, data, infer__value_bytes(&v), i);
    }
    sort(all, n);
    for (size_t i = 0; i < n; i++) {
        const struct infer__range *r = &all[i];
        const int is_input = r->output == INFER__RANGE_INPUT;
        if (written && r->begin - written->begin < written->bytes)
            return fail(written, r, err);
        if (!is_input && read && r->begin - read->begin < read->bytes)
            return fail(read, r, err);
        const struct infer__range **last = is_input ? &read : &written;
        if (!*last || r->begin + r->bytes > (*last)->begin + (*last)->bytes)
            *last = r;
    }
    return INFER_OK;
}
