#!/bin/sh
# What clients of other model servers sent, sent to ours: tests/protocols/check.py.
set -u
cd "$(dirname "$0")/.." || exit 2
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
export BUILD INFER_SHARED
command -v python3 >/dev/null || {
    echo "skipped: there is no python3"
    exit 0
}
[ -x "$BUILD/tests/serve_test" ] || {
    echo "$BUILD/tests/serve_test is not built: make $BUILD/tests/serve_test"
    exit 1
}
exec python3 tests/protocols/check.py
