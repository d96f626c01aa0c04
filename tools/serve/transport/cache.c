#include "tools/serve/transport/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "tools/cli.h"
#include "tools/serve/transport/siphash.h"

enum { SLOTS = 4096 };

/* An answer of its own memory; header values too. */
struct kept {
    struct http_answer answer;
    size_t bytes;
    void *memory;
};

struct waiter {
    struct http_request *request;
    struct waiter *next;
};

struct entry {
    uint64_t key[2];
    int computing;
    struct waiter *waiters;
    struct kept kept;
    struct entry *next;          /* of its slot */
    struct entry *newer, *older; /* of those that are kept */
};

struct cache {
    pthread_mutex_t lock;
    uint64_t secret[2];
    size_t most;
    struct entry *slots[SLOTS];
    struct entry *newest, *oldest;
    struct cache_counts counts;
};

struct cache *cache_begin(size_t bytes)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->most = bytes;
    pthread_mutex_init(&c->lock, NULL);
    if (getrandom(c->secret, sizeof c->secret, 0) == sizeof c->secret)
        return c;
    cache_end(c);
    return NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
    free(k->memory);
    *k = (struct kept){0};
}

static char *put(char **at, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *p = memcpy(*at, text, n);
    *at += n;
    return p;
}

/* All headers but x-request-id, which each request has of its own. */
static void add_headers(struct http_answer *to, const struct http_answer *from)
{
    for (int i = 0; i < from->headers; i++)
        if (strcasecmp(from->header[i].name, "x-request-id") != 0)
            http_add(to, from->header[i].name, from->header[i].value);
}

/* A copy but for x-request-id, which each request has of its own. 0: no memory. */
static int keep(struct kept *k, const struct http_answer *a)
{
    size_t bytes = a->body_bytes + 1 + (a->content_type ? strlen(a->content_type) + 1 : 0);
    for (int i = 0; i < a->headers; i++)
        bytes += strlen(a->header[i].name) + strlen(a->header[i].value) + 2;
    char *at = malloc(bytes);
    *k = (struct kept){.answer = {.status = a->status, .close = a->close}, .memory = at};
    if (!at)
        return 0;
    k->bytes = bytes + sizeof(struct entry);
    if (a->body_bytes)
        memcpy(at, a->body, a->body_bytes);
    k->answer.body = at;
    k->answer.body_bytes = a->body_bytes;
    at += a->body_bytes;
    if (a->content_type)
        k->answer.content_type = put(&at, a->content_type);
    add_headers(&k->answer, a);
    for (int i = 0; i < k->answer.headers; i++) {
        k->answer.header[i].name = put(&at, k->answer.header[i].name);
        k->answer.header[i].value = put(&at, k->answer.header[i].value);
    }
    return 1;
}

/* Gives a kept answer; its body is copied while the lock is held by the caller, or is its own. */
static void give(struct http_request *r, const struct http_answer *a)
{
    struct http_answer mine = *a;
    http_add(&mine, "x-request-id", r->id);
    http_answer(r, &mine); /* has no free_body, so that it copies */
}

/* ---- the table, under the lock -------------------------------------------------------------- */

static struct entry **slot_of(struct cache *c, const uint64_t key[2])
{
    struct entry **at = &c->slots[key[0] % SLOTS];
    while (*at && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
        at = &(*at)->next;
    return at;
}

static void unlink_age(struct cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void make_newest(struct cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct cache *c, struct entry *e)
{
    struct entry **at = slot_of(c, e->key);
    *at = e->next;
    if (!e->computing) {
        unlink_age(c, e);
        c->counts.bytes -= e->kept.bytes;
        c->counts.entries--;
    }
    kept_free(&e->kept);
    free(e);
}

void cache_end(struct cache *c)
{
    if (!c)
        return;
    for (int i = 0; i < SLOTS; i++)
        while (c->slots[i])
            drop(c, c->slots[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Whether a request asks for nothing but an inference. */
static int is_inference(const struct http_request *r)
{
    static const char *const ends[] = {"/infer",       "/predict", "/invoke",
                                       "/invocations", ":predict", ":classify"};
    if (strcmp(r->method, "POST") != 0 && strcmp(r->method, "PUT") != 0)
        return 0;
    if (strncmp(r->path, "/predictions/", 13) == 0)
        return 1;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (cli_ends_with(r->path, ends[i]))
            return 1;
    return 0;
}

static void make_key(const struct cache *c, const struct http_request *r, uint64_t generation,
                     uint64_t key[2])
{
    static const char *const headers[] = {"Content-Type", "Accept", "Accept-Encoding",
                                          "Inference-Header-Content-Length"};
    struct siphash h;
    siphash_begin(&h, c->secret);
    siphash_add(&h, &generation, sizeof generation);
    siphash_add(&h, r->method, strlen(r->method) + 1);
    siphash_add(&h, r->path, strlen(r->path) + 1);
    siphash_add(&h, r->query, strlen(r->query) + 1);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *value = http_header(r, headers[i]);
        siphash_add(&h, value ? value : "", value ? strlen(value) + 1 : 1);
    }
    siphash_add(&h, r->body, r->body_bytes);
    siphash_end(&h, key);
}

static struct entry *new_entry(struct entry **at, const uint64_t key[2])
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->key, key, sizeof e->key);
    e->computing = 1;
    e->next = *at;
    *at = e;
    return e;
}

int cache_ask(struct cache *c, struct http_request *r, uint64_t generation)
{
    uint64_t key[2];
    struct kept hit = {0};
    int done = 0;
    if (!c || !is_inference(r))
        return 0;
    make_key(c, r, generation, key);
    pthread_mutex_lock(&c->lock);
    struct entry **at = slot_of(c, key), *e = *at;
    if (e && !e->computing && keep(&hit, &e->kept.answer)) {
        unlink_age(c, e);
        make_newest(c, e);
        c->counts.hits++;
    } else if (e && e->computing) {
        struct waiter *w = malloc(sizeof *w);
        if (w) {
            *w = (struct waiter){r, e->waiters};
            e->waiters = w;
            c->counts.joined++;
            done = 1;
        }
    } else if (!e) {
        r->tag = new_entry(at, key);
        c->counts.misses++;
    }
    pthread_mutex_unlock(&c->lock);
    if (hit.memory) {
        give(r, &hit.answer);
        kept_free(&hit);
        done = 1;
    }
    return done;
}

/* Keeps the answer where it is worth it, and makes room for it; else the entry goes. */
static void settle(struct cache *c, struct entry *e, const struct http_answer *a)
{
    if (a->status != 200 || !keep(&e->kept, a) || e->kept.bytes > c->most) {
        drop(c, e);
        return;
    }
    while (c->oldest && c->counts.bytes + e->kept.bytes > c->most)
        drop(c, c->oldest); /* NOLINT(clang-analyzer-unix.Malloc): drop makes another the oldest */
    e->computing = 0;
    make_newest(c, e);
    c->counts.bytes += e->kept.bytes;
    c->counts.entries++;
}

void cache_answered(struct cache *c, struct http_request *r, const struct http_answer *a)
{
    struct entry *e = r->tag;
    if (!e)
        return;
    r->tag = NULL;
    pthread_mutex_lock(&c->lock);
    struct waiter *w = e->waiters;
    e->waiters = NULL;
    settle(c, e, a);
    pthread_mutex_unlock(&c->lock);
    if (!w)
        return;
    struct http_answer same = {.status = a->status,
                               .close = a->close,
                               .content_type = a->content_type,
                               .body = a->body,
                               .body_bytes = a->body_bytes};
    add_headers(&same, a);
    while (w) {
        struct waiter *next = w->next;
        give(w->request, &same);
        free(w);
        w = next;
    }
}

void cache_counts(struct cache *c, struct cache_counts *counts)
{
    pthread_mutex_lock(&c->lock);
    *counts = c->counts;
    pthread_mutex_unlock(&c->lock);
}
