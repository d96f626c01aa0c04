"""Exports the networks of tests/zoo/models.txt, runs them with libinfer and ONNX Runtime, compares,
and writes docs/zoo.md.

    check_zoo.py --build FOLDER [--ci] [--table FILE] [--exporter NAME] [PATTERN ...]

Results are kept in FOLDER/zoo/results, so that a run that was stopped goes on where it was; what
failed is tried again. PATTERN is of names, as in the shell. Exit status 1: something differs or
could not be run."""
import argparse
import fnmatch
import glob
import json
import os
import re
import select
import shutil
import statistics
import subprocess
import sys

import numpy as np

import agree
import table

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 1e-3
WORST = 0.02  # more than this says nothing, whatever ONNX Runtime differs from itself
ROUNDS = 5
NOT_EXPORTED = 9  # export.py's exit status
PATIENCE = 1800
TYPES = {"f32": "<f4", "f64": "<f8", "s8": "i1", "u8": "u1", "s16": "<i2", "u16": "<u2",
         "s32": "<i4", "u32": "<u4", "s64": "<i8", "u64": "<u8", "bool": "?"}


class Failed(Exception):
    """A step of a row that did not work: its name, and a sentence."""


class Server:
    """An engine behind a pipe."""

    def __init__(self, what, command, log):
        self.what, self.log = what, log
        with open(log, "w") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            raise Failed(self.what, f"signal {-status}" if status < 0 else
                         problems(said(self.log)) or f"status {status}")
        return line

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def peak(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def read_list(path):
    """Rows of models.txt: source, name, exporters, kind of answer, options, marks."""
    rows = []
    with open(path) as f:
        for line in f:
            words = line.split("#")[0].split()
            if not words:
                continue
            source, name, exporters, kind, *rest = words
            rows.append({"source": source, "name": name, "exporters": exporters.split(","),
                         "kind": kind, "options": [w for w in rest if "=" in w],
                         "ci": "ci" in rest})
    return rows


def run(what, command, log, seconds):
    """Runs a program that has to succeed."""
    with open(log, "w") as f:
        try:
            status = subprocess.run(command, stdout=f, stderr=subprocess.STDOUT,
                                    timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            raise Failed(what, f"took longer than {seconds} s") from None
    if status:
        raise Failed(what, f"signal {-status}" if status < 0 else problems(said(log)))


def problems(lines):
    """What a tool found, without the file's name before it and the sum of it all behind."""
    found = [s.split("error: ", 1)[1] for s in lines if "error: " in s and "the first: " not in s]
    return "; ".join(found) or "; ".join(s.split(": ", 2)[-1] for s in lines[-1:])


def said(log):
    with open(log, errors="replace") as f:
        return [s for s in f.read().splitlines() if s.strip()]


class Exporter:
    """export.py, with PyTorch loaded once."""

    def __init__(self):
        self.process = None

    def export(self, folder, *words):
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "export.py")],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True)
        self.process.stdin.write(json.dumps([folder, *words]) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()
            self.process = None
            raise Failed("export", f"took longer than {PATIENCE} s")
        status = int(self.process.stdout.readline() or 1)
        if status < 0:
            raise Failed("export", f"signal {-status}")
        if status:
            raise Failed("not exported" if status == NOT_EXPORTED else "export",
                         why_not_exported(said(os.path.join(folder, "log"))))


def why_not_exported(lines):
    """The line of a traceback that says it."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", s).strip() for s in lines]
    errors = [s for s in lines if s.split(":")[0].endswith(("Error", "Exception", "Unsupported",
                                                            "Guard")) and ":" in s]
    return (errors + lines[-1:] + [""])[0][:160]


def outputs(server, prefix):
    infos = json.loads(server.ask("outputs"))
    return [np.fromfile(f"{prefix}.out{k}", TYPES[i["type"]]).reshape(i["dims"])
            for k, i in enumerate(infos)]


def load_all(folder, stem):
    return [np.load(os.path.join(folder, f"{stem}_{k}.npy"))
            for k in range(len(glob.glob(os.path.join(folder, stem + "_*.npy"))))]


def ort_outputs(python, folder, plain=""):
    server = Server("ONNX Runtime", [python, os.path.join(HERE, "ort_serve.py"),
                                     os.path.join(folder, "model.onnx"), folder] +
                    ([plain] if plain else []), os.path.join(folder, "ort.log"))
    server.ask("outputs")
    return server, load_all(folder, "ort")


def compare(row, folder, ours, theirs):
    """The difference as text, and whether it is within the limits. What ONNX Runtime can't run is
    compared with PyTorch's own answer."""
    if theirs is None:
        difference = agree.dense(ours, load_all(folder, "expected"))
        return f"{difference:.1e} from PyTorch", difference <= LIMIT

    def plain():
        server, answers = ort_outputs(sys.executable, folder, "plain")
        server.end()
        return answers
    if row["kind"] == "boxes":
        side = load_all(folder, "input")[0].shape[-1]
        lost, total, worst = agree.boxes(ours, theirs, side)
        good = lost == 0 or lost <= min(3 * agree.boxes(plain(), theirs, side)[0], total // 10)
        text = f"{worst:.2g} px, {total} boxes"
        return (text if not lost else f"{lost} of {total} boxes differ"), good
    difference = agree.dense(ours, theirs)
    if difference <= LIMIT:
        return f"{difference:.1e}", True
    itself = agree.dense(plain(), theirs)
    return f"{difference:.1e} (ONNX Runtime itself: {itself:.1e})", difference <= min(3 * itself, WORST)


def measure(servers):
    """Medians in ms, of runs in turn."""
    times = [[] for _ in servers]
    for _ in range(ROUNDS):
        for server, list_of in zip(servers, times):
            list_of += [int(t) / 1e6 for t in server.ask("run 1").split()]
    return [statistics.median(list_of) for list_of in times]


def sizes(row, folder):
    """Options that say shapes, where the model leaves them free, and maxima."""
    words = [w for o in row["options"] if o.startswith("max=") for w in ("--max", o[4:])]
    if any(o.startswith("free=") for o in row["options"]):
        with open(os.path.join(folder, "inputs.json")) as f:
            for name, dims in json.load(f).items():
                words += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
    return words


def check(row, exporter, tools, folder):
    """One row of the table as a dictionary."""
    flat = os.path.join(folder, "model.infer")
    log = os.path.join(folder, "log")
    if not os.path.exists(os.path.join(folder, "expected_0.npy")):
        tools["exporter"].export(folder, row["source"], row["name"], exporter, *row["options"])
    run("convert", [tools["infer"], "convert", os.path.join(folder, "model.onnx"), "-o", flat],
        log, 300)
    prefix = os.path.join(folder, "serve")
    servers = []
    try:
        servers.append(Server("run", [tools["bench"], flat, "-t", "1", "--serve", prefix,
                                      *sizes(row, folder)],
                              os.path.join(folder, "serve.log")))
        for k, value in enumerate(load_all(folder, "input")):
            value.tofile(f"{prefix}.in{k}")
        servers[0].ask("inputs")
        ours = outputs(servers[0], prefix)
        theirs = None
        try:
            server, theirs = ort_outputs(sys.executable, folder)
            servers.append(server)
        except Failed as problem:
            if "NOT_IMPLEMENTED" not in problem.args[1]:
                raise
        try:
            text, good = compare(row, folder, ours, theirs)
        except agree.Differ as problem:
            raise Failed("compare", str(problem)) from None
        result = {"result": "agrees" if good else "DIFFERS", "difference": text}
        result["ms"], *other = measure(servers)
        if other:
            result.update(ort_ms=other[0], ort_kib=int(servers[1].ask("peak")))
        return {**result, "kib": servers[0].peak()}
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


def one(row, exporter, tools, work):
    key = f"{row['source']}.{row['name']}.{exporter}"
    path = os.path.join(work, "results", key + ".json")
    if os.path.exists(path):
        with open(path) as f:
            result = json.load(f)
        if result["result"] in ("agrees", "not exported"):
            return result
    folder = os.path.join(work, "models", key)
    os.makedirs(folder, exist_ok=True)
    try:
        result = check(row, exporter, tools, folder)
    except Failed as problem:
        what, text = problem.args
        result = ({"result": what, "why": text} if what == "not exported" else
                  {"result": "FAILED", "why": f"{what}: {text[:2000]}"})
    result.update(source=row["source"], name=row["name"], exporter=exporter)
    with open(path + ".part", "w") as f:
        json.dump(result, f, indent=1)
    os.replace(path + ".part", path)
    if result["result"] in ("agrees", "not exported"):
        shutil.rmtree(folder)
    print(key, result["result"], result.get("why", result.get("difference")),
          *(f"{result[k]:.4g}" for k in ("ms", "ort_ms") if k in result), flush=True)
    return result


def kept(work):
    """All results that there are, of other runs too."""
    found = []
    for path in glob.glob(os.path.join(work, "results", "*.json")):
        with open(path) as f:
            found.append(json.load(f))
    return found


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--build", required=True)
    words.add_argument("--ci", action="store_true", help="those marked ci only")
    words.add_argument("--table", help="docs/zoo.md: rows without a new result stay")
    words.add_argument("--exporter", default="*", help="classic or dynamo only")
    words.add_argument("patterns", nargs="*")
    given = words.parse_args()
    tools = {"infer": os.path.join(given.build, "infer"),
             "bench": os.path.join(given.build, "infer-bench"), "exporter": Exporter()}
    work = os.path.join(given.build, "zoo")
    os.makedirs(os.path.join(work, "results"), exist_ok=True)
    rows = [r for r in read_list(os.path.join(HERE, "models.txt"))
            if (r["ci"] or not given.ci) and
            (not given.patterns or any(fnmatch.fnmatchcase(r["name"], p) for p in given.patterns))]
    results = [one(r, e, tools, work) for r in rows for e in r["exporters"]
               if fnmatch.fnmatchcase(e, given.exporter)]
    if given.table:
        table.write(given.table, read_list(os.path.join(HERE, "models.txt")), kept(work))
    bad = [r for r in results if r["result"] not in ("agrees", "not exported")]
    print(f"{len(results)} exports, {len(bad)} that fail or differ, "
          f"{sum(r['result'] == 'not exported' for r in results)} that PyTorch does not export")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
