/* Samples put aside for labelling, and what labels say of a model. */
#include "tool_run.h"

#include <math.h>

#include "tools/cli.h"
#include "tools/folder.h"
#include "tools/monitor/feedback.h"
#include "tools/monitor/sampler.h"

enum { OFFERED = 150 };

/* Files of a folder: how many begin with `start`, and the bytes of all. */
static unsigned files_of(const char *path, const char *start, uint64_t *bytes)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    *bytes = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char file[600];
        struct stat st;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || stat(file, &st) != 0)
            continue;
        n += strncmp(e->d_name, start, strlen(start)) == 0;
        *bytes += (uint64_t)st.st_size;
    }
    closedir(d);
    return n;
}

static int offer(struct sampler *s, int i, size_t size, double margin, double oddness, double time)
{
    static char bytes[100000];
    char id[32];
    struct features f = {0};
    snprintf(id, sizeof id, "request %d", i);
    snprintf(bytes, sizeof bytes, "\xff\xd8\xff%d", i);
    features_set(&f, FEATURE_MARGIN, margin);
    const struct sample x = {.bytes = bytes,
                             .size = size,
                             .id = id,
                             .model = "m \"1\"",
                             .version = "2",
                             .time = time,
                             .features = &f,
                             .oddness = oddness};
    return sampler_offer(s, &x);
}

static struct sampler *open_folder(const char *name, uint32_t most, uint64_t bytes, double keep)
{
    const struct sampler_options o = {.most = most, .most_bytes = bytes, .keep = keep, .seed = 5};
    struct sampler *s;
    assert_int_equal(sampler_open(in_folder(name), &o, &s), CLI_OK);
    return s;
}

/* The value of a key in each file of a kind, in any order. */
static unsigned values_in(const char *path, const char *kind, const char *key, double *values)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char file[600];
        size_t size;
        if (strncmp(e->d_name, kind, strlen(kind)) != 0 || !strstr(e->d_name, ".json"))
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        char *text = read_file(file, &size);
        assert_true(text && json_valid(text));
        const char *at = strstr(text, key);
        assert_non_null(at);
        values[n++] = strtod(at + strlen(key), NULL);
        free(text);
    }
    closedir(d);
    return n;
}

static void which_are_kept(void **state)
{
    struct sampler *s = open_folder("kept", 10, 0, -1);
    double values[40];
    uint64_t bytes;
    (void)state;
    for (int i = 0; i < OFFERED; i++)
        assert_int_equal(
            offer(s, i, 100, (i * 7 % OFFERED) / (double)OFFERED, (double)(i * 11 % OFFERED), i),
            CLI_OK);
    const struct sampler_count c = sampler_count(s);
    assert_true(c.pictures[0] == 10 && c.pictures[1] == 10 && c.pictures[2] == 10);
    assert_int_equal(files_of(in_folder("kept"), "", &bytes), 60);
    assert_true(bytes == c.bytes && c.offered == OFFERED);
    assert_int_equal(values_in(in_folder("kept"), "least-confident", "\"margin\": ", values), 10);
    for (int i = 0; i < 10; i++)
        assert_true(values[i] < 10 / (double)OFFERED);
    assert_int_equal(values_in(in_folder("kept"), "most-drifted", "\"oddness\": ", values), 10);
    for (int i = 0; i < 10; i++)
        assert_true(values[i] >= OFFERED - 10);
    assert_int_equal(files_of(in_folder("kept"), "most-drifted-000", &bytes), 20);
    struct features f = {0};
    features_set(&f, FEATURE_MARGIN, 0.9);
    assert_false(sampler_wants(s, &f, 1, 1e3));
    assert_true(sampler_wants(s, &f, 1e3, 1e3));
    features_set(&f, FEATURE_MARGIN, NAN); /* nothing is less sure */
    assert_true(sampler_wants(s, &f, 1, 1e3));
    sampler_free(s);
}

/* Every picture has the same chance: over many folders the mean time of those drawn is the middle.
 */
static void evenly_drawn(void **state)
{
    double sum = 0, values[8];
    unsigned n = 0;
    (void)state;
    for (int round = 0; round < 12; round++) {
        const struct sampler_options o = {.most = 4, .keep = -1, .seed = (uint64_t)round * 977 + 1};
        struct sampler *s;
        char name[32];
        snprintf(name, sizeof name, "even-%d", round);
        assert_int_equal(sampler_open(in_folder(name), &o, &s), CLI_OK);
        for (int i = 0; i < 100; i++)
            offer(s, i, 10, 1, 0, i);
        const unsigned k = values_in(in_folder(name), "reservoir", "\"time\": ", values);
        assert_int_equal(k, 4);
        for (unsigned i = 0; i < k; i++, n++)
            sum += values[i];
        sampler_free(s);
    }
    assert_true(fabs(sum / n - 49.5) < 4 * 29 / sqrt(n));
}

static void bounded_bytes(void **state)
{
    struct sampler *s = open_folder("bytes", 1000, 300000, -1);
    uint64_t bytes;
    (void)state;
    for (int i = 0; i < OFFERED; i++) {
        assert_int_equal(offer(s, i, 2000 + (size_t)i * 97, i / 1000.0, i, i), CLI_OK);
        assert_true(sampler_count(s).bytes <= 300000);
    }
    assert_int_equal(offer(s, 9999, 99999, -1, 1e9, 0), CLI_OK); /* takes more than its kind may */
    assert_true(sampler_count(s).offered == OFFERED + 1);
    files_of(in_folder("bytes"), "", &bytes);
    assert_true(bytes <= 300000 && bytes == sampler_count(s).bytes && bytes > 100000);
    sampler_free(s);
}

/* What lies there already is taken over, however little of it makes sense. */
static void taken_over(void **state)
{
    struct sampler *s = open_folder("again", 10, 0, -1);
    uint64_t bytes, before;
    (void)state;
    for (int i = 0; i < 100; i++)
        offer(s, i, 100, i / 100.0, i + 1, i);
    before = sampler_count(s).bytes;
    sampler_free(s);
    s = open_folder("again", 10, 0, -1);
    assert_true(sampler_count(s).bytes == before && sampler_count(s).pictures[2] == 10);
    offer(s, 101, 100, 0.5, 1000, 101);
    assert_true(sampler_count(s).pictures[2] == 10);
    sampler_free(s);
    char path[300];
    snprintf(path, sizeof path, "%s/most-drifted-999999.json", in_folder("again"));
    write_text(path, "{\"file\": \"../../etc/passwd\", \"rank\": 1e9, \"time\": 1}");
    snprintf(path, sizeof path, "%s/most-drifted-999998.json", in_folder("again"));
    write_text(path, "no JSON");
    snprintf(path, sizeof path, "%s/reservoir-999997.jpg", in_folder("again"));
    write_text(path, "a picture without its JSON");
    snprintf(path, sizeof path, "%s/notes.txt", in_folder("again"));
    write_text(path, "somebody else's");
    s = open_folder("again", 5, 0, -1); /* fewer than before */
    assert_true(sampler_count(s).pictures[0] == 5 && sampler_count(s).pictures[2] == 5);
    assert_int_equal(files_of(in_folder("again"), "", &bytes), 31);
    assert_int_equal(access(path, F_OK), 0);
    sampler_free(s);
}

static void old_ones_go(void **state)
{
    struct sampler *s = open_folder("old", 3, 0, 100);
    double values[8];
    (void)state;
    for (int i = 0; i < 3; i++)
        offer(s, i, 10, 1, 1000, i);
    offer(s, 3, 10, 1, 5, 50); /* less odd than any, and none is old */
    values_in(in_folder("old"), "most-drifted", "\"time\": ", values);
    assert_true(values[0] + values[1] + values[2] == 3);
    offer(s, 4, 10, 1, 5, 101.5); /* the first two are */
    assert_int_equal(values_in(in_folder("old"), "most-drifted", "\"time\": ", values), 3);
    assert_true(fabs(values[0] + values[1] + values[2] - 104.5) < 1e-9);
    sampler_free(s);
    sampler_free(NULL);
}

static void no_folder(void **state)
{
    struct sampler *s;
    (void)state;
    write_text(in_folder("file"), "x");
    assert_int_equal(sampler_open(in_folder("file"), NULL, &s), CLI_RESOURCES);
    sampler_free(s);
}

/* ---- feedback -------------------------------------------------------------------------------- */

static void intervals(void **state)
{
    (void)state;
    const struct share half = share_of(5, 10), all = share_of(20, 20), none = share_of(0, 0);
    assert_true(fabs(half.low - 0.236593090512564) < 1e-12);
    assert_true(fabs(half.high - 0.763406909487436) < 1e-12);
    assert_true(all.high == 1 && fabs(all.low - 20 / (20 + 3.841458820694124)) < 1e-12);
    assert_true(isnan(none.value) && none.low == 0 && none.high == 1);
}

static const char *name_of(void *ctx, int64_t class)
{
    (void)ctx;
    return class == 2 ? "two \"2\"" : NULL;
}

static void labels(void **state)
{
    struct feedback *f = feedback_create(0);
    struct feedback_report r;
    char id[32], *text;
    size_t size;
    (void)state;
    for (int i = 0; i < 100;
         i++) { /* 60 of class 1, of which 10 are called 2; 40 of 2, 5 called 7 */
        const int truth = i < 60 ? 1 : 2;
        snprintf(id, sizeof id, "id-%d", i);
        feedback_remember(f, id, i < 10 ? 2 : i >= 95 ? 7 : truth);
        assert_int_equal(feedback_label(f, id, truth), FEEDBACK_COUNTED);
        assert_int_equal(feedback_label(f, id, truth), FEEDBACK_AGAIN);
    }
    assert_int_equal(feedback_label(f, "nobody", 1), FEEDBACK_UNKNOWN);
    assert_true(feedback_report(f, &r));
    assert_true(r.accuracy.of == 85 && r.accuracy.n == 100 && r.count == 3);
    assert_true(r.classes[0].class == 1 && r.classes[1].class == 2 && r.classes[2].class == 7);
    assert_true(r.classes[0].precision.value == 1 && r.classes[0].recall.of == 50);
    assert_true(r.classes[1].precision.of == 35 && r.classes[1].precision.n == 45);
    assert_true(r.classes[1].recall.n == 40 && r.classes[2].precision.value == 0);
    assert_true(isnan(r.classes[2].recall.value));
    FILE *to = open_memstream(&text, &size);
    feedback_json(to, &r, name_of, NULL);
    fclose(to);
    assert_true(json_valid(text) && strstr(text, "\"label\": \"two \\\"2\\\"\""));
    assert_non_null(strstr(text, "\"accuracy\": {\"value\": 0.85, "));
    free(text);
    free(r.classes);
    assert_true(feedback_add(f, 1, 1));
    feedback_free(f);
    feedback_free(NULL);
}

/* Only the last answers are remembered, and all of those. */
static void forgotten(void **state)
{
    struct feedback *f = feedback_create(1000);
    char id[32];
    int known = 0;
    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "%d", i);
        feedback_remember(f, id, 1);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "%d", i);
        const int counted = feedback_label(f, id, 1) == FEEDBACK_COUNTED;
        known += counted;
        assert_true(counted || i < 4900); /* eight in a row: the last hundred are there */
    }
    assert_true(known <= 1008 && known > 800);
    feedback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_are_kept), cmocka_unit_test(evenly_drawn),
        cmocka_unit_test(bounded_bytes),  cmocka_unit_test(taken_over),
        cmocka_unit_test(old_ones_go),    cmocka_unit_test(no_folder),
        cmocka_unit_test(intervals),      cmocka_unit_test(labels),
        cmocka_unit_test(forgotten),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
