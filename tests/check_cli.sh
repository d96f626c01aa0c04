#!/bin/sh
# The programs as a user starts them: infer, infer-bench, the examples, the demo. What the
# subcommands do in detail is in test_tool_cli.c.
set -u
: "${BUILD:=build}"
infer=$BUILD/infer bench=$BUILD/infer-bench json="$BUILD/tests/test_tool_cli --check-json"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

wrong() {
    echo "FAILED  $*"
    failed=$((failed + 1))
}

# expect STATUS COMMAND...: its exit status; output goes to $tmp/out and $tmp/err.
expect() {
    want=$1
    shift
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    if [ "$got" = "$want" ]; then
        passed=$((passed + 1))
    else
        wrong "exit status $got, not $want: $*"
        cat "$tmp/err"
    fi
}

# says TEXT [out|err]: the last output has it.
says() {
    if grep -q -- "$1" "$tmp/${2:-out}"; then
        passed=$((passed + 1))
    else
        wrong "'$1' is missing in:"
        cat "$tmp/${2:-out}"
    fi
}

signs=examples/signs model=$tmp/signs.infer picture=examples/signs/pictures/stop-1.jpg

# infer itself
expect 0 "$infer" --help && says 'Exit status:'
expect 0 "$infer" --version && says '^infer [0-9]'
expect 2 "$infer" && says 'Commands:' err
expect 2 "$infer" no-such-command && says 'no-such-command' err
for command in $("$infer" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    expect 0 "$infer" "$command" --help && says "^  infer $command "
    expect 2 "$infer" "$command" --no-such-option
    case $command in
    classify | detect | segment | pose | embed | track | picture | read) set -- "$tmp/missing.onnx" x ;;
    eval) set -- --predictions "$tmp/missing.json" ;;
    hammer) set -- http://127.0.0.1:1/ --body "$tmp/missing.jpg" ;;
    reference) set -- "$tmp/missing.infer" --data "$tmp" ;;
    drift) set -- "$tmp/missing.infer" "$tmp" ;;
    serve) set -- "$tmp/missing.onnx" ;;
    *) set -- "$tmp/missing.onnx" --json ;;
    esac
    expect 3 "$infer" "$command" "$@"
done

# from ONNX to answers, and files that can't be written
expect 0 "$infer" convert $signs/signs.onnx -o "$model" --labels $signs/labels.txt --resize 72 \
    --crop 64 --mean 127,122,118 --scale 0.0185,0.0195,0.0185
expect 4 "$infer" convert $signs/signs.onnx -o "$tmp/missing/signs.infer"
expect 0 "$infer" classify "$model" $picture --top 1 && says '%  stop$'
expect 3 "$infer" classify "$model" $signs/labels.txt $picture && says '%  stop$'
head -c 1000 "$model" >"$tmp/cut.infer"
expect 3 "$infer" inspect "$tmp/cut.infer"
expect 0 "$infer" inspect "$model" && says 'arena over the steps'

# packed weights
packed=$tmp/packed.infer
expect 0 "$infer" pack "$model" -o "$packed" && says 'packed   for'
expect 0 "$infer" pack "$packed" --list && says 'packed   for'
expect 0 "$infer" pack "$packed" --list --json && says '"usable": true'
expect 0 "$infer" inspect "$packed" && says 'use those in the file'
expect 0 "$infer" pack "$packed" --for c --remove all && says 'packed   for c'
expect 0 "$infer" pack "$packed" --remove all && says 'packed   no' && expect 0 cmp "$packed" "$model"
expect 0 "$infer" convert $signs/signs.onnx -o "$packed" --pack c,native
expect 0 "$infer" inspect "$packed" && says 'packed   for c'
expect 0 "$infer" pack "$model" -o "$packed"
printf '\377' | dd of="$packed" bs=1 seek=$(($(wc -c <"$packed") - 1)) conv=notrunc 2>/dev/null
expect 0 "$infer" classify "$packed" $picture
expect 3 "$infer" inspect "$packed" && says 'kind 12 is damaged' err
expect 2 "$infer" pack "$packed" --for avx3 && says 'native, c, avx2' err
expect 2 "$infer" pack "$packed" --list --for c
expect 2 "$infer" pack $signs/signs.onnx && says 'needs -o' err
expect 0 "$infer" edit "$model" -o "$tmp/edited.onnx" --rename input=x && says "'input' is now 'x'"
expect 0 "$infer" diff "$model" "$tmp/edited.onnx" --brief && says ' values agree '
expect 4 "$infer" edit "$model" -o "$tmp/missing/edited.infer" --rename input=x
expect 0 "$infer" diff $signs/signs.onnx "$model" --brief && says ' values agree '
expect 1 "$infer" diff "$model" --rtol 0 --atol 0 --brief && says '^the first to part: node '
boxes=tests/data/eval/coco/boxes
expect 0 "$infer" eval --predictions $boxes/dt.json --data $boxes/gt.json && says '^  AP50  '
echo 'AP50 >= 0.99' >"$tmp/goals"
expect 1 "$infer" eval --predictions $boxes/dt.json --data $boxes/gt.json --kpi "$tmp/goals"
labels=$signs/pictures/labels.csv
expect 0 "$infer" eval "$model" --data $labels --save "$tmp/scores.csv" && says '^  top1  *1.0000$'
expect 0 "$infer" eval --predictions "$tmp/scores.csv" --data $labels && says '^  top1  *1.0000$'
echo 'top1 >= versus - 0.005' >"$tmp/goals"
expect 0 "$infer" eval "$model" --versus "$tmp/edited.onnx" --data $labels --kpi "$tmp/goals" \
    --resize 72 --crop 64 --mean 127,122,118 --scale 0.0185,0.0195,0.0185 --slice size &&
    says '^  equal  *48$'
expect 0 "$infer" eval "$model" --data $labels --report "$tmp/eval.html"
expect 3 "$infer" eval "$model" --data $labels --images "$tmp" &&
    says '48 of 48 pictures failed' err
expect 2 "$infer" eval "$model" && says 'give --data' err
expect 0 "$infer" reference "$model" --data $signs/pictures -o "$tmp/watched.infer" && says '^  sharpness '
expect 0 "$infer" drift "$tmp/watched.infer" $signs/pictures --report "$tmp/drift.html" &&
    says ' 48 pictures, as the reference$'
expect 3 "$infer" drift "$model" $signs/pictures && says 'no reference statistics' err
if [ -w /dev/full ]; then # a full disk behind standard output must not go unnoticed
    for command in "$infer inspect" "$bench --time 0.05"; do
        $command "$model" >/dev/full 2>"$tmp/err"
        got=$?
        [ $got = 4 ] && passed=$((passed + 1)) || wrong "$command >/dev/full: exit status $got"
    done
fi

# a load on a server
"$BUILD/bench/bare_http" 0 >"$tmp/port" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$tmp/port" ] || sleep 0.2; done
url=http://127.0.0.1:$(sed 's/.* //' "$tmp/port")/
expect 0 "$infer" hammer "$url" --body $picture --requests 50 --check "$(wc -c <$picture)" \
    --server-pid $server && says '50 answered' && says '^  server: '
expect 0 "$infer" hammer "$url" --rate 200 --duration 0.3 --warmup 0 --ideal 0.1 --json &&
    says '"ideal_response_ms": '
expect 1 "$infer" hammer "$url" --requests 5 --check 'not a number'
kill $server
wait $server 2>/dev/null
expect 3 "$infer" hammer "$url" --requests 5 && says 'Connection refused' err

# infer-bench
expect 0 "$bench" --help && says '^Examples:'
expect 2 "$bench"
expect 2 "$bench" "$model" extra
for wrong_option in "--time 0" "-t 0" "-b x" "--isa sse9" "--input-shape x" "--input-shape x=1x" \
    "--input-shape nobody=1x2" "--precision f8" "--no-such"; do
    # shellcheck disable=SC2086
    expect 2 "$bench" "$model" $wrong_option
done
expect 3 "$bench" "$tmp/missing.infer" && says missing.infer err
expect 0 "$bench" "$model" -t 2 --hint throughput --processes --time 0.05 && says '^best for throughput: ' &&
    says '^processes '
expect 0 "$bench" "$model" -t 4 --streams 2 --time 0.05 --json && says '"streams": 2, "threads": 2'
$json model splits best <"$tmp/out" || wrong "infer-bench --streams --json"
expect 2 "$bench" "$model" --hint speed && says 'throughput or latency' err
expect 0 "$bench" "$model" --plan-scaling 1,2,16 --time 0.05 && says '^on 16 threads, by step' &&
    says 'GB/s where there are more than'
expect 0 "$bench" "$model" --plan-scaling 2,4 --time 0.05 --json --bandwidth 100 --l3 8 &&
    says '"server_gbyte_per_s": 100.000' && says '"threads": 4'
$json model precision machine threads <"$tmp/out" || wrong "infer-bench --plan-scaling --json"
for wrong_option in "--plan-scaling 0" "--plan-scaling 1,x" "--plan-scaling 4,,8" "--bandwidth -1"; do
    # shellcheck disable=SC2086
    expect 2 "$bench" "$model" $wrong_option
done
expect 3 "$bench" "$tmp/cut.infer"
expect 0 "$bench" "$model" -t 1 -b 3 --time 0.05 --profile && says ' Softmax '
expect 0 "$bench" "$model" -t 2 --time 0.05 --json --profile --isa c --no-onednn
if $json model precision threads batch runs min_ms median_ms p90_ms p99_ms throughput_per_s \
    load_ms session_ms arena_bytes peak_rss_bytes steps <"$tmp/out"; then
    passed=$((passed + 1))
else
    wrong "infer-bench --json"
fi
says '"threads": 2, "batch": 1, '
expect 0 "$bench" "$model" -b 4 --time 0.05 --json && says '"batch": 4, '
expect 0 "$bench" "$model" --input-shape input=2x3x64x64 --time 0.05 --json && says '"batch": 2, '
expect 2 "$bench" "$model" -b 3 --input-shape input=2x3x64x64 && says 'fixed to 2' err
# bf16 is never silently f32
expect 3 "$bench" "$model" --precision bf16 --isa avx512vnni && says 'needs AVX-512 BF16' err
expect 2 "$infer" inspect "$model" --precision f8 && says 'f32, f32-strict or bf16' err
if "$bench" "$model" --time 0.05 --precision bf16 --json >"$tmp/out" 2>"$tmp/err"; then
    says '"precision": "bf16"'
else
    says 'needs AVX-512 BF16' err
fi
# a batch that the file fixes
expect 0 "$infer" convert $signs/signs.onnx -o "$tmp/fixed.infer" --input-shape input=1x3x64x64
expect 2 "$bench" "$tmp/fixed.infer" -b 4 && says 'fixed to 1' err

# the examples
expect 0 "$BUILD/examples/embed" "$model"
[ "$(wc -l <"$tmp/out")" = 10 ] && passed=$((passed + 1)) || wrong "embed prints ten numbers"
expect 1 "$BUILD/examples/embed" "$tmp/cut.infer" && says INFER_ERROR err
expect 2 "$BUILD/examples/embed"
expect 0 "$BUILD/examples/classify" "$model" $picture && says '  stop$'
expect 1 "$BUILD/examples/classify" "$model" $signs/labels.txt && says INFER_ERROR_PICTURE err
expect 1 "$BUILD/examples/classify" "$model" "$tmp/missing.jpg"
expect 2 "$BUILD/examples/classify"

# the demo: every picture right, and each with a PNG
expect 0 examples/demo.sh && says '^top-1 accuracy: 48 of 48 (100.0 %)$'
written=$(sed -n 's/^  written: //p' "$tmp/out")
# shellcheck disable=SC2086
if [ "$(echo "$written" | wc -l)" = 48 ] && ls $written >/dev/null; then
    passed=$((passed + 1))
else
    wrong "the demo's PNGs"
fi

echo "command line: $passed passed, $failed failed"
[ "$failed" = 0 ]
