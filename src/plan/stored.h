/* Packed weights in the model's file: found there, and listed to be put there. */
#ifndef INFER_PLAN_STORED_H
#define INFER_PLAN_STORED_H

#include "file/packed_section.h"
#include "plan/plan.h"

/* Points steps at what the file has of their packed weights, which are used there: they are then
 * neither packed nor part of the store. */
void infer__find_stored(struct infer__plan *plan, const infer_model *model);

/* The packed weights of a plan that may be kept in a file, each once: fills `entries`, which has
 * room for plan->nsteps. They are packed anew, into memory of `region` that was 0, so that the same
 * plan gives the same bytes also where kernels leave gaps. `model` is the one that the plan is of.
 */
infer_status infer__list_stored(const struct infer__plan *plan, const infer_model *model,
                                struct infer__region *region, struct infer__stored_entry *entries,
                                uint32_t *nentries, infer_error *err);

#endif
