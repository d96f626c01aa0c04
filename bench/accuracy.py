#!/usr/bin/python3
"""How far libinfer's and ONNX Runtime's f32 answers are from float64's.

    bench/accuracy.py --infer build/infer --out build/bench [--inputs 10] MODEL.onnx|FOLDER...

Every network is evaluated in float64 by ONNX's reference evaluator (its parameters and inputs are
exact in float64; convolutions and pools are NumPy's here, for speed), by ONNX Runtime and by
libinfer in each f32 precision, on the same inputs: --inputs of them, and up to 100 until there are
1,000 numbers to compare. The error of an engine is the root mean square of what parts it from
float64, over all inputs, as a part of the output's largest value.

The contract: at most 2.5 times ONNX Runtime's error by default, at most 1.75 times in f32-strict.
Where ONNX Runtime's is below 1e-7 of the largest value, 2.5e-7 is the bound. Quantised files,
files of f16 and integer outputs are left out. Exit status 1 where the contract does not hold.

Writes accuracy.md and accuracy.json. `make check-accuracy` installs what this needs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

LIMITS = {"f32": 2.5, "f32-strict": 1.75}
# A mean over few numbers is chance: where a network has few outputs it gets more inputs.
NUMBERS, MOST_INPUTS = 1000, 100
FLOOR, FLOOR_BOUND = 1e-7, 2.5e-7


# ---- float64 -------------------------------------------------------------------------------------


def window_pads(shape, kernel, strides, dilations, pads, auto_pad):
    """Begin and end padding of each spatial axis."""
    n = len(kernel)
    if auto_pad in (None, "", "NOTSET"):
        pads = pads or [0] * (2 * n)
        return [(pads[i], pads[n + i]) for i in range(n)]
    if auto_pad == "VALID":
        return [(0, 0)] * n
    out = []
    for size, k, s, d in zip(shape, kernel, strides, dilations):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        small, large = total // 2, total - total // 2
        out.append((small, large) if auto_pad == "SAME_UPPER" else (large, small))
    return out


def windows(x, kernel, strides, dilations, pads, fill, ceil_mode=False):
    """x, padded, as N, C, out..., kernel... without copying it."""
    n = len(kernel)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    pads = list(pads)
    if ceil_mode:
        for i, (span, s) in enumerate(zip(spans, strides)):
            size = x.shape[2 + i] + sum(pads[i])
            count = -(-(size - span) // s) + 1
            if (count - 1) * s >= x.shape[2 + i] + pads[i][0]:
                count -= 1
            pads[i] = (pads[i][0], pads[i][1] + max((count - 1) * s + span - size, 0))
    x = np.pad(x, [(0, 0), (0, 0)] + pads, constant_values=fill)
    v = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(2, 2 + n)))
    steps = tuple(slice(None, None, s) for s in strides)
    holes = tuple(slice(None, None, d) for d in dilations)
    return v[(slice(None), slice(None)) + steps + holes]


class Conv(OpRun):
    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None,
             pads=None, strides=None):
        n = x.ndim - 2
        kernel, group = w.shape[2:], group or 1
        strides, dilations = strides or [1] * n, dilations or [1] * n
        pads = window_pads(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
        v = windows(x, kernel, strides, dilations, pads, 0)
        axes = tuple(range(2 + n, 2 + 2 * n))
        cin, cout = x.shape[1] // group, w.shape[0] // group
        if cin == 1 and cout == 1:
            letters, taps = "opq"[:n], "xyz"[:n]
            y = np.einsum(f"nc{letters}{taps},c{taps}->nc{letters}", v, w[:, 0])
        else:
            parts = [np.moveaxis(np.tensordot(v[:, g * cin:(g + 1) * cin],
                                              w[g * cout:(g + 1) * cout],
                                              ((1,) + axes, tuple(range(1, 2 + n)))), -1, 1)
                     for g in range(group)]
            y = np.concatenate(parts, 1)
        return (y if b is None else y + b.reshape((1, -1) + (1,) * n),)


class MaxPool(OpRun):
    def _run(self, x, auto_pad=None, ceil_mode=None, dilations=None, kernel_shape=None, pads=None,
             storage_order=None, strides=None):
        n = x.ndim - 2
        strides, dilations = strides or [1] * n, dilations or [1] * n
        pads = window_pads(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
        v = windows(x, kernel_shape, strides, dilations, pads, -np.inf, ceil_mode)
        return (v.max(tuple(range(2 + n, 2 + 2 * n))),)


class AveragePool(OpRun):
    def _run(self, x, auto_pad=None, ceil_mode=None, count_include_pad=None, dilations=None,
             kernel_shape=None, pads=None, strides=None):
        n = x.ndim - 2
        strides, dilations = strides or [1] * n, dilations or [1] * n
        pads = window_pads(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
        axes = tuple(range(2 + n, 2 + 2 * n))
        ones = np.ones_like(x[:1, :1])
        total = windows(x, kernel_shape, strides, dilations, pads, 0, ceil_mode).sum(axes)
        if count_include_pad:
            ones = np.pad(ones, [(0, 0), (0, 0)] + pads, constant_values=1)
            pads = [(0, 0)] * n
        return (total / windows(ones, kernel_shape, strides, dilations, pads, 0, ceil_mode).sum(axes),)


class BatchNormalization(OpRun):
    """In inference; the evaluator's own takes a momentum for training."""

    def _run(self, x, scale, bias, mean, variance, epsilon=None, momentum=None, spatial=None,
             training_mode=None):
        shape = (1, -1) + (1,) * (x.ndim - 2)
        factor = scale / np.sqrt(variance + (1e-5 if epsilon is None else epsilon))
        return ((x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape),)


class Dropout(OpRun):
    """In inference; the evaluator's own draws at random for old opsets."""

    def _run(self, x, *more, **attributes):
        return (x, np.ones(x.shape, bool))[:len(self.onnx_node.output)]


def double(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64),
                                                tensor.name))


def to_float64(model):
    """The same network with every f32 type made f64."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in model.graph.initializer:
        double(tensor)
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                double(attribute.t)
            if node.op_type in ("Cast", "EyeLike", "RandomNormal") and \
                    attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name in ("value_float", "value_floats"):
                    values = np.asarray(helper.get_attribute_value(attribute), np.float64)
                    attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(values)))
    return model


# ---- inputs --------------------------------------------------------------------------------------


def smooth(rng, shape):
    """Blurred noise at three scales, about as large as normalised photographs."""
    *lead, height, width = shape
    total = np.zeros(shape)
    for cells in (2, 7, 28):
        grid = rng.standard_normal((*lead, cells + 1, cells + 1))
        y, x = np.linspace(0, cells, height), np.linspace(0, cells, width)
        y0, x0 = np.minimum(y.astype(int), cells - 1), np.minimum(x.astype(int), cells - 1)
        fy, fx = (y - y0)[:, None], x - x0
        total += ((grid[..., y0, :][..., x0] * (1 - fx) + grid[..., y0, :][..., x0 + 1] * fx) * (1 - fy)
                  + (grid[..., y0 + 1, :][..., x0] * (1 - fx)
                     + grid[..., y0 + 1, :][..., x0 + 1] * fx) * fy)
    return total / 1.5


def make_input(rng, info):
    # Free sides of pictures are 224, all else that is free is 1.
    shape = [d if isinstance(d, int) and d > 0 else 224 if axis >= 2 and len(info.shape) == 4 else 1
             for axis, d in enumerate(info.shape)]
    if info.type == "tensor(float)":
        x = smooth(rng, shape) if len(shape) == 4 and min(shape[2:]) > 8 else \
            rng.standard_normal(shape)
        return np.asarray(x, np.float32)
    kind = {"tensor(uint8)": np.uint8, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
            "tensor(bool)": np.bool_}[info.type]
    return rng.integers(0, 2 if kind == np.bool_ else 100, shape).astype(kind)


# ---- engines -------------------------------------------------------------------------------------


def run_libinfer(infer, flat, precision, feeds, names, folder):
    arguments = []
    for i, (name, x) in enumerate(feeds.items()):
        file = os.path.join(folder, f"in{i}.npy")
        np.save(file, x)
        arguments += ["--input", f"{name}={file}"]
    out = os.path.join(folder, "out")
    os.makedirs(out, exist_ok=True)
    for file in os.listdir(out):
        os.unlink(os.path.join(out, file))
    subprocess.run([infer, "run", flat, *arguments, "--precision", precision, "--no-tuned",
                    "--output-dir", out], check=True, stdout=subprocess.DEVNULL)
    files = {f[:-4]: np.load(os.path.join(out, f)) for f in os.listdir(out)}
    plain = lambda s: "".join(c if c.isalnum() else "_" for c in s)
    by_plain = {plain(k): v for k, v in files.items()}
    return [by_plain[plain(n)] for n in names]


class Sums:
    """Squared differences from float64, an output at a time."""

    def __init__(self):
        self.squares, self.count, self.largest = {}, {}, {}

    def add(self, name, exact, other):
        self.squares[name] = self.squares.get(name, 0) + float(((exact - other) ** 2).sum())
        self.count[name] = self.count.get(name, 0) + exact.size
        self.largest[name] = max(self.largest.get(name, 0), float(np.abs(exact).max(initial=0)))

    def error(self, name):
        rms = (self.squares[name] / max(self.count[name], 1)) ** 0.5
        return rms / self.largest[name] if self.largest[name] else rms


def is_quantised(model):
    return any("Quantize" in n.op_type or "Integer" in n.op_type or n.op_type.startswith("QLinear")
               for n in model.graph.node) or \
        any(t.data_type == TensorProto.FLOAT16 for t in model.graph.initializer)


def measure(options, path, folder):
    """Errors of one network: {output: {engine: error}}, or a word why there are none."""
    model = onnx.load(path)
    if is_quantised(model):
        return "quantised or f16"
    flat = os.path.join(folder, "model.infer")
    done = subprocess.run([options.infer, "convert", path, "-o", flat], capture_output=True, text=True)
    if done.returncode:
        return "does not convert"
    session_options = onnxruntime.SessionOptions()
    session_options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, session_options, ["CPUExecutionProvider"])
    exact = ReferenceEvaluator(to_float64(model), new_ops=[Conv, MaxPool, AveragePool, BatchNormalization, Dropout])
    names = [o.name for o in session.get_outputs()]
    floats = [o.name for o in session.get_outputs() if o.type == "tensor(float)"]
    sums = {engine: Sums() for engine in ("onnxruntime", *options.precision)}
    for seed in range(MOST_INPUTS):
        if seed >= options.inputs and min(sums["onnxruntime"].count.values(), default=NUMBERS) >= NUMBERS:
            break
        rng = np.random.default_rng(seed)
        feeds = {i.name: make_input(rng, i) for i in session.get_inputs()}
        right = dict(zip(names, exact.run(names, {k: v.astype(np.float64) if v.dtype == np.float32 else v
                                                  for k, v in feeds.items()})))
        answers = {"onnxruntime": session.run(names, feeds)}
        for precision in options.precision:
            answers[precision] = run_libinfer(options.infer, flat, precision, feeds, names, folder)
        for engine, outputs in answers.items():
            for name, y in zip(names, outputs):
                if name in floats:
                    sums[engine].add(name, right[name], y.astype(np.float64).reshape(right[name].shape))
    errors = {name: {engine: s.error(name) for engine, s in sums.items()} for name in floats}
    worst = max((e["onnxruntime"] for e in errors.values()), default=0)
    return errors if worst < 1e-2 else f"float64 and ONNX Runtime part by {worst:.1e}"


def judge(errors, precision):
    """The output whose error is the largest part of what is allowed: (part of the bound, name)."""
    parts = []
    for name, e in errors.items():
        bound = FLOOR_BOUND if e["onnxruntime"] < FLOOR else LIMITS[precision] * e["onnxruntime"]
        parts.append((e[precision] / bound, name))
    return max(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     epilog="Example: bench/accuracy.py --infer build/infer "
                                            "--out build/bench build/bench/zoo")
    parser.add_argument("models", nargs="+", help="ONNX files, or folders of them or with a model.onnx")
    parser.add_argument("--infer", default="build/infer", help="the program (build/infer)")
    parser.add_argument("--out", default="build/bench", help="where accuracy.md and .json go")
    parser.add_argument("--inputs", type=int, default=10, help="inputs of each network (10)")
    parser.add_argument("--precision", nargs="+", default=list(LIMITS), choices=list(LIMITS))
    options = parser.parse_args()
    paths = []
    for m in options.models:
        inner = os.path.join(m, "model.onnx")
        paths += [m] if os.path.isfile(m) else [inner] if os.path.isfile(inner) else \
            sorted(os.path.join(m, f) for f in os.listdir(m) if f.endswith(".onnx"))
    rows, everything, broken = [], {}, 0
    for path in paths:
        name = os.path.basename(path)[:-5]
        name = os.path.basename(os.path.dirname(path)) if name == "model" else name
        with tempfile.TemporaryDirectory() as folder:
            try:
                errors = measure(options, path, folder)
            except Exception as e:  # the evaluator has gaps; they are told, not hidden
                errors = f"not evaluated: {type(e).__name__}: {str(e)[:80]}"
        if not isinstance(errors, dict) or not errors:
            print(f"{name}: left out, {errors or 'no float output'}", file=sys.stderr)
            continue
        everything[name] = errors
        cells = []
        for precision in options.precision:
            part, output = judge(errors, precision)
            broken += part > 1
            e = errors[output]
            times = e[precision] / e["onnxruntime"] if e["onnxruntime"] else float("inf")
            cells += [f"{e['onnxruntime']:.1e} | {e[precision]:.1e} | {times:.2f}"
                      + (" **over**" if part > 1 else "")]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
        print(rows[-1], file=sys.stderr)
    head = "| network | " + " | ".join(f"ONNX Runtime | {p} | times" for p in options.precision) + " |"
    lines = [f"onnxruntime {onnxruntime.__version__}; rms error of {options.inputs} or more inputs to float64, "
             "as a part of the largest value; of the output that is nearest to its bound.", "",
             head, "|---" * (1 + 3 * len(options.precision)) + "|", *rows]
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "accuracy.md"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(options.out, "accuracy.json"), "w") as f:
        json.dump(everything, f, indent=1)
    print(f"{len(rows)} networks, {broken} over the contract")
    return 1 if broken or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
