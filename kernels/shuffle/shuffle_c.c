/* The definition of ChannelShuffle, for elements of any type. */
#include <string.h>

#include "kernels/shuffle/shuffle.h"

INFER__APART static double shuffle_estimate(const struct infer__task *t)
{
    if (!shuffle_serves(t))
        return -1;
    return infer__bytes_ns(t) + 2.5 * (double)infer__operand_elements(&t->out[0]) * (double)t->nout;
}

static void shuffle_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    size_t size = infer__operand_size(&t->out[0]);
    int64_t pixels = shuffle_pixels(t), cut = shuffle_last(&t->out[0]);
    int64_t channels = cut * t->nout, each = channels / t->p.shuffle.groups;
    uint32_t units = shuffle_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t p = infer__unit_begin(pixels, units, begin); p < last; p++) {
        int64_t first = 0; /* channel of the whole */
        for (uint32_t k = 0; k < t->nin; k++) {
            int64_t own = shuffle_last(&t->in[k]);
            const char *x = (const char *)b->in[k] + (size_t)(p * own) * size;
            for (int64_t i = 0; i < own; i++) {
                int64_t c = (first + i) % each * t->p.shuffle.groups + (first + i) / each;
                char *y = b->out[c / cut];
                memcpy(y + (size_t)(p * cut + c % cut) * size, x + (size_t)i * size, size);
            }
            first += own;
        }
    }
}

const struct infer__kernel infer__shuffle_c = {.name = "shuffle_c",
                                               .isa = INFER_ISA_C,
                                               .estimate = shuffle_estimate,
                                               .prepare = shuffle_prepare,
                                               .run = shuffle_run};
