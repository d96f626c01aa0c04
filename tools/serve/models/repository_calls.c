/* Changes of the repository by call: files that are added, versions that go, defaults, labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/repository_parts.h"

/* ---- adding --------------------------------------------------------------------------------- */

/* Which number a file gets: that which its place in a folder gives it, else the one behind those
 * that are served; 0 where it is served under that name already, or `only` and another is. */
static int64_t free_number(struct repository *r, const struct found_list *list, const char *name,
                           const char *path, int only)
{
    int64_t number = 1, placed = 0;
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0 && strcmp(list->items[i].path, path) == 0)
            placed = list->items[i].number;
    pthread_mutex_lock(&r->lock);
    const struct model *m = repository_find(r, name, strlen(name));
    for (int i = 0; m && i < m->nentries && number; i++) {
        const struct entry *e = &m->entries[i];
        if (e->state != MODEL_READY)
            continue;
        number = only || strcmp(e->found.path, path) == 0 ? 0 : e->found.number + 1;
    }
    pthread_mutex_unlock(&r->lock);
    return number && placed ? placed : number;
}

/* Forgets additions of a name; `number` 0: all of them. */
static void forget_added(struct repository *r, const char *name, int64_t number)
{
    int kept = 0;
    for (int i = 0; i < r->added.count; i++) {
        const struct found *f = &r->added.items[i];
        if (strcmp(f->name, name) != 0 || (number && f->number != number))
            r->added.items[kept++] = *f;
    }
    r->added.count = kept;
}

/* What an entry is loaded with from now on. */
static void keep_options(struct repository *r, const char *name, int64_t number,
                         const struct version_options *options)
{
    pthread_mutex_lock(&r->lock);
    const struct model *m = repository_find(r, name, strlen(name));
    struct entry *e = m ? repository_entry(m, number) : NULL;
    if (e && options) {
        free(e->options);
        e->options = malloc(sizeof *e->options);
        if (e->options)
            *e->options = *options;
    }
    pthread_mutex_unlock(&r->lock);
}

/* The model that a version is added to. Where it was unloaded its other versions stay so. */
static struct model *open_model(struct repository *r, const struct found_list *list,
                                const char *name, int64_t number)
{
    struct model *m = repository_model(r, name);
    pthread_mutex_lock(&r->lock);
    for (int i = 0; m && m->unloaded && i < list->count; i++) {
        const struct found *f = &list->items[i];
        struct entry *e = NULL;
        if (strcmp(f->name, name) == 0 && !(e = repository_entry(m, f->number)))
            e = repository_make_entry(m, f->number);
        if (e)
            e->unloaded = 1;
    }
    if (m)
        m->unloaded = 0;
    struct entry *e = m ? repository_entry(m, number) : NULL;
    if (!e && m)
        e = repository_make_entry(m, number);
    if (e)
        e->unloaded = 0;
    pthread_mutex_unlock(&r->lock);
    return e ? m : NULL;
}

static enum repository_done add_file(struct repository *r, const struct found_list *list,
                                     const char *name, int64_t number, const char *path,
                                     const struct version_options *options, char *why, size_t size)
{
    forget_added(r, name, number);
    const int before = r->added.count;
    found_add(&r->added, NULL, name, number, path);
    struct model *m = r->added.count > before ? open_model(r, list, name, number) : NULL;
    if (!m) {
        snprintf(why, size, "no memory, or too long a name");
        forget_added(r, name, number);
        return REPOSITORY_FAILED;
    }
    keep_options(r, name, number, options);
    const struct found file = r->added.items[r->added.count - 1];
    if (repository_load_entry(r, m, &file))
        return REPOSITORY_DONE;
    forget_added(r, name, number);
    pthread_mutex_lock(&r->lock);
    struct entry *e = repository_entry(m, number);
    snprintf(why, size, "%s", e ? e->reason : "");
    if (e) {
        e->unloaded = 1;
        e->found.changed = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return REPOSITORY_FAILED;
}

enum repository_done repository_add(struct repository *r, const char *name, const char *path,
                                    const struct version_options *options, int only,
                                    int64_t *number, char *why, size_t size)
{
    struct found_list list;
    pthread_mutex_lock(&r->changing);
    repository_search(r, &list);
    *number = free_number(r, &list, name, path, only);
    const enum repository_done done =
        *number ? add_file(r, &list, name, *number, path, options, why, size) : REPOSITORY_EXISTS;
    found_list_free(&list);
    pthread_mutex_unlock(&r->changing);
    return done;
}

void repository_forget(struct repository *r, const char *name)
{
    forget_added(r, name, 0);
}

/* ---- removing ------------------------------------------------------------------------------- */

/* The version that is meant where none is named, under the lock; 0: none is ready. */
static int64_t default_of(const struct model *m)
{
    const struct entry *e = m->preferred ? repository_entry(m, m->preferred) : NULL;
    if (e && e->version)
        return m->preferred;
    for (int i = m->nentries - 1; i >= 0; i--)
        if (m->entries[i].version)
            return m->entries[i].found.number;
    return 0;
}

enum repository_done repository_remove(struct repository *r, const char *name, int64_t number)
{
    enum repository_done done = REPOSITORY_NO_MODEL;
    struct version *v = NULL;
    pthread_mutex_lock(&r->changing);
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, strlen(name));
    struct entry *e = m ? repository_entry(m, number) : NULL;
    int ready = 0;
    for (int i = 0; m && i < m->nentries; i++)
        ready += m->entries[i].version != NULL;
    if (m && ready)
        done = !e || !e->version                      ? REPOSITORY_NO_VERSION
               : ready > 1 && default_of(m) == number ? REPOSITORY_IS_DEFAULT
                                                      : REPOSITORY_DONE;
    if (done == REPOSITORY_DONE) {
        v = repository_take(r, e, "unloaded");
        e->unloaded = 1;
        e->found.changed = 0; /* so that it is loaded again when it is asked for */
    }
    pthread_mutex_unlock(&r->lock);
    if (done == REPOSITORY_DONE)
        forget_added(r, name, number);
    repository_retire(r, v, "unloaded");
    pthread_mutex_unlock(&r->changing);
    return done;
}

/* ---- defaults and labels -------------------------------------------------------------------- */

/* Whether a version can be pointed at, under the lock; *m becomes its model. */
static enum repository_done look_up(struct repository *r, const char *name, int64_t number,
                                    struct model **m)
{
    *m = repository_find(r, name, strlen(name));
    if (!*m || !default_of(*m))
        return REPOSITORY_NO_MODEL;
    const struct entry *e = number ? repository_entry(*m, number) : NULL;
    return number && (!e || !e->version) ? REPOSITORY_NO_VERSION : REPOSITORY_DONE;
}

enum repository_done repository_set_default(struct repository *r, const char *name, int64_t number)
{
    struct model *m;
    pthread_mutex_lock(&r->lock);
    const enum repository_done done = look_up(r, name, number, &m);
    if (done == REPOSITORY_DONE) {
        atomic_fetch_add(&r->generation, m->preferred != number);
        m->preferred = number;
    }
    pthread_mutex_unlock(&r->lock);
    return done;
}

/* Whether it is a share's turn: of any hundred requests in a row exactly its percents, apart from
 * each other. */
static int takes_turn(double *turn, double percent)
{
    *turn += percent;
    if (*turn < 100)
        return 0;
    *turn -= 100;
    return 1;
}

enum repository_done repository_set_shares(struct repository *r, const char *name, int64_t canary,
                                           double canary_percent, int64_t shadow,
                                           double shadow_percent)
{
    struct model *m;
    pthread_mutex_lock(&r->lock);
    const enum repository_done done = look_up(r, name, 0, &m);
    if (done == REPOSITORY_DONE) {
        m->canary = canary;
        m->canary_percent = canary_percent;
        m->shadow = shadow;
        m->shadow_percent = shadow_percent;
    }
    pthread_mutex_unlock(&r->lock);
    return done;
}

/* Another version of the model that `v` is of, where it is its share's turn. */
static struct version *share_of(struct repository *r, const struct version *v, int shadow)
{
    struct version *other = NULL;
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, v->name, strlen(v->name));
    const int64_t number = m ? (shadow ? m->shadow : m->canary) : 0;
    const struct entry *e = number ? repository_entry(m, number) : NULL;
    if (e && e->version && e->version != v &&
        takes_turn(shadow ? &m->shadow_turn : &m->canary_turn,
                   shadow ? m->shadow_percent : m->canary_percent))
        other = version_ref(e->version);
    pthread_mutex_unlock(&r->lock);
    return other;
}

struct version *repository_canary(struct repository *r, const struct version *v)
{
    return share_of(r, v, 0);
}

struct version *repository_shadow(struct repository *r, const struct version *v)
{
    return share_of(r, v, 1);
}

int64_t repository_default(struct repository *r, const char *name, size_t n)
{
    pthread_mutex_lock(&r->lock);
    const struct model *m = repository_find(r, name, n);
    const int64_t number = m ? default_of(m) : 0;
    pthread_mutex_unlock(&r->lock);
    return number;
}

/* The place of a label, which is made where there is none and `make`; NULL without it or memory. */
static struct version_label *label_of(struct model *m, const char *label, size_t n, int make)
{
    for (int i = 0; i < m->nlabels; i++)
        if (strlen(m->labels[i].name) == n && memcmp(m->labels[i].name, label, n) == 0)
            return &m->labels[i];
    if (!make || n >= sizeof m->labels->name)
        return NULL;
    struct version_label *more = realloc(m->labels, ((size_t)m->nlabels + 1) * sizeof *more);
    if (!more)
        return NULL;
    m->labels = more;
    more[m->nlabels] = (struct version_label){.number = 0};
    memcpy(more[m->nlabels].name, label, n);
    return &more[m->nlabels++];
}

enum repository_done repository_set_label(struct repository *r, const char *name, const char *label,
                                          int64_t number)
{
    struct model *m;
    pthread_mutex_lock(&r->lock);
    enum repository_done done = look_up(r, name, number, &m);
    if (done == REPOSITORY_DONE) {
        struct version_label *l = label_of(m, label, strlen(label), number != 0);
        if (l) {
            atomic_fetch_add(&r->generation, l->number != number);
            l->number = number;
        } else {
            done = number ? REPOSITORY_FAILED : REPOSITORY_DONE;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return done;
}

int64_t repository_label(struct repository *r, const char *name, size_t n, const char *label,
                         size_t length)
{
    pthread_mutex_lock(&r->lock);
    struct model *m = repository_find(r, name, n);
    const struct version_label *l = m ? label_of(m, label, length, 0) : NULL;
    const int64_t number = l ? l->number : 0;
    pthread_mutex_unlock(&r->lock);
    return number;
}
