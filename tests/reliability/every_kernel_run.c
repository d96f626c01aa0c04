/* Runs one kernel on one task between protected pages; see every_kernel.h. */
#include "base/status.h"
#include "plan/bounds.h"
#include "tests/reliability/every_kernel.h"

const char *volatile every_running = "";

size_t every_bytes(const struct infer__operand *o)
{
    return o->type ? (size_t)infer__operand_elements(o) * infer_type_size((infer_type)o->type) : 0;
}

static size_t align_of(const struct infer__operand *o)
{
    return o->type ? infer_type_size((infer_type)o->type) : 1;
}

/* ---- memory --------------------------------------------------------------------------------- */

struct memory {
    struct guard in[EVERY_OPERANDS], out[EVERY_OPERANDS], packed, scratch, shared;
    struct infer__operand operands[EVERY_OPERANDS], first;
    const void *pin[EVERY_OPERANDS];
    void *pout[EVERY_OPERANDS];
    int shared_input; /* whose memory the output has, or -1 */
};

static struct guard filled(size_t bytes, size_t align, const struct every_how *how)
{
    struct guard g = guard_new(bytes, align, how->at_end);
    memset(g.data, how->fill, bytes);
    return g;
}

/* The operand in whose memory the output may be, or -1. */
static int find_in_place(const struct every_task *e, const struct infer__kernel *k)
{
    for (uint32_t i = 0; i < e->t.nin; i++) {
        int residual = e->t.epi.residual && i == e->t.nin - 1;
        int flag = residual ? INFER__IN_PLACE_RESIDUAL
                   : i == 0 ? INFER__IN_PLACE_FIRST
                   : i == 1 ? INFER__IN_PLACE_SECOND
                            : 0;
        if ((k->in_place & flag) && !e->in[i].is_const && e->in[i].type &&
            every_bytes(&e->in[i]) == every_bytes(&e->out[0]))
            return (int)i;
    }
    return -1;
}

/* Bytes of an output that may have a pitch, to the end of its last pixel. */
static size_t pitched_bytes(const struct infer__operand *o)
{
    size_t bytes = every_bytes(o), size = align_of(o);
    if (!o->pitch || !bytes)
        return bytes;
    size_t row = (size_t)o->dims[o->rank - 1] * size;
    return (bytes / row - 1) * (size_t)o->pitch * size + row;
}

static void take_memory(const struct every_task *e, const struct infer__kernel *k,
                        const struct every_how *how, struct infer__task *t, struct memory *m)
{
    memset(m, 0, sizeof *m);
    *t = e->t;
    t->threads = how->threads;
    t->in = m->operands;
    m->shared_input = how->in_place ? find_in_place(e, k) : -1;
    for (uint32_t i = 0; i < t->nin; i++) {
        m->operands[i] = e->in[i];
        m->in[i] = guard_copy(e->x[i], every_bytes(&e->in[i]), align_of(&e->in[i]), how->at_end);
        m->pin[i] = e->in[i].type ? m->in[i].data : NULL;
        m->operands[i].data = e->in[i].is_const ? m->pin[i] : NULL;
    }
    if (how->in_place && m->shared_input < 0 && k->pitched && t->nout == 1 && !t->epi.residual) {
        m->first = e->out[0];
        m->first.pitch = (int32_t)(m->first.dims[m->first.rank - 1] + (int64_t)(e->seed % 9));
        t->out = &m->first;
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        m->out[i] = filled(pitched_bytes(&t->out[i]), align_of(&t->out[i]), how);
        m->pout[i] = t->out[i].type ? m->out[i].data : NULL;
    }
    if (m->shared_input >= 0)
        m->pout[0] = m->in[m->shared_input].data;
}

static void drop_memory(struct memory *m)
{
    for (int i = 0; i < EVERY_OPERANDS; i++) {
        guard_free(&m->in[i]);
        guard_free(&m->out[i]);
    }
    guard_free(&m->packed);
    guard_free(&m->scratch);
    guard_free(&m->shared);
}

/* ---- the run -------------------------------------------------------------------------------- */

/* Units begin .. end - 1 from the last one backwards; what scratch memory has is undefined before
 * each call. */
static void run_backwards(const struct infer__kernel *k, const struct infer__task *t,
                          const struct infer__buffers *b, uint32_t begin, uint32_t end,
                          size_t scratch, const struct every_how *how, uint64_t *r)
{
    while (end > begin) {
        uint32_t n = how->split == EVERY_SINGLE ? 1 : (uint32_t)random_int(r, 1, end - begin);
        memset(b->scratch, how->fill, scratch);
        k->run(t, b, end - n, end);
        end -= n;
    }
}

static void run_units(const struct infer__kernel *k, const struct infer__task *t,
                      const struct infer__buffers *b, const struct infer__need *need,
                      const struct every_how *how, uint64_t seed)
{
    struct infer__buffers one = *b;
    one.scratch = b->shared;
    if (how->split == EVERY_WHOLE) {
        k->run(t, &one, 0, need->units);
        return;
    }
    run_backwards(k, t, b, 0, need->barrier, infer__bytes_count(need->scratch_bytes), how, &seed);
    run_backwards(k, t, b, need->barrier, need->units, infer__bytes_count(need->scratch_bytes), how,
                  &seed);
}

static void pack(const struct infer__kernel *k, const struct infer__task *t,
                 const struct infer__need *need, void *packed, const struct every_how *how)
{
    if (!infer__bytes_count(need->packed_bytes))
        return;
    if (k->pack_piece && how->split != EVERY_WHOLE)
        for (uint32_t p = 3; p-- > 0;)
            k->pack_piece(t, need->cut, packed, p, 3);
    else if (k->pack)
        k->pack(t, need->cut, packed);
}

/* Pixels without the gaps between them, which must be as they were. */
static int gather_pixels(const struct infer__operand *o, const unsigned char *from, int fill,
                         unsigned char *to)
{
    size_t size = align_of(o), row = (size_t)o->dims[o->rank - 1] * size;
    size_t step = (size_t)o->pitch * size, pixels = every_bytes(o) / row;
    for (size_t i = 0; i < pixels; i++, from += step) {
        memcpy(to + i * row, from, row);
        for (size_t k = row; i + 1 < pixels && k < step; k++)
            if (from[k] != fill)
                return 0;
    }
    return 1;
}

/* What is wrong with the memory afterwards, or NULL; y gets the outputs. */
static const char *inspect(const struct every_task *e, const struct infer__task *t,
                           const struct memory *m, const struct every_how *how, void *const *y)
{
    for (uint32_t i = 0; i < t->nin; i++)
        if (!guard_check(&m->in[i]))
            return "wrote beside an input";
        else if ((int)i != m->shared_input && m->in[i].bytes &&
                 memcmp(m->in[i].data, e->x[i], m->in[i].bytes) != 0)
            return "changed an input";
    for (uint32_t i = 0; i < t->nout; i++)
        if (!guard_check(&m->out[i]))
            return "wrote beside an output";
        else if (t->out[i].pitch && !gather_pixels(&t->out[i], m->pout[i], how->fill, y[i]))
            return "wrote between the pixels of an output with a pitch";
        else if (!t->out[i].pitch && m->pout[i])
            memcpy(y[i], m->pout[i], every_bytes(&t->out[i]));
    if (!guard_check(&m->packed) || !guard_check(&m->scratch) || !guard_check(&m->shared))
        return "wrote beside packed or scratch memory";
    return NULL;
}

/* What is behind the results of an operator that finds out how much they have means nothing: it
 * becomes 0. */
static void clear_rest(const struct infer__task *t, const struct memory *m, int64_t extent)
{
    for (uint32_t i = 0; i < t->nout && extent >= 0; i++) {
        struct infer__operand found = t->out[i];
        infer__bounds_found(t->op, &t->p, i, extent, found.dims);
        const size_t bytes = every_bytes(&found);
        if (m->pout[i])
            memset((char *)m->pout[i] + bytes, 0, every_bytes(&t->out[i]) - bytes);
    }
}

/* What anybody may have put into a file: random bytes, or numbers at the edges. */
static void spoil(struct guard *packed, const struct every_how *how, uint64_t seed)
{
    static const uint32_t edges[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 0x80000000,
                                     0x7fffffff, 0xffffffff, 0x4f000000, 0xcf000001, 1};
    uint64_t r = seed;
    unsigned char *p = packed->data;
    for (size_t i = 0; i < packed->bytes; i += 4) {
        const uint32_t any = (uint32_t)random_int(&r, 0, UINT32_MAX);
        const uint32_t v = how->fill == 0xFF ? edges[any % 10] : any;
        memcpy(p + i, &v, packed->bytes - i < 4 ? packed->bytes - i : 4);
    }
}

static int run_any(const struct every_task *e, const struct infer__kernel *k,
                   const struct every_how *how, int hostile, void *const *y, char *why, size_t size)
{
    struct infer__task t;
    struct memory m;
    _Alignas(64) unsigned char cut[4096] = {0};
    struct infer__need need = {.units = 1, .cut = cut};
    infer_error err;
    const char *wrong;
    every_running = k->name;
    take_memory(e, k, how, &t, &m);
    t.isa = k->isa;
    if (!(infer__kernel_ns(k, &t) >= 0))
        wrong = "does not serve it with other memory";
    else if (k->cut_bytes > sizeof cut)
        wrong = "has too large a cut";
    else if (k->prepare && k->prepare(&t, &need, &err) != INFER_OK)
        wrong = "can't be prepared";
    else if (need.units < 1 || need.barrier >= need.units)
        wrong = "has no units";
    else {
        m.packed = filled(infer__bytes_count(need.packed_bytes), 64, how);
        m.scratch = filled(infer__bytes_count(need.scratch_bytes), 64, how);
        m.shared = filled(infer__bytes_count(need.scratch_bytes), 64, how);
        pack(k, &t, &need, m.packed.data, how);
        if (hostile)
            spoil(&m.packed, how, e->seed);
        int64_t extent = -1;
        struct infer__buffers b = {m.pin,    m.pout,        m.packed.data, m.scratch.data,
                                   need.cut, m.shared.data, &extent};
        run_units(k, &t, &b, &need, how, e->seed);
        clear_rest(&t, &m, extent);
        wrong = inspect(e, &t, &m, how, y);
    }
    if (k->release)
        k->release(need.cut);
    drop_memory(&m);
    if (wrong)
        snprintf(why, size, "%s: %s", k->name, wrong);
    return !wrong;
}

int every_run(const struct every_task *e, const struct infer__kernel *k,
              const struct every_how *how, void *const *y, char *why, size_t size)
{
    return run_any(e, k, how, 0, y, why, size);
}

int every_run_hostile(const struct every_task *e, const struct infer__kernel *k,
                      const struct every_how *how, void *const *y, char *why, size_t size)
{
    return run_any(e, k, how, 1, y, why, size);
}

void every_outputs(const struct every_task *e, void **y)
{
    memset(y, 0, EVERY_OPERANDS * sizeof *y);
    for (uint32_t i = 0; i < e->t.nout; i++)
        y[i] = calloc(every_bytes(&e->out[i]) + 8, 1);
}

void every_free(void **y)
{
    for (int i = 0; i < EVERY_OPERANDS; i++) {
        free(y[i]);
        y[i] = NULL;
    }
}

static int same_numbers(unsigned type, int64_t n, const char *a, const char *b)
{
    size_t size = infer_type_size((infer_type)type);
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + (size_t)i * size, b + (size_t)i * size, size) != 0 &&
            !(isnan(every_value(type, a, i)) && isnan(every_value(type, b, i))))
            return 0;
    return 1;
}

int every_same(const struct every_task *e, void *const *a, void *const *b, int any_nan)
{
    for (uint32_t i = 0; i < e->t.nout; i++) {
        const struct infer__operand *o = &e->out[i];
        size_t bytes = every_bytes(o);
        if (bytes && memcmp(a[i], b[i], bytes) != 0 &&
            !(any_nan && same_numbers(o->type, infer__operand_elements(o), a[i], b[i])))
            return 0;
    }
    return 1;
}
