/* Seeds of fuzz_picture: small files of every format, most with preprocessing behind them. */
#include "tests/fuzz/make_seeds.h"
#include "tests/vision_files.h"
#include "vision/preprocess_file.h"

enum { W = 17, H = 11 };

static const char *to; /* the folder of the seeds */

/* Takes the file's bytes. `kind` varies what is done with it. */
static void put_seed(const char *name, struct bytes b, unsigned kind)
{
    static const uint8_t fits[] = {INFER_FIT_NONE, INFER_FIT_SHORT_SIDE, INFER_FIT_STRETCH,
                                   INFER_FIT_LETTERBOX};
    uint8_t stored[INFER__PREPROCESS_BYTES];
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = fits[kind % 4];
    p.width = p.fit ? 9 : 0;
    p.height = p.fit > INFER_FIT_SHORT_SIDE ? 13 : 0;
    p.filter = (int32_t)(kind % 4);
    p.resampler = (int32_t)(kind / 2 % 2);
    p.crop_width = p.crop_height = kind % 3 ? 8 : 0;
    p.color = (int32_t)(kind % 3);
    p.layout = (int32_t)(kind % 2);
    if (infer__preprocess_encode(&p, stored, NULL) == INFER_OK) {
        put(&b,
            (uint8_t[8]){(uint8_t)(kind % 4), (uint8_t)(4 | (kind & 8)), 10, 0, 5, 3,
                         (uint8_t)(kind % 4), (uint8_t)(kind % 2)},
            8);
        put(&b, stored, sizeof stored);
        put(&b, "prep", 4);
    }
    seed_write(to, "picture", name, b.p, b.n);
    free(b.p);
}

static struct bytes copy(const void *data, size_t n)
{
    struct bytes b = {0};
    put(&b, data, n);
    return b;
}

/* ---- PNG ------------------------------------------------------------------------------------ */

/* Bytes of the filtered rows of W x H pixels; where they are interlaced, of the seven passes. */
static size_t raw_bytes(unsigned bits, int interlaced)
{
    static const unsigned pass[7][4] = {{0, 8, 0, 8}, {4, 8, 0, 8}, {0, 4, 4, 8}, {2, 4, 0, 4},
                                        {0, 2, 2, 4}, {1, 2, 0, 2}, {0, 1, 1, 2}};
    size_t total = 0;
    if (!interlaced)
        return H * (1 + (W * bits + 7) / 8);
    for (int i = 0; i < 7; i++) {
        unsigned w = (W - pass[i][0] + pass[i][1] - 1) / pass[i][1];
        unsigned h = (H - pass[i][2] + pass[i][3] - 1) / pass[i][3];
        total += h * (1 + (w * bits + 7) / 8);
    }
    return total;
}

/* Every colour type and depth, plain and interlaced, of stored blocks of noise. */
static void png_kinds(void)
{
    static const struct {
        const char *name;
        uint8_t depth, color, interlace;
    } kinds[] = {{"png_grey1", 1, 0, 0},      {"png_grey4", 4, 0, 1},
                 {"png_grey8", 8, 0, 0},      {"png_grey16", 16, 0, 0},
                 {"png_palette", 2, 3, 0},    {"png_palette8", 8, 3, 1},
                 {"png_grey_alpha", 8, 4, 0}, {"png_rgba", 8, 6, 0},
                 {"png_rgba16", 16, 6, 1},    {"png_rgb_interlaced", 8, 2, 1}};
    uint32_t state = 7;
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct bytes b = {0}, header = {0};
        uint8_t raw[2048], palette[12];
        put(&b, "\x89PNG\r\n\x1a\n", 8);
        put_be32(&header, W);
        put_be32(&header, H);
        put(&header, (uint8_t[5]){kinds[k].depth, kinds[k].color, 0, 0, kinds[k].interlace}, 5);
        put_chunk(&b, "IHDR", header.p, header.n);
        for (size_t i = 0; i < sizeof raw; i++) /* filters 0 to 3, mostly */
            raw[i] = noise(&state) & 3;
        memset(palette, 0x5a, sizeof palette);
        if (kinds[k].color == 3) {
            put_chunk(&b, "PLTE", palette, sizeof palette);
            put_chunk(&b, "tRNS", palette, 2);
        }
        static const unsigned samples[7] = {1, 0, 3, 1, 2, 0, 4};
        unsigned bits = samples[kinds[k].color] * kinds[k].depth;
        struct bytes z = zlib_store(raw, raw_bytes(bits, kinds[k].interlace));
        put_chunk(&b, "IDAT", z.p, z.n);
        put_chunk(&b, "IEND", NULL, 0);
        put_seed(kinds[k].name, b, k);
        free(header.p);
        free(z.p);
    }
}

static void png_others(void)
{
    uint8_t rgb[W * H * 3];
    uint32_t state = 9;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = noise(&state);
    put_seed("png_rgb", make_png(W, H, rgb, 3), 1);
    struct bytes b = {0}, z = zlib_bomb(2); /* 517 zeros: 11 rows of 46 grey pixels */
    put_be32(&z, 0x02050001);
    put_png_header(&b, 46, 11, 8, 0);
    put_chunk(&b, "IDAT", z.p, z.n);
    put_chunk(&b, "IEND", NULL, 0);
    put_seed("png_deflated", b, 2);
    free(z.p);
}

/* ---- JPEG ----------------------------------------------------------------------------------- */

static void jpegs(void)
{
    uint8_t pixels[W * H * 4];
    uint32_t state = 11;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = noise(&state);
    put_seed("jpeg", make_jpeg(W, H, 3, pixels, 0, 0), 3);
    put_seed("jpeg_grey", make_jpeg(W, H, 1, pixels, 0, 0), 4);
    put_seed("jpeg_cmyk", make_jpeg(W, H, 4, pixels, 0, 0), 5);
    put_seed("jpeg_progressive", make_jpeg(W, H, 3, pixels, 1, 0), 6);
    put_seed("jpeg_turned", make_jpeg(W, H, 3, pixels, 0, 6), 7);
    struct bytes raw = make_jpeg(W, H, 1, pixels, 0, 3);
    seed_write(to, "picture", "jpeg_alone", raw.p, raw.n); /* nothing behind it */
    free(raw.p);
}

/* ---- the others ----------------------------------------------------------------------------- */

static void others(void)
{
    static const char pnm[] = "P6 # two pixels\n2 1\n255\n\xff\0\0\0\xff";
    static const char grey[] = "P5 3 2 255\nabcdef";
    static const uint8_t bmp[] = {'B', 'M', 62, 0, 0, 0, 0, 0, 0,   0, 54,  0, 0,  0, 40, 0,
                                  0,   0,   2,  0, 0, 0, 1, 0, 0,   0, 1,   0, 24, 0, 0,  0,
                                  0,   0,   8,  0, 0, 0, 0, 0, 0,   0, 0,   0, 0,  0, 0,  0,
                                  0,   0,   0,  0, 0, 0, 0, 0, 255, 0, 255, 0, 0,  0};
    static const uint8_t bmp1[] = {
        'B', 'M', 70, 0, 0, 0, 0,   0, 0, 0, 62, 0,   0, 0, 40,   0, 0, 0, 3,    0, 0, 0, 2, 0,
        0,   0,   1,  0, 1, 0, 0,   0, 0, 0, 8,  0,   0, 0, 0,    0, 0, 0, 0,    0, 0, 0, 2, 0,
        0,   0,   0,  0, 0, 0, 255, 0, 0, 0, 0,  255, 0, 0, 0xa0, 0, 0, 0, 0x40, 0, 0, 0};
    static const uint8_t tga[] = {0, 0, 2, 0, 0,  0,  0, 0, 0,   0, 0,   0,
                                  2, 0, 1, 0, 24, 32, 0, 0, 255, 0, 255, 0};
    static const uint8_t tga_rle[] = {0, 0, 10, 0,  0,  0,    0, 0, 0,   0,    0, 0,   2,
                                      0, 1, 0,  24, 32, 0x80, 0, 0, 255, 0x80, 0, 255, 0};
    static const uint8_t tga_palette[] = {0, 1, 1, 0, 0, 2, 0, 24, 0, 0, 0, 0, 3, 0,
                                          1, 0, 8, 0, 1, 2, 3, 4,  5, 6, 0, 1, 0};
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a', 2, 0,    1,    0, 0x80, 0,
                                  0,   255, 0,   0,   0,   255, 0, 0x2c, 0,    0, 0,    0,
                                  2,   0,   1,   0,   0,   2,   2, 0x44, 0x0a, 0, 0x3b};
    put_seed("pnm", copy(pnm, sizeof pnm), 0); /* with its 0 */
    put_seed("pnm_grey", copy(grey, sizeof grey - 1), 1);
    put_seed("bmp", copy(bmp, sizeof bmp), 2);
    put_seed("bmp_palette", copy(bmp1, sizeof bmp1), 3);
    put_seed("tga", copy(tga, sizeof tga), 4);
    put_seed("tga_rle", copy(tga_rle, sizeof tga_rle), 5);
    put_seed("tga_palette", copy(tga_palette, sizeof tga_palette), 6);
    put_seed("gif", copy(gif, sizeof gif), 7);
}

void seed_pictures(const char *folder)
{
    to = folder;
    png_kinds();
    png_others();
    jpegs();
    others();
}
