#include "run/extents.h"

#include <string.h>

#include "graph/control.h"
#include "plan/bounds.h"
#include "plan/empty.h"
#include "plan/lower.h"
#include "plan/select.h"

/* ---- shapes --------------------------------------------------------------------------------- */

static struct infer__value *value_now(const struct infer__program *p, uint32_t id)
{
    return &p->plan.now->values[id];
}

/* Lets the resolve function see the numbers that it asks for: those that planning had bounds for,
 * computed by now. `show` 0: they are hidden again. */
static void show_values(struct infer__program *p, const struct infer__node *n,
                        void *const *pointers, int show)
{
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *planned = &p->plan.graph.values[n->in[i]];
        struct infer__value *v = value_now(p, n->in[i]);
        if (!n->in[i] || planned->kind == INFER__VALUE_CONST || !infer__bounds_told(n, i, planned))
            continue;
        v->kind = show ? INFER__VALUE_CONST : planned->kind;
        v->data = show ? pointers[i] : NULL;
    }
}

static infer_status fail_most(const struct infer__program *p, const char *node, uint32_t id,
                              infer_error *err)
{
    char now[96], planned[96];
    struct infer__value v = *value_now(p, id);
    v.free_dims = 0;
    return infer__fail_node(err, INFER_ERROR_LIMIT, node,
                            "'%.48s' has %s in this run, the session has room for %s "
                            "(infer_session_options.maxima)",
                            v.name, infer__value_text(&v, now, sizeof now),
                            infer__value_text(&p->plan.graph.values[id], planned, sizeof planned));
}

/* Results of what is found have room for what was planned, whatever there may be. */
static void cut_found(struct infer__program *p, const struct infer__node *n,
                      const union infer__params *params, uint32_t k)
{
    const struct infer__value *planned = &p->plan.graph.values[n->out[k]];
    struct infer__value *v = value_now(p, n->out[k]), least = *v;
    infer__bounds_found(n->op, params, k, -1, least.dims);
    for (int i = 0; i < v->rank; i++)
        if (least.dims[i] < 0 && v->dims[i] > planned->dims[i])
            v->dims[i] = planned->dims[i];
}

static infer_status resolve(struct infer__program *p, struct infer__bounded *b,
                            void *const *pointers, uint64_t max_tensor_bytes, infer_error *err)
{
    struct infer__node n = b->node;
    n.nin -= n.epi.residual;
    if (b->values)
        show_values(p, &n, pointers, 1);
    infer_status status = infer__resolve_node(p->plan.now, &n, max_tensor_bytes, &b->task.p, err);
    if (b->values)
        show_values(p, &n, pointers, 0);
    TRY(status);
    for (uint32_t k = 0; k < n.nout; k++) {
        if (!n.out[k])
            continue;
        if (infer__bounds_finds(n.op))
            cut_found(p, &n, &b->task.p, k);
        if (infer__value_bytes(value_now(p, n.out[k])) >
            infer__value_bytes(&p->plan.graph.values[n.out[k]]))
            return fail_most(p, n.name, n.out[k], err);
    }
    return INFER_OK;
}

/* Parameters are those of the layout that the step was planned in. */
static void set_params(const struct infer__step *s)
{
    const struct infer__operand *y = &s->task.out[0];
    if (s->bounded->node.op && y->clast && infer__op_info(s->task.op)->layout == INFER__LAYOUT_ANY)
        infer__params_to_clast(s->task.op, &s->bounded->task.p, y->rank);
}

/* The shape of a value in the layout that was planned for an operand. */
static void set_dims(const struct infer__program *p, uint32_t id, struct infer__operand *o)
{
    const struct infer__value *v = value_now(p, id);
    if (!p->plan.graph.values[id].free_dims)
        return;
    for (int i = 0; i < o->rank; i++) {
        const int from = i - (o->rank - v->rank);
        o->dims[o->clast ? infer__clast_axis(i, o->rank) : i] = from < 0 ? 1 : v->dims[from];
    }
}

static void set_operands(const struct infer__program *p, const struct infer__step *s,
                         void *const *pointers)
{
    struct infer__bounded *b = s->bounded;
    const uint32_t count = s->task.nin + s->task.nout;
    memcpy(b->operands, s->task.in, count * sizeof *b->operands);
    memcpy(b->pointers, pointers, count * sizeof *b->pointers);
    b->task.in = b->operands;
    b->task.out = b->operands + s->task.nin;
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t t = k < s->task.nin ? s->in[k] : s->out[k - s->task.nin];
        if (b->operands[k].type)
            set_dims(p, p->plan.tensors[t].value, &b->operands[k]);
    }
}

/* ---- nothing to compute --------------------------------------------------------------------- */

static int is_empty(const struct infer__operand *o)
{
    return o->type && infer__operand_elements(o) == 0;
}

static int all_empty(const struct infer__operand *o, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (o[i].type && !is_empty(&o[i]))
            return 0;
    return 1;
}

/* Takes operands [begin, end) that are empty out; returns how many are left. */
static uint32_t drop_empty(struct infer__bounded *b, uint32_t begin, uint32_t end)
{
    uint32_t kept = begin;
    for (uint32_t i = begin; i < end; i++)
        if (!is_empty(&b->operands[i])) {
            b->operands[kept] = b->operands[i];
            b->pointers[kept++] = b->pointers[i];
        }
    return kept - begin;
}

/* Leaves a task with one result its first `nin` operands. */
static void keep_operands(struct infer__bounded *b, uint32_t nin)
{
    b->operands[nin] = b->task.out[0];
    b->pointers[nin] = b->pointers[b->task.nin];
    b->task.out = b->operands + nin;
    b->task.nin = nin;
}

/* The result is the first operand. */
static void identity(struct infer__bounded *b)
{
    b->task.op = INFER__OP_IDENTITY;
    keep_operands(b, 1);
}

/* A Resize to the size that there is already: kernels that resize have less memory for copies. */
static int is_copy(const struct infer__task *t)
{
    return t->op == INFER__OP_RESIZE && t->p.resize.coordinate != INFER__TF_CROP_AND_RESIZE &&
           memcmp(t->in[0].dims, t->out[0].dims, t->in[0].rank * sizeof *t->in[0].dims) == 0;
}

/* What result k is that comes of no elements. */
static infer_status fill(const struct infer__program *p, struct infer__bounded *b, uint32_t k,
                         infer_error *err)
{
    const struct infer__operand *y = &b->task.out[k];
    const size_t size = infer_type_size((infer_type)y->type);
    const int64_t count = infer__operand_elements(y);
    const struct infer__epilogue *e = &b->task.epi;
    uint64_t bits;
    if (e->residual || !infer__empty_result(p->plan.now, &b->node, &b->task.p, k, &bits))
        return infer__empty_refuse(&b->node, err);
    if (e->act) { /* so of f32 */
        float v;
        memcpy(&v, &bits, sizeof v);
        v = infer__activate(e->act, e->alpha, e->beta, v);
        memcpy(&bits, &v, sizeof v);
    }
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)b->pointers[b->task.nin + k] + (size_t)i * size, &bits, size);
    return INFER_OK;
}

static infer_status fill_all(const struct infer__program *p, struct infer__bounded *b,
                             infer_error *err)
{
    for (uint32_t k = 0; k < b->task.nout; k++)
        if (b->task.out[k].type)
            TRY(fill(p, b, k, err));
    return INFER_OK;
}

/* No kernel sees an operand without elements. *done: nothing is left to compute. */
static infer_status leave_out_empty(const struct infer__program *p, struct infer__bounded *b,
                                    int *done, infer_error *err)
{
    struct infer__task *t = &b->task;
    const uint32_t data = b->node.op ? infer__data_operands(&b->node) : t->nin;
    *done = 0;
    if (infer__is_control(t->op))
        return INFER_OK;
    *done = all_empty(t->out, t->nout);
    if (*done || t->op == INFER__OP_SHAPE)
        return INFER_OK;
    if (t->op == INFER__OP_SPLIT)
        t->nout = drop_empty(b, t->nin, t->nin + t->nout);
    if ((t->op == INFER__OP_SCATTER_ND || t->op == INFER__OP_SCATTER_ELEMENTS) &&
        (is_empty(&t->in[1]) || is_empty(&t->in[2])))
        identity(b);
    if (t->op == INFER__OP_CONCAT)
        keep_operands(b, drop_empty(b, 0, t->nin));
    for (uint32_t i = 0; i < t->nin; i++) {
        if (!is_empty(&t->in[i]))
            continue;
        *done = i < data;
        if (*done)
            return fill_all(p, b, err);
        b->operands[i] = (struct infer__operand){0};
        b->pointers[i] = NULL;
    }
    return INFER_OK;
}

/* ---- kernels -------------------------------------------------------------------------------- */

/* Whether the weights that were packed for the step are those that the kernel reads now. */
static int fits(const struct infer__program *p, const struct infer__step *s,
                const struct infer__kernel *k)
{
    const struct infer__need *need = &s->bounded->need;
    const uint64_t packed = infer__bytes_count(need->packed_bytes);
    if (infer__bytes_count(need->scratch_bytes) > p->plan.scratch_bytes)
        return 0;
    if (s->bounded->packed)
        return k->pack ? packed <= s->bounded->packed_bytes : !packed;
    return !packed || (k == s->kernel && need->layout == s->need.layout &&
                       packed == infer__bytes_count(s->need.packed_bytes));
}

static infer_status prepare(const struct infer__program *p, const struct infer__step *s,
                            const struct infer__kernel *k, double ns, infer_error *err)
{
    enum { SERIAL_NS = 5000 }; /* as of steps that are not bounded, select.c */
    struct infer__bounded *b = s->bounded;
    if (k->release || k->cut_bytes > b->cut_bytes || !(ns >= 0))
        return INFER_ERROR_UNSUPPORTED;
    TRY(infer__kernel_prepare(k, &b->task, b->node.op ? b->node.name : "", b->need.cut, &b->need,
                              err));
    if (!fits(p, s, k))
        return INFER_ERROR_UNSUPPORTED;
    if (b->packed && infer__bytes_count(b->need.packed_bytes))
        k->pack(&b->task, b->need.cut, b->packed);
    b->kernel = k;
    b->serial = ns < SERIAL_NS;
    return INFER_OK;
}

/* The kernel that was planned, or the cheapest one of those that need no more than was taken. */
static infer_status choose(const struct infer__program *p, const struct infer__step *s,
                           infer_error *err)
{
    struct infer__candidate c[INFER__MOST_CANDIDATES];
    struct infer__bounded *b = s->bounded;
    if (b->task.op == s->task.op &&
        prepare(p, s, s->kernel, infer__kernel_ns(s->kernel, &b->task), err) == INFER_OK)
        return INFER_OK;
    const int n = infer__candidates(&b->task, c);
    for (int i = 0; i < n; i++)
        if (prepare(p, s, c[i].kernel, c[i].ns, err) == INFER_OK)
            return INFER_OK;
    return infer__fail_node(err, INFER_ERROR_UNSUPPORTED, b->node.op ? b->node.name : "",
                            "no kernel computes %s with the sizes of this run",
                            infer__op_info(b->task.op)->name);
}

/* ---- the entries ---------------------------------------------------------------------------- */

infer_status infer__extents_before(struct infer__program *p, const struct infer__lane *lane,
                                   const struct infer__step *step, uint64_t max_tensor_bytes,
                                   infer_error *err)
{
    struct infer__bounded *b = step->bounded;
    void *const *pointers = infer__step_pointers(p, lane, step);
    int done;
    b->task = step->task;
    b->kernel = NULL;
    b->extent = -1;
    if (b->node.op)
        TRY(resolve(p, b, pointers, max_tensor_bytes, err));
    set_params(step);
    set_operands(p, step, pointers);
    TRY(leave_out_empty(p, b, &done, err));
    if (!done && is_copy(&b->task))
        identity(b);
    TRY(done ? INFER_OK : choose(p, step, err));
    infer__error_clear(err); /* of kernels that were passed over */
    return INFER_OK;
}

infer_status infer__extents_behind(struct infer__program *p, const struct infer__step *step,
                                   infer_error *err)
{
    const struct infer__bounded *b = step->bounded;
    if (b->extent < 0)
        return INFER_OK;
    for (uint32_t k = 0; k < b->node.nout; k++) {
        if (!b->node.out[k])
            continue;
        struct infer__value *v = value_now(p, b->node.out[k]);
        infer__bounds_found(b->node.op, &b->task.p, k, b->extent, v->dims);
        if (infer__value_bytes(v) > infer__value_bytes(&p->plan.graph.values[b->node.out[k]]))
            return fail_most(p, b->node.name, b->node.out[k], err);
    }
    return INFER_OK;
}

infer_status infer__extents_outputs(const struct infer__program *p, infer_error *err)
{
    const struct infer__graph *g = &p->plan.graph;
    for (uint32_t i = 0; i < g->noutputs; i++) {
        const struct infer__value *planned = &g->values[g->outputs[i]];
        for (int k = 0; planned->free_dims && k < planned->rank; k++)
            if (value_now(p, g->outputs[i])->dims[k] > planned->dims[k])
                return fail_most(p, "", g->outputs[i], err);
    }
    return INFER_OK;
}
