/* What the files of the kernel bench share. */
#ifndef INFER_BENCH_KERNEL_BENCH_H
#define INFER_BENCH_KERNEL_BENCH_H

#include "bench/machine.h"
#include "plan/plan.h"

/* A row of shapes.def. */
struct bench_shape {
    enum machine_kind kind; /* f32, bf16 or int8 */
    const char *network, *op, *operands, *attributes, *activation;
    uint32_t outputs; /* 0: one */
};

/* Makes the graph of one row in a region: the operator, its activation behind it. */
infer_status bench_shape_graph(const struct bench_shape *s, struct infer__graph *g,
                               struct infer__region *region, infer_error *err);

/* One task with memory for its operands. */
struct bench_task {
    struct infer__task t; /* its own operands */
    struct infer__operand *in, *out;
    void **x, **y;  /* memory of each operand; constants are the task's own */
    void *expected; /* the first output of the first kernel that ran, if it is f32 or u8 */
};

/* A copy of a step's task for one thread, with random inputs. Returns 0 if there is no memory. */
int bench_task_init(struct bench_task *b, const struct infer__task *t);
void bench_task_free(struct bench_task *b);

struct bench_time {
    double ms;         /* the fastest run: the one that others disturbed the least */
    double difference; /* from the first kernel's answer, of its largest value */
    unsigned runs;
};

/* Times one kernel for about `ms`; the first one that is timed sets what the others are compared
 * with. INFER_ERROR_UNSUPPORTED: it can't be prepared for this task. */
infer_status bench_kernel_time(struct bench_task *b, const struct infer__kernel *k, double ms,
                               struct bench_time *out, infer_error *err);

#endif
