#!/usr/bin/env python3
"""Pictures of one sign each: what the classifier learns from.

Example:  python3 -m render.single --count 24 --seed 7 --out sheet.png   (in the folder examples)
"""

import argparse

import numpy as np
from PIL import Image, ImageFilter

from .backgrounds import OPEN_SCENES, WALL_SCENES, blend, colour, fractal, to_array
from .camera import camera
from .pen import PALETTES, TEXTURE
from .placing import draw_leaves, draw_pole, gradient, homography, projected_corners
from .signs import LABELS, sign_texture


def render(seed, label, size, wear=None):
    """Render one picture.

    seed   integer or list of integers; decides everything that is random
    label  one of LABELS
    size   (width, height)
    wear   0 for a clean picture to 1 for a poor one; None leaves it to chance
    """
    rng = np.random.default_rng(seed)
    w, h = size
    short = min(w, h)
    wear = rng.uniform(0, 1) if wear is None else wear
    radius = short * rng.uniform(.23, .375)
    room = max(.01 * short, .44 * short - radius)
    cx = w / 2 + rng.uniform(-1, 1) * min(room, .09 * short)
    cy = h / 2 + rng.uniform(-1, 1) * min(room, .09 * short)

    on_wall = rng.random() < .3
    scenes = WALL_SCENES if on_wall else OPEN_SCENES
    scene = scenes[rng.integers(len(scenes))](rng, w, h)
    corners, roll = projected_corners(rng, cx, cy, radius)
    if not on_wall:
        scene = draw_pole(rng, scene, cx, cy, radius, roll)

    texture = sign_texture(label, int(rng.integers(PALETTES)))
    side = min(TEXTURE, int(radius * 2.4))
    texture = texture.resize((side, side), Image.LANCZOS)
    source = [(0, 0), (side, 0), (side, side), (0, side)]
    sign = texture.transform(size, Image.PERSPECTIVE, homography(corners, source), Image.BICUBIC)

    if on_wall:                                             # a shadow on the wall
        shadow = Image.new("L", size)
        offset = (int(radius * rng.uniform(-.12, .12)), int(radius * rng.uniform(.04, .14)))
        shadow.paste(sign.getchannel("A"), offset)
        shadow = to_array(shadow.filter(ImageFilter.GaussianBlur(radius * .05))) / 255
        scene = scene * (1 - rng.uniform(.2, .5) * shadow)[..., None]

    sign = to_array(sign)
    face = sign[..., :3] * gradient(rng, w, h, rng.uniform(.8, 1), rng.uniform(1, 1.1))
    dirt = np.clip(fractal(rng, w, h, 6, 4, .7) * 2 - 1, 0, 1) * .5 * wear
    face = blend(face, colour(rng, (110, 100, 88), 8), dirt)
    scene = blend(scene, face, sign[..., 3] / 255)
    if rng.random() < .35 * wear:
        scene = draw_leaves(rng, scene, cx, cy, radius)
    return camera(rng, scene, wear)


def contact_sheet(pictures, columns=6, cell=(200, 160)):
    """All pictures on one sheet."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * cell[0], rows * cell[1]), (250, 250, 250))
    for i, picture in enumerate(pictures):
        picture = picture.copy()
        picture.thumbnail((cell[0] - 6, cell[1] - 6))
        sheet.paste(picture, (i % columns * cell[0] + (cell[0] - picture.width) // 2,
                              i // columns * cell[1] + (cell[1] - picture.height) // 2))
    return sheet


def main():
    parser = argparse.ArgumentParser(
        description="Render a contact sheet of synthetic road signs.",
        epilog="example: python3 -m render.single --count 24 --seed 7 --out sheet.png")
    parser.add_argument("--count", type=int, default=24, help="number of pictures (default 24)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sheet (default 0)")
    parser.add_argument("--wear", type=float, help="0 clean .. 1 poor (default: random)")
    parser.add_argument("--out", default="sheet.png", help="file to write (default sheet.png)")
    args = parser.parse_args()
    pictures = [render([args.seed, i], LABELS[i % len(LABELS)], (320, 240), args.wear)
                for i in range(args.count)]
    contact_sheet(pictures).save(args.out)


if __name__ == "__main__":
    main()
