#include "tools/hammer/worker.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

enum { EVENTS = 256, RETRY_NS = 10000000, EXPIRE_NS = 10000000 };

/* ---- the queue ------------------------------------------------------------------------------ */

static int queue_grow(struct queue *q)
{
    const size_t room = q->room ? q->room * 2 : 256;
    struct job *more = calloc(room, sizeof *more);
    if (!more)
        return 0;
    for (size_t i = 0; i < q->count; i++)
        more[i] = q->jobs[(q->first + i) % q->room];
    free(q->jobs);
    q->jobs = more;
    q->first = 0;
    q->room = room;
    return 1;
}

int queue_put(struct queue *q, const struct job *job, int in_front)
{
    if (q->count == q->room && !queue_grow(q))
        return 0;
    if (in_front)
        q->first = (q->first + q->room - 1) % q->room;
    q->jobs[in_front ? q->first : (q->first + q->count) % q->room] = *job;
    q->count++;
    return 1;
}

int queue_take(struct queue *q, struct job *job)
{
    if (!q->count)
        return 0;
    *job = q->jobs[q->first];
    q->first = (q->first + 1) % q->room;
    q->count--;
    return 1;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

void worker_ended(struct worker *w, const struct job *job, int64_t sent, int kind, uint64_t content)
{
    const struct schedule *s = &w->plan->schedule;
    const int64_t now = worker_now(w);
    const struct record r = {
        .due = job->due, .sent = sent, .done = now, .kind = kind, .step = job->step};
    const double seconds = (double)now * 1e-9;
    w->in_flight--;
    w->no_memory |= !stats_add(&w->stats, &r);
    w->stats.steps[job->step].bytes += content;
    if (outcome_accepted(kind) && seconds < schedule_seconds(s))
        w->stats.steps[schedule_step_at(s, seconds)].accepted++;
    if (kind == OUTCOME_NOT_CONNECTED)
        w->resume_at = now + RETRY_NS;
    atomic_fetch_add_explicit(w->ended, 1, memory_order_relaxed);
}

static void issue(struct worker *w, int64_t due, int step, uint64_t number)
{
    const struct requests *r = &w->plan->requests;
    const struct job job = {.due = due, .request = r->items + number % r->count, .step = step};
    w->stats.steps[step].issued++;
    w->in_flight++;
    connection_dispatch(w, &job);
}

/* The next arrival that is this worker's: they are dealt out in turn. */
static void next_arrival(struct worker *w)
{
    do {
        if (!arrivals_next(&w->arrivals, &w->next_due, &w->next_step)) {
            w->next_due = INT64_MAX;
            return;
        }
    } while ((long)((w->arrivals.index - 1) % (uint64_t)w->plan->threads) != w->number);
}

static void issue_due(struct worker *w)
{
    for (int64_t now; w->next_due <= (now = worker_now(w)); next_arrival(w)) {
        hdr_add(&w->stats.steps[w->next_step].late, now - w->next_due);
        issue(w, w->next_due, w->next_step, w->arrivals.index - 1);
    }
}

/* A closed loop has as many jobs as connections until its time is over. */
static void issue_closed(struct worker *w)
{
    const struct schedule *s = &w->plan->schedule;
    while (w->next_due != INT64_MAX && w->in_flight < w->most) {
        const int64_t now = worker_now(w);
        const double seconds = (double)now * 1e-9;
        const int step = schedule_step_at(s, seconds);
        if (now < w->resume_at)
            return;
        const int counted = s->most && !s->steps[step].warmup;
        if (seconds >= schedule_seconds(s) ||
            (counted && atomic_fetch_add(w->taken, 1) >= s->most)) {
            w->next_due = INT64_MAX;
            return;
        }
        issue(w, now, step, w->next_request);
        w->next_request += (uint64_t)w->plan->threads;
    }
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* How long nothing is to do unless a socket says so. */
static int64_t rest(const struct worker *w, int64_t expire_at)
{
    int64_t until = expire_at;
    if (w->plan->closed && w->next_due != INT64_MAX && w->in_flight < w->most)
        until = w->resume_at < until ? w->resume_at : until;
    else if (!w->plan->closed && w->next_due < until)
        until = w->next_due;
    const int64_t ns = until - worker_now(w);
    return ns > 0 ? ns : 0;
}

static void wait_for_events(struct worker *w, int64_t expire_at)
{
    struct epoll_event events[EVENTS];
    const int64_t ns = rest(w, expire_at);
    const struct timespec wait = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    const int n = epoll_pwait2(w->poll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++) {
        connection_event(w, events[i].data.ptr, events[i].events);
        if (!w->plan->closed) /* a long round of answers must not make requests late */
            issue_due(w);
    }
    connections_sweep(w);
}

void worker_run(struct worker *w)
{
    int64_t expire_at = 0;
    /* the kernel may let sleepers wait 50 us longer, to wake several at once; not this one */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    w->next_request = (uint64_t)w->number;
    w->next_due = 0;
    if (!w->plan->closed) {
        arrivals_begin(&w->arrivals, &w->plan->schedule);
        next_arrival(w);
    }
    while (!w->no_memory) {
        if (*w->stop)
            w->next_due = INT64_MAX;
        if (w->plan->closed)
            issue_closed(w);
        else
            issue_due(w);
        if (w->next_due == INT64_MAX && !w->in_flight)
            return;
        const int64_t now = worker_now(w);
        if (now >= expire_at) {
            connection_expire(w, now);
            expire_at = now + EXPIRE_NS;
        }
        wait_for_events(w, expire_at);
    }
}
