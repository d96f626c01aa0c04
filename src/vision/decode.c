/* The way into the decoders: options, which format it is, limits, orientation. */
#include "vision/decode.h"

#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/sized.h"
#include "base/status.h"
#include "vision/options.h"

void infer_image_options_init(infer_image_options *options, size_t size)
{
    infer__sized_init(options, size);
}

infer_status infer__image_options(const infer_image_options *given, infer_image_options *out,
                                  infer_error *err)
{
    TRY(infer__sized_read(INFER__SIZED(infer_image_options, fast_decode), given, out, err));
    FAIL_IF(out->fast_decode > 1, INFER_ERROR_ARGUMENT,
            "infer_image_options.fast_decode is %u; it may be 0 or 1", out->fast_decode);
    FAIL_IF(!out->allocator.alloc != !out->allocator.free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    out->allocator = infer__allocator(&out->allocator);
    if (!out->max_file_bytes)
        out->max_file_bytes = (uint64_t)256 << 20;
    if (!out->max_pixels)
        out->max_pixels = 100000000;
    if (!out->max_side)
        out->max_side = 16384;
    if (!out->max_scans)
        out->max_scans = 100;
    if (!out->channels)
        out->channels = 3;
    FAIL_IF(out->channels != 1 && out->channels != 3 && out->channels != 4, INFER_ERROR_ARGUMENT,
            "%u channels asked for; 1, 3 and 4 are possible", out->channels);
    return INFER_OK;
}

infer_status infer__image_limits(const infer_image_options *options, uint64_t width,
                                 uint64_t height, infer_error *err)
{
    FAIL_IF(!width || !height, INFER_ERROR_PICTURE, "the picture has no pixels");
    FAIL_IF(width > options->max_side || height > options->max_side, INFER_ERROR_LIMIT,
            "the picture is %llu x %llu; a side may have %u pixels", (unsigned long long)width,
            (unsigned long long)height, options->max_side);
    FAIL_IF(width > INFER__MAX_SIDE || height > INFER__MAX_SIDE, INFER_ERROR_LIMIT,
            "the picture is %llu x %llu; a side may never pass %d", (unsigned long long)width,
            (unsigned long long)height, INFER__MAX_SIDE);
    FAIL_IF(width * height > options->max_pixels, INFER_ERROR_LIMIT,
            "the picture has %llu x %llu pixels; the limit is %llu", (unsigned long long)width,
            (unsigned long long)height, (unsigned long long)options->max_pixels);
    return INFER_OK;
}

infer_status infer__image_plausible(const struct infer__decode *d, uint64_t width, uint64_t height,
                                    uint64_t pixels_per_byte, infer_error *err)
{
    FAIL_IF(width * height / pixels_per_byte > d->size, INFER_ERROR_PICTURE,
            "the file is truncated: %zu bytes can't hold %llu x %llu pixels", d->size,
            (unsigned long long)width, (unsigned long long)height);
    return INFER_OK;
}

int infer__image_on_trust(const struct infer__decode *d, uint64_t bytes)
{
    enum { RATIO = 48, LEAST = RATIO << 20 };
    return bytes <= LEAST || bytes / RATIO <= d->size;
}

infer_status infer__image_complete(const struct infer__decode *d, uint64_t need, infer_error *err)
{
    FAIL_IF(need > d->size && !d->options->accept_truncated, INFER_ERROR_PICTURE,
            "the picture file is truncated: it has %zu bytes, its pixels end at %llu", d->size,
            (unsigned long long)need);
    return INFER_OK;
}

infer_status infer__image_begin(struct infer__decode *d, uint64_t width, uint64_t height,
                                infer_error *err)
{
    TRY(infer__image_limits(d->options, width, height, err));
    return infer__image_new(&d->options->allocator, (int32_t)width, (int32_t)height,
                            (int32_t)d->options->channels, d->image, err);
}

#if !INFER_JPEG
infer_status infer__decode_jpeg(struct infer__decode *d, infer_error *err)
{
    (void)d;
    return infer__fail(err, INFER_ERROR_UNSUPPORTED, "this libinfer was built without JPEG");
}

infer_status infer__jpeg_size(const uint8_t *bytes, size_t size, const infer_image_options *options,
                              int32_t *width, int32_t *height, infer_error *err)
{
    (void)bytes, (void)size, (void)options, (void)width, (void)height;
    return infer__decode_jpeg(NULL, err);
}
#endif

static infer_status decode(const uint8_t *bytes, size_t size, const infer_image_options *given,
                           struct infer__aim *aim, infer_image *image, infer_error *err)
{
    infer_image_options options;
    TRY(infer__image_options(given, &options, err));
    FAIL_IF(size > options.max_file_bytes, INFER_ERROR_LIMIT,
            "the picture file has %zu bytes; the limit is %llu", size,
            (unsigned long long)options.max_file_bytes);
    struct infer__decode d = {bytes, size, &options, image, 1, 0, aim};
    if (infer__is_jpeg(bytes, size))
        TRY(infer__decode_jpeg(&d, err));
    else if (infer__is_png(bytes, size))
        TRY(infer__decode_png(&d, err));
    else if (infer__is_gif(bytes, size))
        TRY(infer__decode_gif(&d, err));
    else
        TRY(infer__decode_stb(&d, err));
    if (d.orientation > 1 && !options.ignore_orientation)
        TRY(infer__image_orient(image, d.orientation, &options.allocator, err));
    if (aim && aim->reduced == 1) {
        aim->width = image->width;
        aim->height = image->height;
    }
    return INFER_OK;
}

infer_status infer_image_decode(const void *bytes, size_t size, const infer_image_options *options,
                                infer_image *image, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!image, INFER_ERROR_ARGUMENT, "infer_image_decode: image is NULL");
    memset(image, 0, sizeof *image);
    FAIL_IF(!bytes, INFER_ERROR_ARGUMENT, "infer_image_decode: bytes is NULL");
    infer_status status = decode(bytes, size, options, NULL, image, err);
    if (status != INFER_OK)
        infer_image_free(image);
    return status;
}

infer_status infer__image_decode_for(const void *bytes, size_t size,
                                     const infer_image_options *options, struct infer__aim *aim,
                                     infer_image *image, infer_error *err)
{
    memset(image, 0, sizeof *image);
    aim->reduced = 1;
    aim->x = aim->y = 0;
    infer_status status = decode(bytes, size, options, aim, image, err);
    if (status != INFER_OK)
        infer_image_free(image);
    return status;
}

infer_status infer__image_stored(const void *bytes, size_t size, infer_image *image,
                                 infer_error *err)
{
    infer_image_options options = INFER_IMAGE_OPTIONS_INIT, full;
    memset(image, 0, sizeof *image);
    options.channels = 1;
    TRY(infer__image_options(&options, &full, err));
    FAIL_IF(!infer__is_png(bytes, size), INFER_ERROR_PICTURE, "not a PNG");
    struct infer__decode d = {bytes, size, &full, image, 1, 1, NULL};
    const infer_status status = infer__decode_png(&d, err);
    if (status != INFER_OK)
        infer_image_free(image);
    return status;
}
