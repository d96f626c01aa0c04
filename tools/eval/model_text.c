/* What a model reads in pictures. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"
#include "tools/write_file.h"

static infer_status add_lines(struct text_set *set, uint32_t picture, const struct reading *a,
                              const struct eval_model *m, infer_error *err)
{
    for (size_t i = 0; i < a->found; i++) {
        const infer_quad *q = &a->lines[i].quad;
        struct text_line line = {.picture = picture, .placed = m->reader.regions.model != NULL};
        for (int k = 0; k < 4; k++) {
            line.x[k] = (double)q->x[k];
            line.y[k] = (double)q->y[k];
        }
        line.text = m->reader.text.model ? a->lines[i].text.text : NULL;
        TRY(text_add(set, &set->answers, &line, err));
    }
    return INFER_OK;
}

/* Without memory the whole work fails; else the picture alone. */
static int answer_picture(struct eval_model *m, const struct eval_options *o, struct text_set *set,
                          const char *folder, uint32_t i)
{
    const char *name = set->pictures.items[i].text;
    const char *path = picture_find(set->region, folder, name, NULL);
    struct reading a = {0};
    infer_image image = {0};
    infer_error err;
    int status = CLI_OK;
    if (!path) {
        eval_model_absent(m, o, name, folder);
        return CLI_OK;
    }
    infer_status read = infer_image_load(path, NULL, &image, &err);
    const infer_picture picture = {.data = image.pixels,
                                   .pitch = image.pitch,
                                   .pixels = INFER_PIXELS_RGB,
                                   .width = image.width,
                                   .height = image.height};
    if (read == INFER_OK)
        read = reader_run(&m->reader, &picture, &a, &err);
    if (read != INFER_OK)
        eval_model_miss(m, o, path, &err);
    else if (add_lines(set, i, &a, m, &err) != INFER_OK)
        status = cli_fail(path, &err);
    else
        m->paths[i] = path;
    reading_free(&a);
    infer_image_free(&image);
    return status;
}

static void drop_failed(const struct eval_model *m, struct text_lines *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (m->paths[l->items[i].picture])
            l->items[n++] = l->items[i];
    l->count = n;
}

/* As infer read --csv has it. */
static int save(const struct text_set *set, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return files_no_memory(path);
    fputs("file,text,x0,y0,x1,y1,x2,y2,x3,y3\n", f);
    for (uint32_t i = 0; i < set->answers.count; i++) {
        const struct text_line *l = &set->answers.items[i];
        csv_string(f, set->pictures.items[l->picture].text);
        fputc(',', f);
        csv_string(f, l->text ? l->text : "");
        for (int k = 0; k < 4; k++)
            if (l->placed)
                fprintf(f, ",%.17g,%.17g", l->x[k], l->y[k]);
            else
                fputs(",,", f);
        fputc('\n', f);
    }
    const int status = fclose(f) == 0 ? write_file(path, text, size) : files_no_memory(path);
    free(text);
    return status;
}

int model_text(struct eval_model *m, const struct eval_options *o, struct text_set *set)
{
    static const char *const usual[] = {".", "images", "../images", NULL};
    const uint32_t n = set->pictures.count;
    const char *folder;
    int status;
    if (!n) {
        fprintf(stderr, "infer: %s: it has no pictures\n", o->data);
        return CLI_BAD_INPUT;
    }
    m->paths = infer__region_calloc(set->region, n, sizeof *m->paths);
    if (!m->paths)
        return files_no_memory(o->data);
    status = pictures_folder(set->region, o, usual, set->pictures.items[0].text, &folder);
    m->start_ms = cli_now_ms();
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        status = answer_picture(m, o, set, folder, i);
        eval_model_step(m, o, n);
    }
    if (status == CLI_OK)
        drop_failed(m, &set->truths);
    if (status == CLI_OK)
        status = eval_model_end(m);
    return status == CLI_OK && o->save ? save(set, o->save) : status;
}
