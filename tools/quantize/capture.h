/* Running a graph on samples and looking at values inside it. */
#ifndef INFER_TOOLS_QUANTIZE_CAPTURE_H
#define INFER_TOOLS_QUANTIZE_CAPTURE_H

#include "file/model.h"
#include "tools/quantize/samples.h"

/* Gets the tensors of one group of points on one sample, f32 in the graph's own layout. */
typedef void capture_fn(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *tensors);

struct capture {
    const struct infer__graph *graph;
    const uint32_t *points; /* values; `group` each are handed over together */
    uint32_t npoints, group;
    const struct samples *samples;
    uint32_t first, count, step; /* samples `first`, `first` + `step`, ...: `count` of them */
    uint32_t threads;
    capture_fn *fn;
    void *ctx;
    const char *what; /* for the progress bar */
    void (*progress)(void *ctx, const char *what, double part);
    void *progress_ctx;
};

/* Runs. Where all points together would need much memory, the samples run several times, with some
 * of the points each time. */
infer_status capture_run(const struct capture *c, infer_error *err);

/* A session for samples of a graph as it stands, without a file. *model is to live as long. Both
 * are freed with capture_session_free, also where this failed or was never called and they are all
 * 0. */
infer_status capture_session(const struct infer__graph *g, const struct samples *s,
                             uint32_t threads, infer_model *model, infer_session **session,
                             infer_error *err);
void capture_session_free(infer_model *model, infer_session **session);

/* A copy of a graph with types and shapes of all values for samples of this shape, as far as they
 * are known beforehand. Node numbers differ from the graph's, value numbers do not. */
infer_status capture_shapes(const struct infer__graph *g, const struct samples *s,
                            struct infer__region *region, struct infer__graph *shaped,
                            infer_error *err);

#endif
