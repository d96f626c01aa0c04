#include "tools/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/size.h"
#include "file/layout.h"
#include "plan/stored.h"
#include "run/session.h"
#include "tools/cli.h"

/* ---- levels --------------------------------------------------------------------------------- */

static int contains(const struct pack_levels *levels, infer_isa level)
{
    for (int i = 0; i < levels->n; i++)
        if (levels->level[i] == level)
            return 1;
    return 0;
}

/* The level of a name of `n` letters, 0 if there is none. */
static infer_isa level_named(const char *name, size_t n)
{
    char text[24] = {0};
    if (n >= sizeof text)
        return INFER_ISA_DEFAULT;
    memcpy(text, name, n);
    return strcmp(text, "native") ? infer__isa_named(text) : infer_cpu_isa();
}

int pack_levels(const char *option, const char *text, int here, struct pack_levels *levels)
{
    levels->n = 0;
    for (const char *p = text;; p++) {
        const size_t n = strcspn(p, ",");
        const infer_isa level = level_named(p, n);
        if (!level) {
            cli_usage("--%s %s: native, c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16 or amx, "
                      "with commas between them",
                      option, text);
            return 0;
        }
        if (here && infer__isa_usable(level) != level) {
            cli_usage("--%s %s: this CPU has no %s, and only one that has it can write what its "
                      "kernels want",
                      option, text, infer_isa_name(level));
            return 0;
        }
        if (!contains(levels, level) && levels->n < PACK_MOST_LEVELS)
            levels->level[levels->n++] = level;
        p += n;
        if (!*p)
            return 1;
    }
}

/* ---- sections ------------------------------------------------------------------------------- */

/* A file's sections on the way to another's. */
struct packing {
    const infer_model *model;
    const struct pack_change *change;
    struct infer__region region; /* what is packed lies here, */
    infer_allocator allocator;
    struct infer__section *list; /* and sections that were made are the allocator's */
    uint32_t n;
    void *made[PACK_MOST_LEVELS];
    int nmade;
};

static int by_holder(const void *a, const void *b)
{
    return memcmp(((const struct infer__section *)a)->data,
                  ((const struct infer__section *)b)->data, INFER__FILE_PACKED_FOR);
}

/* Whether a section of the model goes: it was named, or one of its level is made. */
static int goes(const struct packing *p, const struct infer__stored *s)
{
    const infer_isa level = (infer_isa)s->by.level;
    return p->change->remove_all || contains(&p->change->remove, level) ||
           contains(&p->change->add, level);
}

/* The entries of the model's own section for `by`, unless that is to go, that are not among the
 * first `n`. */
static uint32_t keep_old(const struct packing *p, const struct infer__stored_for *by,
                         struct infer__stored_entry *entries, uint32_t n)
{
    const uint32_t fresh = n;
    if (p->change->remove_all || contains(&p->change->remove, (infer_isa)by->level))
        return n;
    for (uint32_t i = 0; i < p->model->npacked; i++) {
        const struct infer__stored *s = &p->model->packed[i];
        for (uint32_t k = 0; k < s->nentries && s->by.level == by->level; k++) {
            const struct infer__stored_entry e = infer__stored_get(s, k);
            uint32_t j = 0;
            while (j < fresh && infer__key_compare(&entries[j].key, &e.key))
                j++;
            if (j == fresh)
                entries[n++] = e;
        }
    }
    return n;
}

static uint32_t count_old(const struct packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->model->npacked; i++)
        n += p->model->packed[i].nentries;
    return n;
}

static infer_status encode(struct packing *p, const infer_session *session, infer_isa level,
                           infer_error *err)
{
    const struct infer__plan *plan = &session->program->plan;
    const struct infer__stored_for by = {.level = (uint32_t)level,
                                         .library = infer__stored_library()};
    struct infer__section *s = &p->list[p->n];
    uint32_t n;
    void *bytes;
    struct infer__stored_entry *entries =
        infer__region_calloc(&p->region, (size_t)plan->nsteps + count_old(p) + 1, sizeof *entries);
    if (!entries)
        return infer__no_memory(err, plan->nsteps * sizeof *entries);
    TRY(infer__list_stored(plan, p->model, &p->region, entries, &n, err));
    n = keep_old(p, &by, entries, n);
    if (!n)
        return INFER_OK;
    TRY(infer__stored_encode(&by, p->model->weights_sum, entries, n, &p->allocator, &bytes,
                             &s->size, err));
    p->made[p->nmade++] = bytes;
    s->kind = INFER__SECTION_PACKED;
    s->data = bytes;
    p->n++;
    return INFER_OK;
}

/* A section for a level, of what a session there packs. */
static infer_status add_level(struct packing *p, infer_isa level, infer_error *err)
{
    infer_session_options o = *p->change->options;
    infer_session *session;
    o.isa = level;
    TRY(infer_session_create(p->model, &o, &session, err));
    infer_status status = encode(p, session, level, err);
    infer_session_free(&session);
    return status;
}

/* Sections of packed weights in the order of what they hold for, then the others: the writer puts
 * kinds in order. */
static infer_status list_sections(struct packing *p, infer_error *err)
{
    const infer_model *m = p->model;
    struct infer__stored packed;
    p->list =
        infer__region_calloc(&p->region, (size_t)m->nsections + PACK_MOST_LEVELS, sizeof *p->list);
    if (!p->list)
        return infer__no_memory(err, m->nsections * sizeof *p->list);
    for (uint32_t i = 0; i < m->nsections; i++) {
        if (m->sections[i].kind != INFER__SECTION_PACKED)
            continue;
        infer__stored_open(&m->sections[i], &packed);
        if (!goes(p, &packed))
            p->list[p->n++] = m->sections[i];
    }
    for (int i = 0; i < p->change->add.n; i++)
        TRY(add_level(p, p->change->add.level[i], err));
    qsort(p->list, p->n, sizeof *p->list, by_holder);
    for (uint32_t i = 0; i < m->nsections; i++)
        if (m->sections[i].kind >= INFER__SECTION_PREPROCESS &&
            m->sections[i].kind != INFER__SECTION_PACKED)
            p->list[p->n++] = m->sections[i];
    return INFER_OK;
}

static infer_status write_model(struct packing *p, void **bytes, size_t *size, infer_error *err)
{
    TRY(list_sections(p, err));
    const struct infer__file_content content = {.graph = &p->model->graph,
                                                .labels = p->model->labels,
                                                .nlabels = p->model->nlabels,
                                                .extra = p->list,
                                                .nextra = p->n};
    return infer__file_write(&content, &p->allocator, bytes, size, err);
}

infer_status pack_file(const infer_model *model, const struct pack_change *change, void **bytes,
                       size_t *size, infer_error *err)
{
    struct packing p = {.model = model, .change = change, .allocator = infer__allocator(NULL)};
    infer__region_init(&p.region, &p.allocator);
    *bytes = NULL;
    infer_status status = write_model(&p, bytes, size, err);
    for (int i = 0; i < p.nmade; i++)
        infer__free(&p.allocator, p.made[i]);
    infer__region_free(&p.region);
    return status;
}
