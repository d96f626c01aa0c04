#!/bin/sh
# Unpacks packages of another architecture into a folder, for a build that links them; the system's
# own packages stay as they are.
#   tools/make/foreign-packages.sh arm64 build-aarch64/root libcmocka-dev libcmocka0
set -eu
arch=$1 root=$2
shift 2
[ ! -d "$root" ] || exit 0
part=$(mktemp -d)
trap 'rm -rf "$part"' EXIT
mkdir -p "$part/lists/partial" "$part/cache/archives/partial" "$part/root"
apt() {
    (cd "$part" && apt-get -q -o Dir::State::lists="$part/lists" -o Dir::Cache="$part/cache" \
        -o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Architectures::="$arch" "$@")
}
packages=
for package in "$@"; do
    packages="$packages $package:$arch"
done
# shellcheck disable=SC2086
{ apt update && apt download $packages; } >"$part/log" 2>&1 || {
    cat "$part/log" >&2
    echo "packages of $arch can't be had" >&2
    exit 1
}
for deb in "$part"/*.deb; do
    dpkg-deb -x "$deb" "$part/root"
done
mkdir -p "$(dirname "$root")"
mv "$part/root" "$root"
