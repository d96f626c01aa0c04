/* Numbers too small for a float's normal form. Reading or making one costs an Intel CPU more than a
 * hundred cycles, and a network's answers do not depend on them: while kernels run they count as 0.
 *
 * The mode is the calling thread's and belongs to its program: it is put back. */
#ifndef INFER_BASE_DENORMALS_H
#define INFER_BASE_DENORMALS_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

/* Bits of MXCSR: results that are denormal become 0, operands count as 0. */
enum { INFER__FLUSH_TO_ZERO = 0x8000, INFER__DENORMALS_ARE_ZERO = 0x0040 };

/* Returns what infer__denormals_back takes. */
static inline uint64_t infer__denormals_off(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | INFER__FLUSH_TO_ZERO | INFER__DENORMALS_ARE_ZERO);
    return before;
}

/* The exceptions that were noted meanwhile are forgotten with it. */
static inline void infer__denormals_back(uint64_t before)
{
    _mm_setcsr((unsigned)before);
}

#else

static inline uint64_t infer__denormals_off(void)
{
    return 0;
}

static inline void infer__denormals_back(uint64_t before)
{
    (void)before;
}

#endif
#endif
