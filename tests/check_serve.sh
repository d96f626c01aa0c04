#!/bin/sh
# infer serve as people call it: curl's calls from docs/serving.md, on a store that infer archive made.
set -u
: "${BUILD:=build}"
infer=$BUILD/infer
command -v curl >/dev/null || {
    echo "skipped: there is no curl"
    exit 0
}
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$tmp"' EXIT
passed=0 failed=0

wrong() {
    echo "FAILED  $*"
    failed=$((failed + 1))
}

# expect STATUS CURL'S ARGUMENTS...: the answer goes to $tmp/out.
expect() {
    want=$1
    shift
    got=$(curl -s -m 20 -o "$tmp/out" -w '%{http_code}' "$@")
    if [ "$got" = "$want" ]; then
        passed=$((passed + 1))
    else
        wrong "status $got, not $want: curl $*"
        head -c 300 "$tmp/out"
    fi
}

says() {
    if grep -q -a -- "$1" "$tmp/out"; then
        passed=$((passed + 1))
    else
        wrong "'$1' is missing in:"
        head -c 300 "$tmp/out"
    fi
}

signs=examples/signs picture=examples/signs/pictures/stop-1.jpg
"$infer" convert $signs/signs.onnx -o "$tmp/signs.infer" --labels $signs/labels.txt --resize 72 --crop 64 \
    --mean 127,122,118 --scale 0.0185,0.0195,0.0185 >/dev/null || wrong "convert"
"$infer" archive "$tmp/signs.infer" --store "$tmp/store" --note author=me >"$tmp/out" || wrong "archive"
says 'signs/1/model.infer: '

"$infer" serve "$tmp/store" --port 0 --management-port 0 2>"$tmp/log" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q 'serving on port' "$tmp/log" && break
    sleep 0.1
done
port=$(sed -n 's/^infer: serving on port \([0-9]*\).*/\1/p' "$tmp/log")
management=$(sed -n 's/^infer: serving.*management on port \([0-9]*\).*/\1/p' "$tmp/log")
at=http://127.0.0.1:$port manage=http://127.0.0.1:$management

# MXNet Model Server, TorchServe, SageMaker
expect 200 "$at/ping" && says '"status": "Healthy"'
expect 200 -F input0=@$picture "$at/signs/predict" && says '"class": "stop"'
expect 200 -F data=@$picture "$at/predictions/signs" && says '"probability": '
expect 200 -T $picture "$at/predictions/signs" && says '"class": "stop"'
expect 200 -X POST -T $picture "$at/predictions/signs/1" && says '"class": "stop"'
expect 200 --data-binary @$picture "$at/predictions/signs?top=1" && says '"class": "stop"'
expect 200 -T $picture "$at/invocations" && says '"class": "stop"'
expect 200 -X POST -T $picture "$at/models/signs/invoke" && says '"class": "stop"'
expect 200 -T $picture "$at/predictions/signs?draw=png" && says 'PNG'
expect 200 -F a=@$picture -F b=@$picture -F top=1 "$at/predictions/signs" && says '"class": "stop"'
expect 200 -H 'Transfer-Encoding: chunked' -T $picture "$at/predictions/signs" && says '"class": "stop"'
gzip -c $picture >"$tmp/picture.gz"
expect 200 -H 'Content-Encoding: gzip' --data-binary "@$tmp/picture.gz" "$at/predictions/signs" && says stop
expect 404 -T $picture "$at/predictions/nobody" && says 'ModelNotFoundException'
expect 400 -d x "$at/predictions/signs" && says 'BadRequestException'
expect 200 -X OPTIONS "$at/predictions/signs" && says '3.0.1'
expect 200 "$manage/models" && says '"modelName": "signs"'
expect 200 "$manage/models/signs" && says '"modelUrl": "signs/1/model.infer"'
expect 200 -X POST "$manage/models?url=signs/1/model.infer&model_name=two" && says 'Workers scaled'
expect 200 -T $picture "$at/predictions/two" && says '"class": "stop"'
expect 200 -X DELETE "$manage/models/two" && says 'unregistered'
expect 404 -T $picture "$at/predictions/two"

# TensorFlow Serving
printf '{"instances": [{"b64": "%s"}]}' "$(base64 -w 0 $picture)" >"$tmp/body"
expect 200 -d "@$tmp/body" "$at/v1/models/signs:predict" && says '"predictions": '
printf '{"examples": [{"b64": "%s"}]}' "$(base64 -w 0 $picture)" >"$tmp/body"
expect 200 -d "@$tmp/body" "$at/v1/models/signs:classify" && says '"stop"'
expect 200 "$at/v1/models/signs" && says '"AVAILABLE"'
expect 200 "$at/v1/models/signs/metadata" && says 'signatureDef'

kill "$server" && wait "$server" || wrong "exit status $? behind SIGTERM"
server=
echo "serving: $passed passed, $failed failed"
[ "$failed" = 0 ]
