/* Sizes and positions of preprocessing; the rounding is torchvision's and Ultralytics'. */
#include "vision/preprocess.h"

#include <math.h>
#include <string.h>

#include "base/caller.h"
#include "base/status.h"
#include "vision/decode.h"

void infer_preprocess_init(infer_preprocess *preprocess, size_t size)
{
    infer__sized_init(preprocess, size);
    if (preprocess &&
        infer__sized_check(INFER__PREPROCESS, preprocess, &(infer_error){0}) == INFER_OK)
        for (int i = 0; i < 4; i++)
            preprocess->scale[i] = 1;
}

void infer_transform_init(infer_transform *transform, size_t size)
{
    infer__sized_init(transform, size);
}

infer_status infer__preprocess_read(const infer_preprocess *given, infer_preprocess *p,
                                    infer_error *err)
{
    FAIL_IF(!given, INFER_ERROR_ARGUMENT, "preprocessing: NULL");
    TRY(infer__sized_read(INFER__PREPROCESS, given, p, err));
    return infer__preprocess_check(p, err);
}

static infer_status check_range(const char *name, int32_t value, int32_t low, int32_t high,
                                infer_error *err)
{
    FAIL_IF(value < low || value > high, INFER_ERROR_ARGUMENT,
            "preprocessing: %s is %d; it may be %d to %d", name, value, low, high);
    return INFER_OK;
}

infer_status infer__preprocess_check(const infer_preprocess *p, infer_error *err)
{
    int needs_width = p->fit != INFER_FIT_NONE;
    int needs_height = needs_width && p->fit != INFER_FIT_SHORT_SIDE;
    TRY(check_range("fit", p->fit, INFER_FIT_NONE, INFER_FIT_PAGE, err));
    TRY(check_range("width", p->width, needs_width, INFER__MAX_SIDE, err));
    TRY(check_range("height", p->height, needs_height, INFER__MAX_SIDE, err));
    TRY(check_range("filter", p->filter, INFER_FILTER_BILINEAR, INFER_FILTER_AREA, err));
    TRY(check_range("resampler", p->resampler, INFER_RESIZE_PILLOW, INFER_RESIZE_OPENCV, err));
    TRY(check_range("crop_width", p->crop_width, p->crop_height > 0, INFER__MAX_SIDE, err));
    TRY(check_range("crop_height", p->crop_height, p->crop_width > 0, INFER__MAX_SIDE, err));
    TRY(check_range("fill", p->fill, 0, INFER_FILL_ZERO, err));
    TRY(check_range("letterbox", p->letterbox, INFER_LETTERBOX_CENTER, INFER_LETTERBOX_TOP_LEFT,
                    err));
    TRY(check_range("letterbox_rounding", p->letterbox_rounding, 0, 1, err));
    TRY(check_range("color", p->color, INFER_COLOR_RGB, INFER_COLOR_GRAY, err));
    TRY(check_range("layout", p->layout, INFER_LAYOUT_NCHW, INFER_LAYOUT_NHWC, err));
    for (int i = 0; i < 4; i++)
        FAIL_IF(!isfinite(p->mean[i]) || !isfinite(p->scale[i]), INFER_ERROR_ARGUMENT,
                "preprocessing: mean or scale of channel %d is not finite", i);
    return INFER_OK;
}

/* Half of n, halves to even, as Python's round(n / 2); n may be negative. */
static int32_t half_even(int32_t n)
{
    int32_t low = n >= 0 ? n / 2 : -((1 - n) / 2); /* floor */
    return low + (n - 2 * low) * (low & 1);
}

/* Rounds x > 0, halves to even. */
static int32_t round_side(double x)
{
    double low = floor(x), rest = x - low;
    int32_t n = (int32_t)low;
    return n + (rest > 0.5 || (rest == 0.5 && (n & 1)));
}

static int32_t at_least_one(int32_t n)
{
    return n < 1 ? 1 : n;
}

static infer_status place_short_side(const infer_preprocess *p, int32_t w, int32_t h,
                                     struct infer__placement *to, infer_error *err)
{
    int64_t shorter = w < h ? w : h, longer = w < h ? h : w;
    int64_t other = p->width * longer / shorter; /* below 2^32 */
    FAIL_IF(other > INFER__MAX_SIDE, INFER_ERROR_LIMIT,
            "the longer side of a %d x %d picture would become %lld pixels", w, h,
            (long long)other);
    to->scaled_w = w <= h ? p->width : (int32_t)other;
    to->scaled_h = w <= h ? (int32_t)other : p->width;
    return INFER_OK;
}

static void place_line(const infer_preprocess *p, int32_t w, int32_t h, struct infer__placement *to)
{
    const int64_t wide = ((int64_t)w * p->height + h - 1) / h;
    to->scaled_w = wide < p->width ? (int32_t)wide : p->width;
    to->scaled_h = p->height;
    to->width = p->width;
    to->height = p->height;
}

/* The nearest multiple of 32 of a side that is cut to whole pixels first. */
static int32_t page_side(double side)
{
    const int32_t n = 32 * round_side(floor(side) / 32);
    return n < 32 ? 32 : n;
}

static void place_page(const infer_preprocess *p, int32_t w, int32_t h, struct infer__placement *to)
{
    const int32_t shorter = w < h ? w : h, longer = w < h ? h : w;
    double ratio = shorter < p->width ? (double)p->width / shorter : 1;
    if (longer * ratio > p->height)
        ratio = (double)p->height / longer;
    to->scaled_w = page_side(w * ratio);
    to->scaled_h = page_side(h * ratio);
}

static void place_letterbox(const infer_preprocess *p, int32_t w, int32_t h,
                            struct infer__placement *to)
{
    double ratio = fmin((double)p->width / w, (double)p->height / h);
    if (p->letterbox_rounding) {
        to->scaled_w = at_least_one((int32_t)(w * ratio));
        to->scaled_h = at_least_one((int32_t)(h * ratio));
    } else {
        to->scaled_w = at_least_one(round_side(w * ratio));
        to->scaled_h = at_least_one(round_side(h * ratio));
    }
    to->width = p->width;
    to->height = p->height;
    if (p->letterbox == INFER_LETTERBOX_CENTER) {
        to->x = (to->width - to->scaled_w) / 2;
        to->y = (to->height - to->scaled_h) / 2;
    }
}

/* Where a side of `side` pixels begins in a centre crop of `crop`: cut as torchvision does, or
 * filled up with the odd pixel behind. */
static int32_t crop_start(int32_t side, int32_t crop)
{
    return crop > side ? (crop - side) / 2 : -half_even(side - crop);
}

infer_status infer__preprocess_place(const infer_preprocess *p, int32_t picture_width,
                                     int32_t picture_height, struct infer__placement *place,
                                     infer_error *err)
{
    int32_t w = picture_width, h = picture_height;
    struct infer__placement to = {.scaled_w = w, .scaled_h = h};
    FAIL_IF(w < 1 || w > INFER__MAX_SIDE || h < 1 || h > INFER__MAX_SIDE, INFER_ERROR_ARGUMENT,
            "a picture of %d x %d", w, h);
    switch (p->fit) {
    case INFER_FIT_SHORT_SIDE:
        TRY(place_short_side(p, w, h, &to, err));
        break;
    case INFER_FIT_STRETCH:
        to.scaled_w = p->width;
        to.scaled_h = p->height;
        break;
    case INFER_FIT_LETTERBOX:
        place_letterbox(p, w, h, &to);
        break;
    case INFER_FIT_LINE:
        place_line(p, w, h, &to);
        break;
    case INFER_FIT_PAGE:
        place_page(p, w, h, &to);
        break;
    case INFER_FIT_EXACT:
        FAIL_IF(w != p->width || h != p->height, INFER_ERROR_SHAPE,
                "the picture is %d x %d and has to be %d x %d", w, h, p->width, p->height);
        break;
    default:
        break;
    }
    if (!to.width) {
        to.width = to.scaled_w;
        to.height = to.scaled_h;
    }
    if (p->crop_width) {
        to.x += crop_start(to.width, p->crop_width);
        to.y += crop_start(to.height, p->crop_height);
        to.width = p->crop_width;
        to.height = p->crop_height;
    }
    *place = to;
    return INFER_OK;
}

infer_status infer_preprocess_size(const infer_preprocess *preprocess, int32_t picture_width,
                                   int32_t picture_height, int32_t *width, int32_t *height,
                                   infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct infer__placement place;
    infer_preprocess p;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!width || !height, INFER_ERROR_ARGUMENT,
            "infer_preprocess_size: width or height is NULL");
    *width = *height = 0;
    TRY(infer__preprocess_read(preprocess, &p, err));
    TRY(infer__preprocess_place(&p, picture_width, picture_height, &place, err));
    *width = place.width;
    *height = place.height;
    return INFER_OK;
}
