/* Types and shapes inside a graph whose inputs may be free: it is resolved at two sizes, and what
 * differs between them is free. */
#include <stdlib.h>
#include <string.h>

#include "plan/fold.h"
#include "tools/edit.h"

#define TENSOR_BYTES ((uint64_t)2 << 30)

/* Sizes for free dimensions other than the batch. Networks differ in what they take. */
static const int64_t sizes[] = {224, 256, 64, 96, 320, 640, 128,  192,
                                32,  48,  16, 8,  10,  1,   4096, 16000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static int has_free(const struct infer__graph *g)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < g->ninputs; i++)
        any |= g->values[g->inputs[i]].free_dims;
    return any != 0;
}

static infer_status resolve_at(const struct infer__graph *g, int64_t batch, int64_t size,
                               struct infer__region *region, struct infer__graph *at,
                               infer_error *err)
{
    TRY(infer__graph_copy(at, g, region, err));
    for (uint32_t i = 0; i < at->ninputs; i++) {
        struct infer__value *v = &at->values[at->inputs[i]];
        for (int k = 0; k < v->rank; k++)
            if (v->free_dims >> k & 1)
                v->dims[k] = k ? size : batch;
        v->free_dims = 0;
        v->shaped = 1;
    }
    struct infer__budget budget = infer__budget_for(at, 0);
    return infer__fold(at, INFER__FOLD_PARTIAL | INFER__FOLD_KEEP_QUANTISED, TENSOR_BYTES, &budget,
                       err);
}

/* Marks what differs as free; what either lacks is unknown. */
static void merge(struct infer__value *to, const struct infer__value *other, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct infer__value *v = &to[i];
        const struct infer__value *w = &other[i];
        if (!v->shaped || !w->shaped || v->rank != w->rank || v->type != w->type) {
            v->type = v->type == w->type ? v->type : INFER_TYPE_NONE;
            v->rank = 0;
            v->shaped = 0;
            continue;
        }
        for (int k = 0; k < v->rank; k++)
            if (v->dims[k] != w->dims[k]) {
                v->free_dims |= 1u << k;
                v->dims[k] = 0;
                v->shaped = 0;
            }
    }
}

/* The same at another size than `first`: all that is free differs, or as much as the graph takes.
 * *second: why not all. */
static int resolve_second(const struct infer__graph *g, int first, struct infer__region *region,
                          struct infer__graph *at, infer_error *second)
{
    infer_error now;
    second->status = INFER_OK;
    for (int i = 0; i < SIZES; i++) {
        if (i == first)
            continue;
        if (resolve_at(g, 2, sizes[i], region, at, &now) == INFER_OK) {
            second->status = INFER_OK;
            return 1;
        }
        *second = second->status ? *second : now;
    }
    if (resolve_at(g, 2, sizes[first], region, at, &now) == INFER_OK)
        return 1;
    for (int i = 0; i < SIZES; i++)
        if (i != first && resolve_at(g, 1, sizes[i], region, at, &now) == INFER_OK)
            return 1;
    return 0;
}

infer_status edit_infer(const struct infer__graph *g, struct infer__region *region,
                        struct infer__value **shaped, infer_error *second, infer_error *err)
{
    struct infer__graph first, other;
    infer_status status = INFER_ERROR_SHAPE;
    const int tries = has_free(g) ? SIZES : 1;
    int at = 0;
    memset(second, 0, sizeof *second);
    for (int i = 0; i < tries && status != INFER_OK; i++) {
        infer_error now;
        status = resolve_at(g, 1, sizes[i], region, &first, &now);
        if (i == 0 || status == INFER_OK)
            *err = now;
        at = i;
    }
    *shaped = first.values;
    if (status != INFER_OK)
        return err->status;
    if (tries > 1 && resolve_second(g, at, region, &other, second))
        merge(first.values, other.values, g->nvalues);
    return INFER_OK;
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* "1x3xHxW" behind the name. */
static int parse_dims(const char *text, struct edit_dims *d)
{
    memset(d, 0, sizeof *d);
    for (const char *p = text; d->rank < INFER_MAX_RANK;) {
        char *end;
        size_t n = strcspn(p, "x,");
        const long long v = strtoll(p, &end, 10);
        if (n && end == p + n && v >= 0 && v <= INT32_MAX && *p >= '0' && *p <= '9') {
            d->dims[d->rank] = v;
        } else if (n && n < sizeof d->names[0] && !(*p >= '0' && *p <= '9') && *p != '-') {
            d->free_dims |= 1u << d->rank;
            memcpy(d->names[d->rank], p, *p == '?' ? 0 : n);
        } else {
            return 0;
        }
        d->rank++;
        if (!p[n])
            return 1;
        p += n + 1;
    }
    return 0;
}

/* The place among the inputs of "NAME=...", and what stands behind the sign; -1: none. */
static int64_t find_input(const struct edit *e, const char *text, const char **behind)
{
    for (uint32_t i = 0; i < e->g.ninputs; i++) {
        const char *name = e->g.values[e->g.inputs[i]].name;
        const size_t n = strlen(name);
        if (strncmp(text, name, n) == 0 && text[n] == '=') {
            *behind = text + n + 1;
            return i;
        }
    }
    return -1;
}

/* The names of an input's free dimensions, in place of those that it has. */
static int name_dims(struct edit *e, uint32_t input, const struct edit_dims *d)
{
    struct infer__about *a = &e->about;
    uint32_t kept = 0, before = 0;
    struct infer__dim_name *list =
        infer__region_calloc(&e->region, (size_t)a->ndims + INFER_MAX_RANK, sizeof *list);
    if (!list)
        return 0;
    for (; before < a->ndims && !a->dims[before].output && a->dims[before].index < input; before++)
        list[kept++] = a->dims[before];
    for (int k = 0; k < d->rank; k++)
        if ((d->free_dims >> k & 1) && d->names[k][0]) {
            list[kept] = (struct infer__dim_name){.index = input, .dim = (uint8_t)k};
            list[kept].name = infer__region_string(&e->region, d->names[k]);
            if (!list[kept++].name)
                return 0;
        }
    for (uint32_t i = before; i < a->ndims; i++)
        if (a->dims[i].output || a->dims[i].index != input)
            list[kept++] = a->dims[i];
    a->dims = list;
    a->ndims = kept;
    return 1;
}

int edit_input_shape(struct edit *e, const char *text)
{
    const char *behind = NULL;
    const int64_t input = find_input(e, text, &behind);
    struct edit_dims d;
    char before[200], after[200];
    if (input < 0)
        return cli_usage("--input-shape %s: there is no such input", text);
    if (!parse_dims(behind, &d))
        return cli_usage("--input-shape %s: a shape is written NAME=1x3xHxW, where what is no "
                         "number becomes free",
                         text);
    struct infer__value *v = &e->g.values[e->g.inputs[input]];
    if (v->rank != d.rank)
        return cli_usage("--input-shape %s: the input has rank %d", text, v->rank);
    edit_value_text(v, before, sizeof before);
    memcpy(v->dims, d.dims, sizeof v->dims);
    v->free_dims = d.free_dims;
    v->shaped = !d.free_dims;
    if (!name_dims(e, (uint32_t)input, &d)) {
        fprintf(stderr, "infer: %s: no memory for names of dimensions\n", e->path);
        return CLI_RESOURCES;
    }
    fprintf(e->log, "input '%s': %s is now %s\n", v->name, before,
            edit_value_text(v, after, sizeof after));
    return CLI_OK;
}

/* ---- outputs -------------------------------------------------------------------------------- */

int edit_outputs(struct edit *e, int check, int freed)
{
    struct infer__region region;
    struct infer__value *shaped = NULL;
    infer_error second, err;
    infer__region_init(&region, NULL);
    infer_status status = edit_infer(&e->g, &region, &shaped, &second, &err);
    int exit = CLI_OK;
    if (status != INFER_OK && check) {
        exit = cli_fail(e->path, &err);
    } else if (freed && second.status != INFER_OK) {
        fprintf(stderr, "infer: %s: the graph does not take other sizes:\n", e->path);
        exit = cli_fail(e->path, &second);
    }
    for (uint32_t i = 0; exit == CLI_OK && i < e->g.noutputs; i++) {
        struct infer__value *v = &e->g.values[e->g.outputs[i]];
        if (v->kind != INFER__VALUE_NODE)
            continue;
        const struct infer__value *s = status == INFER_OK ? &shaped[e->g.outputs[i]] : NULL;
        const int known = s && s->type;
        v->type = known ? s->type : INFER_TYPE_NONE;
        v->rank = known ? s->rank : 0;
        v->free_dims = known ? s->free_dims : 0;
        v->shaped = known && s->shaped;
        memset(v->dims, 0, sizeof v->dims);
        if (known)
            memcpy(v->dims, s->dims, sizeof v->dims);
    }
    infer__region_free(&region);
    return exit;
}
