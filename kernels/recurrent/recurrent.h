/* LSTM, GRU and RNN as all their kernels see them.
 *
 * With x of one time step, the state h before it, and W, R, b of a direction:
 *
 *   RNN   h' = f(x W + h R + b)
 *   GRU   z, r = f(x W + h R + b)
 *         n = g(x W + (r h) R + b), or g(x W + b + r (h R + b')) where `linear` is 1
 *         h' = (1 - z) n + z h
 *   LSTM  i, f = f(x W + h R + b + p c), f = 1 - i where `coupled` is 1;  n = g(x W + h R + b)
 *         c' = f c + i n;  o = f(x W + h R + b + p c');  h' = o h(c')
 *
 * What f and g get is clipped; h gets all of c', as ONNX Runtime has it. A sequence that is shorter
 * than others has no steps behind its end: its state stays as it is there, and Y is 0. */
#ifndef INFER_KERNELS_RECURRENT_H
#define INFER_KERNELS_RECURRENT_H

#include "kernels/nd.h"
#include "kernels/quantize/dynamic.h"

/* Operands, in ONNX's order; those from W_SCALE on are DynamicQuantizeLSTM's. */
enum {
    CELLS_X,
    CELLS_W,
    CELLS_R,
    CELLS_B,
    CELLS_LENGTHS,
    CELLS_H,
    CELLS_C,
    CELLS_P,
    CELLS_W_SCALE,
    CELLS_W_ZERO,
    CELLS_R_SCALE,
    CELLS_R_ZERO
};
/* Gates of an LSTM, a GRU; peepholes of an LSTM. In ONNX's order. */
enum { LSTM_I, LSTM_O, LSTM_F, LSTM_N, LSTM_GATES };
enum { GRU_Z, GRU_R, GRU_N, GRU_GATES };
enum { PEEP_I, PEEP_O, PEEP_F, PEEPS };

struct infer__cells {
    int64_t steps, batch, inputs, hidden;
    int64_t directions, gates;
    int quantised;
    int64_t x_step, x_row;              /* elements of X from step to step and from row to row, */
    int64_t y_step, y_row, y_direction; /* of Y, */
    int64_t h_row, h_direction;         /* and of states */
};

/* Describes a task that is one of these; 0 if it is none. */
int infer__cells_of(const struct infer__task *t, struct infer__cells *c);

/* Whether steps of a direction go from the last to the first. */
static inline int infer__cells_backwards(const struct infer__task *t, int64_t direction)
{
    return direction == 1 || t->p.recurrent.direction == INFER__REVERSE;
}

/* The memory of an operand, NULL where it is absent. */
static inline const void *infer__cells_in(const struct infer__task *t,
                                          const struct infer__buffers *b, uint32_t i)
{
    return infer__has_in(t, i) ? b->in[i] : NULL;
}

static inline int32_t infer__cells_byte(const struct infer__operand *o, const void *data, int64_t i)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): weights are never left out */
    return o->type == INFER_S8 ? ((const int8_t *)data)[i] : ((const uint8_t *)data)[i];
}

/* Row k and column `column` (gate * hidden + unit) of W or R (`which`) as a matrix that stands on
 * the right of a product; in[] is the memory of all operands. */
static inline float infer__cells_weight(const struct infer__task *t, const struct infer__cells *c,
                                        const void *const *in, int which, int64_t direction,
                                        int64_t k, int64_t column)
{
    const int64_t rows = which == CELLS_W ? c->inputs : c->hidden, columns = c->gates * c->hidden;
    if (!c->quantised) /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as above */
        return ((const float *)in[which])[(direction * columns + column) * rows + k];
    const uint32_t scale = which == CELLS_W ? CELLS_W_SCALE : CELLS_R_SCALE, zero = scale + 1;
    const int64_t at = t->in[scale].rank == 1 ? direction : direction * columns + column;
    int32_t q =
        infer__cells_byte(&t->in[which], in[which], (direction * rows + k) * columns + column);
    if (infer__has_in(t, zero))
        q -= infer__cells_byte(&t->in[zero], in[zero], at);
    return (float)q * ((const float *)in[scale])[at];
}

/* Steps that row `row` of the batch has. */
static inline int64_t infer__cells_length(const struct infer__cells *c, const int32_t *lengths,
                                          int64_t row)
{
    const int64_t n = lengths ? lengths[row] : c->steps;
    return n < 0 ? 0 : n > c->steps ? c->steps : n;
}

/* What DynamicQuantizeLSTM multiplies: quantised to u8 by the range of what there is, and back. */
static inline struct infer__range infer__cells_range(const float *x, int64_t n)
{
    struct infer__range r = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        r.low = x[i] < r.low ? x[i] : r.low;
        r.high = x[i] > r.high ? x[i] : r.high;
    }
    return r;
}
/* The same of the inputs, as far as the longest sequence goes; the batch is not the first axis. */
static inline struct infer__range infer__cells_input_range(const struct infer__cells *c,
                                                           const float *x, const int32_t *lengths)
{
    int64_t most = lengths ? 0 : c->steps;
    for (int64_t row = 0; lengths && row < c->batch; row++) {
        const int64_t n = infer__cells_length(c, lengths, row);
        most = n > most ? n : most;
    }
    return infer__cells_range(x, most * c->x_step);
}
struct infer__cells_scale {
    float scale;
    int32_t zero;
};
static inline struct infer__cells_scale infer__cells_scale_of(struct infer__range r)
{
    const float scale = infer__range_scale(r);
    return (struct infer__cells_scale){scale, infer__range_zero(r, scale)};
}
static inline float infer__cells_rounded(const struct infer__cells_scale *s, float x)
{
    const struct infer__quant q = {.count = 1, .scale = &s->scale, .zero = &s->zero};
    return infer__q8_real(infer__q8_quantize(x, &q), &q);
}

#endif
