/* The elements of inputs: numbers, text, pictures. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/serve/kserve/inference_internal.h"

/* Memory of text that is widened to its longest element: more than so many times what came is
 * refused. */
enum { MOST_WIDENED = 256 << 20 };

static int is_text(const struct v2_request *q, int place)
{
    return q->version->text_inputs >> place & 1;
}

size_t v2_elements(const struct v2_request *q, int place)
{
    const struct job_tensor *t = &q->job->inputs[place];
    size_t n = 1;
    for (int32_t k = 0; k < t->rank; k++)
        n *= (size_t)t->dims[k]; /* fits: v2_input has looked */
    return n;
}

/* Memory for an input, which lives as long as the request. */
static void *room_for(struct v2_request *q, int place, size_t bytes, struct v2_error *err)
{
    free(q->owned[place]);
    q->owned[place] = bytes > SIZE_MAX - 128 ? NULL : aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    if (!q->owned[place])
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    return q->owned[place];
}

static int wrong_size(const struct v2_request *q, int place, size_t want, size_t got,
                      struct v2_error *err)
{
    v2_fail(err, V2_INVALID,
            "input byte size mismatch for input '%.100s' for model '%.100s'. Expected %zu, got %zu",
            q->version->inputs[place].name, q->version->name, want, got);
    return 0;
}

void *v2_input_room(struct v2_request *q, int place, size_t count, struct v2_error *err)
{
    struct job_tensor *t = &q->job->inputs[place];
    const size_t elements = q->pictures || is_text(q, place) ? SIZE_MAX : v2_elements(q, place);
    if (count != elements) {
        v2_fail(err, V2_INVALID, "input '%.100s' has %zu values, which is not what its shape says",
                q->version->inputs[place].name, count);
        return NULL;
    }
    t->bytes = infer__array_bytes(count, infer_type_size(t->type));
    t->data = room_for(q, place, t->bytes, err);
    return t->data;
}

/* ---- text and pictures ---------------------------------------------------------------------- */

int v2_next_text(const void *data, size_t bytes, size_t *at, struct v2_text *text)
{
    const unsigned char *p = (const unsigned char *)data + *at;
    const size_t left = bytes - *at;
    if (left < TEXT_LENGTH_BYTES || v2_read_u32(p) > left - TEXT_LENGTH_BYTES)
        return 0;
    *text = (struct v2_text){p + TEXT_LENGTH_BYTES, v2_read_u32(p)};
    *at += TEXT_LENGTH_BYTES + text->bytes;
    return 1;
}

static int take_pictures(struct v2_request *q, const struct v2_text *texts, struct v2_error *err)
{
    struct job *job = q->job;
    free(job->pictures);
    job->pictures = calloc((size_t)job->npictures, sizeof *job->pictures);
    if (!job->pictures) {
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    for (int i = 0; i < job->npictures; i++) {
        job->pictures[i].data = texts[i].data;
        job->pictures[i].bytes = texts[i].bytes;
    }
    return 1;
}

/* The number of elements that a BYTES input's shape has. */
static size_t texts_wanted(const struct v2_request *q, int place)
{
    return q->pictures ? (size_t)q->job->npictures : v2_elements(q, place);
}

int v2_input_texts(struct v2_request *q, int place, const struct v2_text *texts, size_t count,
                   struct v2_error *err)
{
    struct job_tensor *t = &q->job->inputs[place];
    size_t longest = 0, width, bytes;
    if (!q->pictures && !is_text(q, place)) {
        v2_fail(err, V2_INVALID, "input '%.100s' is not BYTES", q->version->inputs[place].name);
        return 0;
    }
    if (count != texts_wanted(q, place)) {
        v2_fail(err, V2_INVALID,
                "unexpected number of string elements %zu for inference input '%.100s' for model "
                "'%.100s', expecting %zu",
                count, q->version->inputs[place].name, q->version->name, texts_wanted(q, place));
        return 0;
    }
    if (q->pictures)
        return take_pictures(q, texts, err);
    for (size_t i = 0; i < count; i++)
        longest = texts[i].bytes > longest ? texts[i].bytes : longest;
    if (longest > UINT32_MAX || !infer__size_add(longest, TEXT_LENGTH_BYTES, &width) ||
        !infer__size_mul(width, count, &bytes) || bytes > MOST_WIDENED) {
        v2_fail(err, V2_INVALID, "the text of input '%.100s' is too long",
                q->version->inputs[place].name);
        return 0;
    }
    unsigned char *to = room_for(q, place, bytes, err);
    if (!to)
        return 0;
    memset(to, 0, bytes);
    for (size_t i = 0; i < count; i++) {
        v2_write_u32(to + i * width, (uint32_t)texts[i].bytes);
        if (texts[i].bytes)
            memcpy(to + i * width + TEXT_LENGTH_BYTES, texts[i].data, texts[i].bytes);
    }
    t->data = to;
    t->bytes = bytes;
    t->dims[t->rank++] = (int64_t)width; /* the input's rank is one more than a client sees */
    return 1;
}

/* BYTES elements one behind the other. */
static int take_texts(struct v2_request *q, int place, const void *data, size_t bytes,
                      struct v2_error *err)
{
    const char *name = q->version->inputs[place].name;
    struct v2_text text, *texts;
    size_t at = 0, count = 0;
    while (v2_next_text(data, bytes, &at, &text))
        count++;
    if (at != bytes) {
        v2_fail(err, V2_INVALID, "incomplete string data for inference input '%.100s' at byte %zu",
                name, at);
        q->late = bytes - at >= TEXT_LENGTH_BYTES;
        return 0;
    }
    if (count != texts_wanted(q, place)) /* before any memory is taken */
        return v2_input_texts(q, place, NULL, count, err);
    texts = calloc(count + 1, sizeof *texts);
    if (!texts) {
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    at = 0;
    for (size_t i = 0; i < count; i++)
        v2_next_text(data, bytes, &at, &texts[i]);
    const int ok = v2_input_texts(q, place, texts, count, err);
    free(texts);
    return ok;
}

int v2_input_raw(struct v2_request *q, int place, const void *data, size_t bytes,
                 struct v2_error *err)
{
    struct job_tensor *t = &q->job->inputs[place];
    if (q->pictures || is_text(q, place))
        return take_texts(q, place, data, bytes, err);
    const size_t size = infer_type_size(t->type);
    const size_t want = infer__array_bytes(v2_elements(q, place), size);
    if (bytes != want)
        return wrong_size(q, place, want, bytes, err);
    t->bytes = bytes;
    t->data = (void *)(uintptr_t)data;
    if (data && (uintptr_t)data % size == 0)
        return 1;
    t->data = room_for(q, place, bytes, err);
    if (t->data && data && bytes)
        memcpy(t->data, data, bytes);
    return t->data != NULL;
}

/* ---- a body that is the input --------------------------------------------------------------- */

static int looks_like_picture(const unsigned char *p, size_t n)
{
    static const unsigned char jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G'};
    return (n > sizeof jpeg && memcmp(p, jpeg, sizeof jpeg) == 0) ||
           (n > sizeof png && memcmp(p, png, sizeof png) == 0);
}

/* The one free dimension behind the batch is what the bytes leave. */
static int deduce(const struct v2_request *q, struct v2_info *info, size_t bytes,
                  struct v2_error *err)
{
    const size_t size = infer_type_size(info->type);
    size_t known = size;
    int32_t open = -1;
    if (v2_max_batch(q->version))
        info->dims[0] = 1;
    for (int32_t k = 0; k < info->rank; k++) {
        if (info->dims[k] < 0 && open >= 0) {
            v2_fail(err, V2_INVALID,
                    "The shape of the raw input '%.100s' can not be deduced because there are more "
                    "than one variable-sized dimension",
                    info->name);
            return 0;
        }
        if (info->dims[k] < 0)
            open = k;
        else if (!infer__size_mul(known, (size_t)info->dims[k], &known))
            known = 0;
    }
    if (open >= 0)
        info->dims[open] = known ? (int64_t)(bytes / known) : 0;
    return 1;
}

int v2_input_whole(struct v2_request *q, const void *data, size_t bytes, struct v2_error *err)
{
    const struct version *v = q->version;
    struct v2_info info;
    if (v->ninputs != 1) {
        v2_fail(err, V2_INVALID,
                "Raw request must only have 1 input (found 1) to be deduced but got %d inputs in "
                "'%s' model configuration",
                v->ninputs, v->name);
        return 0;
    }
    v2_input_info(v, 0, &info);
    struct v2_text whole = {data, bytes};
    const int picture = v->takes_pictures && !is_text(q, 0) && looks_like_picture(data, bytes);
    if (picture)
        info = (struct v2_info){.name = info.name, .rank = 1, .dims = {1}};
    else if (is_text(q, 0))
        for (int32_t k = 0; k < info.rank; k++)
            info.dims[k] = 1;
    else if (!deduce(q, &info, bytes, err))
        return 0;
    const char *datatype = v2_datatype(info.type);
    const struct v2_tensor t = {.name = info.name,
                                .name_length = strlen(info.name),
                                .datatype = datatype,
                                .datatype_length = strlen(datatype),
                                .rank = info.rank,
                                .dims = info.dims};
    if (v2_input(q, &t, err) < 0)
        return 0;
    return picture || is_text(q, 0) ? v2_input_texts(q, 0, &whole, 1, err)
                                    : v2_input_raw(q, 0, data, bytes, err);
}
