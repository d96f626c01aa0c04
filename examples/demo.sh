#!/bin/sh
# From the bundled ONNX models and pictures to answers: classes, boxes, classes of pixels, in float and
# in int8; `make demo` builds first and then runs this.
#   BUILD=build examples/demo.sh
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}"
infer=$BUILD/infer out=$BUILD/demo signs=examples/signs scenes=examples/scenes
held=$scenes/pictures
rm -rf "$out"
mkdir -p "$out"
infer_full=$(cd "$(dirname "$infer")" && pwd)/infer out_full=$(cd "$out" && pwd)

convert() { # convert FOLDER NAME ARGS: to $out/NAME.infer
    echo "== convert: $1/$2.onnx -> $out/$2.infer"
    # The arguments name labels beside the model, so the conversion runs there.
    # shellcheck disable=SC2046
    (cd "$1" && "$infer_full" convert "$2.onnx" -o "$out_full/$2.infer" $(cat "$3")) |
        sed "s|$out_full|$out|"
}

int8() { # int8 NAME: $out/NAME.int8.infer, made with pictures and no labels
    echo "== quantize: $out/$1.infer -> $out/$1.int8.infer"
    "$infer" quantize "$out/$1.infer" --images "$held/images" -o "$out/$1.int8.infer" |
        grep '^size:\|^speed:'
}

compare() { # compare NAME NUMBER DATA OPTIONS...: of the float model and of the one in int8
    name=$1 number=$2 data=$3
    shift 3
    echo "== eval: $out/$name.infer (this) and $out/$name.int8.infer (versus)"
    "$infer" eval "$out/$name.infer" --data "$data" --versus "$out/$name.int8.infer" "$@" 2>/dev/null |
        sed -n '/^comparison/,/^$/p' | grep "^ *name \|^ *$number "
}

convert $signs signs convert.args
echo
echo "== classify: $signs/pictures"
"$infer" classify "$out/signs.infer" $signs/pictures/*.jpg $signs/pictures/*.png --top 3 \
    --annotate "$out/classes" --labels-csv $signs/pictures/labels.csv

echo
convert $scenes detector detector.args
int8 detector
echo "== detect: $held/images"
"$infer" detect "$out/detector.infer" $held/images --score 0.5 --draw "$out/boxes" | sed 's/^  written:/  drawn:/'
compare detector AP50 $held/truth.json

echo
convert $scenes segmenter segmenter.args
int8 segmenter
echo "== segment: $held/images"
"$infer" segment "$out/segmenter.infer" $held/images --draw "$out/masks" | sed 's/^  written:/  drawn:/'
compare segmenter mIoU $held/masks --images $held/images --classes $scenes/classes.txt

echo
"$infer" sheet "$out"/classes/*-1.png "$out/boxes" "$out/masks" -o "$out/sheet.png" --columns 8 \
    --cell 160 --page "$out/index.html" --title "Classes, boxes and masks" >/dev/null
echo "Look at $out/sheet.png, or at $out/index.html in a browser: every picture with its answers."
