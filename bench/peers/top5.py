"""A picture to its five likeliest classes with Pillow and ONNX Runtime: what every peer runs.

PEER_MODEL is the ONNX file, PEER_THREADS how many threads a session may use."""
import io
import os

import numpy as np
import onnxruntime
from PIL import Image

SIDE, CROP = 256, 224


def prepare(data):
    """Bytes of a picture to 1x3x224x224: the short side to 256, the middle, x / 127.5 - 1."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    scale = SIDE / min(picture.size)
    size = [max(SIDE, round(n * scale)) for n in picture.size]
    picture = picture.resize(size, Image.BILINEAR)
    left, top = ((n - CROP) // 2 for n in size)
    pixels = np.asarray(picture.crop((left, top, left + CROP, top + CROP)), np.float32)
    return (pixels / np.float32(127.5) - np.float32(1)).transpose(2, 0, 1)[None]


class Top5:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("PEER_THREADS", "1"))
        self.session = onnxruntime.InferenceSession(
            os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def __call__(self, data):
        scores = self.session.run(None, {self.input: prepare(data)})[0].reshape(-1)
        best = np.argsort(-scores, kind="stable")[:5]
        return [{"class": str(int(k)), "probability": float(scores[k])} for k in best]
