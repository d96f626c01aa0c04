/* .npy files: round trips of every type, files as NumPy writes them, and hostile headers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "tools/npy.h"
#include "tools/random_fill.h"

/* The file's bytes end at a page that can't be touched. */
static infer_status parse(const void *bytes, size_t size, infer_tensor *t, infer_error *err)
{
    struct guard g = guard_new(size, 1, 1);
    memcpy(g.data, bytes, size);
    infer_status status = npy_parse(g.data, size, t, err);
    if (status != INFER_OK) {
        assert_null(t->data);
        assert_true(err->message[0]);
    } else {
        assert_true((unsigned char *)t->data + t->bytes == g.data + size);
        t->data = NULL;
    }
    assert_int_equal(status, err->status);
    guard_free(&g);
    return status;
}

/* Version, header and a number of data bytes, put together without looking. */
static infer_status parse_header(int version, const char *header, size_t data, infer_tensor *t,
                                 infer_error *err)
{
    unsigned char bytes[2048] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    size_t n = strlen(header), start = version == 1 ? 10 : 12;
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)(n & 255);
    bytes[9] = (unsigned char)(n >> 8);
    memcpy(bytes + start, header, n);
    return parse(bytes, start + n + data, t, err);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int type = INFER_F32; type <= INFER_BOOL; type++)
        for (int rank = 0; rank <= INFER_MAX_RANK; rank++) {
            infer_tensor t = {.type = (infer_type)type, .rank = rank}, back;
            infer_error err;
            unsigned char data[1024];
            size_t size;
            for (int i = 0; i < rank; i++)
                t.dims[i] = i < 3 ? 3 - (i == 1) : 1;
            t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
            t.data = data;
            random_fill(&t, (uint64_t)(type * 100 + rank));
            unsigned char *bytes = npy_encode(&t, &size);
            if (type == INFER_BF16) { /* NumPy has none */
                assert_null(bytes);
                continue;
            }
            assert_non_null(bytes);
            assert_int_equal((size - t.bytes) % 64, 0);
            assert_int_equal(npy_parse(bytes, size, &back, &err), INFER_OK);
            assert_int_equal(back.type, t.type);
            assert_int_equal(back.rank, t.rank);
            assert_memory_equal(back.dims, t.dims, sizeof t.dims);
            assert_int_equal(back.bytes, t.bytes);
            assert_memory_equal(back.data, data, t.bytes);
            for (size_t cut = 0; cut < size; cut++)
                assert_int_not_equal(parse(bytes, cut, &back, &err), INFER_OK);
            free(bytes);
        }
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        infer_status status;
    } cases[] = {
        /* as NumPy writes them, now and long ago */
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 24, INFER_OK},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }\n", 5, INFER_OK},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", 8, INFER_OK},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (0, 7), }\n", 0, INFER_OK},
        {"{'shape': (2L, 1L), 'fortran_order': False, 'descr': '|u1'}", 2, INFER_OK},
        {"{\"descr\": \"<u2\", \"fortran_order\": False, \"shape\": (1, )}", 2, INFER_OK},
        /* known, and not read */
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, INFER_ERROR_UNSUPPORTED},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, INFER_ERROR_UNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, INFER_ERROR_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, INFER_ERROR_UNSUPPORTED},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,), }", 8, INFER_ERROR_UNSUPPORTED},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4,
         INFER_ERROR_UNSUPPORTED},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 1,
         INFER_ERROR_UNSUPPORTED},
        /* sizes */
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }", 4,
         INFER_ERROR_FORMAT},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,), }", 8,
         INFER_ERROR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0,
         INFER_ERROR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }", 0,
         INFER_ERROR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", 0,
         INFER_ERROR_LIMIT},
        /* damaged */
        {"", 4, INFER_ERROR_FORMAT},
        {"{", 4, INFER_ERROR_FORMAT},
        {"{}", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False}", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4,
         INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4,
         INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 1}", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, INFER_ERROR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False 'shape': (1,)}", 4, INFER_ERROR_FORMAT},
        {"{'descr: '<f4', 'fortran_order': False, 'shape': (1,)}", 4, INFER_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int version = 1; version <= 3; version++) {
            infer_tensor t;
            infer_error err;
            if (parse_header(version, cases[i].header, cases[i].data, &t, &err) != cases[i].status)
                fail_msg("%s: %s", cases[i].header, err.message);
        }
}

static void test_versions_and_lengths(void **state)
{
    (void)state;
    static const char header[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }";
    infer_tensor t;
    infer_error err;
    assert_int_equal(parse_header(0, header, 1, &t, &err), INFER_ERROR_VERSION);
    assert_int_equal(parse_header(4, header, 1, &t, &err), INFER_ERROR_VERSION);
    assert_int_equal(parse_header(255, header, 1, &t, &err), INFER_ERROR_VERSION);
    unsigned char lie[64] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0xFF, 0xFF};
    assert_int_equal(parse(lie, sizeof lie, &t, &err), INFER_ERROR_FORMAT);
    memset(lie + 6, 0xFF, 6);
    lie[6] = 2;
    assert_int_equal(parse(lie, sizeof lie, &t, &err), INFER_ERROR_LIMIT);
    lie[1] = 'n';
    assert_int_equal(parse(lie, sizeof lie, &t, &err), INFER_ERROR_FORMAT);
}

/* Random damage: an error, or a tensor that lies in the file (parse checks which). */
static void test_random_damage(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    unsigned loaded = 0;
    float data[6] = {1, 2, 3, 4, 5, 6};
    infer_tensor t = {
        .type = INFER_F32, .rank = 2, .dims = {2, 3}, .data = data, .bytes = sizeof data};
    size_t size;
    unsigned char *good = npy_encode(&t, &size), bad[256];
    assert_true(good && size <= sizeof bad);
    for (int i = 0; i < 20000; i++) {
        static const char likely[] = "0123456789(),'{}: <|>f4u1LTrue";
        infer_tensor back;
        infer_error err;
        memcpy(bad, good, size);
        for (uint64_t k = random_next(&seed) % 4 + 1; k; k--) {
            uint64_t r = random_next(&seed);
            unsigned char any = (unsigned char)(r >> 32);
            bad[r % (size - sizeof data)] =
                r >> 63 ? any : (unsigned char)likely[any % (sizeof likely - 1)];
        }
        loaded += parse(bad, size, &back, &err) == INFER_OK;
    }
    assert_true(loaded > 0 && loaded < 20000);
    free(good);
}

static void test_files(void **state)
{
    (void)state;
    char path[] = "/tmp/infer-npy-XXXXXX";
    int64_t v[3] = {-1, 0, INT64_MAX};
    infer_tensor t = {.type = INFER_S64, .rank = 1, .dims = {3}, .data = v, .bytes = sizeof v},
                 back;
    infer_error err;
    size_t size;
    void *bytes = npy_encode(&t, &size);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    assert_int_equal(npy_load(path, &back, &err), INFER_OK);
    assert_int_equal((uintptr_t)back.data % 64, 0);
    assert_memory_equal(back.data, v, sizeof v);
    free(back.data);
    assert_int_equal(ftruncate(fd, (off_t)size - 1), 0);
    assert_int_equal(npy_load(path, &back, &err), INFER_ERROR_FORMAT);
    assert_null(back.data);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(npy_load(path, &back, &err), INFER_ERROR_FORMAT);
    close(fd);
    unlink(path);
    assert_int_equal(npy_load(path, &back, &err), INFER_ERROR_IO);
    assert_int_equal(npy_load("/tmp", &back, &err), INFER_ERROR_IO);
    assert_int_equal(npy_load("/dev/zero", &back, &err), INFER_ERROR_IO);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_versions_and_lengths),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
