#!/bin/sh
# What folders may include: this tree keeps to docs/architecture.md, and tools/make/check-layers.sh
# says so of none that doesn't.
set -u
cd "$(dirname "$0")/.." || exit 2
check=$PWD/tools/make/check-layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

sh "$check" || failed=1

# A small tree that keeps to the order; whoever calls this spoils it.
make_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/docs" "$tree/src/base" "$tree/src/plan" "$tree/tools"
    # shellcheck disable=SC2016 # the quotes are the table's
    printf '%s\n' '| folder | what |' '|---|---|' '| `src/base/` | first |' '| `src/plan/` | second |' \
        '| `tools/` | last |' >"$tree/docs/architecture.md"
    echo '#include <stdio.h>' >"$tree/src/base/low.h"
    echo '#include "base/low.h"' >"$tree/src/plan/high.h"
    printf '%s\n' '#include "high.h"' '#include "generated.h"' >"$tree/src/plan/high.c"
    echo '#include "plan/high.h"' >"$tree/tools/tool.c"
}

expect() { # expect WHAT TEXT: "ok", or the text that the script complains with
    out=$(sh "$check" "$tree" 2>&1)
    rc=$?
    case "$2:$rc:$out" in
    ok:0:) return ;;
    ok:*) ;;
    *:1:*"$2"*) return ;;
    esac
    echo "check-layers of $1: status $rc, '$out'"
    failed=1
}

make_tree
expect "a tree that keeps to the order" ok
echo '  #  include "plan/high.h"' >>"$tree/src/base/low.h"
expect "a folder that includes one behind it" \
    "src/base/low.h: includes src/plan/high.h, of a folder behind its own"
make_tree
echo '#include "plan/other.h"' >>"$tree/src/plan/high.h"
echo '#include "plan/high.h"' >"$tree/src/plan/other.h"
expect "two headers that include each other" "in a circle: src/plan/"
make_tree
echo '#include "low.h"' >>"$tree/src/base/low.h"
expect "a header that includes itself" "in a circle: src/base/low.h src/base/low.h"
make_tree
mkdir "$tree/kernels"
echo '#include "base/low.h"' >"$tree/kernels/new.c"
expect "a folder that is not in the table" "kernels/new.c: docs/architecture.md does not have"
make_tree
: >"$tree/docs/architecture.md"
expect "a tree without the table" "there is no table of folders"
[ "$failed" = 0 ] && echo "layers: passed"
[ "$failed" = 0 ]
