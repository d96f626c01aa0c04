/* What infer-bench's two files share: the measurement and its report. */
#ifndef INFER_BENCH_BENCH_H
#define INFER_BENCH_BENCH_H

#include "infer.h"

enum { BENCH_MOST_SHAPES = 16 };

struct bench {
    /* arguments */
    const char *path;
    infer_session_options options;
    infer_input_spec shapes[BENCH_MOST_SHAPES];
    size_t nshapes;
    uint32_t batch;
    double seconds;
    int json;

    infer_model *model;
    infer_session *session;
    infer_tensor *inputs, *outputs;
    infer_input_spec *specs; /* one for each input */
    size_t ninputs, noutputs;

    /* results */
    double load_ms, session_ms;
    infer_session_memory memory;
    uint64_t peak_rss_bytes;
    double *ms; /* of every run */
    size_t runs, room;
    infer_step_info *warm; /* steps as the warm-up left them, to be subtracted */
};

double bench_now_ms(void);
/* Sorts the times and prints everything on standard output. */
void bench_report(struct bench *b);

#endif
