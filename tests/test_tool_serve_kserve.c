/* KServe v2 over REST: numbers of JSON, requests that are taken and refused, pictures, codings.
 * What clients sent to other servers is in tests/protocols. */
#include "tests/serve_client.h"

#include <math.h>

#include "tests/serve_version.h"
#include "tools/base64.h"
#include "tools/serve/kserve/kserve.h"
#include "tools/serve/transport/coding.h"

static void *picture;
static size_t picture_bytes;
static struct server *server;
static int port;

static int begin(void **state)
{
    static const char *path[1];
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    picture = read_file(PICTURES "stop-1.jpg", &picture_bytes);
    path[0] = store;
    const struct server_options o = serve_options(path);
    server = serve_begin(&o);
    port = http_port(server->inference);
    return picture ? 0 : 1;
}

static int end(void **state)
{
    server_end(server, 5);
    free(picture);
    return teardown(state);
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* Reads "data" of a text; the count must be right. Returns whether it was taken. */
static int numbers(const char *text, infer_type type, void *to, size_t count)
{
    struct v2_error err;
    yyjson_doc *doc = kserve_read(text, strlen(text), &err);
    assert_non_null(doc);
    yyjson_val *data = yyjson_doc_get_root(doc);
    assert_int_equal(kserve_count(data), count);
    const int ok = kserve_numbers(data, type, to, count, "x", &err);
    if (!ok)
        assert_non_null(strstr(err.text, "'x'"));
    yyjson_doc_free(doc);
    return ok;
}

static void integers_are_exact(void **state)
{
    (void)state;
    int64_t s[3];
    uint64_t u[2];
    int8_t b[2];
    assert_true(numbers("[-9223372036854775808, 9223372036854775807, 0]", INFER_S64, s, 3));
    assert_true(s[0] == INT64_MIN && s[1] == INT64_MAX && s[2] == 0);
    assert_true(numbers("[18446744073709551615,[9007199254740993]]", INFER_U64, u, 2));
    assert_true(u[0] == UINT64_MAX && u[1] == 9007199254740993u);
    assert_true(numbers("[-128, 127]", INFER_S8, b, 2));
    assert_true(b[0] == -128 && b[1] == 127);
}

static void numbers_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        infer_type type;
        const char *text;
    } refused[] = {
        {INFER_S8, "[128]"},         {INFER_S8, "[-129]"},
        {INFER_U8, "[-1]"},          {INFER_U8, "[256]"},
        {INFER_U16, "[65536]"},      {INFER_S32, "[2147483648]"},
        {INFER_S32, "[1.5]"},        {INFER_S32, "[true]"},
        {INFER_S32, "[\"1\"]"},      {INFER_U64, "[18446744073709551616]"},
        {INFER_S64, "[1e3]"},        {INFER_S64, "[9223372036854775808]"},
        {INFER_F32, "[\"1\"]"},      {INFER_F32, "[null]"},
        {INFER_F32, "[{\"a\": 1}]"}, {INFER_F32, "[1e400]"},
        {INFER_F64, "[-1e400]"},     {INFER_BOOL, "[2]"},
        {INFER_BOOL, "[0.5]"},
    };
    uint64_t to[2];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (numbers(refused[i].text, refused[i].type, to, 1))
            fail_msg("%s was taken", refused[i].text);
}

static void floats_as_they_are_written(void **state)
{
    (void)state;
    float f[5];
    double d[2];
    unsigned char b[4];
    assert_true(numbers("[NaN, Infinity, [-Infinity], -0.0, 1]", INFER_F32, f, 5));
    assert_true(isnan(f[0]) && isinf(f[1]) && f[1] > 0 && isinf(f[2]) && f[2] < 0);
    assert_true(f[3] == 0 && signbit(f[3]) && f[4] == 1);
    /* longer than 64 bits, and with no point */
    assert_true(numbers("[100000000000000000000, 1E2]", INFER_F64, d, 2));
    assert_true(d[0] == 1e20 && d[1] == 100);
    assert_true(numbers("[true, false, 1, 0]", INFER_BOOL, b, 4));
    assert_memory_equal(b, "\1\0\1\0", 4);
    assert_true(numbers("[]", INFER_F32, f, 0));
    assert_true(numbers("[[[]], []]", INFER_F32, f, 0));
}

/* 3 x 224 x 224 numbers of 9 digits, nested as a client nests them. */
static void a_picture_s_worth_of_numbers(void **state)
{
    (void)state;
    enum { COUNT = 3 * 224 * 224, ROW = 224 };
    char *text = malloc((size_t)COUNT * 13 + 4000);
    float *want = malloc(COUNT * sizeof *want), *got = malloc(COUNT * sizeof *got);
    size_t n = 0;
    uint32_t seed = 1;
    assert_true(text && want && got);
    text[n++] = '[';
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (i % ROW == 0)
            n += (size_t)sprintf(text + n, "%s[", i ? "]," : "");
        n += (size_t)sprintf(text + n, "%s%s0.%09u", i % ROW ? "," : "", seed & 1 ? "-" : "",
                             (seed >> 2) % 1000000000u);
        want[i] = (float)((seed & 1 ? -1e-9 : 1e-9) * ((seed >> 2) % 1000000000u));
    }
    n += (size_t)sprintf(text + n, "]]");
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < 20; round++) {
        struct v2_error err;
        const uint64_t begun = serve_now_ns();
        yyjson_doc *doc = kserve_read(text, n, &err);
        assert_non_null(doc);
        yyjson_val *data = yyjson_doc_get_root(doc);
        assert_int_equal(kserve_count(data), COUNT);
        assert_true(kserve_numbers(data, INFER_F32, got, COUNT, "x", &err));
        const uint64_t ns = serve_now_ns() - begun;
        best = ns < best ? ns : best;
        yyjson_doc_free(doc);
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(fabsf(want[i] - got[i]) <= 1e-7f * fabsf(want[i]));
    print_message("%d numbers of 9 digits, %zu bytes: %.2f ms\n", COUNT, n, (double)best / 1e6);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(best < 5000000);
#endif
    free(text);
    free(want);
    free(got);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Parses for the made version. Returns whether it was taken; the caller ends *k. */
static int parse(struct kserve_call *k, const char *json, const void *binary, size_t bytes,
                 struct v2_error *err)
{
    static struct made_version made;
    make_version(&made, 3);
    memset(k, 0, sizeof *k);
    assert_true(v2_begin(&k->request, NULL, &made.version, err));
    return kserve_parse(k, json, strlen(json), binary, bytes, err);
}

static void drop(struct kserve_call *k)
{
    v2_free(&k->request);
    yyjson_doc_free(k->doc);
}

#define ALL_INPUTS                                                                                 \
    "{\"id\": \"a\", \"parameters\": {\"timeout\": 5, \"priority\": 2, \"own\": 1.5},"             \
    "\"inputs\": [{\"name\": \"n\", \"shape\": [2, 2], \"datatype\": \"INT64\","                   \
    "\"data\": [[1, 2], [3, 4]]},"                                                                 \
    "{\"name\": \"x\", \"shape\": [2, 1], \"datatype\": \"FP32\","                                 \
    "\"parameters\": {\"binary_data_size\": 8}},"                                                  \
    "{\"name\": \"t\", \"shape\": [2, 1], \"datatype\": \"BYTES\", \"data\": [\"ab\", \"\"]}],"    \
    "\"outputs\": [{\"name\": \"y\", \"parameters\": {\"binary_data\": true}}, {\"name\": "        \
    "\"y\"}]}"

static void a_request_of_all_kinds(void **state)
{
    (void)state;
    struct kserve_call k;
    struct v2_error err;
    const float x[2] = {1.5f, -2};
    if (!parse(&k, ALL_INPUTS, x, sizeof x, &err))
        fail_msg("%s", err.text);
    const struct job_tensor *inputs = k.request.job->inputs;
    assert_string_equal(k.id, "a");
    assert_int_equal(k.request.timeout_us, 5);
    assert_int_equal(k.request.priority, 2);
    assert_memory_equal(inputs[0].data, x, sizeof x);
    assert_int_equal(((const int64_t *)inputs[1].data)[3], 4);
    assert_int_equal(inputs[2].rank, 3);
    assert_int_equal(inputs[2].dims[2], 6);
    assert_memory_equal(inputs[2].data, "\2\0\0\0ab\0\0\0\0\0\0", 12);
    assert_int_equal(k.request.noutputs, 1); /* asked for twice is asked for once */
    assert_int_equal(k.request.outputs[0].mark, 1);
    assert_int_equal(k.request.ngiven, 3);
    drop(&k);
}

static void requests_that_are_refused(void **state)
{
    (void)state;
#define X "{\"inputs\": [{\"name\": \"x\", \"shape\": "
    static const struct {
        const char *json, *says;
        size_t bytes;
    } refused[] = {
        {"", "parse", 0},
        {"[]", "inputs", 0},
        {"{\"inputs\": [3]}", "name", 0},
        {X "[1, 1000000000], \"datatype\": \"FP32\", \"data\": [1]}]}", "values", 0},
        {X "[1, 9223372036854775807], \"datatype\": \"FP32\", \"data\": [1]}]}", "values", 0},
        {X "[2, 9223372036854775807], \"datatype\": \"FP32\", \"data\": [1]}]}", "values", 0},
        {X "[8, 9223372036854775807], \"datatype\": \"FP32\", \"data\": [1]}]}", "shape", 0},
        {X "[9, 1], \"datatype\": \"FP32\", \"data\": [1]}]}", "batch-size", 0},
        {X "[1, 1, 1, 1, 1, 1, 1, 1, 1], \"datatype\": \"FP32\", \"data\": [1]}]}", "dimensions",
         0},
        {X "[1], \"datatype\": \"FP32\", \"data\": [1]}]}", "[-1,-1]", 0},
        {X "[1, 1], \"datatype\": \"FP32\", \"data\": 1}]}", "data", 0},
        {X "[1, 1], \"datatype\": \"BYTES\", \"data\": [\"a\"]}]}", "FP32", 0},
        {X "[1, 2], \"datatype\": \"FP32\", \"parameters\": {\"binary_data_size\": 8}}]}",
         "additional", 4},
        {X "[1, 1], \"datatype\": \"FP32\", \"parameters\": {\"binary_data_size\": 8}}]}",
         "Expected 4", 8},
        {X "[1, 1], \"datatype\": \"FP32\", \"parameters\": {\"binary_data_size\": 4}}]}",
         "additional", 5},
        {X "[1, 1], \"datatype\": \"FP32\", \"parameters\": {\"a\": []}, \"data\": [1]}]}", "'a'",
         0},
        {X "[1, 1], \"datatype\": \"FP32\", \"data\": [1]}], \"outputs\": [{\"name\": \"z\"}]}",
         "'z'", 0},
        {"{\"inputs\": [{\"name\": \"t\", \"shape\": [1, 1], \"datatype\": \"BYTES\","
         "\"parameters\": {\"binary_data_size\": 8}}]}",
         "string", 8},
    };
    const char zeros[16] = "\5";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct kserve_call k;
        struct v2_error err;
        if (parse(&k, refused[i].json, zeros, refused[i].bytes, &err))
            fail_msg("taken: %s", refused[i].json);
        assert_int_equal(err.code, V2_INVALID);
        if (!strstr(err.text, refused[i].says))
            fail_msg("'%s' says not '%s': %s", err.text, refused[i].says, refused[i].json);
        drop(&k);
    }
#undef X
}

/* Text whose longest element would make all others as long. */
static void uneven_text(void **state)
{
    (void)state;
    struct made_version made;
    struct v2_request q;
    struct v2_error err;
    enum { COUNT = 8, LONG = 40 << 20 };
    const int64_t dims[2] = {COUNT, 1};
    const struct v2_tensor t = {.name = "t",
                                .name_length = 1,
                                .datatype = "BYTES",
                                .datatype_length = 5,
                                .rank = 2,
                                .dims = dims};
    struct v2_text texts[COUNT] = {{"", LONG}}; /* is not looked at */
    make_version(&made, 3);
    assert_true(v2_begin(&q, NULL, &made.version, &err));
    assert_int_equal(v2_input(&q, &t, &err), 2);
    assert_false(v2_input_texts(&q, 2, texts, COUNT, &err));
    assert_non_null(strstr(err.text, "too long"));
    v2_free(&q);
}

/* ---- over HTTP ------------------------------------------------------------------------------ */

static void infer_bytes(const char *more, const void *body, size_t bytes, struct reply *r)
{
    serve_ask(port, "POST", "/v2/models/signs/infer", more, body, bytes, r);
    r->body[r->bytes < sizeof r->body ? r->bytes : sizeof r->body - 1] = 0;
}

/* The probabilities behind the JSON of an answer. */
static const float *tensor_of(const struct reply *r)
{
    static float scores[4 * 24];
    const char *p = strcasestr(r->head, "\r\nInference-Header-Content-Length:");
    assert_non_null(p);
    const size_t json = strtoul(p + 34, NULL, 10);
    assert_true(json < r->bytes && r->bytes - json <= sizeof scores);
    memcpy(scores, r->body + json, r->bytes - json);
    return scores;
}

static void a_picture_in_every_form(void **state)
{
    (void)state;
    static struct reply r;
    float first[24];
    char json[400], header[100], *body = malloc(4 * picture_bytes + 1000);
    assert_non_null(body);
    /* the body is the picture */
    infer_bytes("Inference-Header-Content-Length: 0\r\n", picture, picture_bytes, &r);
    assert_int_equal(r.status, 200);
    memcpy(first, tensor_of(&r), sizeof first);
    double sum = 0;
    for (int i = 0; i < 24; i++)
        sum += first[i];
    assert_true(fabs(sum - 1) < 1e-4);
    /* BYTES, two of them, each behind its length; binary_data_size is left out */
    const int n = snprintf(json, sizeof json,
                           "{\"inputs\": [{\"name\": \"input\", \"shape\": [2], \"datatype\": "
                           "\"BYTES\"}], \"parameters\": {\"binary_data_output\": true}}");
    size_t at = (size_t)n;
    memcpy(body, json, at);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 4; k++)
            body[at++] = (char)(picture_bytes >> 8 * k);
        memcpy(body + at, picture, picture_bytes);
        at += picture_bytes;
    }
    snprintf(header, sizeof header, "Inference-Header-Content-Length: %d\r\n", n);
    infer_bytes(header, body, at, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"shape\":[2,24]"));
    const float *two = tensor_of(&r);
    for (int i = 0; i < 24; i++)
        assert_true(fabsf(two[i] - first[i]) < 1e-6f && fabsf(two[24 + i] - first[i]) < 1e-6f);
    /* no picture */
    body[n + 4] = 0;
    infer_bytes(header, body, at, &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.body, "{\"error\":"));
    /* JSON, in base64 */
    char *text = base64_encode(picture, picture_bytes, &at);
    const int all = sprintf(body,
                            "{\"inputs\": [{\"name\": \"input\", \"shape\": [1], \"datatype\": "
                            "\"BYTES\", \"data\": [\"%s\"]}], \"parameters\": "
                            "{\"binary_data_output\": true}}",
                            text);
    infer_bytes(NULL, body, (size_t)all, &r);
    assert_int_equal(r.status, 200);
    assert_memory_equal(tensor_of(&r), first, sizeof first);
    strstr(body, text)[7] = '*';
    infer_bytes(NULL, body, (size_t)all, &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.body, "base64"));
    free(text);
    free(body);
}

static void classes_by_name(void **state)
{
    (void)state;
    static struct reply r;
    char *body = malloc(picture_bytes + 1000), header[100];
    const char json[] = "{\"id\": \"x\", \"inputs\": [{\"name\": \"input\", \"shape\": [1, 1], "
                        "\"datatype\": \"BYTES\"}], \"outputs\": [{\"name\": \"probabilities\", "
                        "\"parameters\": {\"classification\": 2}}]}";
    size_t at = sizeof json - 1;
    assert_non_null(body);
    memcpy(body, json, at);
    for (int k = 0; k < 4; k++)
        body[at++] = (char)(picture_bytes >> 8 * k);
    memcpy(body + at, picture, picture_bytes);
    snprintf(header, sizeof header, "Inference-Header-Content-Length: %zu\r\n", sizeof json - 1);
    infer_bytes(header, body, at + picture_bytes, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "{\"id\":\"x\",\"model_name\":\"signs\""));
    assert_non_null(strstr(r.body, "\"datatype\":\"BYTES\",\"shape\":[1,2],\"data\":[\"0.9"));
    assert_non_null(strstr(r.body, ":stop\""));
    free(body);
}

/* A tensor as JSON gives what it gives as bytes; gzip and deflate on the way back. */
static void json_and_codings(void **state)
{
    (void)state;
    enum { COUNT = 3 * 64 * 64 };
    static struct reply r;
    char *body = malloc(COUNT * 12 + 200);
    size_t n = 0, bytes;
    unsigned char *text;
    assert_non_null(body);
    n += (size_t)sprintf(body, "{\"inputs\": [{\"name\": \"input\", \"shape\": [1, 3, 64, 64], "
                               "\"datatype\": \"FP32\", \"data\": [");
    for (int i = 0; i < COUNT; i++)
        n += (size_t)sprintf(body + n, "%s%.3f", i ? "," : "", (i % 255) / 255.0 - 0.5);
    n += (size_t)sprintf(body + n, "]}]}");
    infer_bytes(NULL, body, n, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"datatype\":\"FP32\",\"shape\":[1,24],\"data\":["));
    char *plain = strdup(r.body);
    infer_bytes("Accept-Encoding: deflate;q=0.5, gzip;q=0.8\r\n", body, n, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strcasestr(r.head, "Content-Encoding: gzip"));
    assert_int_equal(
        coding_decode("gzip", (const unsigned char *)r.body, r.bytes, 1 << 20, &text, &bytes),
        CODING_OK);
    assert_string_equal((char *)text, plain);
    free(text);
    free(plain);
    free(body);
}

static void models_by_call(void **state)
{
    (void)state;
    static struct reply r;
    serve_ask(port, "POST", "/v2/repository/models/signs/unload", NULL, "{}", 2, &r);
    assert_int_equal(r.status, 200);
    serve_ask(port, "POST", "/v2/repository/index", NULL, "", 0, &r);
    assert_non_null(strstr(r.body, "\"state\":\"UNAVAILABLE\",\"reason\":\"unloaded\""));
    serve_ask(port, "POST", "/v2/models/signs/infer", NULL, "{}", 2, &r);
    assert_int_equal(r.status, 404);
    assert_non_null(strstr(r.body, "has no available versions"));
    serve_ask(port, "POST", "/v2/repository/models/signs/load", NULL, "{\"a\"", 4, &r);
    assert_int_equal(r.status, 400);
    serve_ask(port, "POST", "/v2/repository/models/signs/load", NULL, "", 0, &r);
    assert_int_equal(r.status, 200);
    serve_ask(port, "GET", "/v2/models/signs/ready", NULL, "", 0, &r);
    assert_int_equal(r.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(numbers_that_do_not_fit),
        cmocka_unit_test(floats_as_they_are_written),
        cmocka_unit_test(a_picture_s_worth_of_numbers),
        cmocka_unit_test(a_request_of_all_kinds),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(uneven_text),
        cmocka_unit_test(a_picture_in_every_form),
        cmocka_unit_test(classes_by_name),
        cmocka_unit_test(json_and_codings),
        cmocka_unit_test(models_by_call),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
