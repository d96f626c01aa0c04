/* Monitors: few false alarms, and changes that are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json_check.h"
#include "monitor_pictures.h"
#include "tools/monitor/monitor.h"

enum { REFERENCE = 500, WINDOW = 200, WINDOWS = 200 };

static struct features reference_features[REFERENCE];
static struct profile reference;

static int setup(void **state)
{
    (void)state;
    made_state = 7;
    profile_begin(&reference);
    for (int i = 0; i < REFERENCE; i++) {
        reference_features[i] = make_features(CHANGE_NONE);
        profile_add(&reference, &reference_features[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    profile_free(&reference);
    return 0;
}

static struct monitor *begin(uint32_t window, double minutes)
{
    const struct monitor_options o = {
        .model = "made", .version = "1", .window = window, .minutes = minutes};
    struct monitor *m = monitor_create(&reference, &o);
    assert_non_null(m);
    return m;
}

static struct monitor_report *report(struct monitor *m, double now)
{
    static struct monitor_report r;
    assert_true(monitor_report(m, now, &r));
    return &r;
}

static void add(struct monitor *m, const struct features *f, double now)
{
    assert_true(monitor_add(m, f, now));
}

/* ---- false alarms ---------------------------------------------------------------------------- */

/* Each window has a monitor of its own, which sees it and one more: what is counted is windows that
 * end in an alert; then all windows in one stream. */
static void no_false_alarms(uint64_t seed, int fresh)
{
    unsigned alarmed = 0, drifted = 0, streamed;
    struct monitor *stream = begin(WINDOW, 0);
    made_state = seed;
    for (int w = 0; w < WINDOWS; w++) {
        struct monitor *m = begin(WINDOW, 0);
        for (int i = 0; i < 2 * WINDOW; i++) {
            const struct features f =
                fresh ? make_features(CHANGE_NONE) : reference_features[made_number(REFERENCE)];
            add(m, &f, 0);
            if (i < WINDOW)
                add(stream, &f, 0);
        }
        alarmed += report(m, 0)->alerts > 0;
        drifted += report(m, 0)->drifted > 0;
        monitor_free(m);
    }
    streamed = (unsigned)report(stream, 0)->alerts;
    assert_true(report(stream, 0)->windows >= 2 * WINDOWS - 3);
    monitor_free(stream);
    printf(
        "%s: of %d windows %u with an alert, %u with a drifted window; as one stream %u alerts\n",
        fresh ? "new pictures" : "drawn from the reference", WINDOWS, alarmed, drifted, streamed);
    assert_true(alarmed <= WINDOWS / 100 && streamed <= WINDOWS / 100);
    assert_true(drifted <=
                6); /* three half windows each, of which 0.2 % may be taken for drifted */
}

static void few_false_alarms(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed < 14; seed++)
        no_false_alarms(seed, 0);
    no_false_alarms(21, 1);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* How many pictures after the change the alert stood, wherever in a window the change came. */
static int pictures_until_alert(enum change change, int before, enum feature expected)
{
    struct monitor *m = begin(WINDOW, 0);
    int n = 0;
    for (int i = 0; i < WINDOW + before; i++) {
        const struct features f = make_features(CHANGE_NONE);
        add(m, &f, i);
    }
    assert_true(report(m, 0)->alerts == 0);
    while (n < 1000) {
        const struct features f = make_features(change);
        add(m, &f, n++);
        if (report(m, n)->alert[expected])
            break;
    }
    assert_true(report(m, n)->alerts > 0);
    monitor_free(m);
    return n;
}

static void changes_are_found(void **state)
{
    static const struct {
        enum change change;
        enum feature expected;
        const char *name;
    } changes[] = {{CHANGE_BLUR, FEATURE_SHARPNESS, "blur"},
                   {CHANGE_DARK, FEATURE_BRIGHTNESS, "darkening"},
                   {CHANGE_NO_BLUE, FEATURE_BLUE, "a missing channel"},
                   {CHANGE_CLASSES, FEATURE_CLASS, "another mix of classes"}};
    (void)state;
    made_state = 31;
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        int latest = 0;
        for (int before = 0; before < 100; before += 33) {
            const int n = pictures_until_alert(changes[c].change, before, changes[c].expected);
            latest = n > latest ? n : latest;
        }
        printf("%s: found after %d pictures at the latest\n", changes[c].name, latest);
        assert_true(latest <= 300);
    }
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void feed(struct monitor *m, enum change change, int n, double *now, double step)
{
    for (int i = 0; i < n; i++) {
        const struct features f = make_features(change);
        add(m, &f, *now);
        *now += step;
    }
}

/* One odd half window is none; two in a row are; and a good one ends it. */
static void two_in_a_row(void **state)
{
    struct monitor *m = begin(WINDOW, 0);
    double now = 1000;
    (void)state;
    feed(m, CHANGE_NONE, WINDOW, &now, 1);
    feed(m, CHANGE_NO_BLUE, WINDOW / 2, &now, 1);
    assert_true(report(m, now)->drifted == 1 && report(m, now)->alerts == 0);
    feed(m, CHANGE_NO_BLUE, WINDOW / 2, &now, 1);
    assert_true(report(m, now)->alert[FEATURE_BLUE] && report(m, now)->alerts >= 1);
    assert_true(report(m, now)->since == 1000 + 2 * WINDOW - 1);
    assert_false(report(m, now)->alert[FEATURE_SCORE]);
    feed(m, CHANGE_NONE, 2 * WINDOW, &now, 1);
    assert_false(report(m, now)->alert[FEATURE_BLUE]);
    assert_true(isnan(report(m, now)->since) && report(m, now)->pictures == 4 * WINDOW);
    assert_true(report(m, now)->now.pictures <= WINDOW);
    monitor_free(m);
}

static void windows_of_minutes(void **state)
{
    struct monitor *m = begin(0, 10);
    double now = 5e8;
    (void)state;
    feed(m, CHANGE_NONE, 400, &now, 3); /* 20 minutes */
    assert_true(report(m, now)->windows >= 2 && report(m, now)->alerts == 0);
    assert_true(report(m, now)->now.pictures <= 200 && report(m, now)->now.pictures >= 150);
    feed(m, CHANGE_DARK, 300, &now, 3);
    assert_true(report(m, now)->alert[FEATURE_BRIGHTNESS]);
    now += 1e6; /* a pause: nothing is in the window, the alert stands */
    assert_true(report(m, now)->now.pictures == 0 && report(m, now)->alert[FEATURE_BRIGHTNESS]);
    const uint64_t windows = report(m, now)->windows;
    feed(m, CHANGE_NONE, 10, &now, 60); /* too few to be judged */
    assert_true(report(m, now)->windows == windows);
    monitor_free(m);
    m = begin(100, 1); /* whichever is reached first */
    feed(m, CHANGE_NONE, 400, &now, 0.01);
    assert_true(report(m, now)->now.pictures <= 100 && report(m, now)->windows == 7);
    now += 120;
    assert_true(report(m, now)->now.pictures == 0);
    monitor_free(m);
}

/* Windows that the reference asks for, and none at all. */
static void windows_asked_for(void **state)
{
    struct monitor_options o = {0};
    (void)state;
    reference.window = 1001;
    struct monitor *m = monitor_create(&reference, NULL);
    assert_true(report(m, 0)->window == 1000);
    monitor_free(m);
    o.window = 3;
    m = monitor_create(&reference, &o);
    assert_true(report(m, 0)->window == 40);
    monitor_free(m);
    reference.window = 0;
    m = monitor_create(&reference, NULL);
    assert_true(report(m, 0)->window == 200);
    monitor_free(m);
}

static void scores_that_are_none(void **state)
{
    struct monitor *m = begin(WINDOW, 0);
    (void)state;
    for (int i = 0; i < 2 * WINDOW; i++) {
        struct features f = make_features(CHANGE_NONE);
        if (i % 2)
            features_set(&f, FEATURE_SCORE, NAN);
        add(m, &f, 0);
    }
    const struct monitor_report *r = report(m, 0);
    assert_true(r->alert[FEATURE_SCORE] && !r->alert[FEATURE_MARGIN]);
    monitor_free(m);
    m = begin(WINDOW, 0);
    for (int i = 0; i < 2 * WINDOW; i++) {
        struct features f = {0};
        features_set(&f, FEATURE_SCORE, INFINITY);
        features_set(&f, FEATURE_ENTROPY, 0.1);
        add(m, &f, 0);
    }
    assert_true(report(m, 0)->alert[FEATURE_SCORE] && report(m, 0)->now.features == 2);
    monitor_free(m);
}

static void without_reference(void **state)
{
    enum feature which;
    struct monitor *m = monitor_create(NULL, NULL);
    double now = 0;
    (void)state;
    feed(m, CHANGE_NONE, 500, &now, 1);
    const struct monitor_report *r = report(m, now);
    assert_true(r->windows == 0 && r->now.features == 0 && isnan(r->now.of[FEATURE_RED].psi));
    assert_true(r->quantiles[FEATURE_RED][1] > 0 && r->now.of[FEATURE_RED].mean > 0);
    const struct features f = make_features(CHANGE_NONE);
    assert_true(monitor_oddness(m, &f, &which) == 0 && which == FEATURE_COUNT);
    monitor_free(m);
    monitor_free(NULL);
}

/* Windows too large for exact sketches raise no alarm either, and small differences are none. */
static void large_windows(void **state)
{
    struct profile big;
    (void)state;
    profile_begin(&big);
    made_state = 99;
    for (int i = 0; i < 5000; i++) {
        const struct features f = make_features(CHANGE_NONE);
        profile_add(&big, &f);
    }
    const struct monitor_options o = {.window = 4000};
    struct monitor *m = monitor_create(&big, &o);
    double now = 0;
    feed(m, CHANGE_NONE, 12000, &now, 1);
    assert_true(report(m, now)->windows == 5 && report(m, now)->drifted == 0);
    monitor_free(m);
    profile_free(&big);
}

/* A thousand classes, most of which a window does not have at all. */
static unsigned drifted_windows(const struct profile *p, int first, int windows)
{
    struct reference r;
    unsigned drifted = 0;
    assert_true(reference_begin(&r, p));
    for (int w = 0; w < windows; w++) {
        struct profile window;
        struct judgement j;
        profile_begin(&window);
        for (int i = 0; i < WINDOW; i++) {
            struct features f = {0};
            features_set(&f, FEATURE_CLASS, first + made_number(1000 - first));
            profile_add(&window, &f);
        }
        assert_true(judge(&r, &window, NULL, &j));
        drifted += j.drifted > 0;
        profile_free(&window);
    }
    reference_free(&r);
    return drifted;
}

static void many_classes(void **state)
{
    struct profile p;
    (void)state;
    made_state = 5;
    profile_begin(&p);
    for (int i = 0; i < 600; i++) {
        struct features f = {0};
        features_set(&f, FEATURE_CLASS, made_number(1000));
        profile_add(&p, &f);
    }
    const unsigned by_chance = drifted_windows(&p, 0, 1000);
    const unsigned found = drifted_windows(&p, 500, 50);
    printf("1,000 classes: %u of 1000 windows drifted by chance, %u of 50 without half of them\n",
           by_chance, found);
    assert_true(by_chance <= 8 && found == 50);
    profile_free(&p);
}

static void oddness(void **state)
{
    enum feature which;
    struct monitor *m = begin(WINDOW, 0);
    struct features f = reference_features[3];
    (void)state;
    assert_true(monitor_oddness(m, &f, &which) < 6);
    features_set(&f, FEATURE_ZEROS, 0.9);
    assert_true(monitor_oddness(m, &f, &which) > 10 && which == FEATURE_ZEROS);
    features_set(&f, FEATURE_SCORE, NAN);
    assert_true(isinf(monitor_oddness(m, &f, &which)) && which == FEATURE_SCORE);
    monitor_free(m);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void told(void **state)
{
    const struct monitor_options o = {.model = "a \"b\"\\\n", .version = "2", .window = WINDOW};
    struct monitor *m = monitor_create(&reference, &o);
    char *text;
    size_t size;
    double now = 0;
    (void)state;
    feed(m, CHANGE_DARK, 3 * WINDOW, &now, 1);
    FILE *f = open_memstream(&text, &size);
    monitor_json(f, report(m, now));
    fclose(f);
    assert_true(json_valid(text));
    assert_non_null(strstr(text, "\"feature\": \"brightness\", "));
    assert_non_null(strstr(text, "\"drifted\": true, \"alert\": true"));
    free(text);
    struct monitor_report two[2] = {*report(m, now), *report(m, now)};
    memcpy(two[1].version, "3", 2);
    f = open_memstream(&text, &size);
    monitor_metrics(f, two, 2);
    fclose(f);
    assert_non_null(strstr(text, "infer_monitor_alert{model=\"a \\\"b\\\"\\\\\\n\",version=\"3\","
                                 "feature=\"brightness\"} 1\n"));
    const char *type = strstr(text, "# TYPE infer_monitor_psi gauge\n");
    assert_true(type && !strstr(type + 1, "# TYPE infer_monitor_psi gauge\n"));
    assert_true(!strstr(text, "nan") && !strstr(text, "inf "));
    free(text);
    monitor_free(m);
}

/* ---- threads and time ------------------------------------------------------------------------ */

static void *add_many(void *m)
{
    for (int i = 0; i < 2000; i++)
        add(m, &reference_features[i % REFERENCE], i);
    return NULL;
}

static void many_threads(void **state)
{
    struct monitor *m = begin(WINDOW, 0);
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, m), 0);
    for (int i = 0; i < 20; i++)
        report(m, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(report(m, 0)->pictures == 8000);
    monitor_free(m);
}

static double us_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Said, and bounded loosely: another program may have the CPU. */
static void costs(void **state)
{
    uint8_t *pixels = calloc(500 * 375, 3);
    const infer_image picture = {.pixels = pixels, .width = 500, .height = 375, .channels = 3};
    struct monitor *m = begin(WINDOW, 0);
    double least = 1e9, start;
    (void)state;
    for (uint32_t i = 0; i < 500 * 375 * 3; i++)
        pixels[i] = (uint8_t)(i * 2654435761U >> 13);
    for (int i = 0; i < 50; i++) {
        struct features f = {0};
        start = us_now();
        features_picture(&f, &picture);
        const double us = us_now() - start;
        least = us < least ? us : least;
    }
    start = us_now();
    add_many(m);
    printf("features of 500 x 375 pixels: %.0f us; adding to a monitor: %.1f us in the mean\n",
           least, (us_now() - start) / 2000);
    assert_true(least < 1000);
    monitor_free(m);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_false_alarms),
        cmocka_unit_test(changes_are_found),
        cmocka_unit_test(two_in_a_row),
        cmocka_unit_test(windows_of_minutes),
        cmocka_unit_test(windows_asked_for),
        cmocka_unit_test(scores_that_are_none),
        cmocka_unit_test(without_reference),
        cmocka_unit_test(large_windows),
        cmocka_unit_test(many_classes),
        cmocka_unit_test(oddness),
        cmocka_unit_test(told),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(costs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
