/* Arithmetic per channel behind a convolution or dense layer goes into its weights:
 *
 *   s * (W x + b) + t  =  (s W) x + (s b + t)      s, t: one number per output channel
 *
 * which holds exactly in the reals; new weights are computed in double and rounded once, the
 * standard practice of inference (no more rounding than the nodes that go away had).
 *
 *   BatchNormalization   s = scale / sqrt(var + epsilon), t = bias - s * mean
 *                        (Ioffe and Szegedy 2015, the form of inference)
 *   Mul, Div by c        s = c or 1 / c
 *   Add, Sub             t = c or -c (c - y: s = -1)
 */
#include "tools/onnx/optimise.h"

#include <math.h>
#include <string.h>

/* What there is to know of a layer that takes s and t in. */
struct layer {
    struct infer__node *n;
    const struct infer__value *w, *b; /* b may be NULL */
    int64_t channels;                 /* of the output */
    int rank;                         /* of the output; the channel is axis 1 */
    double beta;                      /* factor of b */
};

/* Fills *l if the value is made by a layer with constant weights and used once; else 0. */
static int find_layer(struct opt *o, uint32_t value, struct layer *l)
{
    memset(l, 0, sizeof *l);
    l->n = opt_single(o, value);
    if (!l->n || l->n->nin < 2)
        return 0;
    l->w = opt_const_in(o, l->n, 1);
    l->b = opt_const_in(o, l->n, 2);
    l->beta = 1;
    if (!l->w || (opt_in(o, l->n, 2) && !l->b))
        return 0;
    l->rank = l->w->rank;
    switch (l->n->op) {
    case INFER__OP_CONV:
        l->channels = l->w->rank >= 3 ? l->w->dims[0] : 0;
        break;
    case INFER__OP_CONV_TRANSPOSE: {
        /* weights are C, M/groups, k...: output channel m is in group m / (M/groups) */
        int64_t groups = infer__node_int(l->n, INFER__ATTR_GROUP, 1);
        if (l->w->rank < 3 || groups < 1 || groups > INT32_MAX || l->w->dims[0] % groups ||
            l->w->dims[1] > INT32_MAX)
            return 0;
        l->channels = l->w->dims[1] * groups;
        break;
    }
    case INFER__OP_GEMM:
        if (l->w->rank != 2)
            return 0;
        l->channels = l->w->dims[infer__node_int(l->n, INFER__ATTR_TRANS_B, 0) ? 0 : 1];
        l->beta = (double)infer__node_float(l->n, INFER__ATTR_BETA, 1.0f);
        break;
    default:
        return 0;
    }
    /* the bias: one number per channel, or (Gemm) one for all */
    if (l->b) {
        int64_t elements = infer__value_elements(l->b);
        int last = l->b->rank ? l->b->rank - 1 : 0;
        if (elements != l->channels && !(elements == 1 && l->n->op == INFER__OP_GEMM))
            return 0;
        if (elements > 1 && l->b->dims[last] != l->channels)
            return 0;
    }
    return l->channels > 0;
}

/* The output channel that weight i belongs to. */
static int64_t weight_channel(const struct layer *l, int64_t i, int64_t inner)
{
    switch (l->n->op) {
    case INFER__OP_CONV:
        return i / inner;
    case INFER__OP_CONV_TRANSPOSE: {
        int64_t groups = infer__node_int(l->n, INFER__ATTR_GROUP, 1);
        int64_t per_group = l->w->dims[1], c = i / (inner * per_group);
        return c / (l->w->dims[0] / groups) * per_group + i / inner % per_group;
    }
    default: /* Gemm */
        return infer__node_int(l->n, INFER__ATTR_TRANS_B, 0) ? i / inner : i % l->w->dims[1];
    }
}

/* Elements of the weights behind one step of the axis that weight_channel counts. */
static int64_t inner_elements(const struct layer *l)
{
    int64_t inner = 1;
    for (int i = l->n->op == INFER__OP_CONV_TRANSPOSE ? 2 : 1; i < l->w->rank; i++)
        inner *= l->w->dims[i];
    return inner;
}

static infer_status scale_weights(struct opt *o, const struct layer *l, const double *s,
                                  uint32_t *value)
{
    int64_t count = infer__value_elements(l->w), inner = inner_elements(l);
    const float *from = l->w->data;
    const char *name = l->w->name;
    int64_t dims[INFER_MAX_RANK];
    int same = 1, rank = l->w->rank;
    for (int64_t c = 0; c < l->channels; c++)
        same &= s[c] == 1;
    *value = l->n->in[1];
    if (same)
        return INFER_OK;
    float *w = infer__region_calloc(&o->scratch, (size_t)count, sizeof *w);
    if (!w)
        return infer__no_memory(o->err, (size_t)count * sizeof *w);
    for (int64_t i = 0; i < count; i++)
        w[i] = (float)((double)from[i] * s[weight_channel(l, i, inner)]);
    memcpy(dims, l->w->dims, sizeof dims);
    return opt_const(o, name, rank, dims, w, value);
}

/* Puts s and t into the layer; node `n` behind it goes away. */
static infer_status absorb(struct opt *o, struct layer *l, struct infer__node *n, const double *s,
                           const double *t)
{
    uint32_t in[3] = {l->n->in[0], 0, 0}, made = l->n->out[0], out = n->out[0];
    const float *old = l->b ? l->b->data : NULL, one = 1.0f;
    int64_t elements = l->b ? infer__value_elements(l->b) : 0;
    for (int64_t c = 0; c < l->channels; c++)
        if (!isfinite(s[c]) || !isfinite(t[c]))
            return INFER_OK;
    float *b = infer__region_calloc(&o->scratch, (size_t)l->channels, sizeof *b);
    if (!b)
        return infer__no_memory(o->err, (size_t)l->channels * sizeof *b);
    for (int64_t c = 0; c < l->channels; c++) {
        double was = old ? l->beta * (double)old[elements == 1 ? 0 : c] : 0;
        b[c] = (float)(s[c] * was + t[c]);
    }
    if (!opt_replace(o, n, made))
        return INFER_OK;
    o->g->values[made].name = o->g->values[out].name; /* as it holds what that one held */
    TRY(scale_weights(o, l, s, &in[1]));
    TRY(opt_const(o, l->n->name, 1, &l->channels, b, &in[2]));
    if (l->n->op == INFER__OP_GEMM)
        TRY(infer__node_set_floats(o->g, l->n, INFER__ATTR_BETA, &one, 1, o->err));
    return opt_set_in(o, l->n, in, 3);
}

/* Two arrays of numbers per channel. */
static infer_status factors(struct opt *o, int64_t channels, double **s, double **t)
{
    *s = infer__region_calloc(&o->scratch, (size_t)channels, sizeof **s);
    *t = infer__region_calloc(&o->scratch, (size_t)channels, sizeof **t);
    if (!*s || !*t)
        return infer__no_memory(o->err, (size_t)channels * sizeof **s);
    return INFER_OK;
}

/* s and t of a BatchNormalization with constant statistics; *channels is 0 if they are not. */
static infer_status batch_norm_factors(struct opt *o, const struct infer__node *n,
                                       int64_t *channels, double **s, double **t)
{
    const float *v[4];
    *channels = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const struct infer__value *x = opt_const_in(o, n, i + 1);
        if (!x || x->rank != 1 || (i && x->dims[0] != *channels) || !x->dims[0]) {
            *channels = 0;
            return INFER_OK;
        }
        *channels = x->dims[0];
        v[i] = x->data;
    }
    double epsilon = (double)infer__node_float(n, INFER__ATTR_EPSILON, 1e-5f);
    TRY(factors(o, *channels, s, t));
    for (int64_t c = 0; c < *channels; c++) {
        (*s)[c] = (double)v[0][c] / sqrt((double)v[3][c] + epsilon);
        (*t)[c] = (double)v[1][c] - (*s)[c] * (double)v[2][c];
    }
    return INFER_OK;
}

static infer_status absorb_batch_norm(struct opt *o, struct infer__node *n)
{
    struct layer l;
    double *s, *t;
    int64_t channels;
    if (n->nin != 5 || !find_layer(o, n->in[0], &l))
        return INFER_OK;
    TRY(batch_norm_factors(o, n, &channels, &s, &t));
    return channels == l.channels ? absorb(o, &l, n, s, t) : INFER_OK;
}

/* Whether a constant, broadcast to the layer's output, is one number per channel or one for all,
 * and does not add axes. Axis 1 of the output is axis 1 - (rank - c->rank) of the constant. */
static int per_channel(const struct layer *l, const struct infer__value *c)
{
    if (c->rank > l->rank)
        return 0;
    for (int i = 0; i < c->rank; i++) {
        int is_channel = i + l->rank - c->rank == 1;
        if (c->dims[i] != 1 && !(is_channel && c->dims[i] == l->channels))
            return 0;
    }
    return 1;
}

static infer_status absorb_binary(struct opt *o, struct infer__node *n)
{
    struct layer l;
    double *s, *t;
    uint32_t side = opt_const_in(o, n, 1) ? 1 : 0; /* of the constant */
    const struct infer__value *c = opt_const_in(o, n, side);
    if (!c || !find_layer(o, n->in[1 - side], &l) || !per_channel(&l, c) ||
        (n->op == INFER__OP_DIV && side == 0))
        return INFER_OK;
    TRY(factors(o, l.channels, &s, &t));
    const float *v = c->data;
    int64_t many = infer__value_elements(c) > 1;
    for (int64_t i = 0; i < l.channels; i++) {
        double k = (double)v[many ? i : 0];
        s[i] = 1;
        switch (n->op) {
        case INFER__OP_MUL:
            s[i] = k;
            break;
        case INFER__OP_DIV:
            s[i] = 1 / k;
            break;
        case INFER__OP_ADD:
            t[i] = k;
            break;
        default: /* Sub */
            s[i] = side ? 1 : -1;
            t[i] = side ? -k : k;
        }
    }
    return absorb(o, &l, n, s, t);
}

/* MatMul of matrices and Add of a row: one Gemm. */
static infer_status join_gemm(struct opt *o, struct infer__node *n)
{
    for (uint32_t side = 0; side < 2; side++) {
        const struct infer__value *c = opt_const_in(o, n, side);
        struct infer__node *m = opt_single(o, n->in[1 - side]);
        if (!c || !m || m->op != INFER__OP_MATMUL || opt_rank(opt_in(o, m, 0)) != 2)
            continue;
        const struct infer__value *w = opt_const_in(o, m, 1);
        if (!w || w->rank != 2 || c->rank > 2 || (c->rank == 2 && c->dims[0] != 1))
            continue;
        int64_t last = c->rank ? c->dims[c->rank - 1] : 1;
        if (last != 1 && last != w->dims[1])
            continue;
        uint32_t in[3] = {m->in[0], m->in[1], n->in[side]};
        TRY(opt_set_in(o, n, in, 3));
        n->op = INFER__OP_GEMM;
        n->name = m->name;
        o->changes++;
        return INFER_OK;
    }
    return INFER_OK;
}

infer_status opt_affine(struct opt *o, struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_BATCH_NORMALIZATION:
        return absorb_batch_norm(o, n);
    case INFER__OP_ADD:
        TRY(absorb_binary(o, n));
        return n->nout ? join_gemm(o, n) : INFER_OK;
    case INFER__OP_SUB:
    case INFER__OP_MUL:
    case INFER__OP_DIV:
        return absorb_binary(o, n);
    default:
        return INFER_OK;
    }
}

/* ---- BatchNormalization that stands alone --------------------------------------------------- */

/* y = x * s + t with constants of shape C, 1, ..., 1 (rank - 1 axes). */
static infer_status write_mul_add(struct opt *o, const struct infer__node *n, int64_t channels,
                                  const double *s, const double *t, struct infer__node to[2])
{
    int64_t dims[INFER_MAX_RANK] = {channels, 1, 1, 1, 1, 1, 1, 1};
    int rank = opt_rank(opt_in(o, n, 0)) - 1;
    uint32_t *ids = infer__region_calloc(o->g->region, 6, sizeof *ids);
    float *f = infer__region_calloc(&o->scratch, (size_t)channels, 2 * sizeof *f);
    if (!ids || !f)
        return infer__no_memory(o->err, (size_t)channels * 2 * sizeof *f);
    for (int64_t c = 0; c < channels; c++) {
        f[c] = (float)s[c];
        f[channels + c] = (float)t[c];
    }
    ids[0] = n->in[0];
    TRY(opt_const(o, n->name, rank, dims, f, &ids[1]));
    TRY(opt_const(o, n->name, rank, dims, f + channels, &ids[4]));
    TRY(infer__graph_add_value(o->g, "", &ids[2], o->err));
    ids[3] = ids[2];
    ids[5] = n->out[0];
    to[0] = (struct infer__node){.op = INFER__OP_MUL, .nin = 2, .nout = 1, .name = n->name};
    to[0].in = ids;
    to[0].out = ids + 2;
    to[1] = to[0];
    to[1].op = INFER__OP_ADD;
    to[1].in = ids + 3;
    to[1].out = ids + 5;
    return INFER_OK;
}

static infer_status expand(struct opt *o, struct infer__node *to, uint32_t *count)
{
    struct infer__graph *g = o->g;
    *count = 0;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        int64_t channels = 0;
        double *s, *t;
        if (n->op == INFER__OP_BATCH_NORMALIZATION && n->nin == 5 && opt_rank(opt_in(o, n, 0)) > 1)
            TRY(batch_norm_factors(o, n, &channels, &s, &t));
        if (channels) {
            TRY(write_mul_add(o, n, channels, s, t, to + *count));
            *count += 2;
        } else {
            to[(*count)++] = *n;
        }
    }
    return INFER_OK;
}

infer_status opt_expand_batch_norm(struct infer__graph *g, infer_error *err)
{
    struct opt o;
    size_t room = g->nnodes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->nnodes; i++)
        room += g->nodes[i].op == INFER__OP_BATCH_NORMALIZATION;
    if (room == g->nnodes)
        return INFER_OK;
    FAIL_IF(room > UINT32_MAX, INFER_ERROR_LIMIT, "too many nodes");
    struct infer__node *to = infer__region_calloc(g->region, room, sizeof *to);
    if (!to)
        return infer__no_memory(err, room * sizeof *to);
    TRY(opt_begin(&o, g, err));
    infer_status status = expand(&o, to, &count);
    opt_end(&o);
    if (status != INFER_OK)
        return status;
    g->nodes = to;
    g->nnodes = count;
    g->nodes_capacity = (uint32_t)room;
    return INFER_OK;
}
