/* F2: what holds when a model's file is replaced, overwritten or cut while the model lives, for a
 * mapped file and for one that was read (infer_load_options.read_into_memory). */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "infer.h"
#include "tests/reliability/check.h"
#include "tools/convert.h"
#include "tools/write_file.h"

static struct check check = {.title = "F2 changed files"};
static char folder[] = "/tmp/infer-f02-XXXXXX", path[64];
static void *bytes; /* of the model's file */
static size_t size;
static unsigned cases;

/* A checksum of what the model answers; 0 where it has no answer. */
static uint64_t answer(const infer_model *model)
{
    infer_session *session = NULL;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_tensor in = {0}, out = {0};
    uint64_t sum = 0;
    o.threads = 1;
    if (infer_session_create(model, &o, &session, NULL) != INFER_OK)
        return 0;
    infer_session_input(session, 0, &info, NULL);
    in.type = info.type;
    in.rank = info.rank;
    memcpy(in.dims, info.dims, sizeof in.dims);
    in.bytes = infer_tensor_elements(&in) * infer_type_size(in.type);
    in.data = calloc(1, in.bytes);
    if (in.data && infer_run(session, &in, 1, &out, 1, NULL) == INFER_OK) {
        sum = 14695981039346656037u;
        for (size_t i = 0; i < infer_tensor_elements(&out) * sizeof(float); i++)
            sum = (sum ^ ((const uint8_t *)out.data)[i]) * 1099511628211u;
    }
    infer_session_free(&session);
    free(in.data);
    return sum;
}

/* ---- what happens to the file --------------------------------------------------------------- */

static void replace(void) /* as the tools do */
{
    if (write_file(path, "something else", 14))
        check_failed(&check, "the file can't be replaced");
}

static void overwrite(void)
{
    FILE *f = fopen(path, "r+b");
    for (size_t i = 0; f && i < size; i++)
        fputc(0xff, f);
    if (!f || fclose(f))
        check_failed(&check, "the file can't be written");
}

static void cut(void)
{
    if (truncate(path, 0))
        check_failed(&check, "the file can't be cut");
}

/* In a child, whose exit status tells: 0 the same answer as before, else another or none. A session
 * is made after the change: then the weights are read. */
static int change_under(uint32_t read_into_memory, void (*change)(void), uint64_t expected)
{
    int status = -1;
    cases++;
    unlink(path);
    if (write_file(path, bytes, size))
        check_failed(&check, "the file can't be written");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        infer_load_options o = INFER_LOAD_OPTIONS_INIT;
        infer_model *model = NULL;
        o.read_into_memory = read_into_memory;
        signal(SIGBUS, SIG_DFL); /* a sanitizer's handler would tell of it */
        if (infer_load(path, &o, &model, NULL) != INFER_OK)
            _exit(2);
        change();
        _exit(answer(model) != expected);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        check_failed(&check, "no child");
    return status;
}

/* ---- a file that changes while it is read --------------------------------------------------- */

static size_t new_length;

/* The memory for the file is taken between the look at its size and the reading. */
static void *change_and_alloc(void *ctx, size_t n)
{
    (void)ctx;
    if (n >= size && truncate(path, (off_t)new_length))
        return NULL;
    return malloc(n);
}

static void plain_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

static void change_while_reading(size_t length, infer_status expected)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model = NULL;
    infer_error err;
    cases++;
    unlink(path);
    if (write_file(path, bytes, size))
        check_failed(&check, "the file can't be written");
    o.read_into_memory = 1;
    o.allocator = (infer_allocator){NULL, change_and_alloc, plain_free};
    new_length = length;
    infer_status status = infer_load(path, &o, &model, &err);
    if (status != expected || (model != NULL) != (status == INFER_OK))
        check_failed(&check, "%zu bytes became %zu while it was read: %s, %s", size, length,
                     infer_status_name(status), err.message);
    infer_model_free(&model);
}

static void changes(uint64_t expected)
{
    if (change_under(0, replace, expected))
        check_failed(&check, "mapped and replaced by renaming: another answer");
    if (change_under(1, replace, expected) || change_under(1, overwrite, expected) ||
        change_under(1, cut, expected))
        check_failed(&check, "read into memory: the file still matters");
    int status = change_under(0, cut, expected);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS)
        check_failed(&check, "mapped and cut: status %d, where infer.h says SIGBUS", status);
    change_while_reading(size, INFER_OK);
    change_while_reading(size - 1, INFER_ERROR_IO);
    change_while_reading(size + 1, INFER_ERROR_IO);
    change_while_reading(0, INFER_ERROR_IO);
}

int main(void)
{
    struct convert_options options = {0};
    struct onnx_report report;
    infer_model *model = NULL;
    infer_error err = {0};
    infer_allocator a = infer__allocator(NULL);
    if (!mkdtemp(folder))
        return check_skip(&check, "no folder for its files");
    snprintf(path, sizeof path, "%s/model.infer", folder);
    onnx_report_init(&report, NULL);
    if (convert_onnx("examples/signs/signs.onnx", &options, &report, NULL, &bytes, &size, &err) !=
            INFER_OK ||
        infer_load_memory(bytes, size, NULL, &model, &err) != INFER_OK) {
        check_failed(&check, "no model to begin with: %s", err.message);
    } else {
        uint64_t expected = answer(model);
        if (expected)
            changes(expected);
        else
            check_failed(&check, "the model has no answer");
    }
    infer_model_free(&model);
    onnx_report_free(&report);
    infer__free(&a, bytes);
    unlink(path);
    rmdir(folder);
    return check_report(&check, "%u cases, mapped and read into memory", cases);
}
