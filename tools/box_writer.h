/* Boxes and points of pictures as text, JSON, CSV, COCO's results and YOLO's text files. */
#ifndef INFER_TOOLS_BOX_WRITER_H
#define INFER_TOOLS_BOX_WRITER_H

#include "tools/cli.h"
#include "tools/detector.h"
#include "tools/frames.h"

/* Rows of a table of options. */
#define BOX_WRITER_OPTIONS                                                                         \
    {"json", NULL, "one JSON object"},                                                             \
        {"jsonl", NULL, "a JSON object for each picture, in a line"},                              \
        {"csv", NULL, "a line for each box: file, label, class, score, x0, y0, x1, y1"},           \
        {"coco", "FILE", "write COCO's results: the number in a file's name is the picture's id"}, \
        {"coco-data", "FILE", "ids of pictures and categories by their names in this data set"},   \
    {                                                                                              \
        "yolo", "DIR", "write a text file for each picture: class, centre, width, height"          \
    }

enum box_form { BOX_TEXT, BOX_JSON, BOX_JSONL, BOX_CSV };

struct coco_ids;

struct box_writer {
    const struct detector *d;
    enum box_form form;
    const char *coco, *yolo; /* NULL: not asked for */
    struct coco_ids *ids;    /* of --coco-data, or NULL */
    FILE *results;           /* what `coco` will be: text and its size */
    char *text;
    size_t size;
    long listed; /* in JSON, and in `results` */
    long answers;
    int unknown; /* a category that the data set does not have was told of */
};

/* Prints what comes first. Returns an exit status, after a message where it is not 0, as the
 * others. To be ended in either case. */
int box_writer_begin(struct box_writer *w, const struct cli_args *args, const struct detector *d);
/* One picture; where it failed (err->status), that. */
int box_writer_add(struct box_writer *w, const struct frame *frame, const struct detected *a,
                   const infer_error *err);
/* `status` is what the pictures came to, and what is returned where nothing else fails. */
int box_writer_end(struct box_writer *w, int status, long failed);

/* ---- COCO's and YOLO's files -------------------------------------------------------------------
 */

/* Reads the pictures and categories of a data set; NULL after a message. */
struct coco_ids *coco_ids_read(const char *path);
void coco_ids_free(struct coco_ids *ids);
/* The last run of digits in the name of a file; 0 where there is none. */
int64_t coco_number(const char *name);

/* Adds the results of a picture. Returns an exit status. */
int coco_add(struct box_writer *w, const struct frame *frame, const struct detected *a);
int yolo_write(const struct box_writer *w, const struct frame *frame, const struct detected *a);

#endif
