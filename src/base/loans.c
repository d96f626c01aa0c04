#include "base/loans.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/pages.h"

enum { PAGE = 4096, WAIT_NS = 1000000 };

struct infer__room {
    struct infer__room *_Atomic next;
    size_t bytes;
    pid_t holder; /* process of the run that has it; 0: none */
    void *memory;
};

#define GET(pointer) atomic_load_explicit(&(pointer), memory_order_relaxed)
#define SET(pointer, value) atomic_store_explicit(&(pointer), value, memory_order_release)

/* ---- lists, under the lock ------------------------------------------------------------------ */

static void insert_borrower(struct infer__loans *l, struct infer__borrower *b)
{
    struct infer__borrower *_Atomic *at = &l->borrowers;
    while (GET(*at) && GET(*at)->need >= b->need)
        at = &GET(*at)->next;
    SET(b->next, GET(*at));
    SET(*at, b);
}

static void remove_borrower(struct infer__loans *l, struct infer__borrower *b)
{
    struct infer__borrower *_Atomic *at = &l->borrowers;
    while (GET(*at) && GET(*at) != b)
        at = &GET(*at)->next;
    if (GET(*at))
        SET(*at, GET(b->next));
}

static void insert_room(struct infer__loans *l, struct infer__room *r)
{
    struct infer__room *_Atomic *at = &l->rooms;
    while (GET(*at) && GET(*at)->bytes >= r->bytes)
        at = &GET(*at)->next;
    SET(r->next, GET(*at));
    SET(*at, r);
}

static int is_idle(const struct infer__room *r)
{
    return r->holder != getpid();
}

/* ---- how many rooms of what size ------------------------------------------------------------ */

/* The bytes of the first room, by size, that is missing or too small for its borrower: 1; 0: there
 * is none. */
static int find_missing(struct infer__loans *l, size_t *bytes)
{
    const struct infer__borrower *b = GET(l->borrowers);
    const struct infer__room *r = GET(l->rooms);
    for (uint32_t k = 0; b && k < l->most; k++) {
        if (!r || r->bytes < b->need) {
            *bytes = b->need;
            return 1;
        }
        b = GET(b->next);
        r = GET(r->next);
    }
    return 0;
}

/* Whether borrower k, which `b` is, and those behind it have their rooms from `r` on. */
static int do_fit(const struct infer__loans *l, const struct infer__borrower *b,
                  const struct infer__room *r, uint32_t k)
{
    for (; b && k < l->most; k++) {
        if (!r || r->bytes < b->need)
            return 0;
        b = GET(b->next);
        r = GET(r->next);
    }
    return 1;
}

/* Takes an idle room that is not needed out of the list, or returns NULL. */
static struct infer__room *remove_spare(struct infer__loans *l)
{
    const struct infer__borrower *b = GET(l->borrowers);
    struct infer__room *_Atomic *at = &l->rooms;
    for (uint32_t k = 0; GET(*at); k++) {
        struct infer__room *r = GET(*at);
        if (is_idle(r) && do_fit(l, b, GET(r->next), k)) {
            SET(*at, GET(r->next));
            return r;
        }
        b = b ? GET(b->next) : NULL;
        at = &r->next;
    }
    return NULL;
}

static void free_room(const struct infer__loans *l, struct infer__room *r)
{
    infer__free(&l->allocator, r->memory);
    infer__free(&l->allocator, r);
}

static struct infer__room *make_room(const struct infer__loans *l, size_t bytes)
{
    struct infer__room *r = infer__calloc(&l->allocator, 1, sizeof *r);
    if (!r)
        return NULL;
    r->bytes = bytes;
    r->memory = infer__alloc(&l->allocator, bytes, PAGE);
    if (!r->memory) {
        infer__free(&l->allocator, r);
        return NULL;
    }
    infer__pages_large(r->memory, bytes);
    return r;
}

static void trim(struct infer__loans *l)
{
    for (struct infer__room *r;;) {
        infer__lock(&l->lock);
        r = remove_spare(l);
        infer__unlock(&l->lock);
        if (!r)
            return;
        free_room(l, r);
    }
}

/* ---- lending, under the lock ---------------------------------------------------------------- */

static struct infer__room *find_idle(struct infer__loans *l, size_t need)
{
    struct infer__room *best = NULL;
    for (struct infer__room *r = GET(l->rooms); r && r->bytes >= need; r = GET(r->next))
        if (is_idle(r))
            best = r;
    return best;
}

static void queue(struct infer__loans *l, struct infer__borrower *b)
{
    struct infer__borrower *_Atomic *at = &l->first_in_waiting;
    while (GET(*at))
        at = &GET(*at)->next_in_waiting;
    SET(b->next_in_waiting, NULL);
    SET(*at, b);
}

static void unqueue(struct infer__loans *l, const struct infer__borrower *b)
{
    struct infer__borrower *_Atomic *at = &l->first_in_waiting;
    while (GET(*at) && GET(*at) != b)
        at = &GET(*at)->next_in_waiting;
    if (GET(*at))
        SET(*at, GET(b->next_in_waiting));
}

/* Gives idle rooms to those who wait, in their order; one whose parent's thread waited is passed
 * over. */
static void serve(struct infer__loans *l)
{
    struct infer__borrower *next;
    for (struct infer__borrower *b = GET(l->first_in_waiting); b; b = next) {
        next = GET(b->next_in_waiting);
        struct infer__room *r = b->process == getpid() ? find_idle(l, b->now) : NULL;
        if (!r)
            continue;
        r->holder = getpid();
        unqueue(l, b);
        SET(b->room, r);
        atomic_store_explicit(&b->waits, 0, memory_order_release);
        (void)syscall(SYS_futex, &b->waits, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

/* ---- what is larger than needed ------------------------------------------------------------- */

/* Room k, if it is idle and larger than its borrower needs, is held; *need: what that is. */
static struct infer__room *hold_excess(struct infer__loans *l, uint32_t k, size_t *need)
{
    const struct infer__borrower *b = GET(l->borrowers);
    struct infer__room *r = GET(l->rooms);
    for (; b && r && k; k--) {
        b = GET(b->next);
        r = GET(r->next);
    }
    if (!b || !r || !is_idle(r) || r->bytes <= b->need)
        return NULL;
    *need = b->need;
    r->holder = getpid();
    return r;
}

/* A room that was made for one who has left stays as large, but its pages are the system's again.
 */
static void drop_excess(struct infer__loans *l)
{
    for (uint32_t k = 0; k < l->most; k++) {
        size_t need;
        infer__lock(&l->lock);
        struct infer__room *r = hold_excess(l, k, &need);
        infer__unlock(&l->lock);
        if (!r)
            continue;
        const struct infer__pages all = {r->memory, r->bytes};
        infer__pages_drop(&all, (char *)r->memory + need, r->bytes - need);
        infer__lock(&l->lock);
        r->holder = 0;
        serve(l);
        infer__unlock(&l->lock);
    }
}

/* ---- coming and leaving --------------------------------------------------------------------- */

static infer_status take_rooms(struct infer__loans *l, infer_error *err)
{
    size_t bytes;
    for (;;) {
        infer__lock(&l->lock);
        const int missing = find_missing(l, &bytes);
        infer__unlock(&l->lock);
        if (!missing)
            return INFER_OK;
        struct infer__room *r = make_room(l, bytes);
        if (!r)
            return infer__no_memory(err, bytes);
        infer__lock(&l->lock);
        insert_room(l, r);
        serve(l);
        infer__unlock(&l->lock);
    }
}

static void set_need(struct infer__loans *l, struct infer__borrower *b, int listed, size_t need)
{
    infer__lock(&l->lock);
    if (b->loans)
        remove_borrower(l, b);
    b->loans = listed ? l : NULL;
    b->need = need;
    if (listed)
        insert_borrower(l, b);
    infer__unlock(&l->lock);
}

infer_status infer__loans_come(struct infer__loans *l, struct infer__borrower *b, size_t need,
                               infer_error *err)
{
    const int listed = b->loans != NULL;
    const size_t before = b->need;
    if (listed && need <= before)
        return INFER_OK;
    set_need(l, b, 1, need);
    infer_status status = take_rooms(l, err);
    if (status != INFER_OK)
        set_need(l, b, listed, before);
    trim(l);
    return status;
}

void infer__loans_leave(struct infer__borrower *b)
{
    struct infer__loans *l = b->loans;
    if (!l)
        return;
    infer__loans_end(b);
    set_need(l, b, 0, 0);
    trim(l);
    drop_excess(l);
}

/* ---- runs ----------------------------------------------------------------------------------- */

void *infer__loans_begin(struct infer__borrower *b, size_t need)
{
    struct infer__loans *l = b->loans;
    infer__lock(&l->lock);
    unqueue(l, b); /* of a run of the parent's, in the child of a fork */
    struct infer__room *r = find_idle(l, need);
    if (r)
        r->holder = getpid();
    b->now = need;
    b->process = getpid();
    SET(b->room, r);
    atomic_store_explicit(&b->waits, !r, memory_order_relaxed);
    if (!r)
        queue(l, b);
    infer__unlock(&l->lock);
    return r ? r->memory : NULL;
}

void *infer__loans_wait(struct infer__borrower *b)
{
    const struct timespec moment = {0, WAIT_NS};
    if (atomic_load_explicit(&b->waits, memory_order_acquire))
        (void)syscall(SYS_futex, &b->waits, FUTEX_WAIT_PRIVATE, 1, &moment, NULL, 0);
    if (atomic_load_explicit(&b->waits, memory_order_acquire))
        return NULL;
    return GET(b->room)->memory;
}

void infer__loans_end(struct infer__borrower *b)
{
    struct infer__loans *l = b->loans;
    infer__lock(&l->lock);
    struct infer__room *r = GET(b->room);
    unqueue(l, b);
    atomic_store_explicit(&b->waits, 0, memory_order_relaxed);
    SET(b->room, NULL);
    if (r && r->holder == getpid()) {
        r->holder = 0;
        serve(l);
    }
    infer__unlock(&l->lock);
}

/* ---- the rest ------------------------------------------------------------------------------- */

void infer__loans_init(struct infer__loans *l, const infer_allocator *a, uint32_t most)
{
    *l = (struct infer__loans){.allocator = *a, .most = most};
}

void infer__loans_free(struct infer__loans *l)
{
    struct infer__room *next;
    for (struct infer__room *r = GET(l->rooms); r; r = next) {
        next = GET(r->next);
        free_room(l, r);
    }
}

void infer__loans_count(struct infer__loans *l, size_t *bytes, size_t *rooms)
{
    *bytes = *rooms = 0;
    infer__lock(&l->lock);
    for (const struct infer__room *r = GET(l->rooms); r; r = GET(r->next)) {
        *bytes += r->bytes;
        ++*rooms;
    }
    infer__unlock(&l->lock);
}
