/* One graph per rule that is bad in that one way, with the status, the node that is named and a
 * part of the message; and graphs at the limits that are good. */
#include <time.h>

#include "test_graph.h"

/* A good graph to spoil:
 *   x (input 1x3x8x8, its batch free) -> conv(x, w) = c -> relu(c) = y -> concat(y, y, c) = z
 * Values: 1 x, 2 w, 3 c, 4 y, 5 z. Nodes: 0 "conv", 1 "relu", 2 "concat". Output: z. */
static float weights[2 * 3 * 3 * 3];

static void good_graph(struct fixture *f)
{
    struct infer__graph *g = &f->g;
    struct infer__node *n;
    uint32_t id[6] = {0}, *lists;
    int64_t dims[4] = {2, 3, 3, 3}, pads[4] = {1, 1, 1, 1}, axis = 1;
    fixture_init(f);
    assert_int_equal(infer__graph_add_value(g, "x", &id[1], &f->err), INFER_OK);
    assert_int_equal(
        infer__graph_add_const(g, "w", INFER_F32, 4, dims, weights, 0, &id[2], &f->err), INFER_OK);
    assert_int_equal(infer__graph_add_value(g, "c", &id[3], &f->err), INFER_OK);
    assert_int_equal(infer__graph_add_value(g, "y", &id[4], &f->err), INFER_OK);
    assert_int_equal(infer__graph_add_value(g, "z", &id[5], &f->err), INFER_OK);
    struct infer__value *x = &g->values[1];
    *x = (struct infer__value){.name = x->name,
                               .kind = INFER__VALUE_INPUT,
                               .type = INFER_F32,
                               .rank = 4,
                               .dims = {0, 3, 8, 8},
                               .free_dims = 1};
    assert_int_equal(
        infer__graph_add_node(g, INFER__OP_CONV, "conv", &id[1], 2, &id[3], 1, &n, &f->err), 0);
    assert_int_equal(infer__node_set_ints(g, n, INFER__ATTR_PADS, pads, 4, &f->err), 0);
    assert_int_equal(infer__node_set_ints(g, n, INFER__ATTR_GROUP, &axis, 1, &f->err), 0);
    assert_int_equal(
        infer__graph_add_node(g, INFER__OP_RELU, "relu", &id[3], 1, &id[4], 1, &n, &f->err), 0);
    uint32_t in[3] = {id[4], id[4], id[3]};
    assert_int_equal(
        infer__graph_add_node(g, INFER__OP_CONCAT, "concat", in, 3, &id[5], 1, &n, &f->err), 0);
    assert_int_equal(infer__node_set_ints(g, n, INFER__ATTR_AXIS, &axis, 1, &f->err), 0);
    lists = infer__region_calloc(&f->region, 8, sizeof *lists);
    lists[0] = id[1];
    lists[4] = id[5];
    g->inputs = lists;
    g->ninputs = 1;
    g->outputs = lists + 4;
    g->noutputs = 1;
}

static struct infer__attr *attr(struct fixture *f, unsigned node, unsigned i)
{
    return (struct infer__attr *)(uintptr_t)&f->g.nodes[node].attr[i];
}

/* ---- ways to spoil it ----------------------------------------------------------------------- */

#define SPOIL(name) static void name(struct fixture *f)
#define VALUE(i) f->g.values[i]
#define NODE(i) f->g.nodes[i]

SPOIL(absent_none)
{
    f->g.nvalues = 0;
}
SPOIL(absent_typed)
{
    VALUE(0).type = INFER_F32;
}
SPOIL(absent_values)
{
    f->g.values = NULL;
}
SPOIL(absent_rank)
{
    VALUE(0).rank = 1;
}
SPOIL(absent_kind)
{
    VALUE(0).kind = INFER__VALUE_CONST;
}
SPOIL(absent_shaped)
{
    VALUE(0).shaped = 1;
}
SPOIL(absent_free)
{
    VALUE(0).free_dims = 1;
}
SPOIL(absent_no_name)
{
    VALUE(0).name = NULL;
}
SPOIL(absent_data)
{
    VALUE(0).data = weights;
}
SPOIL(value_no_name)
{
    VALUE(3).name = NULL;
}
SPOIL(value_kind)
{
    VALUE(3).kind = 3;
}
SPOIL(value_type)
{
    VALUE(3).type = 14;
}
SPOIL(value_rank)
{
    VALUE(3).rank = 9;
}
SPOIL(value_shaped_flag)
{
    VALUE(3).shaped = 2;
}
SPOIL(value_dim_negative)
{
    VALUE(1).dims[2] = -1;
}
SPOIL(value_free_not_zero)
{
    VALUE(1).dims[0] = 1;
}
SPOIL(value_free_beyond)
{
    VALUE(1).free_dims = 1u << 4;
}
SPOIL(value_free_shaped)
{
    VALUE(1).shaped = 1;
}
SPOIL(value_shaped_no_type)
{
    VALUE(3).shaped = 1;
}
SPOIL(value_too_large)
{
    VALUE(2).dims[0] = INT64_C(1) << 40;
    VALUE(2).dims[1] = INT64_C(1) << 40;
}
SPOIL(value_too_large_but_zero)
{
    VALUE(2).dims[0] = 0;
    VALUE(2).dims[1] = INT64_MAX;
}
SPOIL(value_too_many_bytes)
{
    VALUE(2).dims[0] = INT64_C(1) << 62;
    VALUE(2).dims[1] = VALUE(2).dims[2] = VALUE(2).dims[3] = 1;
}
SPOIL(const_unshaped)
{
    VALUE(2).shaped = 0;
}
SPOIL(const_no_data)
{
    VALUE(2).data = NULL;
}
SPOIL(input_list)
{
    f->g.inputs = NULL;
}
SPOIL(input_zero)
{
    f->g.inputs[0] = 0;
}
SPOIL(input_range)
{
    f->g.inputs[0] = 6;
}
SPOIL(input_range_far)
{
    f->g.inputs[0] = UINT32_MAX;
}
SPOIL(input_kind)
{
    f->g.inputs[0] = 2;
}
SPOIL(input_twice)
{
    f->g.inputs[1] = 1;
    f->g.ninputs = 2;
}
SPOIL(input_no_type)
{
    VALUE(1).type = INFER_TYPE_NONE;
}
SPOIL(input_unlisted)
{
    f->g.ninputs = 0;
}
SPOIL(output_list)
{
    f->g.outputs = NULL;
}
SPOIL(output_zero)
{
    f->g.outputs[0] = 0;
}
SPOIL(output_range)
{
    f->g.outputs[0] = 6;
}
SPOIL(output_unproduced)
{
    uint32_t id;
    assert_int_equal(infer__graph_add_value(&f->g, "loose", &id, &f->err), INFER_OK);
    f->g.outputs[0] = id;
}
SPOIL(output_twice)
{
    f->g.outputs[1] = 5;
    f->g.noutputs = 2;
}
SPOIL(node_list)
{
    f->g.nodes = NULL;
}
SPOIL(node_no_name)
{
    NODE(1).name = NULL;
}
SPOIL(node_op_none)
{
    NODE(1).op = INFER__OP_NONE;
}
SPOIL(node_op_range)
{
    NODE(1).op = INFER__OP_COUNT;
}
SPOIL(node_op_internal)
{
    NODE(1).op = INFER__OP_SILU;
}
SPOIL(node_fused)
{
    NODE(0).epi.act = INFER__OP_RELU;
}
SPOIL(node_residual)
{
    NODE(0).epi.residual = 1;
}
SPOIL(node_in_list)
{
    NODE(1).in = NULL;
}
SPOIL(node_out_list)
{
    NODE(1).out = NULL;
}
SPOIL(node_few_in)
{
    NODE(0).nin = 1;
}
SPOIL(node_many_in)
{
    NODE(1).in = NODE(0).in;
    NODE(1).nin = 2;
}
SPOIL(node_few_out)
{
    NODE(1).nout = 0;
}
SPOIL(node_many_out)
{
    static uint32_t out[2] = {4, 0};
    NODE(1).out = out;
    NODE(1).nout = 2;
}
SPOIL(node_in_absent)
{
    NODE(0).in[1] = 0;
}
SPOIL(node_in_absent_variadic)
{
    NODE(2).in[2] = 0;
}
SPOIL(node_in_range)
{
    NODE(1).in[0] = 6;
}
SPOIL(node_in_itself)
{
    NODE(1).in[0] = 4;
}
SPOIL(node_in_later)
{
    NODE(0).in[0] = 4;
}
SPOIL(node_out_absent)
{
    NODE(1).out[0] = 0;
}
SPOIL(node_out_range)
{
    NODE(1).out[0] = UINT32_MAX;
}
SPOIL(node_out_input)
{
    NODE(1).out[0] = 1;
}
SPOIL(node_out_const)
{
    NODE(1).out[0] = 2;
}
SPOIL(node_out_twice)
{
    NODE(1).out[0] = 3;
}
SPOIL(attr_list)
{
    NODE(0).attr = NULL;
}
SPOIL(attr_none)
{
    attr(f, 0, 0)->key = INFER__ATTR_NONE;
}
SPOIL(attr_range)
{
    attr(f, 0, 0)->key = UINT16_MAX;
}
SPOIL(attr_foreign)
{
    attr(f, 0, 0)->key = INFER__ATTR_AXES;
}
SPOIL(attr_type)
{
    attr(f, 0, 0)->type = INFER__ATTR_FLOATS;
}
SPOIL(attr_not_scalar)
{
    attr(f, 2, 0)->count = 2;
}
SPOIL(attr_empty_scalar)
{
    attr(f, 2, 0)->count = 0;
}
SPOIL(attr_long)
{
    attr(f, 0, 0)->count = 17;
}
SPOIL(attr_no_values)
{
    attr(f, 0, 0)->ints = NULL;
}
SPOIL(custom_without_descriptor)
{
    NODE(1).op = INFER__OP_CUSTOM;
}
SPOIL(loop_without_end)
{
    NODE(1).op = INFER__OP_LOOP;
}
SPOIL(attr_twice)
{
    *attr(f, 0, 1) = *attr(f, 0, 0);
}

struct rule {
    const char *name;
    void (*spoil)(struct fixture *f);
    infer_status status;
    const char *node, *message;
};

#define RULE(name, status, node, message)                                                          \
    {                                                                                              \
#name, name, INFER_ERROR_##status, node, message                                           \
    }

static const struct rule rules[] = {
    RULE(absent_none, FORMAT, "", "no absent value"),
    RULE(absent_typed, FORMAT, "", "value 0 must be absent"),
    RULE(absent_values, FORMAT, "", "no absent value 0"),
    RULE(absent_rank, FORMAT, "", "value 0 must be absent"),
    RULE(absent_kind, FORMAT, "", "value 0 must be absent"),
    RULE(absent_shaped, FORMAT, "", "value 0 must be absent"),
    RULE(absent_free, FORMAT, "", "value 0 must be absent"),
    RULE(absent_no_name, FORMAT, "", "value 0 must be absent"),
    RULE(absent_data, FORMAT, "", "value 0 must be absent"),
    RULE(value_no_name, FORMAT, "", "value 3 ('') has no name"),
    RULE(value_kind, FORMAT, "", "value 3 ('c') is of no known kind"),
    RULE(value_type, FORMAT, "", "no known type"),
    RULE(value_rank, FORMAT, "", "rank above 8"),
    RULE(value_shaped_flag, FORMAT, "", "flag 'shaped'"),
    RULE(value_dim_negative, FORMAT, "", "negative dimension"),
    RULE(value_free_not_zero, FORMAT, "", "free dimension that is not 0"),
    RULE(value_free_beyond, FORMAT, "", "beyond its rank"),
    RULE(value_free_shaped, FORMAT, "", "counts as shaped"),
    RULE(value_shaped_no_type, FORMAT, "", "a shape but no type"),
    RULE(value_too_large, FORMAT, "", "more bytes than a tensor may have"),
    RULE(value_too_large_but_zero, FORMAT, "", "more bytes than a tensor may have"),
    RULE(value_too_many_bytes, FORMAT, "", "more bytes than a tensor may have"),
    RULE(const_unshaped, FORMAT, "", "constant without type and shape"),
    RULE(const_no_data, FORMAT, "", "constant without data"),
    RULE(input_list, FORMAT, "", "list of inputs is missing"),
    RULE(input_zero, FORMAT, "", "input 0 of the graph is value 0"),
    RULE(input_range, FORMAT, "", "input 0 of the graph is value 6, of 6"),
    RULE(input_range_far, FORMAT, "", "input 0 of the graph is value 4294967295, of 6"),
    RULE(input_kind, FORMAT, "", "listed as an input of the graph but is none"),
    RULE(input_twice, FORMAT, "", "listed twice as an input"),
    RULE(input_no_type, FORMAT, "", "input of the graph without a type"),
    RULE(input_unlisted, FORMAT, "", "an input that the graph does not list"),
    RULE(output_list, FORMAT, "", "list of outputs is missing"),
    RULE(output_zero, FORMAT, "", "output 0 of the graph is value 0"),
    RULE(output_range, FORMAT, "", "output 0 of the graph is value 6, of 6"),
    RULE(output_unproduced, FORMAT, "", "output of the graph that nothing produces"),
    RULE(output_twice, FORMAT, "", "listed twice as an output"),
    RULE(node_list, FORMAT, "", "list of nodes is missing"),
    RULE(node_no_name, FORMAT, "", "node 1 has no name"),
    RULE(node_op_none, UNSUPPORTED, "relu", "operator 0 is not known"),
    RULE(node_op_range, UNSUPPORTED, "relu", "is not known to this version"),
    RULE(node_op_internal, FORMAT, "relu", "Silu can't stand in a graph"),
    RULE(node_fused, FORMAT, "conv", "something fused"),
    RULE(node_residual, FORMAT, "conv", "something fused"),
    RULE(node_in_list, FORMAT, "relu", "list of inputs or outputs is missing"),
    RULE(node_out_list, FORMAT, "relu", "list of inputs or outputs is missing"),
    RULE(node_few_in, FORMAT, "conv", "Conv takes 2 to 3 inputs, not 1"),
    RULE(node_many_in, FORMAT, "relu", "Relu takes 1 to 1 inputs, not 2"),
    RULE(node_few_out, FORMAT, "relu", "Relu has 1 to 1 outputs, not 0"),
    RULE(node_many_out, FORMAT, "relu", "Relu has 1 to 1 outputs, not 2"),
    RULE(node_in_absent, FORMAT, "conv", "input 1 is missing"),
    RULE(node_in_absent_variadic, FORMAT, "concat", "input 2 is missing"),
    RULE(node_in_range, FORMAT, "relu", "input 0 is value 6, of 6"),
    RULE(node_in_itself, FORMAT, "relu", "value 4 ('y'), is not produced by an earlier node"),
    RULE(node_in_later, FORMAT, "conv", "value 4 ('y'), is not produced by an earlier node"),
    RULE(node_out_absent, FORMAT, "relu", "output 0 is missing"),
    RULE(node_out_range, FORMAT, "relu", "output 0 is value 4294967295, of 6"),
    RULE(node_out_input, FORMAT, "relu", "is an input or constant of the graph"),
    RULE(node_out_const, FORMAT, "relu", "is an input or constant of the graph"),
    RULE(node_out_twice, FORMAT, "relu", "has another producer already"),
    RULE(attr_list, FORMAT, "conv", "list of attributes is missing"),
    RULE(attr_none, UNSUPPORTED, "conv", "attribute 0 is not known"),
    RULE(attr_range, UNSUPPORTED, "conv", "attribute 65535 is not known"),
    RULE(attr_foreign, FORMAT, "conv", "Conv has no attribute 'axes'"),
    RULE(attr_type, FORMAT, "conv", "attribute 'pads' is of the wrong type"),
    RULE(attr_not_scalar, FORMAT, "concat", "attribute 'axis' has 2 elements, not 1"),
    RULE(attr_empty_scalar, FORMAT, "concat", "attribute 'axis' has 0 elements, not 1"),
    RULE(attr_long, FORMAT, "conv", "attribute 'pads' has 17 elements"),
    RULE(attr_no_values, FORMAT, "conv", "attribute 'pads' has no values"),
    RULE(custom_without_descriptor, FORMAT, "relu", "no description of an operator"),
    RULE(loop_without_end, FORMAT, "relu", "nothing ends it"),
    RULE(attr_twice, FORMAT, "conv", "attribute 'pads' is given twice"),
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct fixture f;
        good_graph(&f);
        rules[i].spoil(&f);
        infer_status status = infer__graph_verify(&f.g, &f.err);
        if (status != rules[i].status || strcmp(f.err.node, rules[i].node) ||
            !strstr(f.err.message, rules[i].message))
            fail_msg("%s: %s at '%s': %s", rules[i].name, infer_status_name(status), f.err.node,
                     f.err.message);
        fixture_free(&f);
    }
}

/* ---- good graphs ---------------------------------------------------------------------------- */

static void check_good(struct fixture *f)
{
    infer_status status = infer__graph_verify(&f->g, &f->err);
    if (status != INFER_OK)
        fail_msg("%s: %s", f->err.node, f->err.message);
    assert_int_equal(f->err.status, INFER_OK);
    fixture_free(f);
}

static void test_good(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    check_good(&f); /* nothing but the absent value */
    good_graph(&f);
    check_good(&f);

    good_graph(&f); /* an input, a constant and an inner value as outputs */
    f.g.outputs[1] = 1;
    f.g.outputs[2] = 2;
    f.g.outputs[3] = 3;
    f.g.noutputs = 4;
    check_good(&f);

    good_graph(&f); /* a constant of no elements needs no data */
    f.g.values[2].dims[0] = 0;
    f.g.values[2].data = NULL;
    check_good(&f);

    good_graph(&f); /* as it is after resolving */
    union infer__params p;
    f.g.values[1].dims[0] = 2;
    f.g.values[1].free_dims = 0;
    f.g.values[1].shaped = 1;
    for (uint32_t i = 0; i < f.g.nnodes; i++)
        assert_int_equal(infer__resolve_node(&f.g, &f.g.nodes[i], MAX_TENSOR_BYTES, &p, &f.err),
                         INFER_OK);
    assert_int_equal(f.g.values[5].dims[1], 6);
    check_good(&f);
}

/* An optional input in the middle that is absent, and absent optional outputs. */
static void test_optional(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    build_node(&f, "Resize", "4x4 f32 = 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1; - ; 2 f32 = 2,2", "", 1,
               0);
    check_good(&f);
    fixture_init(&f);
    build_node(&f, "LayerNormalization", "2 f32 = 1,1; 2 f32 = 1,1", "axis=0", 3, 2);
    check_good(&f);
}

/* ---- size ----------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A chain of a million nodes, whose lists lie in big arrays as those of a file do. */
static void test_long_chain(void **state)
{
    (void)state;
    enum { NODES = 1000000 };
    struct fixture f;
    fixture_init(&f);
    struct infer__value *values = infer__region_calloc(&f.region, NODES + 2, sizeof *values);
    struct infer__node *nodes = infer__region_calloc(&f.region, NODES, sizeof *nodes);
    uint32_t *ids = infer__region_calloc(&f.region, NODES + 2, sizeof *ids);
    assert_true(values && nodes && ids);
    for (uint32_t i = 0; i < NODES + 2; i++) {
        values[i].name = "";
        ids[i] = i;
    }
    values[1] = (struct infer__value){
        .name = "x", .kind = INFER__VALUE_INPUT, .type = INFER_F32, .rank = 1, .dims = {4}};
    for (uint32_t i = 0; i < NODES; i++)
        nodes[i] = (struct infer__node){.op = INFER__OP_RELU,
                                        .nin = 1,
                                        .nout = 1,
                                        .in = &ids[i + 1],
                                        .out = &ids[i + 2],
                                        .name = "relu"};
    f.g.values = values;
    f.g.nvalues = NODES + 2;
    f.g.nodes = nodes;
    f.g.nnodes = NODES;
    f.g.inputs = &ids[1];
    f.g.ninputs = 1;
    f.g.outputs = &ids[NODES + 1];
    f.g.noutputs = 1;
    double begin = seconds();
    assert_int_equal(infer__graph_verify(&f.g, &f.err), INFER_OK);
    double used = seconds() - begin;
    print_message("a chain of %d nodes is verified in %.3f s\n", NODES, used);
    assert_true(used < 10.0); /* of this process; generous, for sanitizers: it is linear */
    nodes[NODES - 1].in = &ids[NODES + 1]; /* a cycle at the far end */
    assert_int_equal(infer__graph_verify(&f.g, &f.err), INFER_ERROR_FORMAT);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_optional),
        cmocka_unit_test(test_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
