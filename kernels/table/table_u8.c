/* What all levels of table_u8.h share. */
#include "kernels/table/table_u8.h"

#include "base/cpu.h"
#include "kernels/quant.h"

void infer__table_fill(const struct infer__quant *in, const struct infer__quant *out,
                       uint8_t table[256])
{
    for (int q = 0; q < 256; q++)
        table[q] = infer__q8_quantize(infer__q8_real(q, in), out);
}

void infer__table_row_c(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count)
{
    INFER__INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = table[x[i]];
}

infer__table_row *infer__table_row_find(unsigned isa)
{
#if defined(__x86_64__)
    if (infer__isa_has(isa, INFER_ISA_AVX512)) {
        struct infer__cpuid c = infer__cpuid_read();
        return c.leaf7_ecx >> 1 & 1 ? infer__table_row_vbmi : infer__table_row_avx512;
    }
    if (infer__isa_has(isa, INFER_ISA_AVX2))
        return infer__table_row_avx2;
#else
    (void)isa;
#endif
    return infer__table_row_c;
}
