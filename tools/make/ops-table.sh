#!/bin/sh
# The tables of operators for the README, from src/graph/ops.def and the importer's table; --check tells whether the README
# has it as it is now, without an argument the README is rewritten between its two markers.
#   tools/make/ops-table.sh [--check]
set -eu
cd "$(dirname "$0")/../.."
table=$(mktemp)
fresh=$(mktemp)
composed=$(mktemp)
trap 'rm -f "$table" "$fresh" "$composed"' EXIT

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

# What the importer knows beyond these, by domain.
awk '
    FNR == NR { if (/^OP\(/) { split($0, f, /"/); split($0, g, /, */); if (g[8] != 1) known[f[2]] = 1 } next }
    /^ *(ROW|ALWAYS|BINARY)\("/ { split($0, f, /"/); if (!(f[2] in known)) plain = add(plain, f[2]) }
    /^ *MICROSOFT\("/ { split($0, f, /"/); microsoft = add(microsoft, f[2]) }
    function add(list, name) {
        if ((", " list ",") ~ (", " name ",")) return list
        return list (list == "" ? "" : ", ") name
    }
    END {
        print "| domain | operators |"
        print "|---|---|"
        print "| ai.onnx | " plain " |"
        print "| com.microsoft | " microsoft " |"
    }' src/graph/ops.def tools/onnx/onnx_ops_table.c > "$composed"

awk -v table="$table" -v composed="$composed" '
    /<!-- operators:begin -->/ { print; while ((getline line < table) > 0) print line; skip = 1 }
    /<!-- operators:end -->/ { skip = 0 }
    /<!-- composed:begin -->/ { print; while ((getline line < composed) > 0) print line; skip = 1 }
    /<!-- composed:end -->/ { skip = 0 }
    !skip { print }
' README.md > "$fresh"

if [ "${1:-}" = --check ]; then
    cmp -s README.md "$fresh" || {
        echo "README.md: the tables of operators are not those of the sources: run $0" >&2
        exit 1
    }
else
    cat "$fresh" > README.md
fi
