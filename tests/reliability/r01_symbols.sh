#!/bin/sh
# R1: only infer_* leaves the shared object; only infer_* (infer__* internal) is global in the
# archive.
set -u
: "${BUILD:=build}"
lib=$BUILD/libinfer.a so=$BUILD/libinfer.so
exported=$(nm -D --defined-only "$so" | awk '{print $3}')
global=$(nm -g --defined-only "$lib" | awk 'NF == 3 {print $3}')
[ -n "$exported" ] && [ -n "$global" ] || exit 1
bad="$(echo "$exported" | grep -vE '^infer_[a-z]') $(echo "$global" | grep -vE '^infer_')"
# what the headers declare is there, and nothing else
declared=$(grep -ohE '\binfer_[a-z0-9_]+\(' include/*.h | tr -d '(' | sort -u)
for name in $exported; do
    echo "$declared" | grep -qx "$name" || bad="$bad undeclared:$name"
done
for name in $(awk '/^INFER_API/ {sub(/\(.*/, ""); sub(/.*[ *]/, ""); print}' include/*.h); do
    echo "$exported" | grep -qx "$name" || bad="$bad missing:$name"
done
bad=$(echo $bad)
[ -z "$bad" ] || echo "names that should not be so:" $bad
echo "R1 symbols: $(echo "$exported" | wc -l) exported, $(echo "$global" | wc -l) global in the archive, $(echo $bad | wc -w) failures"
[ -z "$bad" ]
