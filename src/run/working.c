#include "run/working.h"

#include "base/size.h"

/* ---- rooms ---------------------------------------------------------------------------------- */

/* One block: arenas, whose bytes are whole pages, and scratch behind them. */
static int take(struct infer__memory *m, char *room)
{
    m->arenas = room;
    m->scratch = room ? room + m->bytes.arenas : NULL;
    return room != NULL;
}

/* Which was added up before when they were taken. */
static size_t room_bytes(const struct infer__memory *m)
{
    size_t bytes;
    return infer__size_add(m->bytes.arenas, m->bytes.scratch, &bytes) ? bytes : SIZE_MAX;
}

int infer__memory_begin(struct infer__memory *m)
{
    return take(m, infer__loans_begin(&m->borrower, room_bytes(m)));
}

int infer__memory_wait(struct infer__memory *m)
{
    return take(m, infer__loans_wait(&m->borrower));
}

void infer__memory_end(struct infer__memory *m)
{
    infer__loans_end(&m->borrower);
    (void)take(m, NULL);
}

/* ---- growing -------------------------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rooms of `room` bytes, and the session's outputs. */
static infer_status grow(struct infer__memory *m, const struct infer__memory_need *bytes,
                         size_t room, struct infer_pool *pool, const infer_allocator *a,
                         infer_error *err)
{
    const int more = !m->outputs || bytes->outputs > m->bytes.outputs;
    char *outputs = more ? infer__alloc(a, bytes->outputs, 64) : m->outputs;
    if (!outputs)
        return infer__no_memory(err, bytes->outputs);
    if (m->arenas)
        infer__memory_end(m); /* that a session with a pool of its own has kept */
    infer_status status = infer__loans_come(infer__pool_loans(pool), &m->borrower, room, err);
    if (status != INFER_OK) {
        infer__free(a, more ? outputs : NULL);
        return status;
    }
    if (more)
        infer__free(a, m->outputs);
    m->outputs = outputs;
    m->bytes = *bytes;
    return INFER_OK;
}

infer_status infer__memory_grow(struct infer__memory *m, const struct infer__memory_need *need,
                                struct infer_pool *pool, int own, struct infer__meter *meter,
                                const infer_allocator *a, infer_error *err)
{
    const struct infer__memory_need bytes = {larger(m->bytes.arenas, need->arenas),
                                             larger(m->bytes.scratch, need->scratch),
                                             larger(m->bytes.outputs, need->outputs)};
    size_t room;
    FAIL_IF(!infer__size_add(bytes.arenas, bytes.scratch, &room), INFER_ERROR_LIMIT,
            "working memory passes the address space");
    if (!own && !infer__meter_recount(meter, room_bytes(m), room))
        return infer__no_memory(err, room);
    const size_t before = room_bytes(m);
    infer_status status = grow(m, &bytes, room, pool, a, err);
    if (!own && status != INFER_OK)
        (void)infer__meter_recount(meter, room, before);
    return status;
}

void infer__memory_free(struct infer__memory *m, const infer_allocator *a)
{
    infer__loans_leave(&m->borrower);
    infer__free(a, m->outputs);
    *m = (struct infer__memory){0};
}
