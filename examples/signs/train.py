#!/usr/bin/env python3
"""Train the road sign classifier and write the model and its pictures.

Writes signs.onnx, labels.txt, convert.args and the folder pictures/.

Example:  python3 train.py --out .
A quick try:  python3 train.py --out quick --per-class 20 --epochs 2 --fresh 100
"""

import argparse
import csv
import os
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from render import single as render  # noqa: E402  (the renderer is a folder beside this one)

# What the model expects; written to convert.args as well.
RESIZE, CROP = 72, 64
MEAN = (127.0, 122.0, 118.0)
SCALE = (0.0185, 0.0195, 0.0185)

# Every purpose has its own stream of seeds, so no picture is ever used twice.
TRAINING, FRESH, HELD_OUT = 1, 2, 3

TRAINING_SIZES = ((96, 120), (128, 96), (160, 120), (120, 150), (192, 144), (240, 180), (320, 240))
PICTURE_SIZES = ((320, 240), (200, 250), (480, 360), (320, 240), (240, 320))
PICTURES_PER_CLASS = 2
PICTURE_WEAR = 0.6          # the worst wear among the held-out pictures


# --------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------

def resize_and_crop(image, crop):
    """Short side to RESIZE, then the square in the centre; bytes, height x width x 3."""
    w, h = image.size
    short = min(w, h)
    image = image.resize((w * RESIZE // short, h * RESIZE // short), Image.BILINEAR)
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    return np.asarray(image.crop((left, top, left + crop, top + crop)))


def normalise(pixels):
    """Bytes N x H x W x 3 to the model's input N x 3 x H x W."""
    x = (pixels.float() - torch.tensor(MEAN)) * torch.tensor(SCALE)
    return x.permute(0, 3, 1, 2).contiguous()


def rendered(seed, stream, count, sizes, crop):
    """`count` rendered pictures, the classes in turn, and their class numbers."""
    pixels = np.empty((count, crop, crop, 3), np.uint8)
    classes = np.arange(count) % len(render.LABELS)
    for i in range(count):
        size = sizes[i // len(render.LABELS) % len(sizes)]
        image = render.render([seed, stream, i], render.LABELS[classes[i]], size)
        pixels[i] = resize_and_crop(image, crop)
    return torch.from_numpy(pixels), torch.from_numpy(classes)


def augmented(pixels, rng):
    """A batch of CROP squares out of RESIZE squares, with changed light and patches."""
    batch = np.empty((len(pixels), CROP, CROP, 3), np.float32)
    for i, picture in enumerate(pixels.numpy()):
        y, x = rng.integers(0, RESIZE - CROP + 1, 2)
        crop = picture[y:y + CROP, x:x + CROP].astype(np.float32)
        crop = (crop - 118) * rng.uniform(.75, 1.2) + 118 + rng.uniform(-25, 25)
        crop *= rng.uniform(.93, 1.07, 3).astype(np.float32)
        if rng.random() < .2:
            y, x = rng.integers(0, CROP - 10, 2)
            crop[y:y + 10, x:x + 10] = rng.uniform(0, 255, 3)
        batch[i] = crop
    return normalise(torch.from_numpy(np.clip(batch, 0, 255)))


def write_pictures(folder, seed):
    """The held-out pictures: mostly JPEG, every eighth one PNG."""
    os.makedirs(folder, exist_ok=True)
    rows = []
    for i in range(PICTURES_PER_CLASS * len(render.LABELS)):
        index = i % len(render.LABELS)
        label = render.LABELS[index]
        png = i % 8 == 3
        size = (200, 250) if png else PICTURE_SIZES[i % len(PICTURE_SIZES)]
        rng = np.random.default_rng([seed, HELD_OUT, i, 1])
        image = render.render([seed, HELD_OUT, i], label, size, rng.uniform(0, PICTURE_WEAR))
        name = "%s-%d.%s" % (label.replace(" ", "-"), i // len(render.LABELS) + 1,
                             "png" if png else "jpg")
        if png:
            image.save(os.path.join(folder, name), optimize=True)
        else:
            image.save(os.path.join(folder, name), quality=int(rng.integers(72, 90)),
                       subsampling=int(rng.choice([0, 2])))
        rows.append((name, index, label))
    with open(os.path.join(folder, "labels.csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "class index", "label"))
        writer.writerows(rows)


def read_pictures(folder):
    with open(os.path.join(folder, "labels.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    pixels = [resize_and_crop(Image.open(os.path.join(folder, row["file"])).convert("RGB"), CROP)
              for row in rows]
    return (torch.from_numpy(np.stack(pixels)),
            torch.tensor([int(row["class index"]) for row in rows]), [row["file"] for row in rows])


# --------------------------------------------------------------------------
# Model
# --------------------------------------------------------------------------

def conv(inputs, outputs, size, stride=1, groups=1, activation=nn.ReLU6):
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Basic(nn.Module):
    """Two plain convolutions around which the input is added."""

    def __init__(self, channels):
        super().__init__()
        self.first = conv(channels, channels, 3, activation=nn.ReLU)
        self.second = conv(channels, channels, 3, activation=None)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.second(self.first(x)))


class Inverted(nn.Module):
    """Widen, depthwise convolution, narrow; the input is added if the shape is the same."""

    def __init__(self, inputs, outputs, stride, widen):
        super().__init__()
        hidden = inputs * widen
        self.same = stride == 1 and inputs == outputs
        self.widen = conv(inputs, hidden, 1)
        self.depthwise = conv(hidden, hidden, 3, stride, groups=hidden)
        self.narrow = conv(hidden, outputs, 1, activation=None)

    def forward(self, x):
        y = self.narrow(self.depthwise(self.widen(x)))
        return x + y if self.same else y


def build_model():
    """64x64 pictures to one score per label."""
    return nn.Sequential(
        conv(3, 16, 3, 2, activation=nn.ReLU),      # 32 x 32
        Inverted(16, 24, 2, 2),                     # 16 x 16
        Basic(24),
        Inverted(24, 40, 2, 3),                     # 8 x 8
        Inverted(40, 40, 1, 3),
        Inverted(40, 64, 2, 3),                     # 4 x 4
        Inverted(64, 64, 1, 3),
        conv(64, 192, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(192, len(render.LABELS)))


def train(model, pixels, classes, epochs, batch, seed):
    rng = np.random.default_rng([seed, 99])
    steps = len(pixels) // batch
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.03)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, epochs * steps, pct_start=0.2)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    model.train()
    for epoch in range(epochs):
        start, total, right = time.time(), 0.0, 0
        order = torch.from_numpy(rng.permutation(len(pixels)))
        for step in range(steps):
            chosen = order[step * batch:(step + 1) * batch]
            scores = model(augmented(pixels[chosen], rng))
            loss = loss_of(scores, classes[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
            right += (scores.argmax(1) == classes[chosen]).sum().item()
        print("epoch %2d  loss %.3f  training accuracy %.2f %%  (%.0f s)" % (
            epoch + 1, total / steps, 100 * right / (steps * batch), time.time() - start),
            flush=True)
    model.eval()


@torch.no_grad()
def predict(model, pixels):
    return torch.cat([model(normalise(part)) for part in pixels.split(200)])


def export(model, path):
    """The model with a Softmax at its end; batch normalisation stays visible in the file."""
    torch.onnx.export(
        nn.Sequential(model, nn.Softmax(dim=1)).eval(), torch.zeros(1, 3, CROP, CROP), path,
        opset_version=13, input_names=["input"], output_names=["probabilities"],
        dynamic_axes={"input": {0: "N"}, "probabilities": {0: "N"}},
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)


def main():
    parser = argparse.ArgumentParser(
        description="Train the road sign classifier; write the model, labels and pictures.",
        epilog="example: python3 train.py --out .")
    parser.add_argument("--out", default=".", help="folder for everything written (default .)")
    parser.add_argument("--per-class", type=int, default=800,
                        help="training pictures of each class (default 800)")
    parser.add_argument("--epochs", type=int, default=14, help="default 14")
    parser.add_argument("--batch", type=int, default=128, help="default 128")
    parser.add_argument("--fresh", type=int, default=2000,
                        help="newly rendered pictures for the final test (default 2000)")
    parser.add_argument("--seed", type=int, default=2024, help="seed of everything (default 2024)")
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    os.makedirs(args.out, exist_ok=True)
    folder = os.path.join(args.out, "pictures")

    with open(os.path.join(args.out, "labels.txt"), "w") as file:
        file.write("".join(label + "\n" for label in render.LABELS))
    with open(os.path.join(args.out, "convert.args"), "w") as file:
        file.write("--labels labels.txt --resize %d --crop %d --color rgb --mean %s --scale %s\n" % (
            RESIZE, CROP, ",".join("%g" % m for m in MEAN), ",".join("%g" % s for s in SCALE)))
    write_pictures(folder, args.seed)

    start = time.time()
    pixels, classes = rendered(args.seed, TRAINING, args.per_class * len(render.LABELS),
                               TRAINING_SIZES, RESIZE)
    print("rendered %d training pictures (%.0f s)" % (len(pixels), time.time() - start))
    values = pixels.float()
    print("mean %s  deviation %s" % (values.mean((0, 1, 2)).tolist(), values.std((0, 1, 2)).tolist()),
          flush=True)
    del values

    model = build_model()
    train(model, pixels, classes, args.epochs, args.batch, args.seed)
    path = os.path.join(args.out, "signs.onnx")
    export(model, path)
    print("%s: %d bytes" % (path, os.path.getsize(path)))

    pixels, classes, names = read_pictures(folder)
    best = predict(model, pixels).argmax(1)
    for name, truth, guess in zip(names, classes, best):
        if truth != guess:
            print("wrong: %s taken for %s" % (name, render.LABELS[guess]))
    print("held-out pictures: %d of %d right" % ((best == classes).sum(), len(best)))
    pixels, classes = rendered(args.seed, FRESH, args.fresh, PICTURE_SIZES, CROP)
    best = predict(model, pixels).argmax(1)
    print("fresh renders: %d of %d right" % ((best == classes).sum(), len(best)))


if __name__ == "__main__":
    main()
