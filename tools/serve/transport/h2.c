/* The loops: sockets, tasks and times. */
#include "tools/serve/transport/h2.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/serve/models/scheduler.h"
#include "tools/serve/transport/h2_internal.h"
#include "tools/serve/transport/listen.h"

enum { EVENTS = 64, ACCEPTS = 32 };
#define SECOND UINT64_C(1000000000)

/* ---- tasks ---------------------------------------------------------------------------------- */

static void wake(struct h2_loop *loop)
{
    const uint64_t one = 1;
    if (write(loop->event, &one, sizeof one) != sizeof one)
        return; /* it is full: the loop is awake already */
}

void h2_post(struct h2_loop *loop, struct h2_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    const int first = loop->tasks == NULL;
    *loop->tasks_tail = task;
    loop->tasks_tail = &task->next;
    pthread_mutex_unlock(&loop->lock);
    if (first && !pthread_equal(pthread_self(), loop->thread))
        wake(loop);
}

/* Runs what is posted, and what that posts. Returns whether the loop shall end. */
static int run_tasks(struct h2_loop *loop)
{
    for (;;) {
        pthread_mutex_lock(&loop->lock);
        struct h2_task *task = loop->tasks;
        loop->tasks = NULL;
        loop->tasks_tail = &loop->tasks;
        const int ending = loop->ending;
        pthread_mutex_unlock(&loop->lock);
        if (!task)
            return ending;
        while (task) {
            struct h2_task *next = task->next;
            task->run(task);
            task = next;
        }
    }
}

static int has_tasks(struct h2_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    const int has = loop->tasks != NULL;
    pthread_mutex_unlock(&loop->lock);
    return has;
}

struct h2_loop *h2_loop_of(const struct h2_stream *s)
{
    return s->connection->loop;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void set_socket(int fd)
{
    const int yes = 1, idle = 60, interval = 20, count = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes); /* finds peers that are gone */
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static void accept_some(struct h2_loop *loop)
{
    struct h2_server *s = loop->server;
    for (int i = 0; i < ACCEPTS; i++) {
        const int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                usleep(1000); /* until another connection ends: the listener stays ready */
            return;
        }
        if (atomic_load(&s->connections) >= (unsigned)s->options.max_connections) {
            close(fd);
            continue;
        }
        set_socket(fd);
        struct h2_connection *c = h2_connection_open(loop, fd);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (c && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
            c->broken = 1;
        if (c)
            h2_mark(c);
    }
}

void h2_mark(struct h2_connection *c)
{
    if (c->dirty)
        return;
    c->dirty = 1;
    c->next_dirty = c->loop->dirty;
    c->loop->dirty = c;
}

/* Writes for all that have something to say, and closes those that are at their end. */
static void settle(struct h2_loop *loop)
{
    while (loop->dirty) {
        struct h2_connection *c = loop->dirty;
        loop->dirty = c->next_dirty;
        c->dirty = 0;
        if (!c->broken)
            h2_connection_write(c);
        if (h2_connection_over(c)) {
            if (c->dirty) { /* marked by what it did last */
                struct h2_connection **at = &loop->dirty;
                while (*at != c)
                    at = &(*at)->next_dirty;
                *at = c->next_dirty;
            }
            h2_connection_close(c);
            continue;
        }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        const int waits = h2_connection_waits(c);
        if (waits != c->waits_for_room) {
            c->waits_for_room = waits;
            e.events |= waits ? (unsigned)EPOLLOUT : 0u;
            epoll_ctl(loop->epoll, EPOLL_CTL_MOD, c->fd, &e);
        }
    }
}

/* ---- times ---------------------------------------------------------------------------------- */

void h2_set_deadline(struct h2_stream *s, uint64_t ns)
{
    struct h2_loop *loop = s->connection->loop;
    s->deadline_ns = ns;
    if (ns && ns < loop->next_deadline)
        loop->next_deadline = ns;
}

static void tell_late(struct h2_loop *loop)
{
    const struct h2_handler *h = loop->server->options.handler;
    loop->next_deadline = UINT64_MAX;
    for (struct h2_connection *c = loop->connections; c; c = c->next)
        for (struct h2_stream *s = c->streams, *next; s; s = next) {
            next = s->next;
            if (s->deadline_ns && s->deadline_ns <= loop->now_ns) {
                s->deadline_ns = 0;
                h->late(loop->server->options.ctx, s);
            } else if (s->deadline_ns && s->deadline_ns < loop->next_deadline) {
                loop->next_deadline = s->deadline_ns;
            }
        }
}

/* Whether the peer has been silent for too long within what it began; streams are reset. */
static int stalls(struct h2_connection *c, uint64_t limit)
{
    const uint64_t now = c->loop->now_ns;
    for (struct h2_stream *s = c->streams; s; s = s->next)
        if ((s->expects || !s->begun) && now - s->heard_ns >= limit) {
            s->expects = 0;
            h2_reset(s, NGHTTP2_CANCEL);
        }
    return (!c->greeted && now - c->heard_ns >= limit) ||
           (c->out_end > c->out_start && now - c->sent_ns >= limit);
}

/* Once a second: connections that are silent. */
static void tick(struct h2_loop *loop)
{
    const struct h2_options *o = &loop->server->options;
    for (struct h2_connection *c = loop->connections; c; c = c->next) {
        if (o->stall_seconds && stalls(c, o->stall_seconds * SECOND))
            c->broken = 1;
        if (loop->quieted == 1 || (o->idle_seconds && c->nstreams == 0 &&
                                   loop->now_ns - c->heard_ns >= o->idle_seconds * SECOND))
            h2_connection_leave(c, 0);
        if (c->broken || c->leaving)
            h2_mark(c);
    }
    if (loop->quieted == 1)
        loop->quieted = 2;
}

/* What is asked of all streams before the end. */
static void quieten(struct h2_loop *loop)
{
    const struct h2_options *o = &loop->server->options;
    loop->quieted = 1;
    loop->next_tick = loop->now_ns + SECOND / 10; /* then streams are refused */
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->server->listener, NULL);
    for (struct h2_connection *c = loop->connections; c; c = c->next) {
        h2_connection_leave(c, 1);
        for (struct h2_stream *s = c->streams, *next; s; s = next) {
            next = s->next;
            o->handler->quiet(o->ctx, s);
        }
    }
}

static int wait_ms(const struct h2_loop *loop)
{
    const uint64_t at =
        loop->next_deadline < loop->next_tick ? loop->next_deadline : loop->next_tick;
    const uint64_t now = serve_now_ns();
    return at <= now ? 0 : (int)((at - now + 999999) / 1000000);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void on_event(struct h2_loop *loop, const struct epoll_event *e)
{
    if (e->data.ptr == loop) {
        uint64_t n;
        if (read(loop->event, &n, sizeof n) < 0)
            return;
    } else if (e->data.ptr == loop->server) {
        if (!loop->quieted)
            accept_some(loop);
    } else {
        struct h2_connection *c = e->data.ptr;
        if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            h2_connection_read(c);
        h2_mark(c);
    }
}

static void *run(void *arg)
{
    struct h2_loop *loop = arg;
    struct epoll_event events[EVENTS];
    int ending = 0;
    while (!ending) {
        const int n = epoll_wait(loop->epoll, events, EVENTS, wait_ms(loop));
        loop->now_ns = serve_now_ns();
        for (int i = 0; i < n; i++)
            on_event(loop, &events[i]);
        ending = run_tasks(loop);
        if (atomic_load(&loop->server->quiet) && !loop->quieted)
            quieten(loop);
        if (loop->now_ns >= loop->next_deadline)
            tell_late(loop);
        if (loop->now_ns >= loop->next_tick) {
            loop->next_tick = loop->now_ns + SECOND;
            tick(loop);
        }
        do {
            run_tasks(loop);
            settle(loop);
        } while (has_tasks(loop));
    }
    while (loop->connections) {
        h2_connection_write(loop->connections);
        h2_connection_close(loop->connections);
    }
    run_tasks(loop); /* what the ends of streams have posted */
    return NULL;
}

/* ---- begin and end -------------------------------------------------------------------------- */

static int loop_begin(struct h2_server *s, struct h2_loop *loop)
{
    struct epoll_event listener = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = s};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop};
    loop->server = s;
    loop->tasks_tail = &loop->tasks;
    loop->next_deadline = UINT64_MAX;
    loop->now_ns = serve_now_ns();
    loop->next_tick = loop->now_ns + SECOND;
    pthread_mutex_init(&loop->lock, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->buffer = malloc(H2_READ_BYTES);
    loop->started = loop->epoll >= 0 && loop->event >= 0 && loop->buffer &&
                    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, s->listener, &listener) == 0 &&
                    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->event, &event) == 0 &&
                    pthread_create(&loop->thread, NULL, run, loop) == 0;
    return loop->started;
}

struct h2_server *h2_begin(const struct h2_options *options, char *why, size_t size)
{
    struct h2_server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    s->options = *options;
    s->listener = listen_on(options->host, options->port, why, size);
    if (s->listener >= 0 && options->certificate) {
        s->tls = h2_tls_begin(options->certificate, options->key, why, size);
        if (!s->tls) {
            h2_end(s);
            return NULL;
        }
    }
    s->loops = calloc((size_t)options->threads, sizeof *s->loops);
    if (s->listener < 0 || !s->loops || !h2_callbacks(s)) {
        if (s->listener >= 0)
            snprintf(why, size, "out of memory");
        h2_end(s);
        return NULL;
    }
    s->port = listen_port(s->listener);
    while (s->nloops < options->threads)
        if (!loop_begin(s, &s->loops[s->nloops++])) {
            snprintf(why, size, "no memory or threads");
            h2_end(s);
            return NULL;
        }
    return s;
}

int h2_port(const struct h2_server *s)
{
    return s->port;
}

unsigned h2_streams(const struct h2_server *s)
{
    return atomic_load(&((struct h2_server *)(uintptr_t)s)->streams);
}

unsigned h2_connections(const struct h2_server *s)
{
    return atomic_load(&((struct h2_server *)(uintptr_t)s)->connections);
}

void h2_quiesce(struct h2_server *s)
{
    atomic_store(&s->quiet, 1);
    for (int i = 0; i < s->nloops; i++)
        wake(&s->loops[i]);
}

static void loop_end(struct h2_loop *loop)
{
    if (loop->started) {
        pthread_mutex_lock(&loop->lock);
        loop->ending = 1;
        pthread_mutex_unlock(&loop->lock);
        wake(loop);
        pthread_join(loop->thread, NULL);
    }
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->event >= 0)
        close(loop->event);
    free(loop->buffer);
    pthread_mutex_destroy(&loop->lock);
}

void h2_end(struct h2_server *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->nloops; i++)
        loop_end(&s->loops[i]);
    if (s->listener >= 0)
        close(s->listener);
    nghttp2_session_callbacks_del(s->callbacks);
    nghttp2_option_del(s->option);
    h2_tls_end(s->tls);
    free(s->loops);
    free(s);
}
