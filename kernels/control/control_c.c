/* What If, Else, EndIf, Loop, EndLoop and Require do with data: tokens, the results of the branch
 * that was taken, states from iteration to iteration, scans put together. Which step comes next is
 * seen to in src/run/control.c. */
#include "graph/control.h"

#include <string.h>

#include "kernels/nd.h"

INFER__APART static double estimate(const struct infer__task *t)
{
    return infer__is_control(t->op) && infer__no_epilogue(t) ? infer__bytes_ns(t) : -1;
}

/* Operand i to where it goes. Both are apart, or the same. */
static void copy(const struct infer__task *t, const struct infer__buffers *b, uint32_t i, void *to)
{
    const size_t bytes = infer__operand_bytes(&t->in[i]);
    if (bytes && to != b->in[i])
        memcpy(to, b->in[i], bytes);
}

static void end_if(const struct infer__task *t, const struct infer__buffers *b)
{
    const uint32_t other = !*(const uint8_t *)b->in[0];
    for (uint32_t k = 0; k < t->nout; k++)
        copy(t, b, 1 + 2 * k + other, b->out[k]);
}

/* The results behind those of the graph are there for EndLoop to write to. */
static void loop(const struct infer__task *t, const struct infer__buffers *b)
{
    *(int64_t *)b->out[0] = 0;
    for (uint32_t k = 1; k < t->nin; k++) {
        const size_t bytes = infer__operand_bytes(&t->in[k]),
                     room = infer__operand_bytes(&t->out[k]);
        if (bytes && room) /* nobody reads one that becomes something else */
            memcpy(b->out[k], b->in[k], bytes < room ? bytes : room);
    }
}

/* A scan may be a state, or part of one: it is kept before states change. */
static void end_loop(const struct infer__task *t, const struct infer__buffers *b)
{
    const int64_t iteration = *(const int64_t *)b->in[INFER__END_LOOP_ITERATION];
    const uint32_t states = t->p.control.states;
    for (uint32_t k = states; k < t->nout; k++) {
        const uint32_t i = infer__loop_scan(states, k - states);
        const size_t bytes = infer__operand_bytes(&t->in[i]);
        if (bytes && t->out[k].type && iteration < t->out[k].dims[0])
            copy(t, b, i, (char *)b->out[k] + (size_t)iteration * bytes);
    }
    for (uint32_t k = 0; k < states; k++)
        copy(t, b, infer__loop_next(k), b->out[k]);
    if (b->extent)
        *b->extent = iteration + 1;
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    if (begin == end)
        return;
    switch (t->op) {
    case INFER__OP_END_IF:
        end_if(t, b);
        break;
    case INFER__OP_LOOP:
        loop(t, b);
        break;
    case INFER__OP_END_LOOP:
        end_loop(t, b);
        break;
    case INFER__OP_REQUIRE:
        copy(t, b, 1, b->out[0]);
        break;
    default:
        *(uint8_t *)b->out[0] = *(const uint8_t *)b->in[0] != 0;
    }
}

const struct infer__kernel infer__control_c = {
    .name = "control_c", .isa = INFER_ISA_C, .estimate = estimate, .run = run};
