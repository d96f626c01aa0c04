/* Outputs that become text: a part of fuzz_answer.c.
 *
 * Property: a map of any numbers gives regions whose corners are numbers near the map, whose scores
 * are not below the threshold, and which stand in an order of their own; steps of any numbers give
 * text of whole labels within the room that there is; a quadrilateral of any numbers is refused or
 * cut out of the picture. What was taken is given back. */
#ifndef INFER_TESTS_FUZZ_ANSWER_TEXT_H
#define INFER_TESTS_FUZZ_ANSWER_TEXT_H

#include <math.h>

#include "answer/ctc.h"
#include "answer/regions.h"
#include "base/memory.h"
#include "tests/fuzz/fuzz.h"
#include "vision/quad.h"

FIXTURE void check_cut(const infer_quad *quad, int channels)
{
    uint8_t pixels[4 * 30 * 20];
    struct counter counter;
    const infer_allocator a = counting(&counter);
    struct infer__picture p = {.image = {.pixels = pixels, .width = 30, .height = 20}};
    infer_image out = {0};
    infer_error err;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)i;
    p.image.channels = channels;
    p.image.pitch = 30 * (size_t)channels;
    p.width = 30;
    p.height = 20;
    p.bgr = channels == 4;
    double around = 0;
    for (int k = 0; k < 4; k++)
        around += fabs((double)quad->x[k]) + fabs((double)quad->y[k]);
    if (around > 4000) /* nothing else, but slow */
        return;
    if (infer__quad_cut(&p, quad, &a, &out, &err) == INFER_OK)
        REQUIRE(out.width > 0 && out.height > 0 && out.channels == (channels == 1 ? 1 : 3));
    infer_image_free(&out);
    REQUIRE(counter.blocks == 0);
}

/* The last two dimensions of an output are those of a map. */
FIXTURE void check_regions(const infer_tensor *t, float score, const uint8_t *choice)
{
    struct counter counter;
    const infer_allocator a = counting(&counter);
    const struct infer__map map = {t->data, (int32_t)t->dims[t->rank - 2],
                                   (int32_t)t->dims[t->rank - 1]};
    const struct infer__regions_rule rule = {(float)choice[2] / 256, score, (float)choice[3] / 16,
                                             (float)(1 + choice[0] / 64)};
    struct infer__region_found *found = NULL;
    size_t count = 0;
    infer_error err;
    if (map.rows < 1 || map.columns < 1)
        return;
    REQUIRE(infer__regions_find(&map, &rule, &a, &found, &count, &err) == INFER_OK);
    const size_t n = infer__regions_order(found, count, 1 + choice[3]);
    REQUIRE(n <= count && n <= 1u + choice[3]);
    for (size_t i = 0; i < n; i++) {
        infer_quad q = {.score = (float)found[i].score};
        REQUIRE(found[i].score >= (double)score && found[i].score <= 1.0001);
        REQUIRE(found[i].area > 0 && isfinite(found[i].area));
        for (int k = 0; k < 4; k++) {
            REQUIRE(fabs(found[i].x[k]) < 1e5 && fabs(found[i].y[k]) < 1e5);
            q.x[k] = (float)found[i].x[k];
            q.y[k] = (float)found[i].y[k];
        }
        if (i < 4)
            check_cut(&q, i % 2 ? 3 : 1);
    }
    infer__free(&a, found);
    REQUIRE(counter.blocks == 0);
}

FIXTURE const char *label_of(const void *ctx, int64_t class)
{
    static const char *const labels[] = {"a", "\xc3\xa4", "", NULL, "\xe6\x96\x87"};
    (void)ctx;
    REQUIRE(class >= 0);
    return labels[class % 5];
}

/* The last dimension of an output is that of classes. */
FIXTURE void check_steps(const infer_tensor *t, int64_t blank, const uint8_t *choice)
{
    const size_t room = choice[3] % 40;
    char *text = fuzz_block(NULL, room);
    infer_text to = {.text = text, .room = room};
    struct infer__steps s = {t->data, 1, t->dims[t->rank - 1], blank};
    for (int i = 0; i + 1 < t->rank; i++)
        s.steps *= t->dims[i];
    infer__ctc_read(&s, label_of, NULL, &to);
    REQUIRE(to.count <= s.steps && to.length <= 3 * (size_t)s.steps);
    if (room)
        REQUIRE(memchr(text, 0, room) && strlen(text) <= to.length);
    if (room > to.length)
        REQUIRE(strlen(text) == to.length);
    free(text);
}

/* Numbers of the input as corners. */
FIXTURE void check_quad(const infer_tensor *t)
{
    infer_quad q = {0};
    if (t->bytes < 8 * sizeof(float))
        return;
    memcpy(q.x, t->data, sizeof q.x);
    memcpy(q.y, (const float *)t->data + 4, sizeof q.y);
    check_cut(&q, 4);
    for (int k = 0; k < 4; k++) {
        q.x[k] = fmodf(q.x[k], 1) * 40; /* near the picture */
        q.y[k] = fmodf(q.y[k], 1) * 40;
    }
    check_cut(&q, 3);
}

#endif
