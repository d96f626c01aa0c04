/* Resize and Softmax of quantised tensors against their formulas. */
#include "base/cpu.h"
#include "int8_run.h"

/* ---- resizing ------------------------------------------------------------------------------- */

/* A random task with two axes of four that change; the last one may be among them. */
static void resize_task(struct run *k, uint64_t *r)
{
    struct infer__resize *p = &k->t.p.resize;
    int64_t in[4] = {random_int(r, 1, 2), random_int(r, 1, 9), random_int(r, 1, 9),
                     random_int(r, 1, 40)};
    int64_t out[4];
    int first = (int)random_int(r, 0, 2);
    k->t = (struct infer__task){.op = INFER__OP_RESIZE, .nin = 1, .nout = 1};
    p->mode = random_int(r, 0, 3) ? INFER__LINEAR : INFER__CUBIC;
    p->coordinate = random_int(r, 0, 1) ? INFER__HALF_PIXEL : (int32_t)random_int(r, 0, 6);
    p->cubic_a = -0.75f;
    p->extrapolation = random_float(r);
    for (int i = 0; i < 4; i++) {
        int changes = i == first || i == first + 1;
        out[i] = changes ? random_int(r, 1, 20) : in[i];
        p->scale[i] = changes ? (float)out[i] / (float)in[i] : 1;
        p->roi_begin[i] = changes ? random_float(r) : 0;
        p->roi_end[i] = 1;
    }
    k->in[0] = operand(INFER_U8, 4, in);
    k->out[0] = operand(INFER_U8, 4, out);
    k->in[0].clast = k->out[0].clast = 1;
}

static void test_resize(void **state)
{
    static const char *const names[] = {"resize_u8_c", "resize_u8_avx2", "resize_u8_avx512"};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        struct run k = {0}, f;
        struct quant_one x, y;
        resize_task(&k, &r);
        quant_random(&x, &r);
        quant_random(&y, &r);
        if (round & 1)
            y = x, quant_set(&y, x.scale, x.zero);
        k.in[0].quant = &x.q;
        k.out[0].quant = &y.q;
        run_fill(&k, 0, &r);
        int64_t n = infer__operand_elements(&k.in[0]), m = infer__operand_elements(&k.out[0]);
        bytes_fill(k.x[0], n, &r);
        /* the differences through the definition in f32 */
        f = k;
        f.in[0].type = f.out[0].type = INFER_F32;
        f.in[0].quant = f.out[0].quant = NULL;
        f.t.p.resize.extrapolation = k.t.p.resize.extrapolation / x.scale;
        f.x[0] = malloc((size_t)n * sizeof(float));
        for (int64_t i = 0; i < n; i++)
            ((float *)f.x[0])[i] = (float)(((uint8_t *)k.x[0])[i] - x.zero);
        f.y[0] = NULL;
        run_fill(&f, 0, &r);
        run_kernel(&f, "resize_f32_c", &r);
        uint8_t *want = malloc((size_t)m);
        float factor = x.scale / y.scale;
        for (int64_t i = 0; i < m; i++)
            want[i] = round_to(((float *)f.y[0])[i] * factor, y.zero, 0, 255);
        for (int i = 0; i < 3; i++) {
            const struct infer__kernel *kernel = infer__kernel_find(names[i]);
            if (kernel && infer_cpu_has(kernel->isa))
                assert_true(bytes_compare(&k, names[i], want, &r));
        }
        free(want);
        run_drop(&f);
        run_drop(&k);
    }
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void test_softmax(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        int64_t dims[3] = {random_int(&r, 1, 3), random_int(&r, 1, 60), random_int(&r, 1, 9)};
        int axis = (int)random_int(&r, 0, 2), logs = round & 1, real = round >> 1 & 1;
        struct run k = {
            .t = {.op = logs ? INFER__OP_LOG_SOFTMAX : INFER__OP_SOFTMAX, .nin = 1, .nout = 1}};
        struct quant_one x, y;
        quant_random(&x, &r);
        quant_random(&y, &r);
        k.t.p.axis.axis = axis;
        k.in[0] = operand(INFER_U8, 3, dims);
        k.out[0] = operand(real ? INFER_F32 : INFER_U8, 3, dims);
        k.in[0].quant = &x.q;
        k.out[0].quant = real ? NULL : &y.q;
        run_fill(&k, 0, &r);
        int64_t n = infer__operand_elements(&k.in[0]), inner = 1;
        bytes_fill(k.x[0], n, &r);
        for (int i = axis + 1; i < 3; i++)
            inner *= dims[i];
        run_kernel(&k, "softmax_u8_c", &r);
        const uint8_t *q = k.x[0];
        for (int64_t i = 0; i < n; i++) {
            int64_t start = i / (inner * dims[axis]) * inner * dims[axis] + i % inner;
            int most = 0;
            double sum = 0;
            for (int64_t j = 0; j < dims[axis]; j++)
                most = q[start + j * inner] > most ? q[start + j * inner] : most;
            for (int64_t j = 0; j < dims[axis]; j++)
                sum += (double)expf((float)(q[start + j * inner] - most) * x.scale);
            double inverse = 1 / sum, d = (double)((float)(q[i] - most) * x.scale);
            float want = (float)(logs ? d - log(sum) : (double)expf((float)d) * inverse);
            if (real)
                close_to("softmax", i, value_at(INFER_F32, k.y[0], i), (long double)want, 0);
            else
                assert_int_equal(((uint8_t *)k.y[0])[i], round_to(want / y.scale, y.zero, 0, 255));
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_softmax),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
