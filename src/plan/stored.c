#include "plan/stored.h"

#include "base/size.h"
#include "plan/pack.h"

/* Whether a step's packed weights may come from a file. */
static int may_be_stored(const struct infer__step *s)
{
    return s->kernel->stored && s->kernel->pack && infer__bytes_count(s->need.packed_bytes);
}

static struct infer__pages constants_of(const infer_model *model)
{
    struct infer__pages file;
    file.data = infer__model_section(model, INFER__SECTION_WEIGHTS, &file.bytes);
    return file;
}

void infer__find_stored(struct infer__plan *plan, const infer_model *model)
{
    if (!model || !model->npacked)
        return;
    const struct infer__pages file = constants_of(model);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        struct infer__step *s = &plan->steps[i];
        if (!may_be_stored(s))
            continue;
        const struct infer__store_key key = infer__pack_key(s, &file);
        s->packed = infer__stored_find(model, &key, infer__bytes_count(s->need.packed_bytes));
        s->stored = s->packed != NULL;
    }
}

/* Whether an entry of the key is there, among those of equal layers. */
static int is_listed(const struct infer__stored_entry *entries, uint32_t n,
                     const struct infer__store_key *key)
{
    for (uint32_t i = 0; i < n; i++)
        if (infer__key_compare(&entries[i].key, key) == 0)
            return 1;
    return 0;
}

infer_status infer__list_stored(const struct infer__plan *plan, const infer_model *model,
                                struct infer__region *region, struct infer__stored_entry *entries,
                                uint32_t *nentries, infer_error *err)
{
    const struct infer__pages file = constants_of(model);
    *nentries = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        if (!may_be_stored(s))
            continue;
        const struct infer__store_key key = infer__pack_key(s, &file);
        if (is_listed(entries, *nentries, &key))
            continue;
        const size_t bytes = infer__bytes_count(s->need.packed_bytes);
        void *packed = infer__region_calloc(region, 1, bytes);
        if (!packed)
            return infer__no_memory(err, bytes);
        s->kernel->pack(&s->task, s->need.cut, packed);
        entries[(*nentries)++] = (struct infer__stored_entry){key, packed, bytes};
    }
    return INFER_OK;
}
