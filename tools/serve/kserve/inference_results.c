/* What came out, as clients are given it: tensors, text, classes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "kernels/convert.h"
#include "tools/serve/kserve/inference_internal.h"

/* BYTES that grow. */
struct texts {
    unsigned char *data;
    size_t bytes, capacity;
    int failed;
};

static void add_text(struct texts *t, const void *text, size_t n)
{
    if (t->failed)
        return;
    if (t->capacity - t->bytes < n + TEXT_LENGTH_BYTES) {
        const size_t capacity = (t->capacity + n + 64) * 2;
        unsigned char *more = realloc(t->data, capacity);
        if (!more) {
            t->failed = 1;
            return;
        }
        t->data = more;
        t->capacity = capacity;
    }
    v2_write_u32(t->data + t->bytes, (uint32_t)n);
    if (n)
        memcpy(t->data + t->bytes + TEXT_LENGTH_BYTES, text, n);
    t->bytes += TEXT_LENGTH_BYTES + n;
}

static int keep_texts(struct v2_result *r, struct texts *t, struct v2_error *err)
{
    if (t->failed) {
        free(t->data);
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    r->info.type = INFER_TYPE_NONE;
    r->owned = t->data;
    r->data = t->data ? (const void *)t->data : "";
    r->bytes = t->bytes;
    return 1;
}

/* ---- classes -------------------------------------------------------------------------------- */

struct ranked {
    double value;
    size_t index;
};

static double value_at(const struct job_tensor *t, size_t i)
{
    switch (t->type) {
    case INFER_F32:
        return ((const float *)t->data)[i];
    case INFER_F64:
        return ((const double *)t->data)[i];
    case INFER_F16:
        return infer__f16_to_f32(((const uint16_t *)t->data)[i]);
    case INFER_BF16:
        return infer__bf16_to_f32(((const uint16_t *)t->data)[i]);
    case INFER_S8:
        return ((const int8_t *)t->data)[i];
    case INFER_S16:
        return ((const int16_t *)t->data)[i];
    case INFER_U16:
        return ((const uint16_t *)t->data)[i];
    case INFER_S32:
        return ((const int32_t *)t->data)[i];
    case INFER_U32:
        return ((const uint32_t *)t->data)[i];
    case INFER_S64:
        return (double)((const int64_t *)t->data)[i];
    case INFER_U64:
        return (double)((const uint64_t *)t->data)[i];
    default:
        return ((const uint8_t *)t->data)[i];
    }
}

/* The largest first; of equals the one that comes first; what is no number last. */
static int compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    const double u = isnan(x->value) ? -INFINITY : x->value;
    const double v = isnan(y->value) ? -INFINITY : y->value;
    if (u != v)
        return u < v ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The `k` largest of `n` values, in order; `best` has room for n. */
static void rank_values(const struct job_tensor *t, size_t first, size_t n, size_t k,
                        struct ranked *best)
{
    size_t kept = 0;
    const int few = k <= 32;
    for (size_t i = 0; i < n; i++) {
        const struct ranked now = {value_at(t, first + i), i};
        size_t at = kept;
        if (few && kept == k && (k == 0 || compare(&now, &best[k - 1]) > 0))
            continue;
        if (!few || kept < k)
            kept++;
        else
            at = k - 1;
        for (; few && at > 0 && compare(&now, &best[at - 1]) < 0; at--)
            best[at] = best[at - 1];
        best[at] = now;
    }
    if (!few)
        qsort(best, n, sizeof *best, compare);
}

/* "0.554087:167:n02089973 English foxhound", without the label where there is none. */
static void add_class(const struct version *v, const struct job_tensor *t, size_t first,
                      const struct ranked *r, struct texts *out)
{
    char text[700];
    const char *label = version_label(v, (int64_t)r->index);
    int n;
    if (t->type == INFER_F32 || t->type == INFER_F64 || t->type == INFER_F16 ||
        t->type == INFER_BF16)
        n = snprintf(text, sizeof text, "%f", r->value);
    else if (t->type == INFER_U64)
        n = snprintf(text, sizeof text, "%llu",
                     (unsigned long long)((const uint64_t *)t->data)[first + r->index]);
    else if (t->type == INFER_S64)
        n = snprintf(text, sizeof text, "%lld",
                     (long long)((const int64_t *)t->data)[first + r->index]);
    else
        n = snprintf(text, sizeof text, "%.0f", r->value);
    n += snprintf(text + n, sizeof text - (size_t)n, ":%zu%s%.*s", r->index, label ? ":" : "", 256,
                  label ? label : "");
    add_text(out, text, (size_t)n);
}

/* [batch, k], or [k] where the model knows no batch. */
static int classify(const struct v2_request *q, const struct job_tensor *t, int64_t classes,
                    struct v2_result *r, struct v2_error *err)
{
    const size_t all = t->bytes / infer_type_size(t->type);
    const int batched = q->version->batched && t->rank > 0;
    const size_t rows = batched ? (size_t)t->dims[0] : 1, n = rows ? all / rows : 0;
    const size_t k = (uint64_t)classes < n ? (size_t)classes : n;
    struct texts out = {0};
    struct ranked *best = calloc(n + 1, sizeof *best);
    out.failed = !best;
    for (size_t i = 0; best && i < rows; i++) {
        rank_values(t, i * n, n, k, best);
        for (size_t j = 0; j < k; j++)
            add_class(q->version, t, i * n, &best[j], &out);
    }
    free(best);
    r->info.rank = batched ? 2 : 1;
    r->info.dims[0] = batched ? (int64_t)rows : (int64_t)k;
    r->info.dims[1] = (int64_t)k;
    return keep_texts(r, &out, err);
}

/* ---- all kinds ------------------------------------------------------------------------------ */

/* Text of the model's own. */
static int give_text(const struct job_tensor *t, struct v2_result *r, struct v2_error *err)
{
    const size_t width = t->rank ? (size_t)t->dims[t->rank - 1] : 0;
    const unsigned char *p = t->data;
    struct texts out = {0};
    if (width < TEXT_LENGTH_BYTES && t->bytes) {
        v2_fail(err, V2_INTERNAL, "output '%.100s' is no text", r->info.name);
        return 0;
    }
    for (size_t at = 0; at < t->bytes; at += width) {
        const uint32_t n = v2_read_u32(p + at);
        if (n > width - TEXT_LENGTH_BYTES) {
            free(out.data);
            v2_fail(err, V2_INTERNAL, "output '%.100s' is no text", r->info.name);
            return 0;
        }
        add_text(&out, p + at + TEXT_LENGTH_BYTES, n);
    }
    r->info.rank = t->rank - 1;
    return keep_texts(r, &out, err);
}

static int give_output(const struct v2_request *q, const struct v2_output *o, struct v2_result *r,
                       struct v2_error *err)
{
    const struct version *v = q->version;
    const struct job_tensor *t = &q->job->outputs[o->index];
    r->info = (struct v2_info){.name = v->outputs[o->index].name, .type = t->type, .rank = t->rank};
    memcpy(r->info.dims, t->dims, sizeof r->info.dims);
    r->mark = o->mark;
    if (v->text_outputs >> o->index & 1)
        return give_text(t, r, err);
    if (o->classes > 0)
        return classify(q, t, o->classes, r, err);
    r->data = t->data;
    r->bytes = t->bytes;
    return 1;
}

struct v2_result *v2_results(const struct v2_request *q, int *count, struct v2_error *err)
{
    const int n = q->noutputs ? q->noutputs : q->version->noutputs;
    struct v2_result *results = calloc((size_t)n + 1, sizeof *results);
    *count = 0;
    if (!results)
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    for (int i = 0; results && i < n; i++) {
        const struct v2_output all = {.index = i};
        if (!give_output(q, q->noutputs ? &q->outputs[i] : &all, &results[i], err)) {
            v2_results_free(results, n);
            return NULL;
        }
        ++*count;
    }
    return results;
}

void v2_results_free(struct v2_result *results, int count)
{
    for (int i = 0; results && i < count; i++)
        free(results[i].owned);
    free(results);
}
