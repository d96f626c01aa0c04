#include "bench/machine.h"
#include "base/cpu.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Each behind the next larger cache of the machines in docs/benchmarks.md. */
const double machine_sizes[MACHINE_SIZES] = {16e3, 128e3, 512e3, 4e6, 16e6, 128e6};

/* One measurement is shorter than the time that a busy system gives a process in one go, and there
 * are many of them: some are not disturbed. */
enum { MOST_THREADS = 64, LEAST_ROUNDS = 5 };
static const double slice_ns = 1.5e6, item_ns = 6e7;

struct worker {
    pthread_barrier_t *start;
    machine_fma *fma;
    machine_read *read; /* NULL: multiply-adds */
    const char *memory;
    size_t bytes;
    uint64_t loops;
    double begin_ns, end_ns, work; /* operations or bytes */
    uint64_t sink;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void work(struct worker *w)
{
    w->begin_ns = now_ns();
    if (w->read) {
        for (uint64_t i = 0; i < w->loops; i++)
            w->sink ^= w->read(w->memory, w->bytes);
        w->work = (double)w->loops * (double)w->bytes;
    } else {
        w->sink = w->fma(w->loops, &w->work) > 0;
    }
    w->end_ns = now_ns();
}

static void *work_thread(void *p)
{
    struct worker *w = p;
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): ruled out above */
    pthread_barrier_wait(w->start);
    work(w);
    return NULL;
}

/* Work per nanosecond of all threads together, from the first's begin to the last's end; 0 if a
 * thread can't be had. */
static double together(const struct worker *like, unsigned threads)
{
    pthread_t id[MOST_THREADS];
    struct worker w[MOST_THREADS];
    pthread_barrier_t start;
    unsigned started = 1;
    if (threads == 1) {
        w[0] = *like;
        work(&w[0]);
        return w[0].work / (w[0].end_ns - w[0].begin_ns);
    }
    if (pthread_barrier_init(&start, NULL, threads))
        return 0;
    for (unsigned i = 0; i < threads; i++) {
        w[i] = *like;
        w[i].start = &start;
        w[i].memory += i * like->bytes;
    }
    while (started < threads && !pthread_create(&id[started], NULL, work_thread, &w[started]))
        started++;
    if (started < threads)
        abort(); /* those that wait at the barrier can't be called back */
    work_thread(&w[0]);
    double begin = w[0].begin_ns, end = w[0].end_ns, total = w[0].work;
    for (unsigned i = 1; i < threads; i++) {
        pthread_join(id[i], NULL);
        begin = fmin(begin, w[i].begin_ns);
        end = fmax(end, w[i].end_ns);
        total += w[i].work;
    }
    pthread_barrier_destroy(&start);
    return total / (end - begin);
}

static double best_rate(struct worker *like, unsigned threads)
{
    double best = 0, begin = now_ns();
    like->loops = 1;
    work(like); /* brings the memory into the caches */
    while (work(like), like->work > 0 && like->end_ns - like->begin_ns < slice_ns)
        like->loops *= 2;
    if (!(like->work > 0)) /* the system does not permit these instructions */
        return 0;
    for (int i = 0; i < LEAST_ROUNDS || now_ns() - begin < item_ns; i++)
        best = fmax(best, together(like, threads));
    return best;
}

machine_read *machine_reader(infer_isa isa)
{
#if defined(__x86_64__)
    if (infer__isa_has(isa, INFER_ISA_AVX512))
        return machine_read_avx512;
    if (infer__isa_has(isa, INFER_ISA_AVX2))
        return machine_read_avx2;
#endif
    (void)isa;
    return machine_read_c;
}

/* The best rates of reading working sets again and again, from number `first` on; unchanged without
 * memory for them. */
static void measure_reads(infer_isa isa, unsigned threads, int first, double gbytes[MACHINE_SIZES])
{
    struct worker w = {.read = machine_reader(isa)};
    size_t all = (size_t)machine_sizes[MACHINE_SIZES - 1];
    char *memory = aligned_alloc(4096, (all + 4095) & ~(size_t)4095);
    if (!memory)
        return;
    memset(memory, 1, all); /* untouched pages would all be the same one */
    w.memory = memory;
    for (int i = first; i < MACHINE_SIZES; i++) {
        w.bytes = (size_t)(machine_sizes[i] / threads) & ~(size_t)1023;
        gbytes[i] = best_rate(&w, threads);
    }
    free(memory);
}

double machine_products(infer_isa isa, unsigned threads)
{
    struct worker w = {.fma = machine_fma_c};
#if defined(__x86_64__)
    if (infer__isa_has(isa, INFER_ISA_AVX2))
        w.fma = machine_fma_avx2;
    if (infer__isa_has(isa, INFER_ISA_AVX512))
        w.fma = machine_fma_avx512;
#endif
    (void)isa;
    return best_rate(&w, threads > MOST_THREADS ? MOST_THREADS : threads);
}

double machine_memory(infer_isa isa, unsigned threads)
{
    double gbytes[MACHINE_SIZES] = {0};
    measure_reads(isa, threads > MOST_THREADS ? MOST_THREADS : threads, MACHINE_SIZES - 1, gbytes);
    return gbytes[MACHINE_SIZES - 1];
}

void machine_measure(infer_isa isa, unsigned threads, struct machine *m)
{
    struct worker w = {0};
    machine_fma *dot[MACHINE_KINDS] = {machine_fma_c};
#if defined(__x86_64__)
    if (infer__isa_has(isa, INFER_ISA_AVX2)) {
        dot[MACHINE_F32] = machine_fma_avx2;
        dot[MACHINE_INT8] = machine_dot_int8_avx2;
    }
    if (infer__isa_has(isa, INFER_ISA_AVX512)) {
        dot[MACHINE_F32] = machine_fma_avx512;
        dot[MACHINE_INT8] = machine_dot_int8_avx512;
    }
    if (infer__isa_has(isa, INFER_ISA_AVX512VNNI))
        dot[MACHINE_INT8] = machine_dot_int8_vnni;
    if (infer__isa_has(isa, INFER_ISA_AVX512BF16))
        dot[MACHINE_BF16] = machine_dot_bf16;
    if (infer__isa_has(isa, INFER_ISA_AMX)) {
        dot[MACHINE_BF16_TILES] = machine_tiles_bf16;
        dot[MACHINE_INT8_TILES] = machine_tiles_int8;
    }
#endif
    threads = threads > MOST_THREADS ? MOST_THREADS : threads;
    *m = (struct machine){.isa = isa, .threads = threads};
    for (int i = 0; i < MACHINE_KINDS; i++) {
        w.fma = dot[i];
        double rate = dot[i] ? best_rate(&w, threads) : 0;
        m->gflops[i] = rate > 0 ? rate : m->gflops[MACHINE_F32];
    }
    measure_reads(isa, threads, 0, m->gbytes);
}

/* Between two sizes: a line over the logarithm of the size. */
double machine_bandwidth(const struct machine *m, double bytes)
{
    int i = 1;
    if (bytes <= machine_sizes[0])
        return m->gbytes[0];
    while (i < MACHINE_SIZES && bytes > machine_sizes[i])
        i++;
    if (i == MACHINE_SIZES)
        return m->gbytes[MACHINE_SIZES - 1];
    double low = log(machine_sizes[i - 1]), high = log(machine_sizes[i]);
    double share = (log(bytes) - low) / (high - low);
    return m->gbytes[i - 1] + share * (m->gbytes[i] - m->gbytes[i - 1]);
}

enum machine_kind machine_kind_of(const char *kernel)
{
    int tiles = strstr(kernel, "amx") != NULL;
    if (strstr(kernel, "int8") || strstr(kernel, "u8"))
        return tiles ? MACHINE_INT8_TILES : MACHINE_INT8;
    if (strstr(kernel, "bf16"))
        return tiles ? MACHINE_BF16_TILES : MACHINE_BF16;
    return MACHINE_F32;
}

double machine_floor_ns(const struct machine *m, enum machine_kind kind, double flops, double bytes)
{
    double by_flops = m->gflops[kind] > 0 ? flops / m->gflops[kind] : 0;
    double rate = machine_bandwidth(m, bytes);
    double by_bytes = rate > 0 ? bytes / rate : 0;
    return fmax(by_flops, by_bytes);
}
