#!/bin/sh
# From the bundled ONNX model and pictures to answers; `make demo` builds first and then runs this.
#   BUILD=build examples/demo.sh
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}"
infer=$BUILD/infer out=$BUILD/demo signs=examples/signs
model=$out/signs.infer
mkdir -p "$out"

echo "== convert: $signs/signs.onnx -> $model"
# convert.args names labels.txt beside it, so the conversion runs there.
infer_full=$(cd "$(dirname "$infer")" && pwd)/infer
model_full=$(cd "$out" && pwd)/signs.infer
# shellcheck disable=SC2046
(cd "$signs" && "$infer_full" convert signs.onnx -o "$model_full" $(cat convert.args)) |
    sed "s|^$model_full|$model|"

echo
echo "== classify: $signs/pictures"
"$infer" classify "$model" "$signs"/pictures/*.jpg "$signs"/pictures/*.png --top 3 \
    --annotate "$out" --labels-csv "$signs/pictures/labels.csv"

echo
echo "Look at $out/stop-1.png and its neighbours: each picture with its labels below it."
