/* Steps and tensors as passes see them and change them. */
#ifndef INFER_PLAN_STEPS_H
#define INFER_PLAN_STEPS_H

#include "plan/plan.h"

/* One more tensor, all 0; tensors may move. */
infer_status infer__plan_add_tensor(struct infer__plan *plan, uint32_t *tensor, infer_error *err);
/* Gives steps their operands, as copies of their tensors, which may not move any more. */
infer_status infer__fill_operands(struct infer__plan *plan, const struct infer__plan_options *o,
                                  infer_error *err);
/* What a task has from the session's options. */
void infer__task_options(struct infer__task *t, const struct infer__plan_options *o);
/* What a step reads and writes, in bytes: for inspect and profile. */
uint64_t infer__step_bytes(const struct infer__plan *plan, const struct infer__step *s);

/* ---- who writes and reads ------------------------------------------------------------------- */

/* What has one memory counts as one in `reads` and `reader`: it stands at its root. */
struct infer__tensor_uses {
    uint32_t ntensors; /* that the plan had */
    uint32_t *writer;  /* the step that writes each tensor, plus 1; 0: none */
    uint32_t *reads;   /* how often steps read each root */
    uint32_t *reader;  /* the last step that reads each root, plus 1; 0: none */
};

infer_status infer__tensor_uses_of(struct infer__plan *plan, struct infer__tensor_uses *u,
                                   infer_error *err);
/* Gives their memory back; the plan may have more tensors by now. */
void infer__tensor_uses_end(struct infer__plan *plan, struct infer__tensor_uses *u);

/* The step that writes tensor t, or the one that reads it, if t has memory of its own in the arena
 * and is read once; else NULL. */
struct infer__step *infer__sole_writer(const struct infer__plan *plan,
                                       const struct infer__tensor_uses *u, uint32_t t);
struct infer__step *infer__sole_reader(const struct infer__plan *plan,
                                       const struct infer__tensor_uses *u, uint32_t t);

/* Whether a step is a 1x1 convolution of f32 pictures with constant weights, without stride,
 * padding or groups. */
int infer__is_pointwise(const struct infer__plan *plan, const struct infer__step *s);

/* Erases a step, whose results nobody reads any more; infer__drop_erased_steps takes such steps out
 * of the plan. */
void infer__erase_step(struct infer__plan *plan, struct infer__step *s);
void infer__drop_erased_steps(struct infer__plan *plan);

#endif
