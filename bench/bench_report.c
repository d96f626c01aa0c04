#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "bench/bench.h"
#include "file/model.h"
#include "infer_experimental.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest time that is not less than `share` of all (nearest rank). */
static double percentile(const struct bench *b, double share)
{
    size_t rank = (size_t)ceil(share * (double)b->runs);
    return b->ms[rank ? rank - 1 : 0];
}

static double median(const struct bench *b)
{
    size_t half = b->runs / 2;
    return b->runs % 2 ? b->ms[half] : (b->ms[half - 1] + b->ms[half]) / 2;
}

const char *bench_precision(const struct bench *b)
{
    const struct infer__graph *g = &b->model->graph;
    uint64_t bytes[INFER_BOOL + 1] = {0};
    unsigned best = INFER_F32;
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (g->values[i].kind == INFER__VALUE_CONST && g->values[i].type <= INFER_BOOL)
            bytes[g->values[i].type] += infer__value_bytes(&g->values[i]);
    bytes[INFER_S8] += bytes[INFER_U8];
    bytes[INFER_S64] = 0; /* shapes, not weights */
    for (unsigned t = 1; t <= INFER_BOOL; t++)
        best = bytes[t] > bytes[best] ? t : best;
    if (best == INFER_F32)
        return infer_precision_name((infer_precision)b->options.precision);
    return best == INFER_S8 ? "int8" : infer_type_name((infer_type)best);
}

void bench_print_string(FILE *out, const char *s)
{
    putc('"', out);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

/* ---- steps ---------------------------------------------------------------------------------- */

struct step {
    infer_step_info info;
    double ms, share, gflops, gbytes; /* of one run */
    double limit;                     /* percentage of what this machine could do */
};

static void get_step(const struct bench *b, size_t i, double total_ns, struct step *s)
{
    infer_step_info_init(&s->info, sizeof s->info);
    infer_session_step(b->session, i, &s->info, NULL);
    uint64_t runs = s->info.runs - b->warm[i].runs;
    double ns = (double)(s->info.ns - b->warm[i].ns) / (double)(runs ? runs : 1);
    s->ms = ns / 1e6;
    s->share = total_ns > 0 ? 100 * ns / total_ns : 0;
    s->gflops = ns > 0 ? (double)s->info.flops / ns : 0;
    s->gbytes = ns > 0 ? (double)s->info.bytes / ns : 0;
    double floor_ns = machine_floor_ns(&b->machine, machine_kind_of(s->info.kernel),
                                       (double)s->info.flops, (double)s->info.bytes);
    s->limit = ns > 0 ? 100 * floor_ns / ns : 0;
}

static double total_ns(const struct bench *b)
{
    double total = 0;
    for (size_t i = 0; i < infer_session_steps(b->session); i++) {
        struct step s;
        get_step(b, i, 0, &s);
        total += s.ms * 1e6;
    }
    return total;
}

static void print_step_json(const struct step *s, int first)
{
    printf("%s\n  {\"node\": ", first ? "" : ",");
    bench_print_string(stdout, s->info.node);
    printf(", \"op\": \"%s\", \"kernel\": \"%s\", \"fused\": \"%s\"", s->info.op, s->info.kernel,
           s->info.fused);
    printf(", \"ms\": %.6f, \"percent\": %.3f, \"gflop_per_s\": %.3f, \"gbyte_per_s\": %.3f", s->ms,
           s->share, s->gflops, s->gbytes);
    printf(", \"packed_bytes\": %llu, \"limit_percent\": %.1f}",
           (unsigned long long)s->info.packed_bytes, s->limit);
}

static void print_steps(const struct bench *b)
{
    size_t n = infer_session_steps(b->session);
    double total = total_ns(b);
    struct step s;
    int node = 4, op = 2, kernel = 6;
    for (size_t i = 0; i < n; i++) {
        get_step(b, i, total, &s);
        int lengths[3] = {(int)strlen(s.info.node), (int)strlen(s.info.op),
                          (int)strlen(s.info.kernel)};
        node = lengths[0] > node ? lengths[0] : node;
        op = lengths[1] > op ? lengths[1] : op;
        kernel = lengths[2] > kernel ? lengths[2] : kernel;
    }
    node = node > 32 ? 32 : node;
    printf("\n%9s %6s %8s %7s %6s %9s  %-*s  %-*s  %-*s  %s\n", "ms", "%", "GFLOP/s", "GB/s",
           "limit", "KB packed", op, "op", node, "node", kernel, "kernel", "fused");
    for (size_t i = 0; i < n; i++) {
        get_step(b, i, total, &s);
        printf("%9.4f %6.2f %8.2f %7.2f %5.0f%% %9.1f  %-*s  %-*.32s  %-*s  %s\n", s.ms, s.share,
               s.gflops, s.gbytes, s.limit, (double)s.info.packed_bytes / 1e3, op, s.info.op, node,
               s.info.node, kernel, s.info.kernel, s.info.fused);
    }
    printf("%9.4f in all steps\n", total / 1e6);
}

/* ---- the report ----------------------------------------------------------------------------- */

static void print_json(const struct bench *b, unsigned threads, double rate)
{
    printf("{\"model\": ");
    bench_print_string(stdout, b->path);
    printf(", \"precision\": \"%s\", \"threads\": %u, \"batch\": %u, \"runs\": %zu",
           bench_precision(b), threads, b->batch, b->runs);
    printf(", \"min_ms\": %.6f, \"median_ms\": %.6f, \"p90_ms\": %.6f, \"p99_ms\": %.6f", b->ms[0],
           median(b), percentile(b, 0.9), percentile(b, 0.99));
    printf(", \"throughput_per_s\": %.3f, \"load_ms\": %.3f, \"session_ms\": %.3f", rate,
           b->load_ms, b->session_ms);
    printf(", \"arena_bytes\": %llu, \"peak_rss_bytes\": %llu",
           (unsigned long long)b->memory.arena_bytes, (unsigned long long)b->peak_rss_bytes);
    if (b->options.profile) {
        double total = total_ns(b);
        printf(", \"machine_gflop_per_s\": %.1f, \"machine_gbyte_per_s\": %.1f",
               b->machine.gflops[MACHINE_F32], b->machine.gbytes[MACHINE_SIZES - 1]);
        printf(", \"steps\": [");
        for (size_t i = 0; i < infer_session_steps(b->session); i++) {
            struct step s;
            get_step(b, i, total, &s);
            print_step_json(&s, i == 0);
        }
        putchar(']');
    }
    printf("}\n");
}

static void print_text(const struct bench *b, unsigned threads, double rate)
{
    printf("model       %s (%s)\n", b->path, bench_precision(b));
    printf("threads     %u, batch %u, %zu runs\n", threads, b->batch, b->runs);
    printf("time        min %.4f, median %.4f, p90 %.4f, p99 %.4f ms\n", b->ms[0], median(b),
           percentile(b, 0.9), percentile(b, 0.99));
    printf("throughput  %.2f per second\n", rate);
    printf("load        %.3f ms, session %.3f ms\n", b->load_ms, b->session_ms);
    printf("memory      arena %.3f MB, packed weights %.3f MB, peak resident %.3f MB\n",
           (double)b->memory.arena_bytes / 1e6, (double)b->memory.packed_bytes / 1e6,
           (double)b->peak_rss_bytes / 1e6);
    if (!b->options.profile)
        return;
    printf("machine     GFLOP/s of multiply-adds: %.0f f32, %.0f bf16, %.0f int8",
           b->machine.gflops[MACHINE_F32], b->machine.gflops[MACHINE_BF16],
           b->machine.gflops[MACHINE_INT8]);
    if (infer__isa_has(b->machine.isa, INFER_ISA_AMX))
        printf(", %.0f bf16 and %.0f int8 on tiles", b->machine.gflops[MACHINE_BF16_TILES],
               b->machine.gflops[MACHINE_INT8_TILES]);
    printf("; reads from %.0f (cache) to %.0f GB/s (memory)\n", b->machine.gbytes[0],
           b->machine.gbytes[MACHINE_SIZES - 1]);
    print_steps(b);
}

void bench_report(struct bench *b)
{
    double sum = 0;
    unsigned threads = b->options.threads ? b->options.threads : infer__cpu_count();
    qsort(b->ms, b->runs, sizeof *b->ms, ascending);
    for (size_t i = 0; i < b->runs; i++)
        sum += b->ms[i];
    double rate = sum > 0 ? (double)b->batch * (double)b->runs * 1000 / sum : 0;
    if (b->options.profile)
        machine_measure(b->options.isa ? b->options.isa : infer_cpu_isa(), threads, &b->machine);
    if (b->json)
        print_json(b, threads, rate);
    else
        print_text(b, threads, rate);
}
