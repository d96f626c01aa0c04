#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/serve/models/repository_parts.h"
#include "tools/serve/models/scheduler.h"

struct repository *repository_open(const struct repository_options *options, char *why, size_t size)
{
    struct stat st;
    for (int i = 0; i < options->npaths; i++) {
        const char *path = found_path(options->paths[i]);
        if (stat(path, &st) != 0) {
            snprintf(why, size, "%s: %s", path, strerror(errno));
            return NULL;
        }
    }
    struct repository *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    r->options = *options;
    pthread_mutex_init(&r->changing, NULL);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

/* ---- lists, under the lock ------------------------------------------------------------------ */

struct model *repository_find(const struct repository *r, const char *name, size_t n)
{
    for (int i = 0; i < r->nmodels; i++)
        if (strlen(r->models[i]->name) == n && memcmp(r->models[i]->name, name, n) == 0)
            return r->models[i];
    return NULL;
}

static struct model *add_model(struct repository *r, const char *name)
{
    struct model **more = realloc(r->models, ((size_t)r->nmodels + 1) * sizeof *more);
    if (!more)
        return NULL;
    r->models = more;
    struct model *m = calloc(1, sizeof *m);
    if (!m || !(m->name = strdup(name))) {
        free(m);
        return NULL;
    }
    int at = r->nmodels++;
    for (; at > 0 && strcmp(r->models[at - 1]->name, name) > 0; at--)
        r->models[at] = r->models[at - 1];
    r->models[at] = m;
    return m;
}

struct entry *repository_entry(const struct model *m, int64_t number)
{
    for (int i = 0; i < m->nentries; i++)
        if (m->entries[i].found.number == number)
            return &m->entries[i];
    return NULL;
}

/* Whether a name is among those of a list, or the list is "all". */
static int is_listed(const char *list, const char *name)
{
    const size_t n = strlen(name);
    if (!list || strcmp(list, "all") == 0)
        return 1;
    for (const char *p = list; *p; p += strspn(p, ",")) {
        const size_t length = strcspn(p, ",");
        if (length == n && memcmp(p, name, n) == 0)
            return 1;
        p += length;
    }
    return 0;
}

/* A model, which is made where there is none. One that is not to be loaded by itself counts as
 * unloaded from the beginning. */
static struct model *model_of(struct repository *r, const char *name)
{
    struct model *m = repository_find(r, name, strlen(name));
    if (m)
        return m;
    m = add_model(r, name);
    if (m)
        m->unloaded = !is_listed(r->options.load, name);
    return m;
}

struct model *repository_model(struct repository *r, const char *name)
{
    pthread_mutex_lock(&r->lock);
    struct model *m = model_of(r, name);
    pthread_mutex_unlock(&r->lock);
    return m;
}

struct entry *repository_make_entry(struct model *m, int64_t number)
{
    struct entry *more = realloc(m->entries, ((size_t)m->nentries + 1) * sizeof *more);
    if (!more)
        return NULL;
    m->entries = more;
    int at = m->nentries++;
    for (; at > 0 && more[at - 1].found.number > number; at--)
        more[at] = more[at - 1];
    more[at] = (struct entry){.found.number = number};
    return &more[at];
}

struct version *repository_take(struct repository *r, struct entry *e, const char *reason)
{
    struct version *v = e->version;
    e->version = NULL;
    e->evicted = 0;
    atomic_fetch_add(&r->generation, v != NULL);
    e->state = MODEL_UNAVAILABLE;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    return v;
}

/* ---- changes, one at a time ----------------------------------------------------------------- */

static void tell(const struct repository *r, const char *name, int64_t number, const char *what)
{
    if (r->options.tell)
        r->options.tell(r->options.ctx, name, number, what);
}

/* All files that there are now, those that calls have added among them. */
void repository_search(struct repository *r, struct found_list *list)
{
    struct found_list seen;
    *list = (struct found_list){0};
    for (int i = 0; i < r->added.count; i++)
        found_add(list, NULL, r->added.items[i].name, r->added.items[i].number,
                  r->added.items[i].path);
    found_search(r->options.paths, r->options.npaths, &seen);
    for (int i = 0; i < seen.count; i++) /* an added one has its number's place */
        found_add(list, NULL, seen.items[i].name, seen.items[i].number, seen.items[i].path);
    found_list_free(&seen);
}

void repository_retire(struct repository *r, struct version *v, const char *what)
{
    if (!v)
        return;
    tell(r, v->name, v->number, what);
    scheduler_close(r->options.scheduler, v);
    version_unref(v);
}

struct version_options repository_options_of(struct repository *r, const char *name)
{
    const struct version_options *own =
        r->options.versions_of ? r->options.versions_of(r->options.ctx, name) : NULL;
    return own ? *own : r->options.versions;
}

int repository_load_entry(struct repository *r, struct model *m, const struct found *f)
{
    char why[300] = "";
    pthread_mutex_lock(&r->lock);
    struct entry *e = repository_entry(m, f->number);
    const int same = e && e->state == MODEL_READY && found_same(&e->found, f);
    if (!e)
        e = repository_make_entry(m, f->number);
    if (e && !e->version)
        e->state = MODEL_LOADING;
    struct version_options options = repository_options_of(r, m->name);
    if (m->options)
        options = *m->options;
    else if (e && e->options)
        options = *e->options;
    options.observers = r->options.versions.observers; /* which belong to the server */
    options.custom_ops = r->options.versions.custom_ops;
    options.ncustom_ops = r->options.versions.ncustom_ops;
    pthread_mutex_unlock(&r->lock);
    if (!e || same)
        return same;
    struct version *v =
        version_open(m->name, f->number, f->path, &options, r->options.pool, why, sizeof why);
    pthread_mutex_lock(&r->lock);
    e = repository_entry(m, f->number); /* the list may have moved */
    struct version *old = NULL;
    if (v) {
        old = e->version;
        e->version = v;
        e->evicted = 0;
        e->asked_ns = serve_now_ns();
        atomic_fetch_add(&r->generation, 1);
        e->state = MODEL_READY;
        *e->reason = 0;
    } else if (!e->version) {
        e->state = MODEL_UNAVAILABLE;
        snprintf(e->reason, sizeof e->reason, "%s", why);
    }
    e->found = *f; /* what can't be loaded is not tried again until it changes */
    pthread_mutex_unlock(&r->lock);
    if (v)
        tell(r, m->name, f->number, old ? "replaced" : "loaded");
    else
        tell(r, m->name, f->number, why);
    repository_retire(r, old, "the former one goes");
    if (v)
        repository_make_room(r, v);
    return v != NULL;
}

/* Whether a policy chooses a version among those of a list. */
static int chooses(const struct version_policy *p, const struct found_list *list,
                   const struct found *f)
{
    int newer = 0, named = 0;
    for (int i = 0; i < list->count; i++)
        newer += strcmp(list->items[i].name, f->name) == 0 && list->items[i].number > f->number;
    for (int i = 0; i < p->nspecific; i++)
        named |= p->specific[i] == f->number;
    return (!p->latest || newer < p->latest) && (!p->nspecific || named);
}

/* All files, without versions that a model's policy does not choose. */
static void search_chosen(struct repository *r, struct found_list *list)
{
    struct found_list all;
    repository_search(r, &all);
    *list = (struct found_list){0};
    for (int i = 0; i < all.count; i++) {
        const struct found *f = &all.items[i];
        pthread_mutex_lock(&r->lock);
        const struct model *m = repository_find(r, f->name, strlen(f->name));
        const int chosen = !m || chooses(&m->policy, &all, f);
        pthread_mutex_unlock(&r->lock);
        if (chosen)
            found_add(list, NULL, f->name, f->number, f->path);
    }
    found_list_free(&all);
}

/* Unloads the versions of a model that are not among those found. */
static void unload_missing(struct repository *r, struct model *m, const struct found_list *list)
{
    for (int i = 0; i < m->nentries; i++) {
        if (found_has(list, m->name, m->entries[i].found.number))
            continue;
        pthread_mutex_lock(&r->lock);
        struct version *v = repository_take(r, &m->entries[i], "the file is gone or not chosen");
        m->entries[i].found.changed = 0; /* nobody wants it, and it is new when it comes back */
        pthread_mutex_unlock(&r->lock);
        repository_retire(r, v, "unloaded: the file is gone or not chosen");
    }
}

/* Loads what is in the list, of one model or of all; returns how many failed. */
static int load_found(struct repository *r, const struct found_list *list, const char *only,
                      int again)
{
    int failed = 0;
    for (int i = 0; i < list->count; i++) {
        const struct found *f = &list->items[i];
        if (only && strcmp(only, f->name) != 0)
            continue;
        pthread_mutex_lock(&r->lock);
        struct model *m = model_of(r, f->name);
        if (m && only)
            m->unloaded = 0;
        struct entry *e = m ? repository_entry(m, f->number) : NULL;
        if (e && only)
            e->unloaded = 0;
        const int unloaded = m && (m->unloaded || (e && e->unloaded));
        const int known = e && found_same(&e->found, f) && !again;
        const int skip = unloaded || known;
        const int bad = !m || (known && e->state != MODEL_READY && !e->evicted);
        pthread_mutex_unlock(&r->lock);
        failed += skip ? bad && !unloaded : !m || !repository_load_entry(r, m, f);
    }
    return failed;
}

int repository_scan(struct repository *r)
{
    struct found_list list;
    pthread_mutex_lock(&r->changing);
    search_chosen(r, &list);
    const int failed = load_found(r, &list, NULL, 0);
    for (int i = 0; i < r->nmodels; i++)
        unload_missing(r, r->models[i], &list);
    found_list_free(&list);
    pthread_mutex_unlock(&r->changing);
    return failed;
}

/* Sets what a model is loaded with; what is served with something else is new then. Under
 * `changing`. */
static void set_options(struct repository *r, const char *name,
                        const struct version_options *options, const struct version_policy *policy)
{
    struct version_options *copy = options ? malloc(sizeof *copy) : NULL;
    if (copy)
        *copy = *options;
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, strlen(name));
    if (m) {
        for (int i = 0; (copy || m->options) && i < m->nentries; i++)
            m->entries[i].found.changed = 0;
        free(m->options);
        m->options = copy;
        copy = NULL;
        m->policy = policy ? *policy : (struct version_policy){0};
    }
    pthread_mutex_unlock(&r->lock);
    free(copy);
}

/* Under `changing`. */
static int load_named(struct repository *r, const char *name, char *why, size_t size)
{
    struct found_list list;
    search_chosen(r, &list);
    int there = 0;
    for (int i = 0; i < list.count; i++)
        there |= strcmp(list.items[i].name, name) == 0;
    const int failed = there ? load_found(r, &list, name, 1) : 1;
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, strlen(name));
    pthread_mutex_unlock(&r->lock);
    if (m && there)
        unload_missing(r, m, &list);
    snprintf(why, size, "failed to load '%s', %s", name,
             there ? "one of its versions is not a model that can be served"
                   : "failed to poll from model repository");
    found_list_free(&list);
    return !failed;
}

int repository_load(struct repository *r, const char *name, char *why, size_t size)
{
    pthread_mutex_lock(&r->changing);
    const int done = load_named(r, name, why, size);
    pthread_mutex_unlock(&r->changing);
    return done;
}

int repository_load_with(struct repository *r, const char *name,
                         const struct version_options *options, const struct version_policy *policy,
                         char *why, size_t size)
{
    pthread_mutex_lock(&r->changing);
    set_options(r, name, options, policy);
    const int done = load_named(r, name, why, size);
    pthread_mutex_unlock(&r->changing);
    return done;
}

int repository_unload(struct repository *r, const char *name)
{
    pthread_mutex_lock(&r->changing);
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, strlen(name));
    if (m)
        m->unloaded = 1;
    pthread_mutex_unlock(&r->lock);
    repository_forget(r, name);
    for (int i = 0; m && i < m->nentries; i++) {
        pthread_mutex_lock(&r->lock);
        struct version *v = repository_take(r, &m->entries[i], "unloaded");
        m->entries[i].found.changed = 0; /* so that it is loaded again when it is asked for */
        pthread_mutex_unlock(&r->lock);
        repository_retire(r, v, "unloaded");
    }
    pthread_mutex_unlock(&r->changing);
    return m != NULL;
}

void repository_close(struct repository *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->nmodels; i++) {
        struct model *m = r->models[i];
        for (int k = 0; k < m->nentries; k++)
            if (m->entries[k].version) {
                scheduler_close(r->options.scheduler, m->entries[k].version);
                version_unref(m->entries[k].version);
            }
        for (int k = 0; k < m->nentries; k++)
            free(m->entries[k].options);
        free(m->options);
        free(m->entries);
        free(m->labels);
        free(m->name);
        free(m);
    }
    free(r->models);
    found_list_free(&r->added);
    pthread_mutex_destroy(&r->changing);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- what is asked -------------------------------------------------------------------------- */

static struct version *get(struct repository *r, const char *name, size_t n, int64_t number,
                           enum repository_missing *missing)
{
    struct entry *found = NULL;
    pthread_mutex_lock(&r->lock);
    const struct model *m = repository_find(r, name, n);
    *missing = m ? MODEL_NOT_LOADED : MODEL_UNKNOWN;
    if (m && number && !repository_entry(m, number))
        *missing = MODEL_NO_VERSION;
    struct entry *preferred =
        m && !number && m->preferred ? repository_entry(m, m->preferred) : NULL;
    if (preferred && (preferred->version || preferred->evicted))
        found = preferred;
    for (int i = m ? m->nentries - 1 : -1; i >= 0 && !found; i--)
        if ((m->entries[i].version || m->entries[i].evicted) &&
            (!number || m->entries[i].found.number == number))
            found = &m->entries[i];
    if (found)
        *missing = found->version ? MODEL_FOUND : MODEL_EVICTED;
    struct version *v = found && found->version ? version_ref(found->version) : NULL;
    if (v)
        found->asked_ns = serve_now_ns();
    pthread_mutex_unlock(&r->lock);
    return v;
}

struct version *repository_get(struct repository *r, const char *name, size_t n, int64_t number,
                               enum repository_missing *missing)
{
    struct version *v = get(r, name, n, number, missing);
    for (int i = 0; i < 3 && *missing == MODEL_EVICTED; i++) {
        if (!repository_bring_back(r, name, n, number))
            break;
        v = get(r, name, n, number, missing);
    }
    if (*missing == MODEL_EVICTED)
        *missing = MODEL_NOT_LOADED;
    return v;
}

struct repository_row *repository_rows(struct repository *r, int *count)
{
    pthread_mutex_lock(&r->lock);
    size_t most = 1;
    for (int i = 0; i < r->nmodels; i++)
        most += (size_t)r->models[i]->nentries;
    struct repository_row *rows = calloc(most, sizeof *rows);
    *count = 0;
    for (int i = 0; rows && i < r->nmodels; i++)
        for (int k = 0; k < r->models[i]->nentries; k++) {
            const struct entry *e = &r->models[i]->entries[k];
            struct repository_row *row = &rows[*count];
            row->name = strdup(r->models[i]->name);
            if (!row->name)
                break;
            row->number = e->found.number;
            row->state = e->state;
            memcpy(row->reason, e->reason, sizeof row->reason);
            row->version = e->version ? version_ref(e->version) : NULL;
            ++*count;
        }
    pthread_mutex_unlock(&r->lock);
    return rows;
}

void repository_rows_free(struct repository_row *rows, int count)
{
    for (int i = 0; rows && i < count; i++) {
        free(rows[i].name);
        version_unref(rows[i].version);
    }
    free(rows);
}

uint64_t repository_generation(struct repository *r)
{
    return atomic_load(&r->generation);
}

int repository_ready(struct repository *r)
{
    int ready = 1;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->nmodels; i++)
        for (int k = 0; !r->models[i]->unloaded && k < r->models[i]->nentries; k++)
            ready &= r->models[i]->entries[k].state == MODEL_READY ||
                     r->models[i]->entries[k].evicted || r->models[i]->entries[k].unloaded ||
                     r->models[i]->entries[k].found.changed == 0;
    pthread_mutex_unlock(&r->lock);
    return ready;
}
