#!/bin/sh
# R13: sizes from a file are added and multiplied by src/base/size.h alone. Three rules of src/ and
# kernels/, of which the first is the compiler's:
#   - what a kernel needs (struct infer__need) takes no raw number, and nothing outside the header
#     makes or opens an infer__bytes;
#   - no argument of a function that takes or sizes memory has a raw *, + or << in it, but for
#     "+ 1" and the like, a literal digit;
#   - nor has what is assigned to a field that holds a size or an offset (bytes, *_bytes, *_floats,
#     *_offset, *_point, at_*), or what a function of such a name returns.
# The rules are tried on the mistakes that they are for before they are believed.
set -u
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: "${CC:=cc}"
failures=0
fail() {
    echo "R13: $1" >&2
    failures=$((failures + 1))
}

# ---- the type ----------------------------------------------------------------------------------
compiles() {
    printf '#include "kernels/kernel.h"\nvoid f(struct infer__need *n, int64_t a, uint64_t b);\n%s\n' \
        "void f(struct infer__need *n, int64_t a, uint64_t b) { (void)a; (void)b; $1; }" >"$tmp/t.c"
    $CC -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -I. -fsyntax-only "$tmp/t.c" 2>/dev/null
}
compiles 'n->packed_bytes = infer__bytes_of(INFER__PRODUCT(a, 3), 4)' ||
    fail "bytes made by the header do not compile"
for wrong in 'n->packed_bytes = (uint64_t)a * 4' 'n->scratch_bytes = b' 'n->scratch_bytes += 64' \
    'n->packed_bytes = n->scratch_bytes + n->packed_bytes'; do
    ! compiles "$wrong" || fail "this compiles: $wrong"
done

# ---- the source --------------------------------------------------------------------------------
# Statements without comments and strings, each on one line behind "file:line:function".
cat >"$tmp/rules.awk" <<'AWK'
function raw(s) { # a product, sum or shift, once additions of a digit and constants are gone
    gsub(/ \+ [0-9]([^0-9a-zA-Z_.]|$)/, " ", s)
    gsub(/[0-9]\)? << [0-9]+/, " ", s)
    return s ~ / (\*|\+|<<) /
}
function arguments(s, at,    i, depth, c) { # from the parenthesis at `at` to its partner
    depth = 0
    for (i = at; i <= length(s); i++) {
        c = substr(s, i, 1)
        depth += (c == "(") - (c == ")")
        if (!depth)
            return substr(s, at, i - at + 1)
    }
    return substr(s, at)
}
function report(what) { print FILENAME ":" first ": " what ":" stmt }
function judge(    s, at) {
    s = stmt
    while (match(s, MEMORY)) {
        at = RSTART + RLENGTH - 1
        if (raw(arguments(s, at)))
            report("raw arithmetic in the size of memory")
        s = substr(s, at + 1)
    }
    if (match(stmt, FIELD " (=|\\+=|\\*=|<<=) ")) {
        s = substr(stmt, RSTART, RLENGTH)
        if (s !~ / = $/ || raw(substr(stmt, RSTART + RLENGTH)))
            report("raw arithmetic makes a size or an offset")
    }
    if (name ~ NAMED && stmt ~ /^ *(.*[ )])?return / && stmt !~ /\(double\)|infer__no_memory/ && raw(stmt))
        report("a function of sizes returns raw arithmetic")
    if (FILENAME !~ /base\/size\.h$/ && stmt ~ /(\.|->)checked[^a-z_]|\(struct infer__bytes\)/)
        report("only size.h looks into bytes")
}
BEGIN {
    MEMORY = "(infer__alloc|infer__calloc|infer__region_calloc|infer__region_copy|" \
             "infer__region_grow|infer__bytes_of|infer__array_bytes|malloc|calloc|realloc)\\("
    FIELD = "[a-z0-9_)\\]](\\.|->)([a-z0-9_]+_(bytes|floats|offset|point)|at_[a-z0-9_]+|bytes)"
    NAMED = "(_|^)(bytes|floats|packed|scratch)$"
}
FNR == 1 { stmt = ""; comment = 0; name = "" }
{
    line = $0
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
    if (comment) {
        if (!sub(/^([^*]|\*+[^*\/])*\*+\//, "", line))
            next
        comment = 0
    }
    if (sub(/\/\*.*$/, "", line))
        comment = 1
    sub(/\/\/.*$/, "", line)
    if (line ~ /^#/)
        next
    if (line ~ /^[a-z].*\(/ && line !~ /;$/) { # a function begins
        name = line
        sub(/\(.*$/, "", name)
        sub(/^.*[ *]/, "", name)
    }
    n = split(line, part, /[;{}]/)
    for (i = 1; i <= n; i++) {
        if (stmt ~ /^ *$/)
            first = FNR
        stmt = stmt " " part[i]
        if (i < n) {
            judge()
            stmt = ""
        }
    }
}
AWK
rules() { awk -f "$tmp/rules.awk" "$@"; }

# What each rule is for, as it was or could be.
tried=0
while IFS= read -r wrong; do
    printf 'static int64_t wrong_bytes(struct x *r)\n{\n    %s\n}\n' "$wrong" >"$tmp/wrong.c"
    [ -n "$(rules "$tmp/wrong.c")" ] || fail "the rules let this pass: $wrong"
    tried=$((tried + 1))
done <<'WRONG'
r.table_bytes += round_up((uint64_t)a->out * sizeof(int64_t));
r.table_bytes += round_up((uint64_t)(a->out * a->taps) * sizeof(float));
g->at_line = g->at_factor + g->blocks * 4;
s->ring_floats = s->ring * s->x.w * s->step;
c->scratch_bytes = (uint64_t)(c->s.w.kernel[0] * c->rows * c->row_bytes) + 64;
need->packed_bytes = infer__bytes_of(s.taps * s.x.c, sizeof(float));
p = infer__region_calloc(region, n * m, sizeof *p);
p = infer__alloc(a, bytes + rest, 64);
return s->groups * s->blocks * s->taps;
need->packed_bytes = (struct infer__bytes){n};
need->packed_bytes.checked = n;
WRONG
cat >"$tmp/right.c" <<'RIGHT'
static int64_t right_bytes(struct x *r)
{
    r->table_bytes = INFER__SUM(r->table_bytes, INFER__PRODUCT(a, b)); /* a * b + c */
    const char *from = table + r->table_bytes;
    p = infer__region_calloc(region, n + 1, sizeof *p);
    double ns = (double)r->table_bytes * 4;
    return INFER__PRODUCT(a, b);
}
RIGHT
[ -z "$(rules "$tmp/right.c")" ] || fail "the rules refuse what is right: $(rules "$tmp/right.c")"

# Exceptions, "file: words of the statement", each with its reason:

#   share_of: how much a tile fetches ahead, a distance in weights that are there, in inner loops.
sources=$(find src kernels -name '*.[ch]' -o -name '*.inc')
# shellcheck disable=SC2086
found=$(rules $sources | grep -v -e '= [^;]*share_of(')
[ -z "$found" ] || fail "$(printf '%s\n' "$found" | head -20)"
echo "R13 sizes: $(echo "$sources" | wc -w) files, rules tried on $tried mistakes, $failures failures"
[ "$failures" = 0 ]
