#!/bin/sh
# Runs the unit tests given, one after the other; prints the output of those that fail, and counts.
#   tests/run_units.sh build/tests/test_graph ...
# RUN: a command to run them with, an emulator say.
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for unit in "$@"; do
    name=$(basename "$unit")
    # shellcheck disable=SC2086
    if ${RUN:-} "$unit" >"$out" 2>&1; then
        echo "ok      $name"
    else
        echo "FAILED  $name (exit status $?)"
        cat "$out"
        grep -q '\[  FAILED  \]' "$out" || failed=$((failed + 1))
    fi
    grep '^skipped:' "$out"
    passed=$((passed + $(grep -c '\[       OK \]' "$out")))
    skipped=$((skipped + $(grep -c '\[  SKIPPED \] [a-z]' "$out")))
    failed=$((failed + $(grep -c '^\[  FAILED  \] [a-z_0-9]*$' "$out") / 2))
done
echo "units: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
