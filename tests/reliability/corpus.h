/* The files that the checks of the loader damage: hand-made ones with every kind of section, the
 * golden files of tests/data, and converted networks. */
#ifndef TESTS_RELIABILITY_CORPUS_H
#define TESTS_RELIABILITY_CORPUS_H

#include <dirent.h>

#include "tests/reliability/check.h"
#include "tests/small_net.h"

#include "answer/decoding.h"
#include "file/packed_section.h"
#include "file/tuned_section.h"
#include "tools/convert.h"
#include "vision/preprocess_file.h"

enum { CORPUS_MOST = 32 };

struct corpus {
    struct corpus_file {
        char name[64];
        struct bytes file;
    } file[CORPUS_MOST];
    size_t n;
};

FIXTURE void corpus_add(struct corpus *c, const char *name, struct bytes file)
{
    if (c->n == CORPUS_MOST)
        fail_msg("more than %d files", CORPUS_MOST);
    snprintf(c->file[c->n].name, sizeof c->file[c->n].name, "%.63s", name);
    c->file[c->n++].file = file;
}

FIXTURE void corpus_free(struct corpus *c)
{
    while (c->n)
        free(c->file[--c->n].file.data);
}

/* ---- a file with every kind of section ------------------------------------------------------ */

FIXTURE struct infer__section corpus_tuned(uint32_t cpu)
{
    struct infer__tuned_for by = {.vendor = "GoldenTest12", .cpu = cpu, .isa = 2, .library = 5};
    struct infer__tuned_entry e[] = {{7, "conv_f32_c", 0}, {9, "relu_f32_c", 1}};
    struct infer__section s = {.kind = INFER__SECTION_TUNED};
    void *bytes;
    infer_error err;
    check_ok(infer__tuned_encode(&by, e, 2, NULL, &bytes, &s.size, &err), &err);
    s.data = bytes;
    return s;
}

FIXTURE struct infer__section corpus_packed(uint32_t level, uint64_t weights)
{
    const struct infer__stored_for by = {.level = level, .library = infer__stored_library()};
    struct infer__stored_entry e[] = {{{{7, 1}}, "packed", 7}, {{{9, 2}}, "weights", 8}};
    struct infer__section s = {.kind = INFER__SECTION_PACKED};
    void *bytes;
    infer_error err;
    check_ok(infer__stored_encode(&by, weights, e, 2, NULL, &bytes, &s.size, &err), &err);
    s.data = bytes;
    return s;
}

/* The small network with labels, preprocessing, decoding, two tuned plans, two sections of packed
 * weights, and one section of each kind that this version passes over. */
FIXTURE struct bytes corpus_every_section(void)
{
    static uint8_t preprocess[INFER__PREPROCESS_BYTES], decoding[INFER__DECODING_BYTES];
    static const char *const labels[] = {"cat", "d\xC3\xB6g", "", "cat", "\xE9\xB3\xA5"};
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_decoding d = INFER_DECODING_INIT;
    infer_error err;
    infer_model *m;
    struct bytes net = small_net();
    check_ok(infer_load_memory(net.data, net.size, NULL, &m, &err), &err);
    p.fit = INFER_FIT_STRETCH;
    p.width = 13;
    p.height = 17;
    d.task = INFER_TASK_DETECT;
    d.classes = 5;
    check_ok(infer__preprocess_encode(&p, preprocess, &err), &err);
    check_ok(infer__decoding_encode(&d, decoding, &err), &err);
    struct infer__section extra[] = {
        {INFER__SECTION_PREPROCESS, preprocess, sizeof preprocess},
        {INFER__SECTION_DECODING, decoding, sizeof decoding},
        {INFER__SECTION_STATISTICS, "statistics", 11},
        {INFER__SECTION_SELFTEST, "self-test", 10},
        corpus_tuned(1),
        corpus_tuned(2),
        {INFER__SECTION_META, "meta", 5},
        corpus_packed(INFER_ISA_C, m->weights_sum),
        corpus_packed(INFER_ISA_AVX2, m->weights_sum),
        {INFER__SECTION_META + 90, "of a later version", 19},
    };
    const uint32_t n = sizeof extra / sizeof *extra;
    struct infer__file_content content = {
        .graph = &m->graph, .labels = labels, .nlabels = 5, .extra = extra, .nextra = n};
    struct bytes b = write_exact(&content);
    infer_model_free(&m);
    free(net.data);
    infer_allocator a = infer__allocator(NULL);
    for (uint32_t i = 0; i < n; i++)
        if (extra[i].kind == INFER__SECTION_TUNED || extra[i].kind == INFER__SECTION_PACKED)
            infer__free(&a, (void *)(uintptr_t)extra[i].data);
    return b;
}

/* ---- files from elsewhere ------------------------------------------------------------------- */

/* A file's bytes; no data if it can't be read. */
FIXTURE struct bytes corpus_read(const char *path)
{
    struct bytes b = {NULL, 0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return b;
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (size > 0 && fseek(f, 0, SEEK_SET) == 0) {
        unsigned char *data = malloc((size_t)size);
        if (data && fread(data, 1, (size_t)size, f) == (size_t)size)
            b = (struct bytes){exact_copy(data, (size_t)size), (size_t)size};
        free(data);
    }
    fclose(f);
    return b;
}

FIXTURE const char *corpus_golden_folder(void)
{
    return "tests/data/golden";
}

static int corpus_is_model(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".infer") == 0;
}

FIXTURE void corpus_add_golden(struct corpus *c)
{
    struct dirent **found;
    int n = scandir(corpus_golden_folder(), &found, corpus_is_model, alphasort);
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", corpus_golden_folder(), found[i]->d_name);
        struct bytes b = corpus_read(path);
        if (!b.data)
            fail_msg("%s can't be read", path);
        corpus_add(c, found[i]->d_name, b);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

/* A converted network; nothing where it is not there. */
FIXTURE void corpus_add_onnx(struct corpus *c, const char *name, const char *path)
{
    struct convert_options o = {0};
    struct onnx_report report;
    void *bytes;
    size_t size;
    infer_error err;
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    fclose(f);
    onnx_report_init(&report, NULL);
    check_ok(convert_onnx(path, &o, &report, NULL, &bytes, &size, &err), &err);
    onnx_report_free(&report);
    corpus_add(c, name, (struct bytes){exact_copy(bytes, size), size});
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
}

FIXTURE void corpus_add_shared(struct corpus *c, const char *model)
{
    const char *shared = getenv("INFER_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/models/%s/model.onnx", shared ? shared : "../shared", model);
    corpus_add_onnx(c, model, path);
}

/* ---- the corpus ----------------------------------------------------------------------------- */

/* Files of a few KiB. */
FIXTURE void corpus_small(struct corpus *c)
{
    c->n = 0;
    corpus_add(c, "known", known_file());
    corpus_add(c, "small net", small_net());
    corpus_add(c, "every section", corpus_every_section());
    corpus_add(c, "about", about_file());
    corpus_add_golden(c);
}

/* Whole networks: the bundled one, and beyond "part" some of those in INFER_SHARED. */
FIXTURE void corpus_networks(struct corpus *c)
{
    corpus_add_onnx(c, "signs", "examples/signs/signs.onnx");
    if (check_scale(0, 1, 1)) {
        corpus_add_shared(c, "mnist-cntk-opset8");
        corpus_add_shared(c, "resnet8-cifar10-qdq");
        corpus_add_shared(c, "ppocr-mobile-v2-cls");
    }
    if (check_scale(0, 0, 1)) {
        corpus_add_shared(c, "mobilenetv1-0.25-128-imagenet-qdq");
        corpus_add_shared(c, "shufflenetv2-imagenet-int8-qoperator");
        corpus_add_shared(c, "yunet-n-320");
    }
}

#endif
