/* What threads have in common, measured for --plan-scaling: memory, the end of a job, and bytes
 * that another core has just written. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "base/pool.h"
#include "bench/scaling.h"

enum {
    JOBS = 3000,
    UNIT_NS = 3000,
    ROUNDS = 300,
    LINES = 64,
    FAR_BYTES = 256 * 1024, /* within a second-level cache */
    LINE_BYTES = 64
};

/* Where there is no second CPU to measure with: what was measured on a Zen 4. */
static const double usual_handoff_ns = 500, usual_line_ns = 20, usual_far_gbytes = 16;

/* DDR5-4800 gives 38.4 GB/s a channel, of which programs get about four fifths. */
static const double channel_gbytes = 38.4 * 0.8;
enum { USUAL_CHANNELS = 8 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double lower_quartile(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return v[n / 4];
}

/* ---- the end of a job ----------------------------------------------------------------------- */

static void spin_units(void *ctx, unsigned member, uint32_t begin, uint32_t end)
{
    (void)ctx, (void)member;
    uint64_t until = infer__now_ns() + (uint64_t)(end - begin) * UNIT_NS;
    while (infer__now_ns() < until)
        continue;
}

/* What a job of two equal units takes longer than one of them. */
static double measure_handoff(void)
{
    struct infer__pool_setup setup = infer__pool_setup(2);
    const infer_allocator allocator = {0};
    struct infer_pool *pool = NULL;
    struct infer__team *team = NULL;
    const infer_allocator a = infer__allocator(&allocator);
    double *ns = malloc(JOBS * sizeof *ns), result = usual_handoff_ns;
    if (ns && infer__pool_create(&setup, &a, &pool, NULL) == INFER_OK &&
        infer__team_open(pool, 2, &team, NULL) == INFER_OK) {
        infer__team_begin(team, 0);
        for (int i = 0; i < JOBS; i++) {
            uint64_t start = infer__now_ns();
            infer__team_run(team, spin_units, NULL, 2);
            ns[i] = (double)(infer__now_ns() - start) - UNIT_NS;
        }
        infer__team_end(team);
        result = lower_quartile(ns, JOBS);
    }
    infer__team_close(team);
    infer__pool_free(pool);
    free(ns);
    return result;
}

/* ---- what another core has written ---------------------------------------------------------- */

struct writer {
    char *memory;
    _Atomic int turn; /* odd: the writer's */
    _Atomic int over;
};

static void *write_thread(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; !atomic_load(&w->over);) {
        if (atomic_load(&w->turn) % 2 == 0)
            continue;
        memset(w->memory, ++i, FAR_BYTES);
        atomic_fetch_add(&w->turn, 1);
    }
    return NULL;
}

static uint64_t read_lines(const char *memory)
{
    uint64_t sum = 0;
    for (int i = 0; i < LINES; i++)
        sum += *(const volatile unsigned char *)(memory + (size_t)i * LINE_BYTES);
    return sum;
}

/* Rounds of write and read, in turn; in each the first lines are read by themselves, one word of
 * each, as the pool does at the end of a job. */
static void read_rounds(struct writer *w, machine_read *read, struct scaling_machine *m)
{
    double line[ROUNDS], all[ROUNDS];
    volatile uint64_t sink = 0;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&w->turn, 1);
        while (atomic_load(&w->turn) % 2)
            continue;
        uint64_t start = infer__now_ns();
        sink += read_lines(w->memory);
        uint64_t middle = infer__now_ns();
        sink += read(w->memory + LINES * LINE_BYTES, FAR_BYTES - LINES * LINE_BYTES);
        line[i] = (double)(middle - start) / LINES;
        all[i] = (double)(infer__now_ns() - middle);
    }
    (void)sink;
    m->line_ns = lower_quartile(line, ROUNDS);
    m->far_gbytes = (FAR_BYTES - LINES * LINE_BYTES) / lower_quartile(all, ROUNDS);
}

static void measure_far(struct scaling_machine *m, infer_isa isa)
{
    struct writer w = {.memory = aligned_alloc(4096, FAR_BYTES)};
    pthread_t thread;
    if (w.memory && !pthread_create(&thread, NULL, write_thread, &w)) {
        read_rounds(&w, machine_reader(isa), m);
        atomic_store(&w.over, 1);
        pthread_join(thread, NULL);
    }
    free(w.memory);
}

/* Of the first CPU. What sysconf says is of the whole chip, of which a virtual machine has a part.
 */
static double cache_bytes(int level, double otherwise)
{
    char path[80];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", level);
    FILE *f = fopen(path, "r");
    char text[32] = "";
    if (f) {
        if (fgets(text, sizeof text, f))
            kib = strtoul(text, NULL, 10);
        fclose(f);
    }
    return kib ? (double)kib * 1024 : otherwise;
}

void scaling_machine_measure(struct scaling_machine *m, const struct bench *b)
{
    const infer_isa isa = b->options.isa ? b->options.isa : infer_cpu_isa();
    const double channels = b->memory_channels ? b->memory_channels : USUAL_CHANNELS;
    *m = (struct scaling_machine){.cpus = infer__cpu_count(),
                                  .handoff_ns = usual_handoff_ns,
                                  .line_ns = usual_line_ns,
                                  .far_gbytes = usual_far_gbytes};
    m->crowd = 1;
    if (m->cpus > 1)
        m->crowd = fmax(1, m->cpus * machine_products(isa, 1) / machine_products(isa, m->cpus));
    m->thread_gbytes = machine_memory(isa, 1);
    m->all_gbytes = m->cpus > 1 ? machine_memory(isa, m->cpus) : m->thread_gbytes;
    m->server_gbytes = b->bandwidth > 0 ? b->bandwidth : channels * channel_gbytes;
    m->l2_bytes = cache_bytes(2, 1e6);
    m->l3_bytes = b->l3_mb > 0 ? b->l3_mb * 1e6 : cache_bytes(3, 16e6);
    if (m->cpus > 1) {
        m->handoff_ns = measure_handoff();
        measure_far(m, isa);
    }
}
