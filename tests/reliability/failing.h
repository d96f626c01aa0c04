/* Every allocator of libc, pthread_create and mmap in a check's own hands: they count, and fail
 * when they are told to. For one source file of a program, in a plain build: sanitizers own malloc.
 */
#ifndef TESTS_RELIABILITY_FAILING_H
#define TESTS_RELIABILITY_FAILING_H

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "infer.h"
#include "tests/reliability/check.h"

/* What fails, from the time it is set. */
struct failing {
    _Atomic long call;   /* number of the allocation that fails, 0 the next one; -1: none */
    _Atomic int always;  /* 1: those after it too */
    _Atomic long thread; /* the same for pthread_create, which fails once */
    _Atomic long room;   /* bytes that may still be taken, -1: any number; */
    _Atomic int pages;   /* 1: counting what mmap gives too */
    _Atomic long failed; /* how many calls did */
};

static struct failing failing = {.call = -1, .thread = -1, .room = -1};
/* Allocations so far; blocks, and bytes of blocks and maps, that are held. */
static _Atomic long failing_calls, failing_blocks, failing_bytes, failing_mapped;

/* glibc's own names of what stands behind them. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

/* Takes n bytes out of the room; 0 if there are not so many. */
static inline int failing_take(long n)
{
    long room = failing.room;
    while (room >= 0) {
        if (n > room)
            return 0;
        if (atomic_compare_exchange_weak(&failing.room, &room, room - n))
            break;
    }
    return 1;
}

static inline void failing_give(long n)
{
    long room = failing.room, more = 0;
    do
        more = room + n > 0 ? room + n : 0;
    while (room >= 0 && !atomic_compare_exchange_weak(&failing.room, &room, more));
}

static inline int failing_refuses(size_t n)
{
    failing_calls++;
    long left = failing.call;
    while (left > 0 && !atomic_compare_exchange_weak(&failing.call, &left, left - 1))
        continue;
    if (left == 0 && !failing.always)
        failing.call = -1;
    if (left != 0 && failing_take((long)n))
        return 0;
    failing.failed++;
    errno = ENOMEM;
    return 1;
}

/* What a block takes from the room is what it was asked for, rounded up as glibc does. */
static inline size_t failing_size(size_t n)
{
    return n > PTRDIFF_MAX - 64 ? PTRDIFF_MAX : (n + 8 + 15) / 16 * 16 + 16;
}

static inline void *failing_took(void *p, size_t asked)
{
    if (!p) {
        failing_give((long)failing_size(asked));
        return NULL;
    }
    long real = (long)malloc_usable_size(p);
    failing_give((long)failing_size(asked) - real); /* what it will give back */
    failing_blocks++;
    failing_bytes += real;
    return p;
}

void *malloc(size_t n)
{
    return failing_refuses(failing_size(n)) ? NULL : failing_took(__libc_malloc(n), n);
}
void *calloc(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || failing_refuses(failing_size(bytes)))
        return NULL;
    return failing_took(__libc_calloc(n, size), bytes);
}
void free(void *p)
{
    if (!p)
        return;
    failing_blocks--;
    failing_bytes -= (long)malloc_usable_size(p);
    failing_give((long)malloc_usable_size(p));
    __libc_free(p);
}
void *realloc(void *p, size_t n)
{
    if (p && !n) {
        free(p);
        return NULL;
    }
    void *fresh = malloc(n);
    if (fresh && p) {
        size_t old = malloc_usable_size(p);
        memcpy(fresh, p, old < n ? old : n);
        free(p);
    }
    return fresh;
}
void *memalign(size_t align, size_t n)
{
    return failing_refuses(failing_size(n + align))
               ? NULL
               : failing_took(__libc_memalign(align, n), n + align);
}
void *aligned_alloc(size_t align, size_t n)
{
    return memalign(align, n);
}
int posix_memalign(void **p, size_t align, size_t n)
{
    int saved = errno;
    void *block = memalign(align, n);
    errno = saved;
    if (!block)
        return ENOMEM;
    *p = block;
    return 0;
}

void *mmap(void *at, size_t n, int protection, int flags, int file, off_t offset)
{
    if (failing.pages && !failing_take((long)n)) {
        failing.failed++;
        errno = ENOMEM;
        return MAP_FAILED;
    }
    failing_mapped += (long)n;
    return (void *)syscall(SYS_mmap, at, n, protection, flags, file, offset);
}
int munmap(void *at, size_t n)
{
    failing_mapped -= (long)n;
    if (failing.pages)
        failing_give((long)n);
    return (int)syscall(SYS_munmap, at, n);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    long left = failing.thread;
    if (left >= 0)
        failing.thread = left - 1;
    if (left != 0)
        return real(thread, attributes, start, arg);
    failing.failed++;
    return EAGAIN;
}

static inline void failing_nothing(void)
{
    failing.call = failing.thread = failing.room = -1;
    failing.always = failing.pages = 0;
}

/* ---- every call in turn --------------------------------------------------------------------- */

/* Something that may fail for want of memory and leaves nothing behind, whether it does or not. */
struct failing_case {
    const char *what;
    infer_status (*run)(void *ctx, infer_error *err);
    void *ctx;
    int vague; /* 1: what fails may be a decoder that gives no reason: INFER_ERROR_PICTURE */
};

static uint64_t failing_points; /* failures that were tried */

static inline int failing_is_expected(const struct failing_case *c, infer_status status)
{
    return status == INFER_ERROR_NO_MEMORY || status == INFER_ERROR_THREAD ||
           (c->vague && status == INFER_ERROR_PICTURE);
}

/* One try; 0 if nothing failed any more. */
static inline int failing_try(struct check *check, const struct failing_case *c, const char *how,
                              long k)
{
    infer_error err;
    long blocks = failing_blocks, mapped = failing_mapped;
    failing.failed = 0;
    infer_status status = c->run(c->ctx, &err);
    long failed = failing.failed;
    failing_nothing();
    if (status != INFER_OK && !(failed && failing_is_expected(c, status)))
        check_failed(check, "%s, %s %ld: %s: %s", c->what, how, k, infer_status_name(status),
                     err.message);
    if (err.status != status)
        check_failed(check, "%s, %s %ld: an error that says %s", c->what, how, k,
                     infer_status_name(err.status));
    if (failing_blocks != blocks || failing_mapped != mapped)
        check_failed(check, "%s, %s %ld: %ld blocks and %ld bytes of pages are left", c->what, how,
                     k, failing_blocks - blocks, failing_mapped - mapped);
    failing_points += failed != 0;
    return failed != 0;
}

/* A try without failures must succeed. */
static inline void failing_retry(struct check *check, const struct failing_case *c)
{
    infer_error err;
    infer_status status = c->run(c->ctx, &err);
    if (status != INFER_OK)
        check_failed(check, "%s: a retry: %s: %s", c->what, infer_status_name(status), err.message);
}

/* Each allocation fails, once and then with all behind it, `step` apart; each thread fails. */
static inline void failing_all(struct check *check, const struct failing_case *c, long step)
{
    static const char *const how[] = {"allocation", "allocations from"};
    failing_retry(check, c); /* threads' stacks are kept from here on */
    for (int always = 0; always < 2; always++)
        for (long k = 0, more = 1; more; k += step) {
            failing.always = always;
            failing.call = k;
            more = failing_try(check, c, how[always], k);
            if (k % (16 * step) == 0)
                failing_retry(check, c);
        }
    for (long k = 0, more = 1; more; k++) {
        failing.thread = k;
        more = failing_try(check, c, "thread", k);
    }
    failing_retry(check, c);
}

#endif
