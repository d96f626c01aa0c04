#!/bin/sh
# A server under a mixed load for SOAK_SECONDS (60; `make soak SECONDS=3600`): pictures and tensors come at a
# steady rate while models are replaced and loaded by call, while clients are killed within their requests, send
# half of one and go, or ask for nothing. No request of the steady load fails, memory and descriptors stay flat.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/signs_check.sh
: "${SOAK_SECONDS:=60}" "${SOAK_RATE:=20}"
pids=
trap 'kill -9 $pids 2>/dev/null; rm -rf "$tmp"' EXIT
fail() {
    echo "FAILED  soak: $*"
    exit 1
}

full=$(cd "$BUILD" && pwd)/infer
mkdir "$tmp/store"
# shellcheck disable=SC2046 # words
(cd $signs && "$full" convert signs.onnx -o "$tmp/signs.infer" $(cat convert.args)) >/dev/null || fail "convert"
for name in signs spare; do
    cp "$tmp/signs.infer" "$tmp/store/$name.infer"
done
: >"$tmp/said"
"$infer" serve "$tmp/store" --port 0 --management-port 0 --poll 200 --monitor --cache 1MB --access-log "$tmp/log" \
    2>"$tmp/said" &
server=$!
pids=$server
port=
for _ in $(seq 100); do
    port=$(sed -n 's/.*serving on port \([0-9]*\).*/\1/p' "$tmp/said")
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || fail "the server does not start: $(cat "$tmp/said")"
at=http://127.0.0.1:$port

# The steady load: all pictures, whose answers are too many to be kept, and a tensor as bytes.
load() { # load NAME PATH OPTIONS...
    name=$1 path=$2
    shift 2
    "$infer" hammer "$at$path" "$@" --rate "$SOAK_RATE" --duration "$SOAK_SECONDS" --warmup 0 --json \
        >"$tmp/$name.json" 2>"$tmp/$name.said" &
    pids="$pids $!"
}
mkdir "$tmp/pictures"
cp $signs/pictures/*.jpg "$tmp/pictures"
head -c 49152 /dev/zero >"$tmp/tensor"
load pictures /predictions/signs --body "$tmp/pictures" --check '"class"'
pictures=$!
load tensors /v2/models/signs/infer --body "$tmp/tensor" --header 'Inference-Header-Content-Length: 0'
tensors=$!

resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$server/status; }
descriptors() { ls /proc/$server/fd | wc -l; }
wave() { # what disturbs it
    cp "$tmp/signs.infer" "$tmp/part" && mv "$tmp/part" "$tmp/store/signs.infer"
    "$infer" hammer "$at/predictions/signs" --body "$tmp/pictures" --connections 8 --duration 60 >/dev/null 2>&1 &
    victim=$!
    "$infer" hammer "$at/v2/repository/models/spare/unload" --method POST --requests 1 --connections 1 --warmup 0 \
        >/dev/null 2>&1
    "$infer" hammer "$at/v2/repository/models/spare/load" --method POST --requests 1 --connections 1 --warmup 0 \
        >/dev/null 2>&1
    sleep 1
    kill -9 $victim
    wait $victim 2>/dev/null
    timeout 1 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; printf 'POST /predictions/signs HTTP/1.1\r\nHo' >&3" 2>/dev/null
}

waves=0 early=0 late=0
begun=$(date +%s)
while kill -0 $pictures 2>/dev/null; do
    wave
    waves=$((waves + 1))
    now=$(resident) passed=$(($(date +%s) - begun))
    : >"$tmp/log" # it grows without end else
    if [ $((passed * 2)) -lt "$SOAK_SECONDS" ]; then # all that grows at first has grown by half-time
        [ "$now" -gt "$early" ] && early=$now
    else
        [ "$now" -gt "$late" ] && late=$now
    fi
    [ "$passed" -lt $((SOAK_SECONDS + 60)) ] || fail "the load does not end"
done
wait $pictures || fail "pictures: $(cat "$tmp/pictures.json" "$tmp/pictures.said")"
wait $tensors || fail "tensors: $(cat "$tmp/tensors.json" "$tmp/tensors.said")"
sleep 2
open=$(descriptors)
# Its own, and not those of all the clients that are gone.
[ "$open" -le 40 ] || fail "$open descriptors are left open: $(ls -l /proc/$server/fd | sed 's/.*-> //; s/:.*//' | sort | uniq -c)"
# An address sanitizer keeps what is freed.
if [ -z "${ASAN_OPTIONS:-}" ] && ! grep -q __asan_init "$infer"; then
    [ "$late" -le $((early + early / 20 + 4096)) ] || fail "memory grows: $early kB at first, then $late kB"
fi
kill -TERM $server
wait $server || fail "it does not end well on SIGTERM"
answered() { sed -n 's/.*"answered": \([0-9]*\), "failed": 0,.*/\1/p' "$tmp/$1.json" | head -n 1; }
echo "soak: ok: $SOAK_SECONDS s, $(answered pictures) pictures and $(answered tensors) tensors, none failed; $waves waves of" \
    "reloads and killed clients; at most $early kB before half-time, $late kB after; $open descriptors"
