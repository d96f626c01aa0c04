/* R12: every limit on what a model may ask for, at the limit (which passes) and one past it (which
 * is refused with the status that the row names). Limits on counts in a file are in
 * tests/test_file_limits.c; those of pictures belong to R27. */
#include <stddef.h>

#include "check.h"
#include "file/checksum.h"
#include "file/layout.h"
#include "tests/limit_model.h"

#define MAX_DIM INT64_C(2147483647)
#define TEBIBYTE (INT64_C(1) << 40)

enum how { RESOLVE, SESSION };

/* A model of which one number is varied: a field of it, or one of `shape`, an operand's value. */
struct row {
    const char *what;
    struct limit_model m;
    int shape_operand; /* 1, 2, 3: more[that - 1] has `shape` as its value; 0: none */
    int64_t shape[9];
    size_t field; /* offset in the model; 0: shape[element] */
    int element;
    int64_t limit;
    infer_status past;
    uint64_t max_tensor_bytes; /* 0: as much as there can be */
    enum how how;
};

#define FIELD(f) .field = offsetof(struct limit_model, f)
#define X(...) .x = {.type = INFER_F32, .rank = sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}}
#define BYTES(...)                                                                                 \
    .x = {.type = INFER_U8, .rank = sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}}
#define W(...) .more[0] = {INFER_F32, sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}, NULL}
#define SHAPE(i, n) .more[(i)-1] = {INFER_S64, 1, {n}, NULL}
#define A(key, n, ...)                                                                             \
    {                                                                                              \
        INFER__ATTR_##key, n,                                                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define MOST .limit = MAX_DIM, .past = INFER_ERROR_LIMIT

static const struct row rows[] = {
    /* dimensions, of empty tensors too */
    {"dimension of an operand", {INFER__OP_IDENTITY, X(0, 1)}, FIELD(x.dims[1]), MOST},
    {"dimension that Reshape makes",
     {INFER__OP_RESHAPE, X(0), SHAPE(1, 2), .attr = {A(ALLOWZERO, 1, 1)}},
     1,
     {0, 1},
     .element = 1,
     MOST},
    {"dimension that Expand makes",
     {INFER__OP_EXPAND, X(0, 1), SHAPE(1, 2)},
     1,
     {1, 1},
     .element = 1,
     MOST},
    {"dimension that Tile makes",
     {INFER__OP_TILE, X(0, 1), SHAPE(1, 2)},
     1,
     {1, 1},
     .element = 1,
     MOST},
    {"dimension that Resize makes",
     {INFER__OP_RESIZE, X(0, 4), SHAPE(3, 2)},
     3,
     {0, 4},
     .element = 1,
     MOST},
    {"dimension that Pad makes",
     {INFER__OP_PAD, X(0, 1), SHAPE(1, 4)},
     1,
     {0, 0, 0, 0},
     .element = 3,
     .limit = MAX_DIM - 1,
     .past = INFER_ERROR_LIMIT},
    {"dimension that Flatten makes",
     {INFER__OP_FLATTEN, X(0, 3, 1), .attr = {A(AXIS, 1, 1)}},
     FIELD(x.dims[2]),
     .limit = MAX_DIM / 3,
     .past = INFER_ERROR_LIMIT},
    /* bytes */
    {"bytes of a tensor",
     {INFER__OP_IDENTITY, BYTES(1024, 1)},
     FIELD(x.dims[1]),
     .limit = TEBIBYTE / 1024,
     .past = INFER_ERROR_LIMIT},
    {"bytes of an empty tensor",
     {INFER__OP_IDENTITY, BYTES(0, 1024, 1)},
     FIELD(x.dims[2]),
     .limit = TEBIBYTE / 1024,
     .past = INFER_ERROR_LIMIT},
    {"max_tensor_bytes, of an operand",
     {INFER__OP_IDENTITY, X(25, 1)},
     FIELD(x.dims[1]),
     .limit = 10,
     .past = INFER_ERROR_LIMIT,
     .max_tensor_bytes = 1000},
    {"max_tensor_bytes, of a result",
     {INFER__OP_EXPAND, X(1), SHAPE(1, 1)},
     1,
     {1},
     .element = 0,
     .limit = 250,
     .past = INFER_ERROR_LIMIT,
     .max_tensor_bytes = 1000,
     .how = SESSION},
    {"max_tensor_bytes, of an empty operand",
     {INFER__OP_IDENTITY, X(0, 25, 1)},
     FIELD(x.dims[2]),
     .limit = 10,
     .past = INFER_ERROR_LIMIT,
     .max_tensor_bytes = 1000,
     .how = SESSION},
    /* ranks */
    {"rank that Expand makes",
     {INFER__OP_EXPAND, X(1), SHAPE(1, 1)},
     1,
     {1, 1, 1, 1, 1, 1, 1, 1, 1},
     FIELD(more[0].dims[0]),
     .limit = 8,
     .past = INFER_ERROR_UNSUPPORTED},
    {"rank of a convolution",
     {INFER__OP_MAX_POOL, X(1, 1, 1, 1, 1, 1), .attr = {A(KERNEL_SHAPE, 3, 1, 1, 1)}},
     FIELD(x.rank),
     .limit = 5,
     .past = INFER_ERROR_SHAPE},
    /* windows */
    {"stride",
     {INFER__OP_CONV, X(1, 1, 4), W(1, 1, 1), .attr = {A(STRIDES, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM,
     .past = INFER_ERROR_FORMAT},
    {"dilation of a kernel of 1",
     {INFER__OP_CONV, X(1, 1, 4), W(1, 1, 1), .attr = {A(DILATIONS, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM,
     .past = INFER_ERROR_FORMAT},
    {"dilation",
     {INFER__OP_CONV, X(1, 1, 4), W(1, 1, 2),
      .attr = {A(DILATIONS, 1, 1), A(AUTO_PAD, 1, INFER__PAD_SAME_UPPER)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM - 4,
     .past = INFER_ERROR_LIMIT},
    {"padding",
     {INFER__OP_CONV, X(1, 1, 4), W(1, 1, 1), .attr = {A(PADS, 2, 0, 0)}},
     FIELD(attr[0].ints[1]),
     .limit = MAX_DIM - 4,
     .past = INFER_ERROR_LIMIT},
    {"bytes that windows cover",
     {INFER__OP_CONV, X(1, 256, 4), W(1, 256, 5),
      .attr = {A(PADS, 2, 1, 0), A(STRIDES, 1, 1 << 20)}},
     FIELD(attr[0].ints[1]),
     .limit = TEBIBYTE / 4 / 256 - 5,
     .past = INFER_ERROR_LIMIT},
    {"window of a pool",
     {INFER__OP_MAX_POOL, X(1, 1, 4),
      .attr = {A(KERNEL_SHAPE, 1, 4), A(PADS, 2, MAX_DIM / 2 - 2, MAX_DIM / 2 - 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM,
     .past = INFER_ERROR_FORMAT},
    {"groups",
     {INFER__OP_CONV, X(0, 1, 1), W(1, 1, 1), .attr = {A(GROUP, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = 1,
     .past = INFER_ERROR_SHAPE},
    {"stride of a transposed convolution",
     {INFER__OP_CONV_TRANSPOSE, X(1, 1, 2), W(1, 1, 3), .attr = {A(STRIDES, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM - 3,
     .past = INFER_ERROR_LIMIT},
    {"bytes that a transposed convolution covers",
     {INFER__OP_CONV_TRANSPOSE, X(1, 1, 2), W(1, 256, 3),
      .attr = {A(STRIDES, 1, 1), A(OUTPUT_SHAPE, 1, 4)}},
     FIELD(attr[0].ints[0]),
     .limit = TEBIBYTE / 4 / 256 - 3,
     .past = INFER_ERROR_LIMIT},
    {"output_padding",
     {INFER__OP_CONV_TRANSPOSE, X(1, 1, 2), W(1, 1, 3),
      .attr = {A(STRIDES, 1, 5), A(OUTPUT_PADDING, 1, 0)}},
     FIELD(attr[1].ints[0]),
     .limit = 4,
     .past = INFER_ERROR_FORMAT},
    /* other attributes */
    {"channels that LRN sums over",
     {INFER__OP_LRN, X(1, 4, 1), .attr = {A(SIZE, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM,
     .past = INFER_ERROR_FORMAT},
    {"block of DepthToSpace",
     {INFER__OP_DEPTH_TO_SPACE, X(1, 0, 0, 1), .attr = {A(BLOCKSIZE, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = MAX_DIM,
     .past = INFER_ERROR_FORMAT},
    {"block of SpaceToDepth",
     {INFER__OP_SPACE_TO_DEPTH, X(1, 1, 0, 0), .attr = {A(BLOCKSIZE, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = 46340,
     .past = INFER_ERROR_LIMIT},
    {"axis",
     {INFER__OP_SOFTMAX, X(1, 1), .attr = {A(AXIS, 1, 0)}},
     FIELD(attr[0].ints[0]),
     .limit = 1,
     .past = INFER_ERROR_SHAPE},
    {"type that Cast makes",
     {INFER__OP_CAST, X(1), .attr = {A(TO, 1, 1)}},
     FIELD(attr[0].ints[0]),
     .limit = INFER_BOOL,
     .past = INFER_ERROR_FORMAT},
};

/* rows[i] with its number at `value`. */
static infer_status try_row(const struct row *r, int64_t value, infer_error *err)
{
    struct limit_model m = r->m;
    int64_t shape[9];
    union infer__params p;
    uint64_t most = r->max_tensor_bytes ? r->max_tensor_bytes : UINT64_MAX;
    memcpy(shape, r->shape, sizeof shape);
    if (!r->field)
        shape[r->element] = value;
    else if (r->field == offsetof(struct limit_model, x.rank))
        m.x.rank = (int)value;
    else
        memcpy((char *)&m + r->field, &value, sizeof value);
    if (r->shape_operand)
        m.more[r->shape_operand - 1].data = shape;
    infer__error_clear(err);
    return r->how == SESSION ? limit_session(&m, most, NULL, err)
                             : limit_resolve(&m, most, &p, err);
}

/* ---- what is no single model's -------------------------------------------------------------- */

/* Puts a dimension of the first value into a file's bytes, which the writer would not do, and makes
 * the checksums right again; the graph is the first section. Returns the file's size. */
static size_t set_dimension(unsigned char *file, int axis, int64_t dim)
{
    unsigned char *entry = file + INFER__FILE_HEADER;
    uint64_t graph, bytes, size, sum;
    memcpy(&size, file + 24, sizeof size);
    memcpy(&graph, entry + 8, sizeof graph);
    memcpy(&bytes, entry + 16, sizeof bytes);
    memcpy(file + graph + INFER__FILE_GRAPH_HEADER + 32 + 8 * axis, &dim, sizeof dim);
    sum = infer__checksum(file + graph, (size_t)bytes);
    memcpy(entry + 24, &sum, sizeof sum);
    uint32_t sections;
    memcpy(&sections, file + 20, sizeof sections);
    size_t table = INFER__FILE_HEADER + (size_t)sections * INFER__FILE_ENTRY;
    sum = infer__checksum(file + INFER__FILE_HASHED_FROM, table - INFER__FILE_HASHED_FROM);
    memcpy(file + 8, &sum, sizeof sum);
    return (size_t)size;
}

/* A dimension in a file. */
static infer_status load_dimension(int64_t dim, infer_error *err)
{
    const struct limit_model m = {INFER__OP_IDENTITY, X(0, 1)};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model;
    void *file;
    infer_status status = limit_load(&m, &o, &file, &model, err);
    infer_model_free(&model);
    if (status != INFER_OK)
        return status;
    o.max_tensor_bytes = UINT64_MAX;
    size_t size = set_dimension(file, 1, dim);
    status = infer_load_memory(file, size, &o, &model, err);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, file);
    return status;
}

static infer_status bind_dimension(int64_t dim, infer_error *err)
{
    const struct limit_model m = {INFER__OP_SHAPE, X(0, 0), .free_dims = 3};
    const infer_input_spec spec = {.name = "x", .rank = 2, .dims = {0, dim}};
    return limit_session(&m, UINT64_MAX, &spec, err);
}

static infer_status bind_bytes(int64_t dim, infer_error *err)
{
    const struct limit_model m = {INFER__OP_SHAPE, X(0, 0), .free_dims = 3};
    const infer_input_spec spec = {.name = "x", .rank = 2, .dims = {25, dim}};
    return limit_session(&m, 1000, &spec, err);
}

/* A session of a small model with one option set. */
static infer_status with_options(uint32_t threads, uint32_t isa, infer_error *err)
{
    const struct limit_model m = {INFER__OP_RELU, X(2, 3)};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_model *model;
    infer_session *session = NULL;
    void *file;
    o.threads = threads;
    o.isa = isa;
    infer_status status = limit_load(&m, NULL, &file, &model, err);
    if (status == INFER_OK)
        status = infer_session_create(model, &o, &session, err);
    infer_session_free(&session);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, file);
    return status == INFER_ERROR_THREAD ? INFER_OK : status; /* the system's limit, not ours */
}

static infer_status threads(int64_t n, infer_error *err)
{
    return with_options((uint32_t)n, 0, err);
}

static infer_status levels(int64_t n, infer_error *err)
{
    return with_options(1, (uint32_t)n, err);
}

static const struct {
    const char *what;
    infer_status (*try)(int64_t value, infer_error *err);
    int64_t limit;
    infer_status past;
} calls[] = {
    {"dimension in a file", load_dimension, MAX_DIM, INFER_ERROR_LIMIT},
    {"dimension of a session's input", bind_dimension, MAX_DIM, INFER_ERROR_LIMIT},
    {"max_tensor_bytes, of a session's input", bind_bytes, 10, INFER_ERROR_LIMIT},
    {"threads", threads, 1024, INFER_ERROR_ARGUMENT},
    {"instruction set", levels, INFER_ISA_AMX, INFER_ERROR_ARGUMENT},
};

/* ---- the check ------------------------------------------------------------------------------ */

static void judge(struct check *c, const char *what, int64_t value, infer_status status,
                  infer_status expected, const infer_error *err)
{
    if (status != expected)
        check_failed(c, "%s of %lld: %s, not %s: %s", what, (long long)value,
                     infer_status_name(status), infer_status_name(expected), err->message);
}

int main(void)
{
    struct check c = {.title = "R12 limits"};
    const size_t nrows = sizeof rows / sizeof *rows, ncalls = sizeof calls / sizeof *calls;
    infer_error err = {0};
    for (size_t i = 0; i < nrows; i++)
        for (int past = 0; past < 2; past++)
            judge(&c, rows[i].what, rows[i].limit + past,
                  try_row(&rows[i], rows[i].limit + past, &err), past ? rows[i].past : INFER_OK,
                  &err);
    for (size_t i = 0; i < ncalls; i++)
        for (int past = 0; past < 2; past++)
            judge(&c, calls[i].what, calls[i].limit + past,
                  calls[i].try(calls[i].limit + past, &err), past ? calls[i].past : INFER_OK, &err);
    return check_report(&c, "%zu limits, each at it and one past it", nrows + ncalls);
}
