/* ONNX's own backend tests: every test of the folders whose operators all belong to libinfer must
 * pass, but for those named with a reason in tests/backend_skips.txt.
 *
 *   test_tool_backend [-v] [FOLDER/TEST ...]      all tests, or those named
 *
 * A test with an operator that libinfer does not have is out of scope and only counted. A skipped
 * test that passes is a failure too: its line has to go. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/convert.h"
#include "tools/onnx/onnx_internal.h"
#include "tools/read_file.h"
#include "tools/verify.h"

#define DATA "/usr/share/libonnx-testdata/data"
static const char *const folders[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};

struct counts {
    unsigned passed, failed, skipped, out_of_scope;
};

enum outcome { PASSED, FAILED, OUT_OF_SCOPE };

/* ---- scope ---------------------------------------------------------------------------------- */

static int has_node_with_unknown_op(const Onnx__ModelProto *m, char *text, size_t size)
{
    for (size_t i = 0; i < m->graph->n_node; i++) {
        const Onnx__NodeProto *n = m->graph->node[i];
        int first, last;
        const char *domain = n->domain ? n->domain : "";
        if (strcmp(domain, "ai.onnx") == 0)
            domain = "";
        if (!n->op_type ||
            (!onnx_op_find(domain, n->op_type, ONNX_OPSET_MAX, &first, &last) && !last)) {
            snprintf(text, size, "%s", n->op_type ? n->op_type : "?");
            return 1;
        }
    }
    return 0;
}

static enum outcome scope(const char *path, char *text, size_t text_size)
{
    size_t size;
    char *bytes = read_file(path, &size);
    Onnx__ModelProto *m =
        bytes ? onnx__model_proto__unpack(NULL, size, (const uint8_t *)bytes) : NULL;
    enum outcome o = FAILED;
    snprintf(text, text_size, "the model can't be parsed");
    if (m && m->graph)
        o = has_node_with_unknown_op(m, text, text_size) ? OUT_OF_SCOPE : PASSED;
    if (m)
        onnx__model_proto__free_unpacked(m, NULL);
    free(bytes);
    return o;
}

/* ---- one test ------------------------------------------------------------------------------- */

static infer_status load(const char *path, infer_model **model, void **bytes, char *text,
                         size_t text_size, infer_error *err)
{
    struct convert_options o = {0};
    struct onnx_report report;
    size_t size;
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(path, &o, &report, NULL, bytes, &size, err);
    for (uint32_t i = 0; status != INFER_OK && i < report.count; i++)
        if (!report.items[i].warning) {
            onnx_problem_text(&report.items[i], text, text_size);
            break;
        }
    onnx_report_free(&report);
    return status == INFER_OK ? infer_load_memory(*bytes, size, NULL, model, err) : status;
}

static enum outcome run_sets(const infer_model *model, const char *folder, char *text, size_t size)
{
    struct verify_options o = {.tolerance = 1e-3, .elementwise = 1};
    struct verify_result r;
    infer_error err;
    char path[1024];
    infer_session_options_init(&o.session, sizeof o.session);
    for (int set = 0;; set++) {
        struct stat st;
        snprintf(path, sizeof path, "%s/test_data_set_%d", folder, set);
        if (stat(path, &st))
            return set ? PASSED : FAILED;
        if (verify_data_set(model, path, &o, &r, &err) != INFER_OK) {
            snprintf(text, size, "%s: %s", infer_status_name(err.status), err.message);
            return FAILED;
        }
        if (!r.passed) {
            snprintf(text, size, "%.400s", r.message);
            return FAILED;
        }
    }
}

static enum outcome run_test(const char *folder, char *text, size_t size)
{
    char path[1024];
    infer_error err;
    infer_model *model = NULL;
    void *bytes = NULL;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    enum outcome o = scope(path, text, size);
    if (o != PASSED)
        return o;
    snprintf(text, size, "no data set");
    char problem[512] = "";
    infer_status status = load(path, &model, &bytes, problem, sizeof problem, &err);
    if (status == INFER_OK)
        o = run_sets(model, folder, text, size);
    else
        snprintf(text, size, "%.200s: %.250s", err.message, problem);
    if (status != INFER_OK)
        o = FAILED;
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return o;
}

/* ---- all tests ------------------------------------------------------------------------------ */

/* The reason behind a test's name in the list, or NULL. */
static const char *skip_reason(char **lines, unsigned n, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < n; i++)
        if (strncmp(lines[i], name, length) == 0 && lines[i][length] == ' ')
            return lines[i] + length + 1;
    return NULL;
}

static void one(const char *name, const char *reason, int verbose, struct counts *c)
{
    char folder[512], text[1024] = "";
    snprintf(folder, sizeof folder, "%s/%s", DATA, name);
    enum outcome o = run_test(folder, text, sizeof text);
    if (o == OUT_OF_SCOPE) {
        c->out_of_scope++;
        if (verbose)
            printf("scope   %s (%s)\n", name, text);
    } else if (reason && o == FAILED) {
        c->skipped++;
        if (verbose)
            printf("skipped %s: %s (%s)\n", name, reason, text);
    } else if (reason) {
        c->failed++;
        printf("FAILED  %s passes, but stands in backend_skips.txt\n", name);
    } else if (o == FAILED) {
        c->failed++;
        printf("FAILED  %s: %s\n", name, text);
    } else {
        c->passed++;
        if (verbose)
            printf("ok      %s\n", name);
    }
}

static int all(char **skips, unsigned nskips, int verbose, struct counts *c)
{
    for (unsigned f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct dirent **entries;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", DATA, folders[f]);
        int n = scandir(path, &entries, NULL, alphasort);
        if (n < 0) {
            printf("skipped: %s is not there (package libonnx-testdata)\n", path);
            return 0;
        }
        for (int i = 0; i < n; i++) {
            snprintf(path, sizeof path, "%s/%s", folders[f], entries[i]->d_name);
            if (entries[i]->d_name[0] != '.')
                one(path, skip_reason(skips, nskips, path), verbose, c);
            free(entries[i]);
        }
        free(entries);
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct counts c = {0};
    unsigned nskips = 0;
    int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    char **skips = read_lines("tests/backend_skips.txt", &nskips);
    if (!skips)
        return 2;
    if (argc > 1 + verbose)
        for (int i = 1 + verbose; i < argc; i++)
            one(argv[i], skip_reason(skips, nskips, argv[i]), 1, &c);
    else
        all(skips, nskips, verbose, &c);
    free(skips);
    printf("ONNX backend tests: %u out of scope (an operator that libinfer does not have)\n",
           c.out_of_scope);
    printf("backend: %u passed, %u failed, %u skipped\n", c.passed, c.failed, c.skipped);
    return c.failed != 0;
}
