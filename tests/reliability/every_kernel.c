/* Random tasks from the rows of every_kernel.def; see every_kernel.h. */
#include "tests/reliability/every_kernel.h"
#include "base/cpu.h"
#include "plan/driver.h"

#include <signal.h>

#include "bench/kernel_bench.h"

enum { LETTERS = 26, DRAWS_AGAIN = 20, MOST_BYTES = 16 << 20 };

struct row {
    struct bench_shape shape;
    int fold; /* a plan computes it beforehand: its task is made of the node itself */
};

static const struct row rows[] = {
#define ROW(kind, op, operands, attributes)                                                        \
    {{MACHINE_##kind, "", op, operands, attributes, "", 0}, 0},
#define OUTPUTS(n, op, operands, attributes)                                                       \
    {{MACHINE_F32, "", op, operands, attributes, "", n}, 0},
#define FOLD(op, operands, attributes) {{MACHINE_F32, "", op, operands, attributes, "", 0}, 1},
#include "tests/reliability/every_kernel.def"
#undef ROW
#undef OUTPUTS
#undef FOLD
};

/* ---- sizes ---------------------------------------------------------------------------------- */

static const struct range {
    char letter;
    int low, high;
} ranges[] = {{'A', 1, 9}, {'B', 64, 160}, {'C', 1, 40}, {'D', 1, 2},   {'E', 1, 6},
              {'G', 2, 9}, {'H', 1, 24},   {'K', 1, 5},  {'L', 1, 300}, {'M', 1, 80},
              {'N', 1, 3}, {'P', 0, 2},    {'R', 2, 3},  {'S', 1, 2},   {'W', 1, 24}};

/* Sizes at and beside multiples of 8 are those where kernels change from whole vectors to tails. */
static void draw_sizes(int64_t size[LETTERS], uint64_t *r)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *g = &ranges[i];
        int64_t v = random_int(r, g->low, g->high);
        if (g->high >= 24 && random_int(r, 0, 1))
            v = v / 8 * 8 + random_int(r, -1, 1);
        size[g->letter - 'A'] = v < g->low ? g->low : v > g->high ? g->high : v;
    }
}

/* Reads letters and numbers side by side: their product. Returns where they end, or NULL if they
 * have no letter. */
static const char *read_product(const char *p, const int64_t size[LETTERS], int64_t *product)
{
    int letters = 0;
    for (*product = 1; (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z');) {
        if (*p >= 'A') {
            *product *= size[*p++ - 'A'];
            letters++;
        } else {
            char *end;
            *product *= strtol(p, &end, 10);
            p = end;
        }
    }
    return letters ? p : NULL;
}

/* `text` with sizes for its capital letters; those inside of names ("transB") stay. */
static void put_sizes(const char *text, const int64_t size[LETTERS], char *out, size_t room)
{
    size_t at = 0;
    char before = ' ';
    while (*text && at + 24 < room) {
        int64_t product;
        int inside = before >= 'a' && before <= 'z' && before != 'x';
        const char *end = inside ? NULL : read_product(text, size, &product);
        before = *text;
        if (end) {
            at += (size_t)snprintf(out + at, room - at, "%lld", (long long)product);
            text = end;
        } else {
            out[at++] = *text++;
        }
    }
    out[at] = 0;
}

/* ---- what is looked at ---------------------------------------------------------------------- */

/* The task that a signal handler tells of. */
static const char *volatile at_work = "";

static void tell(int signal_number)
{
    static const char head[] = "a fault in ";
    (void)signal_number;
    (void)!write(2, head, sizeof head - 1);
    (void)!write(2, every_running, strlen(every_running));
    (void)!write(2, "; ", 2);
    (void)!write(2, at_work, strlen(at_work));
    (void)!write(2, "\n", 1);
    _exit(1);
}

/* Control flow makes no task by itself, and what is the application's has no function here:
 * fuzz_session, tests/test_control.c and tests/test_tool_custom.c run them. */
static int is_alone(const struct infer__kernel *k)
{
    return strcmp(k->name, "control_c") != 0 && strcmp(k->name, "custom_c") != 0;
}

int every_wanted(const struct infer__kernel *k)
{
    const char *only = getenv("INFER_EVERY");
    return !strstr(k->name, "onednn") && is_alone(k) && infer_cpu_has(k->isa) &&
           (!only || strcmp(only, k->name) == 0);
}

struct tally {
    struct check *c;
    every_visit *visit;
    uint64_t *seen; /* tasks of each kernel */
};

/* The definition is the plain kernel that stands first. Where operands may be rounded to bf16 the
 * kernels that do so have one of their own; others serve the same task without that word too. */
static int is_listed(const struct infer__kernel *k, unsigned op)
{
    uint32_t at = 0;
    for (const struct infer__kernel *other; (other = infer__kernel_next(op, &at));)
        if (other == k)
            return 1;
    return 0;
}

static void find_kernels(struct check *c, struct every_task *e)
{
    e->kernels[0] = NULL;
    e->nkernels = 1;
    for (int i = 0; infer__kernels[i] && e->nkernels < EVERY_KERNELS; i++) {
        const struct infer__kernel *k = infer__kernels[i];
        struct infer__task t = e->t;
        t.isa = k->isa; /* the best level of this CPU need not have all others */
        if (!infer_cpu_has((infer_isa)k->isa) || !(infer__kernel_ns(k, &t) >= 0) ||
            (e->t.bf16 && !strstr(k->name, "bf16")))
            continue;
        if (!is_listed(k, e->t.op))
            check_failed(c, "kernels.def does not list %s for operator %u", k->name, e->t.op);
        if (k->isa == INFER_ISA_C && !e->kernels[0])
            e->kernels[0] = k;
        else if (every_wanted(k))
            e->kernels[e->nkernels++] = k;
    }
}

static void look_at(struct tally *a, struct every_task *e)
{
    uint64_t bytes = 0;
    find_kernels(a->c, e);
    for (uint32_t i = 0; i < e->t.nin; i++)
        bytes += every_bytes(&e->in[i]);
    if ((!e->kernels[0] && e->nkernels == 1) || bytes > MOST_BYTES)
        return;
    at_work = e->text;
    for (int k = 0; k < e->nkernels; k++)
        for (int i = 0; infer__kernels[i]; i++)
            if (infer__kernels[i] == e->kernels[k])
                a->seen[i]++;
    a->visit(a->c, e);
    every_drop(e);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static void take_operands(struct every_task *e, const struct infer__operand *in,
                          const struct infer__operand *out)
{
    memcpy(e->in, in, e->t.nin * sizeof *in);
    memcpy(e->out, out, e->t.nout * sizeof *out);
    e->t.in = e->in;
    e->t.out = e->out;
    e->t.threads = 1;
    e->t.isa = (uint8_t)infer_cpu_isa();
    e->t.onednn = 0;
}

static const uint16_t activations[] = {
    INFER__OP_NONE,    INFER__OP_RELU,         INFER__OP_CLIP,       INFER__OP_LEAKY_RELU,
    INFER__OP_SIGMOID, INFER__OP_HARD_SIGMOID, INFER__OP_HARD_SWISH, INFER__OP_TANH,
    INFER__OP_ELU,     INFER__OP_SOFTPLUS,     INFER__OP_MISH,       INFER__OP_ERF,
    INFER__OP_SILU,    INFER__OP_GELU};

static void draw_activation(struct infer__epilogue *e, uint64_t *r)
{
    int n = (int)(sizeof activations / sizeof *activations);
    e->act = activations[random_int(r, 0, 1) ? random_int(r, 0, 2) : random_int(r, 0, n - 1)];
    e->alpha = e->act == INFER__OP_CLIP ? -1 : 0.2F;
    e->beta = e->act == INFER__OP_CLIP ? 2 : 0.5F;
}

/* The same task with an activation and perhaps a residual behind it, if any kernel serves that. */
static void look_at_more(struct tally *a, struct every_task *e, uint64_t *r)
{
    struct every_task more = *e;
    more.t.in = more.in;
    more.t.out = more.out;
    if (more.out[0].type != INFER_F32 || more.t.epi.act || more.t.epi.residual || more.t.nout != 1)
        return;
    draw_activation(&more.t.epi, r);
    if (more.t.inner) {
        for (int i = 0; i < 2; i++)
            draw_activation(&more.inner[i], r);
        more.t.inner = more.inner;
    }
    if (random_int(r, 0, 1) && more.t.nin < EVERY_OPERANDS) {
        more.t.epi.residual = 1;
        more.in[more.t.nin] = more.out[0];
        more.in[more.t.nin++].pitch = 0;
    }
    snprintf(more.text, sizeof more.text, "%.300s, then %s%s", e->text,
             more.t.epi.residual ? "a residual, " : "",
             more.t.epi.act ? infer__op_info(more.t.epi.act)->name : "nothing");
    find_kernels(a->c, &more);
    if (more.kernels[0])
        look_at(a, &more);
}

/* The same task on tensors of bf16, which pooling has kernels for, or on u8, for kernels that plans
 * do not ask for at present. */
static void look_at_narrow(struct tally *a, const struct every_task *e)
{
    static const float scale[2] = {0.05F, 0.04F};
    static const int32_t zero[2] = {117, 128};
    static const struct infer__quant quant[2] = {{1, 0, &scale[0], &zero[0]},
                                                 {1, 0, &scale[1], &zero[1]}};
    struct every_task narrow = *e;
    unsigned op = e->t.op;
    int pool = op >= INFER__OP_MAX_POOL && op <= INFER__OP_GLOBAL_MAX_POOL;
    int windows = op == INFER__OP_MAX_POOL || op == INFER__OP_AVERAGE_POOL;
    int bytes = op == INFER__OP_SOFTMAX || op == INFER__OP_LOG_SOFTMAX ||
                (op == INFER__OP_RESIZE && e->t.p.resize.mode != INFER__NEAREST);
    if ((!pool && !bytes) || e->in[0].type != INFER_F32 || e->t.nout != 1)
        return;
    narrow.t.in = narrow.in;
    narrow.t.out = narrow.out;
    narrow.in[0].type = pool ? INFER_BF16 : INFER_U8;
    narrow.out[0].type = bytes ? INFER_U8 : windows ? INFER_BF16 : INFER_F32;
    narrow.in[0].quant = bytes ? &quant[0] : NULL;
    narrow.out[0].quant = bytes ? &quant[1] : NULL;
    snprintf(narrow.text, sizeof narrow.text, "%.300s of %s", e->text,
             infer_type_name((infer_type)narrow.in[0].type));
    look_at(a, &narrow);
}

static void look_at_task(struct tally *a, struct every_task *e, const struct bench_shape *s)
{
    uint64_t r = e->seed;
    snprintf(e->text, sizeof e->text, "%s of %s %s, %s", infer__op_info(e->t.op)->name, s->op,
             s->operands, s->attributes);
    look_at(a, e);
    look_at_more(a, e, &r);
    look_at_narrow(a, e);
}

static infer_status plan_tasks(struct tally *a, const struct infer__graph *g,
                               const struct bench_shape *s, uint64_t seed, infer_error *err)
{
    struct infer__plan plan;
    struct infer__plan_options o = {.threads = 1,
                                    .isa = infer_cpu_isa(),
                                    .bf16 = s->kind == MACHINE_BF16,
                                    .max_tensor_bytes = UINT64_C(1) << 28};
    TRY(infer__plan_create(&plan, g, &o, NULL, err));
    for (uint32_t i = 0; i < plan.nsteps; i++) {
        const struct infer__task *t = &plan.steps[i].task;
        struct every_task e = {.t = *t, .seed = seed};
        if (t->nin >= EVERY_OPERANDS || t->nout > EVERY_OPERANDS || !t->nout)
            continue;
        take_operands(&e, t->in, t->out);
        look_at_task(a, &e, s);
    }
    infer__plan_free(&plan);
    return INFER_OK;
}

static struct infer__operand operand_of(const struct infer__value *v)
{
    struct infer__operand o = {.type = v->type, .rank = v->rank, .data = v->data};
    memcpy(o.dims, v->dims, sizeof o.dims);
    o.is_const = v->kind == INFER__VALUE_CONST;
    return o;
}

static infer_status node_task(struct tally *a, struct infer__graph *g, const struct bench_shape *s,
                              uint64_t seed, infer_error *err)
{
    const struct infer__node *n = &g->nodes[0];
    struct infer__operand in[EVERY_OPERANDS] = {0}, out[EVERY_OPERANDS] = {0};
    struct every_task e = {.t = {.op = n->op, .nin = n->nin, .nout = n->nout}, .seed = seed};
    TRY(infer__resolve_node(g, n, UINT64_C(1) << 28, &e.t.p, err));
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i])
            in[i] = operand_of(&g->values[n->in[i]]);
    for (uint32_t i = 0; i < n->nout; i++)
        out[i] = operand_of(&g->values[n->out[i]]);
    take_operands(&e, in, out);
    look_at_task(a, &e, s);
    return INFER_OK;
}

/* One draw of a row; 0: its sizes do not go together. */
static int draw(struct tally *a, const struct row *row, uint64_t seed)
{
    char operands[200], attributes[200];
    int64_t size[LETTERS] = {0};
    uint64_t r = seed;
    struct bench_shape s = row->shape;
    struct infer__region region;
    struct infer__graph g = {0};
    infer_error err;
    draw_sizes(size, &r);
    put_sizes(s.operands, size, operands, sizeof operands);
    put_sizes(s.attributes, size, attributes, sizeof attributes);
    s.operands = operands;
    s.attributes = attributes;
    infer__region_init(&region, NULL);
    infer_status status = bench_shape_graph(&s, &g, &region, &err);
    if (status == INFER_OK)
        status = row->fold ? node_task(a, &g, &s, seed, &err) : plan_tasks(a, &g, &s, seed, &err);
    infer__region_free(&region);
    if (status != INFER_OK && getenv("INFER_EVERY_TALKS"))
        fprintf(stderr, "%s %s, %s: %s\n", s.op, operands, attributes, err.message);
    return status == INFER_OK;
}

unsigned every_kernel(struct check *c, uint64_t draws, every_visit *visit)
{
    uint64_t seen[1024] = {0}, base = check_seed(20240601);
    struct tally a = {c, visit, seen};
    unsigned kernels = 0;
    signal(SIGSEGV, tell);
    signal(SIGBUS, tell);
    signal(SIGFPE, tell);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t n = 0, again = 0; n < draws; n++) {
            uint64_t seed = base + i * 1000003 + n * 7919 + again * 104729;
            if (draw(&a, &rows[i], seed))
                continue;
            if (++again > DRAWS_AGAIN * (draws + 1)) {
                check_failed(c, "no sizes for %s %s", rows[i].shape.op, rows[i].shape.operands);
                break;
            }
            n--;
        }
    for (int i = 0; infer__kernels[i]; i++) {
        if (!every_wanted(infer__kernels[i]))
            continue;
        kernels++;
        if (!seen[i])
            check_failed(c, "no row of every_kernel.def reaches %s", infer__kernels[i]->name);
    }
    return kernels;
}
