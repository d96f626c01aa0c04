#!/bin/sh
# Builds libmicrohttpd without TLS as a static library: build-microhttpd.sh FOLDER. Debian's own
# archive calls GnuTLS, whose p11-kit has no static library. The source is Debian's, with Debian's
# patches. apt checks its signature; lists of its own leave those of the machine alone.
set -eu
mkdir -p "$1"
cd "$1"
to=$PWD
. /etc/os-release
[ -e source.list ] || {
    printf 'deb-src http://deb.debian.org/debian %s main\n' "$VERSION_CODENAME"
    printf 'deb-src http://deb.debian.org/debian-security %s-security main\n' "$VERSION_CODENAME"
} > source.list
mkdir -p lists/partial
from="-o Dir::Etc::sourcelist=$to/source.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$to/lists
      -o APT::Sandbox::User=$(id -un) -o Dir::Cache=$to -o Dir::Cache::archives=$to"
# shellcheck disable=SC2086 # words
apt-get -qq $from update
# shellcheck disable=SC2086
apt-get -qq $from source --download-only libmicrohttpd
rm -rf source
mkdir source
tar -xf libmicrohttpd_*.orig.tar.* -C source --strip-components=1
tar -xf libmicrohttpd_*.debian.tar.* -C source
cd source
if [ -e debian/patches/series ]; then
    sed 's/#.*//; /^ *$/d' debian/patches/series | while read -r name _; do
        patch -s -p1 < "debian/patches/$name"
    done
fi
./configure -q --prefix="$to" --disable-https --disable-shared --enable-static --with-pic \
    --disable-doc --disable-examples --disable-curl --disable-nls --disable-dauth --disable-bauth \
    CFLAGS="-O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2"
make -s -C src/microhttpd libmicrohttpd.la
cp src/microhttpd/.libs/libmicrohttpd.a "$to"
