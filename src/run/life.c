/* What a session is doing at the moment: one run at a time, which may be cancelled or come too
 * late. All of it is one word, so that infer_session_cancel takes no lock. */
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/session.h"

/* In the child of a fork a run of the parent's is a copy of a moment: nobody goes on with it. */
static int is_copy(const struct infer_session *s)
{
    return s->life.process != getpid();
}

infer_status infer__session_enter(struct infer_session *s, infer_error *err)
{
    int life = INFER__IDLE;
    if (!atomic_compare_exchange_strong(&s->life.now, &life, INFER__RUNNING)) {
        FAIL_IF(!is_copy(s), INFER_ERROR_BUSY, "the session is at work: one run at a time");
        s->life.process = getpid();
        atomic_store(&s->life.finishing, 0);
        atomic_store(&s->life.now, INFER__RUNNING);
    }
    atomic_store_explicit(&s->life.steps, 0, memory_order_relaxed);
    return INFER_OK;
}

int infer__session_stops(struct infer_session *s, uint64_t deadline_ns, uint32_t step)
{
    int life = atomic_load_explicit(&s->life.now, memory_order_relaxed);
    if (life == INFER__RUNNING && deadline_ns && infer__now_ns() >= deadline_ns &&
        atomic_compare_exchange_strong(&s->life.now, &life, INFER__LATE))
        life = INFER__LATE;
    if (life == INFER__RUNNING)
        return 0;
    uint32_t none = 0;
    atomic_compare_exchange_strong(&s->life.steps, &none, step + 1); /* the first counts */
    return 1;
}

/* The error of a run that was stopped, with the step that it did not do. */
static infer_status fail_stopped(const struct infer_session *s, int life, infer_error *err)
{
    static const char *const why[] = {
        [INFER__CANCELLED] = "the run was cancelled", [INFER__LATE] = "the deadline has passed"};
    const struct infer__plan *plan = &s->program->plan;
    infer_status status = life == INFER__LATE ? INFER_ERROR_DEADLINE : INFER_ERROR_CANCELLED;
    uint32_t step = atomic_load_explicit(&s->life.steps, memory_order_relaxed);
    if (!step)
        return infer__fail(err, status, "%s", why[life]);
    const struct infer__step *before = &plan->steps[step - 1];
    const char *value = plan->graph.values[plan->tensors[before->out[0]].value].name;
    return infer__fail_node(err, status, before->name ? before->name : value,
                            "%s before step %u of %u", why[life], step, plan->nsteps);
}

/* Nothing of the session is touched once it is idle: it may be freed by then. */
infer_status infer__session_leave(struct infer_session *s, infer_status status, infer_error *err)
{
    int life = atomic_load(&s->life.now);
    infer_status result;
    do
        result = status == INFER_OK && life != INFER__RUNNING ? fail_stopped(s, life, err) : status;
    while (!atomic_compare_exchange_weak(&s->life.now, &life, INFER__IDLE));
    return result;
}

void infer_session_cancel(infer_session *s)
{
    int life = INFER__RUNNING;
    if (s)
        atomic_compare_exchange_strong(&s->life.now, &life, INFER__CANCELLED);
}

void infer__session_settle(struct infer_session *s)
{
    const struct timespec moment = {0, 100000};
    while ((atomic_load(&s->life.now) != INFER__IDLE || atomic_load(&s->life.finishing)) &&
           !is_copy(s)) {
        infer_session_cancel(s);
        nanosleep(&moment, NULL);
    }
}
