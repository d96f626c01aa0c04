/* Loading, making a session, running: what a program does with a model file.
 *
 * Property: whatever the file holds, each step gives a status that agrees with its error, and a
 * session that was made can be run. Inputs and outputs are blocks of exactly their tensors' size:
 * no byte beside them is touched, every byte of an output is written or lent, a second run gives
 * the same bytes, also where the session had other shapes in between, and nothing is left behind. A
 * session at level C is made if and only if one is made at the level asked for, and a file of one
 * node gives finite values there that are close. A session takes no more than its limit; -timeout,
 * -rss_limit_mb and -malloc_limit_mb of the engine bound time and what is not the allocator's.
 *
 * The input is a flat file, whose magic, size and checksums are made right first; its header says
 * where it ends. Behind it stand up to 32 bytes of choices, 0 where they are missing:
 *
 *      0  level, a place in `levels` (remainder by 8)
 *      1  bits: enum choice
 *      2  enum fill of the inputs
 *      3  threads less 1 (the lowest bit), strict sums (the next one)
 *    4-7  seed of the inputs' values
 *   8-31  the free dimensions of the inputs, one after the other, through free_sizes
 */
#include <math.h>

#include "base/clock.h"
#include "file/model.h"
#include "infer_experimental.h"
#include "run/session.h"
#include "tests/fuzz/fuzz.h"

enum choice {
    BF16 = 1,
    NO_TUNED = 2,
    PROFILE = 4,
    GIVE_VALUES = 8, /* of integer inputs, when the session is made */
    OWN_OUTPUTS = 16,
    COMPARE = 32,
    NO_SPECS = 64, /* the shapes of inputs are left to their defaults */
    RESHAPE = 128  /* other shapes, and back, between two runs */
};

enum fill { SMALL, EDGES, BYTES, ZEROS, FILLS };

/* Small, so that one execution is quick; work beyond MOST_FLOPS is not run. */
enum {
    MOST_FILE = 1 << 18,
    MOST_TENSOR = 1 << 16,
    MOST_MEMORY = 1 << 24, /* of a session */
    MOST_NODES = 64,
    MOST_VALUES = 512,
    MOST_TENSORS = 16, /* inputs, outputs */
    MOST_FLOPS = 4000000,
    MOST_NS = 20000000 /* of a run with loops */
};

unsigned fuzz_session_runs;

struct run {
    const infer_model *model;
    const uint8_t *choice;
    struct rng rng;
    infer_tensor in[MOST_TENSORS];
    size_t nin;
};

static const int64_t free_sizes[] = {1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     7,
                                     8,
                                     9,
                                     0,
                                     15,
                                     16,
                                     17,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     65,
                                     127,
                                     128,
                                     129,
                                     255,
                                     -1,
                                     1000,
                                     4096,
                                     65535,
                                     65536,
                                     INT32_MAX,
                                     INT64_C(1) << 31,
                                     INT64_C(1) << 32,
                                     (INT64_C(1) << 61) + 1,
                                     INT64_MAX};

/* ---- inputs --------------------------------------------------------------------------------- */

static void fill_f32(struct run *r, float *x, size_t n, enum fill fill)
{
    static const uint32_t edges[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x80000000, 1,
                                     0x807fffff, 0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000001,
                                     0x5f000000, 0x3f800000, 0x33800000, 0x4b000001, 0xbf000000};
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = edges[rng_below(&r->rng, sizeof edges / sizeof *edges)];
        x[i] = ((float)rng_below(&r->rng, 4096) - 2048) / 512;
        if (fill == EDGES && rng_below(&r->rng, 4) == 0)
            memcpy(&x[i], &bits, sizeof bits);
    }
}

static void fill_ints(struct run *r, unsigned char *x, size_t bytes, size_t width, enum fill fill)
{
    for (size_t i = 0; i + width <= bytes; i += width) {
        uint64_t v = rng_below(&r->rng, 6);
        if (rng_below(&r->rng, 8) == 0)
            v = ~v;
        if (fill == EDGES && rng_below(&r->rng, 4) == 0)
            v = (uint64_t)free_sizes[rng_below(&r->rng, sizeof free_sizes / sizeof *free_sizes)];
        put_le(x + i, width, v);
    }
}

static void fill_input(struct run *r, infer_tensor *t)
{
    enum fill fill = r->choice[2] % FILLS;
    unsigned char *p = t->data;
    if (fill == BYTES)
        for (size_t i = 0; i < t->bytes; i++)
            p[i] = (unsigned char)rng_next(&r->rng);
    else if (fill == ZEROS)
        memset(p, 0, t->bytes);
    else if (t->type == INFER_F32)
        fill_f32(r, t->data, t->bytes / sizeof(float), fill);
    else
        fill_ints(r, p, t->bytes, infer_type_size(t->type), fill);
}

/* The shape of input i, with its free dimensions as the choices say. Returns 0 where it has too
 * many bytes for a test to hold. */
static int shape_input(struct run *r, size_t i, unsigned *free_so_far)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_tensor *t = &r->in[i];
    REQUIRE(infer_model_input(r->model, i, &info, NULL) == INFER_OK);
    *t = (infer_tensor){.type = info.type, .rank = info.rank};
    double bytes = (double)infer_type_size(info.type);
    for (int d = 0; d < info.rank; d++) {
        t->dims[d] = info.dims[d];
        if (info.free_dims >> d & 1)
            t->dims[d] = free_sizes[r->choice[8 + (*free_so_far)++ % 24] %
                                    (sizeof free_sizes / sizeof *free_sizes)];
        bytes *= (double)t->dims[d];
    }
    if (bytes < 0 || bytes > MOST_TENSOR)
        return 0;
    t->bytes = (size_t)bytes;
    t->data = fuzz_block(NULL, t->bytes);
    fill_input(r, t);
    return 1;
}

/* ---- sessions ------------------------------------------------------------------------------- */

/* What a session is made with: the inputs' shapes, and values where the choices say so. */
static size_t fill_specs(struct run *r, infer_input_spec specs[MOST_TENSORS])
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    unsigned bits = r->choice[1];
    size_t n = 0;
    for (size_t i = 0; i < r->nin && !(bits & NO_SPECS); i++) {
        infer_input_spec *s = &specs[n++];
        REQUIRE(infer_model_input(r->model, i, &info, NULL) == INFER_OK);
        s->name = info.name;
        s->rank = r->in[i].rank;
        memcpy(s->dims, r->in[i].dims, sizeof s->dims);
        if (bits & GIVE_VALUES && (info.type == INFER_S64 || info.type == INFER_S32))
            s->data = r->in[i].data;
    }
    return n;
}

static infer_status make_session(struct run *r, infer_isa isa, infer_session **session)
{
    infer_input_spec specs[MOST_TENSORS] = {{0}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    unsigned bits = r->choice[1];
    o.inputs = specs;
    o.ninputs = fill_specs(r, specs);
    o.threads = 1 + (r->choice[3] & 1);
    o.isa = isa;
    o.max_memory_bytes = MOST_MEMORY;
    o.max_work = MOST_FLOPS;
    o.profile = (bits & PROFILE) != 0;
    o.no_tuned = (bits & NO_TUNED) != 0;
    o.precision = bits & BF16        ? INFER_PRECISION_BF16
                  : r->choice[3] & 2 ? INFER_PRECISION_F32_STRICT
                                     : INFER_PRECISION_F32;
    infer_status status = infer_session_create(r->model, &o, session, &err);
    REQUIRE(status == err.status && (status == INFER_OK) == (*session != NULL));
    REQUIRE(status != INFER_ERROR_INTERNAL);
    return status;
}

/* Floating-point operations of a run, as far as the steps tell. */
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

/* Whether the session takes the inputs as they are: with NO_SPECS their shapes may be others. */
static int fits(const struct run *r, const infer_session *s)
{
    int same = infer_session_inputs(s) == r->nin;
    for (size_t i = 0; i < r->nin; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        REQUIRE(infer_session_input(s, i, &info, NULL) == INFER_OK);
        same &= info.rank == r->in[i].rank &&
                memcmp(info.dims, r->in[i].dims, (size_t)info.rank * sizeof *info.dims) == 0;
    }
    return same;
}

static void outputs_init(const infer_session *s, int own, infer_tensor *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        REQUIRE(infer_session_output(s, i, &info, NULL) == INFER_OK);
        out[i] = (infer_tensor){0};
        if (!own)
            continue;
        out[i].type = info.type;
        out[i].rank = info.rank;
        memcpy(out[i].dims, info.dims, sizeof out[i].dims);
        out[i].bytes = infer_tensor_elements(&out[i]) * infer_type_size(info.type);
        REQUIRE(out[i].bytes <= MOST_TENSOR);
        out[i].data = fuzz_block(NULL, out[i].bytes);
        memset(out[i].data, 0xa5, out[i].bytes);
    }
}

static void free_data(infer_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(t[i].data);
}

/* Other shapes, whatever becomes of them, then those that the session was made with: it has them
 * still, and can be run again. */
static void reshape(struct run *r, infer_session *s)
{
    infer_input_spec specs[MOST_TENSORS] = {{0}};
    infer_error err;
    const size_t n = fill_specs(r, specs);
    unsigned free_so_far = 0;
    for (size_t i = 0; i < n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        REQUIRE(infer_model_input(r->model, i, &info, NULL) == INFER_OK);
        for (int d = 0; d < info.rank; d++)
            if (info.free_dims >> d & 1)
                specs[i].dims[d] = free_sizes[r->choice[31 - free_so_far++ % 24] %
                                              (sizeof free_sizes / sizeof *free_sizes)];
        if (memcmp(specs[i].dims, r->in[i].dims, sizeof specs[i].dims) != 0)
            specs[i].data = NULL; /* its value has the other shape */
    }
    infer_status status = infer_session_reshape(s, specs, n, &err);
    REQUIRE(status == err.status && status != INFER_ERROR_INTERNAL);
    const size_t again = fill_specs(r, specs);
    REQUIRE(infer_session_reshape(s, specs, again, &err) == INFER_OK);
}

/* A run, which ends well but where sizes depend on values and do not go together, or where a loop
 * takes longer than MOST_NS: *late, if that is not NULL. */
static int run_once(struct run *r, infer_session *s, infer_tensor *out, size_t nout, int *late)
{
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    infer_error err;
    const int sizes = s->program->plan.now != NULL, control = s->program->plan.control != 0;
    o.deadline_ns = control ? infer__now_ns() + MOST_NS : 0;
    infer_status status = infer_run_with(s, &o, r->in, r->nin, out, nout, &err);
    REQUIRE(status == err.status);
    REQUIRE(status == INFER_OK || sizes || control);
    REQUIRE(status == INFER_OK || status == INFER_ERROR_SHAPE ||
            (sizes && (status == INFER_ERROR_LIMIT || status == INFER_ERROR_UNSUPPORTED)) ||
            (control && status == INFER_ERROR_DEADLINE));
    if (late)
        *late |= status == INFER_ERROR_DEADLINE;
    return status == INFER_OK;
}

static size_t bytes_of(const infer_tensor *t)
{
    return infer_tensor_elements(t) * infer_type_size(t->type);
}

/* Runs twice, into memory of the caller and of the session in turn: the same bytes both times. The
 * last outputs are the session's own, in `out`. */
static int run_twice(struct run *r, infer_session *s, infer_tensor *out, size_t nout)
{
    infer_tensor own[MOST_TENSORS];
    outputs_init(s, (r->choice[1] & OWN_OUTPUTS) != 0, own, nout);
    int late = 0;
    int good = run_once(r, s, own, nout, &late);
    outputs_init(s, 0, out, nout);
    if (!(r->choice[1] & OWN_OUTPUTS)) {
        for (size_t i = 0; i < nout; i++)
            own[i].data = fuzz_block(own[i].data, own[i].bytes);
    }
    if (r->choice[1] & RESHAPE)
        reshape(r, s);
    const int again = run_once(r, s, out, nout, &late);
    REQUIRE(late || again == good);
    good &= !late;
    for (size_t i = 0; i < nout && good; i++) {
        REQUIRE(out[i].bytes == own[i].bytes);
        REQUIRE(memcmp(out[i].dims, own[i].dims, sizeof out[i].dims) == 0);
        REQUIRE(memcmp(out[i].data, own[i].data, bytes_of(&out[i])) == 0);
    }
    free_data(own, nout);
    return good;
}

/* ---- levels compared ------------------------------------------------------------------------ */

/* Close to 1 part in 1000 of the largest value: kernels may add in another order, and exponentials
 * differ in the last bits. */
static void compare(const infer_tensor *a, const infer_tensor *b)
{
    const float *x = a->data, *y = b->data;
    size_t n = infer_tensor_elements(a);
    float most = 1;
    REQUIRE(a->type == b->type && a->rank == b->rank && a->bytes == b->bytes);
    REQUIRE(memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
    if (a->type != INFER_F32)
        return;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || !isfinite(y[i]))
            return;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(x[i]));
    for (size_t i = 0; i < n; i++)
        REQUIRE(fabsf(x[i] - y[i]) <= 1e-3f * most);
}

/* The same at level C. */
static void check_level_c(struct run *r, infer_session *s, infer_status status,
                          const infer_tensor *out, size_t nout, int close)
{
    infer_session *plain = NULL;
    infer_tensor again[MOST_TENSORS];
    infer_status here = make_session(r, INFER_ISA_C, &plain);
    REQUIRE((here == INFER_OK) == (status == INFER_OK));
    if (s && plain && out && work(plain) <= MOST_FLOPS) {
        outputs_init(plain, 0, again, nout);
        const int good = run_once(r, plain, again, nout, NULL);
        REQUIRE(good || s->program->plan.now || s->program->plan.control);
        for (size_t i = 0; i < nout && close && good; i++)
            compare(&out[i], &again[i]);
    }
    infer_session_free(&plain);
}

/* ---- an operator of the application's: each result is a copy of the first operand ------------ */

static infer_status copy_shape(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    for (size_t k = 0; k < call->nout && call->nin; k++) {
        call->out[k].type = call->in[0].type;
        call->out[k].rank = call->in[0].rank;
        memcpy(call->out[k].dims, call->in[0].dims, sizeof call->out[k].dims);
    }
    return call->nin ? INFER_OK : INFER_ERROR_UNSUPPORTED;
}

static infer_status copy_run(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    for (size_t k = call->part; k < call->nout; k += call->parts)
        memcpy(call->out[k].data, call->in[0].data, call->in[0].bytes);
    return INFER_OK;
}

static const infer_custom_op copies = {
    .domain = "d", .name = "n", .shape = copy_shape, .run = copy_run, .parts = 2};

static const infer_isa levels[8] = {INFER_ISA_DEFAULT, INFER_ISA_C,          INFER_ISA_AVX2,
                                    INFER_ISA_AVX512,  INFER_ISA_AVX512VNNI, INFER_ISA_AVX512BF16,
                                    INFER_ISA_AMX,     INFER_ISA_AVX2VNNI};

static void use(struct run *r)
{
    infer_session *s = NULL;
    infer_tensor out[MOST_TENSORS];
    unsigned bits = r->choice[1];
    size_t nout = infer_model_outputs(r->model);
    infer_status status = make_session(r, levels[r->choice[0] % 8], &s);
    int runs = s && fits(r, s) && work(s) <= MOST_FLOPS;
    fuzz_session_runs += (unsigned)runs;
    if (runs)
        runs = run_twice(r, s, out, nout);
    if (bits & COMPARE && !(bits & BF16))
        check_level_c(r, s, status, runs ? out : NULL, nout,
                      r->model->graph.nnodes == 1 && r->choice[2] % FILLS == SMALL);
    infer_session_free(&s);
}

/* ---- the input ------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counter counter;
    struct fuzz_choices choices;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m = NULL;
    infer_error err;
    size_t bytes = fuzz_split(data, size, &choices);
    unsigned char *file = fuzz_block(data, bytes);
    fuzz_reseal(file, bytes);
    o.allocator = counting(&counter);
    o.max_file_bytes = MOST_FILE;
    o.max_tensor_bytes = MOST_TENSOR;
    o.max_nodes = MOST_NODES;
    o.max_values = MOST_VALUES;
    o.custom_ops = &copies;
    o.ncustom_ops = 1;
    infer_status status = infer_load_memory(file, bytes, &o, &m, &err);
    REQUIRE(status == err.status && (status == INFER_OK) == (m != NULL));
    if (m && infer_model_inputs(m) <= MOST_TENSORS && infer_model_outputs(m) <= MOST_TENSORS) {
        struct run r = {.model = m, .choice = choices.byte, .nin = infer_model_inputs(m)};
        unsigned free_dims = 0;
        int fit = 1;
        r.rng.state = get_le(choices.byte + 4, 4);
        for (size_t i = 0; i < r.nin; i++)
            fit &= shape_input(&r, i, &free_dims);
        if (fit)
            use(&r);
        free_data(r.in, r.nin);
    }
    infer_model_free(&m);
    REQUIRE(counter.bytes == 0);
    REQUIRE(counter.peak <= 8 * bytes + 65536 + 2 * MOST_MEMORY); /* at most two sessions */
    free(file);
    return 0;
}
