/* infer reference and infer drift: what they store, find and print. */
#include "infer_vision.h"
#include "tools/monitor/profile.h"
#include "tools/png.h"

#include "monitor_pictures.h"
#include "tool_run.h"

static char watched[80]; /* the bundled model with a reference of its pictures */
static char made[80];    /* a reference of pictures that are made up */

static void make_reference(void)
{
    struct profile p;
    void *bytes;
    size_t size;
    infer_error err;
    profile_begin(&p);
    made_state = 3;
    for (int i = 0; i < 500; i++) {
        const struct features f = make_features(CHANGE_NONE);
        assert_true(profile_add(&p, &f));
    }
    assert_int_equal(profile_encode(&p, &bytes, &size, &err), INFER_OK);
    write_bytes(made, bytes, size);
    free(bytes);
    profile_free(&p);
}

/* Those of the signs that are JPEG, with the brightness of `percent` and the blue channel or not.
 */
static void change_signs(const char *name, int percent, int blue)
{
    DIR *d = opendir(PICTURES);
    assert_non_null(d);
    mkdir(in_folder(name), 0700);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[300];
        infer_image image;
        if (!strstr(e->d_name, ".jpg"))
            continue;
        snprintf(path, sizeof path, PICTURES "%.200s", e->d_name);
        assert_int_equal(infer_image_load(path, NULL, &image, NULL), INFER_OK);
        const size_t n = (size_t)image.width * (size_t)image.height * 3;
        for (size_t i = 0; i < n; i++)
            image.pixels[i] = (uint8_t)(i % 3 == 2 && !blue ? 0 : image.pixels[i] * percent / 100);
        snprintf(path, sizeof path, "%s/%.100s.png", in_folder(name), e->d_name);
        assert_int_equal(png_write(path, &image), CLI_OK);
        infer_image_free(&image);
    }
    closedir(d);
}

static int begin(void **state)
{
    if (setup(state))
        return 1;
    snprintf(watched, sizeof watched, "%s/watched.infer", folder);
    snprintf(made, sizeof made, "%s/made.profile", folder);
    make_reference();
    return run(cmd_reference, "reference", model, "--data", PICTURES, "-o", watched, "--window",
               "80", "--minutes", "2.5", NULL);
}

/* ---- references -------------------------------------------------------------------------------
 */

static void is_stored(void **state)
{
    size_t size, again;
    (void)state;
    assert_int_equal(run(cmd_inspect, "inspect", watched, NULL), CLI_OK);
    assert_non_null(strstr(out, "reference of 48 pictures, windows of 80 pictures or 2.5 minutes"));
    assert_non_null(strstr(out, "24 classes"));
    assert_non_null(strstr(out, "labels   24"));
    assert_int_equal(run(cmd_inspect, "inspect", watched, "--json", NULL), CLI_OK);
    assert_true(json_valid(out) && strstr(out, "\"reference\": {\"pictures\": 48, \"window\": 80"));
    assert_int_equal(run(cmd_inspect, "inspect", model, "--json", NULL), CLI_OK);
    assert_non_null(strstr(out, "\"reference\": null"));
    char *before = read_file(watched, &size);
    /* in its own place, over the old one: the same bytes */
    assert_int_equal(run(cmd_reference, "reference", watched, "--data", PICTURES, "--window", "80",
                         "--minutes", "2.5", "--json", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    char *after = read_file(watched, &again);
    assert_true(size == again && memcmp(before, after, size) == 0);
    free(before);
    free(after);
}

static void wrong_arguments(void **state)
{
    char cut[300];
    (void)state;
    assert_int_equal(run(cmd_reference, "reference", model, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_reference, "reference", SIGNS "signs.onnx", "--data", PICTURES, NULL),
                     CLI_USAGE);
    assert_non_null(strstr(err_text, "-o FILE.infer"));
    assert_int_equal(
        run(cmd_reference, "reference", model, "--data", PICTURES, "--window", "39", NULL),
        CLI_USAGE);
    assert_int_equal(
        run(cmd_reference, "reference", model, "--data", PICTURES, "--task", "yolov8", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_reference, "reference", model, "--data", in_folder("none"), NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_drift, "drift", model, PICTURES, NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "infer reference stores them"));
    assert_int_equal(run(cmd_drift, "drift", made, PICTURES, NULL), CLI_USAGE);
    assert_non_null(strstr(err_text, "--model"));
    assert_int_equal(run(cmd_drift, "drift", watched, in_folder("none.jsonl"), NULL),
                     CLI_BAD_INPUT);
    write_text(in_folder("cut.profile"), "INFSTAT\n");
    snprintf(cut, sizeof cut, "%s", in_folder("cut.profile"));
    assert_int_equal(run(cmd_drift, "drift", cut, PICTURES, NULL), CLI_BAD_INPUT);
}

/* What makes other answers leaves the reference out; a new name does not. */
static void edited(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("edited.infer"));
    assert_int_equal(run(cmd_edit, "edit", watched, "-o", path, "--rename", "input=x", NULL), 0);
    assert_int_equal(run(cmd_drift, "drift", path, PICTURES, NULL), CLI_OK);
    assert_int_equal(run(cmd_edit, "edit", watched, "-o", path, "--mean", "0", NULL), CLI_OK);
    assert_non_null(strstr(out, "no reference statistics"));
    assert_int_equal(run(cmd_drift, "drift", path, PICTURES, NULL), CLI_BAD_INPUT);
}

/* A picture that can't be read is left out, and said. */
static void bad_picture(void **state)
{
    char path[300], file[400];
    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("bad"));
    mkdir(path, 0700);
    snprintf(file, sizeof file, "%s/x.jpg", path);
    write_text(file, "no picture");
    assert_int_equal(run(cmd_reference, "reference", model, "--data", path, "--profile",
                         in_folder("bad.profile"), NULL),
                     CLI_BAD_INPUT);
    assert_int_not_equal(access(in_folder("bad.profile"), F_OK), 0);
    assert_int_equal(run(cmd_reference, "reference", model, "--data", path, "--data", PICTURES,
                         "--profile", in_folder("bad.profile"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(out, "reference of 48 pictures"));
    assert_int_equal(access(in_folder("bad.profile"), F_OK), 0);
    assert_int_equal(run(cmd_drift, "drift", in_folder("bad.profile"), path, PICTURES, "--model",
                         model, "--json", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "\"skipped\": 1, \"drifted\": false"));
}

/* ---- pictures ---------------------------------------------------------------------------------
 */

static void pictures(void **state)
{
    char dark[300], page[300];
    size_t size;
    (void)state;
    assert_int_equal(run(cmd_drift, "drift", watched, PICTURES, NULL), CLI_OK);
    assert_non_null(strstr(out, "48 pictures, as the reference"));
    change_signs("dark", 40, 0);
    snprintf(dark, sizeof dark, "%s", in_folder("dark"));
    snprintf(page, sizeof page, "%s", in_folder("drift.html"));
    assert_int_equal(run(cmd_drift, "drift", watched, dark, "--report", page, NULL), CLI_DIFFERS);
    assert_non_null(strstr(out, "42 pictures, drifted"));
    char *html = read_file(page, &size);
    assert_true(html && size > 10000 && strlen(html) == size);
    assert_true(strstr(html, "<svg") && strstr(html, "data:image/png;base64,"));
    assert_true(strstr(html, "Least like the reference") && strstr(html, "It has drifted"));
    assert_true(!strstr(html, "http") && !strstr(html, "<script") && !strstr(html, "nan"));
    free(html);
    assert_int_equal(run(cmd_drift, "drift", watched, dark, "--json", NULL), CLI_DIFFERS);
    assert_true(json_valid(out));
    const char *blue = strstr(out, "{\"feature\": \"blue\"");
    assert_true(blue && strstr(blue, "\"drifted\": true") < strchr(blue, '}'));
    /* what is called a difference is up to the caller */
    assert_int_equal(
        run(cmd_drift, "drift", watched, dark, "--least", "1", "--alarm", "1e-9", NULL),
        CLI_DIFFERS); /* blue is all 0: as different as can be */
}

/* ---- logs -------------------------------------------------------------------------------------
 */

static void log_lines(FILE *f, const char *version, enum change change, int n, double *time)
{
    for (int i = 0; i < n; i++) {
        const struct features x = make_features(change);
        features_log(f, *time, "made", version, NULL, &x);
        *time += 0.5;
    }
}

static char *write_log(const char *name)
{
    static char path[300];
    double time = 1.7e9;
    snprintf(path, sizeof path, "%s", in_folder(name));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    made_state = 17;
    for (int i = 0; i < 4; i++) { /* one after the other, as servers have them */
        log_lines(f, "1", CHANGE_NONE, 100, &time);
        log_lines(f, "2", i < 2 ? CHANGE_NONE : CHANGE_CLASSES, 150, &time);
    }
    fputs("\n{\"time\": 3, \"path\": \"/metrics\"}\n", f); /* of another kind: none of ours */
    fputs("no JSON\n[1]\n{\"features\": 3}\n{\"features\": {\"red\": \"x\"}}\n", f);
    fputs("{\"features\": {\"red\": 1, \"unheard_of\": \"y\"}, \"version\": \"3\"}\n", f);
    fputs("{\"features\": {\"red\": ", f); /* cut off */
    fclose(f);
    return path;
}

static void logs(void **state)
{
    const char *path = write_log("requests.jsonl");
    (void)state;
    assert_int_equal(run(cmd_drift, "drift", made, path, NULL), CLI_DIFFERS);
    assert_non_null(strstr(out, "\nmade version 1: 400 pictures, as the reference\n"));
    assert_non_null(strstr(out, "\nmade version 2: 600 pictures, drifted\n"));
    assert_non_null(strstr(out, "1 pictures, too few to be judged"));
    assert_non_null(strstr(out, "  alert with picture 500: class"));
    assert_non_null(strstr(out, "5 lines or pictures left out"));
    assert_non_null(strstr(err_text, "requests.jsonl:1003: "));
    assert_int_equal(run(cmd_drift, "drift", made, path, "--json", NULL), CLI_DIFFERS);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"skipped\": 5, \"drifted\": true"));
    assert_non_null(strstr(out, "\"features\": [\"class\"]"));
    assert_int_equal(run(cmd_drift, "drift", made, path, "--minutes", "1", NULL), CLI_DIFFERS);
    assert_int_equal(run(cmd_drift, "drift", made, path, "--report", in_folder("log.html"), NULL),
                     CLI_DIFFERS);
}

static void nothing_to_compare(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("empty.jsonl"));
    write_text(path, "{\"time\": 1}\n");
    assert_int_equal(run(cmd_drift, "drift", made, path, NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "nothing to compare"));
}

/* A log's pictures are found from its own folder on, and shown. */
static void pictures_of_a_log(void **state)
{
    char path[300], page[300], text[600];
    size_t size;
    (void)state;
    change_signs("shown", 100, 1);
    snprintf(path, sizeof path, "%s", in_folder("shown/log.jsonl"));
    snprintf(page, sizeof page, "%s", in_folder("shown.html"));
    snprintf(text, sizeof text,
             "{\"picture\": \"stop-1.jpg.png\", \"features\": {\"brightness\": 250}}\n"
             "{\"picture\": \"<gone>.png\", \"features\": {\"brightness\": 251}}\n");
    write_text(path, text);
    assert_int_equal(run(cmd_drift, "drift", made, path, "--report", page, NULL), CLI_OK);
    char *html = read_file(page, &size);
    assert_true(html && strstr(html, "data:image/png") && strstr(html, "stop-1.jpg.png<br>"));
    assert_non_null(strstr(html, "&lt;gone&gt;.png (it can't be read)"));
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_stored),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(edited),
        cmocka_unit_test(bad_picture),
        cmocka_unit_test(pictures),
        cmocka_unit_test(logs),
        cmocka_unit_test(nothing_to_compare),
        cmocka_unit_test(pictures_of_a_log),
    };
    return cmocka_run_group_tests(tests, begin, teardown);
}
