/* Pictures and answers made up for tests of monitoring, and what may befall them. */
#ifndef INFER_TESTS_MONITOR_PICTURES_H
#define INFER_TESTS_MONITOR_PICTURES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tools/monitor/features.h"

enum { MADE_WIDTH = 48, MADE_HEIGHT = 32 };

enum change { CHANGE_NONE, CHANGE_BLUR, CHANGE_DARK, CHANGE_NO_BLUE, CHANGE_CLASSES, CHANGES };

static uint64_t made_state = 1;

static inline double made_uniform(void)
{
    made_state = made_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(made_state >> 11) * 0x1p-53;
}

/* 0 to n - 1. */
static inline int made_number(int n)
{
    return (int)(made_uniform() * n);
}

static inline uint8_t level(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Rectangles before a gradient, with noise. */
static inline void make_picture(uint8_t *pixels)
{
    double base[3], slope[3];
    const double light = 0.6 + 0.8 * made_uniform();
    for (int c = 0; c < 3; c++) {
        base[c] = 40 + 120 * made_uniform();
        slope[c] = 2 * made_uniform() - 1;
    }
    for (int i = 0; i < MADE_WIDTH * MADE_HEIGHT; i++)
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = level(light * (base[c] + slope[c] * (i % MADE_WIDTH)) +
                                      16 * (made_uniform() - 0.5));
    for (int k = 2 + made_number(5); k > 0; k--) {
        const int x0 = made_number(MADE_WIDTH - 6), y0 = made_number(MADE_HEIGHT - 6);
        const int w = 4 + made_number(16), h = 4 + made_number(12);
        const double colour[3] = {255 * made_uniform(), 255 * made_uniform(), 255 * made_uniform()};
        for (int y = y0; y < y0 + h && y < MADE_HEIGHT; y++)
            for (int x = x0; x < x0 + w && x < MADE_WIDTH; x++)
                for (int c = 0; c < 3; c++)
                    pixels[3 * (y * MADE_WIDTH + x) + c] = level(light * colour[c]);
    }
}

/* The mean of 3 x 3 pixels. */
static inline void blur(uint8_t *pixels)
{
    uint8_t from[MADE_WIDTH * MADE_HEIGHT * 3];
    memcpy(from, pixels, sizeof from);
    for (int y = 1; y < MADE_HEIGHT - 1; y++)
        for (int x = 1; x < MADE_WIDTH - 1; x++)
            for (int c = 0; c < 3; c++) {
                int sum = 0;
                for (int d = 0; d < 9; d++)
                    sum += from[3 * ((y + d / 3 - 1) * MADE_WIDTH + x + d % 3 - 1) + c];
                pixels[3 * (y * MADE_WIDTH + x) + c] = (uint8_t)(sum / 9);
            }
}

static inline void change_picture(uint8_t *pixels, enum change change)
{
    if (change == CHANGE_BLUR)
        blur(pixels);
    for (int i = 0; i < MADE_WIDTH * MADE_HEIGHT * 3; i++)
        if (change == CHANGE_DARK)
            pixels[i] = (uint8_t)(pixels[i] * 6 / 10);
        else if (change == CHANGE_NO_BLUE && i % 3 == 2)
            pixels[i] = 0;
}

/* Scores of ten classes, of which the first come more often; the changed mix has the third one come
 * as often as the first did. */
static inline void make_answer(struct features *f, enum change change)
{
    infer_class classes[10];
    double logits[10], sum = 0;
    int best = (int)(10 * pow(made_uniform(), 2));
    if (change == CHANGE_CLASSES && best < 2)
        best = 2;
    for (int i = 0; i < 10; i++) {
        logits[i] = exp(made_uniform() + (i == best ? 1.5 + 3 * made_uniform() : 0));
        sum += logits[i];
    }
    int n = 0;
    classes[n++] = (infer_class){.index = best, .score = (float)(logits[best] / sum)};
    for (int i = 0; i < 10; i++)
        if (i != best)
            classes[n++] = (infer_class){.index = i, .score = (float)(logits[i] / sum)};
    features_classes(f, classes, 10, 1);
}

static inline struct features make_features(enum change change)
{
    uint8_t pixels[MADE_WIDTH * MADE_HEIGHT * 3];
    const infer_image picture = {
        .pixels = pixels, .width = MADE_WIDTH, .height = MADE_HEIGHT, .channels = 3};
    struct features f = {0};
    make_picture(pixels);
    change_picture(pixels, change);
    features_picture(&f, &picture);
    make_answer(&f, change);
    return f;
}

#endif
