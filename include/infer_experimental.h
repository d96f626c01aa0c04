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
    uint64_t packed_bytes; /* of its weights as the kernel has packed them; 0: it has none */
} infer_step_info;

#define INFER_STEP_INFO_INIT INFER_INITIAL(infer_step_info)
INFER_API void infer_step_info_init(infer_step_info *info, size_t size);

INFER_API size_t infer_session_steps(const infer_session *session);
INFER_API infer_status infer_session_step(const infer_session *session, size_t index,
                                          infer_step_info *info, infer_error *err);

/* ---- operators of the application's own ------------------------------------------------------ */

/* A node of a model whose operator is none of the library's: of a domain that `infer convert
 * --custom DOMAIN` let through. It lives as long as the model. */
typedef struct infer_custom_node infer_custom_node;

/* Attributes of a node, by name. Of one that it does not have, or has in another form: `otherwise`,
 * or 0 elements and *values NULL. What is returned lives as long as the model. No pointer but
 * `otherwise` may be NULL. Any thread. */
INFER_API int64_t infer_custom_int(const infer_custom_node *node, const char *name,
                                   int64_t otherwise);
INFER_API float infer_custom_float(const infer_custom_node *node, const char *name,
                                   float otherwise);
INFER_API const char *infer_custom_string(const infer_custom_node *node, const char *name,
                                          const char *otherwise);
INFER_API size_t infer_custom_ints(const infer_custom_node *node, const char *name,
                                   const int64_t **values);
INFER_API size_t infer_custom_floats(const infer_custom_node *node, const char *name,
                                     const float **values);

/* What `shape` and `run` are called with. */
typedef struct infer_custom_call {
    size_t size; /* sizeof(infer_custom_call), as the library knows it */
    const infer_custom_node *node;
    const infer_tensor *in; /* dense, in ONNX's order of axes. shape: `data` of constants only */
    size_t nin;
    infer_tensor *out; /* shape: to be given type, rank and dims; run: `data` to be filled */
    size_t nout;
    infer_isa isa;        /* run: the level of instructions that may be used */
    uint32_t part, parts; /* run: this call is to do part number `part` of so many */
    uint32_t reserved;    /* 0 */
} infer_custom_call;

/* An operator: what nodes of that domain and name compute. Functions may be called by any thread,
 * by several at once; they keep to their arguments' memory, and end at once. What they return other
 * than INFER_OK is what infer_session_create (shape) or infer_run (run) returns. With no part but
 * one, `run` may change between runs; else results must be the same for any order of parts. All 0
 * but the first two lines makes no operator. It never grows; initialise it whole. */
typedef struct infer_custom_op {
    const char *domain; /* "com.example" */
    const char *name;   /* "Halve" */
    void *ctx;
    infer_status (*shape)(void *ctx, const infer_custom_call *call);
    infer_status (*run)(void *ctx, const infer_custom_call *call);
    uint32_t parts; /* that may be done at once; 0: 1. At most 65536 */
    uint32_t reserved;
    uint64_t more[2];
} infer_custom_op;

#ifdef __cplusplus
}
#endif
#endif
