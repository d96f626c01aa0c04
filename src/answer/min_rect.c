/* The smallest rectangle around points: one of its sides lies on a side of their hull, so calipers
 * go once around that (Toussaint, "Solving geometric problems with the rotating calipers", 1983).
 */
#include <math.h>
#include <string.h>

#include "answer/regions.h"

static int64_t turn(const int32_t *a, const int32_t *b, const int32_t *c)
{
    return (int64_t)(b[0] - a[0]) * (c[1] - a[1]) - (int64_t)(b[1] - a[1]) * (c[0] - a[0]);
}

/* Adds a point to the chain hull[from..n-1], and takes away what is then no corner. */
static size_t add(int32_t *hull, size_t from, size_t n, const int32_t *p)
{
    while (n >= from + 2 && turn(hull + 2 * (n - 2), hull + 2 * (n - 1), p) <= 0)
        n--;
    memcpy(hull + 2 * n, p, 2 * sizeof *p);
    return n + 1;
}

/* Andrew's monotone chain: up on one side, down on the other. */
size_t infer__convex_hull(const int32_t *points, size_t n, int32_t *hull)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || memcmp(points + 2 * i, points + 2 * (i - 1), 2 * sizeof *points) != 0)
            k = add(hull, 0, k, points + 2 * i);
    const size_t top = k - 1;
    for (size_t i = n - 1; i-- > 0;)
        if (memcmp(points + 2 * i, points + 2 * (i + 1), 2 * sizeof *points) != 0)
            k = add(hull, top, k, points + 2 * i);
    return k > 1 ? k - 1 : k; /* the first point has come again */
}

/* ---- calipers ------------------------------------------------------------------------------- */

struct calipers {
    const int32_t *hull;
    size_t k;
    size_t right, far, left; /* corners that touch the sides, in the order in which they come */
};

static const int32_t *corner(const struct calipers *c, size_t i)
{
    return c->hull + 2 * (i % c->k);
}

/* How far corner i + 1 is from corner i along (x, y). */
static int64_t ahead(const struct calipers *c, size_t i, int64_t x, int64_t y)
{
    const int32_t *a = corner(c, i), *b = corner(c, i + 1);
    return (b[0] - a[0]) * x + (b[1] - a[1]) * y;
}

static int64_t along(const int32_t *from, const int32_t *to, int64_t x, int64_t y)
{
    return (to[0] - from[0]) * x + (to[1] - from[1]) * y;
}

/* The rectangle with a side on the hull's from corner i on. */
static struct infer__rectangle on_side(struct calipers *c, size_t i)
{
    const int32_t *p = corner(c, i), *q = corner(c, i + 1);
    const int64_t x = q[0] - p[0], y = q[1] - p[1];
    c->right = c->right > i ? c->right : i;
    while (c->right < i + c->k && ahead(c, c->right, x, y) > 0)
        c->right++;
    c->far = c->far > c->right ? c->far : c->right;
    while (c->far < i + c->k && ahead(c, c->far, -y, x) > 0)
        c->far++;
    c->left = c->left > c->far ? c->left : c->far;
    while (c->left < i + c->k && ahead(c, c->left, x, y) < 0)
        c->left++;
    const double length = sqrt((double)(x * x + y * y));
    const double begin = (double)along(p, corner(c, c->left), x, y) / length;
    const double end = (double)along(p, corner(c, c->right), x, y) / length;
    const double high = (double)along(p, corner(c, c->far), -y, x) / length;
    const double ux = (double)x / length, uy = (double)y / length, middle = (begin + end) / 2;
    return (struct infer__rectangle){.x = p[0] + middle * ux - high / 2 * uy,
                                     .y = p[1] + middle * uy + high / 2 * ux,
                                     .ux = ux,
                                     .uy = uy,
                                     .width = end - begin,
                                     .height = high};
}

struct infer__rectangle infer__smallest_rectangle(const int32_t *hull, size_t k)
{
    struct calipers c = {hull, k, 0, 0, 0};
    struct infer__rectangle best = {.x = hull[0], .y = hull[1], .ux = 1};
    if (k < 2)
        return best;
    for (size_t i = 0; i < k; i++) {
        const struct infer__rectangle r = on_side(&c, i);
        if (i == 0 || r.width * r.height < best.width * best.height)
            best = r;
    }
    return best;
}
