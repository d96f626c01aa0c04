#!/bin/sh
# Three replicas behind HAProxy with deploy/haproxy.cfg, and a load on them. One is told to end and
# is started again, one is killed, and all take up a new version of the model: no request fails.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v haproxy >/dev/null || {
    echo "skipped: there is no haproxy"
    exit 0
}
. tests/signs_check.sh
pids=
trap 'kill -9 $pids 2>/dev/null; rm -rf "$tmp"' EXIT
seconds=9 rate=100
fail() {
    echo "FAILED  replicas: $*"
    exit 1
}
until_true() { # until_true WHAT COMMAND...
    what=$1
    shift
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "$what"
}

full=$(cd "$BUILD" && pwd)/infer
mkdir -p "$tmp/models/signs/1"
# shellcheck disable=SC2046 # words
(cd $signs && "$full" convert signs.onnx -o "$tmp/models/signs/1/model.infer" $(cat convert.args)) >/dev/null ||
    fail "convert"

port_of() { sed -n 's/.*serving on port \([0-9]*\).*/\1/p' "$tmp/said.$1"; }
says_port() { [ -n "$(port_of "$1")" ]; }
# Sets $pid: a subshell could not wait for it.
start() { # start NAME PORT
    : >"$tmp/said.$1"
    "$infer" serve "$tmp/models" --port "$2" --no-management --poll 200 --threads 1 2>"$tmp/said.$1" &
    pid=$!
    pids="$pids $pid"
    until_true "replica $1 does not start: $(cat "$tmp/said.$1")" says_port "$1"
}
start 1 0
one=$pid
start 2 0
two=$pid
start 3 0

# The configuration as it is, but for where things listen.
sed -e "s|bind :8000|bind unix@$tmp/front|; s|127.0.0.1:8101|127.0.0.1:$(port_of 1)|" \
    -e "s|127.0.0.1:8102|127.0.0.1:$(port_of 2)|; s|127.0.0.1:8103|127.0.0.1:$(port_of 3)|" \
    deploy/haproxy.cfg >"$tmp/haproxy.cfg"
: >"$tmp/haproxy"
haproxy -db -f "$tmp/haproxy.cfg" >"$tmp/haproxy" 2>&1 &
pids="$pids $!"
asks() { # asks PATH: through HAProxy
    "$infer" hammer "http://127.0.0.1$1" --unix-socket "$tmp/front" --requests 1 --connections 1 --warmup 0
}
until_true "HAProxy does not serve: $(cat "$tmp/haproxy")" asks /v2/health/ready

"$infer" hammer http://127.0.0.1/predictions/signs --unix-socket "$tmp/front" --body $signs/pictures/stop-1.jpg \
    --check stop --rate $rate --duration $seconds --warmup 0 --json >"$tmp/load" 2>"$tmp/load.said" &
load=$!
pids="$pids $load"
sleep 1.5
port=$(port_of 1)
kill -TERM "$one"
wait "$one" || fail "a replica does not end well on SIGTERM"
start 1 "$port"
sleep 1.5
kill -KILL "$two"
sleep 1.5
mkdir "$tmp/next"
cp "$tmp/models/signs/1/model.infer" "$tmp/next/model.infer"
mv "$tmp/next" "$tmp/models/signs/2"
until_true "version 2 is not taken up" asks /v2/models/signs/versions/2/ready
kill -0 $load 2>/dev/null || fail "the load was over before all was done: $(cat "$tmp/load" "$tmp/load.said")"
wait $load || fail "requests failed: $(cat "$tmp/load" "$tmp/load.said")"
sent=$(sed -n 's/.*"answered": \([0-9]*\), "failed": 0,.*/\1/p' "$tmp/load" | head -n 1)
[ "${sent:-0}" -gt $((rate * seconds / 2)) ] || fail "only ${sent:-0} requests were answered"
echo "replicas: ok: $sent requests, none failed: one replica ended and started again, one killed, a version rolled out"
