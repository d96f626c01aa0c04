/* A small network for tests of sessions: every kind of pass of the plan has something to do.
 *
 *   picture (N free, 3, 17, 13) -> Conv 3x3 -> Relu -> MaxPool -> Conv 1x1 -> Add(MaxPool) -> Clip
 *     -> Concat with itself times Sigmoid -> GlobalAveragePool -> Reshape by Shape, Gather, Concat
 *     -> Gemm -> Softmax: "scores" (N, 5); the clipped map is an output too: "map" */
#ifndef INFER_TESTS_SMALL_NET_H
#define INFER_TESTS_SMALL_NET_H

#include "tests/file_fixture.h"

#define OK(expr) assert_int_equal((expr), INFER_OK)

struct net {
    struct infer__region region;
    struct infer__graph g;
    struct rng rng;
    infer_error err;
};

FIXTURE uint32_t net_const(struct net *n, const char *name, int rank, const int64_t *dims)
{
    int64_t count = 1;
    uint32_t id;
    for (int i = 0; i < rank; i++)
        count *= dims[i];
    float *data = infer__region_calloc(&n->region, (size_t)count, sizeof *data);
    for (int64_t i = 0; i < count; i++)
        data[i] = ((float)rng_below(&n->rng, 2001) - 1000) / 1500;
    OK(infer__graph_add_const(&n->g, name, INFER_F32, rank, dims, data, 0, &id, &n->err));
    return id;
}

FIXTURE uint32_t net_ints(struct net *n, const char *name, int rank, int64_t count,
                          const int64_t *v)
{
    uint32_t id;
    OK(infer__graph_add_const(&n->g, name, INFER_S64, rank, &count, v, 1, &id, &n->err));
    return id;
}

FIXTURE uint32_t net_node(struct net *n, uint16_t op, const char *name, const uint32_t *in,
                          uint32_t nin, struct infer__node **node)
{
    uint32_t out;
    OK(infer__graph_add_value(&n->g, name, &out, &n->err));
    OK(infer__graph_add_node(&n->g, op, name, in, nin, &out, 1, node, &n->err));
    return out;
}

FIXTURE void net_attr(struct net *n, struct infer__node *node, uint16_t key, uint32_t count,
                      const int64_t *v)
{
    OK(infer__node_set_ints(&n->g, node, key, v, count, &n->err));
}

FIXTURE uint32_t net_input(struct net *n)
{
    uint32_t x;
    OK(infer__graph_add_value(&n->g, "picture", &x, &n->err));
    struct infer__value *v = &n->g.values[x];
    *v = (struct infer__value){.type = INFER_F32,
                               .rank = 4,
                               .kind = INFER__VALUE_INPUT,
                               .free_dims = 1,
                               .dims = {0, 3, 17, 13},
                               .name = v->name};
    n->g.inputs = infer__region_copy(&n->region, &x, sizeof x);
    n->g.ninputs = 1;
    return x;
}

FIXTURE uint32_t net_features(struct net *n, uint32_t x)
{
    struct infer__node *node;
    uint32_t w1 = net_const(n, "w1", 4, (int64_t[]){8, 3, 3, 3});
    uint32_t b1 = net_const(n, "b1", 1, (int64_t[]){8});
    uint32_t w2 = net_const(n, "w2", 4, (int64_t[]){8, 8, 1, 1});
    uint32_t conv = net_node(n, INFER__OP_CONV, "conv1", (uint32_t[]){x, w1, b1}, 3, &node);
    net_attr(n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
    uint32_t relu = net_node(n, INFER__OP_RELU, "relu1", &conv, 1, &node);
    uint32_t pool = net_node(n, INFER__OP_MAX_POOL, "pool1", &relu, 1, &node);
    net_attr(n, node, INFER__ATTR_KERNEL_SHAPE, 2, (int64_t[]){2, 2});
    net_attr(n, node, INFER__ATTR_STRIDES, 2, (int64_t[]){2, 2});
    uint32_t conv2 = net_node(n, INFER__OP_CONV, "conv2", (uint32_t[]){pool, w2}, 2, &node);
    uint32_t add = net_node(n, INFER__OP_ADD, "add", (uint32_t[]){pool, conv2}, 2, &node);
    float bounds[2] = {0, 6};
    uint32_t lo, hi;
    OK(infer__graph_add_const(&n->g, "lo", INFER_F32, 0, NULL, &bounds[0], 1, &lo, &n->err));
    OK(infer__graph_add_const(&n->g, "hi", INFER_F32, 0, NULL, &bounds[1], 1, &hi, &n->err));
    return net_node(n, INFER__OP_CLIP, "map", (uint32_t[]){add, lo, hi}, 3, &node);
}

FIXTURE uint32_t net_head(struct net *n, uint32_t map)
{
    struct infer__node *node;
    int64_t zero = 0, minus = -1, one = 1;
    uint32_t gate = net_node(n, INFER__OP_SIGMOID, "gate", &map, 1, &node);
    uint32_t silu = net_node(n, INFER__OP_MUL, "silu", (uint32_t[]){map, gate}, 2, &node);
    uint32_t both = net_node(n, INFER__OP_CONCAT, "both", (uint32_t[]){map, silu}, 2, &node);
    net_attr(n, node, INFER__ATTR_AXIS, 1, &one);
    uint32_t mean = net_node(n, INFER__OP_GLOBAL_AVERAGE_POOL, "mean", &both, 1, &node);
    uint32_t shape = net_node(n, INFER__OP_SHAPE, "shape", &mean, 1, &node);
    uint32_t index = net_ints(n, "index", 0, 1, &zero), rest = net_ints(n, "rest", 1, 1, &minus);
    uint32_t axes = net_ints(n, "axes", 1, 1, &zero);
    uint32_t batch = net_node(n, INFER__OP_GATHER, "batch", (uint32_t[]){shape, index}, 2, &node);
    uint32_t first = net_node(n, INFER__OP_UNSQUEEZE, "first", (uint32_t[]){batch, axes}, 2, &node);
    uint32_t to = net_node(n, INFER__OP_CONCAT, "to", (uint32_t[]){first, rest}, 2, &node);
    net_attr(n, node, INFER__ATTR_AXIS, 1, &zero);
    uint32_t flat = net_node(n, INFER__OP_RESHAPE, "flat", (uint32_t[]){mean, to}, 2, &node);
    uint32_t w = net_const(n, "w3", 2, (int64_t[]){16, 5});
    uint32_t b = net_const(n, "b3", 1, (int64_t[]){5});
    uint32_t dense = net_node(n, INFER__OP_GEMM, "dense", (uint32_t[]){flat, w, b}, 3, &node);
    return net_node(n, INFER__OP_SOFTMAX, "scores", &dense, 1, &node);
}

/* A loaded model with the file that it is in. */
struct net_model {
    struct bytes file;
    infer_model *model;
};

/* A model of the graph so far with these outputs; ends the net. */
FIXTURE struct net_model net_load(struct net *n, uint32_t *outputs, uint32_t noutputs)
{
    struct net_model m = {{NULL, 0}, NULL};
    struct infer__file_content content = {.graph = &n->g};
    infer_error err;
    n->g.outputs = outputs;
    n->g.noutputs = noutputs;
    m.file = write_exact(&content);
    infer__region_free(&n->region);
    OK(infer_load_memory(m.file.data, m.file.size, NULL, &m.model, &err));
    return m;
}

FIXTURE void net_drop(struct net_model *m)
{
    infer_model_free(&m->model);
    free(m->file.data);
}

FIXTURE infer_session *net_session(const struct net_model *m, infer_isa isa, uint32_t threads,
                                   uint32_t no_onednn)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.isa = isa;
    o.threads = threads;
    o.no_onednn = no_onednn;
    infer_status status = infer_session_create(m->model, &o, &s, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s (%s)", infer_status_name(status), err.message, err.node);
    return s;
}

/* The network as a file. */
FIXTURE struct bytes small_net(void)
{
    struct net n = {.rng = {7}};
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t map = net_features(&n, net_input(&n));
    uint32_t out[2] = {net_head(&n, map), map};
    n.g.outputs = out;
    n.g.noutputs = 2;
    static const char *const labels[] = {"a", "b", "c", "d", "e"};
    struct infer__file_content content = {.graph = &n.g, .labels = labels, .nlabels = 5};
    struct bytes b = write_exact(&content);
    infer__region_free(&n.region);
    return b;
}

static inline uint32_t net_value(struct net *n, const char *name, infer_type type, int rank,
                                 int64_t a)
{
    uint32_t id;
    OK(infer__graph_add_value(&n->g, name, &id, &n->err));
    struct infer__value *v = &n->g.values[id];
    v->kind = INFER__VALUE_INPUT;
    v->type = (uint8_t)type;
    v->rank = (uint8_t)rank;
    v->dims[0] = a;
    v->shaped = 1;
    return id;
}

#endif
