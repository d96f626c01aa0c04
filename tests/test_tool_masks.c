/* Masks of boxes: YOLO's coefficients and prototypes on random numbers, on a letterboxed picture,
 * beside the formula in double precision; memory that is kept, and outputs that do not suit. */
#include "decoder_net.h"
#include "tool_run.h"

#include "third_party/yyjson/yyjson.h"
#include "tools/eval/mask_rle.h"

/* The input of 64 x 96 has 24 rows of filling above and below a picture of 128 x 96. */
enum { IN_W = 64, IN_H = 96, W = 128, H = 96, TOP = 24, M = 8, CLASSES = 2 };
enum { PLACES = 8 * 12 + 4 * 6 + 2 * 3, COLUMNS = IN_W / 4, ROWS = IN_H / 4, MOST = 200 };

/* Boxes of candidates lie in the picture, and some reach out of it. */
static void make_head(struct head *h, int boxes_first)
{
    static const double low[] = {0, TOP, 4, 4}, high[] = {IN_W, IN_H - TOP, 40, 40};
    float *rows = NULL;
    head_begin(h, IN_W, IN_H);
    for (int k = 0; k < 2; k++)
        if (k == !boxes_first)
            rows = head_output(h, "output0", 3, (int64_t[]){1, 4 + CLASSES + M, PLACES}, 0, 1);
        else
            head_output(h, "output1", 4, (int64_t[]){1, M, ROWS, COLUMNS}, -1, 1);
    for (int f = 0; f < 4; f++)
        for (int i = 0; i < PLACES; i++)
            rows[f * PLACES + i] = (float)(low[f] + (high[f] - low[f]) * rows[f * PLACES + i]);
    for (int f = 4 + CLASSES; f < 4 + CLASSES + M; f++)
        for (int i = 0; i < PLACES; i++)
            rows[f * PLACES + i] = rows[f * PLACES + i] * 2 - 1;
}

static double sum_at(const float *rows, const float *maps, int32_t i, int y, int x)
{
    double sum = 0;
    for (int k = 0; k < M; k++)
        sum += (double)rows[(4 + CLASSES + k) * PLACES + i] *
               (double)maps[(k * ROWS + y) * COLUMNS + x];
    return sum;
}

static double clamp(double v, double most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* The sum of prototypes at the centre of pixel (x, y) of the picture. */
static double truth_at(const float *rows, const float *maps, int32_t i, int x, int y)
{
    const double u = clamp((x + 0.5) / 2 / 4 - 0.5, COLUMNS - 1);
    const double v = clamp(((y + 0.5) / 2 + TOP) / 4 - 0.5, ROWS - 1);
    const int left = (int)u, top = (int)v;
    const int right = left + 1 < COLUMNS ? left + 1 : left, below = top + 1 < ROWS ? top + 1 : top;
    const double a = u - left, b = v - top;
    return (1 - b) * ((1 - a) * sum_at(rows, maps, i, top, left) +
                      a * sum_at(rows, maps, i, top, right)) +
           b * ((1 - a) * sum_at(rows, maps, i, below, left) +
                a * sum_at(rows, maps, i, below, right));
}

struct found {
    infer_box boxes[MOST];
    infer_image masks[MOST];
    size_t count;
};

static infer_status detect(infer_session *s, const infer_decoding *d, struct found *f,
                           infer_error *err)
{
    static uint8_t pixels[W * H * 3];
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections to = INFER_DETECTIONS_INIT;
    const infer_picture picture = {
        .data = pixels, .pixels = INFER_PIXELS_RGB, .width = W, .height = H};
    o.decoding = d;
    to.boxes = f->boxes;
    to.found = &f->count;
    to.most = MOST;
    to.masks = f->masks;
    return infer_detect(s, &picture, 1, &o, &to, err);
}

/* Pixels whose sum is nearer to 0 than what f32 rounds off sums of 8 products of up to 1: 1e-5. */
static void check_mask(const struct head *h, int boxes, const infer_box *b, const infer_image *m,
                       size_t *ones)
{
    const int x0 = (int)floor((double)b->x0), y0 = (int)floor((double)b->y0);
    assert_int_equal(m->width, (int)ceil((double)b->x1) - x0);
    assert_int_equal(m->height, (int)ceil((double)b->y1) - y0);
    assert_int_equal(m->channels, 1);
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++) {
            const double v =
                truth_at(h->data[boxes], h->data[!boxes], b->candidate, x0 + x, y0 + y);
            const uint8_t got = m->pixels[(size_t)y * m->pitch + (size_t)x];
            *ones += got;
            if (fabs(v) > 1e-5 && got != (v > 0))
                fail_msg("box %d: pixel %d, %d is %d, not %g", b->candidate, x, y, got, v);
        }
}

static void check_family(const char *family, int boxes_first)
{
    struct head h;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct found f = {.count = 0};
    infer_error err;
    size_t pixels = 0, ones = 0;
    make_head(&h, boxes_first);
    OK(head_decode(&h, family, &p));
    assert_string_equal(h.family->name, "yolov8-seg");
    assert_int_equal(h.decoding.classes, CLASSES);
    head_write(&h, &p);
    infer_session *s = net_session(&h.model, INFER_ISA_DEFAULT, 1, 0);
    h.decoding.score_threshold = 0.6F;
    OK(detect(s, &h.decoding, &f, &err));
    assert_true(f.count > 20);
    const void *memory[MOST];
    for (size_t i = 0; i < f.count; i++) {
        check_mask(&h, !boxes_first, &f.boxes[i], &f.masks[i], &ones);
        pixels += (size_t)(f.masks[i].width * f.masks[i].height);
        memory[i] = f.masks[i].memory;
    }
    printf("%zu masks, %zu of %zu pixels in them\n", f.count, ones, pixels);
    assert_true(ones > pixels / 4 && ones < pixels - pixels / 4);
    OK(detect(s, &h.decoding, &f, &err)); /* the same: nothing is allocated */
    for (size_t i = 0; i < f.count; i++)
        assert_ptr_equal(memory[i], f.masks[i].memory);
    h.decoding.masks = 7; /* no such output */
    assert_int_equal(detect(s, &h.decoding, &f, &err), INFER_ERROR_SHAPE);
    h.decoding.masks = !boxes_first; /* of rank 3 */
    assert_int_equal(detect(s, &h.decoding, &f, &err), INFER_ERROR_SHAPE);
    h.decoding.masks = boxes_first;
    h.decoding.coefficients_first++; /* one more than there are */
    assert_int_equal(detect(s, &h.decoding, &f, &err), INFER_ERROR_SHAPE);
    for (size_t i = 0; i < MOST; i++)
        infer_image_free(&f.masks[i]);
    infer_session_free(&s);
    head_end(&h);
}

static void test_masks(void **state)
{
    (void)state;
    check_family("auto", 1);
    check_family("yolov8-seg", 0);
}

/* Whichever allocation fails, there are no boxes then, each mask is one or zeroed, and nothing is
 * lost. */
static void test_no_memory(void **state)
{
    (void)state;
    struct head h;
    struct counter counter;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_error err;
    infer_model *m;
    size_t fail = 1;
    o.allocator = counting(&counter);
    make_head(&h, 1);
    OK(head_decode(&h, "auto", &p));
    head_write(&h, &p);
    OK(infer_load_memory(h.model.file.data, h.model.file.size, &o, &m, &err));
    for (int done = 0; !done; fail++) {
        struct found f = {.count = 1};
        infer_session *s;
        OK(infer_session_create(m, NULL, &s, &err));
        counter.calls = 0;
        counter.fail_only = fail;
        const infer_status status = detect(s, NULL, &f, &err);
        counter.fail_only = 0;
        done = status == INFER_OK;
        assert_true(done || (status == INFER_ERROR_NO_MEMORY && f.count == 0));
        for (size_t i = 0; i < MOST; i++) {
            assert_true(!f.masks[i].memory == !f.masks[i].width);
            infer_image_free(&f.masks[i]);
        }
        infer_session_free(&s);
    }
    infer_model_free(&m);
    assert_int_equal(counter.blocks, 0);
    printf("%zu allocations\n", fail - 2);
    assert_true(fail > 100); /* of more than one for each mask */
    head_end(&h);
}

/* ---- infer detect --------------------------------------------------------------------------- */

/* A bundled picture, and what `infer detect --draw` makes of it; what it prints is in `out`. */
static void detect_drawn(const struct head *h, infer_image *plain, infer_image *drawn)
{
    const char *file = in_folder("head.infer");
    write_bytes(file, h->model.file.data, h->model.file.size);
    const int status =
        run(cmd_detect, "detect", file, PICTURES "stop-1.jpg", "--score", "0.8", "--draw",
            in_folder("drawn"), "--coco", in_folder("r.json"), "--json", NULL);
    if (status != CLI_OK)
        fail_msg("%d: %s", status, err_text);
    OK(infer_image_load(in_folder("drawn/stop-1.jpg.png"), NULL, drawn, NULL));
    OK(infer_image_load(PICTURES "stop-1.jpg", NULL, plain, NULL));
}

static size_t changed(const infer_image *a, const infer_image *b)
{
    size_t count = 0;
    for (int32_t i = 0; i < a->width * a->height; i++)
        count += memcmp(a->pixels + 3 * i, b->pixels + 3 * i, 3) != 0;
    return count;
}

/* COCO's results have them too: each within its box, and together as many pixels as are drawn, but
 * for where they overlap. */
static void check_results(size_t drawn)
{
    const infer_allocator allocator = infer__allocator(NULL);
    struct infer__region region;
    struct mask_rle mask;
    infer_error err;
    size_t size, i, n;
    uint64_t pixels = 0;
    yyjson_val *v;
    char *text = read_file(in_folder("r.json"), &size);
    yyjson_doc *doc = yyjson_read(text, size, 0);
    infer__region_init(&region, &allocator);
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, v)
    {
        yyjson_val *s = yyjson_obj_get(v, "segmentation"), *b = yyjson_obj_get(v, "bbox");
        yyjson_val *runs = yyjson_obj_get(s, "counts"), *sides = yyjson_obj_get(s, "size");
        double box[4], within[4];
        for (size_t k = 0; k < 4; k++)
            within[k] = yyjson_get_num(yyjson_arr_get(b, k));
        OK(mask_from_text(&region, (uint32_t)yyjson_get_uint(yyjson_arr_get(sides, 0)),
                          (uint32_t)yyjson_get_uint(yyjson_arr_get(sides, 1)), yyjson_get_str(runs),
                          yyjson_get_len(runs), &mask, &err));
        mask_box(&mask, box);
        for (int k = 0; k < 2; k++) {
            assert_true(box[k] >= floor(within[k]));
            assert_true(box[k] + box[k + 2] <= ceil(within[k] + within[k + 2]));
        }
        pixels += mask_area(&mask);
    }
    printf("%zu results of %llu pixels, %zu drawn\n", n, (unsigned long long)pixels, drawn);
    assert_true(n > 0 && pixels > drawn / 2);
    infer__region_free(&region);
    yyjson_doc_free(doc);
    free(text);
}

/* infer detect draws them: with a mask whole regions change, not just outlines. */
static void test_drawn(void **state)
{
    (void)state;
    struct head h;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_image drawn, plain;
    make_head(&h, 1);
    OK(head_decode(&h, "auto", &p));
    head_write(&h, &p);
    detect_drawn(&h, &plain, &drawn);
    const size_t all = (size_t)(plain.width * plain.height), n = changed(&plain, &drawn);
    printf("%zu of %zu pixels changed\n", n, all);
    assert_true(n > all / 10 * 9);
    check_results(n);
    infer_image_free(&drawn);
    infer_image_free(&plain);
    head_end(&h);
}

/* A box that is turned has an angle in JSON, and its outline is where its corners are. */
static void test_turned(void **state)
{
    (void)state;
    struct head h;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_image drawn, plain;
    head_begin(&h, IN_W, IN_H);
    float *v = head_output(&h, "output0", 3, (int64_t[]){1, 6, PLACES}, 0, 0.1);
    const float row[] = {32, 48, 30, 10, 0.9F, 0.5F}; /* the middle, 30 x 10, 0.5 radians */
    for (int f = 0; f < 6; f++)
        v[f * PLACES] = row[f];
    OK(head_decode(&h, "yolov8-obb", &p));
    head_write(&h, &p);
    detect_drawn(&h, &plain, &drawn);
    assert_true(json_valid(out));
    assert_true(json_find(out, "angle") == 0.5);
    const double scale = plain.width / (double)IN_W; /* its width decides */
    const double x = plain.width / 2.0, y = plain.height / 2.0;
    for (int k = 0; k < 4; k++) { /* a pixel inside of the outline's four corners */
        const double a = (k & 1 ? 15 : -15) * scale, b = (k & 2 ? 5 : -5) * scale;
        const int at = (int)(x + a * cos(0.5) - b * sin(0.5)) +
                       (int)(y + a * sin(0.5) + b * cos(0.5)) * plain.width;
        assert_memory_not_equal(plain.pixels + 3 * at, drawn.pixels + 3 * at, 3);
    }
    assert_memory_equal(plain.pixels + 3 * ((int)x + (int)y * plain.width),
                        drawn.pixels + 3 * ((int)x + (int)y * plain.width), 3);
    infer_image_free(&drawn);
    infer_image_free(&plain);
    head_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_masks),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_drawn), cmocka_unit_test(test_turned)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
