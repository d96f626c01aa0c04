#!/bin/sh
# Real networks of the shared folder on its real pictures, as a page: `make gallery` calls it.
#   bench/gallery.sh BUILD SHARED
# Writes BUILD/gallery/index.html, with the pictures beside it. Pictures and networks belong to their
# authors and stay where they are.
set -eu
build=$1 shared=$2 out=$1/gallery
infer=$build/infer
[ -d "$shared/models" ] || {
    echo "gallery: skipped: there is no $shared/models"
    exit 0
}
rm -rf "$out"
mkdir -p "$out"
page=$out/index.html.part

cat >"$page" <<'END'
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>libinfer: networks and pictures</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top; max-width: 24em }
img { max-width: 100%; height: auto }
figcaption, pre { font-size: 13px; white-space: pre-wrap; margin: 0 }
</style>
<h1>Networks and pictures</h1>
<p>Every network as it was published, converted and run by <code>infer</code>.</p>
END

escape() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

# A network's section: its title, how it is converted, the command that answers, its pictures.
section() { # section TITLE MODEL COMMAND DRAW PICTURES -- OPTIONS OF CONVERT
    title=$1 model=$2 command=$3 draw=$4 pictures=$5
    shift 6
    folder=$out/$model
    mkdir -p "$folder"
    echo "$model" >&2
    "$infer" convert "$shared/models/$model/model.onnx" -o "$folder/model.infer" "$@" >/dev/null
    {
        echo "<h2>$title</h2><p><code>infer convert $model.onnx $*</code></p>"
        for picture in $pictures; do
            [ -f "$shared/images/$picture" ] || continue
            text=$("$infer" "$command" "$folder/model.infer" "$shared/images/$picture" \
                "--$draw" "$folder" | grep '^  ' | grep -v 'written:' | head -n 8 | escape)
            drawn=$(ls -t "$folder" | grep '\.png$' | head -n 1)
            echo "<figure><img src=\"$model/$drawn\" alt=\"\"><figcaption>$text</figcaption></figure>"
        done
    } >>"$page"
    rm "$folder/model.infer"
}

coco="coco/images/000000000017.jpg coco/images/000000000005.jpg coco/images/000000000089.jpg"
faces="coco/images/000000000017.jpg coco/images/000000000079.jpg"
things=$(cd "$shared/images" && ls imagenet/*.JPEG | sed -n '5p;50p;120p' | tr '\n' ' ')
section "YOLOv8n: 80 kinds of things" yolov8n-coco-640-fp32 detect draw "$coco" -- --task yolov8
section "YOLOX-nano" yolox-nano-coco-416-opencvzoo detect draw "$coco" -- --task yolox
section "NanoDet" nanodet-m-coco-320 detect draw "$coco" -- --task nanodet
section "SSD MobileNetV1, int8" ssd-mobilenetv1-coco-300-qdq detect draw "$coco" -- --task ssd
section "SCRFD: faces and their points" scrfd-500m-kps-640 detect draw "$faces" -- --task scrfd
section "YuNet: faces and their points" yunet-n-320 detect draw "$faces" -- --task yunet
section "DeepLabV3: a class for each pixel" deeplabv3-mnv2-voc-513-fp32 segment draw "$coco" -- \
    --task segment --resize 513x513 --resampler opencv --mean 127.5 --scale 0.00784314
section "Portrait segmentation" portrait-mnv3-seg-fp32 segment draw "$faces" -- \
    --task segment --resize 256x256 --resampler opencv --mean 127.5 --scale 0.00784314
section "MobileNetV2, int8: 1,001 classes" mobilenetv2-1.0-224-imagenet-qdq classify annotate "$things" -- \
    --resize 256 --crop 224 --mean 127.5 --scale 0.00784314
echo "</html>" >>"$page"
mv "$page" "$out/index.html"
echo "$out/index.html"
