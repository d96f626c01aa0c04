/* levels: avx2 avx512 */
/* LSTM, GRU, RNN and DynamicQuantizeLSTM in f32 with constant weights.
 *
 * The inputs of a chunk of steps are multiplied with W at once, the state with R step by step. Rows
 * of the batch never meet, so a part of them in one direction is a unit that goes through all steps
 * on one thread. Where these are too few and the products with W are large, those are units of
 * their own, ahead of the others. Sums are chains in the order of the weights: neither rows nor
 * chunks change a bit of them. */
#include "kernels/levels.h"

#include <string.h>

#include "kernels/linear/tile_f32.h"
#include "kernels/recurrent/recurrent_gates.h"

enum {
    PANEL = VEC == 16 ? 4 : 2, /* vectors of a panel, */
    ROWS = 6,                  /* and rows, whose sums registers hold */
    STREAM = 8,                /* vectors of sums of a single row, which is as long as one waits */
    CHUNK = 96,                /* rows that are multiplied with W at once */
    AHEAD_PRODUCTS = 1 << 22,  /* what is worth handing over from thread to thread, */
    AHEAD_BYTES = 1 << 24      /* and what it may take there */
};

/* A packed matrix: panels of PANEL vectors of columns, the last one of fewer, each [row][column].
 * Columns are the units of a vector, gate by gate, of one vector after the other. */
struct matrix {
    int64_t rows, vectors;
    int64_t first, gates; /* gates that it has */
    int64_t at;           /* floats from where a direction's weights begin */
};

struct recurrent_cut {
    struct infer__cells c;
    int64_t padded; /* units in whole vectors */
    struct matrix w, r, r2;
    int64_t bias_w, bias_r, peepholes, direction_floats; /* packed */
    int64_t parts, rows;                                 /* of the batch; rows of one at most */
    int64_t chunk, chunks;                               /* steps of one */
    int64_t h, cell, reset, s, s2, x, z, z_floats;       /* in scratch memory */
    uint32_t ahead;
};

/* ---- how a task is cut ---------------------------------------------------------------------- */

static int is_constant(const struct infer__task *t, uint32_t i)
{
    return !infer__has_in(t, i) || t->in[i].is_const;
}

INFER__APART static double recurrent_estimate(const struct infer__task *t)
{
    static const uint8_t weights[] = {CELLS_W,       CELLS_R,      CELLS_B,       CELLS_P,
                                      CELLS_W_SCALE, CELLS_W_ZERO, CELLS_R_SCALE, CELLS_R_ZERO};
    struct infer__cells c;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__cells_of(t, &c))
        return -1;
    for (size_t i = 0; i < sizeof weights; i++)
        if (!is_constant(t, weights[i]))
            return -1;
    const double rows = (double)c.directions * (double)c.steps * (double)c.batch;
    const double outputs = (double)c.gates * (double)c.hidden;
    const double fast = PER_LEVEL(1.0, 50.0, 55.0) * infer__task_machine(t)->products;
    const double slow = c.batch > 2 ? fast : fast / 2; /* R is read for a row or two */
    return 100 + rows * outputs *
                     ((double)c.inputs / fast + (double)c.hidden / slow + PER_LEVEL(1, 0.5, 0.3));
}

/* A matrix of some gates, behind `floats` packed ones. */
static struct matrix matrix_of(const struct recurrent_cut *c, int64_t rows, int64_t first,
                               int64_t gates, int64_t *floats)
{
    const struct matrix m = {.rows = rows,
                             .vectors = c->padded / VEC * gates,
                             .first = first,
                             .gates = gates,
                             .at = *floats};
    *floats = INFER__SUM(*floats, INFER__PRODUCT(rows, gates, c->padded));
    return m;
}

static void cut_packed(const struct infer__task *t, struct recurrent_cut *c)
{
    const int two = t->op == INFER__OP_GRU && !t->p.recurrent.linear;
    const int64_t gates = c->c.gates, hidden = c->c.hidden;
    int64_t floats = 0;
    c->padded = infer__count_align(hidden, VEC);
    c->w = matrix_of(c, c->c.inputs, 0, gates, &floats);
    c->r = matrix_of(c, hidden, 0, two ? 2 : gates, &floats);
    c->r2 = matrix_of(c, hidden, 2, two ? 1 : 0, &floats);
    c->bias_w = floats;
    c->bias_r = INFER__SUM(c->bias_w, INFER__PRODUCT(gates, c->padded));
    c->peepholes = INFER__SUM(c->bias_r, INFER__PRODUCT(gates, c->padded));
    c->direction_floats =
        INFER__SUM(c->peepholes, infer__has_in(t, CELLS_P) ? INFER__PRODUCT(PEEPS, c->padded) : 0);
}

/* Adds `floats` to what scratch memory has. */
static int64_t place(int64_t *at, int64_t floats)
{
    const int64_t begin = *at;
    *at = infer__count_align(INFER__SUM(*at, floats), VEC);
    return begin;
}

static int64_t cut_scratch(struct recurrent_cut *c)
{
    const int64_t states = INFER__PRODUCT(c->rows, c->padded);
    const int64_t inputs = c->c.quantised ? INFER__PRODUCT(c->chunk, c->rows, c->c.inputs) : 0;
    int64_t floats = 0;
    c->h = place(&floats, states);
    c->cell = place(&floats, states);
    c->reset = place(&floats, states);
    c->s = place(&floats, INFER__PRODUCT(states, c->r.gates));
    c->s2 = place(&floats, INFER__PRODUCT(states, c->r2.gates));
    c->x = place(&floats, inputs);
    c->z_floats = INFER__PRODUCT(c->chunk, states, c->c.gates);
    c->z = place(&floats, INFER__PRODUCT(c->z_floats, c->ahead ? c->ahead : 1));
    return floats;
}

static infer_status recurrent_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct recurrent_cut *c = need->cut;
    FAIL_IF(!infer__cells_of(t, &c->c), INFER_ERROR_INTERNAL, "not a recurrent layer");
    const struct infer__cells *s = &c->c;
    const uint32_t most = t->threads > 1 && !s->quantised ? 2 * t->threads : 1;
    cut_packed(t, c);
    c->parts = infer__units(s->batch, ROWS, most);
    c->rows = s->batch / c->parts + (s->batch % c->parts != 0);
    c->chunk = c->rows < CHUNK ? CHUNK / c->rows : 1;
    c->chunk = c->chunk < s->steps ? c->chunk : s->steps;
    c->chunks = s->steps / c->chunk + (s->steps % c->chunk != 0);
    const int64_t walks = INFER__PRODUCT(s->directions, c->parts);
    const int64_t pieces = INFER__PRODUCT(walks, c->chunks);
    const int64_t outputs = INFER__PRODUCT(s->gates, c->padded);
    const int64_t bytes =
        INFER__PRODUCT(pieces, c->chunk, INFER__PRODUCT(c->rows, outputs), sizeof(float));
    if (t->threads > walks && pieces > walks && bytes <= AHEAD_BYTES &&
        INFER__PRODUCT(s->steps, s->batch, s->inputs, outputs) >= AHEAD_PRODUCTS)
        c->ahead = (uint32_t)pieces;
    need->packed_bytes =
        infer__bytes_of(INFER__PRODUCT(s->directions, c->direction_floats), sizeof(float));
    need->scratch_bytes = infer__bytes_of(cut_scratch(c), sizeof(float));
    need->barrier = c->ahead;
    need->units = c->ahead + (uint32_t)walks;
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

/* ---- packing -------------------------------------------------------------------------------- */

/* The column of W or R of lane `lane` in vector v of a matrix; -1: there is none. */
static int64_t column_of(const struct recurrent_cut *c, const struct matrix *m, int64_t v, int lane)
{
    const int64_t unit = v / m->gates * VEC + lane;
    return unit < c->c.hidden ? (m->first + v % m->gates) * c->c.hidden + unit : -1;
}

static void pack_matrix(const struct infer__task *t, const struct recurrent_cut *c,
                        const struct matrix *m, const void *const *in, int which, int64_t direction,
                        float *to)
{
    for (int64_t p = 0; p < m->vectors; p += PANEL) {
        const int64_t end = p + PANEL < m->vectors ? p + PANEL : m->vectors;
        for (int64_t k = 0; k < m->rows; k++)
            for (int64_t v = p; v < end; v++)
                for (int lane = 0; lane < VEC; lane++) {
                    const int64_t at = column_of(c, m, v, lane);
                    *to++ = at < 0 ? 0 : infer__cells_weight(t, &c->c, in, which, direction, k, at);
                }
    }
}

/* Biases of both products go into one, but for what a reset gate works on. */
static void pack_biases(const struct infer__task *t, const struct recurrent_cut *c, const float *b,
                        float *to_w, float *to_r)
{
    const int64_t outputs = c->c.gates * c->c.hidden;
    const int apart = t->op == INFER__OP_GRU && t->p.recurrent.linear;
    for (int64_t v = 0; v < c->w.vectors; v++)
        for (int lane = 0; lane < VEC; lane++) {
            const int64_t at = column_of(c, &c->w, v, lane), to = v * VEC + lane;
            const int own = apart && v % c->w.gates == GRU_N;
            const float w = b && at >= 0 ? b[at] : 0, r = b && at >= 0 ? b[outputs + at] : 0;
            to_w[to] = own ? w : w + r;
            to_r[to] = own ? r : 0;
        }
}

static void recurrent_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct recurrent_cut *c = cut;
    const void *in[CELLS_R_ZERO + 1] = {0};
    for (uint32_t i = 0; i < t->nin; i++)
        in[i] = t->in[i].data;
    for (int64_t d = 0; d < c->c.directions; d++) {
        float *to = (float *)packed + d * c->direction_floats;
        const float *b = infer__has_in(t, CELLS_B) ? in[CELLS_B] : NULL;
        pack_matrix(t, c, &c->w, in, CELLS_W, d, to + c->w.at);
        pack_matrix(t, c, &c->r, in, CELLS_R, d, to + c->r.at);
        if (c->r2.gates)
            pack_matrix(t, c, &c->r2, in, CELLS_R, d, to + c->r2.at);
        pack_biases(t, c, b ? b + d * 2 * c->c.gates * c->c.hidden : NULL, to + c->bias_w,
                    to + c->bias_r);
        for (int64_t i = 0; infer__has_in(t, CELLS_P) && i < PEEPS * c->padded; i++) {
            const int64_t unit = i % c->padded, row = d * PEEPS + i / c->padded;
            to[c->peepholes + i] = /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
                unit < c->c.hidden ? ((const float *)in[CELLS_P])[row * c->c.hidden + unit] : 0;
        }
    }
}

/* ---- products ------------------------------------------------------------------------------- */

/* One row times STREAM vectors, several panels side by side. */
static void stream(const float *x, int64_t rows, const float *w, const float *start, float *y)
{
    vec sum[STREAM];
    VEC_UNROLL
    for (int v = 0; v < STREAM; v++)
        sum[v] = vec_load(start + v * VEC);
    for (int64_t k = 0; k < rows; k++, w += PANEL * VEC) {
        const vec a = vec_set(x[k]);
        VEC_UNROLL
        for (int v = 0; v < STREAM; v++)
            sum[v] =
                vec_fma(a, vec_load(w + v / PANEL * rows * PANEL * VEC + v % PANEL * VEC), sum[v]);
    }
    VEC_UNROLL
    for (int v = 0; v < STREAM; v++)
        vec_store(y + v * VEC, sum[v]);
}

/* y[i] = start + x[i] times a matrix, for n rows: x[i] are `step` apart, y is dense. */
static void multiply(const struct matrix *m, const float *packed, const float *start,
                     const float *x, int64_t step, int64_t n, float *y)
{
    const int64_t y_step = m->vectors * VEC;
    int64_t p = 0;
    packed += m->at;
    for (; n == 1 && p + STREAM <= m->vectors; p += STREAM)
        stream(x, m->rows, packed + p * VEC * m->rows, start + p * VEC, y + p * VEC);
    for (; p < m->vectors; p += PANEL) {
        const int64_t vectors = p + PANEL < m->vectors ? PANEL : m->vectors - p;
        struct infer__tile_row from = {x, 0};
        struct infer__tile_f32 j = {.rows = &from,
                                    .nrows = 1,
                                    .run = m->rows,
                                    .runs = 1,
                                    .step = step,
                                    .weights = packed + p * VEC * m->rows,
                                    .start = start + p * VEC,
                                    .y = y + p * VEC,
                                    .y_step = y_step,
                                    .valid = (int)vectors * VEC};
        for (int64_t i = 0, done; i < n; i += done) {
            done = n - i < ROWS ? n - i : ROWS;
            LEVEL_NAME(infer__tile_f32)[0][vectors - 1][done - 1](&j);
            from.x += done * step;
            j.y += done * y_step;
        }
    }
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* A part of the batch in one direction. */
struct walk {
    const struct infer__task *t;
    const struct infer__buffers *b;
    const struct recurrent_cut *c;
    int64_t direction, part, row, rows;
    const float *packed;
    float *scratch;
    struct infer__cells_scale x_scale;
    struct gates g;
};

static struct walk walk_of(const struct infer__task *t, const struct infer__buffers *b,
                           int64_t index)
{
    const struct recurrent_cut *c = b->cut;
    struct walk w = {.t = t, .b = b, .c = c, .scratch = b->scratch};
    w.direction = index / c->parts;
    w.part = index % c->parts;
    w.row = infer__unit_begin(c->c.batch, c->parts, w.part);
    w.rows = infer__unit_begin(c->c.batch, c->parts, w.part + 1) - w.row;
    w.packed = (const float *)b->packed + w.direction * c->direction_floats;
    w.g = (struct gates){.f = t->p.recurrent.function[w.direction],
                         .clip = t->p.recurrent.clip,
                         .coupled = t->p.recurrent.coupled,
                         .hidden = c->c.hidden,
                         .peepholes = infer__has_in(t, CELLS_P) ? w.packed + c->peepholes : NULL,
                         .padded = c->padded};
    if (c->c.quantised)
        w.x_scale = infer__cells_scale_of(
            infer__cells_input_range(&c->c, b->in[CELLS_X], infer__cells_in(t, b, CELLS_LENGTHS)));
    return w;
}

/* Steps of chunk `chunk`: from *first, how many. */
static int64_t steps_of(const struct recurrent_cut *c, int64_t chunk, int64_t *first)
{
    *first = chunk * c->chunk;
    return c->c.steps - *first < c->chunk ? c->c.steps - *first : c->chunk;
}

/* Inputs of a chunk times W: z[step][row]. */
static void multiply_inputs(const struct walk *w, int64_t chunk, float *z)
{
    const struct recurrent_cut *c = w->c;
    const struct infer__cells *s = &c->c;
    const float *start = w->packed + c->bias_w;
    int64_t first, n = steps_of(c, chunk, &first);
    const float *x = (const float *)w->b->in[CELLS_X] + first * s->x_step + w->row * s->x_row;
    if (s->quantised) {
        float *to = w->scratch + c->x;
        for (int64_t i = 0; i < n * w->rows; i++)
            for (int64_t k = 0; k < s->inputs; k++)
                to[i * s->inputs + k] = infer__cells_rounded(
                    &w->x_scale, x[i / w->rows * s->x_step + i % w->rows * s->x_row + k]);
        multiply(&c->w, w->packed, start, to, s->inputs, n * w->rows, z);
    } else if (w->rows == 1 || s->x_step == w->rows * s->x_row) {
        multiply(&c->w, w->packed, start, x, w->rows == 1 ? s->x_step : s->x_row, n * w->rows, z);
    } else {
        for (int64_t i = 0; i < n; i++)
            multiply(&c->w, w->packed, start, x + i * s->x_step, s->x_row, w->rows,
                     z + i * w->rows * s->gates * c->padded);
    }
}

/* What the state is multiplied as: itself, or quantised. */
static const float *multiplied(const struct walk *w, const float *h)
{
    const int64_t n = w->rows * w->c->padded;
    float *to = w->scratch + w->c->reset;
    if (!w->c->c.quantised)
        return h;
    struct infer__range r = {0, 0};
    for (int64_t i = 0; i < w->rows; i++) {
        const struct infer__range row = infer__cells_range(h + i * w->c->padded, w->c->c.hidden);
        r.low = row.low < r.low ? row.low : r.low;
        r.high = row.high > r.high ? row.high : r.high;
    }
    const struct infer__cells_scale s = infer__cells_scale_of(r);
    for (int64_t i = 0; i < n; i++)
        to[i] = infer__cells_rounded(&s, h[i]);
    return to;
}

/* A step of all rows; z are the products of its inputs. */
static void do_step(const struct walk *w, int64_t step, const float *z)
{
    const struct recurrent_cut *c = w->c;
    const struct infer__cells *cells = &c->c;
    const int32_t *lengths = infer__cells_in(w->t, w->b, CELLS_LENGTHS);
    const int64_t padded = c->padded, z_step = cells->gates * padded, s_step = c->r.gates * padded;
    float *h = w->scratch + c->h, *cell = w->scratch + c->cell, *reset = w->scratch + c->reset;
    float *s = w->scratch + c->s, *s2 = w->scratch + c->s2;
    float *y = (float *)w->b->out[0] + step * cells->y_step + w->row * cells->y_row +
               w->direction * cells->y_direction;
    multiply(&c->r, w->packed, w->packed + c->bias_r, multiplied(w, h), padded, w->rows, s);
    if (c->r2.gates) {
        for (int64_t i = 0; i < w->rows; i++)
            gates_gru_first(&w->g, z + i * z_step, s + i * s_step, h + i * padded,
                            reset + i * padded);
        multiply(&c->r2, w->packed, w->packed + c->bias_r, reset, padded, w->rows, s2);
    }
    for (int64_t i = 0; i < w->rows; i++, y += cells->y_row) {
        const float *zi = z + i * z_step, *si = s + i * s_step;
        float *hi = h + i * padded;
        if (step >= infer__cells_length(cells, lengths, w->row + i))
            memset(y, 0, (size_t)cells->hidden * sizeof *y);
        else if (w->t->op == INFER__OP_RNN)
            gates_rnn(&w->g, zi, si, hi, y);
        else if (w->t->op != INFER__OP_GRU)
            gates_lstm(&w->g, zi, si, cell + i * padded, hi, y);
        else if (c->r2.gates)
            gates_gru_last(&w->g, zi, si, s2 + i * padded, hi, y);
        else
            gates_gru_linear(&w->g, zi, si, hi, y);
    }
}

/* States from where the task has them (zeros where `from` is NULL), padded. */
static void begin_states(const struct walk *w, float *own, const float *from)
{
    const struct infer__cells *c = &w->c->c;
    memset(own, 0, (size_t)(w->rows * w->c->padded) * sizeof *own);
    for (int64_t i = 0; from && i < w->rows; i++)
        memcpy(own + i * w->c->padded,
               from + w->direction * c->h_direction + (w->row + i) * c->h_row,
               (size_t)c->hidden * sizeof *own);
}

static void end_states(const struct walk *w, const float *own, uint32_t out)
{
    const struct infer__cells *c = &w->c->c;
    if (out >= w->t->nout || !w->t->out[out].type)
        return;
    float *to = (float *)w->b->out[out] + w->direction * c->h_direction;
    for (int64_t i = 0; i < w->rows; i++)
        memcpy(to + (w->row + i) * c->h_row, own + i * w->c->padded,
               (size_t)c->hidden * sizeof *own);
}

static void do_walk(const struct walk *w, int64_t index)
{
    const struct recurrent_cut *c = w->c;
    const int back = infer__cells_backwards(w->t, w->direction);
    begin_states(w, w->scratch + c->h, infer__cells_in(w->t, w->b, CELLS_H));
    begin_states(w, w->scratch + c->cell, infer__cells_in(w->t, w->b, CELLS_C));
    for (int64_t i = 0; i < c->chunks; i++) {
        const int64_t chunk = back ? c->chunks - 1 - i : i;
        int64_t first, n = steps_of(c, chunk, &first);
        float *z = w->scratch + c->z;
        if (c->ahead)
            z = (float *)w->b->shared + c->z + (index * c->chunks + chunk) * c->z_floats;
        else
            multiply_inputs(w, chunk, z);
        for (int64_t k = 0; k < n; k++) {
            const int64_t at = back ? n - 1 - k : k;
            do_step(w, first + at, z + at * w->rows * c->c.gates * c->padded);
        }
    }
    end_states(w, w->scratch + c->h, 1);
    end_states(w, w->scratch + c->cell, 2);
}

static void recurrent_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct recurrent_cut *c = b->cut;
    for (int64_t u = begin; u < end; u++) {
        const int64_t index = u < c->ahead ? u / c->chunks : u - c->ahead;
        const struct walk w = walk_of(t, b, index);
        if (u < c->ahead)
            multiply_inputs(&w, u % c->chunks, (float *)b->shared + c->z + u * c->z_floats);
        else
            do_walk(&w, index);
    }
}

const struct infer__kernel LEVEL_NAME(infer__recurrent_f32) = {
    .name = LEVEL_STRING("recurrent_f32"),
    .isa = LEVEL_ISA,
    .stored = 1,
    .cut_bytes = sizeof(struct recurrent_cut),
    .estimate = recurrent_estimate,
    .prepare = recurrent_prepare,
    .pack = recurrent_pack,
    .run = recurrent_run};
