/* Einsum: operands are taken together two by two, as matrix products where sums are left out, else
 * as element-wise products. */
#include "tools/onnx/onnx_internal.h"

#include <ctype.h>
#include <string.h>

enum { MOST_OPERANDS = 8 };

/* A tensor whose axes have letters. */
struct term {
    uint32_t value;
    int rank;
    char axis[INFER_MAX_RANK + 1]; /* ends with 0 */
};

struct einsum {
    struct onnx_node *n;
    struct onnx_expr e;
    struct term in[MOST_OPERANDS], out;
    uint32_t count;
    int products; /* 1: f32, whose products MatMul computes */
};

/* ---- the equation --------------------------------------------------------------------------- */

/* Axes of "..." are called 1, 2 ... from the back, so that operands of different ranks agree. */
static int put(struct term *t, char letter)
{
    if (t->rank == INFER_MAX_RANK)
        return 0;
    t->axis[t->rank++] = letter;
    t->axis[t->rank] = 0;
    return 1;
}

/* Letters up to a comma, the arrow or the end, without blanks; `dots` is the number of axes that
 * "..." stands for. Returns where it ended, NULL if it is no term. */
static const char *parse_term(const char *s, int dots, struct term *t)
{
    t->rank = 0;
    t->axis[0] = 0;
    for (; *s && *s != ',' && !(s[0] == '-' && s[1] == '>'); s++) {
        if (*s == ' ')
            continue;
        if (s[0] == '.' && s[1] == '.' && s[2] == '.') {
            for (int k = dots; k > 0; k--)
                if (!put(t, (char)('0' + k)))
                    return NULL;
            s += 2;
        } else if (!isalpha((unsigned char)*s) || !put(t, *s)) {
            return NULL;
        }
    }
    return s;
}

/* Without an arrow the output has the letters that stand once, in their order, behind "...". */
static int default_output(struct einsum *m, int dots)
{
    for (int k = dots; k > 0; k--)
        put(&m->out, (char)('0' + k));
    for (char c = 'A'; c <= 'z'; c++) {
        int seen = 0;
        for (uint32_t i = 0; i < m->count; i++)
            for (int k = 0; k < m->in[i].rank; k++)
                seen += m->in[i].axis[k] == c;
        if (seen == 1 && !put(&m->out, c))
            return 0;
    }
    return 1;
}

/* Reads the equation. Only "..." asks for an operand's rank. */
static int parse(struct einsum *m, const char *s)
{
    int most = 0;
    for (m->count = 0; m->count < m->n->nin; m->count++) {
        struct term *t = &m->in[m->count], plain;
        int rank = onnx_rank(m->n, m->count), has_dots;
        const char *end = parse_term(s, 0, &plain);
        if (!end)
            return 0;
        has_dots = memchr(s, '.', (size_t)(end - s)) != NULL;
        if ((has_dots && rank < plain.rank) || (!has_dots && rank >= 0 && rank != plain.rank))
            return 0;
        int dots = has_dots ? rank - plain.rank : 0;
        most = dots > most ? dots : most;
        if (!parse_term(s, dots, t))
            return 0;
        t->value = m->n->in[m->count];
        int last = m->count + 1 == m->n->nin;
        if (last != (*end != ','))
            return 0;
        s = last ? end : end + 1;
    }
    if (!*s)
        return default_output(m, most);
    s = parse_term(s + 2, most, &m->out);
    return s && !*s;
}

/* ---- terms ---------------------------------------------------------------------------------- */

static int place(const struct term *t, char letter)
{
    const char *at = letter ? strchr(t->axis, letter) : NULL;
    return at ? (int)(at - t->axis) : -1;
}

static void drop(struct term *t, int axis)
{
    memmove(t->axis + axis, t->axis + axis + 1, (size_t)(t->rank - axis));
    t->rank--;
}

/* A letter that stands twice: what is off the diagonal of both axes becomes 0, and the second is
 * summed over. */
static void take_diagonals(struct einsum *m, struct term *t)
{
    struct onnx_expr *e = &m->e;
    for (int i = 0; i < t->rank; i++)
        for (int k = t->rank - 1; k > i; k--) {
            if (t->axis[i] != t->axis[k])
                continue;
            uint32_t hit = ONNX_E(e, EQUAL, onnx_e_along(e, t->value, i - t->rank),
                                  onnx_e_along(e, t->value, k - t->rank));
            uint32_t kept = ONNX_E(e, WHERE, hit, t->value, onnx_e_number(e, 0));
            t->value = onnx_e_reduce(e, INFER__OP_REDUCE_SUM, kept, ONNX_LIST(e, k), 0);
            drop(t, k);
        }
}

/* Sums over the axes that neither the output nor operands from `next` on have, nor `other`. */
static void sum_alone(struct einsum *m, struct term *t, uint32_t next, const struct term *other)
{
    int64_t axes[INFER_MAX_RANK];
    uint32_t count = 0;
    for (int k = t->rank - 1; k >= 0; k--) {
        int needed = place(&m->out, t->axis[k]) >= 0 || (other && place(other, t->axis[k]) >= 0);
        for (uint32_t i = next; i < m->count; i++)
            needed |= place(&m->in[i], t->axis[k]) >= 0;
        if (!needed) {
            axes[count++] = k;
            drop(t, k);
        }
    }
    if (count)
        t->value = onnx_e_reduce(&m->e, INFER__OP_REDUCE_SUM, t->value,
                                 onnx_e_list(&m->e, axes, count), 0);
}

/* Brings a term's axes into the order of `letters`; those that it does not have get size 1. */
static void arrange(struct einsum *m, struct term *t, const char *letters)
{
    int64_t perm[INFER_MAX_RANK], fresh[INFER_MAX_RANK];
    uint32_t count = 0, added = 0;
    int moves = 0, total = (int)strlen(letters);
    for (int i = 0; i < total; i++) {
        int at = place(t, letters[i]);
        if (at < 0) {
            fresh[added++] = i;
            continue;
        }
        moves |= at != (int)count;
        perm[count++] = at;
    }
    if (moves) {
        t->value = ONNX_E(&m->e, TRANSPOSE, t->value);
        onnx_e_ints(&m->e, INFER__ATTR_PERM, perm, count);
    }
    if (added)
        t->value = ONNX_E(&m->e, UNSQUEEZE, t->value, onnx_e_list(&m->e, fresh, added));
    t->rank = total;
    memcpy(t->axis, letters, (size_t)total + 1);
}

/* The last `count` axes as one: 0 keeps an axis, -1 is what is left. */
static void merge_last(struct einsum *m, struct term *t, int count)
{
    int64_t shape[INFER_MAX_RANK] = {0};
    t->rank -= count - 1;
    shape[t->rank - 1] = -1;
    if (count > 1)
        t->value = ONNX_E(&m->e, RESHAPE, t->value, onnx_e_list(&m->e, shape, (uint32_t)t->rank));
}

/* ---- two terms ------------------------------------------------------------------------------ */

/* Letters of two terms by their part in the product. Axes of A alone but the last are broadcast
 * over B like axes of both. */
struct parts {
    char batch[2 * INFER_MAX_RANK + 1], sum[INFER_MAX_RANK + 1];
    char row, column; /* of A and of B alone, the last; 0: there is none */
    int fits;         /* ranks stay within bounds */
};

static void append(char *s, char letter)
{
    size_t at = strlen(s);
    s[at] = letter;
    s[at + 1] = 0;
}

static void append_all(char *s, const char *letters)
{
    for (; *letters; letters++)
        append(s, *letters);
}

static void sort_letters(const struct einsum *m, const struct term *a, const struct term *b,
                         uint32_t next, struct parts *p)
{
    memset(p, 0, sizeof *p);
    for (int side = 0; side < 2; side++) {
        const struct term *t = side ? b : a, *other = side ? a : b;
        for (int k = 0; k < t->rank; k++) {
            char c = t->axis[k];
            int shared = place(other, c) >= 0, later = place(&m->out, c) >= 0;
            for (uint32_t i = next; i < m->count; i++)
                later |= place(&m->in[i], c) >= 0;
            if (shared && !side)
                append(later ? p->batch : p->sum, c);
            char *last = side ? &p->column : &p->row;
            if (!shared && *last)
                append(p->batch, *last);
            if (!shared)
                *last = c;
        }
    }
    p->fits = strlen(p->batch) + strlen(p->sum) + 2 <= INFER_MAX_RANK;
}

/* A [batch, row, sum] times B [batch, column, sum] transposed. */
static void matrix_product(struct einsum *m, struct term *a, struct term *b, const struct parts *p)
{
    char letters[2 * INFER_MAX_RANK + 4];
    int sums = (int)strlen(p->sum);
    for (int side = 0; side < 2; side++) {
        letters[0] = 0;
        append_all(letters, p->batch);
        append(letters, side ? (p->column ? p->column : '-') : p->row ? p->row : '-');
        append_all(letters, p->sum);
        arrange(m, side ? b : a, letters);
        merge_last(m, side ? b : a, sums);
    }
    a->value = ONNX_E(&m->e, MATMUL, a->value, onnx_e_swapped(&m->e, b->value, b->rank));
    int64_t axes[2];
    uint32_t gone = 0;
    if (!p->row)
        axes[gone++] = -2;
    if (!p->column)
        axes[gone++] = -1;
    if (gone)
        a->value = ONNX_E(&m->e, SQUEEZE, a->value, onnx_e_list(&m->e, axes, gone));
    letters[0] = 0;
    append_all(letters, p->batch);
    if (p->row)
        append(letters, p->row);
    if (p->column)
        append(letters, p->column);
    a->rank = (int)strlen(letters);
    memcpy(a->axis, letters, (size_t)a->rank + 1);
}

/* Both with all letters, multiplied element by element; the sums come behind. */
static void plain_product(struct einsum *m, struct term *a, struct term *b, const struct parts *p)
{
    char letters[2 * INFER_MAX_RANK + 4] = "";
    append_all(letters, p->batch);
    if (p->row)
        append(letters, p->row);
    if (p->column)
        append(letters, p->column);
    append_all(letters, p->sum);
    arrange(m, a, letters);
    arrange(m, b, letters);
    a->value = ONNX_E(&m->e, MUL, a->value, b->value);
}

static infer_status compute(struct einsum *m)
{
    struct term *t = &m->in[0];
    struct parts p;
    for (uint32_t i = 0; i < m->count; i++)
        take_diagonals(m, &m->in[i]);
    for (uint32_t i = 1; i < m->count; i++) {
        struct term *b = &m->in[i];
        sum_alone(m, t, i + 1, b);
        sum_alone(m, b, i + 1, t);
        sort_letters(m, t, b, i + 1, &p);
        if (!p.fits)
            return onnx_fail(m->n, "equation", "", "an intermediate result has too many axes");
        if (m->products && p.sum[0])
            matrix_product(m, t, b, &p);
        else
            plain_product(m, t, b, &p);
    }
    sum_alone(m, t, m->count, NULL);
    for (int k = 0; k < m->out.rank; k++)
        if (place(t, m->out.axis[k]) < 0 && m->out.axis[k] > '9')
            return onnx_fail(m->n, "equation", "", "no operand has the output's axis '%c'",
                             m->out.axis[k]);
    arrange(m, t, m->out.axis);
    onnx_e_out(&m->e, 0, t->value);
    return m->e.status;
}

infer_status onnx_convert_einsum(struct onnx_node *n)
{
    const char *equation;
    struct einsum m = {.n = n, .e = onnx_expr(n)};
    TRY(onnx_string(n, "equation", "", &equation));
    TRY_NODE(n, onnx_takes(n, 1, MOST_OPERANDS));
    for (uint32_t i = 0; i < n->nin; i++)
        if (!n->in[i])
            return onnx_fail(n, NULL, "", "input %u is missing", i);
    if (!parse(&m, equation))
        return onnx_fail(n, "equation", "", "'%.100s' does not fit the inputs", equation);
    infer_type type = onnx_in_type(n, 0);
    m.products = type == INFER_TYPE_NONE || type == INFER_F32;
    return compute(&m);
}
