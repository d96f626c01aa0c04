/* infer_experimental.h - what may still change from one minor version to the next.
 *
 * It shows how the library works inside, which is not settled. Nothing in infer.h or infer_vision.h
 * depends on it. A header of its own, rather than a macro before infer.h, makes who relies on it
 * visible at the top of each file, whatever else was included before. The functions are in the
 * same library. docs/versioning.md says what is promised.
 */
#ifndef INFER_EXPERIMENTAL_H
#define INFER_EXPERIMENTAL_H

#include "infer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plans ---------------------------------------------------------------------------------- */

/* One step of the plan: a node, with what was fused into it. Strings live until the session is
 * reshaped or freed. */
typedef struct infer_step_info {
    size_t size;        /* sizeof(infer_step_info) */
    const char *node;   /* name of the node in the model */
    const char *op;     /* operator, in ONNX's spelling */
    const char *kernel; /* the kernel that was chosen */
    const char *fused;  /* what was fused into it, "Relu" or "Add, Relu"; empty for nothing */
    infer_type type;    /* shape and type of the first output, in the graph's meaning */
    int32_t rank;
    int64_t dims[INFER_MAX_RANK];
    uint64_t flops;       /* 2 per multiply-add; 0 where the step only moves data */
    uint64_t bytes;       /* read and written, weights as the kernel has packed them */
    uint64_t arena_begin; /* where the first output lies in the arena; both 0 if elsewhere */
    uint64_t arena_end;
    uint64_t runs; /* with options.profile: runs with these shapes, and their total time */
    uint64_t ns;
} infer_step_info;

#define INFER_STEP_INFO_INIT INFER_INITIAL(infer_step_info)
INFER_API void infer_step_info_init(infer_step_info *info, size_t size);

INFER_API size_t infer_session_steps(const infer_session *session);
INFER_API infer_status infer_session_step(const infer_session *session, size_t index,
                                          infer_step_info *info, infer_error *err);

#ifdef __cplusplus
}
#endif
#endif
