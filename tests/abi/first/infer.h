/* infer.h - run neural networks on a CPU, from C.
 *
 * A model (`infer_model`) is loaded from a flat file that `infer convert` wrote. A session
 * (`infer_session`) is made from it for concrete input shapes and runs it:
 *
 *     infer_load -> infer_session_create -> infer_run ... -> infer_session_free -> infer_model_free
 *
 * Threads: a model is immutable after it was loaded and may be used by any number of threads at
 * once. A session is used by one thread at a time; make one session per thread.
 *
 * Processes: the library leaves alone what belongs to the process: signals, locale, directory,
 * environment, descriptors, and the calling thread's errno and floating-point mode. Whatever that
 * mode is, answers are computed in the library's own: to nearest, trapping nothing.
 * After a fork the child may use and free models and sessions of the parent, whatever the parent's
 * threads were doing with them. A session's threads stay behind: in the child it computes on the
 * calling thread alone, to the same bits. Sessions made in the child have threads as usual; with
 * oneDNN's kernels, no other thread may have been making or freeing a session during the fork.
 *
 * Errors: every fallible function returns an infer_status and, where `err` is not NULL, fills it
 * with the place and a sentence for a person. The library keeps no error of its own, prints
 * nothing, never exits and has no writable globals.
 *
 * Structs that may grow, options and answers, begin with their size. The caller sets it, so that
 * the library knows which version of the struct it was given:
 *
 *     infer_session_options options = INFER_SESSION_OPTIONS_INIT;
 *
 * or, where there are no macros, infer_session_options_init(&options, sizeof options). Both also
 * set all other fields to 0, which means the default written beside a field. A smaller struct, of
 * an older header, has defaults for the rest; a larger one, of a newer header, is accepted while
 * what this library doesn't know of it is 0. Answers are written up to the caller's size, whose
 * unknown rest becomes 0; where the call fails, not at all. A size below that of version 0.1, or
 * over 4096, is INFER_ERROR_ARGUMENT: the struct was not initialised. Reserved fields must be 0 in
 * what is given (INFER_ERROR_ARGUMENT) and are 0 in what comes back.
 * Structs that are used in arrays or embedded in others have no size; they never grow.
 *
 * What stays: everything in this file and in infer_vision.h does; what infer_experimental.h has may
 * change. docs/versioning.md says what is promised.
 */
#ifndef INFER_H
#define INFER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define INFER_API __attribute__((visibility("default")))
#else
#define INFER_API
#endif

/* What the INIT macros are made of: all 0 but the size. */
#ifdef __cplusplus
extern "C++" {
template <class T> static inline T infer_initial()
{
    T t = T();
    t.size = sizeof(T);
    return t;
}
}
#define INFER_INITIAL(type) infer_initial<type>()
#else
#define INFER_INITIAL(type)                                                                        \
    {                                                                                              \
        .size = sizeof(type)                                                                       \
    }
#endif

#define INFER_VERSION_MAJOR 0
#define INFER_VERSION_MINOR 1
#define INFER_VERSION_PATCH 0

/* The largest rank of a tensor. */
#define INFER_MAX_RANK 8

/* ---- status --------------------------------------------------------------------------------- */

/* What went wrong. The values are fixed for ever; new ones go into the gaps. */
typedef enum infer_status {
    INFER_OK = 0,

    /* the call */
    INFER_ERROR_ARGUMENT = 10,   /* NULL, an impossible value, a struct of unknown size */
    INFER_ERROR_SHAPE = 11,      /* a tensor's type, shape or byte count is not what is needed */
    INFER_ERROR_NEED_VALUE = 12, /* a shape depends on the value of an input: give it when the
                                    session is made (infer_input_spec.data) */

    /* the file */
    INFER_ERROR_IO = 20,          /* the file can't be opened or read */
    INFER_ERROR_FORMAT = 21,      /* not a libinfer file, truncated, or inconsistent */
    INFER_ERROR_VERSION = 22,     /* a libinfer file of a version that this library can't read */
    INFER_ERROR_CHECKSUM = 23,    /* a section's bytes are not those that were written */
    INFER_ERROR_UNSUPPORTED = 24, /* an operator, type or attribute that is not implemented */

    /* resources */
    INFER_ERROR_NO_MEMORY = 30, /* an allocation failed */
    INFER_ERROR_LIMIT = 31,     /* a limit of the options would be passed */
    INFER_ERROR_THREAD = 32,    /* a thread could not be started */

    /* pictures */
    INFER_ERROR_PICTURE = 40, /* not a picture, or a corrupt one */

    INFER_ERROR_INTERNAL = 90 /* a bug in libinfer: please report it */
} infer_status;

/* The name of a status, "INFER_OK" and so on; "INFER_?" for a number that is none. Never NULL. */
INFER_API const char *infer_status_name(infer_status status);

/* Detail of a failure, owned by the caller. Every function that takes one sets it whole: on
 * success to INFER_OK, no node, offset 0 and an empty message. It needs no initialiser, so that an
 * error can be told whatever else went wrong, and therefore never grows. */
typedef struct infer_error {
    infer_status status;
    uint32_t reserved;
    uint64_t offset;   /* byte offset in the file where one is to blame, else 0 */
    char node[64];     /* name of the node to blame, cut to fit; empty where there is none */
    char message[256]; /* one sentence in English, without a line end */
    uint64_t more[2];  /* reserved */
} infer_error;

/* ---- tensors -------------------------------------------------------------------------------- */

/* Element types; bool is one byte, 0 or 1. */
typedef enum infer_type {
    INFER_TYPE_NONE = 0,
    INFER_F32 = 1,
    INFER_F16 = 2,
    INFER_BF16 = 3,
    INFER_F64 = 4,
    INFER_S8 = 5,
    INFER_U8 = 6,
    INFER_S16 = 7,
    INFER_U16 = 8,
    INFER_S32 = 9,
    INFER_U32 = 10,
    INFER_S64 = 11,
    INFER_U64 = 12,
    INFER_BOOL = 13
} infer_type;

/* Bytes of one element, 0 for a number that is no type. */
INFER_API size_t infer_type_size(infer_type type);
/* "f32", "s64", "bool" and so on; "none" for a number that is no type. Never NULL. */
INFER_API const char *infer_type_name(infer_type type);

/* A view of somebody's memory as a dense tensor, last axis fastest (C order, as ONNX and NumPy
 * have it: pictures are N, C, H, W). It owns nothing. `data` needs the alignment of its element
 * type only. It never grows; initialise it whole (`infer_tensor t = {0};`), as functions that
 * compute with it check that what is reserved is 0. */
typedef struct infer_tensor {
    infer_type type;
    int32_t rank; /* 0 (a scalar) to INFER_MAX_RANK */
    int64_t dims[INFER_MAX_RANK];
    void *data;
    size_t bytes;         /* size of the memory at data; at least the tensor's own size */
    uint64_t reserved[2]; /* 0 */
} infer_tensor;

/* Number of elements of a tensor (1 for rank 0); 0 if its rank or a dimension is impossible. */
INFER_API size_t infer_tensor_elements(const infer_tensor *tensor);

/* Name, type and shape of an input or output. The name lives as long as the model. */
typedef struct infer_value_info {
    size_t size; /* sizeof(infer_value_info) */
    const char *name;
    infer_type type;
    int32_t rank;
    int64_t dims[INFER_MAX_RANK]; /* of a model: 0 where a dimension is free (or, for an output,
                                     only known once a session is made); of a session: exact */
    uint32_t free_dims;           /* bit i set: dimension i is free */
    uint32_t reserved;
} infer_value_info;

#define INFER_VALUE_INFO_INIT INFER_INITIAL(infer_value_info)
INFER_API void infer_value_info_init(infer_value_info *info, size_t size);

/* ---- memory --------------------------------------------------------------------------------- */

/* Where memory comes from. `alloc` returns memory aligned for any C type, or NULL; it may be
 * called from the thread that calls the library only. `free` is never called with NULL. All 0 means
 * malloc and free. It never grows. */
typedef struct infer_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t bytes);
    void (*free)(void *ctx, void *memory);
} infer_allocator;

/* ---- models --------------------------------------------------------------------------------- */

typedef struct infer_model infer_model;

/* How to load. */
typedef struct infer_load_options {
    size_t size;                /* sizeof(infer_load_options) */
    infer_allocator allocator;  /* malloc and free */
    uint64_t max_file_bytes;    /* 4 GiB */
    uint64_t max_tensor_bytes;  /* 2 GiB; of any one tensor. More than 1 TiB counts as 1 TiB, and no
                                   dimension is above 2^31 - 1. Of an empty tensor the dimensions
                                   that are not 0 must keep to it too */
    uint32_t max_nodes;         /* 1,000,000 */
    uint32_t max_values;        /* 4,000,000 */
    uint32_t skip_weight_check; /* 0: the checksum of the weights is checked too */
    uint32_t read_into_memory; /* 0: the file is mapped; 1: it is read into memory of the allocator,
                                  which takes longer and the file's size of memory, but what
                                  happens to the file afterwards does not matter */
} infer_load_options;

#define INFER_LOAD_OPTIONS_INIT INFER_INITIAL(infer_load_options)
INFER_API void infer_load_options_init(infer_load_options *options, size_t size);

/* Loads a model from a regular file. `options` may be NULL. On success *model is the caller's, to
 * be freed with infer_model_free; on failure it is NULL. Any thread.
 *
 * The file is mapped, so it must not be written to while the model lives: weights would change
 * under it, and where the file is cut, touching what is gone raises SIGBUS, which the library does
 * not catch. To replace a model, rename a new file over the old one, as the tools do: the map then
 * keeps the old one. Where the file's owner is not trusted, or can't rename, use read_into_memory;
 * a file whose length changes while it is read is INFER_ERROR_IO. */
INFER_API infer_status infer_load(const char *path, const infer_load_options *options,
                                  infer_model **model, infer_error *err);

/* The same from `size` bytes at `data`, which must be 64-byte aligned (INFER_ERROR_ARGUMENT
 * otherwise) and must stay unchanged while the model lives; they remain the caller's. */
INFER_API infer_status infer_load_memory(const void *data, size_t size,
                                         const infer_load_options *options, infer_model **model,
                                         infer_error *err);

/* Frees a model and clears *model. NULL and a pointer to NULL are fine. Its sessions must be
 * freed before it. */
INFER_API void infer_model_free(infer_model **model);

/* Inputs and outputs in the model's order. */
INFER_API size_t infer_model_inputs(const infer_model *model);
INFER_API size_t infer_model_outputs(const infer_model *model);
INFER_API infer_status infer_model_input(const infer_model *model, size_t index,
                                         infer_value_info *info, infer_error *err);
INFER_API infer_status infer_model_output(const infer_model *model, size_t index,
                                          infer_value_info *info, infer_error *err);

/* Labels stored in the file: their number, and label `index` (NULL past the end). The strings
 * live as long as the model. */
INFER_API size_t infer_model_labels(const infer_model *model);
INFER_API const char *infer_model_label(const infer_model *model, size_t index);

/* ---- sessions ------------------------------------------------------------------------------- */

typedef struct infer_session infer_session;

/* Instruction sets, in families of levels. The numbers are names that stay for ever, with room
 * between them, and no order: whether a CPU has a level is what infer_cpu_has tells. */
typedef enum infer_isa {
    INFER_ISA_DEFAULT = 0, /* the best that this CPU and system have */
    INFER_ISA_C = 1,       /* plain C: every CPU, and part of every level below */

    /* x86-64 */
    INFER_ISA_AVX2 = 32,       /* AVX2, FMA, F16C */
    INFER_ISA_AVX2VNNI = 36,   /* AVX2 and AVX-VNNI, as CPUs without AVX-512 have it */
    INFER_ISA_AVX512 = 64,     /* AVX2 and AVX-512 F, BW, DQ, VL */
    INFER_ISA_AVX512VNNI = 68, /* that and AVX-512 VNNI (not AVX-VNNI) */
    INFER_ISA_AVX512BF16 = 72, /* that and AVX-512 BF16 */
    INFER_ISA_AMX = 76,        /* that and AMX tiles of int8 and bf16 */

    /* Arm, 64 bits; no kernels are made for it yet */
    INFER_ISA_NEON = 128,    /* Advanced SIMD */
    INFER_ISA_DOTPROD = 132, /* that and the dot products of int8 */
    INFER_ISA_I8MM = 136     /* that and the matrix products of int8 */
} infer_isa;

/* The concrete shape of an input and, where shapes in the graph depend on it, its value. It
 * never grows; infer_session_create checks that what is reserved is 0. */
typedef struct infer_input_spec {
    const char *name;
    int32_t rank;
    uint32_t reserved; /* 0 */
    int64_t dims[INFER_MAX_RANK];
    const void *data; /* NULL, or the value: copied, the input is then a constant of the session
                         and what infer_run is given for it is not looked at */
    uint64_t more[2]; /* reserved: 0 */
} infer_input_spec;

/* What an f32 network is computed in. */
typedef enum infer_precision {
    INFER_PRECISION_F32 = 0,
    /* Both operands of convolutions and of products with constant matrices may be rounded to bf16,
     * to nearest, ties to even (of Winograd's, the transformed operands); products and sums are
     * f32, and so are the results and all other steps. Answers differ from f32's by about 1e-2 of
     * the largest. Kernels of f32 are kept where they are as fast. */
    INFER_PRECISION_BF16 = 1
} infer_precision;

/* How to make a session. */
typedef struct infer_session_options {
    size_t size;                    /* sizeof(infer_session_options) */
    const infer_input_spec *inputs; /* shapes of inputs with free dimensions; an input that is not
                                       named takes 1 for a free first dimension */
    size_t ninputs;
    uint32_t threads;          /* 0: as many as this process may use (affinity, cgroup quota) */
    infer_isa isa;             /* INFER_ISA_DEFAULT; of a level that the CPU lacks, the best part
                                  that it has: plain C for one of another family */
    uint64_t max_memory_bytes; /* 4 GiB; of all that the session holds: packed weights,
                                  intermediate tensors, outputs, constants computed beforehand, the
                                  plan; past it INFER_ERROR_LIMIT */
    uint64_t max_work;         /* operations (multiply-adds count 2) for computing constants while
                                  the session is made: 2^31, and 64 for each byte of the model's
                                  constants; past it INFER_ERROR_LIMIT */
    uint32_t profile;          /* 0: infer_session_step gives no times */
    uint32_t no_onednn;        /* 0: oneDNN's kernels compete, where the library has them. So that
                                  it prints and writes nothing, the switches that ONEDNN_VERBOSE,
                                  ONEDNN_JIT_DUMP and ONEDNN_JIT_PROFILE set are then turned off,
                                  which they can be for the whole process only. 1: oneDNN is not
                                  called, and a program's own use of it not disturbed */
    uint32_t no_tuned;         /* 0: a tuned plan of this CPU in the file is used */
    uint32_t precision;        /* infer_precision; BF16 is refused with INFER_ERROR_UNSUPPORTED
                                  without INFER_ISA_AVX512BF16, never replaced by f32 */
} infer_session_options;

#define INFER_SESSION_OPTIONS_INIT INFER_INITIAL(infer_session_options)
INFER_API void infer_session_options_init(infer_session_options *options, size_t size);

/* Makes a session of a model for concrete shapes: shapes are worked out, kernels chosen, weights
 * packed and all memory taken. `options` may be NULL. The model must outlive the session. On
 * success *session is the caller's, to be freed with infer_session_free; on failure it is NULL.
 * Any thread. */
INFER_API infer_status infer_session_create(const infer_model *model,
                                            const infer_session_options *options,
                                            infer_session **session, infer_error *err);

/* Frees a session and clears *session. NULL and a pointer to NULL are fine. */
INFER_API void infer_session_free(infer_session **session);

/* Exact types and shapes, in the model's order. */
INFER_API size_t infer_session_inputs(const infer_session *session);
INFER_API size_t infer_session_outputs(const infer_session *session);
INFER_API infer_status infer_session_input(const infer_session *session, size_t index,
                                           infer_value_info *info, infer_error *err);
INFER_API infer_status infer_session_output(const infer_session *session, size_t index,
                                            infer_value_info *info, infer_error *err);

/* Runs the network once. `inputs` has all inputs in the model's order, each with the session's
 * type and shape. `outputs` has all outputs in order; where outputs[i].data is NULL the library
 * sets the whole tensor to a view of session memory, valid until the next run or free; else type
 * and shape must be the session's and the answer is written to data. An output that shares
 * memory with another tensor is refused. Denormals count as 0 (x86-64). One thread at a time per
 * session. libinfer allocates nothing here; where a step is oneDNN's (infer_step_info.kernel ends
 * in "_onednn"), oneDNN itself may: then, and only then, a run can fail with
 * INFER_ERROR_NO_MEMORY; what the outputs hold means nothing, and a later run may succeed. */
INFER_API infer_status infer_run(infer_session *session, const infer_tensor *inputs, size_t ninputs,
                                 infer_tensor *outputs, size_t noutputs, infer_error *err);

/* Bytes that a session holds. */
typedef struct infer_session_memory {
    size_t size;           /* sizeof(infer_session_memory) */
    uint64_t arena_bytes;  /* intermediate tensors, placed by lifetime */
    uint64_t packed_bytes; /* weights in the form that the kernels want */
    uint64_t output_bytes; /* outputs that the library holds for the caller */
    uint64_t plan_bytes;   /* everything else that the plan needs */
} infer_session_memory;

#define INFER_SESSION_MEMORY_INIT INFER_INITIAL(infer_session_memory)
INFER_API void infer_session_memory_init(infer_session_memory *memory, size_t size);

INFER_API infer_status infer_session_memory_use(const infer_session *session,
                                                infer_session_memory *memory, infer_error *err);

/* ---- this library and this machine ---------------------------------------------------------- */

/* "0.1.0". */
INFER_API const char *infer_version(void);
/* The best level that this CPU and operating system have. */
INFER_API infer_isa infer_cpu_isa(void);
/* 1 if they have all of a level; 0 if not, for INFER_ISA_DEFAULT, and for a number that is none. */
INFER_API int infer_cpu_has(infer_isa isa);
/* "default", "c", "avx2", "avx2vnni", "avx512", "avx512vnni", "avx512bf16", "amx", "neon",
 * "dotprod", "i8mm"; "?" for a number that is none. Never NULL. */
INFER_API const char *infer_isa_name(infer_isa isa);
/* 1 if oneDNN's kernels are built in, else 0. */
INFER_API int infer_has_onednn(void);

#ifdef __cplusplus
}
#endif
#endif
