/* --plan-scaling as text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "bench/scaling.h"

static double ms(double ns)
{
    return ns / 1e6;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void print_machine(const struct scaling_machine *m)
{
    printf("measured    memory %.1f GB/s on one thread, %.1f on %u; another core's cache %.1f "
           "GB/s\n",
           m->thread_gbytes, m->all_gbytes, m->cpus, m->far_gbytes);
    printf("            multiply-adds on %u CPUs at once %.2f times as fast as on one\n", m->cpus,
           m->cpus / m->crowd);
    printf("            the end of a job %.0f ns on two threads, %.0f more for each further one\n",
           m->handoff_ns, m->line_ns);
    printf("assumed     memory %.1f GB/s where there are more than %u threads; last cache %.0f "
           "MB\n",
           m->server_gbytes, m->cpus, m->l3_bytes / 1e6);
}

static void print_sums(const struct scaling_plan *plans, size_t n)
{
    const double alone = plans[0].sum.total_ns;
    printf("\n%7s %9s %8s %9s | %8s %9s %8s %8s %8s %8s | %6s %6s\n", "threads", "ms", "speed-up",
           "measured", "work", "imbalance", "one unit", "caches", "memory", "handoff", "units",
           "jobs");
    for (size_t k = 0; k < n; k++) {
        const struct scaling_bound *b = &plans[k].sum;
        char measured[32] = "-";
        if (plans[k].measured_ns > 0)
            snprintf(measured, sizeof measured, "%.3f", ms(plans[k].measured_ns));
        printf("%7u %9.3f %8.2f %9s | %8.3f %9.3f %8.3f %8.3f %8.3f %8.3f | %6u %6u\n",
               plans[k].threads, ms(b->total_ns), alone / b->total_ns, measured, ms(b->work_ns),
               ms(b->imbalance_ns), ms(b->serial_ns), ms(b->far_ns), ms(b->memory_ns),
               ms(b->handoff_ns), b->units, b->jobs);
    }
}

static void print_steps(const struct scaling_plan *p)
{
    printf("\non %u threads, by step: ms, bound of the speed-up, units, last wave (how much longer "
           "than its share),\njobs, MB of weights from memory, MB from other caches, what limits "
           "it\n",
           p->threads);
    for (uint32_t i = 0; i < p->nsteps; i++) {
        const struct scaling_step *s = &p->steps[i];
        const struct scaling_bound *b = &s->bound;
        printf("%9.4f %7.2f %6u %5.0f%% %2u %8.3f %8.3f  %-12s %-18.18s %-32.32s %s\n",
               ms(b->total_ns), b->total_ns > 0 ? s->alone_ns / b->total_ns : 1, b->units,
               b->work_ns > 0 ? 100 * b->imbalance_ns / b->work_ns : 0, b->jobs,
               s->work.weight_bytes / 1e6, s->work.moved_bytes / 1e6, scaling_limit(b), s->info.op,
               s->info.node, s->info.kernel);
    }
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void print_bound_json(const struct scaling_bound *b, double alone)
{
    printf("\"ms\": %.6f, \"speedup\": %.4f, \"work_ms\": %.6f, \"imbalance_ms\": %.6f, "
           "\"serial_ms\": %.6f, \"caches_ms\": %.6f, \"memory_ms\": %.6f, \"handoff_ms\": %.6f, "
           "\"units\": %u, \"jobs\": %u",
           ms(b->total_ns), b->total_ns > 0 ? alone / b->total_ns : 1, ms(b->work_ns),
           ms(b->imbalance_ns), ms(b->serial_ns), ms(b->far_ns), ms(b->memory_ns),
           ms(b->handoff_ns), b->units, b->jobs);
}

static void print_step_json(const struct scaling_step *s, int first)
{
    printf("%s\n  {\"node\": ", first ? "" : ",");
    bench_print_string(stdout, s->info.node);
    printf(", \"op\": \"%s\", \"kernel\": \"%s\", ", s->info.op, s->info.kernel);
    print_bound_json(&s->bound, s->alone_ns);
    printf(", \"memory_bytes\": %.0f, \"cache_bytes\": %.0f, \"limit\": \"%s\"}",
           s->work.weight_bytes, s->work.moved_bytes, scaling_limit(&s->bound));
}

static void print_json(const struct bench *b, const struct scaling_machine *m,
                       const struct scaling_plan *plans, size_t n)
{
    printf("{\"model\": ");
    bench_print_string(stdout, b->path);
    printf(", \"precision\": \"%s\", \"machine\": {\"cpus\": %u, \"crowd\": %.3f, "
           "\"thread_gbyte_per_s\": %.3f, "
           "\"all_gbyte_per_s\": %.3f, \"server_gbyte_per_s\": %.3f, \"far_gbyte_per_s\": %.3f, "
           "\"l2_bytes\": %.0f, \"l3_bytes\": %.0f, \"handoff_ns\": %.1f, \"line_ns\": %.2f}, "
           "\"threads\": [",
           bench_precision(b), m->cpus, m->crowd, m->thread_gbytes, m->all_gbytes, m->server_gbytes,
           m->far_gbytes, m->l2_bytes, m->l3_bytes, m->handoff_ns, m->line_ns);
    for (size_t k = 0; k < n; k++) {
        printf("%s\n {\"threads\": %u, \"measured_ms\": ", k ? "," : "", plans[k].threads);
        if (plans[k].measured_ns > 0)
            printf("%.6f, ", ms(plans[k].measured_ns));
        else
            printf("null, ");
        print_bound_json(&plans[k].sum, plans[0].sum.total_ns);
        printf(", \"packed_bytes\": %llu, \"steps\": [", (unsigned long long)plans[k].packed_bytes);
        for (uint32_t i = 0; i < plans[k].nsteps; i++)
            print_step_json(&plans[k].steps[i], i == 0);
        printf("]}");
    }
    printf("]}\n");
}

void scaling_report(const struct bench *b, const struct scaling_machine *m,
                    const struct scaling_plan *plans, size_t n)
{
    if (b->json) {
        print_json(b, m, plans, n);
        return;
    }
    printf("model       %s (%s)\n", b->path, bench_precision(b));
    print_machine(m);
    print_sums(plans, n);
    for (size_t k = 1; k < n; k++) {
        if (plans[k].packed_bytes != plans[0].packed_bytes)
            printf("packed weights take %llu bytes on %u threads, %llu on one\n",
                   (unsigned long long)plans[k].packed_bytes, plans[k].threads,
                   (unsigned long long)plans[0].packed_bytes);
    }
    for (size_t k = 1; k < n; k++)
        print_steps(&plans[k]);
}
