/* Tasks that take another model or have another form than most: text, with a detector of its own;
 * points of what a detector finds; vectors. */
#include "tests/text_nets.h"

#include "tests/serve_client.h"

static struct server *server;
static int port;
static struct reply r;

/* Points of the middle of what is shown: its mean brightness, twice. */
static void make_points(const char *name)
{
    const int64_t dims[] = {-1, 3, 16, 16}, flat[] = {-1, 2}, w[] = {2, 3, 1, 1};
    const float weights[] = {0, 0, 0, 0, 0, 0};
    const float bias[] = {0.5F, 0.5F};
    const int64_t two = 2;
    struct builder b;
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    floats(&b, "b", 1, &two, bias);
    ints(&b, "flat", 2, flat);
    node(&b, "Conv", "x,w,b", "sums");
    node(&b, "GlobalAveragePool", "sums", "mean");
    node(&b, "Reshape", "mean,flat", "y");
    write_model(&b, name);
}

static int begin(void **state)
{
    static const char *path[1];
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    make_detector("det.onnx");
    make_reader("rec.onnx", 1);
    make_pages();
    make_points("points.onnx");
    write_text(in_folder("letters"), "a\nb\nc\n");
    if (run(cmd_convert, "convert", in_folder("det.onnx"), "--task", "text-regions", "-o",
            in_folder("store/det.infer"), NULL) != CLI_OK ||
        run(cmd_convert, "convert", in_folder("rec.onnx"), "--task", "text", "--labels",
            in_folder("letters"), "-o", in_folder("store/rec.infer"), NULL) != CLI_OK ||
        run(cmd_convert, "convert", in_folder("points.onnx"), "--task", "points", "--resize",
            "16x16", "-o", in_folder("store/points.infer"), NULL) != CLI_OK)
        fail_msg("%s", err_text);
    path[0] = store;
    const struct server_options o = serve_options(path);
    server = serve_begin(&o);
    port = http_port(server->inference);
    return 0;
}

static int end(void **state)
{
    server_end(server, 5);
    return teardown(state);
}

static yyjson_doc *ask(const char *path, const char *picture)
{
    size_t bytes;
    char *data = read_file(picture, &bytes);
    assert_non_null(data);
    serve_ask(port, "POST", path, NULL, data, bytes, &r);
    free(data);
    return yyjson_read(r.body, r.bytes, 0);
}

static const char *text_at(yyjson_doc *doc, size_t i)
{
    return yyjson_get_str(yyjson_obj_get(yyjson_arr_get(yyjson_doc_get_root(doc), i), "text"));
}

static void a_line(void **state)
{
    (void)state;
    yyjson_doc *doc = ask("/predictions/rec", in_folder("line.png"));
    assert_int_equal(r.status, 200);
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "text")), "abba");
    assert_true(yyjson_get_num(yyjson_obj_get(root, "score")) > 0.5);
    assert_null(yyjson_obj_get(root, "quad"));
    yyjson_doc_free(doc);
}

/* As `infer read` has it, whose test knows the corners. */
static void a_page(void **state)
{
    (void)state;
    yyjson_doc *doc = ask("/predictions/det", in_folder("page.png"));
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 4);
    assert_null(text_at(doc, 0));
    yyjson_val *quad = yyjson_obj_get(yyjson_arr_get_first(yyjson_doc_get_root(doc)), "quad");
    const double x = yyjson_get_num(yyjson_arr_get(yyjson_arr_get_first(quad), 0));
    assert_true(fabs(x - (30 - 1.5 * 304 * 24 / 656)) < 2);
    yyjson_doc_free(doc);
    doc = ask("/predictions/rec?detector=det", in_folder("page.png"));
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 4);
    assert_string_equal(text_at(doc, 0), "abcab");
    assert_string_equal(text_at(doc, 1), "cab");
    assert_string_equal(text_at(doc, 3), "ccba");
    yyjson_doc_free(doc);
    doc = ask("/predictions/rec?detector=det", in_folder("empty.png"));
    assert_int_equal(r.status, 200);
    assert_true(yyjson_is_arr(yyjson_doc_get_root(doc)));
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 0);
    yyjson_doc_free(doc);
    yyjson_doc_free(ask("/predictions/rec?detector=det&draw=png", in_folder("page.png")));
    assert_int_equal(r.status, 200);
    assert_memory_equal(r.body, "\x89PNG", 4);
}

static void points(void **state)
{
    (void)state;
    yyjson_doc *doc = ask("/predictions/points", in_folder("line.png"));
    assert_int_equal(r.status, 200);
    yyjson_val *point = yyjson_arr_get_first(yyjson_doc_get_root(doc));
    assert_true(yyjson_arr_size(point) == 3);
    yyjson_doc_free(doc);
}

static double length_of_vector(yyjson_doc *doc, size_t *n)
{
    yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root(doc), "vector"), *x;
    yyjson_arr_iter it;
    double square = 0;
    *n = yyjson_arr_size(v);
    yyjson_arr_iter_init(v, &it);
    while ((x = yyjson_arr_iter_next(&it)))
        square += yyjson_get_num(x) * yyjson_get_num(x);
    return sqrt(square);
}

static void vectors(void **state)
{
    (void)state;
    size_t n;
    yyjson_doc *doc = ask("/predictions/signs?vector=1", PICTURES "stop-1.jpg");
    assert_int_equal(r.status, 200);
    assert_true(fabs(length_of_vector(doc, &n) - 1) > 1e-3);
    assert_int_equal(n, 24);
    yyjson_doc_free(doc);
    doc = ask("/predictions/signs?vector=normalised", PICTURES "stop-1.jpg");
    assert_true(fabs(length_of_vector(doc, &n) - 1) < 1e-5);
    assert_int_equal(n, 24);
    yyjson_doc_free(doc);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
    } rows[] = {
        {"/predictions/signs?detector=det", 400},    {"/predictions/rec?detector=signs", 400},
        {"/predictions/rec?detector=nobody", 400},   {"/predictions/points?detector=det", 400},
        {"/predictions/signs?vector=1&draw=1", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        yyjson_doc_free(ask(rows[i].path, in_folder("line.png")));
        if (r.status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].path, r.status, r.body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line),  cmocka_unit_test(a_page),  cmocka_unit_test(points),
        cmocka_unit_test(vectors), cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("serve: tasks", tests, begin, end);
}
