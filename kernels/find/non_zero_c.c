/* NonZero and Compress: what is found is counted first, as results are dense. */
#include <string.h>

#include "kernels/nd.h"

/* ---- NonZero -------------------------------------------------------------------------------- */

/* Units count what parts of the operand have, for others that write the places. */
static uint32_t parts_of(const struct infer__task *t)
{
    return infer__task_units(t, infer__operand_elements(&t->in[0]), 32768);
}

INFER__APART static double estimate_non_zero(const struct infer__task *t)
{
    if (t->op != INFER__OP_NON_ZERO || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 0.5 * (double)infer__operand_elements(&t->in[0]);
}

static infer_status prepare_non_zero(const struct infer__task *t, struct infer__need *need,
                                     infer_error *err)
{
    (void)err;
    need->barrier = parts_of(t);
    need->units = 2 * need->barrier;
    need->scratch_bytes = infer__bytes_of(need->barrier, sizeof(int64_t));
    return INFER_OK;
}

/* The bits of eight bytes that are all 0 where no element is there: of floats all but the signs. */
static uint64_t bits_of(const struct infer__operand *o)
{
    return o->type == INFER_F64   ? UINT64_MAX >> 1
           : o->type == INFER_F32 ? UINT64_C(0x7fffffff7fffffff)
                                  : UINT64_MAX;
}

static int is_there(unsigned type, const void *x, size_t size, int64_t i)
{
    if (type == INFER_F32)
        return ((const float *)x)[i] != 0;
    if (type == INFER_F64)
        return ((const double *)x)[i] != 0;
    switch (size) {
    case 1:
        return ((const infer__e1 *)x)[i] != 0;
    case 2:
        return ((const infer__e2 *)x)[i] != 0;
    case 4:
        return ((const infer__e4 *)x)[i] != 0;
    default:
        return ((const infer__e8 *)x)[i] != 0;
    }
}

/* Looks for elements that are not 0 in [begin, end): how many there are; with y, their places from
 * the one of number `found` out of `count` on. Eight bytes that are all 0 are passed over. */
static int64_t look(const struct infer__operand *o, const void *x, int64_t begin, int64_t end,
                    int64_t *y, int64_t found, int64_t count)
{
    const size_t size = infer__operand_size(o);
    const uint64_t bits = bits_of(o);
    const int64_t each = (int64_t)(sizeof(uint64_t) / size);
    const int64_t before = found;
    for (int64_t i = begin; i < end;) {
        uint64_t word = 1;
        const int64_t stop = end - i < each ? end : i + each;
        if (stop == i + each)
            memcpy(&word, (const char *)x + (size_t)i * size, sizeof word);
        for (; (word & bits) && i < stop; i++) {
            if (!is_there(o->type, x, size, i))
                continue;
            int64_t place = i;
            for (int k = o->rank; y && k-- > 1; place /= o->dims[k])
                y[k * count + found] = place % o->dims[k];
            if (y)
                y[found] = o->rank ? place : 0;
            found++;
        }
        i = stop;
    }
    return found - before;
}

static void write_places(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t parts, uint32_t begin, uint32_t end)
{
    const int64_t *counts = b->shared, total = infer__operand_elements(&t->in[0]);
    int64_t count = 0, before = 0;
    for (uint32_t u = 0; u < parts; u++) {
        before += u < begin ? counts[u] : 0;
        count += counts[u];
    }
    if (end == parts)
        *b->extent = count;
    for (uint32_t u = begin; u < end && count <= t->out[0].dims[1]; u++)
        before += look(&t->in[0], b->in[0], infer__unit_begin(total, parts, u),
                       infer__unit_begin(total, parts, u + 1), b->out[0], before, count);
}

static void run_non_zero(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const uint32_t parts = parts_of(t);
    const int64_t total = infer__operand_elements(&t->in[0]);
    int64_t *counts = b->shared;
    for (uint32_t u = begin; u < end && u < parts; u++)
        counts[u] = look(&t->in[0], b->in[0], infer__unit_begin(total, parts, u),
                         infer__unit_begin(total, parts, u + 1), NULL, 0, 0);
    if (end > parts)
        write_places(t, b, parts, begin > parts ? begin - parts : 0, end - parts);
}

const struct infer__kernel infer__non_zero_c = {.name = "non_zero_c",
                                                .isa = INFER_ISA_C,
                                                .estimate = estimate_non_zero,
                                                .prepare = prepare_non_zero,
                                                .run = run_non_zero};

/* ---- Compress ------------------------------------------------------------------------------- */

INFER__APART static double estimate_compress(const struct infer__task *t)
{
    if (t->op != INFER__OP_COMPRESS || !infer__no_epilogue(t) || t->in[0].type != t->out[0].type)
        return -1;
    return infer__bytes_ns(t) + 3 * (double)infer__operand_elements(&t->in[1]);
}

static void run_compress(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const struct infer__operand *o = &t->in[0];
    const uint8_t *which = b->in[1];
    const int axis = t->p.axis.axis, flat = t->p.axis.flat;
    int64_t outer = 1, inner = 1, size = flat ? infer__operand_elements(o) : o->dims[axis];
    int64_t count = 0;
    for (int i = 0; i < o->rank && !flat; i++)
        if (i != axis)
            *(i < axis ? &outer : &inner) *= o->dims[i];
    const int64_t known = t->in[1].dims[0] < size ? t->in[1].dims[0] : size;
    const size_t bytes = (size_t)inner * infer__operand_size(o);
    char *y = b->out[0];
    for (int64_t i = 0; i < known; i++)
        count += which[i] != 0;
    if (b->extent)
        *b->extent = count;
    if (count > t->out[0].dims[axis])
        return;
    for (int64_t k = 0; k < outer && begin < end; k++)
        for (int64_t i = 0; i < known; i++) {
            if (!which[i])
                continue;
            memcpy(y, (const char *)b->in[0] + (size_t)(k * size + i) * bytes, bytes);
            y += bytes;
        }
}

const struct infer__kernel infer__compress_c = {.name = "compress_c",
                                                .isa = INFER_ISA_C,
                                                .estimate = estimate_compress,
                                                .prepare = infer__prepare_one,
                                                .run = run_compress};
