"""One engine of another project with one model, behind a pipe: bench/engine_peers.py starts it.

    python engine.py ENGINE MODEL.onnx PRECISION THREADS

Says in a line of JSON what loading took and what the process holds, then answers "run N" with N
times in nanoseconds, as `infer-bench --serve` does. It ends with its standard input.
"""
import json
import os
import sys
import tempfile
import time


def memory(field):
    """Bytes of a line of /proc/self/status."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def random_input(shape, kind):
    import numpy

    shape = [n if isinstance(n, int) and n > 0 else 1 for n in shape]
    rng = numpy.random.default_rng(1)
    if "int8" in kind or "u8" in kind:
        return rng.integers(0, 255, shape).astype("int8" if kind.startswith("int8") else "uint8")
    if "int" in kind:
        return rng.integers(0, 2, shape).astype("int64" if "64" in kind else "int32")
    return rng.random(shape, "float32") * 2 - 1


class OnnxRuntime:
    def __init__(self):
        import onnxruntime

        self.module = onnxruntime
        self.version = onnxruntime.__version__

    def load(self, path, precision, threads):
        if precision not in ("f32", "int8"):
            raise ValueError(f"no {precision}")
        options = self.module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = self.module.InferenceSession(path, options, ["CPUExecutionProvider"])

    def inputs(self):
        self.feed = {v.name: random_input(v.shape, v.type.replace("tensor(", "").replace(")", ""))
                     for v in self.session.get_inputs()}

    def run(self):
        self.session.run(None, self.feed)


class OpenVino:
    def __init__(self):
        import openvino

        self.module = openvino
        self.version = openvino.__version__.split("-")[0]

    def load(self, path, precision, threads):
        # What it takes by itself on a CPU with bf16 is bf16: f32 has to be said.
        hint = {"f32": "f32", "bf16": "bf16", "int8": "f32"}[precision]
        core = self.module.Core()
        self.model = core.compile_model(path, "CPU", {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint})

    def inputs(self):
        self.request = self.model.create_infer_request()
        self.feed = [random_input([d.get_length() if d.is_static else 1
                                   for d in v.partial_shape], v.element_type.get_type_name())
                     for v in self.model.inputs]

    def run(self):
        self.request.infer(self.feed)


class Mnn:
    def __init__(self):
        import MNN

        self.module = MNN
        self.version = MNN.version()

    def load(self, path, precision, threads):
        if precision != "f32":
            raise ValueError(f"no {precision}")
        folder = tempfile.mkdtemp()
        flat = os.path.join(folder, "model.mnn")
        converter = os.path.join(os.path.dirname(sys.executable), "mnnconvert")
        if os.spawnv(os.P_WAIT, converter, [converter, "-f", "ONNX", "--modelFile", path,
                                            "--MNNModel", flat, "--bizCode", "x"]):
            raise ValueError("not converted")
        self.start = time.perf_counter()  # a file of its own is what its users load
        self.net = self.module.Interpreter(flat)
        self.session = self.net.createSession({
            "numThread": threads, "backend": "CPU", "precision": "high"})

    def inputs(self):
        for name, tensor in self.net.getSessionInputAll(self.session).items():
            shape = tensor.getShape()
            value = random_input(shape, "float")
            host = self.module.Tensor(shape, self.module.Halide_Type_Float, value,
                                      self.module.Tensor_DimensionType_Caffe)
            tensor.copyFrom(host)

    def run(self):
        self.net.runSession(self.session)
        for tensor in self.net.getSessionOutputAll(self.session).values():
            tensor.getShape()


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "mnn": Mnn}


def main():
    name, path, precision, threads = sys.argv[1:5]
    import numpy  # all of them need it

    del numpy
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines and their converters print is no answer
    engine = ENGINES[name]()
    before = memory("VmRSS")
    engine.start = time.perf_counter()
    engine.load(path, precision, int(threads))
    engine.inputs()
    load_ms = (time.perf_counter() - engine.start) * 1e3
    engine.run()
    print(json.dumps({"version": engine.version, "load_ms": load_ms,
                      "peak_bytes": memory("VmHWM") - before}), file=answers, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line.split()[1])):
            start = time.perf_counter_ns()
            engine.run()
            times.append(time.perf_counter_ns() - start)
        print(*times, file=answers, flush=True)


if __name__ == "__main__":
    main()
