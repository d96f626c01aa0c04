/* R16: graphs of a million nodes, operands, inputs or outputs load, become sessions and run, in
 * time that grows no faster than n log n, in bounded memory, and on a stack of 256 KB. What the
 * importer does to a graph (optimise.c) takes time that grows no faster either.
 *
 * Each graph is written to a file by one process, and loaded and run by another, so that the peak
 * of resident memory is that of a program that does nothing else. Times are those of the CPU, which
 * a busy machine does not stretch as it does the clock's; the limit of 5 s is for a CPU that sorts
 * SORTED numbers in SORT_MS, and is longer on a slower one. */
#include "tests/reliability/check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file/model.h"
#include "tools/onnx/onnx_import.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHECKED = 1, STACK = 1 << 20 }; /* frames are several times as large, and so is memory */
#else
enum { CHECKED = 0, STACK = 256 << 10 };
#endif

/* An operand more than two a node costs 100 bytes: of a million nodes that have it, 96 MB. Half a
 * million tensors that live at the same time have 80 MB, and ranges of the arena. */
enum { MILLION = 1000000, LIMIT_MS = 5000, LIMIT_MB = 1024, OPERAND_MB = 96, TENSORS_MB = 128 };
enum { SORTED = 1 << 20, SORT_MS = 150 };

/* ---- building graphs ------------------------------------------------------------------------ */

struct builder {
    struct infer__region region;
    struct infer__graph g;
    infer_error err;
    uint32_t *list; /* room for n + 8 values */
    uint32_t n;
};

static void must(struct builder *b, infer_status status)
{
    if (status == INFER_OK)
        return;
    fprintf(stderr, "building: %s: %s\n", infer_status_name(status), b->err.message);
    exit(2);
}

static uint32_t value(struct builder *b)
{
    uint32_t id;
    must(b, infer__graph_add_value(&b->g, "", &id, &b->err));
    return id;
}

/* Inputs are added to the graph's list, which has room for n + 8. */
static uint32_t input(struct builder *b, int rank, const int64_t *dims)
{
    uint32_t id;
    char name[16];
    snprintf(name, sizeof name, "x%u", b->g.ninputs);
    must(b, infer__graph_add_value(&b->g, name, &id, &b->err));
    struct infer__value *v = &b->g.values[id];
    v->type = INFER_F32;
    v->rank = (uint8_t)rank;
    v->kind = INFER__VALUE_INPUT;
    v->shaped = 1;
    memcpy(v->dims, dims, (size_t)rank * sizeof *dims);
    b->g.inputs[b->g.ninputs++] = id;
    return id;
}

static void output(struct builder *b, uint32_t id)
{
    b->g.outputs[b->g.noutputs++] = id;
}

static uint32_t floats(struct builder *b, int rank, const int64_t *dims, float first)
{
    int64_t count = 1;
    uint32_t id;
    for (int i = 0; i < rank; i++)
        count *= dims[i];
    float *data = infer__region_calloc(&b->region, (size_t)count, sizeof *data);
    for (int64_t i = 0; i < count; i++)
        data[i] = first;
    must(b, infer__graph_add_const(&b->g, "", INFER_F32, rank, dims, data, 0, &id, &b->err));
    return id;
}

static uint32_t ints(struct builder *b, int64_t count, const int64_t *v)
{
    uint32_t id;
    must(b, infer__graph_add_const(&b->g, "", INFER_S64, 1, &count, v, 1, &id, &b->err));
    return id;
}

static struct infer__node *node(struct builder *b, uint16_t op, const uint32_t *in, uint32_t nin,
                                const uint32_t *out, uint32_t nout)
{
    struct infer__node *n;
    must(b, infer__graph_add_node(&b->g, op, "", in, nin, out, nout, &n, &b->err));
    return n;
}

static uint32_t made(struct builder *b, uint16_t op, const uint32_t *in, uint32_t nin)
{
    uint32_t out = value(b);
    node(b, op, in, nin, &out, 1);
    return out;
}

static uint32_t one(struct builder *b, uint16_t op, uint32_t x)
{
    return made(b, op, &x, 1);
}

static uint32_t two(struct builder *b, uint16_t op, uint32_t x, uint32_t y)
{
    return made(b, op, (uint32_t[]){x, y}, 2);
}

static void set(struct builder *b, uint16_t key, uint32_t count, const int64_t *v)
{
    must(b, infer__node_set_ints(&b->g, &b->g.nodes[b->g.nnodes - 1], key, v, count, &b->err));
}

static uint32_t concat(struct builder *b, const uint32_t *in, uint32_t nin)
{
    uint32_t out = made(b, INFER__OP_CONCAT, in, nin);
    set(b, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    return out;
}

/* x cut into `count` values of one element each, in b->list. */
static void split(struct builder *b, uint32_t count)
{
    uint32_t x = input(b, 1, (int64_t[]){count});
    for (uint32_t i = 0; i < count; i++)
        b->list[i] = value(b);
    node(b, INFER__OP_SPLIT, &x, 1, b->list, count);
    set(b, INFER__ATTR_AXIS, 1, (int64_t[]){0});
}

/* ---- the graphs ----------------------------------------------------------------------------- */

static const int64_t four[] = {4}, picture[] = {1, 4, 2, 2};

static void chain(struct builder *b)
{
    uint32_t x = input(b, 1, four);
    for (uint32_t i = 0; i < b->n; i++)
        x = one(b, INFER__OP_NEG, x);
    output(b, x);
}

static void sums(struct builder *b)
{
    uint32_t x = input(b, 1, four), y = x, z;
    for (uint32_t i = 0; i < b->n; i++) {
        z = two(b, INFER__OP_ADD, x, y);
        y = x;
        x = z;
    }
    output(b, x);
}

static void split_outputs(struct builder *b)
{
    split(b, b->n);
    for (uint32_t i = 0; i < b->n; i++)
        output(b, b->list[i]);
}

/* Outputs that have the values of others: the optimiser takes the nodes between them away. */
static void split_identity(struct builder *b)
{
    split(b, b->n / 2);
    for (uint32_t i = 0; i < b->n / 2; i++)
        output(b, one(b, INFER__OP_IDENTITY, b->list[i]));
}

static void split_concat(struct builder *b)
{
    split(b, b->n);
    output(b, concat(b, b->list, b->n));
}

/* Every second part is changed in between. */
static void split_change_concat(struct builder *b)
{
    split(b, b->n / 2);
    for (uint32_t i = 0; i < b->n / 2; i += 2)
        b->list[i] = one(b, INFER__OP_NEG, b->list[i]);
    output(b, concat(b, b->list, b->n / 2));
}

static void split_concat_backwards(struct builder *b)
{
    split(b, b->n);
    for (uint32_t i = 0, k = b->n; i + 1 < k; i++) {
        uint32_t t = b->list[--k];
        b->list[k] = b->list[i];
        b->list[i] = t;
    }
    output(b, concat(b, b->list, b->n));
}

static void inputs_into(struct builder *b, uint16_t op)
{
    for (uint32_t i = 0; i < b->n; i++)
        b->list[i] = input(b, 1, four);
    output(b, made(b, op, b->list, b->n));
}

static void inputs_sum(struct builder *b)
{
    inputs_into(b, INFER__OP_SUM);
}

static void inputs_max(struct builder *b)
{
    inputs_into(b, INFER__OP_MAX);
}

/* Each part is made, changed in place and joined; joined parts are joined again. */
static void nested_concat(struct builder *b)
{
    uint32_t x = input(b, 1, (int64_t[]){1}), y = one(b, INFER__OP_NEG, x);
    for (uint32_t i = 0; i < b->n / 3; i++) {
        uint32_t part = one(b, INFER__OP_RELU, one(b, INFER__OP_NEG, x));
        y = concat(b, (uint32_t[]){y, part}, 2);
    }
    output(b, one(b, INFER__OP_NEG, y));
}

/* Tensors of 4 sizes, whose ends are in another order than their beginnings. */
static void interleaved(struct builder *b)
{
    const uint32_t n = b->n / 2, stride = 7919; /* a prime */
    uint32_t x[4];
    for (int i = 0; i < 4; i++)
        x[i] = input(b, 1, (int64_t[]){16 * (i + 1)});
    for (uint32_t i = 0; i < n; i++)
        b->list[i] = one(b, INFER__OP_NEG, x[i * 3 % 4]);
    uint32_t *sums = infer__region_calloc(&b->region, n, sizeof *sums);
    for (uint32_t i = 0; i < n; i++)
        sums[i] = one(b, INFER__OP_REDUCE_SUM, b->list[(uint64_t)i * stride % n]);
    output(b, made(b, INFER__OP_SUM, sums, n));
}

/* Convolutions, activations and residuals, of which some have a reader too many to be fused. */
static void nearly_fused(struct builder *b)
{
    const uint32_t w = floats(b, 4, (int64_t[]){4, 4, 1, 1}, 0.25f);
    const uint32_t dw = floats(b, 4, (int64_t[]){4, 1, 3, 3}, 0.1f);
    const uint32_t c = floats(b, 4, (int64_t[]){1, 4, 1, 1}, 0.5f), half = floats(b, 0, NULL, 0.5f);
    const uint32_t pads = ints(b, 8, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    uint32_t x = input(b, 4, picture);
    for (uint32_t i = 0; i + 16 <= b->n; i += 16) {
        uint32_t y = two(b, INFER__OP_CONV, x, w);
        uint32_t z = two(b, INFER__OP_CONV, two(b, INFER__OP_PAD, y, pads), dw);
        set(b, INFER__ATTR_GROUP, 1, (int64_t[]){4});
        uint32_t s = one(b, INFER__OP_SIGMOID, two(b, INFER__OP_ADD, z, y));
        uint32_t p = two(b, INFER__OP_MUL, s, z), t = one(b, INFER__OP_TANH, p);
        uint32_t e = two(b, INFER__OP_ADD, one(b, INFER__OP_ERF, t), half);
        uint32_t q = two(b, INFER__OP_MUL, two(b, INFER__OP_MUL, e, t), half);
        uint32_t r = two(b, INFER__OP_ADD, two(b, INFER__OP_MUL, q, c), c);
        x = one(b, INFER__OP_TANH, two(b, INFER__OP_SUB, one(b, INFER__OP_RELU, r), s));
        if (i % 64 == 0)
            x = two(b, INFER__OP_ADD, x, r);
    }
    output(b, x);
}

/* Additions of quantised tensors, and functions of them that are no tables. */
static void quantised(struct builder *b)
{
    const uint32_t scale = floats(b, 0, NULL, 0.05f);
    uint32_t x = input(b, 1, four), y = x, zero;
    must(b, infer__graph_add_const(&b->g, "", INFER_U8, 0, NULL, "\x80", 1, &zero, &b->err));
    for (uint32_t i = 0; i + 5 <= b->n; i += 5) {
        uint32_t q = made(b, INFER__OP_QUANTIZE_LINEAR, (uint32_t[]){x, scale, zero}, 3);
        uint32_t d = made(b, INFER__OP_DEQUANTIZE_LINEAR, (uint32_t[]){q, scale, zero}, 3);
        x = one(b, INFER__OP_TANH, two(b, INFER__OP_ADD, two(b, INFER__OP_ADD, d, y), d));
        y = d;
    }
    output(b, x);
}

static void dead(struct builder *b)
{
    uint32_t x = input(b, 1, four), y = x;
    for (uint32_t i = 1; i < b->n; i++)
        y = two(b, INFER__OP_ADD, x, y);
    output(b, one(b, INFER__OP_NEG, x));
}

static void views(struct builder *b)
{
    const uint32_t flat = ints(b, 1, (int64_t[]){4}), square = ints(b, 2, (int64_t[]){2, 2});
    uint32_t x = one(b, INFER__OP_NEG, input(b, 1, four));
    for (uint32_t i = 0; i < b->n; i++)
        x = two(b, INFER__OP_RESHAPE, x, i % 2 ? flat : square);
    output(b, one(b, INFER__OP_NEG, x));
}

/* Many views of what a convolution writes; all of them, then the readers of all of them. */
static void parted(struct builder *b)
{
    const uint32_t w = floats(b, 4, (int64_t[]){4, 4, 1, 1}, 0.25f), n = b->n / 2;
    const uint32_t shape = ints(b, 5, (int64_t[]){1, 2, 2, 2, 2});
    uint32_t x = two(b, INFER__OP_CONV, input(b, 4, picture), w);
    for (uint32_t i = 0; i < n; i++)
        b->list[i] = two(b, INFER__OP_RESHAPE, x, shape);
    for (uint32_t i = 0; i < n; i++) {
        b->list[i] = one(b, INFER__OP_TRANSPOSE, b->list[i]);
        set(b, INFER__ATTR_PERM, 5, (int64_t[]){0, 1, 3, 4, 2});
    }
    output(b, made(b, INFER__OP_SUM, b->list, n));
}

static void folded(struct builder *b)
{
    uint32_t x = floats(b, 1, four, 1), y = floats(b, 1, four, 2), z;
    for (uint32_t i = 0; i < b->n; i++) {
        z = two(b, INFER__OP_SUB, x, y);
        x = y;
        y = z;
    }
    output(b, two(b, INFER__OP_ADD, input(b, 1, four), y));
}

static void constants(struct builder *b)
{
    for (uint32_t i = 0; i < b->n / 2; i++)
        b->list[i] = one(b, INFER__OP_NEG, floats(b, 0, NULL, (float)i));
    b->list[b->n / 2] = input(b, 1, four);
    output(b, made(b, INFER__OP_SUM, b->list, b->n / 2 + 1));
}

static const struct family {
    const char *name;
    void (*build)(struct builder *b);
    uint64_t more_mb; /* than LIMIT_MB, of a million nodes */
} families[] = {{"chain", chain, 0},
                {"sums", sums, OPERAND_MB},
                {"split to outputs", split_outputs, 0},
                {"split and identities", split_identity, 0},
                {"split and concat", split_concat, 0},
                {"split, change and concat", split_change_concat, 0},
                {"split and concat backwards", split_concat_backwards, 0},
                {"inputs into Sum", inputs_sum, 0},
                {"inputs into Max", inputs_max, 0},
                {"nested concat", nested_concat, OPERAND_MB / 3},
                {"interleaved lifetimes", interleaved, TENSORS_MB},
                {"nearly fused", nearly_fused, 0},
                {"quantised", quantised, 0},
                {"dead nodes", dead, 0},
                {"views of views", views, 0},
                {"parted views", parted, 0},
                {"folded chain", folded, 0},
                {"folded constants", constants, 0}};

enum { FAMILIES = sizeof families / sizeof *families };

/* ---- one graph ------------------------------------------------------------------------------ */

/* What a process tells: in memory that it shares with its parent. */
struct result {
    uint64_t optimise_ms, load_ms, session_ms, run_ms;
    int done;
    infer_error err;
};

static uint64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int write_graph(const struct family *f, uint32_t n, int fd, struct result *r)
{
    struct builder b = {.n = n};
    void *bytes;
    size_t size;
    infer__region_init(&b.region, NULL);
    must(&b, infer__graph_init(&b.g, &b.region, &b.err));
    b.list = infer__region_calloc(&b.region, n + 8u, sizeof *b.list);
    b.g.inputs = infer__region_calloc(&b.region, n + 80u, sizeof *b.list);
    b.g.outputs = infer__region_calloc(&b.region, n + 8u, sizeof *b.list);
    f->build(&b);
    struct infer__file_content content = {.graph = &b.g};
    must(&b, infer__file_write(&content, NULL, &bytes, &size, &b.err));
    for (size_t at = 0; at < size;) {
        ssize_t k = write(fd, (char *)bytes + at, size - at);
        if (k <= 0)
            return 2;
        at += (size_t)k;
    }
    const uint64_t begin = cpu_ms();
    must(&b, onnx_optimise(&b.g, UINT64_C(1) << 30, &b.err));
    r->optimise_ms = cpu_ms() - begin;
    return 0;
}

struct job {
    const char *path;
    struct result *result;
};

/* The shapes that an input has anyhow, for each of them: they have to be found by name. */
static infer_input_spec *specs_of(const infer_model *m, size_t n)
{
    infer_input_spec *specs = calloc(n + 1, sizeof *specs);
    for (size_t i = 0; specs && i < n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_model_input(m, n - 1 - i, &info, NULL);
        specs[i].name = info.name;
        specs[i].rank = info.rank;
        memcpy(specs[i].dims, info.dims, sizeof info.dims);
    }
    return specs;
}

static infer_status run_once(infer_session *s, infer_error *err)
{
    const size_t nin = infer_session_inputs(s), nout = infer_session_outputs(s);
    infer_tensor *t = calloc(nin + nout + 1, sizeof *t);
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_status status = INFER_ERROR_NO_MEMORY;
    float *data = NULL;
    size_t most = 64;
    for (size_t i = 0; t && i < nin; i++) {
        infer_session_input(s, i, &info, NULL);
        t[i].type = info.type;
        t[i].rank = info.rank;
        memcpy(t[i].dims, info.dims, sizeof info.dims);
        t[i].bytes = infer_tensor_elements(&t[i]) * infer_type_size(info.type);
        most = t[i].bytes > most ? t[i].bytes : most;
    }
    if (t && (data = calloc(1, most)) != NULL) {
        for (size_t i = 0; i < nin; i++)
            t[i].data = data;
        status = infer_run(s, t, nin, t + nin, nout, err);
    }
    free(data);
    free(t);
    return status;
}

static void *load_and_run(void *context)
{
    const struct job *job = context;
    struct result *r = job->result;
    infer_model *m = NULL;
    infer_session *s = NULL;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_load_options load = INFER_LOAD_OPTIONS_INIT;
    load.max_nodes = load.max_values = UINT32_MAX;
    o.threads = 1;
    uint64_t begin = cpu_ms();
    if (infer_load(job->path, &load, &m, &r->err) != INFER_OK)
        return NULL;
    r->load_ms = cpu_ms() - begin;
    o.ninputs = infer_model_inputs(m);
    infer_input_spec *specs = specs_of(m, o.ninputs);
    o.inputs = specs;
    begin = cpu_ms();
    infer_status status = specs ? infer_session_create(m, &o, &s, &r->err) : INFER_ERROR_NO_MEMORY;
    r->session_ms = cpu_ms() - begin;
    free(specs);
    begin = cpu_ms();
    if (status == INFER_OK)
        status = run_once(s, &r->err);
    r->run_ms = cpu_ms() - begin;
    infer_session_free(&s);
    infer_model_free(&m);
    r->done = status == INFER_OK;
    return NULL;
}

static int on_small_stack(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    return pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, STACK) ||
           pthread_create(&thread, &attr, load_and_run, job) || pthread_join(thread, NULL);
}

/* Runs one half of the work in a process of its own; its resident memory at most, in *mb. */
static int in_child(const struct family *f, uint32_t n, int fd, struct job *job, uint64_t *mb)
{
    int status;
    struct rusage usage;
    pid_t child = fork();
    if (child == 0)
        _exit(f ? write_graph(f, n, fd, job->result) : on_small_stack(job));
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return -1;
    *mb = (uint64_t)usage.ru_maxrss / 1024;
    return status;
}

struct measured {
    uint64_t ms, mb; /* of loading and making a session */
    uint64_t optimise_ms;
};

static int measure(struct check *c, const struct family *f, uint32_t n, struct result *r,
                   struct measured *m)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/r16_XXXXXX", folder ? folder : "/tmp");
    struct job job = {path, r};
    int fd = mkstemp(path), status = -1;
    memset(r, 0, sizeof *r);
    if (fd >= 0) {
        status = in_child(f, n, fd, &job, &m->mb);
        close(fd);
        if (status == 0)
            status = in_child(NULL, n, -1, &job, &m->mb);
        unlink(path);
    }
    m->ms = r->load_ms + r->session_ms;
    m->optimise_ms = r->optimise_ms;
    if (getenv("INFER_VERBOSE"))
        fprintf(stderr,
                "%-28s %8u: optimise %5llu ms, load %5llu ms, session %5llu ms, run %5llu ms, "
                "%5llu MB\n",
                f->name, n, (unsigned long long)r->optimise_ms, (unsigned long long)r->load_ms,
                (unsigned long long)r->session_ms, (unsigned long long)r->run_ms,
                (unsigned long long)m->mb);
    if (status || !r->done)
        check_failed(c, "%s, %u: status %d, %s", f->name, n, status, r->err.message);
    return status == 0 && r->done;
}

/* ---- limits --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many times longer this CPU sorts than the one that the limit is for; at least 1. */
static double slowness(void)
{
    uint64_t *v = malloc(SORTED * sizeof *v), state = 1, begin = cpu_ms();
    if (!v)
        return 1;
    for (size_t i = 0; i < SORTED; i++)
        v[i] = state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    qsort(v, SORTED, sizeof *v, compare);
    const double times = (double)(cpu_ms() - begin + (v[0] > v[1])) / SORT_MS;
    free(v);
    return times > 1 ? times : 1;
}

/* n log n is a factor of 4.5 from n / 4 to n; the rest is for caches that a graph outgrows, and for
 * the clock. */
static void check_growth(struct check *c, const char *name, uint32_t n, uint64_t few, uint64_t many)
{
    if (many > 10 * few + 100)
        check_failed(c, "%s: %llu ms for %u, %llu ms for %u", name, (unsigned long long)few, n / 4,
                     (unsigned long long)many, n);
}

int main(int argc, char **argv)
{
    struct check c = {.title = "R16 many nodes"};
    const uint32_t n = (uint32_t)check_scale(CHECKED ? 20000 : 100000, CHECKED ? 100000 : MILLION,
                                             CHECKED ? 200000 : MILLION);
    const double slow = slowness();
    struct measured most = {0, 0, 0};
    struct result *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        return check_skip(&c, "no memory to share");
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *f = &families[i];
        struct measured few, many;
        if ((argc > 1 && !strstr(f->name, argv[1])) || !measure(&c, f, n / 4, r, &few) ||
            !measure(&c, f, n, r, &many))
            continue;
        check_growth(&c, f->name, n, few.ms, many.ms);
        check_growth(&c, f->name, n, few.optimise_ms, many.optimise_ms);
        if (!CHECKED && (double)many.ms > LIMIT_MS * slow)
            check_failed(&c, "%s: %llu ms", f->name, (unsigned long long)many.ms);
        if (!CHECKED && many.mb > LIMIT_MB + f->more_mb)
            check_failed(&c, "%s: %llu MB", f->name, (unsigned long long)many.mb);
        most.ms = many.ms > most.ms ? many.ms : most.ms;
        most.mb = many.mb > most.mb ? many.mb : most.mb;
    }
    return check_report(
        &c, "%d kinds of graph of %u, at most %llu ms and %llu MB (CPU factor %.1f)", FAMILIES, n,
        (unsigned long long)most.ms, (unsigned long long)most.mb, slow);
}
