/* What this CPU and operating system have. */
#ifndef INFER_BASE_CPU_H
#define INFER_BASE_CPU_H

#include "infer.h"

/* The words that detection looks at, so that a test can give recorded ones. Those of
 * other CPUs are 0. */
struct infer__cpuid {
    uint32_t max_leaf;
    uint32_t leaf1_ecx;
    uint32_t leaf7_ebx, leaf7_ecx, leaf7_edx;
    uint32_t leaf7_1_eax;
    uint64_t xcr0; /* 0 without OSXSAVE */
    uint64_t arm_hwcap, arm_hwcap2;
};

/* Reads them. Any thread; no state. */
struct infer__cpuid infer__cpuid_read(void);
/* Whether they have a level, and the best one: an instruction set counts only if the system saves
 * its registers. */
int infer__cpuid_has(const struct infer__cpuid *c, infer_isa isa);
infer_isa infer__cpuid_isa(const struct infer__cpuid *c);

/* ---- levels --------------------------------------------------------------------------------- */

/* Whether what needs `part` runs at `level`: the one place that knows which level includes which,
 * as their numbers say nothing. False for numbers that are none. */
int infer__isa_has(infer_isa level, infer_isa part);
/* Whether a number is a level or INFER_ISA_DEFAULT. */
int infer__isa_known(infer_isa isa);
/* The best part of a level that this CPU has; of INFER_ISA_DEFAULT, the best it has at all. */
infer_isa infer__isa_usable(infer_isa wanted);
/* The level after this one, of all there are and of those that this CPU has; INFER_ISA_DEFAULT at
 * the end: for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) */
infer_isa infer__isa_after(infer_isa isa);
infer_isa infer__isa_next(infer_isa isa);
/* The level of a name, INFER_ISA_DEFAULT where there is none. */
infer_isa infer__isa_named(const char *name);

/* ---- this CPU ------------------------------------------------------------------------------- */

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
