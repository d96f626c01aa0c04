/* Seeds of fuzz_decoder: outputs that are those of each family, on a picture of 64 x 64 pixels. */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz_decoder.h"
#include "tests/fuzz/make_seeds.h"

enum { HEAD = 12, OF_OUTPUT = 9, MOST_OUTPUTS = 12, NUMBERS = 97 };
enum { MASKS = 8 };

struct output {
    int rank, dims[4];
};

struct seed {
    const char *family;
    int bits, size; /* size: byte 3 */
    struct output outputs[MOST_OUTPUTS];
};

/* As docs/detection.md and the files of tools/decoders have them; 84 places are 64 + 16 + 4. */
static const struct seed seeds[] = {
    {"yunet",
     0,
     0x11,
     {{3, {1, 64, 1}},
      {3, {1, 16, 1}},
      {3, {1, 4, 1}},
      {3, {1, 64, 1}},
      {3, {1, 16, 1}},
      {3, {1, 4, 1}},
      {3, {1, 64, 4}},
      {3, {1, 16, 4}},
      {3, {1, 4, 4}},
      {3, {1, 64, 10}},
      {3, {1, 16, 10}},
      {3, {1, 4, 10}}}},
    {"scrfd",
     0,
     0x11,
     {{3, {1, 128, 1}},
      {3, {1, 32, 1}},
      {3, {1, 8, 1}},
      {3, {1, 128, 4}},
      {3, {1, 32, 4}},
      {3, {1, 8, 4}},
      {3, {1, 128, 10}},
      {3, {1, 32, 10}},
      {3, {1, 8, 10}}}},
    {"nanodet",
     0,
     0x11,
     {{3, {1, 64, 3}},
      {3, {1, 16, 3}},
      {3, {1, 4, 3}},
      {3, {1, 64, 32}},
      {3, {1, 16, 32}},
      {3, {1, 4, 32}}}},
    {"picodet",
     0,
     0x11,
     {{3, {1, 64, 3}},
      {3, {1, 16, 3}},
      {3, {1, 4, 3}},
      {3, {1, 1, 3}},
      {3, {1, 64, 32}},
      {3, {1, 16, 32}},
      {3, {1, 4, 32}},
      {3, {1, 1, 32}}}},
    {"nanodet-plus", 0, 0x11, {{3, {1, 85, 35}}}},
    {"retinaface", 0, 0x11, {{3, {1, 168, 4}}, {3, {1, 168, 2}}, {3, {1, 168, 10}}}},
    {"blazeface", 0, 0x33, {{3, {1, 896, 16}}, {3, {1, 896, 1}}}},
    {"ssd", 0, 0x11, {{3, {1, 96, 4}}, {3, {1, 96, 3}}}},
    {"retinanet", 0, 0x11, {{3, {1, 774, 3}}, {3, {1, 774, 4}}}},
    {"fcos", 0, 0x11, {{3, {1, 86, 3}}, {3, {1, 86, 4}}, {3, {1, 86, 1}}}},
    {"rtdetr", 0, 0x11, {{3, {1, 30, 3}}, {3, {1, 30, 4}}}},
    {"detr", 0, 0x11, {{3, {1, 30, 3}}, {3, {1, 30, 4}}}},
    {"ultraface", 0, 0x11, {{3, {1, 30, 2}}, {3, {1, 30, 4}}}},
    {"centernet", 0, 0x11, {{4, {1, 3, 16, 16}}, {4, {1, 2, 16, 16}}, {4, {1, 2, 16, 16}}}},
    {"yolov3", 0, 0x11, {{4, {1, 24, 2, 2}}, {4, {1, 24, 4, 4}}, {4, {1, 24, 8, 8}}}},
    {"yolov4", 0, 0x11, {{4, {1, 24, 8, 8}}, {4, {1, 24, 4, 4}}, {4, {1, 24, 2, 2}}}},
    {"yolox", 0, 0x11, {{3, {1, 84, 8}}}},
    {"yolov5", 0, 0x11, {{3, {1, 252, 8}}}},
    {"yolov8-pose", 0, 0x11, {{3, {1, 14, 84}}}},
    {"yolov8-obb", 0, 0x11, {{3, {1, 8, 84}}}},
    {"yolov8-seg", MASKS, 0x11, {{3, {1, 11, 84}}, {4, {1, 4, 16, 16}}}},
    {"yolov8", 0, 0x11, {{3, {1, 7, 84}}}},
    {"nms", 0, 0x11, {{3, {1, 30, 6}}}},
    {"fastestdet", 0, 0x11, {{4, {1, 8, 4, 4}}}},
    {"segment", 0, 0x11, {{4, {1, 3, 16, 16}}}},
    {"points", 0, 0x11, {{2, {1, 20}}}},
    {"text-regions", 0, 0x11, {{4, {1, 1, 64, 64}}}},
    {"text", 0, 0x10, {{3, {1, 16, 5}}}},
};

static unsigned kind_of(const char *family)
{
    unsigned i = 0;
    while (i < FUZZ_FAMILIES && strcmp(decoder_families[i].name, family) != 0)
        i++;
    return i;
}

/* `odd`: of the numbers every fourth is NaN, an infinity or very large. */
static void put_seed(const char *folder, const struct seed *s, unsigned kind, int odd)
{
    static const float oddities[] = {__builtin_nanf(""), __builtin_inff(), -__builtin_inff(),
                                     3e38F};
    uint8_t seed[HEAD + OF_OUTPUT * MOST_OUTPUTS + NUMBERS * sizeof(float)] = {0};
    uint32_t state = 5;
    char name[64];
    unsigned n = 0;
    for (; n < MOST_OUTPUTS && s->outputs[n].rank; n++) {
        uint8_t *is = seed + HEAD + (size_t)OF_OUTPUT * n;
        is[0] = (uint8_t)(s->outputs[n].rank - 1);
        for (int k = 0; k < s->outputs[n].rank; k++) {
            is[1 + 2 * k] = (uint8_t)s->outputs[n].dims[k];
            is[2 + 2 * k] = (uint8_t)(s->outputs[n].dims[k] >> 8);
        }
    }
    seed[0] = (uint8_t)kind;
    seed[1] = (uint8_t)(n - 1);
    seed[2] = (uint8_t)s->bits;
    seed[3] = (uint8_t)s->size;
    const size_t heads = HEAD + (size_t)OF_OUTPUT * n;
    for (size_t i = 0; i < NUMBERS; i++) {
        state = state * 1664525u + 1013904223u;
        float v = (float)(state >> 8) / 16777216.0F;
        if (odd && i % 4 == 3)
            v = oddities[i / 4 % 4];
        memcpy(seed + heads + i * sizeof v, &v, sizeof v);
    }
    snprintf(name, sizeof name, "%s%s", s->family, odd ? "-odd" : "");
    seed_write(folder, "decoder", name, seed, heads + NUMBERS * sizeof(float));
}

void seed_decoders(const char *folder)
{
    static const struct seed others[] = {{"classes", 0, 0x11, {{2, {1, 9}}}},
                                         {"vectors", 0, 0x11, {{2, {1, 40}}}}};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        for (int odd = 0; odd < 2; odd++)
            put_seed(folder, &seeds[i], kind_of(seeds[i].family), odd);
    for (unsigned i = 0; i < 2; i++)
        for (int odd = 0; odd < 2; odd++)
            put_seed(folder, &others[i], FUZZ_FAMILIES + i, odd);
}
