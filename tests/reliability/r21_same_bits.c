/* R21: whole networks on inputs with NaN, infinities, denormals and FLT_MAX give the same bits over
 * repeats, numbers of threads and sessions; which NaN it is counts for nothing (docs/numbers.md).
 */
#include <dirent.h>
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "tests/guard.h"
#include "tests/reliability/check.h"
#include "tools/convert.h"
#include "tools/random_fill.h"

enum { MOST = 8, REPEATS = 2, SESSIONS = 2 };

struct answers {
    unsigned char *bytes[MOST];
    size_t size[MOST];
};

static uint64_t runs;

static void drop(struct answers *a)
{
    for (int i = 0; i < MOST; i++)
        free(a->bytes[i]);
    memset(a, 0, sizeof *a);
}

/* Mostly ordinary numbers, as a picture has them; how many of the others is up to `seed`. */
static void *odd_input(infer_tensor *t, uint64_t seed)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-40F, -0.0F, 1e30F};
    size_t n = infer_tensor_elements(t);
    uint64_t r = seed;
    t->bytes = n * infer_type_size(t->type);
    t->data = malloc(t->bytes + 1);
    random_fill(t, seed);
    for (size_t k = 0; t->type == INFER_F32 && n && k < (seed % 3 ? 3 : n / 50 + 1); k++)
        ((float *)t->data)[random_next(&r) % n] = odd[random_next(&r) % 8];
    return t->data;
}

static infer_tensor tensor_of(const infer_value_info *info)
{
    infer_tensor t = {.type = info->type, .rank = info->rank};
    memcpy(t.dims, info->dims, sizeof t.dims);
    return t;
}

/* One run; NaNs become one and the same. */
static int run_once(infer_session *s, const infer_model *m, uint64_t seed, struct answers *a)
{
    infer_tensor in[MOST] = {0}, out[MOST] = {0};
    size_t nin = infer_model_inputs(m), nout = infer_model_outputs(m);
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    for (size_t i = 0; i < nin; i++) {
        infer_session_input(s, i, &info, NULL);
        in[i] = tensor_of(&info);
        odd_input(&in[i], seed + i);
    }
    infer_status status = infer_run(s, in, nin, out, nout, &err);
    for (size_t i = 0; i < nout && status == INFER_OK; i++) {
        a->size[i] = infer_tensor_elements(&out[i]) * infer_type_size(out[i].type);
        a->bytes[i] = malloc(a->size[i] + 1);
        memcpy(a->bytes[i], out[i].data, a->size[i]);
        float *f = (void *)a->bytes[i];
        for (size_t k = 0; out[i].type == INFER_F32 && k < a->size[i] / sizeof *f; k++)
            f[k] = isnan(f[k]) ? NAN : f[k];
    }
    for (size_t i = 0; i < nin; i++)
        free(in[i].data);
    runs++;
    return status == INFER_OK;
}

static int same(const struct answers *a, const struct answers *b)
{
    for (int i = 0; i < MOST; i++)
        if (a->size[i] != b->size[i] ||
            (a->size[i] && memcmp(a->bytes[i], b->bytes[i], a->size[i]) != 0))
            return 0;
    return 1;
}

/* 0: the network has no session as it is, with free dimensions for example. */
static int look(struct check *c, const char *name, const infer_model *m, uint64_t seed)
{
    struct answers first = {0};
    for (unsigned i = 0; i < 4 * SESSIONS; i++) {
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_session *s;
        infer_error err;
        o.threads = i % 4 + 1;
        if (infer_session_create(m, &o, &s, &err) != INFER_OK)
            return 0;
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            struct answers a = {0};
            if (!run_once(s, m, seed, &a))
                check_failed(c, "%s: no answer", name);
            else if (i || repeat ? !same(&first, &a) : 0)
                check_failed(c, "%s, %u threads, run %d, seed %llu: other bits", name, o.threads,
                             repeat, (unsigned long long)seed);
            if (i || repeat)
                drop(&a);
            else
                first = a;
        }
        infer_session_free(&s);
    }
    drop(&first);
    return 1;
}

static int look_at_file(struct check *c, const char *name, const char *path)
{
    infer_model *m = NULL;
    void *bytes = NULL;
    int looked = 0;
    if (open_model(path, NULL, 0, &m, &bytes) != 0) {
        check_failed(c, "%s can't be opened", path);
        return 0;
    }
    uint64_t seeds = check_scale(1, 3, 30), base = check_seed(1);
    if (infer_model_inputs(m) <= MOST && infer_model_outputs(m) <= MOST)
        for (uint64_t k = 0; k < seeds; k++)
            looked |= look(c, name, m, base + k);
    infer_model_free(&m);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return looked;
}

int main(void)
{
    static const char *const names[] = {"mnist-cntk-opset8",
                                        "resnet8-cifar10-fp32",
                                        "resnet8-cifar10-qdq",
                                        "mobilenetv1-0.25-128-imagenet-fp32",
                                        "mobilenetv1-0.25-128-imagenet-qdq",
                                        "squeezenet-imagenet-fp32",
                                        "mobilenetv2-1.0-224-imagenet-qdq"};
    struct check c = {.title = "R21 same bits"};
    const char *shared = getenv("INFER_SHARED");
    int networks = look_at_file(&c, "signs", "examples/signs/signs.onnx");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/models/%s/model.onnx", shared ? shared : "../shared",
                 names[i]);
        FILE *f = fopen(path, "rb");
        if (!f)
            continue;
        fclose(f);
        networks += look_at_file(&c, names[i], path);
    }
    if (!networks)
        check_failed(&c, "no network was run");
    return check_report(&c, "%d networks, 1 to 4 threads, %llu runs", networks,
                        (unsigned long long)runs);
}
