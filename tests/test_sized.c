/* Structs that grow: callers of older and newer headers, and those who initialise nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sized.h"

/* The same struct in three versions. */
struct old {
    size_t size;
    uint32_t a, b;
};
struct now {
    size_t size;
    uint32_t a, b;
    uint64_t c;
};
struct newer {
    size_t size;
    uint32_t a, b;
    uint64_t c;
    uint64_t d, e;
};

#define KIND INFER__SIZED(struct now, b)

static void test_read(void **state)
{
    struct now out;
    struct old old = {sizeof old, 1, 2};
    struct now now = {sizeof now, 1, 2, 3};
    struct newer newer = {sizeof newer, 1, 2, 3, 0, 0};
    infer_error err;
    (void)state;
    memset(&out, 0x5a, sizeof out);
    assert_int_equal(infer__sized_read(KIND, NULL, &out, &err), INFER_OK);
    assert_memory_equal(&out, &((struct now){.size = sizeof out}), sizeof out);

    memset(&out, 0x5a, sizeof out);
    assert_int_equal(infer__sized_read(KIND, &old, &out, &err), INFER_OK);
    assert_memory_equal(&out, &((struct now){sizeof out, 1, 2, 0}), sizeof out);

    assert_int_equal(infer__sized_read(KIND, &now, &out, &err), INFER_OK);
    assert_memory_equal(&out, &now, sizeof out);

    assert_int_equal(infer__sized_read(KIND, &newer, &out, &err), INFER_OK);
    assert_memory_equal(&out, &now, sizeof out);
    for (size_t i = sizeof now; i < sizeof newer; i++) {
        ((unsigned char *)&newer)[i] = 1;
        assert_int_equal(infer__sized_read(KIND, &newer, &out, &err), INFER_ERROR_ARGUMENT);
        assert_non_null(strstr(err.message, "struct now"));
        ((unsigned char *)&newer)[i] = 0;
    }
}

static void test_sizes(void **state)
{
    static const size_t wrong[] = {0, 1, 7, 8, sizeof(struct old) - 1, 4097, SIZE_MAX};
    struct now out, given = {0};
    infer_error err;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        given.size = wrong[i];
        assert_int_equal(infer__sized_read(KIND, &given, &out, &err), INFER_ERROR_ARGUMENT);
        assert_non_null(strstr(err.message, "struct now"));
        assert_int_equal(infer__sized_check(KIND, &given, &err), INFER_ERROR_ARGUMENT);
    }
    assert_int_equal(infer__sized_check(KIND, NULL, &err), INFER_ERROR_ARGUMENT);
}

/* What stands behind the caller's struct, in memory that is not ours, is not touched. */
static void test_write(void **state)
{
    const struct now now = {sizeof now, 1, 2, 3};
    static const size_t sizes[] = {sizeof(struct old), sizeof(struct now), sizeof(struct newer)};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        unsigned char room[sizeof(struct newer) + 8], want[sizeof room];
        memset(room, 0x5a, sizeof room);
        memcpy(room, &sizes[i], sizeof sizes[i]);
        memcpy(want, room, sizeof room);
        memset(want + 8, 0, sizes[i] - 8);
        memcpy(want + 8, (const char *)&now + 8,
               (sizes[i] < sizeof now ? sizes[i] : sizeof now) - 8);
        infer__sized_write(KIND, &now, room);
        assert_memory_equal(room, want, sizeof room);
    }
}

static void test_init(void **state)
{
    struct newer s;
    (void)state;
    memset(&s, 0x5a, sizeof s);
    infer__sized_init(&s, sizeof(struct old)); /* an older caller's */
    assert_memory_equal(&s, &((struct old){.size = sizeof(struct old)}), sizeof(struct old));
    assert_int_equal(s.c, UINT64_C(0x5a5a5a5a5a5a5a5a));
    infer__sized_init(&s, sizeof s);
    assert_memory_equal(&s, &((struct newer){.size = sizeof s}), sizeof s);
    infer__sized_init(NULL, sizeof s);
    infer__sized_init(&s, 7);
    infer__sized_init(&s, 4097);
    assert_int_equal(s.size, sizeof s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
