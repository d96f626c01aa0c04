/* Nodes on tensors without elements. No kernel is asked about such a tensor or run on one: what a
 * node gives is known when the session is made.
 *
 *   all results empty          they are constants; the node goes
 *   Concat, Split with empty parts
 *                              the parts go
 *   ScatterND, ScatterElements of nothing
 *                              their first operand as it is
 *   a reduction, a product over an axis of no elements, Pad of nothing
 *                              a constant: what the standard says of no numbers
 *   ConstantOfShape of no dimensions
 *                              its number, a scalar
 *
 * Parameters (axes, sizes, bounds) may be empty: kernels do not get to see them, lower_node.c. */
#include <string.h>

#include "graph/control.h"
#include "graph/resolve.h"
#include "plan/empty.h"

int infer__value_empty(const struct infer__graph *g, uint32_t id)
{
    return id && g->values[id].shaped && infer__value_elements(&g->values[id]) == 0;
}

static int all_empty(const struct infer__graph *g, const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (ids[i] && !infer__value_empty(g, ids[i]))
            return 0;
    return 1;
}

static int some_empty(const struct infer__graph *g, const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (infer__value_empty(g, ids[i]))
            return 1;
    return 0;
}

/* ---- constants ------------------------------------------------------------------------------ */

enum fill { ZERO, ONE, LOWEST, HIGHEST, NOT_A_NUMBER, FILLS };

/* The bits of a number in a type, for the low bytes of a word. */
static uint64_t bits_of(infer_type type, enum fill fill)
{
    static const struct {
        infer_type type;
        uint64_t bits[FILLS];
    } floats[] = {
        {INFER_F32, {0, 0x3f800000, 0xff800000, 0x7f800000, 0x7fc00000}},
        {INFER_F16, {0, 0x3c00, 0xfc00, 0x7c00, 0x7e00}},
        {INFER_BF16, {0, 0x3f80, 0xff80, 0x7f80, 0x7fc0}},
        {INFER_F64,
         {0, 0x3ff0000000000000, 0xfff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000}},
    };
    const uint64_t sign = UINT64_C(1) << (8 * infer_type_size(type) - 1);
    const int is_signed =
        type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (floats[i].type == type)
            return floats[i].bits[fill];
    switch (fill) {
    case ONE:
        return 1;
    case LOWEST:
        return is_signed ? sign : 0;
    case HIGHEST:
        return type == INFER_BOOL ? 1 : is_signed ? sign - 1 : UINT64_MAX;
    default:
        return 0;
    }
}

/* Makes a constant of a value, every element with the low bytes of `bits`. */
static infer_status make_constant(struct infer__graph *g, uint32_t id, uint64_t bits,
                                  infer_error *err)
{
    struct infer__value *v = &g->values[id];
    const size_t bytes = infer__value_bytes(v), size = infer_type_size((infer_type)v->type);
    char *data = infer__region_calloc(g->region, 1, bytes);
    if (!data)
        return infer__no_memory(err, bytes);
    for (size_t i = 0; bits && i < bytes; i += size)
        memcpy(data + i, &bits, size);
    v->kind = INFER__VALUE_CONST;
    v->data = data;
    return INFER_OK;
}

static infer_status make_constants(struct infer__graph *g, const struct infer__node *n,
                                   enum fill fill, infer_error *err)
{
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i])
            TRY(make_constant(g, n->out[i], bits_of((infer_type)g->values[n->out[i]].type, fill),
                              err));
    return INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

infer_status infer__empty_refuse(const struct infer__node *n, infer_error *err)
{
    return infer__fail_node(err, INFER_ERROR_UNSUPPORTED, n->name,
                            "%s of a tensor without elements has a result with elements",
                            infer__op_info(n->op)->name);
}

/* The number that operand k fills with, 0 where it is left out; 0 where it is not known. */
static int filling(const struct infer__graph *g, const struct infer__node *n, uint32_t k,
                   uint64_t *bits)
{
    const struct infer__value *value = n->nin > k && n->in[k] ? &g->values[n->in[k]] : NULL;
    if (value && value->kind != INFER__VALUE_CONST)
        return 0;
    *bits = 0;
    if (value)
        memcpy(bits, value->data, infer__value_bytes(value));
    return 1;
}

/* A Concat of those parts that have elements. */
static void drop_empty_parts(const struct infer__graph *g, struct infer__node *n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->nin; i++)
        if (!infer__value_empty(g, n->in[i]))
            n->in[kept++] = n->in[i];
    n->nin = kept;
}

/* Size of part i of a Split along its axis, which has `extent`, as resolve_move.c says; a part that
 * nobody wants has no value to ask. */
static int64_t part_size(const struct infer__graph *g, const struct infer__node *n, int64_t extent,
                         uint32_t i)
{
    if (n->nin > 1 && n->in[1])
        return infer__resolve_element(&g->values[n->in[1]], i);
    const int64_t each = extent / n->nout + (extent % n->nout != 0), before = each * i;
    return extent - before < each ? extent - before : each;
}

/* A Split into those parts that have elements. */
static infer_status drop_empty_parts_of(struct infer__graph *g, struct infer__node *n, int axis,
                                        infer_error *err)
{
    uint32_t kept = 0, sizes_id;
    int64_t *sizes = infer__region_calloc(g->region, n->nout, sizeof *sizes);
    uint32_t *in = infer__region_calloc(g->region, 2, sizeof *in);
    if (!sizes || !in)
        return infer__no_memory(err, n->nout * sizeof *sizes);
    const int64_t extent = g->values[n->in[0]].dims[axis];
    for (uint32_t i = 0; i < n->nout; i++) {
        if (infer__value_empty(g, n->out[i]))
            TRY(make_constant(g, n->out[i], 0, err));
        sizes[kept] = part_size(g, n, extent, i);
        n->out[kept] = n->out[i];
        kept += sizes[kept] != 0;
    }
    n->nout = kept;
    TRY(infer__graph_add_const(g, "", INFER_S64, 1, (int64_t[]){kept}, sizes, 0, &sizes_id, err));
    in[0] = n->in[0];
    in[1] = sizes_id;
    n->in = in;
    n->nin = 2;
    const int64_t count = kept;
    return infer__node_set_ints(g, n, INFER__ATTR_NUM_OUTPUTS, &count, 1, err);
}

static int is_float(unsigned type)
{
    return type == INFER_F32 || type == INFER_F64 || type == INFER_F16 || type == INFER_BF16;
}

int infer__empty_result(const struct infer__graph *g, const struct infer__node *n,
                        const union infer__params *p, uint32_t k, uint64_t *bits)
{
    const unsigned type = g->values[n->out[k]].type;
    enum fill fill = ZERO;
    switch (n->op) {
    case INFER__OP_REDUCE_SUM:
    case INFER__OP_MATMUL:
    case INFER__OP_MATMUL_INTEGER:
        break;
    case INFER__OP_GEMM:
        if (n->nin > 2 && n->in[2])
            return 0;
        break;
    case INFER__OP_DYNAMIC_QUANTIZE_LINEAR: /* the scale of a range of 0, and a zero point of 0 */
        fill = k == 1 ? ONE : ZERO;
        break;
    case INFER__OP_REDUCE_PROD:
        fill = ONE;
        break;
    case INFER__OP_REDUCE_MAX:
        fill = LOWEST;
        break;
    case INFER__OP_REDUCE_MIN:
        fill = HIGHEST;
        break;
    case INFER__OP_REDUCE_MEAN:
        if (!is_float(type))
            return 0;
        fill = NOT_A_NUMBER;
        break;
    case INFER__OP_PAD: /* what is padded on all sides is all padding */
        return p->pad.mode == INFER__PAD_CONSTANT && filling(g, n, 2, bits);
    case INFER__OP_CONSTANT_OF_SHAPE:
        return filling(g, n, 1, bits);
    default:
        return 0;
    }
    *bits = bits_of((infer_type)type, fill);
    return 1;
}

infer_status infer__empty_node(struct infer__graph *g, struct infer__node *n,
                               const union infer__params *p, enum infer__emptied *what,
                               infer_error *err)
{
    *what = INFER__EMPTY_KEPT;
    if (infer__is_control(n->op))
        return INFER_OK;
    *what = INFER__EMPTY_GONE;
    if (all_empty(g, n->out, n->nout))
        return make_constants(g, n, ZERO, err);
    *what = INFER__EMPTY_CHANGED;
    if (n->op == INFER__OP_SPLIT && some_empty(g, n->out, n->nout))
        return drop_empty_parts_of(g, n, p->axis.axis, err);
    if ((n->op == INFER__OP_SCATTER_ND || n->op == INFER__OP_SCATTER_ELEMENTS) &&
        some_empty(g, n->in + 1, 2)) {
        n->op = INFER__OP_IDENTITY;
        n->nin = 1;
        return INFER_OK;
    }
    *what = INFER__EMPTY_KEPT;
    if (n->op == INFER__OP_SHAPE || !some_empty(g, n->in, infer__data_operands(n)))
        return INFER_OK; /* Shape reads no elements */
    if (n->op == INFER__OP_CONCAT) {
        *what = INFER__EMPTY_CHANGED;
        drop_empty_parts(g, n);
        return INFER_OK;
    }
    *what = INFER__EMPTY_GONE;
    for (uint32_t k = 0; k < n->nout; k++) {
        uint64_t bits;
        if (!n->out[k])
            continue;
        if (!infer__empty_result(g, n, p, k, &bits))
            return infer__empty_refuse(n, err);
        TRY(make_constant(g, n->out[k], bits, err));
    }
    return INFER_OK;
}
