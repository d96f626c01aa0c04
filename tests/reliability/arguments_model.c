/* Rows of R6: the functions of infer.h about models and what belongs to none, and those of custom
 * operators. */
#include "graph/custom.h"
#include "infer_experimental.h"
#include "tests/reliability/arguments.h"

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
    return nothing_else(infer_tensor_elements(ARG(0, const infer_tensor *, 1, &right_input, NULL,
                                                  &many, &rank, &less, &minus)) != 0);
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

INIT(load_options_init, infer_load_options)
INIT(value_info_init, infer_value_info)
INIT(model_info_init, infer_model_info)

static infer_status cpu_has(void)
{
    return nothing_else(infer_cpu_has(NUMBERS(0, infer_isa, 1, INFER_ISA_C)));
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

static infer_status load(void)
{
    infer_model *m = (infer_model *)&told;
    infer_model **to = ARG(2, infer_model **, 1, &m, NULL);
    infer_status status = infer_load(ARG(0, const char *, 1, model_path, NULL, "", "/", "/dev/null",
                                         "/no/such", "examples/signs/signs.onnx"),
                                     load_options(1), to, ERR(3));
    made(status, to && m, "infer_load");
    if (to)
        infer_model_free(&m);
    return status;
}

static infer_status load_memory(void)
{
    infer_model *m = (infer_model *)&told;
    infer_model **to = ARG(3, infer_model **, 1, &m, NULL);
    const char *bytes = model_bytes;
    size_t size = ARG(1, size_t, 1, model_size, 0, 1, 63, 64, model_size - 1);
    /* another place: with the size that is true there */
    bytes = ARG(0, const char *, 1, bytes, NULL, bytes + 1, bytes + 64);
    if (bytes && bytes != model_bytes && size == model_size)
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

COUNT(model_inputs, MODEL(0, 1))
COUNT(model_outputs, MODEL(0, 1))

static infer_status model_labels(void)
{
    return infer_model_labels(MODEL(0, 2)) == 0 ? INFER_OK : INFER_ERROR_INTERNAL;
}

static infer_status model_label(void)
{
    const char *label = infer_model_label(MODEL(0, 2), ARG(1, size_t, 3, 0, 1, SIZE_MAX));
    return label ? INFER_ERROR_INTERNAL : INFER_OK;
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
        check_failed(&arguments_check, "infer_model_metadata: %s, and a key is %s",
                     infer_status_name(status), key ? "there" : "not there");
    return status;
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

const struct arguments_row arguments_of_models[] = {
    ROW(status_name),     ROW(type_size),         ROW(type_name),      ROW(tensor_elements),
    ROW(value_info_init), ROW(load_options_init), ROW(load),           ROW(load_memory),
    ROW(model_free),      ROW(model_inputs),      ROW(model_outputs),  ROW(model_input),
    ROW(model_output),    ROW(model_info_init),   ROW(model_describe), ROW(model_metadata),
    ROW(model_labels),    ROW(model_label),       ROW(custom_int),     ROW(custom_float),
    ROW(custom_string),   ROW(custom_ints),       ROW(custom_floats),  ROW(version),
    ROW(cpu_isa),         ROW(cpu_has),           ROW(isa_name),       ROW(precision_name),
    ROW(has_onednn),      {NULL, NULL},
};
