/* A range for every tensor that may become integers: smallest and largest value first, then a
 * histogram between them, then, for `auto`, the error of each method on pictures that were kept
 * back. */
#include <math.h>
#include <string.h>

#include "tools/quantize/quantize.h"

struct pass {
    struct quantiser *q;
    uint32_t *points;
    int number; /* 1 range, 2 histogram, 3 error */
};

static void look(struct quantiser *q, int number, uint32_t v, const float *x, size_t n)
{
    struct quant_tensor *t = &q->tensors[v];
    if (number == 1)
        range_add(&t->seen, x, n);
    else if (number == 2)
        histogram_add(t->histogram, x, n);
    else {
        for (int m = 0; m < CALIBRATE_METHODS; m++)
            t->error[m] += params_error(params_u8(t->tried[m]), x, n);
        t->samples += n;
        for (size_t i = 0; i < n; i++)
            t->power += (double)x[i] * (double)x[i];
    }
}

static void look_at(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *t)
{
    const struct pass *p = ctx;
    (void)sample;
    look(p->q, p->number, p->points[group], t->data, infer_tensor_elements(t));
}

/* One pass over the samples `first`, `first` + `step`, ... or, with `others`, all but those. */
static infer_status run_pass(struct quantiser *q, struct pass *p, uint32_t npoints, int held,
                             infer_error *err)
{
    static const char *const what[] = {"", "ranges", "histograms", "comparing calibrations"};
    struct infer__region region;
    struct samples part = q->samples;
    infer_status status = INFER_OK;
    uint32_t input = q->graph.inputs[0];
    infer__region_init(&region, NULL);
    struct sample *items = infer__region_calloc(&region, part.ncalibration, sizeof *items);
    if (!items) {
        infer__region_free(&region);
        return infer__no_memory(err, part.ncalibration * sizeof *items);
    }
    part.count = 0;
    for (uint32_t i = 0; i < q->samples.ncalibration; i++) {
        int kept_back = q->samples.ncalibration >= 8 && i % 4 == 3;
        if (held < 0 || q->samples.ncalibration < 8 || kept_back == held)
            items[part.count++] = q->samples.items[i];
    }
    part.items = items;
    for (uint32_t i = 0; i < part.count && q->tensors[input].wanted; i++)
        look(q, p->number, input, items[i].data, infer_tensor_elements(&part.tensor));
    struct capture c = {.graph = &q->graph,
                        .points = p->points,
                        .npoints = npoints,
                        .group = 1,
                        .samples = &part,
                        .count = part.count,
                        .step = 1,
                        .threads = q->options.threads,
                        .fn = look_at,
                        .ctx = p,
                        .what = what[p->number],
                        .progress = quant_progress,
                        .progress_ctx = q};
    if (npoints)
        status = capture_run(&c, err);
    infer__region_free(&region);
    return status;
}

static void choose(struct quantiser *q, struct quant_tensor *t)
{
    int method = q->options.calibration;
    if (method == CALIBRATE_AUTO) {
        method = CALIBRATE_MINMAX;
        for (int m = 1; m < CALIBRATE_METHODS; m++)
            if (t->error[m] < t->error[method])
                method = m;
    }
    t->method = (uint8_t)method;
    t->range = t->tried[method];
    t->params = params_u8(t->range);
}

infer_status quant_calibrate(struct quantiser *q, infer_error *err)
{
    struct pass p = {.q = q};
    uint32_t n = 0, nvalues = q->graph.nvalues;
    int automatic = q->options.calibration == CALIBRATE_AUTO;
    p.points = infer__region_calloc(&q->region, nvalues, sizeof *p.points);
    if (!p.points)
        return infer__no_memory(err, nvalues * sizeof *p.points);
    for (uint32_t v = 1; v < nvalues; v++) {
        struct quant_tensor *t = &q->tensors[v];
        if (q->graph.values[v].kind == INFER__VALUE_CONST || !t->wanted)
            continue;
        t->seen = (struct range){INFINITY, -INFINITY};
        t->histogram = infer__region_calloc(&q->region, 1, sizeof *t->histogram);
        if (!t->histogram)
            return infer__no_memory(err, sizeof *t->histogram);
        if (q->graph.values[v].kind == INFER__VALUE_NODE)
            p.points[n++] = v;
    }
    p.number = 1;
    TRY(run_pass(q, &p, n, automatic ? 0 : -1, err));
    for (uint32_t v = 1; v < nvalues; v++) {
        struct quant_tensor *t = &q->tensors[v];
        if (!t->histogram)
            continue;
        if (!(t->seen.lo <= t->seen.hi)) /* nothing finite was seen */
            t->seen = (struct range){0, 0};
        t->histogram->lo = t->seen.lo;
        t->histogram->hi = t->seen.hi;
    }
    p.number = 2;
    TRY(run_pass(q, &p, n, automatic ? 0 : -1, err));
    for (uint32_t v = 1; v < nvalues; v++)
        for (int m = 0; q->tensors[v].histogram && m < CALIBRATE_METHODS; m++)
            q->tensors[v].tried[m] = range_choose(q->tensors[v].histogram, m);
    p.number = 3;
    if (automatic)
        TRY(run_pass(q, &p, n, 1, err));
    for (uint32_t v = 1; v < nvalues; v++)
        if (q->tensors[v].histogram)
            choose(q, &q->tensors[v]);
    return INFER_OK;
}
