/* The phases of tuning: what the tasks are, which kernels are worth a closer look, which win, which
 * steps are better off on one thread, and whether the whole network gains. */
#include "tools/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

/* Kernels whose estimate is within this factor of the chosen one's are tried. */
static const double most_estimate = 3;
/* Behind the first, short phase: a choice up to this much slower is looked at again. */
static const double near = 1.15;
/* A clear winner: this much faster, in so many of the turns, and by that much of the network. */
static const double clear = 0.97, clear_turns = 0.7, clear_share = 0.0005;
/* Steps up to this long may be better off without other threads. Longer ones are not asked: where a
 * neighbour holds the other CPUs while this runs, they would be wrong for ever. */
static const double serial_ns = 15e3;

enum { LEAST_TURNS = 3 };

/* ---- tasks ---------------------------------------------------------------------------------- */

static void add_choices(struct tune_task *k, const struct infer__step *s)
{
    struct infer__candidate c[INFER__MOST_CANDIDATES];
    int n = infer__candidates(&s->task, c), at = 0;
    while (at < n && c[at].kernel != s->kernel) /* those before it could not be prepared */
        at++;
    k->estimate_ns = at < n ? c[at].ns : 0;
    k->choices[k->nchoices++] = (struct tune_choice){s->kernel, s->serial};
    for (int i = at + 1; i < n && k->nchoices < TUNE_MOST_CHOICES; i++)
        if (c[i].ns <= most_estimate * k->estimate_ns)
            k->choices[k->nchoices++] = (struct tune_choice){c[i].kernel, s->serial};
    k->untuned = k->tuned = k->choices[0];
}

static infer_status list_tasks(struct tuner *t)
{
    const struct infer__plan *plan = &t->names->program->plan;
    t->tasks = calloc(plan->nsteps + 1, sizeof *t->tasks);
    t->task_of = calloc(plan->nsteps + 1, sizeof *t->task_of);
    if (!t->tasks || !t->task_of)
        return infer__no_memory(&t->err, plan->nsteps * sizeof *t->tasks);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        uint64_t key = infer__task_key(&plan->steps[i].task);
        uint32_t k = 0;
        while (k < t->ntasks && t->tasks[k].key != key)
            k++;
        struct tune_task *task = &t->tasks[k];
        if (k == t->ntasks) {
            t->ntasks++;
            task->key = key;
            task->step = i;
            task->units = plan->steps[i].need.units;
            add_choices(task, &plan->steps[i]);
        }
        task->nsteps++;
        t->task_of[i] = k;
    }
    return INFER_OK;
}

/* ---- choosing ------------------------------------------------------------------------------- */

/* A choice over all numbers of threads: since a kernel is chosen for all of them at once, it must
 * be slower at none. */
struct verdict {
    double ratio, worst, won, share;
};

/* One thread can't tell whether a step is shared out. */
static int concerns(const struct tuner *t, unsigned ti, const struct tune_task *k, int c)
{
    return k->choices[c].serial == k->choices[0].serial || t->whole[ti].threads > 1;
}

static double total_ns(const struct tuner *t, unsigned ti)
{
    double ns = 0;
    for (uint32_t i = 0; i < t->ntasks; i++)
        ns += t->tasks[i].values[ti][0].ns;
    return ns;
}

static struct verdict judge(const struct tuner *t, const struct tune_task *k, int c)
{
    struct verdict v = {0, 0, 1, 0};
    int n = 0;
    for (unsigned ti = 0; ti < t->nthreads; ti++) {
        const struct tune_value *x = k->values[ti];
        double share = (x[0].ns - x[c].ns) / total_ns(t, ti);
        if (!concerns(t, ti, k, c))
            continue;
        v.ratio += log(x[c].ratio);
        v.worst = fmax(v.worst, x[c].ratio);
        v.won = fmin(v.won, x[c].won);
        v.share = fmax(v.share, share);
        n++;
    }
    v.ratio = n ? exp(v.ratio / n) : INFINITY;
    return v;
}

/* Leaves the choices that may be the best; returns how many tasks have more than one. */
static uint32_t drop_slow(struct tuner *t)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_task *k = &t->tasks[i];
        int n = 1;
        for (int c = 1; c < k->nchoices; c++)
            if (judge(t, k, c).ratio < near)
                k->choices[n++] = k->choices[c];
        k->nchoices = n;
        open += n > 1;
    }
    return open;
}

/* Takes the clear winners. */
static void choose(struct tuner *t)
{
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_task *k = &t->tasks[i];
        double best = clear;
        int winner = 0;
        for (int c = 1; c < k->nchoices; c++) {
            struct verdict v = judge(t, k, c);
            if (v.ratio < best && v.worst < 1 && v.won >= clear_turns && v.share >= clear_share) {
                best = v.ratio;
                winner = c;
            }
        }
        k->choices[0] = k->tuned = k->choices[winner];
        k->nchoices = 1;
    }
}

/* Short steps of several units get the choice to run on the calling thread; returns how many. */
static uint32_t offer_serial(struct tuner *t)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_task *k = &t->tasks[i];
        double ns = 0;
        for (unsigned ti = 0; ti < t->nthreads; ti++)
            ns = fmax(ns, k->values[ti][0].ns / k->nsteps);
        if (k->units > 1 && ns < serial_ns && !k->tuned.serial) {
            k->choices[k->nchoices++] = (struct tune_choice){k->tuned.kernel, 1};
            open++;
        }
    }
    return open;
}

/* Every task's choices become what it was and what it is now. */
static void offer_both(struct tuner *t)
{
    t->changed = 0;
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_task *k = &t->tasks[i];
        k->choices[0] = k->untuned;
        k->choices[1] = k->tuned;
        k->nchoices = 1 + tune_changed(k);
        t->changed += (uint32_t)tune_changed(k);
    }
}

/* Gives up changes that turned out to be no clear gain when all were made; returns whether any are
 * left, and fewer than before. */
static int keep_gains(struct tuner *t)
{
    uint32_t before = t->changed;
    for (uint32_t i = 0; i < t->ntasks; i++) {
        struct tune_task *k = &t->tasks[i];
        if (tune_changed(k) && judge(t, k, 1).ratio > clear)
            k->tuned = k->untuned;
    }
    offer_both(t);
    return t->changed > 0 && t->changed < before;
}

void tune_entries(const struct tuner *t, struct infer__tuned_entry *entries)
{
    for (uint32_t i = 0; i < t->ntasks; i++)
        entries[i] =
            (struct infer__tuned_entry){t->tasks[i].key, t->tasks[i].tuned.kernel->name,
                                        t->tasks[i].tuned.serial ? INFER__TUNED_SERIAL : 0};
}

/* ---- phases --------------------------------------------------------------------------------- */

/* Measures at every number of threads above `above` until `until`, shared evenly; *least: the
 * fewest turns. */
static infer_status measure(struct tuner *t, uint32_t above, double until, int most, int *least)
{
    *least = most;
    for (unsigned ti = 0; ti < t->nthreads; ti++) {
        double now = cli_now_ms();
        int turns;
        if (t->whole[ti].threads <= above)
            continue;
        TRY(tune_measure(t, ti, now + (until - now) / (t->nthreads - ti), most, &turns));
        *least = turns < *least ? turns : *least;
    }
    return INFER_OK;
}

/* Tuned and untuned in turns: *wins says whether the plan is faster somewhere, slower nowhere. */
static infer_status verify(struct tuner *t, double until, int *wins)
{
    int turns, best = 0;
    offer_both(t);
    TRY(measure(t, 0, until, t->changed ? 40 : LEAST_TURNS, &turns));
    *wins = turns >= LEAST_TURNS;
    for (unsigned ti = 0; ti < t->nthreads; ti++) {
        const struct tune_whole *w = &t->whole[ti];
        *wins &= w->ratio < 1.003;
        best |= w->ratio < 0.995 && w->won >= 0.6;
    }
    *wins &= best;
    return INFER_OK;
}

/* The time at which a share of what is left is over. */
static double part(const struct tuner *t, double share)
{
    double now = cli_now_ms();
    return now + (t->end_ms - now) * share;
}

static infer_status phases(struct tuner *t)
{
    int turns, wins;
    TRY(measure(t, 0, part(t, 0.45), 4, &turns));
    t->hurried = turns < 1;
    if (drop_slow(t)) {
        TRY(measure(t, 0, part(t, 0.65), 24, &turns));
        t->hurried = turns < LEAST_TURNS;
        if (!t->hurried)
            choose(t);
    }
    for (uint32_t i = 0; i < t->ntasks; i++)
        t->tasks[i].nchoices = 1;
    if (t->whole[t->nthreads - 1].threads > 1 && offer_serial(t)) {
        TRY(measure(t, 1, part(t, 0.35), 24, &turns));
        if (turns >= LEAST_TURNS)
            choose(t);
    }
    TRY(verify(t, part(t, 0.6), &wins));
    if (!wins && keep_gains(t))
        TRY(verify(t, t->end_ms, &wins));
    t->kept = wins && t->changed;
    return INFER_OK;
}

infer_status tune(struct tuner *t)
{
    TRY(tune_session(t, t->nthreads - 1, NULL, 0, &t->names));
    TRY(list_tasks(t));
    TRY(tune_tensors(t));
    if (!t->ntasks)
        return INFER_OK;
    infer_status status = phases(t);
    if (t->bar)
        fprintf(stderr, "\r%*s\r", 79, "");
    return status;
}

void tune_free(struct tuner *t)
{
    infer_session_free(&t->names);
    for (size_t i = 0; t->inputs && i < t->ninputs; i++)
        free(t->inputs[i].data);
    free(t->inputs);
    free(t->outputs);
    free(t->task_of);
    free(t->tasks);
}
