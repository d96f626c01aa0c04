"""How far two engines' answers are apart."""
import numpy as np

SCORE = 0.05   # detections below it do not count
MARGIN = 0.002  # nor do those which rounding may move across it
PIXELS = 0.5


class Differ(Exception):
    """The answers can't be compared, or one is no answer."""


def dense(ours, theirs):
    """The largest difference of any output, as part of that output's largest value."""
    worst = 0.0
    if len(ours) != len(theirs):
        raise Differ(f"{len(ours)} outputs, not {len(theirs)}")
    for k, (a, b) in enumerate(zip(ours, theirs)):
        if a.shape != b.shape:
            raise Differ(f"output {k} is {a.shape}, not {b.shape}")
        if not b.size:
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        if not np.isfinite(b).all():
            raise Differ(f"output {k} of ONNX Runtime is not finite")
        if not np.isfinite(a).all():
            raise Differ(f"output {k} is not finite")
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    return worst


def detections(outputs, side):
    """Boxes, scores, labels, and what else there is of each box (masks, keypoints). Boxes that are
    parts of the picture become pixels."""
    if len(outputs) == 1 and outputs[0].ndim == 3 and outputs[0].shape[-1] >= 6:
        rows = outputs[0][0]  # x y x y score label, rows of 0 behind the last
        pixels = side if np.abs(rows[:, :4]).max(initial=0) < 4 else 1
        return rows[:, :4] * pixels, rows[:, 4], rows[:, 5].round().astype(int), []
    boxes = next(o for o in outputs if o.ndim == 2 and o.shape[1] == 4)
    labels = next(o for o in outputs if o.ndim == 1 and o.dtype.kind == "i")
    scores = next(o for o in outputs if o.ndim == 1 and o.dtype.kind == "f")
    return boxes, scores, labels, [o for o in outputs if o.ndim > 2]


def unmatched(a, b):
    """Detections of a that b has not, their number, and the largest distance of those it has."""
    lost, total, worst, taken = 0, 0, 0.0, set()
    for i in np.flatnonzero(a[1] > SCORE + MARGIN):
        total += 1
        near = np.abs(b[0] - a[0][i]).max(axis=1) if len(b[0]) else np.zeros(0)
        fits = [j for j in np.flatnonzero((near <= PIXELS) & (b[2] == a[2][i]) &
                                          (np.abs(b[1] - a[1][i]) < 0.02)) if j not in taken]
        if not fits:
            lost += 1
            continue
        j = min(fits, key=lambda j: near[j] + abs(b[1][j] - a[1][i]))
        taken.add(j)
        worst = max(worst, float(near[j]))
        for mine, other in zip(a[3], b[3]):
            if np.abs(mine[i].astype(float) - other[j]).mean() > 0.02 * np.abs(other[j]).max():
                lost += 1
    return lost, total, worst


def boxes(ours, theirs, side):
    """Detections that only one of the two has, and the largest distance in pixels of the others."""
    if len(ours) != len(theirs):
        raise Differ(f"{len(ours)} outputs, not {len(theirs)}")
    a, b = detections(ours, side), detections(theirs, side)
    lost, total, worst = unmatched(b, a)
    more, _, _ = unmatched(a, b)
    if not 10 <= total <= 110:
        raise Differ(f"{total} detections: 10 to 100 are needed for a comparison")
    return lost + more, total, worst
