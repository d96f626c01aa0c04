/* The subcommands as a user calls them: help, exit statuses, convert, inspect, JSON.
 *
 *   test_tool_cli --check-json KEY... < FILE    is it JSON, with these keys? (for check_cli.sh) */
#include "onnx_model.h"
#include "tool_run.h"

static const struct {
    const char *name;
    int (*command)(int, char **);
} commands[] = {{"convert", cmd_convert},   {"inspect", cmd_inspect}, {"run", cmd_run},
                {"classify", cmd_classify}, {"verify", cmd_verify},   {"tune", cmd_tune},
                {"quantize", cmd_quantize}, {"export", cmd_export}};

enum { COMMANDS = sizeof commands / sizeof *commands };

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

/* What names may hold: quotes, control characters, UTF-8, and bytes that are none. */
static void test_json_string(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"a\"b\\c\n\x7f", "\"a\\\"b\\\\c\\u000a\x7f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
         "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""},
        {"\x80x\xff", "\"\\ufffdx\\ufffd\""},
        {"\xc3", "\"\\ufffd\""},                       /* cut off */
        {"\xe2\x82z", "\"\\ufffd\\ufffdz\""},          /* the same, inside */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},            /* not the shortest form */
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""}, /* again */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* half a surrogate pair */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        assert_non_null(f);
        json_string(f, cases[i].text);
        fclose(f);
        assert_string_equal(text, cases[i].json);
        assert_true(json_valid(text));
        free(text);
    }
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
    assert_true(json_find(out, "onnx_nodes") > json_find(out, "nodes")); /* optimised */
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
    write_text(in_folder("three.txt"), "a\nb\nc\n");
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

/* Nodes with the same problem are one line, or one each; --check writes nothing. */
static void test_convert_check(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {1, 4};
    frame(&b, 13, 2, dims);
    node(&b, "NoSuchOp", "x", "a")->name = text(&b, "first", 5);
    node(&b, "NoSuchOp", "a", "y")->name = text(&b, "last", 4);
    pack(&b);
    write_bytes(in_folder("bad.onnx"), b.bytes, b.size);
    build_end(&b);
    assert_int_equal(run(cmd_convert, "convert", in_folder("bad.onnx"), "--check", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "not supported: 2 nodes, the first 'first'"));
    assert_null(strstr(err_text, "last"));
    assert_int_equal(
        run(cmd_convert, "convert", in_folder("bad.onnx"), "--check", "--verbose", NULL),
        CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "error: last (NoSuchOp"));
    assert_int_equal(run(cmd_convert, "convert", in_folder("bad.onnx"), "--json", NULL),
                     CLI_BAD_INPUT);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"count\": 2"));
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "--check", "-o",
                         in_folder("c.infer"), NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "--check", NULL), CLI_OK);
    assert_non_null(strstr(out, "can be converted"));
    assert_int_not_equal(access(SIGNS "signs.infer", F_OK), 0);
}

/* ---- inspect -------------------------------------------------------------------------------- */

static void test_inspect(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_inspect, "inspect", model, "--nodes", NULL), CLI_OK);
    static const char *const parts[] = {"input    input  f32 N?x3x64x64",
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
    assert_true(edges > 10 && lines > edges);
    assert_non_null(strstr(out, "  in0 -> s0 "));
    assert_non_null(strstr(out, " -> out0 "));
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
        cmocka_unit_test(test_json_string),
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
        cmocka_unit_test(test_convert_check),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_inspect_dot),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
