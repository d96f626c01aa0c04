/* Tensors as nested lists of JSON: TensorFlow Serving's rows and columns, and what /predictions
 * takes for models that are not fed with pictures. */
#ifndef INFER_TOOLS_SERVE_COLUMNS_H
#define INFER_TOOLS_SERVE_COLUMNS_H

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/kserve/inference.h"

/* Bytes that came as base64; they must live until the request is done. */
struct columns_memory {
    void *owned[VERSION_MOST_TENSORS];
};

void columns_free(struct columns_memory *m);

/* Fills a request's inputs. `value` is an object of inputs by their names, or the value of the only
 * input. Text is a string or {"b64": "..."}; the latter for pictures too. 0: err says why. */
int columns_read(struct v2_request *q, yyjson_val *value, struct columns_memory *m,
                 struct v2_error *err);
/* The value of one input. */
int columns_read_input(struct v2_request *q, int place, yyjson_val *value, struct columns_memory *m,
                       struct v2_error *err);
/* The same of a list of examples, each an object of inputs by their names, or a value of the only
 * input; tensors have the examples along their first dimension. */
int columns_read_rows(struct v2_request *q, yyjson_val *rows, struct columns_memory *m,
                      struct v2_error *err);

/* A result as nested lists. NULL without memory. */
yyjson_mut_val *columns_value(yyjson_mut_doc *doc, const struct v2_result *r);
/* Results as columns: the value of the only one, or an object of them by their names. */
yyjson_mut_val *columns_values(yyjson_mut_doc *doc, const struct v2_result *results, int count);
/* Results as a list of examples. NULL: they have not the same first dimension, or no memory. */
yyjson_mut_val *columns_rows(yyjson_mut_doc *doc, const struct v2_result *results, int count);

#endif
