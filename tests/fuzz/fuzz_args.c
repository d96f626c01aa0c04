/* The command line: arguments, shapes, numbers, lists.
 *
 * Property: for any arguments, the parsers give an exit status, or values within the ranges that
 * they promise: specs with names and dimensions, threads and levels that exist, preprocessing that
 * a model file may hold, whose text and JSON can be written.
 *
 * The input's arguments are separated by line ends.
 */
#include <math.h>

#include "base/cpu.h"
#include "tests/fuzz/fuzz.h"
#include "tools/preprocess_args.h"
#include "tools/session_args.h"
#include "vision/preprocess_file.h"

enum { MOST_ARGS = 64 };

static const struct cli_option options[] = {
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {"output", "FILE", "a value that is kept as it is"},
    {"floats", "LIST", "numbers"},
    {"json", NULL, "a flag"},
    {NULL, NULL, NULL},
};
static const struct cli_command command = {"fuzz",    "[options] FILE", "summary", "detail",
                                           "example", options,          0,         4};

/* What the parsers say goes nowhere; the sanitizers write to the descriptor. */
static void hush(void)
{
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    REQUIRE(nowhere != NULL);
    stdout = stderr = nowhere;
}

static void check_session(const struct cli_args *args)
{
    struct session_args s;
    if (session_args_parse(args, &s)) {
        REQUIRE(s.options.threads <= 1024);
        REQUIRE(infer__isa_known(s.options.isa));
        REQUIRE(s.options.precision <= INFER_PRECISION_BF16);
        REQUIRE(s.options.ninputs == s.nshapes && s.nshapes <= CLI_MOST_VALUES);
        for (size_t i = 0; i < s.nshapes; i++) {
            REQUIRE(s.shapes[i].name && s.shapes[i].name[0]);
            REQUIRE(s.shapes[i].rank >= 1 && s.shapes[i].rank <= INFER_MAX_RANK);
            for (int d = 0; d < s.shapes[i].rank; d++)
                REQUIRE(s.shapes[i].dims[d] >= 0);
        }
    }
    session_args_free(&s);
}

static void check_preprocess(const struct cli_args *args)
{
    uint8_t bytes[INFER__PREPROCESS_BYTES];
    char text[512];
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    preprocess_args_given(args);
    if (!preprocess_args_apply(args, &p))
        return;
    REQUIRE(infer__preprocess_encode(&p, bytes, &err) == INFER_OK);
    REQUIRE(strlen(preprocess_text(&p, text, sizeof text)) < sizeof text);
    preprocess_json(stdout, &p);
}

static void check_values(const struct cli_args *args)
{
    float v[5] = {0};
    long number;
    const char *text = cli_value(args, "floats");
    int n = text ? cli_floats("floats", text, v, 5) : 0;
    REQUIRE(n >= -1 && n <= 5);
    for (int i = 0; i < n; i++)
        REQUIRE(isfinite(v[i]));
    if (cli_int(args, "output", -7, 12, 3, &number))
        REQUIRE(number >= -7 && number <= 12);
    if ((text = cli_value(args, "output")))
        json_string(stdout, text);
    for (int i = 0; i < args->npositional; i++)
        REQUIRE(args->positional[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_args args;
    char *argv[MOST_ARGS + 1], *words[MOST_ARGS];
    int argc = 0, status = -1;
    hush();
    for (size_t at = 0; at < size && argc < MOST_ARGS;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end ? (size_t)(end - data) - at : size - at;
        words[argc] = argv[argc] = fuzz_block(NULL, length + 1);
        memcpy(argv[argc], data + at, length);
        argv[argc++][length] = 0;
        at += length + 1;
    }
    argv[argc] = NULL;
    int words_given = argc;
    if (argc && cli_parse(&command, argc, argv, &args, &status) == 0) {
        REQUIRE(args.npositional >= 0 && args.npositional <= 4);
        check_session(&args);
        check_preprocess(&args);
        check_values(&args);
    } else {
        REQUIRE(!argc || status == CLI_OK || status == CLI_USAGE);
    }
    for (int i = 0; i < words_given; i++)
        free(words[i]);
    return 0;
}
