#include "tools/serve/transport/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/serve/clock.h"
#include "tools/serve/transport/coding.h"
#include "tools/serve/transport/hangups.h"
#include "tools/serve/transport/listen.h"

/* Headers and what is read at a time. */
enum { CONNECTION_BYTES = 64 << 10, LONGEST_URI = 8 << 10, FIRST_BYTES = 16 << 10 };

struct http_server {
    struct http_options options;
    struct MHD_Daemon *daemon;
    atomic_uint pending;
    atomic_size_t body_memory;
    atomic_int quiesced, closed; /* by http_quiesce, by http_close */
    struct hangups *hangups;
};

/* Where a request stands. HANDLING: within the handler, on the thread of its connection. */
enum stage { RECEIVING, HANDLING, WAITING, ANSWERED, REFUSED };

/* What libmicrohttpd carries from call to call. */
struct exchange {
    struct http_request request; /* the first member */
    struct http_server *server;
    struct MHD_Connection *connection;
    char *uri;
    size_t capacity, reserved; /* of the body; of the server's memory for bodies */
    int too_large, no_memory, counted;
    pthread_mutex_t lock;
    enum stage stage;
    int answered;
    struct MHD_Response *response;
    int status;
    size_t answer_bytes;
};

/* A version 4 UUID. */
static void make_id(char *id)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        memset(b, 0, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(id, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

/* The first that is heard of a request: its URI as it was sent. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->server = ctx;
    e->connection = connection;
    pthread_mutex_init(&e->lock, NULL);
    e->uri = strdup(uri);
    if (!e->uri) {
        free(e);
        return NULL;
    }
    char *query = strchr(e->uri, '?');
    if (query)
        *query++ = 0;
    e->request.path = e->uri;
    e->request.query = query ? query : "";
    return e;
}

/* Paths and queries are decoded by whoever knows what they mean. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx, (void)connection;
    return strlen(text);
}

static void let_go_of_body(struct exchange *e)
{
    atomic_fetch_sub(&e->server->body_memory, e->reserved);
    e->reserved = 0;
    free(e->request.body);
    e->request.body = NULL;
    e->request.body_bytes = e->capacity = 0;
}

/* What hangups.h knows of a connection. */
static struct hangups_entry *entry_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = ctx;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = info ? hangups_add(s->hangups, info->connect_fd) : NULL;
    } else {
        hangups_remove(s->hangups, *context);
        *context = NULL;
    }
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    (void)ctx, (void)code;
    struct exchange *e = *slot;
    hangups_busy(entry_of(connection), 0);
    if (!e)
        return;
    if (e->server->options.log && e->stage == ANSWERED)
        e->server->options.log(e->server->options.ctx, &e->request, e->status, e->answer_bytes);
    if (e->response) /* the client went while it was made */
        MHD_destroy_response(e->response);
    let_go_of_body(e);
    if (e->counted)
        atomic_fetch_sub(&e->server->pending, 1);
    pthread_mutex_destroy(&e->lock);
    free(e->uri);
    free(e);
    *slot = NULL;
}

/* Takes so many bytes out of what all bodies may take. */
static int reserve(struct exchange *e, size_t bytes)
{
    struct http_server *s = e->server;
    if (atomic_fetch_add(&s->body_memory, bytes) + bytes > s->options.max_body_memory) {
        atomic_fetch_sub(&s->body_memory, bytes);
        return 0;
    }
    e->reserved += bytes;
    return 1;
}

/* Room for `need` bytes and a 0, out of what all bodies may take. It grows with what has come, so
 * that nobody gets memory for a promise. */
static int make_room(struct exchange *e, size_t need)
{
    if (need < e->capacity)
        return 1;
    size_t capacity = e->capacity ? e->capacity : FIRST_BYTES;
    while (capacity <= need)
        capacity *= 2;
    if (!reserve(e, capacity - e->capacity))
        return 0;
    unsigned char *body = realloc(e->request.body, capacity);
    if (!body)
        return 0;
    e->request.body = body;
    e->capacity = capacity;
    return 1;
}

static void receive(struct exchange *e, const char *data, size_t bytes)
{
    if (e->too_large || e->no_memory)
        return;
    if (bytes > e->server->options.max_body - e->request.body_bytes)
        e->too_large = 1;
    else if (!make_room(e, e->request.body_bytes + bytes))
        e->no_memory = 1;
    if (e->too_large || e->no_memory) {
        let_go_of_body(e);
        return;
    }
    memcpy(e->request.body + e->request.body_bytes, data, bytes);
    e->request.body_bytes += bytes;
}

/* For how long the connection may be silent from now on. */
static void wait_for(const struct exchange *e, unsigned seconds)
{
    MHD_set_connection_option(e->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* An answer of HTTP's own: nothing, or a text; behind those without a text the connection ends. */
static enum MHD_Result refuse_with(struct exchange *e, int status, const char *type,
                                   const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        text ? strlen(text) : 0, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    e->stage = REFUSED;
    if (text)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    else
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (status == MHD_HTTP_NOT_IMPLEMENTED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING, "gzip, deflate");
    const enum MHD_Result done = MHD_queue_response(e->connection, (unsigned)status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result refuse(struct exchange *e, int status)
{
    return refuse_with(e, status, NULL, NULL);
}

/* The body is whole, but in a coding that is not known, or not what it says. */
static enum MHD_Result refuse_coding(struct exchange *e, int status)
{
    if (status == MHD_HTTP_NOT_IMPLEMENTED)
        return refuse_with(e, status, "text/plain", "{\"error\":\"Unsupported compression type\"}");
    if (status == MHD_HTTP_BAD_REQUEST)
        return refuse_with(e, status, "application/json",
                           "{\"error\":\"the body is not in the coding that it says\"}");
    return refuse(e, status);
}

/* What the headers say already. 0: go on and receive the body. */
static enum MHD_Result see_length(void *ctx, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    const char **seen = ctx;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0)
        return MHD_YES;
    if (seen[0] && value && strcmp(seen[0], value) != 0)
        seen[1] = value;
    seen[0] = value;
    return MHD_YES;
}

/* Two lengths that differ: whoever stands in between may have believed the other one. */
static int has_two_lengths(const struct exchange *e)
{
    const char *seen[2] = {NULL, NULL};
    MHD_get_connection_values(e->connection, MHD_HEADER_KIND, see_length, seen);
    return seen[1] != NULL;
}

static int refusal(struct exchange *e)
{
    const char *length = http_header(&e->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *expect = http_header(&e->request, MHD_HTTP_HEADER_EXPECT);
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return MHD_HTTP_EXPECTATION_FAILED;
    if (!length)
        return 0;
    char *end;
    errno = 0;
    const unsigned long long bytes = strtoull(length, &end, 10);
    if (errno || *end || *length == '-' || has_two_lengths(e))
        return MHD_HTTP_BAD_REQUEST;
    return bytes > e->server->options.max_body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

static enum MHD_Result give_answer(struct exchange *e)
{
    e->stage = ANSWERED;
    struct MHD_Response *r = e->response;
    e->response = NULL;
    if (!r)
        return MHD_NO;
    if (atomic_load(&e->server->quiesced))
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result done = MHD_queue_response(e->connection, (unsigned)e->status, r);
    MHD_destroy_response(r);
    return done;
}

/* Undoes gzip and deflate. 0: the body is as it should be. */
static int decode_body(struct exchange *e)
{
    const char *coding = http_header(&e->request, MHD_HTTP_HEADER_CONTENT_ENCODING);
    if (!coding || strcasecmp(coding, "identity") == 0)
        return 0;
    unsigned char *out;
    size_t bytes;
    switch (coding_decode(coding, e->request.body, e->request.body_bytes,
                          e->server->options.max_body, &out, &bytes)) {
    case CODING_OK:
        if (!reserve(e, bytes)) { /* few bytes may have become many */
            free(out);
            return MHD_HTTP_SERVICE_UNAVAILABLE;
        }
        free(e->request.body);
        e->request.body = out;
        e->request.body_bytes = bytes;
        return 0;
    case CODING_UNKNOWN:
        return MHD_HTTP_NOT_IMPLEMENTED;
    case CODING_TOO_LARGE:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case CODING_NO_MEMORY:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    default:
        return MHD_HTTP_BAD_REQUEST;
    }
}

/* The body is whole: hands the request over. An answer that comes at once is given at once; else
 * the connection sleeps until http_answer wakes it. */
static enum MHD_Result handle(struct exchange *e)
{
    if (e->too_large)
        return refuse(e, MHD_HTTP_CONTENT_TOO_LARGE);
    if (e->no_memory || !make_room(e, e->request.body_bytes))
        return refuse(e, MHD_HTTP_SERVICE_UNAVAILABLE);
    wait_for(e, e->server->options.idle_seconds);
    const int status = decode_body(e);
    if (status)
        return refuse_coding(e, status);
    if (e->request.body)
        e->request.body[e->request.body_bytes] = 0;
    make_id(e->request.id);
    e->request.came_ns = serve_now_ns();
    e->stage = HANDLING;
    e->counted = 1;
    hangups_busy(entry_of(e->connection), 1);
    atomic_fetch_add(&e->server->pending, 1);
    if (atomic_load(&e->server->closed)) /* behind the count: http_close's caller looks at it */
        return MHD_NO;
    e->server->options.handle(e->server->options.ctx, &e->request);
    pthread_mutex_lock(&e->lock);
    const int answered = e->answered;
    pthread_mutex_unlock(&e->lock);
    return answered ? give_answer(e) : MHD_YES;
}

/* The turn behind that of `handle`, whose request has no answer yet. A connection that slept from
 * within its own reading would read on when it is woken, and one whose client has ended its side
 * would be closed without its answer. */
static enum MHD_Result put_to_sleep(struct exchange *e)
{
    pthread_mutex_lock(&e->lock);
    const int answered = e->answered;
    if (!answered) {
        e->stage = WAITING;
        MHD_suspend_connection(e->connection);
    }
    pthread_mutex_unlock(&e->lock);
    return answered ? give_answer(e) : MHD_YES;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *bytes, void **slot)
{
    (void)ctx, (void)url, (void)version, (void)connection;
    struct exchange *e = *slot;
    if (!e)
        return MHD_NO;
    if (!e->request.method) {
        e->request.method = method;
        wait_for(e, e->server->options.receive_seconds);
        const int status = strlen(e->uri) > LONGEST_URI ? MHD_HTTP_URI_TOO_LONG : refusal(e);
        return status ? refuse(e, status) : MHD_YES;
    }
    if (e->stage == REFUSED)
        return MHD_NO;
    if (*bytes) {
        receive(e, data, *bytes);
        *bytes = 0;
        return MHD_YES;
    }
    return e->stage == RECEIVING  ? handle(e)
           : e->stage == HANDLING ? put_to_sleep(e)
                                  : give_answer(e);
}

/* What lets pages of another origin read an answer. */
static void allow_origin(struct MHD_Response *r, const char *origin)
{
    MHD_add_response_header(r, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    MHD_add_response_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS");
    MHD_add_response_header(r, "Access-Control-Allow-Headers",
                            "Authorization, Content-Encoding, Content-Type, "
                            "Inference-Header-Content-Length");
    MHD_add_response_header(r, "Access-Control-Expose-Headers",
                            "Inference-Header-Content-Length, x-request-id");
    if (*origin != '*')
        MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, "Origin");
}

void http_answer(struct http_request *request, const struct http_answer *a)
{
    struct exchange *e = (struct exchange *)request;
    if (e->server->options.answered)
        e->server->options.answered(e->server->options.ctx, request, a);
    struct MHD_Response *r =
        a->free_body ? MHD_create_response_from_buffer_with_free_callback(
                           a->body_bytes, (void *)(uintptr_t)a->body, a->free_body)
                     : MHD_create_response_from_buffer(a->body_bytes, (void *)(uintptr_t)a->body,
                                                       MHD_RESPMEM_MUST_COPY);
    if (r && a->content_type)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
    for (int i = 0; r && i < a->headers; i++)
        MHD_add_response_header(r, a->header[i].name, a->header[i].value);
    if (r && e->server->options.origin)
        allow_origin(r, e->server->options.origin);
    if (r && a->close)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    pthread_mutex_lock(&e->lock);
    e->response = r; /* NULL without memory: the connection then ends */
    e->answered = 1;
    e->status = a->status;
    e->answer_bytes = a->body_bytes;
    const int waits = e->stage == WAITING;
    struct MHD_Connection *connection = e->connection;
    pthread_mutex_unlock(&e->lock);
    if (waits) /* from here on the exchange belongs to its connection's thread */
        MHD_resume_connection(connection);
}

void http_add(struct http_answer *a, const char *name, const char *value)
{
    if (a->headers < HTTP_MOST_HEADERS) {
        a->header[a->headers].name = name;
        a->header[a->headers++].value = value;
    }
}

const char *http_header(const struct http_request *request, const char *name)
{
    const struct exchange *e = (const struct exchange *)request;
    return MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, name);
}

int http_is_gone(const void *request)
{
    const struct exchange *e = request;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(e->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = {.fd = info ? info->connect_fd : -1};
    return p.fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

long http_unescape(const char *text, size_t n, int plus, char *out, size_t size)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
        if (w + 1 >= size)
            return -1;
        if (text[i] == '%') {
            if (n - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return -1;
            out[w++] = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out[w++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    if (size)
        out[w] = 0;
    return size ? (long)w : -1;
}

int http_query(const struct http_request *request, const char *name, char *value, size_t size)
{
    const size_t length = strlen(name);
    const char *p = request->query;
    while (*p) {
        const size_t n = strcspn(p, "&");
        if (n >= length && strncmp(p, name, length) == 0 && (n == length || p[length] == '=')) {
            const char *text = p + length + (n > length);
            return http_unescape(text, (size_t)(p + n - text), 1, value, size) >= 0;
        }
        p += n + (p[n] == '&');
    }
    return 0;
}

/* As many connections as the process may have descriptors. */
static unsigned most_connections(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return 1000;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    getrlimit(RLIMIT_NOFILE, &l);
    return l.rlim_cur > 1000100 ? 1000000 : l.rlim_cur > 200 ? (unsigned)l.rlim_cur - 100 : 100;
}

static void no_messages(void *ctx, const char *format, va_list args)
{
    (void)ctx, (void)format, (void)args;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd)
{
    const struct http_options *o = &s->options;
    struct MHD_OptionItem more[4];
    int n = 0;
    if (o->threads > 1)
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL};
    if (o->certificate) {
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                            (void *)(uintptr_t)o->certificate};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key};
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                           MHD_USE_ERROR_LOG | (o->certificate ? MHD_USE_TLS : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, no_messages, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        most_connections(), MHD_OPTION_CONNECTION_TIMEOUT, o->idle_seconds, MHD_OPTION_ARRAY, more,
        MHD_OPTION_END);
}

static const char *why_not(const struct http_options *o)
{
    if (!o->certificate)
        return "";
    return MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES
               ? " (are certificate and key right?)"
               : ": this program was built without TLS";
}

struct http_server *http_begin(const struct http_options *options, char *why, size_t size)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    s->options = *options;
    const int fd = options->listener >= 0 ? options->listener
                                          : listen_on(options->host, options->port, why, size);
    if (fd < 0) {
        free(s);
        return NULL;
    }
    s->hangups = hangups_begin();
    s->daemon = s->hangups ? start_daemon(s, fd) : NULL;
    if (!s->daemon) {
        snprintf(why, size, "port %d: HTTP can't be started%s", options->port, why_not(options));
        hangups_end(s->hangups);
        close(fd);
        free(s);
        return NULL;
    }
    return s;
}

int http_port(const struct http_server *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    return info ? listen_port(info->listen_fd) : 0;
}

void http_quiesce(struct http_server *s)
{
    const MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    atomic_store(&s->quiesced, 1);
}

void http_close(struct http_server *s)
{
    atomic_store(&s->closed, 1);
}

unsigned http_pending(const struct http_server *s)
{
    return atomic_load(&((struct http_server *)(uintptr_t)s)->pending);
}

void http_end(struct http_server *s)
{
    if (!s)
        return;
    MHD_stop_daemon(s->daemon);
    hangups_end(s->hangups);
    free(s);
}
