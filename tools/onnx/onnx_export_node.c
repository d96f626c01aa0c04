/* Nodes: names and attributes are ONNX's, but for what is a word there and a number here. */
#include <stdio.h>
#include <string.h>

#include "graph/params.h"
#include "tools/onnx/onnx_cells.h"
#include "tools/onnx/onnx_export_internal.h"

static infer_status no_memory(struct exporter *x)
{
    return infer__no_memory(x->err, sizeof(Onnx__NodeProto));
}

/* ---- attributes ----------------------------------------------------------------------------- */

static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap"};
static const char *const resize_modes[] = {"nearest", "linear", "cubic"};
static const char *const depth_modes[] = {"DCR", "CRD"};
static const char *const coordinates[] = {
    "half_pixel",         "pytorch_half_pixel",   "align_corners",       "asymmetric",
    "tf_crop_and_resize", "tf_half_pixel_for_nn", "half_pixel_symmetric"};
static const char *const nearest_modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
static const char *const grid_modes[] = {"nearest", "linear", "cubic"};
static const char *const grid_paddings[] = {"zeros", "border", "reflection"};
static const char *const roi_modes[] = {"avg", "max"};
static const char *const roi_coordinates[] = {"half_pixel", "", "", "output_half_pixel"};
static const char *const reductions[] = {"none", "add", "mul", "min", "max"};
static const char *const update_rules[] = {"linear", "gated", "delta", "gated_delta"};
static const char *const directions[] = {"forward", "reverse", "bidirectional"};
static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};

#define WORDS(list) (*count = sizeof(list) / sizeof *(list), (list))

static int is_recurrent(unsigned op)
{
    return op >= INFER__OP_LSTM && op <= INFER__OP_DYNAMIC_QUANTIZE_LSTM;
}

/* The words that the numbers of an attribute stand for; NULL where it is a number in ONNX too. */
static const char *const *words_of(unsigned op, unsigned key, size_t *count)
{
    *count = 0;
    switch (key) {
    case INFER__ATTR_AUTO_PAD:
        return WORDS(auto_pads);
    case INFER__ATTR_COORDINATE_MODE:
        return op == INFER__OP_ROI_ALIGN ? WORDS(roi_coordinates) : WORDS(coordinates);
    case INFER__ATTR_PADDING_MODE:
        return WORDS(grid_paddings);
    case INFER__ATTR_REDUCTION:
        return WORDS(reductions);
    case INFER__ATTR_NEAREST_MODE:
        return WORDS(nearest_modes);
    case INFER__ATTR_KEEP_ASPECT:
        return WORDS(policies);
    case INFER__ATTR_DIRECTION:
        return WORDS(directions);
    case INFER__ATTR_MODE:
        if (op == INFER__OP_PAD)
            return WORDS(pad_modes);
        if (op == INFER__OP_GRID_SAMPLE)
            return WORDS(grid_modes);
        if (op == INFER__OP_ROI_ALIGN)
            return WORDS(roi_modes);
        if (op == INFER__OP_LINEAR_ATTENTION)
            return WORDS(update_rules);
        if (is_recurrent(op))
            return NULL;
        return op == INFER__OP_RESIZE ? WORDS(resize_modes) : WORDS(depth_modes);
    default:
        return NULL;
    }
}

static int is_list(unsigned key)
{
    switch (key) {
    case INFER__ATTR_AXES:
    case INFER__ATTR_DILATIONS:
    case INFER__ATTR_KERNEL_SHAPE:
    case INFER__ATTR_OUTPUT_PADDING:
    case INFER__ATTR_OUTPUT_SHAPE:
    case INFER__ATTR_PADS:
    case INFER__ATTR_PERM:
    case INFER__ATTR_STRIDES:
        return 1;
    default:
        return 0;
    }
}

static Onnx__AttributeProto *new_attr(struct exporter *x, const char *name)
{
    Onnx__AttributeProto *a = infer__region_calloc(&x->region, 1, sizeof *a);
    if (!a)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = infer__region_string(&x->region, name);
    a->has_type = 1;
    return a->name ? a : NULL;
}

static infer_status set_word(struct exporter *x, const struct infer__node *n,
                             Onnx__AttributeProto *a, const char *const *words, size_t count,
                             int64_t number)
{
    if (number < 0 || (uint64_t)number >= count)
        return infer__fail_node(x->err, INFER_ERROR_FORMAT, n->name, "%s is %lld, which is no word",
                                a->name, (long long)number);
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    a->has_s = 1;
    a->s.len = strlen(words[number]);
    a->s.data = infer__region_copy(&x->region, words[number], a->s.len);
    return a->s.data ? INFER_OK : no_memory(x);
}

static infer_status set_ints(struct exporter *x, const struct infer__node *n,
                             const struct infer__attr *from, Onnx__AttributeProto *a)
{
    size_t count;
    const char *const *words = words_of(n->op, from->key, &count);
    if (words)
        return set_word(x, n, a, words, count, from->ints[0]);
    if (is_list(from->key)) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        a->n_ints = from->count;
        a->ints = infer__region_copy(&x->region, from->ints, from->count * sizeof *a->ints);
        return a->ints ? INFER_OK : no_memory(x);
    }
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    a->has_i = 1;
    a->i = from->key == INFER__ATTR_TO ? export_type((unsigned)from->ints[0]) : from->ints[0];
    return INFER_OK;
}

static infer_status add_attr(struct exporter *x, Onnx__NodeProto *p, Onnx__AttributeProto *a)
{
    Onnx__AttributeProto **all = infer__region_calloc(&x->region, p->n_attribute + 1, sizeof *all);
    if (!all)
        return no_memory(x);
    if (p->n_attribute)
        memcpy(all, p->attribute, p->n_attribute * sizeof *all);
    all[p->n_attribute++] = a;
    p->attribute = all;
    return INFER_OK;
}

static infer_status add_int(struct exporter *x, Onnx__NodeProto *p, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = new_attr(x, name);
    if (!a)
        return no_memory(x);
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    a->has_i = 1;
    a->i = v;
    return add_attr(x, p, a);
}

static infer_status add_float(struct exporter *x, Onnx__NodeProto *p, const char *name, float v)
{
    Onnx__AttributeProto *a = new_attr(x, name);
    if (!a)
        return no_memory(x);
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    a->has_f = 1;
    a->f = v;
    return add_attr(x, p, a);
}

/* What ONNX calls an attribute of an operator. */
static const char *name_of(unsigned op, unsigned key)
{
    if (op == INFER__OP_MAX_ROI_POOL && key == INFER__ATTR_OUTPUT_SHAPE)
        return "pooled_shape";
    if (op == INFER__OP_LINEAR_ATTENTION && key == INFER__ATTR_ALPHA)
        return "scale";
    if (is_recurrent(op) && key == INFER__ATTR_MODE)
        return op == INFER__OP_GRU ? "linear_before_reset" : "input_forget";
    return op == INFER__OP_LINEAR_ATTENTION && key == INFER__ATTR_MODE ? "update_rule"
                                                                       : infer__attr_name(key);
}

/* ---- activations of recurrent layers --------------------------------------------------------- */

static infer_status set_acts(struct exporter *x, const struct infer__node *n,
                             const struct infer__attr *from, Onnx__AttributeProto *a)
{
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
    a->strings = infer__region_calloc(&x->region, from->count, sizeof *a->strings);
    if (!a->strings)
        return no_memory(x);
    for (uint32_t i = 0; i < from->count; i++, a->n_strings++) {
        const int64_t act = from->ints[i];
        if (act < 0 || act >= INFER__CELL_ACTS)
            return infer__fail_node(x->err, INFER_ERROR_FORMAT, n->name, "%s has no word %lld",
                                    a->name, (long long)act);
        a->strings[i].len = strlen(onnx_cell_acts[act].name);
        a->strings[i].data =
            infer__region_copy(&x->region, onnx_cell_acts[act].name, a->strings[i].len);
        if (!a->strings[i].data)
            return no_memory(x);
    }
    return INFER_OK;
}

/* ONNX lists parameters only of activations that take them. */
static infer_status set_act_parameters(struct exporter *x, const struct infer__node *n,
                                       const struct infer__attr *from, Onnx__AttributeProto *a)
{
    const struct infer__attr *acts = infer__node_attr(n, INFER__ATTR_ACTIVATIONS);
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    a->floats = infer__region_calloc(&x->region, (size_t)from->count + 1, sizeof *a->floats);
    if (!a->floats)
        return no_memory(x);
    for (uint32_t i = 0; acts && i < from->count && i < acts->count; i++) {
        const int64_t act = acts->ints[i];
        if (act < 0 || act >= INFER__CELL_ACTS)
            continue; /* which set_acts refuses */
        if (from->key == INFER__ATTR_ACTIVATION_ALPHA ? onnx_cell_acts[act].alpha
                                                      : onnx_cell_acts[act].beta)
            a->floats[a->n_floats++] = from->floats[i];
    }
    return INFER_OK;
}

/* The size of the state, which ONNX Runtime wants to be stated. */
static infer_status add_hidden(struct exporter *x, const struct infer__node *n, Onnx__NodeProto *p)
{
    const struct infer__value *r = &x->g->values[n->in[2]];
    const int axis = n->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM ? 1 : 2;
    return r->shaped && r->rank == 3 ? add_int(x, p, "hidden_size", r->dims[axis]) : INFER_OK;
}

static int is_act_parameter(unsigned key)
{
    return key == INFER__ATTR_ACTIVATION_ALPHA || key == INFER__ATTR_ACTIVATION_BETA;
}

/* ---- all attributes -------------------------------------------------------------------------- */

static infer_status copy_attrs(struct exporter *x, const struct infer__node *n, Onnx__NodeProto *p)
{
    for (uint32_t i = 0; i < n->nattr; i++) {
        const struct infer__attr *from = &n->attr[i];
        if (from->key == INFER__ATTR_COERCE_2D)
            continue;
        if (n->op == INFER__OP_ROI_ALIGN && from->key == INFER__ATTR_OUTPUT_SHAPE &&
            from->count == 2) {
            TRY(add_int(x, p, "output_height", from->ints[0]));
            TRY(add_int(x, p, "output_width", from->ints[1]));
            continue;
        }
        Onnx__AttributeProto *a = new_attr(x, name_of(n->op, from->key));
        if (!a)
            return no_memory(x);
        if (is_act_parameter(from->key)) {
            TRY(set_act_parameters(x, n, from, a));
        } else if (from->key == INFER__ATTR_ACTIVATIONS) {
            TRY(set_acts(x, n, from, a));
        } else if (from->type == INFER__ATTR_FLOATS) {
            a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
            a->has_f = 1;
            a->f = from->floats[0];
        } else {
            TRY(set_ints(x, n, from, a));
        }
        TRY(add_attr(x, p, a));
    }
    return INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

/* Inputs that are absent at the end are left out. */
infer_status export_add(struct exporter *x, const char *op, const char *name, char **in,
                        uint32_t nin, char **out, uint32_t nout, Onnx__NodeProto **node)
{
    void *nodes = x->nodes;
    if (!infer__region_grow(&x->region, &nodes, &x->capacity, x->nnodes + 1, sizeof *x->nodes))
        return no_memory(x);
    x->nodes = nodes;
    Onnx__NodeProto *p = infer__region_calloc(&x->region, 1, sizeof *p);
    if (!p)
        return no_memory(x);
    onnx__node_proto__init(p);
    while (nin && !in[nin - 1][0])
        nin--;
    p->op_type = infer__region_string(&x->region, op);
    p->name = infer__region_string(&x->region, name);
    p->input = infer__region_copy(&x->region, in, nin * sizeof *in);
    p->output = infer__region_copy(&x->region, out, nout * sizeof *out);
    if (!p->op_type || !p->name || !p->input || !p->output)
        return no_memory(x);
    p->n_input = nin;
    p->n_output = nout;
    x->nodes[x->nnodes++] = *node = p;
    return INFER_OK;
}

/* Value names never start like this. */
char *export_fresh(struct exporter *x)
{
    char text[32];
    snprintf(text, sizeof text, "infer.export.%u", x->fresh++);
    return infer__region_string(&x->region, text);
}

/* Softmax as it was before opset 13: over all axes from `axis` on, as one. */
static infer_status export_coerced(struct exporter *x, const struct infer__node *n, char **in,
                                   char **out)
{
    Onnx__NodeProto *p;
    Onnx__AttributeProto *axis = new_attr(x, "axis"), *last = new_attr(x, "axis");
    char *flat = export_fresh(x), *soft = export_fresh(x), *shape = export_fresh(x);
    if (!axis || !last || !flat || !soft || !shape)
        return no_memory(x);
    axis->type = last->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    axis->has_i = last->has_i = 1;
    axis->i = infer__node_int(n, INFER__ATTR_AXIS, 1);
    last->i = 1;
    TRY(export_add(x, "Flatten", n->name, in, 1, &flat, 1, &p));
    TRY(add_attr(x, p, axis));
    TRY(export_add(x, infer__op_info(n->op)->name, n->name, &flat, 1, &soft, 1, &p));
    TRY(add_attr(x, p, last));
    TRY(export_add(x, "Shape", n->name, in, 1, &shape, 1, &p));
    return export_add(x, "Reshape", n->name, (char *[]){soft, shape}, 2, out, 1, &p);
}

/* The value of ConstantOfShape is an attribute. */
static infer_status export_filled(struct exporter *x, const struct infer__node *n, char **in,
                                  char **out)
{
    Onnx__NodeProto *p;
    TRY(export_add(x, "ConstantOfShape", n->name, in, 1, out, 1, &p));
    if (n->nin < 2 || !n->in[1])
        return INFER_OK;
    Onnx__AttributeProto *a = new_attr(x, "value");
    if (!a || !(a->t = export_tensor(x, &x->g->values[n->in[1]], NULL)))
        return no_memory(x);
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    a->t->n_dims = 1;
    a->t->dims = infer__region_copy(&x->region, &(int64_t){1}, sizeof(int64_t));
    return a->t->dims ? add_attr(x, p, a) : no_memory(x);
}

/* Random numbers of a shape that is an operand: a tensor of that shape, and numbers like it. */
static infer_status export_random(struct exporter *x, const struct infer__node *n, char **in,
                                  char **out)
{
    const int normal = infer__node_int(n, INFER__ATTR_MODE, 0) == INFER__NORMAL;
    Onnx__NodeProto *p;
    char *like = export_fresh(x);
    if (!like)
        return no_memory(x);
    TRY(export_add(x, "ConstantOfShape", n->name, in, 1, &like, 1, &p));
    TRY(export_add(x, normal ? "RandomNormalLike" : "RandomUniformLike", n->name, &like, 1, out, 1,
                   &p));
    TRY(add_float(x, p, normal ? "mean" : "low", infer__node_float(n, INFER__ATTR_ALPHA, 0)));
    TRY(add_float(x, p, normal ? "scale" : "high", infer__node_float(n, INFER__ATTR_BETA, 1)));
    return add_float(x, p, "seed", infer__node_float(n, INFER__ATTR_SEED, 0));
}

/* To the small type and back. */
static infer_status export_round(struct exporter *x, const struct infer__node *n, char **in,
                                 char **out)
{
    static const int64_t types[] = {17, 18, 19, 20, 23, 24, 24, 24}; /* ONNX's numbers */
    static const char *const modes[] = {"up", "down", "nearest"};
    const int64_t mode = infer__node_int(n, INFER__ATTR_MODE, 0);
    const int64_t format = mode % INFER__FLOAT_OVERFLOWS;
    Onnx__NodeProto *p;
    Onnx__AttributeProto *a = new_attr(x, "round_mode");
    char *small = export_fresh(x);
    if (!a || !small)
        return no_memory(x);
    if (format < 0 || format >= INFER__FLOAT_FORMATS)
        return infer__fail_node(x->err, INFER_ERROR_FORMAT, n->name, "%lld is no format of floats",
                                (long long)format);
    TRY(export_add(x, "Cast", n->name, in, 1, &small, 1, &p));
    TRY(add_int(x, p, "to", types[format]));
    if (format != INFER__E2M1)
        TRY(add_int(x, p, "saturate", mode < INFER__FLOAT_OVERFLOWS));
    if (format >= INFER__E8M0_UP) {
        TRY(set_word(x, n, a, modes, 3, format - INFER__E8M0_UP));
        TRY(add_attr(x, p, a));
    }
    TRY(export_add(x, "Cast", n->name, &small, 1, out, 1, &p));
    return add_int(x, p, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

/* The opset that brought an operator's form, of those above 18. */
static int64_t opset_of(unsigned op)
{
    switch (op) {
    case INFER__OP_DEFORM_CONV:
        return 19;
    case INFER__OP_GRID_SAMPLE:
        return 20;
    case INFER__OP_ROUND_FLOAT:
        return 24;
    case INFER__OP_BIT_CAST:
    case INFER__OP_CUM_PROD:
        return 26;
    case INFER__OP_LINEAR_ATTENTION:
        return 27;
    default:
        return 18;
    }
}

static void need_opset(struct exporter *x, const struct infer__node *n)
{
    const struct infer__value *values = x->g->values;
    unsigned op = n->op, type = 0;
    int64_t need = opset_of(op);
    if (op == INFER__OP_RESIZE &&
        infer__node_int(n, INFER__ATTR_COORDINATE_MODE, 0) == INFER__HALF_PIXEL_SYMMETRIC)
        need = 19;
    if (op == INFER__OP_AVERAGE_POOL && infer__node_attr(n, INFER__ATTR_DILATIONS))
        need = 19;
    if ((op == INFER__OP_QUANTIZE_LINEAR || op == INFER__OP_DEQUANTIZE_LINEAR) && n->nin > 2)
        type = values[n->in[2]].type;
    if (type == INFER_U16 || type == INFER_S16)
        need = 21;
    x->opset = need > x->opset ? need : x->opset;
}

infer_status export_node(struct exporter *x, const struct infer__node *n)
{
    Onnx__NodeProto *p;
    const struct infer__op_info *info = infer__op_info(n->op);
    char **in = infer__region_calloc(&x->region, (size_t)n->nin + 1, sizeof *in);
    char **out = infer__region_calloc(&x->region, (size_t)n->nout + 1, sizeof *out);
    if (!in || !out)
        return no_memory(x);
    for (uint32_t i = 0; i < n->nin; i++)
        in[i] = x->names[n->in[i]];
    for (uint32_t i = 0; i < n->nout; i++)
        out[i] = x->names[n->out[i]];
    need_opset(x, n);
    if (infer__is_control(n->op))
        return export_control(x, n);
    if (n->op == INFER__OP_CUSTOM)
        return infer__fail_node(x->err, INFER_ERROR_UNSUPPORTED, n->name,
                                "operators of the application's own can't be exported");
    if (n->op == INFER__OP_CONSTANT_OF_SHAPE)
        return export_filled(x, n, in, out);
    if (n->op == INFER__OP_RANDOM)
        return export_random(x, n, in, out);
    if (n->op == INFER__OP_ROUND_FLOAT)
        return export_round(x, n, in, out);
    if (infer__node_int(n, INFER__ATTR_COERCE_2D, 0))
        return export_coerced(x, n, in, out);
    TRY(export_add(x, info->name, n->name, in, n->nin, out, n->nout, &p));
    if (n->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM) {
        static char microsoft[] = "com.microsoft";
        p->domain = microsoft;
        x->microsoft = 1;
    }
    if (is_recurrent(n->op))
        TRY(add_hidden(x, n, p));
    return copy_attrs(x, n, p);
}
