/* Predictions as MXNet Model Server, TorchServe and SageMaker take them: every form of body, every
 * path, parameters, drawn answers; and TensorFlow Serving's rows and columns. */
#include "tests/serve_nets.h"

#include "tools/base64.h"
#include "vision/decode.h"

static unsigned char *picture;
static size_t picture_bytes;
static struct server *server;
static int port;
static struct reply r;

static void write_twice(const char *path)
{
    static const int64_t dims[2] = {-1, 2};
    struct builder b;
    frame(&b, 17, 2, dims);
    node(&b, "Add", "x,x", "y");
    pack(&b);
    write_bytes(path, b.bytes, b.size);
    build_end(&b);
}

static struct server *begin_as(enum server_compat compat)
{
    static const char *path[1];
    path[0] = store;
    struct server_options o = serve_options(path);
    o.compat = compat;
    o.management_port = -1;
    return serve_begin(&o);
}

static int begin(void **state)
{
    char path[300];
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    snprintf(path, sizeof path, "%s/sums.onnx", store);
    write_sums(path);
    snprintf(path, sizeof path, "%s/twice.onnx", store);
    write_twice(path);
    picture = (unsigned char *)read_file(PICTURES "stop-1.jpg", &picture_bytes);
    server = begin_as(COMPAT_MMS);
    port = http_port(server->inference);
    return picture ? 0 : 1;
}

static int end(void **state)
{
    server_end(server, 5);
    free(picture);
    return teardown(state);
}

static void ask(const char *method, const char *path, const char *type, const void *body, size_t n)
{
    char line[200] = "";
    if (type)
        snprintf(line, sizeof line, "Content-Type: %s\r\n", type);
    serve_ask(port, method, path, line, body, n, &r);
}

static void ask_text(const char *path, const char *type, const char *body)
{
    ask("POST", path, type, body, strlen(body));
}

#define EXPECT(wanted)                                                                             \
    do {                                                                                           \
        if (r.status != (wanted))                                                                  \
            fail_msg("%d, not %d: %s", r.status, wanted, r.body);                                  \
    } while (0)

#define SAYS(text)                                                                                 \
    do {                                                                                           \
        if (!strstr(r.body, text))                                                                 \
            fail_msg("'%s' is missing in %s", text, r.body);                                       \
    } while (0)

/* How often a text is in the answer. */
static int count(const char *text)
{
    int n = 0;
    for (const char *p = r.body; (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

/* A part with the picture in it, behind what is there. */
static size_t add_part(char *to, const char *name, const char *value)
{
    int n = sprintf(to, "--xx\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n", name,
                    value ? "" : "; filename=\"a.jpg\"");
    const size_t bytes = value ? strlen(value) : picture_bytes;
    memcpy(to + n, value ? (const void *)value : picture, bytes);
    memcpy(to + (size_t)n + bytes, "\r\n", 3);
    return (size_t)n + bytes + 2;
}

#define MULTIPART "multipart/form-data; boundary=xx"

static void pictures_in_any_form(void **state)
{
    static char body[256 << 10];
    (void)state;
    ask("PUT", "/predictions/signs", NULL, picture, picture_bytes);
    EXPECT(200);
    assert_int_equal(count("\"probability\""), 5);
    assert_true(strncmp(r.body, "[\n  {\n    \"probability\": ", 24) == 0);
    SAYS("\"class\": \"stop\"");
    ask("POST", "/predictions/signs", "image/jpeg", picture, picture_bytes);
    EXPECT(200);
    ask("POST", "/predictions/signs", "application/x-www-form-urlencoded", picture, picture_bytes);
    EXPECT(200); /* curl --data-binary */
    static const char *const names[] = {"input0", "data", "any \xc3\xa9"};
    for (int i = 0; i < 3; i++) {
        size_t n = add_part(body, names[i], NULL);
        n += (size_t)sprintf(body + n, "--xx--\r\n");
        ask("POST", "/predictions/signs", MULTIPART, body, n);
        EXPECT(200);
        SAYS("\"class\": \"stop\"");
    }
    size_t n = add_part(body, "a", NULL); /* two pictures, and a parameter; of "a" the last */
    n += add_part(body + n, "a", NULL);
    n += add_part(body + n, "b", NULL);
    n += add_part(body + n, "top", "2");
    n += (size_t)sprintf(body + n, "--xx--\r\n");
    ask("POST", "/predictions/signs", MULTIPART, body, n);
    EXPECT(200);
    assert_int_equal(count("\"class\": \"stop\""), 2);
    assert_int_equal(count("\"probability\""), 4);
    char *text = base64_encode(picture, picture_bytes, NULL);
    static const char *const forms[] = {
        "{\"instances\": [{\"b64\": \"%s\"}]}", "{\"data\": \"%s\"}",
        "[{\"body\": \"data:image/jpeg;base64,%s\"}]", "{\"any\": {\"image\": \"%s\"}}"};
    for (int i = 0; i < 4; i++) {
        sprintf(body, forms[i], text);
        ask_text("/predictions/signs?top=1", "application/json", body);
        EXPECT(200);
        SAYS("\"class\": \"stop\"");
        assert_int_equal(count("\"probability\""), 1);
    }
    n = (size_t)sprintf(body, "top=1&data=");
    for (const char *p = text; *p; p++) /* '+' is a space in a form */
        n += (size_t)sprintf(body + n, *p == '+' ? "%%2B" : "%c", *p);
    ask("POST", "/predictions/signs", "application/x-www-form-urlencoded", body, n);
    EXPECT(200);
    assert_int_equal(count("\"probability\""), 1);
    free(text);
}

static void paths(void **state)
{
    (void)state;
    static const char *const same[] = {"/signs/predict",        "/models/signs/invoke",
                                       "/predictions/sign%73",  "/predictions/signs/",
                                       "/predictions/signs/1",  "/predictions/signs/1.0",
                                       "/predictions/signs/77", "/invocations?model_name=signs"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ask("POST", same[i], NULL, picture, picture_bytes);
        EXPECT(200);
        SAYS("\"class\": \"stop\"");
    }
    static const struct {
        const char *path;
        int status;
        const char *type;
    } wrong[] = {{"/predictions/none", 404, "ModelNotFoundException"},
                 {"/none/predict", 404, "ModelNotFoundException"},
                 {"/predictions", 404, "ResourceNotFoundException"},
                 {"//predictions/signs", 404, "ResourceNotFoundException"},
                 {"/predictions/%zz", 400, "BadRequestException"},
                 {"/invocations", 400, "Parameter model_name is required."},
                 {"/models", 404, "ResourceNotFoundException"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask("POST", wrong[i].path, NULL, picture, picture_bytes);
        EXPECT(wrong[i].status);
        SAYS(wrong[i].type);
        assert_non_null(strcasestr(r.head, "connection: close"));
    }
    ask("OPTIONS", "/", NULL, "", 0);
    EXPECT(200);
    SAYS("\"openapi\": \"3.0.1\"");
    assert_true(json_valid(r.body));
    ask("OPTIONS", "/predictions/signs", NULL, "", 0);
    EXPECT(200);
    SAYS("\"/predictions/signs\"");
    ask("OPTIONS", "/predictions/none", NULL, "", 0);
    EXPECT(404);
    ask("PUT", "/api-description", NULL, "", 0);
    EXPECT(200);
    serve_ask(port, "HEAD", "/ping", "Connection: close\r\n", "", 0, &r);
    EXPECT(200);
    assert_int_equal(r.bytes, 0);
}

static void torchserve(void **state)
{
    static char body[64 << 10];
    (void)state;
    struct server *s = begin_as(COMPAT_TORCHSERVE);
    const int kept = port;
    port = http_port(s->inference);
    ask("POST", "/predictions/signs/1.0", NULL, picture, picture_bytes);
    EXPECT(200);
    ask("POST", "/predictions/signs/9.9", NULL, picture, picture_bytes);
    EXPECT(404);
    SAYS("ModelVersionNotFoundException");
    SAYS("Model version: 9.9 does not exist for model: signs");
    ask("POST", "/predictions/none/1.0", NULL, picture, picture_bytes);
    EXPECT(404);
    SAYS("ModelNotFoundException");
    size_t n = add_part(body, "model_name", "signs");
    n += add_part(body + n, "data", NULL);
    n += (size_t)sprintf(body + n, "--xx--\r\n");
    ask("POST", "/invocations", MULTIPART, body, n);
    EXPECT(200);
    port = kept;
    ask("POST", "/invocations", MULTIPART, body, n); /* MMS looks in the query alone */
    EXPECT(400);
    server_end(s, 5);
}

static void parameters(void **state)
{
    (void)state;
    static const char *const wrong[] = {"top=0", "top=x", "top=", "score=2", "score=nan", "mask=x"};
    char path[100];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(path, sizeof path, "/predictions/signs?%s", wrong[i]);
        ask("POST", path, NULL, picture, picture_bytes);
        EXPECT(400);
    }
    ask("POST", "/predictions/signs?draw=1", NULL, picture, picture_bytes);
    EXPECT(200);
    if (strcasestr(r.head, "content-type: image/jpeg"))
        assert_memory_equal(r.body, "\xff\xd8\xff", 3);
    else
        assert_non_null(strcasestr(r.head, "content-type: image/png"));
    ask("POST", "/predictions/signs?draw=png", NULL, picture, picture_bytes);
    EXPECT(200);
    assert_non_null(strcasestr(r.head, "content-type: image/png"));
    infer_image before, after;
    infer_error err;
    assert_int_equal(infer_image_decode(picture, picture_bytes, NULL, &before, &err), INFER_OK);
    assert_int_equal(infer_image_decode(r.body, r.bytes, NULL, &after, &err), INFER_OK);
    assert_int_equal(after.width, before.width);
    assert_int_equal(after.height, before.height);
    assert_memory_not_equal(after.pixels, before.pixels,
                            (size_t)before.width * (size_t)before.height * 3);
    infer_image_free(&before);
    infer_image_free(&after);
    ask("POST", "/predictions/signs?draw=0&top=1", NULL, picture, picture_bytes);
    EXPECT(200);
    SAYS("\"class\": \"stop\"");
    ask_text("/predictions/twice?draw=1", NULL, "[[1, 2]]");
    EXPECT(400);
}

static void wrong_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
    } cases[] = {
        {NULL, ""},
        {NULL, "no picture"},
        {"text/plain", "no picture"},
        {"application/json", "{\"a\":"},
        {"application/json", "{\"data\": \"AAAA\"}"},
        {"application/json", "{}"},
        {"application/json", "[[[[[[[[[[[[\"x\"]]]]]]]]]]]]"},
        {"multipart/form-data", "--x\r\n"},
        {MULTIPART, "--xx\r\nContent-Type: text/plain\r\n\r\na\r\n--xx--\r\n"},
        {MULTIPART, "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf a file"},
        {MULTIPART, "--xx--\r\n"},
        {"application/x-www-form-urlencoded", "a=%zz"},
        {"application/x-www-form-urlencoded", "a=1&b=two+words%21"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_text("/predictions/signs", cases[i].type, cases[i].body);
        if (r.status != 400)
            fail_msg("case %zu: %d %s", i, r.status, r.body);
        SAYS("BadRequestException");
        assert_true(json_valid(r.body));
    }
    ask("GET", "/predictions/signs?data=abc", NULL, "", 0);
    EXPECT(400);
}

/* The numbers of an answer without white space. */
static const char *squeezed(void)
{
    static char text[4096];
    size_t n = 0;
    for (const char *p = r.body; *p && n + 1 < sizeof text; p++)
        if (!strchr(" \n", *p))
            text[n++] = *p;
    text[n] = 0;
    return text;
}

#define SUMS                                                                                       \
    "{\"OUT0\":{\"shape\":[1,2],\"data\":[[4,6]]},\"OUT1\":{\"shape\":[1,2],\"data\":[[-2,-2]]}}"

static void tensors(void **state)
{
    (void)state;
    static const char *const forms[] = {"{\"A\": [[1, 2]], \"B\": [[3, 4]]}",
                                        "{\"inputs\": {\"B\": [[3, 4]], \"A\": [[1, 2]]}}",
                                        "{\"instances\": [{\"A\": [1, 2], \"B\": [3, 4]}]}"};
    for (int i = 0; i < 3; i++) {
        ask_text("/predictions/sums", "application/json", forms[i]);
        EXPECT(200);
        assert_string_equal(squeezed(), SUMS);
    }
    ask_text("/predictions/sums", "application/x-www-form-urlencoded", "A=[[1,2]]&B=[[3,4]]");
    EXPECT(200);
    assert_string_equal(squeezed(), SUMS);
    char body[1000];
    size_t n = add_part(body, "A", "[[1,2]]");
    n += (size_t)sprintf(body + n, "--xx\r\nContent-Disposition: form-data; name=B; filename=b\r\n"
                                   "\r\n");
    memcpy(body + n, "\3\0\0\0\4\0\0\0", 8); /* the elements themselves */
    n += 8;
    n += (size_t)sprintf(body + n, "\r\n--xx--");
    ask("POST", "/predictions/sums", MULTIPART, body, n);
    EXPECT(200);
    assert_string_equal(squeezed(), SUMS);
    static const char *const one[] = {"[[1, 2.5]]", "{\"x\": [[1, 2.5]]}",
                                      "{\"data\": [[1, 2.5]]}"};
    for (int i = 0; i < 3; i++) {
        ask_text("/predictions/twice", "application/json", one[i]);
        EXPECT(200);
        assert_string_equal(squeezed(), "{\"y\":{\"shape\":[1,2],\"data\":[[2.0,5.0]]}}");
    }
    static const float raw[2] = {1, 2.5f};
    ask("POST", "/predictions/twice", NULL, raw, sizeof raw);
    EXPECT(200);
    assert_string_equal(squeezed(), "{\"y\":{\"shape\":[1,2],\"data\":[[2.0,5.0]]}}");
    static const char npy[] =
        "\x93NUMPY\1\0\x46\0{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(1, 2), }          \n\0\0\x80\x3f\0\0\x20\x40";
    ask("POST", "/predictions/twice", NULL, npy, sizeof npy - 1);
    EXPECT(200);
    assert_string_equal(squeezed(), "{\"y\":{\"shape\":[1,2],\"data\":[[2.0,5.0]]}}");
    static const char *const wrong[] = {"[[1, 2], [3]]",
                                        "[[1, \"x\"]]",
                                        "[[1, 2, 3]]",
                                        "{\"q\": 1}",
                                        "[[1, {\"b64\": \"AA==\"}]]",
                                        "[[[[[[[[[[1]]]]]]]]]]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask_text("/predictions/twice", "application/json", wrong[i]);
        EXPECT(400);
    }
}

/* ---- TensorFlow Serving --------------------------------------------------------------------- */

static void tfs_predicts(void **state)
{
    (void)state;
    ask_text("/v1/models/sums/versions/0:predict", NULL,
             "{\"inputs\": {\"A\": [[1, 2]], \"B\": [[3, 4]]}}");
    EXPECT(200);
    assert_string_equal(squeezed(), "{\"outputs\":{\"OUT0\":[[4,6]],\"OUT1\":[[-2,-2]]}}");
    ask_text("/v1/models/sums:predict", NULL,
             "{\"signature_name\": \"serving_default\", \"instances\": [{\"A\": [1, 2], \"B\": [3, "
             "4]}, {\"B\": [30, 40], \"A\": [10, 20]}]}");
    EXPECT(200);
    assert_string_equal(squeezed(),
                        "{\"predictions\":[{\"OUT0\":[4,6],\"OUT1\":[-2,-2]},{\"OUT0\":["
                        "40,60],\"OUT1\":[-20,-20]}]}");
    ask_text("/v1/models/twice:predict", NULL, "{\"instances\": [[1, 2], [3, 4.5], [-1, 0]]}");
    EXPECT(200);
    assert_string_equal(squeezed(), "{\"predictions\":[[2.0,4.0],[6.0,9.0],[-2.0,0.0]]}");
    ask_text("/v1/models/twice:predict", NULL, "{\"inputs\": [[1, 2]]}");
    EXPECT(200);
    assert_string_equal(squeezed(), "{\"outputs\":[[2.0,4.0]]}");
    char body[32 << 10], *text = base64_encode(picture, picture_bytes, NULL);
    snprintf(body, sizeof body, "{\"inputs\": {\"input\": [{\"b64\": \"%s\"}]}}", text);
    ask_text("/v1/models/signs:predict", NULL, body);
    EXPECT(200);
    snprintf(body, sizeof body, "{\"examples\": [{\"image\": {\"b64\": \"%s\"}}]}", text);
    ask_text("/v1/models/signs:classify", NULL, body);
    EXPECT(200);
    assert_true(strncmp(squeezed(), "{\"result\":[[[\"stop\",", 20) == 0);
    free(text);
}

static void tfs_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body;
        int status;
    } cases[] = {
        {"/v1/models/none:predict", "{\"instances\": [1]}", 404},
        {"/v1/models/sums/versions/9:predict", "{\"instances\": [1]}", 404},
        {"/v1/models/sums/versions/x:predict", "{\"instances\": [1]}", 400},
        {"/v1/models/sums/labels/none:predict", "{\"instances\": [1]}", 404},
        {"/v1/models/sums:regress", "{}", 400},
        {"/v1/models/sums", "{}", 400},
        {"/v1/models/sums:predict", "", 400},
        {"/v1/models/sums:predict", "[1]", 400},
        {"/v1/models/sums:predict", "{}", 400},
        {"/v1/models/sums:predict", "{\"instances\": [], \"inputs\": []}", 400},
        {"/v1/models/sums:predict", "{\"instances\": []}", 400},
        {"/v1/models/sums:predict", "{\"instances\": 1}", 400},
        {"/v1/models/sums:predict", "{\"instances\": [{\"A\": [1, 2]}]}", 400},
        {"/v1/models/sums:predict", "{\"instances\": [{\"A\": [1, 2], \"B\": [3, 4]}, 5]}", 400},
        {"/v1/models/sums:predict",
         "{\"instances\": [{\"A\": [1, 2], \"B\": [3, 4]}, {\"A\": [1, 2], \"C\": [3, 4]}]}", 400},
        {"/v1/models/sums:predict",
         "{\"instances\": [{\"A\": [1, 2], \"B\": [3, 4]}, {\"A\": [1], \"B\": [3, 4]}]}", 400},
        {"/v1/models/sums:predict", "{\"inputs\": {\"A\": [[1, 2.5]], \"B\": [[3, 4]]}}", 400},
        {"/v1/models/sums:predict", "{\"inputs\": {\"A\": [[1, 3000000000]], \"B\": [[3, 4]]}}",
         400},
        {"/v1/models/sums:predict", "{\"signature_name\": \"x\", \"inputs\": {}}", 400},
        {"/v1/models/sums:classify", "{\"examples\": [{\"a\": 1}]}", 400},
        {"/v1/models/signs:classify", "{\"examples\": [{\"a\": 1}]}", 400},
        {"/v1/models/signs:predict", "{\"inputs\": [{\"b64\": \"?\"}]}", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_text(cases[i].path, NULL, cases[i].body);
        if (r.status != cases[i].status)
            fail_msg("case %zu: %d %s", i, r.status, r.body);
        SAYS("{\"error\":");
    }
}

static void tfs_tells(void **state)
{
    (void)state;
    static const char status[] = "{\"model_version_status\":[{\"version\":\"1\",\"state\":"
                                 "\"AVAILABLE\",\"status\":{\"error_code\":\"OK\","
                                 "\"error_message\":\"\"}}]}";
    static const char *const same[] = {"/v1/models/sums", "/v1/models/sums/versions/0",
                                       "/v1/models/sums/versions/1"};
    for (int i = 0; i < 3; i++) {
        ask("GET", same[i], NULL, "", 0);
        EXPECT(200);
        assert_string_equal(squeezed(), status);
    }
    ask("GET", "/v1/models/sums/versions/2", NULL, "", 0);
    EXPECT(404);
    ask("GET", "/v1/models/none", NULL, "", 0);
    EXPECT(404);
    ask("GET", "/v1/models/sums/versions/0/metadata", NULL, "", 0);
    EXPECT(200);
    SAYS("modelSpec");
    SAYS("signatureDef");
    assert_non_null(strstr(squeezed(), "\"A\":{\"dtype\":\"DT_INT32\",\"tensorShape\":{\"dim\":[{"
                                       "\"size\":\"-1\",\"name\":\"\"},{\"size\":\"2\""));
    repository_set_label(server->repository, "sums", "stable", 1);
    ask_text("/v1/models/sums/labels/stable:predict", NULL,
             "{\"inputs\": {\"A\": [[1, 2]], \"B\": [[3, 4]]}}");
    EXPECT(200);
    ask("GET", "/v1/models/sums/labels/stable", NULL, "", 0);
    EXPECT(200);
    assert_string_equal(squeezed(), status);
}

/* ---- masks ---------------------------------------------------------------------------------- */

/* The mask of an answer, from its runs or its PNG; the caller's. */
static unsigned char *mask_of(size_t *pixels)
{
    yyjson_doc *doc = yyjson_read(r.body, r.bytes, 0);
    yyjson_val *mask = yyjson_obj_get(yyjson_doc_get_root(doc), "mask");
    yyjson_val *size = yyjson_obj_get(mask, "size"), *counts = yyjson_obj_get(mask, "counts");
    yyjson_val *png = yyjson_obj_get(mask, "png");
    assert_true(yyjson_arr_size(size) == 2 && !counts != !png);
    *pixels =
        (size_t)(yyjson_get_int(yyjson_arr_get(size, 0)) * yyjson_get_int(yyjson_arr_get(size, 1)));
    unsigned char *to = malloc(*pixels + 1);
    size_t at = 0, n = yyjson_arr_size(counts);
    for (size_t i = 0; i + 1 < n; i += 2) {
        const int value = yyjson_get_int(yyjson_arr_get(counts, i));
        const size_t length = (size_t)yyjson_get_int(yyjson_arr_get(counts, i + 1));
        assert_true(length <= *pixels - at);
        memset(to + at, value, length);
        at += length;
    }
    if (png) {
        unsigned char *bytes = malloc(base64_room(yyjson_get_len(png)));
        const long got = base64_decode(yyjson_get_str(png), yyjson_get_len(png), bytes);
        infer_image image;
        infer_error err;
        assert_true(got > 0);
        assert_int_equal(infer__image_stored(bytes, (size_t)got, &image, &err), INFER_OK);
        at = (size_t)image.width * (size_t)image.height;
        assert_int_equal(at, *pixels);
        memcpy(to, image.pixels, at);
        infer_image_free(&image);
        free(bytes);
    }
    assert_int_equal(at, *pixels);
    yyjson_doc_free(doc);
    return to;
}

/* The same mask in all its forms. */
static void masks(void **state)
{
    const char *shared = getenv("INFER_SHARED");
    char onnx[600], made[300];
    (void)state;
    snprintf(onnx, sizeof onnx, "%s/models/deeplabv3-mnv2dm05-voc-257/model.onnx",
             shared ? shared : "../shared");
    if (access(onnx, R_OK) != 0) {
        printf("skipped: no %s\n", onnx);
        return;
    }
    snprintf(made, sizeof made, "%s/segments.infer", store);
    assert_int_equal(run(cmd_convert, "convert", onnx, "-o", made, "--task", "segment", "--resize",
                         "257x257", "--layout", "nhwc", "--mean", "127.5", "--scale", "0.00784",
                         NULL),
                     CLI_OK);
    repository_scan(server->repository);
    size_t pixels, others;
    ask("POST", "/predictions/segments", NULL, picture, picture_bytes);
    EXPECT(200);
    unsigned char *runs = mask_of(&pixels);
    ask("POST", "/predictions/segments?mask=png", NULL, picture, picture_bytes);
    EXPECT(200);
    unsigned char *png = mask_of(&others);
    assert_int_equal(pixels, others);
    assert_memory_equal(runs, png, pixels);
    ask("POST", "/predictions/segments?mask=none", NULL, picture, picture_bytes);
    EXPECT(200);
    assert_null(strstr(r.body, "\"mask\""));
    serve_ask(port, "POST", "/predictions/segments?mask=png", "Accept: image/png\r\n", picture,
              picture_bytes, &r);
    EXPECT(200);
    infer_image image;
    infer_error err;
    assert_int_equal(infer__image_stored(r.body, r.bytes, &image, &err), INFER_OK);
    assert_memory_equal(image.pixels, runs, pixels);
    infer_image_free(&image);
    free(runs);
    free(png);
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

static void other_origins(void **state)
{
    static const char *path[1];
    (void)state;
    path[0] = store;
    struct server_options o = serve_options(path);
    o.management_port = -1;
    o.origin = "http://example.org";
    o.token = "secret";
    struct server *s = serve_begin(&o);
    const int at = http_port(s->inference);
    serve_ask(at, "GET", "/ping", "Authorization: Bearer secret\r\nOrigin: http://example.org\r\n",
              "", 0, &r);
    EXPECT(200);
    assert_non_null(strcasestr(r.head, "access-control-allow-origin: http://example.org"));
    assert_non_null(strcasestr(r.head, "vary: origin"));
    static const char preflight[] =
        "Origin: http://example.org\r\nAccess-Control-Request-Method: POST\r\n";
    static const char *const paths[] = {"/predictions/signs", "/v2/models/signs/infer", "/none"};
    for (int i = 0; i < 3; i++) { /* a browser brings no token */
        serve_ask(at, "OPTIONS", paths[i], preflight, "", 0, &r);
        EXPECT(200);
        assert_non_null(strcasestr(r.head, "access-control-allow-methods: "));
    }
    serve_ask(at, "OPTIONS", "/predictions/signs", NULL, "", 0, &r);
    EXPECT(401);
    server_end(s, 5);
    ask("GET", "/ping", NULL, "", 0);
    assert_null(strcasestr(r.head, "access-control"));
}

/* Of two lengths none is believed. */
static void two_lengths(void **state)
{
    (void)state;
    serve_ask(port, "POST", "/predictions/twice", "Content-Length: 4\r\n", "[1,2]", 5, &r);
    assert_int_equal(r.status, 400);
    serve_ask(port, "POST", "/predictions/twice", "Content-Length: 7\r\n", "[[1,2]]", 7, &r);
    EXPECT(200); /* the same twice is harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_in_any_form),
        cmocka_unit_test(paths),
        cmocka_unit_test(torchserve),
        cmocka_unit_test(parameters),
        cmocka_unit_test(wrong_bodies),
        cmocka_unit_test(tensors),
        cmocka_unit_test(tfs_predicts),
        cmocka_unit_test(tfs_refuses),
        cmocka_unit_test(tfs_tells),
        cmocka_unit_test(masks),
        cmocka_unit_test(other_origins),
        cmocka_unit_test(two_lengths),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
