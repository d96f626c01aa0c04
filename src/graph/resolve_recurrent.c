/* LSTM, GRU, RNN and DynamicQuantizeLSTM. */
#include <math.h>

#include "graph/resolve.h"

/* Operands, in ONNX's order. */
enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, PEEPHOLES, W_SCALE, W_ZERO, R_SCALE, R_ZERO };

struct sizes {
    int64_t steps, batch, inputs, hidden, directions, gates;
};

static int is_lstm(unsigned op)
{
    return op == INFER__OP_LSTM || op == INFER__OP_DYNAMIC_QUANTIZE_LSTM;
}

static int is_quantised(const struct infer__resolve *r)
{
    return r->node->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM;
}

/* Fails unless input i, if present, has these dims. */
static infer_status check_dims(struct infer__resolve *r, uint32_t i, int rank, const int64_t *dims)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char text[96], want[96];
    int fits = !v || v->rank == rank;
    for (int k = 0; fits && v && k < rank; k++)
        fits = v->dims[k] == dims[k];
    RESOLVE_FAIL_IF(!fits, INFER_ERROR_SHAPE, "input %u is %s, it must be %s", i,
                    infer__value_text(v, text, sizeof text),
                    infer__dims_text(rank, dims, want, sizeof want));
    return INFER_OK;
}

#define CHECK_DIMS(r, i, ...)                                                                      \
    check_dims(r, i, (int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)),                      \
               (int64_t[]){__VA_ARGS__})

/* ---- activations ---------------------------------------------------------------------------- */

static void default_functions(unsigned op, struct infer__cell_function f[INFER__CELL_FUNCTIONS])
{
    f[0].act = op == INFER__OP_RNN ? INFER__CELL_TANH : INFER__CELL_SIGMOID;
    f[1].act = f[2].act = INFER__CELL_TANH;
}

struct infer__cell_function infer__cell_function(int64_t act)
{
    switch (act) {
    case INFER__CELL_AFFINE:
        return (struct infer__cell_function){(int32_t)act, 1, 0};
    case INFER__CELL_LEAKY_RELU:
        return (struct infer__cell_function){(int32_t)act, 0.01f, 0};
    case INFER__CELL_THRESHOLDED_RELU:
    case INFER__CELL_ELU:
        return (struct infer__cell_function){(int32_t)act, 1, 0};
    case INFER__CELL_SCALED_TANH:
        return (struct infer__cell_function){(int32_t)act, 1, 1};
    case INFER__CELL_HARD_SIGMOID:
        return (struct infer__cell_function){(int32_t)act, 0.2f, 0.5f};
    default:
        return (struct infer__cell_function){(int32_t)act, 0, 0};
    }
}

/* Element i of a list of `count` finite floats. */
static infer_status parameter(struct infer__resolve *r, uint16_t key, uint32_t count, uint32_t i,
                              float *v)
{
    const struct infer__attr *a = infer__node_attr(r->node, key);
    if (!a)
        return INFER_OK;
    RESOLVE_FAIL_IF(a->count != count, INFER_ERROR_SHAPE,
                    "attribute '%s' has %u elements, it must have %u", infer__attr_name(key),
                    a->count, count);
    RESOLVE_FAIL_IF(!isfinite(a->floats[i]), INFER_ERROR_FORMAT,
                    "element %u of attribute '%s' is not a finite number", i,
                    infer__attr_name(key));
    *v = a->floats[i];
    return INFER_OK;
}

static infer_status read_functions(struct infer__resolve *r, uint32_t directions)
{
    struct infer__recurrent *p = &r->params->recurrent;
    const unsigned op = r->node->op;
    const uint32_t each = is_lstm(op) ? 3 : op == INFER__OP_GRU ? 2 : 1;
    int64_t acts[2 * INFER__CELL_FUNCTIONS];
    for (uint32_t d = 0; d < 2; d++)
        default_functions(op, p->function[d]);
    if (!infer__node_attr(r->node, INFER__ATTR_ACTIVATIONS))
        return INFER_OK;
    const uint32_t count = each * directions;
    TRY(infer__resolve_list(r, INFER__ATTR_ACTIVATIONS, (int)count, 0, 0, INFER__CELL_ACTS - 1,
                            acts));
    for (uint32_t i = 0; i < count; i++) {
        struct infer__cell_function *f = &p->function[i / each][i % each];
        *f = infer__cell_function(acts[i]);
        TRY(parameter(r, INFER__ATTR_ACTIVATION_ALPHA, count, i, &f->alpha));
        TRY(parameter(r, INFER__ATTR_ACTIVATION_BETA, count, i, &f->beta));
    }
    return INFER_OK;
}

static infer_status read_attributes(struct infer__resolve *r, struct sizes *s)
{
    struct infer__recurrent *p = &r->params->recurrent;
    int64_t direction = 0;
    TRY(infer__resolve_int(r, INFER__ATTR_DIRECTION, INFER__FORWARD, 0, INFER__BIDIRECTIONAL,
                           &direction));
    p->direction = (int32_t)direction;
    s->directions = direction == INFER__BIDIRECTIONAL ? 2 : 1;
    TRY(infer__resolve_flag(r, INFER__ATTR_LAYOUT, 0, &p->layout));
    TRY(infer__resolve_flag(r, INFER__ATTR_MODE, 0,
                            is_lstm(r->node->op) ? &p->coupled : &p->linear));
    TRY(infer__resolve_float(r, INFER__ATTR_CLIP, 0, &p->clip));
    RESOLVE_FAIL_IF(p->clip < 0, INFER_ERROR_FORMAT, "attribute 'clip' is negative");
    if (!infer__node_attr(r->node, INFER__ATTR_CLIP))
        p->clip = INFINITY;
    return read_functions(r, (uint32_t)s->directions);
}

/* ---- operands ------------------------------------------------------------------------------- */

static infer_status check_types(struct infer__resolve *r)
{
    const uint32_t bytes = INFER__SET(U8) | INFER__SET(S8);
    for (uint32_t i = X; i <= R_ZERO; i++) {
        uint32_t set = i == LENGTHS ? INFER__SET(S32) : INFER__SET(F32);
        if (is_quantised(r) && (i == W || i == R || i == W_ZERO || i == R_ZERO))
            set = bytes;
        TRY(infer__resolve_type(r, i, set));
    }
    if (!is_quantised(r))
        return INFER_OK;
    TRY(infer__resolve_same_type(r, W, W_ZERO));
    return infer__resolve_same_type(r, R, R_ZERO);
}

/* The sizes, as X and R have them. */
static infer_status read_sizes(struct infer__resolve *r, struct sizes *s)
{
    const struct infer__value *x = infer__resolve_in(r, X), *weights = infer__resolve_in(r, R);
    const int32_t layout = r->params->recurrent.layout;
    TRY(infer__resolve_rank(r, X, 3, 3));
    TRY(infer__resolve_rank(r, R, 3, 3));
    s->gates = is_lstm(r->node->op) ? 4 : r->node->op == INFER__OP_GRU ? 3 : 1;
    s->steps = x->dims[layout ? 1 : 0];
    s->batch = x->dims[layout ? 0 : 1];
    s->inputs = x->dims[2];
    s->hidden = weights->dims[is_quantised(r) ? 1 : 2];
    RESOLVE_FAIL_IF(s->hidden < 1, INFER_ERROR_SHAPE, "the state has no elements");
    return INFER_OK;
}

/* A scale is one number for each direction, or one for each of its outputs; the zero point, if it
 * is there, has the scale's shape. */
static infer_status check_scale(struct infer__resolve *r, uint32_t i, const struct sizes *s)
{
    const int64_t dims[] = {s->directions, INFER__PRODUCT(4, s->hidden)};
    TRY(infer__resolve_rank(r, i, 1, 2));
    const int rank = infer__resolve_in(r, i)->rank;
    TRY(check_dims(r, i, rank, dims));
    return check_dims(r, i + 1, rank, dims);
}

static infer_status check_weights(struct infer__resolve *r, const struct sizes *s)
{
    const int64_t d = s->directions, outputs = INFER__PRODUCT(s->gates, s->hidden);
    if (is_quantised(r)) {
        TRY(CHECK_DIMS(r, W, d, s->inputs, outputs));
        TRY(CHECK_DIMS(r, R, d, s->hidden, outputs));
        TRY(check_scale(r, W_SCALE, s));
        TRY(check_scale(r, R_SCALE, s));
    } else {
        TRY(CHECK_DIMS(r, W, d, outputs, s->inputs));
        TRY(CHECK_DIMS(r, R, d, outputs, s->hidden));
    }
    TRY(CHECK_DIMS(r, B, d, INFER__PRODUCT(2, outputs)));
    return CHECK_DIMS(r, PEEPHOLES, d, INFER__PRODUCT(3, s->hidden));
}

/* Lengths that are known are 0 to the number of steps; kernels take others for the nearest of
 * these. */
static infer_status check_lengths(struct infer__resolve *r, const struct sizes *s)
{
    const struct infer__value *v = infer__resolve_in(r, LENGTHS);
    TRY(CHECK_DIMS(r, LENGTHS, s->batch));
    for (int64_t i = 0; v && v->kind == INFER__VALUE_CONST && v->data && i < s->batch; i++) {
        const int64_t length = infer__resolve_element(v, i);
        RESOLVE_FAIL_IF(length < 0 || length > s->steps, INFER_ERROR_SHAPE,
                        "sequence %lld has length %lld, it can be 0 to %lld", (long long)i,
                        (long long)length, (long long)s->steps);
    }
    return INFER_OK;
}

infer_status infer__resolve_recurrent(struct infer__resolve *r)
{
    struct sizes s = {0};
    TRY(check_types(r));
    TRY(read_attributes(r, &s));
    TRY(read_sizes(r, &s));
    TRY(check_weights(r, &s));
    TRY(check_lengths(r, &s));
    const int first = r->params->recurrent.layout != 0;
    const int64_t state[] = {first ? s.batch : s.directions, first ? s.directions : s.batch,
                             s.hidden};
    TRY(check_dims(r, INITIAL_H, 3, state));
    TRY(check_dims(r, INITIAL_C, 3, state));
    const int64_t all[] = {first ? s.batch : s.steps, first ? s.steps : s.directions,
                           first ? s.directions : s.batch, s.hidden};
    TRY(infer__resolve_out(r, 0, INFER_F32, 4, all));
    TRY(infer__resolve_out(r, 1, INFER_F32, 3, state));
    return infer__resolve_out(r, 2, INFER_F32, 3, state);
}
