/* Where tensors are. A tensor is a place in the memory of its root: of itself, or of another tensor
 * that it shares bytes with (`alias`, from `offset` on). Four things make tensors share:
 *
 *   lowering            a view has the bytes of what it shows in another shape (lower_view.c)
 *   concatenation       parts are made where they belong in the whole (storage_concat.c)
 *   work in place       a result has the bytes of the operand that it is made of
 *                       (storage_in_place.c)
 *   the arena           roots whose lifetimes do not overlap have the same bytes
 *                       (storage_arena.c)
 *
 * The second asks kernels whether they can write into a larger tensor, so it comes before kernels
 * are chosen; the others follow. */
#ifndef INFER_PLAN_STORAGE_H
#define INFER_PLAN_STORAGE_H

#include "plan/plan.h"

/* The tensor whose bytes tensor t has, while tensors are being moved: then views may be views of
 * views. Who asks shortens the way for the next one. */
uint32_t infer__storage_root(const struct infer__plan *plan, uint32_t t);
/* Whether a tensor, not a view of a part, is in the arena, and so may be anywhere. */
int infer__storage_movable(const struct infer__plan *plan, uint32_t t);
/* Tensor `of`, which is its own root, and all that share its bytes are in `whole`, which is its own
 * root too, from `offset` on. */
void infer__storage_move(struct infer__plan *plan, uint32_t of, uint32_t whole, uint64_t offset);
/* Ends the moving: each tensor is a view of a root directly, and at its place. */
void infer__storage_flatten(struct infer__plan *plan);

/* The operand of step s that its first output is made in place of in the arena, as the kernel
 * allows and `wanted`, a set of INFER__IN_PLACE_*, says; UINT32_MAX: there is none. Lifetimes are
 * known. */
uint32_t infer__storage_reused(const struct infer__plan *plan, uint32_t s, unsigned wanted);
/* What has a place of its own in the arena: the root of tensor t; NULL if there is no such thing.
 */
struct infer__plan_tensor *infer__storage_placed(const struct infer__plan *plan, uint32_t t);

/* What kernels work on in place is made where their results belong, where that is an output of the
 * graph or part of another tensor. */
infer_status infer__alias_in_place(struct infer__plan *plan, infer_error *err);
/* Places all roots that are in the arena, and finds its size. */
infer_status infer__place(struct infer__plan *plan, infer_error *err);

#endif
