/* Files that once broke something: those of an attack, beside the project, and those that fuzzing
 * found, in tests/fuzz/findings. Each must end in an error or a clean run, within 10 seconds and
 * 4 GB of resident memory. Every file is tried in a process of its own. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "infer_vision.h"
#include "tests/reliability/check.h"
#include "tools/convert.h"

enum { MOST_SECONDS = 10, MOST_KILOBYTES = 4 << 20, MOST_FILES = 4096 };

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* ---- in the child: what a user would do with the file --------------------------------------- */

static void run_session(infer_session *s)
{
    const size_t ninputs = infer_session_inputs(s), noutputs = infer_session_outputs(s);
    infer_tensor *in = calloc(ninputs + 1, sizeof *in), *out = calloc(noutputs + 1, sizeof *out);
    infer_error err;
    for (size_t i = 0; i < ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(s, i, &info, NULL);
        in[i].type = info.type;
        in[i].rank = info.rank;
        memcpy(in[i].dims, info.dims, sizeof info.dims);
        in[i].bytes = infer_tensor_elements(&in[i]) * infer_type_size(info.type);
        in[i].data = calloc(1, in[i].bytes + 1);
    }
    infer_run(s, in, ninputs, out, noutputs, &err);
    for (size_t i = 0; i < ninputs; i++)
        free(in[i].data);
    free(in);
    free(out);
}

static void use_model(const infer_model *model, const void *picture, size_t size)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s = NULL;
    infer_class classes[5];
    infer_error err;
    size_t found;
    o.threads = 1;
    if (infer_session_create(model, &o, &s, &err) == INFER_OK) {
        run_session(s);
        infer_classify(s, picture, size, NULL, classes, 5, &found, &err);
    }
    infer_session_free(&s);
}

/* A picture of one pixel, for the preprocessing that a model has. */
static const unsigned char pixel[] = "P6 1 1 255 abc";

static int try_file(const char *path)
{
    infer_model *model = NULL;
    infer_image image;
    infer_error err;
    void *bytes = NULL;
    size_t size;
    if (ends_with(path, ".onnx")) {
        struct convert_options o = {0};
        struct onnx_report report;
        onnx_report_init(&report, NULL);
        infer_status status = convert_onnx(path, &o, &report, NULL, &bytes, &size, &err);
        onnx_report_free(&report);
        if (status == INFER_OK)
            infer_load_memory(bytes, size, NULL, &model, &err);
    } else if (infer_load(path, NULL, &model, &err) != INFER_OK &&
               infer_image_load(path, NULL, &image, &err) == INFER_OK) {
        infer_image_free(&image);
    }
    if (model)
        use_model(model, pixel, sizeof pixel - 1);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return 0;
}

/* ---- the parent ----------------------------------------------------------------------------- */

static void check_file(struct check *c, const char *path)
{
    struct rusage use;
    struct timespec began, ended;
    int status;
    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &began);
    pid_t child = fork();
    if (child == 0) {
        alarm(6 * MOST_SECONDS);
        _exit(try_file(path));
    }
    if (child < 0 || wait4(child, &status, 0, &use) != child) {
        check_failed(c, "%s: no process for it", path);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    /* the processor's time: others may be busy */
    double seconds = (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
                     (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    if (WIFSIGNALED(status))
        check_failed(c, "%s: ended by signal %d after %ld s", path, WTERMSIG(status),
                     (long)(ended.tv_sec - began.tv_sec));
    else if (seconds > MOST_SECONDS)
        check_failed(c, "%s: %.1f s", path, seconds);
    else if (use.ru_maxrss > MOST_KILOBYTES)
        check_failed(c, "%s: %ld MB", path, use.ru_maxrss >> 10);
}

static uint64_t check_folder(struct check *c, const char *folder)
{
    struct dirent **names;
    uint64_t files = 0;
    int n = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && files < MOST_FILES) {
            if (names[i]->d_type == DT_DIR) {
                files += check_folder(c, path);
            } else {
                check_file(c, path);
                files++;
            }
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return files;
}

int main(void)
{
    struct check c = {.title = "F3 found files"};
    const char *shared = getenv("INFER_SHARED");
    char attacks[4096];
    snprintf(attacks, sizeof attacks, "%s/attacks", shared ? shared : "../shared");
    uint64_t files = check_folder(&c, attacks);
    uint64_t own = check_folder(&c, "tests/fuzz/findings");
    return check_report(&c, "%llu files of an attack, %llu of fuzzing", (unsigned long long)files,
                        (unsigned long long)own);
}
