/* If, Loop and Scan: their sub-graphs become nodes between others that say where branches and
 * bodies begin and end (graph/control.h). */
#include "tools/onnx/onnx_internal.h"

#include "graph/control.h"

#include <stdio.h>
#include <string.h>

static infer_status take_list(struct onnx_node *n, size_t count, uint32_t **list)
{
    *list = infer__region_calloc(&n->im->scratch, count, sizeof **list);
    return *list ? INFER_OK : infer__no_memory(n->im->err, count * sizeof **list);
}

/* The values of the outputs, also of those that nobody reads. */
static infer_status make_outputs(struct onnx_node *n, uint32_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        TRY(onnx_out(n, i, &out[i]));
        if (!out[i])
            TRY(onnx_temp(n, "unused", &out[i]));
    }
    return INFER_OK;
}

static const Onnx__GraphProto *graph_of(struct onnx_node *n, const char *name)
{
    const Onnx__AttributeProto *a = onnx_attr(n, name);
    return a ? onnx_subgraph(a) : NULL;
}

/* ---- If ------------------------------------------------------------------------------------- */

/* Outputs of the one branch that is ever taken. */
static infer_status take_branch(struct onnx_node *n, const char *name,
                                const Onnx__GraphProto *graph)
{
    uint32_t *made, out;
    struct infer__node *node;
    TRY(take_list(n, n->nout, &made));
    TRY_NODE(n, onnx_inline(n, name, graph, NULL, 0, made, n->nout));
    for (uint32_t i = 0; i < n->nout; i++) {
        TRY(onnx_out(n, i, &out));
        if (out)
            TRY(onnx_emit(n, INFER__OP_IDENTITY, &made[i], 1, &out, 1, &node));
    }
    return INFER_OK;
}

/* If or Else, of a condition or token; *to is its own token. */
static infer_status emit_token(struct onnx_node *n, uint16_t op, const char *suffix, uint32_t from,
                               uint32_t *to)
{
    TRY(onnx_emit_temp(n, op, suffix, &from, 1, to));
    n->im->g->values[*to].type = INFER_BOOL;
    n->im->g->values[*to].shaped = 1;
    return INFER_OK;
}

/* Both branches, one of which each run takes. */
static infer_status take_both(struct onnx_node *n, const Onnx__GraphProto *yes,
                              const Onnx__GraphProto *no)
{
    const uint32_t count = n->nout;
    uint32_t *in, *made, *out, token;
    struct infer__node *node;
    TRY(take_list(n, 1 + 2 * (size_t)count, &in));
    TRY(take_list(n, count, &made));
    TRY(take_list(n, count, &out));
    const int outside = n->im->may_be_passed;
    n->im->may_be_passed = 1;
    TRY(emit_token(n, INFER__OP_IF, "if", n->in[0], &token));
    TRY(onnx_inline(n, "then_branch", yes, NULL, 0, made, count));
    for (uint32_t i = 0; i < count; i++)
        in[1 + 2 * i] = made[i];
    TRY(emit_token(n, INFER__OP_ELSE, "else", token, &in[0]));
    TRY(onnx_inline(n, "else_branch", no, NULL, 0, made, count));
    n->im->may_be_passed = outside;
    for (uint32_t i = 0; i < count; i++)
        in[2 + 2 * i] = made[i];
    TRY(make_outputs(n, out, count));
    if (n->failed)
        return INFER_OK;
    return onnx_emit(n, INFER__OP_END_IF, in, 1 + 2 * count, out, count, &node);
}

infer_status onnx_convert_if(struct onnx_node *n)
{
    const Onnx__GraphProto *yes = graph_of(n, "then_branch"), *no = graph_of(n, "else_branch");
    int known = 0;
    if (n->nin != 1 || !yes || !no || !n->nout)
        return onnx_fail(n, NULL, "", "a condition and two branches are needed");
    TRY(onnx_know(n->im, n->in[0], &known));
    const struct infer__value *c = onnx_in(n, 0);
    if (!known)
        return take_both(n, yes, no);
    if (c->type != INFER_BOOL || infer__value_elements(c) != 1)
        return onnx_fail(n, NULL, "", "the condition must be one element of type BOOL");
    return *(const uint8_t *)c->data ? take_branch(n, "then_branch", yes)
                                     : take_branch(n, "else_branch", no);
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* A loop that is being made. */
struct loop {
    struct onnx_node *n;
    uint32_t limit, iteration;
    const uint32_t *first; /* states */
    uint32_t *state, nstates;
};

/* Emits Loop. States have the types of what they are at first; their sizes may change. */
static infer_status begin_loop(struct loop *l)
{
    struct onnx_node *n = l->n;
    struct infer__graph *g = n->im->g;
    struct infer__node *node;
    uint32_t *in, *out;
    TRY(take_list(n, 1 + (size_t)l->nstates, &in));
    TRY(take_list(n, 1 + (size_t)l->nstates, &out));
    in[0] = l->limit;
    if (l->nstates)
        memcpy(in + 1, l->first, l->nstates * sizeof *in);
    TRY(onnx_temp(n, "iteration", &out[0]));
    for (uint32_t k = 0; k < l->nstates; k++)
        TRY(onnx_temp(n, "state", &out[1 + k]));
    TRY(onnx_emit(n, INFER__OP_LOOP, in, 1 + l->nstates, out, 1 + l->nstates, &node));
    g->values[out[0]].type = INFER_S64;
    g->values[out[0]].shaped = 1;
    for (uint32_t k = 0; k < l->nstates; k++)
        g->values[out[1 + k]].type = (uint8_t)onnx_value_type(n->im, l->first[k]);
    l->iteration = out[0];
    l->state = out + 1;
    return INFER_OK;
}

/* Emits EndLoop: `next` are the states behind an iteration, and behind them `nscans` scans. */
static infer_status end_loop(struct loop *l, uint32_t go_on, const uint32_t *next, uint32_t nscans,
                             const uint32_t *out)
{
    const uint32_t count = infer__loop_scan(l->nstates, nscans);
    struct infer__node *node;
    uint32_t *in;
    TRY(take_list(l->n, count, &in));
    in[INFER__END_LOOP_ITERATION] = l->iteration;
    in[INFER__END_LOOP_LIMIT] = l->limit;
    in[INFER__END_LOOP_GO_ON] = go_on;
    for (uint32_t k = 0; k < l->nstates; k++) {
        in[infer__loop_state(k)] = l->state[k];
        in[infer__loop_next(k)] = next[k];
    }
    for (uint32_t k = 0; k < nscans; k++)
        in[infer__loop_scan(l->nstates, k)] = next[l->nstates + k];
    return onnx_emit(l->n, INFER__OP_END_LOOP, in, count, out, l->nstates + nscans, &node);
}

/* ---- Loop ----------------------------------------------------------------------------------- */

static infer_status constant_true(struct onnx_node *n, uint32_t *value)
{
    const uint8_t yes = 1;
    return infer__graph_add_const(n->im->g, "", INFER_BOOL, 0, NULL, &yes, 1, value, n->im->err);
}

/* How many iterations there are at most: none at all where the condition is false before the first
 * one. */
static infer_status find_limit(struct onnx_node *n, uint32_t *limit)
{
    const uint32_t m = n->nin > 0 ? n->in[0] : 0, condition = n->nin > 1 ? n->in[1] : 0;
    struct onnx_expr e = onnx_expr(n);
    int known = 0;
    *limit = m ? m : onnx_e_integer(&e, INT64_MAX);
    if (condition && e.status == INFER_OK)
        TRY(onnx_know(n->im, condition, &known));
    const struct infer__value *c = &n->im->g->values[condition];
    if (condition && !(known && *(const uint8_t *)c->data))
        *limit = ONNX_E(&e, WHERE, condition, *limit, onnx_e_integer(&e, 0));
    return e.status;
}

/* Loop has conditions beside its states: inputs and outputs of the body before the first one. */
enum { LOOP_IN = 2, LOOP_OUT = 1 };

/* What becomes of a state. */
enum state_kind {
    CHANGES,
    STAYS,  /* an output of the body is the input as it stands */
    UNREAD, /* neither the body reads it, nor anybody what becomes of it */
};

static int is_output_read(const struct onnx_node *n, uint32_t i)
{
    const char *name = i < n->nout ? n->proto->output[i] : "";
    const uint32_t at = name[0] ? onnx_names_find(&n->im->names, name) : ONNX_MISSING;
    return at != ONNX_MISSING && n->im->names.items[at].used;
}

static enum state_kind kind_of(const struct onnx_node *n, const struct onnx_inner *body, uint32_t k)
{
    const char *in = body->im.graph->input[LOOP_IN + k]->name;
    const char *out = body->im.graph->output[LOOP_OUT + k]->name;
    if (in && out && strcmp(in, out) == 0)
        return STAYS;
    return onnx_inner_reads(body, LOOP_IN + k) || is_output_read(n, k) ? CHANGES : UNREAD;
}

/* The states that change; the others are what they were before. `in` are the body's inputs. */
static infer_status find_states(struct loop *l, const struct onnx_inner *body, uint32_t count,
                                uint32_t *in)
{
    struct onnx_node *n = l->n;
    uint32_t *first;
    TRY(take_list(n, count, &first));
    for (uint32_t k = 0; k < count; k++) {
        in[LOOP_IN + k] = n->in[2 + k];
        if (kind_of(n, body, k) == CHANGES)
            first[l->nstates++] = n->in[2 + k];
    }
    l->first = first;
    TRY(begin_loop(l));
    in[0] = l->iteration;
    TRY(constant_true(n, &in[1]));
    for (uint32_t k = 0, s = 0; k < count; k++)
        if (kind_of(n, body, k) == CHANGES)
            in[LOOP_IN + k] = l->state[s++];
    return INFER_OK;
}

/* A loop that leaves nothing: it has an end all the same, and is found to be of no use later. */
static infer_status end_nothing(struct loop *l, uint32_t go_on)
{
    uint32_t out;
    TRY(onnx_temp(l->n, "unused", &out));
    return end_loop(l, go_on, &l->iteration, 1, &out);
}

/* Ends the loop with those states and all scans. `made` are the body's outputs. */
static infer_status end_states(struct loop *l, const struct onnx_inner *body, uint32_t count,
                               const uint32_t *made)
{
    struct onnx_node *n = l->n;
    const uint32_t all = (uint32_t)body->im.graph->n_output - LOOP_OUT;
    uint32_t *next, *out, *results, kept = 0;
    struct infer__node *node;
    TRY(take_list(n, (size_t)all + 1, &next));
    TRY(take_list(n, (size_t)all + 1, &out));
    TRY(take_list(n, (size_t)all + 1, &results));
    TRY(make_outputs(n, out, all));
    for (uint32_t k = 0; k < all; k++)
        if (k >= count || kind_of(n, body, k) == CHANGES) {
            next[kept] = made[LOOP_OUT + k];
            results[kept++] = out[k];
        }
    if (kept)
        TRY(end_loop(l, made[0], next, all - count, results));
    else
        TRY(end_nothing(l, made[0]));
    for (uint32_t k = 0; k < count; k++)
        if (kind_of(n, body, k) != CHANGES)
            TRY(onnx_emit(n, INFER__OP_IDENTITY, &n->in[2 + k], 1, &out[k], 1, &node));
    return INFER_OK;
}

static infer_status make_loop(struct loop *l, struct onnx_inner *body, uint32_t count)
{
    struct onnx_node *n = l->n;
    const Onnx__GraphProto *graph = body->im.graph;
    uint32_t *in, *made;
    if (graph->n_input != LOOP_IN + (size_t)count || graph->n_output < LOOP_OUT + (size_t)count) {
        TRY(onnx_fail(n, "body", "", "the body does not go with the operator's inputs"));
        return onnx_report_inside(n);
    }
    for (uint32_t k = 0; k < count; k++)
        if (!n->in[2 + k])
            return onnx_fail(n, NULL, "", "state %u is missing", k);
    TRY(take_list(n, graph->n_input, &in));
    TRY(take_list(n, graph->n_output, &made));
    TRY(find_limit(n, &l->limit));
    TRY(find_states(l, body, count, in));
    TRY_NODE(
        n, onnx_inner_run(n, body, in, (uint32_t)graph->n_input, made, (uint32_t)graph->n_output));
    return end_states(l, body, count, made);
}

infer_status onnx_convert_loop(struct onnx_node *n)
{
    const Onnx__GraphProto *graph = graph_of(n, "body");
    struct loop l = {.n = n};
    struct onnx_inner body;
    if (!graph)
        return onnx_fail(n, "body", "", "the attribute is missing");
    infer_status status = onnx_inner_begin(n, "body", graph, &body);
    if (status == INFER_OK)
        status = make_loop(&l, &body, n->nin > 2 ? n->nin - 2 : 0);
    onnx_inner_end(&body);
    return status;
}

/* ---- Scan ----------------------------------------------------------------------------------- */

struct scan {
    struct onnx_node *n;
    const int64_t *in_axes, *in_directions, *out_axes, *out_directions;
    const Onnx__GraphProto *body;
    uint32_t nstates, nin, nout; /* scans that are inputs, and outputs */
};

static infer_status scan_list(struct onnx_node *n, const char *name, uint32_t wanted,
                              const int64_t **v)
{
    uint32_t count;
    TRY(onnx_ints(n, name, v, &count));
    return *v && count != wanted
               ? onnx_fail(n, name, "", "%u elements are given, there are %u", count, wanted)
               : INFER_OK;
}

static infer_status read_scan(struct scan *s, const Onnx__GraphProto *body)
{
    struct onnx_node *n = s->n;
    int64_t count;
    TRY(onnx_int(n, "num_scan_inputs", 0, &count));
    if (count < 1 || count > n->nin || body->n_input != n->nin ||
        body->n_output < n->nin - (size_t)count)
        return onnx_fail(n, "body", "", "the body does not go with the operator's inputs");
    s->nin = (uint32_t)count;
    s->nstates = n->nin - s->nin;
    s->nout = (uint32_t)body->n_output - s->nstates;
    TRY(scan_list(n, "scan_input_axes", s->nin, &s->in_axes));
    TRY(scan_list(n, "scan_input_directions", s->nin, &s->in_directions));
    TRY(scan_list(n, "scan_output_axes", s->nout, &s->out_axes));
    return scan_list(n, "scan_output_directions", s->nout, &s->out_directions);
}

/* What an iteration sees of a scan. */
static uint32_t slice(struct scan *s, struct onnx_expr *e, const struct loop *l, uint32_t k)
{
    uint32_t at = l->iteration;
    if (s->in_directions && s->in_directions[k])
        at = ONNX_E(e, SUB, ONNX_E(e, SUB, l->limit, at), onnx_e_integer(e, 1));
    const uint32_t y = ONNX_E(e, GATHER, s->n->in[s->nstates + k], at);
    onnx_e_int(e, INFER__ATTR_AXIS, s->in_axes ? s->in_axes[k] : 0);
    return y;
}

/* The rank that a graph states of an output; -1: it does not. */
static int rank_of(const Onnx__ValueInfoProto *v)
{
    if (!v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !v->type->tensor_type || !v->type->tensor_type->shape ||
        v->type->tensor_type->shape->n_dim >= INFER_MAX_RANK)
        return -1;
    return (int)v->type->tensor_type->shape->n_dim;
}

/* A result of all iterations, which stand along axis 0, as it is wanted. */
static infer_status turn(struct scan *s, struct onnx_expr *e, uint32_t k, uint32_t *y)
{
    struct onnx_node *n = s->n;
    const int64_t axis = s->out_axes ? s->out_axes[k] : 0;
    if (s->out_directions && s->out_directions[k])
        *y = ONNX_E(e, SLICE, *y, ONNX_LIST(e, -1), ONNX_LIST(e, INT64_MIN), ONNX_LIST(e, 0),
                    ONNX_LIST(e, -1));
    if (!axis)
        return INFER_OK;
    const int rank = rank_of(s->body->output[s->nstates + k]) + 1;
    if (rank < 1 || axis < -rank || axis >= rank)
        return onnx_fail(n, "scan_output_axes", "", "axis %lld: the rank of the output is %s",
                         (long long)axis, rank < 1 ? "not known" : "too small");
    int64_t perm[INFER_MAX_RANK], to = axis < 0 ? axis + rank : axis;
    for (int i = 0; i < rank; i++)
        perm[i] = i < to ? i + 1 : i == to ? 0 : i;
    *y = ONNX_E(e, TRANSPOSE, *y);
    onnx_e_ints(e, INFER__ATTR_PERM, perm, (uint32_t)rank);
    return INFER_OK;
}

infer_status onnx_convert_scan(struct onnx_node *n)
{
    const Onnx__GraphProto *body = graph_of(n, "body");
    struct scan s = {.n = n, .body = body};
    uint32_t *in, *made, *out, yes;
    if (!body)
        return onnx_fail(n, "body", "", "it is missing");
    TRY_NODE(n, read_scan(&s, body));
    for (uint32_t k = 0; k < n->nin; k++)
        if (!n->in[k])
            return onnx_fail(n, NULL, "", "input %u is missing", k);
    struct onnx_expr e = onnx_expr(n);
    const uint32_t sizes = ONNX_E(&e, SHAPE, n->in[s.nstates]);
    struct loop l = {.n = n, .nstates = s.nstates, .first = n->in};
    l.limit = ONNX_E(&e, GATHER, sizes, onnx_e_integer(&e, s.in_axes ? s.in_axes[0] : 0));
    TRY(e.status);
    TRY(begin_loop(&l));
    TRY(take_list(n, n->nin, &in));
    TRY(take_list(n, body->n_output, &made));
    TRY(take_list(n, body->n_output, &out));
    if (s.nstates)
        memcpy(in, l.state, s.nstates * sizeof *in);
    for (uint32_t k = 0; k < s.nin; k++)
        in[s.nstates + k] = slice(&s, &e, &l, k);
    TRY(e.status);
    TRY_NODE(n, onnx_inline(n, "body", body, in, n->nin, made, (uint32_t)body->n_output));
    for (uint32_t k = 0; k < body->n_output; k++)
        TRY(onnx_temp(n, "result", &out[k]));
    TRY(constant_true(n, &yes));
    TRY(end_loop(&l, yes, made, s.nout, out));
    for (uint32_t k = 0; k < body->n_output && e.status == INFER_OK; k++) {
        if (k >= s.nstates)
            TRY_NODE(n, turn(&s, &e, k - s.nstates, &out[k]));
        onnx_e_out(&e, k, out[k]);
    }
    return e.status;
}
