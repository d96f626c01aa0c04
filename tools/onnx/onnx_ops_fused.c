/* Operators of domain com.microsoft that ONNX Runtime's optimiser and quantiser write: several
 * nodes in one. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

/* ---- activations ---------------------------------------------------------------------------- */

/* The activation of a fused node; its numbers are the activation's attributes in the order of
 * ONNX's documentation, or for Clip the bounds. */
static uint32_t activation(struct onnx_expr *e, const char *name, const float *v, uint32_t count,
                           uint32_t x)
{
    static const struct {
        const char *name;
        uint16_t op;
        float alpha, beta; /* where they are not given */
        int attributes;
    } all[] = {{"", INFER__OP_NONE, 0, 0, 0},
               {"Relu", INFER__OP_RELU, 0, 0, 0},
               {"Tanh", INFER__OP_TANH, 0, 0, 0},
               {"Sigmoid", INFER__OP_SIGMOID, 0, 0, 0},
               {"HardSwish", INFER__OP_HARD_SWISH, 0, 0, 0},
               {"LeakyRelu", INFER__OP_LEAKY_RELU, 0.01f, 0, 1},
               {"HardSigmoid", INFER__OP_HARD_SIGMOID, 0.2f, 0.5f, 2},
               {NULL, 0, 0, 0, 0}};
    int i = 0;
    if (!strcmp(name, "Clip") && count == 2)
        return ONNX_E(e, CLIP, x, onnx_e_number(e, (double)v[0]), onnx_e_number(e, (double)v[1]));
    while (all[i].name && strcmp(all[i].name, name))
        i++;
    if (!all[i].name) {
        if (e->status == INFER_OK)
            e->status = onnx_fail(e->n, "activation", "", "'%s' is not supported", name);
        return x;
    }
    if (!name[0])
        return x;
    x = onnx_e(e, all[i].op, &x, 1);
    if (all[i].attributes > 0)
        onnx_e_float(e, INFER__ATTR_ALPHA, count > 0 ? v[0] : all[i].alpha);
    if (all[i].attributes > 1)
        onnx_e_float(e, INFER__ATTR_BETA, count > 1 ? v[1] : all[i].beta);
    return x;
}

/* Conv(X, W, B) + Z, then the activation. */
infer_status onnx_convert_fused_conv(struct onnx_node *n)
{
    const char *name;
    const float *v;
    uint32_t count;
    TRY(onnx_string(n, "activation", "", &name));
    TRY(onnx_floats(n, "activation_params", &v, &count));
    TRY_NODE(n, onnx_takes(n, 2, 4));
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = ONNX_E(&e, CONV, n->in[0], n->in[1], n->nin > 2 ? n->in[2] : 0);
    if (e.status == INFER_OK)
        e.status = onnx_copy_attrs(n, e.last);
    if (n->nin > 3 && n->in[3])
        y = ONNX_E(&e, ADD, y, n->in[3]);
    onnx_e_out(&e, 0, activation(&e, name, v, count, y));
    return e.status;
}

infer_status onnx_convert_fused_gemm(struct onnx_node *n)
{
    const char *name;
    float v[2] = {0, 0};
    TRY(onnx_string(n, "activation", "", &name));
    uint32_t count = onnx_attr(n, "activation_alpha") != NULL;
    TRY(onnx_float(n, "activation_alpha", 0, &v[0]));
    count += count && onnx_attr(n, "activation_beta");
    TRY(onnx_float(n, "activation_beta", 0, &v[1]));
    TRY_NODE(n, onnx_takes(n, 2, 3));
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = ONNX_E(&e, GEMM, n->in[0], n->in[1], n->nin > 2 ? n->in[2] : 0);
    if (e.status == INFER_OK)
        e.status = onnx_copy_attrs(n, e.last);
    onnx_e_out(&e, 0, activation(&e, name, v, count, y));
    return e.status;
}

/* ---- products ------------------------------------------------------------------------------- */

uint32_t onnx_e_swapped(struct onnx_expr *e, uint32_t x, int rank)
{
    int64_t perm[INFER_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    uint32_t y = ONNX_E(e, TRANSPOSE, x);
    onnx_e_ints(e, INFER__ATTR_PERM, perm, (uint32_t)rank);
    return y;
}

/* FusedMatMul, once called TransposeMatMul: alpha * A * B, each of which may be transposed. */
infer_status onnx_convert_fused_matmul(struct onnx_node *n)
{
    static const char *const names[] = {"transA", "transB"};
    static const char *const batches[] = {"transBatchA", "transBatchB"};
    float alpha;
    TRY(onnx_float(n, "alpha", 1.0f, &alpha));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    struct onnx_expr e = onnx_expr(n);
    uint32_t in[2] = {n->in[0], n->in[1]};
    for (uint32_t i = 0; i < 2; i++) {
        int64_t swap, batch;
        int rank = onnx_rank(n, i);
        TRY(onnx_int(n, names[i], 0, &swap));
        TRY(onnx_int(n, batches[i], 0, &batch));
        if (batch)
            return onnx_fail(n, batches[i], "", "it must be 0");
        if (swap && rank < 0)
            return onnx_fail(n, names[i], "", "the rank of input %u is not known", i);
        if (swap && rank > 1)
            in[i] = onnx_e_swapped(&e, in[i], rank);
    }
    uint32_t y = ONNX_E(&e, MATMUL, in[0], in[1]);
    if (alpha != 1.0f)
        y = ONNX_E(&e, MUL, y, onnx_e_number(&e, (double)alpha));
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* The sums of an integer product as numbers: times both scales, plus a bias. */
static uint32_t integer_product(struct onnx_expr *e, const uint32_t operands[4], uint32_t a_scale,
                                uint32_t b_scale, uint32_t bias)
{
    uint32_t sums = onnx_e(e, INFER__OP_MATMUL_INTEGER, operands, 4);
    uint32_t y = onnx_e_cast(e, sums, INFER_F32);
    y = ONNX_E(e, MUL, y, ONNX_E(e, MUL, a_scale, b_scale));
    return bias ? ONNX_E(e, ADD, y, bias) : y;
}

/* DynamicQuantizeMatMul: A (f32), B, its scale and zero point, bias. A is quantised to u8 by its
 * own range. */
infer_status onnx_convert_dynamic_matmul(struct onnx_node *n)
{
    uint32_t a[3];
    struct infer__node *node;
    TRY_NODE(n, onnx_takes(n, 3, 5));
    struct onnx_expr e = onnx_expr(n);
    TRY(onnx_temp(n, "quantised", &a[0]));
    TRY(onnx_temp(n, "scale", &a[1]));
    TRY(onnx_temp(n, "zero", &a[2]));
    TRY(onnx_emit(n, INFER__OP_DYNAMIC_QUANTIZE_LINEAR, n->in, 1, a, 3, &node));
    const uint32_t operands[4] = {a[0], n->in[1], a[2], n->nin > 3 ? n->in[3] : 0};
    onnx_e_out(&e, 0, integer_product(&e, operands, a[1], n->in[2], n->nin > 4 ? n->in[4] : 0));
    return e.status;
}

/* MatMulIntegerToFloat: A, B, their scales, their zero points, bias. */
infer_status onnx_convert_integer_matmul(struct onnx_node *n)
{
    TRY_NODE(n, onnx_takes(n, 4, 7));
    struct onnx_expr e = onnx_expr(n);
    const uint32_t operands[4] = {n->in[0], n->in[1], n->nin > 4 ? n->in[4] : 0,
                                  n->nin > 5 ? n->in[5] : 0};
    onnx_e_out(&e, 0, integer_product(&e, operands, n->in[2], n->in[3], n->nin > 6 ? n->in[6] : 0));
    return e.status;
}

/* ---- channels last -------------------------------------------------------------------------- */

uint32_t onnx_e_channels(struct onnx_expr *e, uint32_t x, int rank, int first)
{
    int64_t perm[INFER_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = first ? (i == 0   ? 0
                           : i == 1 ? rank - 1
                                    : i - 1)
                        : (i == 0          ? 0
                           : i == rank - 1 ? 1
                                           : i + 1);
    uint32_t y = ONNX_E(e, TRANSPOSE, x);
    onnx_e_ints(e, INFER__ATTR_PERM, perm, (uint32_t)rank);
    return y;
}

infer_status onnx_convert_nhwc_max_pool(struct onnx_node *n)
{
    const int64_t *kernel;
    uint32_t count;
    TRY(onnx_ints(n, "kernel_shape", &kernel, &count));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    if (!kernel || count < 1 || count > 3)
        return onnx_fail(n, "kernel_shape", "", "one to three numbers are needed");
    n->used = 0; /* to be copied */
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = ONNX_E(&e, MAX_POOL, onnx_e_channels(&e, n->in[0], (int)count + 2, 1));
    if (e.status == INFER_OK)
        e.status = onnx_copy_attrs(n, e.last);
    onnx_e_out(&e, 0, onnx_e_channels(&e, y, (int)count + 2, 0));
    return e.status;
}
