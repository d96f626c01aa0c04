#include "tools/serve/transport/h2_tls.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if INFER_TLS

#include <gnutls/gnutls.h>

struct h2_tls {
    gnutls_certificate_credentials_t credentials;
};

struct h2_tls_session {
    gnutls_session_t session;
    int ready;  /* the handshake is done */
    int unsent; /* GnuTLS holds a record that the socket did not take whole */
};

struct h2_tls *h2_tls_begin(const char *certificate, const char *key, char *why, size_t size)
{
    struct h2_tls *tls = calloc(1, sizeof *tls);
    const gnutls_datum_t c = {(unsigned char *)(uintptr_t)certificate,
                              (unsigned)strlen(certificate)};
    const gnutls_datum_t k = {(unsigned char *)(uintptr_t)key, (unsigned)strlen(key)};
    int bad =
        tls ? gnutls_certificate_allocate_credentials(&tls->credentials) : GNUTLS_E_MEMORY_ERROR;
    if (bad >= 0)
        bad = gnutls_certificate_set_x509_key_mem(tls->credentials, &c, &k, GNUTLS_X509_FMT_PEM);
    if (bad >= 0)
        return tls;
    snprintf(why, size, "gRPC with TLS can't be started: %s", gnutls_strerror(bad));
    h2_tls_end(tls);
    return NULL;
}

void h2_tls_end(struct h2_tls *tls)
{
    if (tls && tls->credentials)
        gnutls_certificate_free_credentials(tls->credentials);
    free(tls);
}

/* HTTP/2 is chosen by ALPN; a client that offers nothing else is refused. */
static int set_up(struct h2_tls_session *s, const struct h2_tls *tls, int fd)
{
    static unsigned char h2[] = "h2";
    const gnutls_datum_t protocol = {h2, 2};
    if (gnutls_init(&s->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        return 0;
    gnutls_transport_set_int(s->session, fd);
    return gnutls_set_default_priority(s->session) >= 0 &&
           gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, tls->credentials) >= 0 &&
           gnutls_alpn_set_protocols(s->session, &protocol, 1, GNUTLS_ALPN_MANDATORY) >= 0;
}

struct h2_tls_session *h2_tls_open(struct h2_tls *tls, int fd)
{
    struct h2_tls_session *s = calloc(1, sizeof *s);
    if (s && set_up(s, tls, fd))
        return s;
    h2_tls_close(s);
    return NULL;
}

void h2_tls_close(struct h2_tls_session *s)
{
    if (s && s->ready)
        gnutls_bye(s->session, GNUTLS_SHUT_WR);
    if (s && s->session)
        gnutls_deinit(s->session);
    free(s);
}

static ssize_t failed(ssize_t status)
{
    errno = status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
    return -1;
}

/* Goes on with the handshake; 0, or -1 with errno. */
static int shake_hands(struct h2_tls_session *s)
{
    int status;
    if (s->ready)
        return 0;
    do
        status = gnutls_handshake(s->session);
    while (status < 0 && status != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(status));
    if (status < 0)
        return (int)failed(status);
    s->ready = 1;
    return 0;
}

ssize_t h2_tls_recv(struct h2_tls_session *s, void *data, size_t bytes)
{
    ssize_t n;
    if (shake_hands(s) != 0)
        return -1;
    do
        n = gnutls_record_recv(s->session, data, bytes);
    while (n < 0 && n != GNUTLS_E_AGAIN && n != GNUTLS_E_REHANDSHAKE &&
           !gnutls_error_is_fatal((int)n));
    return n < 0 ? failed(n) : n;
}

ssize_t h2_tls_send(struct h2_tls_session *s, const void *data, size_t bytes)
{
    if (shake_hands(s) != 0)
        return -1;
    const ssize_t n =
        gnutls_record_send(s->session, s->unsent ? NULL : data, s->unsent ? 0 : bytes);
    s->unsent = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
    return n < 0 ? failed(n) : n;
}

int h2_tls_wants_room(const struct h2_tls_session *s)
{
    return s->ready ? s->unsent : gnutls_record_get_direction(s->session) == 1;
}

int h2_tls_ready(const struct h2_tls_session *s)
{
    return s->ready;
}

#else

struct h2_tls *h2_tls_begin(const char *certificate, const char *key, char *why, size_t size)
{
    (void)certificate, (void)key;
    snprintf(why, size, "gRPC can't be started: this program was built without TLS");
    return NULL;
}

void h2_tls_end(struct h2_tls *tls)
{
    (void)tls;
}

struct h2_tls_session *h2_tls_open(struct h2_tls *tls, int fd)
{
    (void)tls, (void)fd;
    return NULL;
}

void h2_tls_close(struct h2_tls_session *s)
{
    (void)s;
}

ssize_t h2_tls_recv(struct h2_tls_session *s, void *data, size_t bytes)
{
    (void)s, (void)data, (void)bytes;
    errno = EPROTO;
    return -1;
}

ssize_t h2_tls_send(struct h2_tls_session *s, const void *data, size_t bytes)
{
    (void)s, (void)data, (void)bytes;
    errno = EPROTO;
    return -1;
}

int h2_tls_wants_room(const struct h2_tls_session *s)
{
    (void)s;
    return 0;
}

int h2_tls_ready(const struct h2_tls_session *s)
{
    (void)s;
    return 0;
}

#endif
