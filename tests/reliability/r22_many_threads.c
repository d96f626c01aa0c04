/* R22: 32 threads, a session each, run one shared model, whose packed weights they share, and
 * reshape in between, while others load, use and free models: the same bits as alone. Under
 * ThreadSanitizer too, which sees our kernels, but not oneDNN and the OpenMP that it brings along:
 * they are not compiled with it, so their locks are unknown to it and it would take what they guard
 * for races. There sessions are made without oneDNN. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/cpu.h"
#include "tests/reliability/nets.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

enum { RUNNERS = 32, LOADERS = 3, LEVELS = 2 * (INFER_ISA_AMX + 1) };

static struct check check = {.title = WATCHED ? "R22 many threads, watched" : "R22 many threads"};

struct shared {
    const struct net_file *file;
    infer_model *model;
    uint64_t want[LEVELS]; /* bits of a run alone */
    uint64_t runs;
    pthread_barrier_t start;
    _Atomic int over;
    _Atomic uint64_t done, loaded, bad;
};

/* Each level without oneDNN, then the best with it. */
static int levels(void)
{
    int n = WATCHED || !infer_has_onednn() ? 0 : 1;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa))
        n++;
    return n;
}

static infer_session_options options(int level, uint32_t threads)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    o.isa = INFER_ISA_C;
    for (int i = 0; i < level; i++)
        o.isa = infer__isa_next(o.isa);
    o.no_onednn = o.isa != INFER_ISA_DEFAULT;
    o.threads = threads;
    return o;
}

struct runner {
    struct shared *shared;
    int number;
};

/* A batch of two or three, and back: 1 if that failed. Networks without a free batch take no other.
 */
static int reshape_twice(struct net_run *run)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    OK(infer_session_input(run->session, 0, &info, NULL));
    infer_input_spec spec = {.name = info.name, .rank = info.rank};
    memcpy(spec.dims, info.dims, sizeof spec.dims);
    for (int64_t batch = 3; batch >= 1; batch--) {
        spec.dims[0] = batch;
        infer_status status = infer_session_reshape(run->session, &spec, 1, &err);
        if (status != INFER_OK && (batch == 1 || status != INFER_ERROR_SHAPE))
            return 1;
    }
    return 0;
}

static void *run_often(void *arg)
{
    const struct runner *r = arg;
    struct shared *s = r->shared;
    int level = r->number % levels();
    infer_session_options o = options(level, 1 + (uint32_t)(r->number & 1));
    struct net_run run;
    pthread_barrier_wait(&s->start);
    if (net_run_open(&run, s->model, &o, 1, NULL) != INFER_OK) {
        s->bad++;
        return NULL;
    }
    for (uint64_t i = 0; i < s->runs; i++) {
        if (i % 16 == 5)
            s->bad += reshape_twice(&run);
        s->bad += net_run_bits(&run) != s->want[level];
        s->done++;
    }
    net_run_close(&run);
    return NULL;
}

/* Loads the file anew, runs it once, asks a shared model for its names, and frees. */
static void *load_often(void *arg)
{
    const struct runner *r = arg;
    struct shared *s = r->shared;
    int level = r->number % levels();
    infer_session_options o = options(level, 1);
    pthread_barrier_wait(&s->start);
    while (!s->over) {
        infer_model *model;
        struct net_run run;
        infer_value_info info = INFER_VALUE_INFO_INIT;
        if (infer_load_memory(s->file->bytes, s->file->size, NULL, &model, NULL) != INFER_OK ||
            net_run_open(&run, model, &o, 1, NULL) != INFER_OK) {
            s->bad++;
            return NULL;
        }
        s->bad += net_run_bits(&run) != s->want[level];
        s->bad += infer_model_output(s->model, 0, &info, NULL) != INFER_OK || !*info.name;
        net_run_close(&run);
        infer_model_free(&model);
        s->loaded++;
    }
    return NULL;
}

static void one_model(struct shared *s)
{
    pthread_t threads[RUNNERS + LOADERS];
    struct runner runners[RUNNERS + LOADERS];
    OK(infer_load_memory(s->file->bytes, s->file->size, NULL, &s->model, NULL));
    for (int level = 0; level < levels(); level++) {
        infer_session_options o = options(level, 1);
        struct net_run run;
        OK(net_run_open(&run, s->model, &o, 1, NULL));
        s->want[level] = net_run_bits(&run);
        assert_true(s->want[level] != 0);
        net_run_close(&run);
    }
    assert_int_equal(pthread_barrier_init(&s->start, NULL, RUNNERS + LOADERS), 0);
    for (int i = 0; i < RUNNERS + LOADERS; i++) {
        runners[i] = (struct runner){s, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < RUNNERS ? run_often : load_often, &runners[i]),
            0);
    }
    for (int i = 0; i < RUNNERS + LOADERS; i++) {
        s->over = i >= RUNNERS;
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&s->start);
    infer_model_free(&s->model);
    if (s->bad || s->done != RUNNERS * s->runs)
        check_failed(&check, "%s: %llu answers of %llu runs differ", s->file->name,
                     (unsigned long long)s->bad, (unsigned long long)s->done);
}

int main(void)
{
    struct net_file files[NETS];
    int n = nets_open(files);
    uint64_t runs = 0, loaded = 0;
    for (int i = 0; i < n; i++) {
        static struct shared s;
        memset(&s, 0, sizeof s);
        s.file = &files[i];
        s.runs = i ? check_scale(50, 300, 5000) : check_scale(100, 1000, 20000);
        if (WATCHED) /* twenty times slower, the larger networks more */
            s.runs = i ? check_scale(1, 5, 100) : check_scale(10, 200, 1000);
        one_model(&s);
        runs += s.done;
        loaded += s.loaded;
    }
    nets_close(files);
    return check_report(&check,
                        "%d threads, %d networks, %d levels; %llu runs, %llu models loaded "
                        "beside them",
                        RUNNERS, n, levels(), (unsigned long long)runs, (unsigned long long)loaded);
}
