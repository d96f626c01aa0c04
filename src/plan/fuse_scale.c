/* Squeeze and excitation: a picture whose channels are scaled, each image's by numbers of its own,
 * and which a 1x1 convolution then reads, is scaled while the convolution reads it.
 *
 *   x, scale -> Mul -> Conv 1x1      ScaledConv, where that is faster by the kernels' estimates
 *
 * Nobody else may need the product. Results are those of the two steps, rounded product included.
 */
#include "kernels/nd.h"
#include "plan/estimate.h"
#include "plan/passes.h"
#include "plan/steps.h"

struct scaler {
    struct infer__plan *plan;
    const struct infer__plan_options *o;
    struct infer__tensor_uses uses;
    infer_error *err;
};

enum { OPERANDS = 5 }; /* x, weights, bias, scale and a residual */

/* Whether `scale` has one number for each image and channel of x, and neither is a constant. */
static int scales(const struct infer__operand *scale, const struct infer__operand *x)
{
    int same = x->clast && scale->type == INFER_F32 && scale->rank == x->rank && !scale->is_const &&
               !x->is_const;
    for (int i = 0; same && i < x->rank; i++)
        same = scale->dims[i] == (i == 0 || i == x->rank - 1 ? x->dims[i] : 1);
    return same;
}

/* Makes ScaledConv out of a convolution, with operands in `ids`. */
static void make_scaled(const struct infer__step *conv, uint32_t x, uint32_t scale,
                        uint32_t ids[OPERANDS + 1], struct infer__step *made)
{
    const uint32_t residual = conv->task.epi.residual, own = conv->task.nin - residual;
    *made = *conv;
    made->task.op = INFER__OP_SCALED_CONV;
    made->task.nin = 4 + residual;
    ids[0] = x;
    ids[1] = conv->in[1];
    ids[2] = own > 2 ? conv->in[2] : 0;
    ids[3] = scale;
    if (residual)
        ids[4] = conv->in[own];
    ids[4 + residual] = conv->out[0];
    made->in = ids;
    made->out = ids + made->task.nin;
}

static infer_status fuse_scale(struct scaler *f, struct infer__step *conv)
{
    struct infer__plan *plan = f->plan;
    struct infer__step *mul = infer__sole_writer(plan, &f->uses, conv->in[0]), made;
    uint32_t ids[OPERANDS + 1] = {0};
    if (!mul || mul->task.op != INFER__OP_MUL || !infer__no_epilogue(&mul->task))
        return INFER_OK;
    const struct infer__operand *a = &plan->tensors[mul->in[0]].desc;
    const struct infer__operand *b = &plan->tensors[mul->in[1]].desc;
    int side = scales(b, a) ? 1 : scales(a, b) ? 0 : -1;
    if (side < 0)
        return INFER_OK;
    make_scaled(conv, mul->in[1 - side], mul->in[side], ids, &made);
    double apart = infer__estimate_step(plan, f->o, mul) + infer__estimate_step(plan, f->o, conv) +
                   infer__estimate_memory((double)plan->tensors[conv->in[0]].bytes, 0);
    if (!(infer__estimate_step(plan, f->o, &made) < apart))
        return INFER_OK;
    made.in = infer__region_copy(&plan->region, ids, sizeof ids);
    if (!made.in)
        return infer__no_memory(f->err, sizeof ids);
    made.out = made.in + made.task.nin;
    infer__erase_step(plan, mul);
    *conv = made;
    return INFER_OK;
}

infer_status infer__fuse_scales(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    struct scaler f = {.plan = plan, .o = o, .err = err};
    if (o->bf16) /* ScaledConv is f32, and would keep the tensors around it so */
        return INFER_OK;
    TRY(infer__tensor_uses_of(plan, &f.uses, err));
    for (uint32_t i = 0; i < plan->nsteps; i++)
        if (infer__is_pointwise(plan, &plan->steps[i]))
            TRY(fuse_scale(&f, &plan->steps[i]));
    infer__drop_erased_steps(plan);
    infer__tensor_uses_end(plan, &f.uses);
    return INFER_OK;
}
