#!/bin/sh
# tests/zoo/venv.sh FOLDER PACKAGE...: a Python environment with what can be had of the packages, made
# once. Exit status 1, and a word, without torch, onnx and onnxruntime.
set -u
folder=$1
shift
[ -f "$folder/complete" ] || {
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    python3 -m venv "$folder" || { echo "skipped: python3 has no venv"; exit 1; }
    for package; do
        "$folder/bin/pip" install -q --disable-pip-version-check "$package" ||
            echo "check-zoo: no $package: its networks are left out"
    done
}
"$folder/bin/python" -c 'import numpy, onnx, onnxruntime, torch' || {
    echo "skipped: torch, onnx, onnxruntime or numpy could not be installed"
    exit 1
}
touch "$folder/complete"
