/* Resizing: arguments, equal sizes, nearest. */
#include "vision/resize.h"

#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"

void infer__resize_pick(const infer_image *src, const int32_t *x, const int32_t *y,
                        infer_image *out)
{
    size_t c = (size_t)src->channels;
    uint8_t *to = out->pixels;
    for (int32_t j = 0; j < out->height; j++) {
        const uint8_t *row = src->pixels + (size_t)y[j] * infer__image_pitch(src);
        for (int32_t i = 0; i < out->width; i++)
            for (size_t k = 0; k < c; k++)
                *to++ = row[(size_t)x[i] * c + k];
    }
}

/* Where the sizes are equal nothing is resampled. */
static void copy_part(const infer_image *src, const struct infer__resized *whole, infer_image *out)
{
    size_t c = (size_t)src->channels, n = (size_t)out->width * c;
    const size_t pitch = infer__image_pitch(src);
    const uint8_t *in = src->pixels + (size_t)whole->y * pitch + (size_t)whole->x * c;
    for (int32_t y = 0; y < out->height; y++, in += pitch)
        memcpy(out->pixels + (size_t)y * n, in, n);
}

infer_status infer__resize_part(const infer_image *src, const struct infer__resized *whole,
                                int32_t width, int32_t height, infer_filter filter,
                                infer_resampler resampler, const infer_allocator *allocator,
                                infer_image *out, infer_error *err)
{
    const infer_allocator a = infer__allocator(allocator);
    TRY(infer__image_check(src, err));
    FAIL_IF(allocator && !allocator->alloc != !allocator->free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    FAIL_IF(whole->width < 1 || whole->width > INFER__MAX_SIDE || whole->height < 1 ||
                whole->height > INFER__MAX_SIDE,
            INFER_ERROR_ARGUMENT, "resize to %d x %d; sides are 1 to %d", whole->width,
            whole->height, INFER__MAX_SIDE);
    FAIL_IF((int)filter < INFER_FILTER_BILINEAR || (int)filter > INFER_FILTER_AREA,
            INFER_ERROR_ARGUMENT, "resize with filter %d", (int)filter);
    FAIL_IF(resampler != INFER_RESIZE_PILLOW && resampler != INFER_RESIZE_OPENCV,
            INFER_ERROR_ARGUMENT, "resize with resampler %d", (int)resampler);
    TRY(infer__image_new(&a, width, height, src->channels, out, err));
    infer_status status = INFER_OK;
    if (whole->width == src->width && whole->height == src->height)
        copy_part(src, whole, out);
    else if (resampler == INFER_RESIZE_PILLOW)
        status = infer__resize_pillow(src, whole, filter, &a, out, err);
    else
        status = infer__resize_opencv(src, whole, filter, &a, out, err);
    if (status != INFER_OK)
        infer_image_free(out);
    return status;
}

infer_status infer_image_resize(const infer_image *src, int32_t width, int32_t height,
                                infer_filter filter, infer_resampler resampler,
                                const infer_allocator *allocator, infer_image *out,
                                infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!out || out == src, INFER_ERROR_ARGUMENT,
            "infer_image_resize: out is NULL or the source");
    memset(out, 0, sizeof *out);
    const struct infer__resized whole = {width, height, 0, 0, infer__pixels()};
    return infer__resize_part(src, &whole, width, height, filter, resampler, allocator, out, err);
}
