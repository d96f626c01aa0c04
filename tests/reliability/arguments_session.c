/* Rows of R6: the functions of infer.h about sessions, pools and runs. */
#include <semaphore.h>

#include "infer_experimental.h"
#include "tests/reliability/arguments.h"

INIT(session_options_init, infer_session_options)
INIT(pool_options_init, infer_pool_options)
INIT(run_options_init, infer_run_options)
INIT(session_memory_init, infer_session_memory)
INIT(step_info_init, infer_step_info)

static infer_status session_free(void)
{
    infer_session *none = NULL;
    infer_session_free(ARG(0, infer_session **, 2, &none, NULL));
    return INFER_OK;
}

COUNT(session_inputs, SESSION(0))
COUNT(session_outputs, SESSION(0))
COUNT(session_steps, SESSION(0))

DESCRIBE(session_input, SESSION(0), infer_value_info)
DESCRIBE(session_output, SESSION(0), infer_value_info)
DESCRIBE(session_result, SESSION(0), infer_value_info)
DESCRIBE(session_step, SESSION(0), infer_step_info)

static infer_status session_memory_use(void)
{
    return infer_session_memory_use(
        SESSION(0), ANSWER(1, 1, infer_session_memory, INFER_SESSION_MEMORY_INIT), ERR(2));
}

static const infer_session_options *session_options(int i)
{
    enum { N = 19 };
    static const infer_input_spec right = {.name = "input", .rank = 4, .dims = {1, 3, 64, 64}};
    static infer_input_spec specs[9];
    static infer_session_options o[N];
    for (int k = 0; k < 9; k++)
        specs[k] = right;
    for (int k = 0; k < N; k++) {
        infer_session_options_init(&o[k], sizeof o[k]);
        o[k].threads = 1;
        o[k].ninputs = k >= 9;
        o[k].inputs = k >= 10 ? &specs[k - 10] : k == 9 ? NULL : &right;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].threads = 1025;
    o[4].threads = UINT32_MAX;
    o[5].isa = (infer_isa)33;
    o[6].isa = (infer_isa)-1;
    o[7].precision = INFER_PRECISION_F32_STRICT + 1;
    o[8].max_memory_bytes = 1;
    specs[0].name = NULL;
    specs[1].name = "no such input";
    specs[2].rank = -1;
    specs[3].rank = 9;
    specs[4].dims[0] = -1;
    specs[5].dims[2] = INT64_MAX;
    specs[6].reserved = 1;
    specs[7].more[0] = 1;
    specs[8].more[1] = 1;
    return ARG(i, const infer_session_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8], &o[9], &o[10], &o[11], &o[12], &o[13], &o[14], &o[15], &o[16],
               &o[17], &o[18]);
}

static infer_status session_create(void)
{
    infer_session *s = (infer_session *)&told;
    infer_session **to = ARG(2, infer_session **, 1, &s, NULL);
    infer_status status = infer_session_create(MODEL(0, 1), session_options(1), to, ERR(3));
    made(status, to && s, "infer_session_create");
    if (to)
        infer_session_free(&s);
    return status;
}

static infer_status session_reshape(void)
{
    static const infer_input_spec right = {.name = "input", .rank = 4, .dims = {1, 3, 64, 64}};
    static infer_input_spec specs[8][2]; /* the second one has no name */
    for (int k = 0; k < 8; k++)
        specs[k][0] = right;
    specs[1][0].name = NULL;
    specs[2][0].name = "no such input";
    specs[3][0].rank = -1;
    specs[4][0].rank = INT32_MAX;
    specs[5][0].dims[0] = -1;
    specs[6][0].dims[0] = INT64_MAX;
    specs[7][0].more[1] = 1;
    return infer_session_reshape(SESSION(0),
                                 ARG(1, const infer_input_spec *, 1, specs[0], NULL, specs[1],
                                     specs[2], specs[3], specs[4], specs[5], specs[6], specs[7]),
                                 ARG(2, size_t, 1, 1, 2), ERR(3));
}

static infer_status run(void)
{
    unsigned i = pick(1, 1, WRONG), o = pick(3, 1, WRONG);
    return infer_run(SESSION(0), ARG(5, int, 1, 0, 1) ? NULL : wrong_tensor(&right_input, i),
                     ARG(2, size_t, 1, 1, 0, 2, SIZE_MAX),
                     ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&right_output, o),
                     ARG(4, size_t, 1, 1, 0, 2, SIZE_MAX), ERR(7));
}

static const infer_pool_options *pool_options(int i)
{
    enum { N = 11 };
    static infer_pool_options o[N];
    for (int k = 0; k < N; k++) {
        infer_pool_options_init(&o[k], sizeof o[k]);
        o[k].threads = 2;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].threads = 1025;
    o[4].threads = UINT32_MAX;
    o[5].affinity = 2;
    o[6].affinity = UINT32_MAX;
    o[7].allocator.alloc = some_alloc;
    o[8].executor.ctx = &told;
    o[9].reserved = 1;
    o[10].size = 7;
    return ARG(i, const infer_pool_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8], &o[9], &o[10]);
}

static infer_status pool_create(void)
{
    infer_pool *p = (infer_pool *)&told;
    infer_pool **to = ARG(1, infer_pool **, 1, &p, NULL);
    infer_status status = infer_pool_create(pool_options(0), to, ERR(2));
    made(status, to && p, "infer_pool_create");
    if (to)
        infer_pool_free(&p);
    return status;
}

static infer_status pool_free(void)
{
    infer_pool *none = NULL;
    infer_pool_free(ARG(0, infer_pool **, 2, &none, NULL));
    return INFER_OK;
}

static infer_status session_cancel(void)
{
    infer_session_cancel(ARG(0, infer_session *, 2, session, NULL));
    return INFER_OK;
}

static const infer_run_options *run_options(int i)
{
    static infer_run_options o[4];
    for (int k = 0; k < 4; k++)
        infer_run_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].deadline_ns = 1;
    return ARG(i, const infer_run_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3]);
}

static infer_status run_with(void)
{
    unsigned i = pick(2, 1, WRONG), o = pick(4, 1, WRONG);
    return infer_run_with(SESSION(0), run_options(1),
                          ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&right_input, i),
                          ARG(3, size_t, 1, 1, 0, 2, SIZE_MAX),
                          ARG(7, int, 1, 0, 1) ? NULL : wrong_tensor(&right_output, o),
                          ARG(5, size_t, 1, 1, 0, 2, SIZE_MAX), ERR(8));
}

/* What was told to `over_done`. */
static struct {
    sem_t told;
    infer_status status;
} over;

static void over_done(void *ctx, infer_status status, const infer_error *err)
{
    over.status = ctx == &over && err->status == status ? status : INFER_ERROR_INTERNAL;
    sem_post(&over.told);
}

static infer_status run_start(void)
{
    unsigned i = pick(2, 1, WRONG), o = pick(4, 1, WRONG);
    infer_status status = infer_run_start(
        SESSION(0), run_options(1), ARG(6, int, 1, 0, 1) ? NULL : wrong_tensor(&right_input, i),
        ARG(3, size_t, 1, 1, 0, 2, SIZE_MAX),
        ARG(7, int, 1, 0, 1) ? NULL : wrong_tensor(&right_output, o),
        ARG(5, size_t, 1, 1, 0, 2, SIZE_MAX), ARG(8, infer_run_done, 1, over_done, NULL), &over,
        ERR(9));
    if (status != INFER_OK)
        return status;
    while (sem_wait(&over.told))
        continue;
    return over.status;
}

const struct arguments_row arguments_of_sessions[] = {
    ROW(pool_options_init),
    ROW(pool_create),
    ROW(pool_free),
    ROW(session_options_init),
    ROW(session_create),
    ROW(session_reshape),
    ROW(session_free),
    ROW(session_inputs),
    ROW(session_outputs),
    ROW(session_input),
    ROW(session_output),
    ROW(session_result),
    ROW(run),
    ROW(run_options_init),
    ROW(run_with),
    ROW(run_start),
    ROW(session_cancel),
    ROW(session_memory_init),
    ROW(session_memory_use),
    ROW(step_info_init),
    ROW(session_steps),
    ROW(session_step),
    {NULL, NULL},
};
