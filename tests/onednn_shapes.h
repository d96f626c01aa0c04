/* Shapes for the tests of oneDNN's kernels: a task on guarded memory, run on real threads, against
 * plain loops in double precision. */
#ifndef INFER_TESTS_ONEDNN_SHAPES_H
#define INFER_TESTS_ONEDNN_SHAPES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/status.h"
#include "kernel_cut.h"
#include "kernels/kernel.h"

extern const struct infer__kernel infer__conv_f32_onednn;
extern const struct infer__kernel infer__dense_f32_onednn;
extern const struct infer__kernel infer__average_pool_f32_onednn;
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int n);

/* ---- random numbers and guarded memory ------------------------------------------------------ */

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

struct guarded {
    char *map;
    size_t map_bytes;
    float *f; /* ends where the inaccessible page begins, but for the alignment asked for */
    size_t n;
};

static struct guarded guard(size_t n, size_t align)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = (n * sizeof(float) + align - 1) / align * align;
    size_t body = (bytes + page - 1) / page * page;
    struct guarded g = {NULL, body + 2 * page, NULL, n};
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect(g.map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(g.map + page + body, page, PROT_NONE), 0);
    g.f = (float *)(void *)(g.map + page + body - bytes);
    memset(g.f, 0xA5, bytes);
    return g;
}

static void unguard(struct guarded *g)
{
    if (g->map)
        munmap(g->map, g->map_bytes);
    g->map = NULL;
}

static void fill(struct guarded *g)
{
    for (size_t i = 0; i < g->n; i++)
        g->f[i] = (float)((int)rnd(2001) - 1000) / 1000.0f;
}

/* ---- a case --------------------------------------------------------------------------------- */

struct shape {
    uint16_t op;
    int rank;
    int64_t n, ci, co, groups;
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
    int bias, residual;
    uint16_t act;
    float alpha, beta;
    int include_pad, ceil;
};

struct problem {
    struct shape s;
    const struct infer__kernel *k;
    struct infer__task t;
    struct infer__operand in[4], out[1];
    struct guarded x, w, b, r, y;
    int64_t o[3];
    int residual_at;
};

static int64_t out_size(const struct shape *s, int a)
{
    int64_t extent = (s->kernel[a] - 1) * s->dilation[a] + 1;
    if (s->op == INFER__OP_CONV_TRANSPOSE)
        return (s->in[a] - 1) * s->stride[a] + extent - s->begin[a] - s->end[a];
    int64_t room = s->in[a] + s->begin[a] + s->end[a] - extent;
    return room < 0 ? 0 : (room + (s->ceil ? s->stride[a] - 1 : 0)) / s->stride[a] + 1;
}

static struct infer__operand data_operand(int rank, int64_t n, const int64_t size[3], int64_t c)
{
    struct infer__operand o = {.type = INFER_F32, .rank = (uint8_t)rank, .clast = 1, .dims = {n}};
    for (int a = 5 - rank, i = 1; a < 3; a++)
        o.dims[i++] = size[a];
    o.dims[rank - 1] = c;
    return o;
}

static int is_pool(const struct shape *s)
{
    return s->op != INFER__OP_CONV && s->op != INFER__OP_CONV_TRANSPOSE;
}

static void make_weights(struct problem *p)
{
    const struct shape *s = &p->s;
    int64_t taps = s->kernel[0] * s->kernel[1] * s->kernel[2];
    int deconv = s->op == INFER__OP_CONV_TRANSPOSE;
    p->w = guard((size_t)(s->co * s->ci / s->groups * taps), 4);
    fill(&p->w);
    p->in[1] = (struct infer__operand){
        .type = INFER_F32, .rank = (uint8_t)s->rank, .is_const = 1, .data = p->w.f};
    p->in[1].dims[0] = deconv ? s->ci : s->co;
    p->in[1].dims[1] = (deconv ? s->co : s->ci) / s->groups;
    for (int a = 5 - s->rank, i = 2; a < 3; a++)
        p->in[1].dims[i++] = s->kernel[a];
    p->b = guard((size_t)s->co, 4);
    fill(&p->b);
    p->in[2] = (struct infer__operand){
        .type = 0, .rank = 1, .is_const = 1, .dims = {s->co}, .data = p->b.f};
    p->in[2].type = s->bias ? INFER_F32 : INFER_TYPE_NONE;
    p->t.nin = s->bias || s->residual ? 3 : 2;
}

static void make(struct problem *p, const struct shape *s)
{
    memset(p, 0, sizeof *p);
    p->s = *s;
    p->k = is_pool(s) ? &infer__average_pool_f32_onednn : &infer__conv_f32_onednn;
    for (int a = 0; a < 3; a++)
        p->o[a] = out_size(s, a);
    p->in[0] = data_operand(s->rank, s->n, s->in, s->ci);
    p->out[0] = data_operand(s->rank, s->n, p->o, s->co);
    p->x = guard((size_t)infer__operand_elements(&p->in[0]), 4);
    p->y = guard((size_t)infer__operand_elements(&p->out[0]), 4);
    p->r = guard(p->y.n, 4);
    fill(&p->x);
    fill(&p->r);
    p->t = (struct infer__task){.op = s->op, .isa = INFER_ISA_AMX, .onednn = 1, .threads = 1};
    p->t.nin = 1;
    if (!is_pool(s))
        make_weights(p);
    if (s->residual) {
        p->residual_at = (int)p->t.nin++;
        p->in[p->residual_at] = p->out[0];
    }
    p->t.nout = 1;
    p->t.in = p->in;
    p->t.out = p->out;
    p->t.epi = (struct infer__epilogue){
        .act = s->act, .residual = (uint16_t)s->residual, .alpha = s->alpha, .beta = s->beta};
    struct infer__window *w = &p->t.p.window;
    memcpy(w->kernel, s->kernel, sizeof w->kernel);
    memcpy(w->stride, s->stride, sizeof w->stride);
    memcpy(w->dilation, s->dilation, sizeof w->dilation);
    memcpy(w->pad_begin, s->begin, sizeof w->pad_begin);
    memcpy(w->pad_end, s->end, sizeof w->pad_end);
    w->groups = s->groups;
    w->spatial = s->rank - 2;
    w->count_include_pad = s->include_pad;
}

static void drop(struct problem *p)
{
    unguard(&p->x);
    unguard(&p->w);
    unguard(&p->b);
    unguard(&p->r);
    unguard(&p->y);
}

/* ---- running -------------------------------------------------------------------------------- */

struct worker {
    const struct problem *p;
    const struct infer__need *need;
    struct infer__buffers b;
    uint32_t first, step;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (uint32_t u = w->first; u < w->need->units; u += w->step)
        w->p->k->run(&w->p->t, &w->b, u, u + 1);
    return NULL;
}

/* Runs with `threads` threads into p->y, which is filled with 0xA5 before; 0 if oneDNN has no fast
 * implementation. `in_place`: the residual stands where the result will be. */
static int run(struct problem *p, uint32_t threads, int in_place, uint32_t *units)
{
    struct infer__need need = {0};
    infer_error err;
    p->t.threads = threads;
    assert_true(p->k->estimate(&p->t) >= 0);
    infer_status status = prepare_kernel(p->k, &p->t, &need, &err);
    if (status != INFER_OK) {
        assert_int_equal(status, INFER_ERROR_UNSUPPORTED);
        assert_null(*(void **)need.cut);
        return 0;
    }
    assert_true(need.units >= 1);
    struct guarded packed = guard(infer__bytes_count(need.packed_bytes) / sizeof(float), 64);
    struct guarded scratch[8];
    if (p->k->pack)
        p->k->pack(&p->t, need.cut, packed.f);
    memset(p->y.f, 0xA5, p->y.n * sizeof(float));
    if (in_place)
        memcpy(p->y.f, p->r.f, p->y.n * sizeof(float));
    const void *in[4] = {p->x.f, p->w.f, p->s.bias ? p->b.f : NULL, NULL};
    in[p->residual_at ? p->residual_at : 3] = in_place ? p->y.f : p->r.f;
    void *out[1] = {p->y.f};
    pthread_t id[8];
    struct worker w[8];
    for (uint32_t i = 0; i < threads; i++) {
        scratch[i] = guard((size_t)infer__bytes_count(need.scratch_bytes) / sizeof(float), 64);
        w[i] = (struct worker){
            p, &need, {in, out, packed.f, scratch[i].f, need.cut, NULL, NULL}, i, threads};
        assert_int_equal(pthread_create(&id[i], NULL, work, &w[i]), 0);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        unguard(&scratch[i]);
    }
    unguard(&packed);
    p->k->release(need.cut);
    *units = need.units;
    return 1;
}

/* ---- references ----------------------------------------------------------------------------- */

/* Input coordinate of a tap, -1 outside. */
static int64_t tap(const struct shape *s, int a, int64_t o, int64_t k)
{
    int64_t i = o * s->stride[a] - s->begin[a] + k * s->dilation[a];
    if (s->op == INFER__OP_CONV_TRANSPOSE) {
        i = o + s->begin[a] - k * s->dilation[a];
        if (i < 0 || i % s->stride[a])
            return -1;
        i /= s->stride[a];
    }
    return i >= 0 && i < s->in[a] ? i : -1;
}

/* Visits the taps of an output pixel: sums and number. */
struct sums {
    double sum, abs;
    int64_t count;
};

static struct sums visit(const struct problem *p, int64_t n, const int64_t o[3], int64_t m)
{
    const struct shape *s = &p->s;
    struct sums r = {0, 0, 0};
    int64_t cg = is_pool(s) ? 1 : s->ci / s->groups, mg = s->co / s->groups;
    int64_t c0 = is_pool(s) ? m : m / mg * cg;
    for (int64_t d = 0; d < s->kernel[0]; d++)
        for (int64_t h = 0; h < s->kernel[1]; h++)
            for (int64_t v = 0; v < s->kernel[2]; v++) {
                int64_t i = tap(s, 0, o[0], d), j = tap(s, 1, o[1], h), k = tap(s, 2, o[2], v);
                if (i < 0 || j < 0 || k < 0)
                    continue;
                int64_t at = (((n * s->in[0] + i) * s->in[1] + j) * s->in[2] + k) * s->ci + c0;
                int64_t t = (d * s->kernel[1] + h) * s->kernel[2] + v;
                int64_t taps = s->kernel[0] * s->kernel[1] * s->kernel[2];
                r.count++;
                for (int64_t c = 0; c < cg; c++) {
                    int64_t row = s->op == INFER__OP_CONV ? m * cg + c : (c0 + c) * mg + m % mg;
                    double x = (double)p->x.f[at + c];
                    double y = is_pool(s) ? x : x * (double)p->w.f[row * taps + t];
                    r.sum += y;
                    r.abs += fabs(y);
                }
            }
    return r;
}

/* Taps that count for an average with padding: those not beyond the stated padding. */
static int64_t padded_count(const struct shape *s, const int64_t o[3])
{
    int64_t n = 1;
    for (int a = 0; a < 3; a++) {
        int64_t first = o[a] * s->stride[a] - s->begin[a], last = first + s->kernel[a];
        int64_t limit = s->in[a] + s->end[a];
        n *= (last < limit ? last : limit) - first;
    }
    return n;
}

static double expected(const struct problem *p, int64_t n, const int64_t o[3], int64_t m,
                       double *tolerance)
{
    const struct shape *s = &p->s;
    struct sums r = visit(p, n, o, m);
    double y = r.sum;
    *tolerance = 1e-6 + 1e-6 * r.abs;
    if (is_pool(s))
        y /= (double)(s->include_pad ? padded_count(s, o) : r.count);
    if (s->bias)
        y += (double)p->b.f[m];
    int64_t at = ((n * p->o[0] + o[0]) * p->o[1] + o[1]) * p->o[2] + o[2];
    if (s->residual)
        y += (double)p->r.f[at * s->co + m];
    return (double)infer__activate(s->act, s->alpha, s->beta, (float)y);
}

static void describe(const struct shape *s)
{
    print_message("op %d rank %d n %ld ci %ld co %ld g %ld res %d act %d", s->op, s->rank,
                  (long)s->n, (long)s->ci, (long)s->co, (long)s->groups, s->residual, s->act);
    for (int a = 0; a < 3; a++)
        print_message(" [in %ld k %ld s %ld d %ld p %ld %ld]", (long)s->in[a], (long)s->kernel[a],
                      (long)s->stride[a], (long)s->dilation[a], (long)s->begin[a], (long)s->end[a]);
    print_message("\n");
}

static void compare(const struct problem *p)
{
    const float *y = p->y.f;
    int64_t o[3];
    for (int64_t n = 0; n < p->s.n; n++)
        for (o[0] = 0; o[0] < p->o[0]; o[0]++)
            for (o[1] = 0; o[1] < p->o[1]; o[1]++)
                for (o[2] = 0; o[2] < p->o[2]; o[2]++)
                    for (int64_t m = 0; m < p->s.co; m++, y++) {
                        double tolerance, want = expected(p, n, o, m, &tolerance);
                        if (!(fabs((double)*y - want) <= tolerance)) {
                            describe(&p->s);
                            fail_msg("at %ld,%ld,%ld,%ld,%ld: %.9g, expected %.9g", (long)n,
                                     (long)o[0], (long)o[1], (long)o[2], (long)m, (double)*y, want);
                        }
                    }
}

#endif
