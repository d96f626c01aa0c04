/* infer hammer: connections, each with one request at a time. Sockets are watched for everything
 * and told of changes alone (edges), so no call to the kernel is made but to send and receive. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tools/hammer/worker.h"

enum { MOST_ANSWER = 64 << 20 };

int64_t worker_now(const struct worker *w)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - w->zero_ns;
}

static void send_job(struct worker *w, struct connection *c, const struct job *job);

/* ---- opening and closing -------------------------------------------------------------------- */

/* Freed later: an event of this round may still name it. */
static void connection_close(struct worker *w, struct connection *c)
{
    close(c->fd);
    c->state = CONNECTION_DEAD;
    w->all[c->place] = w->all[--w->open];
    w->all[c->place]->place = c->place;
    c->next = w->dead;
    w->dead = c;
}

static void forget_idle(struct worker *w, struct connection *c)
{
    struct connection **at = &w->idle;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
}

static void note_trouble(struct worker *w, int number)
{
    snprintf(w->trouble, sizeof w->trouble, "%s", strerror(number));
}

static int open_socket(const struct target *t)
{
    const int one = 1;
    const int family = t->address.ss_family;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&t->address, t->address_size) == 0 ||
        errno == EINPROGRESS)
        return fd;
    const int wrong = errno;
    close(fd);
    errno = wrong;
    return -1;
}

/* A connection that is being opened; NULL with errno. */
static struct connection *connection_open(struct worker *w)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    c->fd = open_socket(&w->plan->target);
    if (c->fd < 0 || epoll_ctl(w->poll, EPOLL_CTL_ADD, c->fd, &e) != 0) {
        const int wrong = errno;
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        errno = wrong;
        return NULL;
    }
    c->state = CONNECTION_OPENING;
    c->place = w->open;
    w->all[w->open++] = c;
    return c;
}

static void open_for(struct worker *w, const struct job *job)
{
    struct connection *c = connection_open(w);
    if (!c) {
        note_trouble(w, errno);
        worker_ended(w, job, -1, OUTCOME_NOT_CONNECTED, 0);
        return;
    }
    c->job = *job;
    c->sent = -1;
}

void connection_dispatch(struct worker *w, const struct job *job)
{
    struct connection *c = job->retried ? NULL : w->idle;
    if (c) {
        w->idle = c->next;
        send_job(w, c, job);
    } else if (w->open < w->most) {
        open_for(w, job);
    } else {
        w->stats.steps[job->step].waited++;
        if (!queue_put(&w->queue, job, job->retried))
            w->no_memory = 1;
    }
}

/* A connection has become free, or there is room for one. */
static void serve_queue(struct worker *w)
{
    struct job job;
    if ((w->idle || w->open < w->most) && queue_take(&w->queue, &job)) {
        job.retried = job.retried && w->open < w->most;
        connection_dispatch(w, &job);
    }
}

/* ---- the end of a job ----------------------------------------------------------------------- */

/* Whether the answer is what --check says. */
static int is_right(const struct worker *w, const struct connection *c)
{
    const struct hammer_plan *p = w->plan;
    if (!p->check)
        return 1;
    if (p->check_whole)
        return c->answer_size == p->check_size && c->response.content == p->check_size &&
               memcmp(c->answer, p->check, p->check_size) == 0;
    return memmem(c->answer ? c->answer : "", c->answer_size, p->check, p->check_size) != NULL;
}

/* The job ends without an answer, and the connection with it. */
static void fail(struct worker *w, struct connection *c, int kind)
{
    const struct job job = c->job;
    const int64_t sent = c->sent;
    connection_close(w, c);
    worker_ended(w, &job, sent, kind, 0);
    serve_queue(w);
}

/* The other side has closed. Where it did so before it can have seen the request, as servers do
 * with connections that were idle for long, the request is sent once more. */
static void lost(struct worker *w, struct connection *c)
{
    if (!c->used || c->received || c->job.retried) {
        fail(w, c, OUTCOME_CLOSED);
        return;
    }
    struct job job = c->job;
    job.retried = 1;
    w->stats.steps[job.step].retried++;
    connection_close(w, c);
    connection_dispatch(w, &job);
}

static void answered(struct worker *w, struct connection *c)
{
    const struct job job = c->job;
    const int64_t sent = c->sent;
    const int whole = c->written == job.request->size; /* else it was refused before its end */
    int kind = c->response.status;
    if (outcome_accepted(kind) && !is_right(w, c))
        kind = OUTCOME_WRONG;
    worker_ended(w, &job, sent, kind, c->response.content);
    if (c->response.keep_alive && whole && !c->ending) {
        c->state = CONNECTION_IDLE;
        c->used = 1;
        c->next = w->idle;
        w->idle = c;
    } else {
        connection_close(w, c);
    }
    serve_queue(w);
}

/* ---- sending and receiving ------------------------------------------------------------------ */

static void write_some(struct worker *w, struct connection *c)
{
    const struct request *r = c->job.request;
    if (c->sent < 0)
        c->sent = worker_now(w);
    while (c->written < r->size) {
        const ssize_t n = send(c->fd, r->bytes + c->written, r->size - c->written, MSG_NOSIGNAL);
        if (n > 0)
            c->written += (size_t)n;
        else if (errno != EINTR)
            return; /* full, or closed: then reading finds it, behind an answer that came before */
    }
}

static void keep_answer(struct worker *w, struct connection *c, const char *content, size_t n)
{
    if (c->answer_size + n > c->answer_room) {
        const size_t room = (c->answer_size + n) * 2;
        char *more = room < MOST_ANSWER ? realloc(c->answer, room) : NULL;
        if (!more) {
            w->no_memory = 1;
            return;
        }
        c->answer = more;
        c->answer_room = room;
    }
    memcpy(c->answer + c->answer_size, content, n);
    c->answer_size += n;
}

/* Takes bytes that have come; 1 if the job has ended with them. */
static int take_bytes(struct worker *w, struct connection *c, const char *bytes, size_t n)
{
    c->received += n;
    while (n && c->response.state < RESPONSE_DONE) {
        const char *content;
        size_t length;
        const size_t taken = response_take(&c->response, bytes, n, &content, &length);
        if (length && w->plan->check)
            keep_answer(w, c, content, length);
        bytes += taken;
        n -= taken;
    }
    if (c->response.state == RESPONSE_BROKEN) {
        snprintf(w->trouble, sizeof w->trouble, "an answer: %s", c->response.problem);
        fail(w, c, OUTCOME_BROKEN);
        return 1;
    }
    if (c->response.state != RESPONSE_DONE)
        return 0;
    if (n) /* bytes that nobody asked for: nothing more can be believed */
        c->response.keep_alive = 0;
    answered(w, c);
    return 1;
}

/* Reads until nothing is there. After a short read without an end in sight that is certain, and a
 * call to the kernel is saved. */
static void read_some(struct worker *w, struct connection *c)
{
    for (;;) {
        const ssize_t n = recv(c->fd, w->buffer, WORKER_BUFFER, 0);
        if (n > 0) {
            if (take_bytes(w, c, w->buffer, (size_t)n) || (n < WORKER_BUFFER && !c->ending))
                return;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            if (n < 0)
                note_trouble(w, errno);
            if (response_end(&c->response))
                answered(w, c);
            else
                lost(w, c);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void send_job(struct worker *w, struct connection *c, const struct job *job)
{
    c->state = CONNECTION_BUSY;
    c->job = *job;
    c->sent = -1;
    c->written = c->received = 0;
    c->answer_size = 0;
    response_begin(&c->response, w->plan->requests.head);
    write_some(w, c);
}

/* Whether an idle connection was closed, or says something unasked. The news may be old: of bytes
 * that were read before they were told of. */
static int is_useless(const struct connection *c)
{
    char byte;
    return c->ending || recv(c->fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN;
}

void connection_event(struct worker *w, struct connection *c, uint32_t events)
{
    c->ending |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (c->state == CONNECTION_OPENING) {
        int wrong = 0;
        socklen_t size = sizeof wrong;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &wrong, &size);
        if (wrong) {
            note_trouble(w, wrong);
            fail(w, c, OUTCOME_NOT_CONNECTED);
            return;
        }
        if (!(events & EPOLLOUT))
            return;
        const struct job job = c->job;
        send_job(w, c, &job);
    } else if (c->state == CONNECTION_IDLE && is_useless(c)) {
        forget_idle(w, c);
        connection_close(w, c);
        serve_queue(w);
        return;
    }
    if (c->state != CONNECTION_BUSY)
        return;
    if (events & EPOLLOUT && c->written < c->job.request->size)
        write_some(w, c);
    if (events & EPOLLIN || c->ending)
        read_some(w, c);
}

void connection_expire(struct worker *w, int64_t now)
{
    const int64_t oldest = now - w->plan->timeout_ns;
    struct job job;
    for (long i = w->open; i-- > 0;) { /* closing one moves the last into its place */
        struct connection *c = i < w->open ? w->all[i] : NULL;
        if (c && c->state != CONNECTION_IDLE && c->job.due < oldest)
            fail(w, c, OUTCOME_TIMEOUT);
    }
    while (w->queue.count && w->queue.jobs[w->queue.first].due < oldest &&
           queue_take(&w->queue, &job))
        worker_ended(w, &job, -1, OUTCOME_TIMEOUT, 0);
}

void connections_sweep(struct worker *w)
{
    for (struct connection *c = w->dead, *next; c; c = next) {
        next = c->next;
        free(c->answer);
        free(c);
    }
    w->dead = NULL;
}

void connections_free(struct worker *w)
{
    while (w->open)
        connection_close(w, w->all[w->open - 1]);
    w->idle = NULL;
    connections_sweep(w);
}
