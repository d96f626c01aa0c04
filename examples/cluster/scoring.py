"""What runs on the machines of a cluster: `infer classify` on a batch of files.

INFER and MODEL are paths that every machine has, as are those of the pictures. A process is started
for each batch; with some hundreds of pictures in one, starting it costs next to nothing.
"""
import json
import os
import pathlib
import subprocess
import sys

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}
BATCH = int(os.environ.get("BATCH", "256"))


def pictures_of(folder):
    """Paths of a folder's pictures, in order."""
    return sorted(str(p.resolve()) for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in SUFFIXES)


def row_of(answer):
    """A picture that can't be read has an error, and keeps nobody from the others."""
    best = (answer.get("classes") or [{}])[0]
    return {"file": answer["file"], "label": best.get("label", ""), "score": best.get("score", 0.0),
            "error": answer.get("error", "")}


def score(files, infer, model):
    """A row for each file, in order. One thread each: the cluster has as many workers as CPUs."""
    run = subprocess.run([infer, "classify", model, *files, "--jsonl", "--top", "1", "--threads", "1"],
                         capture_output=True, text=True)
    rows = [row_of(json.loads(line)) for line in run.stdout.splitlines()]
    if len(rows) != len(files):
        raise RuntimeError(f"infer classify ended with {run.returncode}: {run.stderr.strip()}")
    return rows


def print_rows(rows):
    for row in sorted(rows, key=lambda r: r["file"]):
        print(json.dumps(row))
    sys.stdout.flush()
