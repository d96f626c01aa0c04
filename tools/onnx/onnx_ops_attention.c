/* Attention and rotary embeddings, written out. */
#include "tools/onnx/onnx_internal.h"

#include <math.h>
#include <string.h>

/* ---- shapes --------------------------------------------------------------------------------- */

/* The size of one axis, a list of one number and a scalar. */
static uint32_t size_of(struct onnx_expr *e, uint32_t x, int64_t axis)
{
    return ONNX_E(e, GATHER, ONNX_E(e, SHAPE, x), ONNX_LIST(e, axis));
}

static uint32_t number_of(struct onnx_expr *e, uint32_t x, int64_t axis)
{
    return ONNX_E(e, GATHER, ONNX_E(e, SHAPE, x), onnx_e_scalar(e, INFER_S64, (double)axis));
}

static uint32_t transposed(struct onnx_expr *e, uint32_t x)
{
    static const int64_t perm[4] = {0, 2, 1, 3};
    uint32_t y = ONNX_E(e, TRANSPOSE, x);
    onnx_e_ints(e, INFER__ATTR_PERM, perm, 4);
    return y;
}

static uint32_t joined(struct onnx_expr *e, const uint32_t *in, uint32_t count, int64_t axis)
{
    uint32_t y = onnx_e(e, INFER__OP_CONCAT, in, count);
    onnx_e_int(e, INFER__ATTR_AXIS, axis);
    return y;
}

/* ---- Attention ------------------------------------------------------------------------------ */

struct attention {
    struct onnx_node *n;
    struct onnx_expr e;
    int64_t q_heads, kv_heads; /* of operands of rank 3; 0: rank 4 */
    int64_t causal, left, right, mode;
    float scale, softcap;
    uint32_t q, k, v; /* batch, heads, length, size */
    uint32_t past;    /* keys of a cache, or 0 */
    uint32_t valid;   /* how many keys of each image count, or 0 */
    uint32_t mask;    /* to be added to the scores; true where a key is seen; or 0 */
    int mask_is_bool;
    int mask_hides;   /* a query may see nothing */
    uint32_t padding; /* ONNX Runtime's, batch and keys: where it is 0 `filter` is added; or 0 */
    float filter;
    uint32_t qk; /* the scores that are asked for as an output */
};

static uint32_t input(const struct onnx_node *n, uint32_t i)
{
    return i < n->nin ? n->in[i] : 0;
}

static uint32_t with_heads(struct onnx_expr *e, uint32_t x, int64_t heads)
{
    return heads ? transposed(e, ONNX_E(e, RESHAPE, x, ONNX_LIST(e, 0, 0, heads, -1))) : x;
}

static infer_status read_attention(struct attention *a)
{
    struct onnx_node *n = a->n;
    int64_t precision;
    TRY(onnx_int(n, "q_num_heads", 0, &a->q_heads));
    TRY(onnx_int(n, "kv_num_heads", 0, &a->kv_heads));
    TRY(onnx_int(n, "is_causal", 0, &a->causal));
    TRY(onnx_int(n, "left_window_size", -1, &a->left));
    TRY(onnx_int(n, "right_window_size", -1, &a->right));
    TRY(onnx_int(n, "qk_matmul_output_mode", 0, &a->mode));
    TRY(onnx_int(n, "softmax_precision", 1, &precision)); /* ours is f32 */
    TRY(onnx_float(n, "scale", 0, &a->scale));
    TRY(onnx_float(n, "softcap", 0, &a->softcap));
    TRY_NODE(n, onnx_takes(n, 3, 7));
    int rank = onnx_rank(n, 0);
    if (rank == 4)
        a->q_heads = a->kv_heads = 0;
    if (rank == 3 && (a->q_heads < 1 || a->kv_heads < 1))
        return onnx_fail(n, "q_num_heads", "", "the numbers of heads are missing");
    if (!input(n, 4) != !input(n, 5))
        return onnx_fail(n, NULL, "", "past key and past value must both be given");
    if (precision == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
        TRY(onnx_warn(n, "softmax_precision", "the arithmetic is done in f32 instead"));
    return INFER_OK;
}

/* Whether both have as many heads, as far as is known. */
static int same_heads(const struct attention *a)
{
    const struct infer__value *q = onnx_in(a->n, 0), *k = onnx_in(a->n, 1);
    if (a->q_heads)
        return a->q_heads == a->kv_heads;
    return q->shaped && k->shaped && q->rank == 4 && k->rank == 4 && q->dims[1] == k->dims[1];
}

/* Each head of x as often as heads of q share it, one copy behind the other. */
static uint32_t shared(struct attention *a, uint32_t x)
{
    struct onnx_expr *e = &a->e;
    uint32_t one = ONNX_LIST(e, 1, 1), heads = size_of(e, a->q, 1);
    uint32_t times = ONNX_E(e, DIV, heads, size_of(e, x, 1));
    uint32_t copies = ONNX_E(e, TILE, ONNX_E(e, UNSQUEEZE, x, ONNX_LIST(e, 2)),
                             joined(e, (uint32_t[]){one, times, one}, 3, 0));
    uint32_t shape[4] = {ONNX_LIST(e, 0), heads, size_of(e, x, 2), size_of(e, x, 3)};
    return ONNX_E(e, RESHAPE, copies, joined(e, shape, 4, 0));
}

/* How many keys stand before the first query: of a cache inside or outside; a scalar, or a number
 * for each image of the batch. */
static uint32_t keys_before(struct attention *a, uint32_t valid)
{
    struct onnx_expr *e = &a->e;
    if (a->past)
        return number_of(e, a->past, 2);
    if (valid)
        return ONNX_E(e, SUB, valid, number_of(e, a->q, 2));
    return onnx_e_scalar(e, INFER_S64, 0);
}

static uint32_t both(struct onnx_expr *e, uint32_t a, uint32_t b)
{
    return a ? ONNX_E(e, AND, a, b) : b;
}

/* Which keys a query may see by its position; 0: all. */
static uint32_t visible(struct attention *a, uint32_t scores)
{
    struct onnx_expr *e = &a->e;
    uint32_t see = 0, valid = a->valid, key = onnx_e_along(e, scores, -1);
    if (valid) {
        valid = onnx_e_cast(e, valid, INFER_S64);
        valid = ONNX_E(e, UNSQUEEZE, valid, ONNX_LIST(e, 1, 2, 3));
        see = ONNX_E(e, LESS, key, valid);
    }
    if (!a->causal && a->left < 0 && a->right < 0)
        return see;
    uint32_t place = ONNX_E(e, ADD, onnx_e_along(e, scores, -2), keys_before(a, valid));
    uint32_t ahead = ONNX_E(e, SUB, key, place); /* of the query */
    if (a->causal)
        see = both(e, see, ONNX_E(e, LESS_OR_EQUAL, ahead, onnx_e_scalar(e, INFER_S64, 0)));
    if (a->right >= 0)
        see = both(e, see,
                   ONNX_E(e, LESS_OR_EQUAL, ahead, onnx_e_scalar(e, INFER_S64, (double)a->right)));
    if (a->left >= 0)
        see =
            both(e, see,
                 ONNX_E(e, GREATER_OR_EQUAL, ahead, onnx_e_scalar(e, INFER_S64, -(double)a->left)));
    return see;
}

/* A mask with fewer keys than there are (opset 24) hides those that it leaves out. */
static uint32_t whole_mask(struct attention *a)
{
    struct onnx_expr *e = &a->e;
    uint32_t mask = a->mask;
    int rank = onnx_rank(a->n, 3);
    const struct infer__value *m = &a->n->im->g->values[mask];
    if (a->n->opset < 24 || rank < 1 || (m->shaped && m->dims[rank - 1] == 1) || !a->valid)
        return mask;
    const int64_t zeros[2 * INFER_MAX_RANK] = {0};
    uint32_t missing = ONNX_E(e, SUB, size_of(e, a->k, 2), size_of(e, mask, -1));
    uint32_t pads =
        joined(e, (uint32_t[]){onnx_e_list(e, zeros, 2 * (uint32_t)rank - 1), missing}, 2, 0);
    return ONNX_E(e, PAD, mask, pads,
                  a->mask_is_bool ? onnx_e_scalar(e, INFER_BOOL, 0)
                                  : onnx_e_scalar(e, INFER_F32, -HUGE_VAL));
}

/* Scores with what is hidden at minus infinity; *hides: a query may see nothing. */
static uint32_t masked(struct attention *a, uint32_t scores, int *hides)
{
    struct onnx_expr *e = &a->e;
    uint32_t see = visible(a, scores), mask = a->mask ? whole_mask(a) : 0;
    *hides = (mask && a->mask_hides) || a->valid || a->left >= 0 || a->right >= 0;
    if (mask && a->mask_is_bool)
        see = both(e, see, mask);
    else if (mask)
        scores = ONNX_E(e, ADD, scores, mask);
    if (a->padding) {
        uint32_t off = ONNX_E(e, NOT, onnx_e_cast(e, a->padding, INFER_BOOL));
        uint32_t zero = onnx_e_scalar(e, INFER_F32, 0);
        off = ONNX_E(e, UNSQUEEZE, off, ONNX_LIST(e, 1, 2));
        off = ONNX_E(e, WHERE, off, onnx_e_scalar(e, INFER_F32, (double)a->filter), zero);
        scores = ONNX_E(e, ADD, scores, off);
    }
    if (see)
        scores = ONNX_E(e, WHERE, see, scores, onnx_e_scalar(e, INFER_F32, -HUGE_VAL));
    return scores;
}

/* Probabilities; a query that sees nothing gets 0 instead of no numbers. */
static uint32_t probabilities(struct attention *a, uint32_t scores, int hides)
{
    struct onnx_expr *e = &a->e;
    uint32_t p = ONNX_E(e, SOFTMAX, scores);
    onnx_e_int(e, INFER__ATTR_AXIS, -1);
    if (!hides)
        return p;
    uint32_t top = onnx_e_reduce(e, INFER__OP_REDUCE_MAX, scores, ONNX_LIST(e, -1), 1);
    uint32_t nothing = ONNX_E(e, EQUAL, top, onnx_e_scalar(e, INFER_F32, -HUGE_VAL));
    return ONNX_E(e, WHERE, nothing, onnx_e_scalar(e, INFER_F32, 0), p);
}

/* Softmax(scale * Q * K^T, masked) * V */
static uint32_t attend(struct attention *a)
{
    struct onnx_expr *e = &a->e;
    int same = same_heads(a), hides;
    uint32_t scale, stages[4], keys = same ? a->k : shared(a, a->k);
    if (a->scale != 0)
        scale = onnx_e_scalar(e, INFER_F32, (double)a->scale);
    else
        scale = ONNX_E(e, RECIPROCAL,
                       ONNX_E(e, SQRT, onnx_e_cast(e, number_of(e, a->q, 3), INFER_F32)));
    uint32_t q = ONNX_E(e, MUL, a->q, scale);
    stages[0] = ONNX_E(e, MATMUL, q, onnx_e_swapped(e, keys, 4));
    stages[1] = stages[0];
    if (a->softcap > 0) {
        uint32_t cap = onnx_e_scalar(e, INFER_F32, (double)a->softcap);
        stages[1] = ONNX_E(e, MUL, ONNX_E(e, TANH, ONNX_E(e, DIV, stages[0], cap)), cap);
    }
    stages[2] = masked(a, stages[1], &hides);
    stages[3] = probabilities(a, stages[2], hides);
    a->qk = stages[a->mode & 3];
    return ONNX_E(e, MATMUL, stages[3], same ? a->v : shared(a, a->v));
}

infer_status onnx_convert_attention(struct onnx_node *n)
{
    struct attention a = {.n = n, .e = onnx_expr(n), .mask_hides = 1};
    struct onnx_expr *e = &a.e;
    TRY_NODE(n, read_attention(&a));
    a.mask = input(n, 3);
    a.mask_is_bool = a.mask && onnx_in_type(n, 3) == INFER_BOOL;
    a.past = input(n, 4);
    a.valid = input(n, 6);
    a.q = with_heads(e, n->in[0], a.q_heads);
    a.k = with_heads(e, n->in[1], a.kv_heads);
    a.v = with_heads(e, n->in[2], a.kv_heads);
    if (input(n, 4)) {
        a.k = joined(e, (uint32_t[]){n->in[4], a.k}, 2, 2);
        a.v = joined(e, (uint32_t[]){n->in[5], a.v}, 2, 2);
    }
    uint32_t y = attend(&a);
    if (a.q_heads)
        y = ONNX_E(e, RESHAPE, transposed(e, y), ONNX_LIST(e, 0, 0, -1));
    onnx_e_out(e, 0, y);
    onnx_e_out(e, 1, a.k);
    onnx_e_out(e, 2, a.v);
    onnx_e_out(e, 3, a.qk);
    return e->status;
}

/* ---- FlexAttention -------------------------------------------------------------------------- */

/* What a sub-graph makes of scores or probabilities; as they are where there is none. */
static infer_status modified(struct onnx_node *n, const char *name, uint32_t *x)
{
    const Onnx__AttributeProto *a = onnx_attr(n, name);
    if (!a)
        return INFER_OK;
    if (!onnx_subgraph(a))
        return onnx_fail(n, name, "", "the attribute must be a graph");
    return onnx_inline(n, name, onnx_subgraph(a), x, 1, x, 1);
}

/* Softmax(scale * Q * K^T) * V, where graphs may change the scores and the probabilities. */
infer_status onnx_convert_flex_attention(struct onnx_node *n)
{
    struct attention a = {.n = n, .e = onnx_expr(n)};
    struct onnx_expr *e = &a.e;
    int64_t precision;
    TRY(onnx_float(n, "scale", 0, &a.scale));
    TRY(onnx_int(n, "softmax_precision", 0, &precision));
    TRY_NODE(n, onnx_takes(n, 3, 3));
    const int wide = precision == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
    const infer_type type = onnx_in_type(n, 0) == INFER_F64 ? INFER_F64 : INFER_F32;
    a.q = n->in[0];
    const int same = same_heads(&a);
    uint32_t keys = same ? n->in[1] : shared(&a, n->in[1]), scale;
    uint32_t v = same ? n->in[2] : shared(&a, n->in[2]);
    if (a.scale != 0)
        scale = onnx_e_scalar(e, type, (double)a.scale);
    else
        scale = ONNX_E(e, RECIPROCAL, ONNX_E(e, SQRT, onnx_e_cast(e, number_of(e, a.q, 3), type)));
    uint32_t x = ONNX_E(e, MATMUL, ONNX_E(e, MUL, a.q, scale), onnx_e_swapped(e, keys, 4));
    if (wide && type != INFER_F64)
        x = onnx_e_cast(e, x, INFER_F64);
    TRY(e->status);
    TRY_NODE(n, modified(n, "score_mod", &x));
    x = ONNX_E(e, SOFTMAX, x);
    onnx_e_int(e, INFER__ATTR_AXIS, -1);
    TRY(e->status);
    TRY_NODE(n, modified(n, "prob_mod", &x));
    if (wide && type != INFER_F64)
        x = onnx_e_cast(e, ONNX_E(e, MATMUL, x, onnx_e_cast(e, v, INFER_F64)), type);
    else
        x = ONNX_E(e, MATMUL, x, v);
    onnx_e_out(e, 0, x);
    return e->status;
}

/* ---- com.microsoft --------------------------------------------------------------------------- */

static infer_status read_runtime_attention(struct attention *a)
{
    struct onnx_node *n = a->n;
    TRY(onnx_int(n, "num_heads", 0, &a->q_heads));
    TRY(onnx_int(n, "unidirectional", 0, &a->causal));
    TRY(onnx_float(n, "mask_filter_value", -10000.0f, &a->filter));
    TRY(onnx_float(n, "scale", 0, &a->scale));
    a->kv_heads = a->q_heads;
    a->left = a->right = -1;
    if (a->q_heads < 1)
        return onnx_fail(n, "num_heads", "", "the number of heads is missing");
    return INFER_OK;
}

/* Input i as the mask of keys, which must be a matrix. */
static infer_status read_padding(struct attention *a, uint32_t i)
{
    a->padding = input(a->n, i);
    if (a->padding && onnx_rank(a->n, i) != 2)
        return onnx_fail(a->n, NULL, "", "input %u: only masks of rank 2 are supported", i);
    return INFER_OK;
}

/* x in three parts of one size, along the last axis. */
static infer_status thirds(struct onnx_node *n, uint32_t x, uint32_t parts[3])
{
    struct infer__node *node;
    for (int i = 0; i < 3; i++)
        TRY(onnx_temp(n, "part", &parts[i]));
    TRY(onnx_emit(n, INFER__OP_SPLIT, &x, 1, parts, 3, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_AXIS, -1));
    return onnx_set_int(n, node, INFER__ATTR_NUM_OUTPUTS, 3);
}

/* Attention over q, k and v without heads; output 0, and keys and values as 1 and 2 if `present`.
 */
static infer_status attend_flat(struct attention *a, uint32_t q, uint32_t k, uint32_t v,
                                const uint32_t past[2], int present)
{
    struct onnx_expr *e = &a->e;
    a->q = with_heads(e, q, a->q_heads);
    a->k = with_heads(e, k, a->kv_heads);
    a->v = with_heads(e, v, a->kv_heads);
    a->past = past[0];
    if (past[0]) {
        a->k = joined(e, (uint32_t[]){past[0], a->k}, 2, 2);
        a->v = joined(e, (uint32_t[]){past[1], a->v}, 2, 2);
    }
    uint32_t y = attend(a);
    onnx_e_out(e, 0, ONNX_E(e, RESHAPE, transposed(e, y), ONNX_LIST(e, 0, 0, -1)));
    for (uint32_t i = 1; present && i < 3; i++)
        onnx_e_out(e, i, i == 1 ? a->k : a->v);
    return e->status;
}

/* MultiHeadAttention: query, key, value (rank 3), bias of all three, mask of keys, bias of the
 * scores, keys and values of a cache. */
infer_status onnx_convert_multi_head_attention(struct onnx_node *n)
{
    struct attention a = {.n = n, .e = onnx_expr(n)};
    uint32_t x[3], bias[3] = {0, 0, 0};
    TRY_NODE(n, read_runtime_attention(&a));
    TRY_NODE(n, onnx_takes(n, 3, 8));
    TRY_NODE(n, read_padding(&a, 4));
    a.mask = input(n, 5);
    for (uint32_t i = 0; i < 3; i++)
        if (onnx_rank(n, i) != 3)
            return onnx_fail(n, NULL, "", "input %u must be known to have rank 3", i);
    if (!input(n, 6) != !input(n, 7))
        return onnx_fail(n, NULL, "", "past key and past value must both be given");
    if (input(n, 3))
        TRY(thirds(n, n->in[3], bias));
    for (uint32_t i = 0; i < 3; i++)
        x[i] = bias[i] ? ONNX_E(&a.e, ADD, n->in[i], bias[i]) : n->in[i];
    return attend_flat(&a, x[0], x[1], x[2], (uint32_t[]){input(n, 6), input(n, 7)}, 1);
}

/* Attention of ONNX Runtime: input, weights and bias of query, key and value side by side, mask of
 * keys, past, bias of the scores. */
infer_status onnx_convert_runtime_attention(struct onnx_node *n)
{
    struct attention a = {.n = n, .e = onnx_expr(n)};
    uint32_t x[3];
    TRY_NODE(n, read_runtime_attention(&a));
    TRY_NODE(n, onnx_takes(n, 2, 6));
    TRY_NODE(n, read_padding(&a, 3));
    a.mask = input(n, 5);
    if (input(n, 4))
        return onnx_fail(n, NULL, "", "the past in one tensor is not supported");
    uint32_t all = ONNX_E(&a.e, MATMUL, n->in[0], n->in[1]);
    if (input(n, 2))
        all = ONNX_E(&a.e, ADD, all, n->in[2]);
    TRY(a.e.status);
    TRY(thirds(n, all, x));
    return attend_flat(&a, x[0], x[1], x[2], (uint32_t[]){0, 0}, 0);
}

/* ---- rotary embedding ----------------------------------------------------------------------- */

static uint32_t slice(struct onnx_expr *e, uint32_t x, int64_t from, int64_t to, int64_t step)
{
    return ONNX_E(e, SLICE, x, ONNX_LIST(e, from), ONNX_LIST(e, to), ONNX_LIST(e, -1),
                  ONNX_LIST(e, step));
}

/* The first `size` elements of the last axis (0: all of them), turned: pairs stand next to each
 * other, or half the size apart. The tables have an axis of size 1 for the heads. */
static uint32_t rotated(struct onnx_expr *e, uint32_t x, uint32_t cos, uint32_t sin, int64_t size,
                        int interleaved)
{
    uint32_t part = size ? slice(e, x, 0, size, 1) : x, pair[2], turned[2];
    if (interleaved) {
        pair[0] = slice(e, part, 0, INT64_MAX, 2);
        pair[1] = slice(e, part, 1, INT64_MAX, 2);
    } else { /* the tables are as long as half the pairs */
        uint32_t half = size_of(e, cos, -1), axis = ONNX_LIST(e, -1);
        pair[0] = ONNX_E(e, SLICE, part, ONNX_LIST(e, 0), half, axis);
        pair[1] = ONNX_E(e, SLICE, part, half, ONNX_LIST(e, INT64_MAX), axis);
    }
    turned[0] = ONNX_E(e, SUB, ONNX_E(e, MUL, cos, pair[0]), ONNX_E(e, MUL, sin, pair[1]));
    turned[1] = ONNX_E(e, ADD, ONNX_E(e, MUL, sin, pair[0]), ONNX_E(e, MUL, cos, pair[1]));
    uint32_t y;
    if (interleaved) {
        uint32_t behind = ONNX_LIST(e, -1);
        for (int i = 0; i < 2; i++)
            turned[i] = ONNX_E(e, UNSQUEEZE, turned[i], behind);
        y = ONNX_E(e, RESHAPE, joined(e, turned, 2, -1), ONNX_E(e, SHAPE, part));
    } else {
        y = joined(e, turned, 2, -1);
    }
    return size ? joined(e, (uint32_t[]){y, slice(e, x, size, INT64_MAX, 1)}, 2, -1) : y;
}

/* Opset 23: X (batch, heads, length, size; or batch, length, heads times size), tables of cosines
 * and sines, positions of the tokens in the tables; without positions the tables have the batch. */
infer_status onnx_convert_rotary_embedding(struct onnx_node *n)
{
    int64_t heads, size, interleaved;
    TRY(onnx_int(n, "num_heads", 0, &heads));
    TRY(onnx_int(n, "rotary_embedding_dim", 0, &size));
    TRY(onnx_int(n, "interleaved", 0, &interleaved));
    TRY_NODE(n, onnx_takes(n, 3, 4));
    int rank = onnx_rank(n, 0);
    if ((rank != 3 && rank != 4) || (rank == 3 && heads < 1) || size < 0)
        return onnx_fail(n, NULL, "", "rank 4, or 3 and a number of heads, are needed");
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = with_heads(&e, n->in[0], rank == 3 ? heads : 0), table[2];
    for (uint32_t i = 0; i < 2; i++) {
        table[i] = n->in[1 + i];
        if (input(n, 3))
            table[i] = ONNX_E(&e, GATHER, table[i], input(n, 3));
        table[i] = ONNX_E(&e, UNSQUEEZE, table[i], ONNX_LIST(&e, 1));
    }
    uint32_t y = rotated(&e, x, table[0], table[1], size, interleaved != 0);
    if (rank == 3)
        y = ONNX_E(&e, RESHAPE, transposed(&e, y), ONNX_LIST(&e, 0, 0, -1));
    onnx_e_out(&e, 0, y);
    return e.status;
}
