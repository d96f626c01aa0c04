/* Inputs of a plan: concrete shapes, and values where the caller knows them beforehand. */
#include "plan/passes.h"

#include <string.h>

#include "base/size.h"
#include "file/about.h"
#include "plan/bounds.h"

/* The caller's shapes, to be found by name. */
struct binder {
    struct infer__plan *plan;
    const struct infer__plan_options *o;
    size_t *sorted; /* numbers of the specs, by name; of equal names the caller's first one first */
};

static const char *name_at(const struct binder *b, size_t i)
{
    return b->o->inputs[b->sorted[i]].name;
}

/* Merge sort: n log n for any names. `spare` has as much room. */
static void sort(struct binder *b, size_t *spare)
{
    const size_t n = b->o->ninputs;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            const size_t middle = n - begin < width ? n : begin + width;
            const size_t end = n - begin < 2 * width ? n : begin + 2 * width;
            size_t left = begin, right = middle;
            for (size_t i = begin; i < end; i++) {
                int from_left = left < middle &&
                                (right == end || strcmp(name_at(b, left), name_at(b, right)) <= 0);
                spare[i] = b->sorted[from_left ? left++ : right++];
            }
        }
        memcpy(b->sorted, spare, n * sizeof *spare);
    }
}

static infer_status sort_specs(struct binder *b, infer_error *err)
{
    const struct infer__plan_options *o = b->o;
    struct infer__region *r = &b->plan->region;
    size_t *spare = infer__region_calloc(r, o->ninputs, sizeof *spare);
    b->sorted = infer__region_calloc(r, o->ninputs, sizeof *b->sorted);
    if (!spare || !b->sorted)
        return infer__no_memory(err, o->ninputs * sizeof *spare);
    for (size_t i = 0; i < o->ninputs; i++) {
        FAIL_IF(!o->inputs[i].name, INFER_ERROR_ARGUMENT, "the shape of input %zu has no name", i);
        b->sorted[i] = i;
    }
    sort(b, spare);
    infer__region_drop(r, spare, o->ninputs * sizeof *spare);
    return INFER_OK;
}

/* The first place among the sorted specs whose name is not before `name`. */
static size_t find_place(const struct binder *b, const char *name)
{
    size_t low = 0, high = b->o->ninputs;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(name_at(b, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const infer_input_spec *find_spec(const struct binder *b, const char *name)
{
    const size_t at = find_place(b, name);
    return at < b->o->ninputs && strcmp(name_at(b, at), name) == 0 ? &b->o->inputs[b->sorted[at]]
                                                                   : NULL;
}

/* Every spec is of an input that the model has, and of no other: of two inputs of one name nobody
 * could tell which type and size a spec's value has. */
static infer_status check_names(const struct binder *b, infer_error *err)
{
    const struct infer__graph *g = &b->plan->graph;
    const size_t n = b->o->ninputs;
    uint8_t *known = infer__region_calloc(&b->plan->region, n, 1); /* at the first of each name */
    if (!known)
        return infer__no_memory(err, n);
    for (uint32_t k = 0; k < g->ninputs; k++) {
        const infer_input_spec *spec = find_spec(b, g->values[g->inputs[k]].name);
        if (!spec)
            continue;
        FAIL_IF(known[spec - b->o->inputs], INFER_ERROR_ARGUMENT,
                "the model has two inputs '%s': none can be named", spec->name);
        known[spec - b->o->inputs] = 1;
    }
    for (size_t i = 0; i < n; i++) {
        const infer_input_spec *first = find_spec(b, b->o->inputs[i].name);
        FAIL_IF(!known[first - b->o->inputs], INFER_ERROR_ARGUMENT, "the model has no input '%s'",
                b->o->inputs[i].name);
    }
    return INFER_OK;
}

/* Without a spec a free first dimension is a batch of 1; any other has to be given. */
static infer_status default_dims(struct infer__value *v, infer_error *err)
{
    for (int i = 0; i < v->rank; i++)
        if (v->free_dims >> i & 1) {
            FAIL_IF(i > 0, INFER_ERROR_SHAPE,
                    "dimension %d of input '%s' is free: give the input's shape", i, v->name);
            v->dims[i] = 1;
        }
    return INFER_OK;
}

static infer_status spec_dims(struct infer__value *v, const infer_input_spec *spec, uint32_t images,
                              infer_error *err)
{
    FAIL_IF(spec->rank != v->rank, INFER_ERROR_SHAPE, "input '%s' has rank %d, not %d", v->name,
            v->rank, spec->rank);
    for (int i = 0; i < v->rank; i++) {
        int is_free = v->free_dims >> i & 1;
        FAIL_IF(spec->dims[i] < 0 || (!is_free && spec->dims[i] != v->dims[i]), INFER_ERROR_SHAPE,
                "dimension %d of input '%s' can't be %lld: the model has %s%lld", i, v->name,
                (long long)spec->dims[i], is_free ? "a free one, from " : "",
                (long long)v->dims[i]);
        v->dims[i] = spec->dims[i];
    }
    v->dims[0] /= images;
    return INFER_OK;
}

static infer_status bind_input(const struct binder *b, struct infer__value *v, infer_error *err)
{
    struct infer__plan *plan = b->plan;
    const struct infer__plan_options *o = b->o;
    const infer_input_spec *spec = find_spec(b, v->name);
    TRY(spec ? spec_dims(v, spec, plan->images, err) : default_dims(v, err));
    size_t bytes;
    FAIL_IF(!infer__tensor_bytes(v->dims, v->rank, infer_type_size((infer_type)v->type),
                                 o->max_tensor_bytes, &bytes),
            INFER_ERROR_LIMIT, "input '%s' has more than %llu bytes or a dimension above 2^31 - 1",
            v->name, (unsigned long long)o->max_tensor_bytes);
    v->free_dims = 0;
    v->shaped = 1;
    if (spec && spec->data) {
        v->data = infer__region_copy(&plan->region, spec->data, bytes);
        if (!v->data)
            return infer__no_memory(err, bytes);
        v->kind = INFER__VALUE_CONST;
    }
    if (spec) {
        struct infer__given *given = &plan->given[spec - o->inputs];
        *given = (struct infer__given){*spec, bytes};
        given->spec.name = v->name;
        given->spec.data = v->data;
    }
    return INFER_OK;
}

/* ---- the most that sizes can be ------------------------------------------------------------- */

static infer_status set_most(struct infer__graph *g, uint32_t id, int axis, int64_t most,
                             infer_error *err)
{
    struct infer__value *v = &g->values[id];
    if (!v->bound) {
        v->bound = infer__region_calloc(g->region, 1, sizeof *v->bound);
        if (!v->bound)
            return infer__no_memory(err, sizeof *v->bound);
    }
    v->bound->most = most;
    v->bound->axis = axis;
    return INFER_OK;
}

/* The most of a dimension of the model's outputs that has this name. */
static infer_status most_of_dim(struct infer__graph *g, const struct infer__about *about,
                                const infer_maximum *m, int *found, infer_error *err)
{
    for (uint32_t i = 0; about && i < about->ndims; i++) {
        const struct infer__dim_name *d = &about->dims[i];
        if (!d->output || d->index >= g->noutputs || strcmp(d->name, m->name) != 0)
            continue;
        TRY(set_most(g, g->outputs[d->index], d->dim, m->value, err));
        *found = 1;
    }
    return INFER_OK;
}

static infer_status bind_maximum(struct infer__graph *g, const struct infer__plan_options *o,
                                 const infer_maximum *m, infer_error *err)
{
    int found = 0;
    TRY(most_of_dim(g, o->about, m, &found, err));
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (strcmp(g->values[i].name, m->name) == 0) {
            TRY(set_most(g, i, -1, m->value, err));
            found = 1;
        }
    FAIL_IF(!found, INFER_ERROR_ARGUMENT,
            "the model has no tensor and no dimension of an output '%s' (options.maxima)", m->name);
    return INFER_OK;
}

infer_status infer__plan_bind(struct infer__plan *plan, const struct infer__plan_options *o,
                              infer_error *err)
{
    struct infer__graph *g = &plan->graph;
    struct binder b = {.plan = plan, .o = o};
    TRY(sort_specs(&b, err));
    plan->given = infer__region_calloc(&plan->region, o->ninputs, sizeof *plan->given);
    plan->ngiven = o->ninputs;
    if (!plan->given)
        return infer__no_memory(err, o->ninputs * sizeof *plan->given);
    TRY(check_names(&b, err));
    for (size_t i = 0; i < o->nmaxima; i++)
        TRY(bind_maximum(g, o, &o->maxima[i], err));
    for (uint32_t i = 0; i < g->ninputs; i++) {
        struct infer__value *v = &g->values[g->inputs[i]];
        if (v->kind == INFER__VALUE_INPUT)
            TRY(bind_input(&b, v, err));
        TRY(infer__bounds_declared(g, g->inputs[i], err));
    }
    return INFER_OK;
}
