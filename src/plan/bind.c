/* Inputs of a plan: concrete shapes, and values where the caller knows them beforehand. */
#include "plan/plan.h"

#include <string.h>

#include "base/size.h"

static const infer_input_spec *find_spec(const struct infer__plan_options *o, const char *name)
{
    for (size_t i = 0; i < o->ninputs; i++)
        if (strcmp(o->inputs[i].name, name) == 0)
            return &o->inputs[i];
    return NULL;
}

static infer_status check_names(const struct infer__graph *g, const struct infer__plan_options *o,
                                infer_error *err)
{
    for (size_t i = 0; i < o->ninputs; i++) {
        const char *name = o->inputs[i].name;
        int found = 0;
        FAIL_IF(!name, INFER_ERROR_ARGUMENT, "the shape of input %zu has no name", i);
        for (uint32_t k = 0; k < g->ninputs; k++)
            found |= strcmp(g->values[g->inputs[k]].name, name) == 0;
        FAIL_IF(!found, INFER_ERROR_ARGUMENT, "the model has no input '%s'", name);
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

static infer_status bind_input(struct infer__plan *plan, const struct infer__plan_options *o,
                               struct infer__value *v, infer_error *err)
{
    const infer_input_spec *spec = find_spec(o, v->name);
    TRY(spec ? spec_dims(v, spec, plan->images, err) : default_dims(v, err));
    int64_t n;
    size_t bytes;
    FAIL_IF(!infer__dims_product(v->dims, v->rank, &n) ||
                !infer__size_mul((size_t)n, infer_type_size((infer_type)v->type), &bytes) ||
                bytes > o->max_tensor_bytes,
            INFER_ERROR_LIMIT, "input '%s' is larger than %llu bytes", v->name,
            (unsigned long long)o->max_tensor_bytes);
    v->free_dims = 0;
    v->shaped = 1;
    if (spec && spec->data) {
        v->data = infer__region_copy(&plan->region, spec->data, bytes);
        if (!v->data)
            return infer__no_memory(err, bytes);
        v->kind = INFER__VALUE_CONST;
    }
    return INFER_OK;
}

infer_status infer__plan_bind(struct infer__plan *plan, const struct infer__plan_options *o,
                              infer_error *err)
{
    struct infer__graph *g = &plan->graph;
    TRY(check_names(g, o, err));
    for (uint32_t i = 0; i < g->ninputs; i++) {
        struct infer__value *v = &g->values[g->inputs[i]];
        if (v->kind == INFER__VALUE_INPUT)
            TRY(bind_input(plan, o, v, err));
    }
    return INFER_OK;
}
