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

/* What estimates have to know of a CPU. Their constants were measured on a Zen 4, and most hold
 * well enough elsewhere, as all kernels that compete are scaled alike; here is what sets kernels
 * apart. */
struct infer__machine {
    double products;      /* multiply-adds of f32 vectors, times as many per ns */
    double bf16_products; /* the same of vectors of bf16 */
    double weight_bytes;  /* of weights that one thread gets from memory per ns, however it asks for
                             them; 0: as many as a kernel's own constant says */
    int wide_panels; /* 1: weights come from the second-level cache as fast as products use them
                        when a few pixels share them; so fewer loads of inputs pay */
    int adds_apart;  /* 1: floats are added on units beside, not among, those that multiply */
};

/* The CPUs of an identity; where nothing is known, what the constants say. */
const struct infer__machine *infer__identity_machine(const char vendor[12], uint32_t version);
/* This one. */
const struct infer__machine *infer__cpu_machine(void);

/* CPUs that this process may use: affinity mask, and the cgroup's quota rounded up. At least 1. */
unsigned infer__cpu_count(void);

#endif
