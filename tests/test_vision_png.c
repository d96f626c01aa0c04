/* PNG: every colour type, depth, filter and order of rows, with and without a transparent colour,
 * against pixels that are worked out here from the standard (ISO/IEC 15948); what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/vision_files.h"

enum { W = 13, H = 11 };

/* How a picture is stored. */
struct form {
    uint8_t color, depth;
    int clear, interlaced, cgbi;
};

static int samples_of(const struct form *f)
{
    static const int samples[7] = {1, 0, 3, 1, 2, 0, 4};
    return samples[f->color];
}

/* Samples as they are stored, `samples` for each pixel; a palette, and the transparent colour. */
struct source {
    uint16_t sample[H][W][4], clear[3];
    uint8_t palette[256][4];
    int colors;
};

static void fill(struct source *s, const struct form *f, uint32_t *seed)
{
    const unsigned mask = (1u << f->depth) - 1;
    s->colors = f->depth < 8 ? 1 << f->depth : 200;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int k = 0; k < 4; k++) {
                const unsigned v = ((unsigned)noise(seed) << 8 | noise(seed)) & mask;
                s->sample[y][x][k] = (uint16_t)(f->color == 3 && v >= (unsigned)s->colors ? 7 : v);
            }
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 4; k++)
            s->palette[i][k] = k == 3 ? 255 : noise(seed);
    memcpy(s->clear, s->sample[H / 2][W / 2], sizeof s->clear);
    for (int i = 0; f->color == 3 && f->clear && i < s->colors / 2; i++)
        s->palette[i][3] = noise(seed);
}

/* ---- writing -------------------------------------------------------------------------------- */

static uint8_t predicted(int filter, int left, int up, int corner)
{
    const int p = left + up - corner;
    const int a = abs(p - left), b = abs(p - up), c = abs(p - corner);
    switch (filter) {
    case 1:
        return (uint8_t)left;
    case 2:
        return (uint8_t)up;
    case 3:
        return (uint8_t)((left + up) / 2);
    case 4:
        return (uint8_t)(a <= b && a <= c ? left : b <= c ? up : corner);
    default:
        return 0;
    }
}

/* The pixels (x0 + i * dx, y0 + k * dy) as rows, each with another filter. */
static void put_rows(struct bytes *raw, const struct source *s, const struct form *f, int x0,
                     int y0, int dx, int dy)
{
    enum { MOST = W * 8 };
    uint8_t row[2][MOST + 8] = {{0}};
    const int samples = samples_of(f), step = (samples * f->depth + 7) / 8;
    int filter = 4;
    for (int y = y0; y < H && x0 < W; y += dy, filter = (filter + 1) % 5) {
        uint8_t *now = row[0] + 8, *before = row[1] + 8, out[MOST];
        int bits = 0;
        memset(now, 0, MOST);
        for (int x = x0; x < W; x += dx)
            for (int k = 0; k < samples; k++, bits += f->depth) {
                const unsigned v = s->sample[y][x][k];
                if (f->depth == 16) {
                    now[bits / 8] = (uint8_t)(v >> 8);
                    now[bits / 8 + 1] = (uint8_t)v;
                } else {
                    now[bits / 8] = (uint8_t)(now[bits / 8] | v << (8 - f->depth - bits % 8));
                }
            }
        const int bytes = (bits + 7) / 8;
        for (int i = 0; i < bytes; i++)
            out[i] = (uint8_t)(now[i] - predicted(filter, i < step ? 0 : now[i - step], before[i],
                                                  i < step ? 0 : before[i - step]));
        put(raw, &(uint8_t){(uint8_t)filter}, 1);
        put(raw, out, (size_t)bytes);
        memcpy(before, now, MOST);
    }
}

static void put_header(struct bytes *b, const struct form *f)
{
    struct bytes header = {0};
    put(b, "\x89PNG\r\n\x1a\n", 8);
    if (f->cgbi)
        put_chunk(b, "CgBI", "\x50\0\x20\6", 4);
    put_be32(&header, W);
    put_be32(&header, H);
    put(&header, (uint8_t[5]){f->depth, f->color, 0, 0, (uint8_t)f->interlaced}, 5);
    put_chunk(b, "IHDR", header.p, header.n);
    free(header.p);
}

static void put_colors(struct bytes *b, const struct source *s, const struct form *f)
{
    uint8_t rgb[256 * 3], alpha[256], clear[6];
    for (int i = 0; i < s->colors; i++) {
        memcpy(rgb + 3 * i, s->palette[i], 3);
        alpha[i] = s->palette[i][3];
    }
    for (int k = 0; k < 3; k++) {
        clear[2 * k] = (uint8_t)(s->clear[k] >> 8);
        clear[2 * k + 1] = (uint8_t)s->clear[k];
    }
    if (f->color == 3)
        put_chunk(b, "PLTE", rgb, (size_t)s->colors * 3);
    if (f->clear)
        put_chunk(b, "tRNS", f->color == 3 ? alpha : clear,
                  f->color == 3 ? (size_t)s->colors / 2 : 2 * (size_t)samples_of(f));
}

static struct bytes png_of(const struct source *s, const struct form *f)
{
    static const int passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    struct bytes b = {0}, raw = {0};
    for (int i = 0; i < 7 && f->interlaced; i++)
        put_rows(&raw, s, f, passes[i][0], passes[i][1], passes[i][2], passes[i][3]);
    if (!f->interlaced)
        put_rows(&raw, s, f, 0, 0, 1, 1);
    struct bytes z = zlib_store(raw.p, raw.n);
    put_header(&b, f);
    put_colors(&b, s, f);
    if (f->cgbi) /* without zlib's frame */
        put_chunk(&b, "IDAT", z.p + 2, z.n - 6);
    else
        put_chunk(&b, "IDAT", z.p, z.n);
    put_chunk(&b, "IEND", NULL, 0);
    free(raw.p);
    free(z.p);
    return b;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A pixel as red, green, blue and alpha of 8 bits. */
static void pixel_of(const struct source *s, const struct form *f, int y, int x, int out[4])
{
    const uint16_t *v = s->sample[y][x];
    const int samples = samples_of(f), grey = samples <= 2;
    int same = 1, p[4] = {0};
    if (f->color == 3) {
        for (int k = 0; k < 4; k++)
            out[k] = s->palette[v[0]][k];
        return;
    }
    for (int k = 0; k < samples; k++) {
        p[k] = f->depth == 16 ? v[k] >> 8 : v[k] * 255 / ((1 << f->depth) - 1);
        same &= k < 3 && v[k] == s->clear[k];
    }
    for (int k = 0; k < 3; k++)
        out[k] = p[grey ? 0 : k];
    out[3] = samples == 2 || samples == 4 ? p[samples - 1] : f->clear && same ? 0 : 255;
    if (!f->cgbi || grey)
        return;
    const int blue = out[0];
    out[0] = out[2];
    out[2] = blue;
    for (int k = 0; k < 3 && out[3]; k++) {
        const int whole = (out[k] * 255 + out[3] / 2) / out[3];
        out[k] = whole > 255 ? 255 : whole;
    }
}

static infer_status decode(const struct bytes *b, uint32_t channels, infer_image *image,
                           infer_error *err)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    uint8_t *exact = exact_copy(b->p, b->n);
    o.channels = channels;
    const infer_status status = infer_image_decode(exact, b->n, &o, image, err);
    free(exact);
    return status;
}

static void check_form(const struct form *f, uint32_t *seed)
{
    static struct source s;
    infer_image image;
    infer_error err;
    fill(&s, f, seed);
    struct bytes b = png_of(&s, f);
    if (decode(&b, 4, &image, &err) != INFER_OK)
        fail_msg("colour type %d of %d bits: %s", f->color, f->depth, err.message);
    assert_true(image.width == W && image.height == H && image.channels == 4);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const uint8_t *got = image.pixels + 4 * (y * W + x);
            int want[4];
            pixel_of(&s, f, y, x, want);
            for (int k = 0; k < 4; k++)
                if (got[k] != want[k])
                    fail_msg("colour type %d of %d bits, clear %d, interlaced %d, CgBI %d: pixel "
                             "%d,%d has %d, not %d, at %d",
                             f->color, f->depth, f->clear, f->interlaced, f->cgbi, x, y, got[k],
                             want[k], k);
        }
    infer_image_free(&image);
    free(b.p);
}

/* Colour types and depths that there are. */
static const uint8_t kinds[][2] = {{0, 1}, {0, 2}, {0, 4},  {0, 8}, {0, 16}, {3, 1}, {3, 2}, {3, 4},
                                   {3, 8}, {2, 8}, {2, 16}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void test_forms(void **state)
{
    (void)state;
    uint32_t seed = test_seed();
    for (int i = 0; i < KINDS; i++)
        for (int more = 0; more < 8; more++) {
            const struct form f = {.color = kinds[i][0],
                                   .depth = kinds[i][1],
                                   .clear = (more & 1) && kinds[i][0] < 4,
                                   .interlaced = more >> 1 & 1,
                                   .cgbi = more >> 2 && kinds[i][1] < 16};
            check_form(&f, &seed);
        }
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void refused(struct bytes *b, infer_status status, const char *message)
{
    infer_image image;
    infer_error err;
    const infer_status got = decode(b, 3, &image, &err);
    if (got != status || !strstr(err.message, message))
        fail_msg("%s: %s, not '%s'", infer_status_name(got), err.message, message);
    free(b->p);
}

static void test_kinds_refused(void **state)
{
    (void)state;
    static const struct form wrong[] = {{.color = 3, .depth = 16}, {.color = 2, .depth = 4},
                                        {.color = 1, .depth = 8},  {.color = 7, .depth = 8},
                                        {.color = 5, .depth = 8},  {.color = 0, .depth = 3},
                                        {.color = 6, .depth = 32}, {.color = 255, .depth = 8}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes b = {0};
        put_header(&b, &wrong[i]);
        refused(&b, INFER_ERROR_PICTURE, "does not exist");
    }
    struct bytes b = {0};
    put_header(&b, &(struct form){.color = 2, .depth = 16, .cgbi = 1});
    refused(&b, INFER_ERROR_UNSUPPORTED, "CgBI with 16 bits");
    b = (struct bytes){0};
    put_header(&b, &(struct form){.color = 2, .depth = 8, .interlaced = 2});
    refused(&b, INFER_ERROR_PICTURE, "interlace method");
}

/* Chunks that don't go with the picture, or stand in the wrong place. */
static void test_chunks_refused(void **state)
{
    (void)state;
    static const uint8_t zeros[800];
    static const struct {
        uint8_t color;
        const char *chunk[3]; /* in this order; the second and third may be NULL */
        size_t size[3];
        const char *message;
    } wrong[] = {
        {0, {"tRNS"}, {1}, "does not go with"},
        {2, {"tRNS"}, {2}, "does not go with"},
        {4, {"tRNS"}, {4}, "does not go with"},
        {6, {"tRNS"}, {8}, "does not go with"},
        {3, {"tRNS"}, {1}, "does not go with"}, /* before the palette */
        {3, {"PLTE", "tRNS"}, {6, 3}, "does not go with"},
        {3, {"PLTE"}, {4}, "a palette of 4 bytes"},
        {3, {"PLTE"}, {771}, "a palette of 771 bytes"},
        {3, {"IDAT"}, {9}, "no palette before the data"},
        {2, {"IDAT", "PLTE"}, {9, 3}, "a palette behind the data"},
        {2, {"IDAT", "tRNS"}, {9, 6}, "transparency behind the data"},
        {2, {"IDAT", "tEXt", "IDAT"}, {9, 3, 9}, "other chunks between the data"},
        {2, {"ABCD"}, {1}, "critical chunk"},
        {2, {"IEND"}, {0}, "no data"},
        {2, {"IDAT", "IEND"}, {9, 0}, "does not begin as zlib's does"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes b = {0};
        put_header(&b, &(struct form){.color = wrong[i].color, .depth = 8});
        for (int k = 0; k < 3 && wrong[i].chunk[k]; k++)
            put_chunk(&b, wrong[i].chunk[k], zeros, wrong[i].size[k]);
        refused(&b, INFER_ERROR_PICTURE, wrong[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_kinds_refused),
        cmocka_unit_test(test_chunks_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
