/* infer classify: the bundled pictures, options that override the stored preprocessing, pictures
 * that can't be read, labels and accuracy, annotated pictures. */
#include "tool_run.h"

#include "infer_vision.h"

static void test_classify_bundled(void **state)
{
    (void)state;
    char *argv[MOST_ARGUMENTS], *files[MOST_ARGUMENTS];
    int argc = 0, nfiles = 0;
    DIR *d = opendir(SIGNS "pictures");
    assert_non_null(d);
    argv[argc++] = (char[]){"classify"};
    argv[argc++] = model;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *end = strrchr(e->d_name, '.');
        if (!end || (strcmp(end, ".jpg") != 0 && strcmp(end, ".png") != 0))
            continue;
        files[nfiles] = malloc(300);
        snprintf(files[nfiles], 300, PICTURES "%.250s", e->d_name);
        argv[argc++] = files[nfiles++];
    }
    closedir(d);
    argv[argc++] = (char[]){"--json"};
    argv[argc++] = (char[]){"--labels-csv=" PICTURES "labels.csv"};
    assert_int_equal(run_list(cmd_classify, argv, argc), CLI_OK);
    assert_true(json_valid(out));
    const char *accuracy = strstr(out, "\"accuracy\"");
    assert_non_null(accuracy);
    assert_int_equal((int)json_find(accuracy, "pictures"), nfiles);
    assert_int_equal((int)json_find(accuracy, "top1"), nfiles);
    assert_int_equal((int)json_find(accuracy, "topk"), nfiles);
    assert_int_equal((int)json_find(out, "failed"), 0);
    for (int i = 0; i < nfiles; i++)
        free(files[i]);
}

static void test_classify_goes_on(void **state)
{
    (void)state;
    const char *corrupt = in_folder("corrupt.jpg");
    size_t size;
    char *bytes = read_file(PICTURES "stop-1.jpg", &size);
    write_bytes(corrupt, bytes, size / 2);
    free(bytes);
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", corrupt,
                         "/none/a.jpg", PICTURES "keep-right-1.png", "--top=1", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, corrupt));
    assert_non_null(strstr(err_text, "/none/a.jpg"));
    assert_non_null(strstr(out, "stop\n"));
    assert_non_null(strstr(out, "keep right\n"));
    assert_int_equal(run(cmd_classify, "classify", model, corrupt, PICTURES "stop-1.jpg", "--json",
                         "--labels-csv", PICTURES "labels.csv", NULL),
                     CLI_BAD_INPUT);
    assert_true(json_valid(out));
    assert_int_equal((int)json_find(out, "failed"), 1);
    assert_int_equal((int)json_find(strstr(out, "accuracy"), "pictures"), 1);
}

/* Each option that changes what the network sees changes the score. */
static void test_classify_overrides(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"--resize", "80"},      {"--resize", "64x64"},
                                             {"--mean", "0"},         {"--scale", "0.01"},
                                             {"--color", "bgr"},      {"--filter", "nearest"},
                                             {"--filter", "bicubic"}, {"--resampler", "opencv"}};
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "danger-1.jpg", "--json", NULL),
                     CLI_OK);
    double before = json_find(out, "score");
    assert_true(before > 0.5 && before <= 1);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(run(cmd_classify, "classify", model, PICTURES "danger-1.jpg", "--json",
                             changes[i][0], changes[i][1], NULL),
                         CLI_OK);
        assert_true(json_find(out, "score") != before);
    }
    /* a stored short side with a crop that the fixed input can't take */
    assert_int_equal(
        run(cmd_classify, "classify", model, PICTURES "danger-1.jpg", "--crop", "32", NULL),
        CLI_BAD_INPUT);
    assert_int_equal(
        run(cmd_classify, "classify", model, PICTURES "danger-1.jpg", "--output-index", "1", NULL),
        CLI_USAGE);
}

static void test_classify_labels(void **state)
{
    (void)state;
    write_text(in_folder("one.txt"), "first\r\n");
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--labels",
                         in_folder("one.txt"), "--top", "2", "--softmax", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "first\n"));
    assert_non_null(strstr(out, "class "));
    write_text(in_folder("bad.csv"), "file,class index,label\nstop-1.jpg;0\n");
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--labels-csv",
                         in_folder("bad.csv"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "line 2"));
    /* quoted fields, and an answer that is wrong */
    write_text(in_folder("odd.csv"), "f,c,l\r\n\"stop-1.jpg\",\"5\",\"a, \"\"b\"\"\"\r\n\r\n");
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--labels-csv",
                         in_folder("odd.csv"), "--json", NULL),
                     CLI_OK);
    assert_int_equal((int)json_find(strstr(out, "accuracy"), "pictures"), 1);
    assert_int_equal((int)json_find(strstr(out, "accuracy"), "top1"), 0);
}

static void test_classify_annotates(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int width, height;
    } pictures[] = {{"tiny", 1, 1}, {"wide", 2000, 3}, {"tall", 2, 1500}, {"odd", 333, 251}};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        char name[64], path[128], *bytes;
        size_t size = (size_t)(3 * pictures[i].width * pictures[i].height);
        snprintf(name, sizeof name, "%s.ppm", pictures[i].name);
        bytes = malloc(size + 32);
        int n = snprintf(bytes, 32, "P6 %d %d 255\n", pictures[i].width, pictures[i].height);
        memset(bytes + n, 200, size);
        write_bytes(in_folder(name), bytes, (size_t)n + size);
        free(bytes);
        assert_int_equal(run(cmd_classify, "classify", model, in_folder(name), "--resize", "64x64",
                             "--annotate", in_folder("new/annotated"), "--top", "20", NULL),
                         CLI_OK);
        infer_image image;
        infer_error err;
        snprintf(path, sizeof path, "%s/new/annotated/%s.png", folder, pictures[i].name);
        assert_non_null(strstr(out, path));
        assert_int_equal(infer_image_load(path, NULL, &image, &err), INFER_OK);
        assert_true(image.width >= 360 && image.width <= 640);
        assert_true(image.height >= 10 * 14 * 2 && image.height <= 640 + 400);
        infer_image_free(&image);
    }
    /* the same stem twice, and a folder that can't be made */
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg",
                         PICTURES "stop-1.jpg", "--annotate", in_folder("twice"), NULL),
                     CLI_OK);
    assert_int_equal(access(in_folder("twice/stop-1.png"), R_OK), 0);
    assert_int_equal(access(in_folder("twice/stop-1_2.png"), R_OK), 0);
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--annotate",
                         "/dev/null/x", NULL),
                     CLI_RESOURCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classify_bundled),   cmocka_unit_test(test_classify_goes_on),
        cmocka_unit_test(test_classify_overrides), cmocka_unit_test(test_classify_labels),
        cmocka_unit_test(test_classify_annotates),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
