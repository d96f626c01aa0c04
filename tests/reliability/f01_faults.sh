#!/bin/sh
# F1: the tools' outputs under faults: kills at random moments, two writers at once, a disk that is
# full, a folder that can't be written to, targets that are no plain files.
# A target is afterwards the old file or the new one, whole, and no temporary file is left.
set -u
infer=${BUILD:-build}/infer
signs=examples/signs
case ${INFER_SCALE:-ci} in part) rounds=4 ;; long) rounds=200 ;; *) rounds=20 ;; esac
dir=$(mktemp -d) || exit 1
failures=0 kills=0 skipped=
trap 'umount "$dir/disk" 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
    echo "F1 faults: $*" >&2
    failures=$((failures + 1))
}
# no_rest FOLDER WHAT: no temporary file in it
no_rest() {
    for f in "$1"/.infer-*; do
        [ ! -e "$f" ] || fail "$2: $f is left"
    done
}
# refused WHAT COMMAND...: exit status 4 and a message
refused() {
    what=$1
    shift
    "$@" >"$dir/out" 2>&1
    status=$?
    [ "$status" = 4 ] || fail "$what: exit status $status: $(cat "$dir/out")"
    grep -q "can't be written" "$dir/out" || fail "$what: no message: $(cat "$dir/out")"
}

"$infer" convert $signs/signs.onnx -o "$dir/plain.infer" >"$dir/out" 2>&1 &&
    "$infer" convert $signs/signs.onnx --labels $signs/labels.txt -o "$dir/labels.infer" \
        >"$dir/out" 2>&1 &&
    "$infer" convert $signs/signs.onnx --resize 72 --crop 64 -o "$dir/pictures.infer" \
        >"$dir/out" 2>&1 || { cat "$dir/out"; fail "convert"; }
mkdir "$dir/work"

# ---- kills --------------------------------------------------------------------------------------
# kill_often TIMES OLD TARGET COMMAND...: at random moments of a run's time
kill_often() {
    times=$1 old=$2 target=$3
    shift 3
    cp "$old" "$target"
    begin=$(date +%s%N)
    "$@" >"$dir/out" 2>&1 || fail "$*: $(cat "$dir/out")"
    took=$((($(date +%s%N) - begin) / 1000))
    i=0
    while [ $i -lt $times ]; do
        i=$((i + 1)) kills=$((kills + 1))
        cp "$old" "$target"
        "$@" >/dev/null 2>&1 &
        pid=$!
        sleep "$(awk -v seed="${INFER_SEED:-1}$i" -v us=$took \
            'BEGIN {srand(seed); printf "%.6f", rand() * us / 1e6}')"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        cmp -s "$old" "$target" || "$infer" inspect "$target" >"$dir/out" 2>&1 ||
            fail "killed $2: neither the old file nor a new one: $(cat "$dir/out")"
        rm -f "$dir"/work/.infer-* # kill -9 may leave them
    done
}
{
    kill_often $rounds "$dir/labels.infer" "$dir/work/m.infer" \
        "$infer" convert $signs/signs.onnx -o "$dir/work/m.infer"
    kill_often $rounds $signs/signs.onnx "$dir/work/m.onnx" \
        "$infer" export "$dir/plain.infer" -o "$dir/work/m.onnx"
    kill_often $((rounds / 4)) "$dir/pictures.infer" "$dir/work/q.infer" \
        "$infer" quantize "$dir/pictures.infer" --images $signs/pictures -o "$dir/work/q.infer"
    kill_often $((rounds / 4)) "$dir/plain.infer" "$dir/work/t.infer" \
        "$infer" tune "$dir/plain.infer" --time 1 -o "$dir/work/t.infer"
} 2>"$dir/killed" # the shell tells of each kill
grep '^F1' "$dir/killed" >&2

# ---- two writers --------------------------------------------------------------------------------
i=0
while [ $i -lt $rounds ]; do
    i=$((i + 1))
    "$infer" convert $signs/signs.onnx -o "$dir/work/two.infer" >/dev/null 2>&1 &
    first=$!
    "$infer" convert $signs/signs.onnx --labels $signs/labels.txt -o "$dir/work/two.infer" \
        >/dev/null 2>&1 || fail "the second of two writers"
    wait $first || fail "the first of two writers"
    cmp -s "$dir/work/two.infer" "$dir/plain.infer" ||
        cmp -s "$dir/work/two.infer" "$dir/labels.infer" || fail "two writers: a mixture"
done
no_rest "$dir/work" "two writers"

# ---- disks --------------------------------------------------------------------------------------
mkdir "$dir/disk"
if mount -t tmpfs -o size=64k none "$dir/disk" 2>/dev/null; then
    echo old >"$dir/disk/m.infer"
    refused "a full disk" "$infer" convert $signs/signs.onnx -o "$dir/disk/m.infer"
    [ "$(cat "$dir/disk/m.infer")" = old ] || fail "a full disk: the old file is gone"
    no_rest "$dir/disk" "a full disk"
    mount -o remount,ro "$dir/disk"
    refused "a read-only disk" "$infer" convert $signs/signs.onnx -o "$dir/disk/m.infer"
    umount "$dir/disk"
else
    skipped=" (no mounts here: full and read-only disks skipped)"
fi
cp "$dir/labels.infer" "$dir/work/m.infer"
(
    ulimit -f 16
    refused "a file size limit" "$infer" convert $signs/signs.onnx -o "$dir/work/m.infer"
    exit $failures
) || failures=$?
cmp -s "$dir/work/m.infer" "$dir/labels.infer" || fail "a file size limit: the old file is gone"
no_rest "$dir/work" "a file size limit"
if [ "$(id -u)" != 0 ]; then
    chmod 555 "$dir/work"
    refused "a read-only folder" "$infer" convert $signs/signs.onnx -o "$dir/work/m.infer"
    chmod 755 "$dir/work"
fi

# ---- targets ------------------------------------------------------------------------------------
for device in /dev/null /dev/full; do
    refused "$device" "$infer" convert $signs/signs.onnx -o $device
    [ -c $device ] || fail "$device is no device any more"
done
mkfifo "$dir/work/fifo"
refused "a FIFO" "$infer" convert $signs/signs.onnx -o "$dir/work/fifo"
[ -p "$dir/work/fifo" ] || fail "a FIFO became a file"
refused "a folder" "$infer" convert $signs/signs.onnx -o "$dir/work"
refused "no folder" "$infer" convert $signs/signs.onnx -o "$dir/nowhere/m.infer"
ln -s "$dir/nowhere/m.infer" "$dir/work/nowhere"
refused "a link to nowhere" "$infer" convert $signs/signs.onnx -o "$dir/work/nowhere"

mkdir "$dir/other"
for mode in 600 640 644 444; do
    cp "$dir/labels.infer" "$dir/other/m.infer"
    chmod $mode "$dir/other/m.infer"
    ln -sf ../other/m.infer "$dir/work/link"
    "$infer" convert $signs/signs.onnx -o "$dir/work/link" >"$dir/out" 2>&1 ||
        fail "through a link: $(cat "$dir/out")"
    [ -L "$dir/work/link" ] || fail "a link became a file"
    cmp -s "$dir/other/m.infer" "$dir/plain.infer" || fail "through a link: not the new file"
    [ "$(stat -c %a "$dir/other/m.infer")" = $mode ] || fail "mode $mode was not kept"
    rm -f "$dir/other/m.infer"
done
no_rest "$dir/work" "targets"
no_rest "$dir/other" "targets"
(umask 027 && "$infer" convert $signs/signs.onnx -o "$dir/other/new.infer" >/dev/null) ||
    fail "a new file"
[ "$(stat -c %a "$dir/other/new.infer")" = 640 ] || fail "a new file's mode is not the umask's"

echo "F1 faults: $kills kills of 4 tools, $rounds pairs of writers, disks, targets and modes, $failures failures$skipped"
[ "$failures" = 0 ]
