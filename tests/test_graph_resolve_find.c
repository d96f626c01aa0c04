/* Shapes of TopK, NonZero, NonMaxSuppression, Compress and Unique, and what each refuses; see
 * test_graph.h for the notation. */
#include "test_graph.h"

#define CHECK(rows) resolve_rows(rows, sizeof(rows) / sizeof *(rows))

static void test_top_k(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"TopK", "3x9 f32; 1 s64 = 4", "", "3x4 f32; 3x4 s64"},
        {"TopK", "3x9 u8; 1 s64 = 3", "axis=0 largest=0 sorted=0", "- ; 3x9 s64"},
        {"TopK", "3x9 f32; scalar s64 = 0", "", "3x0 f32; 3x0 s64"},
        {"TopK", "3x9 f32; 1 s64 = 10", "", "!SHAPE 2"},
        {"TopK", "3x9 f32; 1 s64 = -1", "", "!SHAPE 2"},
        {"TopK", "3x9 f32; 2 s64 = 1,1", "", "!SHAPE 2"},
        {"TopK", "3x9 f32; 1 s64", "", "!NEED_VALUE 2"},
        {"TopK", "3x9 f32; 1 s64 = 1", "axis=2", "!SHAPE 2"},
        {"TopK", "3x9 f32; 1 s64 = 1", "largest=2", "!FORMAT 2"},
        {"TopK", "3x9 bool; 1 s64 = 1", "", "!UNSUPPORTED 2"},
        {"TopK", "scalar f32; 1 s64 = 1", "", "!SHAPE 2"},
    };
    CHECK(rows);
}

static void test_non_zero(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"NonZero", "3x4 f32", "", "2x<=12 s64"},     {"NonZero", "scalar bool", "", "1x<=1 s64"},
        {"NonZero", "3x0x4 u8", "", "3x0 s64"},       {"NonZero", "3 f16", "", "!UNSUPPORTED"},
        {"NonZero", "65536x4096 bool", "", "!LIMIT"},
    };
    CHECK(rows);
}

static void test_nms(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; scalar s64 = 5; scalar f32; scalar f32", "",
         "<=30x3 s64"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 1 s64 = 500; 1 f32", "center_point_box=1",
         "<=54x3 s64"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 1 s64", "", "<=54x3 s64"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32", "", "0x3 s64"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 1 s64 = -1", "", "0x3 s64"},
        {"NonMaxSuppression", "2x0x4 f32; 2x3x0 f32; 1 s64 = 5", "", "0x3 s64"},
        {"NonMaxSuppression", "2x9x4 f32; 1x3x9 f32; 1 s64 = 5", "", "!SHAPE"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x8 f32; 1 s64 = 5", "", "!SHAPE"},
        {"NonMaxSuppression", "2x9x5 f32; 2x3x9 f32; 1 s64 = 5", "", "!SHAPE"},
        {"NonMaxSuppression", "9x4 f32; 2x3x9 f32; 1 s64 = 5", "", "!SHAPE"},
        {"NonMaxSuppression", "2x9x4 f64; 2x3x9 f32; 1 s64 = 5", "", "!UNSUPPORTED"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 2 s64 = 5,5", "", "!SHAPE"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 1 s64 = 5; 2 f32", "", "!SHAPE"},
        {"NonMaxSuppression", "2x9x4 f32; 2x3x9 f32; 1 s64 = 5", "center_point_box=2", "!FORMAT"},
    };
    CHECK(rows);
}

static void test_compress(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Compress", "3x4 f32; 3 bool", "axis=0", "<=3x4 f32"},
        {"Compress", "3x4 f32; 2 bool", "axis=-1", "3x<=2 f32"},
        {"Compress", "3x4 f32; 20 bool", "", "<=12 f32"},
        {"Compress", "3x4 f32; 0 bool", "axis=0", "0x4 f32"},
        {"Compress", "3x4 f32; 3 u8", "axis=0", "!UNSUPPORTED"},
        {"Compress", "3x4 f32; 3x1 bool", "axis=0", "!SHAPE"},
        {"Compress", "3x4 f32; 3 bool", "axis=2", "!SHAPE"},
    };
    CHECK(rows);
}

static void test_unique(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Unique", "3x4 f32", "", "<=12 f32; <=12 s64; 12 s64; <=12 s64"},
        {"Unique", "3x4 s8", "axis=-1 sorted=0", "3x<=4 s8; <=4 s64; 4 s64; <=4 s64"},
        {"Unique", "3x4 bool", "axis=0", "- ; - ; 3 s64"},
        {"Unique", "0x4 f32", "", "0 f32; 0 s64; 0 s64; 0 s64"},
        {"Unique", "3x4 bf16", "", "!UNSUPPORTED"},
        {"Unique", "3x4 f32", "sorted=2", "!FORMAT"},
        {"Unique", "3x4 f32", "axis=2", "!SHAPE"},
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_k),  cmocka_unit_test(test_non_zero),
        cmocka_unit_test(test_nms),    cmocka_unit_test(test_compress),
        cmocka_unit_test(test_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
