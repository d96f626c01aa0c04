/* Concat of quantised tensors that do not all mean the same: each part is copied, or goes through
 * its own table. Units are rows of the whole. */
#include <string.h>

#include "kernels/quant.h"
#include "kernels/table/table_u8.h"

/* What pack leaves, before a table for each part. */
struct packed {
    infer__table_row *row;
    uint8_t fill[56];
};

static size_t row_bytes(const struct infer__task *t, const struct infer__operand *o)
{
    size_t bytes = 1;
    for (int i = t->p.axis.axis; i < o->rank; i++)
        bytes *= (size_t)o->dims[i];
    return bytes;
}

static int64_t rows_of(const struct infer__task *t)
{
    int64_t rows = 1;
    for (int i = 0; i < t->p.axis.axis; i++)
        rows *= t->out[0].dims[i];
    return rows;
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__task_units(t, rows_of(t), 8192 / ((int64_t)row_bytes(t, &t->out[0]) + 1) + 1);
}

INFER__APART static double concat_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_CONCAT || !infer__no_epilogue(t) || t->epi.requant ||
        !infer__is_q8(&t->out[0]))
        return -1;
    double ns = infer__bytes_ns(t) + 100, rows = (double)rows_of(t);
    for (uint32_t i = 0; i < t->nin; i++) {
        if (t->in[i].type == INFER_TYPE_NONE)
            continue;
        if (!infer__is_q8(&t->in[i]))
            return -1;
        ns += rows * 6;
        if (!infer__same_quant(&t->in[i], &t->out[0]))
            ns += (infer__isa_has(t->isa, INFER_ISA_AVX2) ? 0.1 : 0.45) *
                  (double)infer__operand_elements(&t->in[i]);
    }
    return ns;
}

static infer_status concat_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    (void)err;
    need->packed_bytes =
        infer__bytes_of(INFER__SUM(sizeof(struct packed), INFER__PRODUCT(t->nin, 256)), 1);
    need->layout = INFER__SAME_LAYOUT;
    need->units = units_of(t);
    return INFER_OK;
}

static void concat_pack(const struct infer__task *t, const void *cut, void *packed)
{
    struct packed *p = packed;
    uint8_t *table = (uint8_t *)(p + 1);
    (void)cut;
    *p = (struct packed){.row = infer__table_row_find(t->isa)};
    for (uint32_t i = 0; i < t->nin; i++, table += 256) {
        memset(table, 0, 256);
        if (t->in[i].quant)
            infer__table_fill(t->in[i].quant, t->out[0].quant, table);
    }
}

static void concat_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct packed *p = b->packed;
    uint32_t units = units_of(t);
    size_t whole = row_bytes(t, &t->out[0]), before = 0;
    int64_t first = infer__unit_begin(rows_of(t), units, begin);
    int64_t last = infer__unit_begin(rows_of(t), units, end);
    for (uint32_t i = 0; i < t->nin; i++) {
        if (!b->in[i])
            continue;
        const uint8_t *table = (const uint8_t *)(p + 1) + (size_t)i * 256;
        size_t piece = row_bytes(t, &t->in[i]);
        const uint8_t *x = (const uint8_t *)b->in[i] + (size_t)first * piece;
        uint8_t *y = (uint8_t *)b->out[0] + (size_t)first * whole + before;
        int same = infer__same_quant(&t->in[i], &t->out[0]);
        for (int64_t r = first; r < last && piece; r++, x += piece, y += whole) {
            if (same)
                memcpy(y, x, piece);
            else
                p->row(table, x, y, (int64_t)piece);
        }
        before += piece;
    }
}

const struct infer__kernel infer__concat_u8 = {.name = "concat_u8",
                                               .isa = INFER_ISA_C,
                                               .estimate = concat_estimate,
                                               .prepare = concat_prepare,
                                               .pack = concat_pack,
                                               .run = concat_run};
