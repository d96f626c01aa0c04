"""Logos of nobody, and plates that are neither sign nor logo.

A logo is known by its shape alone: plate and mark take any two of the colours that the signs have.
"""

import functools

import numpy as np

from .pen import GLYPHS, Pen, arc, regular, turned
from .signs import SIGNS

COLOURS = ("red", "blue", "white", "yellow", "black", "green")
PLATES = ("disc", "square", "none")


def star(pen, shade):
    tips = regular(5, .72, -90)
    dents = regular(5, .3, -54)
    pen.area([p for pair in zip(tips, dents) for p in pair], shade)


def bolt(pen, shade):
    pen.area([(.2, -.74), (-.44, .12), (-.06, .12), (-.22, .74), (.44, -.16), (.06, -.16)], shade)


def heart(pen, shade):
    for x in (-.27, .27):
        pen.disc(x, -.18, .31, shade)
    pen.area([(-.55, -.05), (.55, -.05), (0, .66)], shade)


def moon(pen, shade):
    outer = arc(0, 0, .66, .66, 50, 310)
    inner = arc(.28, 0, .5, .5, 292, 68)
    pen.area(outer + inner, shade)


def peaks(pen, shade):
    pen.area([(-.72, .5), (-.24, -.42), (.0, .02), (.24, -.62), (.72, .5)], shade)


LOGOS = {"star": star, "bolt": bolt, "heart": heart, "moon": moon, "peaks": peaks}


def plate(pen, kind, shade):
    """What a mark stands on."""
    if kind == "disc":
        pen.disc(0, 0, 1, shade)
    elif kind == "square":
        pen.area([(-.8, -.8), (.8, -.8), (.8, .8), (-.8, .8)], shade, .16)
    elif kind == "triangle":
        pen.area([(x, y + .25) for x, y in regular(3, 1, -90)], shade, .08)
    elif kind == "octagon":
        pen.area(regular(8, 1, 22.5), shade)
    elif kind == "diamond":
        pen.area(regular(4, .93), shade, .06)


def two_shades(rng, pen):
    """Two colours that differ in brightness, so that the mark is seen on its plate."""
    while True:
        first, second = (getattr(pen, COLOURS[i]) for i in rng.permutation(len(COLOURS))[:2])
        if abs(np.dot(np.subtract(first, second)[:3], (.3, .59, .11))) > 70:
            return first, second


@functools.lru_cache(maxsize=None)
def logo_texture(label, palette):
    """A logo on one of the plates; `palette` decides the colours, too."""
    rng = np.random.default_rng([12, list(LOGOS).index(label), palette])
    pen = Pen(palette)
    back, front = two_shades(rng, pen)
    kind = PLATES[palette % len(PLATES)]
    plate(pen, kind, back)
    LOGOS[label](pen, front if kind != "none" else back)
    return pen.finish()


def other_mark(rng, pen, shade):
    """A letter, a ring, a bar that slants, squares, or nothing."""
    kind = rng.integers(6)
    if kind < 2:
        letter = "0358STO"[rng.integers(7)]
        for line in GLYPHS[letter]:
            pen.stroke([(x * .56, y * .5) for x, y in line], .2, shade)
    elif kind == 2:
        pen.stroke(arc(0, 0, .42, .42, 0, 360), .16, shade)
    elif kind == 3:
        pen.stroke(turned([(-.5, 0), (.5, 0)], rng.choice([45, -45, 90])), .22, shade)
    elif kind == 4:
        for x, y in ((-.25, -.25), (.25, .25)):
            pen.area([(x - .22, y - .22), (x + .22, y - .22), (x + .22, y + .22),
                      (x - .22, y + .22)], shade)


@functools.lru_cache(maxsize=None)
def distractor_texture(kind, known):
    """Something that looks like a sign or a logo and is none of `known` labels."""
    rng = np.random.default_rng([13, kind])
    pen = Pen(kind % 8)
    others = [label for label in SIGNS if label not in known]
    if kind % 3 == 0:
        SIGNS[others[kind // 3 % len(others)]](pen)
    else:
        back, front = two_shades(rng, pen)
        plate(pen, ("disc", "square", "triangle", "octagon", "diamond")[rng.integers(5)], back)
        other_mark(rng, pen, front)
    return pen.finish()
