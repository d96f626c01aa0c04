#!/usr/bin/env python3
"""Train the detector and the segmenter of signs and logos together and write both as ONNX.

Example:  python3 data.py --count 6000 --out train.npz && python3 train.py --data train.npz --out .
A training that was interrupted goes on with --resume last.pt.
"""

import argparse
import copy
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

import network
from network import CELL, CLASSES, SIDE

CELLS = SIDE // CELL
AVERAGE = 0.97          # of the weights that are exported: a running mean, by ten steps


# --------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------

def load(paths):
    """All scenes of some files of data.py, as tensors."""
    parts = [np.load(path) for path in paths]
    return [torch.from_numpy(np.concatenate([part[name] for part in parts]))
            for name in ("pixels", "masks", "boxes")]


def changed_light(pixels):
    """Another exposure, contrast and tint for each picture; some in nearly no colour."""
    n = len(pixels)
    x = pixels.float()
    grey = x.mean(3, keepdim=True)
    few = torch.where(torch.rand(n, 1, 1, 1) < .15, torch.rand(n, 1, 1, 1), torch.ones(n, 1, 1, 1))
    x = grey + (x - grey) * few
    gain = (1 + torch.randn(n, 1, 1, 1) * .15) * (1 + torch.randn(n, 1, 1, 3) * .05)
    return ((x - 118) * gain + 118 + torch.randn(n, 1, 1, 1) * 14).clamp(0, 255)


def moved(pixels, masks, boxes):
    """Each picture moved by up to 6 pixels and made up to 1.22 times as large or 0.9 as small.

    An object of which less than half is left within the picture is no longer one to be found.
    """
    n = len(pixels)
    zoom = torch.exp(torch.rand(n, 1) * .3 - .1)
    shift = (torch.rand(n, 2) * 2 - 1) * 6 / (SIDE / 2)
    map_ = torch.zeros(n, 2, 3)
    map_[:, 0, 0], map_[:, 1, 1], map_[:, :, 2] = 1 / zoom[:, 0], 1 / zoom[:, 0], shift
    grid = F.affine_grid(map_, (n, 1, SIDE, SIDE), align_corners=False)
    pixels = F.grid_sample(pixels.permute(0, 3, 1, 2).float(), grid, padding_mode="border",
                           align_corners=False).permute(0, 2, 3, 1)
    masks = F.grid_sample(masks[:, None].float(), grid, mode="nearest", align_corners=False)[:, 0]
    x, y, w, h, label = boxes.float().unbind(2)
    left, right = (((side * 2 / SIDE - 1 - shift[:, :1]) * zoom + 1) * SIDE / 2 for side in (x, x + w))
    top, foot = (((side * 2 / SIDE - 1 - shift[:, 1:]) * zoom + 1) * SIDE / 2 for side in (y, y + h))
    all_of_it = (right - left) * (foot - top)
    left, right, top, foot = (side.clamp(0, SIDE) for side in (left, right, top, foot))
    seen = (right - left) * (foot - top) > .5 * all_of_it
    return pixels, masks, torch.stack([left, top, right - left, foot - top,
                                       torch.where(seen, label, -1.0)], 2)


def targets(boxes):
    """Of boxes N x MOST x 5: heat N x CLASSES x h x w, and for the cells around the centres of
    objects their weights N x h x w and the box in cells (centre, size) N x 4 x h x w."""
    n, most, _ = boxes.shape
    x, y, w, h, label = (boxes[..., i].float() for i in range(5))
    there = label >= 0
    cx, cy, w, h = (x + w / 2) / CELL, (y + h / 2) / CELL, w / CELL, h / CELL
    column, row = torch.floor(cx), torch.floor(cy)
    at = torch.arange(CELLS).float()
    across = at[None, None, None, :] - column[..., None, None]
    down = at[None, None, :, None] - row[..., None, None]
    spread_x, spread_y = (.3 + w * .09)[..., None, None], (.3 + h * .09)[..., None, None]
    bump = torch.exp(-across ** 2 / (2 * spread_x ** 2) - down ** 2 / (2 * spread_y ** 2))
    bump = bump * there[..., None, None]
    heat = torch.zeros(n, CLASSES, CELLS, CELLS)
    index = label.clamp(min=0).long()
    for i in range(most):
        one = F.one_hot(index[:, i], CLASSES).float()[..., None, None]
        heat = torch.maximum(heat, one * bump[:, i, None])
    near = bump * ((across.abs() <= 1) & (down.abs() <= 1))
    weight, owner = near.max(1)
    box = torch.stack([cx, cy, w, h], 2)
    box = box.gather(1, owner.reshape(n, -1, 1).expand(-1, -1, 4)).reshape(n, CELLS, CELLS, 4)
    return heat, weight, box.permute(0, 3, 1, 2)


# --------------------------------------------------------------------------
# Losses
# --------------------------------------------------------------------------

def heat_loss(logits, heat):
    """CenterNet's focal loss: Zhou et al., "Objects as Points" (2019), equation 1."""
    log_yes, log_no = F.logsigmoid(logits), F.logsigmoid(-logits)
    yes = log_yes.exp()
    peak = heat > .999
    right = torch.where(peak, (1 - yes) ** 2 * log_yes, (1 - heat) ** 4 * yes ** 2 * log_no)
    return -right.sum() / peak.sum().clamp(min=1)


def box_loss(sizes, offsets, weight, box):
    """Errors of centre and size in shares of the object's size."""
    at = torch.arange(CELLS).float()
    centre = torch.stack([offsets[:, 0] + at[None, None, :], offsets[:, 1] + at[None, :, None]], 1)
    size = box[:, 2:].clamp(min=1)
    error = (centre - box[:, :2]).abs() / size + (sizes - box[:, 2:]).abs() / size
    return (error.sum(1) * weight).sum() / weight.sum().clamp(min=1)


def mask_loss(logits, masks):
    """Cross entropy; of the four pixels below a logit one is taken, another one in every step."""
    down, right = torch.randint(2, (2,)).tolist()
    weights = torch.full((1 + CLASSES,), 1.2)
    weights[0] = 1
    return F.cross_entropy(logits, masks[:, down::2, right::2].long(), weights)


# --------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------

def rate_at(step, steps):
    """A share of the highest rate: up for 100 steps, from 55 % of the steps on down to 0."""
    return min(1, (step + 1) / 100, max(0, steps - step) / (.45 * steps))


def one_step(model, pixels, masks, boxes):
    """The three losses of a batch."""
    pixels, masks, boxes = moved(pixels, masks, boxes)
    x = network.normalise(changed_light(pixels)).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        scores, sizes, offsets, logits = model(x)
    heat, weight, box = targets(boxes)
    return (heat_loss(scores.float(), heat),
            box_loss(sizes.float(), offsets.float(), weight, box),
            mask_loss(logits.float(), masks))


def mean_gradients(model):
    """Gradients of all workers, averaged, in one exchange."""
    grads = [p.grad for p in model.parameters()]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for g, part in zip(grads, flat.split([g.numel() for g in grads])):
        g.copy_(part.view_as(g))


def update(average, model, step):
    """The running mean of the weights, every tenth step."""
    keep = min(AVERAGE, step / (step + 50))
    with torch.no_grad():
        for to, of in zip(average.state_dict().values(), model.state_dict().values()):
            to.lerp_(of, 1 - keep) if to.is_floating_point() else to.copy_(of)


def steps_of(args):
    """How many steps there will be: a file `steps` in the folder changes it while they are made."""
    try:
        with open(os.path.join(args.out, "steps")) as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return args.steps


def train(rank, args, data):
    """One worker's part: its own scenes of each step's batch. The first writes the models."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    dist.init_process_group("gloo", rank=rank, world_size=args.workers, store=dist.FileStore(
        os.path.join(args.out, "workers"), args.workers))
    pixels, masks, boxes = data
    model = network.Network().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=.02)
    step = 0
    if args.begin:
        for to, of in ((model, "model"), (average, "average")):
            to.load_state_dict(torch.load(args.begin)[of], strict=False)
    if args.resume:
        state = torch.load(args.resume)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    torch.manual_seed(args.seed + 1000 * step + rank)
    start, sums, order, steps = time.time(), torch.zeros(3), [], args.steps
    model.train()
    while step < steps:
        if step % 20 == 0:
            agreed = torch.tensor([steps_of(args)])
            dist.broadcast(agreed, 0)
            steps = int(agreed)
        if len(order) < args.batch:
            order = torch.randperm(len(pixels)).tolist()
        chosen, order = order[:args.batch], order[args.batch:]
        for group in optimiser.param_groups:
            group["lr"] = args.rate * rate_at(step, steps)
        losses = one_step(model, pixels[chosen], masks[chosen], boxes[chosen])
        optimiser.zero_grad()
        sum(w * loss for w, loss in zip(args.weights, losses)).backward()
        mean_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 20)
        optimiser.step()
        step += 1
        sums += torch.stack(losses).detach()
        if step % 10 == 0:
            update(average, model, step)
        if rank == 0 and step % args.report == 0:
            print("step %5d  heat %.3f  box %.3f  mask %.3f  (%.0f s)" % (
                step, *(sums / args.report), time.time() - start), flush=True)
            sums[:] = 0
            torch.save({"model": model.state_dict(), "average": average.state_dict(),
                        "optimiser": optimiser.state_dict(), "step": step}, args.out + "/part.pt")
            os.replace(args.out + "/part.pt", args.out + "/last.pt")
    if rank == 0:
        export(average, args.out)


# --------------------------------------------------------------------------
# Models
# --------------------------------------------------------------------------

def write(model, path, names):
    """One of the models; batch normalisation is folded into the convolutions."""
    torch.onnx.export(model.eval(), torch.zeros(1, 3, SIDE, SIDE), path, opset_version=13,
                      input_names=["input"], output_names=names, dynamo=False,
                      dynamic_axes={name: {0: "N"} for name in ["input"] + names})
    print("%s: %d bytes" % (path, os.path.getsize(path)))


def export(average, folder):
    average = average.to(memory_format=torch.contiguous_format)
    write(nn.Sequential(average.trunk, average.detector), os.path.join(folder, "detector.onnx"),
          ["scores", "sizes", "offsets"])
    write(nn.Sequential(average.trunk, average.segmenter), os.path.join(folder, "segmenter.onnx"),
          ["classes"])


def main():
    parser = argparse.ArgumentParser(
        description="Train the detector and the segmenter of signs and logos.",
        epilog="example: python3 train.py --data train.npz --out .")
    parser.add_argument("--data", nargs="+", help="files of data.py")
    parser.add_argument("--out", default=".", help="folder for what is written (default .)")
    parser.add_argument("--steps", type=int, default=3000, help="default 3000")
    parser.add_argument("--batch", type=int, default=8,
                        help="scenes of a step and worker (default 8)")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate (3e-3)")
    parser.add_argument("--weights", type=float, nargs=3, default=(1, 2, 2),
                        help="of the losses of scores, boxes and masks (default 1 2 2)")
    parser.add_argument("--report", type=int, default=50, help="steps between lines (default 50)")
    parser.add_argument("--resume", help="a last.pt to go on from")
    parser.add_argument("--begin", help="a last.pt whose weights to begin with, where it has them")
    parser.add_argument("--export", help="write the models of this last.pt, without training")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    if args.export:
        average = network.Network()
        average.load_state_dict(torch.load(args.export)["average"])
        export(average, args.out)
        return
    if os.path.exists(os.path.join(args.out, "workers")):
        os.remove(os.path.join(args.out, "workers"))
    torch.multiprocessing.start_processes(train, (args, load(args.data)), args.workers,
                                          start_method="fork")


if __name__ == "__main__":
    main()
