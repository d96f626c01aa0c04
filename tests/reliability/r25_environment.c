/* R25: locales, closed standard descriptors and variables that oneDNN, OpenMP and malloc read
 * change nothing: the answers have the same bits, the library writes to no descriptor and makes no
 * file. And the cgroup's quota bounds the number of threads.
 *
 * The program runs itself again, as "child", in each environment. The child uses the whole
 * interface and tells the bits of the answers on descriptor REPORT. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cpu.h"
#include "tests/reliability/nets.h"

enum { REPORT = 9 };

static struct check check = {.title = "R25 environment"};

/* ---- the child ------------------------------------------------------------------------------ */

static uint64_t picture_bits(const char *path)
{
    infer_image image, small;
    if (infer_image_load(path, NULL, &image, NULL) != INFER_OK)
        return 0;
    OK(infer_image_resize(&image, 40, 30, INFER_FILTER_BICUBIC, INFER_RESIZE_OPENCV, NULL, &small,
                          NULL));
    uint64_t bits = infer__checksum(small.pixels, 40 * 30 * 3);
    infer_image_free(&small);
    infer_image_free(&image);
    return bits;
}

/* argv: program, "child", a picture, models. */
static int child(int argc, char **argv)
{
    char text[32];
    setlocale(LC_ALL, "");
    uint64_t bits = picture_bits(argv[2]);
    for (int i = 3; i < argc; i++)
        for (uint32_t threads = 1; threads <= 2; threads++) {
            infer_model *model, *none;
            infer_session_options o = INFER_SESSION_OPTIONS_INIT;
            struct net_run run;
            infer_error err;
            o.threads = threads;
            OK(infer_load(argv[i], NULL, &model, &err));
            OK(net_run_open(&run, model, &o, 1, &err));
            bits = bits * 31 + net_run_bits(&run);
            bits = bits * 31 + net_run_bits(&run);
            net_run_close(&run);
            infer_model_free(&model);
            assert_int_equal(infer_load("/no/such/file", NULL, &none, &err), INFER_ERROR_IO);
        }
    int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)bits);
    return write(REPORT, text, (size_t)n) == n ? 0 : 1;
}

/* ---- environments --------------------------------------------------------------------------- */

enum { VARIABLES = 12 };

static const struct environment {
    const char *name;
    int closed; /* descriptors 0, 1 and 2 are */
    const char *variables[VARIABLES];
} environments[] = {
    {"plain", 0, {NULL}},
    {"closed descriptors", 1, {NULL}},
    {"C.UTF-8", 0, {"LC_ALL=C.UTF-8"}},
    {"decimal comma", 0, {"LC_ALL=de_DE.UTF-8", "LANG=de_DE.UTF-8"}},
    {"Turkish", 0, {"LC_ALL=tr_TR.UTF-8"}},
    {"no such locale", 0, {"LC_ALL=xx_XX.nothing", "LANGUAGE=xx"}},
    {"ONEDNN_*",
     0,
     {"ONEDNN_VERBOSE=2", "ONEDNN_VERBOSE_TIMESTAMP=1", "ONEDNN_JIT_DUMP=1",
      "ONEDNN_JIT_PROFILE=15", "ONEDNN_JIT_PROFILE_JITDUMPDIR=.", "ONEDNN_DEFAULT_FPMATH_MODE=ANY",
      "ONEDNN_PRIMITIVE_CACHE_CAPACITY=0"}},
    {"DNNL_*",
     1,
     {"DNNL_VERBOSE=2", "DNNL_JIT_DUMP=1", "DNNL_JIT_PROFILE=15", "MKLDNN_VERBOSE=2",
      "MKLDNN_JIT_DUMP=1", "DNNL_DEFAULT_FPMATH_MODE=BF16"}},
    {"OMP_*",
     0,
     {"OMP_NUM_THREADS=64", "OMP_DYNAMIC=true", "OMP_WAIT_POLICY=active", "OMP_NESTED=true",
      "OMP_MAX_ACTIVE_LEVELS=8", "OMP_STACKSIZE=64k", "GOMP_SPINCOUNT=infinite"}},
    {"one OpenMP thread", 0, {"OMP_NUM_THREADS=1", "OMP_THREAD_LIMIT=1"}},
    {"malloc", 0, {"MALLOC_PERTURB_=165", "MALLOC_ARENA_MAX=1", "MALLOC_CHECK_=3"}},
    {"nowhere", 1, {"TMPDIR=/no/such", "HOME=/no/such", "PATH=", "LD_BIND_NOW=1"}},
};
enum { ENVIRONMENTS = sizeof environments / sizeof *environments };

static char folder[] = "/tmp/r25-XXXXXX", itself[4096], picture[4096];
static char paths[NETS][64];
static int nfiles;

static int entries(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

/* In the new process: descriptors, variables, and then the program again; under strace if `trace`
 * is its output's name. */
static void become(const struct environment *e, int report, const char *trace)
{
    char *argv[20], *env[VARIABLES + 1];
    int n = 0, out = open("out", O_WRONLY | O_TRUNC), err = open("err", O_WRONLY | O_TRUNC);
    if (trace) {
        static const char *const before[] = {"/usr/bin/strace",
                                             "-f",
                                             "-qq",
                                             "-e",
                                             "trace=%file,%network,write,writev,pwrite64,sendfile",
                                             "-o",
                                             NULL};
        for (int i = 0; before[i]; i++)
            argv[n++] = (char *)(uintptr_t)before[i];
        argv[n++] = (char *)(uintptr_t)trace;
    }
    argv[n++] = itself;
    argv[n++] = (char *)(uintptr_t) "child";
    argv[n++] = picture;
    for (int i = 0; i < nfiles; i++)
        argv[n++] = paths[i];
    argv[n] = NULL;
    for (n = 0; n < VARIABLES && e->variables[n]; n++)
        env[n] = (char *)(uintptr_t)e->variables[n];
    env[n] = NULL;
    if (dup2(report, REPORT) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(100);
    for (int i = 0; e->closed && i < 3; i++)
        close(i);
    close(out);
    close(err);
    execve(argv[0], argv, env);
    _exit(101);
}

/* The bits of the answers there, 0 where the child failed. */
static uint64_t bits_in(const struct environment *e, const char *trace)
{
    int ends[2], status = -1;
    char text[32] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become(e, ends[1], trace);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (n != 16 || !WIFEXITED(status) || WEXITSTATUS(status))
        return 0;
    return strtoull(text, NULL, 16);
}

static void check_environment(const struct environment *e, uint64_t want)
{
    int before = entries(".");
    uint64_t bits = bits_in(e, NULL);
    if (!bits || bits != want)
        check_failed(&check, "%s: %s", e->name, bits ? "other answers" : "the child failed");
    if (size_of("out") || size_of("err"))
        check_failed(&check, "%s: %lld bytes on descriptor 1, %lld on 2", e->name,
                     (long long)size_of("out"), (long long)size_of("err"));
    if (entries(".") != before)
        check_failed(&check, "%s: files were made", e->name);
}

/* Every system call that names a file or writes: none makes or changes a file, only the report is
 * written. Returns 0 where strace can't be used. */
static int check_system_calls(const struct environment *e, uint64_t want)
{
    char line[4096];
    int seen = 0;
    if (access("/usr/bin/strace", X_OK) || bits_in(e, "trace") != want)
        return 0;
    FILE *f = fopen("trace", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        static const char *const bad[] = {"O_WRONLY", "O_RDWR",  "O_CREAT",  "unlink", "rename",
                                          "mkdir",    "socket(", "connect(", "chdir(", "truncate"};
        seen++;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            if (strstr(line, bad[i]))
                check_failed(&check, "%s: %s", e->name, line);
        if (strstr(line, "write") && !strstr(line, "write(9, ") && !strstr(line, "exited"))
            check_failed(&check, "%s: %s", e->name, line);
    }
    fclose(f);
    if (seen < 10)
        check_failed(&check, "strace saw %d calls", seen);
    return seen;
}

/* ---- quotas --------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* With a /sys/fs/cgroup of our own, in a name space of our own. Exit status: failures, 99: it can't
 * be had here. */
static int quotas(void)
{
    static const struct {
        const char *text;
        unsigned most; /* threads; 0: as many as without */
    } quota[] = {{"max 100000\n", 0},
                 {"100000 100000\n", 1},
                 {"50000 100000\n", 1},
                 {"1000 100000\n", 1},
                 {"150000 100000\n", 2},
                 {"200000 100000\n", 2},
                 {"99999999 100000\n", 0},
                 {"", 0},
                 {"\n", 0},
                 {"none", 0},
                 {"100000", 0},
                 {"100000 0\n", 0},
                 {"-5 100000\n", 0},
                 {"99999999999999999999999 1\n", 0},
                 {"1 1 1 1\n", 1}};
    unsigned all, failures = 0;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL))
        return 99;
    all = infer__cpu_count(); /* there is no file yet */
    for (size_t i = 0; i < sizeof quota / sizeof *quota; i++) {
        write_text("/sys/fs/cgroup/cpu.max", quota[i].text);
        unsigned n = infer__cpu_count();
        unsigned want = quota[i].most && quota[i].most < all ? quota[i].most : all;
        if (n != want) {
            fprintf(stderr, "quota %s: %u threads, not %u\n", quota[i].text, n, want);
            failures++;
        }
    }
    unlink("/sys/fs/cgroup/cpu.max");
    if (mkdir("/sys/fs/cgroup/cpu.max", 0700) == 0 && infer__cpu_count() != all)
        failures++;
    return (int)failures;
}

static const char *check_quotas(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(quotas());
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
        return "quotas skipped: no mounts for this user";
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        check_failed(&check, "quotas: status %d", status);
    return "16 quotas";
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void prepare(void)
{
    struct net_file files[NETS];
    ssize_t n = readlink("/proc/self/exe", itself, sizeof itself - 1);
    assert_true(n > 0);
    itself[n] = 0;
    assert_non_null(realpath("examples/signs/pictures/stop-1.jpg", picture));
    nfiles = nets_open(files);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < nfiles; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d.infer", folder, i);
        FILE *f = fopen(paths[i], "wb");
        assert_true(f && fwrite(files[i].bytes, 1, files[i].size, f) == files[i].size);
        fclose(f);
    }
    write_text("out", "");
    write_text("err", "");
    write_text("trace", "");
    nets_close(files);
}

static void clean_up(void)
{
    DIR *d = opendir(".");
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        unlink(e->d_name);
    closedir(d);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "child") == 0)
        return child(argc, argv);
    prepare();
    uint64_t want = bits_in(&environments[0], NULL);
    int traced = 0;
    for (int i = 0; i < ENVIRONMENTS; i++) {
        check_environment(&environments[i], want);
        if (i == 1 || strstr(environments[i].name, "NN"))
            traced += check_system_calls(&environments[i], want);
    }
    const char *quota = check_quotas();
    clean_up();
    return check_report(&check, "%d environments, %d system calls of three%s, %s", ENVIRONMENTS,
                        traced, traced ? "" : " (no strace)", quota);
}
