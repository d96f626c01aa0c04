/* Cross-layer equalisation: a channel whose values stay small wastes the range that its tensor has
 * for all channels. Its producers' weights and biases are divided by s < 1 and its readers' weights
 * multiplied by it, which changes no result where everything between is homogeneous: f(x / s) =
 * f(x) / s (Nagel et al., "Data-free quantization through weight equalization and bias
 * correction", 2019; there for pairs of layers, here for all tensors that Add and pooling tie
 * together).
 *
 * A larger channel lets the rounding of the readers' weights count for more. With A the readers'
 * squared weights times the squared step of the tensor, and B their squared steps times the
 * channel's power, A s^2 + B / s^2 is least at s = (B / A)^(1/4). The steps of a depthwise reader
 * shrink along, so that only the channel's own largest value limits s.
 *
 * A Clip at 6 is homogeneous only as long as it does not act: a channel that reached the bound is
 * left alone, and the others keep a distance to it. */
#include <math.h>
#include <string.h>

#include "tools/quantize/quantize.h"

/* How far below a Clip's bound a channel stays: its largest value in the pictures, times this. */
static const float clip_margin = 1.25f;
static const double least_factor = 1.0 / 256;
/* A single outlier does not speak for its channel: ranges are cut about here anyway. In units of
 * the channel's root mean square. */
static const double most_deviation = 4;

struct channel_stats {
    float most;   /* largest absolute value */
    double power; /* sum of squares */
};

struct equaliser {
    struct quantiser *q;
    uint32_t *parent;      /* per value: union-find of tensors that must have the same factors */
    uint8_t *bad;          /* per root */
    uint8_t *feeds, *made; /* per root: a Conv reads it; a Conv makes it */
    float *bound;          /* per value: of the Clip that makes it, 0: none */
    uint32_t *points, npoints;
    struct channel_stats **stats; /* per value */
    infer_error *err;
};

static uint32_t find(struct equaliser *e, uint32_t v)
{
    while (e->parent[v] != v)
        v = e->parent[v] = e->parent[e->parent[v]];
    return v;
}

static void join(struct equaliser *e, uint32_t a, uint32_t b)
{
    a = find(e, a);
    b = find(e, b);
    e->parent[b] = a;
    e->bad[a] |= e->bad[b];
    e->feeds[a] |= e->feeds[b];
    e->made[a] |= e->made[b];
}

static void refuse(struct equaliser *e, uint32_t v)
{
    e->bad[find(e, v)] = 1;
}

/* ---- which tensors ------------------------------------------------------------------------- */

static const struct infer__value *weights_of(const struct quantiser *q, const struct infer__node *n)
{
    const struct infer__value *w = &q->graph.values[n->in[1]];
    int fine = w->kind == INFER__VALUE_CONST && w->type == INFER_F32 && q->uses[n->in[1]] == 1;
    uint32_t b = n->nin > 2 ? n->in[2] : 0;
    if (b)
        fine &= q->graph.values[b].kind == INFER__VALUE_CONST && q->uses[b] == 1;
    return fine ? w : NULL;
}

static int is_depthwise(const struct infer__node *n, const struct infer__value *w)
{
    return infer__node_int(n, INFER__ATTR_GROUP, 1) > 1 && w->dims[1] == 1;
}

static void visit_conv(struct equaliser *e, const struct infer__node *n)
{
    const struct infer__value *w = weights_of(e->q, n);
    int64_t group = infer__node_int(n, INFER__ATTR_GROUP, 1);
    int reads =
        w && (group == 1 || (is_depthwise(n, w) && group == e->q->shaped.values[n->in[0]].dims[1]));
    if (reads)
        e->feeds[find(e, n->in[0])] = 1;
    else
        refuse(e, n->in[0]);
    if (w)
        e->made[find(e, n->out[0])] = 1;
    else
        refuse(e, n->out[0]);
}

/* A Clip from 0 to a constant; absent bounds are none. */
static int clip_bound(const struct quantiser *q, const struct infer__node *n, float *bound)
{
    float b[2] = {-INFINITY, INFINITY};
    for (uint32_t i = 1; i < n->nin && i < 3; i++) {
        const struct infer__value *v = &q->graph.values[n->in[i]];
        if (n->in[i] && (v->kind != INFER__VALUE_CONST || v->type != INFER_F32))
            return 0;
        if (n->in[i])
            b[i - 1] = *(const float *)v->data;
    }
    *bound = b[1];
    return b[0] == 0 && b[1] > 0;
}

static int same_shape(const struct infer__value *a, const struct infer__value *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static int visit_between(struct equaliser *e, const struct infer__node *n)
{
    const struct infer__graph *s = &e->q->shaped;
    switch (n->op) {
    case INFER__OP_ADD:
        if (s->values[n->in[0]].kind == INFER__VALUE_CONST ||
            s->values[n->in[1]].kind == INFER__VALUE_CONST ||
            !same_shape(&s->values[n->in[0]], &s->values[n->in[1]]))
            return 0;
        join(e, n->in[0], n->in[1]);
        break;
    case INFER__OP_CLIP:
        if (!clip_bound(e->q, n, &e->bound[n->out[0]]))
            return 0;
        break;
    case INFER__OP_MAX_POOL:
        if (n->nout > 1)
            return 0;
        break;
    case INFER__OP_RELU:
    case INFER__OP_LEAKY_RELU:
    case INFER__OP_AVERAGE_POOL:
    case INFER__OP_GLOBAL_AVERAGE_POOL:
        break;
    default:
        return 0;
    }
    join(e, n->in[0], n->out[0]);
    return 1;
}

static void visit_all(struct equaliser *e)
{
    const struct infer__graph *g = &e->q->graph;
    for (uint32_t v = 0; v < g->nvalues; v++) {
        const struct infer__value *s = &e->q->shaped.values[v];
        e->parent[v] = v;
        e->bad[v] = g->values[v].kind != INFER__VALUE_NODE || e->q->is_output[v] || !s->shaped ||
                    s->type != INFER_F32 || s->rank < 3;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        if (n->op == INFER__OP_CONV)
            visit_conv(e, n);
        else if (!visit_between(e, n)) {
            for (uint32_t k = 0; k < n->nin; k++)
                refuse(e, n->in[k]);
            for (uint32_t k = 0; k < n->nout; k++)
                refuse(e, n->out[k]);
        }
    }
}

static int is_good(struct equaliser *e, uint32_t v)
{
    uint32_t r = find(e, v);
    return !e->bad[r] && e->feeds[r] && e->made[r] && !e->q->inside[v];
}

/* ---- what is in them ------------------------------------------------------------------------ */

static void look(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *t)
{
    struct equaliser *e = ctx;
    struct channel_stats *s = e->stats[e->points[group]];
    const float *x = t->data;
    int64_t inner = 1;
    (void)sample;
    for (int i = 2; i < t->rank; i++)
        inner *= t->dims[i];
    for (int64_t c = 0; c < t->dims[1]; c++, x += inner)
        for (int64_t i = 0; i < inner; i++) {
            float a = fabsf(x[i]);
            s[c].most = a > s[c].most ? a : s[c].most;
            s[c].power += (double)(a * a) / (double)inner;
        }
}

/* Behind a Clip the bound itself is the largest value that counts. */
static void limit_outliers(struct equaliser *e, uint32_t v)
{
    double n = e->q->samples.ncalibration;
    for (int64_t c = 0; c < e->q->shaped.values[v].dims[1] && !(e->bound[v] > 0); c++) {
        struct channel_stats *s = &e->stats[v][c];
        s->most = fminf(s->most, (float)(most_deviation * sqrt(s->power / n)));
    }
}

static infer_status measure(struct equaliser *e, struct infer__region *region)
{
    struct quantiser *q = e->q;
    uint32_t n = q->samples.ncalibration;
    for (uint32_t v = 1; v < q->graph.nvalues; v++) {
        if (q->graph.values[v].kind != INFER__VALUE_NODE || !is_good(e, v))
            continue;
        size_t channels = (size_t)q->shaped.values[v].dims[1];
        e->stats[v] = infer__region_calloc(region, channels, sizeof **e->stats);
        if (!e->stats[v])
            return infer__no_memory(e->err, channels * sizeof **e->stats);
        e->points[e->npoints++] = v;
    }
    struct capture c = {.graph = &q->graph,
                        .points = e->points,
                        .npoints = e->npoints,
                        .group = 1,
                        .samples = &q->samples,
                        .count = n,
                        .step = 1,
                        .threads = q->options.threads,
                        .fn = look,
                        .ctx = e,
                        .what = "equalisation",
                        .progress = quant_progress,
                        .progress_ctx = q};
    if (e->npoints)
        TRY(capture_run(&c, e->err));
    for (uint32_t i = 0; i < e->npoints; i++)
        limit_outliers(e, e->points[i]);
    return INFER_OK;
}

/* ---- factors -------------------------------------------------------------------------------- */

/* What the readers say of channel `c`: the sums A and B of this page's head, for steps of the
 * tensor and of weights of their largest value over 127. */
static void add_reader(const struct quantiser *q, const struct infer__node *n, int64_t c,
                       double power, double step, double *a, double *b)
{
    const struct infer__value *w = &q->graph.values[n->in[1]];
    const float *x = w->data;
    int64_t window = 1, in = w->dims[1], per = infer__value_elements(w) / w->dims[0];
    for (int i = 2; i < w->rank; i++)
        window *= w->dims[i];
    if (is_depthwise(n, w))
        return; /* free: A alone, so that the smallest s is the best */
    for (int64_t o = 0; o < w->dims[0]; o++) {
        double most = 0;
        for (int64_t i = 0; i < per; i++)
            most = fmax(most, fabs((double)x[o * per + i]));
        for (int64_t i = 0; i < window; i++) {
            double v = (double)x[(o * in + c) * window + i];
            *a += v * v * step * step;
        }
        *b += (double)window * (most / 127) * (most / 127) * power;
    }
}

static void group_factors(struct equaliser *e, uint32_t root, int64_t channels, float *s)
{
    struct quantiser *q = e->q;
    float most = 0;
    for (uint32_t i = 0; i < e->npoints; i++)
        for (int64_t c = 0; c < channels && find(e, e->points[i]) == root; c++)
            most = fmaxf(most, e->stats[e->points[i]][c].most);
    for (int64_t c = 0; c < channels; c++) {
        double low = least_factor, a = 0, b = 0;
        for (uint32_t i = 0; i < e->npoints; i++) {
            uint32_t v = e->points[i];
            float m = e->stats[v] && find(e, v) == root ? e->stats[v][c].most : 0;
            low = most > 0 ? fmax(low, (double)m / (double)most) : 1;
            if (e->bound[v] > 0 && isfinite(e->bound[v]) && find(e, v) == root)
                low = fmax(low,
                           (double)(m >= 0.999f * e->bound[v] ? 1 : clip_margin * m / e->bound[v]));
        }
        for (uint32_t i = 0; i < q->graph.nnodes; i++) {
            const struct infer__node *n = &q->graph.nodes[i];
            if (n->op == INFER__OP_CONV && find(e, n->in[0]) == root)
                add_reader(q, n, c, e->stats[n->in[0]][c].power / (double)q->samples.ncalibration,
                           (double)most / 255, &a, &b);
        }
        double best = b > 0 && a > 0 ? sqrt(sqrt(b / a)) : a > 0 || b > 0 ? 1 : low;
        s[c] = (float)fmin(1, fmax(low, best));
    }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Multiplies row c of a constant, `rows` of them, by 1 / s[c]; or, as readers do, entry c of the
 * second axis by s[c]. */
static infer_status scale_const(struct quantiser *q, uint32_t v, const float *s, int reader,
                                infer_error *err)
{
    struct infer__value *value = &q->graph.values[v];
    size_t n = (size_t)infer__value_elements(value);
    float *x = infer__region_calloc(&q->region, n + 1, sizeof *x);
    int64_t window = 1;
    if (!x)
        return infer__no_memory(err, n * sizeof *x);
    for (int i = reader ? 2 : 1; i < value->rank; i++)
        window *= value->dims[i];
    for (size_t i = 0; i < n; i++) {
        int64_t c = (int64_t)i / window % (reader ? value->dims[1] : value->dims[0]);
        x[i] = ((const float *)value->data)[i] * (reader ? s[c] : 1 / s[c]);
    }
    value->data = q->shaped.values[v].data = x;
    return INFER_OK;
}

/* A depthwise reader has its channels in the first axis, `m` outputs for each. */
static infer_status scale_depthwise(struct quantiser *q, uint32_t v, const float *s, int64_t group,
                                    infer_error *err)
{
    int64_t outputs = q->graph.values[v].dims[0], m = outputs / group;
    float *f = infer__region_calloc(&q->region, (size_t)outputs, sizeof *f);
    if (!f)
        return infer__no_memory(err, (size_t)outputs * sizeof *f);
    for (int64_t o = 0; o < outputs; o++)
        f[o] = 1 / s[o / m];
    return scale_const(q, v, f, 0, err);
}

static infer_status apply(struct equaliser *e, uint32_t root, const float *s)
{
    struct quantiser *q = e->q;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        const struct infer__node *n = &q->graph.nodes[i];
        if (n->op != INFER__OP_CONV)
            continue;
        if (find(e, n->out[0]) == root) {
            TRY(scale_const(q, n->in[1], s, 0, e->err));
            if (n->nin > 2 && n->in[2])
                TRY(scale_const(q, n->in[2], s, 0, e->err));
        }
        if (find(e, n->in[0]) != root)
            continue;
        if (is_depthwise(n, &q->graph.values[n->in[1]]))
            TRY(scale_depthwise(q, n->in[1], s, infer__node_int(n, INFER__ATTR_GROUP, 1), e->err));
        else
            TRY(scale_const(q, n->in[1], s, 1, e->err));
    }
    return INFER_OK;
}

static infer_status equalise(struct quantiser *q, struct infer__region *region, infer_error *err)
{
    size_t n = q->graph.nvalues;
    struct equaliser e = {.q = q, .err = err};
    e.parent = infer__region_calloc(region, n, sizeof *e.parent);
    e.bad = infer__region_calloc(region, 3 * n, 1);
    e.bound = infer__region_calloc(region, n, sizeof *e.bound);
    e.points = infer__region_calloc(region, n, sizeof *e.points);
    e.stats = infer__region_calloc(region, n, sizeof *e.stats);
    if (!e.parent || !e.bad || !e.bound || !e.points || !e.stats)
        return infer__no_memory(err, n * sizeof *e.stats);
    e.feeds = e.bad + n;
    e.made = e.feeds + n;
    visit_all(&e);
    TRY(measure(&e, region));
    for (uint32_t v = 1; v < n; v++) {
        if (find(&e, v) != v || !e.stats[v])
            continue;
        int64_t channels = q->shaped.values[v].dims[1];
        float *s = infer__region_calloc(region, (size_t)channels, sizeof *s);
        if (!s)
            return infer__no_memory(err, (size_t)channels * sizeof *s);
        group_factors(&e, v, channels, s);
        TRY(apply(&e, v, s));
        q->equalised++;
    }
    return INFER_OK;
}

infer_status quant_equalise(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    infer__region_init(&region, NULL);
    infer_status status = equalise(q, &region, err);
    infer__region_free(&region);
    return status;
}
