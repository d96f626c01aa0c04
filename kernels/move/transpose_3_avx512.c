/* Three planes of elements of four bytes to pixels of three, AVX-512: how a picture comes in. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/nd.h"

enum { STEP = 16, GRAIN = 2048 }; /* pixels */

/* Pixels of a picture and pictures; 0 if the task is something else. */
static int planes_of(const struct infer__task *t, int64_t *pixels, int64_t *pictures)
{
    int64_t dense[INFER_MAX_RANK];
    struct infer__nd w;
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    infer__nd_init(&w, &t->out[0]);
    w.operands = 1;
    for (int i = 0; i < t->out[0].rank; i++)
        w.stride[0][i] = dense[t->p.transpose.perm[i]];
    infer__nd_merge(&w);
    int last = w.axes - 1;
    if (last < 1 || last > 2 || w.dims[last] != 3 || w.stride[0][last - 1] != 1 ||
        w.stride[0][last] != w.dims[last - 1])
        return 0;
    *pixels = w.dims[last - 1];
    *pictures = last == 2 ? w.dims[0] : 1;
    return last == 1 || w.stride[0][0] == 3 * *pixels;
}

static double estimate(const struct infer__task *t)
{
    int64_t pixels, pictures;
    if (t->op != INFER__OP_TRANSPOSE || t->isa < INFER_ISA_AVX512 ||
        t->in[0].type != t->out[0].type || infer__operand_size(&t->in[0]) != 4 || t->in[0].quant ||
        !infer__no_epilogue(t) || !planes_of(t, &pixels, &pictures))
        return -1;
    return 50 + 0.3 * infer__bytes_ns(t);
}

static uint32_t units_of(const struct infer__task *t, int64_t total)
{
    return infer__task_units(t, total, GRAIN);
}

static infer_status prepare(const struct infer__task *t, struct infer__need *need, infer_error *err)
{
    int64_t pixels, pictures;
    FAIL_IF(!planes_of(t, &pixels, &pictures), INFER_ERROR_INTERNAL, "not three planes");
    need->units = units_of(t, pixels * pictures);
    return INFER_OK;
}

/* Element e of 16 pixels is that of plane e % 3 and pixel e / 3: `first` picks from the planes 0
 * and 1, `second` from what that gave and plane 2. */
static void make_tables(__m512i first[3], __m512i second[3])
{
    int32_t a[STEP], b[STEP];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < STEP; i++) {
            int e = k * STEP + i, plane = e % 3, pixel = e / 3;
            a[i] = plane == 1 ? STEP + pixel : pixel;
            b[i] = plane == 2 ? STEP + pixel : i;
        }
        first[k] = _mm512_loadu_si512(a);
        second[k] = _mm512_loadu_si512(b);
    }
}

/* `n` pixels of planes that are `plane` elements apart. */
static void turn(const float *x, int64_t plane, float *y, int64_t n)
{
    __m512i first[3], second[3];
    make_tables(first, second);
    for (int64_t i = 0; i < n; i += STEP, y += 3 * STEP) {
        int64_t left = n - i < STEP ? n - i : STEP;
        __mmask16 m = (__mmask16)((1u << left) - 1);
        __m512 p = _mm512_maskz_loadu_ps(m, x + i), q = _mm512_maskz_loadu_ps(m, x + i + plane);
        __m512 r = _mm512_maskz_loadu_ps(m, x + i + 2 * plane);
        for (int k = 0; k < 3; k++) {
            __m512 v = _mm512_permutex2var_ps(_mm512_permutex2var_ps(p, first[k], q), second[k], r);
            int64_t room = 3 * left - k * STEP;
            if (room >= STEP)
                _mm512_storeu_ps(y + k * STEP, v);
            else if (room > 0)
                _mm512_mask_storeu_ps(y + k * STEP, (__mmask16)((1u << room) - 1), v);
        }
    }
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    int64_t pixels, pictures;
    if (!planes_of(t, &pixels, &pictures))
        return;
    uint32_t units = units_of(t, pixels * pictures);
    int64_t last = infer__unit_begin(pixels * pictures, units, end), n;
    for (int64_t i = infer__unit_begin(pixels * pictures, units, begin); i < last; i += n) {
        int64_t inside = i % pixels;
        n = pixels - inside < last - i ? pixels - inside : last - i;
        turn((const float *)b->in[0] + (i - inside) * 3 + inside, pixels,
             (float *)b->out[0] + i * 3, n);
    }
}

const struct infer__kernel infer__transpose_3_avx512 = {.name = "transpose_3_avx512",
                                                        .isa = INFER_ISA_AVX512,
                                                        .estimate = estimate,
                                                        .prepare = prepare,
                                                        .run = run};
#endif
