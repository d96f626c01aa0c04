/* gRPC as a server has it: TLS, tokens, health that is watched, the access log and the metrics. The
 * transport and the protocol have tests of their own. */
#include "tests/grpc_client.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "tools/serve/transport/grpc.h"

static struct reply r;

/* ---- a certificate, and a client's end of TLS ----------------------------------------------- */

static void export_to(const char *path, const gnutls_datum_t *text)
{
    write_bytes(path, text->data, text->size);
}

/* A certificate of our own for "localhost", with its key, as two files. */
static void make_certificate(void)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t text;
    gnutls_x509_privkey_init(&key);
    gnutls_x509_crt_init(&crt);
    assert_true(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                             GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                             0) >= 0);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, "\1", 1);
    gnutls_x509_crt_set_dn(crt, "CN=localhost", NULL);
    gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
    gnutls_x509_crt_set_key(crt, key);
    assert_true(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) >= 0);
    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text);
    export_to(in_folder("crt.pem"), &text);
    gnutls_free(text.data);
    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text);
    export_to(in_folder("key.pem"), &text);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

/* Speaks TLS to a server for one client that doesn't: bytes of `plain` go to `secure` and back. */
struct relay {
    int plain, secure;
    const char *protocol; /* that ALPN offers */
    int shaken;           /* the handshake was taken */
    pthread_t thread;
};

static int pass_on(struct relay *y, gnutls_session_t session)
{
    static unsigned char buffer[1 << 14];
    struct pollfd p[2] = {{y->plain, POLLIN, 0}, {y->secure, POLLIN, 0}};
    if (!gnutls_record_check_pending(session) && poll(p, 2, 20000) < 1)
        return 0;
    if (p[0].revents) {
        const ssize_t n = recv(y->plain, buffer, sizeof buffer, 0);
        if (n <= 0 || gnutls_record_send(session, buffer, (size_t)n) != n)
            return 0;
    }
    if (p[1].revents || gnutls_record_check_pending(session)) {
        const ssize_t n = gnutls_record_recv(session, buffer, sizeof buffer);
        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            return 1; /* a ticket, say */
        if (n <= 0)
            return 0;
        serve_send(y->plain, buffer, (size_t)n);
    }
    return 1;
}

static void *relay(void *arg)
{
    struct relay *y = arg;
    gnutls_session_t session;
    gnutls_certificate_credentials_t none;
    const gnutls_datum_t offer = {(unsigned char *)(uintptr_t)y->protocol,
                                  (unsigned)strlen(y->protocol)};
    gnutls_certificate_allocate_credentials(&none);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, none);
    gnutls_alpn_set_protocols(session, &offer, 1, 0);
    gnutls_transport_set_int(session, y->secure);
    gnutls_handshake_set_timeout(session, 20000);
    y->shaken = gnutls_handshake(session) == GNUTLS_E_SUCCESS;
    while (y->shaken && pass_on(y, session))
        ;
    shutdown(y->plain, SHUT_RDWR);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(none);
    return NULL;
}

/* The client's end of a connection over TLS. */
static int connect_tls(struct relay *y, int port, const char *protocol)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *y = (struct relay){.plain = pair[1], .secure = serve_connect(port), .protocol = protocol};
    assert_int_equal(pthread_create(&y->thread, NULL, relay, y), 0);
    return pair[0];
}

static void end_tls(struct relay *y)
{
    pthread_join(y->thread, NULL);
    close(y->plain);
    close(y->secure);
}

/* ---- servers -------------------------------------------------------------------------------- */

static struct server *begin_server(const char *token, int tls)
{
    static const char *path[1];
    static char certificate[300], key[300], log[300];
    path[0] = store;
    struct server_options o = serve_options(path);
    o.grpc_port = 0;
    o.token = token;
    o.management_token = token ? "other" : NULL;
    o.access_log = log;
    snprintf(log, sizeof log, "%s/access.log", folder);
    snprintf(certificate, sizeof certificate, "%s/crt.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    o.certificate = tls ? certificate : NULL;
    o.key = key;
    unlink(log);
    return serve_begin(&o);
}

static int begin(void **state)
{
    if (store_begin(state))
        return 1;
    store_put("signs.infer");
    make_certificate();
    return 0;
}

#define LIVE "/inference.GRPCInferenceService/ServerLive"
#define WATCH "/grpc.health.v1.Health/Watch"
#define CHECK "/grpc.health.v1.Health/Check"
static const unsigned char empty[GRPC_PREFIX_BYTES];
static const unsigned char unknown_service[] = {0, 0, 0, 0, 6, 10, 4, 'n', 'o', 'p', 'e'};

/* ---- TLS ------------------------------------------------------------------------------------ */

/* Calls over TLS, one of them with 3 MB, by a client whose socket is read late. */
static void over_tls(void **state)
{
    (void)state;
    struct server *s = begin_server(NULL, 1);
    struct relay y;
    struct grpc_client c;
    static unsigned char large[3 << 20];
    grpc_prefix(large, 0, sizeof large - GRPC_PREFIX_BYTES);
    large[5] = 0x32; /* field 6, of as many bytes as there are left: unknown, and passed over */
    large[6] = 0xf5, large[7] = 0xff, large[8] = 0xbf, large[9] = 0x01;
    grpc_client_open(&c, grpc_port(s->grpc), 1 << 20);
    close(c.fd);
    c.fd = connect_tls(&y, grpc_port(s->grpc), "h2");
    for (int i = 0; i < 3; i++) {
        struct grpc_call_seen *k =
            i == 1 ? grpc_begin_call(&c, LIVE, large, sizeof large, 0, NULL, NULL)
                   : grpc_begin_call(&c, LIVE, empty, sizeof empty, 0, NULL, NULL);
        grpc_end_call(&c, k);
        assert_int_equal(k->status, 0);
        assert_int_equal(k->bytes, GRPC_PREFIX_BYTES + 2);
    }
    grpc_client_close(&c);
    end_tls(&y);
    server_end(s, 5);
}

/* Who offers no HTTP/2, or speaks without TLS, is refused, and others are not kept by it. */
static void not_tls(void **state)
{
    (void)state;
    struct server *s = begin_server(NULL, 1);
    struct relay y;
    char byte;
    close(connect_tls(&y, grpc_port(s->grpc), "http/1.1"));
    end_tls(&y);
    assert_int_equal(y.shaken, 0);
    const int fd = serve_connect(grpc_port(s->grpc));
    serve_send(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    while (recv(fd, &byte, 1, 0) > 0) /* an alert, then the end */
        ;
    close(fd);
    server_end(s, 5);
}

static void bad_certificates(void **state)
{
    (void)state;
    static const char *path[1];
    char why[300] = "";
    path[0] = store;
    struct server_options o = serve_options(path);
    o.port = o.management_port = -1;
    struct grpc_options g = {.threads = 1,
                             .max_connections = 1,
                             .max_message = 100,
                             .max_memory = 100,
                             .certificate = "no certificate",
                             .key = "no key"};
    assert_null(grpc_begin(&g, why, sizeof why));
    assert_non_null(strstr(why, "TLS"));
}

/* ---- health --------------------------------------------------------------------------------- */

/* The status in the message at `at`. */
static int status_at(const struct grpc_call_seen *k, size_t at)
{
    assert_true(k->bytes >= at + 7);
    assert_int_equal(k->data[at + 4], 2);
    assert_int_equal(k->data[at + 5], 8);
    return k->data[at + 6];
}

enum { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

/* Who watches is told at once, then of every change, and at the end. */
static void watching(void **state)
{
    (void)state;
    struct server *s = begin_server(NULL, 0);
    struct grpc_client c;
    char why[100];
    grpc_client_open(&c, grpc_port(s->grpc), 65535);
    struct grpc_call_seen *k = grpc_begin_call(&c, WATCH, empty, sizeof empty, 0, NULL, NULL);
    struct grpc_call_seen *u =
        grpc_begin_call(&c, WATCH, unknown_service, sizeof unknown_service, 0, NULL, NULL);
    grpc_await(&c, k, 7);
    grpc_await(&c, u, 7);
    assert_int_equal(status_at(k, 0), SERVING);
    assert_int_equal(status_at(u, 0), SERVICE_UNKNOWN);
    write_text(in_folder("store/broken.infer"), "no model");
    repository_scan(s->repository);
    grpc_await(&c, k, 14);
    assert_int_equal(status_at(k, 7), NOT_SERVING);
    assert_int_equal(repository_load(s->repository, "signs", why, sizeof why), 1); /* no change */
    store_put("broken.infer");
    repository_scan(s->repository);
    grpc_await(&c, k, 21);
    assert_int_equal(status_at(k, 14), SERVING);
    struct grpc_call_seen *gone = grpc_begin_call(&c, WATCH, empty, sizeof empty, 0, NULL, NULL);
    grpc_await(&c, gone, 7);
    nghttp2_submit_rst_stream(c.session, 0, gone->id, NGHTTP2_CANCEL);
    struct grpc_call_seen *check = grpc_begin_call(&c, CHECK, empty, sizeof empty, 0, NULL, NULL);
    grpc_end_call(&c, check);
    assert_int_equal(status_at(check, 0), SERVING);
    unlink(in_folder("store/broken.infer"));
    server_end(s, 5);
    grpc_await(&c, k, 28);
    assert_int_equal(status_at(k, 21), NOT_SERVING);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, GRPC_UNAVAILABLE);
    grpc_end_call(&c, u);
    assert_int_equal(u->bytes, 7); /* it stays unknown */
    assert_int_equal(gone->bytes, 7);
    grpc_client_close(&c);
}

static void services_by_name(void **state)
{
    (void)state;
    struct server *s = begin_server(NULL, 0);
    struct grpc_client c;
    grpc_client_open(&c, grpc_port(s->grpc), 65535);
    struct grpc_call_seen *k =
        grpc_begin_call(&c, CHECK, unknown_service, sizeof unknown_service, 0, NULL, NULL);
    grpc_end_call(&c, k);
    assert_int_equal(k->status, GRPC_NOT_FOUND);
    grpc_client_close(&c);
    server_end(s, 5);
}

/* ---- tokens, log, metrics ------------------------------------------------------------------- */

static const char *line_of(char *log, const char *what)
{
    char *line = strstr(log, what);
    assert_non_null(line);
    while (line > log && line[-1] != '\n')
        line--;
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void told_and_counted(void **state)
{
    (void)state;
    struct server *s = begin_server("secret", 0);
    struct grpc_client c;
    size_t bytes;
    grpc_client_open(&c, grpc_port(s->grpc), 65535);
    struct grpc_call_seen *k =
        grpc_begin_call(&c, LIVE, empty, sizeof empty, 0, "authorization", "Bearer secret");
    grpc_end_call(&c, k);
    assert_int_equal(k->status, 0);
    k = grpc_begin_call(&c, CHECK, empty, sizeof empty, 0, "authorization", "Bearer other");
    grpc_end_call(&c, k);
    assert_int_equal(k->status, GRPC_UNAUTHENTICATED);
    grpc_client_close(&c);
    const int port = http_port(s->inference), management = http_port(s->management);
    serve_ask(port, "GET", "/v2", "Authorization: Bearer other\r\n", NULL, 0, &r);
    assert_int_equal(r.status, 401); /* that one is for management */
    serve_ask(management, "GET", "/metrics", "Authorization: Bearer secret\r\n", NULL, 0, &r);
    assert_int_equal(r.status, 401);
    serve_ask(management, "GET", "/metrics", "Authorization: Bearer other\r\n", NULL, 0, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "infer_grpc_calls_total{code=\"OK\"} 1\n"));
    assert_non_null(strstr(r.body, "infer_grpc_calls_total{code=\"UNAUTHENTICATED\"} 1\n"));
    server_end(s, 5);
    char *log = read_file(in_folder("access.log"), &bytes);
    const char *line = line_of(log, LIVE);
    assert_non_null(strstr(line, "\"method\": \"GRPC\""));
    assert_non_null(strstr(line, "\"status\": 0, \"in\": 5, \"out\": 7,"));
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_tls),         cmocka_unit_test(not_tls),
        cmocka_unit_test(bad_certificates), cmocka_unit_test(watching),
        cmocka_unit_test(services_by_name), cmocka_unit_test(told_and_counted),
    };
    return cmocka_run_group_tests_name("serve: gRPC", tests, begin, teardown);
}
