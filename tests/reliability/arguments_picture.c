/* Rows of R6: the functions of infer_vision.h from a picture to the classes that it shows. */
#include "tests/reliability/arguments.h"

INIT(image_options_init, infer_image_options)
INIT(classify_options_init, infer_classify_options)
INIT(preprocess_init, infer_preprocess)
INIT(transform_init, infer_transform)

static infer_status image_free(void)
{
    infer_image none = {0};
    infer_image_free(ARG(0, infer_image *, 2, &none, NULL));
    return INFER_OK;
}

const infer_image_options *image_options(int i)
{
    static infer_image_options o[8];
    for (int k = 0; k < 8; k++)
        infer_image_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].channels = 2;
    o[4].channels = UINT32_MAX;
    o[5].max_pixels = 1;
    o[6].allocator.alloc = some_alloc;
    o[7].fast_decode = 2;
    return ARG(i, const infer_image_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7]);
}

static infer_status image_decode(void)
{
    infer_image image = {.width = 7};
    infer_image *to = ARG(3, infer_image *, 1, &image, NULL);
    infer_status status =
        infer_image_decode(ARG(0, const void *, 1, jpeg, NULL),
                           ARG(1, size_t, 1, jpeg_size, 0, 1, 2, 20), image_options(2), to, ERR(4));
    made(status, to && image.pixels, "infer_image_decode");
    if (to)
        infer_image_free(&image);
    return status;
}

static infer_status image_load(void)
{
    infer_image image = {.width = 7};
    infer_image *to = ARG(2, infer_image *, 1, &image, NULL);
    infer_status status =
        infer_image_load(ARG(0, const char *, 1, "examples/signs/pictures/stop-1.jpg", NULL, "",
                             "/", "/dev/null", "/dev/zero", "/no/such", model_path),
                         image_options(1), to, ERR(3));
    made(status, to && image.pixels, "infer_image_load");
    if (to)
        infer_image_free(&image);
    return status;
}

/* A picture with something wrong with it. */
static const infer_image *wrong_picture(int i)
{
    static infer_image w[13];
    for (int k = 0; k < 13; k++)
        w[k] = picture;
    w[0].pixels = NULL;
    w[1].width = 0;
    w[2].width = -1;
    w[3].width = INT32_MAX;
    w[4].height = 0;
    w[5].height = INT32_MIN;
    w[6].channels = 0;
    w[7].channels = 2;
    w[8].channels = -3;
    w[9].pitch = (size_t)picture.width * (size_t)picture.channels - 1;
    w[10].pitch = SIZE_MAX;
    w[11].reserved = 1;
    w[12].more[1] = 1;
    return ARG(i, const infer_image *, 1, &picture, NULL, &w[0], &w[1], &w[2], &w[3], &w[4], &w[5],
               &w[6], &w[7], &w[8], &w[9], &w[10], &w[11], &w[12]);
}

static const infer_allocator *allocator(int i)
{
    static const infer_allocator none, half = {.alloc = some_alloc};
    return ARG(i, const infer_allocator *, 2, &none, NULL, &half);
}

static infer_status image_resize(void)
{
    infer_image image = {.width = 7};
    infer_image *to = ARG(5, infer_image *, 1, &image, NULL);
    infer_status status = infer_image_resize(
        wrong_picture(0), ARG(1, int32_t, 1, 30, 0, -1, 65536, INT32_MAX, INT32_MIN),
        ARG(2, int32_t, 1, 30, 0, -1, 65536, INT32_MAX, INT32_MIN),
        NUMBERS(3, infer_filter, 1, INFER_FILTER_BICUBIC),
        NUMBERS(4, infer_resampler, 1, INFER_RESIZE_PILLOW), allocator(7), to, ERR(6));
    made(status, to && image.pixels, "infer_image_resize");
    if (to)
        infer_image_free(&image);
    return status;
}

/* Preprocessing whose word k (of 20) is nonsense. */
static const infer_preprocess *wrong_preprocess(int i, unsigned fine)
{
    static infer_preprocess w;
    unsigned k = pick(i, fine, 30);
    uint32_t words[20], bad = 0x80000001u;
    if (k == 29)
        return NULL;
    infer_preprocess_init(&w, sizeof w);
    if (infer_model_preprocess(model, &w, NULL) != INFER_OK)
        check_failed(&arguments_check, "the model has no preprocessing");
    if (k == 0)
        return &w;
    memcpy(words, &w.fit, sizeof words);
    if (k > 20) { /* large instead of negative; of the first words, which are integers */
        k -= 20;
        bad = 0x7fffffff;
    } else if (k > 12) {
        bad = k & 1 ? 0x7f800000 : 0x7fa00000; /* infinity, a signalling NaN */
    }
    words[k - 1] = bad;
    memcpy(&w.fit, words, sizeof words);
    return &w;
}

static infer_status preprocess_size(void)
{
    int32_t w, h;
    return infer_preprocess_size(
        wrong_preprocess(0, 1), ARG(1, int32_t, 1, 100, 0, -1, 65536, INT32_MAX, INT32_MIN),
        ARG(2, int32_t, 1, 100, 0, -1, 65536, INT32_MAX, INT32_MIN), ARG(3, int32_t *, 1, &w, NULL),
        ARG(4, int32_t *, 1, &h, NULL), ERR(5));
}

static infer_status preprocess_run(void)
{
    unsigned o = pick(3, 1, WRONG);
    return infer_preprocess_run(wrong_preprocess(0, 1), wrong_picture(1),
                                ARG(2, int64_t, 1, 0, -1, 1, INT64_MAX, INT64_MIN),
                                ARG(4, int, 1, 0, 1) ? NULL : wrong_tensor(&right_input, o),
                                allocator(7), ANSWER(5, 2, infer_transform, INFER_TRANSFORM_INIT),
                                ERR(6));
}

static infer_status model_preprocess(void)
{
    return infer_model_preprocess(MODEL(0, 1),
                                  ANSWER(1, 1, infer_preprocess, INFER_PREPROCESS_INIT), ERR(2));
}

static infer_status topk(void)
{
    infer_class top[24];
    size_t found;
    unsigned o = pick(0, 1, WRONG);
    size_t k = ARG(1, size_t, 4, 3, 0, 24, SIZE_MAX);
    if (o == 7 || o == 9) /* one score, or none, is right here */
        o = 6;
    infer_tensor *t = ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&right_output, o);
    infer_class *to = ARG(3, infer_class *, 1, top, NULL);
    if (!to && k == 0)
        now.nonsense = 0; /* room for none */
    return infer_topk(t, k, ARG(2, int, 3, 0, 1, -7), to, ARG(4, size_t *, 2, &found, NULL),
                      ERR(5));
}

const infer_classify_options *classify_options(int i)
{
    static const infer_image_options wrong = {.size = 1};
    static infer_classify_options o[6];
    for (int k = 0; k < 6; k++)
        infer_classify_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].image = &wrong;
    o[4].output = 1;
    o[5].output = UINT32_MAX;
    return ARG(i, const infer_classify_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4],
               &o[5]);
}

static infer_status classify(void)
{
    infer_class top[3];
    size_t found;
    return infer_classify(SESSION(0), ARG(2, const void *, 1, jpeg, NULL),
                          ARG(3, size_t, 1, jpeg_size, 0, 3), classify_options(4),
                          ARG(5, infer_class *, 1, top, NULL), 3, ARG(6, size_t *, 2, &found, NULL),
                          ERR(7));
}

const struct arguments_row arguments_of_pictures[] = {
    ROW(image_free),
    ROW(image_options_init),
    ROW(image_decode),
    ROW(image_load),
    ROW(image_resize),
    ROW(preprocess_init),
    ROW(preprocess_size),
    ROW(transform_init),
    ROW(preprocess_run),
    ROW(model_preprocess),
    ROW(topk),
    ROW(classify_options_init),
    ROW(classify),
    {NULL, NULL},
};
