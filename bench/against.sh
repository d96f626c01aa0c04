#!/bin/sh
# This version beside an older one: builds that in a folder of its own, then runs the networks with
# both in turn, so that a busy host slows both. `make bench-against` calls it.
#   bench/against.sh BUILD REV MODEL...
# WITHOUT: kernels whose names hold this are left out of the older version. THREADS ("1 2"). ROUNDS:
# turns (5); ROUND_SECONDS: of each version in a turn (0.5). The figure of a turn is its median,
# and that of a version the lower quartile of those.
# Writes BUILD/bench/against.md and against.json. Fails where the geometric mean of old over new is
# below 1, or a network's below 0.95.
set -eu
[ $# -ge 3 ] || { echo "bench-against: REV=... is needed, and models: make bench-zoo, or MODELS=..." >&2; exit 2; }
build=$1 rev=$2
shift 2
out=$build/bench
threads=${THREADS:-1 2} rounds=${ROUNDS:-5} seconds=${ROUND_SECONDS:-0.5} without=${WITHOUT:-}
commit=$(git rev-parse --verify --short "$rev^{commit}")
tree=$out/against/$commit${without:+-without-$without}

build_old() {
    [ -x "$tree/build/infer-bench" ] && return
    rm -rf "$tree"
    mkdir -p "$tree"
    git archive "$commit" | tar -x -C "$tree"
    [ -z "$without" ] || sed -i "/^KERNEL(.*$without.*)/d" "$tree/kernels/kernels.def"
    echo "building $commit" >&2
    # The older version's own make, with none of this one's settings.
    env -u MAKEFLAGS -u BUILD make -C "$tree" -j"$(nproc)" BUILD=build \
        build/infer build/infer-bench >"$tree/log" 2>&1 || { tail "$tree/log" >&2; exit 1; }
}

# run VERSION FOLDER MODEL THREADS: a line of one turn.
run() {
    ms=$("$2/infer-bench" "$out/against/$1.infer" -t "$4" --time "$seconds" --json |
        sed 's/.*"median_ms": \([0-9.]*\).*/\1/')
    echo "$3 $4 $1 $ms"
}

measure() {
    for model in "$@"; do
        name=$(basename "$model" .onnx)
        [ "$name" != model ] || name=$(basename "$(dirname "$model")")
        echo "$name" >&2
        "$build/infer" convert "$model" -o "$out/against/new.infer" >/dev/null &&
            "$tree/build/infer" convert "$model" -o "$out/against/old.infer" >/dev/null || {
            echo "$name is left out: not both versions convert it" >&2
            continue
        }
        "$build/infer-bench" "$out/against/new.infer" --time 0.01 >/dev/null 2>&1 || {
            echo "$name is left out: its inputs have free sizes" >&2
            continue
        }
        for n in $threads; do
            for round in $(seq "$rounds"); do
                run old "$tree/build" "$name" "$n"
                run new "$build" "$name" "$n"
            done
        done
    done
}

build_old
measure "$@" >"$out/against/turns"
sort -k1,1 -k2,2n -k3,3 -k4,4n "$out/against/turns" | awk -v rounds="$rounds" -v old="$commit" \
    -v without="$without" -v cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    -v json="$out/against.json.part" '
    # The lower quartile of the turns of a version, which come in order of their times.
    { key = $1 " " $2; if (++count[key, $3] == int((rounds + 3) / 4)) time[key, $3] = $4 }
    !(key in seen) { seen[key] = 1; order[++n] = key }
    END {
        printf "%s; %s%s is the older version; lower quartiles of %d turns, ms.\n\n", cpu, old,
            without == "" ? "" : " without " without, rounds
        print "| model | threads | old | new | old / new |"
        print "|---|---|---|---|---|"
        printf "[" >json
        for (i = 1; i <= n; i++) {
            split(order[i], part, " ")
            ratio = time[order[i], "old"] / time[order[i], "new"]
            sum[part[2]] += log(ratio)
            models[part[2]]++
            low += ratio < 0.95
            printf "| %s | %d | %.3f | %.3f | %s%.3f |\n", part[1], part[2], time[order[i], "old"],
                time[order[i], "new"], ratio < 0.95 ? "below 0.95: " : "", ratio
            printf "%s\n{\"model\": \"%s\", \"threads\": %d, \"old_ms\": %s, \"new_ms\": %s}",
                (i > 1 ? "," : ""), part[1], part[2], time[order[i], "old"], time[order[i], "new"] >json
        }
        print "]" >json
        for (t in sum) {
            mean = exp(sum[t] / models[t])
            low += mean < 1
            printf "| geometric mean of %d | %d | | | %.3f |\n", models[t], t, mean
        }
        exit low > 0
    }' >"$out/against.md.part" && status=0 || status=1
mv "$out/against.md.part" "$out/against.md"
mv "$out/against.json.part" "$out/against.json"
cat "$out/against.md"
exit $status
