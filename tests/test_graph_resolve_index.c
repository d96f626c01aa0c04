/* Shapes of Mod, Range and ScatterND and of the plan's own operators, and what each refuses; see
 * test_graph.h for the notation. */
#include "test_graph.h"

#define CHECK(rows) resolve_rows(rows, sizeof(rows) / sizeof *(rows))

#define S64_MAX "9223372036854775807"
#define S64_MIN "-9223372036854775808"

static void test_mod(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Mod", "3x1 s64; 4 s64", "", "3x4 s64"},
        {"Mod", "3 u8; 3 u8", "fmod=1", "3 u8"},
        {"Mod", "3 f32; scalar f32", "fmod=1", "3 f32"},
        {"Mod", "3 f32; 3 f32", "", "!FORMAT"},
        {"Mod", "3 s32; 3 s64", "", "!SHAPE"},
        {"Mod", "3 s32; 4 s32", "", "!SHAPE"},
        {"Mod", "3 s32; 3 s32", "fmod=2", "!FORMAT"},
        {"Mod", "3 bool; 3 bool", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_range(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Range", "scalar s64 = 0; scalar s64 = 10; scalar s64 = 3", "", "4 s64"},
        {"Range", "scalar s64 = 10; scalar s64 = 4; scalar s64 = -2", "", "3 s64"},
        {"Range", "scalar s32 = 10; scalar s32 = 4; scalar s32 = 2", "", "0 s32"},
        {"Range", "1 s64 = 5; 1 s64 = 6; 1 s64 = " S64_MAX, "", "1 s64"},
        {"Range", "scalar s64 = " S64_MAX "; scalar s64 = " S64_MIN "; scalar s64 = " S64_MIN, "",
         "2 s64"},
        {"Range", "scalar f32 = 0; scalar f32 = 10; scalar f32 = 4", "", "3 f32"},
        {"Range", "scalar f32 = 10; scalar f32 = 0; scalar f32 = 4", "", "0 f32"},
        {"Range", "scalar s64 = 0; scalar s64 = 10; scalar s64 = 0", "", "!SHAPE"},
        {"Range", "scalar f32 = 0; scalar f32 = 10; scalar f32 = 0", "", "!SHAPE"},
        {"Range", "scalar s64 = " S64_MIN "; scalar s64 = " S64_MAX "; scalar s64 = 1", "",
         "!LIMIT"},
        {"Range", "scalar s64 = 0; scalar s64; scalar s64 = 1", "", "!NEED_VALUE"},
        {"Range", "scalar s64 = 0; scalar s32 = 3; scalar s64 = 1", "", "!SHAPE"},
        {"Range", "scalar s64 = 0; 2 s64 = 3,4; scalar s64 = 1", "", "!SHAPE"},
        {"Range", "scalar u8 = 0; scalar u8 = 3; scalar u8 = 1", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_scatter(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"ScatterND", "4x5x6 f32; 2x1 s64; 2x5x6 f32", "", "4x5x6 f32"},
        {"ScatterND", "4x5x6 u8; 7x2x3 s64; 7x2 u8", "", "4x5x6 u8"},
        {"ScatterND", "4 f32; 1 s64; scalar f32", "", "4 f32"},
        {"ScatterND", "4x5 f32; 0x2 s64; 0 f32", "", "4x5 f32"},
        {"ScatterND", "4x5 f32; 2x3 s64; 2 f32", "", "!SHAPE"},
        {"ScatterND", "4x5 f32; 2x0 s64; 2x4x5 f32", "", "!SHAPE"},
        {"ScatterND", "4x5 f32; 2x1 s64; 2x4 f32", "", "!SHAPE"},
        {"ScatterND", "4x5 f32; 2x1 s64; 2x5x1 f32", "", "!SHAPE"},
        {"ScatterND", "4x5 f32; 2x1 s32; 2x5 f32", "", "!UNSUPPORTED"},
        {"ScatterND", "4x5 f32; 2x1 s64; 2x5 f16", "", "!SHAPE"},
        {"ScatterND", "scalar f32; 1 s64; scalar f32", "", "!SHAPE"},
    };
    CHECK(rows);
}

static void test_plan(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Dense", "2x7x3 f32; 3x4 f32; 4 f32", "", "2x7x4 f32"},
        {"Dense", "2x7x3 f32; 3x4 f32; 3 f32", "", "!SHAPE"},
        {"Dense", "7x3 f32; 1x3x4 f32; 4 f32", "", "!SHAPE"},
        {"ScaleShift", "2x3x5 f32; 2x4x5 f32; 7x1 f32; 7x1 f32", "", "2x7x5 f32"},
        {"ScaleShift", "2x3x5 f32; 2x4x5 f32; 7 f32; 4 f32", "", "!SHAPE"},
        {"ScaleShift", "2x3x5 f32; 2x4x6 f32; 7 f32; 7 f32", "", "!SHAPE"},
        {"ChannelShuffle", "1x4x2 f32; 1x8x2 f32", "group=3", "1x6x2 f32; 1x6x2 f32"},
        {"ChannelShuffle", "1x4x2 f32; 1x8x2 f32", "group=5", "!SHAPE"},
        {"ChannelShuffle", "1x5x2 f32", "group=5", "!SHAPE 2"},
        {"ChannelShuffle", "1x4x2 f32", "group=0", "!FORMAT"},
        {"Gelu", "3x4 f32", "", "3x4 f32"},
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mod),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_scatter),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
