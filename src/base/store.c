#include "base/store.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/pages.h"
#include "base/size.h"

enum { BUCKETS = 256, ALIGN = 64 };

enum { MAKING, MADE, FAILED };

/* Memory that was taken at once. It goes with the last of its entries; until then whole pages of
 * those that have gone are the system's again. */
struct block {
    void *memory;
    size_t bytes;
    _Atomic uint32_t living; /* entries */
    struct infer__store_entry *entries;
};

struct infer__store_entry {
    struct infer__store_entry *next; /* in the bucket */
    struct block *block;
    struct infer__store_key key;
    size_t at, bytes;       /* in the block's memory */
    uint32_t uses;          /* the lock's */
    pid_t maker;            /* the process that makes it */
    _Atomic uint32_t state; /* MAKING is left once, by the maker */
};

struct infer__store {
    infer_allocator allocator;
    struct infer__lock lock;
    _Atomic size_t bytes, entries;
    struct infer__store_entry *_Atomic bucket[BUCKETS];
};

/* ---- entries, under the lock ---------------------------------------------------------------- */

static struct infer__store_entry *_Atomic *bucket_of(struct infer__store *s,
                                                     const struct infer__store_key *key)
{
    return &s->bucket[key->word[0] % BUCKETS];
}

static int same_key(const struct infer__store_key *a, const struct infer__store_key *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

/* The entry that a share asks for, or NULL. */
static struct infer__store_entry *find(struct infer__store *s, const struct infer__share *share)
{
    struct infer__store_entry *e =
        atomic_load_explicit(bucket_of(s, &share->key), memory_order_relaxed);
    for (; e; e = e->next)
        if (same_key(&e->key, &share->key) && e->bytes == share->bytes &&
            (atomic_load_explicit(&e->state, memory_order_relaxed) == MADE || e->maker == getpid()))
            return e;
    return NULL;
}

static void insert(struct infer__store *s, struct infer__store_entry *e)
{
    struct infer__store_entry *_Atomic *bucket = bucket_of(s, &e->key);
    e->next = atomic_load_explicit(bucket, memory_order_relaxed);
    atomic_store_explicit(bucket, e, memory_order_release);
}

/* Takes an entry out, so that nobody finds it any more, if it is still there. */
static void leave(struct infer__store *s, struct infer__store_entry *e)
{
    struct infer__store_entry *_Atomic *bucket = bucket_of(s, &e->key);
    struct infer__store_entry *at = atomic_load_explicit(bucket, memory_order_relaxed);
    if (at == e) {
        atomic_store_explicit(bucket, e->next, memory_order_release);
        return;
    }
    while (at && at->next != e)
        at = at->next;
    if (at)
        at->next = e->next;
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* What has to be made of some shares. */
struct want {
    uint32_t entries;
    size_t bytes;
};

static int is_repeated(const struct infer__share *shares, uint32_t i)
{
    return i && same_key(&shares[i].key, &shares[i - 1].key);
}

static struct want count_missing(struct infer__store *s, const struct infer__share *shares,
                                 uint32_t n)
{
    struct want w = {0, 0};
    for (uint32_t i = 0; i < n; i++)
        if (!is_repeated(shares, i) && !find(s, &shares[i])) {
            w.entries++;
            if (!infer__size_add(w.bytes, shares[i].bytes, &w.bytes) ||
                !infer__size_align(w.bytes, ALIGN, &w.bytes))
                w.bytes = SIZE_MAX / 2; /* which no allocator has */
        }
    return w;
}

static void free_block(struct infer__store *s, struct block *b)
{
    if (!b)
        return;
    infer__free(&s->allocator, b->memory);
    infer__free(&s->allocator, b->entries);
    infer__free(&s->allocator, b);
}

static struct block *make_block(struct infer__store *s, struct want w)
{
    struct block *b = infer__calloc(&s->allocator, 1, sizeof *b);
    if (!b)
        return NULL;
    b->bytes = w.bytes;
    b->entries = infer__calloc(&s->allocator, w.entries, sizeof *b->entries);
    b->memory = b->entries ? infer__alloc(&s->allocator, w.bytes, ALIGN) : NULL;
    if (b->memory)
        return b;
    free_block(s, b);
    return NULL;
}

/* An entry goes, which nobody finds or uses any more, and its block with the last of them. */
static void drop_entry(struct infer__store *s, struct infer__store_entry *e)
{
    struct block *b = e->block;
    const struct infer__pages piece = {b->memory, b->bytes};
    atomic_fetch_sub_explicit(&s->bytes, e->bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&s->entries, 1, memory_order_relaxed);
    if (atomic_load_explicit(&b->living, memory_order_relaxed) > 1)
        infer__pages_drop(&piece, (char *)b->memory + e->at, e->bytes);
    if (atomic_fetch_sub_explicit(&b->living, 1, memory_order_acq_rel) == 1)
        free_block(s, b);
}

/* ---- taking and giving ---------------------------------------------------------------------- */

/* Uses each share's entry, which is there, or else made of the block. */
static void hold_all(struct infer__store *s, struct infer__share *shares, uint32_t n,
                     struct block *b)
{
    uint32_t made = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct infer__store_entry *e = find(s, &shares[i]);
        shares[i].make = !e;
        if (!e) {
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): made where one is missing */
            e = &b->entries[made++];
            *e = (struct infer__store_entry){.block = b,
                                             .key = shares[i].key,
                                             .at = at,
                                             .bytes = shares[i].bytes,
                                             .maker = getpid()};
            (void)infer__size_align(at + e->bytes, ALIGN, &at);
            atomic_fetch_add_explicit(&b->living, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&s->bytes, e->bytes, memory_order_relaxed);
            atomic_fetch_add_explicit(&s->entries, 1, memory_order_relaxed);
            insert(s, e);
        }
        e->uses++;
        shares[i].entry = e;
    }
}

/* Memory is taken without the lock. If what is missing has become another meanwhile, it is taken
 * once more: some other thread then got on. */
infer_status infer__store_take(struct infer__store *s, struct infer__share *shares, uint32_t n,
                               infer_error *err)
{
    infer__lock(&s->lock);
    struct want w = count_missing(s, shares, n), now = w;
    for (;;) {
        struct block *b = NULL;
        if (w.entries) {
            infer__unlock(&s->lock);
            b = make_block(s, w);
            if (!b)
                return infer__no_memory(err, w.bytes);
            infer__lock(&s->lock);
            now = count_missing(s, shares, n);
        }
        if (now.entries == w.entries && now.bytes == w.bytes) {
            hold_all(s, shares, n, b);
            infer__unlock(&s->lock);
            return INFER_OK;
        }
        infer__unlock(&s->lock);
        free_block(s, b);
        infer__lock(&s->lock);
        w = count_missing(s, shares, n);
    }
}

static void wake(struct infer__store_entry *e, uint32_t state)
{
    atomic_store_explicit(&e->state, state, memory_order_release);
    (void)syscall(SYS_futex, &e->state, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void infer__store_made(struct infer__store *s, struct infer__share *shares, uint32_t n, int ok)
{
    if (!ok) {
        infer__lock(&s->lock);
        for (uint32_t i = 0; i < n; i++)
            if (shares[i].make)
                leave(s, shares[i].entry);
        infer__unlock(&s->lock);
    }
    for (uint32_t i = 0; i < n; i++)
        if (shares[i].make)
            wake(shares[i].entry, ok ? MADE : FAILED);
}

int infer__store_wait(const struct infer__share *shares, uint32_t n)
{
    int ok = 1;
    for (uint32_t i = 0; i < n; i++) {
        struct infer__store_entry *e = shares[i].entry;
        while (atomic_load_explicit(&e->state, memory_order_acquire) == MAKING)
            (void)syscall(SYS_futex, &e->state, FUTEX_WAIT_PRIVATE, MAKING, NULL, NULL, 0);
        ok &= atomic_load_explicit(&e->state, memory_order_relaxed) == MADE;
    }
    return ok;
}

void infer__store_give(struct infer__store *s, struct infer__share *shares, uint32_t n)
{
    struct infer__store_entry *gone = NULL, *next;
    infer__lock(&s->lock);
    for (uint32_t i = 0; i < n; i++) {
        struct infer__store_entry *e = shares[i].entry;
        shares[i].entry = NULL;
        if (!e || --e->uses)
            continue;
        leave(s, e);
        e->next = gone;
        gone = e;
    }
    infer__unlock(&s->lock);
    for (; gone; gone = next) {
        next = gone->next;
        drop_entry(s, gone);
    }
}

/* ---- the rest ------------------------------------------------------------------------------- */

infer_status infer__store_create(const infer_allocator *a, struct infer__store **store,
                                 infer_error *err)
{
    struct infer__store *s = infer__calloc(a, 1, sizeof *s);
    *store = s;
    if (!s)
        return infer__no_memory(err, sizeof *s);
    s->allocator = *a;
    return INFER_OK;
}

void infer__store_free(struct infer__store *s)
{
    if (!s)
        return;
    const infer_allocator a = s->allocator;
    infer__free(&a, s);
}

void *infer__share_memory(const struct infer__share *share)
{
    return (char *)share->entry->block->memory + share->entry->at;
}

void *infer__share_piece(const struct infer__share *share, size_t *bytes)
{
    *bytes = share->entry->block->bytes;
    return share->entry->block->memory;
}

void infer__store_count(struct infer__store *s, size_t *bytes, size_t *entries)
{
    *bytes = atomic_load_explicit(&s->bytes, memory_order_relaxed);
    *entries = atomic_load_explicit(&s->entries, memory_order_relaxed);
}

int infer__key_compare(const struct infer__store_key *a, const struct infer__store_key *b)
{
    if (a->word[0] != b->word[0])
        return a->word[0] < b->word[0] ? -1 : 1;
    return a->word[1] < b->word[1] ? -1 : a->word[1] > b->word[1];
}

int infer__share_compare(const void *a, const void *b)
{
    return infer__key_compare(&((const struct infer__share *)a)->key,
                              &((const struct infer__share *)b)->key);
}
