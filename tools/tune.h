/* Measuring kernels for the steps of a model on this CPU, behind `infer tune`.
 *
 * A task is what equal steps share (infer__task_key). Each has a few choices; a table takes one
 * choice of every task, and a session made with it is run as a whole, so that every step finds the
 * caches as it will find them later. Sessions of several tables take turns, and a choice is judged
 * by its ratio to the untuned one within the same turn: a neighbour that takes the CPU for a while
 * slows down both. */
#ifndef INFER_TOOLS_TUNE_H
#define INFER_TOOLS_TUNE_H

#include "plan/select.h"
#include "plan/tuned.h"
#include "run/session.h"

enum { TUNE_MOST_THREADS = 8, TUNE_MOST_CHOICES = 8 };

struct tune_choice {
    const struct infer__kernel *kernel;
    int serial;
};

/* What measuring said of a choice, at one number of threads. */
struct tune_value {
    double ratio; /* time over that of choice 0, median over turns; infinite: not measured */
    double won;   /* share of turns in which it was faster */
    double ns;    /* median of a run, all steps of the task together */
};

struct tune_task {
    uint64_t key;
    uint32_t step, nsteps, units; /* the first of its steps, and how many they are */
    double estimate_ns;           /* of the untuned kernel */
    struct tune_choice choices[TUNE_MOST_CHOICES];
    int nchoices;
    struct tune_value values[TUNE_MOST_THREADS][TUNE_MOST_CHOICES];
    struct tune_choice untuned, tuned;
};

static inline int tune_changed(const struct tune_task *k)
{
    return k->tuned.kernel != k->untuned.kernel || k->tuned.serial != k->untuned.serial;
}

/* The whole network at one number of threads: all steps together. */
struct tune_whole {
    uint32_t threads;
    double before_ms, after_ms; /* medians of the last measuring: untuned and tuned, in turns */
    double ratio, won;          /* as those of a choice */
    int turns;
};

struct tuner {
    const infer_model *model;
    infer_session_options options; /* shapes; threads and profile are set for every session */
    struct infer__tuned_for here;
    struct tune_whole whole[TUNE_MOST_THREADS];
    unsigned nthreads;
    double start_ms, end_ms; /* of all measuring */
    int bar;                 /* 1: progress on standard error */
    infer_tensor *inputs, *outputs;
    size_t ninputs, noutputs;
    struct infer_session *names; /* untuned; only asked for what its steps are */
    uint32_t *task_of;           /* per step */
    struct tune_task *tasks;
    uint32_t ntasks;
    uint32_t changed;       /* tasks whose tuned choice is not the untuned one */
    int kept;               /* 1: the tuned plan is faster and worth storing */
    int hurried;            /* 1: there was too little time to choose kernels */
    double wall_ms, cpu_ms; /* of all runs: threads times wall clock, and what the CPUs gave */
    infer_error err;
};

/* Lists the tasks, measures, chooses, verifies. `t` has model, options, here, whole[].threads,
 * nthreads, times and bar. On failure t->err says why. */
infer_status tune(struct tuner *t);
void tune_free(struct tuner *t);
/* The entries of the tuned plan for the file, one per task, into room for t->ntasks. */
void tune_entries(const struct tuner *t, struct infer__tuned_entry *entries);

/* ---- tune_measure.c ------------------------------------------------------------------------- */

/* Runs tables of all choices in turns at whole[ti].threads until a time or a number of turns, and
 * fills every task's values[ti] and whole[ti]. *turns: how many were whole. */
infer_status tune_measure(struct tuner *t, unsigned ti, double until_ms, int most, int *turns);
/* Makes the tensors of every run: pseudo-random inputs. */
infer_status tune_tensors(struct tuner *t);
infer_status tune_session(struct tuner *t, unsigned ti, const struct infer__tuned_entry *entries,
                          int profile, infer_session **session);

/* ---- tune_file.c ---------------------------------------------------------------------------- */

/* The model's file with the tuned plan of this CPU and library replaced by `entries` (which may be
 * none) and those of it that are of other tasks: *bytes is to be freed with infer__free. */
infer_status tune_file(const infer_model *model, const struct infer__tuned_for *here,
                       const struct infer__tuned_entry *entries, uint32_t nentries,
                       const uint64_t *measured, uint32_t nmeasured, void **bytes, size_t *size,
                       infer_error *err);

#endif
