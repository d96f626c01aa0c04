/* The Open Inference Protocol (KServe v2) without a transport: what REST and gRPC share.
 *
 * A request is filled input by input and then run:
 *
 *   v2_begin, v2_input + one of v2_input_raw, v2_input_room, v2_input_texts for each input,
 *   v2_output for each that is asked for, v2_submit; later, in its `done`: v2_results, v2_free.
 *
 * Where something is wrong a function returns 0 (or -1, or NULL) and sets the error. Texts that
 * come in need no 0 at their end. */
#ifndef INFER_TOOLS_SERVE_INFERENCE_H
#define INFER_TOOLS_SERVE_INFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "infer.h"
#include "tools/serve/server.h"

/* What went wrong, as both transports tell it apart. */
enum v2_code {
    V2_OK,
    V2_INVALID,     /* 400, INVALID_ARGUMENT */
    V2_NOT_FOUND,   /* 404, NOT_FOUND */
    V2_UNAVAILABLE, /* 503, UNAVAILABLE */
    V2_UNSUPPORTED, /* 501, UNIMPLEMENTED */
    V2_INTERNAL     /* 500, INTERNAL */
};

struct v2_error {
    enum v2_code code;
    char text[480];
};

void v2_fail(struct v2_error *err, enum v2_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- models and types ----------------------------------------------------------------------- */

/* A version, counted for the caller; `number` 0: the newest that is ready. */
struct version *v2_find(struct server *s, const char *name, size_t n, int64_t number,
                        struct v2_error *err);
/* Numbers of a model's versions that are ready, by number; the caller's, to be freed with free.
 * NULL without memory. */
int64_t *v2_versions(struct server *s, const char *name, int *count);

/* "FP32" for INFER_F32 and so on; "BYTES" for INFER_TYPE_NONE. */
const char *v2_datatype(infer_type type);
/* The type of such a name, INFER_TYPE_NONE for BYTES; 0: there is none. */
int v2_type_of(const char *name, size_t n, infer_type *type);

/* Name, type and shape of an input or output as clients are told. A tensor of text (below) is
 * BYTES, without the dimension that its characters have. Free dimensions are -1. */
struct v2_info {
    const char *name;
    infer_type type; /* INFER_TYPE_NONE: BYTES */
    int32_t rank;
    int64_t dims[INFER_MAX_RANK];
};

void v2_input_info(const struct version *v, int i, struct v2_info *info);
void v2_output_info(const struct version *v, int i, struct v2_info *info);
/* Triton's max_batch_size: 0 where the first dimension is one like the others; else it is free, and
 * of at most so many in a request. */
int v2_max_batch(const struct version *v);

/* ---- a request ------------------------------------------------------------------------------ */

/* An element of a BYTES tensor. */
struct v2_text {
    const void *data;
    size_t bytes;
};

/* An input as a request announces it. */
struct v2_tensor {
    const char *name, *datatype;
    size_t name_length, datatype_length;
    int32_t rank;
    const int64_t *dims;
};

/* An output that is asked for. `classes` above 0: that many of its largest values, as text. `mark`
 * is the transport's. */
struct v2_output {
    int index;
    int64_t classes;
    int mark;
};

struct v2_request {
    struct server *server;
    struct version *version; /* counted */
    struct job *job;
    uint64_t timeout_us; /* a request that is not begun by then is refused; 0: never */
    uint32_t priority;   /* 1 is the most urgent; 0: that of the middle */
    int noutputs;        /* 0: all */
    struct v2_output outputs[VERSION_MOST_TENSORS];

    int ngiven; /* inputs */
    unsigned char given[VERSION_MOST_TENSORS];
    int pictures; /* the one input has come as pictures */
    int late;     /* what was refused is what Triton finds when it runs the model */
    void *owned[VERSION_MOST_TENSORS];
};

/* Begins a request to a version, which it takes a reference from. Always to be followed by v2_free.
 */
int v2_begin(struct v2_request *q, struct server *s, struct version *v, struct v2_error *err);
void v2_free(struct v2_request *q);

/* Checks name, type and shape of an input; returns its place, -1: refused. No memory is taken. */
int v2_input(struct v2_request *q, const struct v2_tensor *t, struct v2_error *err);
/* Its elements as bytes, little endian, BYTES each behind a u32 of its length. They must live until
 * the request is done; what is not aligned for its type is copied. */
int v2_input_raw(struct v2_request *q, int place, const void *data, size_t bytes,
                 struct v2_error *err);
/* Elements that are still to be given, `count` of them: room for them in the input's type. NULL:
 * the shape has another number. Not for BYTES. */
void *v2_input_room(struct v2_request *q, int place, size_t count, struct v2_error *err);
/* The elements of a BYTES input; what they point at must live until the request is done. */
int v2_input_texts(struct v2_request *q, int place, const struct v2_text *texts, size_t count,
                   struct v2_error *err);
/* A body that is nothing but the one input: its shape is deduced, or it is a picture. */
int v2_input_whole(struct v2_request *q, const void *data, size_t bytes, struct v2_error *err);
/* Asks for an output; asking twice is asking once. */
int v2_output(struct v2_request *q, const char *name, size_t n, int64_t classes, int mark,
              struct v2_error *err);

/* Queues it. 0: refused, inputs are missing; `done` is not called. Else `done` is called once, on
 * any thread, perhaps before this returns; job->status says how it went. */
int v2_submit(struct v2_request *q, void (*done)(struct job *job, void *ctx), void *ctx,
              struct v2_error *err);
/* What a job that is not JOB_OK is answered with. */
void v2_job_error(const struct job *job, struct v2_error *err);

/* ---- its results ---------------------------------------------------------------------------- */

struct v2_result {
    struct v2_info info; /* exact dimensions */
    int mark;            /* of the v2_output, 0 where all are answered */
    const void *data;    /* little endian; BYTES: each behind a u32 of its length */
    size_t bytes;
    void *owned; /* freed by v2_results_free */
};

/* Results of a job that is done, in the order in which they were asked for. NULL: err says why. */
struct v2_result *v2_results(const struct v2_request *q, int *count, struct v2_error *err);
void v2_results_free(struct v2_result *results, int count);

/* Walks the elements of a BYTES tensor: *at is where to go on, 0 at first. 0: no further one, or
 * its length passes the end (then *at is not `bytes`). */
int v2_next_text(const void *data, size_t bytes, size_t *at, struct v2_text *text);

#endif
