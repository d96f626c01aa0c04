/* One kernel on one task: memory, time, and how far its answer is from another kernel's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/kernel_bench.h"
#include "tools/random_fill.h"

enum { MOST_RUNS = 400 };

static size_t operand_bytes(const struct infer__operand *o)
{
    return o->type ? (size_t)infer__operand_elements(o) * infer_type_size((infer_type)o->type) : 0;
}

static void *memory(size_t bytes)
{
    return aligned_alloc(64, (bytes + 64) / 64 * 64);
}

static int fill(const struct infer__operand *o, uint64_t seed, void **p)
{
    infer_tensor t = {.type = (infer_type)o->type, .rank = o->rank};
    memcpy(t.dims, o->dims, sizeof t.dims);
    t.data = *p = memory(operand_bytes(o));
    if (*p && seed && o->type)
        random_fill(&t, seed);
    return *p != NULL;
}

int bench_task_init(struct bench_task *b, const struct infer__task *t)
{
    *b = (struct bench_task){.t = *t};
    b->in = calloc(t->nin + 1, sizeof *b->in);
    b->out = calloc(t->nout + 1, sizeof *b->out);
    b->x = calloc(t->nin + 1, sizeof *b->x);
    b->y = calloc(t->nout + 1, sizeof *b->y);
    if (!b->in || !b->out || !b->x || !b->y)
        return 0;
    memcpy(b->in, t->in, t->nin * sizeof *b->in);
    memcpy(b->out, t->out, t->nout * sizeof *b->out);
    b->t.in = b->in;
    b->t.out = b->out;
    b->t.threads = 1;
    for (uint32_t i = 0; i < t->nin; i++)
        if (b->in[i].type && !b->in[i].is_const && !fill(&b->in[i], i + 1, &b->x[i]))
            return 0;
    for (uint32_t i = 0; i < t->nout; i++)
        if (b->out[i].type && !fill(&b->out[i], 0, &b->y[i]))
            return 0;
    return 1;
}

void bench_task_free(struct bench_task *b)
{
    for (uint32_t i = 0; b->x && i < b->t.nin; i++)
        free(b->x[i]);
    for (uint32_t i = 0; b->y && i < b->t.nout; i++)
        free(b->y[i]);
    free(b->in);
    free(b->out);
    free(b->x);
    free(b->y);
    free(b->expected);
    *b = (struct bench_task){0};
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One run warms up; then at least three, and until the time is over. A slow kernel has one more. */
static void time_runs(const struct bench_task *b, const struct infer__kernel *k,
                      const struct infer__need *need, const struct infer__buffers *m, double ms,
                      struct bench_time *out)
{
    double start = now_ms();
    unsigned n = 0;
    k->run(&b->t, m, 0, need->units);
    double first = now_ms() - start, begin = now_ms();
    unsigned least = first > ms ? 1 : 3;
    out->ms = INFINITY;
    while (n < MOST_RUNS && (n < least || now_ms() - begin < ms)) {
        start = now_ms();
        k->run(&b->t, m, 0, need->units);
        out->ms = fmin(out->ms, now_ms() - start);
        n++;
    }
    out->runs = n;
}

static infer_status compare(struct bench_task *b, double *difference, infer_error *err)
{
    size_t bytes = operand_bytes(&b->out[0]);
    int is_f32 = b->out[0].type == INFER_F32;
    *difference = 0;
    if (!is_f32 && b->out[0].type != INFER_U8)
        return INFER_OK;
    if (!b->expected) {
        b->expected = memory(bytes);
        if (!b->expected)
            return infer__no_memory(err, bytes);
        memcpy(b->expected, b->y[0], bytes);
        return INFER_OK;
    }
    double largest = 0, worst = 0;
    for (size_t i = 0; i < (is_f32 ? bytes / sizeof(float) : bytes); i++) {
        double want = is_f32 ? ((const float *)b->expected)[i] : ((const uint8_t *)b->expected)[i];
        double got = is_f32 ? ((const float *)b->y[0])[i] : ((const uint8_t *)b->y[0])[i];
        double d = fabs(got - want);
        largest = fmax(largest, fabs(want));
        worst = d > worst || isnan(d) ? d : worst;
    }
    *difference = worst / (largest > 0 ? largest : 1);
    return INFER_OK;
}

infer_status bench_kernel_time(struct bench_task *b, const struct infer__kernel *k, double ms,
                               struct bench_time *out, infer_error *err)
{
    struct infer__need need = {0};
    infer_status status = INFER_OK;
    const void **in = calloc(b->t.nin + 1, sizeof *in);
    void *packed = NULL, *scratch = NULL, *cut = calloc(1, k->cut_bytes + 1);
    if (!in || !cut) {
        free(in);
        free(cut);
        return infer__no_memory(err, (b->t.nin + 1) * sizeof *in);
    }
    for (uint32_t i = 0; i < b->t.nin; i++)
        in[i] = b->in[i].is_const ? b->in[i].data : b->x[i];
    TRY_GOTO(infer__kernel_prepare(k, &b->t, NULL, cut, &need, err));
    const uint64_t packed_bytes = infer__bytes_count(need.packed_bytes);
    const uint64_t scratch_bytes = infer__bytes_count(need.scratch_bytes);
    packed = memory(packed_bytes);
    scratch = memory(scratch_bytes);
    if (!packed || !scratch) {
        status = infer__no_memory(err, packed ? scratch_bytes : packed_bytes);
        goto fail;
    }
    if (k->pack && packed_bytes)
        k->pack(&b->t, cut, packed);
    if (b->t.nout && b->y[0])
        memset(b->y[0], 0xA5, operand_bytes(&b->out[0])); /* not what another kernel left */
    struct infer__buffers m = {in, b->y, packed, scratch, cut, scratch, NULL};
    time_runs(b, k, &need, &m, ms, out);
    status = compare(b, &out->difference, err);
fail:
    if (k->release)
        k->release(cut);
    free(cut);
    free(packed);
    free(scratch);
    free(in);
    return status;
}
