/* infer classify --fast-decode: the same best class of large pictures as in full. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "infer_vision.h"
#include "tests/vision_files.h"
#include "tools/convert.h"

enum { EVERY = 2, LARGER = 3 };

/* The picture in a file, so much larger that it is decoded at half its size. */
static struct bytes enlarged(const char *path)
{
    infer_image image, large;
    infer_error err;
    assert_int_equal(infer_image_load(path, NULL, &image, &err), INFER_OK);
    assert_int_equal(infer_image_resize(&image, image.width * LARGER, image.height * LARGER,
                                        INFER_FILTER_BICUBIC, INFER_RESIZE_PILLOW, NULL, &large,
                                        &err),
                     INFER_OK);
    struct bytes b =
        make_jpeg((uint32_t)large.width, (uint32_t)large.height, 3, large.pixels, 0, 0);
    infer_image_free(&image);
    infer_image_free(&large);
    return b;
}

static int64_t best(infer_session *session, const struct bytes *b, int fast)
{
    const infer_image_options image = {.size = sizeof image, .fast_decode = (uint32_t)fast};
    infer_classify_options o = INFER_CLASSIFY_OPTIONS_INIT;
    infer_class class;
    infer_error err;
    o.image = &image;
    assert_int_equal(infer_classify(session, b->p, b->n, &o, &class, 1, NULL, &err), INFER_OK);
    return class.index;
}

static void compare(infer_session *session, DIR *folder, const char *path)
{
    int seen = 0, asked = 0, same = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        char file[4096];
        if (!strstr(e->d_name, ".JPEG") || seen++ % EVERY)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        struct bytes b = enlarged(file);
        same += best(session, &b, 0) == best(session, &b, 1);
        asked++;
        free(b.p);
    }
    print_message("the best class is the same of %d of %d pictures\n", same, asked);
    assert_true(asked > 0 && same * 100 >= asked * 99);
}

static void same_class(void **unused)
{
    (void)unused;
    const char *shared = getenv("INFER_SHARED");
    char path[2048], model_path[2048];
    snprintf(path, sizeof path, "%s/images/imagenet", shared ? shared : ".");
    snprintf(model_path, sizeof model_path,
             "%s/models/mobilenetv2-1.0-224-imagenet-fp32/model.onnx", shared ? shared : ".");
    DIR *folder = opendir(path);
    FILE *there = fopen(model_path, "rb");
    if (there)
        fclose(there);
    if (!folder || !there) {
        print_message("skipped: no pictures or no model in INFER_SHARED\n");
        if (folder)
            closedir(folder);
        return;
    }
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = INFER_FIT_SHORT_SIDE;
    p.width = 256;
    p.crop_width = p.crop_height = 224;
    const float mean[] = {123.675F, 116.28F, 103.53F}, scale[] = {58.395F, 57.12F, 57.375F};
    for (int c = 0; c < 3; c++) {
        p.mean[c] = mean[c];
        p.scale[c] = 1 / scale[c];
    }
    const struct convert_options o = {.preprocess = &p};
    infer_model *model = NULL;
    infer_session *session = NULL;
    void *bytes = NULL;
    infer_error err;
    assert_int_equal(open_model_with(model_path, &o, &model, &bytes), 0);
    assert_int_equal(infer_session_create(model, NULL, &session, &err), INFER_OK);
    compare(session, folder, path);
    closedir(folder);
    infer_session_free(&session);
    infer_model_free(&model);
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_class)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
