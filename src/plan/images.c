/* Whether a batch is better run image by image.
 *
 * Where no node lets the images of a batch meet, the plan can be made for one image and run for
 * each, whole images side by side on the threads: no step is cut into parts that wait for each
 * other, and what one step writes is still in the cache when the next reads it. A network whose
 * weights outweigh its tensors gains more from reading each weight once for the whole batch. */
#include "plan/images.h"
#include "graph/traits.h"
#include "plan/bounds.h"
#include "plan/fold.h"

static int varies(const struct infer__graph *g, uint32_t v)
{
    return v && g->values[v].kind != INFER__VALUE_CONST;
}

/* The first axis counts the images. */
static int counts_images(const struct infer__value *v, int64_t images)
{
    return v->rank >= 1 && v->dims[0] == images;
}

/* All operands from `from` on are constants (or what is added behind the node). */
static int rest_constant(const struct infer__graph *g, const struct infer__node *n, uint32_t from)
{
    for (uint32_t i = from; i + n->epi.residual < n->nin; i++)
        if (varies(g, n->in[i]))
            return 0;
    return 1;
}

/* Broadcasting pairs image with image, or image with something that is the same for all. */
static int element_wise(const struct infer__graph *g, const struct infer__node *n)
{
    const struct infer__value *out = &g->values[n->out[0]];
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        if (n->in[i] && v->rank == out->rank && !varies(g, n->in[i]) && v->dims[0] != 1)
            return 0;
        if (varies(g, n->in[i]) && v->rank != out->rank)
            return 0;
    }
    return 1;
}

static int products(const struct infer__graph *g, const struct infer__node *n)
{
    const struct infer__value *a = &g->values[n->in[0]], *b = &g->values[n->in[1]];
    if (!varies(g, n->in[0]) || a->rank < 2)
        return 0;
    if (varies(g, n->in[1]))
        return a->rank >= 3 && b->rank == a->rank;
    return (b->rank <= 2 || (b->rank == a->rank && b->dims[0] == 1)) && rest_constant(g, n, 2);
}

static int gemm(const struct infer__graph *g, const struct infer__node *n,
                const union infer__params *p)
{
    const struct infer__value *c = n->nin > 2 ? &g->values[n->in[2]] : NULL;
    return varies(g, n->in[0]) && !p->gemm.trans_a && rest_constant(g, n, 1) &&
           (!c || c->rank < 2 || c->dims[0] == 1);
}

/* Whether the parameters leave the first axis as it is. */
static int keeps_first_axis(const struct infer__graph *g, const struct infer__node *n,
                            const union infer__params *p)
{
    switch (infer__op_traits(n->op)->axes) {
    case INFER__AXES_ONE:
    case INFER__AXES_ONE_REDUCED:
        return p->axis.axis != 0;
    case INFER__AXES_SCALES:
        return g->values[n->in[1]].rank == 0 || p->axis.axis != 0;
    case INFER__AXES_NORMALISED:
        return p->norm.axis != 0;
    case INFER__AXES_SLICED:
        return p->slice.start[0] == 0 && p->slice.step[0] == 1;
    case INFER__AXES_PADDED:
        return p->pad.begin[0] == 0 && p->pad.end[0] == 0;
    case INFER__AXES_PERMUTED:
        return p->transpose.perm[0] == 0;
    case INFER__AXES_REDUCED:
        return (p->reduce.axes & 1) == 0;
    case INFER__AXES_ALL_REDUCED:
        return 0;
    default: /* the sizes of the first axes tell (counts_images) */
        return 1;
    }
}

/* Each image of the outputs comes from that image of the inputs alone, where inputs and outputs
 * count images along their first axis. */
static int keeps_apart(const struct infer__graph *g, const struct infer__node *n,
                       const union infer__params *p)
{
    if (!keeps_first_axis(g, n, p))
        return 0;
    switch (infer__op_traits(n->op)->batch) {
    case INFER__BATCH_FIRST:
        return varies(g, n->in[0]) && rest_constant(g, n, 1);
    case INFER__BATCH_PAIRS:
        return element_wise(g, n);
    case INFER__BATCH_GEMM:
        return gemm(g, n, p);
    case INFER__BATCH_MATMUL:
        return products(g, n);
    default:
        return 0;
    }
}

static infer_status all_apart(struct infer__graph *g, uint64_t max_tensor_bytes, int64_t images,
                              int *apart, infer_error *err)
{
    for (uint32_t k = 0; k < g->nnodes && *apart; k++) {
        const struct infer__node *n = &g->nodes[k];
        union infer__params p;
        TRY(infer__plan_resolve(g, n, max_tensor_bytes, &p, err));
        *apart = keeps_apart(g, n, &p) && !infer__bounds_some(g, n);
        for (uint32_t i = 0; i < n->nin + n->nout && *apart; i++) {
            uint32_t v = i < n->nin ? n->in[i] : n->out[i - n->nin];
            *apart = !varies(g, v) || counts_images(&g->values[v], images);
        }
    }
    return INFER_OK;
}

/* Elements that nodes write for one image, and elements of constants. */
static int tensors_outweigh(const struct infer__graph *g, int64_t images)
{
    /* Measured: 1.2 weights for an element (ResNet-50) gain 6 %, 2.1 (ResNet-18) lose 4 %. */
    double written = 0, weights = 0;
    for (uint32_t k = 0; k < g->nnodes; k++) {
        const struct infer__node *n = &g->nodes[k];
        for (uint32_t i = 0; i < n->nout; i++)
            if (n->out[i])
                written += (double)infer__value_elements(&g->values[n->out[i]]) / (double)images;
        for (uint32_t i = 0; i < n->nin; i++)
            if (n->in[i] && !varies(g, n->in[i]))
                weights += (double)infer__value_elements(&g->values[n->in[i]]);
    }
    return 2 * weights < 3 * written;
}

/* The common first dimension of all inputs, which the model leaves free; else 1. */
static int64_t batch_of(const struct infer__graph *g, const struct infer__graph *model)
{
    int64_t images = g->ninputs ? g->values[g->inputs[0]].dims[0] : 1;
    for (uint32_t k = 0; k < g->ninputs; k++) {
        const struct infer__value *v = &g->values[g->inputs[k]];
        const struct infer__value *was = &model->values[model->inputs[k]];
        if (!varies(g, g->inputs[k]) || !counts_images(v, images) || !(was->free_dims & 1))
            return 1;
    }
    for (uint32_t k = 0; k < g->noutputs; k++)
        if (!varies(g, g->outputs[k]) || !counts_images(&g->values[g->outputs[k]], images))
            return 1;
    return images > 1 && images <= UINT32_MAX ? images : 1;
}

infer_status infer__images(struct infer__graph *g, const struct infer__graph *model,
                           uint64_t max_tensor_bytes, uint32_t *images, infer_error *err)
{
    int64_t batch = batch_of(g, model);
    int apart = batch > 1;
    TRY(all_apart(g, max_tensor_bytes, batch, &apart, err));
    *images = apart && tensors_outweigh(g, batch) ? (uint32_t)batch : 1;
    return INFER_OK;
}
