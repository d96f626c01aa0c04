#!/usr/bin/env python3
"""Scenes with several signs and logos, their exact boxes and masks.

Example:  python3 -m render.scene --count 12 --seed 7 --out sheet.png   (in the folder examples)
"""

import argparse
import dataclasses
import functools
import math

import numpy as np
from PIL import Image, ImageDraw

from .backgrounds import (blend, bricks, colour, dusk, foliage, fractal, plaster, rgb, shapes, sky,
                          street, to_array, to_image)
from .camera import light, lens
from .clutter import cloth, confetti, pebbles, posters
from .logos import LOGOS, distractor_texture, logo_texture
from .pen import EXTENT, PALETTES, TEXTURE, turned
from .placing import gradient, homography, projected_corners
from .signs import sign_texture
from .single import contact_sheet
from .unseen import UNSEEN

LABELS = ("stop", "give way", "no entry", "priority road", "parking") + tuple(LOGOS)
SEEN = (street, street, sky, foliage, bricks, plaster, dusk, shapes, confetti, pebbles, cloth, posters)
LOGO_PALETTES = 24
DISTRACTOR_KINDS = 60

SMALLEST, LARGEST = 16, 64      # pixels that an object is wide or high, whichever is more
MOST_HIDDEN = .4                # of an object's pixels
DISTRACTORS = .1                # of the objects


@dataclasses.dataclass(frozen=True)
class Variations:
    """What differs from picture to picture; docs/synthetic.md has what each is worth."""
    background: bool = True     # else one plain colour
    light: bool = True          # else even light, one exposure
    scale: bool = True          # else all objects have one size
    perspective: bool = True    # else all objects face the camera
    blur: bool = True           # else no blur, noise and compression
    occlusion: bool = True      # else nothing stands in front of an object


@dataclasses.dataclass
class Thing:
    """One object: its class (None: a distractor) and its box, of the pixels that are seen."""
    label: int
    pixels: int                 # that it has, seen or hidden
    box: tuple = None           # x, y, width, height
    hidden: float = 0.0         # share of its pixels


@dataclasses.dataclass
class Scene:
    image: Image.Image
    things: list
    owner: np.ndarray           # height x width: 0, or 1 + the index of the thing that is seen there

    def mask(self):
        """height x width, uint8: 0, or 1 + the class."""
        values = [0] + [0 if t.label is None else 1 + t.label for t in self.things]
        return np.array(values, np.uint8)[self.owner]

    def objects(self):
        """(index in things, thing) of what has a class."""
        return [(i, t) for i, t in enumerate(self.things) if t.label is not None]


@functools.lru_cache(maxsize=None)
def texture_of(label, look, side):
    """A square texture of about `side` pixels or somewhat more."""
    if label is None:
        texture = distractor_texture(look, LABELS)
    elif LABELS[label] in LOGOS:
        texture = logo_texture(LABELS[label], look)
    else:
        texture = sign_texture(LABELS[label], look)
    return texture.reduce(max(1, TEXTURE // side))


def looks_of(label):
    """How many textures there are of a class (None: of distractors)."""
    if label is None:
        return DISTRACTOR_KINDS
    return LOGO_PALETTES if LABELS[label] in LOGOS else PALETTES


def warped(rng, label, size, facing):
    """An object seen from a little aside, its longer side `size` pixels; RGBA, cut to its bounds."""
    look = int(rng.integers(looks_of(label)))
    for grow in (1, 1.5):                                   # perspective makes it smaller
        radius = size * grow / 2
        side = int(radius * 3) + 4
        state = rng.bit_generator.state
        if facing:
            corners = [(side / 2 + radius * x * EXTENT, side / 2 + radius * y * EXTENT)
                       for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        else:
            corners, _ = projected_corners(rng, side / 2, side / 2, radius)
        flat = max(8, int(radius * 2.4))
        fine = 32 if flat <= 24 else 64 if flat <= 48 else 128
        small = texture_of(label, look, fine).resize((flat, flat), Image.BICUBIC)
        source = [(0, 0), (flat, 0), (flat, flat), (0, flat)]
        patch = small.transform((side, side), Image.PERSPECTIVE, homography(corners, source),
                                Image.BICUBIC)
        patch = patch.crop(patch.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox())
        if max(patch.size) >= SMALLEST:
            break
        rng.bit_generator.state = state
    return patch


class Builder:
    """A scene that is being made; every step keeps to MOST_HIDDEN."""

    def __init__(self, scene):
        self.scene = scene
        self.owner = np.zeros(scene.shape[:2], np.int64)
        self.things = []

    def allows(self, owner):
        """Whether no object is hidden too much where `owner` is what is seen."""
        seen = np.bincount(owner.ravel(), minlength=len(self.things) + 1)
        return all(seen[i + 1] >= (1 - MOST_HIDDEN) * t.pixels for i, t in enumerate(self.things))

    def cover(self, mask):
        """Puts something without a class over the pixels of `mask`, if that is allowed."""
        owner = np.where(mask, 0, self.owner)
        if not self.allows(owner):
            return False
        self.owner = owner
        return True

    def paste(self, x, y, patch, label, face):
        """Puts an object at x, y if that is allowed; `face` changes its colours."""
        height, width = patch.size[1], patch.size[0]
        rgba = to_array(patch)
        inside = rgba[..., 3] > 127
        owner = self.owner.copy()
        owner[y:y + height, x:x + width][inside] = len(self.things) + 1
        if not self.allows(owner):
            return False
        self.owner = owner
        at = self.scene[y:y + height, x:x + width]
        self.scene[y:y + height, x:x + width] = blend(at, face(rgba[..., :3]), rgba[..., 3] / 255)
        self.things.append(Thing(label, int(inside.sum())))
        return True

    def draw(self, draw_on):
        """Draws an occluder: `draw_on(draw, fill)` is asked twice, for its colours and its mask."""
        h, w, _ = self.scene.shape
        mask = Image.new("L", (w, h))
        draw_on(ImageDraw.Draw(mask), 255)
        if self.cover(np.asarray(mask) > 0):
            image = to_image(self.scene)
            draw_on(ImageDraw.Draw(image), None)
            self.scene = to_array(image).copy()


def pole(rng, builder, x, top, size):
    """A pole below a place."""
    half, h = max(1, size * rng.uniform(.03, .05)), builder.scene.shape[0]
    steel = rgb(colour(rng, (146, 148, 150), 16))
    builder.draw(lambda draw, fill: draw.rectangle(
        [x - half, top, x + half, h], fill=fill if fill is not None else steel))


def occluder(rng, builder, x, y, size):
    """A bar, leaves or a corner of something in front of an object."""
    kind = rng.integers(3)
    shade = rgb(colour(rng, [(98, 92, 86), (84, 116, 52), tuple(rng.uniform(40, 210, 3))][kind], 18))
    angle = rng.uniform(0, 360)
    shapes_ = []
    if kind == 0:
        half = size * rng.uniform(.05, .13)
        away = size * rng.uniform(-.3, .3)
        shapes_.append([(-size * 3, away - half), (size * 3, away - half),
                        (size * 3, away + half), (-size * 3, away + half)])
    elif kind == 1:
        for _ in range(int(rng.integers(3, 9))):
            r = size * rng.uniform(.08, .16)
            dx, dy = rng.normal(.25, .22, 2) * size
            leaf = turned([(-1.6, 0), (-.5, -.6), (.5, -.6), (1.6, 0), (.5, .6), (-.5, .6)],
                          rng.uniform(0, 180))
            shapes_.append([(dx + r * px, dy + r * py) for px, py in leaf])
    else:
        edge = size * rng.uniform(.12, .42)
        shapes_.append([(edge, -size * .7), (edge + size * rng.uniform(.3, .9), -size * .6),
                        (edge + size * rng.uniform(.3, .9), size * .6), (edge, size * .7)])
    placed = [[(x + px, y + py) for px, py in turned(points, angle)] for points in shapes_]

    def draw_on(draw, fill):
        for points in placed:
            draw.polygon(points, fill=fill if fill is not None else shade)
    builder.draw(draw_on)


def background_of(rng, w, h, unseen, vary):
    if not vary:
        return np.broadcast_to(colour(rng, (128, 128, 128), 30), (h, w, 3)).astype(np.float32)
    kinds = UNSEEN if unseen else SEEN
    return np.clip(kinds[rng.integers(len(kinds))](rng, w, h), 0, 255).astype(np.float32)


def add_thing(rng, builder, vary, wear):
    """One object or distractor at a place where it fits; nothing after ten tries."""
    h, w, _ = builder.scene.shape
    label = None if rng.random() < DISTRACTORS else int(rng.integers(len(LABELS)))
    size = math.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST)))
    if not vary.scale:
        size = 32
    patch = warped(rng, label, size, not vary.perspective)
    bright, tint = (rng.uniform(.8, 1.1), 1 + rng.normal(0, .04, 3)) if vary.light else (1, 1)
    dirt = np.clip(fractal(rng, *patch.size, 3, 3, .7) * 2 - 1, 0, 1) * .5 * wear
    soil = colour(rng, (110, 100, 88), 8)
    slope = gradient(rng, *patch.size, .85, 1.1) if vary.light else 1

    def face(pixels):
        return blend(pixels * slope * bright * tint, soil, dirt)
    for _ in range(10):
        x = int(rng.integers(1, w - patch.width))
        y = int(rng.integers(1, h - patch.height))
        if rng.random() < .3:
            pole(rng, builder, x + patch.width / 2, y + patch.height / 2, max(patch.size))
        if builder.paste(x, y, patch, label, face):
            if vary.occlusion and rng.random() < .35:
                occluder(rng, builder, x + patch.width / 2, y + patch.height / 2, max(patch.size))
            return


def finished(builder, image):
    """Boxes of what is seen."""
    for i, thing in enumerate(builder.things):
        ys, xs = np.nonzero(builder.owner == i + 1)
        thing.box = (int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)
        thing.hidden = 1 - len(xs) / thing.pixels
    return Scene(image, builder.things, builder.owner)


def render(seed, size=(160, 160), unseen=False, vary=Variations(), count=(1, 5)):
    """Render one scene.

    seed    list of integers; decides everything that is random
    size    (width, height) in pixels
    unseen  True: a background of the kinds that no training has
    count   the fewest and the most things that are tried to be placed
    vary    what may differ; settings that are off leave the others' numbers as they are
    """
    place, lamp, optics = (np.random.default_rng([*seed, i]) for i in range(3))
    w, h = size
    wear = place.uniform(0, 1)
    builder = Builder(background_of(place, w, h, unseen, vary.background))
    for i in range(int(place.integers(count[0], count[1] + 1))):
        add_thing(np.random.default_rng([*seed, 3, i]), builder, vary, wear)
    scene = builder.scene
    if vary.light:
        scene = light(lamp, scene, wear)
    image = lens(optics, scene, wear, 1, 3) if vary.blur else to_image(scene)
    return finished(builder, image)


def main():
    parser = argparse.ArgumentParser(
        description="Render a contact sheet of scenes with their boxes.",
        epilog="example: python3 -m render.scene --count 12 --seed 7 --out sheet.png")
    parser.add_argument("--count", type=int, default=12, help="number of pictures (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sheet (default 0)")
    parser.add_argument("--unseen", action="store_true", help="backgrounds of held-out pictures")
    parser.add_argument("--out", default="sheet.png", help="file to write (default sheet.png)")
    args = parser.parse_args()
    pictures = []
    for i in range(args.count):
        scene = render([args.seed, i], unseen=args.unseen)
        draw = ImageDraw.Draw(scene.image)
        for thing in scene.things:
            x, y, w, h = thing.box
            draw.rectangle([x - 1, y - 1, x + w, y + h],
                           outline=(255, 0, 0) if thing.label is None else (0, 255, 0))
        pictures.append(scene.image)
    contact_sheet(pictures, cell=(166, 166)).save(args.out)


if __name__ == "__main__":
    main()
