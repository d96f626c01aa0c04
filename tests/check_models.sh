#!/bin/sh
# Real networks against recorded outputs: every folder of $INFER_SHARED/models, with oneDNN and
# without, at every ISA level (one that the CPU lacks is lowered; levels below the best are without
# oneDNN), on all threads and on one. Models whose recorded outputs can't be met to 1e-3 are named
# in tests/model_tolerances.txt, with the reason.
set -u
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
models=$INFER_SHARED/models
if [ ! -d "$models" ]; then
    echo "skipped: there is no folder of real networks ($models)"
    exit 0
fi
passed=0 failed=0
for model in "$models"/*/model.onnx; do
    folder=$(dirname "$model")
    name=$(basename "$folder")
    tolerance=$(sed -n "s/^$name \([0-9.]*\) .*/\1/p" tests/model_tolerances.txt)
    for options in "" "--threads 1" --no-onednn "--isa c" "--no-onednn --isa avx2" \
        "--no-onednn --isa avx512" "--no-onednn --isa avx512vnni"; do
        # shellcheck disable=SC2086
        if out=$("$BUILD/infer" verify "$model" --data "$folder" \
            --tolerance "${tolerance:-1e-3}" $options 2>&1); then
            passed=$((passed + 1))
        else
            echo "FAILED  $name $options: $out"
            failed=$((failed + 1))
        fi
    done
done
echo "models: $passed passed, $failed failed"
[ "$failed" = 0 ]
