/* TensorProto to a dense tensor of ours. */
#include "tools/onnx/onnx_internal.h"

#include "base/size.h"

#include <string.h>
#include <unistd.h>

static const struct {
    int32_t onnx;
    infer_type type;
    const char *name;
} types[] = {
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, INFER_F32, "FLOAT"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, INFER_U8, "UINT8"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT8, INFER_S8, "INT8"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT16, INFER_U16, "UINT16"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT16, INFER_S16, "INT16"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT32, INFER_S32, "INT32"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT64, INFER_S64, "INT64"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__STRING, INFER_TYPE_NONE, "STRING"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, INFER_BOOL, "BOOL"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, INFER_F16, "FLOAT16"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, INFER_F64, "DOUBLE"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT32, INFER_U32, "UINT32"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT64, INFER_U64, "UINT64"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64, INFER_TYPE_NONE, "COMPLEX64"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128, INFER_TYPE_NONE, "COMPLEX128"},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, INFER_BF16, "BFLOAT16"},
    /* newer than the onnx.proto that the parser is made from */
    {17, INFER_TYPE_NONE, "FLOAT8E4M3FN"},
    {18, INFER_TYPE_NONE, "FLOAT8E4M3FNUZ"},
    {19, INFER_TYPE_NONE, "FLOAT8E5M2"},
    {20, INFER_TYPE_NONE, "FLOAT8E5M2FNUZ"},
    {21, INFER_TYPE_NONE, "UINT4"},
    {22, INFER_TYPE_NONE, "INT4"},
};

infer_type onnx_type(int64_t data_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].onnx == data_type)
            return types[i].type;
    return INFER_TYPE_NONE;
}

const char *onnx_type_text(int64_t data_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].onnx == data_type)
            return types[i].name;
    return "?";
}

/* ---- typed fields --------------------------------------------------------------------------- */

/* int32_data holds all integers up to 32 bits, bool, and the bits of f16 and bf16. */
static int copy_int32(infer_type type, const int32_t *from, size_t count, void *to)
{
    for (size_t i = 0; i < count; i++) {
        int32_t v = from[i];
        switch (type) {
        case INFER_S8:
            if (v < INT8_MIN || v > INT8_MAX)
                return 0;
            ((int8_t *)to)[i] = (int8_t)v;
            break;
        case INFER_BOOL:
        case INFER_U8:
            if (v < 0 || v > UINT8_MAX)
                return 0;
            ((uint8_t *)to)[i] = (uint8_t)v;
            break;
        case INFER_S16:
            if (v < INT16_MIN || v > INT16_MAX)
                return 0;
            ((int16_t *)to)[i] = (int16_t)v;
            break;
        case INFER_U16:
        case INFER_F16:
        case INFER_BF16:
            if (v < 0 || v > UINT16_MAX)
                return 0;
            ((uint16_t *)to)[i] = (uint16_t)v;
            break;
        default:
            ((int32_t *)to)[i] = v;
        }
    }
    return 1;
}

static infer_status copy_typed(const Onnx__TensorProto *p, infer_tensor *t, size_t count,
                               infer_error *err)
{
    size_t have = 0;
    int fits = 1;
    switch (t->type) {
    case INFER_F32:
        have = p->n_float_data;
        break;
    case INFER_F64:
        have = p->n_double_data;
        break;
    case INFER_S64:
        have = p->n_int64_data;
        break;
    case INFER_U32:
    case INFER_U64:
        have = p->n_uint64_data;
        break;
    default:
        have = p->n_int32_data;
    }
    FAIL_IF(have != count, INFER_ERROR_FORMAT, "%zu elements of data for a tensor of %zu", have,
            count);
    if (count == 0)
        return INFER_OK;
    switch (t->type) {
    case INFER_F32:
        memcpy(t->data, p->float_data, count * sizeof(float));
        break;
    case INFER_F64:
        memcpy(t->data, p->double_data, count * sizeof(double));
        break;
    case INFER_S64:
        memcpy(t->data, p->int64_data, count * sizeof(int64_t));
        break;
    case INFER_U64:
        memcpy(t->data, p->uint64_data, count * sizeof(uint64_t));
        break;
    case INFER_U32:
        for (size_t i = 0; i < count; i++) {
            fits &= p->uint64_data[i] <= UINT32_MAX;
            ((uint32_t *)t->data)[i] = (uint32_t)p->uint64_data[i];
        }
        break;
    default:
        fits = copy_int32(t->type, p->int32_data, count, t->data);
    }
    FAIL_IF(!fits, INFER_ERROR_FORMAT, "an element does not fit into type %s",
            infer_type_name(t->type));
    return INFER_OK;
}

/* raw_data and external data are little-endian. */
static void to_host_order(infer_tensor *t, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    size_t size = infer_type_size(t->type);
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = (uint8_t *)t->data + i * size;
        for (size_t k = 0; k < size / 2; k++) {
            uint8_t swap = p[k];
            p[k] = p[size - 1 - k];
            p[size - 1 - k] = swap;
        }
    }
#else
    (void)t;
    (void)count;
#endif
}

/* ---- decoding ------------------------------------------------------------------------------- */

/* Type, shape and size of a tensor, without its data. */
static infer_status decode_shape(const Onnx__TensorProto *p, uint64_t max_bytes, infer_tensor *t,
                                 size_t *count, infer_error *err)
{
    int64_t elements;
    memset(t, 0, sizeof *t);
    t->type = onnx_type(p->data_type);
    FAIL_IF(t->type == INFER_TYPE_NONE, INFER_ERROR_UNSUPPORTED, "tensor of type %d (%s)",
            p->data_type, onnx_type_text(p->data_type));
    FAIL_IF(p->segment, INFER_ERROR_UNSUPPORTED, "a tensor in segments");
    FAIL_IF(p->n_dims > INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED, "tensor of rank %zu, at most %d",
            p->n_dims, INFER_MAX_RANK);
    t->rank = (int32_t)p->n_dims;
    for (size_t i = 0; i < p->n_dims; i++)
        t->dims[i] = p->dims[i];
    FAIL_IF(!infer__dims_product(t->dims, t->rank, &elements), INFER_ERROR_FORMAT,
            "the tensor's shape is impossible");
    FAIL_IF(!infer__size_mul((size_t)elements, infer_type_size(t->type), &t->bytes) ||
                t->bytes > max_bytes,
            INFER_ERROR_LIMIT, "a tensor of %lld elements: more than %llu bytes",
            (long long)elements, (unsigned long long)max_bytes);
    *count = (size_t)elements;
    return INFER_OK;
}

/* Memory is taken only once the file is known to have that much data; of external data, once the
 * budget allows it. */
static infer_status check_data(const Onnx__TensorProto *p, const infer_tensor *t, int external,
                               infer_error *err)
{
    int fields = (p->n_float_data > 0) + (p->n_double_data > 0) + (p->n_int32_data > 0) +
                 (p->n_int64_data > 0) + (p->n_uint64_data > 0) + (p->n_string_data > 0);
    FAIL_IF((p->has_raw_data && p->raw_data.len > 0) + fields + (external != 0) > 1,
            INFER_ERROR_FORMAT, "a tensor with data in two places");
    if (p->has_raw_data && !fields && !external)
        FAIL_IF(p->raw_data.len != t->bytes, INFER_ERROR_FORMAT,
                "%zu bytes of data for a tensor that takes %zu", p->raw_data.len, t->bytes);
    else if (!external && t->bytes)
        FAIL_IF(!fields, INFER_ERROR_FORMAT, "a tensor without data");
    return INFER_OK;
}

infer_status onnx_tensor_decode(const Onnx__TensorProto *p, struct onnx_storage *storage,
                                struct infer__region *region, infer_tensor *t, infer_error *err)
{
    infer_status status = INFER_OK;
    size_t count = 0;
    int fd = -1;
    uint64_t offset = 0;
    int external =
        p->has_data_location && p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    TRY(decode_shape(p, storage->max_tensor_bytes, t, &count, err));
    TRY(check_data(p, t, external, err));
    FAIL_IF(t->bytes > storage->left, INFER_ERROR_LIMIT, "the constants take too much memory");
    if (external)
        TRY(onnx_external_open(p, storage->folder, t->bytes, &fd, &offset, err));
    t->data = infer__region_calloc(region, t->bytes, 1);
    if (!t->data)
        status = infer__no_memory(err, t->bytes);
    else if (external)
        status = onnx_external_read(fd, offset, t->data, t->bytes, err);
    else if (p->has_raw_data && p->raw_data.len)
        memcpy(t->data, p->raw_data.data, t->bytes);
    else
        status = copy_typed(p, t, count, err);
    if (fd >= 0)
        close(fd);
    if (status != INFER_OK)
        return status;
    storage->left -= t->bytes;
    if (external || (p->has_raw_data && p->raw_data.len))
        to_host_order(t, count);
    if (t->type == INFER_BOOL)
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
    return INFER_OK;
}

/* IEEE 754 binary16 to binary32, exact. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, bits = h & 0x3ff;
    float f;
    if (exponent == 0) {
        f = (float)bits * 0x1p-24f; /* zero and subnormals */
        return sign ? -f : f;
    }
    /* 31 is infinity and NaN; else move the bias from 15 to 127. */
    uint32_t u = sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | bits << 13;
    memcpy(&f, &u, sizeof f);
    return f;
}

infer_status onnx_tensor_widen(infer_tensor *t, struct infer__region *region, infer_error *err)
{
    if (t->type != INFER_F16 && t->type != INFER_BF16)
        return INFER_OK;
    size_t count = t->bytes / 2;
    float *to = infer__region_calloc(region, count, sizeof *to);
    if (!to)
        return infer__no_memory(err, t->bytes * 2);
    const uint16_t *from = t->data;
    for (size_t i = 0; i < count; i++) {
        if (t->type == INFER_F16) {
            to[i] = half_to_float(from[i]);
        } else {
            uint32_t u = (uint32_t)from[i] << 16;
            memcpy(&to[i], &u, sizeof u);
        }
    }
    t->type = INFER_F32;
    t->data = to;
    t->bytes = count * sizeof *to;
    return INFER_OK;
}

/* ---- tensor files --------------------------------------------------------------------------- */

static infer_status decode_file(const void *bytes, size_t size, struct onnx_tensor *t,
                                infer_error *err)
{
    struct onnx_arena arena;
    ProtobufCMessage *message;
    struct onnx_storage storage = {-1, (uint64_t)2 << 30, (uint64_t)2 << 30};
    TRY(onnx_parse(&onnx__tensor_proto__descriptor, bytes, size, &arena, &message, err));
    const Onnx__TensorProto *p = (const Onnx__TensorProto *)message;
    infer_status status = onnx_tensor_decode(p, &storage, &t->region, &t->tensor, err);
    if (status == INFER_OK) {
        t->name = infer__region_string(&t->region, p->name ? p->name : "");
        if (!t->name)
            status = infer__no_memory(err, 1);
    }
    protobuf_c_message_free_unpacked(message, &arena.protobuf);
    return status;
}

infer_status onnx_tensor_load(const char *path, struct onnx_tensor *t, infer_error *err)
{
    infer_error local;
    infer_allocator a = infer__allocator(NULL);
    void *bytes;
    size_t size;
    err = err ? err : &local;
    infer__error_clear(err);
    memset(t, 0, sizeof *t);
    TRY(onnx_read_file(path, (uint64_t)2 << 30, &a, &bytes, &size, err));
    infer__region_init(&t->region, &a);
    infer_status status = decode_file(bytes, size, t, err);
    infer__free(&a, bytes);
    if (status != INFER_OK)
        onnx_tensor_free(t);
    return status;
}

void onnx_tensor_free(struct onnx_tensor *t)
{
    if (t)
        infer__region_free(&t->region);
    if (t)
        memset(t, 0, sizeof *t);
}
