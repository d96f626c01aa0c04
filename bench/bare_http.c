/* The least that an HTTP server can do: an epoll loop that counts the bytes of a request's content
 * and answers with their number. What `infer serve` is held against (docs/hammer.md).
 *
 * It is a yardstick and no server: it takes Content-Length alone, and closes what it does not
 * understand. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 65536, MOST_HEAD = 8192, MOST_THREADS = 64, MOST_CLIENTS = 16384 };

static const char help_text[] =
    "Usage: bare_http [PORT [THREADS]]\n"
    "\n"
    "Serves 127.0.0.1:PORT (default: any free one) with THREADS loops (default 1) until it is\n"
    "killed: every request is answered 200 with the number of bytes of its content. Prints\n"
    "\"listening on PORT\" when it is ready.\n"
    "\n"
    "Example:\n"
    "  bare_http 8081 & infer hammer http://127.0.0.1:8081/ --body cat.jpg --server-pid $!\n";

/* A connection: its head is kept until it is whole, its content is only counted. */
struct client {
    int fd;
    size_t head;        /* bytes of the head so far */
    uint64_t left, all; /* of the content */
    int in_content;
    char text[MOST_HEAD];
};

struct loop {
    int listener;
    struct client *clients[MOST_CLIENTS]; /* by descriptor */
    char buffer[BUFFER];
};

static int listen_on(uint16_t port, uint16_t *bound)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof a;
    const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&a, &size)) {
        perror("bare_http");
        exit(1);
    }
    *bound = ntohs(a.sin_port);
    return fd;
}

static int answer(struct client *c)
{
    char content[32], text[160];
    const int n = snprintf(content, sizeof content, "%llu\n", (unsigned long long)c->all);
    const int size = snprintf(text, sizeof text,
                              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                              "Content-Length: %d\r\n\r\n%s",
                              n, content);
    c->in_content = 0;
    c->head = 0;
    return send(c->fd, text, (size_t)size, MSG_NOSIGNAL) == size;
}

/* The Content-Length of a whole head, 0 where it has none. */
static uint64_t content_length(const char *head)
{
    static const char name[] = "\r\nContent-Length:";
    for (const char *p = strstr(head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p, name, sizeof name - 1) == 0)
            return strtoull(p + sizeof name - 1, NULL, 10);
    return 0;
}

/* Takes bytes of the head; how many, 0 if the head is too long. */
static size_t take_head(struct client *c, const char *bytes, size_t n)
{
    const size_t room = sizeof c->text - 1 - c->head, part = n < room ? n : room;
    const size_t before = c->head;
    memcpy(c->text + c->head, bytes, part);
    c->head += part;
    c->text[c->head] = 0;
    const char *end = memmem(c->text, c->head, "\r\n\r\n", 4);
    if (!end)
        return part;
    const size_t whole = (size_t)(end - c->text) + 4;
    c->text[whole - 2] = 0;
    c->left = c->all = content_length(c->text);
    c->in_content = 1;
    return whole - before;
}

/* 0 where the connection is to be closed. */
static int take(struct client *c, const char *bytes, size_t n)
{
    while (n) {
        size_t taken;
        if (c->in_content) {
            taken = n < c->left ? n : (size_t)c->left;
            c->left -= taken;
        } else {
            taken = take_head(c, bytes, n);
            if (!taken)
                return 0;
        }
        bytes += taken;
        n -= taken;
        if (c->in_content && !c->left && !answer(c))
            return 0;
    }
    return 1;
}

static void drop(struct loop *l, int fd)
{
    close(fd);
    free(l->clients[fd]);
    l->clients[fd] = NULL;
}

static void accept_all(struct loop *l, int poll)
{
    const int one = 1;
    for (int fd; (fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MOST_CLIENTS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        l->clients[fd] = calloc(1, sizeof *l->clients[fd]);
        if (!l->clients[fd] || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e))
            drop(l, fd);
        else
            l->clients[fd]->fd = fd;
    }
}

static void serve(struct loop *l, int fd)
{
    const ssize_t n = recv(fd, l->buffer, BUFFER, 0);
    if (!(n < 0 && errno == EAGAIN) && !(n > 0 && take(l->clients[fd], l->buffer, (size_t)n)))
        drop(l, fd);
}

static void *run(void *argument)
{
    struct loop *l = argument;
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN, .data.fd = l->listener};
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, l->listener, &listening)) {
        perror("bare_http");
        exit(1);
    }
    for (;;) {
        const int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == l->listener)
                accept_all(l, poll);
            else
                serve(l, events[i].data.fd);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct loop loops[MOST_THREADS];
    const long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0,
               threads = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    uint16_t bound = (uint16_t)port;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help_text, stdout);
        return 0;
    }
    if (argc > 3 || port < 0 || port > 65535 || threads < 1 || threads > MOST_THREADS) {
        fputs(help_text, stderr);
        return 2;
    }
    for (long i = 0; i < threads; i++)
        loops[i].listener = listen_on(bound, &bound);
    printf("listening on %u\n", bound);
    fflush(stdout);
    for (long i = 1; i < threads; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, run, &loops[i]))
            return 1;
        pthread_detach(t);
    }
    run(&loops[0]);
    return 0;
}
