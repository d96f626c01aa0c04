/* Boxes that are turned about their centres: their IoU, and which of them stay. */
#include <math.h>

#include "answer/nms.h"
#include "base/memory.h"
#include "base/status.h"

/* ---- overlap -------------------------------------------------------------------------------- */

/* A convex polygon; a rectangle that is cut by four lines has 8 corners at most. */
struct polygon {
    double at[8][2];
    int corners;
};

/* The corners of `e`, in coordinates whose origin is the centre of `to`, and whose axes are its
 * sides'. */
static struct polygon corners_of(const struct infer__extent *e, const struct infer__extent *to)
{
    struct polygon p = {.corners = 4};
    const double dx = (e->x0 + e->x1) / 2 - (to->x0 + to->x1) / 2;
    const double dy = (e->y0 + e->y1) / 2 - (to->y0 + to->y1) / 2;
    const double c = cos(to->angle), s = sin(to->angle), turn = e->angle - to->angle;
    const double across = (e->x1 - e->x0) / 2, down = (e->y1 - e->y0) / 2;
    for (int k = 0; k < 4; k++) {
        const double u = k == 1 || k == 2 ? across : -across, v = k >= 2 ? down : -down;
        p.at[k][0] = dx * c + dy * s + u * cos(turn) - v * sin(turn);
        p.at[k][1] = dy * c - dx * s + u * sin(turn) + v * cos(turn);
    }
    return p;
}

/* What is left of a polygon where sign * coordinate `axis` is at most `limit`: Sutherland and
 * Hodgman, "Reentrant Polygon Clipping" (1974). */
static void cut(struct polygon *p, int axis, double sign, double limit)
{
    struct polygon out = {.corners = 0};
    for (int i = 0; i < p->corners; i++) {
        const double *a = p->at[i], *b = p->at[(i + 1) % p->corners];
        const double from = limit - sign * a[axis], to = limit - sign * b[axis];
        if (from >= 0 && out.corners < 8) {
            out.at[out.corners][0] = a[0];
            out.at[out.corners++][1] = a[1];
        }
        if ((from < 0) != (to < 0) && out.corners < 8) {
            const double t = from / (from - to);
            out.at[out.corners][0] = a[0] + t * (b[0] - a[0]);
            out.at[out.corners++][1] = a[1] + t * (b[1] - a[1]);
        }
    }
    *p = out;
}

/* Half the sum of x_i y_(i+1) - x_(i+1) y_i. */
static double area_of(const struct polygon *p)
{
    double sum = 0;
    for (int i = 0; i < p->corners; i++) {
        const double *a = p->at[i], *b = p->at[(i + 1) % p->corners];
        sum += a[0] * b[1] - b[0] * a[1];
    }
    return fabs(sum) / 2;
}

static double diagonal(const struct infer__extent *e)
{
    const double w = e->x1 - e->x0, h = e->y1 - e->y0;
    return sqrt(w * w + h * h);
}

/* Whether circles about both meet, which they do where the boxes do. */
static int are_near(const struct infer__extent *a, const struct infer__extent *b)
{
    const double dx = a->x0 + a->x1 - b->x0 - b->x1, dy = a->y0 + a->y1 - b->y0 - b->y1;
    const double reach = diagonal(a) + diagonal(b);
    return dx * dx + dy * dy < reach * reach; /* all of it twice */
}

double infer__iou_turned(const struct infer__extent *a, const struct infer__extent *b)
{
    const double across = (b->x1 - b->x0) / 2, down = (b->y1 - b->y0) / 2;
    if (!(a->x1 > a->x0 && a->y1 > a->y0 && across > 0 && down > 0) || !are_near(a, b))
        return 0;
    struct polygon p = corners_of(a, b);
    cut(&p, 0, 1, across);
    cut(&p, 0, -1, across);
    cut(&p, 1, 1, down);
    cut(&p, 1, -1, down);
    const double common = area_of(&p), both = a->area + b->area - common;
    return both > 0 && isfinite(both) ? common / both : 0;
}

/* ---- keeping -------------------------------------------------------------------------------- */

/* The IoU is at most the ratio of the areas, which is known before. */
static int overlaps(const struct infer__extent *a, const struct infer__extent *b, double threshold)
{
    const double less = a->area < b->area ? a->area : b->area;
    const double more = a->area < b->area ? b->area : a->area;
    return less > threshold * more && infer__iou(a, b) > threshold;
}

infer_status infer__nms_turned_init(struct infer__nms_list *l, uint32_t room,
                                    const infer_nms_options *o, infer_error *err)
{
    *l = (struct infer__nms_list){.options = o};
    l->extents = infer__calloc(&o->allocator, room, sizeof *l->extents);
    l->indices = infer__calloc(&o->allocator, room, sizeof *l->indices);
    if (l->extents && l->indices)
        return INFER_OK;
    infer__nms_turned_free(l);
    return infer__no_memory(err, room * sizeof *l->extents);
}

void infer__nms_turned_free(struct infer__nms_list *l)
{
    infer__free(&l->options->allocator, l->indices);
    infer__free(&l->options->allocator, l->extents);
}

int infer__nms_turned_keeps(struct infer__nms_list *l, const infer_box *b)
{
    const infer_nms_options *o = l->options;
    const struct infer__extent e = infer__extent_of(b, o->inclusive);
    for (uint32_t i = 0; i < l->count; i++)
        if ((o->agnostic || l->indices[i] == b->index) &&
            overlaps(&l->extents[i], &e, (double)o->iou_threshold))
            return 0;
    l->indices[l->count] = b->index;
    l->extents[l->count++] = e;
    return 1;
}
