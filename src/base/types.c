#include "base/types.h"

#include <string.h>

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

static const char precisions[][11] = {"f32", "bf16", "f32-strict"};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

const char *infer_precision_name(infer_precision precision)
{
    return (unsigned)precision < PRECISIONS ? precisions[precision] : "?";
}

int infer__precision_named(const char *name, uint32_t *precision)
{
    for (uint32_t i = 0; i < PRECISIONS; i++)
        if (strcmp(name, precisions[i]) == 0) {
            *precision = i;
            return 1;
        }
    return 0;
}

size_t infer_tensor_elements(const infer_tensor *t)
{
    int64_t n;
    if (!t || t->rank < 0 || t->rank > INFER_MAX_RANK || !infer__dims_product(t->dims, t->rank, &n))
        return 0;
    return (size_t)n;
}
