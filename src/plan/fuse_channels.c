/* What scales or reorders channels, together with the Concat before it, so that the joined tensor
 * is never written:
 *
 *   Concat -> Mul -> Add, constants of one number for each channel       ScaleShift
 *   Concat -> Reshape -> Transpose -> Reshape -> Split or Slices         ChannelShuffle
 *
 * The Concat and, of the shuffle, what cuts the result are taken in where they are there and
 * nobody else needs what is in between. */
#include <string.h>

#include "plan/passes.h"
#include "plan/uses.h"

enum { LOOK_AHEAD = 64 }; /* nodes behind a shuffle among which its readers are looked for */

struct channels {
    struct infer__graph *g;
    struct infer__uses uses;
    infer_error *err;
};

static struct infer__node *sole(const struct channels *f, uint32_t v, uint16_t op)
{
    return infer__sole_plain(f->g, &f->uses, v, op);
}

/* A picture of f32 with channels: 3 to 5 axes. */
static int is_picture(const struct infer__value *v)
{
    return v->type == INFER_F32 && v->rank >= 3 && v->rank <= 5 && !v->quant;
}

/* The same, or one of bytes: those only move. */
static int is_movable(const struct infer__value *v)
{
    return is_picture(v) || (v->type == INFER_U8 && v->rank >= 3 && v->rank <= 5);
}

/* Whether the parts of a Concat have its result's scale and zero point, or none. */
static int only_moves(const struct channels *f, const struct infer__node *concat)
{
    const struct infer__quant *y = f->g->values[concat->out[0]].quant;
    for (uint32_t i = 0; i < concat->nin; i++) {
        if (!infer__quant_same(f->g->values[concat->in[i]].quant, y))
            return 0;
    }
    return 1;
}

/* Replaces the operand x by those of the Concat that makes it, if it is one of pictures along the
 * channels; `more` operands stand behind. */
static infer_status set_joined(struct channels *f, struct infer__node *n, uint32_t x,
                               const uint32_t *more, uint32_t nmore)
{
    infer_error *err = f->err;
    struct infer__node *concat = sole(f, x, INFER__OP_CONCAT);
    const uint32_t *from = &x;
    uint32_t count = 1;
    int64_t axis = concat ? infer__node_int(concat, INFER__ATTR_AXIS, 0) : 0;
    if (concat && (axis == 1 || axis + f->g->values[x].rank == 1) &&
        concat->nin < UINT32_MAX - nmore && only_moves(f, concat)) {
        from = concat->in;
        count = concat->nin;
        infer__erase(concat);
    }
    uint32_t *in = infer__region_calloc(f->g->region, (size_t)INFER__SUM(count, nmore), sizeof *in);
    if (!in)
        return infer__no_memory(err, ((size_t)count + nmore) * sizeof *in);
    memcpy(in, from, count * sizeof *in);
    for (uint32_t i = 0; i < nmore; i++)
        in[count + i] = more[i];
    n->in = in;
    n->nin = count + nmore;
    return INFER_OK;
}

/* ---- ScaleShift ----------------------------------------------------------------------------- */

/* Whether a constant has one number for each channel of a picture and none for anything else. */
static int per_channel(const struct channels *f, uint32_t c, const struct infer__value *x)
{
    const struct infer__value *v = &f->g->values[c];
    int axis = 1 - (x->rank - v->rank); /* the constant's, of the channels */
    return v->kind == INFER__VALUE_CONST && v->type == INFER_F32 && axis >= 0 &&
           v->dims[axis] == x->dims[1] && infer__value_elements(v) == x->dims[1];
}

static infer_status form_scale_shift(struct channels *f, struct infer__node *add)
{
    const struct infer__value *y = &f->g->values[add->out[0]];
    for (int i = 0; i < 2 && is_picture(y); i++) {
        struct infer__node *mul = sole(f, add->in[1 - i], INFER__OP_MUL);
        if (!mul || !per_channel(f, add->in[i], y))
            continue;
        for (int k = 0; k < 2; k++) {
            const struct infer__value *x = &f->g->values[mul->in[1 - k]];
            if (!is_picture(x) || x->rank != y->rank || x->kind == INFER__VALUE_CONST ||
                memcmp(x->dims, y->dims, sizeof x->dims) != 0 || !per_channel(f, mul->in[k], y))
                continue;
            uint32_t more[2] = {mul->in[k], add->in[i]};
            TRY(set_joined(f, add, mul->in[1 - k], more, 2));
            infer__erase(mul);
            add->op = INFER__OP_SCALE_SHIFT;
            return INFER_OK;
        }
    }
    return INFER_OK;
}

/* ---- ChannelShuffle ------------------------------------------------------------------------- */

/* The groups of a Reshape to N, groups, C / groups, ... of a picture x, permuted by a Transpose of
 * axes 1 and 2 and put together again by a Reshape to y; 0: it is something else. */
static int64_t shuffle_groups(const struct channels *f, const struct infer__node *transpose,
                              uint32_t from, uint32_t to)
{
    const struct infer__value *x = &f->g->values[from], *y = &f->g->values[to];
    const struct infer__value *parts = &f->g->values[transpose->in[0]];
    const struct infer__attr *perm = infer__node_attr(transpose, INFER__ATTR_PERM);
    if (!is_movable(x) || y->type != x->type || y->rank != x->rank ||
        memcmp(x->dims, y->dims, sizeof x->dims) != 0 || parts->rank != x->rank + 1 || !perm ||
        perm->count != parts->rank)
        return 0;
    for (int i = 0; i < parts->rank; i++) {
        int64_t want = i == 1 ? 2 : i == 2 ? 1 : i;
        int same =
            i == 0 ? parts->dims[0] == x->dims[0] : i < 3 || parts->dims[i] == x->dims[i - 1];
        if (perm->ints[i] != want || !same)
            return 0;
    }
    return parts->dims[1] > 0 && parts->dims[1] * parts->dims[2] == x->dims[1] ? parts->dims[1] : 0;
}

/* Whether n is a Slice that takes all of a picture but for its channels; *first is the first. */
static int cuts_channels(const struct channels *f, const struct infer__node *n, int64_t *first)
{
    union infer__params p = {0};
    infer_error err;
    struct infer__graph scratch = *f->g; /* resolve writes shapes that are there already */
    if (n->op != INFER__OP_SLICE ||
        infer__resolve_node(&scratch, n, UINT64_MAX, &p, &err) != INFER_OK)
        return 0;
    const struct infer__value *x = &f->g->values[n->in[0]], *y = &f->g->values[n->out[0]];
    for (int i = 0; i < x->rank; i++)
        if (p.slice.step[i] != 1 || (i != 1 && x->dims[i] != y->dims[i]))
            return 0;
    *first = p.slice.start[1];
    return 1;
}

/* The nodes that cut `whole`, all its readers, if they share it out evenly and in order: their
 * outputs go to out, their nodes are erased. Returns the number of outputs, 0 if it is not so. */
static uint32_t take_cuts(struct channels *f, struct infer__node *n, uint32_t whole,
                          uint32_t out[LOOK_AHEAD])
{
    struct infer__graph *g = f->g;
    struct infer__node *cuts[LOOK_AHEAD];
    uint32_t readers = f->uses.count[whole], found = 0;
    const struct infer__node *end = g->nodes + g->nnodes;
    int64_t channels = g->values[whole].dims[1];
    for (struct infer__node *c = n + 1; c < end && c <= n + LOOK_AHEAD && found < readers; c++) {
        int64_t first = 0;
        if (c->op == INFER__OP_NONE || !c->nin || c->in[0] != whole)
            continue;
        if (readers == 1 && c->op == INFER__OP_SPLIT && c->nout <= LOOK_AHEAD) {
            int64_t axis = infer__node_int(c, INFER__ATTR_AXIS, 0), rank = g->values[whole].rank;
            for (uint32_t i = 0; i < c->nout; i++)
                if (!c->out[i] || g->values[c->out[i]].dims[1] * c->nout != channels ||
                    (axis != 1 && axis + rank != 1))
                    return 0;
            memcpy(out, c->out, c->nout * sizeof *out);
            infer__erase(c);
            return c->nout;
        }
        if (!cuts_channels(f, c, &first) || found == LOOK_AHEAD ||
            first * readers != channels * found ||
            g->values[c->out[0]].dims[1] * readers != channels)
            return 0;
        cuts[found] = c;
        out[found++] = c->out[0];
    }
    if (found != readers)
        return 0;
    for (uint32_t i = 0; i < found; i++)
        infer__erase(cuts[i]);
    return found;
}

static infer_status form_shuffle(struct channels *f, struct infer__node *last)
{
    infer_error *err = f->err;
    struct infer__node *transpose = sole(f, last->in[0], INFER__OP_TRANSPOSE);
    struct infer__node *first = transpose ? sole(f, transpose->in[0], INFER__OP_RESHAPE) : NULL;
    uint32_t out[LOOK_AHEAD] = {0}, nout;
    int64_t groups = first ? shuffle_groups(f, transpose, first->in[0], last->out[0]) : 0;
    if (!groups)
        return INFER_OK;
    TRY(set_joined(f, last, first->in[0], NULL, 0));
    infer__erase(transpose);
    infer__erase(first);
    last->op = INFER__OP_CHANNEL_SHUFFLE;
    last->nattr = 0;
    TRY(infer__node_set_ints(f->g, last, INFER__ATTR_GROUP, &groups, 1, err));
    nout = take_cuts(f, last, last->out[0], out);
    if (nout) {
        last->out = infer__region_copy(f->g->region, out, infer__array_bytes(nout, sizeof *out));
        if (!last->out)
            return infer__no_memory(err, nout * sizeof *out);
        last->nout = nout;
        for (uint32_t i = 0; i < nout; i++)
            f->uses.producer[out[i]] = (uint32_t)(last - f->g->nodes) + 1;
    }
    return INFER_OK;
}

infer_status infer__fuse_channels(struct infer__graph *g, infer_error *err)
{
    struct channels f = {.g = g, .err = err};
    TRY(infer__uses_of(g, &f.uses, err));
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        if (n->op == INFER__OP_ADD)
            TRY(form_scale_shift(&f, n));
        if (n->op == INFER__OP_RESHAPE)
            TRY(form_shuffle(&f, n));
    }
    infer__drop_erased(g);
    infer__uses_end(g, &f.uses);
    return INFER_OK;
}
