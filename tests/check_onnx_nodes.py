"""ONNX's node tests: every test of the installed package passes but those that
tests/onnx_node_skips.txt names, a reason for each group.

  check_onnx_nodes.py INFER FOLDER [TEST ...]     all tests, or those named; models go to FOLDER

A line of the list is a pattern of names (as in the shell) and the reason. A pattern that stands for
no failing test has to go. The list is for onnx 1.23; with another version its tests are run and
counted, and only what ends by a signal fails."""
import collections
import concurrent.futures
import fnmatch
import os
import subprocess
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

LIST = "tests/onnx_node_skips.txt"
VERSION = "1.23."


def write(folder, test):
    """The model and its first data set; values that are no tensors can't be written."""
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data, exist_ok=True)
    onnx.save(test.model, os.path.join(folder, "model.onnx"))
    graph = test.model.graph
    inputs, outputs = test.data_sets[0]
    for kind, infos, values in (("input", graph.input, inputs), ("output", graph.output, outputs)):
        for i, (info, v) in enumerate(zip(infos, values)):
            if not isinstance(v, onnx.TensorProto):
                v = numpy_helper.from_array(np.asarray(v), info.name)
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as f:
                f.write(v.SerializeToString())


def run(infer, folder, test):
    """0, or the exit status, and what was said."""
    path = os.path.join(folder, test.name)
    try:
        write(path, test)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as problem:
        return 1, f"its values are no tensors: {problem}"
    p = subprocess.run([infer, "verify", os.path.join(path, "model.onnx")], capture_output=True,
                       text=True, errors="replace")
    return p.returncode, (p.stderr or p.stdout).strip()


def read_list():
    with open(LIST) as f:
        lines = [line.split(None, 1) for line in f if line.strip() and not line.startswith("#")]
    return [(pattern, reason.strip()) for pattern, reason in lines]


def main(infer, folder, names):
    warnings.simplefilter("ignore")
    skips, exact = read_list(), onnx.__version__.startswith(VERSION)
    tests = [t for t in collect_testcases(None) if not names or t.name in names]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda t: run(infer, folder, t), tests))
    used, passed, failed, skipped, died = set(), 0, 0, 0, 0
    for test, (status, text) in zip(tests, results):
        reasons = [p for p, _ in skips if fnmatch.fnmatchcase(test.name, p)]
        used.update(reasons if status else [])
        passed += status == 0
        skipped += status > 0 and bool(reasons)
        died += status < 0
        if status < 0 or (status and not reasons):
            failed += 1
            print(f"FAILED  {test.name}: {text[:300]}")
    stale = [p for p, _ in skips if p not in used]
    if exact and not names:
        for p in stale:
            print(f"FAILED  {p} stands in {LIST}, but all such tests pass")
        failed += len(stale)
    groups = collections.Counter(
        next(r for p, r in skips if fnmatch.fnmatchcase(test.name, p)).split(":")[0]
        for test, (status, _) in zip(tests, results)
        if status and any(fnmatch.fnmatchcase(test.name, p) for p, _ in skips))
    for reason, count in groups.most_common():
        print(f"  {count:3} {reason}")
    print(f"onnx {onnx.__version__} node tests: {passed} passed, {failed} failed, {skipped} out of "
          f"scope")
    return died or (failed and exact)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2], sys.argv[3:]) else 0)
