#!/bin/sh
# infer quantize and infer export on the bundled model: at most one of its pictures is lost, the
# file is small, the reports are whole, and ONNX made of it gives the same answers.
set -u
. tests/signs_check.sh

right() { # right MODEL: how many of the bundled pictures it knows
    "$infer" classify "$1" $signs/pictures/*.jpg $signs/pictures/*.png --top 1 \
        --labels-csv $signs/pictures/labels.csv | sed -n 's/^top-1 accuracy: \([0-9]*\) of.*/\1/p'
}

answers() { # answers MODEL: labels and scores of every bundled picture
    "$infer" classify "$1" $signs/pictures/*.jpg --top 1 | sed -n 's/^ *\([0-9.]* %\)/\1/p'
}

infer_full=$(cd "$(dirname "$infer")" && pwd)/infer
# shellcheck disable=SC2046
(cd $signs && "$infer_full" convert signs.onnx -o "$tmp/signs.infer" $(cat convert.args)) >/dev/null
before=$(right "$tmp/signs.infer")

for options in "" "--calibration minmax" "--calibration percentile" "--calibration entropy" \
    "--calibration mse" "--no-equalise --no-bias-correction" "--samples 8"; do
    # shellcheck disable=SC2086
    check "quantize $options" "$infer" quantize "$tmp/signs.infer" --images $signs/pictures \
        -o "$tmp/int8.infer" --all-int8 $options
    after=$(right "$tmp/int8.infer")
    check "quantize $options: $after of $before pictures" test "${after:-0}" -ge $((before - 1))
done
check "the file is at most half as large" test \
    $(($(wc -c <"$tmp/int8.infer") * 2)) -lt "$(wc -c <"$tmp/signs.infer")"
check "inspect reads it" "$infer" inspect "$tmp/int8.infer"

# the fewest steps back to float; an HTML report that refers to nothing outside it
check "a search" "$infer" quantize "$tmp/signs.infer" --images $signs/pictures \
    --labels $signs/pictures/labels.csv -o "$tmp/drop.infer" --max-drop 0 --all-int8 \
    --report "$tmp/report.html"
check "no picture is lost" test "$(right "$tmp/drop.infer")" = "$before"
check "the report has pictures" grep -q '<svg' "$tmp/report.html"
check "the report is whole" grep -q '</html>' "$tmp/report.html"
check "the report stands alone" sh -c "! grep -q 'http\|<script\|<link\|src=' '$tmp/report.html'"

# the default: what is faster in float stays float, and says why
check "the default" "$infer" quantize "$tmp/signs.infer" --images $signs/pictures \
    -o "$tmp/fast.infer" --threads 1 --report "$tmp/report.json"
check "its report is JSON" sh -c "'$BUILD/tests/test_tool_cli' --check-json model output \
    bytes_before bytes_after int8_steps float_ms int8_ms accuracy drop steps tensors histogram \
    <'$tmp/report.json'"
check "its model answers" test "$(right "$tmp/fast.infer")" -ge $((before - 1))

# the same answers as ONNX
check "export" "$infer" export --qdq "$tmp/int8.infer" -o "$tmp/int8.onnx"
# shellcheck disable=SC2046
(cd $signs && "$infer_full" convert "$tmp/int8.onnx" -o "$tmp/back.infer" $(cat convert.args)) \
    >/dev/null
answers "$tmp/int8.infer" >"$tmp/answers"
answers "$tmp/back.infer" >"$tmp/again"
check "there are answers" test -s "$tmp/answers"
check "the export gives the same answers" cmp "$tmp/answers" "$tmp/again"

for wrong in "--samples 0" "--calibration x" "--max-drop x" "--max-drop -1" "--report $tmp/none/r.html"; do
    # shellcheck disable=SC2086
    "$infer" quantize "$tmp/signs.infer" --images $signs/pictures -o "$tmp/wrong.infer" --all-int8 \
        $wrong >"$tmp/out" 2>"$tmp/err" && {
        echo "FAILED  quantize $wrong is accepted"
        failed=$((failed + 1))
    }
done
[ "$failed" = 0 ] && echo "infer quantize: all checks passed"
[ "$failed" = 0 ]
