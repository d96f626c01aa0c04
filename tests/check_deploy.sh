#!/bin/sh
# The files of deploy/: each is read by the tool that will read it, as far as it is installed, and
# every metric that a rule, a panel or the autoscaler asks for is one that the server has.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/signs_check.sh
pid=
trap 'kill $pid 2>/dev/null; rm -rf "$tmp"' EXIT
has() { # has TOOL WHAT
    command -v "$1" >/dev/null && return
    echo "skipped: there is no $1: $2"
    return 1
}

has haproxy "deploy/haproxy.cfg" && check "haproxy.cfg" haproxy -c -q -f deploy/haproxy.cfg
has envoy "deploy/envoy.yaml" && check "envoy.yaml" envoy --mode validate -c deploy/envoy.yaml
if has promtool "deploy/prometheus"; then
    check "alert rules" promtool check rules deploy/prometheus/infer.rules.yml
    check "tests of the rules" promtool test rules deploy/prometheus/infer.rules.test.yml
    check "prometheus.yml" promtool check config deploy/prometheus/prometheus.yml
fi
if has systemd-analyze "deploy/systemd"; then
    # The unit names a program that is installed later, and its socket is beside it.
    mkdir "$tmp/units"
    cp deploy/systemd/infer.socket "$tmp/units"
    sed "s|/usr/local/bin/infer|$(command -v true)|" deploy/systemd/infer.service >"$tmp/units/infer.service"
    check "units" systemd-analyze verify --man=no "$tmp/units/infer.service" "$tmp/units/infer.socket"
    [ -s "$tmp/err" ] && grep -q "infer\.\(service\|socket\)" "$tmp/err" && {
        echo "FAILED  units: $(cat "$tmp/err")"
        failed=$((failed + 1))
    }
fi
if has kubernetes-validate "deploy/kubernetes against Kubernetes's schemas"; then
    check "kubernetes" kubernetes-validate --strict deploy/kubernetes/infer.yaml deploy/kubernetes/autoscaler.yaml
fi
if has python3 "deploy/kubernetes, deploy/grafana, metrics"; then
    full=$(cd "$BUILD" && pwd)/infer
    # shellcheck disable=SC2046 # words
    check "convert" sh -c "cd $signs && '$full' convert signs.onnx -o '$tmp/signs.infer' $(cat $signs/convert.args)"
    : >"$tmp/said"
    "$infer" serve "$tmp/signs.infer" --port 0 --management-port 0 --monitor 2>"$tmp/said" &
    pid=$!
    management=
    for _ in $(seq 50); do
        management=$(sed -n 's/.*management on port \([0-9]*\).*/\1/p' "$tmp/said")
        [ -n "$management" ] && break
        sleep 0.1
    done
    check "what deploy says of the server" python3 tests/deploy.py "http://127.0.0.1:$management/metrics" "$infer"
    cat "$tmp/out"
    kill $pid
    wait $pid
    pid=
fi
[ "$failed" = 0 ] && echo "deploy: ok"
[ "$failed" = 0 ]
