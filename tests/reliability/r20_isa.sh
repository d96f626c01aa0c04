#!/bin/sh
# R20: no instruction that the CPU lacks is reached.
#   1. Objects of the library hold no instruction beyond the level in their file's name.
#   2. Small networks give their recorded outputs at every level of this CPU.
#   3. The same on emulated CPUs: older ones, and ones whose host hides what they have. The level
#      that is detected is the expected one, and the default session runs to its end. An
#      instruction that the emulated CPU lacks would end the program. qemu-user is needed;
#      without it this part is left out, with a word.
# oneDNN's own objects are not looked at; part 3 runs with it where it is built in.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:=build}" "${INFER_SHARED:=../shared}"
failed=0 objects=0 runs=0 emulated=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "R20 instruction sets: $*" >&2
    failed=$((failed + 1))
}

# Instructions of AT&T syntax, without their bytes. Every AVX instruction begins with v; masks and
# registers above 15 are AVX-512's.
avx='\tv[a-z]'
avx512='%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])'
vnni='\tvpdp'
bf16='\tv(dpbf16ps|cvtne[a-z0-9]*bf16)'
amx='%tmm|\t(ld|st)tilecfg|\ttile'

for object in $(find "$BUILD/obj/src" "$BUILD/obj/kernels" -name '*.o' | sort); do
    case $object in
    *[_.]amx.o) continue ;;
    *[_.]bf16.o) beyond="$amx" ;;
    *[_.]vnni.o) beyond="$bf16|$amx" ;;
    *[_.]avx512.o) beyond="$vnni|$bf16|$amx" ;;
    *[_.]avx2vnni.o) beyond="$avx512|$bf16|$amx" ;;
    *[_.]avx2.o) beyond="$avx512|$vnni|$bf16|$amx" ;;
    *) beyond="$avx|$avx512|$amx" ;;
    esac
    objects=$((objects + 1))
    objdump -d --no-show-raw-insn "$object" >"$tmp/code" || fail "$object can't be read"
    if grep -qP "$beyond" "$tmp/code"; then
        fail "$object: $(grep -P "$beyond" "$tmp/code" | head -1)"
    fi
done
[ "$objects" -gt 0 ] || fail "there are no objects in $BUILD/obj"

# What the bundled network says of its pictures, and the small ones of the shared folder. The
# arguments before the program are those of an emulator.
networks() { # networks OPTIONS EMULATOR...
    options=$1
    shift
    # shellcheck disable=SC2086
    "$@" "$BUILD/infer" classify "$tmp/signs.infer" examples/signs/pictures/*.png --top 1 \
        $options >"$tmp/answer" 2>"$tmp/error" ||
        fail "classify $options $*: $(grep -v warning "$tmp/error")"
    sed -n 's/^ *[0-9.]* %//p' "$tmp/answer" >"$tmp/labels"
    [ -f "$tmp/expected" ] || cp "$tmp/labels" "$tmp/expected"
    [ -s "$tmp/labels" ] || fail "no labels with $options $*"
    cmp -s "$tmp/labels" "$tmp/expected" || fail "other labels with $options $*"
    runs=$((runs + 1))
    for name in mnist-cntk-opset8 resnet8-cifar10-fp32 resnet8-cifar10-qdq; do
        folder=$INFER_SHARED/models/$name
        [ -f "$folder/model.onnx" ] || continue
        tolerance=$(sed -n "s/^$name \([0-9.]*\) .*/\1/p" tests/model_tolerances.txt)
        # shellcheck disable=SC2086
        "$@" "$BUILD/infer" verify "$folder/model.onnx" --data "$folder" \
            --tolerance "${tolerance:-1e-3}" $options >"$tmp/answer" 2>&1 ||
            fail "verify $name $options $*: $(grep -v warning "$tmp/answer")"
        runs=$((runs + 1))
    done
}

infer=$(cd "$BUILD" && pwd)/infer
# shellcheck disable=SC2046
(cd examples/signs && "$infer" convert signs.onnx -o "$tmp/signs.infer" $(cat convert.args)) \
    >/dev/null || fail "the bundled network can't be converted"
for level in c avx2 avx2vnni avx512 avx512vnni avx512bf16 amx; do
    networks "--isa $level --no-onednn" env
done

emulator=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
if [ -n "$emulator" ] && [ "$(uname -m)" = x86_64 ]; then
    # An emulator without AVX2 (before qemu 7.2) gives the plain level everywhere.
    case $("$emulator" -cpu max "$BUILD/infer" --version 2>/dev/null) in
    *"level avx2"*) best=avx2 ;;
    *) best=c ;;
    esac
    for model in Nehalem:c SandyBridge:c Haswell,-xsave:c Haswell,-fma:c Haswell,-avx2:c \
        Haswell:$best Skylake-Server:$best EPYC:$best max:$best; do
        cpu=${model%:*} level=${model##*:}
        case $("$emulator" -cpu "$cpu" "$BUILD/infer" --version 2>/dev/null) in
        *"level $level,"*) ;;
        *) fail "on $cpu the level is not $level" ;;
        esac
        networks "--threads 1" "$emulator" -cpu "$cpu"
        emulated=$((emulated + 1))
    done
    word="$emulated emulated CPUs"
else
    word="no emulated CPU (qemu-user is not installed)"
fi
echo "R20 instruction sets: $objects objects, $runs runs, $word, $failed failures"
[ "$failed" = 0 ]
