"""ONNX Runtime behind a pipe, with the protocol of bench/bench_serve.c.

    ort_serve.py MODEL FOLDER [plain]     inputs are FOLDER/input_K.npy; plain: not optimised

run N: answers N times in nanoseconds; outputs: writes FOLDER/ort_K.npy; peak: KiB of memory that
the session and its runs added."""
import glob
import os
import sys
import time

import numpy as np
import onnxruntime


def peak_kib():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def main(path, folder, plain=""):
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the peak begins anew
    before = peak_kib()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    feeds = {n: np.load(os.path.join(folder, f"input_{i}.npy")) for i, n in enumerate(names)}
    answers = session.run(None, feeds)
    print("ready", flush=True)
    for line in sys.stdin:
        word = line.split()
        if word[0] == "run":
            times = []
            for _ in range(int(word[1])):
                start = time.perf_counter_ns()
                answers = session.run(None, feeds)
                times.append(time.perf_counter_ns() - start)
            print(*times, flush=True)
        elif word[0] == "outputs":
            for old in glob.glob(os.path.join(folder, "ort_*.npy")):
                os.remove(old)
            for i, a in enumerate(answers):
                np.save(os.path.join(folder, f"ort_{i}.npy"), a)
            print("ok", flush=True)
        else:
            print(peak_kib() - before, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
