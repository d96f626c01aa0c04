/* Shapes of the operators that move data, and what each refuses; see test_graph.h for the
 * notation. */
#include "test_graph.h"

#define CHECK(rows) resolve_rows(rows, sizeof(rows) / sizeof *(rows))

#define S64_MAX "9223372036854775807"
#define S64_MIN "-9223372036854775808"

static void test_concat_split(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Concat", "2x3 f32; 2x5 f32; 2x0 f32", "axis=1", "2x8 f32"},
        {"Concat", "2x3 bf16; 1x3 bf16", "axis=-2", "3x3 bf16"},
        {"Concat", "2 bool", "axis=0", "2 bool"},
        {"Concat", "2x3 f32; 3x3 f32", "axis=1", "!SHAPE"},
        {"Concat", "2x3 f32; 3 f32", "axis=1", "!SHAPE"},
        {"Concat", "2x3 f32; 2x3 f16", "axis=1", "!SHAPE"},
        {"Concat", "2x3 f32", "", "!FORMAT"},
        {"Concat", "2x3 f32", "axis=2", "!SHAPE"},
        {"Concat", "scalar f32", "axis=0", "!SHAPE"},
        {"Concat", "2x3 f32; - ", "axis=0", "!FORMAT"},
        {"Split", "6x3 f32", "", "2x3 f32; 2x3 f32; 2x3 f32"},
        {"Split", "6x3 f32; 2 s64 = 5,1", "", "5x3 f32; 1x3 f32"},
        {"Split", "6x3 f32; 3 s64 = 0,6,0", "", "0x3 f32; 6x3 f32; 0x3 f32"},
        {"Split", "7 u8", "num_outputs=3", "3 u8; 3 u8; 1 u8"},
        {"Split", "2x7 u8", "axis=-1", "2x4 u8; 2x3 u8"},
        {"Split", "0 u8", "", "0 u8; 0 u8"},
        {"Split", "4 u8", "", "2 u8; 2 u8; 0 u8"},
        {"Split", "2 u8", "", "!SHAPE 4"},
        {"Split", "6 f32; 2 s64 = 5,2", "", "!SHAPE 2"},
        {"Split", "6 f32; 2 s64 = 7,-1", "", "!SHAPE 2"},
        {"Split", "6 f32; 2 s64 = " S64_MAX "," S64_MAX, "", "!LIMIT 2"},
        {"Split", "6 f32; 3 s64 = 2,2,2", "", "!SHAPE 2"},
        {"Split", "6 f32; 3 s64 = 4,2,0", "", "!SHAPE 2"},
        {"Split", "6 f32; 2 s64", "", "!NEED_VALUE 2"},
        {"Split", "6 f32", "num_outputs=3", "!SHAPE 2"},
        {"Split", "6 f32", "num_outputs=0", "!FORMAT 2"},
        {"Split", "scalar f32", "", "!SHAPE 2"},
    };
    CHECK(rows);
}

static void test_slice(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Slice", "20x10x5 f32; 2 s64 = 0,0; 2 s64 = 3,10; 2 s64 = 0,1; 2 s64 = 1,1", "",
         "3x10x5 f32"},
        {"Slice", "20x10x5 f32; 3 s64 = 0,0,3; 3 s64 = 20,10,4", "", "20x10x1 f32"},
        {"Slice", "20x10x5 f32; 1 s64 = 0; 1 s64 = -1; 1 s64 = 1", "", "20x9x5 f32"},
        {"Slice", "20x10x5 f32; 1 s64 = 1000; 1 s64 = 1000; 1 s64 = 1; 1 s64 = 1", "",
         "20x0x5 f32"},
        {"Slice", "20x10x5 f32; 3 s64 = 20,10,4; 3 s64 = 0,0,1; 3 s64 = 0,1,2; 3 s64 = -1,-3,-2",
         "", "19x3x2 f32"},
        {"Slice", "10 f32; 1 s64 = -1; 1 s64 = " S64_MIN "; 1 s64 = 0; 1 s64 = -1", "", "10 f32"},
        {"Slice", "10 f32; 1 s64 = " S64_MIN "; 1 s64 = " S64_MAX, "", "10 f32"},
        {"Slice", "10 f32; 1 s64 = " S64_MAX "; 1 s64 = " S64_MIN "; 1 s64 = 0; 1 s64 = " S64_MIN,
         "", "1 f32"},
        {"Slice", "10 f32; 1 s64 = 3; 1 s64 = 9; 1 s64 = 0; 1 s64 = " S64_MAX, "", "1 f32"},
        {"Slice", "10 f32; 1 s32 = 1; 1 s32 = 9; - ; 1 s32 = 3", "", "3 f32"},
        {"Slice", "10 f32; 1 s64 = 1; 1 s64 = 10; 1 s64 = -1; 1 s64 = 3", "", "3 f32"},
        {"Slice", "10 f32; 1 s64 = 1; 1 s64 = 8; 1 s64 = -1; 1 s64 = 3", "", "3 f32"},
        {"Slice", "10 f32; 1 s64 = 1; 1 s64 = 7; 1 s64 = -1; 1 s64 = 3", "", "2 f32"},
        {"Slice", "0 f32; 1 s64 = -1; 1 s64 = -5; 1 s64 = 0; 1 s64 = -1", "", "0 f32"},
        {"Slice", "0 f32; 1 s64 = 0; 1 s64 = 5", "", "0 f32"},
        {"Slice", "5 f32; 1 s64 = 3; 1 s64 = 1", "", "0 f32"},
        {"Slice", "5x5 f32; 0 s64 =; 0 s64 =; 0 s64 =", "", "5x5 f32"},
        {"Slice", "10 f32; 1 s64 = 1; 1 s64 = 7; 1 s64 = 0; 1 s64 = 0", "", "!SHAPE"},
        {"Slice", "10 f32; 1 s64 = 1; 2 s64 = 7,1", "", "!SHAPE"},
        {"Slice", "10x10 f32; 1 s64 = 1; 1 s64 = 7; 2 s64 = 0,1", "", "!SHAPE"},
        {"Slice", "10x10 f32; 2 s64 = 1,1; 2 s64 = 7,7; 2 s64 = 1,-1", "", "!SHAPE"},
        {"Slice", "10 f32; 2 s64 = 1,1; 2 s64 = 7,7", "", "!SHAPE"},
        {"Slice", "10 f32; 1 s64 = 1; 1 s64 = 7; 1 s64 = 1", "", "!SHAPE"},
        {"Slice", "10 f32; 1 s64; 1 s64 = 7", "", "!NEED_VALUE"},
        {"Slice", "10 f32; 1 f32 = 1; 1 s64 = 7", "", "!UNSUPPORTED"},
        {"Slice", "10 f32; - ; 1 s64 = 7", "", "!FORMAT"},
        {"Slice", "10 f32; 17 s64 = 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1; 1 s64 = 7", "", "!SHAPE"},
    };
    CHECK(rows);
}

static void test_pad(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Pad", "3x2 f32; 4 s64 = 0,2,0,0", "", "3x4 f32"},
        {"Pad", "3x2 f32; 4 s64 = 1,0,2,3; scalar f32", "", "6x5 f32"},
        {"Pad", "1x3x4x4 f32; 2 s64 = 1,2; - ; 1 s64 = -1", "", "1x3x4x7 f32"},
        {"Pad", "4 f32; 2 s64 = -1,-2", "", "1 f32"},
        {"Pad", "4 f32; 2 s64 = -2,-2", "", "0 f32"},
        {"Pad", "4 f32; 2 s64 = -4,5", "", "5 f32"},
        {"Pad", "0 f32; 2 s64 = 1,1", "", "2 f32"},
        {"Pad", "4 f32; 2 s64 = 3,3", "mode=1", "10 f32"},
        {"Pad", "4 f32; 2 s64 = 4,0", "mode=1", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = -1,3", "mode=1", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = -1,2", "mode=1", "5 f32"},
        {"Pad", "1 f32; 2 s64 = 9,9", "mode=2", "19 f32"},
        {"Pad", "0 f32; 2 s64 = 1,0", "mode=2", "!SHAPE"},
        {"Pad", "0x3 f32; 4 s64 = 0,1,0,1", "mode=2", "0x5 f32"},
        {"Pad", "4 f32; 2 s64 = 4,4", "mode=3", "12 f32"},
        {"Pad", "4 f32; 2 s64 = 5,4", "mode=3", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = 0,0", "mode=4", "!FORMAT"},
        {"Pad", "4 f32; 2 s64 = -5,5", "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = -3,-2", "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = " S64_MIN "," S64_MIN, "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = " S64_MAX "," S64_MAX, "", "!LIMIT"},
        {"Pad", "4 f32; 3 s64 = 1,1,1", "", "!SHAPE"},
        {"Pad", "4x4 f32; 2 s64 = 1,1", "", "!SHAPE"},
        {"Pad", "4x4 f32; 4 s64 = 1,1,1,1; - ; 2 s64 = 0,-2", "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = 1,1; scalar s32", "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64 = 1,1; 2 f32", "", "!SHAPE"},
        {"Pad", "4 f32; 2 s64", "", "!NEED_VALUE"},
    };
    CHECK(rows);
}

static void test_reshape(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Reshape", "2x3x4 f32; 2 s64 = 4,6", "", "4x6 f32"},
        {"Reshape", "2x3x4 f32; 2 s64 = -1,6", "", "4x6 f32"},
        {"Reshape", "2x3x4 f32; 3 s64 = 0,0,-1", "", "2x3x4 f32"},
        {"Reshape", "2x3x4 f32; 4 s64 = 2,0,2,-1", "", "2x3x2x2 f32"},
        {"Reshape", "1x1 f32; 0 s64 =", "", "scalar f32"},
        {"Reshape", "scalar f32; 2 s64 = 1,-1", "", "1x1 f32"},
        {"Reshape", "0x3x4 f32; 2 s64 = 3,0", "allowzero=1", "3x0 f32"},
        {"Reshape", "0x3x4 f32; 2 s64 = 0,7", "", "0x7 f32"},
        {"Reshape", "0x3x4 f32; 2 s64 = 7,-1", "", "7x0 f32"},
        {"Reshape", "0x3x4 f32; 2 s64 = 0,-1", "", "!SHAPE"},
        {"Reshape", "0x3x4 f32; 2 s64 = 0,-1", "allowzero=1", "!SHAPE"},
        {"Reshape", "2x3x4 f32; 2 s64 = 5,-1", "", "!SHAPE"},
        {"Reshape", "2x3x4 f32; 2 s64 = 5,5", "", "!SHAPE"},
        {"Reshape", "2x3x4 f32; 2 s64 = -1,-1", "", "!SHAPE"},
        {"Reshape", "2x3x4 f32; 2 s64 = -2,-12", "", "!SHAPE"},
        {"Reshape", "2x12 f32; 3 s64 = 2,12,0", "", "!SHAPE"},
        {"Reshape", "2x3 f32; 3 s64 = " S64_MAX "," S64_MAX ",6", "", "!LIMIT"},
        {"Reshape", "2x3 f32; 9 s64 = 1,1,1,1,1,1,1,2,3", "", "!UNSUPPORTED"},
        {"Reshape", "2x3 f32; 1x2 s64 = 2,3", "", "!SHAPE"},
        {"Reshape", "2x3 f32; 2 s64", "", "!NEED_VALUE"},
        {"Reshape", "2x3 f32; 2 s64 = 2,3", "allowzero=3", "!FORMAT"},
        {"Flatten", "2x3x4 f32", "", "2x12 f32"},
        {"Flatten", "2x3x4 f32", "axis=0", "1x24 f32"},
        {"Flatten", "2x3x4 f32", "axis=3", "24x1 f32"},
        {"Flatten", "2x3x4 f32", "axis=-1", "6x4 f32"},
        {"Flatten", "2x0x4 f32", "axis=2", "0x4 f32"},
        {"Flatten", "scalar f32", "axis=0", "1x1 f32"},
        {"Flatten", "2x3x4 f32", "axis=4", "!SHAPE"},
        {"Flatten", "2x3x4 f32", "axis=-4", "!SHAPE"},
        {"Flatten", "scalar f32", "", "!SHAPE"},
        {"Squeeze", "1x3x1x5 f32; 1 s64 = 0", "", "3x1x5 f32"},
        {"Squeeze", "1x3x1x5 f32; 1 s64 = -2", "", "1x3x5 f32"},
        {"Squeeze", "1x3x1x5 f32", "", "3x5 f32"},
        {"Squeeze", "1x1 f32", "", "scalar f32"},
        {"Squeeze", "1x3 f32; 0 s64 =", "", "1x3 f32"},
        {"Squeeze", "1x3 f32; 1 s64 = 1", "", "!SHAPE"},
        {"Squeeze", "1x3 f32; 2 s64 = 0,-2", "", "!SHAPE"},
        {"Squeeze", "1x3 f32; 1 s64 = 2", "", "!SHAPE"},
        {"Unsqueeze", "3x4 f32; 1 s64 = 0", "", "1x3x4 f32"},
        {"Unsqueeze", "3x4 f32; 3 s64 = -1,0,2", "", "1x3x1x4x1 f32"},
        {"Unsqueeze", "scalar f32; 2 s64 = 0,1", "", "1x1 f32"},
        {"Unsqueeze", "3x4 f32; 1 s64 = 3", "", "!SHAPE"},
        {"Unsqueeze", "3x4 f32; 2 s64 = 0,-4", "", "!SHAPE"},
        {"Unsqueeze", "1x1x1x1x1x1x1x1 f32; 1 s64 = 0", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_order(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Transpose", "2x3x4 f32", "", "4x3x2 f32"},
        {"Transpose", "2x3x4 f32", "perm=1,0,2", "3x2x4 f32"},
        {"Transpose", "scalar f32", "", "scalar f32"},
        {"Transpose", "2x3x4 f32", "perm=1,0", "!SHAPE"},
        {"Transpose", "2x3x4 f32", "perm=1,1,2", "!FORMAT"},
        {"Transpose", "2x3x4 f32", "perm=1,0,3", "!FORMAT"},
        {"Transpose", "2x3x4 f32", "perm=1,0,-1", "!FORMAT"},
        {"DepthToSpace", "1x8x2x3 f32", "blocksize=2", "1x2x4x6 f32"},
        {"DepthToSpace", "1x9x2x0 u8", "blocksize=3 mode=1", "1x1x6x0 u8"},
        {"DepthToSpace", "1x6x2x3 f32", "blocksize=2", "!SHAPE"},
        {"DepthToSpace", "1x8x2x3 f32", "blocksize=0", "!FORMAT"},
        {"DepthToSpace", "1x0x2x3 f32", "blocksize=2147483647", "!LIMIT"},
        {"DepthToSpace", "1x8x2x3 f32", "", "!FORMAT"},
        {"DepthToSpace", "1x8x2x3 f32", "blocksize=2 mode=2", "!FORMAT"},
        {"DepthToSpace", "8x2x3 f32", "blocksize=2", "!SHAPE"},
        {"DepthToSpace", "1x8x2x3x4 f32", "blocksize=2", "!SHAPE"},
        {"SpaceToDepth", "1x8x2x4x4 f32", "blocksize=2", "!SHAPE"},
        {"SpaceToDepth", "1x2x4x6 f32", "blocksize=2", "1x8x2x3 f32"},
        {"SpaceToDepth", "1x2x4x5 f32", "blocksize=2", "!SHAPE"},
        {"SpaceToDepth", "1x2x4x6 f32", "", "!FORMAT"},
        {"SpaceToDepth", "1x9x0x0 f32", "blocksize=2147483647", "!LIMIT"},
    };
    CHECK(rows);
}

static void test_gather_expand_tile(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Gather", "5x4x3 f32; 2x2 s64", "", "2x2x4x3 f32"},
        {"Gather", "5x4x3 f32; scalar s32", "axis=-1", "5x4 f32"},
        {"Gather", "5 s64; scalar s64 = -5", "", "scalar s64"},
        {"Gather", "5x4 f32; 0 s64", "axis=1", "5x0 f32"},
        {"Gather", "0x4 f32; 0 s64", "", "0x4 f32"},
        {"Gather", "0x4 f32; 1 s64", "", "!SHAPE"},
        {"Gather", "5 s64; 2 s64 = 0,5", "", "!SHAPE"},
        {"Gather", "5 s64; 2 s32 = 0,-6", "", "!SHAPE"},
        {"Gather", "5x4 f32; 2 s64", "axis=2", "!SHAPE"},
        {"Gather", "scalar f32; 2 s64", "", "!SHAPE"},
        {"Gather", "5x4 f32; 2 f32", "", "!UNSUPPORTED"},
        {"Gather", "1x1x1x1x1 f32; 1x1x1x1x1 s64", "", "!UNSUPPORTED"},
        {"Expand", "2x3 f32; -", "", "!FORMAT"},
        {"Expand", "3x1 f32; 3 s64 = 2,1,6", "", "2x3x6 f32"},
        {"Expand", "3x4 f32; 1 s64 = 1", "", "3x4 f32"},
        {"Expand", "3x1 f32; 2 s64 = 3,0", "", "3x0 f32"},
        {"Expand", "scalar f32; 0 s64 =", "", "scalar f32"},
        {"Expand", "3x4 f32; 2 s64 = 3,2", "", "!SHAPE"},
        {"Expand", "3x4 f32; 2 s64 = 3,-1", "", "!SHAPE"},
        {"Expand", "1 f32; 2 s64 = 4294967296,4294967296", "", "!LIMIT"},
        {"Expand", "3x1 f32; 3 s64", "", "!NEED_VALUE"},
        {"Tile", "2x3 f32; 2 s64 = 2,1", "", "4x3 f32"},
        {"Tile", "2x3 f32; 2 s64 = 0,1", "", "0x3 f32"},
        {"Tile", "2x3 f32; 1 s64 = 2", "", "!SHAPE"},
        {"Tile", "2x3 f32; 2 s64 = -1,1", "", "!SHAPE"},
        {"Tile", "2x3 f32; 2 s64 = " S64_MAX "," S64_MAX, "", "!LIMIT"},
        {"Tile", "0x3 f32; 2 s64 = " S64_MAX ",4611686018427387904", "", "!LIMIT"},
    };
    CHECK(rows);
}

static void test_shape(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Shape", "2x3x4 bf16", "", "3 s64"},
        {"Shape", "2x3x4 f32", "start=1", "2 s64"},
        {"Shape", "2x3x4 f32", "start=-1", "1 s64"},
        {"Shape", "2x3x4 f32", "end=-1", "2 s64"},
        {"Shape", "2x3x4 f32", "start=1 end=2", "1 s64"},
        {"Shape", "2x3x4 f32", "start=2 end=1", "0 s64"},
        {"Shape", "2x3x4 f32", "start=" S64_MIN " end=" S64_MAX, "3 s64"},
        {"Shape", "scalar f32", "", "0 s64"},
        {"ConstantOfShape", "3 s64 = 4,3,2", "", "4x3x2 f32"},
        {"ConstantOfShape", "0 s64 =; 1 s64 = 1", "", "scalar s64"},
        {"ConstantOfShape", "2 s64 = 0,3; 1 s32 = 1", "", "0x3 s32"},
        {"ConstantOfShape", "1 s64 = -1", "", "!SHAPE"},
        {"ConstantOfShape", "3 s64 = 2147483647,2147483647,2147483647", "", "!LIMIT"},
        {"ConstantOfShape", "2 s64 = 536870911,0", "", "536870911x0 f32"},
        {"ConstantOfShape", "2 s64 = 2147483648,0", "", "!LIMIT"},
        {"ConstantOfShape", "3 s64 = " S64_MAX ",0," S64_MAX, "", "!LIMIT"},
        {"ConstantOfShape", "1 s64 = 1; 2 s64 = 1,1", "", "!SHAPE"},
        {"ConstantOfShape", "1 s64", "", "!NEED_VALUE"},
    };
    CHECK(rows);
}

static void test_resize(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"Resize", "1x1x2x4 f32; - ; 4 f32 = 1,1,0.6,0.6", "", "1x1x1x2 f32"},
        {"Resize", "1x3x7x9 f32; - ; 4 f32 = 1,1,2,2", "mode=1", "1x3x14x18 f32"},
        {"Resize", "1x3x10x10 f32; 0 f32 =; 4 f32 = 1,1,2.3,0.1", "", "1x3x23x1 f32"},
        {"Resize", "1x3x7x9 u8; - ; - ; 4 s64 = 1,3,5,4", "", "1x3x5x4 u8"},
        {"Resize", "1x3x7x9 f32; 0 f32 =; 0 f32 =; 4 s64 = 1,3,5,4", "mode=2", "1x3x5x4 f32"},
        {"Resize", "1x3x7x9 f32; - ; 2 f32 = 2,3", "axes=-1,2", "1x3x21x18 f32"},
        {"Resize", "1x3x7x9 f32; - ; - ; 2 s64 = 2,3", "axes=3,2", "1x3x3x2 f32"},
        /* scales 7/8 and 10/8 */
        {"Resize", "1x1x8x8 f32; - ; - ; 2 s64 = 7,10", "axes=2,3 keep_aspect_ratio_policy=1",
         "1x1x7x7 f32"},
        {"Resize", "1x1x8x8 f32; - ; - ; 2 s64 = 7,10", "axes=2,3 keep_aspect_ratio_policy=2",
         "1x1x10x10 f32"},
        {"Resize", "1x1x2x3 f32; - ; - ; 2 s64 = 7,8", "axes=2,3 keep_aspect_ratio_policy=1",
         "1x1x5x8 f32"},
        {"Resize", "1x1x4x4 f32; 8 f32 = 0,0,0.4,0.6,1,1,0.6,0.8; - ; 4 s64 = 1,1,3,3",
         "coordinate_transformation_mode=4", "1x1x3x3 f32"},
        {"Resize", "0x1 f32; - ; 2 f32 = 2,2", "", "0x2 f32"},
        {"Resize", "0x1 f32; - ; - ; 2 s64 = 0,2", "keep_aspect_ratio_policy=1", "0x2 f32"},
        {"Resize", "2x2 f32; - ; 2 f32 = 0.1,1", "", "0x2 f32"},
        {"Resize", "1x1x4x4 f32; - ; - ; 4 s64 = 1,1,3,3", "coordinate_transformation_mode=4",
         "!SHAPE"},
        {"Resize", "4 f32; 2 f32 = 0,nan; - ; 1 s64 = 3", "coordinate_transformation_mode=4",
         "!SHAPE"},
        {"Resize", "0x1 f32; - ; - ; 2 s64 = 1,2", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1; 2 s64 = 4,4", "", "!SHAPE"},
        {"Resize", "4x4 f32", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 1 f32 = 1", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,0", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,-1", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = nan,1", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = inf,1", "", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = 3e38,1", "", "!LIMIT"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1e18,1", "", "!LIMIT"},
        {"Resize", "4x4 f32; - ; - ; 2 s64 = -1,4", "", "!SHAPE"},
        {"Resize", "1x4 f32; - ; - ; 2 s64 = " S64_MAX "," S64_MAX, "keep_aspect_ratio_policy=2",
         "!LIMIT"},
        {"Resize", "4x4 f32; - ; - ; 2 s64 = 4,4", "keep_aspect_ratio_policy=3", "!FORMAT"},
        {"Resize", "4x4 f32; - ; - ; 2 s64 = 4,4", "axes=0,-2", "!SHAPE"},
        {"Resize", "4x4 f32; - ; - ; 3 s64 = 4,4,4", "axes=0,1,2", "!SHAPE"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1", "mode=3", "!FORMAT"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1", "nearest_mode=4", "!FORMAT"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1", "coordinate_transformation_mode=7", "!FORMAT"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1", "antialias=1", "!FORMAT"},
        {"Resize", "4x4 f32; - ; 2 f32 = 1,1", "mode=1 antialias=1", "4x4 f32"},
        {"Resize", "4x4 f32; - ; 2 f32", "", "!NEED_VALUE"},
        {"Resize", "4x4 f32; - ; - ; 2 s64", "", "!NEED_VALUE"},
        {"Resize", "4x4 f32; - ; 2 s64 = 1,1", "", "!UNSUPPORTED"},
        {"Resize", "4x4 f32; - ; 17 f32 = 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "", "!SHAPE"},
        {"Resize", "4x4 s64; - ; 2 f32 = 1,1", "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concat_split), cmocka_unit_test(test_slice),
        cmocka_unit_test(test_pad),          cmocka_unit_test(test_reshape),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_gather_expand_tile),
        cmocka_unit_test(test_shape),        cmocka_unit_test(test_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
