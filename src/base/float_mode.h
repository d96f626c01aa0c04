/* The floating-point mode: how a thread rounds, what it traps, and whether numbers too small for a
 * float's normal form count as 0. It belongs to the calling program, which may have changed it, and
 * answers must not depend on that. So the library computes in modes of its own and puts the
 * caller's back, with the exceptions that were noted before; those noted meanwhile are forgotten.
 *
 * Both modes round to nearest, ties to even, and trap nothing. In the plain one the rest is as IEEE
 * 754 says: plans, constants, packed weights and pictures are computed in it. In that of kernels
 * denormals count as 0: reading or making one costs an Intel CPU more than a hundred cycles, and a
 * network's answers do not depend on them.
 *
 * x86-64 has the mode of floats and doubles in MXCSR. The x87 unit's control word is left alone: no
 * result is computed there. */
#ifndef INFER_BASE_FLOAT_MODE_H
#define INFER_BASE_FLOAT_MODE_H

#if defined(__x86_64__)
#include <xmmintrin.h>

/* Intel SDM volume 1, 10.2.3: all exceptions masked; flush to zero and denormals are zero. */
enum { INFER__MXCSR_PLAIN = 0x1f80, INFER__MXCSR_KERNELS = 0x1f80 | 0x8000 | 0x0040 };

struct infer__float_mode {
    unsigned mxcsr;
};

/* Sets a mode and returns what infer__float_mode_back takes. */
static inline struct infer__float_mode infer__float_mode_plain(void)
{
    struct infer__float_mode before = {_mm_getcsr()};
    _mm_setcsr(INFER__MXCSR_PLAIN);
    return before;
}

static inline struct infer__float_mode infer__float_mode_kernels(void)
{
    struct infer__float_mode before = {_mm_getcsr()};
    _mm_setcsr(INFER__MXCSR_KERNELS);
    return before;
}

static inline void infer__float_mode_back(struct infer__float_mode before)
{
    _mm_setcsr(before.mxcsr);
}

#else
#include <fenv.h>

struct infer__float_mode {
    fenv_t env;
};

static inline struct infer__float_mode infer__float_mode_plain(void)
{
    struct infer__float_mode before;
    feholdexcept(&before.env);
    fesetround(FE_TONEAREST);
    return before;
}

/* Other CPUs are not slowed down by denormals, or not so much. */
static inline struct infer__float_mode infer__float_mode_kernels(void)
{
    return infer__float_mode_plain();
}

static inline void infer__float_mode_back(struct infer__float_mode before)
{
    fesetenv(&before.env);
}

#endif
#endif
