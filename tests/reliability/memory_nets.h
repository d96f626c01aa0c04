/* Small networks for the checks of memory: one whose convolutions are oneDNN's where that is the
 * fastest, one of integers. Input "picture", 1 x 3 x side x side of f32. */
#ifndef TESTS_RELIABILITY_MEMORY_NETS_H
#define TESTS_RELIABILITY_MEMORY_NETS_H

#include "tests/small_net.h"

FIXTURE uint32_t memory_net_begin(struct net *n, int64_t side)
{
    *n = (struct net){.rng = {11}};
    infer__region_init(&n->region, NULL);
    OK(infer__graph_init(&n->g, &n->region, &n->err));
    uint32_t x = net_input(n);
    n->g.values[x].free_dims = 0;
    memcpy(n->g.values[x].dims, (int64_t[]){1, 3, side, side}, 4 * sizeof(int64_t));
    return x;
}

FIXTURE struct bytes memory_net_end(struct net *n, uint32_t output)
{
    struct infer__file_content content = {.graph = &n->g};
    n->g.outputs = &output;
    n->g.noutputs = 1;
    struct bytes b = write_exact(&content);
    infer__region_free(&n->region);
    return b;
}

/* Depthwise 3x3 of 3 channels, which no kernel of ours is made for, and Relu. */
FIXTURE struct bytes memory_net_depthwise(void)
{
    struct infer__node *node;
    struct net n;
    int64_t groups = 3;
    uint32_t x = memory_net_begin(&n, 64);
    for (int i = 0; i < 2; i++) {
        uint32_t w = net_const(&n, i ? "w2" : "w1", 4, (int64_t[]){3, 1, 3, 3});
        x = net_node(&n, INFER__OP_CONV, i ? "conv2" : "conv1", (uint32_t[]){x, w}, 2, &node);
        net_attr(&n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
        net_attr(&n, node, INFER__ATTR_GROUP, 1, &groups);
        x = net_node(&n, INFER__OP_RELU, i ? "relu2" : "relu1", &x, 1, &node);
    }
    return memory_net_end(&n, x);
}

FIXTURE uint32_t memory_net_quant(struct net *n, uint16_t op, const char *name, uint32_t x)
{
    static const float scale = 0.02f;
    static const uint8_t zero = 117;
    struct infer__node *node;
    uint32_t s, z;
    OK(infer__graph_add_const(&n->g, "", INFER_F32, 0, NULL, &scale, 1, &s, &n->err));
    OK(infer__graph_add_const(&n->g, "", INFER_U8, 0, NULL, &zero, 1, &z, &n->err));
    return net_node(n, op, name, (uint32_t[]){x, s, z}, 3, &node);
}

FIXTURE uint32_t memory_net_pair(struct net *n, uint32_t x)
{
    x = memory_net_quant(n, INFER__OP_QUANTIZE_LINEAR, "q", x);
    return memory_net_quant(n, INFER__OP_DEQUANTIZE_LINEAR, "dq", x);
}

/* Quantised: Conv 3x3, Relu, MaxPool. */
FIXTURE struct bytes memory_net_int8(void)
{
    static const float scale = 0.01f;
    int8_t weights[8 * 3 * 9];
    struct infer__node *node;
    struct net n;
    uint32_t w, s, x = memory_net_begin(&n, 12);
    for (size_t i = 0; i < sizeof weights; i++)
        weights[i] = (int8_t)((int)rng_below(&n.rng, 255) - 127);
    x = memory_net_pair(&n, x);
    OK(infer__graph_add_const(&n.g, "w", INFER_S8, 4, (int64_t[]){8, 3, 3, 3}, weights, 1, &w,
                              &n.err));
    OK(infer__graph_add_const(&n.g, "", INFER_F32, 0, NULL, &scale, 1, &s, &n.err));
    w = net_node(&n, INFER__OP_DEQUANTIZE_LINEAR, "wf", (uint32_t[]){w, s}, 2, &node);
    x = net_node(&n, INFER__OP_CONV, "conv", (uint32_t[]){x, w}, 2, &node);
    x = net_node(&n, INFER__OP_RELU, "relu", &x, 1, &node);
    x = memory_net_pair(&n, x);
    x = net_node(&n, INFER__OP_MAX_POOL, "pool", &x, 1, &node);
    net_attr(&n, node, INFER__ATTR_KERNEL_SHAPE, 2, (int64_t[]){2, 2});
    return memory_net_end(&n, memory_net_pair(&n, x));
}

#endif
