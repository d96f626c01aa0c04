#include "tools/tensor_picture.h"

#include <math.h>

#include "base/status.h"
#include "vision/decode.h"

/* Where the numbers of a tensor are. */
struct planes {
    const float *data;
    int64_t channels, height, width;
    int64_t channel_step, row_step, step;
};

static infer_status read_planes(const infer_tensor *t, struct planes *p, infer_error *err)
{
    const int64_t *d = t->dims;
    int rank = t->rank;
    FAIL_IF(t->type != INFER_F32, INFER_ERROR_SHAPE, "the output is %s; a picture is made of f32",
            infer_type_name(t->type));
    for (; rank > 3 && *d == 1; rank--)
        d++;
    FAIL_IF(rank != 2 && rank != 3, INFER_ERROR_SHAPE,
            "the output has %d axes that are not 1; a picture has channels, height and width",
            rank);
    const int last = rank == 3 && d[2] <= 4 && d[0] > 4;
    p->data = t->data;
    p->channels = rank == 2 ? 1 : d[last ? 2 : 0];
    p->height = d[last || rank == 2 ? 0 : 1];
    p->width = d[last || rank == 2 ? 1 : 2];
    p->step = last ? p->channels : 1;
    p->row_step = p->width * p->step;
    p->channel_step = last ? 1 : p->width * p->height;
    FAIL_IF(
        p->width < 1 || p->height < 1 || p->width > INFER__MAX_SIDE || p->height > INFER__MAX_SIDE,
        INFER_ERROR_SHAPE, "the output is %lld x %lld", (long long)p->width, (long long)p->height);
    return INFER_OK;
}

static float at(const struct planes *p, int64_t c, int64_t y, int64_t x)
{
    return p->data[c * p->channel_step + y * p->row_step + x * p->step];
}

/* The least and the largest number of what is shown. */
static void fit_range(const struct planes *p, int64_t first, int64_t n, struct tensor_range *r)
{
    float low = INFINITY, high = -INFINITY;
    for (int64_t c = first; c < first + n; c++)
        for (int64_t y = 0; y < p->height; y++)
            for (int64_t x = 0; x < p->width; x++) {
                const float v = at(p, c, y, x);
                low = isfinite(v) && v < low ? v : low;
                high = isfinite(v) && v > high ? v : high;
            }
    for (int k = 0; k < 3; k++) {
        r->low[k] = low < high ? low : 0;
        r->high[k] = low < high ? high : 1;
    }
}

static uint8_t level(float v, float low, float high)
{
    const float x = (v - low) / (high - low) * 255;
    return x > 0 ? x < 255 ? (uint8_t)lroundf(x) : 255 : 0;
}

infer_status tensor_picture(const infer_tensor *t, int channel, const struct tensor_range *range,
                            infer_image *image, infer_error *err)
{
    struct planes p;
    struct tensor_range r = *range;
    TRY(read_planes(t, &p, err));
    FAIL_IF(channel >= p.channels, INFER_ERROR_ARGUMENT,
            "there is no channel %d; the output has %lld, the first is 0", channel,
            (long long)p.channels);
    FAIL_IF(channel < 0 && p.channels != 1 && p.channels != 3, INFER_ERROR_SHAPE,
            "the output has %lld channels: say which one is the picture (--channel)",
            (long long)p.channels);
    const int64_t first = channel < 0 ? 0 : channel, n = channel < 0 ? p.channels : 1;
    TRY(infer__image_new(NULL, (int32_t)p.width, (int32_t)p.height, (int32_t)n, image, err));
    if (r.fit)
        fit_range(&p, first, n, &r);
    uint8_t *to = image->pixels;
    for (int64_t y = 0; y < p.height; y++)
        for (int64_t x = 0; x < p.width; x++)
            for (int64_t c = 0; c < n; c++)
                *to++ = level(at(&p, first + c, y, x), r.low[c], r.high[c]);
    return INFER_OK;
}

/* A stretch of an axis, from pixels of the picture to whole ones of the output. */
static void stretch(double scale, double offset, int32_t picture, double ratio, int32_t size,
                    int32_t *first, int32_t *count)
{
    const double a = (0 - offset) / scale * ratio, b = (picture - offset) / scale * ratio;
    const double low = fmin(fmax(rint(a), 0), size - 1), high = fmin(fmax(rint(b), 1), size);
    *first = (int32_t)low;
    *count = high > low ? (int32_t)(high - low) : 1;
}

infer_status tensor_picture_back(infer_image *image, const infer_transform *t, int32_t input_width,
                                 int32_t input_height, infer_error *err)
{
    infer_image part = {.pitch = image->pitch, .channels = image->channels}, whole;
    int32_t x, y;
    stretch(t->scale_x, t->offset_x, t->picture_width, (double)image->width / input_width,
            image->width, &x, &part.width);
    stretch(t->scale_y, t->offset_y, t->picture_height, (double)image->height / input_height,
            image->height, &y, &part.height);
    part.pixels = image->pixels + (size_t)y * image->pitch + (size_t)(x * image->channels);
    TRY(infer_image_resize(&part, t->picture_width, t->picture_height, INFER_FILTER_BICUBIC,
                           INFER_RESIZE_PILLOW, NULL, &whole, err));
    infer_image_free(image);
    *image = whole;
    return INFER_OK;
}

/* ---- with the picture that went in ---------------------------------------------------------- */

static uint8_t clipped(double v)
{
    return v > 0 ? v < 255 ? (uint8_t)lround(v) : 255 : 0;
}

infer_status tensor_picture_luma(const infer_image *grey, const infer_image *picture,
                                 infer_image *out, infer_error *err)
{
    TRY(infer_image_resize(picture, grey->width, grey->height, INFER_FILTER_BICUBIC,
                           INFER_RESIZE_PILLOW, NULL, out, err));
    for (size_t i = 0; i < (size_t)out->width * (size_t)out->height; i++) {
        uint8_t *p = out->pixels + 3 * i;
        const double luma = grey->pixels[i];
        const double old = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
        for (int k = 0; k < 3; k++) /* what is red, green, blue beyond brightness stays */
            p[k] = clipped(luma + p[k] - old);
    }
    return INFER_OK;
}

infer_status tensor_picture_alpha(const infer_image *grey, const infer_image *picture,
                                  infer_image *out, infer_error *err)
{
    TRY(infer__image_new(NULL, grey->width, grey->height, 4, out, err));
    for (int32_t y = 0; y < out->height; y++)
        for (int32_t x = 0; x < out->width; x++) {
            const uint8_t *from = picture->pixels + (size_t)y * picture->pitch + (size_t)x * 3;
            uint8_t *to = out->pixels + (size_t)y * out->pitch + (size_t)x * 4;
            for (int k = 0; k < 3; k++)
                to[k] = from[k];
            to[3] = grey->pixels[(size_t)y * grey->pitch + (size_t)x];
        }
    return INFER_OK;
}

infer_status tensor_picture_grey(const infer_image *grey, infer_image *out, infer_error *err)
{
    TRY(infer__image_new(NULL, grey->width, grey->height, 3, out, err));
    for (size_t i = 0; i < (size_t)out->width * (size_t)out->height; i++)
        for (int k = 0; k < 3; k++)
            out->pixels[3 * i + (size_t)k] = grey->pixels[i];
    return INFER_OK;
}
