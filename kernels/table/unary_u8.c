/* Functions of one operand between two quantised tensors: a table of 256 results, which the plan
 * has worked out. There is one kernel for all levels; the row that it uses depends on the level and
 * the CPU. */
#include <string.h>

#include "kernels/quant.h"
#include "kernels/table/table_u8.h"

/* What pack leaves. */
struct packed {
    uint8_t table[256];
    infer__table_row *row;
};

static int has_table(const struct infer__task *t)
{
    return t->op == INFER__OP_IDENTITY && t->epi.requant && t->epi.requant->table;
}

/* Nanoseconds of a byte on the machine that this was tuned on. */
static double row_ns(unsigned isa)
{
    return infer__isa_has(isa, INFER_ISA_AVX512) ? 0.04
           : infer__isa_has(isa, INFER_ISA_AVX2) ? 0.2
                                                 : 0.45;
}

INFER__APART static double unary_estimate(const struct infer__task *t)
{
    if (!has_table(t) || !infer__is_q8(&t->in[0]) || !infer__is_q8(&t->out[0]) ||
        !infer__no_epilogue(t))
        return -1;
    return 50 + row_ns(t->isa) * (double)infer__operand_elements(&t->out[0]);
}

static infer_status unary_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    need->packed_bytes = infer__bytes_of(1, sizeof(struct packed));
    need->layout = INFER__SAME_LAYOUT;
    return infer__elements_prepare(t, need, err);
}

static void unary_pack(const struct infer__task *t, const void *cut, void *packed)
{
    struct packed *p = packed;
    (void)cut;
    memcpy(p->table, t->epi.requant->table, sizeof p->table);
    p->row = infer__table_row_find(t->isa);
}

static void unary_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct packed *p = b->packed;
    int64_t first, last;
    infer__elements_range(t, begin, end, &first, &last);
    p->row(p->table, (const uint8_t *)b->in[0] + first, (uint8_t *)b->out[0] + first, last - first);
}

const struct infer__kernel infer__unary_u8 = {.name = "unary_u8",
                                              .isa = INFER_ISA_C,
                                              .in_place = INFER__IN_PLACE_FIRST,
                                              .estimate = unary_estimate,
                                              .prepare = unary_prepare,
                                              .pack = unary_pack,
                                              .run = unary_run};
