/* TLS for HTTP/2, by GnuTLS on sockets that never block. A build without it (TLS=0) refuses every
 * certificate. */
#ifndef INFER_TOOLS_SERVE_H2_TLS_H
#define INFER_TOOLS_SERVE_H2_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct h2_tls;         /* certificate and key of a server */
struct h2_tls_session; /* of a connection */

/* Texts of PEM. NULL: `why` has a sentence. */
struct h2_tls *h2_tls_begin(const char *certificate, const char *key, char *why, size_t size);
void h2_tls_end(struct h2_tls *tls);

/* A session on a socket, which stays the caller's. NULL without memory. */
struct h2_tls_session *h2_tls_open(struct h2_tls *tls, int fd);
/* Says goodbye where the handshake was done, without waiting for an answer, and frees it. */
void h2_tls_close(struct h2_tls_session *s);
/* As recv and send are on such a socket, with errno EAGAIN where the peer has to be waited for. The
 * handshake is part of them. What h2_tls_send did not take must be given again. */
ssize_t h2_tls_recv(struct h2_tls_session *s, void *data, size_t bytes);
ssize_t h2_tls_send(struct h2_tls_session *s, const void *data, size_t bytes);
/* Whether it waits for room in the socket rather than for the peer, of what it has to send. */
int h2_tls_wants_room(const struct h2_tls_session *s);
/* Whether the handshake is done. */
int h2_tls_ready(const struct h2_tls_session *s);

#endif
