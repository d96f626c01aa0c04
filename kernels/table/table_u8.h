/* Bytes through a table, and the other things that may stand behind an integer node's u8 result. */
#ifndef INFER_KERNELS_TABLE_TABLE_U8_H
#define INFER_KERNELS_TABLE_TABLE_U8_H

#include "kernels/kernel.h"

/* y[i] = table[x[i]]; y may be x. */
typedef void infer__table_row(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count);

infer__table_row infer__table_row_c;
#if defined(__x86_64__)
infer__table_row infer__table_row_avx2;
infer__table_row infer__table_row_avx512;
infer__table_row infer__table_row_vbmi; /* also needs AVX-512 VBMI, which no level has */
#endif

/* The fastest one of a level on this CPU. Asks the CPU: for prepare and pack, not for run. */
infer__table_row *infer__table_row_find(unsigned isa);

/* Fills the table from one u8 tensor's scale and zero point to another's. */
void infer__table_fill(const struct infer__quant *in, const struct infer__quant *out,
                       uint8_t table[256]);

#endif
