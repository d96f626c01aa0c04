#!/bin/sh
# R5: each public header compiles alone, as C11 and as C++11, with every compiler that is here; sizes,
# offsets and enum values are those of r05_pins.def, which names all of them.
set -u
failures=0 compilations=0
fail() {
    echo "$*"
    failures=$((failures + 1))
}
pins=tests/reliability/r05_pins.def

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo '#include <infer.h>' >"$dir/infer"
echo '#include <infer_vision.h>' >"$dir/infer_vision"
echo '#include <infer_draw.h>' >"$dir/infer_draw"
echo '#include <infer_text.h>' >"$dir/infer_text"
echo '#include <infer_experimental.h>' >"$dir/infer_experimental"
cat >"$dir/pins" <<END
#include <stddef.h>
#include <infer_draw.h>
#include <infer_experimental.h>
#include <infer_text.h>
#ifdef __cplusplus
#define ASSERT static_assert
#else
#define ASSERT _Static_assert
#endif
#define PIN_SIZE(type, bytes) ASSERT(sizeof(type) == bytes, #type);
#define PIN_VALUE(name, value) ASSERT((int)name == value, #name);
#define PIN_FIELD(type, field, offset, bytes) \\
    ASSERT(offsetof(type, field) == offset && sizeof(((type *)0)->field) == bytes, #type "." #field);
#include "$pins"
END

try() { # try COMPILER LANGUAGE STANDARD
    command -v "$1" >/dev/null || return 0
    for program in infer infer_vision infer_draw infer_text infer_experimental pins; do
        [ $program != pins ] || [ "$(getconf LONG_BIT)" = 64 ] || continue
        compilations=$((compilations + 1))
        "$1" -x "$2" -std="$3" -pedantic -Wall -Wextra -Wpadded -Werror -Iinclude -I. -fsyntax-only \
            "$dir/$program" || fail "$program does not compile with $1 as $3"
    done
}
for compiler in gcc clang; do try $compiler c c11; done
for compiler in g++ clang++; do try $compiler c++ c++11; done

# every enum constant and every field of a struct has its row
code=$(sed '/^#/d' include/*.h | "${CC:-cc}" -fpreprocessed -dD -E -P -)
constants=$(echo "$code" | grep -oE '\bINFER_[A-Z0-9_]+' | sort -u | grep -vxE 'INFER_(API|INITIAL)')
fields=$(echo "$code" | awk '
    /^typedef struct [a-z_]+ \{/ {in_struct = 1; names = ""; next}
    in_struct && /^\}/ {
        type = $2; sub(/;/, "", type)
        n = split(names, list, " ")
        for (i = 1; i <= n; i++) print "(" type ", " list[i] ","
        in_struct = 0
    }
    in_struct && /;/ {
        line = $0
        if (match(line, /\(\*[a-z_]+\)/)) name = substr(line, RSTART + 2, RLENGTH - 3)
        else {sub(/(\[.*\])?;.*/, "", line); sub(/.*[ *]/, "", line); name = line}
        names = names " " name
    }')
for name in $constants; do
    grep -q "^PIN_VALUE($name," "$pins" || fail "$name has no row in $pins"
done
rows=$(echo "$constants" | wc -l)
while read -r field; do
    rows=$((rows + 1))
    grep -qF "PIN_FIELD$field" "$pins" || fail "$field has no row in $pins"
done <<END
$fields
END
[ "$compilations" -gt 0 ] && [ "$rows" -gt 100 ] || fail "nothing was looked at"
echo "R5 headers: $compilations compilations, $rows numbers and fields pinned, $failures failures"
[ "$failures" = 0 ]
