#include "tools/write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"

/* ---- the temporary file ------------------------------------------------------------------------
 * A signal that ends the program removes it first. SIGXFSZ is ignored, so that a file that grows
 * past its limit is an error of write() like a full disk. */

enum { ENDING = 4 };
static const int ending[ENDING] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static char temporary[PATH_MAX];

struct kept_signals {
    struct sigaction ending[ENDING], too_large;
};

static void remove_and_end(int number)
{
    unlink(temporary);
    raise(number); /* SA_RESETHAND: the default, as soon as this handler returns */
}

static void catch_signals(struct kept_signals *kept)
{
    struct sigaction on = {.sa_handler = remove_and_end, .sa_flags = (int)SA_RESETHAND};
    struct sigaction off = {.sa_handler = SIG_IGN};
    sigemptyset(&on.sa_mask);
    sigemptyset(&off.sa_mask);
    for (int i = 0; i < ENDING; i++) {
        sigaction(ending[i], NULL, &kept->ending[i]);
        if (kept->ending[i].sa_handler != SIG_IGN) /* nohup's wish stays */
            sigaction(ending[i], &on, NULL);
    }
    sigaction(SIGXFSZ, &off, &kept->too_large);
}

static void release_signals(const struct kept_signals *kept)
{
    for (int i = 0; i < ENDING; i++)
        sigaction(ending[i], &kept->ending[i], NULL);
    sigaction(SIGXFSZ, &kept->too_large, NULL);
}

/* Creates the temporary file in the folder of `path`, where nothing has its name yet. Its own name
 * is short, so that every name that a file may have can be written. Returns a descriptor or -1. */
static int create_beside(const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    for (int i = 0; i < 100; i++) {
        int n = snprintf(temporary, sizeof temporary, "%.*s.infer-%ld-%d.tmp", folder, path,
                         (long)getpid(), i);
        if (n < 0 || (size_t)n >= sizeof temporary) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* ---- what is replaced ----------------------------------------------------------------------- */

struct target {
    char path[PATH_MAX]; /* links followed */
    struct stat st;
    int exists;
};

/* Fills *t, or returns why nothing may be written there. */
static const char *find_target(const char *path, struct target *t)
{
    struct stat link;
    if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode)) {
        if (!realpath(path, t->path))
            return "it is a link that leads nowhere";
    } else if ((size_t)snprintf(t->path, sizeof t->path, "%s", path) >= sizeof t->path) {
        return strerror(ENAMETOOLONG);
    }
    t->exists = stat(t->path, &t->st) == 0;
    if (!t->exists)
        return errno == ENOENT ? NULL : strerror(errno);
    if (S_ISDIR(t->st.st_mode))
        return strerror(EISDIR);
    return S_ISREG(t->st.st_mode) ? NULL : "it is no regular file, and only those are replaced";
}

/* Mode and owner of the file that is replaced. Where the group can't be kept, the new one gets no
 * rights from it. */
static int take_over(int fd, const struct stat *st)
{
    mode_t mode = st->st_mode & 0777;
    if (fchown(fd, st->st_uid, st->st_gid) && fchown(fd, (uid_t)-1, st->st_gid))
        mode &= ~(mode_t)S_IRWXG;
    return fchmod(fd, mode) == 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int write_all(int fd, const char *p, size_t size)
{
    while (size) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

/* The new name outlives a power cut only once the folder is on the disk; not every file system can
 * do that, so this is a wish. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* Returns 0, or errno's number. */
static int replace(const struct target *t, const void *bytes, size_t size)
{
    int fd = create_beside(t->path, t->exists ? 0600 : 0666), number = 0;
    if (fd < 0)
        return errno;
    if (!write_all(fd, bytes, size) || (t->exists && !take_over(fd, &t->st)) || fsync(fd))
        number = errno;
    if (close(fd) && !number)
        number = errno;
    if (!number && rename(temporary, t->path))
        number = errno;
    if (number)
        unlink(temporary);
    else
        sync_folder(t->path);
    return number;
}

int write_file(const char *path, const void *bytes, size_t size)
{
    struct target t;
    struct kept_signals kept;
    const char *why = find_target(path, &t);
    if (!why) {
        catch_signals(&kept);
        int number = replace(&t, bytes, size);
        release_signals(&kept);
        if (!number)
            return CLI_OK;
        why = strerror(number);
    }
    fprintf(stderr, "infer: %s: can't be written: %s\n", path, why);
    return CLI_RESOURCES;
}
