#!/bin/sh
# R3: the library's objects hold no writable data, nor anything that runs when it is loaded. Sizes of
# sections tell, not symbols: tables of pointers are constant once the linker is done (.data.rel.ro).
set -u
: "${BUILD:=build}"
sections=$(size -A "$BUILD/libinfer.a") || exit 1
bad=$(echo "$sections" | awk '
    /^[^ ]+\.o/ {o = $1}
    /^\.data\.rel\.ro/ {next}
    /^\.(data|bss|tdata|tbss|sdata|sbss|ldata|lbss|init_array|fini_array|preinit_array|ctors|dtors|init|fini)/ && $2 > 0 {print o ":" $1 ":" $2}
    /^COMMON/ {print o ":" $1 ":" $2}')
common=$(nm "$BUILD/libinfer.a" | awk 'NF == 3 && $2 == "C" {print $3}')
[ -z "$bad$common" ] || echo "writable:" $bad $common
echo "R3 writable data: $(echo "$sections" | grep -c '^[^ ]*\.o') objects, $(echo $bad $common | wc -w) failures"
[ -z "$bad$common" ]
