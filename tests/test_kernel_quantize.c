/* QuantizeLinear and DequantizeLinear against their formulas, along every axis. */
#include "kernel_run.h"

static const infer_type types[] = {INFER_U8, INFER_S8, INFER_U16, INFER_S16, INFER_S32};

static void bounds(unsigned type, long double *low, long double *high)
{
    long double all = powl(2, (long double)infer_type_size((infer_type)type) * 8);
    *low = type == INFER_S8 || type == INFER_S16 || type == INFER_S32 ? -all / 2 : 0;
    *high = *low + all - 1;
}

static int64_t scale_at(const struct run *k, int64_t i)
{
    int64_t index[INFER_MAX_RANK];
    unravel(&k->in[0], i, index);
    return infer__operand_elements(&k->in[1]) == 1 ? 0 : index[k->t.p.axis.axis];
}

static struct run build(uint16_t op, infer_type from, infer_type to, int round, uint64_t *r)
{
    int64_t dims[4];
    int rank = random_dims(dims, 1, 4, 9, r), axis = (int)random_int(r, 0, rank - 1);
    struct run k = {.t = {.op = op, .nin = 2 + (uint32_t)(round & 1), .nout = 1}};
    if (round % 8 == 0)
        dims[axis] = random_int(r, 500, 1100);
    k.in[0] = operand(from, rank, dims);
    k.out[0] = operand(to, rank, dims);
    k.in[1] = operand(INFER_F32, round & 2 ? 1 : 0, dims + axis);
    k.in[2] = operand(op == INFER__OP_QUANTIZE_LINEAR ? to : from, round & 2 ? 1 : 0, dims + axis);
    k.t.p.axis.axis = axis;
    return k;
}

static void test_quantize(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        infer_type type = types[round / 2 % 4];
        struct run k = build(INFER__OP_QUANTIZE_LINEAR, INFER_F32, type, round, &r);
        long double low, high;
        bounds(type, &low, &high);
        run_fill(&k, round % 3, &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.in[1]); i++)
            ((float *)k.x[1])[i] = round % 5 ? 0.01f + fabsf(random_float(&r)) : 0.5f; /* ties */
        if (round % 5 == 0)
            for (int64_t i = 0; i < infer__operand_elements(&k.in[0]); i++)
                ((float *)k.x[0])[i] = (float)random_int(&r, -999, 999) / 4;
        run_kernel(&k, "quantize_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t s = scale_at(&k, i);
            float q = ((float *)k.x[0])[i] / ((float *)k.x[1])[s];
            long double zero = k.t.nin > 2 ? value_at(type, k.x[2], s) : 0;
            long double want = isnan(q) ? zero : nearbyintl((long double)q) + zero;
            close_to("quantised", i, value_at(type, k.y[0], i), fminl(fmaxl(want, low), high), 0);
        }
        run_drop(&k);
    }
}

static void test_dequantize(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        infer_type type = types[round / 2 % 5];
        struct run k = build(INFER__OP_DEQUANTIZE_LINEAR, type, INFER_F32, round, &r);
        run_fill(&k, 0, &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.in[1]); i++)
            ((float *)k.x[1])[i] = 0.01f + fabsf(random_float(&r));
        run_kernel(&k, "dequantize_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t s = scale_at(&k, i);
            long double zero = k.t.nin > 2 ? value_at(type, k.x[2], s) : 0;
            float difference = (float)(value_at(type, k.x[0], i) - zero);
            float want = difference * ((float *)k.x[1])[s];
            close_to("dequantised", i, value_at(INFER_F32, k.y[0], i), (long double)want, 0);
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize),
        cmocka_unit_test(test_dequantize),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
