/* The importer and the file system: external data from strangers, tensor files. */
#include "tests/onnx_model.h"
#include <math.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static char folder[200];  /* the model's folder, made for this run */
static char outside[220]; /* a file beside it */
static const float data[4] = {1, 2, 3, 4};

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static const char *in_folder(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    char other[400];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/infer-onnx-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    snprintf(outside, sizeof outside, "%s.bin", folder);
    write_file(outside, data, sizeof data);
    write_file(in_folder("good.bin"), data, sizeof data);
    mkdir(in_folder("sub"), 0700);
    write_file(in_folder("sub/good.bin"), data, sizeof data);
    write_file(in_folder("two.bin"), data, sizeof data);
    snprintf(other, sizeof other, "%s", in_folder("two.bin"));
    return link(other, in_folder("hard.bin")) || symlink(outside, in_folder("soft.bin")) ||
           symlink("good.bin", in_folder("soft2.bin")) || symlink("sub", in_folder("softdir")) ||
           symlink("..", in_folder("up")) || mkfifo(in_folder("fifo"), 0600);
}

static int remove_folder(void **state)
{
    static const char *const names_[] = {"good.bin", "sub/good.bin", "two.bin", "hard.bin",
                                         "soft.bin", "soft2.bin",    "softdir", "up",
                                         "fifo",     "model.onnx",   "t.pb"};
    (void)state;
    for (size_t k = 0; k < sizeof names_ / sizeof names_[0]; k++)
        unlink(in_folder(names_[k]));
    rmdir(in_folder("sub"));
    unlink(outside);
    return rmdir(folder);
}

static void key(struct builder *b, Onnx__TensorProto *t, const char *k, const char *v)
{
    Onnx__StringStringEntryProto *e = take(b, 1, sizeof *e);
    onnx__string_string_entry_proto__init(e);
    e->key = text(b, k, strlen(k));
    e->value = text(b, v, strlen(v));
    if (!t->external_data)
        t->external_data = take(b, ROOM, sizeof(void *));
    t->external_data[t->n_external_data++] = e;
}

/* A model whose weights, 4 floats, lie elsewhere. NULL: the key is not given. */
static void external_model(struct builder *b, const char *location, const char *offset,
                           const char *length)
{
    const int64_t four = 4;
    frame(b, 13, 1, &four);
    Onnx__TensorProto *t = initializer(b, tensor(b, "w", FLOAT, 1, &four));
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    if (location)
        key(b, t, "location", location);
    if (offset)
        key(b, t, "offset", offset);
    if (length)
        key(b, t, "length", length);
    node(b, "Add", "x,w", "y");
    pack(b);
}

static void expect(const char *location, const char *offset, const char *length, const char *what)
{
    struct builder b;
    struct imported i;
    external_model(&b, location, offset, length);
    import_bytes(&i, b.bytes, b.size, folder, NULL);
    if (!what) {
        if (i.status != INFER_OK)
            fail_msg("%s: %s", location, i.err.message);
        const struct infer__node *add = only(&i.g, INFER__OP_ADD);
        assert_memory_equal(i.g.values[add->in[1]].data, data, sizeof data);
    } else {
        assert_int_equal(i.status, INFER_ERROR_UNSUPPORTED);
        assert_int_equal(i.report.problems, 1);
        if (!strstr(i.report.items[0].what, what))
            fail_msg("%s: %s, not '%s'", location, i.report.items[0].what, what);
    }
    import_free(&i);
    build_end(&b);
}

static void test_external_good(void **state)
{
    (void)state;
    expect("good.bin", NULL, NULL, NULL);
    expect("good.bin", "0", "16", NULL);
    expect("./good.bin", "0", "16", NULL);
    expect("sub/good.bin", NULL, NULL, NULL);
    expect("sub//./good.bin", NULL, NULL, NULL);
}

static void test_external_paths(void **state)
{
    (void)state;
    char up[300];
    snprintf(up, sizeof up, "..%s", strrchr(outside, '/'));
    expect(outside, NULL, NULL, "absolute");
    expect(up, NULL, NULL, "'..'");
    expect("sub/../good.bin", NULL, NULL, "'..'");
    snprintf(up, sizeof up, "sub/../..%s", strrchr(outside, '/'));
    expect(up, NULL, NULL, "'..'");
    expect("soft.bin", NULL, NULL, "symbolic");
    expect("soft2.bin", NULL, NULL, "symbolic");
    expect("softdir/good.bin", NULL, NULL, "softdir");
    snprintf(up, sizeof up, "up%s", strrchr(outside, '/'));
    expect(up, NULL, NULL, "up/");
    expect("hard.bin", NULL, NULL, "hard link");
    expect("fifo", NULL, NULL, "regular");
    expect("sub", NULL, NULL, "regular");
    expect("sub/", NULL, NULL, "file name");
    expect(".", NULL, NULL, "file name");
    expect("./", NULL, NULL, "file name"); /* closed the folder twice */
    expect("sub/./", NULL, NULL, "file name");
    expect("nothing.bin", NULL, NULL, "nothing.bin");
    expect("", NULL, NULL, "location");
    expect(NULL, NULL, NULL, "location");
}

static void test_external_ranges(void **state)
{
    (void)state;
    expect("good.bin", "1", "16", "end");
    expect("good.bin", "4", NULL, "end");
    expect("good.bin", "0", "12", "16");
    expect("good.bin", "0", "20", "16");
    expect("good.bin", "-4", NULL, "offset");
    expect("good.bin", "18446744073709551615", NULL, "end");
    expect("good.bin", "18446744073709551616", NULL, "offset");
    expect("good.bin", "0x0", NULL, "offset");
    expect("good.bin", "", NULL, "offset");
    expect("good.bin", "0", " 16", "length");
}

/* From memory without a folder there is no external data; from a file it is beside the file. */
static void test_external_folder(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    external_model(&b, "good.bin", NULL, NULL);
    import_bytes(&i, b.bytes, b.size, NULL, NULL);
    assert_int_equal(i.status, INFER_ERROR_UNSUPPORTED);
    import_free(&i);
    write_file(in_folder("model.onnx"), b.bytes, b.size);
    infer__region_init(&i.region, NULL);
    onnx_report_init(&i.report, NULL);
    assert_int_equal(onnx_import(in_folder("model.onnx"), NULL, &i.region, &i.g, &i.report, &i.err),
                     INFER_OK);
    import_free(&i);
    infer__region_init(&i.region, NULL);
    onnx_report_init(&i.report, NULL);
    assert_int_equal(onnx_import(in_folder("fifo"), NULL, &i.region, &i.g, &i.report, &i.err),
                     INFER_ERROR_IO);
    import_free(&i);
    build_end(&b);
}

/* ---- tensor files --------------------------------------------------------------------------- */

static infer_status load(struct builder *b, const Onnx__TensorProto *t, struct onnx_tensor *to,
                         infer_error *err)
{
    size_t size = onnx__tensor_proto__get_packed_size(t);
    void *bytes = take(b, size, 1);
    onnx__tensor_proto__pack(t, bytes);
    write_file(in_folder("t.pb"), bytes, size);
    return onnx_tensor_load(in_folder("t.pb"), to, err);
}

/* All types as raw bytes, which come out as they went in. */
static void test_tensor_types(void **state)
{
    (void)state;
    static const int onnx_types[13] = {1, 10, 16, 11, 3, 2, 5, 4, 6, 12, 7, 13, 9};
    const int64_t dims[2] = {2, 3};
    uint8_t bytes[48];
    struct builder b;
    build_begin(&b, 13);
    for (int type = INFER_F32; type <= INFER_BOOL; type++) {
        struct onnx_tensor t;
        infer_error err;
        size_t size = 6 * infer_type_size((infer_type)type);
        for (size_t k = 0; k < size; k++)
            bytes[k] = type == INFER_BOOL ? (uint8_t)(k & 1) : (uint8_t)(k * 37 + 1);
        assert_int_equal(
            load(&b, raw_tensor(&b, "t", onnx_types[type - 1], 2, dims, bytes, size), &t, &err),
            INFER_OK);
        assert_int_equal(t.tensor.type, type);
        assert_int_equal(t.tensor.rank, 2);
        assert_memory_equal(t.tensor.dims, dims, sizeof dims);
        assert_int_equal(t.tensor.bytes, size);
        assert_memory_equal(t.tensor.data, bytes, size);
        assert_string_equal(t.name, "t");
        onnx_tensor_free(&t);
    }
    build_end(&b);
}

/* Types smaller than any of ours come out as larger ones; the first element is in the low bits. */
static void test_small_types(void **state)
{
    (void)state;
    static const struct {
        int type;
        int64_t count;
        uint8_t bytes[6];
        size_t size;
        float values[6];
    } rows[] = {
        {17, 6, {0x00, 0x01, 0x38, 0x7e, 0x7f, 0xb8}, 6, {0, 0x1p-9f, 1, 448, NAN, -1}},
        {18, 4, {0x40, 0x7f, 0x80, 0xc0}, 4, {1, 240, NAN, -1}},
        {19,
         6,
         {0x01, 0x3c, 0x7b, 0x7c, 0xfc, 0x7d},
         6,
         {0x1p-16f, 1, 57344, INFINITY, -INFINITY, NAN}},
        {20, 4, {0x40, 0x7f, 0x80, 0xff}, 4, {1, 57344, NAN, -57344}},
        {21, 5, {0x21, 0xf8, 0x07}, 3, {1, 2, 8, 15, 7}},
        {22, 5, {0x21, 0xf8, 0x07}, 3, {1, 2, -8, -1, 7}},
        {23, 4, {0x72, 0x1f}, 2, {1, 6, -6, 0.5f}},
        {24, 3, {127, 128, 255}, 3, {1, 2, NAN}},
        {25, 5, {0xe4, 0x03}, 2, {0, 1, 2, 3, 3}},
        {26, 5, {0xe4, 0x03}, 2, {0, 1, -2, -1, -1}},
    };
    struct builder b;
    build_begin(&b, 13);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct onnx_tensor t[2];
        infer_error err;
        Onnx__TensorProto *p = tensor(&b, "t", rows[i].type, 1, &rows[i].count);
        int32_t fields[6];
        for (size_t k = 0; k < rows[i].size; k++)
            fields[k] = rows[i].bytes[k];
        p->n_int32_data = rows[i].size;
        p->int32_data = fields;
        assert_int_equal(load(&b, p, &t[0], &err), INFER_OK);
        p->n_int32_data--;
        assert_int_equal(load(&b, p, &t[1], &err), INFER_ERROR_FORMAT);
        p = raw_tensor(&b, "t", rows[i].type, 1, &rows[i].count, rows[i].bytes, rows[i].size);
        assert_int_equal(load(&b, p, &t[1], &err), INFER_OK);
        assert_int_equal(t[0].tensor.bytes, t[1].tensor.bytes);
        assert_memory_equal(t[0].tensor.data, t[1].tensor.data, t[0].tensor.bytes);
        for (int64_t k = 0; k < rows[i].count; k++) {
            const void *from = t[1].tensor.data;
            float got = t[1].tensor.type == INFER_F32  ? ((const float *)from)[k]
                        : t[1].tensor.type == INFER_S8 ? ((const int8_t *)from)[k]
                                                       : ((const uint8_t *)from)[k];
            assert_true(got == rows[i].values[k] || (isnan(got) && isnan(rows[i].values[k])));
        }
        onnx_tensor_free(&t[0]);
        onnx_tensor_free(&t[1]);
    }
    build_end(&b);
}

/* The same as lists of numbers, which have their own field per type. */
static void test_tensor_fields(void **state)
{
    (void)state;
    const int64_t three = 3;
    struct builder b;
    struct onnx_tensor t;
    infer_error err;
    build_begin(&b, 13);
    Onnx__TensorProto *p = tensor(&b, "t", 5, 1, &three); /* INT16 */
    p->n_int32_data = 3;
    p->int32_data = (int32_t[]){-32768, 0, 32767};
    assert_int_equal(load(&b, p, &t, &err), INFER_OK);
    assert_memory_equal(t.tensor.data, ((int16_t[]){-32768, 0, 32767}), 6);
    onnx_tensor_free(&t);
    p->int32_data[0] = -32769;
    assert_int_equal(load(&b, p, &t, &err), INFER_ERROR_FORMAT);
    assert_null(t.tensor.data);
    p = tensor(&b, "t", 12, 1, &three); /* UINT32 */
    p->n_uint64_data = 3;
    p->uint64_data = (uint64_t[]){0, 1, UINT32_MAX};
    assert_int_equal(load(&b, p, &t, &err), INFER_OK);
    assert_memory_equal(t.tensor.data, ((uint32_t[]){0, 1, UINT32_MAX}), 12);
    onnx_tensor_free(&t);
    p->uint64_data[1] = (uint64_t)UINT32_MAX + 1;
    assert_int_equal(load(&b, p, &t, &err), INFER_ERROR_FORMAT);
    p = tensor(&b, "t", 8, 1, &three); /* STRING */
    assert_int_equal(load(&b, p, &t, &err), INFER_ERROR_UNSUPPORTED);
    assert_int_equal(onnx_tensor_load(in_folder("nothing.pb"), &t, &err), INFER_ERROR_IO);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_external_good),   cmocka_unit_test(test_external_paths),
        cmocka_unit_test(test_external_ranges), cmocka_unit_test(test_external_folder),
        cmocka_unit_test(test_tensor_types),    cmocka_unit_test(test_small_types),
        cmocka_unit_test(test_tensor_fields),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
