"""Backgrounds that are full of edges and of colours: what is easily taken for a sign."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .backgrounds import blend, colour, fractal, rgb, to_array, to_image
from .pen import regular, turned


def confetti(rng, w, h):
    """Hundreds of small triangles, strips and dots in a few strong colours."""
    image = to_image(np.broadcast_to(rng.uniform(30, 225, 3).astype(np.float32), (h, w, 3)))
    draw = ImageDraw.Draw(image)
    colours = rng.uniform(10, 245, (int(rng.integers(3, 9)), 3))
    size = min(w, h) * rng.uniform(.015, .06)
    for _ in range(int(rng.integers(60, 300))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), size * rng.uniform(.5, 1.5)
        fill = rgb(colours[rng.integers(len(colours))])
        kind = rng.integers(3)
        if kind == 0:
            draw.ellipse([x - r, y - r, x + r, y + r], fill=fill)
            continue
        corners = regular(3, r, rng.uniform(0, 360)) if kind == 1 else turned(
            [(-2 * r, -r / 2), (2 * r, -r / 2), (2 * r, r / 2), (-2 * r, r / 2)], rng.uniform(0, 180))
        draw.polygon([(x + dx, y + dy) for dx, dy in corners], fill=fill)
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.001, .008))))


def pebbles(rng, w, h):
    """Rounded stones upon each other, each lit from one side."""
    base = [(128, 122, 114), (150, 130, 104), (104, 110, 120), (164, 158, 150)][rng.integers(4)]
    image = to_image(np.broadcast_to(colour(rng, base, 8) * .5, (h, w, 3)))
    draw = ImageDraw.Draw(image)
    size = min(w, h) * rng.uniform(.025, .08)
    for _ in range(int(1.6 * w * h / size ** 2 / 4)):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), size * rng.uniform(.6, 1.4)
        flat, shade = r * rng.uniform(.6, 1), colour(rng, base, 28)
        draw.ellipse([x - r, y - flat, x + r, y + flat], fill=rgb(shade * .7))
        draw.ellipse([x - r * .9, y - flat, x + r * .7, y + flat * .6], fill=rgb(shade))
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.002, .01))))


def cloth(rng, w, h):
    """Tartan: bands of colours in two directions, each seen through the other."""
    def bands(n):
        out = np.empty((n, 3), np.float32)
        at = 0
        while at < n:
            wide = int(n * rng.uniform(.01, .12)) + 1
            out[at:at + wide] = colours[rng.integers(len(colours))]
            at += wide
        return out
    colours = rng.uniform(20, 235, (int(rng.integers(2, 5)), 3)).astype(np.float32)
    twill = ((np.arange(h)[:, None] + np.arange(w)[None, :]) // 2 % 2)[..., None]
    out = np.where(twill, bands(h)[:, None], bands(w)[None, :])
    image = to_image(out).rotate(rng.uniform(-30, 30), Image.BILINEAR, fillcolor=rgb(colours[0]))
    image = image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.004, .012)))
    return to_array(image) + (fractal(rng, w, h, 4, 4)[..., None] - .5) * 40


def posters(rng, w, h):
    """A wall with bills, one over the other, of blots and lines as of letters."""
    image = to_image(blend(colour(rng, (150, 140, 130), 30), colour(rng, (110, 104, 98), 30),
                           fractal(rng, w, h, 3, 4)))
    for _ in range(int(rng.integers(5, 14))):
        wide, tall = int(w * rng.uniform(.12, .4)) + 4, int(h * rng.uniform(.12, .4)) + 4
        bill = Image.new("RGB", (wide, tall), rgb(rng.uniform(40, 245, 3)))
        draw = ImageDraw.Draw(bill)
        for _ in range(int(rng.integers(1, 4))):
            x, y, r = rng.uniform(0, wide), rng.uniform(0, tall), wide * rng.uniform(.08, .3)
            points = [(x + dx * rng.uniform(.4, 1), y + dy * rng.uniform(.4, 1))
                      for dx, dy in regular(int(rng.integers(4, 9)), r, rng.uniform(0, 90))]
            draw.polygon(points, fill=rgb(rng.uniform(10, 245, 3)))
        ink, step = rgb(rng.uniform(10, 245, 3)), max(3, int(tall * rng.uniform(.06, .14)))
        for y in range(int(tall * rng.uniform(.3, .8)), tall - 2, step):
            draw.line([(2, y), (wide * rng.uniform(.4, .95), y)], fill=ink, width=max(1, step // 3))
        bill = bill.convert("RGBA").rotate(rng.uniform(-12, 12), Image.BILINEAR, expand=True)
        image.paste(bill, (int(rng.uniform(-.2, 1) * w), int(rng.uniform(-.2, 1) * h)), bill)
    return to_array(image.filter(ImageFilter.GaussianBlur(min(w, h) * rng.uniform(.001, .008))))
