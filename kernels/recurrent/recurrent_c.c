/* LSTM, GRU, RNN and DynamicQuantizeLSTM in f32: the definitions. Sums in double; one direction is
 * a unit, since quantised states are quantised together. */
#include "kernels/recurrent/recurrent.h"

#include <string.h>

#include "kernels/quant.h"

/* One direction on its way through the steps. */
struct walk {
    const struct infer__task *t;
    struct infer__cells c;
    const struct infer__buffers *b;
    const struct infer__cell_function *f;
    int64_t direction;
    struct infer__cells_scale x_scale;
    float *h, *cell; /* states, [row][hidden] */
    float *rounded;  /* states as they are multiplied; h where nothing is quantised */
    float *gates;    /* of one row */
    float *x;        /* its inputs */
};

static float activate(const struct infer__cell_function *f, float x)
{
    switch (f->act) {
    case INFER__CELL_SIGMOID:
        return 1 / (1 + expf(-x));
    case INFER__CELL_TANH:
        return tanhf(x);
    case INFER__CELL_RELU:
        return x < 0 ? 0 : x;
    case INFER__CELL_AFFINE:
        return f->alpha * x + f->beta;
    case INFER__CELL_LEAKY_RELU:
        return x < 0 ? f->alpha * x : x;
    case INFER__CELL_THRESHOLDED_RELU:
        return x < f->alpha ? 0 : x;
    case INFER__CELL_SCALED_TANH:
        return f->alpha * tanhf(f->beta * x);
    case INFER__CELL_HARD_SIGMOID:
        x = f->alpha * x + f->beta;
        return x < 0 ? 0 : x > 1 ? 1 : x;
    case INFER__CELL_ELU:
        return x < 0 ? f->alpha * expm1f(x) : x;
    case INFER__CELL_SOFTSIGN:
        return x / (1 + fabsf(x));
    default: /* Softplus */
        return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
    }
}

static float clipped(const struct walk *w, int function, double x)
{
    const float limit = w->t->p.recurrent.clip, v = (float)x;
    return activate(&w->f[function], v > limit ? limit : v < -limit ? -limit : v);
}

/* ---- sums ----------------------------------------------------------------------------------- */

/* A row of `n` numbers times a column of W or R. */
static double product(const struct walk *w, int which, const float *x, int64_t n, int64_t column)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += (double)x[k] *
               (double)infer__cells_weight(w->t, &w->c, w->b->in, which, w->direction, k, column);
    return sum;
}

/* The bias of W's product, or of R's. */
static double bias(const struct walk *w, int which, int64_t column)
{
    const int64_t columns = w->c.gates * w->c.hidden;
    const float *b = infer__cells_in(w->t, w->b, CELLS_B);
    return b ? (double)b[(w->direction * 2 + (which == CELLS_R)) * columns + column] : 0;
}

static double input(const struct walk *w, int64_t gate, int64_t j)
{
    const int64_t column = gate * w->c.hidden + j;
    return product(w, CELLS_W, w->x, w->c.inputs, column) + bias(w, CELLS_W, column);
}

static double state(const struct walk *w, const float *h, int64_t gate, int64_t j)
{
    const int64_t column = gate * w->c.hidden + j;
    return product(w, CELLS_R, h, w->c.hidden, column) + bias(w, CELLS_R, column);
}

static double peephole(const struct walk *w, int which, int64_t j, float cell)
{
    const float *p = infer__cells_in(w->t, w->b, CELLS_P);
    return p ? (double)p[(w->direction * PEEPS + which) * w->c.hidden + j] * (double)cell : 0;
}

/* ---- one step of one row, whose new state goes to w->gates ---------------------------------- */

static void step_rnn(const struct walk *w, const float *h)
{
    for (int64_t j = 0; j < w->c.hidden; j++)
        w->gates[j] = clipped(w, 0, input(w, 0, j) + state(w, h, 0, j));
}

static void step_gru(const struct walk *w, const float *h)
{
    const int64_t n = w->c.hidden;
    const int linear = w->t->p.recurrent.linear;
    float *z = w->gates, *r = w->gates + n;
    for (int64_t j = 0; j < n; j++) {
        z[j] = clipped(w, 0, input(w, GRU_Z, j) + state(w, h, GRU_Z, j));
        r[j] = clipped(w, 0, input(w, GRU_R, j) + state(w, h, GRU_R, j));
        if (!linear)
            r[j] *= h[j];
    }
    for (int64_t j = 0; j < n; j++) {
        double sum = linear ? (double)r[j] * state(w, h, GRU_N, j) : state(w, r, GRU_N, j);
        float next = clipped(w, 1, input(w, GRU_N, j) + sum);
        z[j] = (1 - z[j]) * next + z[j] * h[j];
    }
}

/* `h` is what is multiplied, `cell` the row's. */
static void step_lstm(const struct walk *w, const float *h, float *cell)
{
    for (int64_t j = 0; j < w->c.hidden; j++) {
        const float before = cell[j];
        double zi = input(w, LSTM_I, j) + state(w, h, LSTM_I, j) + peephole(w, PEEP_I, j, before);
        double zf = input(w, LSTM_F, j) + state(w, h, LSTM_F, j) + peephole(w, PEEP_F, j, before);
        float i = clipped(w, 0, zi), f = w->t->p.recurrent.coupled ? 1 - i : clipped(w, 0, zf);
        float n = clipped(w, 1, input(w, LSTM_N, j) + state(w, h, LSTM_N, j));
        cell[j] = f * before + i * n;
        double zo = input(w, LSTM_O, j) + state(w, h, LSTM_O, j) + peephole(w, PEEP_O, j, cell[j]);
        w->gates[j] = clipped(w, 0, zo) * activate(&w->f[2], cell[j]);
    }
}

/* ---- all steps ------------------------------------------------------------------------------ */

static void round_states(const struct walk *w)
{
    const int64_t n = w->c.batch * w->c.hidden;
    if (!w->c.quantised)
        return;
    const struct infer__cells_scale s = infer__cells_scale_of(infer__cells_range(w->h, n));
    for (int64_t i = 0; i < n; i++)
        w->rounded[i] = infer__cells_rounded(&s, w->h[i]);
}

static void do_row(const struct walk *w, int64_t step, int64_t row)
{
    const struct infer__cells *c = &w->c;
    const float *x = (const float *)w->b->in[CELLS_X] + step * c->x_step + row * c->x_row;
    float *y = (float *)w->b->out[0] + step * c->y_step + row * c->y_row;
    float *h = w->h + row * c->hidden;
    y += w->direction * c->y_direction;
    if (step >= infer__cells_length(c, infer__cells_in(w->t, w->b, CELLS_LENGTHS), row)) {
        memset(y, 0, (size_t)c->hidden * sizeof *y);
        return;
    }
    for (int64_t k = 0; k < c->inputs; k++)
        w->x[k] = c->quantised ? infer__cells_rounded(&w->x_scale, x[k]) : x[k];
    if (w->t->op == INFER__OP_RNN)
        step_rnn(w, h);
    else if (w->t->op == INFER__OP_GRU)
        step_gru(w, h);
    else
        step_lstm(w, w->rounded + row * c->hidden, w->cell + row * c->hidden);
    memcpy(h, w->gates, (size_t)c->hidden * sizeof *h);
    memcpy(y, h, (size_t)c->hidden * sizeof *y);
}

/* States from where the task has them, or to there. */
static void copy_states(const struct walk *w, float *own, const float *from, float *to)
{
    const struct infer__cells *c = &w->c;
    for (int64_t row = 0; row < c->batch; row++)
        for (int64_t j = 0; j < c->hidden; j++) {
            const int64_t at = w->direction * c->h_direction + row * c->h_row + j;
            if (to)
                to[at] = own[row * c->hidden + j];
            else
                own[row * c->hidden + j] = from ? from[at] : 0;
        }
}

static void *out_of(const struct walk *w, uint32_t i)
{
    return i < w->t->nout && w->t->out[i].type ? w->b->out[i] : NULL;
}

static void do_direction(struct walk *w)
{
    const struct infer__cells *c = &w->c;
    const int lstm = c->gates == LSTM_GATES;
    void *last_h = out_of(w, 1), *last_c = out_of(w, 2);
    w->f = w->t->p.recurrent.function[w->direction];
    if (c->quantised)
        w->x_scale = infer__cells_scale_of(infer__cells_input_range(
            c, w->b->in[CELLS_X], infer__cells_in(w->t, w->b, CELLS_LENGTHS)));
    copy_states(w, w->h, infer__cells_in(w->t, w->b, CELLS_H), NULL);
    if (lstm)
        copy_states(w, w->cell, infer__cells_in(w->t, w->b, CELLS_C), NULL);
    for (int64_t s = 0; s < c->steps; s++) {
        const int64_t step = infer__cells_backwards(w->t, w->direction) ? c->steps - 1 - s : s;
        round_states(w);
        for (int64_t row = 0; row < c->batch; row++)
            do_row(w, step, row);
    }
    if (last_h)
        copy_states(w, w->h, NULL, last_h);
    if (last_c && lstm)
        copy_states(w, w->cell, NULL, last_c);
}

static void recurrent_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    struct walk w = {.t = t, .b = b};
    infer__cells_of(t, &w.c);
    const int64_t states = w.c.batch * w.c.hidden;
    w.h = b->scratch;
    w.cell = w.h + states;
    w.rounded = w.c.quantised ? w.cell + states : w.h;
    w.gates = w.cell + 2 * states;
    w.x = w.gates + 2 * w.c.hidden;
    for (w.direction = begin; w.direction < end; w.direction++)
        do_direction(&w);
}

static infer_status recurrent_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__cells c;
    FAIL_IF(!infer__cells_of(t, &c), INFER_ERROR_INTERNAL, "not a recurrent layer");
    const int64_t floats =
        INFER__SUM(INFER__PRODUCT(3, c.batch, c.hidden), INFER__PRODUCT(2, c.hidden), c.inputs);
    need->scratch_bytes = infer__bytes_of(floats, sizeof(float));
    need->units = (uint32_t)c.directions;
    return INFER_OK;
}

INFER__APART static double recurrent_estimate(const struct infer__task *t)
{
    struct infer__cells c;
    if (!infer__cells_of(t, &c))
        return -1;
    double rows = (double)c.directions * (double)c.steps * (double)c.batch;
    double outputs = (double)c.gates * (double)c.hidden;
    return 100 + rows * outputs * (20 + 2 * (double)(c.inputs + c.hidden));
}

const struct infer__kernel infer__recurrent_f32_c = {.name = "recurrent_f32_c",
                                                     .isa = INFER_ISA_C,
                                                     .estimate = recurrent_estimate,
                                                     .prepare = recurrent_prepare,
                                                     .run = recurrent_run};
