#include "tools/serve/models/version_shapes.h"

#include <stdlib.h>
#include <string.h>

/* Sizes that are tried, one after the other, for free dimensions but the first. */
static const int64_t sizes[] = {1, 224, 64, 512};

/* A side of a picture that is free: what the preprocessing says, but for pages and lines of text,
 * which have any width; `size` makes these differ. */
static int64_t side_of(const infer_preprocess *p, int is_height, int64_t size)
{
    if (p->fit == INFER_FIT_PAGE)
        return (size + 223) / 32 * 32;
    if (p->fit == INFER_FIT_LINE && !is_height)
        return 4 * p->height + size / 32 * 32;
    if (p->crop_width)
        return is_height ? p->crop_height : p->crop_width;
    return is_height ? p->height : p->width;
}

/* Shapes of all inputs: `batch` for a free first dimension, `size` for all others that are free,
 * but for a picture's where the preprocessing says how large that is. */
static void make_specs(const struct version *v, int64_t batch, int64_t size,
                       infer_input_spec *specs)
{
    const infer_preprocess *p = &v->preprocess;
    const int stored = v->takes_pictures && p->width > 0 && p->height > 0;
    const int32_t rows = p->layout == INFER_LAYOUT_NHWC ? 1 : 2;
    for (int i = 0; i < v->ninputs; i++) {
        const infer_value_info *info = &v->inputs[i];
        specs[i] = (infer_input_spec){.name = info->name, .rank = info->rank};
        for (int32_t k = 0; k < info->rank; k++) {
            const int open = (int)(info->free_dims >> k & 1);
            specs[i].dims[k] = !open ? info->dims[k] : k == 0 ? batch : size;
            if (open && stored && info->rank == 4 && (k == rows || k == rows + 1))
                specs[i].dims[k] = side_of(p, k == rows, size);
        }
    }
}

static infer_status make_session(struct version *v, int64_t *size, infer_error *err)
{
    v->specs = calloc((size_t)v->ninputs + 1, sizeof *v->specs);
    if (!v->specs) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return err->status;
    }
    for (size_t i = 0; !v->idle && i < sizeof sizes / sizeof *sizes; i++) {
        *size = sizes[i];
        make_specs(v, 1, sizes[i], v->specs);
        v->idle = version_session_new(v, err);
        if (!v->idle && err->status != INFER_ERROR_SHAPE)
            return err->status;
    }
    v->sessions = v->idle != NULL;
    return v->idle ? INFER_OK : err->status;
}

static infer_status read_outputs(const struct version *v, infer_value_info *infos, infer_error *err)
{
    infer_status status = INFER_OK;
    for (int i = 0; status == INFER_OK && i < v->noutputs; i++) {
        infer_value_info_init(&infos[i], sizeof *infos);
        status = infer_session_output(v->idle->session, (size_t)i, &infos[i], err);
    }
    return status;
}

/* The outputs for other sizes; 0: the model can't be planned for those. */
static int look(struct version *v, int64_t batch, int64_t size, infer_value_info *infos)
{
    infer_input_spec specs[VERSION_MOST_TENSORS];
    infer_error err;
    make_specs(v, batch, size, specs);
    return infer_session_reshape(v->idle->session, specs, (size_t)v->ninputs, &err) == INFER_OK &&
           read_outputs(v, infos, &err) == INFER_OK;
}

/* Marks the dimensions that differ as free; what a session says of a size that depends on values it
 * has marked itself. */
static void mark_free(struct version *v, const infer_value_info *other)
{
    for (int i = 0; i < v->noutputs; i++)
        for (int32_t k = 0; k < v->outputs[i].rank; k++)
            if (other[i].rank != v->outputs[i].rank || other[i].dims[k] != v->outputs[i].dims[k])
                v->outputs[i].free_dims |= 1u << k;
}

/* Whether twice the images give twice the rows in every output, and nothing else. */
static int doubles(const struct version *v, const infer_value_info *two)
{
    for (int i = 0; i < v->noutputs; i++) {
        const infer_value_info *one = &v->outputs[i];
        if (one->rank < 1 || two[i].rank != one->rank || one->dims[0] != 1 || two[i].dims[0] != 2)
            return 0;
        for (int32_t k = 1; k < one->rank; k++)
            if (one->dims[k] != two[i].dims[k])
                return 0;
    }
    return 1;
}

infer_status version_learn(struct version *v, infer_error *err)
{
    infer_value_info other[VERSION_MOST_TENSORS];
    int all_batches = v->ninputs > 0, others_free = 0;
    for (int i = 0; i < v->ninputs; i++) {
        all_batches &= v->inputs[i].rank > 0 && (v->inputs[i].free_dims & 1);
        others_free |= (v->inputs[i].free_dims & ~1u) != 0;
    }
    int64_t size = 1;
    infer_status status = make_session(v, &size, err);
    if (status == INFER_OK)
        status = read_outputs(v, v->outputs, err);
    if (status != INFER_OK)
        return status;
    int moved = 0;
    if (all_batches && look(v, 2, size, other)) {
        v->batched = doubles(v, other);
        mark_free(v, other);
        moved = 1;
    }
    if (others_free && look(v, 1, size + 32, other)) {
        mark_free(v, other);
        moved = 1;
    }
    return moved ? infer_session_reshape(v->idle->session, v->specs, (size_t)v->ninputs, err)
                 : INFER_OK;
}
