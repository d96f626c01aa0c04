"""One backbone with two heads: a detector and a segmenter of signs and logos."""

import torch
from torch import nn

CLASSES = 10
SIDE = 160              # pixels of the input
CELL = 4                # pixels of a cell of the detector's maps
MEAN, SCALE = 127.5, 0.0157


def normalise(pixels):
    """Bytes N x H x W x 3 to the networks' input N x 3 x H x W."""
    return ((pixels.float() - MEAN) * SCALE).permute(0, 3, 1, 2)


def conv(inputs, outputs, size, stride=1, groups=1, relu=True):
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def separable(inputs, outputs):
    """A depthwise convolution and one of 1 x 1."""
    return nn.Sequential(conv(inputs, inputs, 3, groups=inputs), conv(inputs, outputs, 1))


class Inverted(nn.Module):
    """Widen twice, depthwise convolution, narrow; the input is added."""

    def __init__(self, channels):
        super().__init__()
        hidden = channels * 2
        self.body = nn.Sequential(conv(channels, hidden, 1), conv(hidden, hidden, 3, 1, hidden),
                                  conv(hidden, channels, 1, relu=False))
        nn.init.zeros_(self.body[-1][1].weight)     # nothing is added before it has learnt what

    def forward(self, x):
        return x + self.body(x)


class Trunk(nn.Module):
    """The picture to 40 channels of a quarter of its sides."""

    def __init__(self):
        super().__init__()
        self.quarter = nn.Sequential(conv(3, 16, 3, 2), conv(16, 24, 3, 2), Inverted(24))
        self.eighth = nn.Sequential(conv(24, 56, 3, 2), *(Inverted(56) for _ in range(3)))
        self.sixteenth = nn.Sequential(conv(56, 96, 3, 2), *(Inverted(96) for _ in range(4)))
        self.from_sixteenth, self.from_eighth = conv(96, 72, 1, relu=False), conv(56, 72, 1, relu=False)
        self.mix_eighth = separable(72, 72)
        self.down_eighth, self.from_quarter = conv(72, 40, 1, relu=False), conv(24, 40, 1, relu=False)
        self.mix_quarter = separable(40, 40)
        self.larger = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x):
        quarter = self.quarter(x)
        eighth = self.eighth(quarter)
        y = self.larger(self.from_sixteenth(self.sixteenth(eighth))) + self.from_eighth(eighth)
        y = self.larger(self.down_eighth(self.mix_eighth(y))) + self.from_quarter(quarter)
        return self.mix_quarter(y)


class DetectorHead(nn.Module):
    """CenterNet's three maps: logits of classes, width and height, the centre's offset, in cells."""

    def __init__(self):
        super().__init__()
        self.mix = separable(40, 56)
        self.scores = nn.Conv2d(56, CLASSES, 1)
        self.sizes = nn.Conv2d(56, 2, 1)
        self.offsets = nn.Conv2d(56, 2, 1)
        nn.init.constant_(self.scores.bias, -4.0)
        nn.init.constant_(self.sizes.bias, 8.0)
        nn.init.constant_(self.offsets.bias, 0.5)

    def forward(self, x):
        x = self.mix(x)
        return self.scores(x), self.sizes(x), self.offsets(x)


class SegmenterHead(nn.Module):
    """Logits of the background and of the classes, at half of the picture's sides."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(separable(40, 48), nn.Conv2d(48, 4 * (1 + CLASSES), 1),
                                  nn.PixelShuffle(2))

    def forward(self, x):
        return self.body(x)


class Network(nn.Module):
    """Both heads on one trunk, so that one training makes both models."""

    def __init__(self):
        super().__init__()
        self.trunk, self.detector, self.segmenter = Trunk(), DetectorHead(), SegmenterHead()

    def forward(self, x):
        x = self.trunk(x)
        return (*self.detector(x), self.segmenter(x))
