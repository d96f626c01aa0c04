/* Which box of a frame is which track: memory, and association. */
#include <math.h>
#include <string.h>

#include "answer/nms.h"
#include "answer/track.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

/* ---- memory --------------------------------------------------------------------------------- */

/* Makes room for `need` elements and some more, keeping what is there. */
static infer_status grow(const infer_allocator *a, void **memory, size_t room, size_t need,
                         size_t each, infer_error *err)
{
    void *more = infer__calloc(a, need, each);
    if (!more)
        return infer__no_memory(err, infer__array_bytes(need, each));
    if (*memory)
        memcpy(more, *memory, infer__array_bytes(room, each));
    infer__free(a, *memory);
    *memory = more;
    return INFER_OK;
}

#define GROW(t, field, room, need)                                                                 \
    TRY(grow(&(t)->allocator, (void **)&(t)->field, (room), (need), sizeof *(t)->field, err))

/* The arrays of infer__assign are for rows and columns alike. */
static infer_status grow_sides(infer_tracker *t, size_t side, infer_error *err)
{
    const size_t room = t->side_room;
    if (side <= room)
        return INFER_OK;
    GROW(t, assign.by_row, room, side);
    GROW(t, assign.by_column, room, side);
    GROW(t, assign.shortest, room, side);
    GROW(t, assign.from, room, side);
    GROW(t, assign.row_of, room, side);
    GROW(t, assign.column_of, room, side);
    GROW(t, assign.row_done, room, side);
    GROW(t, assign.column_done, room, side);
    t->side_room = side;
    return INFER_OK;
}

infer_status infer__track_room(infer_tracker *t, size_t count, infer_error *err)
{
    enum { MOST = 1 << 20 }; /* boxes of a frame, and tracks */
    FAIL_IF(count > MOST || t->ntracks + count > MOST, INFER_ERROR_LIMIT,
            "%zu boxes beside %u that are followed; %d at most", count, t->ntracks, MOST);
    const size_t tracks = t->ntracks + count, cells = infer__array_bytes(t->ntracks, count);
    if (tracks > t->track_room) {
        GROW(t, tracks, t->track_room, 2 * tracks);
        GROW(t, rows, t->track_room, 2 * tracks);
        t->track_room = 2 * tracks;
    }
    if (count > t->box_room) {
        GROW(t, columns, t->box_room, 2 * count);
        GROW(t, taken, t->box_room, 2 * count);
        t->box_room = 2 * count;
    }
    TRY(grow_sides(t, t->track_room > t->box_room ? t->track_room : t->box_room, err));
    if (cells > t->cost_room) {
        infer__free(&t->allocator, t->costs);
        t->costs = NULL;
        t->cost_room = 0;
        GROW(t, costs, 0, 2 * cells);
        t->cost_room = 2 * cells;
    }
    return INFER_OK;
}

void infer__track_release(infer_tracker *t)
{
    void *const all[] = {t->tracks,
                         t->rows,
                         t->columns,
                         t->taken,
                         t->costs,
                         t->assign.by_row,
                         t->assign.by_column,
                         t->assign.shortest,
                         t->assign.from,
                         t->assign.row_of,
                         t->assign.column_of,
                         t->assign.row_done,
                         t->assign.column_done};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        infer__free(&t->allocator, all[i]);
}

/* ---- association ---------------------------------------------------------------------------- */

static uint32_t list_tracks(const infer_tracker *t, unsigned states)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->ntracks; i++)
        if (t->tracks[i].state & states && t->tracks[i].match < 0)
            t->rows[n++] = i;
    return n;
}

/* Boxes without width or height, or with what is no number, are no one's. */
static int is_box(const infer_box *b)
{
    return isfinite(b->x0) && isfinite(b->y0) && isfinite(b->x1) && isfinite(b->y1) &&
           isfinite(b->angle) && isfinite(b->score) && b->x1 > b->x0 && b->y1 > b->y0;
}

uint32_t infer__track_list(const infer_tracker *t, const infer_box *boxes, size_t count,
                           const struct infer__track_stage *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!t->taken[i] && boxes[i].score > s->low && boxes[i].score <= s->high &&
            is_box(&boxes[i]))
            t->columns[n++] = (uint32_t)i;
    return n;
}

/* 0 where the two are not to be matched, else, below 0, how far they are above the least overlap.
 */
static double cost_of(const infer_tracker *t, const struct infer__track *track, const infer_box *b,
                      const struct infer__track_stage *s)
{
    if (!t->options.agnostic && track->box.index != b->index)
        return 0;
    const struct infer__extent x = infer__extent_of(&track->box, 0), y = infer__extent_of(b, 0);
    const double overlap = infer__iou(&x, &y) * (s->scored ? (double)b->score : 1);
    return overlap > (double)s->least ? (double)s->least - overlap : 0;
}

/* Whole assignments of whichever is fewer, in which a cost of 0 means that there is none. */
void infer__track_match(infer_tracker *t, const infer_box *boxes, size_t count,
                        const struct infer__track_stage *s)
{
    const uint32_t n = list_tracks(t, s->states), m = infer__track_list(t, boxes, count, s);
    const uint32_t fewer = n < m ? n : m, more = n < m ? m : n;
    if (!fewer)
        return;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m; j++)
            t->costs[n <= m ? (size_t)i * m + j : (size_t)j * n + i] =
                cost_of(t, &t->tracks[t->rows[i]], &boxes[t->columns[j]], s);
    infer__assign(t->costs, fewer, more, &t->assign);
    for (uint32_t k = 0; k < fewer; k++) {
        const uint32_t other = (uint32_t)t->assign.column_of[k];
        if (!(t->costs[(size_t)k * more + other] < 0))
            continue;
        const uint32_t row = n <= m ? k : other, column = n <= m ? other : k;
        t->tracks[t->rows[row]].match = (int32_t)t->columns[column];
        t->taken[t->columns[column]] = 1;
    }
}
