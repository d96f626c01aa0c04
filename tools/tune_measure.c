/* Sessions that take turns, and what their times say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli.h"
#include "tools/random_fill.h"
#include "tools/tune.h"

/* A session's turn: one run to fill the caches, then timed runs until one of the limits. The
 * fastest of them counts, the one that a neighbour has disturbed the least; over the turns it is
 * the median. */
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
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_tensor *x = &t->inputs[i];
        infer_session_input(t->names, i, &info, NULL);
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

static double median(double *v, int n) /* sorts v */
{
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[n / 2];
}

static double least(const double *v, int n)
{
    double m = v[0];
    for (int i = 1; i < n; i++)
        m = v[i] < m ? v[i] : m;
    return m;
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
    double *samples;  /* ns, [task][run] of the turn */
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
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_session_memory_use(s, &m, NULL);
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
    uint32_t nsteps = t->names->program->plan.nsteps;
    s->samples = calloc((size_t)t->ntasks * MOST_RUNS + 1, sizeof *s->samples);
    s->before = calloc((size_t)nsteps + 1, sizeof *s->before);
    if (!s->samples || !s->before)
        return infer__no_memory(&t->err, t->ntasks * MOST_RUNS * sizeof *s->samples);
    while (s->n < most && (s->n < 2 || bytes < most_bytes) && cli_now_ms() < until) {
        show(t, "preparing", ti);
        TRY(open_table(t, ti, s->n, &s->table[s->n]));
        bytes += held_bytes(s->table[s->n++].session);
        if (s->table[s->n - 1].session->program->plan.nsteps != nsteps)
            return infer__fail(&t->err, INFER_ERROR_INTERNAL, "the steps depend on the kernels");
    }
    return INFER_OK;
}

static double cpu_ms(void)
{
    struct timespec c;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
    return (double)c.tv_sec * 1e3 + (double)c.tv_nsec / 1e6;
}

static infer_status run(struct tuner *t, infer_session *s, double *ms)
{
    memset(t->outputs, 0, t->noutputs * sizeof *t->outputs);
    double cpu = cpu_ms(), start = cli_now_ms();
    infer_status status = infer_run(s, t->inputs, t->ninputs, t->outputs, t->noutputs, &t->err);
    *ms = cli_now_ms() - start;
    t->cpu_ms += cpu_ms() - cpu;
    t->wall_ms += *ms * infer__team_members(s->team);
    return status;
}

/* One timed run; every task's time becomes sample `r`. */
static infer_status sample(struct tuner *t, struct tables *s, infer_session *session, int r,
                           double *ms)
{
    const struct infer__plan *plan = &session->program->plan;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        s->before[i] = plan->steps[i].ns;
    TRY(run(t, session, ms));
    for (uint32_t i = 0; i < t->ntasks; i++)
        s->samples[i * MOST_RUNS + (uint32_t)r] = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        s->samples[t->task_of[i] * MOST_RUNS + (uint32_t)r] +=
            (double)(plan->steps[i].ns - s->before[i]);
    return INFER_OK;
}

/* A table's turn; *done is 0 where the time was over before it. */
static infer_status take_turn(struct tuner *t, struct tables *s, int k, double until, int *done)
{
    struct table *table = &s->table[k];
    int runs = 0;
    double ms, spent = 0;
    *done = 0;
    if (cli_now_ms() + table->turn_ms > until)
        return INFER_OK;
    TRY(run(t, table->session, &ms));
    while (runs < LEAST_RUNS || (runs < MOST_RUNS && spent < TURN_MS)) {
        if (cli_now_ms() + ms > until)
            return INFER_OK;
        TRY(sample(t, s, table->session, runs++, &ms));
        spent += ms;
    }
    for (uint32_t i = 0; i < t->ntasks; i++)
        table->times[i * MOST_TURNS + (uint32_t)table->turns] =
            least(s->samples + i * MOST_RUNS, runs);
    if (table->turns++ == 0)
        table->turn_ms = spent / runs;
    *done = 1;
    return INFER_OK;
}

/* Every table once, in this order or the other way round: a turn counts when all had theirs. */
static infer_status take_turns(struct tuner *t, struct tables *s, int turn, double until, int *done)
{
    *done = 1;
    for (int i = 0; i < s->n && *done; i++) {
        int k = turn % 2 ? s->n - 1 - i : i;
        if (!s->table[k].dropped)
            TRY(take_turn(t, s, k, until, done));
    }
    for (int k = 1; k < s->n; k++)
        s->table[k].dropped |= s->table[k].turn_ms > 4 * s->table[0].turn_ms;
    return INFER_OK;
}

/* A choice is judged only if the session really runs it: a kernel may refuse when it is prepared.
 */
static void judge_task(const struct tuner *t, const struct tables *s, uint32_t task, int turns,
                       struct tune_value *v)
{
    const struct tune_task *k = &t->tasks[task];
    const double *base = s->table[0].times + task * MOST_TURNS;
    for (int c = 0; c < TUNE_MOST_CHOICES; c++) {
        const struct table *table = &s->table[c];
        int n = table->turns < turns ? table->turns : turns;
        v[c] = (struct tune_value){INFINITY, 0, INFINITY};
        if (c >= k->nchoices || c >= s->n || n == 0)
            continue;
        const struct infer__step *step = &table->session->program->plan.steps[k->step];
        if (step->kernel == k->choices[c].kernel && step->serial == k->choices[c].serial)
            v[c] = judge(table->times + task * MOST_TURNS, base, n);
    }
}

/* All tasks of a table in a turn. Since every step counts as fast as it ever was in that turn, this
 * is less disturbed by others than the clock around a whole run is. */
static double turn_ns(const struct tuner *t, const struct table *table, int turn)
{
    double ns = 0;
    for (uint32_t i = 0; i < t->ntasks; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): ruled out above */
        ns += table->times[i * MOST_TURNS + (uint32_t)turn];
    return ns;
}

/* Table 1 against table 0, or table 0 alone. */
static void judge_whole(const struct tuner *t, const struct tables *s, int turns,
                        struct tune_whole *w)
{
    double ns[2][MOST_TURNS];
    int other = s->n > 1 && s->table[1].turns >= turns;
    w->turns = turns;
    if (!turns)
        return;
    for (int i = 0; i < turns; i++) {
        ns[0][i] = turn_ns(t, &s->table[0], i);
        ns[1][i] = turn_ns(t, &s->table[other], i);
    }
    struct tune_value v = judge(ns[1], ns[0], turns);
    w->ratio = v.ratio;
    w->won = v.won;
    w->after_ms = v.ns / 1e6;
    w->before_ms = median(ns[0], turns) / 1e6;
}

static infer_status measure(struct tuner *t, unsigned ti, double until, int most, struct tables *s,
                            int *turns)
{
    int done = 1;
    TRY(open_tables(t, ti, until, s));
    most = most < MOST_TURNS ? most : MOST_TURNS;
    for (*turns = 0; *turns < most && done; *turns += done) {
        show(t, "measuring", ti);
        TRY(take_turns(t, s, *turns, until, &done));
    }
    for (uint32_t i = 0; i < t->ntasks; i++)
        judge_task(t, s, i, *turns, t->tasks[i].values[ti]);
    judge_whole(t, s, *turns, &t->whole[ti]);
    return INFER_OK;
}

infer_status tune_measure(struct tuner *t, unsigned ti, double until_ms, int most, int *turns)
{
    struct tables s;
    *turns = t->whole[ti].turns = 0;
    if (cli_now_ms() > until_ms)
        return INFER_OK;
    infer_status status = measure(t, ti, until_ms, most, &s, turns);
    free_tables(&s);
    return status;
}
