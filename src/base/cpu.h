/* What this CPU and operating system have. */
#ifndef INFER_BASE_CPU_H
#define INFER_BASE_CPU_H

#include "infer.h"

/* The words that detection looks at, so that a test can give recorded ones. All 0 on a CPU that
 * is not x86-64. */
struct infer__cpuid {
    uint32_t max_leaf;
    uint32_t leaf1_ecx;
    uint32_t leaf7_ebx, leaf7_ecx, leaf7_edx;
    uint32_t leaf7_1_eax;
    uint64_t xcr0; /* 0 without OSXSAVE */
};

/* Reads them. Any thread; no state. */
struct infer__cpuid infer__cpuid_read(void);
/* The level they stand for: an instruction set counts only if the system saves its registers. */
infer_isa infer__cpuid_isa(const struct infer__cpuid *c);

/* What tells CPUs apart: the vendor's 12 letters, and family, model and stepping as cpuid has them
 * (leaf 1, EAX). Returns 0 where there is no cpuid. */
int infer__cpu_identity(char vendor[12], uint32_t *version);

/* Whether a CPU of this identity has units that add floats beside, not among, those that multiply
 * and add. Known of AMD's family 19h (of which Zen 4 has AVX-512); 0 where nothing is known. */
int infer__identity_adds_apart(const char vendor[12], uint32_t version);
/* Whether this one has. */
int infer__cpu_adds_apart(void);

/* CPUs that this process may use: affinity mask, and the cgroup's quota rounded up. At least 1. */
unsigned infer__cpu_count(void);

#endif
