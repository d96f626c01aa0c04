#!/usr/bin/env python3
"""What colour alone finds: windows that slide over the picture, judged by their colour histograms.

A linear classifier (softmax) learns from windows of training scenes which of the classes, or the
background, a histogram of 64 colours belongs to; its answers after suppression are COCO's results.

Example:  python3 heldout.py --set boxes --out boxes
          python3 baseline.py --pictures boxes/images --out baseline.json
          infer eval --predictions baseline.json --data boxes/truth.json
"""

import argparse
import json
import os

import numpy as np
from PIL import Image

import data
from render import scene as scenes

SIZES = (16, 20, 26, 34, 44, 56, 64)    # sides of windows
BACKGROUND = len(scenes.LABELS)
SCENES, OTHERS = 600, 12                # to learn from; windows of background in each
MOST = 50                               # answers of a picture


def integral(pixels):
    """Sums of 64 colours over all pixels above and to the left: H + 1 x W + 1 x 64."""
    bins = (pixels[..., 0] >> 6) * 16 + (pixels[..., 1] >> 6) * 4 + (pixels[..., 2] >> 6)
    one = np.eye(64, dtype=np.float32)[bins].cumsum(0).cumsum(1)
    return np.pad(one, ((1, 0), (1, 0), (0, 0)))


def histograms(sums, boxes):
    """The square root of each colour's share, for boxes of x, y, width, height."""
    x, y, w, h = np.asarray(boxes).T
    counts = sums[y + h, x + w] - sums[y, x + w] - sums[y + h, x] + sums[y, x]
    return np.sqrt(np.maximum(counts, 0) / (w * h)[:, None])


def windows(side):
    """Squares of all sizes over a square picture."""
    found = []
    for size in SIZES:
        steps = np.arange(0, side - size + 1, max(3, size // 5))
        found += [(x, y, size, size) for y in steps for x in steps]
    return np.array(found)


def overlap(box, boxes):
    """IoU of one box with many."""
    x0, y0 = np.maximum(box[:2], boxes[:, :2]).T
    x1, y1 = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:]).T
    both = np.maximum(0, x1 - x0) * np.maximum(0, y1 - y0)
    return both / (box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - both)


def examples(rng):
    """Histograms and classes of objects, and of windows that touch none by more than a quarter."""
    pixels, _, all_boxes = data.rendered(data.TRAINING, range(10 ** 6, 10 ** 6 + SCENES))
    every = windows(pixels.shape[1])
    inputs, classes = [], []
    for picture, rows in zip(pixels, all_boxes):
        sums, rows = integral(picture), rows[rows[:, 4] >= 0].astype(np.int64)
        others = every[rng.integers(0, len(every), OTHERS)]
        others = others[[len(rows) == 0 or overlap(w, rows[:, :4]).max() < .25 for w in others]]
        boxes = np.concatenate([rows[:, :4], others])
        inputs.append(histograms(sums, boxes))
        classes += rows[:, 4].tolist() + [BACKGROUND] * len(others)
    return np.concatenate(inputs), np.array(classes)


def learnt(inputs, classes, rounds=600, rate=2.0):
    """Weights of a softmax regression by plain gradient descent with momentum."""
    weights = np.zeros((inputs.shape[1] + 1, BACKGROUND + 1))
    inputs, speed = np.c_[inputs, np.ones(len(inputs))], 0
    truth = np.eye(BACKGROUND + 1)[classes]
    for _ in range(rounds):
        slope = inputs.T @ (probabilities(inputs, weights) - truth) / len(inputs)
        speed = .9 * speed - rate * slope
        weights = weights + speed
    return weights


def probabilities(inputs, weights):
    scores = inputs @ weights
    scores = np.exp(scores - scores.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)


def answers(picture, weights, every):
    """(class, score, box) of a picture, the best first, suppressed above an IoU of 0.4."""
    inputs = histograms(integral(picture), every)
    chances = probabilities(np.c_[inputs, np.ones(len(inputs))], weights)[:, :BACKGROUND]
    found = []
    for label in range(BACKGROUND):
        left = np.argsort(-chances[:, label])[:300]
        while len(left) and chances[left[0], label] > .02:
            best = left[0]
            found.append((label, float(chances[best, label]), every[best].tolist()))
            left = left[overlap(every[best], every[left]) < .4]
    return sorted(found, key=lambda a: -a[1])[:MOST]


def main():
    parser = argparse.ArgumentParser(
        description="Find objects by their colours alone.",
        epilog="example: python3 baseline.py --pictures boxes/images --out baseline.json")
    parser.add_argument("--pictures", required=True, help="folder of NNNN.jpg, as of heldout.py")
    parser.add_argument("--out", required=True, help="COCO's results to write")
    args = parser.parse_args()
    inputs, classes = examples(np.random.default_rng(data.SEED))
    weights = learnt(inputs, classes)
    right = probabilities(np.c_[inputs, np.ones(len(inputs))], weights).argmax(1) == classes
    print("%d windows to learn from, %.0f %% of them right" % (len(inputs), 100 * right.mean()))
    results = []
    for name in sorted(os.listdir(args.pictures)):
        picture = np.asarray(Image.open(os.path.join(args.pictures, name)).convert("RGB"))
        for label, score, box in answers(picture, weights, windows(picture.shape[0])):
            results.append({"image_id": int(name.split(".")[0]), "category_id": label + 1,
                            "score": round(score, 5), "bbox": box})
    with open(args.out, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
