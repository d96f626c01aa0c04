/* A profile as bytes: docs/format.md, STATISTICS, has the fields. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "file/checksum.h"
#include "tools/cli.h"
#include "tools/monitor/profile.h"
#include "tools/read_file.h"

enum { VERSION = 1, HEAD = 48, SUMMED_FROM = 24, NAME = 24, ROW = NAME + 8, MOST_ROWS = 1000 };
enum { KIND_SKETCH = 1, KIND_COUNTER = 2 };

static const char magic[8] = {'I', 'N', 'F', 'S', 'T', 'A', 'T', '\n'};

/* ---- writing -------------------------------------------------------------------------------- */

static size_t row_bytes(const struct profile *p, int i)
{
    return i == FEATURE_CLASS ? counter_bytes(&p->classes) : sketch_bytes(&p->numbers[i]);
}

static int is_told(const struct profile *p, int i)
{
    return profile_told(p, (enum feature)i) != 0;
}

static void write_row(struct profile *p, int i, struct infer__writer *w)
{
    char name[NAME] = {0};
    snprintf(name, sizeof name, "%s", feature_name((enum feature)i));
    infer__write_bytes(w, name, sizeof name);
    infer__write_u32(w, i == FEATURE_CLASS ? KIND_COUNTER : KIND_SKETCH);
    infer__write_u32(w, (uint32_t)row_bytes(p, i));
    if (i == FEATURE_CLASS)
        counter_write(&p->classes, w);
    else
        sketch_write(&p->numbers[i], w);
}

infer_status profile_encode(struct profile *p, void **bytes, size_t *size, infer_error *err)
{
    uint32_t rows = 0;
    *size = HEAD;
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (is_told(p, i)) {
            *size += ROW + row_bytes(p, i);
            rows++;
        }
    struct infer__writer w = {.data = malloc(*size), .size = *size};
    *bytes = w.data;
    if (!w.data)
        return infer__no_memory(err, *size);
    infer__write_bytes(&w, magic, sizeof magic);
    infer__write_u32(&w, VERSION);
    infer__write_u32(&w, rows);
    infer__write_u64(&w, 0); /* the checksum's place */
    infer__write_u64(&w, p->pictures);
    infer__write_u32(&w, p->window);
    infer__write_u32(&w, 0);
    infer__write_bytes(&w, &p->minutes, sizeof p->minutes);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (is_told(p, i))
            write_row(p, i, &w);
    const uint64_t sum = infer__checksum(w.data + SUMMED_FROM, *size - SUMMED_FROM);
    memcpy(w.data + SUMMED_FROM - sizeof sum, &sum, sizeof sum);
    return INFER_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

static infer_status read_row(struct profile *p, struct infer__reader *r, infer_error *err)
{
    char name[NAME + 1] = {0};
    struct infer__reader row;
    const unsigned char *text = infer__read_bytes(r, NAME);
    const uint32_t kind = infer__read_u32(r), bytes = infer__read_u32(r);
    FAIL_IF(!infer__read_window(r, bytes, 1, &row) || !text, INFER_ERROR_FORMAT,
            "the statistics are cut off");
    memcpy(name, text, NAME);
    const enum feature f = feature_find(name);
    if (f == FEATURE_COUNT)
        return INFER_OK; /* of a later version */
    FAIL_IF(is_told(p, (int)f), INFER_ERROR_FORMAT, "statistics: %s is there twice", name);
    const int ok = kind != (f == FEATURE_CLASS ? KIND_COUNTER : KIND_SKETCH) ? 0
                   : f == FEATURE_CLASS ? counter_read(&p->classes, &row)
                                        : sketch_read(&p->numbers[f], &row);
    FAIL_IF(!ok || infer__read_left(&row), INFER_ERROR_FORMAT, "statistics: %s is damaged", name);
    return INFER_OK;
}

static infer_status read_head(struct profile *p, struct infer__reader *r, uint32_t *rows,
                              infer_error *err)
{
    const unsigned char *start = infer__read_bytes(r, sizeof magic);
    FAIL_IF(!start || memcmp(start, magic, sizeof magic) != 0, INFER_ERROR_FORMAT,
            "these are no reference statistics");
    const uint32_t version = infer__read_u32(r);
    FAIL_IF(version > VERSION, INFER_ERROR_VERSION,
            "the statistics are of version %u, this program reads up to %d", version, VERSION);
    *rows = infer__read_u32(r);
    const uint64_t sum = infer__read_u64(r);
    p->pictures = infer__read_u64(r);
    p->window = infer__read_u32(r);
    const uint32_t reserved = infer__read_u32(r);
    const uint64_t minutes = infer__read_u64(r);
    memcpy(&p->minutes, &minutes, sizeof minutes);
    FAIL_IF(r->failed || !version || reserved || *rows > MOST_ROWS ||
                p->pictures > UINT64_MAX / 2 || !(p->minutes >= 0 && p->minutes <= 1e9),
            INFER_ERROR_FORMAT, "the statistics' header is damaged");
    FAIL_IF(sum != infer__checksum(r->data + SUMMED_FROM, r->size - SUMMED_FROM),
            INFER_ERROR_FORMAT, "the statistics' checksum is wrong");
    return INFER_OK;
}

static infer_status read_all(struct profile *p, struct infer__reader *r, infer_error *err)
{
    uint32_t rows;
    TRY(read_head(p, r, &rows, err));
    for (uint32_t i = 0; i < rows; i++)
        TRY(read_row(p, r, err));
    FAIL_IF(infer__read_left(r), INFER_ERROR_FORMAT, "bytes behind the statistics");
    return INFER_OK;
}

infer_status profile_decode(struct profile *p, const void *bytes, size_t size, infer_error *err)
{
    struct infer__reader r = infer__reader_on(bytes, size, 0);
    profile_begin(p);
    const infer_status status = read_all(p, &r, err);
    if (status != INFER_OK) {
        profile_free(p);
        profile_begin(p);
    }
    return status;
}

infer_status profile_of_model(struct profile *p, const infer_model *model, infer_error *err)
{
    size_t size;
    const void *bytes = infer__model_section(model, INFER__SECTION_STATISTICS, &size);
    profile_begin(p);
    FAIL_IF(!bytes, INFER_ERROR_UNSUPPORTED,
            "it has no reference statistics: infer reference stores them");
    return profile_decode(p, bytes, size, err);
}

/* ---- files ---------------------------------------------------------------------------------- */

infer_status profile_store(struct profile *p, const infer_model *model, void **bytes, size_t *size,
                           infer_error *err)
{
    struct infer__section *list = calloc((size_t)model->nsections + 1, sizeof *list);
    struct infer__section mine = {INFER__SECTION_STATISTICS, NULL, 0};
    uint32_t n = 0;
    void *encoded = NULL;
    *bytes = NULL;
    if (!list)
        return infer__no_memory(err, model->nsections * sizeof *list);
    infer_status status = profile_encode(p, &encoded, &mine.size, err);
    mine.data = encoded;
    for (uint32_t i = 0; i <= model->nsections; i++) {
        const struct infer__section *s = i < model->nsections ? &model->sections[i] : NULL;
        if (mine.data && (!s || s->kind > INFER__SECTION_STATISTICS)) {
            list[n++] = mine; /* kinds ascend */
            mine.data = NULL;
        }
        if (s && s->kind >= INFER__SECTION_PREPROCESS && s->kind != INFER__SECTION_STATISTICS &&
            s->kind != INFER__SECTION_ABOUT)
            list[n++] = *s;
    }
    const struct infer__file_content content = {.graph = &model->graph,
                                                .labels = model->labels,
                                                .nlabels = model->nlabels,
                                                .extra = list,
                                                .nextra = n,
                                                .about = &model->about};
    if (status == INFER_OK)
        status = infer__file_write(&content, NULL, bytes, size, err);
    free(encoded);
    free(list);
    return status;
}

static int is_profile(const char *path)
{
    char start[sizeof magic] = {0};
    FILE *f = fopen(path, "rb");
    const int yes = f && fread(start, 1, sizeof start, f) == sizeof start &&
                    memcmp(start, magic, sizeof magic) == 0;
    if (f)
        fclose(f);
    return yes;
}

static int open_profile_file(struct profile *p, const char *path, infer_error *err)
{
    size_t size;
    char *bytes = read_file(path, &size);
    if (!bytes)
        return CLI_BAD_INPUT;
    const infer_status status = profile_decode(p, bytes, size, err);
    free(bytes);
    return status == INFER_OK ? CLI_OK : cli_fail(path, err);
}

int profile_open(struct profile *p, const char *path, infer_model **model)
{
    infer_error err;
    infer_model *opened = NULL;
    profile_begin(p);
    if (model)
        *model = NULL;
    if (is_profile(path))
        return open_profile_file(p, path, &err);
    infer_status status = infer_load(path, NULL, &opened, &err);
    if (status == INFER_OK)
        status = profile_of_model(p, opened, &err);
    if (status == INFER_OK && model)
        *model = opened;
    else
        infer_model_free(&opened);
    return status == INFER_OK ? CLI_OK : cli_fail(path, &err);
}
