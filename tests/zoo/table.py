"""The table of docs/zoo.md: read, merged with new results, written."""
import os

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
HEAD = ("| model | exporter | result | largest difference | libinfer ms | ONNX Runtime ms | ratio "
        "| libinfer MB | ONNX Runtime MB |\n|---|---|---|---|---:|---:|---:|---:|---:|\n")


def cell(text):
    return " ".join(str(text).replace("|", "/").split())[:150]


def number(x):
    return f"{x:.3g}" if x < 100 else f"{x:.0f}"


def line(r):
    cells = [f"{r['source']} {r['name']}", r["exporter"], r["result"]]
    if "ort_ms" in r:
        cells += [r["difference"], number(r["ms"]), number(r["ort_ms"]),
                  f"{r['ort_ms'] / r['ms']:.2f}", number(r["kib"] / 1024),
                  number(r["ort_kib"] / 1024)]
    elif "ms" in r:
        cells += [r["difference"], number(r["ms"]), "", "", number(r["kib"] / 1024), ""]
    else:
        cells += [r["why"]] + [""] * 5
    return "| " + " | ".join(cell(c) for c in cells) + " |\n"


def key(text):
    cells = [c.strip() for c in text.split("|")]
    return tuple(cells[1:3])


def summary(lines):
    """How many agree and so on."""
    said = {"agrees": "agree", "DIFFERS": "differ", "FAILED": "fail", "not exported": "not exported"}
    results = [text.split("|")[3].strip() for text in lines]
    return ", ".join(f"{results.count(r)} {said[r]}" for r in said if r in results)


def write(path, rows, results):
    """Rows in the list's order; those without a new result as they were."""
    with open(path) as f:
        before, rest = f.read().split(BEGIN)
    old, after = rest.split(END)
    lines = {key(text): text + "\n" for text in old.splitlines() if text.startswith("| ")
             and not text.startswith("| model ")}
    lines.update({key(line(r)): line(r) for r in results})
    wanted = [(f"{r['source']} {r['name']}", e) for r in rows for e in r["exporters"]]
    kept = [lines[k] for k in wanted if k in lines]
    with open(path + ".part", "w") as f:
        f.write(before + BEGIN + "\n\n" + f"{len(kept)} of the list's {len(wanted)} exports: "
                f"{summary(kept)}.\n\n" + HEAD +
                "".join(kept) + "\n" + END + after)
    os.replace(path + ".part", path)
