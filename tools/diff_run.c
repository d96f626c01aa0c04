/* Runs both sides, some of the values at a time, and compares. */
#include <stdlib.h>

#include "run/session.h"
#include "tools/diff.h"
#include "tools/progress.h"

/* Bytes of values that one session gives at most, unless one value alone has more. */
#define GROUP_BYTES ((size_t)512 << 20)

static size_t bytes_of(const struct diff *d, uint32_t point)
{
    const struct infer__value v = infer__program_value(d->a.session->program, d->points[point].a);
    return v.shaped ? infer__value_bytes(&v) : 0;
}

/* ---- one group ------------------------------------------------------------------------------ */

static int open_side(const struct diff *d, const struct diff_side *s, uint32_t first, uint32_t end,
                     struct diff_probe *p)
{
    infer_error err;
    const uint32_t n = end - first;
    uint32_t *values = calloc((size_t)n + 1, sizeof *values);
    for (uint32_t i = 0; values && i < n; i++)
        values[i] = s == &d->a ? d->points[first + i].a : d->points[first + i].b;
    infer_status status = values ? diff_probe_open(s, &d->shapes, values, n, p, &err)
                                 : infer__no_memory(&err, n * sizeof *values);
    free(values);
    return status == INFER_OK ? CLI_OK : cli_fail(s->path, &err);
}

static int run_side(const struct diff_side *s, struct diff_probe *p)
{
    infer_error err;
    return diff_probe_run(s, p, &err) == INFER_OK ? CLI_OK : cli_fail(s->path, &err);
}

static int compare_group(struct diff *d, uint32_t first, uint32_t end, const struct diff_probe *a,
                         const struct diff_probe *b)
{
    for (uint32_t i = first; i < end; i++) {
        struct diff_point *p = &d->points[i];
        const infer_tensor *x = &a->outputs[a->place[i - first]];
        infer_tensor recorded = {.data = NULL};
        if (p->file) {
            const int status = diff_recorded_load(p->file, &recorded);
            if (status != CLI_OK)
                return status;
            if (x->type == INFER_BF16 && recorded.type == INFER_U16)
                recorded.type = INFER_BF16; /* as ONNX's own tests store it */
        }
        const infer_tensor *y = b->place ? &b->outputs[b->place[i - first]] : &recorded;
        diff_compare(x, y, &d->tolerance, &p->result);
        free(recorded.data);
        if (p->result.verdict != DIFF_AGREES) {
            d->parted++;
            d->first = i < d->first ? i : d->first;
        }
    }
    return CLI_OK;
}

/* Runs points `first` to `end` - 1 together. *other: that changed the steps of a side. */
static int run_group(struct diff *d, uint32_t first, uint32_t end, int *other)
{
    struct diff_probe a = {.session = NULL}, b = {.session = NULL};
    const int two = d->b.model != NULL;
    int status = open_side(d, &d->a, first, end, &a);
    *other = 0;
    if (status == CLI_OK && two)
        status = open_side(d, &d->b, first, end, &b);
    if (status == CLI_OK && d->fused)
        *other = !diff_probe_same_steps(&d->a, &a) || (two && !diff_probe_same_steps(&d->b, &b));
    if (status == CLI_OK && (!*other || end == first + 1)) {
        status = run_side(&d->a, &a);
        if (status == CLI_OK && two)
            status = run_side(&d->b, &b);
        if (status == CLI_OK)
            status = compare_group(d, first, end, &a, &b);
        d->runs++;
    }
    if (a.region.allocator.alloc)
        diff_probe_free(&a);
    if (b.region.allocator.alloc)
        diff_probe_free(&b);
    return status;
}

/* Fused: halves, down to single values, until asking for them leaves all steps as they are. */
static int run_range(struct diff *d, uint32_t first, uint32_t end)
{
    int other, status = run_group(d, first, end, &other);
    if (status == CLI_OK && other && end == first + 1)
        d->points[first].refused = 1;
    if (status == CLI_OK && other && end > first + 1) {
        const uint32_t middle = first + (end - first) / 2;
        status = run_range(d, first, middle);
        return status == CLI_OK ? run_range(d, middle, end) : status;
    }
    if (d->bar)
        progress_show(d->start_ms, "running and comparing", (double)end / d->npoints);
    return status;
}

int diff_run(struct diff *d)
{
    int status = CLI_OK;
    for (uint32_t first = 0, end; first < d->npoints && status == CLI_OK; first = end) {
        size_t bytes = 0;
        for (end = first; end < d->npoints && (end == first || bytes < GROUP_BYTES); end++)
            bytes += bytes_of(d, end);
        status = run_range(d, first, end);
    }
    if (d->bar)
        progress_wipe();
    return status;
}
