#!/bin/sh
# examples/cluster on a cluster of this machine: Ray and Dask give what a plain run gives.
#   PYTHON=python3 make check-cluster    one that has ray and dask; else they are installed first
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/signs_check.sh
venv=$BUILD/cluster
python=${PYTHON:-$venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -f "$venv/complete" ] || {
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/pip" -q install 'ray[data]' 'dask[distributed]' &&
        touch "$venv/complete" || {
        echo "skipped: ray and dask can't be installed"
        exit 0
    }
}
full=$(cd "$BUILD" && pwd)/infer
# shellcheck disable=SC2046 # words
(cd $signs && "$full" convert signs.onnx -o "$tmp/signs.infer" $(cat convert.args)) >/dev/null || exit 1
mkdir "$tmp/pictures"
cp $signs/pictures/*.jpg $signs/pictures/*.png "$tmp/pictures"
echo "no picture" >"$tmp/pictures/broken.jpg"

plain() {
    PYTHONPATH=examples/cluster "$python" -c "import sys, scoring
scoring.print_rows(scoring.score(scoring.pictures_of(sys.argv[3]), sys.argv[1], sys.argv[2]))" "$@"
}
check "a plain run" plain "$full" "$tmp/signs.infer" "$tmp/pictures"
cp "$tmp/out" "$tmp/plain"
rows=$(wc -l <"$tmp/plain")
[ "$rows" -gt 40 ] && grep -q '"label": "stop"' "$tmp/plain" && grep -q 'broken.jpg.*not a JPEG' "$tmp/plain" || {
    echo "FAILED  the plain run: $rows rows"
    failed=$((failed + 1))
}
for name in ray dask; do
    check "$name" env BATCH=10 timeout 300 "$python" "examples/cluster/with_$name.py" "$full" "$tmp/signs.infer" \
        "$tmp/pictures"
    cp "$tmp/out" "$tmp/scored"
    check "$name gives what a plain run gives" diff "$tmp/plain" "$tmp/scored"
done
[ "$failed" = 0 ] && echo "cluster: ok: $rows pictures, by Ray and by Dask"
[ "$failed" = 0 ]
