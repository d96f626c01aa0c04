"""Backgrounds: float32 arrays of height x width x 3, values 0..255."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pen import regular, turned


def colour(rng, base, spread=14):
    """A colour near `base`: lighter or darker, with a slightly different hue."""
    shade = np.array(base) + rng.normal(0, spread) + rng.normal(0, spread * .4, 3)
    return np.clip(shade, 0, 255).astype(np.float32)


def fractal(rng, w, h, cells=3, octaves=4, falloff=.55):
    """Smooth noise of several scales, about 0..1."""
    total, weight, amplitude = np.zeros((h, w), np.float32), 0.0, 1.0
    for octave in range(octaves):
        n = cells * 2 ** octave
        grid = rng.random((max(2, n * h // w), max(2, n)), dtype=np.float32)
        total += amplitude * np.asarray(Image.fromarray(grid).resize((w, h), Image.BICUBIC))
        weight += amplitude
        amplitude *= falloff
    return np.clip((total / weight - .5) * 1.6 + .5, 0, 1)


def blend(a, b, t):
    """a where t is 0, b where t is 1."""
    return a + (b - a) * t[..., None]


def to_image(array):
    return Image.fromarray(np.clip(array + .5, 0, 255).astype(np.uint8))


def to_array(image):
    return np.asarray(image, np.float32)


def rgb(values):
    return tuple(int(v) for v in values)


def sky(rng, w, h):
    blue = [(96, 150, 214), (130, 170, 210), (176, 186, 196), (226, 170, 130)][rng.integers(4)]
    top = colour(rng, blue)
    bottom = np.clip(top + rng.uniform(20, 60), 0, 255).astype(np.float32)
    t = np.repeat(np.linspace(0, 1, h, dtype=np.float32)[:, None], w, 1)
    clouds = np.clip(fractal(rng, w, h) * 2.4 - rng.uniform(.8, 1.6), 0, .9)
    return blend(blend(top, bottom, t), colour(rng, (236, 236, 238), 6), clouds)


def street(rng, w, h):
    image = to_image(sky(rng, w, h))
    draw = ImageDraw.Draw(image)
    horizon = int(h * rng.uniform(.45, .7))
    if rng.random() < .5:                                   # a town
        x = -rng.uniform(0, .1) * w
        while x < w:
            width, top = w * rng.uniform(.1, .22), horizon - h * rng.uniform(.1, .42)
            wall = colour(rng, (168, 148, 128), 26)
            draw.rectangle([x, top, x + width, horizon], fill=rgb(wall))
            step = max(4, h * rng.uniform(.05, .08))
            pane = rgb(wall * rng.uniform(.45, .7))
            for wy in np.arange(top + step * .5, horizon - step * .5, step):
                for wx in np.arange(x + step * .4, x + width - step * .6, step):
                    draw.rectangle([wx, wy, wx + step * .45, wy + step * .55], fill=pane)
            x += width
    else:                                                   # hills and trees
        for shade in (.95, .7):
            hills = fractal(rng, w, 8, 3, 3)[4] * h * .28
            green = colour(rng, np.array((96, 128, 84)) * shade, 10)
            draw.polygon([(0, horizon + 2)]
                         + [(x, horizon - hills[x]) for x in range(0, w, 3)]
                         + [(w, horizon + 2)], fill=rgb(green))
    ground = colour(rng, (104, 134, 74) if rng.random() < .7 else (150, 140, 122), 12)
    draw.rectangle([0, horizon, w, h], fill=rgb(ground))
    road, vanish = colour(rng, (98, 98, 102), 8), w * rng.uniform(.1, .9)
    middle = w * rng.uniform(-.1, 1.1)
    spread = w * rng.uniform(.3, .6)
    draw.polygon([(vanish - 2, horizon), (vanish + 2, horizon),
                  (middle + spread, h), (middle - spread, h)], fill=rgb(road))
    for t in (.12, .3, .58):
        line = []
        for s in (t, t * 1.45):
            x, y = vanish + (middle - vanish) * s, horizon + (h - horizon) * s
            line += [(x - spread * .04 * s, y), (x + spread * .04 * s, y)]
        draw.polygon([line[0], line[1], line[3], line[2]], fill=(226, 226, 220))
    grain = fractal(rng, w, h, 12, 3) * 24 - 12
    image = to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.002, .012))))
    return image + grain[..., None]


def foliage(rng, w, h):
    t = fractal(rng, w, h, 5, 5, .75)
    out = blend(colour(rng, (34, 58, 28), 8), colour(rng, (126, 160, 72), 14), t)
    image = to_image(out)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(60, 160))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), min(w, h) * rng.uniform(.008, .03)
        leaf = colour(rng, (88, 128, 52), 26)
        draw.polygon([(x + r * dx, y + r * dy) for dx, dy in
                      turned([(-1.8, 0), (0, -.7), (1.8, 0), (0, .7)], rng.uniform(0, 180))],
                     fill=rgb(leaf))
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.003, .02))))


def bricks(rng, w, h):
    mortar = colour(rng, (176, 168, 158), 10)
    image = to_image(np.broadcast_to(mortar, (h, w, 3)))
    draw = ImageDraw.Draw(image)
    tall = min(w, h) * rng.uniform(.055, .1)
    wide, gap = tall * rng.uniform(2, 2.8), max(1.0, tall * .12)
    base = [(150, 78, 58), (132, 98, 80), (178, 140, 104), (120, 116, 112)][rng.integers(4)]
    base = colour(rng, base, 12)
    for row in range(int(h / tall) + 2):
        for column in range(-1, int(w / wide) + 2):
            x, y = (column + row % 2 * .5) * wide, row * tall - tall / 2
            shade = base * rng.uniform(.8, 1.15) + rng.normal(0, 5, 3)
            draw.rectangle([x, y, x + wide - gap, y + tall - gap],
                           fill=rgb(np.clip(shade, 0, 255)))
    return to_array(image) + ((fractal(rng, w, h, 8, 4, .8) - .5) * 50)[..., None]


def plaster(rng, w, h):
    base = [(206, 198, 182), (170, 172, 172), (206, 178, 140), (150, 168, 178)][rng.integers(4)]
    a = colour(rng, base)
    out = blend(a, a * rng.uniform(.7, .9), fractal(rng, w, h, 3, 5, .7))
    if rng.random() < .5:                                   # slabs
        image = to_image(out)
        draw = ImageDraw.Draw(image)
        step, joint = min(w, h) * rng.uniform(.35, .6), rgb(a * .6)
        for y in np.arange(rng.uniform(0, step), h, step):
            draw.line([(0, y), (w, y)], fill=joint, width=max(1, h // 160))
        for x in np.arange(rng.uniform(0, step), w, step * 1.4):
            draw.line([(x, 0), (x, h)], fill=joint, width=max(1, h // 160))
        out = to_array(image)
    return out


def dusk(rng, w, h):
    """Out-of-focus lamps in the evening."""
    t = np.repeat(np.linspace(0, 1, h, dtype=np.float32)[:, None], w, 1)
    out = blend(colour(rng, (46, 54, 88), 10), colour(rng, (112, 84, 84), 14), t)
    out = out + (fractal(rng, w, h)[..., None] - .5) * 30
    lamps = Image.new("RGB", (w, h))
    draw = ImageDraw.Draw(lamps)
    for _ in range(int(rng.integers(10, 28))):
        x, y, r = rng.uniform(0, w), rng.uniform(.1, 1) * h, min(w, h) * rng.uniform(.02, .07)
        warm = [(200, 150, 80), (180, 170, 150), (180, 60, 50), (80, 140, 120)][rng.integers(4)]
        shade = colour(rng, warm) * rng.uniform(.3, .8)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=rgb(shade))
    return out + to_array(lamps.filter(ImageFilter.GaussianBlur(min(w, h) * .008)))


def shapes(rng, w, h):
    """Plain shapes in strong colours: things that are no signs."""
    t = fractal(rng, w, h, 2, 5)
    image = to_image(blend(rng.uniform(60, 190, 3), rng.uniform(60, 190, 3), t))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 12))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), min(w, h) * rng.uniform(.06, .22)
        fill = rgb(rng.uniform(30, 225, 3))
        kind = rng.integers(3)
        if kind == 0:
            draw.ellipse([x - r, y - r, x + r, y + r], fill=fill)
        else:
            corners = regular(3 if kind == 1 else 4, r, rng.uniform(0, 360))
            draw.polygon([(x + dx, y + dy) for dx, dy in corners], fill=fill)
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.003, .02))))


OPEN_SCENES = (street, street, sky, foliage, dusk, shapes)   # the sign is on a pole
WALL_SCENES = (bricks, plaster)                              # the sign is on the wall
