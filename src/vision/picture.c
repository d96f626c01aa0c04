#include "vision/picture.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/preprocess.h"
#include "vision/yuv.h"

#define MOST_REGION_PIXELS 100000000

/* Samples of a pixel of each kind, 0 where they are not together. */
static int channels_of(int32_t pixels)
{
    switch (pixels) {
    case INFER_PIXELS_RGB:
    case INFER_PIXELS_BGR:
        return 3;
    case INFER_PIXELS_RGBA:
    case INFER_PIXELS_BGRA:
        return 4;
    case INFER_PIXELS_GRAY:
        return 1;
    default:
        return 0;
    }
}

static infer_status check_region(const infer_picture *g, struct infer__picture *p, infer_error *err)
{
    const int whole = !g->region_width && !g->region_height;
    p->image.width = whole ? p->width : g->region_width;
    p->image.height = whole ? p->height : g->region_height;
    p->region_width = p->image.width;
    p->region_height = p->image.height;
    p->x = g->x;
    p->y = g->y;
    FAIL_IF((whole && (g->x || g->y)) || p->image.width < 1 || p->image.height < 1 ||
                p->image.width > INFER__MAX_SIDE || p->image.height > INFER__MAX_SIDE ||
                g->x < -INFER__MAX_SIDE || g->x > INFER__MAX_SIDE || g->y < -INFER__MAX_SIDE ||
                g->y > INFER__MAX_SIDE ||
                (int64_t)p->image.width * p->image.height > MOST_REGION_PIXELS,
            INFER_ERROR_ARGUMENT, "a region of %d x %d at (%d, %d) of a picture of %d x %d",
            g->region_width, g->region_height, g->x, g->y, p->width, p->height);
    return INFER_OK;
}

static int is_inside(const struct infer__picture *p)
{
    return p->x >= 0 && p->y >= 0 && p->image.width <= p->width - p->x &&
           p->image.height <= p->height - p->y;
}

/* A region that reaches out of the picture is copied onto black; `from` is the whole picture. */
static infer_status copy_region(struct infer__picture *p, const infer_image *from,
                                const infer_allocator *a, infer_error *err)
{
    const int32_t w = p->image.width, h = p->image.height;
    const int32_t left = p->x > 0 ? p->x : 0, top = p->y > 0 ? p->y : 0;
    const int32_t right = p->x + w < p->width ? p->x + w : p->width;
    const int32_t below = p->y + h < p->height ? p->y + h : p->height;
    const size_t step = (size_t)from->channels;
    infer_image to;
    TRY(infer__image_new(a, w, h, from->channels, &to, err));
    memset(to.pixels, 0, to.pitch * (size_t)h);
    for (int32_t y = top; y < below && left < right; y++)
        memcpy(to.pixels + (size_t)(y - p->y) * to.pitch + (size_t)(left - p->x) * step,
               from->pixels + (size_t)y * from->pitch + (size_t)left * step,
               (size_t)(right - left) * step);
    infer_image_free(&p->made);
    p->made = to;
    p->image = to;
    p->image.memory = NULL;
    return INFER_OK;
}

/* The region of pixels that lie together. */
static infer_status view(struct infer__picture *p, const uint8_t *pixels, size_t pitch,
                         int channels, const infer_allocator *a, infer_error *err)
{
    infer_image whole = {.pixels = (uint8_t *)pixels, .pitch = pitch, .channels = channels};
    if (!pitch)
        whole.pitch = (size_t)p->width * (size_t)channels;
    if (!is_inside(p))
        return copy_region(p, &whole, a, err);
    p->image.channels = channels;
    p->image.pitch = whole.pitch;
    p->image.pixels = whole.pixels + (size_t)p->y * whole.pitch + (size_t)p->x * (size_t)channels;
    return INFER_OK;
}

/* A region is decoded in full: its edges are pixels of the whole picture. */
static infer_status open_file(const infer_picture *g, const infer_image_options *options,
                              const infer_preprocess *preprocess, struct infer__picture *p,
                              infer_error *err)
{
    infer_preprocess checked = INFER_PREPROCESS_INIT;
    struct infer__aim aim = {0};
    if (preprocess && options->fast_decode && !g->region_width && !g->region_height) {
        TRY(infer__preprocess_read(preprocess, &checked, err));
        aim.preprocess = &checked;
    }
    TRY(infer__image_decode_for(g->data, g->bytes, options, &aim, &p->made, err));
    p->width = aim.width;
    p->height = aim.height;
    p->reduced = aim.reduced;
    p->begin_x = aim.x;
    p->begin_y = aim.y;
    TRY(check_region(g, p, err));
    if (aim.reduced > 1) {
        p->image = p->made;
        p->image.memory = NULL;
        return INFER_OK;
    }
    return view(p, p->made.pixels, p->made.pitch, p->made.channels, &options->allocator, err);
}

static infer_status open_pixels(const infer_picture *g, const infer_image_options *options,
                                struct infer__picture *p, infer_error *err)
{
    const int channels = channels_of(g->pixels);
    FAIL_IF(g->width < 1 || g->height < 1 || g->width > INFER__MAX_SIDE ||
                g->height > INFER__MAX_SIDE,
            INFER_ERROR_ARGUMENT, "a picture of %d x %d pixels", g->width, g->height);
    p->width = g->width;
    p->height = g->height;
    TRY(check_region(g, p, err));
    FAIL_IF(g->pitch && channels && g->pitch < (size_t)g->width * (size_t)channels,
            INFER_ERROR_ARGUMENT, "rows of %d pixels do not fit into %zu bytes", g->width,
            g->pitch);
    FAIL_IF(!channels && !is_inside(p), INFER_ERROR_UNSUPPORTED,
            "a region that reaches out of a picture in YUV");
    if (!channels)
        return infer__yuv_open(g, &options->allocator, p, err);
    p->bgr = g->pixels == INFER_PIXELS_BGR || g->pixels == INFER_PIXELS_BGRA;
    return view(p, g->data, g->pitch, channels, &options->allocator, err);
}

infer_status infer__picture_open(const infer_picture *given, const infer_image_options *options,
                                 const infer_preprocess *aim, struct infer__picture *p,
                                 infer_error *err)
{
    *p = (struct infer__picture){.reduced = 1};
    FAIL_IF(!given->data, INFER_ERROR_ARGUMENT, "a picture without data");
    FAIL_IF(given->pixels < INFER_PIXELS_ENCODED || given->pixels > INFER_PIXELS_YUYV,
            INFER_ERROR_ARGUMENT, "a picture of pixels of kind %d", given->pixels);
    infer_status status = given->pixels == INFER_PIXELS_ENCODED
                              ? open_file(given, options, aim, p, err)
                              : open_pixels(given, options, p, err);
    if (status != INFER_OK)
        infer__picture_free(p);
    return status;
}

void infer__picture_free(struct infer__picture *p)
{
    infer_image_free(&p->made);
}

/* The network sees grey, which red and blue have different parts in. */
static infer_status fill_grey(const struct infer__picture *p, const infer_preprocess *preprocess,
                              int64_t index, const infer_tensor *out, const infer_allocator *a,
                              infer_transform *t, infer_error *err)
{
    const infer_image *from = &p->image;
    infer_image rgb;
    TRY(infer__image_new(a, from->width, from->height, 3, &rgb, err));
    for (int32_t y = 0; y < from->height; y++) {
        const uint8_t *in = from->pixels + (size_t)y * from->pitch;
        uint8_t *to = rgb.pixels + (size_t)y * rgb.pitch;
        for (int32_t x = 0; x < from->width; x++, in += from->channels, to += 3) {
            to[0] = in[2];
            to[1] = in[1];
            to[2] = in[0];
        }
    }
    infer_status status = infer_preprocess_run(preprocess, &rgb, index, out, a, t, err);
    infer_image_free(&rgb);
    return status;
}

static infer_status fill(const struct infer__picture *p, const infer_preprocess *preprocess,
                         int64_t index, const infer_tensor *out, const infer_allocator *a,
                         infer_transform *t, infer_error *err)
{
    infer_preprocess order = *preprocess;
    if (p->bgr && order.color == INFER_COLOR_GRAY)
        return fill_grey(p, preprocess, index, out, a, t, err);
    if (p->bgr)
        order.color = order.color == INFER_COLOR_RGB ? INFER_COLOR_BGR : INFER_COLOR_RGB;
    return infer__preprocess_as(&order, &p->image, p->region_width, p->region_height, index, out, a,
                                t, err);
}

infer_status infer__picture_fill(const struct infer__picture *p, const infer_preprocess *preprocess,
                                 int64_t index, const infer_tensor *out, const infer_allocator *a,
                                 infer_transform *t, infer_error *err)
{
    TRY(fill(p, preprocess, index, out, a, t, err));
    t->scale_x *= p->reduced;
    t->scale_y *= p->reduced;
    t->offset_x = t->offset_x * p->reduced + p->begin_x + p->x;
    t->offset_y = t->offset_y * p->reduced + p->begin_y + p->y;
    t->picture_width = p->width;
    t->picture_height = p->height;
    return INFER_OK;
}
