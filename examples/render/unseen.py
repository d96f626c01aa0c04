"""Backgrounds that only held-out pictures have: no training has seen one of these kinds."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .backgrounds import blend, colour, fractal, rgb, to_array, to_image


def planks(rng, w, h):
    """A fence of boards with grain."""
    base = [(150, 108, 66), (122, 116, 108), (176, 142, 96), (84, 96, 88)][rng.integers(4)]
    base = colour(rng, base, 12)
    wide = w * rng.uniform(.1, .22)
    out = np.empty((h, w, 3), np.float32)
    x = -rng.uniform(0, wide)
    while x < w:
        left, right = max(0, int(x)), min(w, int(x + wide))
        if right > left:
            grain = fractal(rng, max(16, right - left), h, 2, 5, .85)[:, :right - left]
            out[:, left:right] = blend(base * rng.uniform(.75, 1.1), base * .6, grain)
            out[:, left:left + max(1, w // 160)] *= .45
        x += wide
    return out


def tiles(rng, w, h):
    """Square tiles in two shades."""
    step = min(w, h) * rng.uniform(.09, .2)
    first, second = colour(rng, (188, 190, 186), 30), colour(rng, (120, 138, 150), 34)
    image = to_image(np.broadcast_to(colour(rng, (208, 204, 198), 12), (h, w, 3)))
    draw = ImageDraw.Draw(image)
    for row in range(int(h / step) + 2):
        for column in range(int(w / step) + 2):
            shade = (first, second)[(row + column) % 2] * rng.uniform(.9, 1.08)
            x, y = (column - .5) * step, (row - .5) * step
            draw.rectangle([x, y, x + step * .92, y + step * .92], fill=rgb(np.clip(shade, 0, 255)))
    return to_array(image) + ((fractal(rng, w, h, 4, 4) - .5) * 30)[..., None]


def water(rng, w, h):
    """Waves, which are long and flat."""
    tall = fractal(rng, w, h * 4 if h * 4 < 4096 else h, 3, 5, .7)[::4][:h]
    ripple = np.sin(np.linspace(0, rng.uniform(30, 80), h, dtype=np.float32))[:, None] * .25
    t = np.clip(tall + ripple * rng.random((1, w), dtype=np.float32), 0, 1)
    return blend(colour(rng, (44, 84, 104), 14), colour(rng, (166, 190, 196), 18), t)


def shelf(rng, w, h):
    """Rows of boxes and bottles in any colour, as in a shop."""
    image = to_image(np.broadcast_to(colour(rng, (196, 190, 180), 20), (h, w, 3)))
    draw = ImageDraw.Draw(image)
    tall = h * rng.uniform(.16, .3)
    for y in np.arange(rng.uniform(-tall, 0), h, tall):
        x = -rng.uniform(0, .05) * w
        while x < w:
            wide, top = w * rng.uniform(.03, .12), y + tall * rng.uniform(.1, .45)
            shade = rng.uniform(30, 225, 3)
            draw.rectangle([x, top, x + wide * .92, y + tall * .9], fill=rgb(shade))
            draw.rectangle([x, top + tall * .2, x + wide * .92, top + tall * rng.uniform(.25, .4)],
                           fill=rgb(rng.uniform(30, 235, 3)))
            x += wide
        draw.rectangle([0, y + tall * .9, w, y + tall], fill=rgb(colour(rng, (110, 104, 98), 14)))
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.003, .012))))


def rails(rng, w, h):
    """Slanting pipes in front of fog."""
    fog = blend(colour(rng, (150, 156, 158), 20), colour(rng, (206, 206, 200), 14),
                fractal(rng, w, h, 3, 4))
    image = to_image(fog)
    draw = ImageDraw.Draw(image)
    lean, step = rng.uniform(-.6, .6) * h, w * rng.uniform(.08, .2)
    for x in np.arange(-w, 2 * w, step):
        shade, thick = colour(rng, (96, 98, 104), 24), max(2, int(step * rng.uniform(.1, .35)))
        draw.line([(x, 0), (x + lean, h)], fill=rgb(shade), width=thick)
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.002, .008))))


UNSEEN = (planks, tiles, water, shelf, rails)
