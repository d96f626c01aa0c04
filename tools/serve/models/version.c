#include "tools/serve/models/version.h"
#include "tools/serve/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "file/layout.h"
#include "infer_experimental.h"
#include "tools/cli.h"
#include "tools/convert.h"
#include "tools/serve/models/notes.h"
#include "tools/serve/models/scheduler.h"
#include "tools/serve/models/version_shapes.h"
#include "tools/serve/watch/observe.h"

enum { MOST_DOMAINS = 16 };

/* Domains of the operators that models may use beside the library's. */
static size_t custom_domains(const struct version_options *o, const char **domains)
{
    size_t n = 0;
    for (size_t i = 0; i < o->ncustom_ops && n < MOST_DOMAINS; i++)
        domains[n++] = o->custom_ops[i].domain;
    return n;
}

/* Whether a file of any other name is one of ours; else it is taken for ONNX. */
static int is_flat(const char *path)
{
    char magic[8] = "";
    FILE *f = fopen(path, "rbe");
    const int flat = f && fread(magic, 1, 8, f) == 8 && memcmp(magic, INFER__FILE_MAGIC, 8) == 0;
    if (f)
        fclose(f);
    return flat;
}

static infer_status load(struct version *v, infer_error *err)
{
    infer_load_options lo = INFER_LOAD_OPTIONS_INIT;
    lo.read_into_memory = !v->options.map;
    lo.custom_ops = v->options.custom_ops;
    lo.ncustom_ops = v->options.ncustom_ops;
    if (!cli_ends_with(v->path, ".onnx") && (cli_ends_with(v->path, ".infer") || is_flat(v->path)))
        return infer_load(v->path, &lo, &v->model, err);
    const char *domains[MOST_DOMAINS];
    struct convert_options o = {.task = "auto", .custom_domains = domains};
    o.ncustom_domains = custom_domains(&v->options, domains);
    struct onnx_report report;
    size_t size;
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(v->path, &o, &report, NULL, &v->converted, &size, err);
    if (status != INFER_OK && v->converted == NULL) {
        o.task = NULL; /* a network of no known task is served as tensors */
        onnx_report_free(&report);
        onnx_report_init(&report, NULL);
        status = convert_onnx(v->path, &o, &report, NULL, &v->converted, &size, err);
    }
    onnx_report_free(&report);
    return status == INFER_OK ? infer_load_memory(v->converted, size, &lo, &v->model, err) : status;
}

static infer_status describe(struct version *v, infer_error *err)
{
    v->ninputs = (int)infer_model_inputs(v->model);
    v->noutputs = (int)infer_model_outputs(v->model);
    if (v->ninputs > VERSION_MOST_TENSORS || v->noutputs > VERSION_MOST_TENSORS) {
        *err =
            (infer_error){.status = INFER_ERROR_LIMIT, .message = "more than 64 inputs or outputs"};
        return err->status;
    }
    v->inputs = calloc((size_t)v->ninputs + 1, sizeof *v->inputs);
    v->outputs = calloc((size_t)v->noutputs + 1, sizeof *v->outputs);
    if (!v->inputs || !v->outputs) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return err->status;
    }
    infer_status status = INFER_OK;
    for (int i = 0; status == INFER_OK && i < v->ninputs; i++) {
        infer_value_info_init(&v->inputs[i], sizeof *v->inputs);
        status = infer_model_input(v->model, (size_t)i, &v->inputs[i], err);
    }
    return status;
}

/* Marks what the model's metadata calls text: names with commas between them. */
static void mark_text(struct version *v, const char *names)
{
    for (const char *p = names; *p; p += strspn(p, ",")) {
        const size_t n = strcspn(p, ",");
        const int in = version_input(v, p, n), out = version_output(v, p, n);
        if (in >= 0 && v->inputs[in].type == INFER_U8 && v->inputs[in].rank > 0)
            v->text_inputs |= (uint64_t)1 << in;
        if (out >= 0 && v->outputs[out].type == INFER_U8 && v->outputs[out].rank > 0)
            v->text_outputs |= (uint64_t)1 << out;
        p += n;
    }
}

static void find_text(struct version *v)
{
    const char *key, *value;
    infer_error err;
    for (size_t i = 0; infer_model_metadata(v->model, i, &key, &value, &err) == INFER_OK; i++)
        if (strcmp(key, "infer.text") == 0)
            mark_text(v, value);
}

/* What is done with pictures: what is stored, or for a model with labels its classes. */
static void find_task(struct version *v)
{
    infer_error err;
    infer_preprocess_init(&v->preprocess, sizeof v->preprocess);
    infer_decoding_init(&v->decoding, sizeof v->decoding);
    v->takes_pictures =
        v->ninputs == 1 && infer_model_preprocess(v->model, &v->preprocess, &err) == INFER_OK;
    if (!v->takes_pictures)
        return;
    if (infer_model_decoding(v->model, &v->decoding, &err) == INFER_OK)
        v->task = (infer_task)v->decoding.task;
    else if (infer_model_labels(v->model) > 0)
        v->task = INFER_TASK_CLASSIFY;
}

static infer_status make_session(struct version *v, uint32_t threads, infer_session **session,
                                 infer_error *err)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    o.pool = v->pool;
    o.threads = threads;
    o.precision = v->options.precision;
    o.inputs = v->specs;
    o.ninputs = (size_t)v->ninputs;
    return infer_session_create(v->model, &o, session, err);
}

struct version_session *version_session_new(struct version *v, infer_error *err)
{
    struct version_session *s = calloc(1, sizeof *s);
    if (!s) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return NULL;
    }
    if (make_session(v, 1, &s->session, err) == INFER_OK)
        return s;
    free(s);
    return NULL;
}

infer_session *version_session_use(struct version *v, struct version_session *s, int wide)
{
    infer_error err;
    if (wide && (s->wide || make_session(v, 0, &s->wide, &err) == INFER_OK))
        return s->wide;
    return s->session;
}

void version_sessions_free(struct version_session *list)
{
    while (list) {
        struct version_session *s = list;
        list = s->next;
        infer_session_free(&s->session);
        infer_session_free(&s->wide);
        free(s);
    }
}

static void free_all(struct version *v)
{
    version_sessions_free(v->idle);
    observation_free(v->observation);
    infer_model_free(&v->model);
    const infer_allocator a = infer__allocator(NULL); /* the converter's */
    infer__free(&a, v->converted);
    free(v->specs);
    free(v->inputs);
    free(v->outputs);
    free(v->name);
    free(v->path);
    free(v);
}

/* A file that is mapped counts as well: its pages are in memory while it is used. */
static uint64_t bytes_of(const struct version *v)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_error err;
    struct stat st;
    uint64_t bytes = stat(v->path, &st) == 0 ? (uint64_t)st.st_size : 0;
    if (v->idle && infer_session_memory_use(v->idle->session, &m, &err) == INFER_OK)
        bytes += m.arena_bytes + m.packed_bytes + m.output_bytes + m.plan_bytes;
    return bytes;
}

static infer_status open_it(struct version *v, infer_error *err)
{
    infer_status status = load(v, err);
    if (status == INFER_OK)
        status = describe(v, err);
    if (status != INFER_OK)
        return status;
    notes_apply(v->model, &v->options);
    find_task(v);
    if (v->options.observers && v->task != INFER_TASK_NONE)
        v->observation = observation_begin(v->options.observers, v->name, v->number, v->model);
    status = version_learn(v, err);
    if (status == INFER_OK)
        find_text(v);
    return status;
}

int version_read_preferred(const char *text, int *preferred)
{
    int n = 0;
    memset(preferred, 0, VERSION_MOST_PREFERRED * sizeof *preferred);
    for (const char *p = text;; p++) {
        char *end;
        const long size = strtol(p, &end, 10);
        if (end == p || (*end && *end != ',') || n == VERSION_MOST_PREFERRED || size < 1 ||
            size > 1024 || (n && size <= preferred[n - 1]))
            return 0;
        preferred[n++] = (int)size;
        p = end;
        if (!*p)
            return 1;
    }
}

struct version *version_open(const char *name, int64_t number, const char *path,
                             const struct version_options *options, infer_pool *pool, char *why,
                             size_t size)
{
    const uint64_t begun = serve_now_ns();
    struct version *v = calloc(1, sizeof *v);
    infer_error err = {.status = INFER_OK};
    if (v) {
        v->name = strdup(name);
        v->path = strdup(path);
        v->number = number;
        v->options = *options;
        v->pool = pool;
        slo_begin(&v->slo, options->slo_quantile, options->slo_ns, options->max_batch);
        atomic_init(&v->references, 1);
    }
    if (!v || !v->name || !v->path) {
        snprintf(why, size, "out of memory");
    } else if (open_it(v, &err) == INFER_OK) {
        v->loaded_ms = serve_wall_ms();
        v->bytes = bytes_of(v);
        v->load_ms = (double)(serve_now_ns() - begun) / 1e6;
        return v;
    } else {
        snprintf(why, size, "%s%s%s", err.message, *err.node ? ", node " : "", err.node);
    }
    if (v)
        free_all(v);
    return NULL;
}

struct version *version_ref(struct version *v)
{
    atomic_fetch_add(&v->references, 1);
    return v;
}

void version_unref(struct version *v)
{
    if (v && atomic_fetch_sub(&v->references, 1) == 1)
        free_all(v);
}

const char *version_label(const struct version *v, int64_t index)
{
    const int64_t i = index + (v->task == INFER_TASK_NONE ? 0 : v->decoding.label_first);
    return i < 0 ? NULL : infer_model_label(v->model, (size_t)i);
}

static int find(const infer_value_info *infos, int count, const char *name, size_t n)
{
    for (int i = 0; i < count; i++)
        if (strlen(infos[i].name) == n && memcmp(infos[i].name, name, n) == 0)
            return i;
    return -1;
}

int version_input(const struct version *v, const char *name, size_t n)
{
    return find(v->inputs, v->ninputs, name, n);
}

int version_output(const struct version *v, const char *name, size_t n)
{
    return find(v->outputs, v->noutputs, name, n);
}
