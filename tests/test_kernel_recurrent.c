/* LSTM, GRU, RNN and DynamicQuantizeLSTM: the definition against the formulas in long double, and
 * the kernels of vectors against the definition. */
#include "simd_run.h"

#include "kernels/recurrent/recurrent.h"

typedef long double real;

/* What a random layer is made of. */
struct layer {
    struct run k;
    int64_t steps, batch, inputs, hidden, directions, gates;
    int functions;
};

static void set(struct run *k, uint32_t i, infer_type type, int rank, const int64_t *dims)
{
    k->in[i] = operand(type, rank, dims);
    k->in[i].is_const = i != CELLS_X && i != CELLS_LENGTHS && i != CELLS_H && i != CELLS_C;
    if (k->t.nin <= i)
        k->t.nin = i + 1;
}
#define SET(k, i, type, ...)                                                                       \
    set(k, i, type, (int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)),                       \
        (int64_t[]){__VA_ARGS__})

/* Weights so small that a step's errors do not grow from step to step. */
static void shrink(struct layer *l, uint32_t i, int64_t inputs)
{
    const float factor = 0.2f / sqrtf((float)inputs);
    for (int64_t e = 0; e < infer__operand_elements(&l->k.in[i]); e++)
        ((float *)l->k.x[i])[e] *= factor;
}

static void draw_functions(struct layer *l, uint64_t *r)
{
    struct infer__recurrent *p = &l->k.t.p.recurrent;
    /* steps between integers go on growing where others have no bound */
    const int quantised = l->k.t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM && l->steps > 1;
    const int usual = quantised || random_int(r, 0, 1);
    if (!usual && l->steps > 1) /* some have no bound, so that states would grow and grow */
        p->clip = 0.3f;
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < l->functions; i++) {
            struct infer__cell_function *f = &p->function[d][i];
            const int first = i == 0 && l->gates > 1;
            f->act = usual ? (first ? INFER__CELL_SIGMOID : INFER__CELL_TANH)
                           : (int32_t)random_int(r, 0, INFER__CELL_ACTS - 1);
            f->alpha = 0.3f + 0.1f * (float)i;
            if (f->act ==
                INFER__CELL_THRESHOLDED_RELU) /* without a jump, which errors could cross */
                f->alpha = random_int(r, 0, 1) ? 0 : -50;
            f->beta = 0.5f - 0.1f * (float)d;
        }
}

static void draw_attributes(struct layer *l, uint64_t *r)
{
    struct infer__recurrent *p = &l->k.t.p.recurrent;
    p->direction = (int32_t)random_int(r, 0, 2);
    p->layout = l->k.t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM ? 0 : (int32_t)random_int(r, 0, 1);
    p->linear = l->k.t.op == INFER__OP_GRU && random_int(r, 0, 1);
    p->coupled = l->gates == LSTM_GATES && random_int(r, 0, 3) == 0;
    p->clip = random_int(r, 0, 3) ? INFINITY : 0.7f;
    l->directions = p->direction == INFER__BIDIRECTIONAL ? 2 : 1;
    draw_functions(l, r);
}

static void draw_operands(struct layer *l, uint64_t *r)
{
    struct run *k = &l->k;
    const int first = k->t.p.recurrent.layout, bytes = k->t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM;
    const infer_type byte = random_int(r, 0, 1) ? INFER_U8 : INFER_S8;
    const int64_t d = l->directions, n = l->hidden, columns = l->gates * n;
    const int64_t state[] = {first ? l->batch : d, first ? d : l->batch, n};
    SET(k, CELLS_X, INFER_F32, first ? l->batch : l->steps, first ? l->steps : l->batch, l->inputs);
    if (bytes) {
        SET(k, CELLS_W, byte, d, l->inputs, columns);
        SET(k, CELLS_R, byte, d, n, columns);
        for (uint32_t i = CELLS_W_SCALE; i <= CELLS_R_ZERO; i++) {
            const infer_type type = i == CELLS_W_SCALE || i == CELLS_R_SCALE ? INFER_F32 : byte;
            if (l->steps & 1)
                SET(k, i, type, d, columns);
            else
                SET(k, i, type, d);
        }
    } else {
        SET(k, CELLS_W, INFER_F32, d, columns, l->inputs);
        SET(k, CELLS_R, INFER_F32, d, columns, n);
    }
    if (random_int(r, 0, 3))
        SET(k, CELLS_B, INFER_F32, d, 2 * columns);
    if (random_int(r, 0, 1))
        SET(k, CELLS_LENGTHS, INFER_S32, l->batch);
    if (random_int(r, 0, 1))
        set(k, CELLS_H, INFER_F32, 3, state);
    if (l->gates == LSTM_GATES && random_int(r, 0, 1))
        set(k, CELLS_C, INFER_F32, 3, state);
    if (l->gates == LSTM_GATES && random_int(r, 0, 1))
        SET(k, CELLS_P, INFER_F32, d, 3 * n);
    k->out[0] = operand(
        INFER_F32, 4,
        (int64_t[]){first ? l->batch : l->steps, first ? l->steps : d, first ? d : l->batch, n});
    k->t.nout = (uint32_t)random_int(r, 1, l->gates == LSTM_GATES ? 3 : 2);
    for (uint32_t i = 1; i < k->t.nout; i++)
        k->out[i] = operand(INFER_F32, 3, state);
    if (k->t.nout == 3 && random_int(r, 0, 1))
        k->out[1] = (struct infer__operand){0};
}

static void draw_data(struct layer *l, uint64_t *r)
{
    struct run *k = &l->k;
    run_fill(k, 1, r);
    for (int64_t i = 0; k->in[CELLS_LENGTHS].type && i < l->batch; i++)
        ((int32_t *)k->x[CELLS_LENGTHS])[i] = (int32_t)random_int(r, 0, l->steps);
    if (k->t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM) {
        for (uint32_t i = CELLS_W_SCALE; i <= CELLS_R_SCALE; i += 2)
            for (int64_t e = 0; e < infer__operand_elements(&k->in[i]); e++)
                ((float *)k->x[i])[e] = 0.002f + 0.0001f * (float)(e % 7);
    } else {
        shrink(l, CELLS_W, l->inputs);
        shrink(l, CELLS_R, l->hidden);
    }
}

static const uint16_t ops[] = {INFER__OP_LSTM, INFER__OP_GRU, INFER__OP_RNN,
                               INFER__OP_DYNAMIC_QUANTIZE_LSTM};

static void draw(struct layer *l, unsigned op, int64_t steps, int64_t batch, int64_t inputs,
                 int64_t hidden, uint64_t *r)
{
    *l = (struct layer){.k = {.t = {.op = (uint16_t)op}},
                        .steps = steps,
                        .batch = batch,
                        .inputs = inputs,
                        .hidden = hidden};
    l->gates = op == INFER__OP_RNN ? 1 : op == INFER__OP_GRU ? GRU_GATES : LSTM_GATES;
    l->functions = l->gates == LSTM_GATES ? 3 : l->gates == GRU_GATES ? 2 : 1;
    draw_attributes(l, r);
    draw_operands(l, r);
    draw_data(l, r);
}

/* ---- the definition ------------------------------------------------------------------------- */

static real act(const struct infer__cell_function *f, real x)
{
    const real a = (real)f->alpha, b = (real)f->beta;
    switch (f->act) {
    case INFER__CELL_SIGMOID:
        return 1 / (1 + expl(-x));
    case INFER__CELL_TANH:
        return tanhl(x);
    case INFER__CELL_RELU:
        return x > 0 ? x : 0;
    case INFER__CELL_AFFINE:
        return a * x + b;
    case INFER__CELL_LEAKY_RELU:
        return x >= 0 ? x : a * x;
    case INFER__CELL_THRESHOLDED_RELU:
        return x >= a ? x : 0;
    case INFER__CELL_SCALED_TANH:
        return a * tanhl(b * x);
    case INFER__CELL_HARD_SIGMOID:
        return fminl(fmaxl(a * x + b, 0), 1);
    case INFER__CELL_ELU:
        return x >= 0 ? x : a * (expl(x) - 1);
    case INFER__CELL_SOFTSIGN:
        return x / (1 + fabsl(x));
    default:
        return logl(1 + expl(x));
    }
}

/* One sequence in one direction. */
struct sequence {
    const struct layer *l;
    int64_t d, row;
    real h[64], c[64];
};

static real of(const struct layer *l, uint32_t i, int64_t at)
{
    return l->k.in[i].type ? value_at(INFER_F32, l->k.x[i], at) : 0;
}

static int64_t state_at(const struct sequence *q, int64_t j)
{
    const struct layer *l = q->l;
    return l->k.t.p.recurrent.layout ? (q->row * l->directions + q->d) * l->hidden + j
                                     : (q->d * l->batch + q->row) * l->hidden + j;
}

/* The input's part of gate g, with its bias, and the part of a state. */
static real from_x(const struct sequence *q, int64_t step, int64_t g, int64_t j)
{
    const struct layer *l = q->l;
    const int64_t row = q->d * l->gates * l->hidden + g * l->hidden + j;
    const int64_t x =
        l->k.t.p.recurrent.layout ? q->row * l->steps + step : step * l->batch + q->row;
    real sum = of(l, CELLS_B, row + q->d * l->gates * l->hidden);
    for (int64_t i = 0; i < l->inputs; i++)
        sum += of(l, CELLS_X, x * l->inputs + i) * of(l, CELLS_W, row * l->inputs + i);
    return sum;
}

static real from_h(const struct sequence *q, const real *h, int64_t g, int64_t j)
{
    const struct layer *l = q->l;
    const int64_t row = q->d * l->gates * l->hidden + g * l->hidden + j;
    real sum = of(l, CELLS_B, row + (q->d + 1) * l->gates * l->hidden);
    for (int64_t i = 0; i < l->hidden; i++)
        sum += h[i] * of(l, CELLS_R, row * l->hidden + i);
    return sum;
}

static real apply(const struct sequence *q, int function, real x)
{
    const struct infer__recurrent *p = &q->l->k.t.p.recurrent;
    x = fminl(fmaxl(x, -(real)p->clip), (real)p->clip);
    return act(&p->function[q->d][function], x);
}

static void one_step(struct sequence *q, int64_t step)
{
    const struct layer *l = q->l;
    const struct infer__recurrent *p = &l->k.t.p.recurrent;
    real before[64], reset[64];
    memcpy(before, q->h, sizeof before);
    for (int64_t j = 0; j < l->hidden && l->gates == GRU_GATES; j++)
        reset[j] = apply(q, 0, from_x(q, step, GRU_R, j) + from_h(q, before, GRU_R, j));
    for (int64_t j = 0; j < l->hidden; j++) {
        real sum[4], peep[3];
        for (int64_t g = 0; g < l->gates; g++)
            sum[g] = from_x(q, step, g, j) + from_h(q, before, g, j);
        for (int i = 0; i < 3; i++)
            peep[i] = of(l, CELLS_P, (q->d * 3 + i) * l->hidden + j);
        if (l->gates == 1) {
            q->h[j] = apply(q, 0, sum[0]);
        } else if (l->gates == GRU_GATES) {
            real gated[64], n, z = apply(q, 0, sum[GRU_Z]);
            for (int64_t i = 0; i < l->hidden; i++)
                gated[i] = reset[i] * before[i];
            n = p->linear ? reset[j] * from_h(q, before, GRU_N, j) : from_h(q, gated, GRU_N, j);
            n = apply(q, 1, n + from_x(q, step, GRU_N, j));
            q->h[j] = n + z * (before[j] - n);
        } else {
            real i = apply(q, 0, sum[LSTM_I] + peep[PEEP_I] * q->c[j]);
            real f = apply(q, 0, sum[LSTM_F] + peep[PEEP_F] * q->c[j]);
            q->c[j] = (p->coupled ? 1 - i : f) * q->c[j] + i * apply(q, 1, sum[LSTM_N]);
            q->h[j] = apply(q, 0, sum[LSTM_O] + peep[PEEP_O] * q->c[j]) *
                      act(&p->function[q->d][2], q->c[j]);
        }
    }
}

static void check_sequence(struct sequence *q)
{
    const struct layer *l = q->l;
    const int back = q->d == 1 || l->k.t.p.recurrent.direction == INFER__REVERSE;
    const int64_t length =
        l->k.in[CELLS_LENGTHS].type ? ((const int32_t *)l->k.x[CELLS_LENGTHS])[q->row] : l->steps;
    for (int64_t j = 0; j < l->hidden; j++) {
        q->h[j] = of(l, CELLS_H, state_at(q, j));
        q->c[j] = of(l, CELLS_C, state_at(q, j));
    }
    for (int64_t s = 0; s < l->steps; s++) {
        const int64_t step = s >= length ? s : back ? length - 1 - s : s;
        const int64_t at = l->k.t.p.recurrent.layout
                               ? ((q->row * l->steps + step) * l->directions + q->d) * l->hidden
                               : ((step * l->directions + q->d) * l->batch + q->row) * l->hidden;
        if (s < length)
            one_step(q, step);
        for (int64_t j = 0; j < l->hidden; j++)
            close_to("Y", at + j, value_at(INFER_F32, l->k.y[0], at + j), s < length ? q->h[j] : 0,
                     2e-5L * (1 + fabsl(q->h[j])));
    }
    for (uint32_t i = 1; i < l->k.t.nout; i++)
        for (int64_t j = 0; l->k.y[i] && j < l->hidden; j++)
            close_to("a state", j, value_at(INFER_F32, l->k.y[i], state_at(q, j)),
                     i == 1 ? q->h[j] : q->c[j], 2e-5L * (1 + fabsl(i == 1 ? q->h[j] : q->c[j])));
}

static void test_definition(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct layer l;
        draw(&l, ops[i % 3], random_int(&r, 1, 6), random_int(&r, 1, 4), random_int(&r, 1, 9),
             random_int(&r, 1, 9), &r);
        run_kernel(&l.k, "recurrent_f32_c", &r);
        for (int64_t d = 0; d < l.directions; d++)
            for (int64_t row = 0; row < l.batch; row++) {
                struct sequence q = {.l = &l, .d = d, .row = row};
                check_sequence(&q);
            }
        run_drop(&l.k);
    }
}

/* ---- quantised ------------------------------------------------------------------------------ */

/* W or R of a quantised layer as LSTM has it: numbers, turned. */
static float *real_weights(const struct layer *l, uint32_t which)
{
    const struct run *k = &l->k;
    const int64_t rows = which == CELLS_W ? l->inputs : l->hidden, n = 4 * l->hidden;
    const uint32_t scale = which == CELLS_W ? CELLS_W_SCALE : CELLS_R_SCALE;
    float *to = malloc((size_t)(l->directions * rows * n) * sizeof *to);
    for (int64_t i = 0; i < l->directions * rows * n; i++) {
        const int64_t d = i / n / rows, row = i / n % rows, column = i % n;
        const int64_t s = k->in[scale].rank == 1 ? d : d * n + column;
        const real q = value_at(k->in[which].type, k->x[which], i) -
                       value_at(k->in[which].type, k->x[scale + 1], s);
        to[(d * n + column) * rows + row] = (float)(q * value_at(INFER_F32, k->x[scale], s));
    }
    return to;
}

/* X, or the states of each direction, to u8 and back. */
static float *rounded(const struct layer *l, uint32_t which, int64_t parts)
{
    const int64_t n = infer__operand_elements(&l->k.in[which]) / parts;
    const float *x = l->k.x[which];
    float *to = malloc((size_t)(n * parts) * sizeof *to);
    for (int64_t d = 0; x && d < parts; d++) {
        float low = 0, high = 0;
        for (int64_t e = d * n; e < (d + 1) * n; e++) {
            low = fminf(low, x[e]);
            high = fmaxf(high, x[e]);
        }
        const float scale = high > low ? (high - low) / 255 : 1, zero = rintf(-low / scale);
        for (int64_t e = d * n; e < (d + 1) * n; e++)
            to[e] = (fminf(fmaxf(rintf(x[e] / scale) + zero, 0), 255) - zero) * scale;
    }
    return to;
}

/* One step is that of an LSTM of the numbers that the integers stand for. */
static void test_quantised_step(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct layer l;
        draw(&l, INFER__OP_DYNAMIC_QUANTIZE_LSTM, 1, random_int(&r, 1, 4), random_int(&r, 1, 9),
             random_int(&r, 1, 9), &r);
        for (int64_t k = 0; l.k.in[CELLS_LENGTHS].type && k < l.batch; k++)
            ((int32_t *)l.k.x[CELLS_LENGTHS])[k] = 1; /* else the state is not multiplied */
        struct layer f = l;
        f.k.t.op = INFER__OP_LSTM;
        f.k.t.nin = CELLS_P + 1;
        memset(f.k.y, 0, sizeof f.k.y);
        f.k.x[CELLS_W] = real_weights(&l, CELLS_W);
        f.k.x[CELLS_R] = real_weights(&l, CELLS_R);
        f.k.x[CELLS_X] = rounded(&l, CELLS_X, 1);
        f.k.x[CELLS_H] = rounded(&l, CELLS_H, l.directions);
        f.k.in[CELLS_W] = operand(INFER_F32, 3, (int64_t[]){l.directions, 4 * l.hidden, l.inputs});
        f.k.in[CELLS_R] = operand(INFER_F32, 3, (int64_t[]){l.directions, 4 * l.hidden, l.hidden});
        run_fill(&f.k, 1, &r);
        run_kernel(&l.k, "recurrent_f32_c", &r);
        run_kernel(&f.k, "recurrent_f32_c", &r);
        for (uint32_t k = 0; k < l.k.t.nout; k++)
            for (int64_t e = 0; l.k.y[k] && e < infer__operand_elements(&l.k.out[k]); e++)
                close_to("quantised", e, value_at(INFER_F32, l.k.y[k], e),
                         value_at(INFER_F32, f.k.y[k], e), 1e-5L);
        for (uint32_t k = CELLS_X; k <= CELLS_H; k++)
            if (f.k.x[k] != l.k.x[k])
                free(f.k.x[k]);
        for (uint32_t k = 0; k < 3; k++)
            free(f.k.y[k]);
        run_drop(&l.k);
    }
}

/* ---- kernels of vectors --------------------------------------------------------------------- */

static void compare_layer(struct layer *l, uint64_t *r)
{
    /* A state's last bit may lie on the edge between two integers: a step of these, then. */
    const int loose = l->k.t.op == INFER__OP_DYNAMIC_QUANTIZE_LSTM && l->steps > 1;
    for (int level = 0; level < SIMD_LEVELS; level++)
        simd_compare(&l->k, "recurrent_f32", level, "recurrent_f32_c", 3e-5, loose ? 0.05 : 1e-5, 1,
                     r);
    run_drop(&l->k);
}

static void test_vectors(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 240; i++) {
        struct layer l;
        draw(&l, ops[i % 4], random_int(&r, 1, 9), random_int(&r, 1, 15), random_int(&r, 1, 40),
             random_int(&r, 1, 50), &r);
        compare_layer(&l, &r);
    }
    for (int64_t hidden = 1; hidden <= 35; hidden++) /* all tails */
        for (int i = 0; i < 4; i++) {
            struct layer l;
            draw(&l, ops[i], 2, 1 + hidden % 3, 3, hidden, &r);
            compare_layer(&l, &r);
        }
}

/* More than one chunk of steps, and products that are worth a unit of their own. */
static void test_long(void **state)
{
    static const int64_t sizes[][4] = {
        {230, 1, 20, 30}, {50, 9, 33, 17}, {180, 1, 130, 64}, {200, 2, 150, 70}, {3, 40, 8, 20}};
    uint64_t r = seed;
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int i = 0; i < 4; i++) {
            struct layer l;
            draw(&l, ops[i], sizes[s][0], sizes[s][1], sizes[s][2], sizes[s][3], &r);
            compare_layer(&l, &r);
        }
}

/* Weights that are not known beforehand are for the definition. */
static void test_constants(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (uint32_t i = CELLS_W; i <= CELLS_B; i++) {
        struct layer l;
        draw(&l, INFER__OP_LSTM, 2, 1, 3, 4, &r);
        SET(&l.k, CELLS_B, INFER_F32, l.directions, 8 * l.hidden);
        l.k.in[i].is_const = 0;
        for (int level = 0; level < SIMD_LEVELS; level++) {
            const struct infer__kernel *k = simd_kernel("recurrent_f32", level);
            l.k.t.isa = k ? k->isa : 0;
            if (k)
                assert_true(k->estimate(&l.k.t) < 0);
        }
        run_drop(&l.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition), cmocka_unit_test(test_quantised_step),
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_constants),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
