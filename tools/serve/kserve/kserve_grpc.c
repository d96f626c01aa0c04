/* KServe v2 over gRPC: the table, health, and messages to and from bytes. */
#include "tools/serve/kserve/kserve_grpc.h"

#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/health.h"

/* ---- messages ------------------------------------------------------------------------------- */

/* What unpacking may take: a byte of the wire becomes at most some 100 where messages are empty,
 * and 8 where it is a number. */
enum { UNPACKED_FACTOR = 12, UNPACKED_LEAST = 256 << 10 };

struct allowance {
    size_t left;
};

static void *allowed_alloc(void *ctx, size_t bytes)
{
    struct allowance *a = ctx;
    if (bytes > a->left)
        return NULL;
    a->left -= bytes;
    return malloc(bytes);
}

static void allowed_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

void *kserve_grpc_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n)
{
    struct allowance a = {n * UNPACKED_FACTOR + UNPACKED_LEAST};
    ProtobufCAllocator allocator = {allowed_alloc, allowed_free, &a};
    return protobuf_c_message_unpack(type, &allocator, n, bytes);
}

void kserve_grpc_free(void *message)
{
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

void *kserve_grpc_read(struct grpc_request *r, const ProtobufCMessageDescriptor *type)
{
    void *message = kserve_grpc_unpack(type, r->message, r->bytes);
    if (!message)
        grpc_fail(r, GRPC_INTERNAL, "Unable to parse request");
    return message;
}

void kserve_grpc_reply(struct grpc_request *r, const void *message)
{
    const size_t n = protobuf_c_message_get_packed_size(message);
    unsigned char *bytes = malloc(n + 1);
    if (!bytes) {
        grpc_fail(r, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    protobuf_c_message_pack(message, bytes);
    const struct grpc_body body = {
        .npieces = 1, .piece = {{bytes, n}}, .release = free, .owner = bytes};
    grpc_answer(r, &body);
}

enum grpc_status kserve_grpc_status(enum v2_code code)
{
    static const enum grpc_status statuses[] = {
        [V2_OK] = GRPC_OK,
        [V2_INVALID] = GRPC_INVALID_ARGUMENT,
        [V2_NOT_FOUND] = GRPC_NOT_FOUND,
        [V2_UNAVAILABLE] = GRPC_UNAVAILABLE,
        [V2_UNSUPPORTED] = GRPC_UNIMPLEMENTED,
        [V2_INTERNAL] = GRPC_INTERNAL,
    };
    return statuses[code];
}

void kserve_grpc_refuse(struct grpc_request *r, const struct v2_error *err)
{
    grpc_fail(r, kserve_grpc_status(err->code), "%s", err->text);
}

int64_t kserve_grpc_version(const char *text)
{
    int64_t number = 0;
    if (strlen(text) > 18)
        return -1;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        number = number * 10 + (*p - '0');
    }
    return number == 0 && *text ? -1 : number;
}

/* ---- a request taken apart ------------------------------------------------------------------ */

/* A varint at *at, which moves behind it. */
static int read_varint(const unsigned char *p, size_t n, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < n; shift += 7) {
        const unsigned char c = p[(*at)++];
        *value |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return 1;
    }
    return 0;
}

/* The field at *at, which moves behind it; length-delimited ones have a content. */
static int read_field(const unsigned char *p, size_t n, size_t *at, uint64_t *tag,
                      struct kserve_raw *content)
{
    uint64_t value = 0;
    if (!read_varint(p, n, at, tag))
        return 0;
    switch (*tag & 7) {
    case 0:
        return read_varint(p, n, at, &value);
    case 1:
        value = 8;
        break;
    case 2:
        if (!read_varint(p, n, at, &value))
            return 0;
        break;
    case 5:
        value = 4;
        break;
    default:
        return 0;
    }
    if (value > n - *at)
        return 0;
    *content = (struct kserve_raw){p + *at, (size_t)value};
    *at += (size_t)value;
    return 1;
}

int kserve_grpc_split(const unsigned char *bytes, size_t n, struct kserve_split *s)
{
    const uint64_t raw_input_contents = 7 << 3 | 2;
    size_t at = 0;
    *s = (struct kserve_split){.head = bytes};
    while (at < n) {
        const size_t begin = at;
        uint64_t tag;
        struct kserve_raw content;
        if (!read_field(bytes, n, &at, &tag, &content)) {
            free(s->owned);
            s->owned = NULL;
            return 0;
        }
        if (tag == raw_input_contents) {
            if (s->nraw < VERSION_MOST_TENSORS)
                s->raw[s->nraw++] = content;
            continue;
        }
        if (!s->owned && begin != s->head_bytes) { /* behind a raw one: clients don't do it */
            s->owned = malloc(n);
            if (!s->owned)
                return 0;
            memcpy(s->owned, s->head, s->head_bytes);
            s->head = s->owned;
        }
        if (s->owned)
            memcpy(s->owned + s->head_bytes, bytes + begin, at - begin);
        s->head_bytes += at - begin;
    }
    return 1;
}

/* ---- health --------------------------------------------------------------------------------- */

static void server_live(void *server, struct grpc_request *r)
{
    Inference__ServerLiveResponse a = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    (void)server;
    a.live = 1;
    kserve_grpc_reply(r, &a);
}

static int is_ready(struct server *s)
{
    return !atomic_load(&s->draining) && repository_ready(s->repository);
}

static void server_ready(void *server, struct grpc_request *r)
{
    Inference__ServerReadyResponse a = INFERENCE__SERVER_READY_RESPONSE__INIT;
    a.ready = is_ready(server);
    kserve_grpc_reply(r, &a);
}

static void model_ready(void *server, struct grpc_request *r)
{
    struct server *s = server;
    Inference__ModelReadyResponse a = INFERENCE__MODEL_READY_RESPONSE__INIT;
    Inference__ModelRequest *q = kserve_grpc_read(r, &inference__model_request__descriptor);
    enum repository_missing missing;
    if (!q)
        return;
    struct version *v = repository_get(s->repository, q->name, strlen(q->name),
                                       kserve_grpc_version(q->version), &missing);
    a.ready = v != NULL;
    version_unref(v);
    kserve_grpc_free(q);
    kserve_grpc_reply(r, &a);
}

static void server_metadata(void *server, struct grpc_request *r)
{
    static const char *const extensions[] = {
        "classification",     "model_repository", "schedule_policy", "model_configuration",
        "binary_tensor_data", "parameters",       "statistics"};
    const struct server *s = server;
    Inference__ServerMetadataResponse a = INFERENCE__SERVER_METADATA_RESPONSE__INIT;
    a.name = (char *)(uintptr_t)s->options.name;
    a.version = (char *)(uintptr_t)infer_version();
    a.n_extensions = sizeof extensions / sizeof *extensions;
    a.extensions = (char **)(uintptr_t)extensions;
    kserve_grpc_reply(r, &a);
}

#define SERVICE "/inference.GRPCInferenceService/"
const struct grpc_method kserve_grpc_methods[] = {
    {SERVICE "ServerLive", 0, server_live},
    {SERVICE "ServerReady", 0, server_ready},
    {SERVICE "ServerMetadata", 0, server_metadata},
    {SERVICE "ModelReady", 0, model_ready},
    {SERVICE "ModelMetadata", 0, kserve_grpc_metadata},
    {SERVICE "ModelConfig", 0, kserve_grpc_config},
    {SERVICE "ModelStatistics", 0, kserve_grpc_statistics},
    {SERVICE "ModelInfer", 0, kserve_grpc_infer},
    {SERVICE "ModelStreamInfer", 1, kserve_grpc_infer},
    {SERVICE "RepositoryIndex", 0, kserve_grpc_index},
    {SERVICE "RepositoryModelLoad", 0, kserve_grpc_load},
    {SERVICE "RepositoryModelUnload", 0, kserve_grpc_unload},
    {"/grpc.health.v1.Health/Check", 0, health_check},
    {"/grpc.health.v1.Health/Watch", 1, health_watch},
    {NULL, 0, NULL},
};
