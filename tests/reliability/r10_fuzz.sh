#!/bin/sh
# R10: the seeds and findings of every fuzz target hold under the sanitizers; except at
# INFER_SCALE=part, every target is also built for libFuzzer and fuzzed: 10 s each, "long" an hour.
# BUILD is the sanitizers' build.
set -u
targets="load session packed onnx picture answer npy args multipart"
failed=0 files=0

build() { # a make of its own, whatever make this runs under
    env -u MAKEFLAGS make --no-print-directory -j"$(nproc)" "$@"
}

for target in $targets; do
    program=$BUILD/tests/fuzz_$target
    out=$("$program" 2>&1 </dev/null) || {
        failed=$((failed + 1))
        echo "$out" | tail -30
    }
    files=$((files + $(echo "$out" | sed -n 's/.*replayed \([0-9]*\) files.*/\1/p' | grep . || echo 0)))
done
# They are what graphs.txt and findings.txt say, with today's format and operators.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mkdir "$made/seeds" "$made/findings"
"$BUILD/tests/make_seeds" "$made" || failed=$((failed + 1))
for kind in seeds findings; do
    diff -rq "$made/$kind" "tests/fuzz/$kind" | grep -v "^Only in tests" && failed=$((failed + 1))
done
case ${INFER_SCALE:-ci} in
part) fuzzed="not fuzzed" ;;
*)
    seconds=10
    [ "${INFER_SCALE:-ci}" != long ] || seconds=3600
    if ! command -v clang >/dev/null || ! command -v ld >/dev/null; then
        fuzzed="not fuzzed: clang is not there"
    elif out=$(build BUILD="${BUILD%-sanitize}" fuzz FUZZ_SECONDS="$seconds" 2>&1); then
        fuzzed="fuzzed: $(echo "$out" | awk '
            / executions in / {printf "%s%s %s executions, %s edges", comma, $1, $2, $7; comma = "; "}')"
    else
        fuzzed="fuzzing failed"
        failed=$((failed + 1))
        echo "$out" | tail -30
    fi
    ;;
esac
echo "R10 fuzzing: $files seeds and findings replayed, $fuzzed, $failed failures"
[ "$failed" = 0 ]
