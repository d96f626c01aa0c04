/* Videos without compression: YUV4MPEG2, as ffmpeg and mjpegtools write it, and raw frames. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/frame_source.h"
#include "vision/yuv.h"

enum { MOST_LINE = 1024, MOST_SIDE = 65535, MOST_PIXELS = 100000000 };

/* Planes of YUV, one behind the other. */
static void lay_planes(struct stream *v, int across, int down, int planes)
{
    const size_t w = (size_t)v->width, h = (size_t)v->height;
    const size_t columns = (w + (1u << across) - 1) >> across;
    const size_t rows = (h + (1u << down) - 1) >> down;
    for (int i = 1; i <= planes; i++) {
        v->planes[i] = v->bytes;
        v->pitches[i] = planes == 2 ? columns : 2 * columns;
        v->bytes += v->pitches[i] * rows;
    }
}

static infer_status lay_out(struct stream *v, infer_error *err)
{
    const int halves = v->pixels == INFER_PIXELS_I420 || v->pixels == INFER_PIXELS_NV12;
    const size_t w = (size_t)v->width, h = (size_t)v->height;
    v->bytes = w * h;
    v->pitches[0] = w;
    if (v->to_rgb) {
        lay_planes(v, v->across, v->down, 2);
        v->bytes += v->alpha ? w * h : 0;
        return INFER_OK;
    }
    if (halves) {
        FAIL_IF(w < 2 || h < 2, INFER_ERROR_UNSUPPORTED, "its frames are %d x %d", v->width,
                v->height);
        lay_planes(v, 1, 1, v->pixels == INFER_PIXELS_I420 ? 2 : 1);
        v->width &= ~1;
        v->height &= ~1;
        return INFER_OK;
    }
    const int yuyv = v->pixels == INFER_PIXELS_YUYV, grey = v->pixels == INFER_PIXELS_GRAY;
    const int alpha = v->pixels == INFER_PIXELS_RGBA || v->pixels == INFER_PIXELS_BGRA;
    FAIL_IF(yuyv && (w % 2 || h % 2), INFER_ERROR_UNSUPPORTED,
            "frames of yuyv have even sides, not %d x %d", v->width, v->height);
    v->pitches[0] = w * (grey ? 1 : yuyv ? 2 : alpha ? 4 : 3);
    v->bytes = v->pitches[0] * h;
    return INFER_OK;
}

infer_status stream_layout(struct stream *v, infer_error *err)
{
    FAIL_IF(v->width < 1 || v->height < 1 || v->width > MOST_SIDE || v->height > MOST_SIDE ||
                (int64_t)v->width * v->height > MOST_PIXELS,
            INFER_ERROR_LIMIT, "its frames are %d x %d; at most %d pixels are taken", v->width,
            v->height, MOST_PIXELS);
    memset(v->planes, 0, sizeof v->planes);
    memset(v->pitches, 0, sizeof v->pitches);
    TRY(lay_out(v, err));
    v->stored = v->bytes * (v->depth > 8 ? 2 : 1);
    return INFER_OK;
}

/* ---- planes --------------------------------------------------------------------------------- */

int y4m_kind(struct stream *v, const char *name)
{
    static const struct {
        const char *name;
        int rgb, across, down, alpha;
    } kinds[] = {{"420jpeg", 0, 1, 1, 0},  {"420mpeg2", 0, 1, 1, 0}, {"420paldv", 0, 1, 1, 0},
                 {"444alpha", 1, 0, 0, 1}, {"420", 0, 1, 1, 0},      {"422", 1, 1, 0, 0},
                 {"444", 1, 0, 0, 0},      {"411", 1, 2, 0, 0},      {"mono", 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i].name);
        const int mono = strcmp(kinds[i].name, "mono") == 0;
        const char *rest = name + n;
        char *end = NULL;
        if (strncmp(name, kinds[i].name, n) != 0)
            continue;
        rest += !mono && *rest == 'p' && rest[1];
        v->depth = *rest >= '1' && *rest <= '9' ? (int)strtol(rest, &end, 10) : 8;
        if (end ? *end || v->depth < 9 || v->depth > 16 : *rest)
            continue;
        v->pixels = kinds[i].rgb ? INFER_PIXELS_RGB : mono ? INFER_PIXELS_GRAY : INFER_PIXELS_I420;
        v->to_rgb = kinds[i].rgb;
        v->across = kinds[i].across;
        v->down = kinds[i].down;
        v->alpha = kinds[i].alpha;
        return 1;
    }
    return 0;
}

/* The eight highest bits of samples, rounded. */
static void to_8_bits(const struct stream *v, uint8_t *frame)
{
    const int drop = v->depth - 8, most = 255;
    for (size_t i = 0; i < v->bytes; i++) {
        const int sample = frame[2 * i] | frame[2 * i + 1] << 8;
        const int rounded = (sample + (1 << (drop - 1))) >> drop;
        frame[i] = (uint8_t)(rounded < most ? rounded : most);
    }
}

/* Brings a frame of the full range to that of video. */
static void narrow(const struct stream *v, uint8_t *frame)
{
    uint8_t luma[256], chroma[256];
    if (v->pixels == INFER_PIXELS_GRAY) /* is taken as it is */
        return;
    for (int i = 0; i < 256; i++) {
        luma[i] = (uint8_t)(16 + (219 * i + 127) / 255);
        chroma[i] = (uint8_t)(16 + (224 * i + 127) / 255);
    }
    for (size_t i = 0; i < v->bytes; i++)
        frame[i] = i < v->planes[1] ? luma[frame[i]] : chroma[frame[i]];
}

infer_status y4m_unpack(const struct stream *v, uint8_t **frame, infer_error *err)
{
    const uint8_t *p = *frame;
    const size_t w = (size_t)v->width, h = (size_t)v->height;
    if (v->depth > 8)
        to_8_bits(v, *frame);
    if (v->full)
        narrow(v, *frame);
    if (!v->to_rgb)
        return INFER_OK;
    uint8_t *rgb = malloc(3 * w * h);
    if (!rgb)
        return infer__no_memory(err, 3 * w * h);
    for (size_t y = 0; y < h; y++) {
        const size_t row = (y >> v->down) * v->pitches[1];
        infer__yuv_row(p + y * w, p + v->planes[1] + row, p + v->planes[2] + row, v->across,
                       v->width, rgb + 3 * w * y);
    }
    free(*frame);
    *frame = rgb;
    return INFER_OK;
}

/* ---- raw frames ----------------------------------------------------------------------------- */

/* Planes as ffmpeg calls them: yuv422p, yuv420p10le, gray12le. */
static int planes_kind(const char *name, struct stream *format)
{
    char kind[24];
    const int yuv = strncmp(name, "yuv", 3) == 0, grey = strncmp(name, "gray", 4) == 0;
    if (!(yuv || grey) || strlen(name) >= sizeof kind)
        return 0;
    snprintf(kind, sizeof kind, "%s%s", yuv ? "" : "mono", name + (yuv ? 3 : 4));
    const size_t n = strlen(kind);
    if (cli_ends_with(kind, "le"))
        kind[n - 2] = 0;
    else if (yuv && cli_ends_with(kind, "p"))
        kind[n - 1] = 0;
    else
        return 0;
    return y4m_kind(format, kind);
}

int source_raw(const char *text, struct stream *format)
{
    static const struct {
        const char *name;
        infer_pixels pixels;
    } formats[] = {{"rgb", INFER_PIXELS_RGB},   {"bgr", INFER_PIXELS_BGR},
                   {"rgba", INFER_PIXELS_RGBA}, {"bgra", INFER_PIXELS_BGRA},
                   {"gray", INFER_PIXELS_GRAY}, {"nv12", INFER_PIXELS_NV12},
                   {"i420", INFER_PIXELS_I420}, {"yuyv", INFER_PIXELS_YUYV}};
    char *end;
    infer_error err;
    *format = (struct stream){.rate = {25, 1}};
    format->width = (int32_t)strtol(text, &end, 10);
    if (*end == 'x') {
        format->height = (int32_t)strtol(end + 1, &end, 10);
        for (size_t i = 0; *end == ':' && i < sizeof formats / sizeof *formats; i++)
            if (strcmp(end + 1, formats[i].name) == 0)
                format->pixels = formats[i].pixels;
        if (*end == ':' && !format->pixels)
            planes_kind(end + 1, format);
    }
    if (!format->pixels) {
        cli_usage(
            "--raw %s: frames are given as 640x480:nv12, of rgb, bgr, rgba, bgra, gray, nv12, "
            "i420, yuyv, or ffmpeg's yuv422p, yuv444p, yuv420p10le, gray16le and kin",
            text);
        return 0;
    }
    if (stream_layout(format, &err) != INFER_OK) {
        cli_usage("--raw %s: %s", text, err.message);
        return 0;
    }
    return 1;
}

/* ---- YUV4MPEG2 ------------------------------------------------------------------------------ */

/* A line without its end; -1 where there is none, at most MOST_LINE bytes long. */
static int read_line(struct stream *v, int stop, char line[MOST_LINE])
{
    for (int n = 0; n < MOST_LINE; n++) {
        if (source_read(v->fd, stop, line + n, 1) != 1)
            return -1;
        if (line[n] == '\n') {
            line[n] = 0;
            return n;
        }
    }
    return -1;
}

static infer_status read_colours(struct stream *v, const char *name, infer_error *err)
{
    FAIL_IF(
        !y4m_kind(v, name), INFER_ERROR_UNSUPPORTED,
        "its frames are of the kind C%.40s; 420, 422, 444, 411, mono, and those of 9 to 16 bits "
        "are read (ffmpeg -pix_fmt yuv420p)",
        name);
    return INFER_OK;
}

/* A word of the header: W640, H480, F30000:1001, C420jpeg; others don't matter here. */
static infer_status read_word(struct stream *v, const char *word, infer_error *err)
{
    char *end;
    const unsigned long number = strtoul(word + 1, &end, 10);
    if (*word == 'W')
        v->width = number <= MOST_SIDE ? (int32_t)number : -1;
    if (*word == 'H')
        v->height = number <= MOST_SIDE ? (int32_t)number : -1;
    if (*word == 'F' && *end == ':') {
        const unsigned long by = strtoul(end + 1, NULL, 10);
        if (number && by)
            v->rate = (struct frame_rate){number, by};
    }
    if (strcmp(word, "XCOLORRANGE=FULL") == 0)
        v->full = 1;
    return *word == 'C' ? read_colours(v, word + 1, err) : INFER_OK;
}

infer_status y4m_begin(struct stream *v, int stop, infer_error *err)
{
    char line[MOST_LINE], *rest = line;
    v->y4m = 1;
    v->pixels = INFER_PIXELS_I420;
    v->rate = (struct frame_rate){25, 1};
    FAIL_IF(read_line(v, stop, line) < 0, INFER_ERROR_PICTURE,
            "the first line of the video has no end");
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        TRY(read_word(v, word, err));
    FAIL_IF(v->width < 1 || v->height < 1, INFER_ERROR_PICTURE,
            "the video does not say how large its frames are");
    return stream_layout(v, err);
}

int y4m_frame(struct stream *v, int stop, infer_error *err)
{
    char line[MOST_LINE];
    const int n = read_line(v, stop, line);
    infer__error_clear(err);
    if (n >= 5 && memcmp(line, "FRAME", 5) == 0)
        return 1;
    if (n < 0) /* the end, as it should be */
        return 0;
    (void)infer__fail(err, INFER_ERROR_PICTURE, "frame %u does not begin with FRAME", v->number);
    return 1;
}
