#!/bin/sh
# Fuzzes: `make fuzz` builds the targets and calls this, see tools/make/fuzz.mk.
#   tests/fuzz/run.sh TARGET ...
# BUILD: the folder of the fuzz build. FUZZ_SECONDS: for each target; 0: slices of five minutes in
# turn until Ctrl-C. FUZZ_JOBS: processes at a time, all on one target. Writes to
#   BUILD/corpus/TARGET       inputs that reached something new
#   BUILD/findings            inputs that break a property, each with its log beside it
#   BUILD/counts              a line for each process: target, commit, seconds, executions, edges
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:=build-fuzz}" "${FUZZ_SECONDS:=0}" "${FUZZ_JOBS:=1}"
# Vector code that is not optimised and watched has frames of 8 MB.
ulimit -s 65536
slice=$FUZZ_SECONDS
[ "$slice" -gt 0 ] || slice=300
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
found=0 asked=0
mkdir -p "$BUILD/findings" "$BUILD/log"
began=$(wc -l 2>/dev/null <"$BUILD/counts" || echo 0)

# Options of the engine. Property: 25 s are an endless loop, 512 MB in one piece, or 2 GB in all,
# are memory without a limit: the targets' own limits are far below.
options="-timeout=25 -malloc_limit_mb=512 -rss_limit_mb=2048 -print_final_stats=1 -reload=30"

# The longest input: a file of a few nodes, a small picture.
most() {
    case $1 in session | packed | load | onnx) echo 16384 ;; picture) echo 8192 ;; *) echo 1024 ;; esac
}

# More to begin with, where it is installed: ONNX's own small models.
more() {
    [ "$1" != onnx ] || [ ! -d /usr/share/libonnx-testdata ] || {
        mkdir -p "$BUILD/corpus-onnx"
        find /usr/share/libonnx-testdata -name '*.onnx' -size -8k | while read -r f; do
            cp -n "$f" "$BUILD/corpus-onnx/$(echo "$f" | sed 's,/[^/]*$,,; s,.*/,,').onnx"
        done
        echo "$BUILD/corpus-onnx"
    }
}

# One process until `end`; after a finding, another.
worker() { # worker TARGET NUMBER END
    while left=$(($3 - $(date +%s))) && [ "$left" -gt 0 ]; do
        log=$BUILD/log/$1-$2
        began_at=$(date +%s)
        # shellcheck disable=SC2086
        "$BUILD/tests/fuzz_$1" $options -max_len="$(most "$1")" -max_total_time="$left" \
            -artifact_prefix="$BUILD/findings/$1-" "$BUILD/corpus/$1" "tests/fuzz/seeds/$1" \
            $(more "$1") $(ls -d "tests/fuzz/findings/$1" 2>/dev/null) >"$log" 2>&1 </dev/null
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(grep -o ' cov: [0-9]*' "$log" | tail -1 | cut -c7-)
        echo "$1 $commit $(($(date +%s) - began_at)) ${executions:-0} ${edges:-0}" >>"$BUILD/counts"
        artifact=$(sed -n "s/.*Test unit written to //p" "$log" | tail -1)
        [ -n "$artifact" ] || break
        cp "$log" "$artifact.log"
        echo "FOUND $artifact; repeat it: $BUILD/tests/fuzz_$1 $artifact"
    done
}

fuzz_target() {
    mkdir -p "$BUILD/corpus/$1"
    end=$(($(date +%s) + slice))
    job=0
    while [ "$job" -lt "$FUZZ_JOBS" ]; do
        worker "$1" "$job" "$end" &
        job=$((job + 1))
    done
    wait
}

# Executions and seconds are sums, edges the most that one process has covered.
report() {
    asked=1
    wait
    tail -n +$((began + 1)) "$BUILD/counts" | awk '
        {executions[$1] += $4; seconds[$1] += $3; if ($5 + 0 > edges[$1]) edges[$1] = $5}
        END {for (t in executions)
            printf "%-8s %12d executions in %7d s, %6d edges\n", t, executions[t], seconds[t], edges[t]}' |
        sort
    found=$(find "$BUILD/findings" -type f ! -name '*.log' -newer "$BUILD/log/begin" | wc -l)
    echo "$found new findings in $BUILD/findings"
}

touch "$BUILD/log/begin"
trap 'asked=1' INT TERM
while [ "$asked" = 0 ]; do
    for target in "$@"; do
        [ "$asked" = 1 ] || fuzz_target "$target"
    done
    [ "$FUZZ_SECONDS" = 0 ] || break
done
report
[ "$found" = 0 ]
