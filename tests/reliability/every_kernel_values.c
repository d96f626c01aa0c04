/* Values for the tasks of every_kernel.h, and what the definitions make of them. */
#include "kernels/convert.h"
#include "tests/reliability/every_kernel.h"

#include <float.h>

/* ---- reading and writing -------------------------------------------------------------------- */

double every_value(unsigned type, const void *p, int64_t i)
{
    union infer__wide_block x;
    infer__wide_load(type, (const char *)p + (size_t)i * infer_type_size((infer_type)type), 1, &x);
    infer__wide_to_float(infer__wide_of(type), &x, 1);
    return x.f[0];
}

void every_put(unsigned type, void *p, int64_t i, double v)
{
    union infer__wide_block x = {.f = {v}};
    infer__wide_store(INFER__WIDE_FLOAT, &x, type, 1,
                      (char *)p + (size_t)i * infer_type_size((infer_type)type));
}

int every_is_float(unsigned type)
{
    return infer__wide_of(type) == INFER__WIDE_FLOAT;
}

/* ---- values --------------------------------------------------------------------------------- */

static double draw_value(enum every_values values, int some, uint64_t *r)
{
    static const double odd[] = {
        (double)NAN, (double)-NAN, (double)INFINITY, (double)-INFINITY, 0.0, -0.0, 1e-40, -1e-40};
    static const double large[] = {(double)FLT_MAX, (double)-FLT_MAX, 1e30,    -2e37,
                                   1e-40,           -1e-40,           FLT_MIN, -0.0};
    double v = (double)random_float(r) * 4;
    if (values == EVERY_TAME || random_int(r, 0, some) > 0)
        return v;
    return values == EVERY_LARGE ? large[random_int(r, 0, 7)] : odd[random_int(r, 0, 7)];
}

/* Numbers that say how, not what: they stay as the row has them. */
static int is_parameter(const struct infer__task *t, uint32_t i)
{
    switch (t->op) {
    case INFER__OP_RESIZE:
    case INFER__OP_QUANTIZE_LINEAR:
    case INFER__OP_DEQUANTIZE_LINEAR:
    case INFER__OP_RANGE:
        return i > 0;
    default:
        return 0;
    }
}

int every_is_recurrent(const struct infer__task *t)
{
    return t->op >= INFER__OP_LSTM && t->op <= INFER__OP_DYNAMIC_QUANTIZE_LSTM;
}

/* Weights of states and scales of weights so small that no error grows from step to step. */
static double tamed(const struct infer__task *t, uint32_t i, double v)
{
    const struct infer__operand *o = &t->in[i];
    if (t->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM && (i == 8 || i == 10))
        return (1 + fabs(v)) * 1e-4;
    return every_is_recurrent(t) && i == 2 ? v / 4 / (double)o->dims[2] : v;
}

static void draw_floats(const struct every_task *e, uint32_t i, enum every_values values,
                        uint64_t *r)
{
    const struct infer__operand *o = &e->in[i];
    int64_t n = infer__operand_elements(o);
    /* one of a few elements, or a few among all: a long sum is not to be NaN always */
    int some = random_int(r, 0, 2) ? (int)(n < 1 << 30 ? n : 1 << 30) : 8;
    for (int64_t j = 0; j < n; j++) {
        double v = draw_value(values == EVERY_ODD && o->is_const ? EVERY_TAME : values, some, r);
        if (values == EVERY_TAME && e->t.op == INFER__OP_BATCH_NORMALIZATION && i == 4)
            v = fabs(v) + 0.1; /* a variance */
        v = tamed(&e->t, i, v);
        if (e->t.op == INFER__OP_DYNAMIC_QUANTIZE_LINEAR && i == 1) /* lowest and highest */
            v = isnan(v) ? 0 : j % 2 ? fabs(v) : -fabs(v);
        every_put(o->type, e->x[i], j, v);
    }
}

static void draw_integers(const struct every_task *e, uint32_t i, uint64_t *r)
{
    const struct infer__operand *o = &e->in[i];
    size_t size = infer_type_size((infer_type)o->type);
    int64_t n = infer__operand_elements(o), ends = random_int(r, 0, 3);
    for (int64_t j = 0; j < n; j++) {
        int64_t v = size == 1     ? (int64_t)random_next(r)
                    : ends == 0   ? (random_int(r, 0, 1) ? INT64_MIN : -1)
                    : o->is_const ? random_int(r, -1000, 1000)
                                  : random_int(r, -300, 300);
        if (o->type == INFER_BOOL)
            v &= 1;
        memcpy((char *)e->x[i] + (size_t)j * size, &v, size);
    }
}

void every_fill(struct every_task *e, enum every_values values)
{
    uint64_t r = e->seed + (uint64_t)values * 31;
    for (uint32_t i = 0; i < e->t.nin; i++) {
        const struct infer__operand *o = &e->in[i];
        free(e->x[i]);
        e->x[i] = malloc(every_bytes(o) + 8);
        int shape = o->is_const && !every_is_float(o->type) && !o->quant && o->type >= INFER_S64;
        if (o->is_const && (shape || is_parameter(&e->t, i)))
            memcpy(e->x[i], o->data, every_bytes(o));
        else if (every_is_float(o->type))
            draw_floats(e, i, values, &r);
        else if (o->type)
            draw_integers(e, i, &r);
    }
}

/* ---- what the definition makes of them ------------------------------------------------------ */

int every_is_sum(const struct infer__task *t)
{
    switch (t->op) {
    case INFER__OP_CONV:
    case INFER__OP_CONV_TRANSPOSE:
    case INFER__OP_CONV_CHAIN:
    case INFER__OP_SCALED_CONV:
    case INFER__OP_GEMM:
    case INFER__OP_MATMUL:
    case INFER__OP_DENSE:
    case INFER__OP_AVERAGE_POOL:
    case INFER__OP_GLOBAL_AVERAGE_POOL:
    case INFER__OP_REDUCE_SUM:
    case INFER__OP_REDUCE_MEAN:
    case INFER__OP_SCALE_SHIFT:
        return 1;
    case INFER__OP_RESIZE: /* cubic weights have both signs */
        return t->p.resize.mode != INFER__CUBIC;
    default:
        return 0;
    }
}

static const struct every_how plainly = {1, EVERY_WHOLE, 1, GUARD_BYTE, 0};

/* The sum of what the terms are without their signs: rounding errors are fractions of it. */
static int sum_sizes(const struct every_task *e, void *const *y, char *why, size_t size)
{
    struct every_task sizes = *e;
    sizes.t.in = sizes.in;
    sizes.t.out = sizes.out;
    sizes.t.epi.act = INFER__OP_NONE;
    sizes.t.inner = sizes.t.inner ? sizes.inner : NULL;
    memset(sizes.inner, 0, sizeof sizes.inner);
    for (uint32_t i = 0; i < e->t.nin; i++) {
        sizes.x[i] = malloc(every_bytes(&e->in[i]) + 8);
        memcpy(sizes.x[i], e->x[i], every_bytes(&e->in[i]));
        for (int64_t j = 0; every_is_float(e->in[i].type) && j < infer__operand_elements(&e->in[i]);
             j++)
            every_put(e->in[i].type, sizes.x[i], j, fabs(every_value(e->in[i].type, e->x[i], j)));
    }
    int done = every_run(&sizes, e->kernels[0], &plainly, y, why, size);
    for (uint32_t i = 0; i < e->t.nin; i++)
        free(sizes.x[i]);
    return done;
}

/* bf16 tensors have no definition of their own: that of f32 on the same numbers. */
static int define_widened(struct every_task *e, char *why, size_t size)
{
    struct every_task wide = *e;
    const struct infer__kernel *k = NULL;
    int64_t nx = infer__operand_elements(&e->in[0]), ny = infer__operand_elements(&e->out[0]);
    wide.t.in = wide.in;
    wide.t.out = wide.out;
    wide.in[0].type = wide.out[0].type = INFER_F32;
    for (int i = 0; infer__kernels[i] && !k; i++)
        if (infer__kernels[i]->isa == INFER_ISA_C &&
            infer__kernel_ns(infer__kernels[i], &wide.t) >= 0)
            k = infer__kernels[i];
    if (!k) {
        snprintf(why, size, "there is no definition");
        return 0;
    }
    wide.x[0] = malloc((size_t)nx * sizeof(float));
    for (int64_t i = 0; i < nx; i++)
        every_put(INFER_F32, wide.x[0], i, every_value(INFER_BF16, e->x[0], i));
    every_outputs(&wide, wide.y);
    int done = every_run(&wide, k, &plainly, wide.y, why, size);
    for (int64_t i = 0; i < ny; i++)
        every_put(e->out[0].type, e->y[0], i, every_value(INFER_F32, wide.y[0], i));
    free(wide.x[0]);
    every_free(wide.y);
    return done;
}

/* Sets the scale of every element to the largest finite result. */
static void scale_by_results(struct every_task *e)
{
    int64_t n = infer__operand_elements(&e->out[0]);
    for (int64_t i = 0; i < n; i++) {
        double v = fabs(every_value(e->out[0].type, e->y[0], i));
        e->largest = isfinite(v) && v > e->largest ? v : e->largest;
    }
    for (int64_t i = 0; i < n; i++)
        e->scale[i] = e->largest;
}

/* Sets the scales to sums of sizes. */
static int scale_by_sizes(struct every_task *e, char *why, size_t size)
{
    void *sizes[EVERY_OPERANDS];
    every_outputs(e, sizes);
    int done = sum_sizes(e, sizes, why, size);
    for (int64_t i = 0; i < infer__operand_elements(&e->out[0]); i++) {
        e->scale[i] = every_value(INFER_F32, sizes[0], i);
        e->largest = fmax(e->largest, e->scale[i]);
    }
    every_free(sizes);
    return done;
}

int every_define(struct every_task *e, char *why, size_t size)
{
    every_free(e->y);
    every_outputs(e, e->y);
    free(e->scale);
    e->scale = calloc((size_t)infer__operand_elements(&e->out[0]) + 1, sizeof *e->scale);
    e->largest = 0;
    int done = e->kernels[0] ? every_run(e, e->kernels[0], &plainly, e->y, why, size)
                             : define_widened(e, why, size);
    if (!done || !e->out[0].type)
        return done;
    if (e->kernels[0] && e->out[0].type == INFER_F32 && every_is_sum(&e->t))
        return scale_by_sizes(e, why, size);
    scale_by_results(e);
    return 1;
}

void every_drop(struct every_task *e)
{
    every_free(e->x);
    every_free(e->y);
    free(e->scale);
    e->scale = NULL;
}

/* ---- bounds --------------------------------------------------------------------------------- */

int every_spreads(const struct infer__kernel *k)
{
    return strstr(k->name, "winograd") != NULL;
}

int every_rounds(const struct infer__kernel *k)
{
    return strstr(k->name, "bf16") && !strstr(k->name, "pool");
}

/* Integer arithmetic is exact, also where its result is f32; so is what moves or compares. */
static int is_exact(const struct infer__task *t)
{
    for (uint32_t i = 0; i < t->nin; i++)
        if (t->in[i].quant && infer__is_clamp(t->epi.act))
            return 1;
    return 0;
}

/* Functions of one or two numbers; everything else is a sum of some kind. */
static int is_function(const struct infer__task *t)
{
    return (t->op >= INFER__OP_RELU && t->op <= INFER__OP_CAST) || t->op == INFER__OP_GELU ||
           (t->op >= INFER__OP_PRELU && t->op <= INFER__OP_OR);
}

double every_bound(const struct every_task *e, const struct infer__kernel *k, uint32_t output,
                   int64_t i)
{
    unsigned type = e->out[output].type;
    double size = fabs(every_value(type, e->y[output], i));
    double own = type == INFER_F32 ? 3e-6 * size + 1e-37 : type == INFER_BF16 ? size / 128 : 0;
    if (every_is_recurrent(&e->t)) /* a quantised state may come out as the integer beside */
        return own + (e->t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM ? 2e-3 : 1e-5) * (1 + e->largest);
    if (output || !every_is_float(type) || type == INFER_F16 || is_exact(&e->t))
        return 0;
    if (is_function(&e->t))
        return own + (type == INFER_F32 ? 1e-6 : 0);
    /* where values are mixed, errors are those of the neighbourhood's largest */
    double scale = every_spreads(k) ? e->largest : e->scale[i];
    double relative = strstr(k->name, "bf16") ? (every_spreads(k) ? 0.1 : 2e-5)
                      : every_spreads(k)      ? 1e-4
                                              : 1e-5;
    return own + relative * scale + (e->t.epi.act ? 1e-6 : 0);
}
