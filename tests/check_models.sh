#!/bin/sh
# Real networks against recorded outputs: every folder of $INFER_SHARED/models and
# $INFER_SHARED/wanted, with oneDNN and without, at every ISA level (one that the CPU lacks is
# lowered; levels below the best are without oneDNN), on all threads and on one. Models whose
# recorded outputs can't be met to 1e-3 are named in tests/model_tolerances.txt, those that do not
# pass yet in tests/wanted.txt, both with the reason. The small files of wanted have no outputs:
# they are to run.
set -u
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
if [ ! -d "$INFER_SHARED/models" ]; then
    echo "skipped: there is no folder of real networks ($INFER_SHARED/models)"
    exit 0
fi
passed=0 failed=0

fail() { # fail WHAT
    echo "FAILED  $1"
    failed=$((failed + 1))
}

# Whether tests/wanted.txt says that something can't pass yet.
is_listed() { # is_listed NAME
    grep -q "^$1 " tests/wanted.txt
}

verify() { # verify FOLDER TOLERANCE OPTIONS
    # shellcheck disable=SC2086
    "$BUILD/infer" verify "$1/model.onnx" --data "$1" --tolerance "$2" $3 2>&1
}

check_folder() { # check_folder FOLDER
    name=$(basename "$1")
    tolerance=$(sed -n "s/^$name \([0-9.]*\) .*/\1/p" tests/model_tolerances.txt)
    for options in "" "--threads 1" --no-onednn "--isa c" "--no-onednn --isa avx2" \
        "--no-onednn --isa avx512" "--no-onednn --isa avx512vnni"; do
        if out=$(verify "$1" "${tolerance:-1e-3}" "$options"); then
            passed=$((passed + 1))
        else
            fail "$name $options: $out"
        fi
    done
}

for folder in "$INFER_SHARED"/models/*/ "$INFER_SHARED"/wanted/*/; do
    folder=${folder%/}
    [ -f "$folder/model.onnx" ] || continue
    if ! is_listed "$(basename "$folder")"; then
        check_folder "$folder"
    elif verify "$folder" 1e-3 "" >/dev/null; then
        fail "$(basename "$folder") passes: take it out of tests/wanted.txt"
    fi
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Converts a small file, with a size for its free axis, and runs it.
run_small() { # run_small FILE
    shape=
    case $1 in */if_*) shape="--input-shape x=1x4" ;; esac
    # shellcheck disable=SC2086
    "$BUILD/infer" convert "$1" -o "$tmp/small.infer" $shape 2>&1 &&
        "$BUILD/infer" run "$tmp/small.infer" --random 1 2>&1
}

for model in "$INFER_SHARED"/wanted/small/*.onnx; do
    [ -f "$model" ] || continue
    name=small/$(basename "$model")
    if out=$(run_small "$model"); then
        is_listed "$name" && fail "$name runs: take it out of tests/wanted.txt"
        passed=$((passed + 1))
    elif ! is_listed "$name"; then
        fail "$name: $out"
    fi
done
echo "models: $passed passed, $failed failed"
[ "$failed" = 0 ]
