/* Numbers that look random: element i depends on the seed and on i alone, so that neither threads
 * nor runs change it. A counter is mixed by multiplications and shifts (the finaliser of
 * splitmix64); normal numbers are made of two uniform ones (Box and Muller). */
#include <math.h>
#include <string.h>

#include "kernels/nd.h"

INFER__APART static double random_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_RANDOM || t->out[0].type != INFER_F32 || !infer__no_epilogue(t))
        return -1;
    return 10 + (t->p.random.mode == INFER__NORMAL ? 40 : 3) *
                    (double)infer__operand_elements(&t->out[0]);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static float number(const struct infer__random *p, uint64_t start, int64_t i)
{
    const uint64_t bits = mix(start + ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    const double a = (double)p->a, b = (double)p->b;
    if (p->mode == INFER__UNIFORM) { /* 24 bits, so that it stays below b where a is 0 */
        float u = (float)(bits >> 40) * 0x1p-24f;
        return (float)(a + (b - a) * (double)u);
    }
    const double u = ((double)(bits >> 32) + 1) * 0x1p-32; /* not 0 */
    const double v = (double)(bits & 0xffffffff) * 0x1p-32;
    return (float)(a + b * sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v));
}

static void random_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    uint32_t seed;
    int64_t i, last;
    memcpy(&seed, &t->p.random.seed, sizeof seed);
    const uint64_t start = mix(seed);
    infer__elements_range(t, begin, end, &i, &last);
    for (; i < last; i++)
        ((float *)b->out[0])[i] = number(&t->p.random, start, i);
}

const struct infer__kernel infer__random_c = {.name = "random_c",
                                              .isa = INFER_ISA_C,
                                              .estimate = random_estimate,
                                              .prepare = infer__elements_prepare,
                                              .run = random_run};
