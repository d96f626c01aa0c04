#!/usr/bin/env python3
"""Render a set of scenes into one packed file, which trainings read as it is.

Example:  python3 data.py --count 5000 --out train.npz
"""

import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from render import scene as scenes  # noqa: E402  (the renderer is the folder beside this one)

SEED = 2025
# Every purpose has its own stream of seeds, so no picture is ever used twice.
TRAINING, HELD_OUT_BOXES, HELD_OUT_MASKS, COMMITTED = 1, 2, 3, 4
CROWD = (3, 9)          # objects in a scene for training: more than elsewhere, to learn more of each
FEW = (1, 5)
MOST = 9


def rendered(stream, numbers, unseen=False, vary=scenes.Variations(), count=FEW):
    """Scenes of a stream as arrays: pixels N x H x W x 3, masks N x H x W, boxes N x MOST x 5.

    A box is x, y, width, height and the class, which is -1 where there is none.
    """
    numbers = list(numbers)
    first = scenes.render([SEED, stream, numbers[0]], unseen=unseen, vary=vary, count=count)
    h, w = first.owner.shape
    pixels = np.empty((len(numbers), h, w, 3), np.uint8)
    masks = np.empty((len(numbers), h, w), np.uint8)
    boxes = np.full((len(numbers), MOST, 5), -1, np.int16)
    for i, number in enumerate(numbers):
        scene = scenes.render([SEED, stream, number], unseen=unseen, vary=vary, count=count)
        pixels[i], masks[i] = np.asarray(scene.image), scene.mask()
        for j, (_, thing) in enumerate(scene.objects()):
            boxes[i, j] = (*thing.box, thing.label)
    return pixels, masks, boxes


def main():
    parser = argparse.ArgumentParser(
        description="Render scenes for training into one file.",
        epilog="example: python3 data.py --count 5000 --out train.npz")
    parser.add_argument("--count", type=int, default=5000, help="number of scenes (default 5000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default 0)")
    parser.add_argument("--out", default="train.npz", help="file to write (default train.npz)")
    args = parser.parse_args()
    pixels, masks, boxes = rendered(TRAINING, range(args.first, args.first + args.count),
                                    count=CROWD)
    np.savez(args.out, pixels=pixels, masks=masks, boxes=boxes)


if __name__ == "__main__":
    main()
