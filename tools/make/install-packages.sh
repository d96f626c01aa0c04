#!/bin/sh
# Installs the packages of the given groups of packages.txt that are missing; with sudo when not
# root; does nothing, and needs no network, when all are present.
#   tools/make/install-packages.sh build test
set -eu
here=$(dirname "$0")
missing=
for group in "$@"; do
    for package in $(sed -n "s/^$group //p" "$here/packages.txt"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
    $sudo apt-get update -q
    $sudo apt-get install -y -q --no-install-recommends $missing
}
