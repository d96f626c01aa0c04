/* GridSample and RoiAlign: the definitions where the answer is known, and the vector kernels
 * against them at all tails. (Comparison with other implementations: ONNX's backend tests,
 * check_operators.sh.) */
#include "kernel_run.h"

static struct infer__operand picture(infer_type type, int spatial, int64_t n, const int64_t *size,
                                     int64_t c)
{
    struct infer__operand o = {.type = (uint8_t)type, .rank = (uint8_t)(spatial + 2), .clast = 1};
    o.dims[0] = n;
    for (int i = 0; i < spatial; i++)
        o.dims[1 + i] = size[i];
    o.dims[1 + spatial] = c;
    return o;
}

/* Both kernels on the same data, all but 1e-5 of the largest the same. */
static void compare(struct run *k, const char *plain, const char *vector, infer_isa isa,
                    uint64_t *r)
{
    const int64_t n = infer__operand_elements(&k->out[0]);
    if (!infer_cpu_has(isa))
        return;
    float *want = calloc((size_t)n, sizeof *want), top = 0;
    k->t.isa = INFER_ISA_C;
    run_kernel(k, plain, r);
    memcpy(want, k->y[0], (size_t)n * sizeof *want);
    for (int64_t i = 0; i < n; i++)
        top = fabsf(want[i]) > top ? fabsf(want[i]) : top;
    k->t.isa = (uint8_t)isa;
    run_kernel(k, vector, r);
    for (int64_t i = 0; i < n; i++)
        close_to(vector, i, (long double)((float *)k->y[0])[i], (long double)want[i],
                 1e-5L * (long double)top);
    free(want);
}

/* Places around the picture, some far outside, some no numbers. */
static void fill_grid(struct run *k, uint64_t *r)
{
    static const float odd[] = {-1, 1, 0, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
    const int64_t n = infer__operand_elements(&k->in[1]);
    float *g = malloc((size_t)n * sizeof *g);
    for (int64_t i = 0; i < n; i++)
        g[i] = random_int(r, 0, 7) ? random_float(r) * 1.6f : odd[random_int(r, 0, 7)];
    free(k->x[1]);
    k->x[1] = g;
}

static void test_grid_sample(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 160; round++) {
        const int spatial = 1 + round % 3;
        int64_t size[3], to[3], grid[INFER_MAX_RANK], n = random_int(&r, 1, 2);
        for (int i = 0; i < spatial; i++) {
            size[i] = random_int(&r, 1, 5);
            to[i] = grid[1 + i] = random_int(&r, 1, 4);
        }
        grid[0] = n;
        grid[1 + spatial] = spatial;
        const int64_t c = random_int(&r, 1, round % 5 ? 20 : 150);
        struct run k = {.t = {.op = INFER__OP_GRID_SAMPLE, .nin = 2, .nout = 1}};
        k.in[0] = picture(INFER_F32, spatial, n, size, c);
        k.in[1] = operand(INFER_F32, spatial + 2, grid);
        k.out[0] = picture(INFER_F32, spatial, n, to, c);
        k.t.p.grid.mode = round % 3;
        k.t.p.grid.padding = round / 3 % 3;
        k.t.p.grid.align_corners = round / 9 % 2;
        fill_grid(&k, &r);
        run_fill(&k, 1, &r);
        compare(&k, "grid_sample_c", "grid_sample_f32_avx2", INFER_ISA_AVX2, &r);
        compare(&k, "grid_sample_c", "grid_sample_f32_avx512", INFER_ISA_AVX512, &r);
        run_drop(&k);
    }
}

/* The identity: each place is the middle of a pixel, in every mode and padding. */
static void test_grid_identity(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 18; round++) {
        const int64_t size[2] = {4, 8}, c = 3, grid[4] = {1, 4, 8, 2};
        struct run k = {.t = {.op = INFER__OP_GRID_SAMPLE, .nin = 2, .nout = 1}};
        k.in[0] = k.out[0] = picture(INFER_F64, 2, 1, size, c);
        k.in[1] = operand(INFER_F64, 4, grid);
        k.t.p.grid.mode = round % 3;
        k.t.p.grid.padding = round / 3 % 3;
        k.t.p.grid.align_corners = round / 9 % 2;
        double *g = malloc(64 * sizeof *g);
        for (int i = 0; i < 32; i++)
            for (int a = 0; a < 2; a++) {
                double at = a ? i / 8 : i % 8, all = a ? 4 : 8;
                g[2 * i + a] = round / 9 % 2 ? 2 * at / (all - 1) - 1 : (2 * at + 1) / all - 1;
            }
        k.x[1] = g;
        run_fill(&k, 1, &r);
        run_kernel(&k, "grid_sample_c", &r);
        for (int64_t i = 0; i < 4 * 8 * c; i++)
            close_to("identity", i, value_at(INFER_F64, k.y[0], i), value_at(INFER_F64, k.x[0], i),
                     1e-6L);
        run_drop(&k);
    }
}

static struct run roi_task(int64_t h, int64_t w, int64_t c, int64_t boxes, int64_t out, uint64_t *r)
{
    const int64_t size[2] = {h, w}, to[2] = {out, out + 1};
    struct run k = {.t = {.op = INFER__OP_ROI_ALIGN, .nin = 3, .nout = 1}};
    k.in[0] = picture(INFER_F32, 2, 2, size, c);
    k.in[1] = operand(INFER_F32, 2, (int64_t[]){boxes, 4});
    k.in[2] = operand(INFER_S64, 1, &boxes);
    k.out[0] = picture(INFER_F32, 2, boxes, to, c);
    k.t.p.roi.scale = 0.5f;
    int64_t *images = malloc((size_t)boxes * sizeof *images);
    for (int64_t i = 0; i < boxes; i++) /* one outside is the last, or the first */
        images[i] = random_int(r, -1, 2);
    k.x[2] = images;
    return k;
}

static void test_roi_align(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 80; round++) {
        const int64_t h = random_int(&r, 1, 9), w = random_int(&r, 1, 9);
        struct run k = roi_task(h, w, random_int(&r, 1, round % 5 ? 20 : 150), random_int(&r, 1, 4),
                                random_int(&r, 1, 3), &r);
        const int64_t n = infer__operand_elements(&k.in[1]);
        float *boxes = malloc((size_t)n * sizeof *boxes);
        for (int64_t i = 0; i < n; i++)
            boxes[i] = random_int(&r, 0, 30) ? 10 + random_float(&r) * 14 : i % 2 ? NAN : 1e30f;
        k.x[1] = boxes;
        k.t.p.roi.mode = round % 2;
        k.t.p.roi.half_pixel = round / 2 % 2;
        k.t.p.roi.samples = round / 4 % 3;
        run_fill(&k, 1, &r);
        compare(&k, "roi_align_c", "roi_align_f32_avx2", INFER_ISA_AVX2, &r);
        compare(&k, "roi_align_c", "roi_align_f32_avx512", INFER_ISA_AVX512, &r);
        run_drop(&k);
    }
}

/* A picture that rises by one from column to column has, in a bin, the value of its middle. */
static void test_roi_ramp(void **state)
{
    uint64_t r = seed;
    (void)state;
    struct run k = roi_task(10, 12, 1, 1, 2, &r);
    float *x = malloc(2 * 10 * 12 * sizeof *x);
    for (int i = 0; i < 2 * 10 * 12; i++)
        x[i] = (float)(i % 12);
    k.x[0] = x;
    k.x[1] = malloc(4 * sizeof(float));
    memcpy(k.x[1], (float[]){4, 4, 16, 12}, 4 * sizeof(float));
    k.t.p.roi.half_pixel = 1;
    run_fill(&k, 1, &r);
    run_kernel(&k, "roi_align_c", &r);
    for (int64_t i = 0; i < 6; i++) /* from 1.5 to 7.5 in three bins */
        close_to("ramp", i, value_at(INFER_F32, k.y[0], i), 2.5L + 2 * (long double)(i % 3), 1e-5L);
    run_drop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_sample),
        cmocka_unit_test(test_grid_identity),
        cmocka_unit_test(test_roi_align),
        cmocka_unit_test(test_roi_ramp),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
