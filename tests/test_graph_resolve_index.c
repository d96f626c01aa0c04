/* Shapes of Mod, Range, of operators that gather, scatter and sample, and of the plan's own
 * operators, and what each refuses; see test_graph.h for the notation. */
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

static void test_gather(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"ScatterND", "4x5 f32; 2x1 s64; 2x5 f32", "reduction=4", "4x5 f32"},
        {"ScatterND", "4x5 bool; 2x1 s64; 2x5 bool", "reduction=1", "!UNSUPPORTED"},
        {"ScatterND", "4x5 f32; 2x1 s64; 2x5 f32", "reduction=5", "!FORMAT"},
        {"ScatterElements", "4x5 f32; 2x5 s32; 2x5 f32", "reduction=1", "4x5 f32"},
        {"ScatterElements", "4x5 f16; 9x5 s64; 9x5 f16", "", "4x5 f16"},
        {"ScatterElements", "4x5 f32; 2x9 s64; 2x9 f32", "axis=-1", "4x5 f32"},
        {"ScatterElements", "4x5 f32; 2x9 s64; 2x9 f32", "", "!SHAPE"},
        {"ScatterElements", "4x5 f32; 2x5 s64; 2x4 f32", "", "!SHAPE"},
        {"ScatterElements", "4x5 f32; 2 s64; 2 f32", "", "!SHAPE"},
        {"ScatterElements", "4x5 f32; 2x5 s64; 2x5 s32", "", "!SHAPE"},
        {"ScatterElements", "4x5 f32; 2x5 s16; 2x5 f32", "", "!UNSUPPORTED"},
        {"GatherElements", "4x5 u8; 7x3 s32", "", "7x3 u8"},
        {"GatherElements", "4x5 u8; 3x7 s64", "axis=1", "3x7 u8"},
        {"GatherElements", "4x5 u8; 3x7 s64", "", "!SHAPE"},
        {"GatherElements", "4x5 u8; 3 s64", "", "!SHAPE"},
        {"GatherElements", "4x5 u8; 3x5 s64", "axis=2", "!SHAPE"},
        {"GatherElements", "0x5 u8; 3x5 s64", "", "!SHAPE"},
        {"GatherND", "4x5x6 f32; 2x1 s64", "", "2x5x6 f32"},
        {"GatherND", "4x5x6 f32; 3 s32", "", "scalar f32"},
        {"GatherND", "4x5x6 f32; 4x7x1 s64", "batch_dims=1", "4x7x6 f32"},
        {"GatherND", "4x5x6 f32; 3x7x1 s64", "batch_dims=1", "!SHAPE"},
        {"GatherND", "4x5x6 f32; 4x7x3 s64", "batch_dims=1", "!SHAPE"},
        {"GatherND", "4x5x6 f32; 4x0 s64", "", "!SHAPE"},
        {"GatherND", "4x5x6 f32; 4x1 s64", "batch_dims=2", "!FORMAT"},
        {"CumSum", "4x5 f32; scalar s64 = 1", "exclusive=1 reverse=1", "4x5 f32"},
        {"CumSum", "4x5 s32; 1 s32 = -2", "", "4x5 s32"},
        {"CumSum", "4x5 f32; scalar s64 = 2", "", "!SHAPE"},
        {"CumSum", "4x5 f32; scalar s64", "", "!NEED_VALUE"},
        {"CumProd", "4x5 bool; scalar s64 = 1", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_sample(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"GridSample", "2x3x4x5 f32; 2x6x7x2 f32", "", "2x3x6x7 f32"},
        {"GridSample", "2x3x4x5x6 f64; 2x6x7x8x3 f32", "", "2x3x6x7x8 f64"},
        {"GridSample", "2x3x4x5 f32; 1x6x7x2 f32", "", "!SHAPE"},
        {"GridSample", "2x3x4x5 f32; 2x6x7x3 f32", "", "!SHAPE"},
        {"GridSample", "2x3x4x5 f32; 2x6x2 f32", "", "!SHAPE"},
        {"GridSample", "2x3x0x5 f32; 2x6x7x2 f32", "", "!SHAPE"},
        {"GridSample", "2x3x4x5 f32; 2x6x7x2 f32", "mode=3", "!FORMAT"},
        {"RoiAlign", "2x3x4x5 f32; 6x4 f32; 6 s64", "output_shape=7,8", "6x3x7x8 f32"},
        {"RoiAlign", "2x3x4x5 f32; 6x4 f32; 6 s64", "", "6x3x1x1 f32"},
        {"RoiAlign", "2x3x4x5 f32; 6x5 f32; 6 s64", "", "!SHAPE"},
        {"RoiAlign", "2x3x4x5 f32; 6x4 f32; 5 s64", "", "!SHAPE"},
        {"RoiAlign", "2x3x4x5 f32; 6x4 f32; 6 s64", "coordinate_transformation_mode=1", "!FORMAT"},
        {"RoiAlign", "2x3x4x5 f32; 6x4 f32; 6 s64", "output_shape=0,8", "!FORMAT"},
        {"MaxRoiPool", "2x3x4x5 f32; 6x5 f32", "output_shape=7,8", "6x3x7x8 f32"},
        {"MaxRoiPool", "2x3x4x5 f32; 6x4 f32", "output_shape=7,8", "!SHAPE"},
        {"DeformConv", "1x4x5x5 f32; 2x2x3x3 f32; 1x36x3x3 f32; 2 f32; 1x18x3x3 f32",
         "group=2 offset_group=2", "1x2x3x3 f32"},
        {"DeformConv", "1x4x5x5 f32; 2x4x3x3 f32; 1x18x3x3 f32", "", "1x2x3x3 f32"},
        {"DeformConv", "1x4x5x5 f32; 2x4x3x3 f32; 1x18x3x2 f32", "", "!SHAPE"},
        {"DeformConv", "1x4x5x5 f32; 2x4x3x3 f32; 1x54x3x3 f32", "offset_group=3", "!SHAPE"},
        {"DeformConv", "1x4x5x5 f32; 2x4x3x3 f32; 1x18x3x3 f32; 2 f32; 1x18x3x3 f32", "", "!SHAPE"},
        {"LpPool", "1x3x6x6 f32", "kernel_shape=2,2 p=3", "1x3x5x5 f32"},
        {"LpPool", "1x3x6x6 f32", "kernel_shape=2,2 p=0", "!FORMAT"},
        {"Det", "2x3x3 f64", "", "2 f64"},
        {"Det", "2x3x4 f32", "", "!SHAPE"},
        {"Random", "2 s64 = 3,4", "mode=1", "3x4 f32"},
        {"Random", "2 s64 = 3,-4", "", "!SHAPE"},
        {"RoundFloat", "3 f32", "mode=20", "3 f32"},
        {"RoundFloat", "3 f32", "mode=8", "!FORMAT"},
        {"RoundFloat", "3 f64", "", "!UNSUPPORTED"},
        {"BitCast", "3 f32", "to=9", "3 s32"},
        {"BitCast", "3 f32", "to=4", "!FORMAT"},
        {"BitwiseXor", "3x1 u8; 4 u8", "", "3x4 u8"},
        {"BitwiseXor", "3 f32; 3 f32", "", "!UNSUPPORTED"},
        {"LinearAttention", "1x3x8 f32; 1x3x4 f32; 1x3x6 f32; 1x2x2x3 f32; 1x3x2 f32; 1x3x2 f32",
         "q_num_heads=4 kv_num_heads=2", "1x3x12 f32; 1x2x2x3 f32"},
        {"LinearAttention", "1x3x8 f32; 1x3x4 f32; 1x3x6 f32",
         "q_num_heads=4 kv_num_heads=2 mode=0", "1x3x12 f32; 1x2x2x3 f32"},
        {"LinearAttention", "1x3x8 f32; 1x3x4 f32; 1x3x6 f32", "q_num_heads=4 kv_num_heads=2",
         "!FORMAT"},
        {"LinearAttention", "1x3x8 f32; 1x3x4 f32; 1x3x6 f32",
         "q_num_heads=4 kv_num_heads=3 mode=0", "!SHAPE"},
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
        {"Attention", "2x3x5x7 f32; 2x3x7x4 f32; 2x3x4x6 f32; 5x1 f32", "alpha=0.5", "2x3x5x6 f32"},
        {"Attention", "5x7 f32; 7x4 f32; 4x6 f32", "", "5x6 f32"},
        {"Attention", "2x5x7 f32; 2x7x4 f32; 1x4x6 f32", "", "!SHAPE"},
        {"Attention", "2x5x7 f32; 2x8x4 f32; 2x4x6 f32", "", "!SHAPE"},
        {"Attention", "2x5x7 f32; 2x7x4 f32; 2x3x6 f32", "", "!SHAPE"},
        {"Attention", "2x5x7 f32; 2x7x4 f32; 2x4x6 f32; 2x5x5 f32", "", "!SHAPE"},
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
        cmocka_unit_test(test_mod),     cmocka_unit_test(test_range),
        cmocka_unit_test(test_scatter), cmocka_unit_test(test_gather),
        cmocka_unit_test(test_sample),  cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
