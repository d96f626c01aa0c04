/* Sessions that take turns, and what their times say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/random_fill.h"
#include "tools/tune.h"

/* A session's turn: one run to fill the caches, then timed runs until one of the limits. */
enum { MOST_RUNS = 16, LEAST_RUNS = 2, TURN_MS = 8, MOST_TURNS = 64 };
/* Sessions are kept side by side up to this much memory. */
static const uint64_t most_bytes = UINT64_C(3) << 30;

infer_status tune_session(struct tuner *t, unsigned ti, const struct infer__tuned_entry *entries,
                          int profile, infer_session **session)
{
    infer_session_options o = t->options;
    struct infer__tuned table;
    void *bytes = NULL;
    size_t size;
    o.threads = t->whole[ti].threads;
    o.profile = (uint32_t)profile;
    *session = NULL;
    if (entries) {
        struct infer__tuned_entry *copy = calloc(t->ntasks, sizeof *copy);
        if (!copy)
            return infer__no_memory(&t->err, t->ntasks * sizeof *copy);
        memcpy(copy, entries, t->ntasks * sizeof *copy);
        infer_status status =
            infer__tuned_encode(&t->here, copy, t->ntasks, NULL, &bytes, &size, &t->err);
        free(copy);
        if (status != INFER_OK)
            return status;
        infer__tuned_open(bytes, &table);
    }
    infer_status status =
        infer__session_create(t->model, &o, entries ? &table : NULL, session, &t->err);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}

infer_status tune_tensors(struct tuner *t)
{
    t->ninputs = infer_session_inputs(t->names);
    t->noutputs = infer_session_outputs(t->names);
    t->inputs = calloc(t->ninputs + 1, sizeof *t->inputs);
    t->outputs = calloc(t->noutputs + 1, sizeof *t->outputs);
    if (!t->inputs || !t->outputs)
        return infer__no_memory(&t->err, t->ninputs * sizeof *t->inputs);
    for (size_t i = 0; i < t->ninputs; i++) {
        infer_value_info info;
        infer_tensor *x = &t->inputs[i];
        infer_session_input(t->names, i, &info);
        x->type = info.type;
        x->rank = info.rank;
        memcpy(x->dims, info.dims, sizeof x->dims);
        x->bytes = infer_tensor_elements(x) * infer_type_size(x->type);
        x->data = aligned_alloc(64, (x->bytes + 64) / 64 * 64);
        if (!x->data)
            return infer__no_memory(&t->err, x->bytes);
        random_fill(x, 1 + i);
    }
    return INFER_OK;
}

/* ---- progress ------------------------------------------------------------------------------- */

enum { BAR = 40 };

static void show(struct tuner *t, const char *what, unsigned ti)
{
    char bar[BAR + 1];
    double now = cli_now_ms(), done = (now - t->start_ms) / (t->end_ms - t->start_ms);
    if (!t->bar)
        return;
    int full = done < 1 ? (int)(done * BAR) : BAR;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = 0;
    fprintf(stderr, "\r[%s] %3.0f s  %s, %u thread%s ", bar, (now - t->start_ms) / 1e3, what,
            t->whole[ti].threads, t->whole[ti].threads == 1 ? " " : "s");
}

/* ---- statistics ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower median: of two runs the one that was disturbed less. Sorts v. */
static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[(n - 1) / 2];
}

/* Of the times of a table and of table 0, turn by turn. */
static struct tune_value judge(const double *times, const double *base, int turns)
{
    double ratio[MOST_TURNS], ns[MOST_TURNS], less = 0;
    for (int i = 0; i < turns; i++) {
        ns[i] = times[i];
        ratio[i] = base[i] > 0 ? times[i] / base[i] : 1;
        less += ratio[i] < 1;
    }
    return (struct tune_value){median(ratio, turns), less / turns, median(ns, turns)};
}

/* ---- tables in turns ------------------------------------------------------------------------ */

struct table {
    infer_session *session;
    double *times; /* ns, [task][turn] */
    int turns;
    double turn_ms; /* of a run in the first turn */
    int dropped;    /* far too slow: one turn has said enough */
};

struct tables {
    struct table table[TUNE_MOST_CHOICES];
    int n;
    double *samples; /* ns, [task][run] of the turn */
    uint64_t *before; /* per step: its time before the run */
};

static void free_tables(struct tables *s)
{
    for (int k = 0; k < TUNE_MOST_CHOICES; k++) {
        infer_session_free(&s->table[k].session);
        free(s->table[k].times);
    }
    free(s->samples);
    free(s->before);
}

static uint64_t held_bytes(const infer_session *s)
{
    infer_session_memory m;
    infer_session_memory_use(s, &m);
    return m.arena_bytes + m.packed_bytes + m.output_bytes + m.plan_bytes;
}

static struct tune_choice choice_of(const struct tune_task *task, int table)
{
    return task->choices[table < task->nchoices ? table : 0];
}

static infer_status open_table(struct tuner *t, unsigned ti, int k, struct table *table)
{
    struct infer__tuned_entry *e = calloc(t->ntasks, sizeof *e);
    table->times = calloc((size_t)t->ntasks * MOST_TURNS, sizeof *table->times);
    if (!e || !table->times) {
        free(e);
        return infer__no_memory(&t->err, t->ntasks * sizeof *e);
    }
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_choice c = choice_of(&t->tasks[i], k);
        e[i] = (struct infer__tuned_entry){t->tasks[i].key, c.kernel->name,
                                           c.serial ? INFER__TUNED_SERIAL : 0};
    }
    infer_status status = tune_session(t, ti, e, 1, &table->session);
    free(e);
    return status;
}

static infer_status open_tables(struct tuner *t, unsigned ti, double until, struct tables *s)
{
    int most = 0;
    uint64_t bytes = 0;
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < t->ntasks; i++)
        most = t->tasks[i].nchoices > most ? t->tasks[i].nchoices : most;
    uint32_t nsteps = t->names->plan.nsteps;
    s->samples = calloc((size_t)t->ntasks * MOST_RUNS + 1, sizeof *s->samples);
    s->before = calloc((size_t)nsteps + 1, sizeof *s->before);
    if (!s->samples || !s->before)
        return infer__no_memory(&t->err, t->ntasks * MOST_RUNS * sizeof *s->samples);
    while (s->n < most && (s->n < 2 || bytes < most_bytes) && cli_now_ms() < until) {
        show(t, "preparing", ti);
        TRY(open_table(t, ti, s->n, &s->table[s->n]));
        bytes += held_bytes(s->table[s->n++].session);
        FAIL_IF(s->table[0].session->plan.nsteps != nsteps && (t->err.status = 1),
                INFER_ERROR_INTERNAL, "the plan has other steps with other kernels");
    }
    return INFER_OK;
}

static infer_status run(struct tuner *t, infer_session *s, double *ms)
{
    memset(t->outputs, 0, t->noutputs * sizeof *t->outputs);
    double start = cli_now_ms();
    infer_status status = infer_run(s, t->inputs, t->ninputs, t->outputs, t->noutputs, &t->err);
    *ms = cli_now_ms() - start;
    return status;
}
