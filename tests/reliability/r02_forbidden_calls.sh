#!/bin/sh
# R2: what the library's objects call beyond themselves is on the list below, with why. So it calls
# no abort, exit, printf, getenv, setlocale, strtod, rand, signal, system, dlopen and the like.
set -u
: "${BUILD:=build}"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
sed 's/#.*//' >"$list" <<'END'
# memory: src/base/memory.c alone, and the system's for mapped files and large pages
malloc free mmap munmap madvise
# bytes and text in memory; strtoul reads two decimal numbers of the cgroup's quota
memcpy memmove memset memcmp memchr bsearch strlen strcmp strncmp strstr strtoul qsort snprintf vsnprintf
# files: models, pictures, the cgroup's quota; read only
open close read fstat
__errno_location
# arithmetic
atan atan2 atanf cos cosf sin sinf sincos sincosf
erf erff erfc erfcf exp expf expm1 expm1f fma fmaf fmax fmin fmod ilogb ilogbf ldexp ldexpf log logf log1p
log1pf
pow powf tanh tanhf sqrt sqrtf round roundf rint rintf nearbyint nearbyintf floor floorf ceil ceilf
trunc truncf lrint lrintf llrint llrintf
# a pool's threads: made and ended, never cancelled; they block signals, which a mask is for; the
# lock is that of the queue of started runs
pthread_create pthread_join pthread_self pthread_sigmask sigfillset
pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock
# a session that is freed waits for its run that is in flight
nanosleep
pthread_getaffinity_np pthread_setaffinity_np sched_getaffinity sched_getcpu sched_yield __sched_cpucount
sem_init sem_destroy sem_post sem_wait clock_gettime
# is this process the one that has the threads (fork)?
getpid
# permission to use AMX tiles (arch_prctl); waiting for what another session packs (futex)
syscall
# libjpeg: its error handler jumps back into ours, it never exits
_setjmp longjmp jpeg_CreateDecompress jpeg_destroy_decompress jpeg_finish_decompress jpeg_mem_src
jpeg_has_multiple_scans jpeg_read_header jpeg_read_scanlines jpeg_save_markers jpeg_start_decompress jpeg_std_error
# hardening (Makefile): these end the program where memory is about to be overwritten, or was
__stack_chk_fail __memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk
__read_chk __longjmp_chk __open_2
# the linker's own
_GLOBAL_OFFSET_TABLE_
END
allowed=$(tr ' ' '\n' <"$list" | grep .)
# oneDNN, and the thread count of the OpenMP that it brings along: kernels/onednn alone
outer=$(nm -u "$BUILD/libinfer.a" | awk 'NF == 2 && $1 == "U" {print $2}' | sort -u | grep -v '^infer_')
called=$(echo "$outer" | grep -vE '^dnnl_|^omp_(get_max|set_num)_threads$')
elsewhere=$(nm -u "$BUILD/libinfer.a" |
    awk '/\.o:$/ {o = $1} $2 ~ /^(dnnl|omp)_/ && o !~ /^onednn_/ {print o $2}')
[ -n "$called" ] || exit 1
bad=$(for name in $called; do echo "$allowed" | grep -qxF -e "$name" || echo "$name"; done)
[ -z "$bad$elsewhere" ] || echo "calls that are not on the list:" $bad $elsewhere
echo "R2 calls: $(echo "$outer" | wc -l) names from outside, $(echo $bad $elsewhere | wc -w) failures"
[ -z "$bad$elsewhere" ]
