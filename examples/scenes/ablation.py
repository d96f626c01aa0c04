#!/usr/bin/env python3
"""What each of the renderer's variations is worth: small classifiers of cut-outs, one variation off each.

All are judged on the same cut-outs of held-out scenes, which have every variation and backgrounds
that no training has. The eleventh class is that of distractors. Prints a table for docs/synthetic.md.

Example:  python3 ablation.py --out ablation.md
"""

import argparse
import dataclasses
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

import data
import network
from render import scene as scenes

CUT = 32                # pixels of a cut-out
CLASSES = len(scenes.LABELS) + 1
FIRST = 2 * 10 ** 6     # number of the first scene: the models' training has none of these


def cut_outs(stream, first, count, vary, unseen, objects):
    """Squares around things, a little larger than these, and their classes."""
    rng = np.random.default_rng([data.SEED, 7, stream])
    pixels, classes = [], []
    for number in range(first, first + count):
        scene = scenes.render([data.SEED, stream, number], unseen=unseen, vary=vary, count=objects)
        for thing in scene.things:
            x, y, w, h = thing.box
            half = max(w, h) * rng.uniform(.55, .7)
            cx, cy = x + w / 2 + rng.normal(0, .04 * w), y + h / 2 + rng.normal(0, .04 * h)
            box = (cx - half, cy - half, cx + half, cy + half)
            cut = scene.image.transform((CUT, CUT), Image.EXTENT, box, Image.BILINEAR)
            pixels.append(np.asarray(cut))
            classes.append(CLASSES - 1 if thing.label is None else thing.label)
    return torch.from_numpy(np.stack(pixels)), torch.tensor(classes)


def classifier():
    return nn.Sequential(network.conv(3, 24, 3, 2), network.conv(24, 40, 3, 2),
                         network.Inverted(40), network.conv(40, 64, 3, 2), network.Inverted(64),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def trained(pixels, classes, seed, steps, batch=64):
    """A classifier after `steps` steps, whatever the number of cut-outs is."""
    torch.manual_seed(seed)
    model = classifier().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps, pct_start=.2)
    order = []
    for _ in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(pixels)).tolist()
        chosen, order = order[:batch], order[batch:]
        x = network.normalise(pixels[chosen]).contiguous(memory_format=torch.channels_last)
        loss = nn.functional.cross_entropy(model(x), classes[chosen], label_smoothing=.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def right(model, pixels, classes):
    x = network.normalise(pixels).contiguous(memory_format=torch.channels_last)
    return (model(x).argmax(1) == classes).float().mean().item() * 100


def settings(count):
    """Name, number of scenes and variations of each training set."""
    rows = [("everything", count, scenes.Variations())]
    for field in dataclasses.fields(scenes.Variations):
        rows.append(("no " + field.name, count, scenes.Variations(**{field.name: False})))
    rows += [("%d scenes of %d" % (count // part, count), count // part, scenes.Variations())
             for part in (2, 4, 8)]
    return rows


def main():
    parser = argparse.ArgumentParser(
        description="Train small classifiers with one of the renderer's variations off each.",
        epilog="example: python3 ablation.py --out ablation.md")
    parser.add_argument("--scenes", type=int, default=400, help="for a training (default 400)")
    parser.add_argument("--steps", type=int, default=250, help="of a training (default 250)")
    parser.add_argument("--test", type=int, default=400, help="held-out scenes (default 400)")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each (default 2)")
    parser.add_argument("--out", default="ablation.md", help="table to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    test = cut_outs(data.HELD_OUT_BOXES, 0, args.test, scenes.Variations(), True, data.FEW)
    lines = ["| training pictures | cut-outs | %s | mean |" % " | ".join(
        "seed %d, %%" % (s + 1) for s in range(args.seeds)), "|---|---|%s---|" % ("---|" * args.seeds)]
    for name, count, vary in settings(args.scenes):
        start = time.time()
        known = cut_outs(data.TRAINING, FIRST, count, vary, False, data.CROWD)
        shares = [right(trained(*known, seed, args.steps), *test) for seed in range(args.seeds)]
        lines.append("| %s | %d | %s | %.1f |" % (
            name, len(known[0]), " | ".join("%.1f" % s for s in shares), np.mean(shares)))
        print(lines[-1], "(%.0f s)" % (time.time() - start), flush=True)
        with open(args.out, "w") as file:
            file.write("\n".join(lines) + "\n")
    print("%d held-out cut-outs" % len(test[0]))


if __name__ == "__main__":
    main()
