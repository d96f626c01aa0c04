/* infer.h - run neural networks on a CPU, from C.
 *
 * A model (`infer_model`) is loaded from a flat file that `infer convert` wrote. A session
 * (`infer_session`) is made from it for concrete input shapes and runs it:
 *
 *     infer_load -> infer_session_create -> infer_run ... -> infer_session_free -> infer_model_free
 *
 * Threads: a model is immutable after it was loaded and may be used by any number of threads at
 * once. A session is used by one thread at a time; make one session per thread. Sessions run on
 * threads of their own or, any number of them, on those of a pool (`infer_pool`).
 *
 * Processes: the library leaves alone what belongs to the process: signals, locale, directory,
 * environment, descriptors, and the calling thread's errno and floating-point mode. Whatever that
 * mode is, answers are computed in the library's own: to nearest, trapping nothing.
 * After a fork the child may use and free models, pools and sessions of the parent, whatever the
 * parent's threads were doing with them. Threads stay behind: in the child these sessions and pools
 * compute on the calling thread alone, to the same bits. What the child makes is as usual; with
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
 * What stays: everything in this file, in infer_vision.h and in infer_text.h does; what
 * infer_experimental.h has may change. docs/versioning.md says what is promised.
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
    INFER_ERROR_BUSY = 13,       /* the session has a run in flight */

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

    /* runs that were stopped */
    INFER_ERROR_CANCELLED = 50, /* by infer_session_cancel */
    INFER_ERROR_DEADLINE = 51,  /* infer_run_options.deadline_ns has passed */

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
                                     only known once a session is made); of a session: exact, or,
                                     of an output whose size depends on values, the most */
    uint32_t free_dims;           /* bit i set: dimension i is free; of a session: only the most of
                                     it is known, and each run tells how much it is */
    uint32_t reserved;
    const char *dim_names[INFER_MAX_RANK]; /* what the model calls a dimension that is free in it,
                                              "batch" say; NULL where it has no name. They live as
                                              long as the model */
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
    uint32_t skip_weight_check; /* 0: the checksum of the weights is checked too, unless the file
                                   has packed weights for this library and CPU (`infer pack`):
                                   sessions are then ready before they could be read once */
    uint32_t read_into_memory; /* 0: the file is mapped; 1: it is read into memory of the allocator,
                                  which takes longer and the file's size of memory, but what
                                  happens to the file afterwards does not matter */
    const struct infer_custom_op *custom_ops; /* operators of the application's own, see
                                  infer_experimental.h; copied, but for what they point to. NULL:
                                  there are none */
    size_t ncustom_ops;
    uint32_t verify; /* 1: all checksums are checked, those of weights and packed weights too,
                        whatever skip_weight_check says. They find damage, not malice: whatever
                        stands there, nothing is read or written outside what belongs to it */
    uint32_t reserved;
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

/* Where a model comes from, as the ONNX file said that it was converted from. The strings live as
 * long as the model, are UTF-8 and never NULL. Nothing of this changes what a model computes. */
typedef struct infer_model_info {
    size_t size;                  /* sizeof(infer_model_info) */
    const char *producer;         /* "pytorch" say; empty where it is not told */
    const char *producer_version; /* the same */
    uint32_t opset;               /* of ai.onnx; 0 where it is not told */
    uint32_t reserved;
    uint64_t metadata; /* number of pairs, see infer_model_metadata */
} infer_model_info;

#define INFER_MODEL_INFO_INIT INFER_INITIAL(infer_model_info)
INFER_API void infer_model_info_init(infer_model_info *info, size_t size);

INFER_API infer_status infer_model_describe(const infer_model *model, infer_model_info *info,
                                            infer_error *err);

/* Pair `index` of what the model's makers noted in it (ONNX's metadata_props), in their order. Keys
 * are not empty and hold no control characters; values may be of several lines. The strings live as
 * long as the model. On failure both are NULL. */
INFER_API infer_status infer_model_metadata(const infer_model *model, size_t index,
                                            const char **key, const char **value, infer_error *err);

/* ---- pools ---------------------------------------------------------------------------------- */

/* Threads that any number of sessions share. A thread that calls infer_run works on its own run.
 * The pool's workers, where they have nothing to do, help whichever run has work left, so that no
 * run waits for a thread; but while as many threads call infer_run as there are CPUs, workers leave
 * those to them. Answers do not depend on any of it. Any thread may make sessions on a pool and run
 * them, at the same time.
 *
 * The pool also lends its sessions what they run in: memory for as many runs as it has threads, or
 * as there are CPUs if these are more, as large as its largest sessions need. It is taken and freed
 * as sessions are made and freed; an idle session has none. Further runs wait until one of those
 * ends, the first that came first; cancelling and deadlines end that too. So a run must not wait
 * for another on the same pool. */
typedef struct infer_pool infer_pool;

/* Threads of the application's own. `run` calls item(arg, 0), item(arg, 1) ... item(arg, n - 1),
 * each once, on any threads, the calling one too, at the same time or one after the other, and
 * returns when all have returned. n is from 1 to the pool's `threads`. It is called up to twice for
 * each step of a run, by the thread that runs the session: by several at once where several
 * sessions run. It can't fail and is not left by exceptions or longjmp. Items never wait for each
 * other; they leave errno and the floating-point mode as they were. All 0 means none. It never
 * grows. */
typedef struct infer_executor {
    void *ctx;
    void (*run)(void *ctx, uint32_t n, void (*item)(void *arg, uint32_t index), void *arg);
} infer_executor;

/* infer_pool_options.spin_us: a worker sleeps at once. */
#define INFER_SPIN_NONE UINT32_MAX

/* How to make a pool. */
typedef struct infer_pool_options {
    size_t size;               /* sizeof(infer_pool_options) */
    infer_allocator allocator; /* malloc and free; called by any thread that makes a session on the
                                  pool, by several at once: for teams and what runs work in */
    infer_executor executor;   /* instead of workers. It is given here and not to a session, so that
                                  a session knows one thing, a pool, whosever threads it has */
    uint32_t threads;          /* that work on one run at most, its caller among them: the pool
                                  starts one less, or with an executor none. At most 1024; 0: as
                                  many as this process may use (affinity, cgroup quota). Workers
                                  beyond those CPUs help nobody while callers and others fill them */
    uint32_t spin_us;          /* microseconds that a worker looks for work before it sleeps: more
                                  makes for shorter waits and takes CPU time. 0: 20, and 300 while a
                                  run is in flight */
    uint32_t affinity;         /* 1: each worker is bound to one CPU of those that this process may
                                  use, where the system permits that; 0: none is */
    uint32_t reserved;         /* 0 */
} infer_pool_options;

#define INFER_POOL_OPTIONS_INIT INFER_INITIAL(infer_pool_options)
INFER_API void infer_pool_options_init(infer_pool_options *options, size_t size);

/* Makes a pool. `options` may be NULL. On success *pool is the caller's, to be freed with
 * infer_pool_free; on failure it is NULL: INFER_ERROR_THREAD where a thread can't be started. Any
 * thread. */
INFER_API infer_status infer_pool_create(const infer_pool_options *options, infer_pool **pool,
                                         infer_error *err);

/* Ends the pool's threads, frees it and clears *pool. NULL and a pointer to NULL are fine. Its
 * sessions must be freed before it; not from one of its own threads. */
INFER_API void infer_pool_free(infer_pool **pool);

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
 * never grows; what is reserved is checked to be 0. */
typedef struct infer_input_spec {
    const char *name;
    int32_t rank;
    uint32_t reserved; /* 0 */
    int64_t dims[INFER_MAX_RANK];
    const void *data; /* NULL, or the value: copied, the input is then a constant of the session
                         and what infer_run is given for it is not looked at */
    uint64_t more[2]; /* reserved: 0 */
} infer_input_spec;

/* The most that a size can be which depends on values (how many boxes a detector finds), where less
 * than could be worked out is wanted, or nothing can be. `name` is a tensor's: its first dimension
 * of that kind is meant, or, where it holds integers that other sizes are computed of, each of its
 * numbers; or a dimension's of an output (infer_value_info.dim_names). It never grows; what is
 * reserved is checked to be 0. */
typedef struct infer_maximum {
    const char *name;
    int64_t value; /* 0 to 2^31 - 1 */
    uint64_t reserved[2];
} infer_maximum;

/* What an f32 network is computed in. The two of f32 differ in the sums that convolutions are made
 * of. Their contract, which docs/accuracy.md shows: the rms error of an output to its value in
 * float64, over several inputs, is at most so many times that of ONNX Runtime, or 2.5e-7 of the
 * largest value where ONNX Runtime's is below 1e-7 of it. */
typedef enum infer_precision {
    /* Plain sums of products, and Winograd's convolutions: sums of inputs times sums of weights. At
     * most 2.5 times ONNX Runtime's error. */
    INFER_PRECISION_F32 = 0,
    /* Both operands of convolutions and of products with constant matrices may be rounded to bf16,
     * to nearest, ties to even (of Winograd's, the transformed operands); products and sums are
     * f32, and so are the results and all other steps. Answers differ from f32's by about 1e-2 of
     * the largest. Kernels of f32 are kept where they are as fast. */
    INFER_PRECISION_BF16 = 1,
    /* Plain sums of products only, in shorter chains: at most 1.75 times ONNX Runtime's error.
     * Networks of 3x3 convolutions take longer. */
    INFER_PRECISION_F32_STRICT = 2
} infer_precision;

/* "f32", "bf16", "f32-strict"; "?" for a number that is none. Never NULL. */
INFER_API const char *infer_precision_name(infer_precision precision);

/* How to make a session. */
typedef struct infer_session_options {
    size_t size;                    /* sizeof(infer_session_options) */
    const infer_input_spec *inputs; /* shapes of inputs with free dimensions; an input that is not
                                       named takes 1 for a free first dimension */
    size_t ninputs;
    uint32_t threads;          /* that work on a run: 0, as many as this process may use (affinity,
                                  cgroup quota), or of a pool all; of a pool at most what it has */
    infer_isa isa;             /* INFER_ISA_DEFAULT; of a level that the CPU lacks, the best part
                                  that it has: plain C for one of another family */
    uint64_t max_memory_bytes; /* 4 GiB; of all that the session uses: packed weights, whether other
                                  sessions of the model use the same or not, intermediate tensors,
                                  lent by a pool or not,
                                  outputs, constants computed beforehand, plans; past it
                                  INFER_ERROR_LIMIT */
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
    infer_pool *pool;          /* the threads that it runs on, which must outlive it; NULL: the
                                  session makes some of its own */
    const infer_maximum *maxima; /* of sizes that depend on values; copied. NULL: memory is taken
                                    for the most that there could be, where that can be worked out,
                                    else INFER_ERROR_NEED_VALUE names the tensor */
    size_t nmaxima;
    uint64_t weight_bytes_limit; /* of packed weights, those in the model's file included: kernels
                                    that need more for their weights are taken where they gain most
                                    time for a byte. 0: a default that follows the weights' size
                                    (docs/memory.md). Where the smallest kernels need more than a
                                    limit that is given, INFER_ERROR_LIMIT */
} infer_session_options;

#define INFER_SESSION_OPTIONS_INIT INFER_INITIAL(infer_session_options)
INFER_API void infer_session_options_init(infer_session_options *options, size_t size);

/* Makes a session of a model for concrete shapes: shapes are worked out, kernels chosen, weights
 * packed and all memory taken. Packed weights belong to the model: all its sessions hold them once,
 * and they go with the last session that uses them. `options` may be NULL. The model must outlive
 * the session. On success *session is the caller's, to be freed with infer_session_free; on failure
 * it is NULL. Any thread. */
INFER_API infer_status infer_session_create(const infer_model *model,
                                            const infer_session_options *options,
                                            infer_session **session, infer_error *err);

/* Gives a session the shapes and values of `ninputs` inputs, as options.inputs did when it was
 * made, in place of all that were given before: an input that is not named here has its default
 * again. Everything else stays as the options were. Results are those of a new session with these
 * inputs, to the bit.
 *
 * A session keeps its last 8 sets of inputs, as far as max_memory_bytes goes: one that comes again
 * (the same inputs, in the same order) costs a search and no memory. A new one is planned; weights
 * are packed only for kernels that neither this session nor another of the model has packed them
 * for. Working memory is that of the largest set and does not shrink. While a new set is made, the
 * old one is held too.
 *
 * Outputs that the session has lent and strings of infer_session_step are no longer valid. On
 * failure the session stays as it was and can be run: INFER_ERROR_BUSY while a run is in flight. */
INFER_API infer_status infer_session_reshape(infer_session *session, const infer_input_spec *inputs,
                                             size_t ninputs, infer_error *err);

/* Frees a session and clears *session. NULL and a pointer to NULL are fine. A run that is in flight
 * is cancelled, and waited for until its function or its `done` has returned. */
INFER_API void infer_session_free(infer_session **session);

/* Exact types and shapes, in the model's order. An output whose size depends on values has the most
 * that it can be, which memory was taken for, and bits of free_dims. */
INFER_API size_t infer_session_inputs(const infer_session *session);
INFER_API size_t infer_session_outputs(const infer_session *session);
INFER_API infer_status infer_session_input(const infer_session *session, size_t index,
                                           infer_value_info *info, infer_error *err);
INFER_API infer_status infer_session_output(const infer_session *session, size_t index,
                                            infer_value_info *info, infer_error *err);

/* The exact type and shape of an output as the session's last run has left it. Where sizes depend
 * on values that run must have ended well, else INFER_ERROR_ARGUMENT; not while a run is in flight.
 */
INFER_API infer_status infer_session_result(const infer_session *session, size_t index,
                                            infer_value_info *info, infer_error *err);

/* Runs the network once. `inputs` has all inputs in the model's order, each with the session's
 * type and shape. `outputs` has all outputs in order; where outputs[i].data is NULL the library
 * sets the whole tensor to a view of session memory, valid until the next run or free; else type
 * and shape must be the session's and the answer is written to data. An output that shares
 * memory with another tensor is refused. Of an output whose size depends on values (free_dims of
 * infer_session_output) memory is needed for the most, these dims are not looked at, and are set to
 * what there is, 0 included; data is dense. What passes options.maxima is INFER_ERROR_LIMIT.
 * Denormals count as 0 (x86-64). One run at a time per session: while one is in flight another is
 * refused with INFER_ERROR_BUSY. libinfer allocates nothing here; where a step is oneDNN's
 * (infer_step_info.kernel ends in "_onednn"), oneDNN itself may: then, and only then, a run can
 * fail with INFER_ERROR_NO_MEMORY; what the outputs hold means nothing, and a later run may
 * succeed. */
INFER_API infer_status infer_run(infer_session *session, const infer_tensor *inputs, size_t ninputs,
                                 infer_tensor *outputs, size_t noutputs, infer_error *err);

/* How to run. */
typedef struct infer_run_options {
    size_t size;          /* sizeof(infer_run_options) */
    uint64_t deadline_ns; /* by CLOCK_MONOTONIC, in nanoseconds; 0: none */
} infer_run_options;

#define INFER_RUN_OPTIONS_INIT INFER_INITIAL(infer_run_options)
INFER_API void infer_run_options_init(infer_run_options *options, size_t size);

/* infer_run with options, which may be NULL. A run whose deadline has passed begins no further step
 * and returns INFER_ERROR_DEADLINE; one whose last step had begun by then returns its answers. What
 * the outputs of a stopped run hold means nothing; the session can be run again at once. */
INFER_API infer_status infer_run_with(infer_session *session, const infer_run_options *options,
                                      const infer_tensor *inputs, size_t ninputs,
                                      infer_tensor *outputs, size_t noutputs, infer_error *err);

/* Stops the run that the session has in flight, whichever function began it: no further step
 * begins, and the run ends with INFER_ERROR_CANCELLED, even if its last step had begun. Returns at
 * once, mostly before the run has ended. Where no run is in flight it does nothing: it is not kept
 * for the next one. A run is in flight from within the call that begins it until that returns or,
 * of infer_run_start, until just before `done` is called. Any thread, and a signal handler, while
 * the session lives: it takes no lock. NULL is fine. */
INFER_API void infer_session_cancel(infer_session *session);

/* Told that a run has ended, once: `status` is what infer_run_with would have returned, `err` its
 * detail, which lives during the call. */
typedef void (*infer_run_done)(void *ctx, infer_status status, const infer_error *err);

/* Starts a run and returns: a worker of the session's pool does it, helped by others that are idle,
 * and then calls done(ctx, ...). Runs that no worker is free for wait in the order in which they
 * were started. What `data` of inputs and outputs points to must stay until then; the arrays
 * themselves need not. Outputs that the library lends are set at once and filled later: of those
 * whose size depends on values, dims are the most, and infer_session_result tells the others.
 * On failure nothing was started and `done` is not called. INFER_ERROR_THREAD: the pool has no
 * worker; a pool of one thread has none, nor has one with an executor, nor any in the child of a
 * fork. A session without a pool needs `threads` of at least 2. INFER_ERROR_BUSY as of infer_run.
 *
 * `done` is called by a worker, which helps nobody meanwhile: it should be short. All signals are
 * blocked there. The run is over by then, and anything may be called, the next infer_run_start of
 * the session too, but infer_session_free of this session and infer_pool_free of its pool. */
INFER_API infer_status infer_run_start(infer_session *session, const infer_run_options *options,
                                       const infer_tensor *inputs, size_t ninputs,
                                       infer_tensor *outputs, size_t noutputs, infer_run_done done,
                                       void *ctx, infer_error *err);

/* Bytes that a session uses. */
typedef struct infer_session_memory {
    size_t size;          /* sizeof(infer_session_memory) */
    uint64_t arena_bytes; /* intermediate tensors, placed by lifetime: of its largest shapes. With a
                             pool that sessions share they are lent by it, one arena for all runs
                             of a thread, and counted by each */
    uint64_t packed_bytes; /* weights in the form that the kernels want: the model's, and other
                              sessions may use the same. Those that are used in the model's file
                              (`infer pack`) are not counted, here and against max_memory_bytes */
    uint64_t output_bytes; /* outputs that the library holds for the caller */
    uint64_t plan_bytes;   /* everything else: plans, threads, memory for pictures */
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
