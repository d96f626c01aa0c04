/* R24: after a fork parent and child both run and free their sessions, whatever the threads were
 * doing at that moment; and signals that come a thousand times a second change nothing. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/reliability/nets.h"

enum { CHILD_S = 60 }; /* a child that takes longer hangs: its alarm ends it */

static struct check check = {.title = "R24 fork and signals"};

/* A network in use: its model and one session of it. */
struct subject {
    const struct net_file *file;
    infer_model *model;
    infer_pool *pool; /* NULL: the session has its own threads */
    struct net_run run;
    uint64_t want; /* the bits of a run, in this process */
};

static void subject_open(struct subject *s, const struct net_file *file, uint32_t threads,
                         int shared)
{
    infer_pool_options pool = INFER_POOL_OPTIONS_INIT;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    o.threads = threads;
    pool.threads = threads;
    s->file = file;
    s->pool = NULL;
    if (shared)
        OK(infer_pool_create(&pool, &s->pool, &err));
    o.pool = s->pool;
    OK(infer_load_memory(file->bytes, file->size, NULL, &s->model, &err));
    OK(net_run_open(&s->run, s->model, &o, 1, &err));
    s->want = net_run_bits(&s->run);
    assert_true(s->want != 0);
}

static void subject_close(struct subject *s)
{
    net_run_close(&s->run);
    infer_pool_free(&s->pool);
    infer_model_free(&s->model);
}

static void rest_us(long us)
{
    struct timespec t = {0, us * 1000};
    while (nanosleep(&t, &t))
        continue;
}

/* ---- fork ----------------------------------------------------------------------------------- */

/* What a child does with the parent's session, model and pool, and with a session of its own, on
 * the parent's pool too. Returns the exit status. */
static int child(struct subject *s, int variant)
{
    struct net_run own;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    o.threads = 2;
    o.no_onednn = 1;
    for (int i = 0; variant != 1 && i < 3; i++)
        if (net_run_bits(&s->run) != s->want)
            return 2;
    if (variant == 2) { /* leaves it all as it is */
        return 0;
    }
    net_run_close(&s->run);
    for (int shared = s->pool != NULL; shared; shared--) {
        o.pool = s->pool;
        if (net_run_open(&own, s->model, &o, 1, NULL) != INFER_OK || !net_run_bits(&own))
            return 4;
        net_run_close(&own);
        o.pool = NULL;
    }
    infer_pool_free(&s->pool);
    if (net_run_open(&own, s->model, &o, 1, NULL) != INFER_OK || !net_run_bits(&own))
        return 3;
    net_run_close(&own);
    infer_model_free(&s->model);
    return 0;
}

static pid_t fork_child(struct subject *s, int variant)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    alarm(CHILD_S);
    _exit(child(s, variant));
}

static void expect_done(pid_t pid, const struct subject *s, const char *when)
{
    int status = -1;
    if (pid < 0) {
        check_failed(&check, "fork failed");
        return;
    }
    while (waitpid(pid, &status, 0) < 0)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        check_failed(&check, "%s, forked %s: the child %s %d", s->file->name, when,
                     WIFEXITED(status) ? "exited with" : "was ended by signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* Forks by the thread that runs the session, while the workers still spin and when they sleep. */
static void fork_between_runs(struct subject *s, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        int sleeping = i & 1;
        if (net_run_bits(&s->run) != s->want)
            check_failed(&check, "%s: the parent's run %llu differs", s->file->name,
                         (unsigned long long)i);
        if (sleeping)
            rest_us(2000);
        pid_t pid = fork_child(s, (int)(i / 2 % 3));
        if (net_run_bits(&s->run) != s->want)
            check_failed(&check, "%s: the parent's run after fork %llu differs", s->file->name,
                         (unsigned long long)i);
        expect_done(pid, s, sleeping ? "at rest" : "after a run");
    }
}

struct runner {
    struct subject *subject;
    _Atomic int stop;
    _Atomic uint64_t runs, bad;
};

static void *run_until_stopped(void *arg)
{
    struct runner *r = arg;
    while (!r->stop) {
        r->bad += net_run_bits(&r->subject->run) != r->subject->want;
        r->runs++;
    }
    return NULL;
}

/* Forks by another thread, in the middle of runs. */
static void fork_within_runs(struct subject *s, uint64_t times)
{
    struct runner r = {.subject = s};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_until_stopped, &r), 0);
    for (uint64_t i = 0; i < times; i++) {
        uint64_t before = r.runs;
        rest_us((long)(i * 7919 % 300));
        expect_done(fork_child(s, (int)(i % 3)), s, "within a run");
        while (r.runs == before)
            rest_us(100);
    }
    r.stop = 1;
    pthread_join(thread, NULL);
    if (r.bad)
        check_failed(&check, "%s: %llu of %llu runs differ while another thread forks",
                     s->file->name, (unsigned long long)r.bad, (unsigned long long)r.runs);
}

static uint64_t check_forks(const struct net_file *files, int nfiles)
{
    uint64_t times = check_scale(6, 24, 1000), forks = 0;
    for (int i = 0; i < nfiles; i++)
        for (uint32_t way = 0; way < 5; way++) { /* 1, 2, 4 threads, and pools of 2 and 4 */
            struct subject s;
            subject_open(&s, &files[i], (uint32_t[]){1, 2, 4, 2, 4}[way], way > 2);
            fork_between_runs(&s, times);
            fork_within_runs(&s, times);
            forks += 2 * times;
            subject_close(&s);
        }
    return forks;
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* A thousand signals a second for the process, while this lasts. */
static void storm(int on, int flags)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    struct itimerval every = {{0, on ? 1000 : 0}, {0, on ? 1000 : 0}};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static uint64_t picture_bits(const char *path, const infer_session *session,
                             const infer_model *model)
{
    infer_image image, small;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    uint64_t bits = 0;
    if (infer_image_load(path, NULL, &image, NULL) != INFER_OK)
        return 0;
    OK(infer_image_resize(&image, 33, 47, INFER_FILTER_BICUBIC, INFER_RESIZE_PILLOW, NULL, &small,
                          NULL));
    OK(infer_model_preprocess(model, &p, NULL));
    OK(infer_session_input(session, 0, &info, NULL));
    infer_tensor t = {.type = info.type, .rank = info.rank};
    memcpy(t.dims, info.dims, sizeof t.dims);
    t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
    t.data = malloc(t.bytes);
    assert_non_null(t.data);
    if (infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL) == INFER_OK)
        bits = infer__checksum(t.data, t.bytes) +
               infer__checksum(small.pixels, 3 * 33 * 47); /* of which neither is a constant */
    free(t.data);
    infer_image_free(&image);
    infer_image_free(&small);
    return bits;
}

/* All that the interface offers, once: load from a file, a session, a run, pictures. Returns the
 * bits of the answers, 0 where something failed. */
static uint64_t everything(const char *path, const char *const pictures[2])
{
    infer_model *model;
    struct net_run run;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    uint64_t bits = 0;
    o.threads = 2;
    if (infer_load(path, NULL, &model, NULL) != INFER_OK)
        return 0;
    if (net_run_open(&run, model, &o, 2, NULL) == INFER_OK) {
        uint64_t a = net_run_bits(&run), b = picture_bits(pictures[0], run.session, model),
                 c = picture_bits(pictures[1], run.session, model);
        bits = a && b && c ? a + b * 3 + c * 5 : 0;
        net_run_close(&run);
    }
    infer_model_free(&model);
    return bits;
}

static uint64_t check_signals(const struct net_file *signs)
{
    static const char *const pictures[2] = {"examples/signs/pictures/stop-1.jpg",
                                            "examples/signs/pictures/crossroads-1.png"};
    char path[] = "/tmp/r24-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, signs->bytes, signs->size) == (ssize_t)signs->size);
    close(fd);
    uint64_t want = everything(path, pictures), rounds = check_scale(20, 100, 3000);
    if (!want)
        check_failed(&check, "no answers without signals");
    signals = 0;
    for (int restart = 0; restart < 2; restart++) {
        storm(1, restart ? SA_RESTART : 0);
        for (uint64_t i = 0; i < rounds; i++)
            if (everything(path, pictures) != want)
                check_failed(&check, "round %llu under signals %s SA_RESTART differs",
                             (unsigned long long)i, restart ? "with" : "without");
        storm(0, 0);
    }
    unlink(path);
    if (signals < 20)
        check_failed(&check, "no more than %d signals came", (int)signals);
    return 2 * rounds;
}

int main(void)
{
    struct net_file files[NETS];
    int n = nets_open(files);
    uint64_t forks = check_forks(files, n), rounds = check_signals(&files[1]);
    nets_close(files);
    return check_report(
        &check,
        "%llu forks of %d networks on 1, 2 and 4 threads and on pools; %llu rounds of "
        "all calls under %d signals",
        (unsigned long long)forks, n, (unsigned long long)rounds, (int)signals);
}
