/* A run on inputs of 0, for programs that measure what stands around it. */
#ifndef INFER_BENCH_RUN_ZEROS_H
#define INFER_BENCH_RUN_ZEROS_H

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "infer.h"

/* Runs once; *ms, which may be NULL, is what infer_run took. */
static inline infer_status run_zeros(infer_session *s, double *ms, infer_error *err)
{
    size_t nin = infer_session_inputs(s), nout = infer_session_outputs(s);
    infer_tensor *t = calloc(nin + nout, sizeof *t);
    for (size_t i = 0; t && i < nin; i++) {
        infer_value_info v = INFER_VALUE_INFO_INIT;
        infer_session_input(s, i, &v, NULL);
        t[i].type = v.type;
        t[i].rank = v.rank;
        memcpy(t[i].dims, v.dims, sizeof v.dims);
        t[i].bytes = infer_tensor_elements(&t[i]) * infer_type_size(v.type);
        t[i].data = calloc(t[i].bytes, 1);
    }
    const uint64_t begin = infer__now_ns();
    const infer_status status = infer_run(s, t, nin, t ? t + nin : NULL, nout, err);
    if (ms)
        *ms = (double)(infer__now_ns() - begin) / 1e6;
    for (size_t i = 0; t && i < nin; i++)
        free(t[i].data);
    free(t);
    return status;
}

#endif
