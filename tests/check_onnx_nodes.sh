#!/bin/sh
# ONNX's node tests of the onnx package that is installed, whose data the package makes
# (tests/check_onnx_nodes.py). INFER_PYTHON names a Python with onnx and numpy; skipped without one.
set -u
: "${BUILD:=build}" "${INFER_PYTHON:=python3}"
"$INFER_PYTHON" -c 'import numpy, onnx; import onnx.backend.test.case.node' 2>/dev/null || {
    echo "skipped: $INFER_PYTHON has no onnx or numpy (INFER_PYTHON names another)"
    exit 0
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$INFER_PYTHON" tests/check_onnx_nodes.py "$BUILD/infer" "$tmp" "$@"
