# The loader's unit tests as one program, built with little: what r15_bad_graphs.sh and
# r29_mutations.sh share. Sourced at the repository's root.
: "${BUILD:=build}" "${CC:=cc}"
dir=$BUILD/mutations
flags="-std=c11 -O0 -w -D_GNU_SOURCE -DINFER_ONEDNN=0 -Isrc -Iinclude -I. -I$BUILD/gen"
tests=$(sed -n 's/^    X(\(test_[a-z_]*\)).*/\1/p' tests/reliability/loader_tests.c)

verifier="src/graph/graph_verify.c src/graph/control.c src/graph/custom.c"

compile() { # source, object, further flags
    more=
    case $1 in tests/test_*) more="-Dmain=main_$(basename "$1" .c)" ;; esac
    $CC $3 $flags $more -c "$1" -o "$2"
}

build() { # the script, which has --compile
    mkdir -p "$dir/base"
    $CC -std=c11 -O1 -o "$dir/mutate" tests/reliability/mutate.c || return 1
    for t in $tests; do echo "tests/$t.c"; done >"$dir/sources"
    ls src/base/*.c src/graph/*.c src/file/*.c tests/reliability/loader_tests.c >>"$dir/sources"
    xargs -P "$(nproc)" -n 1 "$1" --compile <"$dir/sources" || return 1
    rm -f "$dir/loader.a"
    ar rcs "$dir/loader.a" "$dir"/base/src_*.o
}

# The tests with the objects of a folder instead of their own.
link() { # folder, program, further flags
    own=$(for f in "$dir"/base/tests_*.o; do [ -f "$1/${f##*/}" ] || echo "$f"; done)
    $CC -o "$2" $(ls "$1"/*.o 2>/dev/null) $own $3 "$dir/loader.a" -lcmocka -lpthread -lm
}
