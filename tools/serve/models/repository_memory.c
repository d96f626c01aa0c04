/* A limit on the memory of models: past it the versions that nobody has asked for the longest go,
 * and come back when they are asked for. */
#include "tools/serve/models/repository_parts.h"
#include "tools/serve/models/scheduler.h"

/* The version that was asked for the longest ago, apart from `kept`, and the bytes of all; under
 * the lock. */
static struct entry *oldest(struct repository *r, const struct version *kept, uint64_t *bytes)
{
    struct entry *best = NULL;
    *bytes = 0;
    for (int i = 0; i < r->nmodels; i++)
        for (int k = 0; k < r->models[i]->nentries; k++) {
            struct entry *e = &r->models[i]->entries[k];
            if (!e->version)
                continue;
            *bytes += e->version->bytes;
            if (e->version != kept && (!best || e->asked_ns < best->asked_ns))
                best = e;
        }
    return best;
}

void repository_make_room(struct repository *r, const struct version *kept)
{
    while (r->options.memory_limit) {
        uint64_t bytes;
        pthread_mutex_lock(&r->lock);
        struct entry *e = oldest(r, kept, &bytes);
        const int evict = e && bytes > r->options.memory_limit;
        struct version *v = evict ? repository_take(r, e, "evicted: it was not asked for") : NULL;
        if (evict)
            e->evicted = 1;
        pthread_mutex_unlock(&r->lock);
        if (!evict)
            return;
        repository_retire(r, v, "evicted");
    }
}

/* The evicted version that a request is about, under the lock: NULL where it is about none. */
static struct entry *evicted_of(const struct model *m, int64_t number)
{
    if (!number)
        number = m->preferred;
    for (int i = m->nentries - 1; i >= 0; i--)
        if (m->entries[i].evicted && (!number || m->entries[i].found.number == number))
            return &m->entries[i];
    return NULL;
}

int repository_bring_back(struct repository *r, const char *name, size_t n, int64_t number)
{
    struct found file;
    int done = 0;
    pthread_mutex_lock(&r->changing);
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, n);
    struct entry *e = m && !m->unloaded ? evicted_of(m, number) : NULL;
    if (e)
        file = e->found;
    pthread_mutex_unlock(&r->lock);
    if (e)
        done = repository_load_entry(r, m, &file);
    pthread_mutex_unlock(&r->changing);
    return done || (m && !e); /* somebody else may have brought it back meanwhile */
}
