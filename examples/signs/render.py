#!/usr/bin/env python3
"""Render synthetic photographs of road signs.

Every sign, background and disturbance is drawn by the code in this file: there
is no downloaded artwork and no font.  A picture depends only on its seed, its
label and its size, so a data set can be made again at any time.

Example:  python3 render.py --count 24 --seed 7 --out sheet.png
"""

import argparse
import functools
import io
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# --------------------------------------------------------------------------
# Drawing the signs.  Coordinates: x to the right, y down, the sign fills -1..1.
# --------------------------------------------------------------------------

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


# Plates shared by several signs.

def round_plate(pen, ring, inside, ring_width=.2):
    pen.disc(0, 0, 1, pen.rim)
    pen.disc(0, 0, .97, ring)
    pen.disc(0, 0, .97 - ring_width, inside)


def blue_disc(pen):
    round_plate(pen, pen.white, pen.blue, .05)


def blue_square(pen):
    corner = [(-.8, -.8), (.8, -.8), (.8, .8), (-.8, .8)]
    pen.area(corner, pen.white, .1)
    pen.area(corner, pen.blue, .04)


def triangle(pen, turn, inside):
    lift = .25 * math.sin(math.radians(turn))               # centres the plate
    outer = [(x, y - lift) for x, y in regular(3, 1, turn)]
    pen.area(outer, pen.rim, .1)
    pen.area(outer, pen.red, .07)
    centre = sum(y for _, y in outer) / 3
    pen.area([(x * .64, centre + (y - centre) * .64) for x, y in outer], inside, .05)


def warning(pen):
    triangle(pen, -90, pen.white)


def speed(pen, limit):
    round_plate(pen, pen.red, pen.white)
    pen.text(limit, .82, pen.black)


# One function per sign.

def stop(pen):
    for radius, colour in ((1.0, pen.white), (.93, pen.red)):
        pen.area(regular(8, radius, 22.5), colour)
    pen.text("STOP", .58, pen.white, width=.11, pitch=.7)


def give_way(pen):
    triangle(pen, 90, pen.white)


def no_entry(pen):
    round_plate(pen, pen.white, pen.red, .05)
    pen.area([(-.66, -.15), (.66, -.15), (.66, .15), (-.66, .15)], pen.white, .02)


def no_parking(pen):
    round_plate(pen, pen.red, pen.blue)
    pen.stroke([(-.56, -.56), (.56, .56)], .18, pen.red)


def no_stopping(pen):
    no_parking(pen)
    pen.stroke([(.56, -.56), (-.56, .56)], .18, pen.red)


def turn_left(pen):
    blue_disc(pen)
    pen.arrow([(.3, .55), (.3, -.1), (-.65, -.1)], pen.white)


def turn_right(pen):
    blue_disc(pen)
    pen.arrow([(-.3, .55), (-.3, -.1), (.65, -.1)], pen.white)


def straight_ahead(pen):
    blue_disc(pen)
    pen.arrow([(0, .62), (0, -.68)], pen.white)


def keep_right(pen):
    blue_disc(pen)
    pen.arrow([(-.45, -.45), (.52, .52)], pen.white)


def roundabout(pen):
    blue_disc(pen)
    for turn in (0, 120, 240):
        curve = arc(0, 0, .52, .52, 15, 82)
        pen.arrow(turned(curve + [(-.19, .57)], turn), pen.white, .17, .25)


def cycle_path(pen):
    blue_disc(pen)
    for x in (-.4, .4):
        pen.stroke(arc(x, .2, .26, .26, 0, 360), .08, pen.white)
    pen.stroke([(-.4, .2), (-.18, -.2), (.26, -.2), (0, .2), (-.4, .2)], .07, pen.white)
    pen.stroke([(0, .2), (-.22, -.34)], .07, pen.white)
    pen.stroke([(-.34, -.36), (-.1, -.36)], .08, pen.white)
    pen.stroke([(.4, .2), (.22, -.4), (.42, -.44)], .07, pen.white)


def priority_road(pen):
    pen.area(regular(4, .93), pen.rim, .06)
    pen.area(regular(4, .93), pen.white, .04)
    pen.area(regular(4, .62), pen.yellow, .03)


def pedestrian_crossing(pen):
    blue_square(pen)
    pen.area([(0, -.72), (.74, .64), (-.74, .64)], pen.white, .03)
    for x in (-.44, -.15, .14, .43):
        pen.area([(x - .06, .46), (x + .06, .46), (x + .08, .6), (x - .08, .6)], pen.black)
    pen.disc(.02, -.31, .1, pen.black)
    pen.stroke([(0, -.14), (-.02, .1)], .16, pen.black)
    pen.stroke([(-.02, .1), (.12, .24), (.2, .4)], .09, pen.black)
    pen.stroke([(-.04, .1), (-.12, .26), (-.24, .4)], .09, pen.black)
    pen.stroke([(0, -.14), (.16, .02), (.26, .02)], .07, pen.black)
    pen.stroke([(0, -.14), (-.16, .02), (-.22, .1)], .07, pen.black)


def parking(pen):
    blue_square(pen)
    for line in GLYPHS["P"]:
        pen.stroke([(x * .62, y * .56) for x, y in line], .2, pen.white)


def dead_end(pen):
    blue_square(pen)
    pen.stroke([(0, .6), (0, -.2)], .24, pen.white)
    pen.area([(-.46, -.5), (.46, -.5), (.46, -.24), (-.46, -.24)], pen.white, .03)
    pen.area([(-.44, -.48), (.44, -.48), (.44, -.26), (-.44, -.26)], pen.red)


def danger(pen):
    warning(pen)
    pen.area([(-.07, -.18), (.07, -.18), (.035, .2), (-.035, .2)], pen.black, .04)
    pen.disc(0, .42, .1, pen.black)


def crossroads(pen):
    warning(pen)
    for turn in (45, -45):
        pen.stroke([(x, y + .25) for x, y in turned([(-.29, 0), (.29, 0)], turn)], .15, pen.black)


def bend(pen, side):
    warning(pen)
    curve = [(.13, .48), (.13, .36), (.1, .28), (.03, .22), (-.03, .16), (-.06, .08), (-.06, -.15)]
    pen.arrow([(x * side, y) for x, y in curve], pen.black, .12, .17)


def traffic_lights(pen):
    warning(pen)
    pen.area([(-.1, -.17), (.1, -.17), (.1, .48), (-.1, .48)], pen.black, .06)
    for y, colour in ((-.11, pen.red), (.155, pen.yellow), (.42, pen.green)):
        pen.disc(0, y, .105, colour)


SIGNS = {
    "stop": stop,
    "give way": give_way,
    "no entry": no_entry,
    "speed limit 30": lambda pen: speed(pen, "30"),
    "speed limit 50": lambda pen: speed(pen, "50"),
    "speed limit 80": lambda pen: speed(pen, "80"),
    "no parking": no_parking,
    "no stopping": no_stopping,
    "turn left": turn_left,
    "turn right": turn_right,
    "straight ahead": straight_ahead,
    "keep right": keep_right,
    "roundabout": roundabout,
    "cycle path": cycle_path,
    "priority road": priority_road,
    "pedestrian crossing": pedestrian_crossing,
    "parking": parking,
    "dead end": dead_end,
    "danger": danger,
    "crossroads": crossroads,
    "bend to the left": lambda pen: bend(pen, 1),
    "bend to the right": lambda pen: bend(pen, -1),
    "traffic lights": traffic_lights,
    "no vehicles": lambda pen: round_plate(pen, pen.red, pen.white),
}
LABELS = list(SIGNS)


@functools.lru_cache(maxsize=None)
def sign_texture(label, palette):
    pen = Pen(palette)
    SIGNS[label](pen)
    return pen.finish()


# --------------------------------------------------------------------------
# Backgrounds: float32 arrays of height x width x 3, values 0..255.
# --------------------------------------------------------------------------

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


# --------------------------------------------------------------------------
# Putting a sign into a scene.
# --------------------------------------------------------------------------

def projected_corners(rng, cx, cy, radius):
    """Where the corners of the texture land, seen from a little aside."""
    roll, yaw, pitch = np.radians(rng.normal(0, (4.5, 16, 9)))
    roll, yaw, pitch = np.clip((roll, yaw, pitch), (-.22, -.66, -.4), (.22, .66, .4))
    corners = []
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        x, y = turned([(x * EXTENT, y * EXTENT)], math.degrees(roll))[0]
        x, z = x * math.cos(yaw), x * math.sin(yaw)
        y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
        depth = 4.5 / (4.5 + z)
        corners.append((cx + radius * x * depth, cy + radius * y * depth))
    return corners, roll


def homography(target, source):
    """The eight coefficients with which Pillow maps target points to source points."""
    rows, right = [], []
    for (x, y), (u, v) in zip(target, source):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.linalg.solve(np.array(rows), np.array(right))


def gradient(rng, w, h, low, high):
    """A brightness that changes steadily in some direction."""
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[-1:1:h * 1j, -1:1:w * 1j].astype(np.float32)
    t = (x * math.cos(angle) + y * math.sin(angle)) * .35 + .5
    return (low + (high - low) * t)[..., None]


def draw_pole(rng, scene, cx, cy, radius, roll):
    h, w, _ = scene.shape
    half = radius * rng.uniform(.06, .1)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    across = (x - cx + (y - cy) * math.tan(roll)) / half
    inside = np.clip((1 - np.abs(across)) * half + .5, 0, 1) * (y > cy)
    steel = colour(rng, (146, 148, 150), 6) * (1.05 - .35 * np.clip(across, -1, 1)[..., None])
    return scene + (steel - scene) * inside[..., None]


def draw_leaves(rng, scene, cx, cy, radius):
    """A twig that reaches over the rim of the sign."""
    image = to_image(scene)
    draw = ImageDraw.Draw(image)
    direction = rng.uniform(0, 360)
    for _ in range(int(rng.integers(3, 9))):
        away = radius * rng.uniform(.86, 1.35)
        (x, y), = turned([(away, 0)], direction + rng.normal(0, 16))
        size, fill = radius * rng.uniform(.06, .12), rgb(colour(rng, (70, 108, 44), 18))
        leaf = turned([(-1.8, 0), (-.6, -.6), (.6, -.6), (1.8, 0), (.6, .6), (-.6, .6)],
                      rng.uniform(0, 180))
        draw.polygon([(cx + x + size * dx, cy + y + size * dy) for dx, dy in leaf], fill=fill)
    return to_array(image)


def camera(rng, scene, wear):
    """Light, blur, noise and compression of a real camera."""
    h, w, _ = scene.shape
    short = min(w, h)
    scene = scene * gradient(rng, w, h, rng.uniform(1 - .4 * wear, 1), rng.uniform(1, 1 + .2 * wear))
    if rng.random() < .3:                                   # dappled shade
        scene = scene * (1 - .4 * wear * np.clip(fractal(rng, w, h, 3, 2) * 3 - 1, 0, 1))[..., None]
    exposure = math.exp(rng.normal(0, .2 * wear))
    contrast = rng.uniform(1 - .35 * wear, 1 + .1 * wear)
    tint = 1 + rng.normal(0, .045 * wear, 3)
    scene = ((scene - 118) * contrast + 118) * exposure * tint
    image = to_image(scene).filter(ImageFilter.GaussianBlur(short / 72 * rng.uniform(.05, .15 + .7 * wear)))
    if rng.random() < .2 * wear:                            # the camera moved
        kernel = np.zeros((5, 5))
        kernel[[(2, slice(None)), (slice(None), 2)][rng.integers(2)]] = 1
        image = image.filter(ImageFilter.Kernel((5, 5), kernel.ravel().tolist()))
    noise = rng.standard_normal((h, w, 3), dtype=np.float32) * rng.uniform(.5, 2 + 10 * wear)
    image = to_image(to_array(image) + noise)
    if rng.random() < .6:
        image = compress(image, int(rng.uniform(95 - 60 * wear, 95)))
    return image


def compress(image, quality):
    """The picture after a trip through JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


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
        epilog="example: python3 render.py --count 24 --seed 7 --out sheet.png")
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
