"""Exports one network of tests/zoo/models.txt: model.onnx, input_K.npy, expected_K.npy.

    export.py FOLDER SOURCE NAME EXPORTER [KEY=VALUE ...]
    export.py        the same from lines of JSON on standard input, each in a child of this process,
                     which has PyTorch loaded; answers with the exit status; FOLDER/log has the rest

EXPORTER is classic or dynamo, PyTorch's two. Exit status 9: it can't export the network."""
import importlib
import json
import os
import sys
import traceback
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
NOT_EXPORTED = 9
OPSETS = {"classic": 17, "dynamo": 20}


def flatten(answer, torch):
    if isinstance(answer, torch.Tensor):
        return [answer]
    if isinstance(answer, dict):
        answer = answer.values()
    return [t for part in answer if part is not None for t in flatten(part, torch)]


def main(folder, source, name, exporter, *pairs):
    warnings.filterwarnings("ignore")
    import numpy as np
    import onnx
    import torch

    torch.set_num_threads(1)
    options = dict(pair.split("=", 1) for pair in pairs)
    name = name.split(":")[0]  # what follows tells variants apart
    case = importlib.import_module("from_" + source).make(name, options)
    path = os.path.join(folder, "model.onnx")
    with torch.no_grad():
        torch.manual_seed(2)
        expected = flatten(case.module(*case.args), torch)
        how = {"dynamo": exporter == "dynamo",
               "opset_version": int(options.get("opset", OPSETS[exporter]))}
        if exporter == "dynamo":
            how["verbose"] = False
        if "free" in options:  # these axes of every input
            how["dynamic_axes"] = {name: {int(a): f"{name}_{a}" for a in options["free"].split(",")}
                                   for name in case.names}
        try:
            torch.onnx.export(case.module, case.args, path, input_names=case.names, **how)
        except Exception as problem:
            traceback.print_exception(problem)
            return NOT_EXPORTED
    values = dict(zip(case.names, flatten(case.args, torch)))
    graph = onnx.load(path, load_external_data=False).graph
    made = {t.name for t in graph.initializer}
    inputs = [v for v in graph.input if v.name not in made]
    with open(os.path.join(folder, "inputs.json"), "w") as f:
        json.dump({v.name: list(values[v.name].shape) for v in inputs}, f)
    for i, info in enumerate(inputs):
        np.save(os.path.join(folder, f"input_{i}.npy"), values[info.name].contiguous().numpy())
    for i, t in enumerate(expected):
        np.save(os.path.join(folder, f"expected_{i}.npy"), t.contiguous().numpy())
    return 0


def child(words):
    log = os.open(os.path.join(words[0], "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = 1
    try:
        status = main(*words)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve():
    import torch
    import onnx
    import torch.onnx
    torch.set_num_threads(1)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            child(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else serve())
