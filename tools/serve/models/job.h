/* One inference that somebody waits for: what goes in, what came out, how long it took. */
#ifndef INFER_TOOLS_SERVE_JOB_H
#define INFER_TOOLS_SERVE_JOB_H

#include <stdatomic.h>
#include <stdint.h>

#include "infer_text.h"
#include "infer_vision.h"

struct version;

/* Why there is no answer, as protocols tell them apart. */
enum job_status {
    JOB_OK = 0,
    JOB_BAD_INPUT,  /* tensors that do not fit, bytes that are no picture */
    JOB_QUEUE_FULL, /* refused at once */
    JOB_LATE,       /* its deadline passed before it was run, or while it was */
    JOB_UNLOADED,   /* the model went while it waited */
    JOB_CANCELLED,
    JOB_FAILED /* the run */
};

/* A tensor by its place in the model's list. `data` of inputs is the caller's, of outputs the
 * job's. */
struct job_tensor {
    infer_type type;
    int32_t rank;
    int64_t dims[INFER_MAX_RANK];
    void *data;
    size_t bytes;
};

enum job_kind {
    JOB_TENSORS,        /* inputs to outputs */
    JOB_PICTURES,       /* pictures to answers of the model's task */
    JOB_PICTURE_TENSORS /* pictures to outputs, by the preprocessing that is stored */
};

/* Whether a picture is answered with a vector, whatever the model's task is. */
enum job_vector { JOB_NO_VECTOR, JOB_VECTOR, JOB_VECTOR_OF_LENGTH_1 };

/* What a picture is answered with; which of them depends on the task. */
struct job_answer {
    infer_class *classes;
    size_t nclasses;
    infer_box *boxes;
    size_t nboxes;
    infer_point *points; /* box after box, or of the picture where the task is keypoints */
    size_t npoints;      /* of each */
    infer_image *masks;  /* of box after box; NULL: none */
    infer_image mask;    /* of segmentation */
    float *vector;
    size_t length;
    infer_quad *quads; /* where text is */
    size_t nquads;
    infer_text *texts; /* what it says: of each quad, or of the picture */
    size_t ntexts;
    char *text_room;       /* which they point into */
    int32_t width, height; /* of the picture */
};

struct job {
    /* what is asked */
    enum job_kind kind;
    struct version *version; /* counted by whoever makes the job; given back by job_free */
    int ninputs;
    struct job_tensor *inputs; /* all inputs of the model, in its order */
    int npictures;
    infer_picture *pictures;
    int top;     /* classes of a picture; 0: 5 */
    float score; /* threshold of boxes instead of the model's; 0: the model's */
    int want_masks;
    enum job_vector vector;
    infer_quad
        *quads; /* of the one picture: the lines that are to be read; NULL: it is a line. Owned.
                 */
    size_t nquads;
    char id[64];          /* the request's, for logs and labels; may be empty */
    int priority;         /* 1 is the most urgent; 0: that of the middle */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
    uint64_t start_by_ns; /* likewise: it is refused unless it has begun by then; 0: none */
    /* Whether nobody is there any longer to be answered; asked before the job is run. NULL: it
     * can't be told. */
    int (*is_gone)(const void *client);
    const void *client;
    atomic_int cancelled; /* set by whoever no longer waits for it; `done` is called all the same */

    /* what came out; owned by the job */
    enum job_status status;
    char error[256];
    int noutputs;
    struct job_tensor *outputs; /* all outputs of the model, in its order; dense */
    struct job_answer *answers; /* of JOB_PICTURES: one for each */

    /* CLOCK_MONOTONIC, in ns */
    uint64_t queued_ns, started_ns, input_ns, computed_ns, ended_ns;
    int64_t batch; /* images that were computed together */

    /* Called once, on any thread, when it is done; from then on the job is the callee's again. */
    void (*done)(struct job *job, void *ctx);
    void *ctx;

    struct job *next; /* the scheduler's */
};

/* A job of a version, which it takes a reference from. NULL without memory. */
struct job *job_new(struct version *version, enum job_kind kind);
void job_free(struct job *job);
/* Sets status and error. */
void job_fail(struct job *job, enum job_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Images that a job brings: pictures, or where the version is batched the first dimension of its
 * inputs, else 1. */
int64_t job_images(const struct job *job);
/* Whether two jobs of a version can be run together: of one kind, batched, and with inputs that
 * differ in their first dimension alone. */
int job_fits(const struct job *a, const struct job *b);
/* Room for the version's outputs, and of an output's bytes; 0: no memory. */
int job_outputs_begin(struct job *job);
int job_output_make(struct job_tensor *t, const infer_value_info *info);

#endif
