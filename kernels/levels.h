/* The level of instructions that a file is compiled for.
 *
 * A kernel that there is for several levels is one file, whose first line says for which, as in
 * "levels: c avx2 avx512": the build compiles it once for each (tools/make/levels.mk), to objects
 * x_f32.c.o, x_f32.avx2.o and x_f32.avx512.o, and defines LEVEL. What has a name outside of the
 * file gets the level's suffix by LEVEL_NAME, and a kernel's own name by LEVEL_STRING. */
#ifndef INFER_KERNELS_LEVELS_H
#define INFER_KERNELS_LEVELS_H

#define LEVEL_c 0 /* plain C, or vectors of four by the compiler */
#define LEVEL_avx2 1
#define LEVEL_avx2vnni 2
#define LEVEL_avx512 3 /* from here on each has all before it, but for the encoding of avx2vnni */
#define LEVEL_vnni 4
#define LEVEL_bf16 5
#define LEVEL_amx 6

#if !defined(LEVEL)
#error "the build defines LEVEL for files that say their levels in the first line"
#endif

/* VEC_LEVEL: bits of a vector, 0 for the compiler's own. PER_LEVEL: one number for each of these
 * kinds of vectors. LEVEL_DOT: 1 where there are products of four bytes in one step (VNNI). */
#define LEVEL_DOT (LEVEL == LEVEL_avx2vnni || LEVEL >= LEVEL_vnni)
#if LEVEL == LEVEL_c
#define LEVEL_NAME(name) name##_c
#define LEVEL_STRING(name) name "_c"
#define LEVEL_ISA INFER_ISA_C
#define VEC_LEVEL 0
#define PER_LEVEL(c, avx2, avx512) c
#elif LEVEL == LEVEL_avx2
#define LEVEL_NAME(name) name##_avx2
#define LEVEL_STRING(name) name "_avx2"
#define LEVEL_ISA INFER_ISA_AVX2
#define VEC_LEVEL 256
#define PER_LEVEL(c, avx2, avx512) avx2
#elif LEVEL == LEVEL_avx2vnni
#define LEVEL_NAME(name) name##_avx2vnni
#define LEVEL_STRING(name) name "_avx2vnni"
#define LEVEL_ISA INFER_ISA_AVX2VNNI
#define VEC_LEVEL 256
#define PER_LEVEL(c, avx2, avx512) avx2
#else
#define VEC_LEVEL 512
#define PER_LEVEL(c, avx2, avx512) avx512
#if LEVEL == LEVEL_avx512
#define LEVEL_NAME(name) name##_avx512
#define LEVEL_STRING(name) name "_avx512"
#define LEVEL_ISA INFER_ISA_AVX512
#elif LEVEL == LEVEL_vnni
#define LEVEL_NAME(name) name##_vnni
#define LEVEL_STRING(name) name "_vnni"
#define LEVEL_ISA INFER_ISA_AVX512VNNI
#elif LEVEL == LEVEL_bf16
#define LEVEL_NAME(name) name##_bf16
#define LEVEL_STRING(name) name "_bf16"
#define LEVEL_ISA INFER_ISA_AVX512BF16
#else
#define LEVEL_NAME(name) name##_amx
#define LEVEL_STRING(name) name "_amx"
#define LEVEL_ISA INFER_ISA_AMX
#endif
#endif

#endif
