/* R18: infer_run takes no memory, resident memory stays flat over runs and over sessions, and the
 * arena is exactly as large as the session says. */
#include "tests/reliability/failing.h"

#include <time.h>

#include "run/session.h"
#include "tests/reliability/memory_nets.h"

static struct check check = {"R18 flat memory", 0};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Bytes; counted page by page, which /proc/self/statm is not. */
static long resident(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f && kib < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "Rss: %ld kB", &kib) != 1)
            kib = -1;
    if (f)
        fclose(f);
    if (kib < 0)
        check_failed(&check, "/proc/self/smaps_rollup can't be read");
    return kib * 1024;
}

/* ---- networks ------------------------------------------------------------------------------- */

struct subject {
    const char *name;
    struct bytes file;
    infer_model *model;
    float picture[3 * 64 * 64];
    int onednn; /* 1: its steps are oneDNN's where that is built in */
};

static void open_subject(struct subject *s, const char *name, struct bytes file,
                         const infer_load_options *o)
{
    infer_error err;
    struct rng rng = {3};
    s->name = name;
    s->file = file;
    for (size_t i = 0; i < sizeof s->picture / sizeof *s->picture; i++)
        s->picture[i] = (float)rng_below(&rng, 2000) / 1000 - 1;
    check_ok(infer_load_memory(file.data, file.size, o, &s->model, &err), &err);
}

static void close_subject(struct subject *s)
{
    infer_model_free(&s->model);
    free(s->file.data);
}

static infer_session *make(const struct subject *s, uint32_t threads)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *made;
    infer_error err;
    o.threads = threads;
    o.no_onednn = !s->onednn;
    check_ok(infer_session_create(s->model, &o, &made, &err), &err);
    return made;
}

static void run(struct subject *s, infer_session *session)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_tensor out[2] = {{0}};
    infer_error err;
    infer_session_input(session, 0, &info, NULL);
    infer_tensor in = {
        .type = info.type, .rank = info.rank, .data = s->picture, .bytes = sizeof s->picture};
    memcpy(in.dims, info.dims, sizeof info.dims);
    check_ok(infer_run(session, &in, 1, out, infer_session_outputs(session), &err), &err);
}

/* ---- runs, and sessions --------------------------------------------------------------------- */

/* Runs for so long and at most so often: their number. */
static uint64_t try_runs(struct subject *s, uint32_t threads, double time, uint64_t most)
{
    infer_session *session = make(s, threads);
    uint64_t n = 0;
    for (; n < 1000; n++)
        run(s, session);
    long before = resident(), calls = failing_calls, blocks = failing_blocks;
    for (double end = seconds() + time; n < most && (n % 1024 || seconds() < end); n++)
        run(s, session);
    if (!s->onednn && failing_calls != calls)
        check_failed(&check, "%s, %u threads: %ld allocations in %llu runs", s->name, threads,
                     failing_calls - calls, (unsigned long long)n);
    if (failing_blocks != blocks)
        check_failed(&check, "%s, %u threads: %ld blocks are left", s->name, threads,
                     failing_blocks - blocks);
    if (resident() > before + 64 * 1024) /* stacks of threads are touched once */
        check_failed(&check, "%s, %u threads: resident memory grew by %ld bytes in %llu runs",
                     s->name, threads, resident() - before, (unsigned long long)n);
    infer_session_free(&session);
    return n;
}

static void try_sessions(struct subject *s, uint32_t threads, uint64_t n)
{
    long before = 0, blocks = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i == n / 10) {
            before = resident();
            blocks = failing_blocks;
        }
        infer_session *session = make(s, threads);
        if (i % 16 == 0)
            run(s, session);
        infer_session_free(&session);
    }
    if (failing_blocks != blocks || resident() > before + 256 * 1024)
        check_failed(&check, "%s: %llu sessions leave %ld blocks, and %ld bytes more are resident",
                     s->name, (unsigned long long)n, failing_blocks - blocks, resident() - before);
}

/* ---- the arena ------------------------------------------------------------------------------ */

enum { ZONE = 4096, PATTERN = 0xA5 };

static int is_pattern(const unsigned char *p, size_t n)
{
    while (n && p[n - 1] == PATTERN)
        n--;
    return n == 0;
}

/* Memory with a zone before and behind it that nobody may write to. */
static void *zoned_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    unsigned char *p = malloc(bytes + 3 * ZONE);
    if (!p)
        return NULL;
    memset(p, PATTERN, bytes + 3 * ZONE);
    memcpy(p + ZONE - sizeof bytes, &bytes, sizeof bytes);
    return p + ZONE;
}

static void zoned_free(void *ctx, void *memory)
{
    unsigned char *p = memory;
    size_t bytes;
    (void)ctx;
    memcpy(&bytes, p - sizeof bytes, sizeof bytes);
    if (!is_pattern(p - ZONE, ZONE - sizeof bytes) || !is_pattern(p + bytes, 2 * ZONE))
        check_failed(&check, "memory beside a block of %zu bytes was written", bytes);
    free(p - ZONE);
}

/* The end of the last tensor, which all lie in the arena. */
static uint64_t tensors_end(const struct subject *s, const struct infer__plan *plan)
{
    uint64_t end = 0;
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        const struct infer__plan_tensor *t = &plan->tensors[i];
        if (t->place != INFER__PLACE_ARENA || t->alias)
            continue;
        if (t->offset + t->bytes > plan->arena_bytes)
            check_failed(&check, "%s: a tensor ends at %llu of %llu bytes", s->name,
                         (unsigned long long)(t->offset + t->bytes),
                         (unsigned long long)plan->arena_bytes);
        end = t->offset + t->bytes > end ? t->offset + t->bytes : end;
    }
    return end;
}

/* What infer_session_memory_use says is what the tensors need, in whole pages, and what a run
 * touches. */
static void try_arena(struct bytes file, const char *name, int onednn, uint32_t threads)
{
    struct subject s = {.onednn = onednn};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    o.allocator = (infer_allocator){NULL, zoned_alloc, zoned_free};
    open_subject(&s, name, file, &o);
    infer_session *session = make(&s, threads);
    infer_session_memory_use(session, &use, NULL);
    const uint64_t lane = use.arena_bytes / session->program->nlanes;
    const uint64_t end = tensors_end(&s, &session->program->plan);
    run(&s, session); /* from here on it has its arena, as its threads are its own */
    memset(session->memory.arenas, PATTERN, use.arena_bytes);
    run(&s, session);
    uint64_t touched = lane;
    while (touched && (unsigned char)session->memory.arenas[touched - 1] == PATTERN)
        touched--;
    if ((end + 4095) / 4096 * 4096 != lane || touched > end || touched + 64 < end)
        check_failed(&check, "%s: tensors end at %llu, %llu bytes are touched, the arena is %llu",
                     name, (unsigned long long)end, (unsigned long long)touched,
                     (unsigned long long)lane);
    infer_session_free(&session);
    infer_model_free(&s.model);
}

int main(void)
{
    static struct subject subject[3];
    const double time = (double)check_scale(10, 60, 600) / 6;
    const uint64_t each = check_scale(100000, 1000000, 10000000);
    uint64_t runs = 0;
    (void)resident(); /* what reading that takes is there from here on */
    open_subject(&subject[0], "small net", small_net(), NULL);
    open_subject(&subject[1], "int8 net", memory_net_int8(), NULL);
    open_subject(&subject[2], "depthwise net", memory_net_depthwise(), NULL);
    subject[2].onednn = infer_has_onednn();
    for (int i = 0; i < 3; i++)
        for (uint32_t threads = 1; threads <= 2; threads++) {
            try_arena(subject[i].file, subject[i].name, subject[i].onednn, threads);
            runs += try_runs(&subject[i], threads, time, each);
        }
    const uint64_t sessions = check_scale(600, 10000, 10000);
    for (int i = 0; i < 3; i++)
        try_sessions(&subject[i], i == 0 ? 2 : 1, sessions / (i == 0 ? 2 : 4));
    for (int i = 0; i < 3; i++)
        close_subject(&subject[i]);
    return check_report(&check, "%llu runs and %llu sessions of 3 networks, 6 arenas",
                        (unsigned long long)runs, (unsigned long long)sessions);
}
