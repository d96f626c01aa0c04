/* Accuracy, and which steps to put back to float for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/quantize/quantize.h"

/* ---- comparing with the float network ------------------------------------------------------- */

struct evaluation {
    struct quantiser *q;
    struct quant_score *score;
    double cosines, dd, ff;
};

static size_t best(const infer_tensor *t)
{
    const float *x = t->data;
    size_t n = infer_tensor_elements(t), at = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[at] || x[at] != x[at])
            at = i;
    return at;
}

static void look(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *t)
{
    struct evaluation *e = ctx;
    const float *f = t[0].data, *x = t[1].data;
    size_t n = infer_tensor_elements(t);
    double ff = 0, fx = 0, xx = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)f[i] - (double)x[i];
        ff += (double)f[i] * (double)f[i];
        fx += (double)f[i] * (double)x[i];
        xx += (double)x[i] * (double)x[i];
        e->dd += d * d;
    }
    e->ff += ff;
    e->cosines += ff > 0 && xx > 0 ? fx / sqrt(ff) / sqrt(xx) : ff == xx;
    if (group)
        return;
    int64_t truth = e->q->samples.items[sample].truth;
    size_t float_best = best(&t[0]), quant_best = best(&t[1]);
    if (e->score->labelled && truth < 0)
        return;
    e->score->pictures++;
    if (!e->score->labelled)
        truth = (int64_t)float_best;
    e->score->float_correct += (int64_t)float_best == truth;
    e->score->correct += (int64_t)quant_best == truth;
}

/* Runs the network as it is placed now, `most` samples from `first` on. */
static infer_status evaluate(struct quantiser *q, uint32_t first, uint32_t most, const char *what,
                             struct evaluation *e, struct infer__region *region, infer_error *err)
{
    struct quant_emitted made;
    uint32_t n = 0, left = q->samples.count - first;
    uint32_t *points = infer__region_calloc(region, 2 * (size_t)q->graph.noutputs, sizeof *points);
    if (!points)
        return infer__no_memory(err, q->graph.noutputs * sizeof *points);
    TRY(quant_emit(q, QUANT_WHOLE, region, &made, err));
    for (uint32_t i = 0; i < q->graph.noutputs; i++) {
        uint32_t v = q->graph.outputs[i];
        const struct infer__value *s = &q->shaped.values[v];
        if (!made.result[v] || s->type != INFER_F32 || s->kind != INFER__VALUE_NODE)
            continue;
        points[n++] = v;
        points[n++] = made.result[v];
    }
    FAIL_IF(!n, INFER_ERROR_UNSUPPORTED, "the model has no output that depends on the picture");
    struct capture run = {.graph = &made.graph,
                          .points = points,
                          .npoints = n,
                          .group = 2,
                          .samples = &q->samples,
                          .first = first,
                          .count = left < most ? left : most,
                          .step = 1,
                          .threads = q->options.threads,
                          .fn = look,
                          .ctx = e,
                          .what = what,
                          .progress = quant_progress,
                          .progress_ctx = q};
    TRY(capture_run(&run, err));
    e->cosines /= (double)run.count * (n / 2);
    return INFER_OK;
}

infer_status quant_evaluate(struct quantiser *q, struct quant_score *score, infer_error *err)
{
    struct infer__region region;
    struct evaluation e = {.q = q, .score = score};
    memset(score, 0, sizeof *score);
    score->labelled = q->samples.known > 0;
    score->classifier = q->classifier;
    infer__region_init(&region, NULL);
    infer_status status =
        evaluate(q, q->samples.evaluate, UINT32_MAX, "accuracy", &e, &region, err);
    infer__region_free(&region);
    score->cosine = e.cosines;
    return status == INFER_OK && q->judge ? quant_judge(q, score, err) : status;
}

double quant_drop(const struct quant_score *s)
{
    if (s->measure)
        return quant_points(s);
    if (!s->classifier && !s->labelled)
        return 100 * (1 - s->cosine);
    return s->pictures ? 100.0 * ((double)s->float_correct - s->correct) / s->pictures : 0;
}

/* ---- the search ----------------------------------------------------------------------------- */

struct candidate {
    uint32_t node;
    double noise; /* share of noise in the output that stays where this step is float */
};

static int by_noise(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->noise != y->noise ? (x->noise > y->noise) - (x->noise < y->noise)
                                : (x->node > y->node) - (x->node < y->node);
}

static int can_go(const struct quantiser *q, uint32_t i)
{
    const struct quant_node *k = &q->nodes[i];
    return k->kind != QUANT_FLOAT && k->kind != QUANT_INNER && k->kind != QUANT_MOVE;
}

void quant_put_back(struct quantiser *q, uint32_t node, const char *reason)
{
    q->nodes[node].keep_float = reason != NULL;
    q->nodes[node].reason = reason;
}

/* For every step: the noise in the output with this step alone in float. */
static infer_status rank(struct quantiser *q, struct candidate *list, uint32_t n, infer_error *err)
{
    infer_status status = INFER_OK;
    int bar = q->options.bar; /* one bar for all of them */
    q->options.bar = 0;
    for (uint32_t i = 0; i < n && status == INFER_OK; i++) {
        struct infer__region region;
        struct quant_score score = {0};
        struct evaluation e = {.q = q, .score = &score};
        infer__region_init(&region, NULL);
        quant_put_back(q, list[i].node, "tried");
        quant_place(q);
        status = evaluate(q, 0, 8, "", &e, &region, err);
        infer__region_free(&region);
        quant_put_back(q, list[i].node, NULL);
        list[i].noise = e.ff > 0 ? e.dd / e.ff : 0;
        q->options.bar = bar;
        quant_progress(q, "sensitivity of steps", (i + 1.0) / n);
        q->options.bar = 0;
    }
    q->options.bar = bar;
    quant_place(q);
    qsort(list, n, sizeof *list, by_noise);
    return status;
}

static infer_status attempt(struct quantiser *q, const struct candidate *list, uint32_t n,
                            uint32_t k, struct quant_score *score, infer_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        quant_put_back(q, list[i].node, i < k ? "it costs accuracy" : NULL);
    quant_place(q);
    TRY(quant_evaluate(q, score, err));
    if (q->ntries < QUANT_MOST_TRIES)
        q->tries[q->ntries++] = (struct quant_try){"accuracy", k, quant_drop(score), 0, 0, 0};
    return INFER_OK;
}

infer_status quant_search(struct quantiser *q, infer_error *err)
{
    uint32_t n = 0, low = 0, high = 1;
    TRY(quant_evaluate(q, &q->score, err));
    if (q->options.max_drop < 0 || quant_drop(&q->score) <= q->options.max_drop)
        return INFER_OK;
    struct candidate *list = infer__region_calloc(&q->region, q->graph.nnodes, sizeof *list);
    if (!list)
        return infer__no_memory(err, q->graph.nnodes * sizeof *list);
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        if (can_go(q, i))
            list[n++].node = i;
    if (!n)
        return INFER_OK;
    TRY(rank(q, list, n, err));
    for (;; low = high, high = 2 * high < n ? 2 * high : n) {
        TRY(attempt(q, list, n, high, &q->score, err));
        if (quant_drop(&q->score) <= q->options.max_drop || high == n)
            break;
    }
    while (high - low > 1) { /* `high` is enough, `low` is not */
        struct quant_score score;
        uint32_t middle = low + (high - low) / 2;
        TRY(attempt(q, list, n, middle, &score, err));
        if (quant_drop(&score) <= q->options.max_drop)
            high = middle;
        else
            low = middle;
    }
    TRY(attempt(q, list, n, high, &q->score, err));
    if (q->ntries)
        q->tries[q->ntries - 1].kept = 1;
    return INFER_OK;
}
