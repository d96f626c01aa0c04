/* Branches and loops in a run: which step comes next. */
#ifndef INFER_RUN_CONTROL_H
#define INFER_RUN_CONTROL_H

#include "run/program.h"

/* *s is a step of control flow that has run, and becomes the one that follows it. Fails where there
 * can be none. */
infer_status infer__control_next(struct infer__program *p, const struct infer__lane *lane,
                                 uint32_t *s, infer_error *err);

/* Before such a step of sizes that a run finds: whether what iterations leave goes together. */
infer_status infer__control_check(const struct infer__program *p, const struct infer__lane *lane,
                                  const struct infer__step *step, infer_error *err);

#endif
