/* Operators that only move elements, each against the index rule of its definition, for element
 * sizes 1, 2, 4 and 8. */
#include "kernel_run.h"

static const infer_type types[] = {INFER_U8, INFER_F16, INFER_F32, INFER_S64};

static const char *element(const void *p, unsigned type, int64_t i)
{
    return (const char *)p + (size_t)i * infer_type_size((infer_type)type);
}

/* Output element i is to be the bytes of element `from` of input `in`. */
static void same(const struct run *k, int64_t i, uint32_t in, int64_t from)
{
    unsigned type = k->out[0].type;
    assert_memory_equal(element(k->y[0], type, i), element(k->x[in], type, from),
                        infer_type_size((infer_type)type));
}

static struct run begin(uint16_t op, infer_type type, int rank, const int64_t *dims)
{
    struct run k = {.t = {.op = op, .nin = 1, .nout = 1}};
    k.in[0] = k.out[0] = operand(type, rank, dims);
    return k;
}

/* ---- Transpose ------------------------------------------------------------------------------ */

static void check_transpose(infer_type type, int rank, const int64_t *dims, const int32_t *perm,
                            uint64_t *r)
{
    static const char *const names[] = {"walk_c", "transpose_c"};
    for (int which = 0; which < 2; which++) {
        struct run k = begin(INFER__OP_TRANSPOSE, type, rank, dims);
        for (int i = 0; i < rank; i++) {
            k.t.p.transpose.perm[i] = perm[i];
            k.out[0].dims[i] = dims[perm[i]];
        }
        run_fill(&k, 0, r);
        if (infer__kernel_find(names[which])->estimate(&k.t) >= 0) {
            run_kernel(&k, names[which], r);
            for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
                int64_t to[INFER_MAX_RANK], from[INFER_MAX_RANK] = {0};
                unravel(&k.out[0], i, to);
                for (int a = 0; a < rank; a++)
                    from[perm[a]] = to[a];
                same(&k, i, 0, ravel(&k.in[0], from));
            }
        } else {
            assert_int_equal(which, 1); /* rows can be copied: that is walk_c's */
        }
        run_drop(&k);
    }
}

static void test_transpose(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        int64_t dims[INFER_MAX_RANK];
        int32_t perm[INFER_MAX_RANK] = {0};
        int rank = random_dims(dims, 0, round % 5 ? 4 : 6, round % 5 ? 20 : 5, &r);
        for (int i = 0; i < rank; i++) {
            int at = (int)random_int(&r, 0, i);
            perm[i] = perm[at];
            perm[at] = i;
        }
        check_transpose(types[round % 4], rank, dims, perm, &r);
    }
}

static void test_transpose_layouts(void **state)
{
    static const int32_t to_last[] = {0, 2, 3, 1}, to_first[] = {0, 3, 1, 2};
    uint64_t r = seed;
    (void)state;
    for (int64_t c = 1; c <= 35; c += c < 8 ? 1 : 9)
        for (int t = 0; t < 4; t++) {
            int64_t first[4] = {2, c, random_int(&r, 1, 40), random_int(&r, 1, 40)};
            int64_t last[4] = {2, first[2], first[3], c};
            check_transpose(types[t], 4, first, to_last, &r);
            check_transpose(types[t], 4, last, to_first, &r);
        }
}

/* ---- Slice, Expand, Tile --------------------------------------------------------------------- */

static void test_slice(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 600; round++) {
        int64_t dims[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 5, 13, &r);
        struct run k = begin(INFER__OP_SLICE, types[round % 4], rank, dims);
        for (int i = 0; i < rank; i++) {
            int64_t step = random_int(&r, 0, 2) ? 1 : random_int(&r, -4, 4);
            step = step ? step : -1;
            int64_t start = random_int(&r, 0, dims[i] - 1);
            int64_t most = step > 0 ? (dims[i] - 1 - start) / step + 1 : start / -step + 1;
            k.t.p.slice.start[i] = start;
            k.t.p.slice.step[i] = step;
            k.out[0].dims[i] = random_int(&r, round % 20 ? 1 : 0, most);
        }
        run_fill(&k, 0, &r);
        run_kernel(&k, "walk_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t at[INFER_MAX_RANK];
            unravel(&k.out[0], i, at);
            for (int a = 0; a < rank; a++)
                at[a] = k.t.p.slice.start[a] + at[a] * k.t.p.slice.step[a];
            same(&k, i, 0, ravel(&k.in[0], at));
        }
        run_drop(&k);
    }
}

static void test_expand_and_tile(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 600; round++) {
        int64_t dims[INFER_MAX_RANK];
        int tile = round & 1, rank = random_dims(dims, 0, round % 9 ? 4 : 8, 6, &r);
        struct run k =
            begin(tile ? INFER__OP_TILE : INFER__OP_EXPAND, types[round % 4], rank, dims);
        k.t.nin = 2; /* the repeats or the shape, which the output's dims already tell */
        k.in[1] = operand(INFER_S64, 0, NULL);
        int cut = !tile && random_int(&r, 0, 2) == 0 ? (int)random_int(&r, 0, rank) : 0;
        for (int i = 0; i < rank; i++) {
            if (rank > 4)
                k.in[0].dims[i] = k.out[0].dims[i] = random_int(&r, 1, 2);
            if (tile)
                k.out[0].dims[i] *= random_int(&r, 1, rank > 4 ? 2 : 4);
            else if (random_int(&r, 0, 1))
                k.in[0].dims[i] = 1;
        }
        if (cut)
            k.in[0] = operand(types[round % 4], rank - cut, k.in[0].dims + cut);
        run_fill(&k, 0, &r);
        run_kernel(&k, "walk_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t at[INFER_MAX_RANK], own[INFER_MAX_RANK];
            unravel(&k.out[0], i, at);
            for (int a = 0; a < k.in[0].rank; a++)
                own[a] = at[a + cut] % k.in[0].dims[a];
            same(&k, i, 0, ravel(&k.in[0], own));
        }
        run_drop(&k);
    }
}

/* ---- Concat, Split -------------------------------------------------------------------------- */

static void test_concat_and_split(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        int64_t dims[INFER_MAX_RANK], total = 0, before = 0;
        int rank = random_dims(dims, 1, 4, round % 10 ? 9 : 30, &r), split = round & 1;
        int axis = (int)random_int(&r, 0, rank - 1);
        uint32_t parts = (uint32_t)random_int(&r, 1, CHECK_OPERANDS);
        struct run k =
            begin(split ? INFER__OP_SPLIT : INFER__OP_CONCAT, types[round / 2 % 4], rank, dims);
        struct infer__operand *part = split ? k.out : k.in, *whole = split ? k.in : k.out;
        *(split ? &k.t.nout : &k.t.nin) = parts;
        k.t.p.axis.axis = axis;
        for (uint32_t i = 0; i < parts; i++) {
            dims[axis] = random_int(&r, 0, 6);
            total += dims[axis];
            part[i] = operand(types[round / 2 % 4], rank, dims);
        }
        dims[axis] = total;
        whole[0] = operand(types[round / 2 % 4], rank, dims);
        run_fill(&k, 0, &r);
        run_kernel(&k, "concat_c", &r);
        for (uint32_t p = 0; p < parts; before += part[p++].dims[axis])
            for (int64_t i = 0; i < infer__operand_elements(&part[p]); i++) {
                int64_t at[INFER_MAX_RANK];
                unravel(&part[p], i, at);
                at[axis] += before;
                const char *a = element(split ? k.y[p] : k.x[p], part[p].type, i);
                const char *b = element(split ? k.x[0] : k.y[0], part[p].type, ravel(whole, at));
                assert_memory_equal(a, b, infer_type_size((infer_type)part[p].type));
            }
        run_drop(&k);
    }
}

/* ---- Pad ------------------------------------------------------------------------------------ */

/* Where NumPy's modes find place i of a row of n that begins at 0; -1: outside. */
static int64_t pad_source(int mode, int64_t i, int64_t n)
{
    if (mode == INFER__PAD_CONSTANT)
        return i < 0 || i >= n ? -1 : i;
    while (i < 0 || i >= n) { /* step by step, as the definition says */
        if (mode == INFER__PAD_EDGE)
            i = i < 0 ? 0 : n - 1;
        else if (mode == INFER__PAD_WRAP)
            i += i < 0 ? n : -n;
        else
            i = n == 1 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
    }
    return i;
}

static void test_pad(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 800; round++) {
        int64_t dims[INFER_MAX_RANK], left[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 4, 9, &r), mode = round % 4;
        struct run k = begin(INFER__OP_PAD, types[round / 4 % 4], rank, dims);
        struct infer__pad *p = &k.t.p.pad;
        p->mode = mode;
        for (int i = 0; i < rank; i++) {
            p->begin[i] = random_int(&r, 0, 1) ? 0 : random_int(&r, -2, 7);
            p->end[i] = random_int(&r, 0, 1) ? 0 : random_int(&r, -2, 7);
            int64_t cut = (p->begin[i] < 0 ? p->begin[i] : 0) + (p->end[i] < 0 ? p->end[i] : 0);
            if (dims[i] + cut < 1)
                p->begin[i] = p->end[i] = 0;
            left[i] =
                dims[i] + (p->begin[i] < 0 ? p->begin[i] : 0) + (p->end[i] < 0 ? p->end[i] : 0);
            k.out[0].dims[i] = dims[i] + p->begin[i] + p->end[i];
        }
        if (round % 3) { /* else zeros */
            k.t.nin = 3;
            k.in[1] = operand(INFER_S64, 0, NULL);
            k.in[2] = operand(types[round / 4 % 4], 0, NULL);
        }
        run_fill(&k, 0, &r);
        run_kernel(&k, "pad_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            static const char zeros[8];
            int64_t at[INFER_MAX_RANK];
            int outside = 0;
            unravel(&k.out[0], i, at);
            for (int a = 0; a < rank; a++) {
                at[a] = pad_source(mode, at[a] - (p->begin[a] > 0 ? p->begin[a] : 0), left[a]);
                outside |= at[a] < 0;
                at[a] += p->begin[a] < 0 ? -p->begin[a] : 0;
            }
            if (!outside)
                same(&k, i, 0, ravel(&k.in[0], at));
            else if (k.t.nin == 3)
                same(&k, i, 2, 0);
            else
                assert_memory_equal(element(k.y[0], k.out[0].type, i), zeros,
                                    infer_type_size((infer_type)k.out[0].type));
        }
        run_drop(&k);
    }
}

/* ---- Gather --------------------------------------------------------------------------------- */

static void test_gather(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        int64_t dims[INFER_MAX_RANK], idims[2], ydims[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 4, 7, &r), irank = random_dims(idims, 0, 2, 20, &r), n = 0;
        int axis = (int)random_int(&r, 0, rank - 1), wide = round / 4 & 1;
        struct run k = begin(INFER__OP_GATHER, types[round % 4], rank, dims);
        k.t.nin = 2;
        k.t.p.axis.axis = axis;
        k.in[1] = operand(wide ? INFER_S64 : INFER_S32, irank, idims);
        for (int i = 0; i < axis; i++)
            ydims[n++] = dims[i];
        for (int i = 0; i < irank; i++)
            ydims[n++] = idims[i];
        for (int i = axis + 1; i < rank; i++)
            ydims[n++] = dims[i];
        k.out[0] = operand(types[round % 4], n, ydims);
        run_fill(&k, 0, &r);
        int64_t count = infer__operand_elements(&k.in[1]);
        for (int64_t i = 0; i < count; i++) { /* some far outside */
            int64_t at = random_int(&r, -dims[axis], dims[axis] - 1);
            if (random_int(&r, 0, 9) == 0)
                at = random_int(&r, 0, 1) ? INT32_MIN : INT32_MAX;
            if (random_int(&r, 0, 9) == 0)
                at = random_int(&r, 0, 1) ? -dims[axis] - 1 : dims[axis];
            if (wide && random_int(&r, 0, 30) == 0)
                at = random_int(&r, 0, 1) ? INT64_MIN : INT64_MAX;
            if (wide)
                ((int64_t *)k.x[1])[i] = at;
            else
                ((int32_t *)k.x[1])[i] = (int32_t)at;
        }
        run_kernel(&k, "gather_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t to[INFER_MAX_RANK], from[INFER_MAX_RANK] = {0};
            unravel(&k.out[0], i, to);
            long double at = value_at(k.in[1].type, k.x[1], ravel(&k.in[1], to + axis));
            at += at < 0 ? (long double)dims[axis] : 0;
            at = fminl(fmaxl(at, 0), (long double)(dims[axis] - 1));
            for (int a = 0; a < rank; a++)
                from[a] = a < axis ? to[a] : a == axis ? (int64_t)at : to[a + irank - 1];
            same(&k, i, 0, ravel(&k.in[0], from));
        }
        run_drop(&k);
    }
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void test_copies(void **state)
{
    static const uint16_t ops[] = {INFER__OP_IDENTITY, INFER__OP_RESHAPE, INFER__OP_FLATTEN,
                                   INFER__OP_SQUEEZE, INFER__OP_UNSQUEEZE};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++) {
        int64_t n = round % 7 ? random_int(&r, 0, 40000) : 0;
        struct run k = begin(ops[round % 5], types[round % 4], 1, &n);
        run_fill(&k, 0, &r);
        run_kernel(&k, "copy_c", &r);
        assert_memory_equal(k.x[0], k.y[0], operand_bytes(&k.in[0]));
        run_drop(&k);
    }
}

static void test_shape_and_fill(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++) {
        int64_t dims[INFER_MAX_RANK], n;
        int rank = random_dims(dims, 0, 4, 20, &r);
        struct run k = begin(INFER__OP_SHAPE, types[round % 4], rank, dims);
        k.t.p.shape.start = (int32_t)random_int(&r, 0, rank);
        k.t.p.shape.end = (int32_t)random_int(&r, k.t.p.shape.start, rank);
        n = k.t.p.shape.end - k.t.p.shape.start;
        k.out[0] = operand(INFER_S64, 1, &n);
        run_fill(&k, 0, &r);
        run_kernel(&k, "shape_c", &r);
        assert_memory_equal(k.y[0], dims + k.t.p.shape.start, (size_t)n * 8);
        run_drop(&k);

        k = begin(INFER__OP_CONSTANT_OF_SHAPE, types[round % 4], rank, dims);
        n = rank;
        k.in[0] = operand(INFER_S64, 1, &n);
        k.in[1] = operand(types[round % 4], 0, NULL);
        k.t.nin = 1 + (uint32_t)(round & 1);
        run_fill(&k, 0, &r);
        run_kernel(&k, "fill_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            static const char zeros[8];
            if (round & 1)
                same(&k, i, 1, 0);
            else
                assert_memory_equal(element(k.y[0], k.out[0].type, i), zeros,
                                    infer_type_size((infer_type)k.out[0].type));
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_transpose_layouts),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_expand_and_tile),
        cmocka_unit_test(test_concat_and_split),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_shape_and_fill),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
