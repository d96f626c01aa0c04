/* The plan: a graph lowered to steps for concrete shapes.
 *
 * infer__plan_create copies the graph, binds input shapes, resolves and folds, fuses, lays out,
 * chooses kernels and places every tensor in the arena; infer__pack follows. One file each:
 *
 *   bind.c    shapes and values of inputs
 *   images.c  whether a batch is better run image by image
 *   fold.c    resolve every node; run those whose inputs are all constants
 *   empty.c   nodes on tensors without elements, which no kernel is to meet
 *   work.c    what computing something takes, and the budget for it
 *   fuse_forms.c  what exporters write out in many nodes: Gelu, LayerNormalization, Dense
 *   fuse_attention.c  both products of attention and the Softmax between them
 *   integer.c nodes of quantised models that work on the integers
 *   integer_dynamic.c  the same where scales are found at run time
 *   fuse_channels.c  what moves or scales channels, with the Concat before it: ScaleShift,
 *                    ChannelShuffle
 *   fuse.c    activation, bias, residual, padding into the node before them
 *   lower.c   nodes to steps: physical layouts, transposes between them, views
 *   fuse_chain.c  1x1, depthwise and 1x1 convolution into one step, where that is faster
 *   fuse_scale.c  Mul by one number for each channel into the 1x1 convolution behind it
 *   estimate.c    what steps and memory will take, for all passes that weigh one form of a plan
 *                 against another
 *   steps.c   steps' operands, once it is known which steps there are
 *   batch_from.c  from which step on a batch that is run image by image is run as a whole
 *   to_bf16.c  tensors of bf16, in sessions of that precision
 *   storage.c tensors that share memory: Concat of parts that are made where they belong
 *             (storage_concat.c), before kernels are chosen
 *   select.c  kernels for steps, prepared
 *   weight_limit.c  others, where their packed weights would pass a limit
 *   storage.c the same of results made in place (storage_in_place.c); lifetimes and offsets in the
 *             arena (storage_arena.c)
 *   pack.c    weights in the form that the kernels want, shared by all sessions of a model
 *   pack_key.c  what tells one step's packed weights from another's
 *   stored.c    packed weights in the model's file: found, or listed to be put there
 */
#ifndef INFER_PLAN_DRIVER_H
#define INFER_PLAN_DRIVER_H

#include "plan/plan.h"

infer_status infer__plan_create(struct infer__plan *plan, const struct infer__graph *graph,
                                const struct infer__plan_options *options,
                                const infer_allocator *allocator, infer_error *err);
void infer__plan_free(struct infer__plan *plan);

#endif
