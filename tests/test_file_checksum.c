/* The checksum: the sums that docs/format.md states, and that it notices changes. */
#include "file_fixture.h"

/* docs/format.md states these sums for other implementations. */
static void test_checksum_known(void **state)
{
    unsigned char bytes[256];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(infer__checksum(bytes, 0), UINT64_C(0x991D569DA837CE00));
    assert_int_equal(infer__checksum(bytes, 1), UINT64_C(0x33DFC9CA4BA8EA74));
    assert_int_equal(infer__checksum(bytes, 64), UINT64_C(0xF2316132F32FFACE));
    assert_int_equal(infer__checksum(bytes, 256), UINT64_C(0x3AFAB0A9A6601ED3));
}

/* Every flipped bit, every two swapped words and every change of length shows. */
static void test_checksum_changes(void **state)
{
    unsigned char p[300];
    struct rng r = {test_seed()};
    (void)state;
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (unsigned char)rng_next(&r);
    uint64_t sum = infer__checksum(p, sizeof p);
    for (size_t i = 0; i < 8 * sizeof p; i++) {
        p[i / 8] = (unsigned char)(p[i / 8] ^ 1u << i % 8);
        assert_int_not_equal(infer__checksum(p, sizeof p), sum);
        p[i / 8] = (unsigned char)(p[i / 8] ^ 1u << i % 8);
    }
    for (size_t a = 0; a + 16 <= sizeof p; a += 8) {
        unsigned char q[sizeof p];
        memcpy(q, p, sizeof p);
        for (size_t c = a + 8; c + 8 <= sizeof p; c += 8) {
            memcpy(q + a, p + c, 8);
            memcpy(q + c, p + a, 8);
            assert_int_not_equal(infer__checksum(q, sizeof q), sum);
            memcpy(q + c, p + c, 8);
        }
    }
    memset(p, 0, sizeof p);
    for (size_t i = 1; i < sizeof p; i++) /* zeros: only the length tells them apart */
        assert_int_not_equal(infer__checksum(p, i), infer__checksum(p, i - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum_known),
        cmocka_unit_test(test_checksum_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
