#!/bin/sh
# Programs and libraries of different versions get on: those compiled against the saved header of
# tests/abi with today's library, today's with a library of tomorrow, tomorrow's with today's. All
# have to be told the same. That one with a header that breaks the promise fails shows that the
# check can.
set -u
: "${BUILD:=build}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
signs=examples/signs

fail() {
    echo "FAILED  $*"
    failed=$((failed + 1))
}

"$BUILD/infer" convert $signs/signs.onnx -o "$tmp/signs.infer" --labels $signs/labels.txt \
    --resize 72 --crop 64 --mean 127,122,118 --scale 0.0185,0.0195,0.0185 >"$tmp/log" 2>&1 ||
    { cat "$tmp/log"; fail "signs.onnx can't be converted"; }

run() { # run PROGRAM LIBRARY-FOLDER
    LD_LIBRARY_PATH=$2 "$BUILD/abi/$1" "$tmp/signs.infer" $signs/pictures/stop-1.jpg
}

run today "$BUILD" >"$tmp/want" || fail "today's program with today's library"
grep -q '^stop ' "$tmp/want" || fail "today's program does not say what the picture shows"
pairs=0
for pair in "first $BUILD" "newer $BUILD" "today $BUILD/abi/newer-library" \
    "first $BUILD/abi/newer-library"; do
    pairs=$((pairs + 1))
    # shellcheck disable=SC2086
    run $pair >"$tmp/got" || fail "program and library: $pair"
    cmp -s "$tmp/want" "$tmp/got" || { diff "$tmp/want" "$tmp/got"; fail "another answer: $pair"; }
done
# the same program as C++
if command -v g++ >/dev/null; then
    pairs=$((pairs + 1))
    g++ -x c++ -std=c++11 -Wall -Wextra -Werror -Itests/abi/first tests/abi/program.c -o "$tmp/program" \
        -L"$BUILD" -linfer || fail "the program as C++"
    LD_LIBRARY_PATH=$BUILD "$tmp/program" "$tmp/signs.infer" $signs/pictures/stop-1.jpg >"$tmp/got" ||
        fail "the program as C++ with today's library"
    cmp -s "$tmp/want" "$tmp/got" || fail "another answer as C++"
fi
run broken "$BUILD" >"$tmp/got" 2>&1 && fail "a program with a broken header runs as if it were whole"

# what the saved header promises of sizes, offsets and numbers
{
    echo '#include <stddef.h>'
    echo '#include <infer_vision.h>'
    echo '#define PIN_VALUE(name, value) _Static_assert((int)name == value, #name);'
    echo '#define PIN_SIZE(type, bytes) _Static_assert(sizeof(type) == bytes, #type);'
    echo '#define PIN_GROWS(type, bytes) _Static_assert(sizeof(type) >= bytes, #type);'
    echo '#define PIN_FIELD(type, field, at, bytes) \'
    echo '    _Static_assert(offsetof(type, field) == at && sizeof(((type *)0)->field) == bytes, #field);'
    awk -F'[(,]' 'NR == FNR { if ($1 == "PIN_FIELD" && $3 == " size") sized[$2] = 1; next }
        $1 == "PIN_FIELD" && $3 == " reserved" { next } # may have got a name since
        $1 == "PIN_SIZE" && sized[$2] { sub(/PIN_SIZE/, "PIN_GROWS") } { print }' \
        tests/abi/first/pins.def tests/abi/first/pins.def
} >"$tmp/pins.c"
if [ "$(getconf LONG_BIT)" = 64 ]; then
    "${CC:-cc}" -std=c11 -Iinclude -fsyntax-only "$tmp/pins.c" || fail "tests/abi/first/pins.def"
    sed 's/PIN_FIELD(infer_tensor, data, 72/PIN_FIELD(infer_tensor, data, 80/' "$tmp/pins.c" >"$tmp/bad.c"
    "${CC:-cc}" -std=c11 -Iinclude -fsyntax-only "$tmp/bad.c" 2>"$tmp/log" &&
        fail "a pin that does not hold is not noticed"
fi
echo "ABI: $pairs pairs of program and library, $(grep -c '^PIN' tests/abi/first/pins.def) pins, $failed failures"
[ "$failed" = 0 ]
