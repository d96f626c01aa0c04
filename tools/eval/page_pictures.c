/* infer eval --report: the worst and the best pictures, with what was answered. */
#include <math.h>
#include <stdlib.h>

#include "infer_vision.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/page.h"
#include "tools/folder.h"
#include "tools/html.h"

enum { WORST = 12, BEST = 6, SIDE = 240 };

struct place {
    double quality;
    uint32_t picture;
};

static int by_quality(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->quality < y->quality || x->quality > y->quality)
        return x->quality < y->quality ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

/* The picture, SIDE pixels at most, with what the evaluation draws on it. */
static int draw(const struct eval_view *v, uint32_t i, infer_image *small)
{
    infer_image image;
    infer_error err;
    if (infer_image_load(v->paths[i], NULL, &image, &err) != INFER_OK)
        return cli_fail(v->paths[i], &err);
    const double scale = SIDE / (double)(image.width > image.height ? image.width : image.height);
    const int w = (int)fmax(1, round(image.width * scale));
    const int h = (int)fmax(1, round(image.height * scale));
    const infer_status status = infer_image_resize(&image, w, h, INFER_FILTER_BILINEAR,
                                                   INFER_RESIZE_PILLOW, NULL, small, &err);
    infer_image_free(&image);
    if (status != INFER_OK)
        return cli_fail(v->paths[i], &err);
    if (v->draw)
        v->draw(v->ctx, i, small, scale);
    return CLI_OK;
}

static int put_picture(FILE *f, const struct eval_view *v, uint32_t i)
{
    infer_image small;
    char text[256] = "";
    int status = draw(v, i, &small);
    if (status != CLI_OK)
        return status;
    fputs("<figure>", f);
    if (!html_picture(f, &small))
        status = files_no_memory(v->paths[i]);
    infer_image_free(&small);
    fputs("<figcaption>", f);
    html_text(f, v->pictures ? v->pictures->items[i].text : base_name(v->paths[i]));
    fprintf(f, "<br>%s %.4f", v->quality_name, v->quality[i]);
    if (v->describe) {
        v->describe(v->ctx, i, text, sizeof text);
        fputs("<br>", f);
        html_text(f, text);
    }
    fputs("</figcaption></figure>\n", f);
    return status;
}

int page_pictures(FILE *f, const struct eval_view *v)
{
    uint32_t n = 0;
    int status = CLI_OK;
    if (!v->paths)
        return CLI_OK;
    struct place *places = calloc((size_t)v->npictures + 1, sizeof *places);
    if (!places)
        return files_no_memory("pictures");
    for (uint32_t i = 0; i < v->npictures; i++)
        if (v->paths[i] && !isnan(v->quality[i]))
            places[n++] = (struct place){v->quality[i], i};
    qsort(places, n, sizeof *places, by_quality);
    const uint32_t worst = n < WORST ? n : WORST, best = n - worst < BEST ? n - worst : BEST;
    fprintf(f, "<h2>The worst pictures</h2>\n<p class=\"soft\">%s</p>\n",
            v->legend ? v->legend : "");
    for (uint32_t i = 0; status == CLI_OK && i < worst; i++)
        status = put_picture(f, v, places[i].picture);
    if (best)
        fputs("<h2>The best pictures</h2>\n", f);
    for (uint32_t i = 0; status == CLI_OK && i < best; i++)
        status = put_picture(f, v, places[n - 1 - i].picture);
    free(places);
    return status;
}
