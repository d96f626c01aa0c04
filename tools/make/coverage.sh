#!/bin/sh
# Line coverage from the counts in a build folder: a line for each file that is not run whole, then
# the sums of src/ and of the kernels. Kernels that are only for instructions that this CPU lacks
# (their first line says for which) are summed up apart. Fails where a sum is below 95 %.
#   tools/make/coverage.sh build-coverage
set -eu
build=$1
cd "$(dirname "$0")/../.."
mkdir -p "$build/report"
# Functions of one name stand in different lines where a file is compiled for several levels, and loops
# of a plain kernel turn billions of times: older versions of gcovr give up at either.
[ -x "$build/gcovr/bin/gcovr" ] || {
    /usr/bin/python3 -m venv "$build/gcovr.part"
    "$build/gcovr.part/bin/pip" install -q gcovr
    mv "$build/gcovr.part" "$build/gcovr"
}
"$build/gcovr/bin/python" -m gcovr -j "$(nproc)" --root . --object-directory "$build" \
    --filter 'src/' --filter 'kernels/' --merge-mode-functions=separate \
    --gcov-ignore-parse-errors=suspicious_hits.warn_once_per_file \
    --exclude-unreachable-branches --csv "$build/report/files.csv" \
    --html-details "$build/report/index.html" "$build/obj/src" "$build/obj/kernels"
lacks=$(for pair in avx2:avx2 avx2vnni:avx_vnni avx512:avx512bw vnni:avx512_vnni bf16:avx512_bf16 amx:amx_tile; do
    grep -qw "${pair#*:}" /proc/cpuinfo || echo "${pair%:*}"
done)
awk -F , -v lacks="$lacks" '
    BEGIN {
        n = split(lacks, level, "[ \n]+")
        for (i = 1; i <= n; i++)
            lacking[level[i]] = 1
    }
    # The lowest level that a file is compiled for.
    function lowest(file, line, word) {
        line = ""
        getline line < file
        close(file)
        return split(line, word, " ") > 2 && word[2] == "levels:" ? word[3] : "c"
    }
    NR == 1 { next }
    {
        group = $1 ~ /^src\// ? "src" : "kernels"
        least = lowest($1)
        if (least in lacking)
            group = "kernels for " least ", which this CPU lacks"
        lines[group] += $2
        run[group] += $3
        if ($3 < $2)
            printf "%6.1f %%  %4d of %4d lines not run  %s\n", 100 * $3 / $2, $2 - $3, $2, $1
    }
    END {
        for (group in lines) {
            percent = 100 * run[group] / lines[group]
            printf "coverage of %s: %.1f %% of %d lines\n", group, percent, lines[group]
            if (group !~ /lacks/ && percent < 95)
                low = 1
        }
        exit low
    }' "$build/report/files.csv"
