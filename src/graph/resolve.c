/* What all resolve functions share; see resolve.h and params.h. */
#include "graph/resolve.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"

static const char *op_name(const struct infer__resolve *r)
{
    return infer__op_info(r->node->op)->name;
}

infer_status infer__resolve_fail(struct infer__resolve *r, infer_status status, const char *format,
                                 ...)
{
    char message[sizeof r->err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return infer__fail_node(r->err, status, r->node->name, "%s: %s", op_name(r), message);
}

const struct infer__value *infer__resolve_in(const struct infer__resolve *r, uint32_t i)
{
    return i < r->node->nin && r->node->in[i] ? &r->g->values[r->node->in[i]] : NULL;
}

/* ---- shapes --------------------------------------------------------------------------------- */

const char *infer__dims_text(int rank, const int64_t *dims, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && at < size; i++) {
        int len = snprintf(text + at, size - at, i ? "x%lld" : "%lld", (long long)dims[i]);
        at += len > 0 ? (size_t)len : 0;
    }
    return rank ? text : "scalar";
}

static infer_status check_bytes(struct infer__resolve *r, const char *what, uint32_t i,
                                infer_type type, int rank, const int64_t *dims)
{
    char text[128];
    size_t bytes;
    RESOLVE_FAIL_IF(
        !infer__tensor_bytes(dims, rank, infer_type_size(type), r->max_tensor_bytes, &bytes),
        INFER_ERROR_LIMIT, "%s %u, %s %s, has more than %llu bytes or a dimension above 2^31 - 1",
        what, i, infer__dims_text(rank, dims, text, sizeof text), infer_type_name(type),
        (unsigned long long)r->max_tensor_bytes);
    return INFER_OK;
}

infer_status infer__resolve_out(struct infer__resolve *r, uint32_t i, infer_type type, int rank,
                                const int64_t *dims)
{
    if (i >= r->node->nout || !r->node->out[i])
        return INFER_OK;
    RESOLVE_FAIL_IF(rank < 0 || rank > INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED,
                    "output %u would have rank %d, at most %d is possible", i, rank,
                    INFER_MAX_RANK);
    for (int k = 0; k < rank; k++)
        RESOLVE_FAIL_IF(dims[k] < 0, INFER_ERROR_SHAPE, "dimension %d of output %u would be %lld",
                        k, i, (long long)dims[k]);
    TRY(check_bytes(r, "output", i, type, rank, dims));
    struct infer__value *v = &r->g->values[r->node->out[i]];
    v->type = (uint8_t)type;
    v->rank = (uint8_t)rank;
    v->shaped = 1;
    v->free_dims = 0;
    memset(v->dims, 0, sizeof v->dims);
    if (rank)
        memcpy(v->dims, dims, (size_t)rank * sizeof *dims);
    return INFER_OK;
}

void infer__resolve_most(const struct infer__resolve *r, uint32_t i, int axis)
{
    if (i >= r->node->nout || !r->node->out[i])
        return;
    struct infer__value *v = &r->g->values[r->node->out[i]];
    if (infer__value_elements(v))
        v->free_dims |= 1u << axis;
}

infer_status infer__resolve_like_input(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    return infer__resolve_out(r, 0, (infer_type)x->type, x->rank, x->dims);
}

int infer__broadcast(const struct infer__value *a, const struct infer__value *b, int *rank,
                     int64_t dims[INFER_MAX_RANK])
{
    int n = a->rank > b->rank ? a->rank : b->rank;
    int64_t out[INFER_MAX_RANK];
    for (int i = 1; i <= n; i++) { /* from the last axis */
        int64_t p = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t q = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (p != q && p != 1 && q != 1)
            return 0;
        out[n - i] = p == 1 ? q : p;
    }
    *rank = n;
    if (n)
        memcpy(dims, out, (size_t)n * sizeof *out);
    return 1;
}

infer_status infer__resolve_broadcasts_to(struct infer__resolve *r, uint32_t i, int rank,
                                          const int64_t *dims)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char text[96], target[96];
    if (!v)
        return INFER_OK;
    int fits = v->rank <= rank;
    for (int k = 1; fits && k <= v->rank; k++)
        fits = v->dims[v->rank - k] == 1 || v->dims[v->rank - k] == dims[rank - k];
    RESOLVE_FAIL_IF(!fits, INFER_ERROR_SHAPE, "input %u, %s, can't be broadcast to %s", i,
                    infer__value_text(v, text, sizeof text),
                    infer__dims_text(rank, dims, target, sizeof target));
    return INFER_OK;
}

/* ---- operands ------------------------------------------------------------------------------- */

infer_status infer__resolve_type(struct infer__resolve *r, uint32_t i, uint32_t set)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char text[128] = "";
    if (!v || set >> v->type & 1)
        return INFER_OK;
    for (unsigned t = 1; t <= INFER_BOOL; t++)
        if (set >> t & 1) {
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "",
                     infer_type_name((infer_type)t));
        }
    return infer__resolve_fail(r, INFER_ERROR_UNSUPPORTED, "input %u is %s, it can be: %s", i,
                               infer_type_name((infer_type)v->type), text);
}

infer_status infer__resolve_same_type(struct infer__resolve *r, uint32_t a, uint32_t b)
{
    const struct infer__value *x = infer__resolve_in(r, a), *y = infer__resolve_in(r, b);
    RESOLVE_FAIL_IF(x && y && x->type != y->type, INFER_ERROR_SHAPE,
                    "input %u is %s and input %u is %s, they must have one type", a,
                    infer_type_name((infer_type)x->type), b, infer_type_name((infer_type)y->type));
    return INFER_OK;
}

infer_status infer__resolve_rank(struct infer__resolve *r, uint32_t i, int min, int max)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    RESOLVE_FAIL_IF(!v, INFER_ERROR_FORMAT, "input %u is missing", i);
    RESOLVE_FAIL_IF(v->rank < min || v->rank > max, INFER_ERROR_SHAPE,
                    "input %u has rank %d, it must be %d to %d", i, v->rank, min, max);
    return INFER_OK;
}

infer_status infer__resolve_vector(struct infer__resolve *r, uint32_t i, int64_t size)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char text[96];
    RESOLVE_FAIL_IF(v && (v->rank != 1 || v->dims[0] != size), INFER_ERROR_SHAPE,
                    "input %u is %s, it must have one axis of %lld", i,
                    infer__value_text(v, text, sizeof text), (long long)size);
    return INFER_OK;
}

infer_status infer__resolve_scalar(struct infer__resolve *r, uint32_t i)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char text[96];
    RESOLVE_FAIL_IF(v && (v->rank > 1 || infer__value_elements(v) != 1), INFER_ERROR_SHAPE,
                    "input %u is %s, it must be a scalar", i,
                    infer__value_text(v, text, sizeof text));
    return INFER_OK;
}

/* Fails unless input i is a constant with data and a rank of 0 or 1. */
static infer_status check_const_operand(struct infer__resolve *r, uint32_t i)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    RESOLVE_FAIL_IF(!v, INFER_ERROR_FORMAT, "input %u is missing", i);
    RESOLVE_FAIL_IF(v->kind != INFER__VALUE_CONST || (!v->data && infer__value_elements(v)),
                    INFER_ERROR_NEED_VALUE,
                    "the shape of the output depends on the value of input %u ('%.64s'), which is "
                    "not a constant",
                    i, v->name);
    RESOLVE_FAIL_IF(v->rank > 1, INFER_ERROR_SHAPE, "input %u has rank %d, it must be 1", i,
                    v->rank);
    return INFER_OK;
}

int64_t infer__resolve_element(const struct infer__value *v, int64_t k)
{
    if (v->type == INFER_S64) {
        int64_t x;
        memcpy(&x, (const char *)v->data + (size_t)k * sizeof x, sizeof x);
        return x;
    }
    int32_t x;
    memcpy(&x, (const char *)v->data + (size_t)k * sizeof x, sizeof x);
    return x;
}

infer_status infer__resolve_index_operand(struct infer__resolve *r, uint32_t i, int64_t *count)
{
    *count = 0;
    TRY(infer__resolve_type(r, i, INFER__SET_INDEX));
    TRY(check_const_operand(r, i));
    *count = infer__value_elements(infer__resolve_in(r, i));
    return INFER_OK;
}

infer_status infer__resolve_ints(struct infer__resolve *r, uint32_t i, int64_t *v, int *count)
{
    const struct infer__value *x = infer__resolve_in(r, i);
    int64_t n;
    *count = 0;
    if (!x)
        return INFER_OK;
    TRY(infer__resolve_index_operand(r, i, &n));
    RESOLVE_FAIL_IF(n > 2 * INFER_MAX_RANK, INFER_ERROR_SHAPE,
                    "input %u has %lld elements, at most %d make sense", i, (long long)n,
                    2 * INFER_MAX_RANK);
    for (int64_t k = 0; k < n; k++)
        v[k] = infer__resolve_element(x, k);
    *count = (int)n;
    return INFER_OK;
}

infer_status infer__resolve_floats(struct infer__resolve *r, uint32_t i, float *v, int *count)
{
    const struct infer__value *x = infer__resolve_in(r, i);
    *count = 0;
    if (!x)
        return INFER_OK;
    TRY(infer__resolve_type(r, i, INFER__SET(F32)));
    TRY(check_const_operand(r, i));
    int64_t n = infer__value_elements(x);
    RESOLVE_FAIL_IF(n > 2 * INFER_MAX_RANK, INFER_ERROR_SHAPE,
                    "input %u has %lld elements, at most %d make sense", i, (long long)n,
                    2 * INFER_MAX_RANK);
    if (n)
        memcpy(v, x->data, (size_t)n * sizeof *v);
    *count = (int)n;
    return INFER_OK;
}

/* ---- attributes ----------------------------------------------------------------------------- */

infer_status infer__resolve_axis(struct infer__resolve *r, int64_t axis, int rank, int *out)
{
    RESOLVE_FAIL_IF(axis < -rank || axis >= rank, INFER_ERROR_SHAPE,
                    "axis %lld is none of a tensor of rank %d, which has axes %d to %d",
                    (long long)axis, rank, -rank, rank - 1);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return INFER_OK;
}

infer_status infer__resolve_axis_attr(struct infer__resolve *r, int64_t otherwise, int rank,
                                      int32_t *out)
{
    int axis = 0;
    TRY(infer__resolve_axis(r, infer__node_int(r->node, INFER__ATTR_AXIS, otherwise), rank, &axis));
    *out = axis;
    return INFER_OK;
}

infer_status infer__resolve_axes(struct infer__resolve *r, const int64_t *axes, int count, int rank,
                                 uint32_t *set)
{
    *set = 0;
    for (int i = 0; i < count; i++) {
        int axis = 0;
        TRY(infer__resolve_axis(r, axes[i], rank, &axis));
        RESOLVE_FAIL_IF(*set >> axis & 1, INFER_ERROR_SHAPE, "axis %d is named twice", axis);
        *set |= 1u << axis;
    }
    return INFER_OK;
}

infer_status infer__resolve_int(struct infer__resolve *r, uint16_t key, int64_t otherwise,
                                int64_t min, int64_t max, int64_t *out)
{
    int64_t v = infer__node_int(r->node, key, otherwise);
    RESOLVE_FAIL_IF(v < min || v > max, INFER_ERROR_FORMAT,
                    "attribute '%s' is %lld, it must be %lld to %lld", infer__attr_name(key),
                    (long long)v, (long long)min, (long long)max);
    *out = v;
    return INFER_OK;
}

infer_status infer__resolve_flag(struct infer__resolve *r, uint16_t key, int otherwise,
                                 int32_t *out)
{
    int64_t v = 0;
    TRY(infer__resolve_int(r, key, otherwise, 0, 1, &v));
    *out = (int32_t)v;
    return INFER_OK;
}

infer_status infer__resolve_float(struct infer__resolve *r, uint16_t key, float otherwise,
                                  float *out)
{
    float v = infer__node_float(r->node, key, otherwise);
    RESOLVE_FAIL_IF(!isfinite(v), INFER_ERROR_FORMAT, "attribute '%s' is not a finite number",
                    infer__attr_name(key));
    *out = v;
    return INFER_OK;
}

infer_status infer__resolve_list(struct infer__resolve *r, uint16_t key, int count,
                                 int64_t otherwise, int64_t min, int64_t max, int64_t *out)
{
    const struct infer__attr *a = infer__node_attr(r->node, key);
    RESOLVE_FAIL_IF(a && (int64_t)a->count != count, INFER_ERROR_SHAPE,
                    "attribute '%s' has %u elements, it must have %d", infer__attr_name(key),
                    a->count, count);
    for (int i = 0; i < count; i++) {
        int64_t v = a ? a->ints[i] : otherwise;
        RESOLVE_FAIL_IF(v < min || v > max, INFER_ERROR_FORMAT,
                        "element %d of attribute '%s' is %lld, it must be %lld to %lld", i,
                        infer__attr_name(key), (long long)v, (long long)min, (long long)max);
        out[i] = v;
    }
    return INFER_OK;
}

/* ---- the entry ------------------------------------------------------------------------------ */

/* infer__graph_verify has seen to this for graphs of a file; the importer and the plan build
 * nodes of their own, and a resolve function follows its required operands without looking. */
static infer_status check_node(struct infer__resolve *r)
{
    const struct infer__node *n = r->node;
    const struct infer__op_info *op = infer__op_info(n->op);
    uint32_t needed = op->max_in == 255 ? n->nin : op->min_in;
    RESOLVE_FAIL_IF(!op->resolve, INFER_ERROR_UNSUPPORTED, "operator %u is not known", n->op);
    RESOLVE_FAIL_IF(n->nin < op->min_in || (op->max_in != 255 && n->nin > op->max_in),
                    INFER_ERROR_FORMAT, "%u inputs are too few or too many", n->nin);
    RESOLVE_FAIL_IF(n->nout < op->min_out || (op->max_out != 255 && n->nout > op->max_out),
                    INFER_ERROR_FORMAT, "%u outputs are too few or too many", n->nout);
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        RESOLVE_FAIL_IF(!v && i < needed, INFER_ERROR_FORMAT, "input %u is missing", i);
        if (!v)
            continue;
        RESOLVE_FAIL_IF(!v->shaped, INFER_ERROR_INTERNAL, "input %u ('%.64s') has no shape yet", i,
                        v->name);
        RESOLVE_FAIL_IF(!infer_type_size((infer_type)v->type), INFER_ERROR_INTERNAL,
                        "input %u ('%.64s') has no type", i, v->name);
        TRY(check_bytes(r, "input", i, (infer_type)v->type, v->rank, v->dims));
    }
    return INFER_OK;
}

infer_status infer__resolve_node(struct infer__graph *g, const struct infer__node *node,
                                 uint64_t max_tensor_bytes, union infer__params *params,
                                 infer_error *err)
{
    struct infer__resolve r = {
        .g = g, .node = node, .params = params, .err = err, .max_tensor_bytes = max_tensor_bytes};
    memset(params, 0, sizeof *params);
    infer__error_clear(err);
    TRY(check_node(&r));
    return infer__op_info(node->op)->resolve(&r);
}
