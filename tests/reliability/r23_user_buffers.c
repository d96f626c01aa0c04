/* R23: buffers of the caller's that overlap, are aligned for their elements and no more, or not
 * even that, or are one byte short: the answer is right, or an error as infer.h says. Buffers are
 * heap blocks of the exact size, so that AddressSanitizer sees a byte too far. */
#include "base/cpu.h"
#include "tests/reliability/nets.h"

static struct check check = {.title = "R23 user buffers"};
static uint64_t calls;

static void expect(infer_status status, infer_status want, const char *what, size_t where)
{
    calls++;
    if (status != want)
        check_failed(&check, "%s (%zu): %s, not %s", what, where, infer_status_name(status),
                     infer_status_name(want));
}

/* `bytes` bytes whose address is `offset` more than a multiple of 64, and that end with their
 * block. */
struct block {
    char *memory, *at;
};

static struct block block(size_t bytes, size_t offset)
{
    struct block b = {NULL, NULL};
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 64, offset + bytes + (offset + bytes == 0)), 0);
    b.memory = memory;
    b.at = b.memory + offset;
    memset(b.at, 0x5a, bytes);
    return b;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* A session, its input, and what its outputs are. */
struct runs {
    const char *name;
    infer_session *session;
    infer_tensor in, lent[NET_TENSORS];
    size_t nout;
    struct block right[NET_TENSORS]; /* copies of the answers */
};

static void open_runs(struct runs *r, const char *name, const infer_model *model,
                      const infer_session_options *o)
{
    struct net_run run;
    memset(r, 0, sizeof *r);
    OK(net_run_open(&run, model, o, 1, NULL));
    r->name = name;
    r->session = run.session;
    r->in = run.in;
    r->nout = infer_session_outputs(r->session);
    assert_in_range(r->nout, 1, NET_TENSORS);
    OK(infer_run(r->session, &r->in, 1, r->lent, r->nout, NULL));
    for (size_t i = 0; i < r->nout; i++) {
        r->right[i] = block(r->lent[i].bytes, 0);
        memcpy(r->right[i].at, r->lent[i].data, r->lent[i].bytes);
    }
}

static void close_runs(struct runs *r)
{
    for (size_t i = 0; i < r->nout; i++)
        free(r->right[i].memory);
    free(r->in.data);
    infer_session_free(&r->session);
}

/* Runs with buffers at this offset from a cache line. */
static void run_at(struct runs *r, size_t offset)
{
    struct block in = block(r->in.bytes, offset), out[NET_TENSORS];
    infer_tensor ti = r->in, to[NET_TENSORS];
    size_t size = infer_type_size(r->in.type);
    int aligned = offset % size == 0;
    memcpy(in.at, r->in.data, r->in.bytes);
    ti.data = in.at;
    for (size_t i = 0; i < r->nout; i++) {
        out[i] = block(r->lent[i].bytes, offset);
        to[i] = r->lent[i];
        to[i].data = out[i].at;
        aligned &= offset % infer_type_size(to[i].type) == 0;
    }
    expect(infer_run(r->session, &ti, 1, to, r->nout, NULL),
           aligned ? INFER_OK : INFER_ERROR_ARGUMENT, r->name, offset);
    for (size_t i = 0; i < r->nout; i++) {
        if (aligned && memcmp(out[i].at, r->right[i].at, to[i].bytes) != 0)
            check_failed(&check, "%s: output %zu at offset %zu differs", r->name, i, offset);
        to[i].bytes--;
        if (aligned)
            expect(infer_run(r->session, &ti, 1, to, r->nout, NULL), INFER_ERROR_SHAPE,
                   "an output one byte short", i);
        to[i].bytes++;
        free(out[i].memory);
    }
    ti.bytes--;
    memset(to, 0, sizeof to);
    expect(infer_run(r->session, &ti, 1, to, r->nout, NULL), INFER_ERROR_SHAPE,
           "an input one byte short", offset);
    free(in.memory);
}

/* Output i in one block with another tensor of `bytes` bytes: from lying before it to behind it. */
static void overlap(struct runs *r, size_t i, size_t k)
{
    size_t own = r->lent[i].bytes, other = k == NET_TENSORS ? r->in.bytes : r->lent[k].bytes;
    struct block b = block(2 * own + other, 0);
    char *fixed = b.at + own;
    const size_t places[] = {0, 4, own / 2, own, own + other / 2, own + other - 4, own + other};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        size_t at = places[p] & ~(size_t)3;
        infer_tensor ti = r->in, to[NET_TENSORS];
        int apart = at == 0 || at == own + other;
        memcpy(to, r->lent, sizeof to);
        for (size_t n = 0; n < r->nout; n++)
            to[n].data = NULL;
        to[i].data = b.at + at;
        if (k == NET_TENSORS) {
            memcpy(fixed, r->in.data, r->in.bytes);
            ti.data = fixed;
        } else {
            to[k].data = fixed;
        }
        expect(infer_run(r->session, &ti, 1, to, r->nout, NULL),
               apart ? INFER_OK : INFER_ERROR_ARGUMENT, "an overlap", at);
        if (apart && memcmp(to[i].data, r->right[i].at, own) != 0)
            check_failed(&check, "%s: output %zu beside tensor %zu differs", r->name, i, k);
    }
    free(b.memory);
}

static void check_runs(struct runs *r)
{
    infer_tensor ti = r->in, to[NET_TENSORS] = {{0}};
    for (size_t offset = 0; offset < 64; offset += offset < 8 ? 1 : 4)
        run_at(r, offset);
    for (size_t i = 0; i < r->nout; i++) {
        overlap(r, i, NET_TENSORS);
        for (size_t k = 0; k < r->nout; k++)
            if (k != i)
                overlap(r, i, k);
    }
    /* what a run lends is no input of the next one */
    ti.data = r->lent[0].data;
    expect(infer_run(r->session, &ti, 1, to, r->nout, NULL), INFER_ERROR_ARGUMENT, "lent memory",
           0);
    /* more memory than is needed is fine, whoever's it is */
    memcpy(to, r->lent, sizeof to);
    struct block b = block(r->lent[0].bytes + r->in.bytes, 0);
    to[0].data = b.at;
    to[0].bytes += r->in.bytes;
    ti.data = b.at + r->lent[0].bytes;
    memcpy(ti.data, r->in.data, r->in.bytes);
    for (size_t n = 1; n < r->nout; n++)
        to[n].data = NULL;
    if ((uintptr_t)ti.data % infer_type_size(ti.type) == 0)
        expect(infer_run(r->session, &ti, 1, to, r->nout, NULL), INFER_OK, "a large buffer", 0);
    free(b.memory);
}

/* ---- the others ----------------------------------------------------------------------------- */

static void check_load(const struct net_file *f)
{
    for (size_t offset = 0; offset < 64; offset++) {
        struct block b = block(f->size, offset);
        infer_model *model;
        memcpy(b.at, f->bytes, f->size);
        expect(infer_load_memory(b.at, f->size, NULL, &model, NULL),
               offset ? INFER_ERROR_ARGUMENT : INFER_OK, "loading", offset);
        infer_model_free(&model);
        expect(infer_load_memory(b.at, f->size - 1, NULL, &model, NULL),
               offset ? INFER_ERROR_ARGUMENT : INFER_ERROR_FORMAT, "loading all but a byte",
               offset);
        free(b.memory);
    }
}

static void check_decode(const char *path)
{
    static unsigned char bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t offset = 0; offset < 17; offset++) {
        struct block b = block(size, offset), cut = block(size - 1, offset);
        infer_image image;
        memcpy(b.at, bytes, size);
        memcpy(cut.at, bytes, size - 1);
        expect(infer_image_decode(b.at, size, NULL, &image, NULL), INFER_OK, path, offset);
        infer_image_free(&image);
        infer_status status = infer_image_decode(cut.at, size - 1, NULL, &image, NULL);
        expect(status == INFER_OK ? INFER_ERROR_PICTURE : status, INFER_ERROR_PICTURE, path,
               offset);
        infer_image_free(&image);
        free(b.memory);
        free(cut.memory);
    }
}

enum { W = 21, H = 13 };

static infer_status preprocess(infer_type type, char *at, size_t bytes, uint8_t *pixels)
{
    infer_image image = {.pixels = pixels, .width = W, .height = H, .channels = 3};
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_tensor t = {.type = type, .rank = 4, .dims = {1, 3, H, W}, .data = at, .bytes = bytes};
    return infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL);
}

static void check_preprocess(void)
{
    enum { N = 3 * W * H };
    struct block pixels = block(N, 0);
    uint8_t *p = (uint8_t *)pixels.at;
    for (size_t offset = 0; offset < 20; offset++) {
        struct block f32 = block(4 * N, offset), u8 = block(N, offset);
        expect(preprocess(INFER_F32, f32.at, 4 * N, p),
               offset % 4 ? INFER_ERROR_ARGUMENT : INFER_OK, "preprocessing to f32", offset);
        expect(preprocess(INFER_F32, f32.at, 4 * N - 1, p), INFER_ERROR_SHAPE, "a short f32", 0);
        expect(preprocess(INFER_U8, u8.at, N, p), INFER_OK, "preprocessing to u8", offset);
        expect(preprocess(INFER_U8, u8.at, N - 1, p), INFER_ERROR_SHAPE, "a short u8", offset);
        free(f32.memory);
        free(u8.memory);
    }
    struct block both = block(3 * N, 0);
    static const size_t places[] = {0, 1, N / 2, N, N + 1, 2 * N - 1, 2 * N};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        expect(preprocess(INFER_U8, both.at + places[i], N, (uint8_t *)both.at + N),
               places[i] == 0 || places[i] == 2 * N ? INFER_OK : INFER_ERROR_ARGUMENT,
               "a tensor over the picture", places[i]);
    for (int c = 1; c <= 4; c += c == 1 ? 2 : 1) {
        struct block small = block((size_t)c * W * H, 1);
        infer_image image = {.pixels = (uint8_t *)small.at, .width = W, .height = H, .channels = c},
                    out;
        for (int k = 0; k < 8; k++) {
            expect(infer_image_resize(&image, 7 + 11 * k, 40 - 5 * k, (infer_filter)(k / 2),
                                      (infer_resampler)(k % 2), NULL, &out, NULL),
                   INFER_OK, "resizing", (size_t)k);
            infer_image_free(&out);
        }
        free(small.memory);
    }
    free(both.memory);
    free(pixels.memory);
}

static void check_topk(void)
{
    for (size_t offset = 0; offset < 20; offset++) {
        struct block scores = block(4 * 37, offset), top = block(5 * sizeof(infer_class), 0);
        infer_tensor t = {
            .type = INFER_F32, .rank = 1, .dims = {37}, .data = scores.at, .bytes = 4 * 37};
        expect(infer_topk(&t, 5, 1, (infer_class *)(void *)top.at, NULL, NULL),
               offset % 4 ? INFER_ERROR_ARGUMENT : INFER_OK, "top k", offset);
        t.bytes--;
        expect(infer_topk(&t, 5, 1, (infer_class *)(void *)top.at, NULL, NULL), INFER_ERROR_SHAPE,
               "top k of all but a byte", offset);
        free(scores.memory);
        free(top.memory);
    }
}

int main(void)
{
    struct net_file files[NETS];
    int n = nets_open(files), sessions = 0;
    for (int i = 0; i < n; i++) {
        infer_model *model;
        OK(infer_load_memory(files[i].bytes, files[i].size, NULL, &model, NULL));
        for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa))
            for (uint32_t own = 0; own < 2; own++) {
                infer_session_options o = INFER_SESSION_OPTIONS_INIT;
                struct runs r;
                o.isa = isa;
                o.threads = 1 + (uint32_t)isa % 2;
                o.no_onednn = own;
                open_runs(&r, files[i].name, model, &o);
                check_runs(&r);
                close_runs(&r);
                sessions++;
            }
        infer_model_free(&model);
    }
    check_load(&files[0]);
    check_decode("examples/signs/pictures/stop-1.jpg");
    check_decode("examples/signs/pictures/crossroads-1.png");
    check_preprocess();
    check_topk();
    nets_close(files);
    return check_report(&check, "%llu calls, sessions of %d networks and levels",
                        (unsigned long long)calls, sessions);
}
