/* LSTM, GRU, RNN, and ONNX Runtime's DynamicQuantizeLSTM, whose operands are those of LSTM and then
 * scales and zero points. Of the attributes only the words differ from the IR's. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

#include "tools/onnx/onnx_cells.h"

enum { MOST_ACTS = 2 * INFER__CELL_FUNCTIONS };

/* What the activations of a node are. */
struct acts {
    int64_t act[MOST_ACTS];
    float alpha[MOST_ACTS], beta[MOST_ACTS];
    uint32_t count;
};

/* ONNX Runtime does not tell capital letters from small ones, so that there are files with both. */
static int act_of(const ProtobufCBinaryData *word)
{
    for (int i = 0; i < INFER__CELL_ACTS; i++) {
        const char *name = onnx_cell_acts[i].name;
        size_t same = 0;
        while (same < word->len && name[same] && ((name[same] ^ word->data[same]) & ~0x20) == 0)
            same++;
        if (same == word->len && !name[same])
            return i;
    }
    return -1;
}

/* The next number of a list that activations take from in turn, or `otherwise` where it has ended.
 */
static float take(const float *list, uint32_t count, uint32_t *at, int takes, float otherwise)
{
    return takes && *at < count ? list[(*at)++] : otherwise;
}

static infer_status read_acts(struct onnx_node *n, struct acts *a)
{
    const Onnx__AttributeProto *words = onnx_attr(n, "activations");
    const float *alpha, *beta;
    uint32_t nalpha, nbeta, next_alpha = 0, next_beta = 0;
    a->count = 0;
    TRY_NODE(n, onnx_floats(n, "activation_alpha", &alpha, &nalpha));
    TRY_NODE(n, onnx_floats(n, "activation_beta", &beta, &nbeta));
    if (!words)
        return INFER_OK;
    if (!words->n_strings || words->n_strings > MOST_ACTS)
        return onnx_fail(n, "activations", "", "%zu activations are too few or too many",
                         words->n_strings);
    for (uint32_t i = 0; i < words->n_strings; i++) {
        const int act = act_of(&words->strings[i]);
        if (act < 0)
            return onnx_fail(n, "activations", "", "'%.*s' is not supported",
                             (int)(words->strings[i].len < 64 ? words->strings[i].len : 64),
                             (const char *)words->strings[i].data);
        const struct onnx_cell_act *takes = &onnx_cell_acts[act];
        a->act[i] = act;
        const struct infer__cell_function f = infer__cell_function(act);
        a->alpha[i] = take(alpha, nalpha, &next_alpha, takes->alpha, f.alpha);
        a->beta[i] = take(beta, nbeta, &next_beta, takes->beta, f.beta);
    }
    a->count = (uint32_t)words->n_strings;
    return INFER_OK;
}

static infer_status set_acts(struct onnx_node *n, struct infer__node *node, const struct acts *a)
{
    struct infer__graph *g = n->im->g;
    infer_error *err = n->im->err;
    if (!a->count)
        return INFER_OK;
    TRY(infer__node_set_ints(g, node, INFER__ATTR_ACTIVATIONS, a->act, a->count, err));
    TRY(infer__node_set_floats(g, node, INFER__ATTR_ACTIVATION_ALPHA, a->alpha, a->count, err));
    return infer__node_set_floats(g, node, INFER__ATTR_ACTIVATION_BETA, a->beta, a->count, err);
}

/* The size of the state follows from the weights; what the file states is held against them. */
static infer_status check_hidden(struct onnx_node *n)
{
    const struct infer__value *r = onnx_in(n, 2);
    const int axis = n->ir_op == INFER__OP_DYNAMIC_QUANTIZE_LSTM ? 1 : 2;
    int64_t stated;
    TRY_NODE(n, onnx_int(n, "hidden_size", 0, &stated));
    if (stated && r && r->shaped && r->rank == 3 && r->dims[axis] != stated)
        return onnx_fail(n, "hidden_size", "", "it is %lld, but the weights are of %lld",
                         (long long)stated, (long long)r->dims[axis]);
    return INFER_OK;
}

/* input_forget of LSTM and linear_before_reset of GRU are the mode. */
static infer_status read_mode(struct onnx_node *n, int64_t *mode)
{
    *mode = 0;
    if (n->ir_op == INFER__OP_RNN)
        return INFER_OK;
    return onnx_int(n, n->ir_op == INFER__OP_GRU ? "linear_before_reset" : "input_forget", 0, mode);
}

infer_status onnx_convert_recurrent(struct onnx_node *n)
{
    static const char *const directions[] = {"forward", "reverse", "bidirectional", NULL};
    static const char *const ignored[] = {"output_sequence",
                                          NULL}; /* Y is there where it is named */
    const struct infer__op_info *info = infer__op_info(n->ir_op);
    uint32_t out[3] = {0, 0, 0};
    struct infer__node *node;
    struct acts acts;
    int64_t direction, mode;
    onnx_ignore(n, ignored);
    TRY_NODE(n, onnx_word(n, "direction", directions, INFER__FORWARD, &direction));
    TRY_NODE(n, read_mode(n, &mode));
    TRY_NODE(n, read_acts(n, &acts));
    TRY_NODE(n, onnx_takes(n, 3, info->max_in));
    TRY_NODE(n, check_hidden(n));
    if (n->nout > info->max_out)
        return onnx_fail(n, NULL, "", "the operator has at most %u outputs", info->max_out);
    for (uint32_t i = 0; i < info->max_out; i++)
        TRY(onnx_out(n, i, &out[i]));
    if (!out[0])
        TRY(onnx_temp(n, "Y", &out[0]));
    TRY(onnx_emit(n, n->ir_op, n->in, n->nin, out, info->max_out, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_DIRECTION, direction));
    if (mode)
        TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode));
    TRY(set_acts(n, node, &acts));
    return onnx_copy_attrs(n, node);
}
