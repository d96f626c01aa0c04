/* Damaged files, from exact-size blocks so that AddressSanitizer sees a byte too many: every
 * prefix, every flipped bit, boundary values in every field. With checksums as they were, each is
 * an error; with checksums made right again, each is an error or a file with one meaning: what was
 * loaded can be read whole, written again, and loading that gives the same bytes once more. */
#include "file_fixture.h"

static struct {
    size_t loads, loaded;
} count;

/* Loads bytes; a model that comes of them must be sound. */
static infer_status try_load(const struct bytes *b)
{
    infer_model *m = (infer_model *)b->data, *again;
    infer_error err;
    infer_status status = infer_load_memory(b->data, b->size, NULL, &m, &err);
    assert_int_equal(status, err.status);
    count.loads++;
    if (status != INFER_OK) {
        assert_null(m);
        assert_true(err.message[0] != 0);
        assert_true(err.offset <= b->size);
        return status;
    }
    count.loaded++;
    touch_model(m);
    struct bytes once = rewrite(m);
    check_ok(infer_load_memory(once.data, once.size, NULL, &again, &err), &err);
    struct bytes twice = rewrite(again);
    assert_true(once.size <= b->size);
    assert_int_equal(once.size, twice.size);
    assert_memory_equal(once.data, twice.data, once.size);
    infer_model_free(&m);
    infer_model_free(&again);
    free(once.data);
    free(twice.data);
    return status;
}

static void test_prefixes(void **state)
{
    struct bytes b = known_file();
    (void)state;
    for (size_t size = 0; size < b.size; size++) {
        struct bytes c = {exact_copy(b.data, size), size};
        assert_int_equal(try_load(&c), INFER_ERROR_FORMAT);
        if (size >= 64) { /* a header that states the cut size */
            put_le(c.data + 24, 8, size);
            reseal(c.data, size);
            assert_int_equal(try_load(&c), INFER_ERROR_FORMAT);
        }
        free(c.data);
    }
    free(b.data);
}

/* Gaps between sections are in no checksum, but must be 0. */
static void test_flipped_bits(void **state)
{
    struct bytes b = known_file();
    (void)state;
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        b.data[bit / 8] = (unsigned char)(b.data[bit / 8] ^ 1u << bit % 8);
        assert_int_not_equal(try_load(&b), INFER_OK);
        b.data[bit / 8] = (unsigned char)(b.data[bit / 8] ^ 1u << bit % 8);
    }
    assert_int_equal(try_load(&b), INFER_OK);
    free(b.data);
}

static void test_flipped_bits_resealed(void **state)
{
    struct bytes b = known_file();
    (void)state;
    count.loads = count.loaded = 0;
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        struct bytes c = {exact_copy(b.data, b.size), b.size};
        c.data[bit / 8] = (unsigned char)(c.data[bit / 8] ^ 1u << bit % 8);
        reseal(c.data, c.size);
        try_load(&c);
        free(c.data);
    }
    printf("%zu resealed files, %zu of them load\n", count.loads, count.loaded);
    assert_true(count.loaded > 0 && count.loaded < count.loads);
    free(b.data);
}

/* At every position of every width: whatever a field there is, it takes these values. */
static void test_boundary_values(void **state)
{
    static const uint64_t values[] = {0,
                                      1,
                                      UINT64_MAX,
                                      INT32_MAX,
                                      0x80000000,
                                      UINT32_MAX,
                                      0x7FFF,
                                      0x8000,
                                      0xFFFF,
                                      0x7F,
                                      0x80,
                                      0xFF,
                                      INT64_MAX,
                                      UINT64_C(1) << 63,
                                      63,
                                      64,
                                      65,
                                      UINT64_MAX - 63,
                                      UINT64_C(1) << 62};
    struct bytes b = known_file();
    (void)state;
    count.loads = count.loaded = 0;
    for (size_t width = 1; width <= 8; width *= 2) {
        for (size_t at = 0; at + width <= b.size; at += width) {
            uint64_t here = get_le(b.data + at, width);
            for (size_t i = 0; i < sizeof values / sizeof *values + 2; i++) {
                size_t n = sizeof values / sizeof *values;
                struct bytes c = {exact_copy(b.data, b.size), b.size};
                put_le(c.data + at, width, i < n ? values[i] : i == n ? here + 1 : here - 1);
                reseal(c.data, c.size);
                try_load(&c);
                free(c.data);
            }
        }
    }
    printf("%zu resealed files, %zu of them load\n", count.loads, count.loaded);
    free(b.data);
}

/* Several random changes at once: of bytes, of fields, of the order of sections. */
static void test_random_damage(void **state)
{
    struct rng r = {test_seed()};
    struct bytes b = known_file();
    (void)state;
    count.loads = count.loaded = 0;
    for (int i = 0; i < 30000; i++) {
        struct bytes c = {exact_copy(b.data, b.size), b.size};
        for (uint32_t k = 1 + rng_below(&r, 4); k > 0; k--) {
            size_t width = (size_t)1 << rng_below(&r, 4);
            size_t at = rng_below(&r, (uint32_t)(b.size - 8)), from = rng_below(&r, 1000);
            if (rng_below(&r, 2))
                put_le(c.data + at, width, rng_below(&r, 8));
            else
                memmove(c.data + at, c.data + from, width);
        }
        reseal(c.data, c.size);
        try_load(&c);
        free(c.data);
    }
    printf("%zu resealed files, %zu of them load\n", count.loads, count.loaded);
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_flipped_bits_resealed),
        cmocka_unit_test(test_boundary_values),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
