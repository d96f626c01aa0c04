/* Squeeze and excitation: a picture whose channels are scaled, each image's by numbers of its own,
 * and which a 1x1 convolution then reads, is scaled while the convolution reads it.
 *
 *   x, scale -> Mul -> Conv 1x1      ScaledConv, where that is faster by the kernels' estimates
 *
 * Nobody else may need the product. Results are those of the two nodes, rounded product included.
 */
#include "plan/estimate.h"
#include "plan/uses.h"

struct scaler {
    struct infer__graph *g;
    const struct infer__plan_options *o;
    struct infer__uses uses;
    infer_error *err;
};

/* Whether `scale` has one number for each image and channel of x, and is no constant. */
static int scales(const struct infer__value *scale, const struct infer__value *x)
{
    int same = scale->type == INFER_F32 && scale->kind != INFER__VALUE_CONST &&
               scale->rank == x->rank && x->kind != INFER__VALUE_CONST;
    for (int i = 0; same && i < x->rank; i++)
        same = scale->dims[i] == (i < 2 ? x->dims[i] : 1);
    return same;
}

/* Makes ScaledConv out of a convolution and the Mul before it, in memory of the region. */
static infer_status make_scaled(const struct scaler *f, const struct infer__node *conv, uint32_t x,
                                uint32_t scale, struct infer__node *made)
{
    uint32_t in[5] = {x, conv->in[1], 0, scale, 0}, own = conv->nin - conv->epi.residual;
    if (own > 2)
        in[2] = conv->in[2];
    if (conv->epi.residual)
        in[4] = conv->in[conv->nin - 1];
    *made = *conv;
    made->op = INFER__OP_SCALED_CONV;
    made->nin = 4 + (conv->epi.residual ? 1 : 0);
    made->in = infer__region_copy(f->g->region, in, sizeof in);
    return made->in ? INFER_OK : infer__no_memory(f->err, sizeof in);
}

static infer_status fuse_scale(struct scaler *f, struct infer__node *conv)
{
    struct infer__node *mul = infer__sole_producer(f->g, &f->uses, conv->in[0], 1), made;
    if (!mul || mul->op != INFER__OP_MUL || mul->epi.act || mul->epi.residual)
        return INFER_OK;
    const struct infer__value *a = &f->g->values[mul->in[0]], *b = &f->g->values[mul->in[1]];
    int side = scales(b, a) ? 1 : scales(a, b) ? 0 : -1;
    if (side < 0)
        return INFER_OK;
    TRY(make_scaled(f, conv, mul->in[1 - side], mul->in[side], &made));
    double apart =
        infer__estimate_node(f->g, f->o, mul) + infer__estimate_node(f->g, f->o, conv) +
        infer__estimate_memory((double)infer__value_bytes(&f->g->values[conv->in[0]]), 0);
    if (infer__estimate_node(f->g, f->o, &made) < apart) {
        infer__erase(mul);
        *conv = made;
    }
    return INFER_OK;
}

infer_status infer__fuse_scales(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    struct scaler f = {.g = &plan->graph, .o = o, .err = err};
    if (o->bf16) /* ScaledConv is f32, and would keep the tensors around it so */
        return INFER_OK;
    TRY(infer__uses_of(f.g, &f.uses, err));
    for (uint32_t i = 0; i < f.g->nnodes; i++)
        if (infer__is_pointwise(f.g, &f.g->nodes[i]))
            TRY(fuse_scale(&f, &f.g->nodes[i]));
    infer__drop_erased(f.g);
    infer__uses_end(f.g, &f.uses);
    return INFER_OK;
}
