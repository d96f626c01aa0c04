#!/bin/sh
# Operators that import composes of others, against ONNX Runtime (tests/check_operators.py).
# INFER_PYTHON names a Python with onnx, onnxruntime and numpy; skipped without one.
set -u
: "${BUILD:=build}" "${INFER_PYTHON:=python3}"
"$INFER_PYTHON" -c 'import numpy, onnx, onnxruntime' 2>/dev/null || {
    echo "skipped: $INFER_PYTHON has no onnx, onnxruntime or numpy (INFER_PYTHON names another)"
    exit 0
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$INFER_PYTHON" tests/check_operators.py "$BUILD/infer" "$tmp"
