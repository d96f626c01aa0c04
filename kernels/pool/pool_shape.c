/* Windows of the pooling kernels; see pool_shape.h. */
#include "kernels/pool/pool_shape.h"
#include "kernels/linear/linear.h"

int infer__pooling_serves(const struct infer__task *t, uint16_t op, infer_type type)
{
    return t->out[0].type == type && infer__pooling_reads_type(t, op, type);
}

int infer__pooling_reads_type(const struct infer__task *t, uint16_t op, infer_type type)
{
    return t->op == op && t->nin == 1 && t->nout >= 1 && t->in[0].type == type && t->in[0].clast &&
           t->out[0].clast && t->in[0].rank >= 3 && t->in[0].rank <= 5 &&
           t->out[0].rank == t->in[0].rank && !t->epi.residual && t->epi.act == INFER__OP_NONE;
}

int64_t infer__pooling_pixels(const struct infer__task *t)
{
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    return y.n * y.d * y.h * y.w;
}

uint32_t infer__pooling_units(const struct infer__task *t)
{
    return infer__units(infer__pooling_pixels(t), 16, t->threads > 1 ? 8 * t->threads : 1);
}

infer_status infer__pooling_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    (void)err;
    need->units = infer__pooling_units(t);
    return INFER_OK;
}

struct infer__pooling_window infer__pooling_window(const struct infer__task *t, int64_t pixel)
{
    const struct infer__window *w = &t->p.window;
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    int64_t at[3] = {pixel / y.w / y.h % y.d, pixel / y.w % y.h, pixel % y.w};
    int64_t size[3] = {x.d, x.h, x.w};
    struct infer__pooling_window p = {.n = pixel / y.w / y.h / y.d};
    for (int a = 0; a < 3; a++) {
        int64_t range[2];
        p.begin[a] = at[a] * w->stride[a] - w->pad_begin[a];
        infer__tap_range(p.begin[a], w->dilation[a], w->kernel[a], size[a], range);
        p.from[a] = range[0];
        p.to[a] = range[1];
    }
    return p;
}

/* A kernel larger than the input reads the input only. */
double infer__pooling_reads(const struct infer__task *t)
{
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    int64_t size[3] = {x.d, x.h, x.w};
    double reads = (double)infer__operand_elements(&t->out[0]);
    for (int a = 0; a < 3; a++) {
        int64_t k = t->p.window.kernel[a];
        reads *= (double)(k < size[a] ? k : size[a]);
    }
    return reads;
}
