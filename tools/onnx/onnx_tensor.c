/* TensorProto to a dense tensor of ours. */
#include "tools/onnx/onnx_internal.h"

#include "base/size.h"
#include "graph/params.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ONNX's small types are held in larger ones: floats of up to 8 bits as f32, whose values they
 * have, integers of 4 and 2 bits as one of 8. */
static const struct form {
    int32_t onnx;
    infer_type type;
    const char *name;
    int8_t bits;   /* that an element takes in a file, of the small ones; else 0 */
    int8_t format; /* enum infer__float_format; -1: an integer */
} types[] = {
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, INFER_F32, "FLOAT", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, INFER_U8, "UINT8", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT8, INFER_S8, "INT8", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT16, INFER_U16, "UINT16", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT16, INFER_S16, "INT16", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT32, INFER_S32, "INT32", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT64, INFER_S64, "INT64", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__STRING, INFER_TYPE_NONE, "STRING", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, INFER_BOOL, "BOOL", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, INFER_F16, "FLOAT16", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, INFER_F64, "DOUBLE", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT32, INFER_U32, "UINT32", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT64, INFER_U64, "UINT64", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64, INFER_TYPE_NONE, "COMPLEX64", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128, INFER_TYPE_NONE, "COMPLEX128", 0, -1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, INFER_BF16, "BFLOAT16", 0, -1},
    /* newer than the onnx.proto that the parser is made from */
    {17, INFER_F32, "FLOAT8E4M3FN", 8, INFER__E4M3FN},
    {18, INFER_F32, "FLOAT8E4M3FNUZ", 8, INFER__E4M3FNUZ},
    {19, INFER_F32, "FLOAT8E5M2", 8, INFER__E5M2},
    {20, INFER_F32, "FLOAT8E5M2FNUZ", 8, INFER__E5M2FNUZ},
    {21, INFER_U8, "UINT4", 4, -1},
    {22, INFER_S8, "INT4", 4, -1},
    {23, INFER_F32, "FLOAT4E2M1", 4, INFER__E2M1},
    {24, INFER_F32, "FLOAT8E8M0", 8, INFER__E8M0_UP},
    {25, INFER_U8, "UINT2", 2, -1},
    {26, INFER_S8, "INT2", 2, -1},
};

static const struct form *form_of(int64_t data_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].onnx == data_type)
            return &types[i];
    return NULL;
}

infer_type onnx_type(int64_t data_type)
{
    const struct form *f = form_of(data_type);
    return f ? f->type : INFER_TYPE_NONE;
}

int64_t onnx_number(infer_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type && !types[i].bits && type != INFER_TYPE_NONE)
            return types[i].onnx;
    return 0;
}

const char *onnx_type_text(int64_t data_type)
{
    const struct form *f = form_of(data_type);
    return f ? f->name : "?";
}

int onnx_float_format(int64_t data_type)
{
    const struct form *f = form_of(data_type);
    return f ? f->format : -1;
}

int onnx_integer_bits(int64_t data_type)
{
    const struct form *f = form_of(data_type);
    return f && f->format < 0 ? f->bits : 0;
}

/* ---- small types ---------------------------------------------------------------------------- */

/* The number that the bits of a small float stand for. */
static float small_float(uint32_t code, int format)
{
    static const struct {
        int digits, bias, bits;
    } of[] = {[INFER__E4M3FN] = {3, 7, 8},
              [INFER__E4M3FNUZ] = {3, 8, 8},
              [INFER__E5M2] = {2, 15, 8},
              [INFER__E5M2FNUZ] = {2, 16, 8},
              [INFER__E2M1] = {1, 1, 4}};
    if (format > INFER__E2M1) /* a power of 2 */
        return code == 255 ? NAN : ldexpf(1, (int)code - 127);
    const int digits = of[format].digits, sign = (int)(code >> (of[format].bits - 1) & 1);
    const int exponent = (int)(code >> digits) & ((1 << (of[format].bits - 1 - digits)) - 1);
    const int rest = (int)code & ((1 << digits) - 1);
    if ((format == INFER__E4M3FNUZ || format == INFER__E5M2FNUZ) && code == 0x80)
        return NAN;
    if (format == INFER__E4M3FN && (code & 0x7f) == 0x7f)
        return NAN;
    if (format == INFER__E5M2 && exponent == 31)
        return rest ? NAN : sign ? -INFINITY : INFINITY;
    float f = exponent ? ldexpf((float)(rest + (1 << digits)), exponent - of[format].bias - digits)
                       : ldexpf((float)rest, 1 - of[format].bias - digits);
    return sign ? -f : f;
}

/* Elements out of bytes, the first in the low bits. */
static void expand(const struct form *f, const uint8_t *from, size_t count, infer_tensor *t)
{
    const uint32_t mask = (1u << f->bits) - 1, top = 1u << (f->bits - 1);
    const size_t each = 8 / (size_t)f->bits;
    for (size_t i = 0; i < count; i++) {
        uint32_t code = (uint32_t)from[i / each] >> (i % each * (size_t)f->bits) & mask;
        if (f->format >= 0)
            ((float *)t->data)[i] = small_float(code, f->format);
        else if (f->type == INFER_S8)
            ((int8_t *)t->data)[i] = (int8_t)((int)(code ^ top) - (int)top);
        else
            ((uint8_t *)t->data)[i] = (uint8_t)code;
    }
}

/* Bytes that a tensor's elements take in a file. */
static size_t stored_bytes(const struct form *f, const infer_tensor *t, size_t count)
{
    return f->bits ? count / (8 / (size_t)f->bits) + (count % (8 / (size_t)f->bits) != 0)
                   : t->bytes;
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
static infer_status check_data(const Onnx__TensorProto *p, size_t bytes, int external,
                               infer_error *err)
{
    int fields = (p->n_float_data > 0) + (p->n_double_data > 0) + (p->n_int32_data > 0) +
                 (p->n_int64_data > 0) + (p->n_uint64_data > 0) + (p->n_string_data > 0);
    FAIL_IF((p->has_raw_data && p->raw_data.len > 0) + fields + (external != 0) > 1,
            INFER_ERROR_FORMAT, "a tensor with data in two places");
    if (p->has_raw_data && !fields && !external)
        FAIL_IF(p->raw_data.len != bytes, INFER_ERROR_FORMAT,
                "%zu bytes of data for a tensor that takes %zu", p->raw_data.len, bytes);
    else if (!external && bytes)
        FAIL_IF(!fields, INFER_ERROR_FORMAT, "a tensor without data");
    return INFER_OK;
}

/* The bytes of a message's tensor, which it then has no longer. */
static void *take_raw(const Onnx__TensorProto *p, struct onnx_arena *arena)
{
    union {
        const Onnx__TensorProto *from;
        Onnx__TensorProto *to;
    } tensor = {p};
    ProtobufCBinaryData *raw = &tensor.to->raw_data;
    void *data = raw->data;
    if (raw->len < ONNX_ARENA_LARGE) { /* small ones are not in the region */
        data = infer__region_copy(arena->region, raw->data, raw->len);
        arena->protobuf.free(arena->protobuf.allocator_data, raw->data);
    }
    *raw = (ProtobufCBinaryData){0, NULL};
    return data;
}

/* The bytes of a small type, wherever they are, into t->data. */
static infer_status read_small(const Onnx__TensorProto *p, const struct form *f, int fd,
                               uint64_t offset, size_t count, struct infer__region *region,
                               infer_tensor *t, infer_error *err)
{
    const size_t bytes = stored_bytes(f, t, count);
    const uint8_t *from = p->raw_data.data;
    uint8_t *read = NULL;
    if (fd >= 0 || !p->has_raw_data || !p->raw_data.len) {
        from = read = infer__region_calloc(region, bytes, 1);
        if (!read)
            return infer__no_memory(err, bytes);
    }
    if (fd >= 0)
        TRY(onnx_external_read(fd, offset, read, bytes, err));
    else if (read) {
        FAIL_IF(p->n_int32_data != bytes, INFER_ERROR_FORMAT, "%zu bytes of data, not %zu",
                p->n_int32_data, bytes);
        for (size_t i = 0; i < bytes; i++)
            read[i] = (uint8_t)p->int32_data[i];
    }
    expand(f, from, count, t);
    return INFER_OK;
}

/* The same of other types; data are there already where they were the message's (`raw`). */
static infer_status read_plain(const Onnx__TensorProto *p, int raw, int fd, uint64_t offset,
                               size_t count, infer_tensor *t, infer_error *err)
{
    if (fd >= 0)
        TRY(onnx_external_read(fd, offset, t->data, t->bytes, err));
    else if (!raw)
        TRY(copy_typed(p, t, count, err));
    if (fd >= 0 || raw)
        to_host_order(t, count);
    if (t->type == INFER_BOOL)
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
    return INFER_OK;
}

infer_status onnx_tensor_decode(const Onnx__TensorProto *p, struct onnx_storage *storage,
                                infer_tensor *t, infer_error *err)
{
    infer_status status = INFER_OK;
    size_t count = 0;
    int fd = -1;
    uint64_t offset = 0;
    int external =
        p->has_data_location && p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    TRY(decode_shape(p, storage->max_tensor_bytes, t, &count, err));
    const struct form *f = form_of(p->data_type);
    const size_t stored = stored_bytes(f, t, count);
    TRY(check_data(p, stored, external, err));
    FAIL_IF(t->bytes > storage->left, INFER_ERROR_LIMIT, "the constants take too much memory");
    if (external)
        TRY(onnx_external_open(p, storage->folder, stored, &fd, &offset, err));
    struct infer__region *region = storage->arena->region;
    const int raw = !f->bits && !external && p->has_raw_data && p->raw_data.len;
    t->data = raw ? take_raw(p, storage->arena) : infer__region_calloc(region, t->bytes, 1);
    if (!t->data)
        status = infer__no_memory(err, t->bytes);
    else if (f->bits)
        status = read_small(p, f, fd, offset, count, region, t, err);
    else
        status = read_plain(p, raw, fd, offset, count, t, err);
    if (fd >= 0)
        close(fd);
    if (status == INFER_OK)
        storage->left -= t->bytes;
    return status;
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
    struct onnx_storage storage = {-1, (uint64_t)2 << 30, (uint64_t)2 << 30, &arena};
    TRY(onnx_parse(&onnx__tensor_proto__descriptor, bytes, size, &t->region, &arena, &message,
                   err));
    const Onnx__TensorProto *p = (const Onnx__TensorProto *)message;
    infer_status status = onnx_tensor_decode(p, &storage, &t->tensor, err);
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
    TRY(onnx_map_file(path, (uint64_t)2 << 30, &bytes, &size, err));
    infer__region_init(&t->region, &a);
    infer_status status = decode_file(bytes, size, t, err);
    onnx_unmap_file(bytes, size);
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
