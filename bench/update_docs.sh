#!/bin/sh
# Puts tables of the last benches into docs/benchmarks.md, each between its two markers, and the
# chart beside it. What was not measured stays as it is.
#   bench/update_docs.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
bench=${1:-build}/bench
page=docs/benchmarks.md
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT

for part in compare compare-int8 precisions neighbour; do
    table=$bench/$part.md
    [ "$part" != compare-int8 ] || table=$bench/int8/compare.md
    [ -f "$table" ] || {
        echo "$table is not there: make bench-$part" >&2
        continue
    }
    awk -v part="$part" -v table="$table" '
        $0 == "<!-- " part ":begin -->" {
            print
            while ((getline line < table) > 0) print line
            skip = 1
        }
        $0 == "<!-- " part ":end -->" { skip = 0 }
        !skip { print }
    ' "$page" > "$fresh"
    cat "$fresh" > "$page"
done
if [ -f "$bench/compare.svg" ]; then
    cp "$bench/compare.svg" docs/benchmarks.svg
fi
