/* R6: every public function with NULL or nonsense for each argument: a status that says so, and no
 * crash. A table has all functions; the headers are read to see that none is missing. */
#include <ctype.h>
#include <semaphore.h>

#include "base/cpu.h"
#include "graph/custom.h"
#include "infer_experimental.h"
#include "tests/reliability/nets.h"

static struct check check = {.title = "R6 arguments"};

/* ---- choosing arguments --------------------------------------------------------------------- */

enum { ARGS = 10 };

/* Which value each argument takes in this call: 0 is right, the first `fine` of them are. */
static struct {
    unsigned choice[ARGS], count[ARGS];
    int nonsense; /* an argument that has to be refused was given */
} now;

static unsigned pick(int i, unsigned fine, unsigned count)
{
    now.count[i] = count;
    now.nonsense |= now.choice[i] >= fine;
    return now.choice[i];
}

#define VALUES(type, ...) ((type[]){__VA_ARGS__})
/* Argument i: one of the values, of which the first `fine` are to be accepted. */
#define ARG(i, type, fine, ...)                                                                    \
    VALUES(type, __VA_ARGS__)                                                                      \
    [pick(i, fine, (unsigned)(sizeof(VALUES(type, __VA_ARGS__)) / sizeof(type)))]

/* ---- what is right -------------------------------------------------------------------------- */

static struct net_file files[NETS];
static infer_model *model; /* signs, with preprocessing */
static infer_session *session;
static infer_error error;
static char path[] = "/tmp/r06-XXXXXX";
static float input[3 * 64 * 64], output[24];
static infer_image picture;
static unsigned char *jpeg;
static size_t jpeg_size;

#define ERR(i) ARG(i, infer_error *, 2, &error, NULL)
#define MODEL(i, fine) ARG(i, infer_model *, fine, model, NULL)
#define SESSION(i) ARG(i, infer_session *, 1, session, NULL)

static const infer_tensor in = {
    .type = INFER_F32, .rank = 4, .dims = {1, 3, 64, 64}, .data = input, .bytes = sizeof input};
static const infer_tensor out = {
    .type = INFER_F32, .rank = 2, .dims = {1, 24}, .data = output, .bytes = sizeof output};

enum { WRONG = 18 };

/* The tensor with one thing wrong with it; number 0 is right. */
static infer_tensor *wrong_tensor(const infer_tensor *right, unsigned number)
{
    static infer_tensor t[2];
    static int turn;
    infer_tensor *w = &t[turn++ % 2];
    *w = *right;
    switch (number) {
    case 1:
        w->type = (infer_type)77;
        break;
    case 2:
        w->type = INFER_TYPE_NONE;
        break;
    case 3:
        w->type = (infer_type)-1;
        break;
    case 4:
        w->rank = -1;
        break;
    case 5:
        w->rank = 9;
        break;
    case 6:
        w->rank = INT32_MAX;
        break;
    case 7:
        w->rank = 1;
        break;
    case 8:
        w->dims[0] = -1;
        break;
    case 9:
        w->dims[0] = 0;
        break;
    case 10:
        w->dims[1] = INT64_MAX;
        break;
    case 11:
        w->dims[0] = INT64_C(1) << 62;
        break;
    case 12:
        w->bytes--;
        break;
    case 13:
        w->bytes = 0;
        break;
    case 14:
        w->data = (char *)w->data + 1;
        break;
    case 15:
        w->type = INFER_F64;
        break;
    case 16:
        w->reserved[0] = 1;
        break;
    case 17:
        w->reserved[1] = UINT64_C(1) << 63;
        break;
    default:
        break;
    }
    return w;
}

/* ---- one row a function --------------------------------------------------------------------- */

/* What a query without status gives for nonsense: nothing. */
static infer_status nothing_else(int something)
{
    return something ? INFER_OK : INFER_ERROR_ARGUMENT;
}

static infer_status named(const char *name, const char *none)
{
    return nothing_else(name && strcmp(name, none) != 0);
}

#define NUMBERS(i, type, fine, right)                                                              \
    ARG(i, type, fine, (type)(right), (type)-1, (type)999, (type)INT32_MAX, (type)INT32_MIN)

static infer_status status_name(void)
{
    return named(infer_status_name(NUMBERS(0, infer_status, 1, INFER_OK)), "INFER_?");
}

static infer_status type_size(void)
{
    return nothing_else(infer_type_size(NUMBERS(0, infer_type, 1, INFER_BOOL)) != 0);
}

static infer_status type_name(void)
{
    return named(infer_type_name(NUMBERS(0, infer_type, 1, INFER_BOOL)), "none");
}

static infer_status isa_name(void)
{
    return named(infer_isa_name(NUMBERS(0, infer_isa, 1, INFER_ISA_C)), "?");
}

static infer_status precision_name(void)
{
    return named(infer_precision_name(NUMBERS(0, infer_precision, 1, INFER_PRECISION_F32_STRICT)),
                 "?");
}

static infer_status tensor_elements(void)
{
    infer_tensor many = {.type = INFER_F32,
                         .rank = 8,
                         .dims = {99999, 99999, 99999, 99999, 1, 1, 1, 1},
                         .data = NULL,
                         .bytes = 0};
    infer_tensor rank = {.type = INFER_F32, .rank = 9, .dims = {1}, .data = NULL, .bytes = 0},
                 less = {.type = INFER_F32, .rank = -1, .dims = {1}, .data = NULL, .bytes = 0};
    infer_tensor minus = {.type = INFER_F32, .rank = 1, .dims = {-1}, .data = NULL, .bytes = 0};
    return nothing_else(infer_tensor_elements(ARG(0, const infer_tensor *, 1, &in, NULL, &many,
                                                  &rank, &less, &minus)) != 0);
}

static infer_status version(void)
{
    return named(infer_version(), "");
}

static infer_status cpu_isa(void)
{
    return nothing_else(infer_cpu_has(INFER_ISA_C));
}

static infer_status has_onednn(void)
{
    return nothing_else(infer_has_onednn() == 0 || infer_has_onednn() == 1);
}

/* The init functions take NULL and any size; a size that no struct has leaves the struct alone. */
#define INIT(name, type)                                                                           \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        union {                                                                                    \
            type o;                                                                                \
            char room[4096];                                                                       \
        } u = {.o = {.size = 77}};                                                                 \
        const size_t size = ARG(1, size_t, 3, sizeof(type), sizeof(type) - 8, sizeof u, 0, 7,      \
                                sizeof u + 1, SIZE_MAX);                                           \
        type *to = ARG(0, type *, 2, &u.o, NULL);                                                  \
        infer_##name(to, size);                                                                    \
        return to             ? nothing_else(u.o.size == size)                                     \
               : now.nonsense ? INFER_ERROR_ARGUMENT                                               \
                              : INFER_OK;                                                          \
    }
INIT(load_options_init, infer_load_options)
INIT(session_options_init, infer_session_options)
INIT(pool_options_init, infer_pool_options)
INIT(run_options_init, infer_run_options)
INIT(value_info_init, infer_value_info)
INIT(model_info_init, infer_model_info)
INIT(session_memory_init, infer_session_memory)
INIT(step_info_init, infer_step_info)

static infer_status cpu_has(void)
{
    return nothing_else(infer_cpu_has(NUMBERS(0, infer_isa, 1, INFER_ISA_C)));
}

/* A struct to be filled: right, NULL, or with a size that it can't have. */
#define ANSWER(i, fine, type, init)                                                                \
    ARG(i, type *, fine, (type[]){init}, NULL, ((type[]){{.size = 0}}), ((type[]){{.size = 7}}),   \
        ((type[]){{.size = 8}}), ((type[]){{.size = SIZE_MAX}}))

static void *some_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static const infer_load_options *load_options(int i)
{
    static infer_load_options o[10];
    for (int k = 0; k < 10; k++)
        infer_load_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = 3;
    o[3].size = SIZE_MAX;
    o[4].allocator.alloc = some_alloc;
    o[5].max_file_bytes = 1;
    o[6].max_nodes = 1;
    o[7].ncustom_ops = 1;
    o[8].verify = 1;
    o[9].reserved = 1;
    return ARG(i, const infer_load_options *, 3, &o[0], NULL, &o[8], &o[1], &o[2], &o[3], &o[4],
               &o[5], &o[6], &o[7], &o[9]);
}

/* A function that makes something: it is there exactly if the status says so. */
static infer_status made(infer_status status, int there, const char *what)
{
    if ((status == INFER_OK) != there)
        check_failed(&check, "%s: %s, and an object is %s", what, infer_status_name(status),
                     there ? "there" : "not there");
    return status;
}

static infer_status load(void)
{
    infer_model *m = (infer_model *)files;
    infer_model **to = ARG(2, infer_model **, 1, &m, NULL);
    infer_status status = infer_load(ARG(0, const char *, 1, path, NULL, "", "/", "/dev/null",
                                         "/no/such", "examples/signs/signs.onnx"),
                                     load_options(1), to, ERR(3));
    made(status, to && m, "infer_load");
    if (to)
        infer_model_free(&m);
    return status;
}

static infer_status load_memory(void)
{
    infer_model *m = (infer_model *)files;
    infer_model **to = ARG(3, infer_model **, 1, &m, NULL);
    const char *bytes = files[1].bytes;
    size_t size = ARG(1, size_t, 1, files[1].size, 0, 1, 63, 64, files[1].size - 1);
    /* another place: with the size that is true there */
    bytes = ARG(0, const char *, 1, bytes, NULL, bytes + 1, bytes + 64);
    if (bytes && bytes != files[1].bytes && size == files[1].size)
        size -= 64;
    infer_status status = infer_load_memory(bytes, size, load_options(2), to, ERR(4));
    made(status, to && m, "infer_load_memory");
    if (to)
        infer_model_free(&m);
    return status;
}

static infer_status model_free(void)
{
    infer_model *none = NULL;
    infer_model_free(ARG(0, infer_model **, 2, &none, NULL));
    return INFER_OK;
}

static infer_status session_free(void)
{
    infer_session *none = NULL;
    infer_session_free(ARG(0, infer_session **, 2, &none, NULL));
    return INFER_OK;
}

static infer_status image_free(void)
{
    infer_image none = {0};
    infer_image_free(ARG(0, infer_image *, 2, &none, NULL));
    return INFER_OK;
}

#define COUNT(name, object)                                                                        \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        return nothing_else(infer_##name(object) != 0);                                            \
    }
COUNT(model_inputs, MODEL(0, 1))
COUNT(model_outputs, MODEL(0, 1))
COUNT(session_inputs, SESSION(0))
COUNT(session_outputs, SESSION(0))
COUNT(session_steps, SESSION(0))

static infer_status model_labels(void)
{
    return infer_model_labels(MODEL(0, 2)) == 0 ? INFER_OK : INFER_ERROR_INTERNAL;
}

static infer_status model_label(void)
{
    const char *label = infer_model_label(MODEL(0, 2), ARG(1, size_t, 3, 0, 1, SIZE_MAX));
    return label ? INFER_ERROR_INTERNAL : INFER_OK;
}

/* ---- operators of the application's --------------------------------------------------------- */

static const infer_custom_node some_node = {.descriptor = "", .domain = "d", .name = "n"};
#define CUSTOM_NODE ARG(0, const infer_custom_node *, 2, &some_node, NULL)
#define CUSTOM_NAME ARG(1, const char *, 2, "a", NULL)

static infer_status custom_int(void)
{
    return infer_custom_int(CUSTOM_NODE, CUSTOM_NAME, 7) == 7 ? INFER_OK : INFER_ERROR_INTERNAL;
}

static infer_status custom_float(void)
{
    return infer_custom_float(CUSTOM_NODE, CUSTOM_NAME, 7) == 7 ? INFER_OK : INFER_ERROR_INTERNAL;
}

static infer_status custom_string(void)
{
    const char *s = infer_custom_string(CUSTOM_NODE, CUSTOM_NAME, "none");
    return strcmp(s, "none") == 0 ? INFER_OK : INFER_ERROR_INTERNAL;
}

static infer_status custom_ints(void)
{
    const int64_t *v;
    return infer_custom_ints(CUSTOM_NODE, CUSTOM_NAME, ARG(2, const int64_t **, 2, &v, NULL))
               ? INFER_ERROR_INTERNAL
               : INFER_OK;
}

static infer_status custom_floats(void)
{
    const float *v;
    return infer_custom_floats(CUSTOM_NODE, CUSTOM_NAME, ARG(2, const float **, 2, &v, NULL))
               ? INFER_ERROR_INTERNAL
               : INFER_OK;
}

#define DESCRIBE(name, object, type)                                                               \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        return infer_##name(object, ARG(1, size_t, 1, 0, 1000, SIZE_MAX),                          \
                            ANSWER(2, 1, type, {.size = sizeof(type)}), ERR(3));                   \
    }
DESCRIBE(model_input, MODEL(0, 1), infer_value_info)
DESCRIBE(model_output, MODEL(0, 1), infer_value_info)

static infer_status model_describe(void)
{
    return infer_model_describe(MODEL(0, 1), ANSWER(1, 1, infer_model_info, INFER_MODEL_INFO_INIT),
                                ERR(2));
}

static infer_status model_metadata(void)
{
    const char *key, *value;
    const char **to = ARG(2, const char **, 1, &key, NULL);
    infer_status status =
        infer_model_metadata(MODEL(0, 1), ARG(1, size_t, 0, 0, 1, SIZE_MAX), to, /* there is none */
                             ARG(3, const char **, 1, &value, NULL), ERR(4));
    if (to && (status == INFER_OK) != (key != NULL))
        check_failed(&check, "infer_model_metadata: %s, and a key is %s", infer_status_name(status),
                     key ? "there" : "not there");
    return status;
}

DESCRIBE(session_input, SESSION(0), infer_value_info)
DESCRIBE(session_output, SESSION(0), infer_value_info)
DESCRIBE(session_result, SESSION(0), infer_value_info)
DESCRIBE(session_step, SESSION(0), infer_step_info)

static infer_status session_memory_use(void)
{
    return infer_session_memory_use(
        SESSION(0), ANSWER(1, 1, infer_session_memory, INFER_SESSION_MEMORY_INIT), ERR(2));
}

static const infer_session_options *session_options(int i)
{
    enum { N = 19 };
    static const infer_input_spec right = {.name = "input", .rank = 4, .dims = {1, 3, 64, 64}};
    static infer_input_spec specs[9];
    static infer_session_options o[N];
    for (int k = 0; k < 9; k++)
        specs[k] = right;
    for (int k = 0; k < N; k++) {
        infer_session_options_init(&o[k], sizeof o[k]);
        o[k].threads = 1;
        o[k].ninputs = k >= 9;
        o[k].inputs = k >= 10 ? &specs[k - 10] : k == 9 ? NULL : &right;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].threads = 1025;
    o[4].threads = UINT32_MAX;
    o[5].isa = (infer_isa)33;
    o[6].isa = (infer_isa)-1;
    o[7].precision = INFER_PRECISION_F32_STRICT + 1;
    o[8].max_memory_bytes = 1;
    specs[0].name = NULL;
    specs[1].name = "no such input";
    specs[2].rank = -1;
    specs[3].rank = 9;
    specs[4].dims[0] = -1;
    specs[5].dims[2] = INT64_MAX;
    specs[6].reserved = 1;
    specs[7].more[0] = 1;
    specs[8].more[1] = 1;
    return ARG(i, const infer_session_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8], &o[9], &o[10], &o[11], &o[12], &o[13], &o[14], &o[15], &o[16],
               &o[17], &o[18]);
}

static infer_status session_create(void)
{
    infer_session *s = (infer_session *)files;
    infer_session **to = ARG(2, infer_session **, 1, &s, NULL);
    infer_status status = infer_session_create(MODEL(0, 1), session_options(1), to, ERR(3));
    made(status, to && s, "infer_session_create");
    if (to)
        infer_session_free(&s);
    return status;
}

static infer_status session_reshape(void)
{
    static const infer_input_spec right = {.name = "input", .rank = 4, .dims = {1, 3, 64, 64}};
    static infer_input_spec specs[8][2]; /* the second one has no name */
    for (int k = 0; k < 8; k++)
        specs[k][0] = right;
    specs[1][0].name = NULL;
    specs[2][0].name = "no such input";
    specs[3][0].rank = -1;
    specs[4][0].rank = INT32_MAX;
    specs[5][0].dims[0] = -1;
    specs[6][0].dims[0] = INT64_MAX;
    specs[7][0].more[1] = 1;
    return infer_session_reshape(SESSION(0),
                                 ARG(1, const infer_input_spec *, 1, specs[0], NULL, specs[1],
                                     specs[2], specs[3], specs[4], specs[5], specs[6], specs[7]),
                                 ARG(2, size_t, 1, 1, 2), ERR(3));
}

static infer_status run(void)
{
    unsigned i = pick(1, 1, WRONG), o = pick(3, 1, WRONG);
    return infer_run(SESSION(0), ARG(5, int, 1, 0, 1) ? NULL : wrong_tensor(&in, i),
                     ARG(2, size_t, 1, 1, 0, 2, SIZE_MAX),
                     ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&out, o),
                     ARG(4, size_t, 1, 1, 0, 2, SIZE_MAX), ERR(7));
}

static const infer_pool_options *pool_options(int i)
{
    enum { N = 11 };
    static infer_pool_options o[N];
    for (int k = 0; k < N; k++) {
        infer_pool_options_init(&o[k], sizeof o[k]);
        o[k].threads = 2;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].threads = 1025;
    o[4].threads = UINT32_MAX;
    o[5].affinity = 2;
    o[6].affinity = UINT32_MAX;
    o[7].allocator.alloc = some_alloc;
    o[8].executor.ctx = &error;
    o[9].reserved = 1;
    o[10].size = 7;
    return ARG(i, const infer_pool_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8], &o[9], &o[10]);
}

static infer_status pool_create(void)
{
    infer_pool *p = (infer_pool *)files;
    infer_pool **to = ARG(1, infer_pool **, 1, &p, NULL);
    infer_status status = infer_pool_create(pool_options(0), to, ERR(2));
    made(status, to && p, "infer_pool_create");
    if (to)
        infer_pool_free(&p);
    return status;
}

static infer_status pool_free(void)
{
    infer_pool *none = NULL;
    infer_pool_free(ARG(0, infer_pool **, 2, &none, NULL));
    return INFER_OK;
}

static infer_status session_cancel(void)
{
    infer_session_cancel(ARG(0, infer_session *, 2, session, NULL));
    return INFER_OK;
}

static const infer_run_options *run_options(int i)
{
    static infer_run_options o[4];
    for (int k = 0; k < 4; k++)
        infer_run_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].deadline_ns = 1;
    return ARG(i, const infer_run_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3]);
}

static infer_status run_with(void)
{
    unsigned i = pick(2, 1, WRONG), o = pick(4, 1, WRONG);
    return infer_run_with(
        SESSION(0), run_options(1), ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&in, i),
        ARG(3, size_t, 1, 1, 0, 2, SIZE_MAX), ARG(7, int, 1, 0, 1) ? NULL : wrong_tensor(&out, o),
        ARG(5, size_t, 1, 1, 0, 2, SIZE_MAX), ERR(8));
}

/* What was told to `over_done`. */
static struct {
    sem_t told;
    infer_status status;
} over;

static void over_done(void *ctx, infer_status status, const infer_error *err)
{
    over.status = ctx == &over && err->status == status ? status : INFER_ERROR_INTERNAL;
    sem_post(&over.told);
}

static infer_status run_start(void)
{
    unsigned i = pick(2, 1, WRONG), o = pick(4, 1, WRONG);
    infer_status status = infer_run_start(
        SESSION(0), run_options(1), ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&in, i),
        ARG(3, size_t, 1, 1, 0, 2, SIZE_MAX), ARG(7, int, 1, 0, 1) ? NULL : wrong_tensor(&out, o),
        ARG(5, size_t, 1, 1, 0, 2, SIZE_MAX), ARG(8, infer_run_done, 1, over_done, NULL), &over,
        ERR(9));
    if (status != INFER_OK)
        return status;
    while (sem_wait(&over.told))
        continue;
    return over.status;
}

#include "tests/reliability/r06_vision.h"

#include "tests/reliability/r06_draw.h"

#include "tests/reliability/r06_text.h"

#define ROW(name)                                                                                  \
    {                                                                                              \
        "infer_" #name, name                                                                       \
    }
static const struct row {
    const char *name;
    infer_status (*call)(void);
} rows[] = {
    ROW(status_name),
    ROW(type_size),
    ROW(type_name),
    ROW(tensor_elements),
    ROW(value_info_init),
    ROW(load_options_init),
    ROW(load),
    ROW(load_memory),
    ROW(model_free),
    ROW(model_inputs),
    ROW(model_outputs),
    ROW(model_input),
    ROW(model_output),
    ROW(model_info_init),
    ROW(model_describe),
    ROW(model_metadata),
    ROW(model_labels),
    ROW(model_label),
    ROW(custom_int),
    ROW(custom_float),
    ROW(custom_string),
    ROW(custom_ints),
    ROW(custom_floats),
    ROW(pool_options_init),
    ROW(pool_create),
    ROW(pool_free),
    ROW(session_options_init),
    ROW(session_create),
    ROW(session_reshape),
    ROW(session_free),
    ROW(session_inputs),
    ROW(session_outputs),
    ROW(session_input),
    ROW(session_output),
    ROW(session_result),
    ROW(run),
    ROW(run_options_init),
    ROW(run_with),
    ROW(run_start),
    ROW(session_cancel),
    ROW(session_memory_init),
    ROW(session_memory_use),
    ROW(step_info_init),
    ROW(session_steps),
    ROW(session_step),
    ROW(version),
    ROW(cpu_isa),
    ROW(cpu_has),
    ROW(isa_name),
    ROW(precision_name),
    ROW(has_onednn),
    ROW(image_free),
    ROW(image_options_init),
    ROW(image_decode),
    ROW(image_load),
    ROW(image_resize),
    ROW(preprocess_init),
    ROW(preprocess_size),
    ROW(transform_init),
    ROW(preprocess_run),
    ROW(model_preprocess),
    ROW(topk),
    ROW(classify_options_init),
    ROW(classify),
    ROW(decoding_init),
    ROW(model_decoding),
    ROW(nms_options_init),
    ROW(nms),
    ROW(detect_options_init),
    ROW(detections_init),
    ROW(detect),
    ROW(tracker_options_init),
    ROW(tracker_create),
    ROW(tracker_free),
    ROW(tracker_update),
    ROW(tracker_tracks),
    ROW(segment_options_init),
    ROW(segment),
    ROW(classify_pictures),
    ROW(keypoints_options_init),
    ROW(keypoints),
    ROW(embed_options_init),
    ROW(embed),
    ROW(draw_palette),
    ROW(draw_style_init),
    ROW(draw_rectangle),
    ROW(draw_disc),
    ROW(draw_lines),
    ROW(draw_text),
    ROW(draw_text_width),
    ROW(draw_label),
    ROW(draw_legend),
    ROW(draw_box),
    ROW(draw_points),
    ROW(draw_links),
    ROW(draw_mask),
    ROW(draw_classes),
    ROW(text_regions_options_init),
    ROW(text_regions),
    ROW(read_text_options_init),
    ROW(read_text),
    ROW(quad_cut),
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- the table against the headers ---------------------------------------------------------- */

static int has_row(const char *name, size_t length)
{
    for (int i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
            return 1;
    return 0;
}

static char *read_whole(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *size = fread(text, 1, (1 << 20) - 1, f);
    text[*size] = 0;
    fclose(f);
    return text;
}

/* A declaration begins a line with INFER_API; its name is the first one with a "(" behind it. */
static void check_header(const char *name)
{
    size_t size;
    char *text = read_whole(name, &size);
    int declared = 0;
    for (char *at = text; (at = strstr(at, "\nINFER_API ")) != NULL; at++) {
        char *end = strchr(at, '('), *begin = end;
        assert_non_null(end);
        while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')
            begin--;
        declared++;
        if (!has_row(begin, (size_t)(end - begin)))
            check_failed(&check, "%.*s has no row", (int)(end - begin), begin);
    }
    if (!declared)
        check_failed(&check, "%s declares nothing", name);
    free(text);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static uint64_t calls;

static void call(const struct row *row)
{
    now.nonsense = 0;
    memset(&error, 0x5a, sizeof error);
    infer_status status = row->call();
    calls++;
    if ((status != INFER_OK) != now.nonsense) {
        char text[ARGS * 4 + 1] = "";
        for (int i = 0; i < ARGS; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %u", now.choice[i]);
        check_failed(&check, "%s with choices%s: %s", row->name, text, infer_status_name(status));
    }
    if (status == INFER_ERROR_INTERNAL)
        check_failed(&check, "%s: an internal error", row->name);
}

/* Each argument with each value, and every pair of arguments with every pair of values. */
static void call_all(const struct row *row)
{
    unsigned count[ARGS];
    memset(&now, 0, sizeof now);
    call(row);
    memcpy(count, now.count, sizeof count);
    for (int i = 0; i < ARGS; i++)
        for (unsigned a = 1; a < count[i]; a++)
            for (int k = i; k < ARGS; k++)
                for (unsigned b = k == i ? 0 : 1; b < (k == i ? 1 : count[k]); b++) {
                    memset(now.choice, 0, sizeof now.choice);
                    now.choice[k] = b;
                    now.choice[i] = a;
                    call(row);
                }
}

int main(void)
{
    nets_open(files);
    assert_int_equal(sem_init(&over.told, 0, 0), 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, files[1].bytes, files[1].size) == (ssize_t)files[1].size);
    close(fd);
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    o.threads = 2;
    OK(infer_load_memory(files[1].bytes, files[1].size, NULL, &model, NULL));
    OK(infer_session_create(model, &o, &session, NULL));
    OK(infer_image_load("examples/signs/pictures/stop-1.jpg", NULL, &picture, NULL));
    jpeg = (unsigned char *)read_whole("examples/signs/pictures/stop-1.jpg", &jpeg_size);
    check_header("include/infer.h");
    check_header("include/infer_vision.h");
    check_header("include/infer_draw.h");
    check_header("include/infer_text.h");
    check_header("include/infer_experimental.h");
    for (int i = 0; i < ROWS; i++)
        call_all(&rows[i]);
    infer_image_free(&picture);
    infer_session_free(&session);
    infer_model_free(&model);
    free(jpeg);
    unlink(path);
    nets_close(files);
    return check_report(&check, "%llu calls of %d functions", (unsigned long long)calls, ROWS);
}
