/* A version without a model behind it, to parse requests for: "x" f32 [N, -1], "n" s64 [N, 2] and
 * "t" text [N, 1] where all three are wanted. */
#ifndef INFER_TESTS_SERVE_VERSION_H
#define INFER_TESTS_SERVE_VERSION_H

#include <string.h>

#include "tools/serve/models/version.h"

struct made_version {
    struct version version;
    infer_value_info inputs[3], outputs[1];
};

static inline void made_tensor(infer_value_info *info, const char *name, infer_type type,
                               int32_t rank, const int64_t *dims)
{
    infer_value_info_init(info, sizeof *info);
    info->name = name;
    info->type = type;
    info->rank = rank;
    for (int32_t k = 0; k < rank; k++) {
        info->dims[k] = dims[k] < 0 ? 0 : dims[k];
        info->free_dims |= dims[k] < 0 ? 1u << k : 0;
    }
}

static inline void make_version(struct made_version *m, int ninputs)
{
    static char name[] = "made";
    const int64_t x[] = {-1, -1}, n[] = {-1, 2}, t[] = {-1, 1, -1};
    memset(m, 0, sizeof *m);
    made_tensor(&m->inputs[0], "x", INFER_F32, 2, x);
    made_tensor(&m->inputs[1], "n", INFER_S64, 2, n);
    made_tensor(&m->inputs[2], "t", INFER_U8, 3, t);
    made_tensor(&m->outputs[0], "y", INFER_F32, 2, x);
    m->version.name = name;
    m->version.number = 1;
    m->version.inputs = m->inputs;
    m->version.outputs = m->outputs;
    m->version.ninputs = ninputs;
    m->version.noutputs = 1;
    m->version.text_inputs = 4;
    m->version.batched = 1;
    m->version.options.max_batch = 8;
    atomic_init(&m->version.references, 1000); /* it is never freed */
}

#endif
