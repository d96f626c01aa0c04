#include "kernels/pixels/pixels.h"

#include "base/cpu.h"

const struct infer__pixels *infer__pixels(void)
{
#if defined(__x86_64__)
    if (infer_cpu_has(INFER_ISA_AVX2))
        return &infer__pixels_avx2;
#endif
    return &infer__pixels_c;
}
