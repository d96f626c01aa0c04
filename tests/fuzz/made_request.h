/* What must hold of a request to the version of tests/serve_version.h, and of its results. */
#ifndef INFER_TESTS_FUZZ_MADE_REQUEST_H
#define INFER_TESTS_FUZZ_MADE_REQUEST_H

#include "tests/fuzz/require.h"
#include "tests/serve_version.h"
#include "tools/serve/kserve/inference.h"

/* Reads every byte, so that AddressSanitizer sees those that are not there. */
static inline void touch(const void *data, size_t bytes)
{
    static volatile unsigned char sum;
    for (size_t i = 0; i < bytes; i++)
        sum = (unsigned char)(sum + ((const unsigned char *)data)[i]);
}

static inline void check_input(const struct job_tensor *t)
{
    size_t elements = 1;
    for (int32_t k = 0; k < t->rank; k++)
        elements *= (size_t)t->dims[k];
    REQUIRE(t->bytes == elements * infer_type_size(t->type));
    REQUIRE(t->data || t->bytes == 0);
    REQUIRE((uintptr_t)t->data % infer_type_size(t->type) == 0);
    touch(t->data, t->bytes);
}

/* As if the model had given back its first input. */
static inline void check_results(struct v2_request *q)
{
    struct job *job = q->job;
    struct v2_error err = {.text = ""};
    int count;
    REQUIRE(job_outputs_begin(job));
    job->outputs[0] = job->inputs[0];
    job->outputs[0].data = malloc(job->inputs[0].bytes + 1);
    REQUIRE(job->outputs[0].data != NULL);
    if (job->inputs[0].bytes)
        memcpy(job->outputs[0].data, job->inputs[0].data, job->inputs[0].bytes);
    struct v2_result *r = v2_results(q, &count, &err);
    REQUIRE(r && count == 1);
    touch(r[0].data, r[0].bytes);
    if (r[0].info.type == INFER_TYPE_NONE) {
        struct v2_text text;
        size_t at = 0, texts = 0;
        while (v2_next_text(r[0].data, r[0].bytes, &at, &text))
            texts++;
        REQUIRE(at == r[0].bytes);
        REQUIRE(texts == (size_t)(r[0].info.dims[0] * r[0].info.dims[1]));
    }
    v2_results_free(r, count);
}

#endif
