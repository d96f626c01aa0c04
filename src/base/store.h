/* A counted store: what takes long to make and is the same for many, held once.
 *
 * An entry is memory under a key. Whoever first wants a key makes what belongs there; others who
 * want it meanwhile wait. An entry goes with the last that uses it. Any thread, any number at once.
 *
 * In the child of a fork the store may be used whatever the parent's threads were doing with it:
 * every change is one store to memory, before and behind which all is whole. So a lock that another
 * process holds means nothing, and what another process had begun to make is made anew.
 */
#ifndef INFER_BASE_STORE_H
#define INFER_BASE_STORE_H

#include "base/memory.h"
#include "base/status.h"

struct infer__store;
struct infer__store_entry;

/* Equal keys stand for equal contents. */
struct infer__store_key {
    uint64_t word[2];
};

/* What somebody wants of the store, and has of it. */
struct infer__share {
    struct infer__store_key key;
    size_t bytes;                     /* at least 1 */
    struct infer__store_entry *entry; /* NULL: it is not held */
    int make;                         /* 1: it is this holder who makes it */
    uint32_t user;                    /* the holder's own */
};

/* `a` is copied; what it points to must outlive the store. */
infer_status infer__store_create(const infer_allocator *a, struct infer__store **store,
                                 infer_error *err);
/* Nothing may be held any more. NULL is fine. */
void infer__store_free(struct infer__store *store);

/* Takes all shares, none of which is held; on failure none is. They are sorted by key. Those that
 * nobody has made or is making get memory, in one piece, and this holder makes them: he fills it,
 * then calls infer__store_made, and waits for no other share before that. */
infer_status infer__store_take(struct infer__store *store, struct infer__share *shares, uint32_t n,
                               infer_error *err);
/* All that this holder makes is made; or it can't be (`ok` 0): then others who want it have to. */
void infer__store_made(struct infer__store *store, struct infer__share *shares, uint32_t n, int ok);
/* Waits until all shares are made: 1; 0: one never will be. */
int infer__store_wait(const struct infer__share *shares, uint32_t n);
/* Gives back what is held of the shares; may be called at any point. */
void infer__store_give(struct infer__store *store, struct infer__share *shares, uint32_t n);

/* The memory of a share that is held, 64-byte aligned. */
void *infer__share_memory(const struct infer__share *share);
/* The piece of memory that a share lies in, and its bytes. */
void *infer__share_piece(const struct infer__share *share, size_t *bytes);

/* Bytes and number of all entries. */
void infer__store_count(struct infer__store *store, size_t *bytes, size_t *entries);

/* An order of keys: negative, 0 or positive; and for qsort, of shares. */
int infer__key_compare(const struct infer__store_key *a, const struct infer__store_key *b);
int infer__share_compare(const void *a, const void *b);

#endif
