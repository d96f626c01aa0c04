#!/bin/sh
# R29: deleting any one check of the loader makes a test fail. Takes the checks of src/file, of the
# verifier with its rules of control flow and of custom operators, and of the arithmetic on sizes out, one at a time (mutate.c), and runs the loader's unit
# tests, which must fail, crash or hang. What they let live must be in r29_survivors.txt, with a
# reason; what is there and dies must leave it.
#   INFER_SCALE=part: one in 24, as INFER_SEED says;  ci: one in 2;  long: all.
#   FILES="src/file/text.c": the checks of those files alone
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${INFER_SCALE:=ci}" "${jobs:=$(nproc)}" "${INFER_SEED:=$(date +%j)}"
. tests/reliability/loader_tests.sh
known=tests/reliability/r29_survivors.txt
mutated=${FILES:-$(echo src/file/*.c) $verifier src/file/reader.h src/base/size.h}

# The files that a mutated header reaches.
users() {
    case $1 in
    src/base/size.h) grep -l '"base/size.h"\|"file/reader.h"\|"file/load.h"\|"file/graph_read.h"' \
        src/base/*.c src/file/*.c src/graph/*.c tests/test_base.c ;;
    src/file/reader.h) grep -l '"file/reader.h"\|"file/load.h"\|"file/graph_read.h"' src/file/*.c ;;
    *) echo "$1" ;;
    esac
}

# Prints "killed", "lives" or "does not build", and the mutant.
one() { # file, number, line, text
    at=$dir/$(echo "$1" | tr / _)-$2
    mkdir -p "$at"
    case $1 in
    *.h)
        mkdir -p "$at/inc/$(dirname "${1#src/}")"
        "$dir/mutate" "$1" "$2" >"$at/inc/${1#src/}"
        for user in $(users "$1"); do
            compile "$user" "$at/$(echo "${user%.c}" | tr / _).o" "-I$at/inc" || break
        done ;;
    *)
        name=$(echo "${1%.c}" | tr / _)
        "$dir/mutate" "$1" "$2" >"$at/mutant.c"
        compile "$at/mutant.c" "$at/$name.o" "" ;;
    esac && link "$at" "$at/tests" "" 2>"$at/out" || { echo "does not build	$1	$3	$4"; return; }
    case $1 in
    *verify*) first=test_graph_verify ;;
    *control*) first=test_graph_control ;;
    *custom*) first=test_graph_custom ;;
    *about*) first=test_file_about ;;
    *tuned*) first=test_file_tuned ;;
    *packed*) first=test_file_packed ;;
    *size.h) first=test_base ;;
    *) first=test_file_rules ;;
    esac
    # 10 s of the processor's time, which a busy machine does not use up: all take 4
    if (ulimit -t 10 && "$at/tests" "$first" && exec "$at/tests") >"$at/out" 2>&1; then
        echo "lives	$1	$3	$4"
    else
        echo "killed	$1	$3	$4"
    fi
    rm -rf "$at"
}

case ${1-} in
--compile)
    compile "$2" "$dir/base/$(echo "${2%.c}" | tr / _).o" ""
    exit ;;
--one)
    one "$2" "$3" "$4" "$5"
    exit 0 ;;
esac

build "$0" && link "$dir/none" "$dir/tests" "" || exit 1
"$dir/tests" >"$dir/out" 2>&1 || { cat "$dir/out"; echo "R29: the tests fail as they are"; exit 1; }
case $INFER_SCALE in part) every=24 ;; long) every=1 ;; *) every=2 ;; esac
for f in $mutated; do
    "$dir/mutate" "$f" | sed "s|^|$f	|"
done >"$dir/all"
# Known survivors take long, since all tests run: "long" sees to it that they still are some.
awk -F '\t' -v every="$every" -v seed="$INFER_SEED" -v known="$known" '
    BEGIN { while ((getline line < known) > 0) if (every > 1) listed[line] = 1 }
    { name = $1 ": " $4; sub(/ +$/, "", name) }
    !(name in listed) && n++ % every == seed % every' "$dir/all" |
    tr '\t' '\n' | tr '\n' '\0' | xargs -0 -P "$jobs" -n 4 "$0" --one >"$dir/results"

# A known survivor is "file: text"; its reason stands in the line before.
awk -F '\t' -v known="$known" '
    BEGIN { while ((getline line < known) > 0) if (line !~ /^#/ && line != "") listed[line] = 1 }
    { name = $2 ": " $4; sub(/ +$/, "", name) }
    $1 != "killed" && !(name in listed) { print $1 ": " $2 ":" $3 ": " $4; bad++ }
    $1 == "killed" && name in listed { print "known as a survivor, but killed: " name; bad++ }
    $1 == "killed" { killed++ }
    $1 != "killed" && name in listed { spared++ }
    END {
        printf "R29 mutations: %d of %d checks taken out, %d deaths, %d survivors with a reason, " \
               "%d failures\n", NR, all, killed, spared, bad
        exit bad > 0
    }' all="$(wc -l <"$dir/all")" "$dir/results"
