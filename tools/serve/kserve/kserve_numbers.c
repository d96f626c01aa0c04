/* Numbers of JSON to elements of tensors.
 *
 * A document of yyjson lies in one piece, each value behind the one that stands before it in the
 * text, so that the elements of nested arrays are met in one pass, whatever their depth. */
#include <math.h>
#include <stdlib.h>

#include "tools/serve/kserve/kserve.h"

size_t kserve_count(yyjson_val *data)
{
    size_t n = 0;
    const yyjson_val *end = unsafe_yyjson_get_next(data);
    for (yyjson_val *v = data + 1; v < end; v++) {
        if (yyjson_is_arr(v))
            continue;
        n++;
        if (yyjson_is_obj(v))
            v = unsafe_yyjson_get_next(v) - 1;
    }
    return n;
}

static int refuse(struct v2_error *err, const char *name, const char *what)
{
    v2_fail(err, V2_INVALID, "Unable to parse 'data' of input '%.100s': a value is no %s", name,
            what);
    return 0;
}

/* A number that is too long for 64 bits. */
static int read_long(yyjson_val *v, double *to)
{
    if (!yyjson_is_raw(v))
        return 0;
    *to = strtod(yyjson_get_raw(v), NULL);
    return !isinf(*to);
}

static int read_real(yyjson_val *v, double *to)
{
    if (yyjson_is_num(v)) {
        *to = yyjson_get_num(v);
        return 1;
    }
    return read_long(v, to);
}

static int read_floats(yyjson_val *v, float *to, size_t count)
{
    for (size_t i = 0; i < count; v++) {
        if (yyjson_is_real(v)) {
            to[i++] = (float)unsafe_yyjson_get_real(v);
        } else if (!yyjson_is_arr(v)) {
            double d;
            if (!read_real(v, &d))
                return 0;
            to[i++] = (float)d;
        }
    }
    return 1;
}

static int read_doubles(yyjson_val *v, double *to, size_t count)
{
    for (size_t i = 0; i < count; v++)
        if (!yyjson_is_arr(v) && !read_real(v, &to[i++]))
            return 0;
    return 1;
}

static int read_bools(yyjson_val *v, unsigned char *to, size_t count)
{
    for (size_t i = 0; i < count; v++) {
        if (yyjson_is_arr(v))
            continue;
        if (yyjson_is_bool(v))
            to[i++] = yyjson_get_bool(v);
        else if (yyjson_is_uint(v) && yyjson_get_uint(v) <= 1)
            to[i++] = (unsigned char)yyjson_get_uint(v);
        else
            return 0;
    }
    return 1;
}

/* The limits of integers of so many bytes. */
static int fits(yyjson_val *v, infer_type type)
{
    const int bits = 8 * (int)infer_type_size(type);
    const int is_signed =
        type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64;
    const uint64_t most = is_signed ? ((uint64_t)1 << (bits - 1)) - 1 : UINT64_MAX >> (64 - bits);
    if (yyjson_is_uint(v))
        return yyjson_get_uint(v) <= most;
    return yyjson_is_sint(v) &&
           (yyjson_get_sint(v) >= 0 || (is_signed && yyjson_get_sint(v) >= -(int64_t)most - 1));
}

static int read_integers(yyjson_val *v, infer_type type, void *to, size_t count)
{
    for (size_t i = 0; i < count; v++) {
        if (yyjson_is_arr(v))
            continue;
        if (!fits(v, type))
            return 0;
        const uint64_t n = yyjson_is_uint(v) ? yyjson_get_uint(v) : (uint64_t)yyjson_get_sint(v);
        switch (infer_type_size(type)) {
        case 1:
            ((uint8_t *)to)[i++] = (uint8_t)n;
            break;
        case 2:
            ((uint16_t *)to)[i++] = (uint16_t)n;
            break;
        case 4:
            ((uint32_t *)to)[i++] = (uint32_t)n;
            break;
        default:
            ((uint64_t *)to)[i++] = n;
        }
    }
    return 1;
}

int kserve_numbers(yyjson_val *data, infer_type type, void *to, size_t count, const char *name,
                   struct v2_error *err)
{
    yyjson_val *first = data + 1;
    switch (type) {
    case INFER_F32:
        return read_floats(first, to, count) || refuse(err, name, "number");
    case INFER_F64:
        return read_doubles(first, to, count) || refuse(err, name, "number");
    case INFER_BOOL:
        return read_bools(first, to, count) || refuse(err, name, "boolean");
    default:
        return read_integers(first, type, to, count) ||
               refuse(err, name, "integer, or one that its type does not hold");
    }
}
