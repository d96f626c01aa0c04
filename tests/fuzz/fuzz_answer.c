/* Outputs that become answers, by a decoding as a model file has it stored.
 *
 * Property: for any decoding that is accepted and any outputs, reading gives a status, or boxes
 * with a score above the threshold, each of a candidate and a class that there is, and of those
 * suppression keeps some that have such scores too. Nothing is read outside the outputs, and what
 * was taken is given back. A mask of a kept box has but 0 and 1, within the picture; boxes that are
 * followed from frame to frame have numbers that differ. Of text: answer_text.h.
 *
 * The input is 128 bytes of decoding (src/answer/decoding.h), 16 of choices, and numbers:
 *
 *    0  outputs: 1 to 4
 *    1  their rank: 2 to 4
 *    2  suppression: instead of the stored one
 *    3  boxes that there is room for
 *  4-15 for each output, three dimensions
 */
#include <math.h>

#include "answer/candidates.h"
#include "answer/mask.h"
#include "answer/nms.h"
#include "base/memory.h"
#include "base/status.h"
#include "tests/fuzz/answer_text.h"
#include "tests/fuzz/fuzz.h"

enum { CHOICES = 16, OUTPUTS = 4, MOST_NUMBERS = 1 << 14 };

/* An output of the shape that the choices say, filled with numbers of the input again and again. */
static infer_tensor make_output(const uint8_t *choice, int number, const uint8_t *data, size_t size)
{
    infer_tensor t = {.type = INFER_F32, .rank = 2 + choice[1] % 3};
    int64_t all = 1;
    for (int i = 0; i < t.rank; i++) {
        const int64_t dim = i == 0 && t.rank > 2 ? 1 : choice[4 + 3 * number + i % 3] % 90;
        t.dims[i] = all * dim > MOST_NUMBERS ? 1 : dim;
        all *= t.dims[i];
    }
    t.bytes = (size_t)all * sizeof(float);
    t.data = fuzz_block(NULL, t.bytes);
    for (size_t i = 0; i < t.bytes; i++)
        ((uint8_t *)t.data)[i] = size ? data[i % size] : 0;
    return t;
}

static void check_boxes(const struct infer__reading *r, const infer_box *boxes, size_t count)
{
    infer_point points[INFER__MOST_POINTS];
    infer_transform t = {.size = sizeof t, .scale_x = 2, .scale_y = 0.5, .offset_x = -3};
    for (size_t i = 0; i < count; i++) {
        REQUIRE(boxes[i].candidate >= 0 && boxes[i].candidate < r->candidates);
        REQUIRE(boxes[i].index >= -1 && boxes[i].index < INFER__MOST_CLASSES);
        REQUIRE(boxes[i].index != r->d->background || boxes[i].index < 0 || r->classes.data);
        if (r->points.data && i < 4)
            infer__points_of(r, boxes[i].candidate, &t, points);
    }
}

/* Masks of 64 x 16 pixels that the network has seen as 64 x 48. */
static void check_masks(const infer_decoding *d, const infer_tensor *outputs, size_t n,
                        const infer_transform *t, const infer_box *boxes, size_t count)
{
    const infer_tensor *p = d->masks >= 0 && (size_t)d->masks < n ? &outputs[d->masks] : NULL;
    const struct infer__looked looked = {.transform = *t, .width = 64, .height = 16};
    const infer_allocator a = infer__allocator(NULL);
    infer_image mask = {0};
    infer_error err;
    if (!p || p->rank != 4 || p->dims[1] < 1 || p->dims[2] < 1 || p->dims[3] < 1)
        return;
    struct infer__masks m = {p->data,     p->dims[1],   p->dims[2],        p->dims[3],
                             .width = 64, .height = 48, .looked = &looked, .back = t};
    if (infer__fields_of(outputs, n, d->coefficients, d->boxes_order, d->coefficients_first,
                         m.count, 0, "coefficients", &m.coefficients, &err) != INFER_OK)
        return;
    for (size_t i = 0; i < count && boxes[i].candidate < m.coefficients.candidates; i++) {
        REQUIRE(infer__mask_of(&m, &boxes[i], &a, &a, &mask, &err) == INFER_OK);
        REQUIRE(mask.width <= t->picture_width && mask.height <= t->picture_height);
        for (int32_t k = 0; k < mask.width * mask.height; k++)
            REQUIRE(mask.pixels[k] <= 1);
    }
    infer_image_free(&mask);
}

static void check_tracks(const infer_box *boxes, size_t count)
{
    infer_tracker *t;
    uint64_t ids[256];
    REQUIRE(infer_tracker_create(NULL, &t, NULL) == INFER_OK);
    for (size_t frame = 0; frame < 5; frame++) { /* the boxes, then fewer of them, none, all */
        const size_t n = frame == 3 ? 0 : frame == 2 ? count / 2 : count;
        REQUIRE(infer_tracker_update(t, boxes, n, ids, NULL) == INFER_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < i; k++)
                REQUIRE(!ids[i] || ids[i] != ids[k]);
    }
    infer_tracker_free(&t);
}

static void read_outputs(const infer_decoding *d, const infer_tensor *outputs, size_t n,
                         const uint8_t *choice)
{
    struct counter counter;
    struct infer__reading r;
    infer_error err;
    infer_transform t = {.size = sizeof t, .scale_x = 1, .scale_y = 3, .offset_y = 7};
    t.picture_width = 64;
    t.picture_height = 16;
    infer_box *boxes = NULL, kept[256];
    size_t count, found = 0;
    const infer_allocator a = counting(&counter);
    infer__error_clear(&err);
    infer_status status = infer__reading_of(d, outputs, n, 0, 64, 48, &r, &err);
    REQUIRE(status == err.status);
    if (status != INFER_OK)
        return;
    REQUIRE(infer__find_candidates(&r, d->score_threshold, &t, &a, &boxes, &count, &err) ==
            INFER_OK);
    check_boxes(&r, boxes, count);
    for (size_t i = 0; i < count; i++)
        REQUIRE(boxes[i].score > d->score_threshold);
    infer_nms_options o = {.size = sizeof o,
                           .allocator = a,
                           .suppress = choice[2] % 4,
                           .agnostic = d->agnostic,
                           .inclusive = d->inclusive,
                           .most_candidates = d->most_candidates,
                           .score_threshold = d->score_threshold,
                           .iou_threshold = d->iou_threshold};
    if (o.suppress == INFER_SUPPRESS_NONE || o.suppress == INFER_SUPPRESS_GREEDY || count < 500)
        REQUIRE(infer__nms(boxes, count, &o, kept, 1 + choice[3], &found, &err) == INFER_OK);
    REQUIRE(found <= count && found <= 256);
    for (size_t i = 0; i < found; i++)
        REQUIRE(kept[i].score > d->score_threshold ||
                (float)kept[i].score >= nextafterf(d->score_threshold, -INFINITY));
    check_boxes(&r, kept, found);
    check_masks(d, outputs, n, &t, kept, found);
    check_tracks(kept, found);
    infer__free(&a, boxes);
    REQUIRE(counter.blocks == 0);
}

static void read_text(const infer_decoding *d, const infer_tensor *outputs, size_t n,
                      const uint8_t *choice)
{
    if ((size_t)d->scores >= n)
        return;
    if (d->task == INFER_TASK_TEXT_REGIONS)
        check_regions(&outputs[d->scores], d->score_threshold, choice);
    if (d->task == INFER_TASK_TEXT)
        check_steps(&outputs[d->scores], d->background, choice);
    check_quad(&outputs[d->scores]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    infer_decoding d;
    infer_error err;
    infer_tensor outputs[OUTPUTS];
    if (size < INFER__DECODING_BYTES + CHOICES)
        return 0;
    infer__error_clear(&err);
    infer_status status = infer__decoding_decode(data, INFER__DECODING_BYTES, &d, &err);
    REQUIRE(status == err.status);
    if (status != INFER_OK)
        return 0;
    uint8_t again[INFER__DECODING_BYTES];
    REQUIRE(infer__decoding_encode(&d, again, &err) == INFER_OK);
    REQUIRE(memcmp(again, data, sizeof again) == 0);
    const uint8_t *choice = data + INFER__DECODING_BYTES, *numbers = choice + CHOICES;
    const size_t n = 1 + choice[0] % OUTPUTS;
    for (size_t i = 0; i < n; i++)
        outputs[i] = make_output(choice, (int)i, numbers, size - INFER__DECODING_BYTES - CHOICES);
    if (d.task >= INFER_TASK_TEXT_REGIONS)
        read_text(&d, outputs, n, choice);
    else
        read_outputs(&d, outputs, n, choice);
    for (size_t i = 0; i < n; i++)
        free(outputs[i].data);
    return 0;
}
