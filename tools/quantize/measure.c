/* What quantising does: each step on its own, fed with float values, and the whole network. The
 * quantised nodes stand behind the float ones in one graph, so that both see the same picture and
 * nothing has to be kept. */
#include <math.h>
#include <string.h>

#include "tools/quantize/quantize.h"

/* Sums over pairs of a float value and its quantised counterpart. */
struct pair_sums {
    uint32_t node;
    double ff, qq, fq, dd;
    double *channel; /* per channel: sum of the differences */
    uint64_t count;  /* elements per channel */
};

struct comparison {
    struct quantiser *q;
    struct pair_sums *pairs;
    uint32_t *points;
    uint32_t npairs;
};

static void add_pair(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *t)
{
    struct comparison *c = ctx;
    struct pair_sums *p = &c->pairs[group];
    const float *f = t[0].data, *q = t[1].data;
    size_t n = infer_tensor_elements(&t[0]);
    double ff = 0, qq = 0, fq = 0, dd = 0;
    (void)sample;
    for (size_t i = 0; i < n; i++) {
        double a = (double)f[i], b = (double)q[i];
        ff += a * a;
        qq += b * b;
        fq += a * b;
        dd += (a - b) * (a - b);
    }
    p->ff += ff;
    p->qq += qq;
    p->fq += fq;
    p->dd += dd;
    if (!p->channel || t[0].rank < 1)
        return;
    /* channels are axis 1 behind Conv, the last behind Gemm and MatMul */
    int axis = c->q->graph.nodes[p->node].op == INFER__OP_CONV ? 1 : t[0].rank - 1;
    int64_t channels = t[0].dims[axis], inner = 1, outer = 1;
    for (int i = 0; i < axis; i++)
        outer *= t[0].dims[i];
    for (int i = axis + 1; i < t[0].rank; i++)
        inner *= t[0].dims[i];
    if (channels != c->q->nodes[p->node].channels)
        return;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < channels; k++) {
            double sum = 0;
            for (int64_t i = 0; i < inner; i++) {
                int64_t at = (o * channels + k) * inner + i;
                sum += (double)q[at] - (double)f[at];
            }
            p->channel[k] += sum;
        }
    p->count += (uint64_t)(outer * inner);
}

static double decibels(double signal, double noise)
{
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

static double cosine(const struct pair_sums *p)
{
    double d = sqrt(p->ff) * sqrt(p->qq);
    return d > 0 ? p->fq / d : p->ff == p->qq ? 1 : 0;
}

static infer_status begin(struct comparison *c, struct quantiser *q, struct infer__region *region,
                          infer_error *err)
{
    size_t most = 2 * (size_t)q->graph.nnodes + q->graph.noutputs;
    memset(c, 0, sizeof *c);
    c->q = q;
    c->pairs = infer__region_calloc(region, most + 1, sizeof *c->pairs);
    c->points = infer__region_calloc(region, 2 * most + 1, sizeof *c->points);
    return c->pairs && c->points ? INFER_OK : infer__no_memory(err, most * sizeof *c->pairs);
}

static struct pair_sums *add(struct comparison *c, uint32_t node, uint32_t f, uint32_t quantised)
{
    struct pair_sums *p = &c->pairs[c->npairs];
    c->points[2 * c->npairs] = f;
    c->points[2 * c->npairs + 1] = quantised;
    c->npairs++;
    p->node = node;
    return p;
}

static infer_status compare(struct comparison *c, const struct quant_emitted *e, const char *what,
                            infer_error *err)
{
    struct quantiser *q = c->q;
    uint32_t n = q->samples.ncalibration,
             step = n > QUANT_MOST_MEASURED ? n / QUANT_MOST_MEASURED : 1;
    struct capture run = {.graph = &e->graph,
                          .points = c->points,
                          .npoints = 2 * c->npairs,
                          .group = 2,
                          .samples = &q->samples,
                          .count = n < QUANT_MOST_MEASURED ? n : QUANT_MOST_MEASURED,
                          .step = step,
                          .threads = q->options.threads,
                          .fn = add_pair,
                          .ctx = c,
                          .what = what,
                          .progress = quant_progress,
                          .progress_ctx = q};
    return c->npairs ? capture_run(&run, err) : INFER_OK;
}

/* ---- each step on its own ------------------------------------------------------------------- */

static int is_quantised(const struct quant_node *k)
{
    return k->kind != QUANT_FLOAT && k->kind != QUANT_INNER;
}

static infer_status measure_alone(struct quantiser *q, struct infer__region *region,
                                  infer_error *err)
{
    struct quant_emitted e;
    struct comparison c;
    TRY(quant_emit(q, QUANT_ALONE, region, &e, err));
    TRY(begin(&c, q, region, err));
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        if (is_quantised(&q->nodes[i]))
            add(&c, i, quant_result(q, i), e.result[quant_result(q, i)]);
    TRY(compare(&c, &e, "steps on their own", err));
    for (uint32_t i = 0; i < c.npairs; i++) {
        struct quant_node *k = &q->nodes[c.pairs[i].node];
        k->alone_snr = decibels(c.pairs[i].ff, c.pairs[i].dd);
        k->alone_cosine = cosine(&c.pairs[i]);
    }
    return INFER_OK;
}

infer_status quant_measure_alone(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    infer__region_init(&region, NULL);
    infer_status status = measure_alone(q, &region, err);
    infer__region_free(&region);
    return status;
}

/* ---- bias correction ------------------------------------------------------------------------ */

/* What the mean of a channel moved by goes off its bias: Nagel et al., "Data-free
 * quantization through weight equalization and bias correction", 2019, with measured means. A
 * step's own error only: what has come together before it would be counted again and again. */
static infer_status fix_bias(struct quantiser *q, const struct pair_sums *p, infer_error *err)
{
    struct quant_node *k = &q->nodes[p->node];
    if (!p->count)
        return INFER_OK;
    if (!k->fix) {
        k->fix = infer__region_calloc(&q->region, k->channels, sizeof *k->fix);
        if (!k->fix)
            return infer__no_memory(err, k->channels * sizeof *k->fix);
        q->corrected++;
    }
    for (uint32_t c = 0; c < k->channels; c++)
        k->fix[c] += (float)(p->channel[c] / (double)p->count);
    return INFER_OK;
}

static infer_status correct(struct quantiser *q, struct infer__region *region, infer_error *err)
{
    struct quant_emitted e;
    struct comparison c;
    TRY(quant_emit(q, QUANT_ALONE, region, &e, err));
    TRY(begin(&c, q, region, err));
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        const struct quant_node *k = &q->nodes[i];
        uint32_t v = k->kind == QUANT_DENSE ? q->graph.nodes[i].out[0] : 0;
        if (!v)
            continue;
        struct pair_sums *p = add(&c, i, v, e.raw[v]); /* before the activation */
        p->channel = infer__region_calloc(region, k->channels, sizeof *p->channel);
        if (!p->channel)
            return infer__no_memory(err, k->channels * sizeof *p->channel);
    }
    TRY(compare(&c, &e, "bias correction", err));
    for (uint32_t i = 0; i < c.npairs; i++)
        TRY(fix_bias(q, &c.pairs[i], err));
    return INFER_OK;
}

infer_status quant_correct(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    infer__region_init(&region, NULL);
    infer_status status = correct(q, &region, err);
    infer__region_free(&region);
    return status;
}

/* ---- the whole network ---------------------------------------------------------------------- */

static infer_status measure_whole(struct quantiser *q, struct infer__region *region,
                                  infer_error *err)
{
    struct quant_emitted e;
    struct comparison c;
    TRY(quant_emit(q, QUANT_WHOLE, region, &e, err));
    TRY(begin(&c, q, region, err));
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        uint32_t v = quant_is_step(q, i) ? quant_result(q, i) : 0;
        if (v && e.result[v])
            add(&c, i, v, e.result[v]);
    }
    TRY(compare(&c, &e, "the whole network", err));
    for (uint32_t i = 0; i < c.npairs; i++) {
        struct quant_node *k = &q->nodes[c.pairs[i].node];
        k->snr = decibels(c.pairs[i].ff, c.pairs[i].dd);
        k->cosine = cosine(&c.pairs[i]);
    }
    return INFER_OK;
}

infer_status quant_measure_whole(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    infer__region_init(&region, NULL);
    infer_status status = measure_whole(q, &region, err);
    infer__region_free(&region);
    return status;
}
