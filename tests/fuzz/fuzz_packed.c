/* Packed weights in a file, and weights, that anybody may have written.
 *
 * Property: the weights that a session packs, stored in the file, are found by the next session,
 * which gives the same bytes; and whatever stands in their place, and in that of the weights
 * themselves, a session is made and run with a status that agrees with its error, and touches no
 * byte beside its own. The file is a block of exactly its size, inputs and outputs are as well.
 *
 * The input is that of fuzz_session: a flat file, and behind it up to 32 bytes of choices:
 *
 *      0  level, a place in `levels` (remainder by 8)
 *      1  bits: enum choice
 *      2  enum damage
 *    4-7  seed of inputs and damage
 *   8-31  free dimensions of the inputs, 1 to 16
 */
#include "file/packed_section.h"
#include "infer_experimental.h"
#include "plan/stored.h"
#include "run/session.h"
#include "tests/fuzz/fuzz.h"

enum choice { BF16 = 1, WEIGHTS_TOO = 2, STRICT = 4 };

enum damage { NONE, FEW_BYTES, BYTES, EDGES, DAMAGES };

enum {
    MOST_FILE = 1 << 18,
    MOST_TENSOR = 1 << 16,
    MOST_MEMORY = 1 << 24,
    MOST_TENSORS = 8,
    MOST_FLOPS = 4000000
};

struct run {
    const uint8_t *choice;
    struct rng rng;
    infer_tensor in[MOST_TENSORS];
    infer_input_spec specs[MOST_TENSORS];
    size_t nin, nout;
};

static const infer_isa levels[8] = {INFER_ISA_DEFAULT, INFER_ISA_C,          INFER_ISA_AVX2,
                                    INFER_ISA_AVX512,  INFER_ISA_AVX512VNNI, INFER_ISA_AVX512BF16,
                                    INFER_ISA_AMX,     INFER_ISA_AVX2VNNI};

/* ---- inputs --------------------------------------------------------------------------------- */

/* Returns 0 where the input has too many bytes for a test to hold. */
static int make_input(struct run *r, const infer_model *m, size_t i)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_tensor *t = &r->in[i];
    REQUIRE(infer_model_input(m, i, &info, NULL) == INFER_OK);
    double bytes = (double)infer_type_size(info.type);
    *t = (infer_tensor){.type = info.type, .rank = info.rank};
    for (int d = 0; d < info.rank; d++) {
        const unsigned free = r->choice[8 + (i * 3 + (unsigned)d) % 24] % 16;
        t->dims[d] = info.free_dims >> d & 1 ? 1 + free : info.dims[d];
        bytes *= (double)t->dims[d];
    }
    if (bytes > MOST_TENSOR)
        return 0;
    t->bytes = (size_t)bytes;
    t->data = fuzz_block(NULL, t->bytes);
    for (size_t k = 0; k < t->bytes; k++)
        ((unsigned char *)t->data)[k] = 0;
    for (size_t k = 0; t->type == INFER_F32 && k < t->bytes / sizeof(float); k++)
        ((float *)t->data)[k] = ((float)rng_below(&r->rng, 4096) - 2048) / 512;
    for (size_t k = 0; (t->type == INFER_U8 || t->type == INFER_S8) && k < t->bytes; k++)
        ((unsigned char *)t->data)[k] = (unsigned char)rng_next(&r->rng);
    r->specs[i].name = info.name;
    r->specs[i].rank = t->rank;
    memcpy(r->specs[i].dims, t->dims, sizeof t->dims);
    return 1;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static uint64_t work(const infer_session *s)
{
    uint64_t flops = 0;
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info info = INFER_STEP_INFO_INIT;
        REQUIRE(infer_session_step(s, i, &info, NULL) == INFER_OK);
        flops += info.flops + info.bytes;
    }
    return flops;
}

/* A session that can be run, or NULL; where it can't, *status is why or INFER_OK. */
static infer_session *make(struct run *r, const infer_model *m, infer_status *status)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.inputs = r->specs;
    o.ninputs = r->nin;
    o.threads = 1;
    o.isa = levels[r->choice[0] % 8];
    o.max_memory_bytes = MOST_MEMORY;
    o.max_work = MOST_FLOPS;
    o.precision = r->choice[1] & BF16     ? INFER_PRECISION_BF16
                  : r->choice[1] & STRICT ? INFER_PRECISION_F32_STRICT
                                          : INFER_PRECISION_F32;
    *status = infer_session_create(m, &o, &s, &err);
    REQUIRE(*status == err.status && (*status == INFER_OK) == (s != NULL));
    REQUIRE(*status != INFER_ERROR_INTERNAL);
    if (s &&
        (infer_session_inputs(s) != r->nin || s->program->plan.control || work(s) > MOST_FLOPS))
        infer_session_free(&s);
    return s;
}

/* Runs into blocks of exactly the outputs' size, if they are of a size that is known. */
static int run(struct run *r, infer_session *s, infer_tensor *out)
{
    infer_error err;
    for (size_t i = 0; i < r->nout; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        REQUIRE(infer_session_output(s, i, &info, NULL) == INFER_OK);
        out[i] = (infer_tensor){.type = info.type, .rank = info.rank};
        memcpy(out[i].dims, info.dims, sizeof out[i].dims);
        out[i].bytes = infer_tensor_elements(&out[i]) * infer_type_size(info.type);
        out[i].data = fuzz_block(NULL, out[i].bytes);
        memset(out[i].data, 0xa5, out[i].bytes);
    }
    infer_status status = infer_run(s, r->in, r->nin, out, r->nout, &err);
    REQUIRE(status == err.status && status != INFER_ERROR_INTERNAL);
    REQUIRE(status == INFER_OK || s->program->plan.now);
    return status == INFER_OK;
}

static void free_data(infer_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(t[i].data);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The model's file with what the session packs, in a block of its own; NULL: nothing is stored. */
static unsigned char *store(const infer_model *m, const infer_session *s, size_t *size)
{
    const struct infer__plan *plan = &s->program->plan;
    const struct infer__stored_for by = {.level = INFER_ISA_C, .library = infer__stored_library()};
    struct infer__section packed = {INFER__SECTION_PACKED, NULL, 0};
    const struct infer__file_content content = {.graph = &m->graph, .extra = &packed, .nextra = 1};
    infer_allocator a = infer__allocator(NULL);
    struct infer__region region;
    infer_error err;
    unsigned char *file = NULL;
    void *section = NULL, *bytes = NULL;
    uint32_t n;
    infer__region_init(&region, NULL);
    struct infer__stored_entry *e = infer__region_calloc(&region, plan->nsteps + 1, sizeof *e);
    REQUIRE(e != NULL);
    REQUIRE(infer__list_stored(plan, m, &region, e, &n, &err) == INFER_OK);
    if (n && infer__stored_encode(&by, m->weights_sum, e, n, NULL, &section, &packed.size, &err) ==
                 INFER_OK) {
        packed.data = section;
        if (infer__file_write(&content, NULL, &bytes, size, &err) == INFER_OK)
            file = fuzz_block(bytes, *size);
        infer__free(&a, bytes);
        infer__free(&a, section);
    }
    infer__region_free(&region);
    return file;
}

static void spoil(struct run *r, unsigned char *p, size_t size)
{
    static const uint32_t edges[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x80000000, 1,
                                     0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000001, 0x5f000000,
                                     0xffffffff, 0x7fffffff, 0x3f800000, 0,          0x01010101};
    const enum damage damage = r->choice[2] % DAMAGES;
    for (size_t n = 1 + rng_below(&r->rng, 16); damage == FEW_BYTES && n; n--)
        p[rng_below(&r->rng, (uint32_t)size)] = (unsigned char)rng_next(&r->rng);
    for (size_t i = 0; damage == BYTES && i < size; i++)
        p[i] = (unsigned char)rng_next(&r->rng);
    for (size_t i = 0; damage == EDGES && i + 4 <= size; i += 4)
        put_le(p + i, 4, edges[rng_below(&r->rng, sizeof edges / sizeof *edges)]);
}

/* Contents of entries, and of the weights, become something else; no checksum is made right. */
static void damage_file(struct run *r, const infer_model *m, unsigned char *file)
{
    for (uint32_t k = 0; k < m->npacked; k++)
        for (uint32_t i = 0; i < m->packed[k].nentries; i++) {
            const struct infer__stored_entry e = infer__stored_get(&m->packed[k], i);
            spoil(r, file + ((const unsigned char *)e.data - file), e.bytes);
        }
    size_t size;
    const unsigned char *weights = infer__model_section(m, INFER__SECTION_WEIGHTS, &size);
    if (weights && r->choice[1] & WEIGHTS_TOO)
        spoil(r, file + (weights - file), size);
}

/* ---- the property --------------------------------------------------------------------------- */

static uint32_t stored_steps(const infer_session *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->program->plan.nsteps; i++)
        n += s->program->plan.steps[i].stored;
    return n;
}

/* A run with what is stored: as `want`, unless something was damaged. */
static void use(struct run *r, unsigned char *file, size_t size, const infer_tensor *want)
{
    infer_tensor out[MOST_TENSORS] = {{0}};
    infer_model *m;
    infer_error err;
    infer_status status = infer_load_memory(file, size, NULL, &m, &err);
    REQUIRE(status == INFER_OK && m->npacked == 1);
    const int damaged = r->choice[2] % DAMAGES != NONE;
    if (damaged)
        damage_file(r, m, file);
    infer_session *s = make(r, m, &status);
    REQUIRE(s || (damaged && r->choice[1] & WEIGHTS_TOO));
    if (s) {
        REQUIRE(stored_steps(s) || (damaged && r->choice[1] & WEIGHTS_TOO));
        const int good = run(r, s, out);
        for (size_t i = 0; i < r->nout && good && want && !damaged; i++) {
            REQUIRE(out[i].bytes == want[i].bytes);
            REQUIRE(memcmp(out[i].data, want[i].data, out[i].bytes) == 0);
        }
        free_data(out, r->nout);
    }
    infer_session_free(&s);
    infer_model_free(&m);
}

static void look(struct run *r, const infer_model *m)
{
    infer_tensor want[MOST_TENSORS] = {{0}};
    infer_status status;
    infer_session *s = make(r, m, &status);
    size_t size;
    unsigned char *file = s ? store(m, s, &size) : NULL;
    if (file) {
        const int good = run(r, s, want);
        use(r, file, size, good ? want : NULL);
        free_data(want, r->nout);
    }
    free(file);
    infer_session_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_choices choices;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m = NULL;
    infer_error err;
    size_t bytes = fuzz_split(data, size, &choices);
    unsigned char *file = fuzz_block(data, bytes);
    fuzz_reseal(file, bytes);
    o.max_file_bytes = MOST_FILE;
    o.max_tensor_bytes = MOST_TENSOR;
    o.max_nodes = 64;
    o.max_values = 512;
    infer_status status = infer_load_memory(file, bytes, &o, &m, &err);
    REQUIRE(status == err.status && (status == INFER_OK) == (m != NULL));
    if (m && infer_model_inputs(m) <= MOST_TENSORS && infer_model_outputs(m) <= MOST_TENSORS) {
        struct run r = {
            .choice = choices.byte, .nin = infer_model_inputs(m), .nout = infer_model_outputs(m)};
        int fit = 1;
        r.rng.state = get_le(choices.byte + 4, 4);
        for (size_t i = 0; i < r.nin; i++)
            fit &= make_input(&r, m, i);
        if (fit)
            look(&r, m);
        free_data(r.in, r.nin);
    }
    infer_model_free(&m);
    free(file);
    return 0;
}
