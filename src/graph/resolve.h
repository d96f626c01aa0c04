/* The resolve functions that the rows of ops.def name, and helpers that they share.
 *
 * What a failure is called: FORMAT for an attribute that no shape could make right, SHAPE for
 * operands that do not fit the operator or each other, UNSUPPORTED for a type, rank or form that
 * is not implemented, NEED_VALUE for a shape-like operand that is no constant, LIMIT for a
 * tensor that is too large.
 */
#ifndef INFER_GRAPH_RESOLVE_H
#define INFER_GRAPH_RESOLVE_H

#include "base/size.h"
#include "graph/params.h"

/* Several operators share a function; to declare it once for each is harmless. */
#define OP(id, name, min_in, max_in, min_out, max_out, layout, internal, attrs, function, ...)     \
    infer_status infer__resolve_##function(struct infer__resolve *r);
#include "graph/ops.def"
#undef OP

/* Returns from a function that has `struct infer__resolve *r`. */
#define RESOLVE_FAIL_IF(cond, status_, ...)                                                        \
    do {                                                                                           \
        if (cond)                                                                                  \
            return infer__resolve_fail(r, (status_), __VA_ARGS__);                                 \
    } while (0)

/* Sets of element types. */
#define INFER__SET(type) (1u << INFER_##type)
#define INFER__SET_FLOAT (INFER__SET(F32) | INFER__SET(F64))
#define INFER__SET_SIGNED (INFER__SET(S8) | INFER__SET(S16) | INFER__SET(S32) | INFER__SET(S64))
#define INFER__SET_UNSIGNED (INFER__SET(U8) | INFER__SET(U16) | INFER__SET(U32) | INFER__SET(U64))
#define INFER__SET_NUMBER (INFER__SET_FLOAT | INFER__SET_SIGNED | INFER__SET_UNSIGNED)
#define INFER__SET_INDEX (INFER__SET(S32) | INFER__SET(S64))
#define INFER__SET_ANY (INFER__SET_NUMBER | INFER__SET(F16) | INFER__SET(BF16) | INFER__SET(BOOL))

/* Sizes of windows, strides, dilations, pads and blocks stay below this, so that sums and
 * products of two of them, plus a dimension, fit in 63 bits. */
#define INFER__MAX_WINDOW INFER__MAX_DIM

/* Dims as "2x3x5" for a message, whatever they are. */
const char *infer__dims_text(int rank, const int64_t *dims, char *text, size_t size);
/* Fails unless input i, if present, has a type of the set. */
infer_status infer__resolve_type(struct infer__resolve *r, uint32_t i, uint32_t set);
/* Fails unless inputs a and b, if both present, have one type. */
infer_status infer__resolve_same_type(struct infer__resolve *r, uint32_t a, uint32_t b);
/* Fails unless input i has a rank of `min` to `max`. */
infer_status infer__resolve_rank(struct infer__resolve *r, uint32_t i, int min, int max);
/* Fails unless input i, if present, is 1-D with `size` elements. */
infer_status infer__resolve_vector(struct infer__resolve *r, uint32_t i, int64_t size);
/* Fails unless input i, if present, has exactly one element and a rank of 0 or 1. */
infer_status infer__resolve_scalar(struct infer__resolve *r, uint32_t i);
/* Fails unless input i, if present, can be broadcast to `dims` without changing them. */
infer_status infer__resolve_broadcasts_to(struct infer__resolve *r, uint32_t i, int rank,
                                          const int64_t *dims);
/* Fails unless input i is a constant of s32 or s64 with a rank of 0 or 1; sets its number of
 * elements, which infer__resolve_element then reads. */
infer_status infer__resolve_index_operand(struct infer__resolve *r, uint32_t i, int64_t *count);
/* Element k of a constant of s32 or s64. */
int64_t infer__resolve_element(const struct infer__value *v, int64_t k);

/* A scalar attribute inside [min, max]; `otherwise` if it is not given. */
infer_status infer__resolve_int(struct infer__resolve *r, uint16_t key, int64_t otherwise,
                                int64_t min, int64_t max, int64_t *out);
/* A scalar attribute of 0 or 1. */
infer_status infer__resolve_flag(struct infer__resolve *r, uint16_t key, int otherwise,
                                 int32_t *out);
/* A finite scalar attribute. */
infer_status infer__resolve_float(struct infer__resolve *r, uint16_t key, float otherwise,
                                  float *out);
/* A list of exactly `count` elements inside [min, max]; all `otherwise` if it is not given. */
infer_status infer__resolve_list(struct infer__resolve *r, uint16_t key, int count,
                                 int64_t otherwise, int64_t min, int64_t max, int64_t *out);
/* Attribute `axis` (`otherwise` if it is not given), counted from the front. */
infer_status infer__resolve_axis_attr(struct infer__resolve *r, int64_t otherwise, int rank,
                                      int32_t *out);
/* `count` axes as a set, counted from the front; fails on one that is named twice. */
infer_status infer__resolve_axes(struct infer__resolve *r, const int64_t *axes, int count, int rank,
                                 uint32_t *set);
/* Output 0 with the type and shape of input 0. */
infer_status infer__resolve_like_input(struct infer__resolve *r);
/* ConvInteger, MatMulInteger: the types of all operands; *type is the result's. */
infer_status infer__resolve_integer(struct infer__resolve *r, infer_type *type);
/* Fails unless their zero points, scale and bias are one number each, or one for each output
 * channel (zero points of input 0: for each row of it). */
infer_status infer__resolve_channels(struct infer__resolve *r, int64_t rows, int64_t channels);

#endif
