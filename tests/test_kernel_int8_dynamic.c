/* Quantisation at run time: DynamicQuantizeLinear, and ConvInteger and MatMulInteger with and
 * without a scale and a bias. The C kernels against formulas written apart from them, with sums in
 * 64 bits; every other kernel against the C kernel, byte by byte. */
#include "base/cpu.h"
#include "conv_int8_problem.h"
#include "int8_run.h"

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------ */

struct expected {
    float low, high, scale;
    uint8_t zero, *y;
};

/* NaN counts for nothing, and becomes the zero point. */
static struct expected expect(const float *x, int64_t n)
{
    struct expected e = {.scale = 1, .y = malloc((size_t)n + 1)};
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < e.low)
            e.low = x[i];
        if (x[i] > e.high)
            e.high = x[i];
    }
    volatile float range = e.high - e.low;
    if (range > 0)
        e.scale = range / 255;
    volatile float zero = -e.low / e.scale;
    e.zero = round_to(zero, 0, 0, 255);
    for (int64_t i = 0; i < n; i++) {
        volatile float d = x[i] / e.scale;
        e.y[i] = isnan(d) ? e.zero : round_to(d, e.zero, 0, 255);
    }
    return e;
}

/* How many kernels of a name's beginning ran. */
static int run_all(struct run *k, const char *begin, const void *want, uint64_t *r)
{
    int ran = 0;
    for (const struct infer__kernel *const *p = infer__kernels; *p; p++)
        if (strncmp((*p)->name, begin, strlen(begin)) == 0)
            ran += bytes_compare(k, (*p)->name, want, r);
    return ran;
}

static int levels(infer_isa most)
{
    infer_isa isa = infer__isa_usable(most);
    return 1 + (infer__isa_has(isa, INFER_ISA_AVX2)) + (infer__isa_has(isa, INFER_ISA_AVX512)) +
           (infer__isa_has(isa, INFER_ISA_AVX512VNNI)) + (infer__isa_has(isa, INFER_ISA_AMX));
}

/* In one unit, and from ranges of parts, which are checked too. */
static void check_dynamic(int64_t n, int64_t parts, int tame, float gain, float shift, uint64_t *r)
{
    struct run k = {.t = {.op = INFER__OP_DYNAMIC_QUANTIZE_LINEAR, .nin = 1, .nout = 3}};
    struct run p = {.t = {.op = INFER__OP_DYNAMIC_RANGE, .nin = 1, .nout = 1}};
    int64_t dims[2] = {parts, 2};
    k.in[0] = p.in[0] = operand(INFER_F32, 1, &n);
    k.out[0] = operand(INFER_U8, 1, &n);
    k.out[1] = operand(INFER_F32, 0, NULL);
    k.out[2] = operand(INFER_U8, 0, NULL);
    p.out[0] = operand(INFER_F32, 2, dims);
    float *x = random_data(&k.in[0], tame, r), *ranges = malloc((size_t)parts * 8);
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] * gain + shift;
    for (int64_t i = 0; i < parts; i++) {
        int64_t first = infer__unit_begin(n, parts, i);
        int64_t last = infer__unit_begin(n, parts, i + 1);
        struct expected e = expect(x + first, last - first);
        ranges[2 * i] = e.low;
        ranges[2 * i + 1] = e.high;
        free(e.y);
    }
    struct expected e = expect(x, n);
    p.x[0] = k.x[0] = x;
    run_fill(&p, 1, r);
    run_fill(&k, 1, r);
    assert_int_equal(run_all(&p, "dynamic_range", ranges, r), levels(INFER_ISA_AVX512));
    k.x[1] = ranges;
    for (int split = 0; split < 2; split++) {
        if (split) {
            k.in[1] = operand(INFER_F32, 2, dims);
            k.t.nin = 2;
        }
        memset(k.y[1], 0, 4);
        assert_int_equal(run_all(&k, "dynamic_quantize", e.y, r), levels(INFER_ISA_AVX512));
        assert_memory_equal(k.y[1], &e.scale, sizeof e.scale);
        assert_int_equal(*(uint8_t *)k.y[2], e.zero);
    }
    p.x[0] = NULL;
    run_drop(&p);
    run_drop(&k);
    free(e.y);
}

static void test_dynamic_quantize(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t n = 1; n < 300; n++)
        check_dynamic(n, random_int(&r, 1, 5), n % 4 != 0, 1, n % 3 ? 0 : 20 - (float)(n % 40), &r);
    for (int i = 0; i < 6; i++)
        check_dynamic(random_int(&r, 30000, 90000), random_int(&r, 2, 64), 1, 0.01f, 0, &r);
    check_dynamic(77, 3, 1, 0, 0, &r); /* all 0 */
    check_dynamic(77, 1, 1, 1e-39f, 0, &r);
    check_dynamic(77, 2, 1, 8e37f, 0, &r);
}

/* ---- ConvInteger, MatMulInteger ------------------------------------------------------------- */

/* The problem as ConvInteger or MatMulInteger: operands 2 to 5 and the result. */
struct integer {
    struct infer__operand in[6];
    struct infer__task t;
    uint8_t x_zero;
    float *scale, *bias;
    const void *data[6];
};

static void make_integer(struct shape *s, struct problem *p, struct integer *o, uint64_t *r)
{
    int64_t one = 1, scales = random_int(r, 0, 1) ? p->m : 1;
    *o = (struct integer){.t = p->t, .x_zero = (uint8_t)p->x_zero};
    o->t.op = s->spatial > 0 ? INFER__OP_CONV_INTEGER : INFER__OP_MATMUL_INTEGER;
    o->t.epi.requant = NULL;
    o->t.in = o->in;
    o->in[0] = p->in[0];
    o->in[0].quant = NULL;
    o->in[1] = p->in[1];
    for (uint32_t i = 0; i < p->wq.count; i++)
        p->w_scale[i] = 1;
    o->scale = malloc((size_t)p->m * sizeof(float));
    o->bias = malloc((size_t)p->m * sizeof(float));
    for (int64_t i = 0; i < p->m; i++) {
        o->scale[i] = 0.001f + fabsf(random_float(r));
        o->bias[i] = random_float(r) * 300;
    }
    if (random_int(r, 0, 3))
        o->in[2] = operand(INFER_U8, (int)random_int(r, 0, 1), &one);
    else
        p->x_zero = 0;
    o->t.nin = o->in[2].type ? 3 : 2;
    p->y.type = INFER_S32;
    o->t.epi.act = INFER__OP_NONE;
    if (s->f32) {
        p->y.type = INFER_F32;
        o->in[4] = operand(INFER_F32, scales > 1, &scales);
        o->t.epi.act = s->act;
        o->t.nin = 5;
        if (s->bias) {
            o->in[5] = operand(INFER_F32, 1, &p->m);
            o->t.nin = 6;
        }
    }
    o->data[0] = p->x;
    o->data[1] = p->w;
    o->data[2] = &o->x_zero;
    o->data[4] = o->scale;
    o->data[5] = o->bias;
}

/* Sums in 64 bits of what operands 0 and 1 mean. */
static int64_t sum_of(const struct shape *s, const struct problem *p, int64_t pixel, int64_t m)
{
    const int64_t *k = s->kernel, *out = p->y.dims + 1;
    int64_t at[3] = {0, 0, 0}, n = pixel, sum = 0, taps = k[0] * k[1] * k[2];
    int32_t zero = p->w_zero[s->per_channel ? m : 0];
    for (int a = 0; a < s->spatial; a++) {
        at[2 - a] = n % out[s->spatial - 1 - a];
        n /= out[s->spatial - 1 - a];
    }
    for (int64_t c = 0; c < s->cg && s->spatial <= 0; c++)
        sum += (int64_t)(p->x[pixel * s->cg + c] - p->x_zero) * (p->w[c * p->m + m] - zero);
    for (int64_t tap = 0; tap < taps && s->spatial > 0; tap++) {
        int64_t i[3] = {tap / k[2] / k[1], tap / k[2] % k[1], tap % k[2]}, from = n, inside = 1;
        for (int a = 0; a < 3; a++) {
            i[a] = at[a] * s->stride[a] - s->begin[a] + i[a] * s->dilation[a];
            inside = inside && i[a] >= 0 && i[a] < s->size[a];
            from = from * s->size[a] + i[a];
        }
        const uint8_t *x = p->x + from * s->groups * s->cg + m / s->mg * s->cg;
        for (int64_t c = 0; c < s->cg && inside; c++)
            sum += (int64_t)(x[c] - p->x_zero) * (p->w[(m * s->cg + c) * taps + tap] - zero);
    }
    return sum;
}

static void formula(const struct shape *s, const struct problem *p, const struct integer *o)
{
    int64_t count = infer__operand_elements(&p->y);
    for (int64_t i = 0; i < count; i++) {
        int64_t m = i % p->m;
        int32_t sum = (int32_t)(uint32_t)(uint64_t)sum_of(s, p, i / p->m, m);
        if (!s->f32) {
            ((int32_t *)p->want)[i] = sum;
            continue;
        }
        volatile float y = (float)sum * o->scale[o->in[4].rank ? m : 0];
        if (s->bias)
            y = y + o->bias[m];
        ((float *)p->want)[i] = infer__activate(o->t.epi.act, o->t.epi.alpha, o->t.epi.beta, y);
    }
}

/* How many kernels serve the shape beside the C kernel; all must be right. */
static int check_integer(struct shape *s, uint64_t *r)
{
    struct problem p;
    struct integer o;
    int served = 0, c = 0;
    s->residual = s->table = s->trans_b = 0;
    if (!build(s, &p, r))
        return -1;
    make_integer(s, &p, &o, r);
    formula(s, &p, &o);
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        struct infer__need need = {0};
        infer_error err;
        o.in[1].data = p.w;
        if (!infer__isa_has(o.t.isa, (*k)->isa) || (*k)->estimate(&o.t) < 0)
            continue;
        served++;
        c += (*k)->isa == INFER_ISA_C;
        if ((*k)->isa == INFER_ISA_AMX &&
            prepare_kernel(*k, &o.t, &need, &err) == INFER_ERROR_UNSUPPORTED)
            continue; /* the system refuses it */
        check_kernel(*k, &o.t, o.data, &p.got, r);
        if (memcmp(p.got, p.want, operand_bytes(&p.y)) != 0)
            fail_msg("%s: other results", (*k)->name);
    }
    assert_int_equal(c, 1);
    free(o.scale);
    free(o.bias);
    drop(&p);
    return served;
}

static void test_windows(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 400; i++) {
        struct shape s = any_window(&r);
        s.f32 = i & 1;
        check_integer(&s, &r);
    }
}

/* Every tail of channels and pixels; kernels whose edges leave out rows and taps. */
static void test_tails(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int64_t m = 1; m <= 70; m++) {
        struct shape s = plain(random_int(&r, 1, 70), m, 1, 1, 0, 2, 1 + m % 31, &r);
        s.f32 = m & 1;
        assert_int_equal(check_integer(&s, &r), levels(INFER_ISA_AMX));
        s = plain(m % 2 ? 16 : random_int(&r, 1, 9), m, 3, 1 + m % 2, 1, 5, 1 + m % 31, &r);
        s.f32 = random_int(&r, 0, 1) != 0;
        assert_int_equal(check_integer(&s, &r), levels(INFER_ISA_AMX));
        s = plain(random_int(&r, 1, 90), m, 1, 1, 0, 1, 1 + m % 20, &r);
        s.spatial = -(int)(m & 1);
        s.n = s.spatial ? random_int(&r, 1, 3) : s.size[2];
        s.f32 = random_int(&r, 0, 1) != 0;
        assert_int_equal(check_integer(&s, &r), levels(INFER_ISA_AMX));
    }
}

/* Groups that are merged, with zero points of the weights too, depthwise among them. */
static void test_groups(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    for (int i = 0; i < 60; i++) {
        int64_t size = 1 + i / 2 % 9;
        struct shape s = plain(size, size, 3, 1 + i % 2, 1, 5, random_int(&r, 3, 20), &r);
        s.groups = random_int(&r, 2, 33);
        s.f32 = random_int(&r, 0, 1) != 0;
        s.w_zero = i % 3;
        assert_int_equal(check_integer(&s, &r), levels(INFER_ISA_AMX));
    }
}

/* Sums as large as they come; beyond 2^24 f32 would round. */
static void test_extremes(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    for (int x = 0; x < BYTES_KINDS; x++)
        for (int w = 0; w < BYTES_KINDS; w++) {
            struct shape s = plain(2048, 17 + x * 20, 1, 1, 0, 1, 3 + 4 * w, &r);
            s.x_bytes = x;
            s.w_bytes = w;
            s.f32 = 0;
            assert_int_equal(check_integer(&s, &r), levels(INFER_ISA_AMX));
        }
}

/* Operands that are no constants, of either type, broadcast batches, zero points of rows and
 * columns, vectors: the C kernel alone, against sums in 64 bits. */
static void test_products(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    for (int i = 0; i < 120; i++) {
        struct run k = {.t = {.op = INFER__OP_MATMUL_INTEGER, .nin = 4, .nout = 1}};
        int64_t m = random_int(&r, 1, 6), n = random_int(&r, 1, 9), d = random_int(&r, 1, 40);
        int64_t batch = i % 4 == 0 ? 1 : random_int(&r, 1, 3), repeat = random_int(&r, 0, 1);
        infer_type a = random_int(&r, 0, 1) ? INFER_U8 : INFER_S8;
        infer_type b = random_int(&r, 0, 1) ? INFER_U8 : INFER_S8;
        int rows = (int)random_int(&r, 0, 1), columns = (int)random_int(&r, 0, 1);
        k.in[0] = operand(a, 3, (int64_t[]){batch, m, d});
        k.in[1] = operand(b, 3, (int64_t[]){repeat ? 1 : batch, d, n});
        k.out[0] = operand(INFER_S32, 3, (int64_t[]){batch, m, n});
        if (i % 4 == 0) { /* a row by a column */
            m = n = 1;
            k.in[0] = operand(a, 1, &d);
            k.in[1] = operand(b, 1, &d);
            k.out[0] = operand(INFER_S32, 0, NULL);
        }
        k.in[2] = operand(a, rows, &m);
        k.in[3] = operand(b, columns, &n);
        run_fill(&k, 0, &r);
        run_kernel(&k, "matmul_integer_c", &r);
        for (int64_t j = 0; j < batch * m * n; j++) {
            int64_t column = j % n, row = j / n % m, which = j / n / m, sum = 0;
            for (int64_t c = 0; c < d; c++) {
                int64_t from = (which * m + row) * d + c;
                int64_t weight = ((repeat ? 0 : which) * d + c) * n + column;
                sum += (int64_t)(value_at(a, k.x[0], from) - value_at(a, k.x[2], rows ? row : 0)) *
                       (int64_t)(value_at(b, k.x[1], weight) -
                                 value_at(b, k.x[3], columns ? column : 0));
            }
            assert_int_equal(((int32_t *)k.y[0])[j], sum);
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic_quantize),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_products),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
