#!/bin/sh
# Runs the checks of checks.txt, one after the other, and prints their lines.
#   tests/reliability/run.sh              all of them
#   tests/reliability/run.sh R7 R18      those requirements alone
#   INFER_SCALE=part ...                 those that .ci/run does, on little
# Builds must stand already (make check-reliability makes them); BUILD names the plain one, the
# others stand beside it. What a check prints beyond its line is shown where it fails.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:=build}" "${INFER_SHARED:=../shared}" "${INFER_SCALE:=ci}"
export INFER_SHARED INFER_SCALE
wanted=" $* "
out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0 plain=$BUILD

while read -r requirement check build part; do
    case $requirement in '' | '#'*) continue ;; esac
    [ "$wanted" = "  " ] || case $wanted in *" $requirement "*) ;; *) continue ;; esac
    [ "$INFER_SCALE" != part ] || [ "$part" = part ] || continue
    case $build in plain) BUILD=$plain ;; *) BUILD=$plain-$build ;; esac
    export BUILD
    case $check in
    *.sh) set -- sh "tests/reliability/$check" ;;
    *) set -- "$BUILD/tests/reliability/$check" ;;
    esac
    began=$(date +%s)
    if "$@" >"$out" 2>&1 </dev/null && grep -q "^$requirement " "$out"; then
        passed=$((passed + 1))
        line=$(grep "^$requirement " "$out")
    else
        failed=$((failed + 1))
        cat "$out"
        line="$requirement $check: FAILED"
    fi
    echo "$line ($(($(date +%s) - began)) s)"
done <tests/reliability/checks.txt
echo "reliability: $passed passed, $failed failed"
[ "$failed" = 0 ]
