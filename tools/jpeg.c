#include "tools/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#if INFER_JPEG
#include <jpeglib.h>

/* All state is here and not in locals, which longjmp may leave undefined. */
struct writer {
    struct jpeg_error_mgr manager; /* first: the callback casts back from it */
    jmp_buf jump;
    struct jpeg_compress_struct cinfo;
    unsigned char *bytes;
    unsigned long size;
};

static void on_error(j_common_ptr cinfo)
{
    longjmp(((struct writer *)(void *)cinfo->err)->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    (void)cinfo, (void)level;
}

static int write_rows(struct writer *w, const infer_image *image, int quality)
{
    struct jpeg_compress_struct *c = &w->cinfo;
    if (setjmp(w->jump))
        return 0;
    jpeg_create_compress(c);
    jpeg_mem_dest(c, &w->bytes, &w->size);
    c->image_width = (JDIMENSION)image->width;
    c->image_height = (JDIMENSION)image->height;
    c->input_components = image->channels;
    c->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, quality, TRUE);
    jpeg_start_compress(c, TRUE);
    const size_t pitch =
        image->pitch ? image->pitch : (size_t)image->width * (size_t)image->channels;
    while (c->next_scanline < c->image_height) {
        JSAMPROW row = image->pixels + c->next_scanline * pitch;
        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
    return 1;
}

void *jpeg_bytes(const infer_image *image, int quality, size_t *size)
{
    struct writer w = {.bytes = NULL};
    *size = 0;
    if (image->channels != 1 && image->channels != 3)
        return NULL;
    w.cinfo.err = jpeg_std_error(&w.manager);
    w.manager.error_exit = on_error;
    w.manager.emit_message = on_message;
    const int done = write_rows(&w, image, quality);
    jpeg_destroy_compress(&w.cinfo);
    if (done) {
        *size = w.size;
        return w.bytes;
    }
    free(w.bytes);
    return NULL;
}
#else
void *jpeg_bytes(const infer_image *image, int quality, size_t *size)
{
    (void)image, (void)quality;
    *size = 0;
    return NULL;
}
#endif
