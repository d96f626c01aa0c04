/* Decoding: real and odd files, every truncation, bombs, limits, memory that runs out. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "tests/reliability/picture_bombs.h"

enum { W = 37, H = 23 };

/* A smooth picture, so that JPEG keeps it nearly as it is. */
static void fill(uint8_t *p, int w, int h, int channels)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(x * 3 + y * (2 + c) + 10 * c);
}

static infer_status decode(const struct bytes *b, uint32_t channels, infer_image *image)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    o.channels = channels;
    uint8_t *copy = exact_copy(b->p, b->n);
    infer_error err;
    infer_status status = infer_image_decode(copy, b->n, &o, image, &err);
    assert_int_equal(err.status, status);
    assert_int_equal(status != INFER_OK, err.message[0] != 0);
    free(copy);
    return status;
}

static int largest_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    int most = 0;
    for (size_t i = 0; i < n; i++)
        most = abs(a[i] - b[i]) > most ? abs(a[i] - b[i]) : most;
    return most;
}

/* ---- what comes out ------------------------------------------------------------------------- */

static void png_is_lossless(void **unused)
{
    (void)unused;
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    for (size_t chunks = 1; chunks < 5; chunks++) {
        struct bytes b = make_png(W, H, rgb, chunks);
        infer_image image;
        assert_int_equal(decode(&b, 0, &image), INFER_OK);
        assert_int_equal(image.width, W);
        assert_int_equal(image.height, H);
        assert_int_equal(image.channels, 3);
        assert_memory_equal(image.pixels, rgb, sizeof rgb);
        infer_image_free(&image);
        assert_null(image.pixels);

        assert_int_equal(decode(&b, 4, &image), INFER_OK);
        assert_int_equal(image.channels, 4);
        for (size_t i = 0; i < W * H; i++) {
            assert_memory_equal(image.pixels + 4 * i, rgb + 3 * i, 3);
            assert_int_equal(image.pixels[4 * i + 3], 255);
        }
        infer_image_free(&image);

        assert_int_equal(decode(&b, 1, &image), INFER_OK);
        for (size_t i = 0; i < W * H; i++) {
            const uint8_t *p = rgb + 3 * i;
            assert_int_equal(image.pixels[i],
                             (19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16);
        }
        infer_image_free(&image);
        free(b.p);
    }
}

static void jpeg_kinds(void **unused)
{
    (void)unused;
    uint8_t pixels[W * H * 4];
    for (int progressive = 0; progressive < 2; progressive++) {
        static const int kinds[] = {1, 3};
        for (size_t k = 0; k < 2; k++) {
            fill(pixels, W, H, kinds[k]);
            struct bytes b = make_jpeg(W, H, kinds[k], pixels, progressive, 0);
            infer_image image;
            assert_int_equal(decode(&b, (uint32_t)kinds[k], &image), INFER_OK);
            assert_int_equal(image.channels, kinds[k]);
            assert_true(largest_difference(image.pixels, pixels, (size_t)(W * H * kinds[k])) < 24);
            infer_image_free(&image);
            free(b.p);
        }
    }
}

/* Samples as Adobe stores them: 255 - ink. Without black ink RGB is 255 - CMY; full black is
 * black. */
static void jpeg_cmyk(void **unused)
{
    (void)unused;
    uint8_t cmyk[16 * 16 * 4];
    for (int black = 0; black < 2; black++) {
        for (size_t i = 0; i < 256; i++)
            memcpy(cmyk + 4 * i, (uint8_t[4]){200, 100, 50, black ? 0 : 255}, 4);
        struct bytes b = make_jpeg(16, 16, 4, cmyk, 0, 0);
        infer_image image;
        assert_int_equal(decode(&b, 3, &image), INFER_OK);
        const uint8_t bright[3] = {200, 100, 50}, dark[3] = {0, 0, 0};
        for (size_t i = 0; i < 256; i++)
            assert_true(largest_difference(image.pixels + 3 * i, black ? dark : bright, 3) < 4);
        infer_image_free(&image);
        free(b.p);
    }
}

/* Writes pixel (x, y) of the upright picture into the place where a camera held as `orientation`
 * says has it: the rule of EXIF 2.32, spelled out a second time. */
static void stored_place(int orientation, int x, int y, int w, int h, int *sx, int *sy)
{
    int mx = w - 1 - x, my = h - 1 - y;
    static const char *const rule[9] = {"", "xy", "Xy", "XY", "xY", "yx", "yX", "YX", "Yx"};
    const char *r = rule[orientation];
    *sx = r[0] == 'x' ? x : r[0] == 'X' ? mx : r[0] == 'y' ? y : my;
    *sy = r[1] == 'x' ? x : r[1] == 'X' ? mx : r[1] == 'y' ? y : my;
}

static void orientation_is_applied(void **unused)
{
    (void)unused;
    enum { W2 = 48, H2 = 32 };
    uint8_t upright[W2 * H2], stored[W2 * H2];
    fill(upright, W2, H2, 1);
    for (int o = 1; o <= 8; o++) {
        int w = o >= 5 ? H2 : W2, h = o >= 5 ? W2 : H2;
        for (int y = 0; y < H2; y++) {
            for (int x = 0; x < W2; x++) {
                int sx, sy;
                stored_place(o, x, y, W2, H2, &sx, &sy);
                stored[sy * w + sx] = upright[y * W2 + x];
            }
        }
        struct bytes b = make_jpeg((uint32_t)w, (uint32_t)h, 1, stored, 0, o);
        infer_image image;
        assert_int_equal(decode(&b, 1, &image), INFER_OK);
        assert_int_equal(image.width, W2);
        assert_int_equal(image.height, H2);
        assert_true(largest_difference(image.pixels, upright, sizeof upright) < 24);
        infer_image_free(&image);

        infer_image_options options = INFER_IMAGE_OPTIONS_INIT;
        options.ignore_orientation = 1;
        assert_int_equal(infer_image_decode(b.p, b.n, &options, &image, NULL), INFER_OK);
        assert_int_equal(image.width, w);
        infer_image_free(&image);
        free(b.p);
    }
}

static void other_formats(void **unused)
{
    (void)unused;
    static const uint8_t red_green[6] = {255, 0, 0, 0, 255, 0};
    static const char pnm[] = "P6 # two pixels\n2 1\n255\n\xff\0\0\0\xff";
    static const uint8_t bmp[] = {'B', 'M', 62, 0, 0, 0, 0, 0, 0,   0, 54,  0, 0,  0, 40, 0,
                                  0,   0,   2,  0, 0, 0, 1, 0, 0,   0, 1,   0, 24, 0, 0,  0,
                                  0,   0,   8,  0, 0, 0, 0, 0, 0,   0, 0,   0, 0,  0, 0,  0,
                                  0,   0,   0,  0, 0, 0, 0, 0, 255, 0, 255, 0, 0,  0};
    static const uint8_t tga[] = {0, 0, 2, 0, 0,  0,  0, 0, 0,   0, 0,   0,
                                  2, 0, 1, 0, 24, 32, 0, 0, 255, 0, 255, 0};
    static const uint8_t tga_rle[] = {0, 0, 10, 0,  0,  0,    0, 0, 0,   0,    0, 0,   2,
                                      0, 1, 0,  24, 32, 0x80, 0, 0, 255, 0x80, 0, 255, 0};
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a', 2, 0,    1,    0, 0x80, 0,
                                  0,   255, 0,   0,   0,   255, 0, 0x2c, 0,    0, 0,    0,
                                  2,   0,   1,   0,   0,   2,   2, 0x44, 0x0a, 0, 0x3b};
    const struct bytes files[] = {{(uint8_t *)(uintptr_t)pnm, sizeof pnm}, /* with its 0: blue */
                                  {(uint8_t *)(uintptr_t)bmp, sizeof bmp},
                                  {(uint8_t *)(uintptr_t)tga, sizeof tga},
                                  {(uint8_t *)(uintptr_t)tga_rle, sizeof tga_rle},
                                  {(uint8_t *)(uintptr_t)gif, sizeof gif}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        infer_image image;
        assert_int_equal(decode(&files[i], 3, &image), INFER_OK);
        assert_int_equal(image.width, 2);
        assert_int_equal(image.height, 1);
        assert_memory_equal(image.pixels, red_green, 6);
        infer_image_free(&image);
        /* the pixels' bytes may not be missing: up to the GIF's trailer, the BMP's padding */
        size_t need = files[i].n - (i == 1 || i == 4 ? 2 : 0);
        for (size_t n = 0; n < need; n++) {
            struct bytes cut = {files[i].p, n};
            assert_int_not_equal(decode(&cut, 3, &image), INFER_OK);
            assert_null(image.pixels);
        }
    }
}

/* ---- damage --------------------------------------------------------------------------------- */

static void every_truncation_is_an_error(void **unused)
{
    (void)unused;
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    struct bytes files[3] = {make_png(W, H, rgb, 3), make_jpeg(W, H, 3, rgb, 0, 6),
                             make_jpeg(W, H, 3, rgb, 1, 0)};
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 0; n < files[i].n; n++) {
            struct bytes cut = {files[i].p, n};
            infer_image image;
            assert_int_equal(decode(&cut, 3, &image), INFER_ERROR_PICTURE);
            assert_null(image.pixels);
        }
    }
    for (size_t i = 0; i < 3; i++)
        free(files[i].p);
}

/* Where it is asked for, the upper part of a cut JPEG is given, and it is the same. */
static void truncated_is_accepted_on_request(void **unused)
{
    (void)unused;
    enum { SIDE = 64 };
    static uint8_t rgb[SIDE * SIDE * 3];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = noise(&state);
    struct bytes b = make_jpeg(SIDE, SIDE, 3, rgb, 0, 0);
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_image image, whole;
    o.accept_truncated = 1;
    assert_int_equal(decode(&b, 3, &whole), INFER_OK);
    assert_int_equal(infer_image_decode(b.p, b.n - b.n / 3, &o, &image, NULL), INFER_OK);
    assert_int_equal(image.height, SIDE);
    assert_memory_equal(image.pixels, whole.pixels, SIDE * 3 * 8);
    assert_memory_not_equal(image.pixels, whole.pixels, sizeof rgb);
    infer_image_free(&image);
    infer_image_free(&whole);
    free(b.p);
}

/* Any result is good that is a status with a picture or without one; sanitizers do the rest. */
static void random_damage(void **unused)
{
    (void)unused;
    uint32_t state = test_seed();
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a', 2, 0,    1,    0, 0x80, 0,
                                  0,   255, 0,   0,   0,   255, 0, 0x2c, 0,    0, 0,    0,
                                  2,   0,   1,   0,   0,   2,   2, 0x44, 0x0a, 0, 0x3b};
    struct bytes files[4] = {
        make_png(W, H, rgb, 2), make_jpeg(W, H, 3, rgb, 0, 8), make_jpeg(W, H, 3, rgb, 1, 0), {0}};
    put(&files[3], gif, sizeof gif);
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    o.max_pixels = 1 << 16;
    for (int round = 0; round < 4000; round++) {
        const struct bytes *f = &files[round & 3];
        uint8_t *copy = exact_copy(f->p, f->n);
        for (int k = 1 + noise(&state) % 4; k > 0; k--) {
            size_t at = ((size_t)noise(&state) << 8 | noise(&state)) % f->n;
            copy[at] = (uint8_t)(copy[at] ^ 1u << noise(&state) % 8);
        }
        o.accept_truncated = noise(&state) & 1;
        infer_image image;
        infer_status status = infer_image_decode(copy, f->n, &o, &image, NULL);
        assert_int_equal(status == INFER_OK, image.pixels != NULL);
        infer_image_free(&image);
        free(copy);
    }
    for (size_t i = 0; i < 4; i++)
        free(files[i].p);
}

static void png_checksums_count(void **unused)
{
    (void)unused;
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    struct bytes b = make_png(W, H, rgb, 1);
    for (size_t at = 8; at < b.n; at += 5) {
        b.p[at] ^= 0x20;
        infer_image image;
        assert_int_equal(decode(&b, 3, &image), INFER_ERROR_PICTURE);
        b.p[at] ^= 0x20;
    }
    free(b.p);
}

/* A colour that the palette does not have is black, whatever stood in memory. */
static void png_colors_outside_the_palette_are_black(void **unused)
{
    (void)unused;
    static const uint8_t rows[] = {0, 0, 1, 2, 255}, palette[] = {9, 8, 7, 6, 5, 4};
    static const uint8_t want[] = {9, 8, 7, 6, 5, 4, 0, 0, 0, 0, 0, 0};
    struct bytes b = {0}, z = zlib_store(rows, sizeof rows);
    infer_image image;
    put_png_header(&b, 4, 1, 8, 3);
    put_chunk(&b, "PLTE", palette, sizeof palette);
    put_chunk(&b, "IDAT", z.p, z.n);
    put_chunk(&b, "IEND", NULL, 0);
    assert_int_equal(decode(&b, 3, &image), INFER_OK);
    assert_memory_equal(image.pixels, want, sizeof want);
    infer_image_free(&image);
    free(b.p);
    free(z.p);
}

/* A table that is full stays as it is until it is cleared; codes behind the last pixel don't
 * matter. stb_image gave up on the one and took minutes for the other. */
static void gif_long_strings(void **unused)
{
    (void)unused;
    struct bytes b = gif_bomb(3000, 3000, 3000, 3000, 12000), c = gif_bomb(3, 2, 3, 2, 900000);
    infer_image image;
    put(&b, "", 1); /* no further block */
    put(&c, "", 1);
    assert_int_equal(decode(&b, 3, &image), INFER_OK);
    size_t wrong = 0;
    for (size_t i = 0; i < 3000 * 3000; i++)
        wrong += (image.pixels[3 * i] | image.pixels[3 * i + 1]) != 0;
    assert_int_equal(wrong, 0);
    infer_image_free(&image);
    clock_t start = clock();
    assert_int_equal(decode(&c, 3, &image), INFER_OK);
    assert_true(clock() - start < CLOCKS_PER_SEC);
    infer_image_free(&image);
    free(b.p);
    free(c.p);
}

/* stb_image would look these colours up past the end of the palette. */
static void bmp_colors_stay_in_the_palette(void **unused)
{
    (void)unused;
    uint8_t bmp[14 + 40 + 2 * 4 + 4] = {'B', 'M'};
    bmp[10] = 62;
    bmp[14] = 40;
    bmp[18] = 4;
    bmp[22] = 1;
    bmp[26] = 1;
    bmp[28] = 8;
    const struct bytes b = {bmp, sizeof bmp};
    infer_image image;
    for (int color = 0; color < 4; color++) {
        bmp[65] = (uint8_t)color;
        assert_int_equal(decode(&b, 3, &image), color < 2 ? INFER_OK : INFER_ERROR_PICTURE);
        infer_image_free(&image);
    }
}

/* ---- bombs and limits ----------------------------------------------------------------------- */

static void large_pictures_take_no_memory(void **unused)
{
    (void)unused;
    struct bytes files[4] = {{0}};
    put_png_header(&files[0], 60000, 60000, 8, 6);
    put_chunk(&files[0], "IDAT", "", 1);
    put_chunk(&files[0], "IEND", NULL, 0);
    uint8_t pixel = 0;
    files[1] = make_jpeg(1, 1, 1, &pixel, 0, 0);
    for (size_t i = 0; i + 8 < files[1].n; i++)
        if (files[1].p[i] == 0xff && files[1].p[i + 1] == 0xc0) /* SOF0: height, width */
            memcpy(files[1].p + i + 5, "\xea\x60\xea\x60", 4);
    static const uint8_t tga[18] = {[2] = 10, [12] = 0x60, 0xea, 0x60, 0xea, 32};
    put(&files[2], tga, sizeof tga);
    put(&files[3], "P6 60000 60000 255\n", 19);
    for (size_t i = 0; i < 4; i++) {
        struct counter c = {.limit = SIZE_MAX};
        infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
        o.allocator = counting(&c);
        infer_image image;
        clock_t start = clock();
        assert_int_equal(infer_image_decode(files[i].p, files[i].n, &o, &image, NULL),
                         INFER_ERROR_LIMIT);
        assert_int_equal(c.calls, 0);
        /* within the limits now, but the file can't hold that many pixels */
        o.max_side = 65535;
        o.max_pixels = UINT64_MAX;
        assert_int_equal(infer_image_decode(files[i].p, files[i].n, &o, &image, NULL),
                         INFER_ERROR_PICTURE);
        assert_int_equal(c.calls, 0);
        assert_true(clock() - start < CLOCKS_PER_SEC / 5);
        free(files[i].p);
    }
}

/* A small picture whose packed data becomes a gigabyte is refused before much of it is there. */
static void deflate_bomb(void **unused)
{
    (void)unused;
    struct bytes b = {0}, z = zlib_bomb(4000000);
    put_png_header(&b, 16, 16, 8, 2);
    put_chunk(&b, "IDAT", z.p, z.n);
    put_chunk(&b, "IEND", NULL, 0);
    infer_image image;
    clock_t start = clock();
    assert_int_equal(decode(&b, 3, &image), INFER_ERROR_PICTURE);
    assert_true(clock() - start < CLOCKS_PER_SEC);
    free(b.p);
    free(z.p);
}

static void limits_hold_at_the_limit(void **unused)
{
    (void)unused;
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    struct bytes files[2] = {make_png(W, H, rgb, 1), make_jpeg(W, H, 3, rgb, 1, 0)};
    for (size_t i = 0; i < 2; i++) {
        for (int past = 0; past < 2; past++) {
            infer_status want = past ? INFER_ERROR_LIMIT : INFER_OK;
            infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
            infer_image image;
            o.max_side = (uint32_t)(W - past);
            assert_int_equal(infer_image_decode(files[i].p, files[i].n, &o, &image, NULL), want);
            infer_image_free(&image);
            infer_image_options_init(&o, sizeof o);
            o.max_pixels = (uint64_t)(W * H - past);
            assert_int_equal(infer_image_decode(files[i].p, files[i].n, &o, &image, NULL), want);
            infer_image_free(&image);
            infer_image_options_init(&o, sizeof o);
            o.max_file_bytes = files[i].n - (size_t)past;
            assert_int_equal(infer_image_decode(files[i].p, files[i].n, &o, &image, NULL), want);
            infer_image_free(&image);
        }
    }
    /* jpeg_simple_progression makes 10 scans of a colour picture */
    for (uint32_t scans = 9; scans <= 10; scans++) {
        infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
        infer_image image;
        o.max_scans = scans;
        assert_int_equal(infer_image_decode(files[1].p, files[1].n, &o, &image, NULL),
                         scans < 10 ? INFER_ERROR_LIMIT : INFER_OK);
        infer_image_free(&image);
    }
    free(files[0].p);
    free(files[1].p);
}

static void out_of_memory(void **unused)
{
    (void)unused;
    uint8_t rgb[W * H * 3];
    fill(rgb, W, H, 3);
    struct bytes files[2] = {make_png(W, H, rgb, 2), make_jpeg(W, H, 3, rgb, 0, 6)};
    for (size_t i = 0; i < 2; i++) {
        infer_status status = INFER_ERROR_INTERNAL;
        for (size_t limit = 0; status != INFER_OK; limit++) {
            struct counter c = {.limit = limit};
            infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
            o.allocator = counting(&c);
            infer_image image;
            assert_true(limit < 10);
            status = infer_image_decode(files[i].p, files[i].n, &o, &image, NULL);
            assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
            infer_image_free(&image);
            assert_int_equal(c.live, 0);
        }
        free(files[i].p);
    }
}

static void nonsense(void **unused)
{
    (void)unused;
    infer_image image;
    infer_error err;
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_image_options_init(NULL, 64);
    infer_image_free(NULL);
    assert_int_equal(infer_image_decode(NULL, 5, NULL, &image, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_image_decode("x", 1, NULL, NULL, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_image_decode("x", 1, NULL, &image, &err), INFER_ERROR_PICTURE);
    assert_int_equal(infer_image_decode("", 0, NULL, &image, &err), INFER_ERROR_PICTURE);
    o.channels = 2;
    assert_int_equal(infer_image_decode("x", 1, &o, &image, &err), INFER_ERROR_ARGUMENT);
    o.channels = 3;
    o.size--;
    assert_int_equal(infer_image_decode("x", 1, &o, &image, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_image_load(NULL, NULL, &image, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_image_load(".", NULL, NULL, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_image_load(".", NULL, &image, &err), INFER_ERROR_IO);
    assert_int_equal(infer_image_load("/no/such/file", NULL, &image, &err), INFER_ERROR_IO);
    assert_int_equal(infer_image_load("/dev/zero", NULL, &image, &err), INFER_ERROR_IO);
}

/* ---- shared pictures ------------------------------------------------------------------------ */

/* Fills `path` with a file of the shared pictures' folder "odd". */
static void odd_path(char path[600], const char *name)
{
    const char *shared = getenv("INFER_SHARED");
    snprintf(path, 600, "%s/images/odd/%s", shared ? shared : "../shared", name);
}

static infer_status expected_of(const char *name)
{
    if (strstr(name, "corrupt"))
        return INFER_ERROR_PICTURE;
    return strstr(name, "monkey12.jpg") ? INFER_ERROR_UNSUPPORTED : INFER_OK;
}

static void odd_pictures(void **unused)
{
    (void)unused;
    char path[600];
    odd_path(path, "");
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    size_t n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || (strcmp(dot, ".png") && strcmp(dot, ".jpg") && strcmp(dot, ".bmp")))
            continue;
        infer_image image;
        infer_error err;
        odd_path(path, e->d_name);
        if (infer_image_load(path, NULL, &image, &err) != expected_of(e->d_name))
            fail_msg("%s: %s %s", e->d_name, infer_status_name(err.status), err.message);
        infer_image_free(&image);
        n++;
    }
    closedir(dir);
    print_message("%zu pictures\n", n);
    assert_true(n > 0);
}

/* The nine files are separate JPEGs of one photograph: alike, not equal. */
static void orientations_show_one_picture(void **unused)
{
    (void)unused;
    char path[600], name[40];
    infer_image first, image;
    odd_path(path, "exif-landscape_0.jpg");
    if (infer_image_load(path, NULL, &first, NULL) == INFER_ERROR_IO) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    for (int i = 1; i <= 8; i++) {
        snprintf(name, sizeof name, "exif-landscape_%d.jpg", i);
        odd_path(path, name);
        assert_int_equal(infer_image_load(path, NULL, &image, NULL), INFER_OK);
        assert_int_equal(image.width, first.width);
        assert_int_equal(image.height, first.height);
        size_t bytes = (size_t)image.width * (size_t)image.height * 3;
        uint64_t sum = 0;
        for (size_t k = 0; k < bytes; k++)
            sum += (uint64_t)abs(image.pixels[k] - first.pixels[k]);
        assert_true(sum < 8 * bytes);
        infer_image_free(&image);
    }
    infer_image_free(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_is_lossless),
        cmocka_unit_test(jpeg_kinds),
        cmocka_unit_test(jpeg_cmyk),
        cmocka_unit_test(orientation_is_applied),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(truncated_is_accepted_on_request),
        cmocka_unit_test(random_damage),
        cmocka_unit_test(png_checksums_count),
        cmocka_unit_test(bmp_colors_stay_in_the_palette),
        cmocka_unit_test(large_pictures_take_no_memory),
        cmocka_unit_test(deflate_bomb),
        cmocka_unit_test(limits_hold_at_the_limit),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(png_colors_outside_the_palette_are_black),
        cmocka_unit_test(gif_long_strings),
        cmocka_unit_test(odd_pictures),
        cmocka_unit_test(orientations_show_one_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
