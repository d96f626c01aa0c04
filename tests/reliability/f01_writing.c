/* F1: whoever stops the tools' writer, and when, the file is the old one or the new one, whole;
 * what can be caught leaves no temporary file. Tools write through write_file alone. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/reliability/check.h"
#include "tools/cli.h"
#include "tools/write_file.h"

enum { OLD_BYTES = 1000, NEW_BYTES = 24 << 20 };

static struct check check = {.title = "F1 faults"};
static char folder[] = "/tmp/infer-f01-XXXXXX", path[64];
static char *content; /* of the new file */
static unsigned stopped, whole;

/* The temporary file's name, or NULL. */
static const char *temporary(void)
{
    static char name[300];
    DIR *d = opendir(folder);
    name[0] = 0;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, ".infer-", 7) == 0)
            snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
    if (d)
        closedir(d);
    return name[0] ? name : NULL;
}

static void write_old(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (fd < 0 || write(fd, content, OLD_BYTES) != OLD_BYTES || fchmod(fd, 0640))
        check_failed(&check, "the old file can't be written");
    if (fd >= 0)
        close(fd);
}

/* 1 where it is the old one, 2 the new one, 0 anything else. */
static int which_file(void)
{
    static char read_back[NEW_BYTES + 1];
    struct stat st;
    int fd = open(path, O_RDONLY);
    size_t n = 0;
    for (ssize_t got = 1; fd >= 0 && got > 0 && n < sizeof read_back; n += (size_t)got)
        got = read(fd, read_back + n, sizeof read_back - n);
    if (fd < 0 || fstat(fd, &st) || (st.st_mode & 07777) != 0640)
        n = 0;
    if (fd >= 0)
        close(fd);
    if (memcmp(read_back, content, n) != 0)
        return 0;
    return n == OLD_BYTES ? 1 : n == NEW_BYTES ? 2 : 0;
}

static pid_t start_writer(rlim_t most)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {most, most};
        if (setrlimit(RLIMIT_FSIZE, &limit))
            _exit(100);
        if (most != RLIM_INFINITY) /* the message is expected */
            close(STDERR_FILENO);
        _exit(write_file(path, content, NEW_BYTES));
    }
    return child;
}

/* Ends a writer some time after its temporary file has appeared. */
static void stop_writer(int number, long ns)
{
    int status, ended = 0;
    write_old();
    pid_t child = start_writer(RLIM_INFINITY);
    while (!temporary() && !ended) {
        ended = waitpid(child, &status, WNOHANG) != 0;
        sched_yield();
    }
    if (!ended) {
        nanosleep(&(struct timespec){0, ns}, NULL);
        kill(child, number);
        waitpid(child, &status, 0);
    }
    int which = which_file();
    const char *left = temporary();
    stopped += which == 1;
    whole += which == 2;
    if (!which)
        check_failed(&check, "signal %d: neither the old file nor the new one", number);
    if (left && number != SIGKILL)
        check_failed(&check, "signal %d: %s is left", number, left);
    if (left)
        unlink(left);
}

/* How long a writer takes that nobody stops, below a second. */
static long writing_time(void)
{
    struct timespec begin, end;
    int status;
    write_old();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t child = start_writer(RLIM_INFINITY);
    if (waitpid(child, &status, 0) != child || status || which_file() != 2)
        check_failed(&check, "a writer that nobody stops: status %d", status);
    clock_gettime(CLOCK_MONOTONIC, &end);
    long ns = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
    return ns < 800000000 ? ns : 800000000;
}

static void too_large(void)
{
    int status = 0;
    write_old();
    pid_t child = start_writer(1 << 20);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != CLI_RESOURCES)
        check_failed(&check, "past the file size limit: status %d", status);
    if (which_file() != 1 || temporary())
        check_failed(&check, "past the file size limit: the old file is gone, or a new one left");
}

int main(void)
{
    static const int numbers[] = {SIGKILL, SIGTERM, SIGKILL, SIGINT,
                                  SIGKILL, SIGHUP,  SIGKILL, SIGQUIT};
    uint64_t rounds = check_scale(16, 80, 800), random = check_seed(1);
    content = malloc(NEW_BYTES);
    if (!content || !mkdtemp(folder))
        return check_skip(&check, "no folder or memory for its files");
    for (size_t i = 0; i < NEW_BYTES; i++)
        content[i] = (char)(i * 31 >> 3);
    snprintf(path, sizeof path, "%s/file", folder);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* SIGQUIT */
    long most = writing_time() * 5 / 4;
    for (uint64_t i = 0; i < rounds; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        stop_writer(numbers[i % 8], (long)(random >> 33) % most);
    }
    too_large();
    unlink(path);
    rmdir(folder);
    free(content);
    return check_report(&check, "%llu writers stopped: %u old files and %u new ones, all whole",
                        (unsigned long long)rounds, stopped, whole);
}
