#!/bin/sh
# The table of operators for the README, from src/graph/ops.def; --check tells whether the README
# has it as it is now, without an argument the README is rewritten between its two markers.
#   tools/make/ops-table.sh [--check]
set -eu
cd "$(dirname "$0")/../.."
table=$(mktemp)
fresh=$(mktemp)
trap 'rm -f "$table" "$fresh"' EXIT

# A group is named by the comment above it; rows of the plan's own operators (internal 1) are left
# out.
awk '
    /^\/\* [a-z]/ && !/OP\(/ { group = $0; gsub(/^\/\* | \*\/$/, "", group); next }
    /^OP\(/ {
        split($0, f, /, */)
        name = f[2]; gsub(/"/, "", name)
        if (f[8] != 1) {
            if (!(group in rows)) order[++n] = group
            rows[group] = rows[group] (rows[group] == "" ? "" : ", ") name
        }
    }
    END {
        print "| group | operators |"
        print "|---|---|"
        for (i = 1; i <= n; i++) printf "| %s | %s |\n", order[i], rows[order[i]]
    }' src/graph/ops.def > "$table"

awk -v table="$table" '
    /<!-- operators:begin -->/ { print; while ((getline line < table) > 0) print line; skip = 1 }
    /<!-- operators:end -->/ { skip = 0 }
    !skip { print }
' README.md > "$fresh"

if [ "${1:-}" = --check ]; then
    cmp -s README.md "$fresh" || {
        echo "README.md: the table of operators is not that of ops.def: run $0" >&2
        exit 1
    }
else
    cat "$fresh" > README.md
fi
