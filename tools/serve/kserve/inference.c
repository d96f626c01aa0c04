/* Models, types, and the checks of what a request brings. */
#include "tools/serve/kserve/inference.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/serve/kserve/inference_internal.h"

void v2_fail(struct v2_error *err, enum v2_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
}

/* ---- models --------------------------------------------------------------------------------- */

struct version *v2_find(struct server *s, const char *name, size_t n, int64_t number,
                        struct v2_error *err)
{
    enum repository_missing missing;
    struct version *v = repository_get(s->repository, name, n, number, &missing);
    const int length = n > 200 ? 200 : (int)n;
    if (v)
        return v;
    if (missing == MODEL_NOT_LOADED && number == 0)
        v2_fail(err, V2_NOT_FOUND, "Request for unknown model: '%.*s' has no available versions",
                length, name);
    else if (missing == MODEL_UNKNOWN || number == 0)
        v2_fail(err, V2_NOT_FOUND, "Request for unknown model: '%.*s' is not found", length, name);
    else
        v2_fail(err, V2_NOT_FOUND, "Request for unknown model: '%.*s' version %lld is not found",
                length, name, (long long)number);
    return NULL;
}

int64_t *v2_versions(struct server *s, const char *name, int *count)
{
    int nrows;
    struct repository_row *rows = repository_rows(s->repository, &nrows);
    int64_t *numbers = calloc((size_t)nrows + 1, sizeof *numbers);
    *count = 0;
    for (int i = 0; rows && numbers && i < nrows; i++)
        if (rows[i].state == MODEL_READY && strcmp(rows[i].name, name) == 0)
            numbers[(*count)++] = rows[i].number;
    repository_rows_free(rows, nrows);
    return numbers;
}

/* ---- types ---------------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [INFER_TYPE_NONE] = "BYTES", [INFER_F32] = "FP32",   [INFER_F16] = "FP16",
    [INFER_BF16] = "BF16",       [INFER_F64] = "FP64",   [INFER_S8] = "INT8",
    [INFER_U8] = "UINT8",        [INFER_S16] = "INT16",  [INFER_U16] = "UINT16",
    [INFER_S32] = "INT32",       [INFER_U32] = "UINT32", [INFER_S64] = "INT64",
    [INFER_U64] = "UINT64",      [INFER_BOOL] = "BOOL",
};

enum { NTYPES = sizeof type_names / sizeof *type_names };

const char *v2_datatype(infer_type type)
{
    return (unsigned)type < NTYPES ? type_names[type] : "BYTES";
}

int v2_type_of(const char *name, size_t n, infer_type *type)
{
    for (int i = 0; i < NTYPES; i++)
        if (strlen(type_names[i]) == n && memcmp(type_names[i], name, n) == 0) {
            *type = (infer_type)i;
            return 1;
        }
    return 0;
}

static void fill_info(const infer_value_info *from, int text, struct v2_info *to)
{
    *to = (struct v2_info){.name = from->name, .type = from->type, .rank = from->rank};
    if (text) {
        to->type = INFER_TYPE_NONE;
        to->rank--;
    }
    for (int32_t k = 0; k < to->rank; k++)
        to->dims[k] = from->free_dims & (1u << k) ? -1 : from->dims[k];
}

void v2_input_info(const struct version *v, int i, struct v2_info *info)
{
    fill_info(&v->inputs[i], v->text_inputs >> i & 1, info);
}

void v2_output_info(const struct version *v, int i, struct v2_info *info)
{
    fill_info(&v->outputs[i], v->text_outputs >> i & 1, info);
}

int v2_max_batch(const struct version *v)
{
    return v->batched ? v->options.max_batch : 0;
}

/* ---- a request ------------------------------------------------------------------------------ */

int v2_begin(struct v2_request *q, struct server *s, struct version *v, struct v2_error *err)
{
    *q = (struct v2_request){.server = s, .version = version_ref(v)};
    q->job = job_new(v, JOB_TENSORS);
    if (q->job)
        q->job->inputs = calloc((size_t)v->ninputs + 1, sizeof *q->job->inputs);
    if (q->job && q->job->inputs) {
        q->job->ninputs = v->ninputs;
        return 1;
    }
    v2_fail(err, V2_UNAVAILABLE, "out of memory");
    return 0;
}

void v2_free(struct v2_request *q)
{
    for (int i = 0; i < VERSION_MOST_TENSORS; i++)
        free(q->owned[i]);
    job_free(q->job);
    version_unref(q->version);
    *q = (struct v2_request){0};
}

/* "[1,3,-1]", cut where it does not fit. */
static void print_shape(char *text, size_t size, const int64_t *dims, int32_t rank)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int32_t k = 0; k < rank && n < size; k++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", k ? "," : "", (long long)dims[k]);
    if (n < size)
        snprintf(text + n, size - n, "]");
}

static int shape_fits(const struct v2_request *q, const struct v2_info *want,
                      const struct v2_tensor *t, struct v2_error *err)
{
    char expected[200], got[200];
    int same = t->rank == want->rank;
    const int most = v2_max_batch(q->version);
    for (int32_t k = 0; same && k < t->rank; k++)
        same = want->dims[k] < 0 || want->dims[k] == t->dims[k];
    if (most && t->rank > 0 && t->dims[0] > most) {
        v2_fail(err, V2_INVALID, "inference request batch-size must be <= %d for '%s'", most,
                q->version->name);
        return 0;
    }
    if (same)
        return 1;
    print_shape(expected, sizeof expected, want->dims, want->rank);
    print_shape(got, sizeof got, t->dims, t->rank);
    v2_fail(err, V2_INVALID,
            "unexpected shape for input '%.100s' for model '%.100s'. "
            "Expected %s, got %s",
            want->name, q->version->name, expected, got);
    return 0;
}

/* The number of elements of a shape that may be anybody's. 0: no such number. */
static int count_elements(const struct v2_tensor *t, size_t *count, struct v2_error *err)
{
    *count = 1;
    if (t->rank < 0 || t->rank > INFER_MAX_RANK) {
        v2_fail(err, V2_INVALID, "input '%.*s' has more than %d dimensions",
                (int)(t->name_length > 100 ? 100 : t->name_length), t->name, INFER_MAX_RANK);
        return 0;
    }
    for (int32_t k = 0; k < t->rank; k++)
        if (t->dims[k] < 0 || !infer__size_mul(*count, (size_t)t->dims[k], count)) {
            v2_fail(err, V2_INVALID, "the shape of input '%.*s' is no shape",
                    (int)(t->name_length > 100 ? 100 : t->name_length), t->name);
            return 0;
        }
    return 1;
}

/* Whether an input that is a picture's tensor is given as pictures: BYTES, one element each. */
static int is_pictures(const struct version *v, infer_type type, int place)
{
    return type == INFER_TYPE_NONE && v->takes_pictures && !(v->text_inputs >> place & 1);
}

static int take_pictures(struct v2_request *q, size_t count, struct v2_error *err)
{
    const size_t most = q->version->batched ? (size_t)q->version->options.max_batch : 1;
    if (count == 0 || count > most) {
        v2_fail(err, V2_INVALID, "model '%s' takes 1 to %zu pictures at once, not %zu",
                q->version->name, most, count);
        return 0;
    }
    q->job->kind = JOB_PICTURE_TENSORS;
    q->job->npictures = (int)count;
    q->job->ninputs = 0;
    q->pictures = 1;
    return 1;
}

/* Writes down what is checked. */
static int take_tensor(struct v2_request *q, int place, const struct v2_info *want,
                       const struct v2_tensor *t, struct v2_error *err)
{
    struct job_tensor *to = &q->job->inputs[place];
    if (!shape_fits(q, want, t, err))
        return 0;
    to->type = q->version->inputs[place].type;
    to->rank = t->rank;
    memcpy(to->dims, t->dims, (size_t)t->rank * sizeof *t->dims);
    for (int i = 0; v2_max_batch(q->version) && i < q->version->ninputs; i++)
        if (q->given[i] && q->job->inputs[i].dims[0] != to->dims[0]) {
            v2_fail(err, V2_INVALID, "input '%s' has another batch size than other inputs of '%s'",
                    want->name, q->version->name);
            return 0;
        }
    return 1;
}

int v2_input(struct v2_request *q, const struct v2_tensor *t, struct v2_error *err)
{
    const struct version *v = q->version;
    const int place = version_input(v, t->name, t->name_length);
    const int length = t->name_length > 100 ? 100 : (int)t->name_length;
    infer_type type;
    size_t count;
    if (!v2_type_of(t->datatype, t->datatype_length, &type)) {
        v2_fail(err, V2_INVALID, "invalid datatype for input %.*s", length, t->name);
        return -1;
    }
    if (place < 0) {
        v2_fail(err, V2_INVALID, "unexpected inference input '%.*s' for model '%s'", length,
                t->name, v->name);
        return -1;
    }
    if (q->given[place]) {
        v2_fail(err, V2_INVALID, "input '%.*s' already exists in request", length, t->name);
        return -1;
    }
    if (!count_elements(t, &count, err))
        return -1;
    struct v2_info want;
    v2_input_info(v, place, &want);
    if (is_pictures(v, type, place)) {
        if (!take_pictures(q, count, err))
            return -1;
    } else if (type != want.type) {
        v2_fail(err, V2_INVALID,
                "inference input '%.*s' data-type is '%s', but model '%s' expects '%s'", length,
                t->name, v2_datatype(type), v->name, v2_datatype(want.type));
        return -1;
    } else if (!take_tensor(q, place, &want, t, err)) {
        return -1;
    }
    q->given[place] = 1;
    q->ngiven++;
    return place;
}

int v2_output(struct v2_request *q, const char *name, size_t n, int64_t classes, int mark,
              struct v2_error *err)
{
    const int index = version_output(q->version, name, n);
    if (index < 0) {
        v2_fail(err, V2_INVALID, "unexpected inference output '%.*s' for model '%s'",
                (int)(n > 100 ? 100 : n), name, q->version->name);
        return 0;
    }
    for (int i = 0; i < q->noutputs; i++)
        if (q->outputs[i].index == index)
            return 1;
    q->outputs[q->noutputs++] = (struct v2_output){index, classes, mark};
    return 1;
}

/* Triton's sentence: how many inputs there are, and which are missing. */
static void tell_missing(const struct v2_request *q, struct v2_error *err)
{
    char missing[240] = "";
    size_t n = 0;
    for (int i = 0; i < q->version->ninputs && n < sizeof missing; i++)
        if (!q->given[i])
            n += (size_t)snprintf(missing + n, sizeof missing - n, "%s'%s'", n ? "," : "",
                                  q->version->inputs[i].name);
    v2_fail(err, V2_INVALID, "expected %d inputs but got %d inputs for model '%.80s': missing [%s]",
            q->version->ninputs, q->ngiven, q->version->name, missing);
}

int v2_submit(struct v2_request *q, void (*done)(struct job *job, void *ctx), void *ctx,
              struct v2_error *err)
{
    struct job *job = q->job;
    if (q->ngiven != q->version->ninputs) {
        tell_missing(q, err);
        return 0;
    }
    job->done = done;
    job->ctx = ctx;
    job->priority = q->priority > INT32_MAX ? INT32_MAX : (int)q->priority;
    if (q->timeout_us && q->timeout_us < UINT64_MAX / 2000)
        job->start_by_ns = serve_now_ns() + q->timeout_us * 1000;
    traffic_submit(q->server, job);
    return 1;
}

void v2_job_error(const struct job *job, struct v2_error *err)
{
    switch (job->status) {
    case JOB_BAD_INPUT:
        v2_fail(err, V2_INVALID, "%s", job->error);
        break;
    case JOB_QUEUE_FULL:
    case JOB_LATE:
    case JOB_UNLOADED:
    case JOB_CANCELLED:
        v2_fail(err, V2_UNAVAILABLE, "%s", job->error);
        break;
    default:
        v2_fail(err, V2_INTERNAL, "%s", job->error);
    }
}
