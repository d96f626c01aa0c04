#include "kernels/kernel.h"

#include <string.h>

#include "base/status.h"
#include "graph/control.h"

#define KERNEL(symbol, operators) extern const struct infer__kernel symbol;
#include "kernels/kernels.def"
#undef KERNEL

const struct infer__kernel *const infer__kernels[] = {
#define KERNEL(symbol, operators) &symbol,
#include "kernels/kernels.def"
#undef KERNEL
    NULL,
};

/* ---- by operator ---------------------------------------------------------------------------- */

/* The operators of each kernel, as bits of words. */
#define BIT(id) ((id) / 64 == WORD ? (uint64_t)1 << (id) % 64 : 0)
#define BELOW(id) ((id) / 64 < WORD ? 0 : (id) / 64 > WORD ? ~(uint64_t)0 : BIT(id) - 1)
#define ON(op) BIT(INFER__OP_##op)
#define FROM_TO(first, last) (BELOW(INFER__OP_##last + 1) & ~BELOW(INFER__OP_##first))
#define KERNEL(symbol, operators) operators,
enum { WORDS = 3 };
_Static_assert(INFER__OP_COUNT <= 64 * WORDS, "there is a bit for each operator");

static const uint64_t serves[WORDS][sizeof infer__kernels / sizeof *infer__kernels] = {
#define WORD 0
    {
#include "kernels/kernels.def"
        0,
    },
#undef WORD
#define WORD 1
    {
#include "kernels/kernels.def"
        0,
    },
#undef WORD
#define WORD 2
    {
#include "kernels/kernels.def"
        0,
    },
#undef WORD
};
#undef KERNEL

const struct infer__kernel *infer__kernel_next(unsigned op, uint32_t *at)
{
    const uint32_t count = sizeof infer__kernels / sizeof *infer__kernels - 1;
    if (op >= INFER__OP_COUNT)
        return NULL;
    while (*at < count)
        if (serves[op / 64][(*at)++] >> op % 64 & 1)
            return infer__kernels[*at - 1];
    return NULL;
}

/* ---- choosing ------------------------------------------------------------------------------- */

/* What a kernel says of itself, before it is asked about the task's sizes. */
static int may_serve(const struct infer__kernel *k, const struct infer__task *t)
{
    return infer__isa_has(t->isa, k->isa) && !(t->nout && t->out[0].pitch && !k->pitched) &&
           !(k->transforms && (t->strict || t->in[1].dims[1] < k->transforms));
}

double infer__kernel_ns(const struct infer__kernel *k, const struct infer__task *t)
{
    return may_serve(k, t) ? k->estimate(t) : -1;
}

static int is_empty(const struct infer__operand *o)
{
    return o->type && infer__operand_elements(o) == 0;
}

int infer__task_has_empty(const struct infer__task *t)
{
    int any = 0;
    if (infer__is_control(t->op))
        return 0;
    for (uint32_t i = 0; i < t->nin && t->op != INFER__OP_SHAPE; i++)
        any |= is_empty(&t->in[i]);
    for (uint32_t i = 0; i < t->nout; i++)
        any |= is_empty(&t->out[i]);
    return any;
}

const struct infer__kernel *infer__kernel_choose(const struct infer__task *t)
{
    const struct infer__kernel *best = NULL;
    double best_ns = 0;
    if (infer__task_has_empty(t))
        return NULL;
    uint32_t at = 0;
    for (const struct infer__kernel *k; (k = infer__kernel_next(t->op, &at));) {
        double ns = infer__kernel_ns(k, t);
        if (ns >= 0 && (!best || ns < best_ns)) {
            best = k;
            best_ns = ns;
        }
    }
    return best;
}

infer_status infer__kernel_prepare(const struct infer__kernel *k, const struct infer__task *t,
                                   const char *node, void *cut, struct infer__need *need,
                                   infer_error *err)
{
    *need = (struct infer__need){.units = 1, .cut = cut};
    if (k->cut_bytes)
        memset(cut, 0, k->cut_bytes);
    if (k->prepare)
        TRY(k->prepare(t, need, err));
    if (!infer__bytes_too_much(need->packed_bytes) && !infer__bytes_too_much(need->scratch_bytes))
        return INFER_OK;
    if (k->release)
        k->release(cut);
    return infer__fail_node(err, INFER_ERROR_LIMIT, node, "%s needs more memory than there can be",
                            k->name);
}

const struct infer__kernel *infer__kernel_find(const char *name)
{
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}
