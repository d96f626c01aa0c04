#include "tools/frames.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/frame_source.h"
#include "tools/progress.h"
#include "vision/decode.h"
#include "vision/options.h"
#include "vision/picture.h"

enum { ROOM = 2 }; /* pictures that wait: one that is large takes 300 MB */

struct frames {
    struct source source; /* the reader's */
    pthread_t reader;
    int running;
    long most; /* 0: all */
    long total, seen;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct frame ring[ROOM];
    int first, count;
    int ended, closing;
    struct frame_rate rate;
};

void frame_free(struct frame *frame)
{
    free(frame->name);
    free(frame->planes);
    infer_image_free(&frame->image);
    *frame = (struct frame){0};
}

/* ---- the thread that reads ------------------------------------------------------------------ */

/* Waits for room; 0: nobody wants it any more. */
static int put(struct frames *f, struct frame *frame)
{
    pthread_mutex_lock(&f->lock);
    while (f->count == ROOM && !f->closing)
        pthread_cond_wait(&f->changed, &f->lock);
    const int wanted = !f->closing;
    if (wanted) {
        f->ring[(f->first + f->count++) % ROOM] = *frame;
        f->rate = f->source.rate;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (!wanted)
        frame_free(frame);
    return wanted;
}

static void *read_all(void *ctx)
{
    struct frames *f = ctx;
    for (long n = 0; !f->most || n < f->most; n++) {
        struct frame frame = {0};
        if (!source_next(&f->source, &frame) || !put(f, &frame))
            break;
    }
    pthread_mutex_lock(&f->lock);
    f->ended = 1;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

int frames_next(struct frames *f, struct frame *frame)
{
    pthread_mutex_lock(&f->lock);
    while (!f->count && !f->ended)
        pthread_cond_wait(&f->changed, &f->lock);
    const int there = f->count > 0;
    if (there) {
        *frame = f->ring[f->first];
        f->first = (f->first + 1) % ROOM;
        f->count--;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return there;
}

struct frame_rate frames_rate(struct frames *f)
{
    pthread_mutex_lock(&f->lock);
    const struct frame_rate rate = f->rate;
    pthread_mutex_unlock(&f->lock);
    return rate;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

/* Pictures are one each, raw frames as many as fit in a file; of other videos nobody knows. */
static long count_all(const struct source *s)
{
    long total = 0;
    for (int i = 0; i < s->list.count; i++) {
        const char *path = s->list.paths[i];
        struct stat st;
        if (!s->raw && picture_name(path)) {
            total++;
            continue;
        }
        if (!s->raw || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            return -1;
        total += (long)((size_t)st.st_size / s->format.bytes);
    }
    return s->watch.folder ? -1 : total;
}

long frames_total(const struct frames *f)
{
    return f->most && (f->total < 0 || f->most < f->total) ? f->most : f->total;
}

static int begin(struct frames *f, const struct cli_args *args, int first)
{
    const char *raw = cli_value(args, "raw"), *folder = cli_value(args, "watch");
    f->source.rate = f->rate = (struct frame_rate){25, 1};
    if (first >= args->npositional && !folder)
        return cli_usage("%s: give pictures, a folder, a video, - or --watch DIR",
                         args->command->name);
    if (!cli_int(args, "frames", 1, 1000000000, 0, &f->most) ||
        (raw && !source_raw(raw, &f->source.format)))
        return CLI_USAGE;
    f->source.fast = cli_has(args, "fast-decode");
    f->source.raw = raw != NULL;
    if (raw && folder)
        return cli_usage("--raw is for files, not for --watch");
    int status =
        pictures_list(args->positional + first, args->npositional - first, &f->source.list);
    if (status == CLI_OK && folder)
        status = watch_begin(&f->source.watch, folder);
    if (status != CLI_OK)
        return status;
    if (folder)
        watch_signals(f->source.stop);
    f->total = count_all(&f->source);
    f->running = pthread_create(&f->reader, NULL, read_all, f) == 0;
    if (!f->running) {
        fprintf(stderr, "infer: no thread to read pictures\n");
        return CLI_RESOURCES;
    }
    return CLI_OK;
}

int frames_open(const struct cli_args *args, int first, struct frames **frames)
{
    struct frames *f = *frames = calloc(1, sizeof *f);
    if (f)
        f->source.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!f || f->source.stop < 0) {
        fprintf(stderr, "infer: no memory to read pictures\n");
        free(f);
        *frames = NULL;
        return CLI_RESOURCES;
    }
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    return begin(f, args, first);
}

void frames_close(struct frames **frames)
{
    const uint64_t one = 1;
    struct frames *f = *frames;
    *frames = NULL;
    if (!f)
        return;
    if (f->running) {
        pthread_mutex_lock(&f->lock);
        f->closing = 1;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        if (write(f->source.stop, &one, sizeof one) < 0) {
            /* it is readable already */
        }
        pthread_join(f->reader, NULL);
    }
    watch_signals(-1);
    for (; f->count; f->count--, f->first = (f->first + 1) % ROOM)
        frame_free(&f->ring[f->first]);
    source_end(&f->source);
    close(f->source.stop);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int frames_each(struct frames *frames, int (*one)(void *ctx, struct frame *frame, long index),
                void *ctx, long *failed)
{
    struct progress progress;
    struct frame frame;
    int worst = CLI_OK;
    *failed = 0;
    progress_begin(&progress, frames_total(frames));
    for (long i = 0; frames_next(frames, &frame); i++) {
        int status = CLI_OK;
        if (!frame.name || frame.err.status != INFER_OK)
            status = cli_fail(frame.name ? frame.name : "a picture", &frame.err);
        const int told = one(ctx, &frame, i);
        status = status ? status : told;
        *failed += status != CLI_OK;
        worst = status > worst ? status : worst;
        frame_free(&frame);
        frames->seen++;
        fflush(stdout);
        progress_step(&progress);
    }
    progress_end(&progress);
    return worst;
}

void frames_tell_failed(const struct frames *frames, long failed)
{
    if (failed)
        fprintf(stderr, "infer: %ld of %ld pictures failed\n", failed, frames->seen);
}

/* ---- pictures to draw on -------------------------------------------------------------------- */

static void copy_pixels(const struct infer__picture *p, infer_image *to)
{
    const infer_image *from = &p->image;
    const size_t n = (size_t)from->channels;
    for (int32_t y = 0; y < to->height; y++)
        for (int32_t x = 0; x < to->width; x++) {
            const uint8_t *a = from->pixels + (size_t)y * from->pitch + (size_t)x * n;
            uint8_t *b = to->pixels + (size_t)y * to->pitch + (size_t)x * 3;
            for (size_t k = 0; k < 3; k++)
                b[k] = a[n == 1 ? 0 : p->bgr ? 2 - k : k];
        }
}

infer_status frame_image(struct frame *frame, infer_image *image, infer_error *err)
{
    infer_image_options options = INFER_IMAGE_OPTIONS_INIT;
    struct infer__picture p;
    *image = frame->image;
    frame->image = (infer_image){0};
    if (image->pixels)
        return INFER_OK;
    TRY(infer__image_options(NULL, &options, err));
    options.allocator = infer__allocator(NULL);
    TRY(infer__picture_open(&frame->picture, &options, NULL, &p, err));
    infer_status status =
        infer__image_new(&options.allocator, p.image.width, p.image.height, 3, image, err);
    if (status == INFER_OK)
        copy_pixels(&p, image);
    infer__picture_free(&p);
    return status;
}
