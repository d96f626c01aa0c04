#include "tools/preprocess_args.h"

#include <stdlib.h>
#include <string.h>

static const char *const fits[] = {"none",  "short", "stretch", "letterbox",
                                   "exact", "line",  "page"};
static const char *const filters[] = {"bilinear", "nearest", "bicubic", "area"};
static const char *const resamplers[] = {"pillow", "opencv"};
static const char *const colors[] = {"rgb", "bgr", "gray"};
static const char *const letterboxes[] = {"centre", "top left"};
static const char *const layouts[] = {"nchw", "nhwc"};

#define COUNT(names) (int)(sizeof(names) / sizeof *(names))
#define NAME(names, i) ((i) >= 0 && (i) < COUNT(names) ? (names)[i] : "?")

int preprocess_args_given(const struct cli_args *args)
{
    static const struct cli_option all[] = {PREPROCESS_OPTIONS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (cli_has(args, all[i].name))
            return 1;
    return 0;
}

/* The number of a name in names[first..count-1]; *out stays where the option is not given. */
static int choose(const struct cli_args *args, const char *option, const char *const *names,
                  int first, int count, int32_t *out)
{
    const char *text = cli_value(args, option);
    if (!text)
        return 1;
    for (int i = first; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return 1;
        }
    fprintf(stderr, "infer: --%s %s: it can be", option, text);
    for (int i = first; i < count; i++)
        fprintf(stderr, "%s %s", i > first ? "," : "", names[i]);
    fputc('\n', stderr);
    return 0;
}

/* "224" or "320x240": returns how many numbers there are, 0 after a usage message. */
static int parse_size(const char *option, const char *text, int32_t *width, int32_t *height)
{
    char *end;
    long w = strtol(text, &end, 10), h = w;
    int n = 1, good = end != text && text[0] >= '0' && text[0] <= '9';
    if (good && *end == 'x') {
        const char *second = end + 1;
        h = strtol(second, &end, 10);
        good = end != second && *second >= '0' && *second <= '9';
        n = 2;
    }
    if (!good || *end || w < 1 || w > 65535 || h < 1 || h > 65535) {
        cli_usage("--%s %s: a size is written 224 or 320x240, each 1 to 65535", option, text);
        return 0;
    }
    *width = (int32_t)w;
    *height = (int32_t)h;
    return n;
}

/* One number stands for all three channels. */
static int parse_channels(const struct cli_args *args, const char *option, float *out)
{
    const char *text = cli_value(args, option);
    float v[3];
    if (!text)
        return 1;
    int n = cli_floats(option, text, v, 3);
    if (n == 2)
        cli_usage("--%s %s: one number, or one for each of 3 channels", option, text);
    for (int c = 0; c < 3 && n != 2 && n > 0; c++)
        out[c] = v[n == 1 ? 0 : c];
    return n == 1 || n == 3;
}

static int apply_resize(const struct cli_args *args, infer_preprocess *p)
{
    const char *resize = cli_value(args, "resize"), *fit = cli_value(args, "fit");
    int numbers = 0;
    if (resize) {
        if (!(numbers = parse_size("resize", resize, &p->width, &p->height)))
            return 0;
        p->fit = numbers == 1 ? INFER_FIT_SHORT_SIDE : INFER_FIT_STRETCH;
    }
    if (!choose(args, "fit", fits, INFER_FIT_SHORT_SIDE, COUNT(fits), &p->fit))
        return 0;
    if (fit && p->width == 0) {
        cli_usage("--fit %s: it needs a size, given by --resize", fit);
        return 0;
    }
    if (numbers == 2 && p->fit == INFER_FIT_SHORT_SIDE && p->width != p->height) {
        cli_usage("--fit short takes one number: --resize %d", (int)p->width);
        return 0;
    }
    if (p->fit == INFER_FIT_SHORT_SIDE)
        p->height = 0;
    else if (p->height == 0)
        p->height = p->width; /* a stored short side, now stretched or letterboxed */
    return 1;
}

/* "zero": 0 behind mean and scale. */
static int parse_fill(const struct cli_args *args, int32_t otherwise, long *fill)
{
    const char *text = cli_value(args, "fill");
    if (text && strcmp(text, "zero") == 0) {
        *fill = INFER_FILL_ZERO;
        return 1;
    }
    return cli_int(args, "fill", 0, 255, otherwise, fill);
}

int preprocess_args_apply(const struct cli_args *args, infer_preprocess *p)
{
    const char *crop = cli_value(args, "crop");
    long fill;
    if (!apply_resize(args, p) || !choose(args, "filter", filters, 0, COUNT(filters), &p->filter) ||
        !choose(args, "resampler", resamplers, 0, COUNT(resamplers), &p->resampler) ||
        !choose(args, "color", colors, 0, COUNT(colors), &p->color) ||
        !choose(args, "layout", layouts, 0, COUNT(layouts), &p->layout) ||
        !parse_fill(args, p->fill, &fill) || !parse_channels(args, "mean", p->mean) ||
        !parse_channels(args, "scale", p->scale))
        return 0;
    p->fill = (int32_t)fill;
    return !crop || parse_size("crop", crop, &p->crop_width, &p->crop_height);
}

/* ---- printing ------------------------------------------------------------------------------- */

static void text_of(FILE *f, const infer_preprocess *p)
{
    int channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    if (p->fit == INFER_FIT_SHORT_SIDE)
        fprintf(f, "short side %d", (int)p->width);
    else if (p->fit != INFER_FIT_NONE)
        fprintf(f, "%s %dx%d", NAME(fits, p->fit), (int)p->width, (int)p->height);
    else
        fputs("no resize", f);
    if (p->fit == INFER_FIT_LETTERBOX)
        fprintf(f, " %s, filled with %d", NAME(letterboxes, p->letterbox), (int)p->fill);
    if (p->fit != INFER_FIT_NONE && p->fit != INFER_FIT_EXACT)
        fprintf(f, " (%s, %s)", NAME(filters, p->filter), NAME(resamplers, p->resampler));
    if (p->crop_width)
        fprintf(f, ", crop %dx%d", (int)p->crop_width, (int)p->crop_height);
    fprintf(f, ", %s, %s", NAME(colors, p->color), NAME(layouts, p->layout));
    for (int c = 0; c < channels; c++)
        fprintf(f, "%s%g", c ? "," : ", mean ", (double)p->mean[c]);
    for (int c = 0; c < channels; c++)
        fprintf(f, "%s%g", c ? "," : ", scale ", (double)p->scale[c]);
}

char *preprocess_text(const infer_preprocess *p, char *text, size_t size)
{
    FILE *f = fmemopen(text, size, "w");
    if (size)
        text[0] = 0;
    if (f) {
        text_of(f, p);
        fclose(f);
    }
    return text;
}

static void json_floats(FILE *f, const char *name, const float *v, int n)
{
    fprintf(f, ", \"%s\": [", name);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", f);
        json_number(f, (double)v[i]);
    }
    fputc(']', f);
}

void preprocess_json(FILE *f, const infer_preprocess *p)
{
    int channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    fprintf(f, "{\"fit\": \"%s\", \"width\": %d, \"height\": %d", NAME(fits, p->fit), p->width,
            p->height);
    fprintf(f, ", \"filter\": \"%s\", \"resampler\": \"%s\"", NAME(filters, p->filter),
            NAME(resamplers, p->resampler));
    fprintf(f, ", \"crop_width\": %d, \"crop_height\": %d", p->crop_width, p->crop_height);
    fprintf(f, ", \"fill\": %d, \"letterbox\": \"%s\", \"letterbox_rounding\": %d", p->fill,
            NAME(letterboxes, p->letterbox), p->letterbox_rounding);
    fprintf(f, ", \"color\": \"%s\", \"layout\": \"%s\"", NAME(colors, p->color),
            NAME(layouts, p->layout));
    json_floats(f, "mean", p->mean, channels);
    json_floats(f, "scale", p->scale, channels);
    fputc('}', f);
}
