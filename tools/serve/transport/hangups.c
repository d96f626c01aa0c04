#include "tools/serve/transport/hangups.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { SECONDS_BETWEEN = 1 };

struct hangups_entry {
    struct hangups_entry *next, *previous;
    int fd;
    int seen; /* it was so when it was last looked at */
    atomic_int busy;
};

struct hangups {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    int ending;
    struct hangups_entry *first;
};

/* The client sends no more, and all that it has sent was read. */
static int is_over(const struct hangups_entry *e)
{
    struct pollfd p = {.fd = e->fd, .events = POLLRDHUP};
    int unread = 0;
    return !atomic_load(&e->busy) && poll(&p, 1, 0) == 1 && (p.revents & POLLRDHUP) &&
           ioctl(e->fd, FIONREAD, &unread) == 0 && unread == 0;
}

/* Twice in a row, so that what was just read has had its turn. */
static void look(struct hangups *h)
{
    for (struct hangups_entry *e = h->first; e; e = e->next) {
        const int over = is_over(e);
        if (over && e->seen)
            shutdown(e->fd, SHUT_RDWR);
        e->seen = over;
    }
}

static void *run(void *arg)
{
    struct hangups *h = arg;
    pthread_mutex_lock(&h->lock);
    while (!h->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SECONDS_BETWEEN;
        pthread_cond_timedwait(&h->wake, &h->lock, &until);
        if (!h->ending)
            look(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

struct hangups *hangups_begin(void)
{
    struct hangups *h = calloc(1, sizeof *h);
    pthread_condattr_t monotonic;
    if (!h)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&h->thread, NULL, run, h) == 0)
        return h;
    free(h);
    return NULL;
}

void hangups_end(struct hangups *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->ending = 1;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

struct hangups_entry *hangups_add(struct hangups *h, int fd)
{
    struct hangups_entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->fd = fd;
    pthread_mutex_lock(&h->lock);
    e->next = h->first;
    if (e->next)
        e->next->previous = e;
    h->first = e;
    pthread_mutex_unlock(&h->lock);
    return e;
}

void hangups_remove(struct hangups *h, struct hangups_entry *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&h->lock);
    *(e->previous ? &e->previous->next : &h->first) = e->next;
    if (e->next)
        e->next->previous = e->previous;
    pthread_mutex_unlock(&h->lock);
    free(e);
}

void hangups_busy(struct hangups_entry *e, int busy)
{
    if (e)
        atomic_store(&e->busy, busy);
}
