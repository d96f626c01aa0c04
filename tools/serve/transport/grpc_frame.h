/* gRPC's wire format within a stream: messages behind a prefix of 5 bytes, times, texts. */
#ifndef INFER_TOOLS_SERVE_GRPC_FRAME_H
#define INFER_TOOLS_SERVE_GRPC_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { GRPC_PREFIX_BYTES = 5 };

/* Memory that the messages of a server may take together. */
struct grpc_budget {
    atomic_size_t used;
    size_t most;
};

/* A message that has come. The first long field of it (4 KB and more) lies at an address that 64
 * divides, so that a tensor can be used in place. */
struct grpc_message {
    unsigned char *bytes;
    size_t length;
    int compressed;
    unsigned char *block; /* what is freed */
    size_t reserved;      /* of the budget */
};

/* Puts messages together out of what comes, cut anywhere. All zero but the first two at first. */
struct grpc_reader {
    struct grpc_budget *budget;
    size_t most; /* bytes of a message */
    unsigned char prefix[GRPC_PREFIX_BYTES];
    unsigned nprefix;
    size_t have;
    int aligned; /* the place of the first long field is known */
    struct grpc_message message;
};

enum grpc_read {
    GRPC_READ_MORE,    /* all bytes are taken, and no message is whole */
    GRPC_READ_MESSAGE, /* in *message, which is then the caller's; bytes may be left */
    GRPC_READ_TOO_LARGE,
    GRPC_READ_NO_MEMORY, /* or the budget is used up */
    GRPC_READ_BAD        /* the prefix is none */
};

/* Takes bytes up to the end of a message at most; *data and *bytes become what is left. After an
 * error the reader takes no more. */
enum grpc_read grpc_reader_feed(struct grpc_reader *r, const unsigned char **data, size_t *bytes,
                                struct grpc_message *message);
/* Whether it is within a message. */
int grpc_reader_within(const struct grpc_reader *r);
/* Frees what has come of a message. */
void grpc_reader_free(struct grpc_reader *r);
/* Frees a message and gives its memory back to the budget. */
void grpc_message_free(struct grpc_budget *budget, struct grpc_message *message);

/* A prefix into 5 bytes. */
void grpc_prefix(unsigned char *out, int compressed, size_t length);
/* The nanoseconds of a grpc-timeout ("100m" are 100 ms; H M S m u n); 0 where it is none. */
int grpc_timeout(const char *text, uint64_t *ns);
/* Percent-encodes a grpc-message; what does not fit with a 0 behind it is cut off. */
void grpc_escape(const char *text, char *out, size_t size);
/* The place of the first field's content in the first `have` bytes of a protobuf message that is
 * length-delimited and of 4 KB and more; -1: none is seen, 0 (no field begins there): bytes of
 * no message. */
long grpc_long_field(const unsigned char *bytes, size_t have);

#endif
