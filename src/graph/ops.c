/* The tables of operators and attributes, made from their .def files. */
#include <string.h>

#include "graph/resolve.h"
#include "graph/traits.h"

_Static_assert(INFER__ATTR_COUNT <= 64, "a set of attributes is a mask of 64 bits");

#define A(key) (UINT64_C(1) << INFER__ATTR_##key)
#define OP(id, onnx, min_i, max_i, min_o, max_o, layout_class, made_by_plan, mask, function, ...)  \
    [INFER__OP_##id] = {.name = onnx,                                                              \
                        .min_in = min_i,                                                           \
                        .max_in = max_i,                                                           \
                        .min_out = min_o,                                                          \
                        .max_out = max_o,                                                          \
                        .layout = INFER__LAYOUT_##layout_class,                                    \
                        .internal = made_by_plan,                                                  \
                        .attrs = mask,                                                             \
                        .resolve = infer__resolve_##function},

static const struct infer__op_info ops[INFER__OP_COUNT] = {
    [INFER__OP_NONE] = {.name = ""},
#include "graph/ops.def"
};
#undef OP
#undef A

#define F(flag) INFER__FLAG_##flag
#define DATA(x) .data = INFER__DATA_##x
#define BATCH(x) .batch = INFER__BATCH_##x
#define AXES(x) .axes = INFER__AXES_##x
#define FLOPS(x) .flops = INFER__FLOPS_##x
#define INTEGERS(x) .integers = INFER__INTEGERS_##x
#define FLAGS(x) .flags = x
#define OP(id, onnx, min_i, max_i, min_o, max_o, layout_class, made_by_plan, mask, function, ...)  \
    [INFER__OP_##id] = {__VA_ARGS__},

static const struct infer__op_traits traits[INFER__OP_COUNT] = {
#include "graph/ops.def"
};
#undef OP
#undef FLAGS
#undef INTEGERS
#undef FLOPS
#undef AXES
#undef BATCH
#undef DATA
#undef F

static const struct {
    const char *name;
    unsigned type;
} attrs[INFER__ATTR_COUNT] = {
    [INFER__ATTR_NONE] = {"", 0},
#define ATTR(id, onnx, kind) [INFER__ATTR_##id] = {onnx, INFER__ATTR_##kind},
#include "graph/attrs.def"
#undef ATTR
};

const struct infer__op_info *infer__op_info(unsigned op)
{
    return &ops[op < INFER__OP_COUNT ? op : INFER__OP_NONE];
}

uint16_t infer__op_find(const char *name)
{
    for (uint16_t op = 1; op < INFER__OP_COUNT; op++)
        if (!strcmp(ops[op].name, name))
            return op;
    return INFER__OP_NONE;
}

const struct infer__op_traits *infer__op_traits(unsigned op)
{
    return &traits[op < INFER__OP_COUNT ? op : INFER__OP_NONE];
}

uint32_t infer__data_operands(const struct infer__node *n)
{
    switch (infer__op_traits(n->op)->data) {
    case INFER__DATA_ALL:
        return n->nin - n->epi.residual;
    case INFER__DATA_ALL_BUT_2:
        return n->nin - n->epi.residual - 2;
    default:
        return 1;
    }
}

const char *infer__attr_name(unsigned key)
{
    return attrs[key < INFER__ATTR_COUNT ? key : INFER__ATTR_NONE].name;
}

unsigned infer__attr_kind(unsigned key)
{
    return attrs[key < INFER__ATTR_COUNT ? key : INFER__ATTR_NONE].type;
}

uint16_t infer__attr_find(const char *name)
{
    for (uint16_t key = 1; key < INFER__ATTR_COUNT; key++)
        if (!strcmp(attrs[key].name, name))
            return key;
    return INFER__ATTR_NONE;
}
