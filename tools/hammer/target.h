/* Where requests go: a URL, and the socket's address behind it. */
#ifndef INFER_TOOLS_HAMMER_TARGET_H
#define INFER_TOOLS_HAMMER_TARGET_H

#include <sys/socket.h>

struct target {
    char host[256];      /* without brackets */
    char authority[280]; /* as it stands in the URL: what the Host header says */
    char port[8];
    const char *path; /* within the URL, "/" where it has none */
    struct sockaddr_storage address;
    socklen_t address_size;
    int local; /* the server shares this machine's CPUs */
};

/* http://host[:port][/path][?query], IPv6 in brackets. A CLI exit status, after a message. */
int target_parse(const char *url, struct target *t);
/* Looks the host up, or takes a Unix socket's path in its place, and connects once, so that what
 * is wrong is known before the load begins. A CLI exit status, after a message. */
int target_find(struct target *t, const char *unix_socket);

#endif
