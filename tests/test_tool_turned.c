/* Boxes that are turned: their IoU beside counts of points and known figures, suppression beside
 * the rule, and the way from a letterboxed input back to the picture. */
#include "tests/file_fixture.h"

#include <math.h>

#include "answer/candidates.h"
#include "answer/nms.h"

static infer_box centred(double x, double y, double w, double h, double angle)
{
    return (infer_box){.x0 = (float)(x - w / 2),
                       .y0 = (float)(y - h / 2),
                       .x1 = (float)(x + w / 2),
                       .y1 = (float)(y + h / 2),
                       .score = 1,
                       .angle = (float)angle};
}

static double iou(const infer_box *a, const infer_box *b)
{
    const struct infer__extent x = infer__extent_of(a, 0), y = infer__extent_of(b, 0);
    return infer__iou(&x, &y);
}

/* ---- overlap -------------------------------------------------------------------------------- */

/* Angles are f32: of a quarter turn they are within 4e-8, which moves an edge of 10 by 4e-7. */
#define TURN_CLOSE 1e-6
#define PI 3.14159265358979323846

static void test_known(void **state)
{
    (void)state;
    const infer_box square = centred(5, 5, 2, 2, 0), turned = centred(5, 5, 2, 2, PI / 4);
    const infer_box wide = centred(3, 4, 10, 2, PI / 2), high = centred(3, 4, 2, 10, 0);
    const infer_box far = centred(40, 4, 10, 2, 1), flat = centred(5, 5, 2, 0, 0.5);
    const infer_box in = centred(5, 5, 0.5, 0.5, 0.3);
    /* a regular octagon of 8 (sqrt 2 - 1) in two squares of 4 */
    const double octagon = 8 * (sqrt(2) - 1);
    assert_true(fabs(iou(&square, &turned) - octagon / (8 - octagon)) < TURN_CLOSE);
    assert_true(fabs(iou(&turned, &turned) - 1) < 1e-12); /* some roundings of a double */
    assert_true(fabs(iou(&wide, &high) - 1) < TURN_CLOSE);
    assert_true(fabs(iou(&in, &square) - 0.25 / 4) < TURN_CLOSE);
    assert_true(iou(&wide, &far) == 0);
    assert_true(iou(&flat, &square) == 0 && iou(&flat, &flat) == 0);
}

static int is_in(const infer_box *b, double x, double y)
{
    const double dx = x - (double)(b->x0 + b->x1) / 2, dy = y - (double)(b->y0 + b->y1) / 2;
    const double c = cos((double)b->angle), s = sin((double)b->angle);
    return fabs(dx * c + dy * s) <= (double)(b->x1 - b->x0) / 2 &&
           fabs(dy * c - dx * s) <= (double)(b->y1 - b->y0) / 2;
}

/* Counted on a grid of N x N points over the 8 x 8 in which all boxes are. Their outlines, of 24 at
 * most together, cross 24 N / 8 = 2400 of its cells, each of which is counted wrong by up to a
 * half: at random by 25 in all, of (N / 8)^2 = 10,000 at least that both have. So an IoU is off by
 * 0.0025 for what is in common and as much for the union; 0.0125 is 2.5 times both. */
static void test_counted(void **state)
{
    (void)state;
    enum { N = 800 };
    struct rng rng = {5};
    int overlapping = 0;
    for (int k = 0; k < 60; k++) {
        infer_box box[2];
        int common = 0, either = 0;
        for (int i = 0; i < 2; i++)
            box[i] = centred(3 + rng_below(&rng, 200) / 100.0, 3 + rng_below(&rng, 200) / 100.0,
                             1 + rng_below(&rng, 300) / 100.0, 1 + rng_below(&rng, 300) / 100.0,
                             rng_below(&rng, 628) / 100.0 - 3.14);
        for (int y = 0; y < N; y++)
            for (int x = 0; x < N; x++) {
                const double u = (x + 0.5) * 8 / N, v = (y + 0.5) * 8 / N;
                const int a = is_in(&box[0], u, v), b = is_in(&box[1], u, v);
                common += a && b;
                either += a || b;
            }
        const double ours = iou(&box[0], &box[1]), counted = (double)common / either;
        overlapping += counted > 0.05 && counted < 0.95;
        assert_true(fabs(ours - counted) < 0.0125);
        assert_true(fabs(ours - iou(&box[1], &box[0])) < 1e-12);
    }
    assert_true(overlapping > 30);
}

/* ---- suppression ---------------------------------------------------------------------------- */

/* The rule as it is said: the best first, what overlaps one that stays goes. */
static size_t greedy(const infer_box *boxes, size_t n, double threshold, int agnostic, char *stays)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) { /* scores descend */
        stays[i] = 1;
        for (size_t k = 0; k < i && stays[i]; k++)
            if (stays[k] && (agnostic || boxes[k].index == boxes[i].index) &&
                iou(&boxes[k], &boxes[i]) > threshold)
                stays[i] = 0;
        kept += (size_t)stays[i];
    }
    return kept;
}

static void test_greedy(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static infer_box boxes[COUNT], kept[COUNT];
    static char stays[COUNT];
    struct rng rng = {9};
    for (int i = 0; i < COUNT; i++) {
        boxes[i] = centred(rng_below(&rng, 100), rng_below(&rng, 100), 3 + rng_below(&rng, 30),
                           3 + rng_below(&rng, 30), rng_below(&rng, 4) * 0.4 * (i % 3));
        boxes[i].score = 1 - (float)i / COUNT;
        boxes[i].index = i % 2;
        boxes[i].candidate = i;
    }
    for (int agnostic = 0; agnostic < 2; agnostic++)
        for (int t = 0; t <= 10; t++) {
            infer_nms_options o = INFER_NMS_OPTIONS_INIT;
            size_t found, at = 0;
            o.iou_threshold = (float)t / 10;
            o.agnostic = agnostic;
            assert_int_equal(infer_nms(boxes, COUNT, &o, kept, COUNT, &found, NULL), INFER_OK);
            assert_int_equal(found, greedy(boxes, COUNT, (double)o.iou_threshold, agnostic, stays));
            for (size_t i = 0; i < found; i++) {
                while (!stays[at])
                    at++;
                assert_int_equal(kept[i].candidate, at++);
            }
            assert_true(t > 5 || found < COUNT);
        }
}

static void test_numbers(void **state)
{
    (void)state;
    infer_box boxes[3] = {centred(5, 5, 4, 2, 0.5), centred(5, 5, 4, 2, 0.5),
                          centred(50, 50, INFINITY, 2, 0.5)};
    infer_box kept[3];
    infer_nms_options o = INFER_NMS_OPTIONS_INIT;
    size_t found;
    boxes[0].angle = NAN; /* goes, as every box with a NaN in it */
    assert_int_equal(infer_nms(boxes, 2, &o, kept, 3, &found, NULL), INFER_OK);
    assert_true(found == 1 && kept[0].angle == boxes[1].angle);
    boxes[0].angle = 0.5F;
    o.suppress = INFER_SUPPRESS_LINEAR;
    o.iou_threshold = 0.5F;
    o.score_threshold = 0.01F;
    assert_int_equal(infer_nms(boxes, 2, &o, kept, 3, &found, NULL), INFER_OK);
    assert_int_equal(found, 1); /* the other's score is 0 now */
}

/* ---- back to the picture -------------------------------------------------------------------- */

/* Corners that are mapped one by one are those of the mapped box, where the ratios are the same;
 * where they are not, the middles of its sides across are. */
static void test_mapped(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        float row[6] = {40, 30, 20, 8, 0.7F, 0.9F};
        const infer_allocator a = infer__allocator(NULL);
        const infer_transform t = {.size = sizeof t,
                                   .scale_x = 2,
                                   .scale_y = same ? 2 : 2.1,
                                   .offset_x = 10,
                                   .offset_y = -7};
        infer_decoding d = INFER_DECODING_INIT;
        struct infer__reading r;
        infer_error err;
        infer_box *b;
        size_t count;
        infer_tensor x = {.type = INFER_F32, .rank = 3, .dims = {1, 1, 6}, .data = row};
        x.bytes = sizeof row;
        d.task = INFER_TASK_DETECT;
        d.classes = 1;
        d.scores_first = 5;
        d.angle = 4;
        d.box_form = INFER_BOX_CENTRE;
        assert_int_equal(infer__reading_of(&d, &x, 1, 0, 100, 100, &r, &err), INFER_OK);
        assert_int_equal(infer__find_candidates(&r, 0.5F, &t, &a, &b, &count, &err), INFER_OK);
        assert_int_equal(count, 1);
        for (int k = 0; k < (same ? 4 : 2); k++) {
            const double u = k & 1 ? 10 : -10, v = !same ? 0 : k & 2 ? 4 : -4;
            const double px = (40 + u * cos(0.7) - v * sin(0.7)) * t.scale_x + t.offset_x;
            const double py = (30 + u * sin(0.7) + v * cos(0.7)) * t.scale_y + t.offset_y;
            const double w = (double)(b->x1 - b->x0) / 2, h = (double)(b->y1 - b->y0) / 2;
            const double c = cos((double)b->angle), s = sin((double)b->angle);
            const double x1 = k & 1 ? w : -w, y1 = !same ? 0 : k & 2 ? h : -h;
            /* f32 of numbers of up to 100: 4e-6 each */
            assert_true(fabs((double)(b->x0 + b->x1) / 2 + x1 * c - y1 * s - px) < 2e-5);
            assert_true(fabs((double)(b->y0 + b->y1) / 2 + x1 * s + y1 * c - py) < 2e-5);
        }
        infer__free(&a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),  cmocka_unit_test(test_counted),
        cmocka_unit_test(test_greedy), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
