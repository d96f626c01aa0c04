# What the checks of tools on the bundled model share; they read it with ".".
: "${BUILD:=build}"
infer=$BUILD/infer signs=examples/signs
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

check() { # check WHAT COMMAND...
    what=$1
    shift
    "$@" >"$tmp/out" 2>"$tmp/err" || {
        echo "FAILED  $what: $*"
        cat "$tmp/out" "$tmp/err"
        failed=$((failed + 1))
    }
}
