/* Preprocessing: from a picture to one place of an input tensor. */
#include "vision/preprocess.h"

#include <string.h>

#include "base/caller.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/resize.h"

/* Where samples go: channel c of pixel (x, y) to
 * element c * plane + (y * width + x) * step of the tensor. */
struct target {
    float *f32; /* one of the two */
    uint8_t *u8;
    int channels;
    size_t plane, step;
    const infer_preprocess *p;
    const struct infer__pixels *pixels;
    float f32_of[4][256]; /* every possible result */
    uint8_t u8_of[4][256];
};

/* Whether two pieces of memory have a byte in common. */
static int overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return x < y ? y - x < a_bytes && b_bytes : x - y < b_bytes && a_bytes;
}

static infer_status check_tensor(const infer_preprocess *p, const infer_image *image,
                                 const infer_tensor *out, int64_t index,
                                 const struct infer__placement *place, infer_error *err)
{
    FAIL_IF(!out || !out->data, INFER_ERROR_ARGUMENT, "the tensor is NULL or has no memory");
    FAIL_IF(out->type != INFER_F32 && out->type != INFER_U8, INFER_ERROR_SHAPE,
            "the tensor is %s; a picture goes into f32 or u8", infer_type_name(out->type));
    FAIL_IF(out->reserved[0] || out->reserved[1], INFER_ERROR_ARGUMENT,
            "a reserved field of the tensor is not 0");
    FAIL_IF(out->rank != 4, INFER_ERROR_SHAPE, "the tensor has rank %d; a picture needs 4",
            out->rank);
    int nchw = p->layout == INFER_LAYOUT_NCHW;
    int64_t c = out->dims[nchw ? 1 : 3], h = out->dims[nchw ? 2 : 1], w = out->dims[nchw ? 3 : 2];
    int64_t channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    FAIL_IF(c != channels || h != place->height || w != place->width, INFER_ERROR_SHAPE,
            "the tensor has %lld channels of %lld x %lld; the picture becomes %lld of %d x %d",
            (long long)c, (long long)w, (long long)h, (long long)channels, place->width,
            place->height);
    FAIL_IF(index < 0 || index >= out->dims[0], INFER_ERROR_ARGUMENT,
            "place %lld of a batch of %lld", (long long)index, (long long)out->dims[0]);
    int64_t elements;
    size_t bytes;
    FAIL_IF(!infer__dims_product(out->dims, 4, &elements) ||
                !infer__size_mul((size_t)elements, infer_type_size(out->type), &bytes) ||
                bytes > out->bytes,
            INFER_ERROR_SHAPE, "the tensor's memory of %zu bytes is too small", out->bytes);
    FAIL_IF((uintptr_t)out->data % infer_type_size(out->type), INFER_ERROR_ARGUMENT,
            "the tensor is not aligned for its type");
    size_t pixels = infer__image_pitch(image) * (size_t)(image->height - 1) +
                    (size_t)image->width * (size_t)image->channels;
    FAIL_IF(overlap(image->pixels, pixels, out->data, bytes), INFER_ERROR_ARGUMENT,
            "the tensor shares memory with the picture");
    return INFER_OK;
}

static void fill_target(const infer_preprocess *p, const infer_tensor *out, int64_t index,
                        const struct infer__placement *place, struct target *t)
{
    size_t pixels = (size_t)place->width * (size_t)place->height;
    t->p = p;
    t->pixels = infer__pixels();
    t->channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    t->plane = p->layout == INFER_LAYOUT_NCHW ? pixels : 1;
    t->step = p->layout == INFER_LAYOUT_NCHW ? 1 : (size_t)t->channels;
    size_t skip = (size_t)index * pixels * (size_t)t->channels;
    t->f32 = out->type == INFER_F32 ? (float *)out->data + skip : NULL;
    t->u8 = out->type == INFER_U8 ? (uint8_t *)out->data + skip : NULL;
    for (int c = 0; c < t->channels; c++) {
        for (int x = 0; x < 256; x++) {
            float y = ((float)x - p->mean[c]) * p->scale[c];
            t->f32_of[c][x] = y;
            /* compared as floats first: y may be anything, NaN from 0 * inf too */
            t->u8_of[c][x] = y > 0 ? (uint8_t)(y < 255 ? infer__round_even(y) : 255) : 0;
        }
    }
}

/* Writes n samples of channel c, `from` bytes apart, from element `at` of its plane on. */
static void put_samples(const struct target *t, int c, size_t at, const uint8_t *in, size_t from,
                        size_t n)
{
    size_t to = (size_t)c * t->plane + at * t->step, step = t->step;
    if (t->f32) {
        const float *of = t->f32_of[c];
        float *out = t->f32 + to;
        for (size_t i = 0; i < n; i++)
            out[i * step] = of[in[i * from]];
    } else {
        const uint8_t *of = t->u8_of[c];
        uint8_t *out = t->u8 + to;
        for (size_t i = 0; i < n; i++)
            out[i * step] = of[in[i * from]];
    }
}

static void put_zeros(const struct target *t, int c, size_t at, size_t n)
{
    const size_t to = (size_t)c * t->plane + at * t->step;
    for (size_t i = 0; i < n; i++)
        if (t->f32)
            t->f32[to + i * t->step] = 0;
        else
            t->u8[to + i * t->step] = 0;
}

static void put_fill(const struct target *t, size_t at, size_t n)
{
    const uint8_t level = (uint8_t)t->p->fill;
    for (int c = 0; c < t->channels; c++)
        if (t->p->fill == INFER_FILL_ZERO)
            put_zeros(t, c, at, n);
        else
            put_samples(t, c, at, &level, 0, n);
}

/* Writes n pixels of a picture row. Grey is made from colour a few pixels at a time. */
static void put_pixels(const struct target *t, size_t at, const uint8_t *in, int channels, size_t n)
{
    if (t->channels == 1 && channels > 1) {
        uint8_t grey[256];
        for (size_t i = 0; i < n; i += sizeof grey) {
            size_t m = n - i < sizeof grey ? n - i : sizeof grey;
            infer__convert_pixels(in + i * (size_t)channels, channels, grey, 1, m);
            put_samples(t, 0, at + i, grey, 1, m);
        }
        return;
    }
    for (int c = 0; c < t->channels; c++) {
        int source = channels == 1 ? 0 : t->p->color == INFER_COLOR_BGR ? 2 - c : c;
        if (t->f32 && t->step == 1)
            t->pixels->to_floats(in, channels, source, t->p->mean[c], t->p->scale[c], n,
                                 t->f32 + (size_t)c * t->plane + at);
        else
            put_samples(t, c, at, in + source, (size_t)channels, n);
    }
}

static int32_t clamp(int32_t v, int32_t high)
{
    return v < 0 ? 0 : v > high ? high : v;
}

/* What a crop leaves of the resized picture, in the tensor's pixels: maybe nothing. */
struct visible {
    int32_t left, top, right, bottom;
};

static struct visible find_visible(const struct infer__placement *place)
{
    struct visible v = {clamp(place->x, place->width), clamp(place->y, place->height),
                        clamp(place->x + place->scaled_w, place->width),
                        clamp(place->y + place->scaled_h, place->height)};
    if (v.right <= v.left || v.bottom <= v.top)
        v = (struct visible){0};
    return v;
}

/* Pixels of rows that are `stride` bytes apart go to where they are visible, filling goes around
 * them. */
static void put_picture(const struct target *t, const uint8_t *pixels, int channels, size_t stride,
                        const struct visible *v, const struct infer__placement *place)
{
    size_t width = (size_t)place->width, n = (size_t)(v->right - v->left);
    put_fill(t, 0, (size_t)v->top * width);
    for (int32_t y = v->top; y < v->bottom; y++, pixels += stride) {
        size_t at = (size_t)y * width;
        put_fill(t, at, (size_t)v->left);
        put_pixels(t, at + (size_t)v->left, pixels, channels, n);
        put_fill(t, at + (size_t)v->right, width - (size_t)v->right);
    }
    put_fill(t, (size_t)v->bottom * width, (size_t)(place->height - v->bottom) * width);
}

/* Only what is visible is resized: however large the picture would become, this takes memory for no
 * more than the tensor has pixels, and for as many columns of the picture. */
static infer_status resize_visible(const infer_preprocess *p, const infer_image *image,
                                   const struct infer__placement *place, const struct visible *v,
                                   const struct infer__pixels *pixels, const infer_allocator *a,
                                   infer_image *out, infer_error *err)
{
    const struct infer__resized whole = {place->scaled_w, place->scaled_h, v->left - place->x,
                                         v->top - place->y, pixels};
    return infer__resize_part(image, &whole, v->right - v->left, v->bottom - v->top,
                              (infer_filter)p->filter, (infer_resampler)p->resampler, a, out, err);
}

/* Tensor pixel x covers picture pixels (x - place.x) * scale, edges counted from 0. */
#define TRANSFORM INFER__SIZED(infer_transform, picture_height)
static void fill_transform(const infer_image *image, const struct infer__placement *place,
                           infer_transform *transform)
{
    infer_transform t = {.scale_x = (double)image->width / place->scaled_w,
                         .scale_y = (double)image->height / place->scaled_h,
                         .picture_width = image->width,
                         .picture_height = image->height};
    t.offset_x = -place->x * t.scale_x;
    t.offset_y = -place->y * t.scale_y;
    infer__sized_write(TRANSFORM, &t, transform);
}

static infer_status run(const infer_preprocess *preprocess, const infer_image *image, int32_t width,
                        int32_t height, int64_t index, const infer_tensor *out,
                        const infer_allocator *allocator, infer_transform *transform,
                        infer_error *err)
{
    struct infer__placement place;
    struct target target;
    infer_image scaled = {0};
    infer_preprocess p;
    FAIL_IF(allocator && !allocator->alloc != !allocator->free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    if (transform)
        TRY(infer__sized_check(TRANSFORM, transform, err));
    TRY(infer__preprocess_read(preprocess, &p, err));
    TRY(infer__image_check(image, err));
    TRY(infer__preprocess_place(&p, width ? width : image->width, height ? height : image->height,
                                &place, err));
    TRY(check_tensor(&p, image, out, index, &place, err));

    fill_target(&p, out, index, &place, &target);
    struct visible v = find_visible(&place);
    size_t stride = infer__image_pitch(image);
    const uint8_t *pixels = image->pixels;
    if (v.right == v.left) {
        pixels = NULL; /* all is filling */
    } else if (place.scaled_w != image->width || place.scaled_h != image->height) {
        TRY(resize_visible(&p, image, &place, &v, target.pixels, allocator, &scaled, err));
        stride = scaled.pitch;
        pixels = scaled.pixels;
    } else {
        pixels += (size_t)(v.top - place.y) * stride +
                  (size_t)(v.left - place.x) * (size_t)image->channels;
    }
    put_picture(&target, pixels, image->channels, stride, &v, &place);
    infer_image_free(&scaled);
    if (transform)
        fill_transform(image, &place, transform);
    return INFER_OK;
}

infer_status infer__preprocess_as(const infer_preprocess *preprocess, const infer_image *image,
                                  int32_t width, int32_t height, int64_t index,
                                  const infer_tensor *out, const infer_allocator *allocator,
                                  infer_transform *transform, infer_error *err)
{
    return run(preprocess, image, width, height, index, out, allocator, transform, err);
}

infer_status infer_preprocess_run(const infer_preprocess *preprocess, const infer_image *image,
                                  int64_t index, const infer_tensor *out,
                                  const infer_allocator *allocator, infer_transform *transform,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    return run(preprocess, image, 0, 0, index, out, allocator, transform, err);
}
