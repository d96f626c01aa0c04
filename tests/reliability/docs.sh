#!/bin/sh
# Puts the lines of the last make check-reliability into docs/reliability.md, between its markers.
#   tests/reliability/docs.sh [BUILD]
set -eu
cd "$(dirname "$0")/../.."
lines=${1:-build}/reliability.txt
page=docs/reliability.md
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
awk -v lines="$lines" -v head="Commit $(git rev-parse --short HEAD), $(date +%F), $cpu, $(nproc) CPUs:" '
    /<!-- figures:begin -->/ {
        print; print head; print ""; print "```"
        while ((getline line < lines) > 0) print line
        print "```"; skip = 1
    }
    /<!-- figures:end -->/ { skip = 0 }
    !skip { print }
' "$page" >"$fresh"
cat "$fresh" >"$page"
