/* Which command is for which task. */
#ifndef INFER_TOOLS_TASK_H
#define INFER_TOOLS_TASK_H

#include "infer_vision.h"

/* "infer detect" for a model that finds boxes, and so on. */
static inline const char *task_command(int32_t task)
{
    return task == INFER_TASK_DETECT         ? "infer detect"
           : task == INFER_TASK_SEGMENT      ? "infer segment"
           : task == INFER_TASK_KEYPOINTS    ? "infer pose"
           : task >= INFER_TASK_TEXT_REGIONS ? "infer read"
                                             : "infer classify";
}

/* What a model's answers are. */
static inline const char *task_answers(int32_t task)
{
    return task == INFER_TASK_DETECT         ? "boxes"
           : task == INFER_TASK_SEGMENT      ? "masks"
           : task == INFER_TASK_KEYPOINTS    ? "points"
           : task >= INFER_TASK_TEXT_REGIONS ? "text"
                                             : "classes";
}

#endif
