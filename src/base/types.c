#include "infer.h"

#include "base/size.h"

#define STR2(x) #x
#define STR(x) STR2(x)

const char *infer_version(void)
{
    return STR(INFER_VERSION_MAJOR) "." STR(INFER_VERSION_MINOR) "." STR(INFER_VERSION_PATCH);
}

int infer_has_onednn(void)
{
    return INFER_ONEDNN;
}

static const struct {
    char name[5];
    uint8_t size;
} types[] = {{"none", 0}, {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"f64", 8}, {"s8", 1},  {"u8", 1},
             {"s16", 2},  {"u16", 2}, {"s32", 4}, {"u32", 4},  {"s64", 8}, {"u64", 8}, {"bool", 1}};

size_t infer_type_size(infer_type type)
{
    return (unsigned)type < sizeof types / sizeof *types ? types[type].size : 0;
}

const char *infer_type_name(infer_type type)
{
    return (unsigned)type < sizeof types / sizeof *types ? types[type].name : "none";
}

size_t infer_tensor_elements(const infer_tensor *t)
{
    int64_t n;
    if (!t || t->rank < 0 || t->rank > INFER_MAX_RANK || !infer__dims_product(t->dims, t->rank, &n))
        return 0;
    return (size_t)n;
}
