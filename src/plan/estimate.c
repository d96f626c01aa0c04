/* Estimates of steps before they have kernels; see estimate.h. */
#include "plan/estimate.h"
#include "plan/steps.h"

#include <math.h>

/* Of a value that does not fit into a second-level cache with what is computed from it: bytes that
 * go to the third-level cache or come back, measured in quiet on a Zen 4 (90 to 130), less what
 * neighbours use of it. */
static const double memory_bytes_per_ns = 60;
enum { CACHED_BYTES = 512 << 10 };

double infer__estimate_task(const struct infer__task *t)
{
    const struct infer__kernel *k = infer__kernel_choose(t);
    return k ? k->estimate(t) : INFINITY;
}

double infer__estimate_step(const struct infer__plan *plan, const struct infer__plan_options *o,
                            const struct infer__step *s)
{
    struct infer__operand operands[INFER__ESTIMATE_OPERANDS];
    struct infer__task t = s->task;
    if (t.nin > INFER__ESTIMATE_OPERANDS || t.nout > INFER__ESTIMATE_OPERANDS - t.nin)
        return INFINITY;
    for (uint32_t k = 0; k < t.nin + t.nout; k++)
        operands[k] = plan->tensors[s->in[k]].desc;
    infer__task_options(&t, o);
    t.threads = 1;
    t.in = operands;
    t.out = operands + t.nin;
    return infer__estimate_task(&t);
}

double infer__estimate_memory(double bytes, double per_ns)
{
    if (!(per_ns > 0))
        per_ns = memory_bytes_per_ns;
    return bytes > CACHED_BYTES ? 2 * (bytes - CACHED_BYTES) / per_ns : 0;
}
