#!/bin/sh
# Latency with and without another process spinning on one CPU: build/bench/neighbour.md and .json.
#   bench/neighbour.sh BUILD THREADS [MODEL.infer|MODEL.onnx...]
# Without a model: MobileNetV2 and ResNet-50 of `make bench-zoo`. For a .onnx file ONNX Runtime is
# timed as well where `make bench-compare` has installed it. RUNS: runs in each state (400).
set -eu
build=$1 threads=$2
shift 2
out=$build/bench
runs=${RUNS:-400}
if [ $# = 0 ]; then
    set -- "$out/zoo/mobilenet_v2.onnx" "$out/zoo/resnet50.onnx"
    if [ ! -f "$1" ] || [ ! -f "$2" ]; then
        echo "bench-neighbour: make bench-zoo ZOO=\"mobilenet_v2 resnet50\" first, or name models: FLATS=..." >&2
        exit 2
    fi
fi
mkdir -p "$out/flat"
md=$out/neighbour.md json=$out/neighbour.json
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
{
    echo "$cpu, $(nproc) CPUs; $runs runs in each state."
    echo
    echo "| model | engine | threads | quiet: median, ms | p99 | busy: median, ms | p99 | ratio of medians | ratio of p99 |"
    echo "|---|---|---|---|---|---|---|---|---|"
} > "$md.part"
echo "[" > "$json.part"
separator=

# measure NAME ENGINE THREADS COMMAND...
measure() {
    name=$1 engine=$2 n=$3
    shift 3
    echo "$name, $engine, threads $n" >&2
    result=$("$out/neighbour" "$runs" -- "$@")
    value() { echo "$result" | sed "s/.*\"$1\": \([0-9.]*\).*/\1/"; }
    echo "| $name | $engine | $n | $(value quiet_median_ms) | $(value quiet_p99_ms) |" \
        "$(value busy_median_ms) | $(value busy_p99_ms) | **$(value median_ratio)** |" \
        "**$(value p99_ratio)** |" >> "$md.part"
    echo "$separator{\"model\": \"$name\", \"engine\": \"$engine\", \"threads\": $n, ${result#?}" \
        >> "$json.part"
    separator=,
}

for model in "$@"; do
    name=$(basename "$model")
    name=${name%.*}
    [ "$name" != model ] || name=$(basename "$(dirname "$model")")
    flat=$model
    case $model in
    *.onnx)
        flat=$out/flat/$name.infer
        "$build/infer" convert "$model" -o "$flat" > /dev/null
        ;;
    esac
    for n in 1 $threads; do
        measure "$name" libinfer "$n" "$build/infer-bench" "$flat" -t "$n" --serve "$out/flat/$name"
    done
    case $model in
    *.onnx)
        if [ -d "$out/node/node_modules/onnxruntime-node" ]; then
            measure "$name" "ONNX Runtime" "$threads" node bench/ort_serve.js "$out/node" "$model" \
                "$out/flat/$name" "$threads"
        fi
        ;;
    esac
done
echo "]" >> "$json.part"
mv "$md.part" "$md"
mv "$json.part" "$json"
cat "$md"
