"""What light and camera do to a picture."""

import io
import math

import numpy as np
from PIL import Image, ImageFilter

from .backgrounds import fractal, to_array, to_image
from .placing import gradient


def light(rng, scene, wear):
    """Uneven light, shade, exposure, contrast and a tint; wear is 0 (none of it) to 1."""
    h, w, _ = scene.shape
    scene = scene * gradient(rng, w, h, rng.uniform(1 - .4 * wear, 1), rng.uniform(1, 1 + .2 * wear))
    if rng.random() < .3:                                   # dappled shade
        scene = scene * (1 - .4 * wear * np.clip(fractal(rng, w, h, 3, 2) * 3 - 1, 0, 1))[..., None]
    exposure = math.exp(rng.normal(0, .2 * wear))
    contrast = rng.uniform(1 - .35 * wear, 1 + .1 * wear)
    tint = 1 + rng.normal(0, .045 * wear, 3)
    return ((scene - 118) * contrast + 118) * exposure * tint


def lens(rng, scene, wear, unit, shake=5):
    """Blur of up to 0.85 units (pixels), of `shake` pixels where the camera moved, noise, JPEG."""
    h, w, _ = scene.shape
    image = to_image(scene).filter(ImageFilter.GaussianBlur(unit * rng.uniform(.05, .15 + .7 * wear)))
    if rng.random() < .2 * wear:                            # the camera moved
        kernel, middle = np.zeros((shake, shake)), shake // 2
        kernel[[(middle, slice(None)), (slice(None), middle)][rng.integers(2)]] = 1
        image = image.filter(ImageFilter.Kernel((shake, shake), kernel.ravel().tolist()))
    noise = rng.standard_normal((h, w, 3), dtype=np.float32) * rng.uniform(.5, 2 + 10 * wear)
    image = to_image(to_array(image) + noise)
    if rng.random() < .6:
        image = compress(image, int(rng.uniform(95 - 60 * wear, 95)))
    return image


def camera(rng, scene, wear):
    """Light, blur, noise and compression of a real camera; blur grows with the picture."""
    h, w, _ = scene.shape
    return lens(rng, light(rng, scene, wear), wear, min(w, h) / 72)


def compress(image, quality):
    """The picture after a trip through JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")
