/* levels: c avx2 avx512 */
/* Product of f32 matrices with B in packed panels.
 *
 * A panel is PANEL = 2 * LANES columns of B, its k rows one after the other, missing columns 0;
 * where the last has LANES columns or fewer, the other half is not multiplied.
 * Constant B is packed when the plan is made, other B panel by panel into scratch. The inner
 * kernel keeps ROWS x PANEL sums in registers. Each sum is made of the same chains of multiply-adds
 * in the order of k, however many rows are worked on together: a row's result depends neither on m
 * nor on its place.
 */
#include "kernels/levels.h"

#define GFLOPS PER_LEVEL(36.0, 105.0, 110.0) /* what one thread reaches here, measured */

#include "kernels/integers.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/matmul/matmul.h"
#include "kernels/vec_epilogue.h"

enum {
    LANES = VEC,
    PANEL = 2 * LANES,
    ROWS = LANES == 16 ? 12 : 6, /* sums, two vectors of B and one of A fill the registers */
    STREAMS = 4,    /* panels that one row passes over together: memory is read faster so */
    CHUNK = 240,    /* rows of A that are multiplied with one panel after another */
    PIECE = 1 << 19 /* bytes of B that are packed in one go, where its columns lie one by one */
};

struct matmul_cut {
    struct infer__matmul m;
    int64_t panels;
    int64_t chunk, chunks; /* rows that are multiplied with one panel after another */
    int64_t items;         /* batches * chunks * panels */
    int64_t sum;           /* steps of k that are one chain */
    uint32_t units;
};

static int64_t panels_of(const struct infer__matmul *m)
{
    return (m->n + PANEL - 1) / PANEL;
}

/* Columns that are multiplied, missing ones included. */
static int64_t columns_of(const struct infer__matmul *m)
{
    return (m->n + LANES - 1) / LANES * LANES;
}

/* Rows are split only where B is packed beforehand: else each part would pack it anew. */
static void cut_items(const struct infer__task *t, struct matmul_cut *c)
{
    const struct infer__matmul *m = &c->m;
    c->panels = panels_of(m);
    c->chunk = t->in[1].is_const ? CHUNK : m->m > 0 ? m->m : 1;
    c->chunks = (m->m + c->chunk - 1) / c->chunk;
    c->items = m->batches * c->chunks * c->panels;
    c->sum = infer__tile_chain(t->strict, 1, 1, m->k).run;
    const int64_t rows = m->m < c->chunk ? m->m : c->chunk;
    c->units = infer__task_units(t, c->items, 65536 / (rows * m->k * PANEL + 1) + 1);
}

INFER__APART static double matmul_f32_packed_estimate(const struct infer__task *t)
{
    struct infer__matmul m;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__matmul_of(t, &m))
        return -1;
    double columns = (double)columns_of(&m), k = (double)m.k;
    double rows = m.m < 4 ? 4 : (double)m.m; /* fewer wait for their panel */
    double packing = t->in[1].is_const ? 0 : (double)m.batches * columns * k * 0.15;
    double traffic = infer__bytes_ns(t), work = 2 * (double)m.batches * rows * columns * k / GFLOPS;
    work /= infer__task_machine(t)->products;
    if (infer__isa_has(t->isa, INFER_ISA_AVX512) &&
        LANES < 16) /* at half the rate of AVX-512, on most CPUs */
        work *= 1.3;
    return 50 + packing + (traffic > work ? traffic + work / 8 : work + traffic / 8);
}

static infer_status matmul_f32_packed_prepare(const struct infer__task *t, struct infer__need *need,
                                              infer_error *err)
{
    struct matmul_cut *c = need->cut;
    const struct infer__matmul *m = &c->m;
    FAIL_IF(!infer__matmul_of(t, &c->m), INFER_ERROR_INTERNAL, "not a product of f32 matrices");
    cut_items(t, c);
    const int64_t panel = INFER__PRODUCT(m->k, PANEL, sizeof(float));
    if (t->in[1].is_const)
        need->packed_bytes = infer__bytes_of(INFER__PRODUCT(panel, c->panels, m->b_matrices), 1);
    else
        need->scratch_bytes = infer__bytes_of(panel, 1);
    if (t->in[1].is_const && m->b_row == 1)
        need->pack_pieces =
            infer__units(c->panels * m->b_matrices, PIECE / (panel + 1) + 1, UINT16_MAX);
    need->units = c->units;
    need->layout = INFER__LAYOUT(m->k, m->n, m->b_row, m->b_col, m->b_matrices, m->m > 1);
    return INFER_OK;
}

/* Floats of a row of panel `p`: half of them are left out where the last panel has no more and
 * there are rows enough that it counts. */
static int panel_width(const struct infer__matmul *m, int64_t p)
{
    return m->m > 1 && m->n - p * PANEL <= LANES ? LANES : PANEL;
}

/* Panel `p` of the matrix at w, whose rows or columns lie one by one. */
static void pack_panel(const struct infer__matmul *m, const float *w, int64_t p, float *to)
{
    const int64_t n = m->n - p * PANEL < PANEL ? m->n - p * PANEL : PANEL;
    const int floats = panel_width(m, p);
    w += p * PANEL * m->b_col;
    if (m->b_col != 1) {
        LEVEL_NAME(infer__tile_pack)(w, m->b_col, n, floats, 1, m->k, to);
        return;
    }
    for (int64_t k = 0; k < m->k; k++, w += m->b_row, to += floats) {
        for (int64_t j = 0; j < n; j++)
            to[j] = w[j];
        for (int64_t j = n; j < floats; j++)
            to[j] = 0;
    }
}

static void matmul_f32_packed_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                                         uint32_t piece, uint32_t pieces)
{
    const struct matmul_cut *c = cut;
    const struct infer__matmul *m = &c->m;
    int64_t panels = c->panels, all = panels * m->b_matrices;
    int64_t last = infer__unit_begin(all, pieces, piece + 1);
    for (int64_t i = infer__unit_begin(all, pieces, piece); i < last; i++)
        pack_panel(m, (const float *)t->in[1].data + i / panels * m->k * m->n, i % panels,
                   (float *)packed + i * m->k * PANEL);
}

static void matmul_f32_packed_pack(const struct infer__task *t, const void *cut, void *packed)
{
    matmul_f32_packed_pack_piece(t, cut, packed, 0, 1);
}

/* ---- the inner kernel ----------------------------------------------------------------------- */

/* One row times STREAMS panels. */
static void inner_streams(const float *a, int64_t col, const float *b, int64_t k, int64_t chain,
                          float sums[][PANEL])
{
    const int64_t panel = k * PANEL;
    int64_t first = 0;
    do {
        const int64_t end = k - first < chain ? k : first + chain;
        vec low[STREAMS], high[STREAMS];
        VEC_UNROLL
        for (int s = 0; s < STREAMS; s++)
            low[s] = high[s] = vec_set(0);
        for (int64_t i = first; i < end; i++, a += col, b += PANEL) {
            const vec x = vec_set(*a);
            VEC_UNROLL
            for (int s = 0; s < STREAMS; s++) {
                low[s] = vec_fma(x, vec_load(b + s * panel), low[s]);
                high[s] = vec_fma(x, vec_load(b + s * panel + LANES), high[s]);
            }
        }
        VEC_UNROLL
        for (int s = 0; s < STREAMS; s++) {
            vec_store(sums[s], first ? vec_add(low[s], vec_load(sums[s])) : low[s]);
            vec_store(sums[s] + LANES,
                      first ? vec_add(high[s], vec_load(sums[s] + LANES)) : high[s]);
        }
        first += chain;
    } while (first < k);
}

/* The same as infer__matmul_finish, in vectors, for `rows` rows from `row` on; `sums` are whole
 * panels. */
static void finish(const struct infer__task *t, const struct infer__buffers *buffers,
                   const struct infer__matmul *m, int64_t batch, int64_t row, int64_t col,
                   int64_t rows, int64_t n, float sums[][PANEL])
{
    int64_t at = (batch * m->m + row) * m->n + col;
    const float *residual = m->residual >= 0 ? (const float *)buffers->in[m->residual] + at : NULL;
    const float *c =
        m->bias >= 0 ? (const float *)buffers->in[m->bias] + row * m->c_row + col * m->c_col : NULL;
    float *y = (float *)buffers->out[0] + at;
    const int simple = vec_is_simple(t->epi.act);
    const vec alpha = vec_set(m->alpha), beta = vec_set(m->beta);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j += LANES) {
            int some = n - j < LANES ? (int)(n - j) : LANES;
            vec x = vec_load(sums[r] + j);
            if (m->alpha != 1)
                x = vec_mul(alpha, x);
            if (c) {
                const float *from = c + r * m->c_row + j * m->c_col;
                vec bias = m->c_col == 0  ? vec_set(*from)
                           : some < LANES ? vec_load_n(from, some)
                                          : vec_load(from);
                x = vec_fma(beta, bias, x);
            }
            if (residual) {
                const float *from = residual + r * m->n + j;
                x = vec_add(x, some < LANES ? vec_load_n(from, some) : vec_load(from));
            }
            if (simple)
                x = vec_activate(&t->epi, x);
            if (some < LANES)
                vec_store_n(y + r * m->n + j, x, some);
            else
                vec_store(y + r * m->n + j, x);
        }
    if (!simple)
        vec_activate_rows(&t->epi, y, m->n, rows, n);
}

/* Rows [row, last) times panel p, which lies at `panel`. Where A's columns don't lie one by one,
 * each step is a run of its own. */
static void multiply(const struct infer__task *t, const struct infer__buffers *buffers,
                     const struct matmul_cut *c, int64_t batch, const float *a, int64_t row,
                     int64_t last, const float *panel, int64_t p)
{
    static const float zeros[PANEL];
    const struct infer__matmul *m = &c->m;
    _Alignas(64) float sums[ROWS][PANEL];
    const int floats = panel_width(m, p), steps = TILE_STEPS(floats / LANES, 0);
    const int64_t n = m->n - p * PANEL < PANEL ? m->n - p * PANEL : PANEL;
    const int64_t run = m->a_col == 1 ? m->k : 1;
    const struct infer__tile_chain chain = {m->k > c->sum, m->a_col == 1 ? 1 : c->sum,
                                            m->a_col == 1 ? c->sum : 1};
    struct infer__tile_row from = {a + row * m->a_row, 0};
    struct infer__tile_f32 j = {
        .rows = &from,
        .nrows = 1,
        .run = run,
        .runs = m->a_col == 1 ? 1 : m->k,
        .run_step = m->a_col,
        .step = m->a_row,
        .weights = panel,
        .start = zeros,
        .fetch = (uintptr_t)(panel + m->k * floats),
        .bytes = share_of(steps * floats * (int64_t)sizeof(float), (last - row + ROWS - 1) / ROWS),
        .y = sums[0],
        .y_step = PANEL,
        .residual_step = PANEL,
        .valid = floats};
    for (int64_t done; row < last; row += done) {
        done = last - row < ROWS ? last - row : ROWS;
        infer__tile_function *tile = LEVEL_NAME(infer__tile_f32)[0][floats / LANES - 1][done - 1];
        j.fetch = infer__tile_sum(tile, &j, &chain);
        from.x += done * m->a_row;
        finish(t, buffers, m, batch, row, p * PANEL, done, n, sums);
    }
}

/* The only row times panels p .. p + STREAMS - 1 of constant B. */
static void multiply_streams(const struct infer__task *t, const struct infer__buffers *buffers,
                             const struct matmul_cut *c, int64_t batch, const float *a,
                             const float *panel, int64_t p)
{
    const struct infer__matmul *m = &c->m;
    _Alignas(64) float sums[STREAMS][PANEL];
    inner_streams(a, m->a_col, panel, m->k, c->sum, sums);
    for (int64_t s = 0; s < STREAMS; s++) {
        int64_t col = (p + s) * PANEL, n = m->n - col < PANEL ? m->n - col : PANEL;
        finish(t, buffers, m, batch, 0, col, 1, n, sums + s);
    }
}

static void matmul_f32_packed_run(const struct infer__task *t, const struct infer__buffers *buffers,
                                  uint32_t begin, uint32_t end)
{
    const struct matmul_cut *c = buffers->cut;
    const struct infer__matmul *m = &c->m;
    struct infer__nd_at at;
    const int64_t panels = c->panels, chunk = c->chunk, size = m->k * m->n;
    int64_t last = infer__unit_begin(c->items, c->units, end);
    for (int64_t i = infer__unit_begin(c->items, c->units, begin); i < last; i++) {
        int64_t p = i % panels, row = i / panels % c->chunks * chunk;
        int64_t batch = i / panels / c->chunks;
        infer__nd_seek(&m->batch, batch, &at);
        const float *a = (const float *)buffers->in[0] + at.offset[0], *panel = buffers->scratch;
        if (t->in[1].is_const)
            panel = (const float *)buffers->packed +
                    ((size ? at.offset[1] / size : 0) * panels + p) * m->k * PANEL;
        else
            pack_panel(m, (const float *)buffers->in[1] + at.offset[1], p, buffers->scratch);
        if (t->in[1].is_const && m->m == 1 && p + STREAMS <= panels && i + STREAMS <= last) {
            multiply_streams(t, buffers, c, batch, a, panel, p);
            i += STREAMS - 1;
            continue;
        }
        multiply(t, buffers, c, batch, a, row, row + chunk < m->m ? row + chunk : m->m, panel, p);
    }
}

const struct infer__kernel LEVEL_NAME(infer__matmul_f32_packed) = {
    .name = LEVEL_STRING("matmul_f32_packed"),
    .isa = LEVEL_ISA,
    .stored = 1,
    .cut_bytes = sizeof(struct matmul_cut),
    .estimate = matmul_f32_packed_estimate,
    .prepare = matmul_f32_packed_prepare,
    .pack = matmul_f32_packed_pack,
    .pack_piece = matmul_f32_packed_pack_piece,
    .run = matmul_f32_packed_run};
