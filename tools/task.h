/* Which command is for which task. */
#ifndef INFER_TOOLS_TASK_H
#define INFER_TOOLS_TASK_H

#include "infer_vision.h"

/* "infer detect" for a model that finds boxes, and so on. */
const char *task_command(int32_t task);

/* What a model's answers are: "boxes". */
const char *task_answers(int32_t task);

/* Whether the first output is a vector, of scores it may be: all sides but one are 1, or free. */
int task_is_vector(const infer_model *model);
/* A model does not say how its outputs are read (*err): a message that names the command it seems
 * to be for; an exit status. */
int task_unknown(const char *path, const infer_model *model, const infer_error *err);

/* The task that the outputs of an .onnx file look like; INFER_TASK_NONE where they look like no
 * known family's, and for other files. It converts the file. */
int32_t task_guess(const char *path);

#endif
