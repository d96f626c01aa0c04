#!/usr/bin/python3
"""Writes resize_expected.h: what Pillow and OpenCV make of small pictures.

Run it by hand when cases change: it needs PIL, numpy and cv2 (python3-pil, python3-numpy,
python3-opencv). The pictures come from a generator that test_vision_resize.c has too.
"""
import os

import cv2
import numpy
from PIL import Image

# source width, height, channels, target width, height
CASES = [
    (23, 17, 3, 11, 9),
    (9, 7, 3, 21, 16),
    (24, 18, 3, 12, 9),
    (30, 20, 1, 10, 5),
    (13, 11, 4, 13, 5),
    (13, 11, 3, 8, 11),
    (1, 1, 3, 3, 2),
    (40, 3, 1, 7, 9),
    (50, 37, 3, 16, 12),
]
FILTERS = [  # in the order of enum infer_filter
    (Image.BILINEAR, cv2.INTER_LINEAR),
    (Image.NEAREST, cv2.INTER_NEAREST),
    (Image.BICUBIC, cv2.INTER_CUBIC),
    (Image.BOX, cv2.INTER_AREA),
]


def picture(width, height, channels):
    """Noise in the left half, extremes in the right."""
    state = 12345
    out = numpy.zeros((height, width, channels), numpy.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
                v = state >> 24
                out[y, x, c] = v if 2 * x < width else 255 * (v & 1)
    return out


def pillow(a, size, how):
    planes = [Image.fromarray(a[:, :, c]).resize(size, how) for c in range(a.shape[2])]
    return numpy.stack([numpy.array(p) for p in planes], 2)


def opencv(a, size, how):
    return cv2.resize(a, size, interpolation=how).reshape(size[1], size[0], a.shape[2])


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize_expected.h")
    with open(path, "w") as f:
        f.write("/* Made by make_resize_expected.py with Pillow %s and OpenCV %s. */\n"
                % (Image.__version__, cv2.__version__))
        f.write("/* clang-format off */\n")
        f.write("static const int resize_cases[][5] = {\n")
        for case in CASES:
            f.write("    {%d, %d, %d, %d, %d},\n" % case)
        f.write("};\n/* by case, then filter, then resampler */\n")
        f.write("static const unsigned char resize_expected[] = {\n")
        for w, h, c, to_w, to_h in CASES:
            a = picture(w, h, c)
            for by_pillow, by_opencv in FILTERS:
                for out in (pillow(a, (to_w, to_h), by_pillow),
                            opencv(a, (to_w, to_h), by_opencv)):
                    v = [str(x) for x in out.flatten()]
                    for i in range(0, len(v), 24):
                        f.write(",".join(v[i:i + 24]) + ",\n")
        f.write("};\n/* clang-format on */\n")


main()
