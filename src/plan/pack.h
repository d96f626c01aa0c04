/* Weights in the form that the kernels want. */
#ifndef INFER_PLAN_PACK_H
#define INFER_PLAN_PACK_H

#include "base/pages.h"
#include "base/pool.h"
#include "plan/plan.h"

/* Sizes of packed weights, those apart that the file of `model` has (which may be NULL), and of
 * scratch memory, once kernels are prepared (pack.c). */
infer_status infer__sum_needs(struct infer__plan *plan, const infer_model *model, infer_error *err);
/* The key of a step's packed weights: kernel, layout and constants, and all else that packing looks
 * at. `file` has the model's constants: bytes that stay where and what they are as long as the
 * store. */
struct infer__store_key infer__pack_key(const struct infer__step *s,
                                        const struct infer__pages *file);
/* Fills in plan->shares: what packed weights the plan needs. */
infer_status infer__pack_shares(struct infer__plan *plan, const struct infer__pages *file,
                                infer_error *err);
/* Takes packed weights out of the store and makes those that are not there; `map` is the mapped
 * file that constants may lie in, whose pages are given back once they are packed. The last pass,
 * apart because it wants threads. */
infer_status infer__pack(struct infer__plan *plan, struct infer__store *store,
                         struct infer__team *team, const struct infer__pages *map,
                         infer_error *err);

#endif
