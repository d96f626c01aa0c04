/* Networks that find text and read it, made by hand, and pages for them. Pages are white; a line of
 * text is a grey band with a dark edge at its top, in which letters are blocks: red a, green b,
 * blue c. What is not white is text; a line is read by its colours, and stands upright if its upper
 * half is darker. */
#ifndef INFER_TESTS_TEXT_NETS_H
#define INFER_TESTS_TEXT_NETS_H

#include "tests/onnx_model.h"

#include <math.h>

#include "tests/tool_run.h"
#include "tools/png.h"

enum { PAGE_WIDTH = 800, PAGE_HEIGHT = 400, BAND = 24, LETTER = 32, GAP = 24 };

/* ---- networks ------------------------------------------------------------------------------- */

static inline void write_model(struct builder *b, const char *name)
{
    pack(b);
    write_bytes(in_folder(name), b->bytes, b->size);
    build_end(b);
}

/* White is 2.25, 2.43 and 2.64 behind mean and deviation: their sum is 7.3, of all else below 4. */
static inline void make_detector(const char *name)
{
    const int64_t dims[] = {1, 3, -1, -1}, w[] = {1, 3, 1, 1}, one = 1;
    const float weights[] = {-10, -10, -10}, bias = 50;
    struct builder b;
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    floats(&b, "b", 1, &one, &bias);
    node(&b, "Conv", "x,w,b", "map");
    node(&b, "Sigmoid", "map", "y");
    write_model(&b, name);
}

/* Colours of 4 columns at a time: blank, red, green, blue; channels are blue, green, red. */
static inline void make_reader(const char *name, int softmax)
{
    const int64_t dims[] = {-1, 3, 16, -1}, w[] = {4, 3, 1, 1}, four = 4, two = 2;
    const int64_t window[] = {16, 4}, perm[] = {0, 2, 1};
    const float weights[] = {0, 0, 0, -9, -9, 9, -9, 9, -9, 9, -9, -9}, bias[] = {3, 0, 0, 0};
    struct builder b;
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    floats(&b, "b", 1, &four, bias);
    ints(&b, "axis", 1, &two);
    Onnx__NodeProto *pool = node(&b, "AveragePool", "x", "mean");
    attr_ints(&b, pool, "kernel_shape", window, 2);
    attr_ints(&b, pool, "strides", window, 2);
    node(&b, "Conv", "mean,w,b", "logits");
    node(&b, "Squeeze", "logits,axis", "columns");
    attr_ints(&b, node(&b, "Transpose", "columns", softmax ? "steps" : "y"), "perm", perm, 3);
    if (softmax)
        attr_int(&b, node(&b, "Softmax", "steps", "y"), "axis", -1);
    write_model(&b, name);
}

/* The upper half less the lower one, as a score for upside down. */
static inline void make_upright(const char *name)
{
    const int64_t dims[] = {-1, 3, 48, 192}, w[] = {2, 3, 48, 1}, flat[] = {-1, 2};
    float weights[2 * 3 * 48];
    struct builder b;
    for (int i = 0; i < 2 * 3 * 48; i++)
        weights[i] = (i % 48 < 24 ? 0.5F : -0.5F) * (i < 3 * 48 ? -1 : 1);
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    ints(&b, "flat", 2, flat);
    node(&b, "Conv", "x,w", "sums");
    node(&b, "GlobalAveragePool", "sums", "mean");
    node(&b, "Reshape", "mean,flat", "logits");
    attr_int(&b, node(&b, "Softmax", "logits", "y"), "axis", -1);
    write_model(&b, name);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static inline int32_t length_of(const char *text)
{
    return GAP + (int32_t)strlen(text) * (LETTER + GAP);
}

/* The colour of a line at (u, v) from its upper left corner; 0: it is not there. */
static inline int colour_at(const char *text, double u, double v, uint8_t rgb[3])
{
    const int place = (int)floor((u - GAP) / (LETTER + GAP));
    if (u < 0 || v < 0 || u >= length_of(text) || v >= BAND)
        return 0;
    memset(rgb, v < 4 ? 0 : 128, 3);
    if (v >= 4 && u >= GAP && u - GAP - place * (LETTER + GAP) < LETTER) {
        memset(rgb, 0, 3);
        rgb[text[place] - 'a'] = 255;
    }
    return 1;
}

/* Draws a line that begins at (x, y) and is turned by `angle`. */
static inline void draw(infer_image *page, const char *text, double x, double y, double angle)
{
    const double c = cos(angle), s = sin(angle);
    for (int32_t j = 0; j < page->height; j++)
        for (int32_t i = 0; i < page->width; i++) {
            const double dx = i + 0.5 - x, dy = j + 0.5 - y;
            colour_at(text, dx * c + dy * s, dy * c - dx * s,
                      page->pixels + (size_t)j * page->pitch + 3 * (size_t)i);
        }
}

static inline infer_image blank(int32_t width, int32_t height)
{
    infer_image page = {
        .pitch = 3 * (size_t)width, .width = width, .height = height, .channels = 3};
    page.pixels = malloc(page.pitch * (size_t)height);
    assert_non_null(page.pixels);
    memset(page.pixels, 255, page.pitch * (size_t)height);
    return page;
}

static inline void save(infer_image *page, const char *name)
{
    assert_int_equal(png_write(in_folder(name), page), 0);
    free(page->pixels);
}

/* The third stands upside down, the fourth is turned a little. */
static inline void make_pages(void)
{
    infer_image page = blank(PAGE_WIDTH, PAGE_HEIGHT);
    draw(&page, "abcab", 30, 40, 0);
    draw(&page, "cab", 500, 44, 0);
    draw(&page, "bca", 30 + length_of("bca"), 180 + BAND, acos(-1));
    draw(&page, "ccba", 330, 220, 0.3);
    save(&page, "page.png");
    page = blank(PAGE_WIDTH, PAGE_HEIGHT);
    save(&page, "empty.png");
    page = blank(length_of("abba"), BAND);
    draw(&page, "abba", 0, 0, 0);
    save(&page, "line.png");
}

static inline int setup_all(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    make_detector("det.onnx");
    make_reader("rec.onnx", 1);
    make_reader("raw.onnx", 0);
    make_upright("cls.onnx");
    make_pages();
    write_text(in_folder("letters"), "a\nb\nc\n");
    return 0;
}

#endif
