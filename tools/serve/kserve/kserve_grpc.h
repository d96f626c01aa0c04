/* KServe v2 over gRPC: what its parts share. */
#ifndef INFER_TOOLS_SERVE_KSERVE_GRPC_H
#define INFER_TOOLS_SERVE_KSERVE_GRPC_H

#include <protobuf-c/protobuf-c.h>

#include "tools/serve/kserve/inference.h"
#include "tools/serve/transport/grpc.h"

/* The methods of the service and of grpc.health.v1; the last has no path. `ctx` is the server. */
extern const struct grpc_method kserve_grpc_methods[];

/* A message of a type, or NULL; free it with kserve_grpc_free. What it takes is bounded by a few
 * times its bytes. */
void *kserve_grpc_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n);
void kserve_grpc_free(void *message);
/* The message of a request; NULL: it is none, and the request was answered. */
void *kserve_grpc_read(struct grpc_request *r, const ProtobufCMessageDescriptor *type);
/* Answers with a message, which stays the caller's. */
void kserve_grpc_reply(struct grpc_request *r, const void *message);
void kserve_grpc_refuse(struct grpc_request *r, const struct v2_error *err);
enum grpc_status kserve_grpc_status(enum v2_code code);
/* The number in a version's text: 0 for an empty one, -1 (which no model has) for what is none. */
int64_t kserve_grpc_version(const char *text);

/* A field's content where it lies. */
struct kserve_raw {
    const unsigned char *data;
    size_t bytes;
};

/* A ModelInferRequest taken apart: its raw_input_contents stay where they are, and what is left is
 * a message of its own. */
struct kserve_split {
    const unsigned char *head;
    size_t head_bytes;
    unsigned char *owned; /* the head where it had to be put together; to be freed */
    struct kserve_raw raw[VERSION_MOST_TENSORS];
    int nraw; /* further ones are left out */
};

/* 0: the bytes are no message, or there is no memory. */
int kserve_grpc_split(const unsigned char *bytes, size_t n, struct kserve_split *split);

/* Methods of other files. */
void kserve_grpc_infer(void *server, struct grpc_request *r); /* also of the stream */
void kserve_grpc_metadata(void *server, struct grpc_request *r);
void kserve_grpc_config(void *server, struct grpc_request *r);
void kserve_grpc_statistics(void *server, struct grpc_request *r);
void kserve_grpc_index(void *server, struct grpc_request *r);
void kserve_grpc_load(void *server, struct grpc_request *r);
void kserve_grpc_unload(void *server, struct grpc_request *r);

#endif
