#!/bin/sh
# The page of infer serve in a headless Chromium, if one is installed (CHROMIUM names another): pictures that are
# chosen, dropped, taken by a camera; what is drawn; keyboard, screen reader, phone, contrast; no outside request,
# nothing on the console. tests/page/check.py does it; PAGE_PICTURE=FILE keeps a screenshot of the page on a phone.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/signs_check.sh
command -v python3 >/dev/null || {
    echo "skipped: there is no python3"
    exit 0
}
PYTHONDONTWRITEBYTECODE=1 python3 -c 'import sys; sys.path.insert(0, "tests/page"); import browser
sys.exit(not browser.find())' || {
    echo "skipped: no chromium is installed"
    exit 0
}
model=$tmp/signs.infer
check convert "$infer" convert $signs/signs.onnx -o "$model" --labels $signs/labels.txt --resize 72 \
    --crop 64 --mean 127,122,118 --scale 0.0185,0.0195,0.0185
check reference "$infer" reference "$model" --data $signs/pictures
[ "$failed" = 0 ] || exit 1
PYTHONDONTWRITEBYTECODE=1 python3 tests/page/check.py "$infer" "$model" $signs/pictures/stop-1.jpg
