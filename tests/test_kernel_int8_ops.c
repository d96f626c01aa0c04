/* Quantised tensors: element by element, means, maxima, joining, and to and from f32; the kernels
 * of all levels against the formulas of docs/quantization.md. */
#include "base/cpu.h"
#include "int8_run.h"

static int32_t bound(uint64_t *r, int upper)
{
    return random_int(r, 0, 1) ? (upper ? 255 : 0)
                               : (int32_t)random_int(r, upper ? 128 : 0, upper ? 255 : 127);
}

/* Every kernel of `names` must serve and agree. */
static void all_levels(struct run *k, const char *const *names, const void *want, uint64_t *r)
{
    for (; *names; names++) {
        const struct infer__kernel *kernel = infer__kernel_find(*names);
        if (kernel && infer_cpu_has(kernel->isa))
            assert_true(bytes_compare(k, *names, want, r));
    }
}

static void fill(struct run *k, uint64_t *r)
{
    run_fill(k, 0, r);
    for (uint32_t i = 0; i < k->t.nin; i++)
        if (k->in[i].type == INFER_U8)
            bytes_fill(k->x[i], infer__operand_elements(&k->in[i]), r);
}

/* ---- two operands --------------------------------------------------------------------------- */

/* Shapes that are met: equal, a gate (N, 1, 1, C), a scalar, anything. */
static void binary_shapes(struct run *k, int round, uint64_t *r)
{
    int64_t dims[4] = {random_int(r, 1, 2), random_int(r, 1, 6), random_int(r, 1, 6),
                       random_int(r, 1, round % 3 ? 40 : 300)};
    int64_t other[4] = {dims[0], dims[1], dims[2], dims[3]};
    if (round % 4 == 1)
        other[1] = other[2] = 1;
    else if (round % 4 == 2)
        other[0] = other[1] = other[2] = other[3] = 1;
    else if (round % 4 == 3)
        for (int i = 0; i < 4; i++)
            *(random_int(r, 0, 1) ? &other[i] : &other[0]) = 1;
    int flip = (int)random_int(r, 0, 1);
    k->in[flip] = operand(INFER_U8, 4, dims);
    k->in[!flip] = operand(INFER_U8, 4, other);
    k->out[0] = operand(INFER_U8, 4, dims);
}

static uint8_t binary_want(const struct run *k, const struct quant_one q[3], int64_t i)
{
    static const struct infer__requant none = {.add_hi = 255};
    const struct infer__requant *rq = k->t.epi.requant ? k->t.epi.requant : &none;
    int32_t a = ((uint8_t *)k->x[0])[broadcast_at(&k->out[0], &k->in[0], i)];
    int32_t b = ((uint8_t *)k->x[1])[broadcast_at(&k->out[0], &k->in[1], i)];
    if (k->t.op == INFER__OP_MUL) {
        float product = q[0].scale * q[1].scale, m = product / q[2].scale;
        float y = (float)((a - q[0].zero) * (b - q[1].zero)) * m;
        return round_to(y, q[2].zero, rq->add_lo, rq->add_hi);
    }
    float ra = q[0].scale / q[2].scale, rb = q[1].scale / q[2].scale;
    if (k->t.op == INFER__OP_SUB)
        rb = -rb;
    float zero_b = rb * (float)q[1].zero;
    float fixed = (float)q[2].zero - fmaf(ra, (float)q[0].zero, zero_b);
    return round_to(fmaf((float)a, ra, fmaf((float)b, rb, fixed)), 0, rq->add_lo, rq->add_hi);
}

static void test_binary(void **state)
{
    static const char *const names[] = {"binary_u8_c", "binary_u8_avx2", "binary_u8_avx512", NULL};
    static const uint16_t ops[] = {INFER__OP_ADD, INFER__OP_SUB, INFER__OP_MUL};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 600; round++) {
        struct run k = {.t = {.op = ops[round % 3], .nin = 2, .nout = 1}};
        struct quant_one q[3];
        struct infer__requant rq = {.add_lo = bound(&r, 0), .add_hi = bound(&r, 1)};
        for (int i = 0; i < 3; i++)
            quant_random(&q[i], &r);
        if (round % 10 == 0)
            q[2].scale = random_int(&r, 0, 2) ? (random_int(&r, 0, 1) ? 1e-6f : 1e30f) : 1e-37f;
        if (k.t.op == INFER__OP_MUL && round % 10)
            q[2].scale *= 0.1f;
        binary_shapes(&k, round, &r);
        k.in[0].quant = &q[0].q;
        k.in[1].quant = &q[1].q;
        k.out[0].quant = &q[2].q;
        k.t.epi.requant = random_int(&r, 0, 1) ? &rq : NULL;
        fill(&k, &r);
        int64_t n = infer__operand_elements(&k.out[0]);
        uint8_t *want = malloc((size_t)n);
        for (int64_t i = 0; i < n; i++)
            want[i] = binary_want(&k, q, i);
        if (round % 10)
            all_levels(&k, names, want, &r);
        else /* constants that the vector kernels may refuse */
            for (const char *const *name = names; *name; name++)
                bytes_compare(&k, *name, want, &r);
        free(want);
        run_drop(&k);
    }
}

/* ---- one operand ---------------------------------------------------------------------------- */

static uint8_t quantized(float x, const struct quant_one *q)
{
    float d = x / q->scale;
    return isnan(d) ? (uint8_t)q->zero : round_to(d, q->zero, 0, 255);
}

/* An Identity that has its table with it, also between tensors of one scale: every level chooses
 * the kernel of tables, which takes that one. */
static void test_table(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t n = 1; n <= 300; n += 13) {
        struct run k = {.t = {.op = INFER__OP_IDENTITY, .nin = 1, .nout = 1}};
        struct quant_one q;
        uint8_t table[256], want[300];
        struct infer__requant rq = {.table = table, .hi = 255};
        quant_random(&q, &r);
        k.in[0] = k.out[0] = operand(INFER_U8, 1, &n);
        k.in[0].quant = k.out[0].quant = &q.q;
        k.t.epi.requant = &rq;
        fill(&k, &r);
        for (int i = 0; i < 256; i++)
            table[i] = (uint8_t)random_int(&r, 0, 255);
        for (int64_t i = 0; i < n; i++)
            want[i] = table[((uint8_t *)k.x[0])[i]];
        for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
            k.t.isa = (uint8_t)isa;
            k.t.in = k.in;
            k.t.out = k.out;
            k.t.threads = 1;
            assert_string_equal(infer__kernel_choose(&k.t)->name, "unary_u8");
            run_kernel(&k, "unary_u8", &r);
            assert_memory_equal(k.y[0], want, (size_t)n);
        }
        run_drop(&k);
    }
}

/* ---- joining -------------------------------------------------------------------------------- */

static void test_concat(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        int axis = (int)random_int(&r, 0, 2);
        int64_t dims[3] = {random_int(&r, 1, 4), random_int(&r, 1, 5), random_int(&r, 1, 90)};
        int64_t whole[3] = {dims[0], dims[1], dims[2]};
        struct run k = {
            .t = {.op = INFER__OP_CONCAT, .nin = (uint32_t)random_int(&r, 1, 4), .nout = 1}};
        struct quant_one x[4], y;
        quant_random(&y, &r);
        whole[axis] = 0;
        for (uint32_t i = 0; i < k.t.nin; i++) {
            int64_t own[3] = {dims[0], dims[1], dims[2]};
            own[axis] = random_int(&r, 1, 70);
            whole[axis] += own[axis];
            x[i] = y;
            if (random_int(&r, 0, 1))
                quant_random(&x[i], &r);
            quant_set(&x[i], x[i].scale, x[i].zero);
            k.in[i] = operand(INFER_U8, 3, own);
            k.in[i].quant = &x[i].q;
        }
        k.out[0] = operand(INFER_U8, 3, whole);
        k.out[0].quant = &y.q;
        k.t.p.axis.axis = axis;
        fill(&k, &r);
        int64_t n = infer__operand_elements(&k.out[0]);
        uint8_t *want = malloc((size_t)n);
        for (int64_t i = 0; i < n; i++) {
            int64_t index[INFER_MAX_RANK];
            uint32_t part = 0;
            unravel(&k.out[0], i, index);
            for (; index[axis] >= k.in[part].dims[axis]; part++)
                index[axis] -= k.in[part].dims[axis];
            uint8_t q = ((uint8_t *)k.x[part])[ravel(&k.in[part], index)];
            int same = x[part].scale == y.scale && x[part].zero == y.zero;
            want[i] = same ? q : quantized((float)(q - x[part].zero) * x[part].scale, &y);
        }
        for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
            k.t.isa = (uint8_t)isa;
            run_kernel(&k, "concat_u8", &r);
            assert_memory_equal(k.y[0], want, (size_t)n);
        }
        free(want);
        run_drop(&k);
    }
}

/* ---- means ---------------------------------------------------------------------------------- */

static void mean_check(int64_t outer, int64_t count, int64_t inner, int global, uint64_t *r)
{
    static const char *const names[] = {"mean_u8_c", "mean_u8_avx2", "mean_u8_avx512", NULL};
    int64_t dims[4] = {outer, count, 1, inner}, kept[4] = {outer, 1, 1, inner};
    struct run k = {.t = {.op = INFER__OP_REDUCE_MEAN, .nin = 1, .nout = 1}};
    struct quant_one x, y;
    quant_random(&x, r);
    quant_random(&y, r);
    k.t.p.reduce.axes = 6;
    k.in[0] = operand(INFER_U8, 4, dims);
    k.out[0] = operand(INFER_U8, 4, kept);
    if (global) {
        k.t.op = INFER__OP_GLOBAL_AVERAGE_POOL;
        k.t.p.reduce.axes = 0;
        k.in[0].clast = k.out[0].clast = 1;
    }
    k.in[0].quant = &x.q;
    k.out[0].quant = &y.q;
    fill(&k, r);
    uint8_t *want = malloc((size_t)(outer * inner));
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < inner; c++) {
            int64_t sum = 0;
            for (int64_t i = 0; i < count; i++)
                sum += ((uint8_t *)k.x[0])[(o * count + i) * inner + c] - x.zero;
            float under = y.scale * (float)count, m = x.scale / under;
            want[o * inner + c] = round_to((float)sum * m, y.zero, 0, 255);
        }
    for (const char *const *name = names; *name; name++) {
        const struct infer__kernel *kernel = infer__kernel_find(*name);
        int ran = bytes_compare(&k, *name, want, r);
        if (kernel && infer_cpu_has(kernel->isa) && (inner == 1 || inner >= 8))
            assert_true(ran);
    }
    free(want);
    run_drop(&k);
}

static void test_mean(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t inner = 1; inner <= 140; inner++)
        mean_check(random_int(&r, 1, 3), random_int(&r, 1, 60), inner, (int)(inner & 1), &r);
    for (int64_t count = 1; count <= 700; count += random_int(&r, 1, 9)) {
        mean_check(2, count, random_int(&r, 8, 40), 0, &r);
        mean_check(3, count, 1, 0, &r);
    }
    mean_check(1, 70000, 33, 1, &r);
}

/* ---- windows -------------------------------------------------------------------------------- */

struct pooling {
    struct run k;
    struct quant_one x, y;
    const struct infer__window *w;
};

/* One output by the definition: the window's pixels in the input, and those that count. */
static uint8_t pool_want(const struct pooling *p, const int64_t *at)
{
    const struct infer__window *w = p->w;
    const int64_t *in = p->k.in[0].dims, c = in[3];
    int64_t sum = 0, inside = 0, counted = 0, best = 0;
    for (int64_t i = 0; i < w->kernel[1]; i++)
        for (int64_t j = 0; j < w->kernel[2]; j++) {
            int64_t h = at[1] * w->stride[1] - w->pad_begin[1] + i * w->dilation[1];
            int64_t v = at[2] * w->stride[2] - w->pad_begin[2] + j * w->dilation[2];
            counted += h < in[1] + w->pad_end[1] && v < in[2] + w->pad_end[2];
            if (h < 0 || h >= in[1] || v < 0 || v >= in[2])
                continue;
            uint8_t q = ((uint8_t *)p->k.x[0])[((at[0] * in[1] + h) * in[2] + v) * c + at[3]];
            inside++;
            sum += q - p->x.zero;
            best = q > best ? q : best;
        }
    if (p->k.t.op == INFER__OP_MAX_POOL)
        return (uint8_t)best;
    float count = (float)(w->count_include_pad ? counted : inside);
    float under = p->y.scale * (count < 1 ? 1 : count), m = p->x.scale / under;
    return round_to((float)sum * m, p->y.zero, 0, 255);
}

static void pool_check(int64_t kernel, int is_max, uint64_t *r)
{
    static const char *const max[] = {"max_pool_u8_c", "max_pool_u8_avx2", "max_pool_u8_avx512",
                                      NULL};
    static const char *const average[] = {"average_pool_u8_c", "average_pool_u8_avx2",
                                          "average_pool_u8_avx512", NULL};
    struct pooling p = {.k = {.t = {.op = is_max ? INFER__OP_MAX_POOL : INFER__OP_AVERAGE_POOL,
                                    .nin = 1,
                                    .nout = 1}}};
    int64_t x[4] = {random_int(r, 1, 2), random_int(r, 1, 16), random_int(r, 1, 16),
                    random_int(r, 1, random_int(r, 0, 3) ? 80 : 300)};
    int64_t y[4] = {x[0], 0, 0, x[3]};
    struct infer__window *w = &p.k.t.p.window;
    *w = (struct infer__window){.kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    for (int a = 1; a < 3; a++) {
        w->kernel[a] = kernel;
        w->stride[a] = random_int(r, 1, 3);
        w->dilation[a] = random_int(r, 0, 3) ? 1 : random_int(r, 1, 3);
        w->pad_begin[a] = random_int(r, 0, kernel - 1);
        w->pad_end[a] = random_int(r, 0, kernel - 1);
        int64_t room = x[a] + w->pad_begin[a] + w->pad_end[a] - (kernel - 1) * w->dilation[a] - 1;
        if (room < 0)
            return;
        y[a] = room / w->stride[a] + 1;
    }
    w->groups = 1;
    w->spatial = 2;
    w->count_include_pad = (int32_t)random_int(r, 0, 1);
    p.w = w;
    quant_random(&p.x, r);
    quant_random(&p.y, r);
    p.k.in[0] = operand(INFER_U8, 4, x);
    p.k.out[0] = operand(INFER_U8, 4, y);
    p.k.in[0].clast = p.k.out[0].clast = 1;
    p.k.in[0].quant = &p.x.q;
    p.k.out[0].quant = is_max ? &p.x.q : &p.y.q;
    fill(&p.k, r);
    int64_t n = infer__operand_elements(&p.k.out[0]);
    uint8_t *want = malloc((size_t)n);
    for (int64_t i = 0; i < n; i++) {
        int64_t at[INFER_MAX_RANK];
        unravel(&p.k.out[0], i, at);
        want[i] = pool_want(&p, at);
    }
    all_levels(&p.k, is_max ? max : average, want, r);
    free(want);
    run_drop(&p.k);
}

static void test_pool(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 600; round++)
        pool_check(random_int(&r, 1, round % 4 ? 4 : 13), round & 1, &r);
}

/* ---- to and from f32 ------------------------------------------------------------------------ */

/* Reals around the points where rounding changes, the extremes, and NaN. */
static void reals(float *x, int64_t n, const struct quant_one *q, uint64_t *r)
{
    static const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f, -3e38f};
    for (int64_t i = 0; i < n; i++) {
        float half = (float)random_int(r, -600, 600) / 2;
        switch (random_int(r, 0, 3)) {
        case 0:
            x[i] = odd[random_int(r, 0, 7)];
            break;
        case 1:
            x[i] = half * q->scale;
            break;
        case 2:
            x[i] = nextafterf(half * q->scale, random_int(r, 0, 1) ? INFINITY : -INFINITY);
            break;
        default:
            x[i] = random_float(r) * 300 * q->scale;
        }
    }
}

static void quantize_check(int64_t n, int zero, uint64_t *r)
{
    static const char *const to[] = {"quantize_c", "quantize_8_avx2", "quantize_8_avx512", NULL};
    static const char *const from[] = {"dequantize_c", "dequantize_8_avx2", "dequantize_8_avx512",
                                       NULL};
    static const float scales[] = {1e-38f, 1e-42f, 3e38f, 0.0f, 0.5f};
    int is_signed = (int)random_int(r, 0, 1);
    infer_type type = is_signed ? INFER_S8 : INFER_U8;
    struct quant_one q;
    quant_random(&q, r);
    if (random_int(r, 0, 3) == 0)
        q.scale = scales[random_int(r, 0, 4)];
    q.zero = zero ? q.zero - 128 * is_signed : 0;
    int8_t low = (int8_t)q.zero;
    struct run k = {.t = {.op = INFER__OP_QUANTIZE_LINEAR, .nin = 2 + (uint32_t)zero, .nout = 1}};
    k.in[0] = operand(INFER_F32, 1, &n);
    k.in[1] = operand(INFER_F32, 0, NULL);
    k.in[2] = operand(type, 0, NULL);
    k.out[0] = operand(type, 1, &n);
    run_fill(&k, 0, r);
    reals(k.x[0], n, &q, r);
    memcpy(k.x[1], &q.scale, sizeof q.scale);
    if (zero)
        memcpy(k.x[2], &low, 1);
    uint8_t *want = malloc((size_t)n);
    for (int64_t i = 0; i < n; i++) {
        float d = ((float *)k.x[0])[i] / q.scale;
        double y = isnan(d) ? (double)q.zero : nearbyint((double)d) + (double)q.zero;
        y = fmin(fmax(y, is_signed ? -128 : 0), is_signed ? 127 : 255);
        want[i] = (uint8_t)(int)y;
    }
    all_levels(&k, to, want, r);
    struct run back = {.t = {.op = INFER__OP_DEQUANTIZE_LINEAR, .nin = k.t.nin, .nout = 1}};
    back.in[0] = k.out[0];
    back.in[1] = k.in[1];
    back.in[2] = k.in[2];
    back.out[0] = k.in[0];
    back.x[0] = want;
    back.x[1] = k.x[1];
    back.x[2] = k.x[2];
    run_fill(&back, 0, r);
    float *real = malloc((size_t)n * sizeof *real);
    for (int64_t i = 0; i < n; i++)
        real[i] = (float)((is_signed ? (int8_t)want[i] : want[i]) - q.zero) * q.scale;
    all_levels(&back, from, real, r);
    free(real);
    free(want);
    free(back.y[0]);
    run_drop(&k);
}

static void test_quantize(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t n = 1; n <= 400; n++)
        quantize_check(n, (int)(n & 1), &r);
    quantize_check(70000, 1, &r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary), cmocka_unit_test(test_table),
        cmocka_unit_test(test_concat), cmocka_unit_test(test_mean),
        cmocka_unit_test(test_pool),   cmocka_unit_test(test_quantize),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
