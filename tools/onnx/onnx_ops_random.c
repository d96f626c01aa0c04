/* Random numbers. They follow from a seed alone: the node's own, or one that is made of its name,
 * so that every session and every run gives the same. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

static float seed_of_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return (float)(hash >> 8);
}

/* Numbers of a shape, as f32; the seed is the node's. */
static infer_status random_of(struct onnx_node *n, struct onnx_expr *e, uint32_t shape,
                              int64_t mode, const float range[2], uint32_t *y)
{
    float seed;
    TRY(onnx_float(n, "seed", seed_of_name(n->name), &seed));
    *y = ONNX_E(e, RANDOM, shape);
    onnx_e_int(e, INFER__ATTR_MODE, mode);
    onnx_e_float(e, INFER__ATTR_ALPHA, range[0]);
    onnx_e_float(e, INFER__ATTR_BETA, range[1]);
    onnx_e_float(e, INFER__ATTR_SEED, seed);
    return e->status;
}

/* RandomNormal, RandomUniform, and those that take their shape from an operand. */
infer_status onnx_convert_random(struct onnx_node *n)
{
    const int normal = !strncmp(n->op, "RandomNormal", 12), like = strstr(n->op, "Like") != NULL;
    const int64_t *dims;
    float range[2];
    uint32_t count, shape, y;
    int64_t dtype;
    TRY(onnx_float(n, normal ? "mean" : "low", 0.0f, &range[0]));
    TRY(onnx_float(n, normal ? "scale" : "high", 1.0f, &range[1]));
    TRY(onnx_int(n, "dtype", like ? 0 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &dtype));
    infer_type type = dtype ? onnx_type(dtype) : onnx_in_type(n, 0);
    if (type == INFER_TYPE_NONE && (dtype || !like))
        return onnx_fail(n, "dtype", "", "the type is not supported");
    struct onnx_expr e = onnx_expr(n);
    if (like) {
        TRY_NODE(n, onnx_takes(n, 1, 1));
        shape = ONNX_E(&e, SHAPE, n->in[0]);
    } else {
        TRY(onnx_ints(n, "shape", &dims, &count));
        if (!dims)
            return onnx_fail(n, "shape", "", "the attribute is missing");
        shape = onnx_e_list(&e, dims, count);
    }
    TRY(random_of(n, &e, shape, normal ? INFER__NORMAL : INFER__UNIFORM, range, &y));
    if (type == INFER_F64)
        y = onnx_e_cast(&e, y, type);
    onnx_e_out(&e, 0, y);
    return e.status;
}

static const float unit[2] = {0, 1};

/* 1 with the probability that the input says. */
infer_status onnx_convert_bernoulli(struct onnx_node *n)
{
    uint32_t u;
    int64_t dtype;
    TRY(onnx_int(n, "dtype", 0, &dtype));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type in = onnx_in_type(n, 0), type = dtype ? onnx_type(dtype) : in;
    if (type == INFER_TYPE_NONE)
        return onnx_fail(n, "dtype", "", "the type is not supported, or not known");
    struct onnx_expr e = onnx_expr(n);
    TRY(random_of(n, &e, ONNX_E(&e, SHAPE, n->in[0]), INFER__UNIFORM, unit, &u));
    if (in == INFER_F64)
        u = onnx_e_cast(&e, u, in);
    onnx_e_out(&e, 0, onnx_e_cast(&e, ONNX_E(&e, LESS, u, n->in[0]), onnx_widened(type)));
    return e.status;
}

/* Classes of log-probabilities: how many sums of probabilities a number between 0 and 1 passes. */
infer_status onnx_convert_multinomial(struct onnx_node *n)
{
    uint32_t u;
    int64_t dtype, samples;
    TRY(onnx_int(n, "dtype", ONNX__TENSOR_PROTO__DATA_TYPE__INT32, &dtype));
    TRY(onnx_int(n, "sample_size", 1, &samples));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type type = onnx_type(dtype);
    if (type != INFER_S32 && type != INFER_S64)
        return onnx_fail(n, "dtype", "", "the type must be INT32 or INT64");
    struct onnx_expr e = onnx_expr(n);
    uint32_t images = ONNX_E(&e, SHAPE, n->in[0]);
    onnx_e_int(&e, INFER__ATTR_END, 1);
    uint32_t shape = ONNX_E(&e, CONCAT, images, ONNX_LIST(&e, samples));
    onnx_e_int(&e, INFER__ATTR_AXIS, 0);
    TRY(random_of(n, &e, shape, INFER__UNIFORM, unit, &u));
    uint32_t p = ONNX_E(&e, SOFTMAX, onnx_e_cast(&e, n->in[0], INFER_F32));
    onnx_e_int(&e, INFER__ATTR_AXIS, 1);
    uint32_t sums = ONNX_E(&e, CUM_SUM, p, onnx_e_scalar(&e, INFER_S64, 1));
    sums = ONNX_E(&e, UNSQUEEZE, sums, ONNX_LIST(&e, 1));
    uint32_t passed = ONNX_E(&e, LESS_OR_EQUAL, sums, ONNX_E(&e, UNSQUEEZE, u, ONNX_LIST(&e, 2)));
    uint32_t y = onnx_e_reduce(&e, INFER__OP_REDUCE_SUM, onnx_e_cast(&e, passed, INFER_S64),
                               ONNX_LIST(&e, 2), 0);
    uint32_t classes =
        ONNX_E(&e, GATHER, ONNX_E(&e, SHAPE, n->in[0]), onnx_e_scalar(&e, INFER_S64, 1));
    classes = ONNX_E(&e, SUB, classes, onnx_e_scalar(&e, INFER_S64, 1));
    onnx_e_out(&e, 0, onnx_e_cast(&e, ONNX_E(&e, MIN, y, classes), type));
    return e.status;
}
