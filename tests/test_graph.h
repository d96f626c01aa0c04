/* Small graphs written as text, for the tests of src/graph.
 *
 *   operands    "1x3x8x8 f32; 2 s64 = 4,-1; - ; scalar f32"   - is absent, = makes a constant
 *   attributes  "strides=2,2 pads=1,1,1,1"                    ONNX's names, enums as numbers
 *   outputs     "1x4x4x4 f32; - ; 2 s64" or "!SHAPE" (one output), "!SHAPE 3" (three outputs);
 *               "2x<=9 s64": the most of a size
 */
#ifndef TESTS_TEST_GRAPH_H
#define TESTS_TEST_GRAPH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/params.h"

#define MAX_OPERANDS 12
#define MAX_TENSOR_BYTES (UINT64_C(1) << 31)

struct fixture {
    struct infer__region region;
    struct infer__graph g;
    union infer__params params;
    infer_error err;
};

static inline void fixture_init(struct fixture *f)
{
    infer__region_init(&f->region, NULL);
    assert_int_equal(infer__graph_init(&f->g, &f->region, &f->err), INFER_OK);
}

static inline void fixture_free(struct fixture *f)
{
    infer__region_free(&f->region);
}

/* ---- reading the text ----------------------------------------------------------------------- */

static inline infer_type type_of_name(const char *name, size_t length)
{
    for (int t = 1; t <= INFER_BOOL; t++) {
        const char *s = infer_type_name((infer_type)t);
        if (strlen(s) == length && !strncmp(s, name, length))
            return (infer_type)t;
    }
    fail_msg("no type in '%s'", name);
    return INFER_TYPE_NONE;
}

/* "1x2 f32" at *s into *v; *s is moved behind it. Returns 0 for "-". */
static inline int parse_shape(const char **s, struct infer__value *v)
{
    memset(v, 0, sizeof *v);
    v->name = "";
    *s += strspn(*s, " ;");
    if (**s == '-') {
        *s += strcspn(*s, ";");
        return 0;
    }
    if (!strncmp(*s, "scalar", 6))
        *s += 6;
    else
        do {
            char *end;
            *s += **s == 'x';
            v->free_dims |= (uint32_t)(**s == '<') << v->rank;
            *s += **s == '<' ? 2 : 0;
            v->dims[v->rank++] = strtoll(*s, &end, 10);
            *s = end;
        } while (**s == 'x');
    *s += strspn(*s, " ");
    size_t length = strcspn(*s, " ;=");
    v->type = (uint8_t)type_of_name(*s, length);
    v->shaped = 1;
    *s += length;
    *s += strspn(*s, " ");
    return 1;
}

/* Numbers behind "=" as the elements of a constant. */
static inline void parse_data(struct fixture *f, const char **s, struct infer__value *v)
{
    size_t size = infer_type_size((infer_type)v->type), at = 0;
    size_t elements = (size_t)infer__value_elements(v);
    char *data = infer__region_calloc(&f->region, elements + 1, size);
    ++*s;
    for (*s += strspn(*s, " "); **s && **s != ';'; at++) {
        char *end;
        int64_t i = strtoll(*s, &end, 10);
        int32_t narrow = (int32_t)i;
        float x = strtof(*s, v->type == INFER_F32 ? &end : NULL);
        assert_true(at < elements && end != *s);
        memcpy(data + at * size,
               v->type == INFER_F32   ? (void *)&x
               : v->type == INFER_S32 ? (void *)&narrow
                                      : (void *)&i,
               size);
        *s = end + strspn(end, " ,");
    }
    assert_int_equal(at, elements);
    v->kind = INFER__VALUE_CONST;
    v->data = data;
}

static inline uint32_t add_values(struct fixture *f, const char *text, uint32_t ids[MAX_OPERANDS])
{
    uint32_t n = 0;
    while (*(text += strspn(text, " ;"))) {
        struct infer__value v;
        assert_true(n < MAX_OPERANDS);
        ids[n] = 0;
        if (parse_shape(&text, &v)) {
            v.kind = INFER__VALUE_INPUT;
            if (*text == '=')
                parse_data(f, &text, &v);
            assert_int_equal(infer__graph_add_value(&f->g, "operand", &ids[n], &f->err), INFER_OK);
            v.name = f->g.values[ids[n]].name;
            f->g.values[ids[n]] = v;
        }
        n++;
    }
    return n;
}

static inline void add_attrs(struct fixture *f, struct infer__node *n, const char *text)
{
    while (*(text += strspn(text, " "))) {
        char name[64] = "";
        int64_t ints[64];
        float floats[64];
        uint32_t count = 0;
        size_t length = strcspn(text, "=");
        assert_true(length < sizeof name && text[length] == '=');
        memcpy(name, text, length);
        uint16_t key = infer__attr_find(name);
        assert_int_not_equal(key, INFER__ATTR_NONE);
        int is_float = infer__attr_kind(key) == INFER__ATTR_FLOATS;
        for (text += length + 1; *text && *text != ' '; text += *text == ',') {
            char *end;
            floats[count] = is_float ? strtof(text, &end) : 0.0f;
            ints[count] = is_float ? 0 : strtoll(text, &end, 10);
            assert_true(end != text && ++count < 64);
            text = end;
        }
        assert_int_equal(is_float ? infer__node_set_floats(&f->g, n, key, floats, count, &f->err)
                                  : infer__node_set_ints(&f->g, n, key, ints, count, &f->err),
                         INFER_OK);
    }
}

/* ---- resolving ------------------------------------------------------------------------------ */

/* A node "node" of operands and attributes with `nout` outputs; those in the mask are absent. */
static inline struct infer__node *build_node(struct fixture *f, const char *op, const char *in,
                                             const char *attrs, uint32_t nout, uint32_t absent)
{
    uint32_t ids[MAX_OPERANDS], out[MAX_OPERANDS];
    struct infer__node *n;
    uint32_t nin = add_values(f, in, ids);
    for (uint32_t i = 0; i < nout; i++) {
        out[i] = 0;
        if (!(absent >> i & 1))
            assert_int_equal(infer__graph_add_value(&f->g, "out", &out[i], &f->err), INFER_OK);
    }
    assert_int_not_equal(infer__op_find(op), INFER__OP_NONE);
    assert_int_equal(
        infer__graph_add_node(&f->g, infer__op_find(op), "node", ids, nin, out, nout, &n, &f->err),
        INFER_OK);
    add_attrs(f, n, attrs);
    return n;
}

static inline infer_status status_of_name(const char *name, size_t length)
{
    for (int s = 0; s < 100; s++) {
        const char *full = infer_status_name((infer_status)s);
        if (!strncmp(full, "INFER_ERROR_", 12) && strlen(full + 12) == length &&
            !strncmp(full + 12, name, length))
            return (infer_status)s;
    }
    fail_msg("no status '%s'", name);
    return INFER_OK;
}

struct resolve_row {
    const char *op, *in, *attrs, *out;
};

static inline void check_outputs_equal(struct fixture *f, const struct resolve_row *row,
                                       const struct infer__node *n)
{
    const char *text = row->out;
    for (uint32_t i = 0; i < n->nout; i++) {
        struct infer__value want;
        char a[128], b[128];
        if (!parse_shape(&text, &want))
            continue;
        const struct infer__value *got = &f->g.values[n->out[i]];
        infer__value_text(&want, a, sizeof a);
        infer__value_text(got, b, sizeof b);
        if (strcmp(a, b) || !got->shaped)
            fail_msg("%s(%s) %s: output %u is %s, expected %s", row->op, row->in, row->attrs, i, b,
                     a);
    }
}

/* Resolves the node of a row in a fresh fixture and compares; params stay in f for the caller,
 * who frees it. */
static inline void resolve_row_in(struct fixture *f, const struct resolve_row *row)
{
    int bad = row->out[0] == '!';
    uint32_t nout = 0, absent = 0;
    infer_status want = INFER_OK;
    if (bad) {
        size_t length = strcspn(row->out + 1, " ");
        want = status_of_name(row->out + 1, length);
        nout = row->out[1 + length] ? (uint32_t)atoi(row->out + 1 + length) : 1;
    } else {
        struct infer__value v;
        for (const char *s = row->out; *(s += strspn(s, " ;")); nout++)
            absent |= parse_shape(&s, &v) ? 0 : 1u << nout;
    }
    fixture_init(f);
    const struct infer__node *n = build_node(f, row->op, row->in, row->attrs, nout, absent);
    infer_status got = infer__resolve_node(&f->g, n, MAX_TENSOR_BYTES, &f->params, &f->err);
    if (got != want)
        fail_msg("%s(%s) %s: %s (%s), expected %s", row->op, row->in, row->attrs,
                 infer_status_name(got), f->err.message, infer_status_name(want));
    assert_int_equal(f->err.status, want);
    assert_string_equal(f->err.node, bad ? "node" : "");
    assert_int_equal(f->err.message[0] != 0, bad);
    if (!bad)
        check_outputs_equal(f, row, n);
}

static inline void resolve_rows(const struct resolve_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        resolve_row_in(&f, &rows[i]);
        fixture_free(&f);
    }
}

/* The parameters of one node that must resolve. */
static inline union infer__params resolve_params(const char *op, const char *in, const char *attrs,
                                                 const char *out)
{
    struct fixture f;
    resolve_row_in(&f, &(struct resolve_row){op, in, attrs, out});
    union infer__params p = f.params;
    fixture_free(&f);
    return p;
}

#endif
