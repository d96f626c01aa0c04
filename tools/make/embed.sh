#!/bin/sh
# Files as C, for programs that carry them:
#   tools/make/embed.sh NAME FILE...     writes a header to standard output
# It has an array of bytes for each and a macro EMBEDDED_NAME, the rows of a table of
# {file's name, bytes, their number, an ETag from what they are}.
set -eu
name=$1
shift
rows= i=0
for file in "$@"; do
    echo "static const unsigned char embedded_${name}_$i[] = {"
    od -An -v -tu1 "$file" | sed 's/\([0-9][0-9]*\)/\1,/g'
    echo "};"
    tag=$(sha256sum <"$file" | cut -c 1-16)
    rows="$rows {\"$(basename "$file")\", embedded_${name}_$i, sizeof embedded_${name}_$i, \"\\\"$tag\\\"\"},"
    i=$((i + 1))
done
echo "#define EMBEDDED_$name $rows"
