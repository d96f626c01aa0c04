#include "base/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

struct infer__cpuid infer__cpuid_read(void)
{
    struct infer__cpuid c = {0};
    uint32_t a, b, cx, d;
    /* Each CPUID is microseconds in a virtual machine: those of <cpuid.h> that check take two. */
    c.max_leaf = (uint32_t)__get_cpuid_max(0, NULL);
    if (c.max_leaf >= 1)
        __cpuid(1, a, b, c.leaf1_ecx, d);
    if (c.max_leaf >= 7) {
        __cpuid_count(7, 0, a, c.leaf7_ebx, c.leaf7_ecx, c.leaf7_edx);
        if (a >= 1)
            __cpuid_count(7, 1, c.leaf7_1_eax, b, cx, d);
    }
    if (c.leaf1_ecx & (1u << 27)) { /* OSXSAVE: xgetbv exists */
        uint32_t lo, hi;
        __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        c.xcr0 = (uint64_t)hi << 32 | lo;
    }
    return c;
}

int infer__cpu_identity(char vendor[12], uint32_t *version)
{
    uint32_t a, b, c, d;
    __cpuid(0, a, b, c, d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    *version = 0;
    if (a >= 1)
        __cpuid(1, *version, b, c, d);
    return a >= 1;
}
#else
struct infer__cpuid infer__cpuid_read(void)
{
    struct infer__cpuid c = {0};
#if defined(__aarch64__)
    c.arm_hwcap = getauxval(AT_HWCAP);
    c.arm_hwcap2 = getauxval(AT_HWCAP2);
#endif
    return c;
}

int infer__cpu_identity(char vendor[12], uint32_t *version)
{
    memset(vendor, 0, 12);
    *version = 0;
    return 0;
}
#endif

/* Family 19h (of which Zen 4 has AVX-512): measured. */
static const struct infer__machine zen = {.products = 1, .bf16_products = 1, .adds_apart = 1};
/* Sapphire and Emerald Rapids: two units of 512 bits, memory far away; measured on the latter. */
static const struct infer__machine rapids = {
    .products = 1.45, .bf16_products = 0.36, .weight_bytes = 14.4, .wide_panels = 1};
static const struct infer__machine unknown = {.products = 1, .bf16_products = 1};

const struct infer__machine *infer__identity_machine(const char vendor[12], uint32_t version)
{
    uint32_t family = version >> 8 & 15, model = (version >> 4 & 15) | (version >> 12 & 0xf0);
    if (memcmp(vendor, "AuthenticAMD", 12) == 0 && family + (version >> 20 & 255) == 0x19)
        return &zen;
    if (memcmp(vendor, "GenuineIntel", 12) == 0 && family == 6 && (model == 0x8f || model == 0xcf))
        return &rapids;
    return &unknown;
}

const struct infer__machine *infer__cpu_machine(void)
{
    char vendor[12];
    uint32_t version;
    return infer__cpu_identity(vendor, &version) ? infer__identity_machine(vendor, version)
                                                 : &unknown;
}

static int bit(uint32_t word, int n)
{
    return word >> n & 1;
}

/* ---- levels --------------------------------------------------------------------------------- */

/* Every level by its number, with the one that it adds to. Within a family better levels have
 * higher numbers, and a CPU has levels of one family. */
static const struct level {
    uint8_t base;
    const char *name;
} levels[] = {
    [INFER_ISA_C] = {INFER_ISA_DEFAULT, "c"},
    [INFER_ISA_AVX2] = {INFER_ISA_C, "avx2"},
    [INFER_ISA_AVX2VNNI] = {INFER_ISA_AVX2, "avx2vnni"},
    [INFER_ISA_AVX512] = {INFER_ISA_AVX2, "avx512"},
    [INFER_ISA_AVX512VNNI] = {INFER_ISA_AVX512, "avx512vnni"},
    [INFER_ISA_AVX512BF16] = {INFER_ISA_AVX512VNNI, "avx512bf16"},
    [INFER_ISA_AMX] = {INFER_ISA_AVX512BF16, "amx"},
    [INFER_ISA_NEON] = {INFER_ISA_C, "neon"},
    [INFER_ISA_DOTPROD] = {INFER_ISA_NEON, "dotprod"},
    [INFER_ISA_I8MM] = {INFER_ISA_DOTPROD, "i8mm"},
};

enum { NUMBERS = sizeof levels / sizeof *levels };

static int is_level(unsigned isa)
{
    return isa < NUMBERS && levels[isa].name;
}

int infer__isa_known(infer_isa isa)
{
    return isa == INFER_ISA_DEFAULT || is_level(isa);
}

int infer__isa_has(infer_isa level, infer_isa part)
{
    while (level != part && is_level(level))
        level = (infer_isa)levels[level].base;
    return level == part && is_level(part);
}

infer_isa infer__isa_after(infer_isa isa)
{
    for (unsigned i = (unsigned)isa + 1; i < NUMBERS; i++)
        if (is_level(i))
            return (infer_isa)i;
    return INFER_ISA_DEFAULT;
}

infer_isa infer__isa_named(const char *name)
{
    infer_isa isa = INFER_ISA_C;
    while (isa && strcmp(levels[isa].name, name) != 0)
        isa = infer__isa_after(isa);
    return isa;
}

/* Bits: Intel SDM volume 2A, CPUID; XCR0: volume 1, 13.3. Of Arm: Linux, asm/hwcap.h. */
static int has_instructions(const struct infer__cpuid *c, infer_isa isa)
{
    const int ymm = (c->xcr0 & 0x6) == 0x6, zmm = ymm && (c->xcr0 & 0xe0) == 0xe0;
    switch (isa) {
    case INFER_ISA_DEFAULT:
        return 0;
    case INFER_ISA_C:
        return 1;
    case INFER_ISA_AVX2:
        return ymm && bit(c->leaf1_ecx, 28) && bit(c->leaf1_ecx, 12) && bit(c->leaf1_ecx, 29) &&
               bit(c->leaf7_ebx, 5);
    case INFER_ISA_AVX2VNNI:
        return bit(c->leaf7_1_eax, 4);
    case INFER_ISA_AVX512:
        return zmm && bit(c->leaf7_ebx, 16) && bit(c->leaf7_ebx, 17) && bit(c->leaf7_ebx, 30) &&
               bit(c->leaf7_ebx, 31);
    case INFER_ISA_AVX512VNNI:
        return bit(c->leaf7_ecx, 11);
    case INFER_ISA_AVX512BF16:
        return bit(c->leaf7_1_eax, 5);
    case INFER_ISA_AMX:
        return (c->xcr0 & 0x60000) == 0x60000 && bit(c->leaf7_edx, 24) && bit(c->leaf7_edx, 25) &&
               bit(c->leaf7_edx, 22);
    case INFER_ISA_NEON:
        return (int)(c->arm_hwcap >> 1 & 1);
    case INFER_ISA_DOTPROD:
        return (int)(c->arm_hwcap >> 20 & 1);
    case INFER_ISA_I8MM:
        return (int)(c->arm_hwcap2 >> 13 & 1);
    }
    return 0;
}

int infer__cpuid_has(const struct infer__cpuid *c, infer_isa isa)
{
    int has = is_level(isa);
    for (; has && isa != INFER_ISA_DEFAULT; isa = (infer_isa)levels[isa].base)
        has = has_instructions(c, isa);
    return has;
}

infer_isa infer__cpuid_isa(const struct infer__cpuid *c)
{
    infer_isa best = INFER_ISA_C;
    for (infer_isa isa = best; isa; isa = infer__isa_after(isa))
        if (infer__cpuid_has(c, isa))
            best = isa;
    return best;
}

infer_isa infer_cpu_isa(void)
{
    struct infer__cpuid c = infer__cpuid_read();
    return infer__cpuid_isa(&c);
}

int infer_cpu_has(infer_isa isa)
{
    struct infer__cpuid c = infer__cpuid_read();
    return infer__cpuid_has(&c, isa);
}

infer_isa infer__isa_usable(infer_isa wanted)
{
    struct infer__cpuid c = infer__cpuid_read();
    if (!is_level(wanted))
        return infer__cpuid_isa(&c);
    while (!infer__cpuid_has(&c, wanted))
        wanted = (infer_isa)levels[wanted].base;
    return wanted;
}

infer_isa infer__isa_next(infer_isa isa)
{
    do
        isa = infer__isa_after(isa);
    while (isa && !infer_cpu_has(isa));
    return isa;
}

const char *infer_isa_name(infer_isa isa)
{
    return isa == INFER_ISA_DEFAULT ? "default" : is_level(isa) ? levels[isa].name : "?";
}

/* cgroup v2 says "QUOTA PERIOD" in microseconds, or "max PERIOD". 0: no limit known. */
static unsigned cgroup_quota(void)
{
    char text[64] = {0};
    int fd = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0 || text[0] < '0' || text[0] > '9')
        return 0;
    char *end;
    unsigned long quota = strtoul(text, &end, 10), period = strtoul(end, NULL, 10);
    return period && quota < period * 100000 ? (unsigned)((quota + period - 1) / period) : 0;
}

unsigned infer__cpu_count(void)
{
    int saved = errno;
    cpu_set_t set;
    unsigned n = 1;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    unsigned quota = cgroup_quota();
    if (quota && quota < n)
        n = quota;
    errno = saved;
    return n ? n : 1;
}
