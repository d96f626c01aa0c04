/* Sockets that wait for connections. */
#ifndef INFER_TOOLS_SERVE_TRANSPORT_LISTEN_H
#define INFER_TOOLS_SERVE_TRANSPORT_LISTEN_H

#include <stddef.h>

/* A listening, non-blocking TCP socket on an address (NULL: loopback) and a port (0: any free one).
 * -1: `why` has a sentence. */
int listen_on(const char *host, int port, char *why, size_t size);
/* The port of such a socket, 0 where it is none. */
int listen_port(int fd);

#endif
