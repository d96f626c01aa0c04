/* A model's file with another tuned plan. */
#include <stdlib.h>
#include <string.h>

#include "tools/tune.h"

static int contains(const uint64_t *keys, uint32_t n, uint64_t key)
{
    for (uint32_t i = 0; i < n; i++)
        if (keys[i] == key)
            return 1;
    return 0;
}

/* The new entries, and those the file has for tasks that were not measured now: other shapes. */
static struct infer__tuned_entry *merge(const struct infer__tuned *old,
                                        const struct infer__tuned_entry *entries, uint32_t n,
                                        const uint64_t *measured, uint32_t nmeasured,
                                        uint32_t *total)
{
    struct infer__tuned_entry *all = calloc((size_t)n + old->nentries + 1, sizeof *all);
    *total = 0;
    for (uint32_t i = 0; all && i < n; i++)
        all[(*total)++] = entries[i];
    for (uint32_t i = 0; all && i < old->nentries; i++) {
        struct infer__tuned_entry e = infer__tuned_get(old, i);
        if (!contains(measured, nmeasured, e.key))
            all[(*total)++] = e;
    }
    return all;
}

/* A plan of this CPU goes: its own entries are in the new one, and those of another version of the
 * library have had their time. */
static int is_replaced(const struct infer__section *s, const struct infer__tuned_for *here)
{
    struct infer__tuned t;
    if (s->kind != INFER__SECTION_TUNED)
        return 0;
    infer__tuned_open(s->data, &t);
    t.by.library = here->library;
    return memcmp(&t.by, here, sizeof *here) == 0;
}

/* The further sections of the file, tuned plans in the order of what they hold for. */
static uint32_t list_sections(const infer_model *model, const struct infer__tuned_for *here,
                              const struct infer__section *tuned, struct infer__section *list)
{
    uint32_t n = 0;
    int placed = !tuned->size;
    for (uint32_t i = 0; i < model->nsections; i++) {
        const struct infer__section *s = &model->sections[i];
        if (s->kind < INFER__SECTION_PREPROCESS || is_replaced(s, here))
            continue;
        if (!placed &&
            (s->kind > INFER__SECTION_TUNED ||
             (s->kind == INFER__SECTION_TUNED && memcmp(s->data, here, sizeof *here) > 0))) {
            list[n++] = *tuned;
            placed = 1;
        }
        list[n++] = *s;
    }
    if (!placed)
        list[n++] = *tuned;
    return n;
}

static infer_status write_model(const infer_model *model, const struct infer__tuned_for *here,
                                const struct infer__section *tuned, void **bytes, size_t *size,
                                infer_error *err)
{
    struct infer__section *list = calloc((size_t)model->nsections + 1, sizeof *list);
    if (!list)
        return infer__no_memory(err, model->nsections * sizeof *list);
    struct infer__file_content content = {.graph = &model->graph,
                                          .labels = model->labels,
                                          .nlabels = model->nlabels,
                                          .extra = list,
                                          .nextra = list_sections(model, here, tuned, list)};
    infer_status status = infer__file_write(&content, NULL, bytes, size, err);
    free(list);
    return status;
}

infer_status tune_file(const infer_model *model, const struct infer__tuned_for *here,
                       const struct infer__tuned_entry *entries, uint32_t nentries,
                       const uint64_t *measured, uint32_t nmeasured, void **bytes, size_t *size,
                       infer_error *err)
{
    struct infer__tuned old;
    struct infer__section tuned = {INFER__SECTION_TUNED, NULL, 0};
    void *section = NULL;
    uint32_t total;
    infer_status status = INFER_OK;
    *bytes = NULL;
    infer__tuned_find(model, here, &old);
    struct infer__tuned_entry *all = merge(&old, entries, nentries, measured, nmeasured, &total);
    if (!all)
        return infer__no_memory(err, nentries * sizeof *all);
    if (total) {
        status = infer__tuned_encode(here, all, total, NULL, &section, &tuned.size, err);
        tuned.data = section;
    }
    if (status == INFER_OK)
        status = write_model(model, here, &tuned, bytes, size, err);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, section);
    free(all);
    return status;
}
