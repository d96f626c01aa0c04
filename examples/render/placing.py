"""Where things stand: perspective, poles, shadows and leaves."""

import math

import numpy as np
from PIL import Image, ImageDraw

from .backgrounds import colour, rgb, to_array, to_image
from .pen import EXTENT, turned


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
