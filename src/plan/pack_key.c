/* What tells one task's packed weights from another's: the key that the store, and a file, knows
 * them by. Files hold keys, so nothing goes into them that another process would have otherwise;
 * tools/make knows that this file decides what they are (PACKING_SRC). */
#include <string.h>

#include "base/digest.h"
#include "plan/pack.h"

static void add_floats(struct infer__digest *d, float x, float y)
{
    const float both[] = {x, y};
    infer__digest_add(d, both, sizeof both);
}

static void add_requant(struct infer__digest *d, const struct infer__requant *r)
{
    infer__digest_number(d, r != NULL);
    if (!r)
        return;
    add_floats(d, r->scale, r->ratio);
    add_floats(d, r->residual_ratio, r->fixed);
    const int32_t v[] = {r->zero, r->lo, r->hi, r->add_lo, r->add_hi, r->residual_inner};
    infer__digest_add(d, v, sizeof v);
    infer__digest_add(d, r->table, r->table ? 256 : 0);
}

static void add_epilogue(struct infer__digest *d, const struct infer__epilogue *e)
{
    infer__digest_number(d, e->act);
    infer__digest_number(d, e->residual);
    add_floats(d, e->alpha, e->beta);
    add_requant(d, e->requant);
}

static void add_quant(struct infer__digest *d, const struct infer__quant *q)
{
    infer__digest_number(d, q != NULL);
    if (!q)
        return;
    infer__digest_number(d, q->axis);
    infer__digest_add(d, q->scale, q->count * sizeof *q->scale);
    infer__digest_add(d, q->zero, q->count * sizeof *q->zero);
}

/* A constant of the file is known by its place there, since the file stays as it is. One that the
 * plan has computed is not: another plan has the same at another address, so its bytes count. */
static void add_constant(struct infer__digest *d, const struct infer__operand *o,
                         const struct infer__pages *file)
{
    const uintptr_t at = (uintptr_t)o->data, begin = (uintptr_t)file->data;
    const int in_file = file->data && at >= begin && at - begin < file->bytes;
    infer__digest_number(d, in_file);
    if (in_file)
        infer__digest_number(d, (int64_t)(at - begin));
    else
        infer__digest_add(
            d, o->data, (size_t)infer__operand_elements(o) * infer_type_size((infer_type)o->type));
}

/* Sizes of what is no constant count where the kernel does not say what its layout depends on. The
 * number of threads never does: a kernel whose layout depends on it says so in its layout. */
static void add_operand(struct infer__digest *d, const struct infer__operand *o, int sizes,
                        const struct infer__pages *file)
{
    const int constant = o->is_const && o->data;
    const int64_t kind[] = {o->type, o->rank, o->clast, o->is_const};
    infer__digest_add(d, kind, sizeof kind);
    add_quant(d, o->quant);
    if (constant || sizes)
        infer__digest_add(d, o->dims, o->rank * sizeof *o->dims);
    if (sizes)
        infer__digest_number(d, o->pitch);
    if (constant)
        add_constant(d, o, file);
}

struct infer__store_key infer__pack_key(const struct infer__step *s,
                                        const struct infer__pages *file)
{
    const struct infer__task *t = &s->task;
    const int sizes = s->need.layout == 0;
    struct infer__digest d = infer__digest_start();
    infer__digest_add(&d, s->kernel->name, strlen(s->kernel->name));
    infer__digest_number(&d, (int64_t)s->need.layout);
    infer__digest_number(&d, sizes ? t->onednn : 0);
    const int64_t v[] = {t->op, s->kernel->stored ? 0 : t->isa, t->bf16, t->nin, t->nout};
    infer__digest_add(&d, v, sizeof v);
    infer__digest_add(&d, &t->p, INFER__PARAM_BYTES);
    add_epilogue(&d, &t->epi);
    for (int i = 0; t->inner && i < 2; i++)
        add_epilogue(&d, &t->inner[i]);
    for (uint32_t i = 0; i < t->nin; i++)
        add_operand(&d, &t->in[i], sizes, file);
    for (uint32_t i = 0; i < t->nout; i++)
        add_operand(&d, &t->out[i], sizes, file);
    return (struct infer__store_key){{d.word[0], d.word[1]}};
}
