#include "tools/paint.h"

#include "infer_draw.h"

void paint_classes(infer_image *image, const infer_image *mask, int background,
                   const char *const labels[256])
{
    const char *there[256] = {0};
    infer_rgba colors[256];
    const size_t pitch = mask->pitch ? mask->pitch : (size_t)mask->width;
    const int none = background > 0 ? background : 0;
    for (int32_t y = 0; y < mask->height; y++)
        for (int32_t x = 0; x < mask->width; x++) {
            const uint8_t at = mask->pixels[(size_t)y * pitch + (size_t)x];
            there[at] = labels[at];
        }
    there[none] = there[INFER_MASK_UNSEEN] = NULL;
    for (int i = 0; i < 256; i++)
        colors[i] = infer_draw_palette(i);
    infer_draw_classes(image, mask, none, NULL, NULL);
    infer_draw_legend(image, there, colors, 256, NULL, NULL);
}
