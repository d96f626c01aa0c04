#!/bin/sh
# What the library is, seen from outside: what tests/reliability says of its symbols, globals and
# headers, the instructions in it, and a program built against an installed copy.
set -u
: "${BUILD:=build}" "${CC:=cc}"
failed=0
fail() {
    echo "FAILED  $*"
    failed=$((failed + 1))
}
lib=$BUILD/libinfer.a

# symbols, hardening, calls, globals, headers: the checks of R1 to R3 and R5 (sanitizers add their own)
if ! nm -u "$lib" | grep -qE '__[at]san_init'; then
    for check in r01_symbols r01_hardened r02_forbidden_calls r03_writable_data r05_headers; do
        BUILD=$BUILD sh "tests/reliability/$check.sh" || fail "$check"
    done
fi

# objects that are not of a level of vectors have no AVX instruction (x86-64)
if [ "$(uname -m)" = x86_64 ]; then
    for o in $(find "$BUILD/obj/src" "$BUILD/obj/kernels" -name '*.o' ! -name '*.avx*.o' \
        ! -name '*.vnni.o' ! -name '*.bf16.o' ! -name '*.amx.o'); do
        objdump -d --no-show-raw-insn "$o" | grep -qE '%[yz]mm[0-9]' && fail "$o has AVX code"
    done
fi

# the example that README shows is the one that is built, and the examples are C++ as well
sed -n '/<!-- example:begin -->/,/<!-- example:end -->/p' README.md | grep -v '^<!--\|^```' |
    cmp -s - examples/embed.c || fail "README's example is not examples/embed.c"
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    for example in examples/*.c; do
        $cxx -x c++ -std=c++11 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only "$example" ||
            fail "$example as C++ with $cxx"
    done
done

# installed, found by pkg-config, linked both ways
# build_with PACKAGE OPTIONS: examples/embed.c with what pkg-config says, into $dest/PACKAGE
build_with() {
    # shellcheck disable=SC2046,SC2086
    $CC examples/embed.c -o "$dest/$1" \
        $(PKG_CONFIG_PATH=$dest/usr/lib/pkgconfig pkg-config --cflags --libs ${2:-} "$1") ||
        fail "a program with pkg-config ${2:-} $1"
}
uses_shared() {
    LD_LIBRARY_PATH=$dest/usr/lib ldd "$dest/$1" | grep -q 'libinfer.so.0 => '
}
if ! nm -u "$lib" | grep -q __asan_init; then
    dest=$(mktemp -d)
    make --no-print-directory -s install BUILD="$BUILD" ONEDNN="${ONEDNN:-1}" PREFIX="$dest/usr" >/dev/null ||
        fail "make install"
    build_with libinfer-shared
    uses_shared libinfer-shared || fail "libinfer-shared does not use libinfer.so.0"
    for static in "" --static; do
        build_with libinfer "$static"
        uses_shared libinfer && fail "pkg-config $static libinfer uses libinfer.so.0"
    done
    rm -rf "$dest"
fi
[ "$failed" = 0 ] && echo "library: ok"
[ "$failed" = 0 ]
