#include "tools/box_writer.h"

#include <stdlib.h>
#include <string.h>

#include "tools/folder.h"
#include "tools/write_file.h"

/* ---- text ----------------------------------------------------------------------------------- */

static void print_text(const struct detector *d, const struct frame *f, const struct detected *a)
{
    printf("%s: %zu found, %.2f ms\n", f->name, a->found, a->ms);
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        char label[64], id[24] = "";
        if (a->ids)
            snprintf(id, sizeof id, "%5llu ", (unsigned long long)a->ids[i]);
        printf("  %s%.4f  %-20s %8.2f %8.2f %8.2f %8.2f\n", id, (double)b->score,
               detector_label(d, b->index, label, sizeof label), (double)b->x0, (double)b->y0,
               (double)b->x1, (double)b->y1);
        for (size_t k = 0; k < d->npoints && d->show_points; k++) {
            const infer_point *p = &a->points[i * d->npoints + k];
            printf("    point %3zu  %.4f  %8.2f %8.2f\n", k, (double)p->score, (double)p->x,
                   (double)p->y);
        }
    }
    if (a->drawn)
        printf("  written: %s\n", a->drawn);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Numbers as [1, 2, 3]. */
static void print_numbers(const float *v, size_t n)
{
    putchar('[');
    for (size_t k = 0; k < n; k++) {
        printf("%s", k ? ", " : "");
        json_number(stdout, (double)v[k]);
    }
    putchar(']');
}

static void print_points(const infer_point *points, size_t n)
{
    printf(", \"points\": [");
    for (size_t k = 0; k < n; k++) {
        const float three[3] = {points[k].x, points[k].y, points[k].score};
        printf("%s", k ? ", " : "");
        print_numbers(three, 3);
    }
    putchar(']');
}

static void print_box(const struct detector *d, const struct detected *a, size_t i)
{
    const infer_box *b = &a->boxes[i];
    const float corners[] = {b->x0, b->y0, b->x1, b->y1};
    char label[64];
    printf("{\"label\": ");
    json_string(stdout, detector_label(d, b->index, label, sizeof label));
    printf(", \"index\": %d, \"score\": ", b->index);
    json_number(stdout, (double)b->score);
    if (a->ids)
        printf(", \"id\": %llu", (unsigned long long)a->ids[i]);
    printf(", \"box\": ");
    print_numbers(corners, 4);
    if (d->decoding.angle >= 0) {
        printf(", \"angle\": ");
        json_number(stdout, (double)b->angle);
    }
    if (a->points)
        print_points(a->points + i * d->npoints, d->npoints);
    putchar('}');
}

static void print_json(const struct detector *d, const struct frame *f, const struct detected *a,
                       const infer_error *err)
{
    printf("{\"file\": ");
    json_string(stdout, f->name ? f->name : "");
    printf(", \"status\": \"%s\"", infer_status_name(err->status));
    if (err->status != INFER_OK) {
        printf(", \"error\": ");
        json_string(stdout, err->message);
        putchar('}');
        return;
    }
    printf(", \"width\": %d, \"height\": %d, \"ms\": %.4f, \"boxes\": [", f->width, f->height,
           a->ms);
    for (size_t i = 0; i < a->found; i++) {
        printf("%s", i ? ", " : "");
        print_box(d, a, i);
    }
    putchar(']');
    if (a->drawn) {
        printf(", \"drawn\": ");
        json_string(stdout, a->drawn);
    }
    putchar('}');
}

/* ---- CSV ------------------------------------------------------------------------------------ */

static void print_header(const struct detector *d)
{
    printf("file,label,class,score,x0,y0,x1,y1");
    if (d->decoding.angle >= 0)
        printf(",angle");
    if (d->tracked)
        printf(",id");
    for (size_t k = 0; d->show_points && k < d->npoints; k++)
        printf(",point%zu_x,point%zu_y,point%zu_score", k, k, k);
    putchar('\n');
}

static void print_csv(const struct detector *d, const struct frame *f, const struct detected *a)
{
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        char label[64];
        csv_string(stdout, f->name);
        putchar(',');
        csv_string(stdout, detector_label(d, b->index, label, sizeof label));
        printf(",%d,%.9g,%.9g,%.9g,%.9g,%.9g", b->index, (double)b->score, (double)b->x0,
               (double)b->y0, (double)b->x1, (double)b->y1);
        if (d->decoding.angle >= 0)
            printf(",%.9g", (double)b->angle);
        if (a->ids)
            printf(",%llu", (unsigned long long)a->ids[i]);
        for (size_t k = 0; d->show_points && k < d->npoints; k++) {
            const infer_point *p = &a->points[i * d->npoints + k];
            printf(",%.9g,%.9g,%.9g", (double)p->x, (double)p->y, (double)p->score);
        }
        putchar('\n');
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

int box_writer_begin(struct box_writer *w, const struct cli_args *args, const struct detector *d)
{
    const char *data = cli_value(args, "coco-data");
    *w = (struct box_writer){.d = d};
    w->form = cli_has(args, "json")    ? BOX_JSON
              : cli_has(args, "jsonl") ? BOX_JSONL
              : cli_has(args, "csv")   ? BOX_CSV
                                       : BOX_TEXT;
    w->yolo = cli_value(args, "yolo");
    w->coco = cli_value(args, "coco");
    if (data && !w->coco)
        return cli_usage("--coco-data says what the ids of --coco are, which is not given");
    if (data && !(w->ids = coco_ids_read(data)))
        return CLI_BAD_INPUT;
    if (w->coco && !(w->results = open_memstream(&w->text, &w->size))) {
        fprintf(stderr, "infer: %s: no memory for the results\n", w->coco);
        return CLI_RESOURCES;
    }
    const int status = w->yolo ? make_folder(w->yolo) : CLI_OK;
    if (status != CLI_OK)
        return status;
    if (w->form == BOX_JSON)
        printf("{\"pictures\": [");
    if (w->form == BOX_CSV)
        print_header(d);
    return CLI_OK;
}

int box_writer_add(struct box_writer *w, const struct frame *frame, const struct detected *a,
                   const infer_error *err)
{
    const int good = err->status == INFER_OK;
    int status = CLI_OK;
    if (w->form == BOX_JSON)
        printf("%s\n  ", w->listed++ ? "," : "");
    if (w->form == BOX_JSON || w->form == BOX_JSONL)
        print_json(w->d, frame, a, err);
    if (w->form == BOX_JSONL)
        putchar('\n');
    if (w->form == BOX_CSV && good)
        print_csv(w->d, frame, a);
    if (w->form == BOX_TEXT && good)
        print_text(w->d, frame, a);
    if (good && w->coco)
        status = coco_add(w, frame, a);
    if (good && w->yolo && status == CLI_OK)
        status = yolo_write(w, frame, a);
    return status;
}

int box_writer_end(struct box_writer *w, int status, long failed)
{
    int written = CLI_OK;
    if (w->form == BOX_JSON)
        printf("], \"failed\": %ld}\n", failed);
    if (w->results) {
        fprintf(w->results, "%s]\n", w->answers ? "\n" : "[");
        const int closed = fclose(w->results) == 0;
        if (closed)
            written = write_file(w->coco, w->text, w->size);
        else
            fprintf(stderr, "infer: %s: no memory for the results\n", w->coco);
        written = closed ? written : CLI_RESOURCES;
    }
    free(w->text);
    coco_ids_free(w->ids);
    *w = (struct box_writer){0};
    return written > status ? written : status;
}
