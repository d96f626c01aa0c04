#include "plan/tuned.h"

#include <string.h>

#include "base/cpu.h"
#include "file/checksum.h"

/* Chains the checksum of bytes to that of what came before them. */
static uint64_t mix(uint64_t h, const void *bytes, size_t size)
{
    unsigned char block[8 + sizeof(union infer__params)] = {0};
    memcpy(block, &h, sizeof h);
    memcpy(block + sizeof h, bytes, size);
    return infer__checksum(block, sizeof h + size);
}

static uint64_t mix_ints(uint64_t h, const int64_t *v, size_t n)
{
    return mix(h, v, n * sizeof *v);
}

int infer__tuned_here(struct infer__tuned_for *by)
{
    memset(by, 0, sizeof *by);
    if (!infer__cpu_identity(by->vendor, &by->cpu))
        return 0;
    by->isa = (uint32_t)infer_cpu_isa();
    by->flags = infer_has_onednn() ? INFER__TUNED_ONEDNN : 0;
    const char *version = infer_version();
    by->library = infer__checksum(version, strlen(version));
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        uint64_t name = infer__checksum((*k)->name, strlen((*k)->name));
        by->library = mix(by->library, &name, sizeof name);
    }
    return 1;
}

static uint64_t mix_operand(uint64_t h, const struct infer__operand *o)
{
    int64_t v[4 + INFER_MAX_RANK] = {o->type, o->rank, o->clast, o->is_const};
    memcpy(v + 4, o->dims, o->rank * sizeof *o->dims);
    return mix_ints(h, v, sizeof v / sizeof *v);
}

uint64_t infer__task_key(const struct infer__task *t)
{
    const int64_t v[] = {t->op,  t->isa,  t->onednn,  t->bf16 | t->strict << 1,
                         t->nin, t->nout, t->epi.act, t->epi.residual};
    uint64_t h = mix_ints(0, v, sizeof v / sizeof *v);
    h = mix(h, (float[]){t->epi.alpha, t->epi.beta}, 2 * sizeof(float));
    for (int i = 0; t->inner && i < 2; i++) {
        const struct infer__epilogue *e = &t->inner[i];
        h = mix_ints(h, (int64_t[]){1 + i, e->act, e->residual}, 3);
        h = mix(h, (float[]){e->alpha, e->beta}, 2 * sizeof(float));
    }
    h = mix(h, &t->p, INFER__PARAM_BYTES);
    for (uint32_t i = 0; i < t->nin; i++)
        h = mix_operand(h, &t->in[i]);
    for (uint32_t i = 0; i < t->nout; i++)
        h = mix_operand(h, &t->out[i]);
    return h;
}

const struct infer__kernel *infer__tuned_kernel(const struct infer__tuned *t,
                                                const struct infer__task *task, int *serial)
{
    struct infer__tuned_entry e;
    *serial = 0;
    if (!t || !infer__tuned_lookup(t, infer__task_key(task), &e))
        return NULL;
    *serial = (e.flags & INFER__TUNED_SERIAL) != 0;
    return infer__kernel_find(e.kernel);
}
