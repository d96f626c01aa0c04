#!/bin/sh
# Real clients against infer serve: a Python environment in the build folder, made once, then
# clients.py. Skips with a word where they can't be had.
set -u
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
venv=$BUILD/clients
[ -d "$INFER_SHARED/protocols" ] || {
    echo "skipped: no recordings in $INFER_SHARED"
    exit 0
}
[ -f "$venv/complete-2" ] || {
    rm -rf "$venv"
    python3 -m venv "$venv" || {
        echo "skipped: python3 has no venv"
        exit 0
    }
    "$venv/bin/pip" install -q --disable-pip-version-check 'tritonclient[http,grpc]' numpy || {
        echo "skipped: tritonclient can't be installed"
        exit 0
    }
    touch "$venv/complete-2"
}
"$venv/bin/python" tests/protocols/clients.py "$BUILD" "$INFER_SHARED" || exit 1

# ovmsclient wants an environment of its own: it may need another protobuf.
venv=$BUILD/clients-ovms
[ -f "$venv/complete-1" ] || {
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check ovmsclient || {
        echo "skipped: ovmsclient can't be installed"
        exit 0
    }
    touch "$venv/complete-1"
}
exec "$venv/bin/python" tests/protocols/clients_ovms.py "$BUILD" "$INFER_SHARED"
