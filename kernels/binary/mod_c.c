/* Mod. Of floats it is C's fmod. Of integers the sign is the divisor's or, with fmod, the
 * dividend's; x mod 0 is 0. */
#include <math.h>

#include "kernels/convert.h"
#include "kernels/nd.h"

INFER__APART static double mod_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_MOD || !infer__no_epilogue(t) || t->in[0].type != t->out[0].type ||
        t->in[1].type != t->out[0].type || t->in[0].type == INFER_BOOL)
        return -1;
    return infer__bytes_ns(t) + 15 * (double)infer__operand_elements(&t->out[0]);
}

static int64_t signed_mod(int64_t x, int64_t y, int fmod_)
{
    if (y == 0 || y == -1)
        return 0;
    int64_t m = x % y;
    return !fmod_ && m != 0 && (m < 0) != (y < 0) ? m + y : m;
}

static void mod_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    unsigned type = t->out[0].type;
    enum infer__wide wide = infer__wide_of(type);
    size_t size = infer__operand_size(&t->out[0]);
    union infer__wide_block buffer, x, y;
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        infer__wide_load(
            type, infer__broadcast_block(&t->out[0], &t->in[0], b->in[0], i, n, &buffer), n, &x);
        infer__wide_load(
            type, infer__broadcast_block(&t->out[0], &t->in[1], b->in[1], i, n, &buffer), n, &y);
        for (int64_t j = 0; j < n; j++)
            if (wide == INFER__WIDE_FLOAT)
                x.f[j] = fmod(x.f[j], y.f[j]);
            else if (wide == INFER__WIDE_SIGNED)
                x.s[j] = signed_mod(x.s[j], y.s[j], t->p.mod.fmod);
            else
                x.u[j] = y.u[j] ? x.u[j] % y.u[j] : 0;
        infer__wide_store(wide, &x, type, n, (char *)b->out[0] + (size_t)i * size);
    }
}

const struct infer__kernel infer__mod_c = {.name = "mod_c",
                                           .isa = INFER_ISA_C,
                                           .estimate = mod_estimate,
                                           .prepare = infer__elements_prepare,
                                           .run = mod_run};
