#!/bin/sh
# Runs the checks of checks.txt, one after the other, and prints their lines; they are kept in
# BUILD/reliability.txt, from which docs.sh takes the figures for docs/reliability.md.
#   tests/reliability/run.sh              all of them
#   tests/reliability/run.sh R7 R18       those requirements alone
#   tests/reliability/run.sh --builds     the builds that the same arguments need, and no more
#   INFER_SCALE=part ...                  those that .ci/run does, on little
# Builds must stand already (make check-reliability makes them); BUILD names the plain one, the
# others stand beside it. What a check prints beyond its line is shown where it fails.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:=build}" "${INFER_SHARED:=../shared}" "${INFER_SCALE:=ci}"
export INFER_SHARED INFER_SCALE
list=
[ "${1:-}" != --builds ] || {
    list=1
    shift
}
wanted=" $* "
passed=0 failed=0 plain=$BUILD
out=$(mktemp) rows=$(mktemp)
trap 'rm -f "$out" "$rows"' EXIT

# The rows that are wanted, by requirement: letter, then number.
awk '$1 !~ /^#/ && NF' tests/reliability/checks.txt |
    while read -r requirement check build part; do
        [ "$wanted" = "  " ] || case $wanted in *" $requirement "*) ;; *) continue ;; esac
        [ "$INFER_SCALE" != part ] || [ "$part" = part ] || continue
        echo "$requirement $check $build"
    done | sort -s -k1.1,1.1r -k1.2,1n >"$rows"

if [ -n "$list" ]; then
    awk '{print $3}' "$rows" | sort -u
    exit 0
fi

run_check() { # run_check REQUIREMENT CHECK BUILD
    case $3 in plain) BUILD=$plain ;; *) BUILD=$plain-$3 ;; esac
    export BUILD
    case $2 in
    *.sh) sh "tests/reliability/$2" ;;
    *) "$BUILD/tests/reliability/$2" ;;
    esac >"$out" 2>&1 </dev/null && grep -q "^$1 " "$out"
}

mkdir -p "$plain"
: >"$plain/reliability.txt"
while read -r requirement check build; do
    began=$(date +%s)
    if run_check "$requirement" "$check" "$build"; then
        passed=$((passed + 1))
        line=$(grep "^$requirement " "$out")
    else
        failed=$((failed + 1))
        cat "$out"
        line="$requirement $check: FAILED"
    fi
    echo "$line" >>"$plain/reliability.txt"
    echo "$line ($(($(date +%s) - began)) s)"
done <"$rows"
echo "reliability: $passed passed, $failed failed"
[ "$failed" = 0 ]
