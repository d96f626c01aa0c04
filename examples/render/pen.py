"""Shapes, strokes and letters on a transparent texture: what signs and logos are drawn with.

Coordinates: x to the right, y down, a sign fills -1..1.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

TEXTURE = 256           # side of a finished sign texture, in pixels
OVERSAMPLE = 3          # textures are drawn larger and then reduced
EXTENT = 1.06           # a texture covers -EXTENT..EXTENT
PALETTES = 8            # shades in which every sign is available


def arc(cx, cy, rx, ry, start, stop):
    """Points of an ellipse arc; degrees, 0 is right and 90 is down."""
    angles = np.radians(np.linspace(start, stop, 33))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


def regular(sides, radius, turn=0.0):
    """Corners of a regular polygon."""
    angles = [2 * math.pi * i / sides + math.radians(turn) for i in range(sides)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]


def turned(points, degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(c * x - s * y, s * x + c * y) for x, y in points]


# Letters and digits as strokes in a box of -0.5..0.5 by -1..1.
GLYPHS = {
    "0": [arc(0, 0, .5, 1, 0, 360)],
    "3": [arc(0, -.5, .46, .5, -160, 90), arc(0, .48, .5, .52, -90, 160)],
    "5": [[(.42, -1), (-.38, -1), (-.45, -.08)], arc(0, .35, .5, .65, -150, 150)],
    "8": [arc(0, -.52, .42, .48, 0, 360), arc(0, .48, .5, .52, 0, 360)],
    "S": [arc(0, -.5, .48, .5, -25, -270), arc(0, .5, .5, .5, -90, 155)],
    "T": [[(-.52, -1), (.52, -1)], [(0, -1), (0, 1)]],
    "O": [arc(0, 0, .5, 1, 0, 360)],
    "P": [[(-.4, 1), (-.4, -1), (.05, -1)] + arc(.05, -.5, .45, .5, -90, 90)
          + [(-.4, 0)]],
}


class Pen:
    """Draws shapes in sign coordinates on a transparent texture."""

    def __init__(self, palette):
        rng = np.random.default_rng([11, palette])
        self.scale = TEXTURE * OVERSAMPLE / (2 * EXTENT)
        side = TEXTURE * OVERSAMPLE
        self.image = Image.new("RGBA", (side, side), (120, 120, 120, 0))
        self.draw = ImageDraw.Draw(self.image)
        shades = {"red": (192, 24, 32), "blue": (18, 76, 160), "white": (240, 240, 236),
                  "yellow": (246, 190, 24), "black": (26, 26, 28),
                  "green": (24, 150, 80), "rim": (150, 152, 154)}
        faded = rng.uniform(0, .22)
        for name, shade in shades.items():
            shade = np.array(shade) * (1 - faded) + 150 * faded
            shade = np.clip(shade + rng.normal(0, 7, 3), 0, 255)
            setattr(self, name, tuple(int(v) for v in shade) + (255,))

    def _map(self, points):
        return [((x + EXTENT) * self.scale, (y + EXTENT) * self.scale) for x, y in points]

    def disc(self, x, y, radius, colour):
        box = self._map([(x - radius, y - radius), (x + radius, y + radius)])
        self.draw.ellipse(box, fill=colour)

    def area(self, points, colour, rounding=0.0):
        """A filled polygon, grown by `rounding` with round corners."""
        self.draw.polygon(self._map(points), fill=colour)
        if rounding:
            self.stroke(points + points[:1], 2 * rounding, colour)

    def stroke(self, points, width, colour):
        """A line with round joints and ends."""
        self.draw.line(self._map(points), fill=colour,
                       width=max(1, round(width * self.scale)))
        for x, y in points:
            self.disc(x, y, width / 2, colour)

    def text(self, text, height, colour, width=.13, pitch=.72):
        """Centred text made of GLYPHS."""
        half = height / 2
        for i, letter in enumerate(text):
            x0 = (i - (len(text) - 1) / 2) * pitch * height
            for line in GLYPHS[letter]:
                self.stroke([(x0 + x * half, y * half) for x, y in line], width, colour)

    def arrow(self, points, colour, width=.22, head=.34):
        """A line that ends in an arrow head."""
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        bx, by = x1 - dx * head, y1 - dy * head
        self.stroke(points[:-1] + [(bx, by)], width, colour)
        self.area([(x1, y1), (bx - dy * head, by + dx * head),
                   (bx + dy * head, by - dx * head)], colour)

    def finish(self):
        return self.image.reduce(OVERSAMPLE)
