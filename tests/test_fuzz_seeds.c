/* The fuzz targets have something to begin with: every operator, section and picture format has a
 * seed that is accepted, and every target has seeds. What is new and has none fails here: add it
 * to tests/fuzz/graphs.txt or make_seeds*.c, then `make fuzz-seeds`. */
#include "tests/file_fixture.h"

#include <ctype.h>
#include <dirent.h>

#include "infer_vision.h"
#include "tests/fuzz/fuzz.h"

#define SEEDS "tests/fuzz/seeds"

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static struct bytes read_path(const char *path)
{
    struct bytes b = {NULL, 0};
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s can't be read", path);
    unsigned char buffer[65536];
    b.size = fread(buffer, 1, sizeof buffer, f);
    b.data = exact_copy(buffer, b.size);
    fclose(f);
    return b;
}

/* Calls `see` with each seed of a target; returns their number. */
static int each_seed(const char *target, void (*see)(const char *name, struct bytes b, void *ctx),
                     void *ctx)
{
    struct dirent **entries;
    char path[512];
    snprintf(path, sizeof path, SEEDS "/%s", target);
    int n = scandir(path, &entries, visible, alphasort);
    if (n <= 0)
        fail_msg("%s has no seeds", target);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, SEEDS "/%s/%s", target, entries[i]->d_name);
        struct bytes b = read_path(path);
        if (see)
            see(entries[i]->d_name, b, ctx);
        free(b.data);
        free(entries[i]);
    }
    free(entries);
    return n;
}

/* ---- operators ------------------------------------------------------------------------------ */

static void see_graph(const char *name, struct bytes b, void *ctx)
{
    uint8_t *seen = ctx;
    struct fuzz_choices choices;
    infer_model *m = NULL;
    unsigned before = fuzz_session_runs;
    LLVMFuzzerTestOneInput(b.data, b.size);
    size_t bytes = fuzz_split(b.data, b.size, &choices);
    if (choices.byte[1] & 1 && !infer_cpu_has(INFER_ISA_AVX512BF16))
        printf("skipped: %s runs in bf16, which this CPU has not\n", name);
    else if (fuzz_session_runs == before)
        fail_msg("the seed %s does not come as far as a run", name);
    assert_int_equal(infer_load_memory(b.data, bytes, NULL, &m, NULL), INFER_OK);
    for (uint32_t i = 0; i < m->graph.nnodes; i++)
        seen[m->graph.nodes[i].op] = 1;
    infer_model_free(&m);
}

static void test_operators(void **state)
{
    uint8_t seen[INFER__OP_COUNT] = {0};
    (void)state;
    each_seed("session", see_graph, seen);
    for (unsigned op = 1; op < INFER__OP_COUNT; op++)
        if (!seen[op] && !infer__op_info(op)->internal)
            fail_msg("no seed has the operator %s", infer__op_info(op)->name);
}

/* ---- sections ------------------------------------------------------------------------------- */

static void see_sections(const char *name, struct bytes b, void *ctx)
{
    uint8_t *seen = ctx;
    infer_model *m = NULL;
    unsigned char *file = exact_copy(b.data + 1, b.size - 1);
    if (infer_load_memory(file, b.size - 1, NULL, &m, NULL) != INFER_OK)
        fail_msg("the seed %s does not load", name);
    for (uint32_t i = 0; i < m->nsections; i++)
        seen[m->sections[i].kind] = 1;
    infer_model_free(&m);
    free(file);
}

/* The kinds as their enum has them, but for those whose comment says that they are reserved. */
static void test_sections(void **state)
{
    uint8_t seen[256] = {0};
    char line[256];
    int kinds = 0;
    (void)state;
    each_seed("load", see_sections, seen);
    FILE *f = fopen("src/file/model.h", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned kind;
        char name[64];
        if (sscanf(line, " INFER__SECTION_%60[A-Z] = %u", name, &kind) != 2)
            continue;
        kinds++;
        if (!strstr(line, "reserved") && !seen[kind & 255])
            fail_msg("no seed has a section %s", name);
    }
    fclose(f);
    assert_true(kinds >= INFER__SECTION_ABOUT);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Names of formats, in capitals, of which a seed was decoded. */
struct formats {
    char names[1024];
};

/* "png_grey8" is a PNG; what stands behind the file does not matter. */
static void see_picture(const char *name, struct bytes b, void *ctx)
{
    struct formats *f = ctx;
    infer_image image;
    infer_error err;
    size_t at = strlen(f->names);
    if (infer_image_decode(b.data, b.size, NULL, &image, &err) != INFER_OK)
        fail_msg("the seed %s is not decoded: %s", name, err.message);
    infer_image_free(&image);
    for (size_t i = 0; name[i] && name[i] != '_' && at + 2 < sizeof f->names; i++)
        f->names[at++] = (char)toupper((unsigned char)name[i]);
    f->names[at++] = ' ';
    f->names[at] = 0;
}

/* The formats as infer_vision.h promises them: " *   PNG   every colour type ...". */
static void test_pictures(void **state)
{
    struct formats f = {""};
    char line[256], name[16];
    int told = 0, formats = 0;
    (void)state;
    each_seed("picture", see_picture, &f);
    FILE *h = fopen("include/infer_vision.h", "r");
    assert_non_null(h);
    while (fgets(line, sizeof line, h)) {
        told |= strstr(line, "Decodes a picture") != NULL;
        if (strstr(line, "Not read"))
            break;
        if (!told || sscanf(line, " *   %8[A-Z0-9] ", name) != 1 || line[5] == ' ')
            continue;
        formats++;
        strcat(name, " ");
        if (!strstr(f.names, name))
            fail_msg("no seed is a %s", name);
    }
    fclose(h);
    assert_true(formats >= 6);
}

/* ---- targets -------------------------------------------------------------------------------- */

static void test_targets(void **state)
{
    struct dirent **entries;
    int targets = 0, n = scandir("tests/fuzz", &entries, visible, alphasort);
    (void)state;
    for (int i = 0; i < n; i++) {
        char name[64];
        if (sscanf(entries[i]->d_name, "fuzz_%60[a-z0-9].c", name) == 1) {
            targets++;
            each_seed(name, NULL, NULL);
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(targets >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
