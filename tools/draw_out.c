#include "tools/draw_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/folder.h"
#include "tools/png.h"

static int is_video(const char *where)
{
    const size_t n = strlen(where);
    return n > 4 && strcmp(where + n - 4, ".y4m") == 0;
}

static int fail(const char *where, const char *why)
{
    fprintf(stderr, "infer: %s: %s\n", where, why);
    return CLI_RESOURCES;
}

int draw_out_open(struct draw_out *o, const char *where)
{
    *o = (struct draw_out){.where = where};
    if (!where)
        return CLI_OK;
    if (!is_video(where))
        return make_folder(where);
    o->video = fopen(where, "wb");
    return o->video ? CLI_OK : fail(where, strerror(errno));
}

int draw_out_close(struct draw_out *o)
{
    FILE *f = o->video;
    o->video = NULL;
    return !f || fclose(f) == 0 ? CLI_OK : fail(o->where, strerror(errno));
}

/* Four pixels of BT.601 in the range of video: their brightness, and the mean of their colour. */
static void convert_square(const uint8_t *const pixels[4], uint8_t y[4], uint8_t *u, uint8_t *v)
{
    int r = 0, g = 0, b = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = pixels[i];
        y[i] = (uint8_t)((66 * p[0] + 129 * p[1] + 25 * p[2] + 128 + (16 << 8)) >> 8);
        r += p[0];
        g += p[1];
        b += p[2];
    }
    *u = (uint8_t)((-38 * r - 74 * g + 112 * b + 512 + (128 << 10)) >> 10);
    *v = (uint8_t)((112 * r - 94 * g - 18 * b + 512 + (128 << 10)) >> 10);
}

/* The planes of a frame of even sides: Y, U, V. */
static void convert(const infer_image *image, int32_t width, int32_t height, uint8_t *planes)
{
    const size_t w = (size_t)width, area = w * (size_t)height;
    const size_t pitch = image->pitch ? image->pitch : (size_t)image->width * 3;
    uint8_t *u = planes + area, *v = u + area / 4;
    for (int32_t row = 0; row < height; row += 2)
        for (int32_t x = 0; x < width; x += 2) {
            const uint8_t *p = image->pixels + (size_t)row * pitch + (size_t)x * 3;
            const uint8_t *const four[4] = {p, p + 3, p + pitch, p + pitch + 3};
            uint8_t y[4], *to = planes + (size_t)row * w + (size_t)x;
            convert_square(four, y, u++, v++);
            to[0] = y[0];
            to[1] = y[1];
            to[w] = y[2];
            to[w + 1] = y[3];
        }
}

static int write_frame(struct draw_out *o, struct frame_rate rate, const infer_image *image)
{
    const int32_t width = image->width & ~1, height = image->height & ~1;
    if (!o->width) {
        if (!width || !height)
            return fail(o->where, "a video needs pictures of at least 2 x 2 pixels");
        o->width = width;
        o->height = height;
        fprintf(o->video, "YUV4MPEG2 W%d H%d F%lu:%lu Ip A1:1 C420jpeg\n", width, height,
                rate.count, rate.seconds);
    }
    if (width != o->width || height != o->height) {
        fprintf(stderr, "infer: %s: a video has one size, %d x %d, not %d x %d too\n", o->where,
                o->width, o->height, width, height);
        return CLI_BAD_INPUT;
    }
    const size_t bytes = (size_t)width * (size_t)height * 3 / 2;
    uint8_t *planes = malloc(bytes);
    if (!planes)
        return fail(o->where, "no memory for a frame");
    convert(image, width, height, planes);
    const int good = fputs("FRAME\n", o->video) >= 0 && fwrite(planes, 1, bytes, o->video) == bytes;
    free(planes);
    return good ? CLI_OK : fail(o->where, strerror(errno));
}

int draw_out_write(struct draw_out *o, struct frame_rate rate, const infer_image *image,
                   const char *name, char **written)
{
    *written = NULL;
    if (o->video)
        return write_frame(o, rate, image);
    char *path = path_in(o->where, base_name(name), ".png");
    if (!path)
        return fail(name, "no memory for a path");
    const int status = png_write(path, image);
    if (status == CLI_OK)
        *written = path;
    else
        free(path);
    return status;
}
