/* Every kernel on the shapes of common networks: how long it takes, how near that is to what this
 * machine can do, and whether the plan's choice is the fastest.
 *
 * A row of shapes.def becomes a graph of one operator, and the graph a plan, as a session would
 * have it; of the plan's step every kernel that serves it is timed on one thread. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "bench/kernel_bench.h"
#include "bench/machine.h"
#include "file/model.h"
#include "plan/driver.h"
#include "plan/steps.h"
#include "plan/work.h"

static const struct bench_shape shapes[] = {
#define SHAPE(...) {MACHINE_F32, __VA_ARGS__, 0},
#define SHAPE_BF16(...) {MACHINE_BF16, __VA_ARGS__, 0},
#define SHAPE_INT8(...) {MACHINE_INT8, __VA_ARGS__, 0},
#include "bench/shapes.def"
#undef SHAPE
#undef SHAPE_BF16
#undef SHAPE_INT8
};

enum { NSHAPES = sizeof shapes / sizeof *shapes, MOST_KERNELS = 32, MOST_NOTES = 512 };
enum { USAGE = 2, BAD_INPUT = 3 };

static const char help_text[] =
    "Usage: kernels [OPTIONS]\n"
    "\n"
    "Times every kernel that serves an operator, on one thread, for the shapes of "
    "bench/shapes.def\n"
    "or for the layers of a model, and prints a table in Markdown.\n"
    "\n"
    "Options:\n"
    "  --op NAME          only this operator, in ONNX's spelling\n"
    "  --network NAME     only shapes of this network\n"
    "  --model FILE       the layers of a .infer file instead of bench/shapes.def\n"
    "  --kernel TEXT      only kernels with this in their name\n"
    "  --isa LEVEL        c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16 or amx (default: the "
    "best)\n"
    "  --ms N             how long to time each kernel (default 60)\n"
    "  --slowest N        leave out kernels that should take longer than N ms (default 400)\n"
    "  --help             this page\n"
    "\n"
    "Columns: the fastest run, and what the kernel estimates for it, in ms; GFLOP/s and GB/s\n"
    "(operands and weights, once); % of the machine's limit, which is its measured multiply-add\n"
    "rate or its measured read rate for that many bytes, whichever takes longer (kernels of fewer\n"
    "operations, such as Winograd's, may pass 100); the largest difference from the first kernel\n"
    "of the group, of the largest value; \"chosen\" by estimate.\n";

struct note {
    char text[200];
};

struct run {
    const char *op, *network, *model, *kernel;
    infer_isa isa;
    double ms, slowest_ms;
    struct machine machine;
    int bf16;                /* the row that is being timed wants it */
    struct infer__plan plan; /* whose steps are being timed */
    uint64_t *seen;          /* tasks of a model that are in the table already */
    size_t nseen;
    struct note notes[MOST_NOTES];
    size_t nnotes;
};

/* ---- text ----------------------------------------------------------------------------------- */

static size_t put(char *text, size_t size, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static size_t put(char *text, size_t size, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = at < size ? vsnprintf(text + at, size - at, format, args) : 0;
    va_end(args);
    return n < 0 ? at : at + (size_t)n;
}

static size_t put_dims(char *text, size_t size, size_t at, const struct infer__operand *o)
{
    for (int i = 0; i < o->rank; i++)
        at = put(text, size, at, "%s%lld", i ? "x" : "", (long long)o->dims[i]);
    return at;
}

static int has_window(const struct infer__task *t)
{
    return t->op == INFER__OP_CONV || t->op == INFER__OP_CONV_TRANSPOSE ||
           t->op == INFER__OP_MAX_POOL || t->op == INFER__OP_AVERAGE_POOL;
}

/* "1x56x56x64, 3x3/2 g64 to 1x28x28x64" */
static void describe(const struct infer__task *t, char *text, size_t size)
{
    const struct infer__window *w = &t->p.window;
    size_t at = t->nin ? put_dims(text, size, 0, &t->in[0]) : put(text, size, 0, "%s", "");
    if (has_window(t)) {
        at = put(text, size, at, ", %lldx%lld", (long long)w->kernel[1], (long long)w->kernel[2]);
        if (w->stride[2] > 1)
            at = put(text, size, at, "/%lld", (long long)w->stride[2]);
        if (w->dilation[2] > 1)
            at = put(text, size, at, " d%lld", (long long)w->dilation[2]);
        if (w->groups > 1)
            at = put(text, size, at, " g%lld", (long long)w->groups);
    }
    at = put(text, size, at, " to ");
    at = put_dims(text, size, at, &t->out[0]);
    if (t->epi.residual)
        at = put(text, size, at, ", residual");
    if (t->epi.act)
        at = put(text, size, at, ", %s", infer__op_info(t->epi.act)->name);
}

static void note(struct run *r, const char *network, const char *op, const char *shape,
                 const char *chosen, double loss, const char *fastest)
{
    if (r->nnotes < MOST_NOTES)
        snprintf(r->notes[r->nnotes++].text, sizeof r->notes->text,
                 "| %s | %s | %s | %s | %s | %.2f |", network, op, shape, chosen, fastest, loss);
}

/* ---- one step ------------------------------------------------------------------------------- */

static void print_row(const struct run *r, const char *network, const struct infer__step *s,
                      const char *shape, const char *kernel, double estimate,
                      const struct bench_time *time, int chosen)
{
    const double ns = time->ms * 1e6, flops = (double)infer__task_flops(&s->task);
    const double bytes = (double)infer__step_bytes(&r->plan, s);
    printf("| %s | %s | %s | %s | %.4f | %.4f | %.1f | %.1f | %.0f | %.0e | %s |\n", network,
           infer__op_info(s->task.op)->name, shape, kernel, time->ms, estimate / 1e6, flops / ns,
           bytes / ns,
           100 * machine_floor_ns(&r->machine, machine_kind_of(kernel), flops, bytes) / ns,
           time->difference, chosen ? "chosen" : "");
}

/* Every kernel that serves the step, in the order of kernels.def: the reference is first. */
static infer_status bench_step(struct run *r, const char *network, const struct infer__step *s,
                               infer_error *err)
{
    struct bench_task b;
    char shape[120] = "";
    const struct infer__kernel *chosen = infer__kernel_choose(&s->task), *fastest = NULL;
    double best = 0, chosen_ms = 0;
    infer_status status = INFER_OK;
    if (!bench_task_init(&b, &s->task)) {
        bench_task_free(&b);
        return infer__no_memory(err, 0);
    }
    describe(&b.t, shape, sizeof shape);
    for (const struct infer__kernel *const *k = infer__kernels; *k && !status; k++) {
        struct bench_time time = {0};
        double estimate = infer__kernel_ns(*k, &b.t);
        int wanted = !r->kernel || strstr((*k)->name, r->kernel);
        if (!(estimate >= 0) || !wanted || (estimate > r->slowest_ms * 1e6 && *k != chosen))
            continue;
        status = bench_kernel_time(&b, *k, r->ms, &time, err);
        if (status == INFER_ERROR_UNSUPPORTED) {
            status = INFER_OK;
            continue;
        }
        if (status)
            break;
        print_row(r, network, s, shape, (*k)->name, estimate, &time, *k == chosen);
        chosen_ms = *k == chosen ? time.ms : chosen_ms;
        if (!fastest || time.ms < best)
            fastest = *k, best = time.ms;
    }
    if (fastest && fastest != chosen && chosen_ms > 1.1 * best)
        note(r, network, infer__op_info(s->task.op)->name, shape, chosen->name, chosen_ms / best,
             fastest->name);
    bench_task_free(&b);
    return status;
}

/* FNV-1a over what the table shows of a task. */
static uint64_t signature(const struct infer__task *t)
{
    char text[160];
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    size_t at = put(text, sizeof text, 0, "%u:%u ", (unsigned)t->op, (unsigned)t->out[0].type);
    describe(t, text + at, sizeof text - at);
    for (const char *p = text; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001B3);
    return h;
}

/* Each kind of layer once. */
static int is_new(struct run *r, const struct infer__step *s)
{
    uint64_t h = signature(&s->task);
    for (size_t i = 0; i < r->nseen; i++)
        if (r->seen[i] == h)
            return 0;
    r->seen[r->nseen++] = h;
    return 1;
}

/* ---- plans ---------------------------------------------------------------------------------- */

/* The steps of a graph with the operator (NULL: all). */
static infer_status bench_graph(struct run *r, const char *network, const struct infer__graph *g,
                                const char *op, infer_error *err)
{
    struct infer__plan_options o = {.threads = 1,
                                    .machine = infer__cpu_machine(),
                                    .isa = r->isa,
                                    .bf16 = r->bf16,
                                    .onednn = infer_has_onednn() && r->isa == infer_cpu_isa(),
                                    .max_tensor_bytes = UINT64_C(2) << 30};
    TRY(infer__plan_create(&r->plan, g, &o, NULL, err));
    infer_status status = INFER_OK;
    r->seen = calloc(r->plan.nsteps + 1, sizeof *r->seen);
    r->nseen = 0;
    if (!r->seen)
        status = infer__no_memory(err, r->plan.nsteps * sizeof *r->seen);
    for (uint32_t i = 0; i < r->plan.nsteps && !status; i++) {
        const struct infer__step *s = &r->plan.steps[i];
        int wanted = !op || strcmp(op, infer__op_info(s->task.op)->name) == 0;
        if (wanted && s->task.nout && is_new(r, s))
            status = bench_step(r, network, s, err);
    }
    free(r->seen);
    infer__plan_free(&r->plan);
    return status;
}

static infer_status bench_shapes(struct run *r, infer_error *err)
{
    for (size_t i = 0; i < NSHAPES; i++) {
        const struct bench_shape *s = &shapes[i];
        struct infer__region region;
        struct infer__graph g = {0};
        if ((r->op && strcmp(r->op, s->op) != 0) || (r->network && strcmp(r->network, s->network)))
            continue;
        if (s->kind == MACHINE_BF16 && !infer__isa_has(r->isa, INFER_ISA_AVX512BF16))
            continue;
        fprintf(stderr, "[%zu/%d] %s, %s %s\n", i + 1, (int)NSHAPES, s->network, s->op,
                s->operands);
        r->bf16 = s->kind == MACHINE_BF16;
        infer__region_init(&region, NULL);
        infer_status status = bench_shape_graph(s, &g, &region, err);
        if (status == INFER_OK) /* of int8 all steps: an operator may be another one on integers */
            status = bench_graph(r, s->network, &g, s->kind == MACHINE_INT8 ? NULL : s->op, err);
        infer__region_free(&region);
        TRY(status);
    }
    return INFER_OK;
}

static infer_status bench_model(struct run *r, infer_error *err)
{
    infer_model *model;
    TRY(infer_load(r->model, NULL, &model, err));
    const char *name = strrchr(r->model, '/');
    infer_status status = bench_graph(r, name ? name + 1 : r->model, &model->graph, r->op, err);
    infer_model_free(&model);
    return status;
}

/* ---- the program ---------------------------------------------------------------------------- */

static void print_head(const struct run *r)
{
    printf("Level %s, one thread: %.0f GFLOP/s of multiply-adds; reads at",
           infer_isa_name(r->machine.isa), r->machine.gflops[MACHINE_F32]);
    for (int i = 0; i < MACHINE_SIZES; i++)
        printf("%s %.0f GB/s (%g KB)", i ? "," : "", r->machine.gbytes[i], machine_sizes[i] / 1e3);
    printf(".\n\n| network | op | shape | kernel | ms | estimate | GFLOP/s | GB/s | %% of limit | "
           "difference | |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void print_notes(const struct run *r)
{
    if (r->nnotes)
        printf("\nNot the fastest kernel chosen, by more than a tenth:\n\n"
               "| network | op | shape | chosen | fastest | times as long |\n"
               "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < r->nnotes; i++)
        puts(r->notes[i].text);
}

static int usage(const char *what, const char *text)
{
    fprintf(stderr, "kernels: %s '%s'; see --help\n", what, text);
    return USAGE;
}

static int parse_positive(const char *text, double *v)
{
    char *end;
    *v = strtod(text, &end);
    return end == text || *end || !(*v > 0) ? usage("a number is needed, not", text) : 0;
}

static int parse_isa(const char *text, infer_isa *isa)
{
    const infer_isa named = infer__isa_named(text);
    *isa = infer__isa_usable(named);
    return named ? 0 : usage("there is no level", text);
}

/* Returns 0 to go on, -1 after --help, else what to exit with. */
static int parse(int argc, char **argv, struct run *r)
{
    static const struct option longs[] = {{"op", required_argument, NULL, 'o'},
                                          {"network", required_argument, NULL, 'n'},
                                          {"model", required_argument, NULL, 'm'},
                                          {"kernel", required_argument, NULL, 'k'},
                                          {"isa", required_argument, NULL, 'i'},
                                          {"ms", required_argument, NULL, 't'},
                                          {"slowest", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c, status = 0;
    while (!status && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'o')
            r->op = optarg;
        else if (c == 'n')
            r->network = optarg;
        else if (c == 'm')
            r->model = optarg;
        else if (c == 'k')
            r->kernel = optarg;
        else if (c == 'i')
            status = parse_isa(optarg, &r->isa);
        else if (c == 't')
            status = parse_positive(optarg, &r->ms);
        else if (c == 's')
            status = parse_positive(optarg, &r->slowest_ms);
        else
            status = c == 'h' ? -1 : USAGE;
    }
    if (!status && optind < argc)
        status = usage("no argument is expected:", argv[optind]);
    return status;
}

int main(int argc, char **argv)
{
    static struct run r = {.ms = 60, .slowest_ms = 400};
    infer_error err;
    r.isa = infer_cpu_isa();
    int status = parse(argc, argv, &r);
    if (status < 0)
        fputs(help_text, stdout);
    if (status)
        return status < 0 ? 0 : status;
    machine_measure(r.isa, 1, &r.machine);
    print_head(&r);
    infer_status done = r.model ? bench_model(&r, &err) : bench_shapes(&r, &err);
    if (done != INFER_OK) {
        fprintf(stderr, "kernels: %s [%s]\n", err.message, infer_status_name(err.status));
        return BAD_INPUT;
    }
    print_notes(&r);
    return fflush(stdout) || ferror(stdout) ? BAD_INPUT : 0;
}
