#!/bin/sh
# infer tune on the bundled model: within its time, twice, and the model answers as before.
set -u
. tests/signs_check.sh

within() { # within SECONDS SINCE: at most that long ago
    [ $(($(date +%s) - $2)) -le "$1" ]
}

answers() { # answers MODEL: labels of every bundled picture, in order
    "$infer" classify "$1" $signs/pictures/*.jpg --top 1 | sed -n 's/^ *[0-9.]* %  //p'
}

infer_full=$(cd "$(dirname "$infer")" && pwd)/infer
# shellcheck disable=SC2046
(cd $signs && "$infer_full" convert signs.onnx -o "$tmp/signs.infer" $(cat convert.args)) >/dev/null
cp "$tmp/signs.infer" "$tmp/tuned.infer"
answers "$tmp/signs.infer" >"$tmp/before"
check "there are answers" test -s "$tmp/before"

for round in first second; do
    start=$(date +%s)
    check "$round tuning" "$infer" tune "$tmp/tuned.infer" --time 2
    cp "$tmp/out" "$tmp/said"
    # on a busy machine the time may not suffice to run the whole network often enough
    check "$round tuning says what it did" grep -q 'ms untuned\|[0-9] ms$\|not suffice' "$tmp/said"
    check "$round tuning keeps to its time" within 4 "$start"
    check "$round tuning leaves a good file" "$infer" inspect "$tmp/tuned.infer"
    answers "$tmp/tuned.infer" >"$tmp/after"
    check "the same answers after the $round tuning" cmp "$tmp/before" "$tmp/after"
done
check "a file of its own" "$infer" tune "$tmp/signs.infer" -o "$tmp/other.infer" --time 1 --json
cp "$tmp/out" "$tmp/said"
check "the JSON has the result" sh -c "'$BUILD/tests/test_tool_cli' --check-json model output \
    stored seconds whole threads untuned_ms tuned_ms changes <'$tmp/said'"
check "the other file is good" "$infer" inspect "$tmp/other.infer" --no-tuned
cp "$tmp/signs.infer" "$tmp/half.infer"
if "$infer" inspect "$tmp/half.infer" --precision bf16 >/dev/null 2>&1; then
    check "tuning for bf16" "$infer" tune "$tmp/half.infer" --time 2 --threads 1 --precision bf16
    answers "$tmp/half.infer" >"$tmp/after"
    check "f32 sessions answer as before" cmp "$tmp/before" "$tmp/after"
else
    check "bf16 is refused" sh -c "! '$infer' tune '$tmp/half.infer' --precision bf16 2>'$tmp/said'"
fi
check "an ONNX model is converted" "$infer" tune $signs/signs.onnx -o "$tmp/onnx.infer" --time 1 \
    --threads 1
check "what came of it is good" "$infer" inspect "$tmp/onnx.infer"

for wrong in "--time 0" "--time x" "--threads 0" "--threads 1,x" "--threads 1," \
    "--input-shape input=1" "--precision f16"; do
    # shellcheck disable=SC2086
    "$infer" tune "$tmp/signs.infer" --time 1 $wrong >"$tmp/out" 2>"$tmp/err" && {
        echo "FAILED  tune $wrong is accepted"
        failed=$((failed + 1))
    }
done
"$infer" tune $signs/signs.onnx --time 1 2>/dev/null
check "an ONNX model can't be tuned in place" test $? = 2
"$infer" tune "$tmp/signs.infer" --time 1 -o "$tmp/missing/x.infer" >/dev/null 2>&1
check "a file that can't be written" test $? = 4
[ "$failed" = 0 ] && echo "infer tune: all checks passed"
[ "$failed" = 0 ]
