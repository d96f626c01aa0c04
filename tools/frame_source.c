#include "tools/frame_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/options.h"

enum { MOST_FILE = 256 << 20, MAGIC = 9 };

size_t source_read(int fd, int stop, void *to, size_t size)
{
    size_t used = 0;
    while (used < size) {
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            break;
        if (!fds[0].revents)
            continue;
        const ssize_t n = read(fd, (char *)to + used, size - used);
        if (n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN)))
            break;
        used += n > 0 ? (size_t)n : 0;
    }
    return used;
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* All that is left of a file behind its first bytes, which are given; to be freed. */
static infer_status read_rest(int fd, int stop, const char *first, size_t n, char **bytes,
                              size_t *size, infer_error *err)
{
    size_t room = 1 << 16, used = n;
    *bytes = malloc(room);
    if (!*bytes)
        return infer__no_memory(err, room);
    memcpy(*bytes, first, n);
    while ((n = source_read(fd, stop, *bytes + used, room - used)) > 0) {
        used += n;
        if (used < room)
            continue;
        FAIL_IF(room >= MOST_FILE, INFER_ERROR_LIMIT, "it has more than %d bytes", MOST_FILE);
        char *grown = realloc(*bytes, room * 2);
        if (!grown)
            return infer__no_memory(err, room * 2);
        *bytes = grown;
        room *= 2;
    }
    *size = used;
    return INFER_OK;
}

/* The file becomes the frame's; its header is read. */
static infer_status keep_jpeg(char *bytes, size_t size, struct frame *f)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    f->planes = bytes;
    f->picture = (infer_picture){.data = bytes, .bytes = size};
    TRY(infer__image_options(NULL, &o, &f->err));
    return infer__jpeg_size((const uint8_t *)bytes, size, &o, &f->width, &f->height, &f->err);
}

static infer_status decode(int fd, const struct source *s, const char *first, size_t n,
                           struct frame *f)
{
    char *bytes = NULL;
    size_t size;
    infer_status status = read_rest(fd, s->stop, first, n, &bytes, &size, &f->err);
    if (status == INFER_OK && s->fast && infer__is_jpeg((const uint8_t *)bytes, size))
        return keep_jpeg(bytes, size, f);
    if (status == INFER_OK)
        status = infer_image_decode(bytes, size, NULL, &f->image, &f->err);
    free(bytes);
    f->width = f->image.width;
    f->height = f->image.height;
    f->picture = (infer_picture){.data = f->image.pixels,
                                 .pixels = INFER_PIXELS_RGB,
                                 .width = f->width,
                                 .height = f->height};
    return status;
}

/* ---- videos --------------------------------------------------------------------------------- */

static int is_stopped(const struct source *s)
{
    struct pollfd fd = {.fd = s->stop, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

/* Reads a frame's planes; 0 where the video ends before it. */
static int read_planes(struct source *s, struct frame *f)
{
    struct stream *v = &s->video;
    uint8_t *planes = malloc(v->stored);
    f->planes = planes;
    if (!planes) {
        (void)infer__no_memory(&f->err, v->stored);
        return 1;
    }
    const size_t n = source_read(v->fd, s->stop, planes, v->stored);
    if (n == v->stored) {
        (void)y4m_unpack(v, &planes, &f->err);
        f->planes = planes; /* perhaps others */
        return 1;
    }
    if ((n > 0 || v->y4m) && !is_stopped(s)) {
        (void)infer__fail(&f->err, INFER_ERROR_PICTURE, "the file ends within this frame");
        return 1;
    }
    free(f->planes);
    f->planes = NULL;
    return 0;
}

/* The next frame; 0: there is none. What is wrong with one is the end, too. */
static int next_of_video(struct source *s, struct frame *f)
{
    struct stream *v = &s->video;
    if (v->y4m && !y4m_frame(v, s->stop, &f->err))
        return 0;
    if (f->err.status == INFER_OK && !read_planes(s, f))
        return 0;
    if (asprintf(&f->name, "%s#%06u", v->name, v->number++) < 0)
        f->name = NULL;
    const uint8_t *p = f->planes;
    f->width = v->width;
    f->height = v->height;
    f->picture = (infer_picture){.data = p,
                                 .pitch = v->to_rgb ? 0 : v->pitches[0],
                                 .pixels = (int32_t)v->pixels,
                                 .width = v->width,
                                 .height = v->height};
    for (int i = 1; p && !v->to_rgb && i < 3 && v->pitches[i]; i++) {
        f->picture.planes[i - 1] = p + v->planes[i];
        f->picture.pitches[i - 1] = v->pitches[i];
    }
    return 1;
}

static void close_file(int fd)
{
    if (fd > 0) /* standard input stays */
        close(fd);
}

/* Opens a file, and takes it as a video if it begins so. */
static infer_status open_file(struct source *s, const char *path, struct frame *f)
{
    infer_error *err = &f->err;
    char first[MAGIC];
    const int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    FAIL_IF(fd < 0, INFER_ERROR_IO, "it can't be opened: %s", strerror(errno));
    const size_t n = s->raw ? 0 : source_read(fd, s->stop, first, MAGIC);
    infer_status status = INFER_OK;
    const int y4m = n == MAGIC && memcmp(first, "YUV4MPEG2", MAGIC) == 0;
    s->video = s->raw ? s->format : (struct stream){0};
    s->video.fd = fd;
    s->video.name = path;
    if (y4m)
        status = y4m_begin(&s->video, s->stop, err);
    else if (!s->raw)
        status = decode(fd, s, first, n, f);
    s->open = status == INFER_OK && (y4m || s->raw);
    if (s->open)
        s->rate = s->video.rate;
    else
        close_file(fd);
    return status;
}

/* ---- one after another ---------------------------------------------------------------------- */

/* The path of the next file, to be freed; NULL: there is none. */
static char *next_path(struct source *s)
{
    if (s->at < s->list.count)
        return strdup(s->list.paths[s->at++]);
    return s->watch.folder ? watch_next(&s->watch, s->stop) : NULL;
}

int source_next(struct source *s, struct frame *f)
{
    const double start = cli_now_ms();
    while (!is_stopped(s)) {
        if (s->open && next_of_video(s, f)) {
            f->ms = cli_now_ms() - start;
            s->open = f->err.status == INFER_OK;
            if (!s->open)
                close_file(s->video.fd);
            return 1;
        }
        if (s->open)
            close_file(s->video.fd);
        s->open = 0;
        char *path = next_path(s);
        if (!path)
            return 0;
        const double opened = cli_now_ms();
        if (open_file(s, path, f) != INFER_OK || !s->open) {
            f->name = path;
            f->ms = cli_now_ms() - opened;
            return 1;
        }
        free(s->video_name);
        s->video_name = path;
    }
    return 0;
}

void source_end(struct source *s)
{
    if (s->open)
        close_file(s->video.fd);
    free(s->video_name);
    watch_end(&s->watch);
    pictures_free(&s->list);
}
