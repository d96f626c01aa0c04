#!/bin/sh
# R28: what other tools than AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer see.
#   gcc -fanalyzer      finds nothing in src/ and tools/onnx. What clang's analyser (scan-build)
#                       finds is in `make lint`, where clang-tidy runs it.
#   MemorySanitizer     the loader's unit tests. oneDNN, libjpeg and protobuf-c are not built for
#                       it, so sessions, pictures and import are left to valgrind.
#   valgrind            import, planning, running and a picture, by the tools.
# There is no list of suppressions: a finding is mended, or has its reason beside the line.
# INFER_SCALE=part: src/file and src/graph alone, and no valgrind.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${INFER_SCALE:=ci}"
CC=clang
. tests/reliability/loader_tests.sh
dir=$BUILD/memory-sanitizer
flags="-std=c11 -O1 -g -w -fsanitize=memory -fno-omit-frame-pointer -D_GNU_SOURCE -DINFER_ONEDNN=0"
flags="$flags -Isrc -Iinclude -I. -I$BUILD/gen"
failures=0 programs=0

case ${1-} in
--compile)
    compile "$2" "$dir/base/$(echo "${2%.c}" | tr / _).o" ""
    exit ;;
--analyse)
    exec gcc -std=c11 -D_GNU_SOURCE -DINFER_ONEDNN=1 -Iinclude -Isrc -I. -I"$BUILD/gen" -O1 \
        -fanalyzer -c "$2" -o /dev/null ;;
esac
for tool in clang gcc valgrind; do
    command -v $tool >/dev/null || { echo "R28 analysers: skipped: there is no $tool"; exit 0; }
done
mkdir -p "$dir"

sources="$(echo src/file/*.c src/graph/*.c)"
[ "$INFER_SCALE" = part ] || sources="$(echo src/*/*.c tools/onnx/*.c)"
echo "$sources" | xargs -P "$(nproc)" -n 1 "$0" --analyse >"$dir/analysed" 2>&1
found=$(grep -c 'warning:\|error:' "$dir/analysed")
[ "$found" = 0 ] || { cat "$dir/analysed"; failures=$((failures + found)); }

build "$0" && link "$dir/none" "$dir/tests" -fsanitize=memory || exit 1
"$dir/tests" >"$dir/out" 2>&1 || { tail -50 "$dir/out"; failures=$((failures + 1)); }

checked() { # a program of the build, its arguments
    programs=$((programs + 1))
    valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
        "$@" >"$dir/out" 2>&1 && return
    cat "$dir/out"
    failures=$((failures + 1))
}
if [ "$INFER_SCALE" != part ]; then
    checked "$BUILD/infer" convert examples/signs/signs.onnx -o "$dir/signs.infer" \
        --labels examples/signs/labels.txt --resize 72 --crop 64
    checked "$BUILD/infer" run "$dir/signs.infer" --random 1
    checked "$BUILD/infer" classify "$dir/signs.infer" "$(ls examples/signs/pictures/* | head -1)"
fi
echo "R28 analysers: $(echo "$sources" | wc -w) files read by gcc, the loader's tests under" \
    "MemorySanitizer, $programs commands under valgrind, $failures failures"
[ "$failures" = 0 ]
