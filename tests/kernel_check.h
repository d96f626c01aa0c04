/* Runs one kernel on guarded memory in several partitions of its units and for several numbers of
 * threads, with a pitch between the output's pixels if it can, and insists on the same bits each
 * time. */
#ifndef INFER_TESTS_KERNEL_CHECK_H
#define INFER_TESTS_KERNEL_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guard.h"
#include "kernel_cut.h"
#include "kernels/kernel.h"

#define CHECK_OPERANDS 12

static inline size_t operand_bytes(const struct infer__operand *o)
{
    if (o->type == INFER_TYPE_NONE)
        return 0;
    return (size_t)infer__operand_elements(o) * infer_type_size((infer_type)o->type);
}

/* An operand of a rank 3 to 5 in channels-last order. */
static inline struct infer__operand spatial_operand(infer_type type, int spatial, int64_t n,
                                                    const int64_t size[3], int64_t c)
{
    struct infer__operand o = {
        .type = (uint8_t)type, .rank = (uint8_t)(spatial + 2), .clast = 1, .dims = {n}};
    for (int i = 0; i < spatial; i++)
        o.dims[1 + i] = size[3 - spatial + i];
    o.dims[1 + spatial] = c;
    return o;
}

enum check_split { CHECK_WHOLE, CHECK_SINGLE, CHECK_RANDOM, CHECK_SPLITS };

/* Units begin .. end - 1 from the last one backwards: order must not matter. */
static inline void check_run_backwards(const struct infer__kernel *k, const struct infer__task *t,
                                       const struct infer__buffers *b, uint32_t begin, uint32_t end,
                                       size_t scratch_bytes, int split, uint64_t *random)
{
    while (end > begin) {
        uint32_t n = split == CHECK_SINGLE ? 1 : (uint32_t)random_int(random, 1, end - begin);
        memset(b->scratch, GUARD_BYTE, scratch_bytes); /* its contents are undefined */
        k->run(t, b, end - n, end);
        end -= n;
    }
}

/* All units, those first that the others wait for. Run as a whole, they have one scratch memory. */
static inline void check_run_units(const struct infer__kernel *k, const struct infer__task *t,
                                   const struct infer__buffers *b, const struct infer__need *need,
                                   int split, uint64_t *random)
{
    struct infer__buffers one = *b;
    one.scratch = b->shared;
    assert_true(need->barrier < need->units);
    if (split == CHECK_WHOLE) {
        k->run(t, &one, 0, need->units);
        return;
    }
    check_run_backwards(k, t, b, 0, need->barrier, infer__bytes_count(need->scratch_bytes), split,
                        random);
    check_run_backwards(k, t, b, need->barrier, need->units,
                        infer__bytes_count(need->scratch_bytes), split, random);
}

/* Bytes of an output that may have a pitch, to the end of its last pixel. */
static inline size_t pitched_bytes(const struct infer__operand *o)
{
    const size_t bytes = operand_bytes(o);
    if (!o->pitch || !bytes)
        return bytes;
    const size_t row = (size_t)o->dims[o->rank - 1] * sizeof(float);
    return (bytes / row - 1) * (size_t)o->pitch * sizeof(float) + row;
}

/* What an output with a pitch has, without the gaps, which are to be as they were. */
static inline void gather_pixels(const struct infer__operand *o, const unsigned char *from,
                                 char *to)
{
    const size_t row = (size_t)o->dims[o->rank - 1] * sizeof(float);
    const size_t step = (size_t)o->pitch * sizeof(float);
    for (size_t i = 0; i < operand_bytes(o) / row; i++, from += step) {
        memcpy(to + i * row, from, row);
        for (size_t k = row; i + 1 < operand_bytes(o) / row && k < step; k++)
            assert_int_equal(from[k], GUARD_BYTE);
    }
}

/* One run. `in` holds host data per operand; out[i] (may be NULL) gets the result. */
static inline void check_run_once(const struct infer__kernel *k, const struct infer__task *task,
                                  const void *const *in, void *const *out, uint32_t threads,
                                  int split, int at_end, uint64_t *random)
{
    struct infer__task t = *task;
    struct infer__operand operands[CHECK_OPERANDS], y;
    struct guard gin[CHECK_OPERANDS], gout[CHECK_OPERANDS], packed, scratch, shared, cut;
    const void *pin[CHECK_OPERANDS] = {0};
    void *pout[CHECK_OPERANDS] = {0};
    struct infer__need need = {0};
    infer_error err;

    t.threads = threads;
    t.in = operands;
    for (uint32_t i = 0; i < t.nin; i++) {
        operands[i] = task->in[i];
        gin[i] =
            guard_copy(in[i], operand_bytes(&task->in[i]),
                       infer_type_size((infer_type)task->in[i].type) + !task->in[i].type, at_end);
        if (operands[i].type)
            pin[i] = gin[i].data;
        operands[i].data = operands[i].is_const ? pin[i] : NULL;
    }
    if (k->pitched && t.nout == 1 && !t.epi.residual && split == CHECK_RANDOM) {
        y = t.out[0];
        y.pitch = (int32_t)(y.dims[y.rank - 1] + random_int(random, 0, 9));
        t.out = &y;
    }
    for (uint32_t i = 0; i < t.nout; i++) {
        gout[i] = guard_new(pitched_bytes(&t.out[i]),
                            infer_type_size((infer_type)t.out[i].type) + !t.out[i].type, at_end);
        if (t.out[i].type)
            pout[i] = gout[i].data;
    }
    /* the residual may be the output's memory */
    if (t.epi.residual && split == CHECK_RANDOM &&
        operand_bytes(&task->in[t.nin - 1]) == gout[0].bytes) {
        memcpy(gout[0].data, in[t.nin - 1], gout[0].bytes);
        pin[t.nin - 1] = gout[0].data;
    }
    assert_true(k->estimate(&t) >= 0);
    cut = guard_new(k->cut_bytes, 16, at_end);
    memset(cut.data, 0, k->cut_bytes);
    need.cut = cut.data;
    if (k->prepare)
        assert_int_equal(k->prepare(&t, &need, &err), INFER_OK);
    assert_true(need.units >= 1);
    packed = guard_new(infer__bytes_count(need.packed_bytes), 64, at_end);
    scratch = guard_new(infer__bytes_count(need.scratch_bytes), 64, at_end);
    shared = guard_new(infer__bytes_count(need.scratch_bytes), 64, at_end);
    const int packs = k->pack && infer__bytes_count(need.packed_bytes);
    if (packs && k->pack_piece && threads > 1) /* in any order: the same bits must come out */
        for (uint32_t p = 3; p-- > 0;)
            k->pack_piece(&t, need.cut, packed.data, p, 3);
    else if (packs)
        k->pack(&t, need.cut, packed.data);
    struct infer__buffers b = {pin, pout, packed.data, scratch.data, need.cut, shared.data, NULL};
    check_run_units(k, &t, &b, &need, split, random);
    for (uint32_t i = 0; i < t.nin; i++) {
        assert_true(guard_check(&gin[i]));
        if (gin[i].bytes)
            assert_memory_equal(gin[i].data, in[i], gin[i].bytes);
        guard_free(&gin[i]);
    }
    for (uint32_t i = 0; i < t.nout; i++) {
        assert_true(guard_check(&gout[i]));
        if (out[i] && gout[i].bytes && t.out[i].pitch)
            gather_pixels(&t.out[i], gout[i].data, out[i]);
        else if (out[i] && gout[i].bytes)
            memcpy(out[i], gout[i].data, gout[i].bytes);
        guard_free(&gout[i]);
    }
    assert_true(guard_check(&packed));
    assert_true(guard_check(&scratch));
    assert_true(guard_check(&shared));
    guard_free(&packed);
    guard_free(&scratch);
    guard_free(&shared);
    if (k->release)
        k->release(need.cut);
    assert_true(guard_check(&cut));
    guard_free(&cut);
}

/* Every partition and a few numbers of threads give the bits that are left in out[]. */
static inline void check_kernel(const struct infer__kernel *k, const struct infer__task *t,
                                const void *const *in, void *const *out, uint64_t *random)
{
    static const uint32_t threads[] = {1, 2, 7, 64};
    void *again[CHECK_OPERANDS] = {0};
    check_run_once(k, t, in, out, 1, CHECK_WHOLE, 1, random);
    for (uint32_t i = 0; i < t->nout; i++)
        again[i] = malloc(operand_bytes(&t->out[i]) + 1);
    for (int split = 0; split < CHECK_SPLITS; split++) {
        uint32_t n = threads[random_int(random, 0, 3)];
        check_run_once(k, t, in, again, n, split, split == CHECK_RANDOM, random);
        for (uint32_t i = 0; i < t->nout; i++)
            if (out[i] && operand_bytes(&t->out[i]))
                assert_memory_equal(out[i], again[i], operand_bytes(&t->out[i]));
    }
    for (uint32_t i = 0; i < t->nout; i++)
        free(again[i]);
}

#endif
