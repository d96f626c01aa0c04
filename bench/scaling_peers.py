"""How libinfer and other engines scale from one thread to all CPUs: `make bench-scaling`.

Measures as engine_peers.py does, for 1, 2, 4 ... and all threads, and puts beside it what
`infer-bench --plan-scaling` predicts, and two or more independent processes of one thread, for
who needs many answers rather than soon ones. Writes OUT/peers.json, OUT/scaling.json,
OUT/scaling.md and OUT/scaling.svg.
"""
import html
import json
import os
import subprocess
import sys

import engine_peers as peers

COLOURS = {"libinfer": "#1a6", "onnxruntime": "#26c", "openvino": "#c60", "mnn": "#939",
           "prediction": "#1a6"}


def thread_counts():
    cpus = len(os.sched_getaffinity(0))
    counts = [1 << k for k in range(11) if 1 << k < cpus]
    return counts + [cpus]


def infer_bench(args, *options):
    command = [args.bench, os.path.join(args.out, "model.infer"), *options, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def predict(args, path, name, precision, threads):
    """Milliseconds by number of threads, and the rate of one run on all against processes."""
    subprocess.run([args.infer, "convert", path, "-o", os.path.join(args.out, "model.infer")],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    extra = ["--precision", "bf16"] if precision == "bf16" else []
    peers.say(f"{name} {precision}: prediction, and independent processes")
    plan = infer_bench(args, *extra, "--plan-scaling", ",".join(map(str, threads)), "--time", "4")
    row = {"prediction": {t["threads"]: t["ms"] for t in plan["threads"]}}
    if threads[-1] > 1:
        splits = infer_bench(args, *extra, "-t", str(threads[-1]), "--hint", "throughput",
                             "--processes", "--time", "4")
        row["splits"] = splits["splits"]
    return row


def curves(results, extra):
    """{(model, precision): {engine: {threads: ms}}}"""
    found = {}
    for row in results:
        at = found.setdefault((row["model"], row["precision"]), {})
        for engine, cell in row["cells"].items():
            at.setdefault(engine, {})[row["threads"]] = cell["ms"]
    for key, value in extra.items():
        if key in found:
            found[key]["prediction"] = value["prediction"]
    return found


def text_of(found, extra, counts):
    out = [f"{peers.cpu_name()}, {counts[-1]} CPUs. ms, and how many times as fast as on one "
           "thread.", "",
           "| model | precision | engine | " + " | ".join(map(str, counts)) + " |",
           "|---|---|---|" + "---|" * len(counts)]
    for (model, precision), engines in found.items():
        for engine, times in engines.items():
            cells = [f"{times[n]:.3f}, {times[1] / times[n]:.2f}" if n in times and 1 in times
                     else "-" for n in counts]
            title = peers.TITLES.get(engine, "libinfer, predicted")
            out.append(f"| {model} | {precision} | {title} | " + " | ".join(cells) + " |")
    out += ["", "Throughput of libinfer's sessions against as many independent processes as CPUs, "
            "one thread each:", "", "| model | precision | sessions x threads: of the processes |",
            "|---|---|---|"]
    for (model, precision), value in extra.items():
        cells = [f"{s['streams']} x {s['threads']}: {s['of_processes']:.3f}"
                 for s in value.get("splits", []) if s["kind"] == "sessions"]
        out.append(f"| {model} | {precision} | " + ", ".join(cells) + " |")
    return "\n".join(out) + "\n"


def chart(title, engines, counts, left, top):
    """Speed-up over threads of one model, 300 by 240."""
    most = max(counts[-1], 2)

    def x(n):
        return left + 40 + 240 * (n - 1) / (most - 1)

    def y(s):
        return top + 210 - 180 * (min(s, most) - 1) / (most - 1)

    out = [f'<text x="{left + 40}" y="{top + 16}">{html.escape(title)}</text>',
           f'<path d="M{x(1):.1f} {y(1):.1f}L{x(most):.1f} {y(most):.1f}" stroke="#ccc"/>']
    for n in counts:
        out.append(f'<text x="{x(n):.1f}" y="{top + 226}" text-anchor="middle">{n}</text>')
        out.append(f'<text x="{left + 34}" y="{y(n) + 4:.1f}" text-anchor="end">{n}</text>')
    for engine, times in engines.items():
        if 1 not in times:
            continue
        points = [f"{x(n):.1f} {y(times[1] / times[n]):.1f}" for n in counts if n in times]
        dash = ' stroke-dasharray="4 3"' if engine == "prediction" else ""
        out.append(f'<path d="M{"L".join(points)}" stroke="{COLOURS[engine]}" fill="none" '
                   f'stroke-width="2"{dash}/>')
    return out


def svg_of(found, counts):
    rows = (len(found) + 2) // 3
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="920" height="{rows * 250 + 40}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (key, engines) in enumerate(found.items()):
        out += chart(" ".join(key), engines, counts, i % 3 * 300, i // 3 * 250)
    at = 40
    for engine in [e for e in COLOURS if any(e in f for f in found.values())]:
        title = peers.TITLES.get(engine, "libinfer, predicted (dashed)")
        out.append(f'<text x="{at}" y="{rows * 250 + 24}" fill="{COLOURS[engine]}">{title}</text>')
        at += 8 * len(title) + 24
    return "\n".join(out + ["</svg>", ""])


def write(path, text):
    with open(path + ".part", "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(path + ".part", path)


def main():
    counts = thread_counts()
    if "--threads" not in sys.argv:
        sys.argv += ["--threads", " ".join(map(str, counts))]
    args, results = peers.run()
    counts = sorted({int(t) for t in args.threads.split()} | {1})
    extra = {}
    for path in args.files:
        name = peers.name_of(path)
        for precision in peers.precisions_of(name):
            if any((r["model"], r["precision"]) == (name, precision) for r in results):
                try:
                    extra[name, precision] = predict(args, path, name, precision, counts)
                except (subprocess.CalledProcessError, ValueError):
                    peers.say(f"{name} {precision}: no prediction")
    found = curves(results, extra)
    write(os.path.join(args.out, "scaling.json"),
          json.dumps({"cpu": peers.cpu_name(), "cpus": os.cpu_count(),
                      "models": [{"model": m, "precision": p, "ms": e,
                                  "splits": extra.get((m, p), {}).get("splits")}
                                 for (m, p), e in found.items()]}, indent=1))
    write(os.path.join(args.out, "scaling.svg"), svg_of(found, counts))
    text = text_of(found, extra, counts)
    write(os.path.join(args.out, "scaling.md"), text)
    print(text)


if __name__ == "__main__":
    main()
