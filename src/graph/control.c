/* The rules of branches and bodies; see control.h. Linear in the size of the graph. */
#include "graph/control.h"

uint32_t infer__control_end(const struct infer__graph *g, uint32_t i, int end)
{
    const unsigned op = g->nodes[i].op;
    uint32_t depth = 0;
    for (uint32_t k = i + 1; k < g->nnodes; k++) {
        const unsigned o = g->nodes[k].op;
        if (!depth && (o == INFER__OP_END_IF || o == INFER__OP_END_LOOP ||
                       (o == INFER__OP_ELSE && op == INFER__OP_IF && !end)))
            return k;
        depth += o == INFER__OP_IF || o == INFER__OP_LOOP;
        depth -= o == INFER__OP_END_IF || o == INFER__OP_END_LOOP;
    }
    return g->nnodes;
}

void infer__control_inside(const struct infer__graph *g, uint8_t *inside)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        depth -= n->op == INFER__OP_END_IF || n->op == INFER__OP_END_LOOP;
        depth += n->op == INFER__OP_IF || n->op == INFER__OP_LOOP;
        for (uint32_t k = 0; k < n->nout; k++)
            inside[n->out[k]] = depth != 0;
    }
}

/* ---- checks --------------------------------------------------------------------------------- */

/* A region is a branch or a body, or, as number 0, what is in none. */
struct frame {
    const struct infer__node *node; /* that began it: If, Else or Loop */
    uint32_t region, then;          /* of an Else also: the region of the other branch */
};

struct walk {
    const struct infer__graph *g;
    uint32_t *region; /* of each value */
    uint8_t *open;    /* of each region: 1: what is made there is seen */
    uint8_t *token;   /* of each value: 1: it is that of an If or Else */
    uint32_t regions, depth;
    struct frame frames[INFER__MOST_NESTED];
    infer_error *err;
};

#define FAIL_NODE_IF(cond, status_, ...)                                                           \
    do {                                                                                           \
        if (cond)                                                                                  \
            return infer__fail_node(w->err, (status_), n->name, __VA_ARGS__);                      \
    } while (0)

static const char *name_of(const struct infer__node *n)
{
    return infer__op_info(n->op)->name;
}

static infer_status check_seen(const struct walk *w, const struct infer__node *n, uint32_t i)
{
    const uint32_t v = n->in[i];
    FAIL_NODE_IF(!w->open[w->region[v]], INFER_ERROR_FORMAT,
                 "%s: input %u, value %u ('%.64s'), is made in a branch or a loop that has ended",
                 name_of(n), i, v, w->g->values[v].name);
    FAIL_NODE_IF(w->token[v] && !(i == 0 && infer__is_control(n->op)), INFER_ERROR_FORMAT,
                 "%s: input %u, value %u ('%.64s'), is for Else or EndIf only", name_of(n), i, v,
                 w->g->values[v].name);
    return INFER_OK;
}

static infer_status check_all_seen(const struct walk *w, const struct infer__node *n)
{
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i])
            TRY(check_seen(w, n, i));
    return INFER_OK;
}

static void define(struct walk *w, const struct infer__node *n)
{
    for (uint32_t k = 0; k < n->nout; k++)
        w->region[n->out[k]] = w->depth ? w->frames[w->depth - 1].region : 0;
}

static infer_status begin(struct walk *w, const struct infer__node *n)
{
    FAIL_NODE_IF(w->depth == INFER__MOST_NESTED, INFER_ERROR_LIMIT,
                 "more than %d branches and loops are within each other", INFER__MOST_NESTED);
    if (n->op == INFER__OP_IF) { /* what is outside sees its token, but has no use for it */
        define(w, n);
        w->token[n->out[0]] = 1;
    }
    w->open[++w->regions] = 1;
    w->frames[w->depth++] = (struct frame){.node = n, .region = w->regions};
    if (n->op == INFER__OP_LOOP)
        define(w, n);
    return INFER_OK;
}

/* The frame that an Else, EndIf or EndLoop is about, and whose first result it begins with. */
static infer_status top(const struct walk *w, const struct infer__node *n, unsigned begun_by,
                        struct frame *f)
{
    FAIL_NODE_IF(!w->depth || w->frames[w->depth - 1].node->op != begun_by, INFER_ERROR_FORMAT,
                 "%s: there is no %s before it that it belongs to", name_of(n),
                 infer__op_info(begun_by)->name);
    *f = w->frames[w->depth - 1];
    FAIL_NODE_IF(n->in[0] != f->node->out[0], INFER_ERROR_FORMAT,
                 "%s: input 0 must be the first result of '%.64s', to which it belongs", name_of(n),
                 f->node->name);
    return INFER_OK;
}

static infer_status turn(struct walk *w, const struct infer__node *n)
{
    struct frame f;
    TRY(top(w, n, INFER__OP_IF, &f));
    w->open[f.region] = 0;
    w->open[++w->regions] = 1;
    w->depth--;
    define(w, n);
    w->token[n->out[0]] = 1;
    w->frames[w->depth++] = (struct frame){.node = n, .region = w->regions, .then = f.region};
    return INFER_OK;
}

static infer_status end_branches(struct walk *w, const struct infer__node *n)
{
    struct frame f;
    TRY(top(w, n, INFER__OP_ELSE, &f));
    FAIL_NODE_IF(n->nin != 1 + 2 * (uint64_t)n->nout, INFER_ERROR_FORMAT,
                 "EndIf: %u inputs do not go with %u outputs", n->nin, n->nout);
    for (uint32_t i = 1; i < n->nin; i++) {
        w->open[f.then] = i & 1;
        w->open[f.region] = !(i & 1);
        TRY(check_seen(w, n, i));
    }
    w->open[f.then] = w->open[f.region] = 0;
    w->depth--;
    define(w, n);
    return INFER_OK;
}

static infer_status end_body(struct walk *w, const struct infer__node *n)
{
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    struct frame f;
    TRY(top(w, n, INFER__OP_LOOP, &f));
    FAIL_NODE_IF(states > n->nout || states != f.node->nout - 1 || f.node->nin != f.node->nout,
                 INFER_ERROR_FORMAT, "EndLoop: %u inputs and %u outputs do not go with '%.64s'",
                 n->nin, n->nout, f.node->name);
    FAIL_NODE_IF(n->in[INFER__END_LOOP_LIMIT] != f.node->in[0], INFER_ERROR_FORMAT,
                 "EndLoop: input 1 must be the limit of '%.64s'", f.node->name);
    for (uint32_t k = 0; k < states; k++)
        FAIL_NODE_IF(n->in[infer__loop_state(k)] != f.node->out[1 + k], INFER_ERROR_FORMAT,
                     "EndLoop: input %u must be state %u of '%.64s'", infer__loop_state(k), k,
                     f.node->name);
    TRY(check_all_seen(w, n));
    w->open[f.region] = 0;
    w->depth--;
    define(w, n);
    return INFER_OK;
}

static infer_status check_node(struct walk *w, const struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_IF:
    case INFER__OP_LOOP:
        TRY(check_all_seen(w, n));
        return begin(w, n);
    case INFER__OP_ELSE:
        return turn(w, n);
    case INFER__OP_END_IF:
        return end_branches(w, n);
    case INFER__OP_END_LOOP:
        return end_body(w, n);
    default:
        TRY(check_all_seen(w, n));
        define(w, n);
        return INFER_OK;
    }
}

static infer_status check_end(const struct walk *w)
{
    infer_error *err = w->err;
    if (w->depth)
        return infer__fail_node(err, INFER_ERROR_FORMAT, w->frames[w->depth - 1].node->name,
                                "%s: nothing ends it", name_of(w->frames[w->depth - 1].node));
    for (uint32_t i = 0; i < w->g->noutputs; i++) {
        const uint32_t v = w->g->outputs[i];
        FAIL_IF(w->region[v] || w->token[v], INFER_ERROR_FORMAT,
                "output %u of the graph, value %u ('%.64s'), is made in a branch or a loop", i, v,
                w->g->values[v].name);
    }
    return INFER_OK;
}

infer_status infer__control_verify(const struct infer__graph *g, infer_error *err)
{
    struct walk w = {.g = g, .err = err};
    uint32_t some = 0;
    for (uint32_t i = 0; i < g->nnodes; i++)
        some += infer__is_control(g->nodes[i].op) != 0;
    if (!some)
        return INFER_OK;
    w.region = infer__region_calloc(g->region, g->nvalues, sizeof *w.region);
    w.token = infer__region_calloc(g->region, g->nvalues, 1);
    w.open = infer__region_calloc(g->region, (size_t)some + 1, 1);
    if (!w.region || !w.token || !w.open)
        return infer__no_memory(err, g->nvalues * sizeof *w.region);
    w.open[0] = 1;
    for (uint32_t i = 0; i < g->nnodes; i++)
        TRY(check_node(&w, &g->nodes[i]));
    return check_end(&w);
}
