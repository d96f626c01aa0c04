/* Rows of pixels at every level against plain C: the same bits, at all sizes and alignments, and
 * nothing read or written beyond. */
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernels/pixels/pixels.h"

enum { MOST = 70 };

static uint32_t state = 1;

static uint32_t draw(uint32_t most)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % most;
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)draw(256);
}

static const struct infer__pixels *level(void)
{
    const struct infer__pixels *best = infer__pixels();
    if (best == &infer__pixels_c) {
        printf("this CPU has plain C alone\n");
        skip();
    }
    return best;
}

static void test_to_floats(void **unused)
{
    (void)unused;
    const struct infer__pixels *best = level();
    for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
        for (size_t n = 1; n <= MOST; n++)
            for (int source = 0; source < channels; source++) {
                struct guard in = guard_new(n * (size_t)channels, 1, n % 2 == 0);
                struct guard out = guard_new(n * sizeof(float), 4, 1);
                float plain[MOST];
                fill(in.data, n * (size_t)channels);
                infer__pixels_c.to_floats(in.data, channels, source, 103.53F, 0.017F, n, plain);
                best->to_floats(in.data, channels, source, 103.53F, 0.017F, n, (float *)out.data);
                assert_memory_equal(plain, out.data, n * sizeof(float));
                guard_free(&in);
                guard_free(&out);
            }
}

enum { OUT = 40, TAPS = 7 };

/* Outputs whose samples lie anywhere that they may. */
static void draw_axis(int32_t width, int32_t *first, int32_t *count, int32_t *weight)
{
    for (int32_t i = 0; i < OUT; i++) {
        first[i] = i * (width - 1) / OUT;
        count[i] = 1 + (int32_t)draw(width - first[i] < TAPS ? (uint32_t)(width - first[i]) : TAPS);
        if (i && first[i] + count[i] < first[i - 1] + count[i - 1]) /* ends ascend */
            count[i] = first[i - 1] + count[i - 1] - first[i];
        for (int k = 0; k < TAPS; k++)
            weight[i * TAPS + k] = (int32_t)draw(1 << 21) - (1 << 19);
    }
}

static void test_pillow(void **unused)
{
    (void)unused;
    const struct infer__pixels *best = level();
    static int32_t first[OUT], count[OUT], weight[OUT * TAPS];
    const struct infer__pillow_axis a = {first, count, weight, TAPS};
    for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
        for (int32_t width = 1; width <= MOST; width++)
            for (int32_t rows = 1; rows <= 6; rows += 5) {
                const size_t row = (size_t)width * (size_t)channels;
                const size_t samples = (size_t)rows * OUT * (size_t)channels;
                struct guard in = guard_new((size_t)rows * row, 1, 1);
                struct guard out = guard_new(samples, 1, 1);
                uint8_t plain[6 * OUT * 4];
                fill(in.data, (size_t)rows * row);
                draw_axis(width, first, count, weight);
                infer__pixels_c.pillow_across(in.data, row, width, channels, &a, OUT, rows, plain);
                best->pillow_across(in.data, row, width, channels, &a, OUT, rows, out.data);
                assert_memory_equal(plain, out.data, samples);
                assert_true(guard_check(&out));
                guard_free(&in);
                guard_free(&out);
            }
}

static void test_pillow_down(void **unused)
{
    (void)unused;
    const struct infer__pixels *best = level();
    static const int32_t w[] = {1 << 20, 3 << 20, -(1 << 19), 1 << 19};
    static uint8_t plain[600];
    for (size_t n = 1; n <= 600; n += n < 70 ? 1 : 59) {
        struct guard in = guard_new(4 * n, 1, 1), out = guard_new(n, 1, 1);
        fill(in.data, 4 * n);
        infer__pixels_c.pillow_down(in.data, n, w, 4, n, plain);
        best->pillow_down(in.data, n, w, 4, n, out.data);
        assert_memory_equal(plain, out.data, n);
        guard_free(&in);
        guard_free(&out);
    }
}

static void test_opencv(void **unused)
{
    (void)unused;
    const struct infer__pixels *best = level();
    for (int32_t width = 1; width <= MOST; width++)
        for (int32_t n = 1; n <= MOST; n += 3) {
            struct guard in = guard_new((size_t)width * 3, 1, 1);
            struct guard out = guard_new((size_t)n * 3 * sizeof(int32_t), 4, 1);
            struct guard bytes = guard_new((size_t)n * 3, 1, 1);
            static int32_t at[MOST], weight[MOST][4], plain[MOST * 3];
            static uint8_t down[MOST * 3];
            const int32_t w[2] = {1500, 548};
            fill(in.data, (size_t)width * 3);
            for (int32_t i = 0; i < n; i++) {
                at[i] = i * width / n;
                weight[i][1] = (int32_t)draw(2049);
                weight[i][0] = 2048 - weight[i][1];
            }
            infer__pixels_c.opencv_across(in.data, width, at, &weight[0][0], n, plain);
            best->opencv_across(in.data, width, at, &weight[0][0], n, (int32_t *)out.data);
            assert_memory_equal(plain, out.data, (size_t)n * 3 * sizeof(int32_t));
            infer__pixels_c.opencv_down(plain, (int32_t *)out.data, w, (size_t)n * 3, down);
            best->opencv_down(plain, (int32_t *)out.data, w, (size_t)n * 3, bytes.data);
            assert_memory_equal(down, bytes.data, (size_t)n * 3);
            assert_true(guard_check(&out) && guard_check(&bytes));
            guard_free(&in);
            guard_free(&out);
            guard_free(&bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_floats), cmocka_unit_test(test_pillow),
        cmocka_unit_test(test_pillow_down), cmocka_unit_test(test_opencv)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
