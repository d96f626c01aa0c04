#!/bin/sh
# R1, what is delivered is hardened: programs of any address, symbols bound and made read-only at
# the start, no executable stack, nothing both writable and executable, returns guarded.
set -u
: "${BUILD:=build}"
failures=0
fail() {
    echo "$*"
    failures=$((failures + 1))
}
for f in "$BUILD/infer" "$BUILD/infer-bench" "$BUILD/libinfer.so"; do
    headers=$(LC_ALL=C readelf -hldW "$f") || fail "$f can't be read"
    echo "$headers" | grep -q 'Type: *DYN' || fail "$f has a fixed address"
    echo "$headers" | grep -q GNU_RELRO || fail "$f: tables stay writable (no RELRO)"
    echo "$headers" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || fail "$f: symbols are bound late (no BIND_NOW)"
    echo "$headers" | grep 'GNU_STACK' | grep -q ' RW ' || fail "$f: the stack is executable"
    echo "$headers" | grep -E '^ +(LOAD|GNU_STACK)' | grep -q 'RWE' && fail "$f: memory both writable and executable"
    echo "$headers" | grep -qE 'TEXTREL|RPATH|RUNPATH' && fail "$f: TEXTREL or a path to look in"
    nm -D "$f" | grep -q ' U __stack_chk_fail' || fail "$f: returns are not guarded"
done
echo "R1 hardened: infer, infer-bench, libinfer.so, $failures failures"
[ "$failures" = 0 ]
