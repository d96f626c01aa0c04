/* R4: what belongs to the process is after every call as it was before: floating-point mode, errno,
 * locale, signals, directory, descriptors, environment, threads once all is freed; where the call
 * succeeds and where it fails. And whatever the caller's floating-point mode is, answers have the
 * same bits. */
#include <dirent.h>
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/cpu.h"
#include "tests/reliability/nets.h"

static struct check check = {.title = "R4 process state"};
static uint64_t calls;

/* ---- what is looked at ---------------------------------------------------------------------- */

struct state {
    int number; /* errno */
    unsigned mxcsr;
    unsigned short x87;
    int rounding, traps;
    char locale[64], directory[1024];
    sigset_t mask;
    void (*handlers[32])(int);
    cpu_set_t cpus;
    uint64_t descriptors, environment, files; /* files: of the current folder */
    mode_t umask;
};

extern char **environ;

/* Of the entries of a folder, whatever their order; `but` is a descriptor that does not count. */
static uint64_t folder_hash(const char *path, int descriptors)
{
    uint64_t hash = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (!descriptors || atoi(e->d_name) != dirfd(d))
            hash += infer__checksum(e->d_name, strlen(e->d_name));
    closedir(d);
    return hash;
}

static unsigned short x87_word(void)
{
    unsigned short word = 0;
#if defined(__x86_64__)
    __asm__ volatile("fnstcw %0" : "=m"(word));
#endif
    return word;
}

static unsigned mxcsr_word(void)
{
    unsigned word = 0;
#if defined(__x86_64__)
    __asm__ volatile("stmxcsr %0" : "=m"(word));
#endif
    return word;
}

static void set_mxcsr_word(unsigned word)
{
#if defined(__x86_64__)
    __asm__ volatile("ldmxcsr %0" : : "m"(word));
#else
    (void)word;
#endif
}

static void look(struct state *s)
{
    struct sigaction action;
    memset(s, 0, sizeof *s);
    s->number = errno;
    s->mxcsr = mxcsr_word();
    s->x87 = x87_word();
    s->rounding = fegetround();
    s->traps = fegetexcept();
    snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
    assert_non_null(getcwd(s->directory, sizeof s->directory));
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    for (int i = 1; i < 32; i++)
        s->handlers[i] = sigaction(i, NULL, &action) ? NULL : action.sa_handler;
    sched_getaffinity(0, sizeof s->cpus, &s->cpus);
    s->descriptors = folder_hash("/proc/self/fd", 1);
    s->files = folder_hash(".", 0);
    for (char **e = environ; e && *e; e++)
        s->environment = s->environment * 31 + infer__checksum(*e, strlen(*e));
    s->umask = umask(0);
    umask(s->umask);
}

static int threads_now(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* ---- the caller's modes --------------------------------------------------------------------- */

static const struct mode {
    const char *name;
    int rounding, traps;
    unsigned mxcsr; /* added to it: noted exceptions, denormals as 0 */
} modes[] = {
    {"to nearest", FE_TONEAREST, 0, 0},
    {"upward", FE_UPWARD, 0, 0x3f},
    {"downward", FE_DOWNWARD, 0, 0x20},
    {"toward zero", FE_TOWARDZERO, 0, 0},
    {"denormals as zero", FE_TONEAREST, 0, 0x8040},
    {"all trapping", FE_TONEAREST,
     FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT, 0},
    {"all trapping, upward", FE_UPWARD,
     FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT, 0x8000},
};
enum { MODES = sizeof modes / sizeof *modes };

static const struct mode *mode;
static struct state before;

static void enter(void)
{
    fesetround(mode->rounding);
    set_mxcsr_word(mxcsr_word() | mode->mxcsr);
    feenableexcept(mode->traps);
    errno = 4242;
    look(&before);
    errno = 4242;
}

#define SAME(field, what)                                                                          \
    do {                                                                                           \
        if (memcmp(&before.field, &after.field, sizeof before.field) != 0)                         \
            check_failed(&check, "%s: %s changed (rounding %s)", call, what, mode->name);          \
    } while (0)

static void leave(const char *call)
{
    struct state after;
    look(&after);
    fesetenv(FE_DFL_ENV);
    calls++;
    SAME(number, "errno");
    SAME(mxcsr, "MXCSR");
    SAME(x87, "the x87 control word");
    SAME(rounding, "the rounding mode");
    SAME(traps, "the set of traps");
    SAME(locale, "the locale");
    SAME(directory, "the directory");
    SAME(mask, "the signal mask");
    SAME(handlers, "a signal's handler");
    SAME(cpus, "the affinity");
    SAME(descriptors, "the set of descriptors");
    SAME(files, "the set of files here");
    SAME(environment, "the environment");
    SAME(umask, "umask");
}

/* The value of an expression that calls the library, seen by enter and leave. */
static long long seen;
#define CALL(expr) (enter(), seen = (long long)(expr), leave(#expr), seen)
#define CALL_VOID(expr) (enter(), (void)(expr), leave(#expr))

static uint64_t bits; /* of all answers in this mode */

static void add(const void *data, size_t size)
{
    bits = bits * 31 + infer__checksum(data, size);
}

static void expect(long long status, infer_status want, const char *what)
{
    if (status != (long long)want)
        check_failed(&check, "%s: %s, not %s (%s)", what, infer_status_name((infer_status)status),
                     infer_status_name(want), mode->name);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static void run_session(const infer_model *model, infer_isa isa, uint32_t threads, uint32_t own)
{
    struct net_run r = {0};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_tensor out[NET_TENSORS];
    o.isa = isa;
    o.threads = threads;
    o.no_onednn = own;
    expect(CALL(infer_session_create(model, &o, &r.session, NULL)), INFER_OK, "session");
    infer_value_info info = INFER_VALUE_INFO_INIT;
    CALL_VOID(infer_session_input(r.session, 0, &info, NULL));
    r.in = (infer_tensor){.type = info.type, .rank = info.rank};
    memcpy(r.in.dims, info.dims, sizeof info.dims);
    r.in.bytes = infer_tensor_elements(&r.in) * infer_type_size(info.type);
    r.in.data = malloc(r.in.bytes);
    assert_non_null(r.in.data);
    random_fill(&r.in, 3);
    size_t n = infer_session_outputs(r.session);
    assert_true(n <= NET_TENSORS);
    for (int i = 0; i < 2; i++) {
        memset(out, 0, sizeof out);
        expect(CALL(infer_run(r.session, &r.in, 1, out, n, NULL)), INFER_OK, "run");
        for (size_t k = 0; k < n; k++)
            add(out[k].data, out[k].bytes);
        infer_class top[3];
        if (out[0].type == INFER_F32) {
            CALL_VOID(infer_topk(&out[0], 3, 1, top, NULL, NULL));
            for (int k = 0; k < 3; k++)
                add(&top[k].score, sizeof top[k].score);
        }
        if (info.type == INFER_F32 && i == 0) /* traps everything, if it can: NaN, huge, tiny */
            memcpy(r.in.data, (float[]){__builtin_nansf(""), 3e38f, 1e-42f, -3e38f}, 16);
    }
    r.in.bytes--;
    expect(CALL(infer_run(r.session, &r.in, 1, out, n, NULL)), INFER_ERROR_SHAPE, "short input");
    expect(CALL(infer_run(NULL, &r.in, 1, out, n, NULL)), INFER_ERROR_ARGUMENT, "no session");
    CALL_VOID(infer_session_free(&r.session));
    free(r.in.data);
}

static void use_model(const struct net_file *f, const char *path)
{
    infer_model *model, *none;
    infer_session *session;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_load_options lo = INFER_LOAD_OPTIONS_INIT;
    expect(CALL(infer_load(path, NULL, &model, NULL)), INFER_OK, path);
    CALL_VOID(infer_model_free(&model));
    expect(CALL(infer_load_memory(f->bytes, f->size, NULL, &model, NULL)), INFER_OK, f->name);
    expect(CALL(infer_load_memory(f->bytes, f->size - 1, NULL, &none, NULL)), INFER_ERROR_FORMAT,
           "a cut file");
    expect(CALL(infer_load("/no/such/file", NULL, &none, NULL)), INFER_ERROR_IO, "no file");
    expect(CALL(infer_load("/tmp", NULL, &none, NULL)), INFER_ERROR_IO, "a folder");
    lo.max_file_bytes = 100;
    expect(CALL(infer_load(path, &lo, &none, NULL)), INFER_ERROR_LIMIT, "a large file");
    o.max_memory_bytes = 1;
    expect(CALL(infer_session_create(model, &o, &session, NULL)), INFER_ERROR_LIMIT, "limit");
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa))
        for (uint32_t threads = 1; threads <= 2; threads++)
            run_session(model, isa, threads, 1);
    if (infer_has_onednn())
        run_session(model, INFER_ISA_DEFAULT, 2, 0);
    CALL_VOID(infer_model_free(&model));
}

static void use_pictures(const infer_model *model, infer_session *session)
{
    static const char *const paths[] = {"examples/signs/pictures/stop-1.jpg",
                                        "examples/signs/pictures/crossroads-1.png"};
    infer_image image, other;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_transform t = INFER_TRANSFORM_INIT;
    static float x[3 * 64 * 64];
    infer_tensor out = {
        .type = INFER_F32, .rank = 4, .dims = {1, 3, 64, 64}, .data = x, .bytes = sizeof x};
    infer_class top[4];
    size_t found = 0;
    int32_t w, h;
    expect(CALL(infer_model_preprocess(model, &p, NULL)), INFER_OK, "preprocessing");
    for (int i = 0; i < 2; i++) {
        expect(CALL(infer_image_load(paths[i], NULL, &image, NULL)), INFER_OK, paths[i]);
        add(image.pixels, (size_t)image.width * (size_t)image.height * 3);
        for (int k = 0; k < 8; k++) {
            expect(CALL(infer_image_resize(&image, 50 + 31 * k, 47, (infer_filter)(k / 2),
                                           (infer_resampler)(k % 2), NULL, &other, NULL)),
                   INFER_OK, "resize");
            add(other.pixels, (size_t)(50 + 31 * k) * 47 * 3);
            CALL_VOID(infer_image_free(&other));
        }
        for (int fit = INFER_FIT_NONE; fit <= INFER_FIT_LETTERBOX; fit++) {
            infer_preprocess q = p;
            q.fit = fit;
            q.height = 61;
            CALL_VOID(infer_preprocess_size(&q, 4001, 333, &w, &h, NULL));
            bits = bits * 31 + (uint64_t)(w + 7 * h);
        }
        expect(CALL(infer_preprocess_run(&p, &image, 0, &out, NULL, &t, NULL)), INFER_OK,
               "preprocess");
        add(x, sizeof x);
        add(&t, sizeof t);
        expect(CALL(infer_preprocess_run(&p, &image, 1, &out, NULL, &t, NULL)),
               INFER_ERROR_ARGUMENT, "a place outside of the batch");
        CALL_VOID(infer_image_free(&image));
        size_t size = 0;
        uint8_t *bytes = NULL;
        FILE *f = fopen(paths[i], "rb");
        assert_non_null(f);
        assert_int_equal(fseek(f, 0, SEEK_END), 0);
        size = (size_t)ftell(f);
        rewind(f);
        bytes = malloc(size);
        assert_true(bytes && fread(bytes, 1, size, f) == size);
        fclose(f);
        expect(CALL(infer_classify(session, bytes, size, NULL, top, 4, &found, NULL)), INFER_OK,
               "classify");
        for (size_t k = 0; k < found; k++)
            add(&top[k].score, sizeof top[k].score);
        expect(CALL(infer_image_decode(bytes, size / 2, NULL, &image, NULL)), INFER_ERROR_PICTURE,
               "half a picture");
        expect(CALL(infer_classify(session, bytes, 9, NULL, top, 4, &found, NULL)),
               INFER_ERROR_PICTURE, "nine bytes");
        free(bytes);
    }
    expect(CALL(infer_image_load("/no/such/picture", NULL, &image, NULL)), INFER_ERROR_IO, "none");
}

static void in_mode(const struct net_file *files, int n, char paths[NETS][32])
{
    infer_model *model;
    infer_session *session;
    int threads = threads_now();
    bits = 1;
    for (int i = 0; i < n; i++)
        use_model(&files[i], paths[i]);
    OK(infer_load_memory(files[1].bytes, files[1].size, NULL, &model, NULL));
    expect(CALL(infer_session_create(model, NULL, &session, NULL)), INFER_OK, "session");
    use_pictures(model, session);
    infer_session_free(&session);
    infer_model_free(&model);
    if (threads_now() != threads)
        check_failed(&check, "%d threads are left of %d", threads_now(), threads);
}

int main(void)
{
    struct net_file files[NETS];
    char paths[NETS][32];
    int n = nets_open(files);
    setlocale(LC_ALL, "C.UTF-8");
    for (int i = 0; i < n; i++) {
        snprintf(paths[i], sizeof paths[i], "/tmp/r04-XXXXXX");
        int fd = mkstemp(paths[i]);
        assert_true(fd >= 0 && write(fd, files[i].bytes, files[i].size) == (ssize_t)files[i].size);
        close(fd);
    }
    uint64_t want = 0;
    for (int m = 0; m < MODES; m++) {
        mode = &modes[m];
        in_mode(files, n, paths);
        want = m ? want : bits;
        if (bits != want)
            check_failed(&check, "answers depend on the caller's mode (%s)", mode->name);
    }
    for (int i = 0; i < n; i++)
        unlink(paths[i]);
    nets_close(files);
    return check_report(&check, "%llu calls in %d floating-point modes", (unsigned long long)calls,
                        MODES);
}
