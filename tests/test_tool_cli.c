/* The subcommands as a user calls them: help, exit statuses, JSON, the bundled model. Runs from
 * the repository's root, as `make test` does.
 *
 *   test_tool_cli --check-json KEY... < FILE    is it JSON, with these keys? (for check_cli.sh) */
#include "onnx_model.h"
#include "tool_run.h"

#include "base/memory.h"
#include "infer_vision.h"
#include "tools/npy.h"
#include "tools/random_fill.h"

#define SIGNS "examples/signs/"
#define PICTURES SIGNS "pictures/"

static const struct {
    const char *name;
    int (*command)(int, char **);
} commands[] = {{"convert", cmd_convert},
                {"inspect", cmd_inspect},
                {"run", cmd_run},
                {"classify", cmd_classify},
                {"verify", cmd_verify}};

enum { COMMANDS = sizeof commands / sizeof *commands };

static char model[64]; /* the converted bundled model */

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(model, sizeof model, "%s/signs.infer", folder);
    return run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", model, "--labels",
               SIGNS "labels.txt", "--resize", "72", "--crop", "64", "--mean", "127,122,118",
               "--scale", "0.0185,0.0195,0.0185", NULL);
}

static int teardown(void **state)
{
    (void)state;
    free(out);
    free(err_text);
    remove_folder(folder);
    return 0;
}

/* ---- every command -------------------------------------------------------------------------- */

static void test_json_checker(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",   " [1, -2.5e+3, 0] ", "{\"a\": [true, null]}",
                                       "\"\"", "\"\\u00e4\\n\"",    "-0.1"};
    static const char *const bad[] = {
        "",      "{",      "[1,]", "{\"a\" 1}", "{a: 1}",   "01",          "1.", "nan",
        "[1 2]", "\"\n\"", "[1]]", "\"\\x\"",   "{\"a\":}", "{\"a\": 1,}", "-",  "1e"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(json_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(json_valid(bad[i]));
}

static void test_help(void **state)
{
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        char example[64];
        snprintf(example, sizeof example, "\nExample:\n  infer %s ", commands[i].name);
        assert_int_equal(run(commands[i].command, commands[i].name, "--help", NULL), CLI_OK);
        assert_non_null(strstr(out, example));
        assert_string_equal(err_text, "");
        for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
            if (strlen(line) > 100)
                fail_msg("a line of the help is too long: %s", line);
    }
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        int (*c)(int, char **) = commands[i].command;
        const char *name = commands[i].name;
        assert_int_equal(run(c, name, NULL), CLI_USAGE);
        assert_int_equal(run(c, name, model, "picture", "--no-such-option", NULL), CLI_USAGE);
        assert_non_null(strstr(err_text, "--no-such-option"));
        assert_string_equal(out, "");
    }
    assert_int_equal(run(cmd_inspect, "inspect", model, "--threads", "0", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--threads", "two", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--isa", "sse9", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--input-shape", "input", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--input-shape", "input=1x-3", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--json=yes", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--threads", NULL), CLI_USAGE);
}

static void test_missing_file(void **state)
{
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        assert_int_equal(run(commands[i].command, commands[i].name, "/none/model.onnx",
                             strcmp(commands[i].name, "classify") ? NULL : "picture.jpg", NULL),
                         CLI_BAD_INPUT);
        assert_non_null(strstr(err_text, "/none/model.onnx"));
    }
    assert_int_equal(run(cmd_inspect, "inspect", "/none/model.infer", NULL), CLI_BAD_INPUT);
}

static void test_truncated_file(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_file(model, &size);
    const char *cut = in_folder("cut.infer");
    for (size_t n = 0; n < size; n += n < 300 ? 37 : size / 7) {
        write_bytes(cut, bytes, n);
        assert_int_equal(run(cmd_inspect, "inspect", cut, NULL), CLI_BAD_INPUT);
        assert_int_equal(run(cmd_classify, "classify", cut, PICTURES "stop-1.jpg", NULL),
                         CLI_BAD_INPUT);
    }
    free(bytes);
    bytes = read_file(SIGNS "signs.onnx", &size);
    write_bytes(in_folder("cut.onnx"), bytes, size / 2);
    assert_int_equal(run(cmd_convert, "convert", in_folder("cut.onnx"), NULL), CLI_BAD_INPUT);
    assert_int_equal(access(cut, F_OK), 0);
    free(bytes);
}

/* ---- convert -------------------------------------------------------------------------------- */

static void test_convert(void **state)
{
    (void)state;
    size_t size, again;
    char *first = read_file(model, &size);
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "--output",
                         in_folder("again.infer"), "--labels", SIGNS "labels.txt", "--resize", "72",
                         "--crop", "64x64", "--color", "rgb", "--filter", "bilinear", "--resampler",
                         "pillow", "--fit", "short", "--mean", "127,122,118", "--scale",
                         "0.0185,0.0195,0.0185", "--json", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_true(json_find(out, "nodes") > 10);
    char *second = read_file(in_folder("again.infer"), &again);
    assert_int_equal((int)json_find(out, "bytes"), again);
    assert_int_equal(size, again); /* the same input gives the same bytes */
    assert_memory_equal(first, second, size);
    free(first);
    free(second);
}

static void test_convert_default_name(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_file(SIGNS "signs.onnx", &size);
    write_bytes(in_folder("copy.onnx"), bytes, size);
    free(bytes);
    assert_int_equal(run(cmd_convert, "convert", in_folder("copy.onnx"), NULL), CLI_OK);
    assert_int_equal(access(in_folder("copy.infer"), R_OK), 0);
    assert_int_equal(
        run(cmd_convert, "convert", in_folder("copy.onnx"), "-o", in_folder("copy.onnx"), NULL),
        CLI_USAGE);
    /* no preprocessing was stored, and there are no labels */
    assert_int_equal(
        run(cmd_classify, "classify", in_folder("copy.infer"), PICTURES "stop-1.jpg", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_classify, "classify", in_folder("copy.infer"), PICTURES "stop-1.jpg",
                         "--resize", "72", "--crop", "64", "--mean", "127,122,118", "--scale",
                         "0.0185,0.0195,0.0185", "--top", "1", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "class 0\n"));
}

static void test_convert_warns_of_labels(void **state)
{
    (void)state;
    write_bytes(in_folder("three.txt"), "a\nb\nc\n", 6);
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", in_folder("three.infer"),
                         "--labels", in_folder("three.txt"), NULL),
                     CLI_OK);
    assert_non_null(strstr(err_text, "3 labels"));
    assert_non_null(strstr(err_text, "24 classes"));
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", in_folder("three.infer"),
                         "--labels", SIGNS "labels.txt", NULL),
                     CLI_OK);
    assert_string_equal(err_text, "");
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", in_folder("three.infer"),
                         "--labels", "/none/labels.txt", NULL),
                     CLI_BAD_INPUT);
}

static void test_convert_wrong_preprocessing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"--resize", "0"},     {"--resize", "axb"},     {"--resize", "10x"},
        {"--resize", "70000"}, {"--resize", "-5"},      {"--crop", "12x0"},
        {"--mean", "1,2"},     {"--mean", "1,2,3,4"},   {"--scale", "x"},
        {"--scale", "nan"},    {"--color", "cmyk"},     {"--filter", "lanczos"},
        {"--fit", "exact"},    {"--fit", "letterbox"},  {"--resampler", "PILLOW"},
        {"--fill", "256"},     {"--input-shape", "x=y"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "-o",
                             in_folder("bad.infer"), bad[i][0], bad[i][1], NULL),
                         CLI_USAGE);
        assert_non_null(strstr(err_text, bad[i][1]));
        assert_int_not_equal(access(in_folder("bad.infer"), F_OK), 0);
    }
}

static void test_convert_unwritable(void **state)
{
    (void)state;
    assert_int_equal(
        run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", "/none/model.infer", NULL),
        CLI_RESOURCES);
    assert_non_null(strstr(err_text, "/none/model.infer"));
    assert_string_equal(out, "");
}

/* All problems come in one pass, as text and as JSON. */
static void test_convert_lists_all_problems(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {1, 4};
    frame(&b, 13, 2, dims);
    node(&b, "NoSuchOp", "x", "a")->name = text(&b, "first", 5);
    node(&b, "Relu", "a", "b");
    node(&b, "NorThis", "b", "y")->name = text(&b, "last \"one\"", 10);
    pack(&b);
    write_bytes(in_folder("bad.onnx"), b.bytes, b.size);
    build_end(&b);
    assert_int_equal(run(cmd_convert, "convert", in_folder("bad.onnx"), NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "NoSuchOp"));
    assert_non_null(strstr(err_text, "NorThis"));
    assert_string_equal(out, "");
    assert_int_equal(run(cmd_convert, "convert", in_folder("bad.onnx"), "--json", NULL),
                     CLI_BAD_INPUT);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"op\": \"NoSuchOp\""));
    assert_non_null(strstr(out, "\"node\": \"last \\\"one\\\"\""));
    assert_int_not_equal(access(in_folder("bad.infer"), F_OK), 0);
}

/* ---- inspect -------------------------------------------------------------------------------- */

static void test_inspect(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_inspect, "inspect", model, "--nodes", NULL), CLI_OK);
    static const char *const parts[] = {"input    input  f32 ?x3x64x64",
                                        "labels   24",
                                        "short side 72",
                                        "steps of the plan",
                                        "million multiply-adds",
                                        "arena over the steps",
                                        "nodes of the file",
                                        "1x24"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(out, parts[i]))
            fail_msg("inspect does not say \"%s\":\n%s", parts[i], out);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--json", "--threads", "2", "--isa", "c",
                         "--no-onednn", "--input-shape", "input=5x3x64x64", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"dims\": [5, 24]"));
    assert_non_null(strstr(out, "\"isa\": \"c\""));
    assert_true(json_find(out, "macs") >= 5 * 5.0e6);
    assert_true(json_find(out, "arena_bytes") > 0);
    /* from ONNX, converted in memory */
    assert_int_equal(run(cmd_inspect, "inspect", SIGNS "signs.onnx", NULL), CLI_OK);
    assert_int_equal(run(cmd_inspect, "inspect", model, "--input-shape", "input=1x4x64x64", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(out, "labels   24")); /* what is known is shown all the same */
}

static void test_inspect_dot(void **state)
{
    (void)state;
    int open = 0, lines = 0, edges = 0;
    assert_int_equal(run(cmd_inspect, "inspect", model, "--dot", NULL), CLI_OK);
    assert_int_equal(strncmp(out, "digraph plan {\n", 15), 0);
    for (const char *p = out; *p; p++) {
        open += *p == '{' ? 1 : *p == '}' ? -1 : 0;
        lines += *p == '\n';
        edges += strncmp(p, " -> ", 4) == 0;
    }
    assert_int_equal(open, 0);
    assert_true(edges > 20 && lines > edges);
    assert_non_null(strstr(out, "  in0 -> s0 "));
    assert_non_null(strstr(out, " -> out0 "));
}

/* ---- classify ------------------------------------------------------------------------------- */

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
    write_bytes(in_folder("one.txt"), "first\r\n", 7);
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--labels",
                         in_folder("one.txt"), "--top", "2", "--softmax", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "first\n"));
    assert_non_null(strstr(out, "class "));
    write_bytes(in_folder("bad.csv"), "file,class index,label\nstop-1.jpg;0\n", 36);
    assert_int_equal(run(cmd_classify, "classify", model, PICTURES "stop-1.jpg", "--labels-csv",
                         in_folder("bad.csv"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "line 2"));
    /* quoted fields, and an answer that is wrong */
    write_bytes(in_folder("odd.csv"), "f,c,l\r\n\"stop-1.jpg\",\"5\",\"a, \"\"b\"\"\"\r\n\r\n", 40);
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

/* ---- run ------------------------------------------------------------------------------------ */

static void write_npy(const char *path, infer_type type, int rank, const int64_t *dims, void *data)
{
    infer_tensor t = {.type = type, .rank = rank, .data = data};
    size_t size;
    memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
    t.bytes = infer_tensor_elements(&t) * infer_type_size(type);
    void *bytes = npy_encode(&t, &size);
    assert_non_null(bytes);
    write_bytes(path, bytes, size);
    free(bytes);
}

/* What comes out of the command is what the library gives, bit by bit, for a batch of 2. */
static void test_run_round_trip(void **state)
{
    (void)state;
    const int64_t dims[4] = {2, 3, 64, 64};
    infer_tensor x = {.type = INFER_F32, .rank = 4, .dims = {2, 3, 64, 64}}, y = {0}, back;
    infer_model *m;
    infer_session *s;
    infer_session_options o;
    infer_input_spec spec = {.name = "input", .rank = 4, .dims = {2, 3, 64, 64}};
    infer_error err;
    x.bytes = 2 * 3 * 64 * 64 * 4;
    x.data = malloc(x.bytes);
    random_fill(&x, 5);
    write_npy(in_folder("x=1.npy"), INFER_F32, 4, dims, x.data);
    char argument[300];
    snprintf(argument, sizeof argument, "input=%s", in_folder("x=1.npy"));
    assert_int_equal(run(cmd_run, "run", model, "--input", argument, "--output-dir",
                         in_folder("outputs"), "--json", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"dims\": [2, 24]"));
    assert_true(json_find(out, "mean") > 1.0 / 24 - 1e-6 &&
                json_find(out, "mean") < 1.0 / 24 + 1e-6);
    infer_session_options_init(&o);
    o.inputs = &spec;
    o.ninputs = 1;
    assert_int_equal(infer_load(model, NULL, &m, &err), INFER_OK);
    assert_int_equal(infer_session_create(m, &o, &s, &err), INFER_OK);
    assert_int_equal(infer_run(s, &x, 1, &y, 1, &err), INFER_OK);
    assert_int_equal(npy_load(in_folder("outputs/probabilities.npy"), &back, &err), INFER_OK);
    assert_int_equal(back.rank, 2);
    assert_int_equal(back.bytes, y.bytes);
    assert_memory_equal(back.data, y.data, y.bytes);
    free(back.data);
    free(x.data);
    infer_session_free(&s);
    infer_model_free(&m);
}

static void test_run_errors(void **state)
{
    (void)state;
    const int64_t dims[4] = {1, 3, 64, 64}, wrong[4] = {1, 3, 64, 63};
    char *data = calloc(1, 3 * 64 * 64 * 8), argument[300];
    write_npy(in_folder("f64.npy"), INFER_F64, 4, dims, data);
    write_npy(in_folder("wrong.npy"), INFER_F32, 4, wrong, data);
    free(data);
    assert_int_equal(run(cmd_run, "run", model, NULL), CLI_USAGE); /* no input */
    assert_non_null(strstr(err_text, "'input'"));
    assert_int_equal(run(cmd_run, "run", model, "--input", "nobody=x.npy", NULL), CLI_USAGE);
    assert_non_null(strstr(err_text, "f32 ?x3x64x64")); /* what there is */
    assert_int_equal(run(cmd_run, "run", model, "--input", in_folder("f64.npy"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "f64"));
    assert_int_equal(run(cmd_run, "run", model, "--input", in_folder("wrong.npy"), NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_run, "run", model, "--input", "input=/none/x.npy", NULL),
                     CLI_BAD_INPUT);
    snprintf(argument, sizeof argument, "input=%s", in_folder("f64.npy"));
    assert_int_equal(
        run(cmd_run, "run", model, "--random", "1", "--input-shape", "inptu=1x3x64x64", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_run, "run", model, "--random", "-1", NULL), CLI_USAGE);
    assert_int_equal(
        run(cmd_run, "run", model, "--random", "1", "--output-dir", "/dev/null/x", NULL),
        CLI_RESOURCES);
}

static void test_run_random(void **state)
{
    (void)state;
    double mins[3];
    static const char *const seeds[3] = {"1", "1", "2"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(cmd_run, "run", model, "--random", seeds[i], "--json", NULL), CLI_OK);
        mins[i] = json_find(out, "min");
    }
    assert_true(mins[0] == mins[1]);
    assert_true(mins[0] != mins[2]);
    assert_int_equal(run(cmd_run, "run", SIGNS "signs.onnx", "--random", "1", "--input-shape",
                         "input=3x3x64x64", "--threads", "2", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "probabilities: f32 3x24"));
}

/* A shape that depends on an input's value: the array becomes a constant of the session. Output
 * names that a file can't have are changed. */
static void test_run_values_and_names(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {2, 3}, two[1] = {2};
    float x[6] = {1, 2, 3, 4, 5, -6};
    int64_t shape[2] = {3, 2};
    infer_tensor back;
    infer_error err;
    build_begin(&b, 13);
    input(&b, "a=b", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, dims);
    input(&b, "shape", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, two);
    output(&b, "../out/y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(&b, "Reshape", "a=b,shape", "r");
    node(&b, "Relu", "r", "../out/y");
    pack(&b);
    write_bytes(in_folder("reshape.onnx"), b.bytes, b.size);
    build_end(&b);
    write_npy(in_folder("x.npy"), INFER_F32, 2, dims, x);
    write_npy(in_folder("s.npy"), INFER_S64, 1, two, shape);
    char first[300], second[300];
    snprintf(first, sizeof first, "a=b=%s", in_folder("x.npy"));
    snprintf(second, sizeof second, "shape=%s", in_folder("s.npy"));
    assert_int_equal(run(cmd_run, "run", in_folder("reshape.onnx"), "--input", first, "--input",
                         second, "--output-dir", in_folder("named"), NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "f32 3x2, min 0, max 5, mean 2.5"));
    assert_int_equal(npy_load(in_folder("named/_._out_y.npy"), &back, &err), INFER_OK);
    x[5] = 0;
    assert_memory_equal(back.data, x, sizeof x);
    free(back.data);
    assert_int_equal(
        run(cmd_run, "run", in_folder("reshape.onnx"), "--input", first, "--input", first, NULL),
        CLI_USAGE);
}

/* ---- for check_cli.sh ----------------------------------------------------------------------- */

static int check_json(int argc, char **argv)
{
    size_t size;
    char *text_read = read_file("/dev/stdin", &size);
    int bad = !text_read || !json_valid(text_read);
    if (bad)
        fprintf(stderr, "not JSON: %s\n", text_read ? text_read : "");
    for (int i = 2; !bad && i < argc; i++) {
        char key[64];
        snprintf(key, sizeof key, "\"%s\": ", argv[i]);
        if (!strstr(text_read, key)) {
            fprintf(stderr, "the key %s is missing\n", argv[i]);
            bad = 1;
        }
    }
    free(text_read);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--check-json") == 0)
        return check_json(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_checker),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_truncated_file),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_convert_default_name),
        cmocka_unit_test(test_convert_warns_of_labels),
        cmocka_unit_test(test_convert_wrong_preprocessing),
        cmocka_unit_test(test_convert_unwritable),
        cmocka_unit_test(test_convert_lists_all_problems),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_inspect_dot),
        cmocka_unit_test(test_classify_bundled),
        cmocka_unit_test(test_classify_goes_on),
        cmocka_unit_test(test_classify_overrides),
        cmocka_unit_test(test_classify_labels),
        cmocka_unit_test(test_classify_annotates),
        cmocka_unit_test(test_run_round_trip),
        cmocka_unit_test(test_run_errors),
        cmocka_unit_test(test_run_random),
        cmocka_unit_test(test_run_values_and_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
