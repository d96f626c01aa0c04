/* KServe v2 over gRPC: what the repository holds, loading and unloading, statistics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"
#include "tools/serve/kserve/load.h"

enum { NUMBER_BYTES = 24, BATCHES = 64 };

static void no_memory(struct grpc_request *r)
{
    grpc_fail(r, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

/* ---- the index ------------------------------------------------------------------------------ */

typedef Inference__RepositoryIndexResponse__ModelIndex index_row;

struct index_entry {
    index_row row;
    char number[NUMBER_BYTES];
};

static void fill_row(const struct repository_row *from, struct index_entry *to)
{
    static const char *const states[] = {[MODEL_UNAVAILABLE] = "UNAVAILABLE",
                                         [MODEL_LOADING] = "LOADING",
                                         [MODEL_READY] = "READY",
                                         [MODEL_UNLOADING] = "UNLOADING"};
    inference__repository_index_response__model_index__init(&to->row);
    snprintf(to->number, sizeof to->number, "%lld", (long long)from->number);
    to->row.name = from->name;
    to->row.version = to->number;
    to->row.state = (char *)(uintptr_t)states[from->state];
    if (from->state != MODEL_READY)
        to->row.reason = (char *)(uintptr_t)from->reason;
}

void kserve_grpc_index(void *server, struct grpc_request *r)
{
    struct server *s = server;
    Inference__RepositoryIndexResponse a = INFERENCE__REPOSITORY_INDEX_RESPONSE__INIT;
    Inference__RepositoryIndexRequest *q =
        kserve_grpc_read(r, &inference__repository_index_request__descriptor);
    if (!q)
        return;
    const int ready = q->ready;
    kserve_grpc_free(q);
    int n = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    struct index_entry *entries = calloc((size_t)n + 1, sizeof *entries);
    index_row **list = calloc((size_t)n + 1, sizeof(index_row *));
    for (int i = 0; rows && entries && list && i < n; i++)
        if (!ready || rows[i].state == MODEL_READY) {
            fill_row(&rows[i], &entries[i]);
            list[a.n_models++] = &entries[i].row;
        }
    a.models = list;
    if (rows && entries && list)
        kserve_grpc_reply(r, &a);
    else
        no_memory(r);
    free(list);
    free(entries);
    repository_rows_free(rows, n);
}

/* ---- load and unload ------------------------------------------------------------------------ */

/* A change that takes its time: it has a thread of its own, so that no other call waits. */
struct change {
    struct server *server;
    struct grpc_request *request;
    int load;
    char name[128];
    char *config; /* that came with load; NULL: none */
};

static void free_change(struct change *c)
{
    if (c)
        free(c->config);
    free(c);
}

static void make_change(void *arg)
{
    struct change *c = arg;
    Inference__ServerLiveRequest empty = INFERENCE__SERVER_LIVE_REQUEST__INIT;
    struct v2_error err;
    int ok = 1;
    if (c->load)
        ok = load_model(c->server, c->name, c->config, &err);
    else
        repository_unload(c->server->repository, c->name); /* an unknown one is gone */
    if (ok)
        kserve_grpc_reply(c->request, &empty);
    else
        kserve_grpc_refuse(c->request, &err);
    free_change(c);
}

/* What a call may not ask for. */
static int is_allowed(const struct server *s, const Inference__RepositoryModelRequest *q,
                      struct v2_error *err)
{
    if (!s->options.control || atomic_load(&s->draining)) {
        v2_fail(err, V2_UNAVAILABLE, "explicit model load / unload is not allowed");
        return 0;
    }
    if (*q->repository_name) {
        v2_fail(err, V2_UNSUPPORTED, "'repository_name' specification is not supported");
        return 0;
    }
    for (size_t i = 0; i < q->n_parameters; i++)
        if (load_refuses(q->parameters[i]->key, err))
            return 0;
    return 1;
}

/* The configuration among a call's parameters; NULL: there is none. */
static const char *config_of(const Inference__RepositoryModelRequest *q)
{
    for (size_t i = 0; i < q->n_parameters; i++)
        if (strcmp(q->parameters[i]->key, "config") == 0 && q->parameters[i]->value &&
            q->parameters[i]->value->parameter_choice_case ==
                INFERENCE__MODEL_REPOSITORY_PARAMETER__PARAMETER_CHOICE_STRING_PARAM)
            return q->parameters[i]->value->string_param;
    return NULL;
}

static void begin_change(struct server *s, struct grpc_request *r, int load)
{
    struct v2_error err;
    Inference__RepositoryModelRequest *q =
        kserve_grpc_read(r, &inference__repository_model_request__descriptor);
    if (!q)
        return;
    const char *config = load ? config_of(q) : NULL;
    struct change *c = NULL;
    int begun = 0;
    if (is_allowed(s, q, &err)) {
        v2_fail(&err, V2_INTERNAL, "failed to %s '%.100s'", load ? "load" : "unload",
                q->model_name);
        c = strlen(q->model_name) < sizeof c->name ? calloc(1, sizeof *c) : NULL;
    }
    if (c) {
        *c = (struct change){.server = s, .request = r, .load = load};
        memcpy(c->name, q->model_name, strlen(q->model_name) + 1);
        c->config = config ? strdup(config) : NULL;
        begun = (!config || c->config) && server_aside(s, make_change, c);
    }
    kserve_grpc_free(q);
    if (begun)
        return;
    free_change(c);
    kserve_grpc_refuse(r, &err);
}

void kserve_grpc_load(void *server, struct grpc_request *r)
{
    begin_change(server, r, 1);
}

void kserve_grpc_unload(void *server, struct grpc_request *r)
{
    begin_change(server, r, 0);
}

/* ---- statistics ----------------------------------------------------------------------------- */

typedef Inference__StatisticDuration duration;

/* One version's, with all that it points at. */
struct statistics {
    Inference__ModelStatistics stats;
    Inference__InferStatistics infer;
    duration durations[8];
    char number[NUMBER_BYTES];
    Inference__InferBatchStatistics batches[BATCHES], *list[BATCHES];
    duration batch_durations[BATCHES][3];
};

static duration *set(duration *d, uint64_t count, uint64_t ns)
{
    inference__statistic_duration__init(d);
    d->count = count;
    d->ns = ns;
    return d;
}

static void fill_infer(const struct version_counts *n, struct statistics *t)
{
    duration *d = t->durations;
    inference__infer_statistics__init(&t->infer);
    t->infer.success = set(&d[0], n->success, n->success_ns);
    t->infer.fail = set(&d[1], n->failure, n->failure_ns);
    t->infer.queue = set(&d[2], n->success, n->queue_ns);
    t->infer.compute_input = set(&d[3], n->success, n->input_ns);
    t->infer.compute_infer = set(&d[4], n->success, n->compute_ns);
    t->infer.compute_output = set(&d[5], n->success, n->output_ns);
    t->infer.cache_hit = set(&d[6], 0, 0);
    t->infer.cache_miss = set(&d[7], 0, 0);
    t->stats.inference_stats = &t->infer;
}

static void fill_batches(const struct version_counts *n, struct statistics *t)
{
    _Static_assert(sizeof n->batch_runs / sizeof *n->batch_runs == BATCHES, "as many as counts");
    for (size_t i = 1; i < BATCHES; i++) {
        const uint64_t runs = n->batch_runs[i];
        const uint64_t around = n->batch_input_ns[i] + n->batch_output_ns[i];
        Inference__InferBatchStatistics *b = &t->batches[i];
        duration *d = t->batch_durations[i];
        if (!runs)
            continue;
        inference__infer_batch_statistics__init(b);
        b->batch_size = i;
        b->compute_input = set(&d[0], runs, n->batch_input_ns[i]);
        b->compute_infer = set(&d[1], runs, n->batch_ns[i] > around ? n->batch_ns[i] - around : 0);
        b->compute_output = set(&d[2], runs, n->batch_output_ns[i]);
        t->list[t->stats.n_batch_stats++] = b;
    }
    t->stats.batch_stats = t->list;
}

static void fill_statistics(struct server *s, const struct repository_row *row,
                            struct statistics *t)
{
    struct version_counts n;
    int queued, running;
    scheduler_counts(s->scheduler, row->version, &n, &queued, &running);
    inference__model_statistics__init(&t->stats);
    snprintf(t->number, sizeof t->number, "%lld", (long long)row->number);
    t->stats.name = row->name;
    t->stats.version = t->number;
    t->stats.last_inference = n.last_ms;
    t->stats.inference_count = n.images;
    t->stats.execution_count = n.runs;
    fill_infer(&n, t);
    fill_batches(&n, t);
}

static int is_asked_for(const struct repository_row *row, const char *name, int64_t number)
{
    return row->version && (number == 0 || row->number == number) &&
           (!*name || strcmp(row->name, name) == 0);
}

void kserve_grpc_statistics(void *server, struct grpc_request *r)
{
    struct server *s = server;
    Inference__ModelStatisticsResponse a = INFERENCE__MODEL_STATISTICS_RESPONSE__INIT;
    Inference__ModelRequest *q = kserve_grpc_read(r, &inference__model_request__descriptor);
    if (!q)
        return;
    const int64_t number = kserve_grpc_version(q->version);
    int n = 0;
    struct repository_row *rows = repository_rows(s->repository, &n);
    struct statistics *all = calloc((size_t)n + 1, sizeof *all);
    Inference__ModelStatistics **list = calloc((size_t)n + 1, sizeof(Inference__ModelStatistics *));
    for (int i = 0; rows && all && list && i < n; i++)
        if (is_asked_for(&rows[i], q->name, number)) {
            fill_statistics(s, &rows[i], &all[i]);
            list[a.n_model_stats++] = &all[i].stats;
        }
    a.model_stats = list;
    if (!rows || !all || !list)
        no_memory(r);
    else if (a.n_model_stats == 0 && *q->name)
        grpc_fail(r, GRPC_INVALID_ARGUMENT, "requested model '%.200s' is not available", q->name);
    else
        kserve_grpc_reply(r, &a);
    free(list);
    free(all);
    repository_rows_free(rows, n);
    kserve_grpc_free(q);
}
