/* Windows, Fourier transforms, and the weights of mel spectra: as arithmetic on numbers that count
 * along axes, in f64, all of which is constant where sizes are known. */
#include "tools/onnx/onnx_internal.h"

#include <math.h>
#include <string.h>

static uint32_t real(struct onnx_expr *e, double v)
{
    return onnx_e_scalar(e, INFER_F64, v);
}

static uint32_t whole(struct onnx_expr *e, int64_t v)
{
    return onnx_e_scalar(e, INFER_S64, (double)v);
}

static uint32_t join(struct onnx_expr *e, uint32_t a, uint32_t b, int64_t axis)
{
    uint32_t y = ONNX_E(e, CONCAT, a, b);
    onnx_e_int(e, INFER__ATTR_AXIS, axis);
    return y;
}

/* ---- windows -------------------------------------------------------------------------------- */

/* a - b * cos(t) + c * cos(2 t), t = 2 pi i / (size, or one less). */
infer_status onnx_convert_window(struct onnx_node *n)
{
    static const struct {
        const char *name;
        double a, b, c;
    } windows[] = {{"HannWindow", 0.5, 0.5, 0},
                   {"HammingWindow", 25.0 / 46, 21.0 / 46, 0},
                   {"BlackmanWindow", 0.42, 0.5, 0.08}};
    int64_t periodic, datatype;
    TRY(onnx_int(n, "periodic", 1, &periodic));
    TRY(onnx_int(n, "output_datatype", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &datatype));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type type = onnx_type(datatype);
    if (type == INFER_TYPE_NONE)
        return onnx_fail(n, "output_datatype", "", "the type is not supported");
    struct onnx_expr e = onnx_expr(n);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        if (strcmp(windows[i].name, n->op))
            continue;
        uint32_t size = onnx_e_cast(&e, n->in[0], INFER_S64);
        uint32_t turn = periodic ? size : ONNX_E(&e, SUB, size, whole(&e, 1));
        uint32_t at = onnx_e_cast(&e, onnx_e_counted(&e, size, 0), INFER_F64);
        uint32_t t = ONNX_E(&e, DIV, ONNX_E(&e, MUL, at, real(&e, 2 * M_PI)),
                            onnx_e_cast(&e, turn, INFER_F64));
        uint32_t one = ONNX_E(&e, MUL, ONNX_E(&e, COS, t), real(&e, windows[i].b));
        uint32_t y = ONNX_E(&e, SUB, real(&e, windows[i].a), one);
        if (windows[i].c > 0) {
            uint32_t two = ONNX_E(&e, COS, ONNX_E(&e, ADD, t, t));
            y = ONNX_E(&e, ADD, y, ONNX_E(&e, MUL, two, real(&e, windows[i].c)));
        }
        onnx_e_out(&e, 0, onnx_e_cast(&e, y, onnx_widened(type)));
    }
    return e.status;
}

/* ---- Fourier transforms --------------------------------------------------------------------- */

/* What is transformed: `used` elements out of x, `length` is the transform's, scalars of s64. */
struct transform {
    uint32_t used, length;
    int parts;             /* numbers of an element: 1, real, or 2 */
    int inverse, onesided; /* both: the result is real */
    infer_type type;
};

/* Frequencies of one side: length / 2 + 1. */
static uint32_t one_side(struct onnx_expr *e, uint32_t length)
{
    return ONNX_E(e, ADD, ONNX_E(e, DIV, length, whole(e, 2)), whole(e, 1));
}

/* The transform as a matrix [used * parts, places * parts of the result]. */
static uint32_t matrix(struct onnx_expr *e, const struct transform *t)
{
    const int to_real = t->inverse && t->onesided;
    uint32_t places = t->onesided && !t->inverse ? one_side(e, t->length) : t->length;
    uint32_t row = onnx_e_counted(e, t->used, 1), column = onnx_e_counted(e, places, 0);
    uint32_t turns = ONNX_E(e, MOD, ONNX_E(e, MUL, row, column), t->length);
    uint32_t length = onnx_e_cast(e, t->length, INFER_F64);
    uint32_t angle = ONNX_E(e, MUL, onnx_e_cast(e, turns, INFER_F64), real(e, 2 * M_PI));
    angle = ONNX_E(e, DIV, angle, length);
    uint32_t c = ONNX_E(e, COS, angle), s = ONNX_E(e, SIN, angle);
    if (t->inverse) {
        c = ONNX_E(e, DIV, c, length);
        s = ONNX_E(e, DIV, s, length);
    } else {
        s = ONNX_E(e, NEG, s);
    }
    if (to_real) { /* all frequencies but the first and, of an even length, the last stand twice */
        uint32_t twin = ONNX_E(e, MOD, ONNX_E(e, ADD, row, row), t->length);
        uint32_t alone = onnx_e_cast(e, ONNX_E(e, EQUAL, twin, whole(e, 0)), INFER_F64);
        uint32_t weight = ONNX_E(e, SUB, real(e, 2), alone);
        c = ONNX_E(e, MUL, c, weight);
        s = ONNX_E(e, MUL, s, weight);
    }
    uint32_t last = ONNX_LIST(e, -1), minus = ONNX_E(e, NEG, s);
    uint32_t m = ONNX_E(e, UNSQUEEZE, c, last); /* [used, places, parts of the result] */
    if (!to_real)
        m = join(e, m, ONNX_E(e, UNSQUEEZE, s, last), -1);
    if (t->parts == 2) { /* i * (c + i s) = -s + i c */
        uint32_t second = ONNX_E(e, UNSQUEEZE, minus, last);
        if (!to_real)
            second = join(e, second, ONNX_E(e, UNSQUEEZE, c, last), -1);
        m = join(e, ONNX_E(e, UNSQUEEZE, m, ONNX_LIST(e, 1)),
                 ONNX_E(e, UNSQUEEZE, second, ONNX_LIST(e, 1)), 1);
    }
    uint32_t rows = ONNX_E(e, MUL, t->used, whole(e, t->parts));
    uint32_t shape = join(e, ONNX_E(e, UNSQUEEZE, rows, ONNX_LIST(e, 0)), last, 0);
    return onnx_e_cast(e, ONNX_E(e, RESHAPE, m, shape), t->type);
}

/* The numbers of an element of input 0; fails the node where they are not known. */
static infer_status parts_of(struct onnx_node *n, const struct infer__value *x, int *parts)
{
    int last = x->rank - 1;
    *parts = 0;
    if ((x->shaped || x->kind == INFER__VALUE_INPUT) && x->rank > 1 && !(x->free_dims >> last & 1))
        *parts = (int)(x->dims[last] == 1 || x->dims[last] == 2 ? x->dims[last] : 0);
    if (!*parts)
        return onnx_fail(n, NULL, "", "whether the signal is real must be known");
    return INFER_OK;
}

static uint32_t product(struct onnx_expr *e, uint32_t sizes, uint32_t keep)
{
    sizes = ONNX_E(e, WHERE, keep, sizes, whole(e, 1));
    return onnx_e_reduce(e, INFER__OP_REDUCE_PROD, sizes, 0, 1);
}

/* Along an axis that is an operand since opset 20: the signal becomes [before, used, behind *
 * parts], and the axis the last one. */
infer_status onnx_convert_dft(struct onnx_node *n)
{
    int64_t axis, inverse, onesided;
    struct transform t = {0};
    TRY(onnx_int(n, "axis", n->opset < 20 ? 1 : -2, &axis));
    TRY(onnx_int(n, "inverse", 0, &inverse));
    TRY(onnx_int(n, "onesided", 0, &onesided));
    TRY_NODE(n, onnx_takes(n, 1, n->opset < 20 ? 2 : 3));
    TRY_NODE(n, parts_of(n, onnx_in(n, 0), &t.parts));
    const infer_type type = onnx_in_type(n, 0);
    t.inverse = inverse != 0;
    t.onesided = onesided != 0;
    t.type = type ? type : INFER_F32;
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], flat = ONNX_LIST(&e, -1), front = ONNX_LIST(&e, 0);
    uint32_t sizes = ONNX_E(&e, SHAPE, x);
    onnx_e_int(&e, INFER__ATTR_END, -1);
    uint32_t rank = ONNX_E(&e, SHAPE, sizes);
    uint32_t on = n->nin > 2 && n->in[2] ? onnx_e_cast(&e, n->in[2], INFER_S64) : whole(&e, axis);
    on = ONNX_E(&e, RESHAPE, on, flat);
    /* an axis counted from the back counts the parts too */
    on = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, on, whole(&e, 0)),
                ONNX_E(&e, ADD, on, ONNX_E(&e, ADD, rank, whole(&e, 1))), on);
    uint32_t place = onnx_e_counted(&e, ONNX_E(&e, SQUEEZE, rank), 0);
    uint32_t before = product(&e, sizes, ONNX_E(&e, LESS, place, on));
    uint32_t behind = product(&e, sizes, ONNX_E(&e, GREATER, place, on));
    uint32_t size = ONNX_E(&e, GATHER, sizes, ONNX_E(&e, SQUEEZE, on)), given = size;
    if (t.inverse && t.onesided)
        given = ONNX_E(&e, MUL, ONNX_E(&e, SUB, size, whole(&e, 1)), whole(&e, 2));
    if (n->nin > 1 && n->in[1])
        given = ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, n->in[1], INFER_S64));
    t.length = given;
    t.used = ONNX_E(&e, MIN, size, t.inverse && t.onesided ? one_side(&e, given) : given);
    uint32_t used = ONNX_E(&e, UNSQUEEZE, t.used, front), parts = ONNX_LIST(&e, t.parts);
    uint32_t shape = join(&e, join(&e, before, ONNX_E(&e, UNSQUEEZE, size, front), 0),
                          join(&e, behind, parts, 0), 0);
    x = ONNX_E(&e, RESHAPE, x, shape);
    x = ONNX_E(&e, SLICE, x, ONNX_LIST(&e, 0), used, ONNX_LIST(&e, 1));
    x = ONNX_E(&e, TRANSPOSE, x);
    onnx_e_ints(&e, INFER__ATTR_PERM, (const int64_t[]){0, 2, 1, 3}, 4);
    x = ONNX_E(&e, RESHAPE, x, join(&e, join(&e, before, behind, 0), flat, 0));
    uint32_t y = ONNX_E(&e, MATMUL, x, matrix(&e, &t));
    /* [before, behind, places * parts] back to where the axis was */
    uint32_t out = ONNX_LIST(&e, t.inverse && t.onesided ? 1 : 2);
    uint32_t places = t.onesided && !t.inverse ? one_side(&e, t.length) : t.length;
    y = ONNX_E(&e, RESHAPE, y,
               join(&e, join(&e, before, behind, 0),
                    join(&e, ONNX_E(&e, UNSQUEEZE, places, front), out, 0), 0));
    y = ONNX_E(&e, TRANSPOSE, y);
    onnx_e_ints(&e, INFER__ATTR_PERM, (const int64_t[]){0, 2, 1, 3}, 4);
    uint32_t sized = ONNX_E(&e, WHERE, ONNX_E(&e, EQUAL, place, on), places, sizes);
    onnx_e_out(&e, 0, ONNX_E(&e, RESHAPE, y, join(&e, sized, out, 0)));
    return e.status;
}

/* Frames of a signal [images, time, parts], a step apart, times a window, and transformed. */
infer_status onnx_convert_stft(struct onnx_node *n)
{
    int64_t onesided;
    struct transform t = {0};
    TRY(onnx_int(n, "onesided", 1, &onesided));
    TRY_NODE(n, onnx_takes(n, 2, 4));
    const struct infer__value *signal = onnx_in(n, 0);
    const uint32_t window = n->nin > 2 ? n->in[2] : 0, frame = n->nin > 3 ? n->in[3] : 0;
    if (!window && !frame)
        return onnx_fail(n, NULL, "", "neither a window nor the length of a frame is given");
    t.parts = 1;
    if (signal->rank != 2)
        TRY_NODE(n, parts_of(n, signal, &t.parts));
    const infer_type type = onnx_in_type(n, 0);
    t.onesided = onesided != 0;
    t.type = type ? type : INFER_F32;
    struct onnx_expr e = onnx_expr(n);
    uint32_t one = whole(&e, 1), front = ONNX_LIST(&e, 0);
    uint32_t step = ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, n->in[1], INFER_S64));
    uint32_t length = frame ? ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, frame, INFER_S64))
                            : ONNX_E(&e, SQUEEZE, ONNX_E(&e, SHAPE, window));
    uint32_t shape = ONNX_E(&e, SHAPE, n->in[0]), time = ONNX_E(&e, GATHER, shape, one);
    uint32_t frames = ONNX_E(&e, ADD, ONNX_E(&e, DIV, ONNX_E(&e, SUB, time, length), step), one);
    uint32_t from = ONNX_E(&e, MUL, onnx_e_counted(&e, frames, 1), step);
    uint32_t at = ONNX_E(&e, ADD, from, onnx_e_counted(&e, length, 0));
    uint32_t x = ONNX_E(&e, GATHER, n->in[0], at); /* [images, frames, length (, parts)] */
    onnx_e_int(&e, INFER__ATTR_AXIS, 1);
    if (window && signal->rank == 2)
        x = ONNX_E(&e, MUL, x, window);
    else if (window)
        x = ONNX_E(&e, MUL, x, ONNX_E(&e, UNSQUEEZE, window, ONNX_LIST(&e, 1)));
    t.used = t.length = length;
    uint32_t images = ONNX_E(&e, SHAPE, n->in[0]);
    onnx_e_int(&e, INFER__ATTR_END, 1);
    uint32_t lead = join(&e, images, ONNX_E(&e, UNSQUEEZE, frames, front), 0);
    x = ONNX_E(&e, RESHAPE, x, join(&e, lead, ONNX_LIST(&e, -1), 0));
    uint32_t y = ONNX_E(&e, MATMUL, x, matrix(&e, &t));
    onnx_e_out(&e, 0, ONNX_E(&e, RESHAPE, y, join(&e, lead, ONNX_LIST(&e, -1, 2), 0)));
    return e.status;
}

/* ---- mel spectra ---------------------------------------------------------------------------- */

/* Mel of a frequency, 2595 * log10(1 + f / 700). */
static uint32_t mel(struct onnx_expr *e, uint32_t hertz)
{
    uint32_t f = ONNX_E(e, DIV, onnx_e_cast(e, hertz, INFER_F64), real(e, 700));
    uint32_t log = ONNX_E(e, LOG, ONNX_E(e, ADD, f, real(e, 1)));
    return ONNX_E(e, MUL, log, real(e, 2595 / M_LN10));
}

/* Triangles over the bins of a spectrum, whose corners are as far apart in mel. Inputs: number of
 * triangles, length of the transform, sample rate, lowest and highest frequency. */
infer_status onnx_convert_mel_weights(struct onnx_node *n)
{
    int64_t datatype;
    TRY(onnx_int(n, "output_datatype", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &datatype));
    TRY_NODE(n, onnx_takes(n, 5, 5));
    infer_type type = onnx_type(datatype);
    if (type == INFER_TYPE_NONE)
        return onnx_fail(n, "output_datatype", "", "the type is not supported");
    struct onnx_expr e = onnx_expr(n);
    uint32_t one = whole(&e, 1), two = whole(&e, 2), front = ONNX_LIST(&e, 0), corner[3];
    uint32_t count = ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, n->in[0], INFER_S64));
    uint32_t length = ONNX_E(&e, SQUEEZE, onnx_e_cast(&e, n->in[1], INFER_S64));
    uint32_t all = ONNX_E(&e, ADD, count, two), low = mel(&e, n->in[3]);
    uint32_t step =
        ONNX_E(&e, DIV, ONNX_E(&e, SUB, mel(&e, n->in[4]), low), onnx_e_cast(&e, all, INFER_F64));
    uint32_t at = onnx_e_cast(&e, onnx_e_counted(&e, all, 0), INFER_F64);
    at = ONNX_E(&e, ADD, ONNX_E(&e, MUL, at, step), low);
    uint32_t hertz = ONNX_E(&e, EXP, ONNX_E(&e, MUL, at, real(&e, M_LN10 / 2595)));
    hertz = ONNX_E(&e, MUL, ONNX_E(&e, SUB, hertz, real(&e, 1)), real(&e, 700));
    uint32_t bins = onnx_e_cast(&e, ONNX_E(&e, ADD, length, one), INFER_F64);
    bins = ONNX_E(&e, DIV, ONNX_E(&e, MUL, bins, hertz), onnx_e_cast(&e, n->in[2], INFER_F64));
    bins = ONNX_E(&e, FLOOR, bins);
    for (int64_t i = 0; i < 3; i++) { /* where triangles begin, peak, and end */
        uint32_t end = ONNX_E(&e, UNSQUEEZE, ONNX_E(&e, ADD, count, whole(&e, i)), front);
        corner[i] = ONNX_E(&e, SLICE, bins, ONNX_LIST(&e, i), end);
    }
    uint32_t row = onnx_e_cast(&e, onnx_e_counted(&e, one_side(&e, length), 1), INFER_F64);
    uint32_t up =
        ONNX_E(&e, DIV, ONNX_E(&e, SUB, row, corner[0]), ONNX_E(&e, SUB, corner[1], corner[0]));
    uint32_t down =
        ONNX_E(&e, DIV, ONNX_E(&e, SUB, corner[2], row), ONNX_E(&e, SUB, corner[2], corner[1]));
    uint32_t zero = real(&e, 0);
    up = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, row, corner[0]), zero, up);
    down = ONNX_E(&e, WHERE, ONNX_E(&e, GREATER, row, corner[2]), zero, down);
    uint32_t y = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, row, corner[1]), up, down);
    y = ONNX_E(&e, WHERE, ONNX_E(&e, EQUAL, row, corner[1]), real(&e, 1), y);
    onnx_e_out(&e, 0, onnx_e_cast(&e, y, onnx_widened(type)));
    return e.status;
}
