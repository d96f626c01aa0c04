/* Seeds of fuzz_answer: a decoding of each kind, with outputs that suit it. */
#include <string.h>

#include "answer/decoding.h"
#include "tests/fuzz/make_seeds.h"

enum { CHOICES = 16, NUMBERS = 600 };

static const char *to; /* the folder of the seeds */

/* Numbers between 0 and 1, so that boxes overlap and scores pass. */
static void put_seed(const char *name, const infer_decoding *d, const uint8_t choice[CHOICES])
{
    uint8_t seed[INFER__DECODING_BYTES + CHOICES + NUMBERS * sizeof(float)];
    uint32_t state = 3;
    if (infer__decoding_encode(d, seed, NULL) != INFER_OK)
        return;
    memcpy(seed + INFER__DECODING_BYTES, choice, CHOICES);
    for (size_t i = 0; i < NUMBERS; i++) {
        state = state * 1664525u + 1013904223u;
        const float v = (float)(state >> 8) / 16777216.0F;
        memcpy(seed + INFER__DECODING_BYTES + CHOICES + i * sizeof v, &v, sizeof v);
    }
    seed_write(to, "answer", name, seed, sizeof seed);
}

static infer_decoding basic(void)
{
    infer_decoding d = INFER_DECODING_INIT;
    d.task = INFER_TASK_DETECT;
    d.classes = 3;
    d.scores_first = 4;
    d.score_threshold = 0.5F;
    d.iou_threshold = 0.4F;
    return d;
}

void seed_answers(const char *folder)
{
    to = folder;
    infer_decoding d = basic();
    put_seed("rows", &d, (const uint8_t[CHOICES]){0, 0, 0, 9, 40, 7});
    d.objectness = 0;
    d.box_form = INFER_BOX_CENTRE;
    d.clip = 1;
    put_seed("objectness", &d, (const uint8_t[CHOICES]){0, 1, 0, 99, 1, 40, 7});
    d = basic();
    d.scores_order = d.boxes_order = 1;
    d.box_form = INFER_BOX_ORIGIN;
    d.agnostic = 1;
    put_seed("columns", &d, (const uint8_t[CHOICES]){0, 1, 1, 50, 1, 7, 60});
    d = basic();
    d.boxes = 1;
    d.scores_first = 0;
    d.background = 0;
    d.every_class = d.relative = 1;
    d.clip = 2;
    d.box_form = INFER_BOX_CENTRE_YX;
    put_seed("background", &d, (const uint8_t[CHOICES]){1, 1, 2, 50, 1, 30, 3, 1, 30, 4});
    d = basic();
    d.classes = 1;
    d.class_field = 5;
    d.box_form = INFER_BOX_CORNERS_YX;
    d.most_candidates = 5;
    d.inclusive = 1;
    put_seed("class", &d, (const uint8_t[CHOICES]){0, 2, 3, 50, 1, 5, 6});
    d = basic();
    d.points = 1;
    d.points_count = 2;
    d.point_fields = 3;
    put_seed("points", &d, (const uint8_t[CHOICES]){1, 1, 0, 50, 1, 20, 7, 1, 20, 6});
    d = basic();
    d.angle = 7;
    d.box_form = INFER_BOX_CENTRE;
    put_seed("turned", &d, (const uint8_t[CHOICES]){0, 1, 0, 50, 1, 40, 8});
    d = basic();
    d.masks = 1;
    d.coefficients_first = 7;
    put_seed("masks", &d, (const uint8_t[CHOICES]){1, 2, 3, 20, 10, 5, 8, 7, 3, 5});
    d = basic();
    d.task = INFER_TASK_TEXT_REGIONS;
    d.scores_order = 1;
    put_seed("text-regions", &d, (const uint8_t[CHOICES]){0, 2, 60, 30, 1, 20, 25});
    d = basic();
    d.task = INFER_TASK_TEXT;
    d.classes = 9;
    d.background = 0;
    put_seed("text", &d, (const uint8_t[CHOICES]){0, 1, 0, 30, 1, 40, 9});
}
