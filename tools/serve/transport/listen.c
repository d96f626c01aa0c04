#include "tools/serve/transport/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING_CONNECTIONS = 4096 };

static int listen_at(const struct addrinfo *a)
{
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    if (fd < 0 ||
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
         bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, WAITING_CONNECTIONS) == 0))
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int listen_on(const char *host, int port, char *why, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    const int bad = getaddrinfo(host ? host : "127.0.0.1", service, &hints, &list);
    if (bad) {
        snprintf(why, size, "%s: %s", host, gai_strerror(bad));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        if ((fd = listen_at(a)) < 0)
            snprintf(why, size, "port %d: %s", port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

int listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t n = sizeof a;
    memset(&a, 0, sizeof a);
    if (getsockname(fd, &a.any, &n) != 0)
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}
