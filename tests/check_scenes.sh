#!/bin/sh
# The bundled detector and segmenter on the bundled held-out pictures, in float and in int8: they reach
# what examples/scenes/README.md says.
set -u
. tests/signs_check.sh
scenes=examples/scenes held=examples/scenes/pictures

convert() { # convert NAME: to $tmp/NAME.infer, as the arguments beside it say
    infer_full=$(cd "$(dirname "$infer")" && pwd)/infer
    # shellcheck disable=SC2046
    (cd $scenes && "$infer_full" convert "$1.onnx" -o "$tmp/$1.infer" $(cat "$1.args")) >/dev/null
}

for model in detector segmenter; do
    check "$model: at most 1.5 MB" test "$(wc -c <$scenes/$model.onnx)" -le 1500000
    check "convert $model" convert $model
    # Calibrated with the same pictures, of which it sees no truth.
    check "quantize $model" "$infer" quantize "$tmp/$model.infer" --images $held/images \
        --all-int8 -o "$tmp/$model.int8.infer"
done

judge() { # judge WHAT GOAL MODEL DATA OPTIONS...
    what=$1 model=$3 data=$4
    echo "$2" >"$tmp/goal"
    shift 4
    check "$what" "$infer" eval "$model" --data "$data" --kpi "$tmp/goal" "$@"
}

masks="$held/masks --images $held/images --classes $scenes/classes.txt"
# What is measured is 0.978 and 0.827. In float sums in another order move scores in the sixth digit: an
# object that flips is one of 110, worth 0.01 of AP50, and a flipped pixel much less. In int8 each CPU
# rounds its own way: the loss, none where it was measured, may become two objects.
judge "boxes" "AP50 >= 0.957" "$tmp/detector.infer" $held/truth.json
judge "boxes in int8" "AP50 >= versus - 0.02" "$tmp/detector.int8.infer" $held/truth.json \
    --versus "$tmp/detector.infer"
# shellcheck disable=SC2086
judge "masks" "mIoU >= 0.817" "$tmp/segmenter.infer" $masks
# shellcheck disable=SC2086
judge "masks in int8" "mIoU >= versus - 0.02" "$tmp/segmenter.int8.infer" $masks \
    --versus "$tmp/segmenter.infer"

echo "scenes: $failed failed"
[ "$failed" = 0 ]
