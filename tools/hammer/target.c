#include "tools/hammer/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/cli.h"

/* Copies a part of the URL into `to`, which has room for `size` bytes; 0 if it is too long. */
static int copy(char *to, size_t size, const char *from, size_t n)
{
    if (n >= size)
        return 0;
    memcpy(to, from, n);
    to[n] = 0;
    return 1;
}

/* What stands between "http://" and the path. */
static int parse_authority(const char *text, size_t n, struct target *t)
{
    const char *end = text + n, *host = text, *host_end, *port;
    if (*text == '[') {
        host++;
        host_end = memchr(text, ']', n);
        if (!host_end)
            return 0;
        port = host_end + 1;
    } else {
        host_end = memchr(text, ':', n);
        host_end = host_end ? host_end : end;
        port = host_end;
    }
    if (!copy(t->host, sizeof t->host, host, (size_t)(host_end - host)) || !t->host[0] ||
        memchr(text, '@', n) || !copy(t->authority, sizeof t->authority, text, n))
        return 0;
    if (port == end)
        return copy(t->port, sizeof t->port, "80", 2);
    if (*port++ != ':' || !copy(t->port, sizeof t->port, port, (size_t)(end - port)))
        return 0;
    const long number = strtol(t->port, NULL, 10);
    return strspn(t->port, "0123456789") == strlen(t->port) && number > 0 && number < 65536;
}

int target_parse(const char *url, struct target *t)
{
    static const char scheme[] = "http://";
    memset(t, 0, sizeof *t);
    if (strncmp(url, "https://", 8) == 0)
        return cli_usage("%s: only http:// is spoken, not https://", url);
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return cli_usage("%s: a URL like http://127.0.0.1:8080/path is needed", url);
    const char *authority = url + sizeof scheme - 1;
    const size_t n = strcspn(authority, "/?#");
    if (!parse_authority(authority, n, t))
        return cli_usage("%s: '%.*s' is no host with a port", url, (int)n, authority);
    t->path = authority[n] == '/' ? authority + n : "/";
    if (authority[n] && authority[n] != '/')
        return cli_usage("%s: a / is needed behind the host", url);
    for (const char *p = t->path; *p; p++)
        if (*p <= ' ' || *p == '#' || *p == 0x7f)
            return cli_usage("%s: blanks and # can't be part of a request", url);
    return CLI_OK;
}

static int is_loopback(const struct sockaddr *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (a->sa_family == AF_INET) {
        memcpy(&v4, a, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    memcpy(&v6, a, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* Connects to an address for a moment; 0 or errno. */
static int try_address(const struct sockaddr *a, socklen_t size)
{
    const int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int wrong = 0;
    if (fd < 0 || connect(fd, a, size) != 0)
        wrong = errno;
    if (fd >= 0)
        close(fd);
    return wrong;
}

static int find_unix(struct target *t, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (!copy(a.sun_path, sizeof a.sun_path, path, strlen(path)))
        return cli_usage("--unix-socket %s: the path is too long", path);
    memcpy(&t->address, &a, sizeof a);
    t->address_size = sizeof a;
    t->local = 1;
    const int wrong = try_address((const struct sockaddr *)&t->address, t->address_size);
    if (wrong)
        fprintf(stderr, "infer: %s: can't connect: %s\n", path, strerror(wrong));
    return wrong ? CLI_BAD_INPUT : CLI_OK;
}

int target_find(struct target *t, const char *unix_socket)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int wrong = 0;
    if (unix_socket)
        return find_unix(t, unix_socket);
    const int unknown = getaddrinfo(t->host, t->port, &hints, &list);
    if (unknown) {
        fprintf(stderr, "infer: %s: no address is known: %s\n", t->host, gai_strerror(unknown));
        return CLI_BAD_INPUT;
    }
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        wrong = try_address(a->ai_addr, a->ai_addrlen);
        if (wrong)
            continue;
        memcpy(&t->address, a->ai_addr, a->ai_addrlen);
        t->address_size = a->ai_addrlen;
        t->local = is_loopback(a->ai_addr);
        break;
    }
    freeaddrinfo(list);
    if (t->address_size)
        return CLI_OK;
    fprintf(stderr, "infer: %s port %s: can't connect: %s\n", t->host, t->port, strerror(wrong));
    return CLI_BAD_INPUT;
}
