#!/bin/sh
# Fuzzes with AFL++, a second opinion: `make fuzz-afl` builds the targets and calls this.
#   tests/fuzz/run_afl.sh TARGET ...
# BUILD: the folder of its build. FUZZ_SECONDS: for each target; 0: a minute each.
set -u
cd "$(dirname "$0")/../.." || exit 2
ulimit -s 65536 # see run.sh
: "${BUILD:=build-afl}" "${FUZZ_SECONDS:=0}"
[ "$FUZZ_SECONDS" -gt 0 ] || FUZZ_SECONDS=60
# A machine's settings are left alone; the sanitizers' reports are crashes.
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_AUTORESUME=1
export AFL_NO_AFFINITY=1
found=0
for target in "$@"; do
    out=$BUILD/afl/$target
    mkdir -p "$out"
    afl-fuzz -i "tests/fuzz/seeds/$target" -o "$out" -t 25000 -m none -V "$FUZZ_SECONDS" -- \
        "$BUILD/tests/fuzz_$target" >"$out/log" 2>&1 </dev/null || tail -5 "$out/log"
    stats=$out/default/fuzzer_stats
    crashes=$(find "$out/default" -path '*crashes/id*' -o -path '*hangs/id*' | wc -l)
    found=$((found + crashes))
    echo "$target $(sed -n 's/^execs_done *: //p' "$stats" 2>/dev/null) executions," \
        "$(sed -n 's/^edges_found *: //p' "$stats" 2>/dev/null) edges," \
        "$crashes findings in $out/default"
done
[ "$found" = 0 ]
