/* Never slower: groups of steps are put back to float where that makes the whole network faster on
 * this CPU. Steps are not judged one by one: neighbours share the cost of turning tensors into
 * integers and back, and float steps fuse in other ways. So whole networks are timed in turns, and
 * a neighbour on the machine slows down both. */
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/quantize/quantize.h"

enum { SLICES = 8, MOST_TURNS = 41, LEAST_TURNS = 7 };

/* One comparison takes about this long, all of them at most that. */
static const double turns_ms = 1500, all_ms = 60000;
/* What is put back has to be faster by this much. */
static const double least_gain = 0.985;
/* And in so many of the turns: on a busy machine a median alone may be luck. */
static const double least_won = 0.75;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n ? v[n / 2] : 0;
}

struct rival {
    infer_model model;
    infer_session *session;
};

static infer_status run(const struct quantiser *q, struct rival *r, infer_tensor *outputs,
                        double *ms, infer_error *err)
{
    infer_tensor input = q->samples.tensor;
    uint32_t n = q->graph.noutputs;
    input.data = q->samples.items[0].data;
    memset(outputs, 0, n * sizeof *outputs);
    double start = cli_now_ms();
    infer_status status = infer_run(r->session, &input, 1, outputs, n, err);
    *ms = cli_now_ms() - start;
    return status;
}

infer_status quant_race(struct quantiser *q, const struct infer__graph *a,
                        const struct infer__graph *b, struct quant_race *race, infer_error *err)
{
    struct rival r[2] = {{.session = NULL}};
    double times[2][MOST_TURNS], ratios[MOST_TURNS], start;
    int turns = 0, won = 0;
    infer_status status;
    infer_tensor *outputs = calloc((size_t)q->graph.noutputs + 1, sizeof *outputs);
    TRY_GOTO(outputs ? INFER_OK : infer__no_memory(err, q->graph.noutputs * sizeof *outputs));
    for (int i = 0; i < 2; i++)
        TRY_GOTO(capture_session(i ? b : a, &q->samples, q->options.threads, &r[i].model,
                                 &r[i].session, err));
    for (int i = 0; i < 6; i++) /* caches and clocks */
        TRY_GOTO(run(q, &r[i % 2], outputs, &times[0][0], err));
    start = cli_now_ms();
    while (turns < MOST_TURNS && (turns < LEAST_TURNS || cli_now_ms() - start < turns_ms)) {
        int first = turns % 2;
        for (int i = 0; i < 2; i++)
            TRY_GOTO(run(q, &r[first ^ i], outputs, &times[first ^ i][turns], err));
        ratios[turns] = times[1][turns] / times[0][turns];
        won += ratios[turns] < 1;
        turns++;
    }
    race->a_ms = median(times[0], turns);
    race->b_ms = median(times[1], turns);
    race->ratio = median(ratios, turns);
    race->won = (double)won / turns;
    status = INFER_OK;
fail:
    for (int i = 0; i < 2; i++)
        capture_session_free(&r[i].model, &r[i].session);
    free(outputs);
    return status;
}

/* ---- what is tried -------------------------------------------------------------------------- */

struct idea {
    const char *what;
    uint16_t op;       /* all steps of one operator; or, with INFER__OP_NONE, */
    uint32_t from, to; /* nodes of this part of the network */
};

static int can_go(const struct quantiser *q, uint32_t i)
{
    return q->nodes[i].kind != QUANT_FLOAT && q->nodes[i].kind != QUANT_INNER;
}

static int is_meant(const struct quantiser *q, const struct idea *idea, uint32_t i)
{
    if (!can_go(q, i))
        return 0;
    return idea->op ? q->graph.nodes[i].op == idea->op : i >= idea->from && i < idea->to;
}

/* Every operator but those that do the work, then slices of the network, from its end on (where
 * tensors are small and weights many), then all of it. */
static uint32_t list_ideas(const struct quantiser *q, struct idea *list)
{
    uint8_t seen[INFER__OP_COUNT] = {0};
    uint32_t n = 0, nodes = q->graph.nnodes;
    for (uint32_t i = 0; i < nodes; i++) {
        uint16_t op = q->graph.nodes[i].op;
        if (!can_go(q, i) || q->nodes[i].kind == QUANT_DENSE || seen[op])
            continue;
        seen[op] = 1;
        list[n++] = (struct idea){infer__op_info(op)->name, op, 0, 0};
    }
    for (uint32_t k = SLICES; k-- > 0;)
        list[n++] =
            (struct idea){"a slice", INFER__OP_NONE, (uint32_t)((uint64_t)nodes * k / SLICES),
                          (uint32_t)((uint64_t)nodes * (k + 1) / SLICES)};
    list[n++] = (struct idea){"everything", INFER__OP_NONE, 0, nodes};
    return n;
}

static int is_faster(const struct quant_race *r)
{
    return r->ratio < least_gain && r->won >= least_won;
}

/* Puts an idea's steps back to float and keeps that if the network is faster. */
static infer_status attempt(struct quantiser *q, const struct idea *idea, uint8_t *taken,
                            infer_error *err)
{
    struct infer__region region;
    struct quant_emitted before, after;
    struct quant_race race, again;
    uint32_t n = 0;
    infer_status status;
    memset(taken, 0, q->graph.nnodes);
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        n += taken[i] = (uint8_t)is_meant(q, idea, i);
    if (!n)
        return INFER_OK;
    infer__region_init(&region, NULL);
    TRY_GOTO(quant_emit(q, QUANT_FINAL, &region, &before, err));
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        if (taken[i])
            quant_put_back(q, i, "int8 is slower here");
    quant_place(q);
    TRY_GOTO(quant_emit(q, QUANT_FINAL, &region, &after, err));
    TRY_GOTO(quant_race(q, &before.graph, &after.graph, &race, err));
    int kept = is_faster(&race);
    if (kept) { /* many ideas are tried, so one of them may be lucky: it has to win twice */
        TRY_GOTO(quant_race(q, &before.graph, &after.graph, &again, err));
        kept = is_faster(&again);
    }
    if (q->ntries < QUANT_MOST_TRIES)
        q->tries[q->ntries++] = (struct quant_try){idea->what, n, 0, race.a_ms, race.b_ms, kept};
    for (uint32_t i = 0; i < q->graph.nnodes && !kept; i++)
        if (taken[i])
            quant_put_back(q, i, NULL);
    quant_place(q);
fail:
    infer__region_free(&region);
    return status;
}

static infer_status try_ideas(struct quantiser *q, infer_error *err)
{
    struct idea list[INFER__OP_COUNT + SLICES + 1];
    uint32_t n = list_ideas(q, list);
    uint8_t *taken = infer__region_calloc(&q->region, (size_t)q->graph.nnodes + 1, 1);
    double start = cli_now_ms();
    if (!taken)
        return infer__no_memory(err, q->graph.nnodes);
    for (uint32_t i = 0; i < n; i++) {
        /* the last idea, everything, is never left out */
        if (i + 1 < n && cli_now_ms() - start > all_ms)
            continue;
        TRY(attempt(q, &list[i], taken, err));
        quant_progress(q, "speed", (i + 1.0) / n);
    }
    return INFER_OK;
}

infer_status quant_speed(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    struct quant_emitted e;
    struct quant_race race;
    if (!q->options.all_int8)
        TRY(try_ideas(q, err));
    infer__region_init(&region, NULL);
    infer_status status = quant_emit(q, QUANT_FINAL, &region, &e, err);
    if (status == INFER_OK)
        status = quant_race(q, &q->graph, &e.graph, &race, err);
    infer__region_free(&region);
    if (status == INFER_OK) {
        q->float_ms = race.a_ms;
        q->int8_ms = race.b_ms;
    }
    return status;
}
