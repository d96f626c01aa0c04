/* A version of a model that is served: the model, its sessions, its queue and its counts. */
#ifndef INFER_TOOLS_SERVE_VERSION_H
#define INFER_TOOLS_SERVE_VERSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "infer_vision.h"
#include "tools/serve/models/job.h"
#include "tools/serve/models/slo.h"

struct observation;
struct observers;
struct scheduler;

/* Inputs, and outputs, of a model that is served. */
enum { VERSION_MOST_TENSORS = 64 };

/* Sizes of batches that are preferred. */
enum { VERSION_MOST_PREFERRED = 8 };

/* Workers of a version that takes no jobs for now. */
enum { VERSION_NO_WORKERS = -1 };

enum {
    VERSION_TOLD_WORKERS = 1,
    VERSION_TOLD_BATCH = 2,
    VERSION_TOLD_DELAY = 4,
    VERSION_TOLD_TIMEOUT = 8
};

/* How a version is run; the defaults stand behind. */
struct version_options {
    int workers;   /* sessions at most; 0: one for each thread; VERSION_NO_WORKERS */
    int max_batch; /* images that are run together; 1: none are */
    int preferred[VERSION_MOST_PREFERRED]; /* sizes of batches, growing, 0 behind the last: the
                                              largest that those that wait fill is run; else what
                                              waits, when batch_delay_ns is over */
    uint64_t batch_delay_ns; /* for how long a job may wait for others to be run with */
    int max_queue;           /* jobs that may wait */
    uint64_t timeout_ns;     /* deadline of a job that brings none; 0: none */
    double slo_quantile;     /* the share of jobs that slo_ns is for */
    uint64_t slo_ns;         /* the goal for their time; 0: none, see slo.h */
    int map; /* files are mapped, and may only be replaced by renaming others; else they are read */
    infer_precision precision;
    int fast_decode; /* JPEGs are decoded no larger than the model needs; in full where the version
                        is observed, whose features are those of whole pictures */
    unsigned told;   /* which of these were asked for, and are not the model's to choose: bits of
                        VERSION_TOLD_... */
    const struct infer_custom_op *custom_ops; /* operators that models may use beside the library's;
                                                 they live as long as the server */
    size_t ncustom_ops;
    struct observers *observers; /* NULL: nothing is observed */
};

/* Bounds of the times that are counted, in seconds, as Prometheus's clients have them. */
#define VERSION_BOUNDS                                                                             \
    {                                                                                              \
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10             \
    }
enum { VERSION_NBOUNDS = 14 };

/* How many times were at most each bound and above the one before; the last is for those above all.
 */
struct version_histogram {
    uint64_t count[VERSION_NBOUNDS + 1];
    uint64_t sum_ns;
};

/* Times and numbers since the version was loaded: of jobs, in ns. */
struct version_counts {
    uint64_t success, failure;         /* jobs */
    uint64_t failures[JOB_FAILED + 1]; /* by job_status */
    uint64_t images;                   /* that were computed */
    uint64_t runs;                     /* of sessions */
    uint64_t success_ns, failure_ns, queue_ns, input_ns, compute_ns, output_ns;
    struct version_histogram request, queue, compute; /* of jobs that succeeded */
    uint64_t last_ms;                                 /* CLOCK_REALTIME of the last job */
    /* of now, for those who ask */
    double slo_held_ns, slo_allowed_ns;
    int slo_batch, sessions;
    uint64_t batch_runs[64], batch_ns[64]; /* by images of a run; the last is for all above */
    uint64_t batch_input_ns[64], batch_output_ns[64]; /* what of it was no computing */
};

struct version_session {
    infer_session *session; /* runs on the thread that calls it, */
    infer_session *wide;    /* or on all of the pool: made when it is first wanted */
    struct version_session *next;
};

struct version {
    char *name;
    int64_t number;
    char *path;
    infer_model *model;
    void *converted; /* the flat file in memory where the model came from ONNX */
    infer_pool *pool;
    struct version_options options;

    /* what is known of it, fixed once it is open */
    int ninputs, noutputs;
    infer_value_info *inputs, *outputs; /* free dimensions are marked; their sizes mean nothing */
    infer_input_spec *specs;            /* of new sessions, one for each input */
    uint64_t text_inputs, text_outputs; /* bit i: tensor i holds text, see inference_internal.h */
    int batched;                        /* all inputs and outputs have a free first dimension */
    infer_task task;                    /* INFER_TASK_NONE where nothing is stored */
    infer_decoding decoding;
    infer_preprocess preprocess;
    int takes_pictures; /* one input, and preprocessing is stored */
    uint64_t loaded_ms; /* CLOCK_REALTIME */
    double load_ms;
    uint64_t bytes; /* that it takes with one session: the file, packed weights, memory for runs */

    atomic_uint references;

    /* the scheduler's, under its lock */
    struct job *queue, *queue_tail;
    int queued;
    int running; /* executors at work on it */
    int64_t queued_images, running_images;
    struct slo slo;
    int closed; /* takes no further jobs */
    uint64_t virtual_ns;
    struct version_session *idle;
    uint64_t session_bytes; /* of a session, when one was last asked */
    int sessions;
    struct version_counts counts;
    struct version *next_active;
    int active;
    struct observation *observation; /* of observe.h; NULL: it is not observed */
};

/* Sizes of a text, as "4,8". 0: they don't grow, are none, or too many. */
int version_read_preferred(const char *text, int *preferred);
/* Opens a model (.infer, or .onnx, which is converted) and makes its first session. NULL: `why` has
 * a sentence. One reference is the caller's. */
struct version *version_open(const char *name, int64_t number, const char *path,
                             const struct version_options *options, infer_pool *pool, char *why,
                             size_t size);
struct version *version_ref(struct version *v);
/* Frees it with its last reference. */
void version_unref(struct version *v);
/* The session of a run: the wide one where that is asked for and there is memory for it. */
infer_session *version_session_use(struct version *v, struct version_session *s, int wide);
/* A further session. NULL: *err says why. */
struct version_session *version_session_new(struct version *v, infer_error *err);
/* Frees sessions that nobody else has. */
void version_sessions_free(struct version_session *list);
/* The label of a class, or NULL. */
const char *version_label(const struct version *v, int64_t index);
/* The place of an input or output, -1 where there is none of this name. */
int version_input(const struct version *v, const char *name, size_t n);
int version_output(const struct version *v, const char *name, size_t n);
/* Runs jobs of one kind together on a session, and sets all that came out. Tensors of several jobs
 * fit together behind their first dimension. */
void version_run(struct version *v, infer_session *session, struct job **jobs, int count);

#endif
