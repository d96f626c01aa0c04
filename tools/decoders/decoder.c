/* The list of families, and what their functions are made of. */
#include "tools/decoders/decoder.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"

#define FAMILY(name, what)                                                                         \
    {                                                                                              \
#name, what, decoder_fits_##name, decoder_build_##name, 0, 0                               \
    }

/* In the order in which `auto` tries them: those that ask for more come first. */
const struct decoder_family decoder_families[] = {
    FAMILY(yunet, "YuNet: faces with five points"),
    FAMILY(scrfd, "SCRFD: faces with five points"),
    FAMILY(nanodet, "NanoDet: boxes as distributions of distances (GFL)"),
    FAMILY(picodet, "PicoDet: the same, of four levels"),
    {"nanodet-plus", "NanoDet-Plus: the same in one output", decoder_fits_nanodet_plus,
     decoder_build_nanodet_plus, 0, 0},
    FAMILY(retinaface, "RetinaFace: faces with five points"),
    FAMILY(blazeface, "BlazeFace of MediaPipe: faces with six points"),
    FAMILY(ssd, "SSD of TensorFlow's Object Detection API, without its post-processing"),
    FAMILY(retinanet, "RetinaNet of torchvision, without its post-processing"),
    FAMILY(fcos, "FCOS of torchvision, without its post-processing"),
    FAMILY(rtdetr, "RT-DETR and other transformers whose classes are independent"),
    FAMILY(detr, "DETR and other transformers with a class for nothing"),
    FAMILY(ultraface, "UltraFace: faces"),
    FAMILY(centernet, "CenterNet: peaks of a map of scores"),
    FAMILY(yolov3, "YOLO v3 of Darknet: maps of box, objectness, classes for three anchors"),
    FAMILY(yolov4, "YOLO v4 of Darknet: the same with other anchors"),
    FAMILY(yolox, "YOLOX: boxes in cells of a grid"),
    FAMILY(yolov5, "YOLO v5 and v7 of Ultralytics and kin: rows of box, objectness, classes"),
    {"yolov8-pose", "YOLO v8 to v12 of Ultralytics: people with points", decoder_fits_yolov8_pose,
     decoder_build_yolov8_pose, 0, 0},
    {"yolov8-obb", "YOLO v8 to v12 of Ultralytics: turned boxes", decoder_fits_yolov8_obb,
     decoder_build_yolov8_obb, 0, 0},
    {"yolov8-seg", "YOLO v8 to v12 of Ultralytics: boxes with masks", decoder_fits_yolov8_seg,
     decoder_build_yolov8_seg, 0, 0},
    FAMILY(yolov8, "YOLO v8 to v12 of Ultralytics: columns of box, classes"),
    FAMILY(nms, "boxes that have been through suppression: YOLO v10, torchvision's detectors"),
    FAMILY(fastestdet, "FastestDet"),
    {"segment", "a map of scores: a class for each pixel", decoder_fits_segment,
     decoder_build_segment, 1, 0},
    {"points", "points of one thing, relative: landmarks of a face", decoder_fits_points,
     decoder_build_points, 1, 0},
    {"text-regions", "where text is (Differentiable Binarization)", decoder_fits_text_regions,
     decoder_build_text_regions, 0, 1},
    {"text", "what a line of text says (CTC)", decoder_fits_text, decoder_build_text, 0, 1},
    {NULL, NULL, NULL, NULL, 0, 0}};

const struct decoder_family *decoder_find(const char *name, const struct decoder *d)
{
    const int any = strcmp(name, "auto") == 0;
    const int sized = d->height > 0 && d->width > 0;
    for (const struct decoder_family *f = decoder_families; f->name; f++)
        if (any ? (sized || f->any_size) && f->fits && f->fits(d) : strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* ---- entry ---------------------------------------------------------------------------------- */

/* Rank 3 is one picture without a batch, as torchvision's detectors have it. */
static infer_status read_input(struct decoder *d)
{
    const struct infer__graph *g = d->g;
    infer_error *err = d->err;
    const struct infer__value *x = g->ninputs ? &d->shaped[g->inputs[0]] : NULL;
    FAIL_IF(!x || (x->rank != 3 && x->rank != 4), INFER_ERROR_UNSUPPORTED,
            "the first input is not a picture, of rank 4");
    const int64_t *dims = x->dims + x->rank - 3;
    const int last = dims[2] <= 4 && dims[0] > 4;
    d->preprocess.layout = last ? INFER_LAYOUT_NHWC : INFER_LAYOUT_NCHW;
    d->height = dims[last ? 0 : 1];
    d->width = dims[last ? 1 : 2];
    d->preprocess.height = (int32_t)d->height;
    d->preprocess.width = (int32_t)d->width;
    return INFER_OK;
}

/* Few families take any size. */
static infer_status check_size(const struct decoder *d, const struct decoder_family *f)
{
    infer_error *err = d->err;
    const int64_t least = f && f->any_size ? 0 : 1;
    FAIL_IF(d->height < least || d->width < least || d->height > 65535 || d->width > 65535,
            INFER_ERROR_UNSUPPORTED, "the input's height and width are %lld x %lld",
            (long long)d->height, (long long)d->width);
    return INFER_OK;
}

/* What is read as it is, one of `before` values, has to be f32; outputs that were added are. */
static infer_status check_types(const struct decoder *d, uint32_t before, infer_error *err)
{
    const infer_decoding *o = &d->decoding;
    const int32_t used[] = {o->scores, o->boxes, o->points, o->masks};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        const uint32_t value = d->g->outputs[used[i] < 0 ? o->scores : used[i]];
        FAIL_IF(value < before && d->shaped[value].type != INFER_F32, INFER_ERROR_UNSUPPORTED,
                "output %s is %s; answers are read from f32", d->g->values[value].name,
                infer_type_name((infer_type)d->shaped[value].type));
    }
    return INFER_OK;
}

infer_status decoder_apply(struct infer__graph *g, const struct infer__value *shaped,
                           const struct infer__about *about, const char *name,
                           infer_decoding *decoding, infer_preprocess *preprocess,
                           const struct decoder_family **family, infer_error *err)
{
    static const struct infer__about nothing;
    const uint32_t before = g->nvalues;
    struct decoder d = {.g = g, .shaped = shaped, .about = about ? about : &nothing, .err = err};
    d.named = strcmp(name, "auto") != 0;
    infer_decoding_init(&d.decoding, sizeof d.decoding);
    infer_preprocess_init(&d.preprocess, sizeof d.preprocess);
    d.preprocess.resampler = INFER_RESIZE_OPENCV;
    d.decoding.task = INFER_TASK_DETECT;
    TRY(read_input(&d));
    const struct decoder_family *f = decoder_find(name, &d);
    TRY(check_size(&d, f));
    FAIL_IF(!f, INFER_ERROR_UNSUPPORTED, "no way to read outputs like these is known");
    FAIL_IF(!f->fits(&d), INFER_ERROR_UNSUPPORTED, "the outputs are not those of %s", f->name);
    f->build(&d);
    TRY(d.status);
    TRY(check_types(&d, before, err));
    *decoding = d.decoding;
    *preprocess = d.preprocess;
    *family = f;
    return infer__graph_verify(g, err);
}

/* ---- outputs -------------------------------------------------------------------------------- */

struct decoder_shape decoder_shape(const struct decoder *d, uint32_t i)
{
    struct decoder_shape s = {.rank = -1};
    if (i >= d->g->noutputs)
        return s;
    const struct infer__value *v = &d->shaped[d->g->outputs[i]];
    if (!v->type)
        return s;
    s.rank = v->rank;
    memcpy(s.dims, v->dims, sizeof s.dims);
    return s;
}

int decoder_is(const struct decoder *d, uint32_t i, int64_t a, int64_t b)
{
    const struct decoder_shape s = decoder_shape(d, i);
    return s.rank == 3 && (a < 0 || s.dims[1] == a) && (b < 0 || s.dims[2] == b);
}

int decoder_order(const struct decoder *d, const int64_t *fields, uint32_t n, uint32_t *order)
{
    if (d->g->noutputs != n)
        return 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = 0;
        while (i < n && !decoder_is(d, i, decoder_shape(d, 0).dims[1], fields[k]))
            i++;
        if (i == n)
            return 0;
        order[k] = i;
    }
    return 1;
}

uint32_t decoder_out(const struct decoder *d, uint32_t i)
{
    return d->g->outputs[i];
}

int decoder_named(const struct decoder *d, uint32_t i, const char *name)
{
    return i < d->g->noutputs && strcmp(d->g->values[d->g->outputs[i]].name, name) == 0;
}

int decoder_made_by(const struct decoder *d, uint32_t i, uint16_t op)
{
    for (uint32_t k = 0; k < d->g->nnodes; k++)
        for (uint32_t o = 0; o < d->g->nodes[k].nout; o++)
            if (d->g->nodes[k].out[o] == d->g->outputs[i])
                return d->g->nodes[k].op == op;
    return 0;
}

const char *decoder_about(const struct decoder *d, const char *key)
{
    for (uint32_t i = 0; i < d->about->npairs; i++)
        if (strcmp(d->about->pairs[i].key, key) == 0)
            return d->about->pairs[i].value;
    return NULL;
}

/* Appends an output whose type and shape the caller sets; NULL: status says why not. */
static struct infer__value *append(struct decoder *d, uint32_t value, const char *name)
{
    struct infer__graph *g = d->g;
    if (d->status != INFER_OK)
        return NULL;
    uint32_t *outputs = infer__region_calloc(g->region, g->noutputs + 1u, sizeof *outputs);
    char *copy = infer__region_string(g->region, name);
    if (!outputs || !copy) {
        d->status = infer__no_memory(d->err, (g->noutputs + 1u) * sizeof *outputs);
        return NULL;
    }
    memcpy(outputs, g->outputs, g->noutputs * sizeof *outputs);
    outputs[g->noutputs++] = value;
    g->outputs = outputs;
    struct infer__value *v = &g->values[value];
    v->name = copy;
    v->type = INFER_F32;
    return v;
}

int32_t decoder_add_output(struct decoder *d, uint32_t value, const char *name, int64_t a,
                           int64_t b)
{
    const struct infer__value *x = &d->shaped[d->g->inputs[0]];
    struct infer__value *v = append(d, value, name);
    if (!v)
        return 0;
    v->rank = 3;
    v->free_dims = x->rank == 4 ? x->free_dims & 1 : 0;
    v->shaped = !v->free_dims;
    v->dims[0] = v->free_dims ? 0 : x->rank == 4 ? x->dims[0] : 1;
    v->dims[1] = a;
    v->dims[2] = b;
    return (int32_t)d->g->noutputs - 1;
}

int32_t decoder_add_like(struct decoder *d, uint32_t value, const char *name)
{
    const struct infer__value *x = &d->shaped[d->g->outputs[0]];
    struct infer__value *v = append(d, value, name);
    if (!v)
        return 0;
    v->rank = x->rank;
    v->free_dims = x->free_dims;
    v->shaped = x->shaped;
    memcpy(v->dims, x->dims, sizeof v->dims);
    return (int32_t)d->g->noutputs - 1;
}

int32_t decoder_add_rows(struct decoder *d, uint32_t value, const char *name, int64_t fields)
{
    struct infer__value *v = append(d, value, name);
    if (!v)
        return 0;
    v->rank = 2;
    v->free_dims = 1;
    v->dims[1] = fields;
    return (int32_t)d->g->noutputs - 1;
}

/* ---- expressions ---------------------------------------------------------------------------- */

static char *new_name(struct decoder *d, const char *what, char name[64])
{
    snprintf(name, 64, "decode/%.40s_%u", what, d->count++);
    return name;
}

uint32_t decoder_e(struct decoder *d, uint16_t op, const uint32_t *in, uint32_t nin)
{
    char name[64];
    uint32_t out = 0;
    new_name(d, infer__op_info(op)->name, name);
    if (d->status == INFER_OK)
        d->status = infer__graph_add_value(d->g, name, &out, d->err);
    if (d->status == INFER_OK)
        d->status = infer__graph_add_node(d->g, op, name, in, nin, &out, 1, &d->last, d->err);
    return out;
}

void decoder_int(struct decoder *d, uint16_t key, int64_t v)
{
    if (d->status == INFER_OK)
        d->status = infer__node_set_ints(d->g, d->last, key, &v, 1, d->err);
}

static uint32_t constant(struct decoder *d, infer_type type, int rank, const int64_t *dims,
                         const void *data)
{
    char name[64];
    uint32_t value = 0;
    new_name(d, "constant", name);
    if (d->status == INFER_OK)
        d->status = infer__graph_add_const(d->g, name, type, rank, dims, data, 1, &value, d->err);
    return value;
}

uint32_t decoder_number(struct decoder *d, float v)
{
    return constant(d, INFER_F32, 0, NULL, &v);
}

uint32_t decoder_list(struct decoder *d, const int64_t *v, uint32_t count)
{
    const int64_t dim = count;
    return constant(d, INFER_S64, 1, &dim, v);
}

uint32_t decoder_matrix(struct decoder *d, const float *v, int64_t a, int64_t b)
{
    return constant(d, INFER_F32, 2, (const int64_t[]){a, b}, v);
}

uint32_t decoder_slice(struct decoder *d, uint32_t x, int64_t axis, int64_t begin, int64_t end)
{
    const uint32_t from = DECODER_LIST(d, begin), to = DECODER_LIST(d, end);
    return DECODER_E(d, SLICE, x, from, to, DECODER_LIST(d, axis));
}

uint32_t decoder_concat(struct decoder *d, const uint32_t *in, uint32_t nin, int64_t axis)
{
    const uint32_t y = decoder_e(d, INFER__OP_CONCAT, in, nin);
    decoder_int(d, INFER__ATTR_AXIS, axis);
    return y;
}

uint32_t decoder_reshape(struct decoder *d, uint32_t x, const int64_t *dims, uint32_t rank)
{
    return DECODER_E(d, RESHAPE, x, decoder_list(d, dims, rank));
}
