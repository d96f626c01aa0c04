#include "tools/quantize/capture.h"

#include <stdlib.h>
#include <string.h>

#include "plan/fold.h"

/* Bytes of points that one session gives at most, unless one group alone has more. */
#define CHUNK_BYTES ((size_t)256 << 20)
#define TENSOR_BYTES ((uint64_t)2 << 30)

infer_status capture_session(const struct infer__graph *g, const struct samples *s,
                             uint32_t threads, infer_model *model, infer_session **session,
                             infer_error *err)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    memset(model, 0, sizeof *model);
    model->allocator = infer__allocator(NULL);
    model->graph = *g;
    model->max_tensor_bytes = TENSOR_BYTES;
    o.inputs = &s->spec;
    o.ninputs = 1;
    o.threads = threads;
    TRY(infer__store_create(&model->allocator, &model->store, err));
    return infer_session_create(model, &o, session, err);
}

void capture_session_free(infer_model *model, infer_session **session)
{
    infer_session_free(session);
    infer__store_free(model->store);
    model->store = NULL;
}

infer_status capture_shapes(const struct infer__graph *g, const struct samples *s,
                            struct infer__region *region, struct infer__graph *shaped,
                            infer_error *err)
{
    TRY(infer__graph_copy(shaped, g, region, err));
    struct infer__value *v = &shaped->values[shaped->inputs[0]];
    memcpy(v->dims, s->spec.dims, sizeof v->dims);
    v->free_dims = 0;
    v->shaped = 1;
    struct infer__budget budget = infer__budget_for(shaped, 0);
    return infer__fold(shaped, INFER__FOLD_PARTIAL | INFER__FOLD_KEEP_QUANTISED, TENSOR_BYTES,
                       &budget, err);
}

/* Points `first` to `end` - 1 as outputs of a copy of the graph, run on all samples. */
static infer_status run_chunk(const struct capture *c, uint32_t first, uint32_t end, double from,
                              double to, infer_error *err)
{
    struct infer__region region;
    struct infer__graph g;
    infer_model model = {.store = NULL};
    infer_session *session = NULL;
    infer_status status;
    uint32_t n = end - first;
    infer__region_init(&region, NULL);
    infer_tensor *outputs = infer__region_calloc(&region, n, sizeof *outputs);
    TRY_GOTO(outputs ? INFER_OK : infer__no_memory(err, n * sizeof *outputs));
    TRY_GOTO(infer__graph_copy(&g, c->graph, &region, err));
    g.outputs = infer__region_copy(&region, c->points + first, n * sizeof *g.outputs);
    TRY_GOTO(g.outputs ? INFER_OK : infer__no_memory(err, n * sizeof *g.outputs));
    g.noutputs = n;
    TRY_GOTO(infer__remove_dead(&g, err));
    TRY_GOTO(capture_session(&g, c->samples, c->threads, &model, &session, err));
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t sample = c->first + i * c->step;
        infer_tensor input = c->samples->tensor;
        input.data = c->samples->items[sample].data;
        memset(outputs, 0, n * sizeof *outputs);
        TRY_GOTO(infer_run(session, &input, 1, outputs, n, err));
        for (uint32_t k = 0; k < n; k += c->group)
            c->fn(c->ctx, sample, (first + k) / c->group, &outputs[k]);
        if (c->progress)
            c->progress(c->progress_ctx, c->what, from + (to - from) * (i + 1) / c->count);
    }
    status = INFER_OK;
fail:
    capture_session_free(&model, &session);
    infer__region_free(&region);
    return status;
}

infer_status capture_run(const struct capture *c, infer_error *err)
{
    struct infer__region region;
    struct infer__graph shaped;
    infer__region_init(&region, NULL);
    infer_status status = capture_shapes(c->graph, c->samples, &region, &shaped, err);
    for (uint32_t first = 0, end; status == INFER_OK && first < c->npoints; first = end) {
        size_t bytes = 0;
        for (end = first; end < c->npoints && (end == first || bytes < CHUNK_BYTES);
             end += c->group)
            for (uint32_t k = end; k < end + c->group; k++)
                if (shaped.values[c->points[k]].shaped)
                    bytes += infer__value_bytes(&shaped.values[c->points[k]]);
        status =
            run_chunk(c, first, end, (double)first / c->npoints, (double)end / c->npoints, err);
    }
    infer__region_free(&region);
    return status;
}
