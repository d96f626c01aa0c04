/* Making and freeing sessions: everything that infer_run needs is taken here. */
#include "run/session.h"

#include <string.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/cpu.h"
#include "base/size.h"
#include "base/sized.h"
#include "plan/tuned.h"

void infer_session_options_init(infer_session_options *options, size_t size)
{
    infer__sized_init(options, size);
}

static infer_status plan_options(const infer_model *model, const infer_session_options *options,
                                 struct infer__plan_options *o, infer_error *err)
{
    FAIL_IF(options->ninputs && !options->inputs, INFER_ERROR_ARGUMENT, "options.inputs is NULL");
    FAIL_IF(options->threads > 1024, INFER_ERROR_ARGUMENT, "%u threads; at most 1024",
            options->threads);
    FAIL_IF(!infer__isa_known(options->isa), INFER_ERROR_ARGUMENT,
            "options.isa is %u, which is no level", (unsigned)options->isa);
    o->threads = options->threads ? options->threads : infer__cpu_count();
    o->isa = infer__isa_usable(options->isa);
    FAIL_IF(options->precision > INFER_PRECISION_F32_STRICT, INFER_ERROR_ARGUMENT,
            "options.precision is %u, which is none", options->precision);
    o->bf16 = options->precision == INFER_PRECISION_BF16;
    o->strict = options->precision == INFER_PRECISION_F32_STRICT;
    o->machine = infer__cpu_machine();
    FAIL_IF(o->bf16 && !infer__isa_has(o->isa, INFER_ISA_AVX512BF16), INFER_ERROR_UNSUPPORTED,
            "precision bf16 needs AVX-512 BF16, and this session has %s: the %s",
            infer_isa_name(o->isa),
            infer_cpu_has(INFER_ISA_AVX512BF16) ? "option isa leaves it out" : "CPU lacks it");
    o->onednn = infer_has_onednn() && !options->no_onednn && o->isa == infer_cpu_isa();
    o->max_work = options->max_work;
    o->weight_bytes_limit = options->weight_bytes_limit;
    o->max_tensor_bytes = model->max_tensor_bytes;
    return INFER_OK;
}

/* The most that sizes can be, kept for all shapes that the session will have: numbers and names in
 * one piece of memory. */
static infer_status take_maxima(struct infer_session *s, const infer_session_options *options,
                                infer_error *err)
{
    const size_t n = options->nmaxima;
    size_t bytes = infer__array_bytes(n, sizeof *s->maxima);
    if (!n)
        return INFER_OK;
    FAIL_IF(!options->maxima, INFER_ERROR_ARGUMENT, "options.maxima is NULL");
    for (size_t i = 0; i < n; i++) {
        const infer_maximum *m = &options->maxima[i];
        FAIL_IF(!m->name || !*m->name, INFER_ERROR_ARGUMENT, "options.maxima[%zu] has no name", i);
        FAIL_IF(m->value < 0 || m->value > INFER__MAX_DIM, INFER_ERROR_ARGUMENT,
                "the maximum of '%.64s' is %lld: it can be 0 to 2^31 - 1", m->name,
                (long long)m->value);
        FAIL_IF(m->reserved[0] || m->reserved[1], INFER_ERROR_ARGUMENT,
                "a reserved field of options.maxima[%zu] is not 0", i);
        if (!infer__size_add(bytes, strlen(m->name) + 1, &bytes))
            bytes = SIZE_MAX;
    }
    s->maxima = infer__calloc(&s->allocator, 1, bytes);
    if (!s->maxima)
        return infer__no_memory(err, bytes);
    char *name = (char *)(s->maxima + n);
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(options->maxima[i].name) + 1;
        memcpy(name, options->maxima[i].name, length);
        s->maxima[i] = options->maxima[i];
        s->maxima[i].name = name;
        name += length;
    }
    s->plan.maxima = s->maxima;
    s->plan.nmaxima = n;
    return INFER_OK;
}

/* ---- the public functions ------------------------------------------------------------------- */

/* A pool of the session's own where the application gives none. */
static infer_status open_team(struct infer_session *s, const infer_session_options *options,
                              uint32_t *threads, infer_error *err)
{
    s->pool = options->pool;
    if (!s->pool) {
        struct infer__pool_setup setup = infer__pool_setup(*threads);
        TRY(infer__pool_create(&setup, &s->allocator, &s->pool, err));
        s->own_pool = 1;
    } else if (!options->threads) {
        *threads = infer__pool_threads(s->pool);
    }
    TRY(infer__team_open(s->pool, *threads, &s->team, err));
    *threads = infer__team_members(s->team);
    return INFER_OK;
}

static infer_status create(struct infer_session *s, const infer_session_options *options,
                           const struct infer__tuned *tuned, infer_error *err)
{
    TRY(plan_options(s->model, options, &s->plan, err));
    s->allocator = infer__meter_start(&s->meter, &s->model->allocator,
                                      options->max_memory_bytes ? options->max_memory_bytes
                                                                : UINT64_C(4) << 30);
    s->packed.meter = &s->meter;
    s->plan.meter = &s->meter;
    s->plan.trouble = &s->trouble;
    if (tuned) {
        s->tuned = *tuned;
        s->plan.tuned = &s->tuned;
    }
    s->profile = options->profile;
    s->plan.about = &s->model->about;
    s->plan.model = s->model;
    TRY(take_maxima(s, options, err));
    TRY(open_team(s, options, &s->plan.threads, err));
    TRY(infer__session_plan(s, options->inputs, options->ninputs, err));
    return infer__started_create(s, err);
}

infer_status infer__session_create(const infer_model *model, const infer_session_options *options,
                                   const struct infer__tuned *tuned, infer_session **session,
                                   infer_error *err)
{
    *session = NULL;
    struct infer_session *s = infer__calloc(&model->allocator, 1, sizeof *s);
    if (!s)
        return infer__no_memory(err, sizeof *s);
    s->allocator = model->allocator;
    s->model = model;
    s->life.process = getpid();
    infer_status status = infer__session_limit(s, create(s, options, tuned, err), err);
    if (status != INFER_OK) {
        infer_session_free(&s);
        return status;
    }
    *session = s;
    return INFER_OK;
}

infer_status infer_session_create(const infer_model *model, const infer_session_options *options,
                                  infer_session **session, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_session_options o;
    struct infer__tuned_for here;
    struct infer__tuned tuned;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session, INFER_ERROR_ARGUMENT, "session is NULL");
    *session = NULL;
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "model is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_session_options, precision), options, &o, err));
    const int use = !o.no_tuned && infer__tuned_any(model) && infer__tuned_here(&here) &&
                    infer__tuned_find(model, &here, &tuned);
    return infer__session_create(model, &o, use ? &tuned : NULL, session, err);
}

void infer_session_free(infer_session **session)
{
    INFER__KEEP_CALLER;
    if (!session || !*session)
        return;
    struct infer_session *s = *session;
    infer__session_settle(s);
    const infer_allocator a = s->allocator, outer = s->model->allocator;
    infer__team_close(s->team);
    infer__memory_free(&s->memory, &a);
    if (s->own_pool)
        infer__pool_free(s->pool);
    infer__free(&a, s->started);
    infer__free(&a, s->maxima);
    for (uint32_t i = 0; i < s->nprograms; i++)
        infer__program_free(s->programs[i]);
    infer__scratch_free(&s->scratch);
    infer__free(&outer, s);
    *session = NULL;
}
