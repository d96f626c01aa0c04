#!/bin/sh
# Whether files include only what their folder may know: the table of folders in
# docs/architecture.md is an order, and no file includes one of a folder behind its own nor, by any
# way, itself.
#   tools/make/check-layers.sh [TREE]      the tree to look at; this one without an argument
set -eu
cd "${1:-$(dirname "$0")/../..}"
files=$(mktemp)
trap 'rm -f "$files"' EXIT
find include src kernels tools bench examples tests -type f \
    \( -name '*.[ch]' -o -name '*.inc' -o -name '*.def' \) 2>/dev/null | sort >"$files"

# Lines are FILE, or FILE:#include "NAME". What is included is looked for beside the file, then
# where the compiler looks; what is in none of these places is generated or another library's.
{
    cat "$files"
    xargs grep -H '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null <"$files"
} | awk -v table=docs/architecture.md '
    function complain(text) {
        print text
        failed = 1
    }
    # The number of the folder that a file is in, of the longest name that fits; 0: of none.
    function rank_of(file,   folder, best) {
        for (folder in rank)
            if (index(file, folder) == 1 && length(folder) > length(best))
                best = folder
        return best == "" ? 0 : rank[best]
    }
    function find(file, name,   beside) {
        beside = file
        sub(/[^\/]*$/, "", beside)
        if (beside name in known) return beside name
        if ("include/" name in known) return "include/" name
        if ("src/" name in known) return "src/" name
        return name in known ? name : ""
    }
    # Follows what a file includes; `way` is how it was reached.
    function follow(file, way,   n, i, list) {
        if (state[file] == "open")
            complain("files include each other in a circle:" \
                     substr(way, index(way, " " file " ")) file)
        if (state[file] != "")
            return
        state[file] = "open"
        n = split(included[file], list, " ")
        for (i = 1; i <= n; i++)
            follow(list[i], way file " ")
        state[file] = "done"
    }
    BEGIN {
        while ((getline line < table) > 0)
            if (line ~ /^\| `[^`]*\/`/) {
                split(line, cell, "|")
                n = split(cell[2], names, "`")
                folders++
                for (i = 2; i <= n; i += 2)
                    rank[names[i]] = folders
            }
        if (!folders)
            complain(table ": there is no table of folders")
    }
    !/:/ { known[$0] = 1; next }
    {
        file = name = $0
        sub(/:.*/, "", file)
        sub(/^[^"]*"/, "", name)
        sub(/".*/, "", name)
        to = find(file, name)
        if (to == "") next
        if (!rank_of(file))
            complain(file ": " table " does not have its folder")
        else if (rank_of(to) > rank_of(file) || !rank_of(to))
            complain(file ": includes " to ", of a folder behind its own in " table)
        included[file] = included[file] " " to
        checked++
    }
    END {
        for (file in included)
            follow(file, " ")
        if (!checked)
            complain("no file includes another: is this the tree?")
        exit failed
    }'
