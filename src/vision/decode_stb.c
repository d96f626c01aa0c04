/* BMP, TGA and PNM through stb_image, the only file that includes it.
 *
 * stb_image gives no reason for a failure and takes missing bytes as zeros. So the file is looked
 * through before (stb_check.c), and it gets its bytes through a callback that notices a read past
 * the end. Its memory is taken here, zeroed, so that a damaged file can't show what was in memory
 * before. None of these formats makes it enlarge what it has. */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"

static void *stb_malloc(size_t size)
{
    infer_allocator a = infer__allocator(NULL);
    return infer__calloc(&a, 1, size);
}

static void stb_free(void *p)
{
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, p);
}

#define STBI_MALLOC(size) stb_malloc(size)
#define STBI_REALLOC(p, size) NULL
#define STBI_FREE(p) stb_free(p)
#define STBI_ASSERT(x) ((void)0)
#define STBI_MAX_DIMENSIONS INFER__MAX_SIDE
#define STBI_NO_STDIO
#define STBI_NO_FAILURE_STRINGS
#define STBI_NO_THREAD_LOCALS
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PSD
#define STBI_NO_JPEG
#define STBI_NO_PNG
#define STBI_NO_GIF
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
/* for the whole file: GCC tells of functions declared and left out only at its end */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>

/* ---- reading -------------------------------------------------------------------------------- */

struct source {
    const uint8_t *bytes;
    size_t size, at;
    int ran_dry; /* a byte past the end was wanted */
};

/* stb_image fills a small buffer of its own with whatever there is, so only a read that gives
 * nothing, or one of another size that falls short, wants what is not there. */
static int source_read(void *user, char *data, int size)
{
    enum { STB_BUFFER = sizeof((stbi__context){0}).buffer_start };
    struct source *s = user;
    size_t n = s->size - s->at, want = size < 0 ? 0 : (size_t)size;
    n = n < want ? n : want;
    if (want && (!n || (n < want && want != STB_BUFFER)))
        s->ran_dry = 1;
    memcpy(data, s->bytes + s->at, n);
    s->at += n;
    return (int)n;
}

static void source_skip(void *user, int n)
{
    struct source *s = user;
    size_t left = s->size - s->at;
    if (n > 0)
        s->at += (size_t)n < left ? (size_t)n : left;
}

static int source_eof(void *user)
{
    const struct source *s = user;
    return s->at == s->size;
}

static infer_status copy_rows(struct infer__decode *d, const struct infer__stb_check *check,
                              const uint8_t *pixels, int channels, infer_error *err)
{
    size_t n = check->width;
    TRY(infer__image_begin(d, check->width, check->height, err));
    for (uint32_t y = 0; y < check->height; y++) {
        const uint8_t *row = pixels + y * n * (size_t)channels;
        infer__image_row(d->image, (int32_t)y, row, channels);
    }
    return INFER_OK;
}

infer_status infer__decode_stb(struct infer__decode *d, infer_error *err)
{
    const stbi_io_callbacks callbacks = {source_read, source_skip, source_eof};
    struct infer__stb_check check = {0};
    TRY(infer__check_others(d, &check, err));
    FAIL_IF(d->size > INT_MAX, INFER_ERROR_LIMIT, "a picture file of %zu bytes", d->size);

    struct source source = {d->bytes, d->size, 0, 0};
    int width, height, channels;
    uint8_t *pixels = stbi_load_from_callbacks(&callbacks, &source, &width, &height, &channels, 0);
    FAIL_IF(!pixels, INFER_ERROR_PICTURE, "the picture is damaged or truncated");
    infer_status status;
    if (width != (int)check.width || height != (int)check.height || channels < 1 || channels > 4)
        status = infer__fail(err, INFER_ERROR_PICTURE, "the picture's header is inconsistent");
    else if (source.ran_dry && !d->options->accept_truncated)
        status = infer__fail(err, INFER_ERROR_PICTURE, "the picture file is truncated");
    else
        status = copy_rows(d, &check, pixels, channels, err);
    stb_free(pixels);
    return status;
}
