/* R17: memory that runs out, in our allocator or in libjpeg's and stb_image's malloc, while a
 * picture is decoded, resized, preprocessed or answered about: a status, nothing left, and the next
 * try works. */
#include "tests/reliability/failing.h"

#include "base/memory.h"
#include "infer_text.h"
#include "tests/vision_files.h"
#include "tools/convert.h"

static struct check check = {"R17 failing pictures", 0};

enum { WIDE = 61, HIGH = 43 };

/* ---- decoding ------------------------------------------------------------------------------- */

struct picture {
    struct bytes file;
    uint32_t channels;
    char path[64];
};

static infer_status decode(void *ctx, infer_error *err)
{
    const struct picture *p = ctx;
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_image image;
    o.channels = p->channels;
    infer_status status = infer_image_decode(p->file.p, p->file.n, &o, &image, err);
    infer_image_free(&image);
    return status;
}

static infer_status load(void *ctx, infer_error *err)
{
    const struct picture *p = ctx;
    infer_image image;
    infer_status status = infer_image_load(p->path, NULL, &image, err);
    infer_image_free(&image);
    return status;
}

static void try_decoding(const char *what, struct bytes file)
{
    struct picture p = {.file = file};
    snprintf(p.path, sizeof p.path, "/tmp/infer-r17-%ld.picture", (long)getpid());
    FILE *f = fopen(p.path, "wb");
    if (!f || fwrite(file.p, 1, file.n, f) != file.n || fclose(f))
        check_failed(&check, "%s can't be written", p.path);
    for (p.channels = 1; p.channels <= 4; p.channels += p.channels == 1 ? 2 : 1)
        failing_all(&check, &(struct failing_case){what, decode, &p, 1}, 1);
    failing_all(&check, &(struct failing_case){what, load, &p, 1}, 1);
    remove(p.path);
    free(file.p);
}

static struct bytes bmp_or_pnm(const uint8_t *rgb, int bmp)
{
    struct bytes b = {0};
    if (!bmp) {
        char head[32];
        put(&b, head, (size_t)snprintf(head, sizeof head, "P6\n%d %d\n255\n", WIDE, HIGH));
        put(&b, rgb, (size_t)WIDE * HIGH * 3);
        return b;
    }
    uint8_t head[54] = {
        'B', 'M', [10] = 54, [14] = 40, [18] = WIDE, [22] = HIGH, [26] = 1, [28] = 24};
    put(&b, head, sizeof head);
    for (int y = 0; y < HIGH; y++) {
        put(&b, rgb + (size_t)y * WIDE * 3, (size_t)WIDE * 3);
        put(&b, "\0\0\0", (4 - WIDE * 3 % 4) % 4);
    }
    return b;
}

/* A GIF of two grey levels, 4 x 4, each code a literal of 2 bits between clear codes. */
static struct bytes gif(void)
{
    static const uint8_t bytes[] = {'G',  'I', 'F',  '8',  '9',  'a',  4,    0,    4,    0,
                                    0x80, 0,   0,    0,    0,    0,    255,  255,  255, /* header */
                                    ',',  0,   0,    0,    0,    4,    0,    4,    0,    0,
                                    2,    9,   0x04, 0x41, 0x10, 0x04, 0x41, 0x10, 0x04, 0x41,
                                    0x05, 0,   ';'};
    struct bytes b = {0};
    put(&b, bytes, sizeof bytes);
    return b;
}

static void try_decoders(const uint8_t *samples)
{
    for (int progressive = 0; progressive < 2; progressive++)
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
            try_decoding(
                progressive ? "progressive JPEG" : "JPEG",
                make_jpeg(WIDE, HIGH, channels, samples, progressive, channels == 3 ? 6 : 0));
    try_decoding("PNG", make_png(WIDE, HIGH, samples, 3));
    try_decoding("BMP", bmp_or_pnm(samples, 1));
    try_decoding("PNM", bmp_or_pnm(samples, 0));
    try_decoding("GIF", gif());
}

/* ---- resizing, preprocessing ---------------------------------------------------------------- */

struct fitting {
    infer_image image;
    infer_preprocess p;
    infer_filter filter;
    infer_resampler resampler;
    int32_t width, height;
};

static infer_status resize(void *ctx, infer_error *err)
{
    const struct fitting *f = ctx;
    infer_image out;
    infer_status status = infer_image_resize(&f->image, f->width, f->height, f->filter,
                                             f->resampler, NULL, &out, err);
    infer_image_free(&out);
    return status;
}

static infer_status preprocess(void *ctx, infer_error *err)
{
    static float room[3 * 200 * 200];
    const struct fitting *f = ctx;
    int32_t w, h;
    infer_status status =
        infer_preprocess_size(&f->p, f->image.width, f->image.height, &w, &h, err);
    if (status != INFER_OK)
        return status;
    infer_tensor out = {.type = INFER_F32,
                        .rank = 4,
                        .dims = {1, f->p.color == INFER_COLOR_GRAY ? 1 : 3, h, w},
                        .data = room,
                        .bytes = sizeof room};
    return infer_preprocess_run(&f->p, &f->image, 0, &out, NULL, NULL, err);
}

static void try_fitting(uint8_t *samples)
{
    struct fitting f = {.image = {.pixels = samples, .width = WIDE, .height = HIGH, .channels = 3}};
    for (int k = 0; k < 8; k++) {
        f.filter = (infer_filter)(k / 2);
        f.resampler = (infer_resampler)(k % 2);
        for (f.width = 20; f.width < 200; f.width += 90) { /* smaller and larger */
            f.height = f.width + 7;
            failing_all(&check, &(struct failing_case){"resize", resize, &f, 0}, 1);
        }
        for (int fit = INFER_FIT_NONE; fit <= INFER_FIT_LETTERBOX; fit++)
            for (int color = INFER_COLOR_RGB; color <= INFER_COLOR_GRAY; color++) {
                infer_preprocess_init(&f.p, sizeof f.p);
                f.p.fit = fit;
                f.p.width = f.p.height = 50;
                f.p.filter = (int32_t)f.filter;
                f.p.resampler = (int32_t)f.resampler;
                f.p.color = color;
                f.p.crop_width = f.p.crop_height = fit == INFER_FIT_SHORT_SIDE ? 40 : 0;
                failing_all(&check, &(struct failing_case){"preprocess", preprocess, &f, 0}, 1);
            }
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

struct asked {
    infer_model *model;
    struct bytes file;
    int32_t suppress; /* of boxes */
    /* asks a session about the file */
    infer_status (*ask)(const struct asked *c, infer_session *session, infer_error *err);
};

static infer_status ask_classes(const struct asked *c, infer_session *session, infer_error *err)
{
    infer_class classes[3];
    size_t found;
    return infer_classify(session, c->file.p, c->file.n, NULL, classes, 3, &found, err);
}

/* The network's 24 numbers as a box with scores of 20 classes, or as 12 points. */
static infer_decoding decoding(const struct asked *c, int32_t task)
{
    infer_decoding d = INFER_DECODING_INIT;
    d.task = task;
    d.classes = 20;
    d.scores_first = 4;
    d.score_threshold = -1e30F;
    d.suppress = c->suppress;
    d.every_class = 1;
    d.points = 0;
    d.points_count = 12;
    d.point_fields = 2;
    return d;
}

static infer_status ask_boxes(const struct asked *c, infer_session *session, infer_error *err)
{
    const infer_picture picture = {.data = c->file.p, .bytes = c->file.n};
    const infer_decoding d = decoding(c, INFER_TASK_DETECT);
    infer_box boxes[9];
    infer_point points[9 * 12];
    size_t found;
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections to = INFER_DETECTIONS_INIT;
    o.decoding = &d;
    to.boxes = boxes;
    to.points = points;
    to.found = &found;
    to.most = 9;
    return infer_detect(session, &picture, 1, &o, &to, err);
}

/* Of a region that reaches out of the picture. */
static infer_status ask_points(const struct asked *c, infer_session *session, infer_error *err)
{
    const infer_picture picture = {.data = c->file.p,
                                   .bytes = c->file.n,
                                   .x = -5,
                                   .y = 3,
                                   .region_width = 20,
                                   .region_height = 30};
    const infer_decoding d = decoding(c, INFER_TASK_KEYPOINTS);
    infer_point points[12];
    infer_keypoints_options o = INFER_KEYPOINTS_OPTIONS_INIT;
    o.decoding = &d;
    return infer_keypoints(session, &picture, 1, &o, points, err);
}

static infer_status ask_vector(const struct asked *c, infer_session *session, infer_error *err)
{
    const infer_picture picture = {.data = c->file.p, .bytes = c->file.n};
    float vector[24];
    return infer_embed(session, &picture, 1, NULL, vector, 24, err);
}

/* The 24 numbers as a map of one row, all of which is text. */
static infer_status ask_regions(const struct asked *c, infer_session *session, infer_error *err)
{
    const infer_picture picture = {.data = c->file.p, .bytes = c->file.n};
    infer_text_regions_options o = INFER_TEXT_REGIONS_OPTIONS_INIT;
    infer_decoding d = decoding(c, INFER_TASK_TEXT_REGIONS);
    infer_quad quads[2];
    size_t found;
    d.classes = 1;
    o.decoding = &d;
    o.map_threshold = 1e-30F;
    o.least_side = 1e-9F;
    return infer_text_regions(session, &picture, &o, quads, 2, &found, err);
}

/* As one step of 24 classes, for two lines. */
static infer_status ask_lines(const struct asked *c, infer_session *session, infer_error *err)
{
    const infer_picture picture = {.data = c->file.p, .bytes = c->file.n};
    const infer_quad quads[2] = {{.x = {2, 30, 30, 2}, .y = {3, 3, 12, 12}},
                                 {.x = {5, 15, 15, 5}, .y = {3, 3, 33, 33}}};
    infer_read_text_options o = INFER_READ_TEXT_OPTIONS_INIT;
    infer_decoding d = decoding(c, INFER_TASK_TEXT);
    char room[2][9];
    infer_text texts[2] = {{.text = room[0], .room = 9}, {.text = room[1], .room = 9}};
    d.classes = 24;
    o.decoding = &d;
    return infer_read_text(session, &picture, quads, 2, &o, texts, err);
}

/* With a session of its own: one that has answered before needs no memory. */
static infer_status answer(void *ctx, infer_error *err)
{
    const struct asked *c = ctx;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *session;
    o.threads = 2;
    o.no_onednn = 1;
    infer_status status = infer_session_create(c->model, &o, &session, err);
    if (status == INFER_OK)
        status = c->ask(c, session, err);
    infer_session_free(&session);
    return status;
}

static void try_all_answers(struct asked *c)
{
    static const struct {
        const char *name;
        infer_status (*ask)(const struct asked *c, infer_session *session, infer_error *err);
    } calls[] = {{"classify", ask_classes},     {"detect", ask_boxes},
                 {"keypoints", ask_points},     {"embed", ask_vector},
                 {"text regions", ask_regions}, {"text", ask_lines}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (c->suppress = 0; c->suppress < (i == 1 ? 4 : 1); c->suppress++) {
            c->ask = calls[i].ask;
            failing_all(&check, &(struct failing_case){calls[i].name, answer, c, 1}, 1);
        }
}

static void try_answers(const uint8_t *samples)
{
    static const char *const onnx = "examples/signs/signs.onnx";
    static const char *const letters[24] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                            "i", "j", "k", "l", "m", "n", "o", "p",
                                            "q", "r", "s", "t", "u", "v", "w", "x"};
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options o = {.preprocess = &p, .labels = letters, .nlabels = 24};
    struct onnx_report report;
    struct asked c = {0};
    const infer_allocator a = infer__allocator(NULL);
    void *bytes;
    size_t size;
    infer_error err;
    infer_preprocess_init(&p, sizeof p);
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = 64;
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(onnx, &o, &report, NULL, &bytes, &size, &err);
    onnx_report_free(&report);
    if (status == INFER_OK)
        status = infer_load_memory(bytes, size, NULL, &c.model, &err);
    if (status != INFER_OK)
        check_failed(&check, "%s: %s", onnx, err.message);
    for (int jpeg = 0; jpeg < 2 && status == INFER_OK; jpeg++) {
        c.file = jpeg ? make_jpeg(WIDE, HIGH, 3, samples, 0, 0) : make_png(WIDE, HIGH, samples, 1);
        try_all_answers(&c);
        free(c.file.p);
    }
    infer_model_free(&c.model);
    infer__free(&a, bytes);
}

int main(void)
{
    static uint8_t samples[WIDE * HIGH * 4];
    uint32_t state = 5;
    for (size_t i = 0; i < sizeof samples; i++)
        samples[i] = noise(&state);
    try_decoders(samples);
    try_fitting(samples);
    try_answers(samples);
    return check_report(&check,
                        "%llu failures of allocations of 11 files, resizing, preprocessing "
                        "and answers of six kinds",
                        (unsigned long long)failing_points);
}
