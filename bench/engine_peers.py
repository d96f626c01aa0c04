"""libinfer beside other engines of the Python registry: `make bench-peers`.

Each engine is a process of its own for each model, precision and number of threads; they take
turns, round by round, so that a busy host slows all. What has been measured stays in
OUT/peers.json and is not measured again (--again), so that a run may be broken off. Writes
OUT/peers.md. An engine that can't be installed, or a model that it does not take, is left out
with a word.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

# ncnn's converter brings PyTorch with CUDA's libraries, LiteRT's TensorFlow, and DeepSparse has no
# wheel for this Python any more: they are not here.
PEERS = {  # engine: packages
    "onnxruntime": ["onnxruntime"],
    "openvino": ["openvino"],
    "mnn": ["MNN"],
}
TITLES = {"libinfer": "libinfer", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
          "mnn": "MNN"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return "unknown CPU"


# ---- engines ------------------------------------------------------------------------------------

def install(engine, folder):
    """The interpreter of an environment with that engine, or None."""
    home = os.path.join(folder, engine)
    python = os.path.join(home, "bin", "python")
    if os.path.exists(os.path.join(home, "complete")):
        return python
    say(f"installing {engine}")
    log = os.path.join(folder, engine + ".log")
    with open(log, "w", encoding="utf-8") as out:
        for command in ([sys.executable, "-m", "venv", home],
                        [python, "-m", "pip", "install", "-q", "numpy", *PEERS[engine]]):
            if subprocess.run(command, stdout=out, stderr=out, check=False).returncode:
                say(f"{engine} is left out: it can't be installed here, {log} says why")
                return None
    with open(os.path.join(home, "complete"), "w", encoding="utf-8"):
        pass
    return python


class Engine:
    """A process behind a pipe."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.times = []

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise OSError("it ended")
        return text

    def run(self, count):
        self.process.stdin.write(f"run {count}\n")
        self.process.stdin.flush()
        return [int(n) / 1e6 for n in self.line().split()]

    def cpu_ticks(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def settle(self):
        """Waits until its threads have stopped spinning, at most a second."""
        for _ in range(20):
            before = self.cpu_ticks()
            time.sleep(0.05)
            if self.cpu_ticks() == before:
                return

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def start_libinfer(args, path, precision, threads):
    flat = os.path.join(args.out, "model.infer")
    pack = ["--pack", "native"] if args.pack else []
    subprocess.run([args.infer, "convert", path, "-o", flat, *pack], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = [args.bench, flat, "-t", str(threads)]
    if precision == "bf16":
        command += ["--precision", "bf16"]
    about = json.loads(subprocess.run(command + ["--time", "0.01", "--json"], check=True,
                                      capture_output=True, text=True).stdout)
    engine = Engine("libinfer", command + ["--serve", os.path.join(args.out, "model")])
    engine.line()
    version = subprocess.run([args.infer, "--version"], check=True, capture_output=True,
                             text=True).stdout.split()[1].strip(",")
    engine.about = {"version": version, "load_ms": about["load_ms"] + about["session_ms"],
                    "peak_bytes": about["peak_rss_bytes"]}
    return engine


def start_peer(name, python, path, precision, threads):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "engine.py")
    engine = Engine(name, [python, script, name, path, precision, str(threads)])
    try:
        engine.about = json.loads(engine.line())
    except (OSError, ValueError):
        engine.end()
        raise
    return engine


# ---- measuring ----------------------------------------------------------------------------------

def measure(args, pythons, path, precision, threads):
    """Cells of all engines for one model: a dictionary by engine."""
    engines = []
    for name in ["libinfer", *pythons]:
        try:
            engines.append(start_libinfer(args, path, precision, threads) if name == "libinfer"
                           else start_peer(name, pythons[name], path, precision, threads))
        except (OSError, ValueError, subprocess.CalledProcessError):
            say(f"  {name} is left out: it does not take this")
    cells = {}
    for turn in range(args.rounds + 1):
        for e in list(engines):
            try:
                once = e.run(1)[0]
                count = max(1, min(1000, int(args.seconds * 1e3 / max(once, 1e-3))))
                if turn:
                    e.times.append(statistics.median(e.run(count)))
                e.settle()
            except (OSError, ValueError):
                say(f"  {e.name} is left out: it failed")
                engines.remove(e)
    for e in engines:
        cells[e.name] = dict(e.about, ms=statistics.median(e.times), fastest_ms=min(e.times))
        e.end()
    return cells


def name_of(path):
    name = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if name == "model" else name


def precisions_of(name):
    quantised = any(word in name for word in ("int8", "qdq"))
    return ["int8"] if quantised else ["f32", "bf16"]


# ---- the table ----------------------------------------------------------------------------------

def mean_ratio(rows, name):
    logs = [math.log(r["cells"][name]["ms"] / r["cells"]["libinfer"]["ms"]) for r in rows
            if name in r["cells"] and "libinfer" in r["cells"]]
    return math.exp(sum(logs) / len(logs)) if logs else None


def number(value, digits=3):
    return f"{value:.{digits}g}" if value < 100 else f"{value:.0f}"


def table(results, names):
    titles = [TITLES[n] for n in names]
    text = ["| model | precision | threads | " + " | ".join(titles) + " |",
            "|---|---|---|" + "---|" * len(names)]
    for row in results:
        cells = row["cells"]
        best = min(c["ms"] for c in cells.values())
        shown = []
        for n in names:
            if n not in cells:
                shown.append("-")
                continue
            ms = number(cells[n]["ms"])
            shown.append(f"**{ms}**" if cells[n]["ms"] == best else ms)
        text.append(f"| {row['model']} | {row['precision']} | {row['threads']} | "
                    + " | ".join(shown) + " |")
    for precision in ("f32", "bf16", "int8"):
        for threads in sorted({r["threads"] for r in results}):
            rows = [r for r in results if (r["precision"], r["threads"]) == (precision, threads)]
            ratios = [mean_ratio(rows, n) for n in names]
            if rows:
                text.append(f"| geometric mean over libinfer | {precision} | {threads} | "
                            + " | ".join("-" if r is None else f"{r:.2f}" for r in ratios) + " |")
    return text


def loads(results, names):
    text = ["| model | precision | " + " | ".join(TITLES[n] for n in names) + " |",
            "|---|---|" + "---|" * len(names)]
    for row in results:
        if row["threads"] != 1:
            continue
        shown = [f"{row['cells'][n]['load_ms']:.0f}, {row['cells'][n]['peak_bytes'] / 1e6:.0f}"
                 if n in row["cells"] else "-" for n in names]
        text.append(f"| {row['model']} | {row['precision']} | " + " | ".join(shown) + " |")
    return text


def write(args, results):
    with open(os.path.join(args.out, "peers.json.part"), "w", encoding="utf-8") as out:
        json.dump({"cpu": cpu_name(), "cpus": os.cpu_count(), "results": results}, out, indent=1)
    os.replace(out.name, os.path.join(args.out, "peers.json"))
    names = [n for n in TITLES if any(n in r["cells"] for r in results)]
    versions = {n: next(r["cells"][n]["version"] for r in results if n in r["cells"])
                for n in names}
    head = (f"{cpu_name()}, {os.cpu_count()} CPUs; " +
            ", ".join(f"{TITLES[n]} {v}" for n, v in versions.items()) +
            f"; {time.strftime('%Y-%m-%d')}.")
    text = [head, "", f"Medians of {args.rounds} rounds in turn, ms; the fastest of a row is bold. "
            "OpenVINO has a row for f32, which has to be asked for, and one for bf16, which it takes "
            "by itself on such a CPU.", "", *table(results, names), "",
            "Loading until the first run can begin, ms, and the most memory, MB, beyond what the "
            "process held before it; of libinfer all that the process holds:", "",
            *loads(results, names), ""]
    with open(os.path.join(args.out, "peers.md.part"), "w", encoding="utf-8") as out:
        out.write("\n".join(text))
    os.replace(out.name, os.path.join(args.out, "peers.md"))


def known(args):
    path = os.path.join(args.out, "peers.json")
    if args.again or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as text:
        return json.load(text)["results"]


def arguments():
    p = argparse.ArgumentParser(
        description="libinfer beside other engines, in turn.",
        epilog="Example: make bench-peers PEER_MODELS='resnet50 mobilenet_v2' THREADS='1 2'")
    p.add_argument("--infer", default="build/infer")
    p.add_argument("--bench", default="build/infer-bench")
    p.add_argument("--out", default="build/bench/peers")
    p.add_argument("--environments", help="folder of the engines' environments; default: --out")
    p.add_argument("--models", default="", help="names, of the files given; default: all")
    p.add_argument("--engines", default=" ".join(PEERS))
    p.add_argument("--precisions", default="f32 bf16 int8")
    p.add_argument("--threads", default="1 2")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=0.5, help="of an engine in a round")
    p.add_argument("--pack", action="store_true", help="libinfer's files have packed weights")
    p.add_argument("--again", action="store_true", help="measure what was measured before, too")
    p.add_argument("files", nargs="+", help="ONNX files")
    return p.parse_args()


def run():
    """Measures what is not known yet. Returns the arguments and all results."""
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    unknown = set(args.engines.split()) - set(PEERS)
    if unknown:
        sys.exit(f"no engine {' '.join(unknown)}; there are {' '.join(PEERS)}")
    home = args.environments or args.out
    os.makedirs(home, exist_ok=True)
    pythons = {e: install(e, home) for e in args.engines.split()}
    pythons = {e: p for e, p in pythons.items() if p}
    wanted = args.models.split()
    jobs = [(f, name_of(f), p, int(t)) for f in args.files for p in precisions_of(name_of(f))
            for t in args.threads.split()
            if (not wanted or name_of(f) in wanted) and p in args.precisions.split()]
    results = known(args)
    done = {(r["model"], r["precision"], r["threads"]) for r in results}
    for at, (path, name, precision, threads) in enumerate(jobs):
        if (name, precision, threads) in done:
            continue
        say(f"{at + 1}/{len(jobs)} {name} {precision} threads {threads}")
        cells = measure(args, pythons, path, precision, threads)
        if cells:
            results.append({"model": name, "precision": precision, "threads": threads,
                            "cells": cells})
            write(args, results)
    if not results:
        sys.exit("nothing was measured")
    return args, results


def main():
    args, results = run()
    write(args, results)
    with open(os.path.join(args.out, "peers.md"), encoding="utf-8") as text:
        print(text.read())


if __name__ == "__main__":
    main()
