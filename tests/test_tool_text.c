/* A network that finds text and one that reads it, of the shared folder, beside recorded answers;
 * vision/README.md there has the rules. */
#include "vision_json.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "infer_text.h"
#include "tools/convert.h"
#include "tools/inputs.h"
#include "tools/read_file.h"

struct network {
    infer_model *model;
    infer_session *session;
    void *bytes;
    infer_preprocess preprocess;
};

static void open_network(struct network *n, const char *path, const struct convert_options *o,
                         const infer_input_spec *shape)
{
    infer_session_options s = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    s.inputs = shape;
    s.ninputs = 1;
    assert_int_equal(open_model_with(shared_path(path), o, &n->model, &n->bytes), 0);
    infer_preprocess_init(&n->preprocess, sizeof n->preprocess);
    assert_int_equal(infer_model_preprocess(n->model, &n->preprocess, NULL), INFER_OK);
    if (infer_session_create(n->model, &s, &n->session, &err) != INFER_OK)
        fail_msg("%s", err.message);
}

static void close_network(struct network *n)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_session_free(&n->session);
    infer_model_free(&n->model);
    infer__free(&a, n->bytes);
}

/* ---- where text is -------------------------------------------------------------------------- */

enum { MOST = 500 };

/* Whether a point is within a convex polygon of four corners. */
static int inside(const double *x, const double *y, double px, double py)
{
    int sides = 0;
    for (int k = 0; k < 4; k++) {
        const int n = (k + 1) % 4;
        sides += (x[n] - x[k]) * (py - y[k]) - (y[n] - y[k]) * (px - x[k]) >= 0;
    }
    return sides == 4;
}

struct region {
    double x[4], y[4], score;
    int taken;
};

/* Of both by their union, by points an eighth of a pixel apart. */
static double overlap(const struct region *a, const struct region *b)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    size_t both = 0, any = 0;
    for (int k = 0; k < 4; k++) {
        low[0] = fmin(low[0], fmin(a->x[k], b->x[k]));
        low[1] = fmin(low[1], fmin(a->y[k], b->y[k]));
        high[0] = fmax(high[0], fmax(a->x[k], b->x[k]));
        high[1] = fmax(high[1], fmax(a->y[k], b->y[k]));
    }
    for (double y = low[1] + 1.0 / 16; y < high[1]; y += 1.0 / 8)
        for (double x = low[0] + 1.0 / 16; x < high[0]; x += 1.0 / 8) {
            const int in_a = inside(a->x, a->y, x, y), in_b = inside(b->x, b->y, x, y);
            both += (size_t)(in_a & in_b);
            any += (size_t)(in_a | in_b);
        }
    return any ? (double)both / (double)any : 0;
}

/* How near both are to each other at least, before the overlap is counted. */
static int near(const struct region *a, const struct region *b)
{
    double far = 0;
    for (int k = 0; k < 4; k++)
        far = fmax(far, fmax(fabs(a->x[k] - b->x[k]), fabs(a->y[k] - b->y[k])));
    return far < 20;
}

static size_t recorded_regions(yyjson_val *answer, struct region *to)
{
    yyjson_val *v;
    size_t i, n, count = 0;
    yyjson_arr_foreach(yyjson_obj_get(answer, "regions"), i, n, v)
    {
        struct region *r = &to[count++];
        *r = (struct region){.score = json_real(v, "score")};
        for (size_t k = 0; k < 4; k++) {
            yyjson_val *c = yyjson_arr_get(yyjson_obj_get(v, "quad"), k);
            r->x[k] = yyjson_get_num(yyjson_arr_get(c, 0));
            r->y[k] = yyjson_get_num(yyjson_arr_get(c, 1));
        }
    }
    return count;
}

/* Recorded corners are rounded to pixels, and within the picture. */
static double recorded_as(float v, double most)
{
    return fmin(fmax(nearbyint((double)v), 0), most);
}

static size_t our_regions(const struct network *n, const infer_picture *p, yyjson_val *image,
                          struct region *to)
{
    static infer_quad quads[MOST];
    size_t found;
    infer_error err;
    if (infer_text_regions(n->session, p, NULL, quads, MOST, &found, &err) != INFER_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < found; i++) {
        to[i] = (struct region){.score = (double)quads[i].score};
        for (int k = 0; k < 4; k++) {
            to[i].x[k] = recorded_as(quads[i].x[k], json_real(image, "width"));
            to[i].y[k] = recorded_as(quads[i].y[k], json_real(image, "height"));
        }
    }
    return found;
}

struct compared {
    double least; /* overlap */
    size_t missing, left, off;
};

/* The rule: they overlap by 0.9, and scores are within 0.01. */
static void compare_regions(struct region *ours, size_t n, const struct region *recorded, size_t m,
                            struct compared *c)
{
    for (size_t i = 0; i < m; i++) {
        double best = 0;
        size_t at = 0;
        for (size_t k = 0; k < n; k++) {
            const double o = !ours[k].taken && near(&ours[k], &recorded[i])
                                 ? overlap(&ours[k], &recorded[i])
                                 : 0;
            at = o > best ? k : at;
            best = o > best ? o : best;
        }
        const int off = fabs(ours[at].score - recorded[i].score) > 0.01;
        if (best < 0.9 || off)
            printf("  recorded (%g, %g) to (%g, %g) %.4f, ours %.3f of it, (%g, %g) to (%g, %g) "
                   "%.4f\n",
                   recorded[i].x[0], recorded[i].y[0], recorded[i].x[2], recorded[i].y[2],
                   recorded[i].score, best, ours[at].x[0], ours[at].y[0], ours[at].x[2],
                   ours[at].y[2], ours[at].score);
        c->off += best >= 0.9 && off;
        c->missing += best < 0.9;
        if (best < 0.9)
            continue;
        ours[at].taken = 1;
        c->least = fmin(c->least, best);
    }
    for (size_t k = 0; k < n; k++)
        c->left += !ours[k].taken;
}

/* The picture's own entry in the list of pictures. */
static yyjson_val *image_of(yyjson_val *images, int64_t id)
{
    yyjson_val *v;
    size_t i, n;
    yyjson_arr_foreach(images, i, n, v) if ((int64_t)json_real(v, "id") == id) return v;
    fail_msg("image %d is not listed", (int)id);
    return NULL;
}

/* What the map says at a few places, and in all. */
static void check_map(const struct network *n, yyjson_val *answer, const char *path)
{
    infer_image image;
    infer_tensor in = {.type = INFER_F32, .rank = 4}, out = {0};
    infer_value_info info = INFER_VALUE_INFO_INIT;
    yyjson_val *v;
    size_t i, count, above = 0;
    double sum = 0;
    assert_int_equal(infer_session_input(n->session, 0, &info, NULL), INFER_OK);
    for (size_t k = 0; k < 4; k++) { /* as infer_text_regions has left it */
        in.dims[k] = info.dims[k];
        assert_int_equal(info.dims[k],
                         yyjson_get_int(yyjson_arr_get(yyjson_obj_get(answer, "input"), k)));
    }
    in.bytes = infer_tensor_elements(&in) * sizeof(float);
    in.data = malloc(in.bytes);
    assert_int_equal(infer_image_load(path, NULL, &image, NULL), INFER_OK);
    assert_int_equal(infer_preprocess_run(&n->preprocess, &image, 0, &in, NULL, NULL, NULL),
                     INFER_OK);
    assert_int_equal(infer_run(n->session, &in, 1, &out, 1, NULL), INFER_OK);
    const float *map = out.data;
    const int64_t width = info.dims[3], pixels = info.dims[2] * width;
    yyjson_arr_foreach(yyjson_obj_get(answer, "prob_samples"), i, count, v)
    {
        const int64_t y = yyjson_get_int(yyjson_arr_get(v, 0));
        const int64_t x = yyjson_get_int(yyjson_arr_get(v, 1));
        assert_true(fabs((double)map[y * width + x] - yyjson_get_num(yyjson_arr_get(v, 2))) < 1e-3);
    }
    for (int64_t k = 0; k < pixels; k++) {
        above += map[k] > 0.3F;
        sum += (double)map[k];
    }
    assert_true(fabs((double)above - json_real(answer, "pixels_above_0.3")) <= 2);
    assert_true(fabs(sum / json_real(answer, "prob_sum") - 1) < 1e-4);
    infer_image_free(&image);
    free(in.data);
}

static void test_regions(void **state)
{
    (void)state;
    const infer_input_spec shape = {.name = "x", .rank = 4, .dims = {1, 3, 736, 736}};
    const struct convert_options o = {.task = "auto"};
    static struct region ours[MOST], recorded[MOST];
    struct network n;
    yyjson_doc *images = shared_json("vision/decoders/images.json");
    yyjson_doc *results = shared_json("vision/decoders/ppocrv3-textdet-ch/results.json");
    open_network(&n, "models/ppocrv3-textdet-ch/model.onnx", &o, &shape);
    yyjson_val *v;
    size_t i, count, all = 0;
    struct compared c = {.least = 1};
    yyjson_arr_foreach(yyjson_doc_get_root(results), i, count, v)
    {
        const int64_t id = (int64_t)json_real(v, "image_id");
        yyjson_val *image = image_of(yyjson_doc_get_root(images), id);
        char path[400];
        snprintf(path, sizeof path, "%s", shared_picture(yyjson_doc_get_root(images), id));
        infer_picture p = {0};
        char *bytes = read_file(path, &p.bytes);
        p.data = bytes;
        const size_t m = recorded_regions(v, recorded);
        const size_t found = our_regions(&n, &p, image, ours);
        compare_regions(ours, found, recorded, m, &c);
        check_map(&n, v, path);
        all += m;
        free(bytes);
    }
    printf("%zu regions of text recorded, %zu missing, %zu of ours left over; they overlap by %.3f "
           "or more; %zu with another score\n",
           all, c.missing, c.left, c.least, c.off);
    assert_true(all > 50);
    assert_int_equal(c.missing, 0);
    assert_int_equal(c.left, 0);
    /* The corners of one lie on whole pixels, which f32 has put a hair above in the recording: so a
     * row that is no text counts there. */
    assert_true(c.off <= 1);
    close_network(&n);
    yyjson_doc_free(images);
    yyjson_doc_free(results);
}

/* ---- what it says --------------------------------------------------------------------------- */

enum { CLASSES = 6906 };
#define READER "wanted/ppocrv6-tiny-rec"
#define RECORDED "agree: 98.6%" /* what the picture was drawn with */

static const infer_input_spec line = {.name = "x", .rank = 4, .dims = {1, 3, 48, 201}};

/* The classes that the recorded picture has, one a character. */
static size_t classes_of(const infer_tensor *in, int64_t *classes, size_t most)
{
    const struct convert_options o = {.task = "text"};
    struct network n;
    infer_tensor out = {0};
    int64_t before = 0;
    size_t count = 0;
    open_network(&n, READER "/model.onnx", &o, &line);
    assert_int_equal(infer_run(n.session, in, 1, &out, 1, NULL), INFER_OK);
    assert_true(out.rank == 3 && out.dims[2] == CLASSES);
    for (int64_t i = 0; i < out.dims[1]; i++) {
        const float *p = (const float *)out.data + i * CLASSES;
        int64_t best = 0;
        for (int64_t c = 1; c < CLASSES; c++)
            best = p[c] > p[best] ? c : best;
        if (best && best != before && count < most)
            classes[count++] = best;
        before = best;
    }
    close_network(&n);
    return count;
}

/* The pixels that the recorded input was made of. */
static uint8_t *pixels_of(const infer_tensor *in)
{
    const float *x = in->data;
    uint8_t *p = malloc(in->bytes);
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < 48 * 201; i++)
            p[3 * i + c] = (uint8_t)lrintf(x[(int64_t)c * 48 * 201 + i] * 127.5F + 127.5F);
    return p;
}

static void read_line(const struct network *n, const infer_picture *p, const infer_quad *q)
{
    char text[40];
    infer_text to = {.text = text, .room = sizeof text};
    infer_error err;
    if (infer_read_text(n->session, p, q, 1, NULL, &to, &err) != INFER_OK)
        fail_msg("%s", err.message);
    printf("\"%s\", %.4f\n", text, (double)to.score);
    assert_string_equal(text, RECORDED);
    assert_int_equal(to.length, strlen(RECORDED));
    assert_int_equal(to.count, strlen(RECORDED));
    assert_true(to.score > 0.9F && to.score <= 1);
}

/* The alphabet does not come with the network: characters of the text get their labels, and all
 * else another. The line is read as it is, and as a part of a larger picture, upside down too. */
static void test_line(void **state)
{
    (void)state;
    static const char *labels[CLASSES - 1];
    static char letters[sizeof RECORDED][2];
    int64_t classes[sizeof RECORDED];
    struct network n, other;
    struct inputs in;
    if (access(shared_path(READER), R_OK)) {
        printf("skipped: %s: not there\n", READER);
        skip();
    }
    const struct convert_options o = {.task = "auto", .labels = labels, .nlabels = CLASSES - 1};
    for (int i = 0; i < CLASSES - 1; i++)
        labels[i] = "?";
    open_network(&other, READER "/model.onnx", &o, &line);
    assert_int_equal(inputs_init(&in, other.model), 0);
    assert_int_equal(inputs_load_file(&in, 0, shared_path(READER "/test_data_set_0/input_0.pb")),
                     0);
    assert_int_equal(classes_of(&in.tensors[0], classes, sizeof RECORDED), strlen(RECORDED));
    for (size_t i = 0; i < strlen(RECORDED); i++) {
        letters[i][0] = RECORDED[i];
        labels[classes[i] - 1] = letters[i];
    }
    open_network(&n, READER "/model.onnx", &o, &line);
    uint8_t *pixels = pixels_of(&in.tensors[0]), *page = malloc(300 * 100 * 3);
    infer_picture p = {.data = pixels, .pixels = INFER_PIXELS_BGR, .width = 201, .height = 48};
    read_line(&n, &p, NULL);
    memset(page, 255, 300 * 100 * 3);
    for (int y = 0; y < 48; y++)
        memcpy(page + ((y + 31) * 300 + 60) * 3, pixels + y * 201 * 3, 201 * 3);
    infer_quad q = {.x = {60, 261, 261, 60}, .y = {31, 31, 79, 79}};
    p = (infer_picture){.data = page, .pixels = INFER_PIXELS_BGR, .width = 300, .height = 100};
    read_line(&n, &p, &q);
    for (int i = 0; i < 300 * 100 / 2; i++)
        for (int c = 0; c < 3; c++) {
            const uint8_t v = page[3 * i + c];
            page[3 * i + c] = page[3 * (300 * 100 - 1 - i) + c];
            page[3 * (300 * 100 - 1 - i) + c] = v;
        }
    q = (infer_quad){.x = {240, 39, 39, 240}, .y = {69, 69, 21, 21}};
    read_line(&n, &p, &q);
    free(page);
    free(pixels);
    inputs_free(&in);
    close_network(&n);
    close_network(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_regions), cmocka_unit_test(test_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
