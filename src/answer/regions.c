/* From a map to rectangles. Pixels above the threshold are taken as runs along rows; runs that
 * touch become one region (union-find). Of a run only its ends matter to what is around it. */
#include "answer/regions.h"

#include <math.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

struct run {
    int32_t row, first, last; /* columns, both included */
    uint32_t parent;          /* a run of the same region that is not behind it */
};

struct finder {
    const struct infer__map *map;
    const struct infer__regions_rule *rule;
    struct run *runs;
    uint32_t nruns;
    uint32_t *order; /* runs, region by region */
    uint32_t *begin; /* of each region's in `order`; and the end */
    uint32_t nregions;
    uint32_t *sums; /* of each row up to each column, of numbers 0 to ONE; columns + 1 of a row */
    int32_t *points, *hull; /* x and y of a region's points */
};

enum {
    ONE = 1 << 16,       /* columns times ONE fit 32 bits */
    MOST_GROWN = 1 << 20 /* pixels */
};

static float value(float v)
{
    return v > 0 ? v < 1 ? v : 1 : 0; /* NaN: 0 */
}

/* ---- runs and regions ----------------------------------------------------------------------- */

/* Runs of all rows; without memory for them they are counted. */
static uint32_t find_runs(const struct finder *f, struct run *runs)
{
    uint32_t n = 0;
    for (int32_t y = 0; y < f->map->rows; y++) {
        const float *row = f->map->data + (int64_t)y * f->map->columns;
        for (int32_t x = 0; x < f->map->columns; x++) {
            if (!(value(row[x]) > f->rule->map_threshold))
                continue;
            const int32_t first = x;
            while (x + 1 < f->map->columns && value(row[x + 1]) > f->rule->map_threshold)
                x++;
            if (runs)
                runs[n] = (struct run){y, first, x, n};
            n++;
        }
    }
    return n;
}

static uint32_t root_of(struct run *runs, uint32_t i)
{
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent;
        i = runs[i].parent;
    }
    return i;
}

static void join(struct run *runs, uint32_t a, uint32_t b)
{
    a = root_of(runs, a);
    b = root_of(runs, b);
    if (a < b)
        runs[b].parent = a;
    else
        runs[a].parent = b;
}

/* Runs of rows that follow each other touch where no column is between them. */
static void join_runs(struct run *runs, uint32_t n)
{
    uint32_t above = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (above < i &&
               (runs[above].row < runs[i].row - 1 ||
                (runs[above].row == runs[i].row - 1 && runs[above].last + 1 < runs[i].first)))
            above++;
        for (uint32_t k = above;
             k < i && runs[k].row == runs[i].row - 1 && runs[k].first <= runs[i].last + 1; k++)
            join(runs, k, i);
    }
}

/* Numbers the regions by their first runs, and sorts the runs by them, which leaves each region's
 * from above and from the left. A run's `parent` becomes its region. */
static void sort_runs(struct finder *f)
{
    uint32_t n = 0, at = 0;
    for (uint32_t i = 0; i < f->nruns; i++)
        f->runs[i].parent = root_of(f->runs, i);
    for (uint32_t i = 0; i < f->nruns; i++) /* a root comes before all that hang on it */
        f->runs[i].parent = f->runs[i].parent == i ? n++ : f->runs[f->runs[i].parent].parent;
    f->nregions = n;
    for (uint32_t i = 0; i < f->nruns; i++)
        f->begin[f->runs[i].parent + 1]++;
    for (uint32_t r = 0; r < n; r++) {
        const uint32_t count = f->begin[r + 1];
        f->begin[r + 1] = at; /* where its next run goes; at last, where it ends */
        at += count;
    }
    for (uint32_t i = 0; i < f->nruns; i++)
        f->order[f->begin[f->runs[i].parent + 1]++] = i;
}

/* ---- scores --------------------------------------------------------------------------------- */

static void add_up(const struct finder *f)
{
    for (int32_t y = 0; y < f->map->rows; y++) {
        const float *row = f->map->data + (int64_t)y * f->map->columns;
        uint32_t *to = f->sums + (int64_t)y * (f->map->columns + 1);
        for (int32_t x = 0; x < f->map->columns; x++)
            to[x + 1] = to[x] + (uint32_t)(value(row[x]) * ONE + 0.5F);
    }
}

/* Takes in the columns of row y that a line between two pixels passes, drawn from the left as by
 * Bresenham: half a pixel off, it stays where it was. */
static void widen(const double a[2], const double b[2], double y, double *left, double *right)
{
    const double *from = a[0] <= b[0] ? a : b, *to = a[0] <= b[0] ? b : a;
    const double dx = to[0] - from[0], dy = fabs(to[1] - from[1]), m = fabs(y - from[1]);
    if (y < fmin(a[1], b[1]) || y > fmax(a[1], b[1]))
        return;
    double first = 0, last = dx;
    if (dy > dx) {
        first = last = ceil(dx * m / dy - 0.5);
    } else if (dy > 0) {
        first = fmax(0, floor((m - 0.5) * dx / dy) + 1);
        last = fmin(dx, floor((m + 0.5) * dx / dy));
    }
    *left = fmin(*left, from[0] + first);
    *right = fmax(*right, from[0] + last);
}

/* The mean of the pixels that a rectangle covers, with those that its sides pass; corners are cut
 * to whole numbers, as the reference does. */
static double mean_of(const struct finder *f, const double x[4], const double y[4])
{
    double corners[4][2], top = INFINITY, low = -INFINITY, sum = 0, count = 0;
    const double most = f->map->columns - 1;
    for (int k = 0; k < 4; k++) {
        corners[k][0] = floor(x[k]);
        corners[k][1] = floor(y[k]);
        top = fmin(top, corners[k][1]);
        low = fmax(low, corners[k][1]);
    }
    const int32_t first = (int32_t)fmax(top, 0), last = (int32_t)fmin(low, f->map->rows - 1);
    for (int32_t row = first; row <= last; row++) {
        double left = INFINITY, right = -INFINITY;
        for (int k = 0; k < 4; k++)
            widen(corners[k], corners[(k + 1) % 4], row, &left, &right);
        left = fmax(left, 0);
        right = fmin(right, most);
        if (!(left <= right))
            continue;
        const uint32_t *sums = f->sums + (int64_t)row * (f->map->columns + 1);
        sum += sums[(int32_t)right + 1] - sums[(int32_t)left];
        count += right - left + 1;
    }
    return count > 0 ? sum / count / ONE : 0;
}

/* ---- rectangles ----------------------------------------------------------------------------- */

/* The ends of each row of a region; returns the number of points. */
static size_t ends_of(const struct finder *f, uint32_t region)
{
    const uint32_t begin = f->begin[region], end = f->begin[region + 1];
    size_t n = 0;
    for (uint32_t i = begin; i < end;) {
        const struct run *first = &f->runs[f->order[i]], *last = first;
        while (++i < end && f->runs[f->order[i]].row == first->row)
            last = &f->runs[f->order[i]];
        f->points[2 * n] = first->first;
        f->points[2 * n++ + 1] = first->row;
        f->points[2 * n] = last->last;
        f->points[2 * n++ + 1] = first->row;
    }
    return n;
}

/* Of the two corners that lie most to the left the higher one is the first, and of the others the
 * higher one the second. */
static void corners_of(const struct infer__rectangle *r, double x[4], double y[4])
{
    static const int ends[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    const double w = r->width / 2, h = r->height / 2;
    double c[4][2];
    for (int k = 0; k < 4; k++) {
        c[k][0] = r->x + ends[k][0] * w * r->ux - ends[k][1] * h * r->uy;
        c[k][1] = r->y + ends[k][0] * w * r->uy + ends[k][1] * h * r->ux;
    }
    /* They go round clockwise. The two to the left are next to each other: the later one is the
     * upper one. */
    int first = 0;
    double least = INFINITY;
    for (int k = 0; k < 4; k++) {
        const double sum = c[k][0] + c[(k + 3) % 4][0];
        if (sum < least) {
            least = sum;
            first = k;
        }
    }
    for (int k = 0; k < 4; k++) {
        x[k] = c[(first + k) % 4][0];
        y[k] = c[(first + k) % 4][1];
    }
}

/* By y, then by x. */
static void sort_points(int32_t (*p)[2], int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i;
             k && (p[k][1] < p[k - 1][1] || (p[k][1] == p[k - 1][1] && p[k][0] < p[k - 1][0]));
             k--) {
            const int32_t x = p[k][0], y = p[k][1];
            p[k][0] = p[k - 1][0];
            p[k][1] = p[k - 1][1];
            p[k - 1][0] = x;
            p[k - 1][1] = y;
        }
}

/* The smallest rectangle around a quadrilateral whose sides are moved out by `more`, in whole
 * pixels, as the reference has it: corners are cut to them before, and rounded after. */
static struct infer__rectangle grown(const double x[4], const double y[4], double more)
{
    int32_t points[8][2], hull[34];
    int n = 0;
    for (int k = 0; k < 4; k++) {
        const double ax = trunc(x[k]), ay = trunc(y[k]);
        const double bx = trunc(x[(k + 1) % 4]), by = trunc(y[(k + 1) % 4]);
        const double length = sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay));
        if (!(length > 0))
            continue;
        const double nx = (by - ay) / length * more, ny = (ax - bx) / length * more;
        points[n][0] = (int32_t)floor(ax + nx + 0.5);
        points[n++][1] = (int32_t)floor(ay + ny + 0.5);
        points[n][0] = (int32_t)floor(bx + nx + 0.5);
        points[n++][1] = (int32_t)floor(by + ny + 0.5);
    }
    if (!n)
        return (struct infer__rectangle){.x = x[0], .y = y[0], .ux = 1};
    sort_points(points, n);
    return infer__smallest_rectangle(hull, infer__convex_hull(points[0], (size_t)n, hull));
}

/* Whether a region counts. */
static int measure(const struct finder *f, uint32_t region, struct infer__region_found *to)
{
    const size_t n = ends_of(f, region), k = infer__convex_hull(f->points, n, f->hull);
    const struct infer__rectangle r = infer__smallest_rectangle(f->hull, k);
    const double least = (double)f->rule->least_side;
    if (!(fmin(r.width, r.height) >= least))
        return 0;
    corners_of(&r, to->x, to->y);
    to->score = mean_of(f, to->x, to->y);
    if (!(to->score >= (double)f->rule->score_threshold))
        return 0;
    double more = (double)f->rule->unclip / 2 * r.width * r.height / (r.width + r.height);
    more = more < MOST_GROWN ? more : MOST_GROWN;
    const struct infer__rectangle g = grown(to->x, to->y, more);
    to->area = g.width * g.height;
    corners_of(&g, to->x, to->y);
    return fmin(g.width, g.height) >= least + 2;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static infer_status take(struct finder *f, const infer_allocator *a, infer_error *err)
{
    const size_t rows = (size_t)f->map->rows, columns = (size_t)f->map->columns;
    f->runs = infer__calloc(a, f->nruns, sizeof *f->runs);
    f->order = infer__calloc(a, f->nruns, sizeof *f->order);
    f->begin = infer__calloc(a, (size_t)f->nruns + 2, sizeof *f->begin);
    f->sums = infer__calloc(a, infer__array_bytes(rows, columns + 1), sizeof *f->sums);
    f->points = infer__calloc(a, infer__array_bytes(rows, 4), sizeof *f->points);
    f->hull = infer__calloc(a, infer__array_bytes(rows + 1, 8), sizeof *f->hull);
    return f->runs && f->order && f->begin && f->sums && f->points && f->hull
               ? INFER_OK
               : infer__no_memory(err, infer__array_bytes(rows, columns));
}

static void give_back(struct finder *f, const infer_allocator *a)
{
    infer__free(a, f->hull);
    infer__free(a, f->points);
    infer__free(a, f->sums);
    infer__free(a, f->begin);
    infer__free(a, f->order);
    infer__free(a, f->runs);
}

/* Regions have several pixels in several rows: so those that may count are few. */
static size_t plausible(const struct finder *f)
{
    size_t n = 0;
    for (uint32_t r = 0; r < f->nregions; r++)
        n += f->begin[r + 1] > f->begin[r] + 1;
    return n;
}

static infer_status measure_all(const struct finder *f, const infer_allocator *a,
                                struct infer__region_found **found, size_t *count, infer_error *err)
{
    const size_t most = f->rule->least_side > 0 ? plausible(f) : f->nregions;
    struct infer__region_found *to = infer__calloc(a, most, sizeof *to);
    if (!to)
        return infer__no_memory(err, infer__array_bytes(most, sizeof *to));
    for (uint32_t r = 0; r < f->nregions && *count < most; r++)
        *count += (size_t)measure(f, r, &to[*count]);
    *found = to;
    return INFER_OK;
}

infer_status infer__regions_find(const struct infer__map *map,
                                 const struct infer__regions_rule *rule, const infer_allocator *a,
                                 struct infer__region_found **found, size_t *count,
                                 infer_error *err)
{
    struct finder f = {.map = map, .rule = rule};
    *found = NULL;
    *count = 0;
    f.nruns = find_runs(&f, NULL);
    if (!f.nruns)
        return INFER_OK;
    infer_status status = take(&f, a, err);
    if (status == INFER_OK) {
        (void)find_runs(&f, f.runs);
        join_runs(f.runs, f.nruns);
        sort_runs(&f);
        add_up(&f);
        status = measure_all(&f, a, found, count, err);
    }
    give_back(&f, a);
    return status;
}
