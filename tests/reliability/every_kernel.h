/* Every kernel of kernels.def on random tasks, for the checks of R19 and R21.
 *
 * A row of every_kernel.def becomes a graph of one operator with random sizes, and the graph a
 * plan, as a session would have it. Each step of it is a task; so is the same step with an
 * activation and a residual behind it. Of a task every kernel that serves it is handed to the
 * check. A kernel that no row reaches fails the check: a new kernel needs a row, or is reached by
 * those there are. */
#ifndef INFER_TESTS_EVERY_KERNEL_H
#define INFER_TESTS_EVERY_KERNEL_H

#include "kernels/kernel.h"
#include "tests/guard.h"
#include "tests/reliability/check.h"

enum { EVERY_OPERANDS = 8, EVERY_KERNELS = 64 };

struct every_task {
    struct infer__task t;
    struct infer__operand in[EVERY_OPERANDS], out[EVERY_OPERANDS];
    struct infer__epilogue inner[2];
    const struct infer__kernel *kernels[EVERY_KERNELS]; /* that serve it, the definition first */
    int nkernels;
    uint64_t seed; /* of this task: every_fill goes on from it */
    char text[400];
    /* by every_fill and every_define */
    void *x[EVERY_OPERANDS], *y[EVERY_OPERANDS];
    double *scale;  /* of the first output's elements: what rounding errors are measured by */
    double largest; /* of those */
};

/* Called once a task. */
typedef void every_visit(struct check *c, struct every_task *e);

/* Draws each row `draws` times. Returns how many kernels there are to look at; those without a task
 * are failures. INFER_EVERY names one kernel to look at alone. */
unsigned every_kernel(struct check *c, uint64_t draws, every_visit *visit);
/* Whether a kernel is to be looked at: oneDNN's have a check of their own. */
int every_wanted(const struct infer__kernel *k);

enum every_values {
    EVERY_TAME, /* -4 to 4, whole ranges of integers */
    EVERY_ODD,  /* some of them NaN, infinite, zero of either sign, or denormal; constants tame */
    EVERY_ODD_CONSTANTS, /* some of the constants too */
    EVERY_LARGE,         /* some of all FLT_MAX or so, or denormal */
};

/* Values for all inputs; weights too. */
void every_fill(struct every_task *e, enum every_values values);
/* What the definition makes of them: y and scale. Returns 0 and says why if it went wrong. */
int every_define(struct every_task *e, char *why, size_t size);
void every_drop(struct every_task *e);

enum every_split { EVERY_WHOLE, EVERY_SINGLE, EVERY_RANDOM };
struct every_how {
    uint32_t threads;
    enum every_split split;
    int at_end;   /* operands end at a protected page; else they begin behind one */
    int fill;     /* a byte: what outputs, scratch and packed memory have before */
    int in_place; /* 1: the output has an operand's memory, where the kernel can; a pitch, ditto */
};

/* Runs a kernel between protected pages; y[i] gets the outputs. Returns 0 and says why if it wrote
 * elsewhere or can't be prepared. */
int every_run(const struct every_task *e, const struct infer__kernel *k,
              const struct every_how *how, void *const *y, char *why, size_t size);
/* The same with packed memory that is full of what no kernel would write there, for one whose
 * packed weights may be stored in a file: outputs are what they are. */
int every_run_hostile(const struct every_task *e, const struct infer__kernel *k,
                      const struct every_how *how, void *const *y, char *why, size_t size);
/* The name of the kernel that every_run ran last, for signal handlers. */
extern const char *volatile every_running;
/* Memory for outputs, as every_run wants it. */
void every_outputs(const struct every_task *e, void **y);
void every_free(void **y);
size_t every_bytes(const struct infer__operand *o);
/* Whether two answers have the same bits; with `any_nan` NaNs may differ in sign and payload. */
int every_same(const struct every_task *e, void *const *a, void *const *b, int any_nan);

/* Element i as a double, integers as they are; and to write it, rounded. */
double every_value(unsigned type, const void *p, int64_t i);
void every_put(unsigned type, void *p, int64_t i, double v);
int every_is_float(unsigned type);
/* What the kernel's answer may differ by from the definition's, for element i of output k; 0: not
 * at all. */
double every_bound(const struct every_task *e, const struct infer__kernel *k, uint32_t output,
                   int64_t i);
/* A kernel that works on sums of a neighbourhood's values: Winograd's. */
int every_spreads(const struct infer__kernel *k);
/* A kernel of products of bf16. */
int every_rounds(const struct infer__kernel *k);
/* Whether the definition sums products or values, so that every_define knows `scale` of each
 * element apart. */
int every_is_sum(const struct infer__task *t);
/* Whether it is a recurrent layer: every result comes of sums of sums. */
int every_is_recurrent(const struct infer__task *t);

#endif
