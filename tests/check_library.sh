#!/bin/sh
# What the library is, seen from outside: its symbols, its globals, the instructions in it, its
# headers, and a program built against an installed copy.
set -u
: "${BUILD:=build}" "${CC:=cc}"
failed=0
fail() {
    echo "FAILED  $*"
    failed=$((failed + 1))
}
lib=$BUILD/libinfer.a so=$BUILD/libinfer.so

# only infer_* leaves the shared object, only infer_* (infer__* internal) is global in the archive
bad=$(nm -D --defined-only "$so" | awk '{print $3}' | grep -vE '^infer_[a-z]' | head -5)
[ -z "$bad" ] || fail "the shared object exports $bad"
bad=$(nm -D --defined-only "$so" | awk '{print $3}' | grep '^infer__' | head -5)
[ -z "$bad" ] || fail "the shared object exports internal names: $bad"
bad=$(nm -g --defined-only "$lib" | awk 'NF == 3 {print $3}' |
    grep -vE '^infer_|^__asan|^__odr_asan|^__ubsan|^\.' | head -5)
[ -z "$bad" ] || fail "the archive has global names $bad"

# functions that a library has no business to call
bad=$(nm -u "$lib" | awk '{print $2}' | sed 's/@.*//' |
    grep -xE 'abort|exit|_exit|__assert_fail|printf|__printf_chk|puts|putchar|perror|getenv|secure_getenv|setlocale|strtod|rand|srand|signal|sigaction|system|dlopen' |
    sort -u)
[ -z "$bad" ] || fail "the library calls" $bad

# no writable globals: sections .data and .bss are empty (sanitizers add their own)
if ! nm -u "$lib" | grep -q __asan_init; then
    bad=$(size -A "$lib" | awk '/^[^ ]+\.o/ {o = $1} /^\.(data|bss|tdata|tbss)(\.[^r]| )/ && $2 > 0 {print o, $1, $2}')
    [ -z "$bad" ] || fail "writable globals: $bad"
fi

# objects whose names don't end in a vector level have no AVX instruction (x86-64)
if [ "$(uname -m)" = x86_64 ]; then
    for o in $(find "$BUILD/obj/src" "$BUILD/obj/kernels" -name '*.o' ! -name '*_avx*.o' \
        ! -name '*_vnni.o' ! -name '*_bf16.o' ! -name '*_amx.o'); do
        objdump -d --no-show-raw-insn "$o" | grep -qE '%[yz]mm[0-9]' && fail "$o has AVX code"
    done
fi

# headers alone, as C11 and C++11
for h in infer.h infer_vision.h; do
    echo "#include \"$h\"" | $CC -std=c11 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c - ||
        fail "$h does not compile as C11"
    if command -v c++ >/dev/null; then
        echo "#include \"$h\"" |
            c++ -std=c++11 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ - ||
            fail "$h does not compile as C++11"
    fi
done

# installed, found by pkg-config, linked both ways
if ! nm -u "$lib" | grep -q __asan_init; then
    dest=$(mktemp -d)
    make --no-print-directory -s install BUILD="$BUILD" ONEDNN="${ONEDNN:-1}" PREFIX="$dest/usr" >/dev/null ||
        fail "make install"
    flags=$(PKG_CONFIG_PATH=$dest/usr/lib/pkgconfig pkg-config --cflags --static --libs libinfer)
    # shellcheck disable=SC2086
    $CC examples/embed.c -o "$dest/embed" $flags || fail "a program against the installed library"
    LD_LIBRARY_PATH=$dest/usr/lib ldd "$dest/embed" | grep -q 'libinfer.so.0 => ' ||
        fail "the program does not use libinfer.so.0"
    # shellcheck disable=SC2086
    $CC examples/embed.c -o "$dest/embed-static" -I"$dest/usr/include" "$dest/usr/lib/libinfer.a" \
        $(echo "$flags" | sed 's/-linfer//') || fail "a program with libinfer.a"
    rm -rf "$dest"
fi
[ "$failed" = 0 ] && echo "library: ok"
[ "$failed" = 0 ]
