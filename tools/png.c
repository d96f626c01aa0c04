#include "tools/png.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/write_file.h"

/* Debian's libstb: compiled here as it is, so its warnings are not ours. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

void *png_bytes(const infer_image *image, size_t *size)
{
    int n = 0;
    const size_t pitch =
        image->pitch ? image->pitch : (size_t)image->width * (size_t)image->channels;
    unsigned char *png = stbi_write_png_to_mem(image->pixels, (int)pitch, image->width,
                                               image->height, image->channels, &n);
    *size = png ? (size_t)n : 0;
    return png;
}

int png_write(const char *path, const infer_image *image)
{
    size_t size;
    void *png = png_bytes(image, &size);
    if (!png) {
        fprintf(stderr, "infer: %s: no memory for the picture\n", path);
        return CLI_RESOURCES;
    }
    const int status = write_file(path, png, size);
    free(png);
    return status;
}

void *png_deflate(const void *bytes, size_t size, size_t *packed)
{
    int n = 0;
    unsigned char *copy = size < INT_MAX ? malloc(size + 1) : NULL; /* it is not const there */
    if (!copy)
        return NULL;
    memcpy(copy, bytes, size);
    void *out = stbi_zlib_compress(copy, (int)size, &n, 8);
    free(copy);
    *packed = (size_t)n;
    return out;
}
