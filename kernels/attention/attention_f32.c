/* levels: avx2 avx512 */
/* Attention of f32, a block of queries at a time: their scores, the weights that Softmax makes of
 * them, and the sum of values stay in a core's cache. Keys and values are packed panel by panel, as
 * matmul_f32_packed packs what is not constant, and multiplied with the same register tile: a row's
 * result depends neither on the block nor on its place in it.
 */
#include "kernels/levels.h"

#include <string.h>

#include "kernels/attention/attention.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/softmax/vec_softmax.h"

#define GFLOPS PER_LEVEL(36.0, 85.0, 100.0) /* what one thread reaches here, measured */

enum {
    LANES = VEC,
    PANEL = 2 * LANES,
    ROWS = LANES == 16 ? 12 : 6,
    LEAST = 4 * ROWS, /* rows of a block for which packing is no more than 5 % */
    MOST = 20 * ROWS, /* */
    SCORES = 1 << 17  /* floats of scores that a core's cache holds beside the rest */
};

struct attention_cut {
    struct infer__attention_shape s;
    int64_t width;         /* floats from one row of scores to the next */
    int64_t block, blocks; /* rows of a block, blocks of a batch */
    int64_t qk, pv;        /* products that are one chain */
    uint32_t units;
};

static int64_t round_up(int64_t x, int64_t to)
{
    return (x + to - 1) / to * to;
}

/* Blocks large enough that packing does not count and small enough for the cache and for threads.
 */
static void cut_blocks(const struct infer__task *t, struct attention_cut *c)
{
    const struct infer__attention_shape *s = &c->s;
    const int64_t shares = 4 * (int64_t)t->threads / s->batches + 1;
    int64_t most = SCORES / c->width / ROWS * ROWS,
            rows = round_up((s->m + shares - 1) / shares, ROWS);
    most = most < ROWS ? ROWS : most > MOST ? MOST : most;
    rows = rows < LEAST ? LEAST : rows;
    rows = rows < most ? rows : most;
    c->blocks = (s->m + rows - 1) / rows;
    c->block = round_up((s->m + c->blocks - 1) / c->blocks, ROWS);
    c->blocks = (s->m + c->block - 1) / c->block;
}

INFER__APART static double attention_f32_estimate(const struct infer__task *t)
{
    struct infer__attention_shape s;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__attention_of(t, &s))
        return -1;
    const double scores = (double)s.batches * (double)s.m * (double)s.n;
    const double work = 2 * scores * ((double)s.d + (double)s.e) / GFLOPS;
    return 100 + infer__bytes_ns(t) / 4 + scores * (LANES == 16 ? 0.7 : 1) +
           work / infer__task_machine(t)->products;
}

static infer_status attention_f32_prepare(const struct infer__task *t, struct infer__need *need,
                                          infer_error *err)
{
    struct attention_cut *c = need->cut;
    const struct infer__attention_shape *s = &c->s;
    FAIL_IF(!infer__attention_of(t, &c->s), INFER_ERROR_INTERNAL,
            "not an attention of f32 tensors");
    c->width = round_up(s->n, PANEL);
    cut_blocks(t, c);
    c->qk = infer__tile_chain(t->strict, 1, 1, s->d).run;
    c->pv = infer__tile_chain(t->strict, 1, 1, s->n).run;
    const int64_t deep = s->d > s->n ? s->d : s->n;
    need->scratch_bytes = infer__bytes_of(
        INFER__SUM(INFER__PRODUCT(c->block, c->width), INFER__PRODUCT(deep, PANEL)), sizeof(float));
    need->units = c->units = infer__task_units(t, INFER__PRODUCT(s->batches, c->blocks), 1);
    return INFER_OK;
}

/* Columns [col, col + floats) of a matrix of `k` rows and `n` columns, missing ones 0. */
static void pack_panel(const float *w, int64_t k, int64_t n, int64_t col, int floats, float *to)
{
    const int some = n - col < floats ? (int)(n - col) : floats;
    w += col;
    for (int64_t i = 0; i < k; i++, w += n, to += floats)
        for (int v = 0; v < floats; v += LANES)
            vec_store(to + v, some - v >= LANES ? vec_load(w + v)
                              : some > v        ? vec_load_n(w + v, some - v)
                                                : vec_set(0));
}

/* A product of packed panels: x [rows][k], `x_step` apart, times w [k][n]. */
struct product {
    const float *x, *w;
    float *y, *panel;
    int64_t rows, k, n, x_step, y_step, chain;
    int whole; /* 1: y has room for whole panels */
};

static void multiply(const struct product *p)
{
    static const float zeros[PANEL];
    const struct infer__tile_chain chain = {p->k > p->chain, 1, p->chain};
    for (int64_t col = 0; col < p->n; col += PANEL) {
        const int floats = p->n - col <= LANES ? LANES : PANEL;
        struct infer__tile_row from = {p->x, 0};
        struct infer__tile_f32 j = {.rows = &from,
                                    .nrows = 1,
                                    .run = p->k,
                                    .runs = 1,
                                    .step = p->x_step,
                                    .weights = p->panel,
                                    .start = zeros,
                                    .y = p->y + col,
                                    .y_step = p->y_step,
                                    .residual_step = p->y_step,
                                    .valid = p->n - col < floats && !p->whole ? (int)(p->n - col)
                                                                              : floats};
        pack_panel(p->w, p->k, p->n, col, floats, p->panel);
        for (int64_t row = 0, done; row < p->rows; row += done) {
            done = p->rows - row < ROWS ? p->rows - row : ROWS;
            infer__tile_sum(LEVEL_NAME(infer__tile_f32)[0][floats / LANES - 1][done - 1], &j,
                            &chain);
            from.x += done * p->x_step;
            j.y += done * p->y_step;
        }
    }
}

/* x = x * scale + mask, of `n` floats; the mask may be absent, or one number for all. */
static void scale_row(float *x, int64_t n, float scale, const float *mask, int64_t mask_col)
{
    const vec factor = vec_set(scale);
    for (int64_t j = 0; j < n; j += LANES) {
        const int some = n - j < LANES ? (int)(n - j) : LANES;
        const vec more = !mask           ? vec_set(0)
                         : !mask_col     ? vec_set(*mask)
                         : some == LANES ? vec_load(mask + j)
                                         : vec_load_n(mask + j, some);
        vec_store(x + j, vec_fma(factor, vec_load(x + j), more));
    }
}

/* Rows [row, row + rows) of a batch. */
static void attend(const struct attention_cut *c, const struct infer__buffers *b, int64_t batch,
                   int64_t row, int64_t rows)
{
    const struct infer__attention_shape *s = &c->s;
    float *scores = b->scratch, *panel = scores + c->block * c->width;
    const struct product keys = {.x = (const float *)b->in[0] + (batch * s->m + row) * s->d,
                                 .w = (const float *)b->in[1] + batch * s->d * s->n,
                                 .y = scores,
                                 .panel = panel,
                                 .rows = rows,
                                 .k = s->d,
                                 .n = s->n,
                                 .x_step = s->d,
                                 .y_step = c->width,
                                 .chain = c->qk,
                                 .whole = 1};
    const struct product values = {.x = scores,
                                   .w = (const float *)b->in[2] + batch * s->n * s->e,
                                   .y = (float *)b->out[0] + (batch * s->m + row) * s->e,
                                   .panel = panel,
                                   .rows = rows,
                                   .k = s->n,
                                   .n = s->e,
                                   .x_step = c->width,
                                   .y_step = s->e,
                                   .chain = c->pv};
    const float *mask = infer__attention_mask(s, b, batch, row);
    multiply(&keys);
    for (int64_t r = 0; r < rows; r++) {
        float *x = scores + r * c->width;
        if (mask || s->scale != 1)
            scale_row(x, s->n, s->scale, mask ? mask + r * s->mask_row : NULL, s->mask_col);
        vec_softmax_row(x, x, s->n, 0);
        if (s->or_zero && isnan(x[0]))
            memset(x, 0, (size_t)s->n * sizeof *x);
    }
    multiply(&values);
}

static void attention_f32_run(const struct infer__task *t, const struct infer__buffers *b,
                              uint32_t begin, uint32_t end)
{
    const struct attention_cut *c = b->cut;
    const int64_t items = c->s.batches * c->blocks, last = infer__unit_begin(items, c->units, end);
    (void)t;
    for (int64_t i = infer__unit_begin(items, c->units, begin); i < last; i++) {
        const int64_t row = i % c->blocks * c->block, left = c->s.m - row;
        attend(c, b, i / c->blocks, row, left < c->block ? left : c->block);
    }
}

const struct infer__kernel LEVEL_NAME(infer__attention_f32) = {
    .name = LEVEL_STRING("attention_f32"),
    .isa = LEVEL_ISA,
    .cut_bytes = sizeof(struct attention_cut),
    .estimate = attention_f32_estimate,
    .prepare = attention_f32_prepare,
    .run = attention_f32_run};
