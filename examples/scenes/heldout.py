#!/usr/bin/env python3
"""Write held-out pictures with their truth: JPEGs, COCO's JSON for boxes, PNGs for classes of pixels.

Their backgrounds are of kinds, and their seeds from streams, that no training has. The sets that
README.md tells of are `boxes` (200 pictures), `masks` (100) and `committed` (32).

Example:  python3 heldout.py --set boxes --out boxes
"""

import argparse
import json
import os

import numpy as np
from PIL import Image

import data
from render import scene as scenes

SETS = {"boxes": (data.HELD_OUT_BOXES, 200), "masks": (data.HELD_OUT_MASKS, 100),
        "committed": (data.COMMITTED, 32)}
QUALITY = 85
PALETTE = [0, 0, 0, 230, 25, 75, 60, 180, 75, 255, 225, 25, 0, 130, 200, 245, 130, 48, 145, 30,
           180, 70, 240, 240, 240, 50, 230, 210, 245, 60, 250, 190, 212]


def annotations(scene, image_id, first_id):
    """COCO's annotations of one scene; ids of categories are classes from 1 on."""
    found = []
    for index, thing in scene.objects():
        found.append({"id": first_id + len(found), "image_id": image_id,
                      "category_id": thing.label + 1, "bbox": list(thing.box),
                      "area": int((scene.owner == index + 1).sum()), "iscrowd": 0,
                      "hidden": round(float(thing.hidden), 3)})
    return found


def write_mask(path, mask):
    image = Image.fromarray(mask, "P")
    image.putpalette(PALETTE)
    image.save(path, optimize=True)


def write_set(folder, stream, count):
    """images/NNNN.jpg, masks/NNNN.png and truth.json; returns all scenes' things."""
    images, found, things = [], [], []
    for name in ("images", "masks"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for i in range(count):
        scene = scenes.render([data.SEED, stream, i], unseen=True)
        name = "%04d" % (i + 1)
        scene.image.save(os.path.join(folder, "images", name + ".jpg"), quality=QUALITY,
                         subsampling=0)
        write_mask(os.path.join(folder, "masks", name + ".png"), scene.mask())
        images.append({"id": i + 1, "file_name": name + ".jpg", "width": scene.image.width,
                       "height": scene.image.height})
        found += annotations(scene, i + 1, len(found) + 1)
        things += scene.things
    categories = [{"id": i + 1, "name": label} for i, label in enumerate(scenes.LABELS)]
    with open(os.path.join(folder, "truth.json"), "w") as file:
        json.dump({"images": images, "categories": categories, "annotations": found}, file,
                  separators=(",", ":"))
        file.write("\n")
    return things


def main():
    parser = argparse.ArgumentParser(
        description="Write held-out pictures with their truth.",
        epilog="example: python3 heldout.py --set boxes --out boxes")
    parser.add_argument("--set", choices=sorted(SETS), default="boxes", help="(default boxes)")
    parser.add_argument("--count", type=int, help="pictures (default: as many as the set has)")
    parser.add_argument("--out", required=True, help="folder to write")
    args = parser.parse_args()
    stream, count = SETS[args.set]
    things = write_set(args.out, stream, args.count or count)
    known = [t for t in things if t.label is not None]
    sides = [max(t.box[2:]) for t in known]
    print("%d objects of %d to %d pixels, %d below 24; %d partly hidden, the most %.0f %%; "
          "%d distractors" % (len(known), min(sides), max(sides), np.sum(np.array(sides) < 24),
                              sum(t.hidden > .01 for t in known),
                              100 * max(t.hidden for t in known), len(things) - len(known)))


if __name__ == "__main__":
    main()
