#!/bin/sh
# Checks beyond the unit tests: ONNX's backend tests, real networks, the tools as a user calls
# them, what the library exports. BUILD names the build folder, INFER_SHARED the folder with real
# networks and pictures (default ../shared; skipped where it is absent).
set -u
cd "$(dirname "$0")/.." || exit 2
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
export BUILD INFER_SHARED
failed=0

check() { # check NAME COMMAND...
    name=$1
    shift
    echo "== $name"
    "$@" || {
        echo "FAILED: $name"
        failed=$((failed + 1))
    }
}

check "ONNX backend tests" "$BUILD/tests/test_tool_backend"
for script in tests/check_*.sh; do
    check "$(basename "$script" .sh)" sh "$script"
done
[ "$failed" = 0 ] && echo "all checks passed"
[ "$failed" = 0 ]
