/* The networks that checks of sessions run: the small net of the unit tests, the bundled model and,
 * where the folder with real ones is there, a quantised one. A program that includes this links
 * cmocka, of which only the assertions are used: one that fails ends the check. */
#ifndef TESTS_RELIABILITY_NETS_H
#define TESTS_RELIABILITY_NETS_H

#include <unistd.h>

#include "tests/reliability/check.h"
#include "tests/small_net.h"
#include "tools/convert.h"
#include "tools/random_fill.h"

enum { NETS = 3, NET_TENSORS = 4 };

struct net_file {
    const char *name;
    void *bytes; /* of a .infer file, 64-byte aligned; NULL: this network is not there */
    size_t size;
};

FIXTURE void nets_convert(struct net_file *f, const char *name, const char *path)
{
    infer_preprocess p; /* as examples/signs/convert.args has it */
    infer_preprocess_init(&p, sizeof p);
    p.fit = INFER_FIT_SHORT_SIDE;
    p.width = 72;
    p.crop_width = p.crop_height = 64;
    for (int i = 0; i < 3; i++) {
        p.mean[i] = 122;
        p.scale[i] = 0.0185f;
    }
    struct convert_options options = {.preprocess = &p};
    struct onnx_report report;
    infer_error err;
    onnx_report_init(&report, NULL);
    if (convert_onnx(path, &options, &report, NULL, &f->bytes, &f->size, &err) != INFER_OK)
        f->bytes = NULL;
    onnx_report_free(&report);
    f->name = name;
}

/* Run from the repository's root. Returns how many there are; nets_close frees them. */
FIXTURE int nets_open(struct net_file f[NETS])
{
    char path[1024];
    const char *shared = getenv("INFER_SHARED");
    memset(f, 0, NETS * sizeof *f);
    struct bytes small = small_net();
    f[0].name = "small net";
    f[0].size = small.size;
    infer_allocator a = infer__allocator(NULL);
    f[0].bytes = infer__alloc(&a, small.size, 64);
    assert_non_null(f[0].bytes);
    memcpy(f[0].bytes, small.data, small.size);
    free(small.data);
    nets_convert(&f[1], "signs", "examples/signs/signs.onnx");
    assert_non_null(f[1].bytes);
    snprintf(path, sizeof path, "%s/models/resnet8-cifar10-qdq/model.onnx",
             shared ? shared : "../shared");
    if (access(path, R_OK) == 0)
        nets_convert(&f[2], "resnet8, int8", path);
    return f[2].bytes ? 3 : 2;
}

FIXTURE void nets_close(struct net_file f[NETS])
{
    infer_allocator a = infer__allocator(NULL);
    for (int i = 0; i < NETS; i++)
        infer__free(&a, f[i].bytes);
}

/* A session with an input of its own. */
struct net_run {
    infer_session *session;
    infer_tensor in;
};

/* Inputs are the same for the same seed. */
FIXTURE infer_status net_run_open(struct net_run *r, const infer_model *model,
                                  const infer_session_options *options, uint64_t seed,
                                  infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    memset(r, 0, sizeof *r);
    infer_status status = infer_session_create(model, options, &r->session, err);
    if (status != INFER_OK)
        return status;
    OK(infer_session_input(r->session, 0, &info, NULL));
    r->in = (infer_tensor){.type = info.type, .rank = info.rank};
    memcpy(r->in.dims, info.dims, sizeof info.dims);
    r->in.bytes = infer_tensor_elements(&r->in) * infer_type_size(info.type);
    r->in.data = malloc(r->in.bytes);
    assert_non_null(r->in.data);
    random_fill(&r->in, seed);
    return INFER_OK;
}

FIXTURE void net_run_close(struct net_run *r)
{
    infer_session_free(&r->session);
    free(r->in.data);
    r->in.data = NULL;
}

/* Runs once; the bits of all outputs in one number, 0 where the run failed. */
FIXTURE uint64_t net_run_bits(struct net_run *r)
{
    infer_tensor out[NET_TENSORS] = {{0}};
    size_t n = infer_session_outputs(r->session);
    uint64_t bits = 1;
    if (n > NET_TENSORS || infer_run(r->session, &r->in, 1, out, n, NULL) != INFER_OK)
        return 0;
    for (size_t i = 0; i < n; i++)
        bits = bits * 31 + infer__checksum(out[i].data, out[i].bytes);
    return bits ? bits : 1;
}

#endif
