#!/bin/sh
# R15: every rule of the loader and of the verifier has a hand-made file or graph that breaks it,
# with the status, the node and the position that must be blamed: tests/test_file_rules.c,
# test_file_tuned.c, test_file_packed.c, test_file_about.c, test_graph_verify.c,
# test_graph_control.c, test_graph_custom.c, and for what is no rule of a graph test_file.c and
# test_file_limits.c. This check runs them with every failure written down, and looks for the
# message of each failure in src/file and the verifier (src/graph) among those.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/reliability/loader_tests.sh
unreached=tests/reliability/r15_unreached.txt

if [ "${1-}" = --compile ]; then
    compile "$2" "$dir/base/$(echo "${2%.c}" | tr / _).o" ""
    exit
fi
build "$0" && compile tests/reliability/fail_record.c "$dir/fail_record.o" "" &&
    link "$dir/none" "$dir/recorded_tests" "-Wl,--wrap=infer__fill_error $dir/fail_record.o" ||
    exit 1
rm -f "$dir/failures"
FAIL_RECORD=$dir/failures "$dir/recorded_tests" test_file_rules test_file_tuned test_file_packed \
    test_file_about test_graph_verify test_graph_control test_graph_custom test_file \
    test_file_limits >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }

for f in src/file/*.c $verifier; do
    "$dir/mutate" "$f" messages | sed "s|^|$f:|"
done >"$dir/messages"
files=$(awk '$1 == "OK" || /hand-made/ { n += $1 } END { print n }' "$dir/out")
spoiled=$(grep -c '^    RULE(' tests/test_graph_verify.c)
sort -u "$dir/failures" | awk -F '\t' -v files="$files" -v spoiled="$spoiled" '
    FILENAME == ARGV[1] { if (!/^#/ && $0 != "") excused[$0] = 1; next }
    FILENAME == ARGV[2] { reached[$1] = 1; ends[substr($2, index($2, ") ") + 2)] = 1; next }
    {
        said = $2
        gsub(/\\"/, "\"", said)
        if (said in reached || said in ends)
            ok++
        else if (said in excused)
            spared++
        else {
            print "no test breaks " $1 ": " said
            bad++
        }
        if (said in excused && (said in reached || said in ends)) {
            print "listed as out of reach, but reached: " said
            bad++
        }
    }
    END {
        printf "R15 bad graphs: %d hand-made files and %d graphs reach %d of %d messages, %d are " \
               "out of reach, %d failures\n", files, spoiled, ok, ok + spared + bad, spared, bad
        exit bad > 0
    }' "$unreached" - "$dir/messages"
