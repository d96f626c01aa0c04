/* Following boxes: assignments beside all permutations, the filter beside that of whole matrices,
 * and things that move, cross, hide and are dreamt up, whose changes of identity are counted. */
#include "tests/file_fixture.h"

#include <math.h>
#include <time.h>

#include "infer_vision.h"

/* ---- things that move ----------------------------------------------------------------------- */

enum { FRAMES = 200, THINGS = 12, MOST = 64 };

/* What is in a frame: found[k] says which thing box k is, -1 for what is none. */
struct frame {
    infer_box boxes[MOST];
    int thing[MOST];
    uint64_t ids[MOST];
    size_t count;
};

struct counts {
    int switches, found, followed, false_ids;
    uint64_t last[THINGS], most;
};

/* Sums up a frame: a switch is a thing with another number than it had before. */
static void count(struct counts *c, const struct frame *f)
{
    for (size_t k = 0; k < f->count; k++) {
        const uint64_t id = f->ids[k];
        c->most = id > c->most ? id : c->most;
        if (f->thing[k] < 0) {
            c->false_ids += id != 0;
            continue;
        }
        uint64_t *last = &c->last[f->thing[k]];
        c->found++;
        c->followed += id != 0;
        c->switches += id && *last && *last != id;
        *last = id ? id : *last;
    }
}

static void put(struct frame *f, int thing, double x, double y, double w, double h, double score)
{
    f->thing[f->count] = thing;
    f->boxes[f->count++] = (infer_box){.x0 = (float)(x - w / 2),
                                       .y0 = (float)(y - h / 2),
                                       .x1 = (float)(x + w / 2),
                                       .y1 = (float)(y + h / 2),
                                       .score = (float)score,
                                       .candidate = thing};
}

static double noise(struct rng *rng, double most)
{
    return most * (rng_below(rng, 2001) / 1000.0 - 1);
}

static infer_tracker *new_tracker(const infer_tracker_options *o)
{
    infer_tracker *t;
    infer_error err;
    if (infer_tracker_create(o, &t, &err) != INFER_OK)
        fail_msg("%s", err.message);
    return t;
}

static void update(infer_tracker *t, struct frame *f)
{
    infer_error err;
    if (infer_tracker_update(t, f->boxes, f->count, f->ids, &err) != INFER_OK)
        fail_msg("%s", err.message);
}

/* Half go right, half left, at heights of their own 40 apart, so that they pass without covering
 * each other; each is measured to 1 pixel of its 30 x 30. Boxes that are false are far from all,
 * for one frame each. */
static void test_moving(void **state)
{
    (void)state;
    infer_tracker *t = new_tracker(NULL);
    struct rng rng = {1};
    struct counts c = {0};
    for (int frame = 0; frame < FRAMES; frame++) {
        struct frame f = {.count = 0};
        for (int k = 0; k < THINGS; k++)
            put(&f, k, (k % 2 ? 600 - 3 * frame : 3 * frame) + noise(&rng, 1),
                40 * k + noise(&rng, 1), 30, 30, 0.9);
        if (frame % 3 == 1)
            put(&f, -1, 1000 + 97 * (frame % 7), 700, 30, 30, 0.8);
        update(t, &f);
        count(&c, &f);
    }
    printf("moving: %d of %d followed, %d switches, %d false\n", c.followed, c.found, c.switches,
           c.false_ids);
    assert_int_equal(c.switches, 0);
    assert_int_equal(c.followed, c.found); /* from the first frame on */
    assert_int_equal(c.false_ids, 0);
    assert_int_equal(c.most, THINGS);
    infer_tracker_free(&t);
}

/* Two walk through each other, 60 x 120 and one 24 pixels lower: boxes overlap by up to 0.67, and
 * the one behind has a low score there. Velocity tells them apart. */
static void test_crossing(void **state)
{
    (void)state;
    for (int low = 0; low < 2; low++) {
        infer_tracker *t = new_tracker(NULL);
        struct rng rng = {2};
        struct counts c = {0};
        for (int frame = 0; frame < 100; frame++) {
            struct frame f = {.count = 0};
            const double x = 4 * frame, y = 400 - 4 * frame;
            put(&f, 0, x + noise(&rng, 1), 200 + noise(&rng, 1), 60, 120, 0.9);
            put(&f, 1, y + noise(&rng, 1), 224 + noise(&rng, 1), 60, 120,
                low && fabs(x - y) < 50 ? 0.3 : 0.8);
            update(t, &f);
            count(&c, &f);
        }
        printf("crossing: %d of %d followed, %d switches\n", c.followed, c.found, c.switches);
        assert_int_equal(c.switches, 0);
        assert_int_equal(c.followed, c.found);
        assert_int_equal(c.most, 2);
        infer_tracker_free(&t);
    }
}

/* Hidden for `gap` frames: the same again if patience lasts, else something new, with a number that
 * none has had. */
static void check_hidden(int gap, uint32_t patience, int same)
{
    infer_tracker_options o = INFER_TRACKER_OPTIONS_INIT;
    o.patience = patience;
    infer_tracker *t = new_tracker(&o);
    struct counts c = {0};
    infer_track tracks[4];
    size_t found = 0;
    for (int frame = 0; frame < 120; frame++) {
        struct frame f = {.count = 0};
        const int hidden = frame >= 40 && frame < 40 + gap;
        if (!hidden)
            put(&f, 0, 2 * frame, 100, 40, 80, 0.9);
        update(t, &f);
        count(&c, &f);
        assert_int_equal(infer_tracker_tracks(t, tracks, 4, &found, NULL), INFER_OK);
        if (hidden && (uint32_t)(frame - 39) <= patience) { /* expected where it is */
            assert_true(found == 1 && tracks[0].missed == (uint32_t)(frame - 39));
            assert_true(tracks[0].seen == 40 && tracks[0].id == 1);
            /* 0.3 pixel a frame: what is left of the filter's beginning, without noise */
            assert_true(fabs((double)(tracks[0].box.x0 + tracks[0].box.x1) / 2 - 2 * frame) <
                        0.3 * (frame - 39));
        }
    }
    assert_int_equal(c.switches, !same);
    assert_int_equal(c.last[0], same ? 1 : 2);
    assert_true(found == 1 && tracks[0].missed == 0);
    infer_tracker_free(&t);
}

static void test_hidden(void **state)
{
    (void)state;
    check_hidden(8, 30, 1);
    check_hidden(30, 30, 1);
    check_hidden(31, 30, 0);
    check_hidden(5, 3, 0);
}

/* A random world: things that start and turn at random, are missed in one frame of eight, measured
 * with scores of 0.2 to 1, among false boxes. Nothing is certain there; what counts is that numbers
 * are seldom changed, and never given to two. */
static void test_world(void **state)
{
    (void)state;
    infer_tracker *t = new_tracker(NULL);
    struct rng rng = {8};
    struct counts c = {0};
    double at[THINGS][4];
    for (int k = 0; k < THINGS; k++)
        for (int i = 0; i < 4; i++)
            at[k][i] = i < 2 ? 200 + noise(&rng, 200) : noise(&rng, 3);
    for (int frame = 0; frame < 1000; frame++) {
        struct frame f = {.count = 0};
        for (int k = 0; k < THINGS; k++) {
            for (int i = 0; i < 2; i++) {
                at[k][i] += at[k][i + 2];
                at[k][i + 2] += noise(&rng, 0.2) - (at[k][i] - 200) * 0.0005;
            }
            if (rng_below(&rng, 8))
                put(&f, k, at[k][0] + noise(&rng, 1.5), at[k][1] + noise(&rng, 1.5),
                    40 + noise(&rng, 2), 40 + noise(&rng, 2), 0.6 + noise(&rng, 0.4));
        }
        for (uint32_t i = rng_below(&rng, 4); i > 0; i--)
            put(&f, -1, rng_below(&rng, 400), rng_below(&rng, 400), 40, 40, 0.5 + noise(&rng, 0.5));
        update(t, &f);
        count(&c, &f);
        for (size_t i = 0; i < f.count; i++)
            for (size_t k = 0; k < i; k++)
                assert_true(!f.ids[i] || f.ids[i] != f.ids[k]);
    }
    printf("world: %d of %d followed, %d switches, %d of false boxes\n", c.followed, c.found,
           c.switches, c.false_ids);
    assert_true(c.followed > c.found * 9 / 10);
    assert_true(c.switches < c.found / 100); /* once in 100 frames of a thing */
    infer_tracker_free(&t);
}

/* ---- classes, turned boxes, memory ----------------------------------------------------------- */

static void test_classes(void **state)
{
    (void)state;
    for (uint32_t agnostic = 0; agnostic < 2; agnostic++) {
        infer_tracker_options o = INFER_TRACKER_OPTIONS_INIT;
        o.agnostic = agnostic;
        infer_tracker *t = new_tracker(&o);
        struct frame f = {.count = 0};
        put(&f, 0, 50, 50, 20, 20, 0.9);
        update(t, &f);
        assert_int_equal(f.ids[0], 1);
        f.boxes[0].index = 7;
        update(t, &f);
        assert_int_equal(f.ids[0], agnostic);
        update(t, &f);
        assert_int_equal(f.ids[0], agnostic ? 1 : 2);
        infer_tracker_free(&t);
    }
}

/* Long thin boxes, crosswise in one place and listed in turn: upright they would be the same box
 * twice; as they are turned they are told apart, and each keeps its angle. */
static void test_turned(void **state)
{
    (void)state;
    infer_tracker *t = new_tracker(NULL);
    for (int frame = 0; frame < 20; frame++) {
        struct frame f = {.count = 0};
        infer_track tracks[2];
        size_t found;
        for (int k = 0; k < 2; k++) {
            const int which = (k + frame) % 2; /* in turn */
            put(&f, which, 100 + frame, 100, 60, 10, 0.9);
            f.boxes[k].angle = which ? 0.7F : -0.7F;
        }
        update(t, &f);
        for (int k = 0; k < 2; k++)
            assert_int_equal(f.ids[k], f.thing[k] + 1);
        assert_int_equal(infer_tracker_tracks(t, tracks, 2, &found, NULL), INFER_OK);
        assert_true(found == 2 && tracks[0].box.angle == -0.7F && tracks[1].box.angle == 0.7F);
    }
    infer_tracker_free(&t);
}

static void fill(struct frame *f, int things, int frame)
{
    f->count = 0;
    for (int k = 0; k < things; k++)
        put(f, k, 40 * k + frame, 100, 30, 30, 0.9);
}

/* Once there was a frame of a size, nothing is allocated; without memory nothing changes. */
static void test_memory(void **state)
{
    (void)state;
    struct counter counter;
    infer_tracker_options o = INFER_TRACKER_OPTIONS_INIT;
    o.allocator = counting(&counter);
    struct frame f;
    infer_tracker *t = new_tracker(&o);
    fill(&f, 10, 0);
    update(t, &f);
    fill(&f, 10, 1);
    update(t, &f);
    const size_t calls = counter.calls;
    for (int frame = 2; frame < 50; frame++) {
        fill(&f, 10 - frame % 3, frame);
        update(t, &f);
    }
    assert_int_equal(counter.calls, calls);
    for (size_t fail = 1;; fail++) {
        fill(&f, 60, 50);
        counter.calls = 0;
        counter.fail_only = fail;
        const infer_status status = infer_tracker_update(t, f.boxes, f.count, f.ids, NULL);
        if (status == INFER_OK) {
            assert_true(fail > 5);
            break;
        }
        assert_int_equal(status, INFER_ERROR_NO_MEMORY);
    }
    for (int k = 0; k < 10; k++) /* as if nothing had been */
        assert_int_equal(f.ids[k], k + 1);
    infer_tracker_free(&t);
    assert_true(counter.blocks == 0 && !t);
}

/* What a frame of many boxes takes, for docs/detection.md; that it ends at all. */
static void test_time(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static infer_box boxes[MANY];
    static uint64_t ids[MANY];
    struct rng rng = {6};
    infer_tracker *t = new_tracker(NULL);
    clock_t start = clock();
    for (int frame = 0; frame < 20; frame++) {
        if (frame == 10)
            start = clock();
        for (int k = 0; k < MANY; k++) {
            const double x = 30 * (k % 40) + noise(&rng, 3), y = 30 * (k / 40) + noise(&rng, 3);
            boxes[k] = (infer_box){.x0 = (float)x, .y0 = (float)y, .score = 0.9F};
            boxes[k].x1 = boxes[k].x0 + 40;
            boxes[k].y1 = boxes[k].y0 + 40;
        }
        assert_int_equal(infer_tracker_update(t, boxes, MANY, ids, NULL), INFER_OK);
    }
    printf("%d boxes: %.1f ms\n", MANY, 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC / 10);
    infer_tracker_free(&t);
}

/* Boxes that are none do not disturb the others. */
static void test_nonsense(void **state)
{
    (void)state;
    infer_tracker *t = new_tracker(NULL);
    struct frame f = {.count = 0};
    for (int k = 0; k < 8; k++)
        put(&f, k, 100 * k, 100, 40, 40, 0.9);
    f.boxes[1].x0 = NAN;
    f.boxes[2].y1 = INFINITY;
    f.boxes[3].x1 = f.boxes[3].x0;
    f.boxes[4].score = NAN;
    f.boxes[5].score = INFINITY;
    f.boxes[6].angle = NAN;
    for (int frame = 0; frame < 3; frame++) {
        update(t, &f);
        for (int k = 0; k < 8; k++)
            assert_int_equal(f.ids[k], k == 0 ? 1 : k == 7 ? 2 : 0);
    }
    assert_int_equal(infer_tracker_update(t, NULL, 0, NULL, NULL), INFER_OK);
    assert_int_equal(infer_tracker_update(t, f.boxes, (1 << 20) + 1, f.ids, NULL),
                     INFER_ERROR_LIMIT);
    infer_tracker_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {

        cmocka_unit_test(test_moving),  cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_hidden),  cmocka_unit_test(test_world),
        cmocka_unit_test(test_classes), cmocka_unit_test(test_turned),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
