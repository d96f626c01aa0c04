/* Unique: the elements, or the slices along an axis, that differ, where the first of each stands,
 * which one each is, and how often it comes. Slices compare element by element, the first that
 * differs counting. Places are sorted by what stands there; equals then lie side by side. */
#include "kernels/find/order.h"
#include "kernels/nd.h"

struct view {
    int64_t outer, axis, inner; /* a slice has `outer` rows of `inner` elements */
};

static struct view view_of(const struct infer__task *t)
{
    const struct infer__operand *o = &t->in[0];
    struct view v = {1, infer__operand_elements(o), 1};
    if (t->p.axis.flat)
        return v;
    v.axis = o->dims[t->p.axis.axis];
    for (int i = 0; i < o->rank; i++)
        if (i != t->p.axis.axis)
            *(i < t->p.axis.axis ? &v.outer : &v.inner) *= o->dims[i];
    return v;
}

INFER__APART static double estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_UNIQUE || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 100 * (double)infer__operand_elements(&t->in[0]);
}

/* Places, and of each unique one: the first place, how many, its number in the result. */
struct rows {
    int64_t *place, *first, *count, *number;
};

static infer_status prepare(const struct infer__task *t, struct infer__need *need, infer_error *err)
{
    const struct view v = view_of(t);
    (void)err;
    need->units = 1;
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(4, v.axis), sizeof(int64_t));
    return INFER_OK;
}

/* Below, above or 0: how slice a stands to slice b. */
static int compare(const struct infer__task *t, const struct view *v, const void *x, int64_t a,
                   int64_t b)
{
    for (int64_t i = 0; i < v->outer; i++)
        for (int64_t k = 0; k < v->inner; k++) {
            const uint64_t p = infer__order_key(t->in[0].type, x, (i * v->axis + a) * v->inner + k);
            const uint64_t q = infer__order_key(t->in[0].type, x, (i * v->axis + b) * v->inner + k);
            if (p != q)
                return p < q ? -1 : 1;
        }
    return 0;
}

/* What places are sorted by: what stands there (x), then the places themselves; or first[]. */
struct order {
    const struct infer__task *t;
    const struct view *v;
    const void *x;
    const int64_t *first;
};

static int above(const struct order *o, int64_t a, int64_t b)
{
    if (o->first)
        return o->first[a] > o->first[b];
    const int c = compare(o->t, o->v, o->x, a, b);
    return c ? c > 0 : a > b;
}

static void sink(const struct order *o, int64_t *heap, int64_t n, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && above(o, heap[child + 1], heap[child]);
        if (!above(o, heap[child], heap[i]))
            return;
        const int64_t t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
    }
}

/* Heapsort: no memory of its own, and no worse case. */
static void sort(const struct order *o, int64_t *list, int64_t n)
{
    for (int64_t i = n / 2; i-- > 0;)
        sink(o, list, n, i);
    for (int64_t end = n; end-- > 1;) {
        const int64_t t = list[0];
        list[0] = list[end];
        list[end] = t;
        sink(o, list, end, 0);
    }
}

/* Groups sorted places; returns how many groups there are. number[] of a place becomes its group's
 * for the time being. */
static int64_t group(const struct order *o, const struct rows *r)
{
    int64_t groups = 0;
    for (int64_t i = 0; i < o->v->axis; i++) {
        if (!i || compare(o->t, o->v, o->x, r->place[i - 1], r->place[i])) {
            r->first[groups] = r->place[i];
            r->count[groups++] = 0;
        }
        r->count[groups - 1]++;
        r->number[r->place[i]] = groups - 1;
    }
    return groups;
}

static void write_values(const struct infer__task *t, const struct view *v, const char *x, char *y,
                         const int64_t *places, int64_t groups)
{
    const size_t bytes = (size_t)v->inner * infer__operand_size(&t->in[0]);
    for (int64_t i = 0; i < v->outer; i++)
        for (int64_t k = 0; k < groups; k++, y += bytes)
            memcpy(y, x + (size_t)(i * v->axis + places[k]) * bytes, bytes);
}

static void *output(const struct infer__task *t, const struct infer__buffers *b, uint32_t i)
{
    return i < t->nout && t->out[i].type ? b->out[i] : NULL;
}

/* What there is room for. */
static int64_t most_of(const struct infer__task *t)
{
    int64_t most = INT64_MAX;
    for (uint32_t i = 0; i < t->nout; i++) {
        const int64_t size = t->out[i].dims[i == 0 ? t->p.axis.axis : 0];
        if (t->out[i].type && i != 2 && size < most)
            most = size;
    }
    return most;
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    const struct view v = view_of(t);
    int64_t *indices = output(t, b, 1), *inverse = output(t, b, 2), *counts = output(t, b, 3);
    int64_t *s = b->scratch;
    const struct rows r = {s, s + v.axis, s + 2 * v.axis, s + 3 * v.axis};
    struct order o = {t, &v, b->in[0], NULL};
    if (begin >= end)
        return;
    for (int64_t i = 0; i < v.axis; i++)
        r.place[i] = i;
    sort(&o, r.place, v.axis);
    const int64_t groups = group(&o, &r);
    int64_t *turn = r.place; /* group of each number in the result */
    for (int64_t k = 0; k < groups; k++)
        turn[k] = k;
    o.first = r.first;
    if (t->p.axis.unsorted)
        sort(&o, turn, groups);
    *b->extent = groups;
    if (groups > most_of(t))
        return;
    for (int64_t i = 0; inverse && i < v.axis; i++)
        inverse[i] = r.number[i];
    for (int64_t k = 0; counts && k < groups; k++)
        counts[k] = r.count[turn[k]];
    for (int64_t k = 0; k < groups; k++)
        r.number[turn[k]] = k; /* of a group now */
    for (int64_t i = 0; inverse && i < v.axis; i++)
        inverse[i] = r.number[inverse[i]];
    for (int64_t k = 0; k < groups; k++)
        r.count[k] = r.first[turn[k]];
    if (indices)
        memcpy(indices, r.count, (size_t)groups * sizeof *indices);
    if (output(t, b, 0))
        write_values(t, &v, b->in[0], b->out[0], r.count, groups);
}

const struct infer__kernel infer__unique_c = {
    .name = "unique_c", .isa = INFER_ISA_C, .estimate = estimate, .prepare = prepare, .run = run};
