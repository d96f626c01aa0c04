/* Conv and ConvTranspose, f32, with constant weights. */
#include <string.h>

#include "kernels/nd.h"
#include "kernels/onednn/onednn_kernel.h"

/* ---- what all kernels here ask -------------------------------------------------------------- */

/* f32 work gains nothing above AVX-512, so a task capped there is served on a CPU with more. */
int infer__dnnl_allowed(const struct infer__task *t)
{
    if (!t->onednn || !infer__isa_has(t->isa, INFER_ISA_AVX2) || t->nin < 1 || t->nout != 1)
        return 0;
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE)) { /* it reads its settings at the first call */
        infer__dnnl_no_memory(t);
        return 0;
    }
    unsigned best = (unsigned)dnnl_get_effective_cpu_isa();
    if ((best & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return infer__isa_has(t->isa, INFER_ISA_AVX512);
    return (best & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2;
}

/* oneDNN computes some sizes and offsets in int, and makes code for each place of a convolution's
 * window. */
int infer__dnnl_sane(const struct infer__dnnl_problem *p)
{
    const double most_bytes = 2147483647.0;
    const int64_t most_window = p->kind == INFER__DNNL_POOL ? 4096 : 64;
    double src = 4.0 * (double)p->n * (double)p->ci, dst = 4.0 * (double)p->n * (double)p->co;
    double weights = 4.0 * (double)p->co * (double)p->ci / (double)p->groups;
    for (int a = 0; a < 3; a++) {
        int64_t extent = (p->kernel[a] - 1) * p->dilation[a] + 1;
        if (p->kernel[a] > most_window || p->dilation[a] > most_window ||
            p->stride[a] > most_window || p->pad_begin[a] >= extent || p->pad_end[a] >= extent ||
            p->pad_begin[a] < 0)
            return 0;
        src *= (double)p->in[a];
        dst *= (double)p->out[a];
        weights *= (double)p->kernel[a];
    }
    return src > 0 && dst > 0 && src <= most_bytes && dst <= most_bytes && weights <= most_bytes;
}

/* Rates measured with one thread, FLOP/ns: on Zen 5 some 250, on Zen 4 115; in between here,
 * because all kernels of a node are scaled alike. */
/* Nanoseconds per element of an activation that oneDNN computes itself, as measured. */
static double fused_ns(unsigned act)
{
    switch (act) {
    case INFER__OP_SILU:
    case INFER__OP_SIGMOID:
    case INFER__OP_TANH:
        return 0.6;
    case INFER__OP_HARD_SWISH:
        return 0.3;
    default:
        return 0;
    }
}

double infer__dnnl_estimate(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                            const struct infer__machine *m)
{
    const double call = 2500, dense = 100 * m->products, depthwise = 45, narrow = 30,
                 bytes_per_ns = 20;
    const double strided = m->weight_bytes > 0 ? 100 : 56; /* on a Xeon, on a Zen */
    const int64_t per_group = p->co / p->groups;
    double out = (double)p->n * (double)p->out[0] * (double)p->out[1] * (double)p->out[2];
    double in = (double)p->n * (double)p->in[0] * (double)p->in[1] * (double)p->in[2];
    double bytes = 4 * (in * (double)p->ci + out * (double)p->co * (double)(1 + p->residual));
    double rate = dense, weights = 0;
    if (p->groups > 1 && p->ci / p->groups < 16)
        rate = p->groups == p->ci ? depthwise : narrow;
    else if (p->groups > 1 && p->ci / p->groups == 16 && p->stride[2] > 1)
        rate = strided;
    else if (p->kind == INFER__DNNL_CONV) /* its blocks of output channels are of 16 */
        rate *= (double)per_group / (double)((per_group + 15) / 16 * 16);
    if (p->kind == INFER__DNNL_CONV && p->ci < 8) /* first layers */
        rate *= 0.85;
    if (p->groups > 1 && p->kind == INFER__DNNL_DECONV)
        rate = 10;
    if (p->kind == INFER__DNNL_POOL)
        rate = 15;
    else
        weights = 4 * (double)p->co * (double)(p->ci / p->groups) * (double)p->kernel[0] *
                  (double)p->kernel[1] * (double)p->kernel[2];
    if (m->weight_bytes > 0) { /* it waits for them, as nobody has fetched them */
        weights /= 0.6 * m->weight_bytes;
    } else {
        bytes += weights;
        weights = 0;
    }
    double compute = infer__dnnl_flops(p) / rate, traffic = bytes / bytes_per_ns;
    double act = infer__dnnl_fuses(p, e) ? fused_ns(e->act) : infer__dnnl_activate_ns(e->act);
    double after = act * out * (double)p->co;
    return call + (compute > traffic ? compute : traffic) + weights + after;
}

/* ---- problems ------------------------------------------------------------------------------- */

static int is_data(const struct infer__operand *o)
{
    return o->type == INFER_F32 && o->clast && o->rank >= 3 && o->rank <= 5;
}

static int same_dims(const struct infer__operand *a, const struct infer__operand *b)
{
    return a->rank == b->rank && a->clast == b->clast && a->type == b->type &&
           memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static void set_window(struct infer__dnnl_problem *p, const struct infer__window *w)
{
    for (int a = 0; a < 3; a++) {
        int64_t extent = (w->kernel[a] - 1) * w->dilation[a] + 1;
        p->kernel[a] = w->kernel[a];
        p->stride[a] = w->stride[a];
        p->dilation[a] = w->dilation[a];
        p->pad_begin[a] = w->pad_begin[a];
        /* what the outputs really reach, which is what oneDNN checks */
        if (p->kind == INFER__DNNL_DECONV) {
            p->pad_end[a] = (p->in[a] - 1) * p->stride[a] + extent - p->pad_begin[a] - p->out[a];
        } else {
            int64_t last = (p->out[a] - 1) * p->stride[a] - p->pad_begin[a] + extent;
            p->pad_end[a] = last > p->in[a] ? last - p->in[a] : 0;
        }
    }
}

/* A convolution of 1 x 1 sees pixels only: a picture's become one row, which can be cut anywhere.
 */
static void flatten(struct infer__dnnl_problem *p)
{
    const int64_t most = 1 << 24;
    int64_t pixels = p->out[0] * p->out[1] * p->out[2];
    for (int a = 0; a < 3; a++)
        if (p->kernel[a] != 1 || p->stride[a] != 1 || p->in[a] != p->out[a] || p->pad_begin[a])
            return;
    if (p->kind != INFER__DNNL_CONV || pixels > most)
        return;
    p->ndims = 4;
    p->in[0] = p->in[1] = p->out[0] = p->out[1] = 1;
    p->in[2] = p->out[2] = pixels;
}

/* Fills the problem of a Conv or ConvTranspose; 0 if it is none that is served here. */
static int conv_problem(const struct infer__task *t, struct infer__dnnl_problem *p,
                        struct infer__dnnl_binding *b)
{
    const struct infer__operand *x = &t->in[0], *y = &t->out[0];
    const struct infer__window *w = &t->p.window;
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    memset(p, 0, sizeof *p);
    if (own < 2 || own > 3 || !is_data(x) || !is_data(y) || x->rank != y->rank ||
        t->in[1].type != INFER_F32 || !t->in[1].is_const || !t->in[1].data || w->groups < 1)
        return 0;
    struct infer__spatial in = infer__operand_spatial(x), out = infer__operand_spatial(y);
    *p = (struct infer__dnnl_problem){
        .kind = t->op == INFER__OP_CONV ? INFER__DNNL_CONV : INFER__DNNL_DECONV,
        .ndims = x->rank == 5 ? 5 : 4,
        .n = in.n,
        .ci = in.c,
        .co = out.c,
        .groups = w->groups,
        .in = {in.d, in.h, in.w},
        .out = {out.d, out.h, out.w},
        .bias = own == 3 && t->in[2].type == INFER_F32,
        .residual = t->epi.residual != 0,
    };
    *b = (struct infer__dnnl_binding){.bias = p->bias ? 2 : -1, .residual = -1};
    if (p->residual)
        b->residual = (int32_t)own;
    if (p->residual && !same_dims(&t->in[own], y))
        return 0;
    set_window(p, w);
    if (p->kind == INFER__DNNL_DECONV) {
        p->bias = 0; /* we add it: oneDNN takes two thirds longer for one */
        if (p->residual)
            return 0;
    }
    return infer__dnnl_sane(p);
}

/* Weights are M, C/groups, kernel for Conv and C, M/groups, kernel for ConvTranspose. */
static void bind_weights(const struct infer__dnnl_problem *p, struct infer__dnnl_binding *b)
{
    int64_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    int64_t m = p->co / p->groups, c = p->ci / p->groups;
    int deconv = p->kind == INFER__DNNL_DECONV;
    b->weight_strides[0] = deconv ? taps : c * taps;
    b->weight_strides[1] = deconv ? m * taps : taps;
    b->group_stride = m * c * taps;
}

INFER__APART static double conv_estimate(const struct infer__task *t)
{
    struct infer__dnnl_problem p;
    struct infer__dnnl_binding b;
    if (t->op != INFER__OP_CONV && t->op != INFER__OP_CONV_TRANSPOSE)
        return -1;
    if (!infer__dnnl_allowed(t) || !conv_problem(t, &p, &b))
        return -1;
    return infer__dnnl_estimate(&p, &t->epi, infer__task_machine(t));
}

static infer_status conv_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    struct infer__dnnl_problem p;
    struct infer__dnnl_binding b;
    FAIL_IF(!conv_problem(t, &p, &b), INFER_ERROR_UNSUPPORTED, "not served by oneDNN");
    bind_weights(&p, &b);
    flatten(&p);
    return infer__dnnl_prepare(&p, &b, t, need, err);
}

const struct infer__kernel infer__conv_f32_onednn = {.name = "conv_f32_onednn",
                                                     .isa = INFER_ISA_AVX2,
                                                     .cut_bytes = sizeof(struct infer__dnnl_cut),
                                                     .estimate = conv_estimate,
                                                     .prepare = conv_prepare,
                                                     .pack = infer__dnnl_pack,
                                                     .run = infer__dnnl_run,
                                                     .release = infer__dnnl_release};
