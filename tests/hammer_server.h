/* A small HTTP server in threads of the test, whose paths say how it behaves. */
#ifndef INFER_TESTS_HAMMER_SERVER_H
#define INFER_TESTS_HAMMER_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STALL_AT = 60, STALL_MS = 500 };

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t one_at_a_time;
    atomic_int requests, connections, clients;
    char last[2048]; /* the head of the last request, under the mutex */
} server = {.one_at_a_time = PTHREAD_MUTEX_INITIALIZER};

static inline void server_sleep(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static inline int server_send(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Reads one request into `text`; the number of bytes of its content, -1 at the end. */
static inline long server_read(int fd, char *text, size_t size)
{
    size_t n = 0;
    char drop[65536], *end = NULL;
    while (!end) {
        const ssize_t got = recv(fd, text + n, size - 1 - n, 0);
        if (got <= 0)
            return -1;
        n += (size_t)got;
        text[n] = 0;
        end = strstr(text, "\r\n\r\n");
    }
    const char *length = strstr(text, "Content-Length: ");
    const long all = length && length < end ? strtol(length + 16, NULL, 10) : 0;
    long left = all - (long)(n - (size_t)(end + 4 - text));
    if (strstr(text, " /early"))
        return all;
    while (left > 0) {
        const ssize_t got = recv(fd, drop, sizeof drop, 0);
        if (got <= 0)
            return -1;
        left -= got;
    }
    return all;
}

#define SERVER_OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define SERVER_BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"

/* Answers; 0 where the connection is to be closed. */
static inline int server_answer(int fd, const char *path, long content, int number)
{
    char text[200];
    const char *answer = SERVER_OK;
    int stay = 1;
    if (strcmp(path, "/slow") == 0) {
        server_sleep(20);
    } else if (strcmp(path, "/stall") == 0) { /* all wait behind the one that stalls */
        pthread_mutex_lock(&server.one_at_a_time);
        if (number == STALL_AT)
            server_sleep(STALL_MS);
        pthread_mutex_unlock(&server.one_at_a_time);
    } else if (strcmp(path, "/alternate") == 0 && number % 2) {
        server_sleep(10);
    } else if (strcmp(path, "/alternate") == 0 || strcmp(path, "/early") == 0) {
        answer = SERVER_BUSY;
    } else if (strcmp(path, "/cut") == 0) {
        answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
        stay = 0;
    } else if (strcmp(path, "/garbage") == 0) {
        answer = "220 mail.example.org ESMTP\r\n";
    } else if (strcmp(path, "/chunked") == 0) {
        answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n";
        stay = server_send(fd, answer);
        server_sleep(2);
        answer = "3\r\nllo\r\n0\r\n\r\n";
    } else if (strcmp(path, "/close") == 0) {
        answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
        stay = 0;
    } else if (strcmp(path, "/silent-close") == 0) { /* says that it stays, and does not */
        stay = 0;
    } else if (strcmp(path, "/count") == 0) {
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%ld",
                 snprintf(NULL, 0, "%ld", content), content);
        answer = text;
    } else if (strcmp(path, "/never") == 0) {
        server_sleep(400);
        return 0;
    }
    if (strncmp(path, "/early", 6) == 0)
        stay = 0;
    return server_send(fd, answer) && stay;
}

static inline void *server_client(void *argument)
{
    const int fd = (int)(intptr_t)argument;
    char text[4096], path[64];
    for (long content; (content = server_read(fd, text, sizeof text)) >= 0;) {
        const int number = atomic_fetch_add(&server.requests, 1) + 1;
        path[0] = 0;
        sscanf(text, "%*s %63s", path);
        pthread_mutex_lock(&server.one_at_a_time);
        snprintf(server.last, sizeof server.last, "%.2000s", text);
        pthread_mutex_unlock(&server.one_at_a_time);
        if (!server_answer(fd, path, content, number))
            break;
    }
    shutdown(fd, SHUT_WR);
    char drop[65536]; /* what was not read would turn the end into a reset */
    while (recv(fd, drop, sizeof drop, 0) > 0)
        ;
    close(fd);
    atomic_fetch_sub(&server.clients, 1);
    return NULL;
}

static inline void *server_accept(void *argument)
{
    (void)argument;
    for (int fd; (fd = accept(server.fd, NULL, NULL)) >= 0;) {
        pthread_t t;
        atomic_fetch_add(&server.connections, 1);
        atomic_fetch_add(&server.clients, 1);
        if (pthread_create(&t, NULL, server_client, (void *)(intptr_t)fd) == 0)
            pthread_detach(t);
    }
    return NULL;
}

/* Listens on 127.0.0.1, on ::1, or on a Unix socket. 0 where the machine has none of that kind. */
static inline int server_start(int family, const char *path)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (path)
        snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    const struct sockaddr *a = family == AF_UNIX    ? (const struct sockaddr *)&un
                               : family == AF_INET6 ? (const struct sockaddr *)&v6
                                                    : (const struct sockaddr *)&v4;
    const socklen_t length = family == AF_UNIX    ? sizeof un
                             : family == AF_INET6 ? sizeof v6
                                                  : sizeof v4;
    server.fd = socket(family, SOCK_STREAM, 0);
    if (server.fd < 0 || bind(server.fd, a, length) || listen(server.fd, 1024) ||
        getsockname(server.fd, (struct sockaddr *)&bound, &size)) {
        if (server.fd >= 0)
            close(server.fd);
        return 0;
    }
    memcpy(&v4, &bound, sizeof v4); /* the port is at the same place in both */
    server.port = ntohs(v4.sin_port);
    return pthread_create(&server.thread, NULL, server_accept, NULL) == 0;
}

static inline void server_stop(void)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    for (int i = 0; i < 1000 && atomic_load(&server.clients); i++)
        server_sleep(5);
}

#endif
