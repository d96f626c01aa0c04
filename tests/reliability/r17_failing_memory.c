/* R17: memory that runs out while a model is loaded or a session is made or run, and threads that
 * can't be started: a status, nothing left behind, and the next try works. */
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/cpu.h"
#include "tests/reliability/failing.h"

#include "infer_experimental.h"
#include "tests/reliability/corpus.h"
#include "tests/reliability/memory_nets.h"
#include "tools/random_fill.h"

static struct check check = {"R17 failing memory", 0};

/* ---- what is tried -------------------------------------------------------------------------- */

enum { MOST_TENSORS = 32 };

struct subject {
    const struct corpus_file *file;
    char path[64];      /* the file on disk */
    infer_model *model; /* loaded before, for sessions */
    infer_isa isa;
    uint32_t threads, precision, no_onednn;
    infer_pool *pool; /* for sessions, or NULL */
    void *inputs[MOST_TENSORS];
};

static infer_status load_bytes(void *ctx, infer_error *err)
{
    const struct subject *s = ctx;
    infer_model *m;
    infer_status status = infer_load_memory(s->file->file.data, s->file->file.size, NULL, &m, err);
    infer_model_free(&m);
    return status;
}

static infer_status load_path(void *ctx, infer_error *err)
{
    const struct subject *s = ctx;
    infer_model *m;
    infer_status status = infer_load(s->path, NULL, &m, err);
    infer_model_free(&m);
    return status;
}

/* Shapes with `first` for free dimensions, and 8 for those behind the first: their number. */
static size_t shapes(const struct subject *s, int64_t first, infer_input_spec spec[MOST_TENSORS])
{
    const size_t n = infer_model_inputs(s->model);
    for (size_t i = 0; i < n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_model_input(s->model, i, &info, NULL);
        spec[i] = (infer_input_spec){.name = info.name, .rank = info.rank};
        for (int k = 0; k < info.rank; k++)
            spec[i].dims[k] = !(info.free_dims >> k & 1) ? info.dims[k] : k ? 8 : first;
    }
    return n;
}

static infer_status make(const struct subject *s, infer_session **session, infer_error *err)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec[MOST_TENSORS];
    o.isa = s->isa;
    o.threads = s->threads;
    o.precision = s->precision;
    o.no_onednn = s->no_onednn;
    o.pool = s->pool;
    o.inputs = spec;
    o.ninputs = shapes(s, 1, spec);
    return infer_session_create(s->model, &o, session, err);
}

static void fill_inputs(const struct subject *s, const infer_session *session, infer_tensor *in)
{
    size_t nin = infer_session_inputs(session);
    for (size_t i = 0; i < nin; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(session, i, &info, NULL);
        in[i] = (infer_tensor){.type = info.type, .rank = info.rank};
        memcpy(in[i].dims, info.dims, sizeof info.dims);
        in[i].bytes = infer_tensor_elements(&in[i]) * infer_type_size(info.type);
        in[i].data = s->inputs[i];
    }
}

static infer_status run_once(struct subject *s, infer_session *session, infer_error *err)
{
    infer_tensor in[MOST_TENSORS] = {{0}}, out[MOST_TENSORS] = {{0}};
    fill_inputs(s, session, in);
    return infer_run(session, in, infer_session_inputs(session), out,
                     infer_session_outputs(session), err);
}

/* A batch of two where it is free, and back: the session runs again, and does so too where that
 * failed. */
static infer_status reshape_twice(struct subject *s, infer_session *session, infer_error *err)
{
    infer_input_spec spec[MOST_TENSORS];
    infer_error other;
    const size_t n = shapes(s, 2, spec);
    infer_status status = infer_session_reshape(session, spec, n, err);
    shapes(s, 1, spec);
    if (infer_session_reshape(session, spec, n, &other) != INFER_OK ||
        run_once(s, session, &other) != INFER_OK)
        check_failed(&check, "%s: reshaped (%s), it can't run: %s", s->file->name,
                     infer_status_name(status), other.message);
    /* a network that takes no batch of two says so */
    return status == INFER_ERROR_NO_MEMORY ? status : INFER_OK;
}

/* A session, made and run, reshaped and run. */
static infer_status session(void *ctx, infer_error *err)
{
    struct subject *s = ctx;
    infer_session *made;
    infer_status status = make(s, &made, err);
    if (status == INFER_OK)
        status = run_once(s, made, err);
    if (status == INFER_OK)
        status = reshape_twice(s, made, err);
    if ((status == INFER_OK) > (made != NULL))
        check_failed(&check, "%s: no session", s->file->name);
    infer_session_free(&made);
    return status;
}

struct over {
    sem_t sem;
    infer_status status;
};

static void done(void *ctx, infer_status status, const infer_error *err)
{
    struct over *over = ctx;
    over->status = err->status == status ? status : INFER_ERROR_INTERNAL;
    sem_post(&over->sem);
}

/* A run of the pool's: what fails of it fails before it has begun. */
static infer_status start_once(struct subject *s, infer_session *session, infer_error *err)
{
    infer_tensor in[MOST_TENSORS] = {{0}}, out[MOST_TENSORS] = {{0}};
    struct over over = {.status = INFER_OK};
    fill_inputs(s, session, in);
    sem_init(&over.sem, 0, 0);
    infer_status status = infer_run_start(session, NULL, in, infer_session_inputs(session), out,
                                          infer_session_outputs(session), done, &over, err);
    while (status == INFER_OK && sem_wait(&over.sem))
        continue;
    sem_destroy(&over.sem);
    return status == INFER_OK ? over.status : status;
}

/* A pool, two sessions on it, a run of either kind. */
static infer_status on_pool(void *ctx, infer_error *err)
{
    struct subject *s = ctx;
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    infer_session *first = NULL, *second = NULL;
    o.threads = s->threads;
    infer_status status = infer_pool_create(&o, &s->pool, err);
    if ((status == INFER_OK) != (s->pool != NULL))
        check_failed(&check, "%s: a pool, or none", s->file->name);
    if (status == INFER_OK)
        status = make(s, &first, err);
    if (status == INFER_OK)
        status = make(s, &second, err);
    if (status == INFER_OK)
        status = run_once(s, first, err);
    if (status == INFER_OK)
        status = start_once(s, second, err);
    infer_session_free(&first);
    infer_session_free(&second);
    infer_pool_free(&s->pool);
    return status;
}

/* ---- preparing ------------------------------------------------------------------------------ */

/* Loads the model and fills its inputs; 0 if no session can be made of it as it is. */
static int prepare(struct subject *s)
{
    infer_session *made;
    infer_error err;
    check_ok(infer_load_memory(s->file->file.data, s->file->file.size, NULL, &s->model, &err),
             &err);
    s->threads = 1;
    s->no_onednn = 1;
    if (infer_model_inputs(s->model) > MOST_TENSORS || infer_model_outputs(s->model) > MOST_TENSORS)
        return 0;
    if (make(s, &made, &err) != INFER_OK)
        return 0;
    for (size_t i = 0; i < infer_session_inputs(made); i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(made, i, &info, NULL);
        infer_tensor t = {.type = info.type, .rank = info.rank};
        memcpy(t.dims, info.dims, sizeof info.dims);
        t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
        t.data = s->inputs[i] = aligned_alloc(64, (t.bytes + 63) / 64 * 64);
        random_fill(&t, i + 1);
    }
    infer_session_free(&made);
    return 1;
}

static void forget(struct subject *s)
{
    for (int i = 0; i < MOST_TENSORS; i++)
        free(s->inputs[i]);
    infer_model_free(&s->model);
}

static int has_onednn(struct subject *s)
{
    infer_session *made;
    infer_error err;
    int found = 0;
    s->no_onednn = 0;
    if (make(s, &made, &err) == INFER_OK)
        for (size_t i = 0; i < infer_session_steps(made); i++) {
            infer_step_info info = INFER_STEP_INFO_INIT;
            infer_session_step(made, i, &info, NULL);
            found |= strstr(info.kernel, "_onednn") != NULL;
        }
    infer_session_free(&made);
    s->no_onednn = 1;
    return found;
}

/* ---- every allocation in turn --------------------------------------------------------------- */

static void try_loads(struct subject *s)
{
    FILE *f = fopen(s->path, "wb");
    if (!f || fwrite(s->file->file.data, 1, s->file->file.size, f) != s->file->file.size ||
        fclose(f))
        check_failed(&check, "%s can't be written", s->path);
    failing_all(&check, &(struct failing_case){"load", load_bytes, s, 0}, 1);
    failing_all(&check, &(struct failing_case){"load a file", load_path, s, 0}, 1);
    remove(s->path);
}

/* Sessions of every level on one and three threads, in f32 and bf16; of whole networks on the best
 * level, and fewer failures. */
static void try_sessions(struct subject *s, int whole)
{
    const long step = whole ? (long)check_scale(29, 2, 1) : 1;
    for (infer_isa isa = whole ? infer_cpu_isa() : INFER_ISA_C; isa; isa = infer__isa_next(isa))
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            const int bf16 = infer__isa_has(isa, INFER_ISA_AVX512BF16);
            for (uint32_t precision = 0; precision <= (bf16 ? 1u : 0u); precision++) {
                char what[160];
                s->isa = isa;
                s->threads = threads;
                s->precision = precision;
                snprintf(what, sizeof what, "%s, %s, %u threads, precision %u", s->file->name,
                         infer_isa_name(s->isa), threads, precision);
                failing_all(&check, &(struct failing_case){what, session, s, 0}, step);
            }
        }
    s->isa = INFER_ISA_DEFAULT;
    s->precision = 0;
    s->threads = 3;
    failing_all(&check, &(struct failing_case){"a pool", on_pool, s, 0}, step);
}

/* ---- a limit, and oneDNN -------------------------------------------------------------------- */

/* How a child process is short of memory. */
enum shortage { SHORT_OF_BYTES, SHORT_OF_BYTES_AND_PAGES, SHORT_OF_ADDRESSES, SHORTAGES };

static long address_space(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void set_limit(enum shortage shortage, long room)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (shortage == SHORT_OF_ADDRESSES) {
        if (room >= 0)
            limit.rlim_cur = (rlim_t)(address_space() + room);
        setrlimit(RLIMIT_AS, &limit);
        return;
    }
    failing.pages = shortage == SHORT_OF_BYTES_AND_PAGES;
    failing.room = room;
}

/* In a child, where oneDNN has cached nothing: a session with so much room, then runs of a session
 * with so much room. Exits with bits: 1 the session could be made, 2 it could be run; more than 3
 * for a failure. */
static int child(struct subject *s, enum shortage shortage, long room)
{
    infer_session *made;
    infer_error err;
    int result = 0;
    for (int turn = 0; turn < 2; turn++) { /* the second finds oneDNN's caches filled */
        set_limit(shortage, room);
        infer_status status = make(s, &made, &err);
        set_limit(shortage, -1);
        if (status != INFER_OK && status != INFER_ERROR_NO_MEMORY && status != INFER_ERROR_THREAD)
            return 4;
        result |= turn == 0 && status == INFER_OK;
        if (status != INFER_OK && make(s, &made, &err) != INFER_OK)
            return 8;
        set_limit(shortage, room);
        status = run_once(s, made, &err);
        set_limit(shortage, -1);
        if (status != INFER_OK && status != INFER_ERROR_NO_MEMORY)
            return 16;
        result |= turn == 0 && status == INFER_OK ? 2 : 0;
        if (run_once(s, made, &err) != INFER_OK)
            return 32;
        infer_session_free(&made);
    }
    return result;
}

static int in_child(struct subject *s, enum shortage shortage, long room)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(s, shortage, room));
    failing_points++;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : 255;
}

/* Room from nothing to so much that session and run succeed, growing by a part of itself. */
static void try_limits(struct subject *s)
{
    const long part = (long)check_scale(2, 16, 60), most = 1L << 30;
    for (int shortage = 0; shortage < SHORTAGES; shortage++) {
        int result = 0;
        for (long room = 0; result != 3 && room < most; room += room / part + 1500) {
            result = in_child(s, (enum shortage)shortage, room);
            if (result > 3)
                check_failed(&check, "%s with oneDNN, shortage %d of %ld bytes: %s %d",
                             s->file->name, shortage, room, result == 255 ? "it died," : "failure",
                             result);
        }
        if (result != 3)
            check_failed(&check, "%s with oneDNN: no limit is high enough", s->file->name);
    }
}

int main(void)
{
    static struct corpus corpus;
    uint64_t with_onednn = 0, small;
    corpus_small(&corpus);
    corpus_add(&corpus, "depthwise net", memory_net_depthwise());
    corpus_add(&corpus, "int8 net", memory_net_int8());
    small = corpus.n;
    corpus_networks(&corpus);
    if (check_scale(0, 1, 1)) { /* those that have steps of oneDNN's */
        corpus_add_shared(&corpus, "fsanet-headpose-64");
        corpus_add_shared(&corpus, "yunet-n-320");
        corpus_add_shared(&corpus, "mobilenetv1-0.25-128-imagenet-fp32");
    }
    for (size_t i = 0; i < corpus.n; i++) {
        struct subject s = {.file = &corpus.file[i]};
        snprintf(s.path, sizeof s.path, "/tmp/infer-r17-%ld.infer", (long)getpid());
        if (prepare(&s)) {
            if (has_onednn(&s)) {
                s.no_onednn = 0;
                with_onednn++;
                for (s.threads = 1; s.threads <= 2; s.threads++)
                    try_limits(&s);
                s.no_onednn = 1;
            }
            try_sessions(&s, i >= small);
        }
        try_loads(&s);
        forget(&s);
    }
    size_t models = corpus.n;
    corpus_free(&corpus);
    return check_report(&check,
                        "%llu failures of %zu models' allocations and threads, %llu with oneDNN "
                        "under limits",
                        (unsigned long long)failing_points, models,
                        (unsigned long long)with_onednn);
}
