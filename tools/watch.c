#include "tools/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/pictures.h"

int watch_begin(struct watch *w, const char *folder)
{
    w->folder = folder;
    w->at = w->bytes = 0;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd >= 0 &&
        inotify_add_watch(w->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
        return CLI_OK;
    fprintf(stderr, "infer: %s: it can't be watched: %s\n", folder, strerror(errno));
    return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? CLI_BAD_INPUT : CLI_RESOURCES;
}

void watch_end(struct watch *w)
{
    if (w->folder && w->fd >= 0)
        close(w->fd);
    w->folder = NULL;
}

/* Reads more events; 0 at the end. */
static int read_events(struct watch *w, int stop)
{
    struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return 0;
        if (fds[1].revents)
            return 0;
        const ssize_t n = read(w->fd, w->events, sizeof w->events);
        if (n > 0) {
            w->at = 0;
            w->bytes = (unsigned)n;
            return 1;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return 0;
    }
}

char *watch_next(struct watch *w, int stop)
{
    for (;;) {
        struct inotify_event e;
        char *path;
        if (w->at + sizeof e > w->bytes && !read_events(w, stop))
            return NULL;
        memcpy(&e, w->events + w->at, sizeof e);
        const char *name = w->events + w->at + sizeof e;
        w->at += (unsigned)sizeof e + e.len;
        if (e.mask & IN_IGNORED)
            return NULL;
        if (e.mask & IN_Q_OVERFLOW)
            fprintf(stderr, "infer: %s: more came than could be followed; some were missed\n",
                    w->folder);
        if (!e.len || name[0] == '.' || !picture_name(name))
            continue;
        return asprintf(&path, "%s/%s", w->folder, name) < 0 ? NULL : path;
    }
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t told;
static struct sigaction before[2];

static void tell(int number)
{
    const uint64_t one = 1;
    const int kept = errno;
    (void)number;
    if (write(told, &one, sizeof one) < 0) {
        /* it is readable already */
    }
    errno = kept;
}

void watch_signals(int fd)
{
    static const int numbers[2] = {SIGINT, SIGTERM};
    static int taken;
    struct sigaction action = {.sa_handler = tell};
    sigemptyset(&action.sa_mask);
    if (fd >= 0)
        told = fd;
    for (int i = 0; i < 2 && taken != (fd >= 0); i++)
        if (fd >= 0)
            sigaction(numbers[i], &action, &before[i]);
        else
            sigaction(numbers[i], &before[i], NULL);
    taken = fd >= 0;
}
