/* Answers of the library's tasks as JSON, as /predictions gives them. */
#ifndef INFER_TOOLS_SERVE_ANSWERS_H
#define INFER_TOOLS_SERVE_ANSWERS_H

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/models/job.h"

/* How masks are told. */
enum answer_masks {
    ANSWER_RLE,    /* {"size": [rows, columns], "counts": [value, length, ...]}: runs along rows */
    ANSWER_PNG,    /* {"size": [rows, columns], "png": "..."}, base64 of a PNG of class numbers */
    ANSWER_NO_MASK /* not at all */
};

/* Of one picture:
 *   classes   [{"probability": 0.85, "class": "n02124075 Egyptian cat"}, ...], the best first
 *   boxes     [{"class": "dog", "score": 0.9, "box": [x0, y0, x1, y1], "angle": 0.1,
 *               "points": [[x, y, score], ...], "mask": {..., "at": [column, row]}}, ...] in pixels
 *             of the picture; what a box has not is left out
 *   segments  {"width": 500, "height": 375,
 *              "classes": [{"class": "cat", "index": 8, "share": 0.2}], "mask": {...}}
 *   points    [[x, y, score], ...]
 *   text      [{"text": "...", "score": 0.9, "region_score": 0.8, "quad": [[x, y], ...]}, ...],
 * what there is of it; of a picture that is one line the object alone vector    {"vector": [...]}
 * NULL without memory. */
yyjson_mut_val *answer_json(yyjson_mut_doc *doc, const struct job *job, int picture,
                            enum answer_masks masks);
/* Outputs of a job as {"name": {"shape": [...], "data": [...]}}. */
yyjson_mut_val *outputs_json(yyjson_mut_doc *doc, const struct job *job);
/* The elements of a tensor as one flat array of numbers. */
yyjson_mut_val *tensor_json(yyjson_mut_doc *doc, const struct job_tensor *t);

#endif
