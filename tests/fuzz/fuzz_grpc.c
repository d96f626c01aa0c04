/* gRPC's frames and KServe's requests within them.
 *
 * The first byte says how the rest is cut on its way to the reader. Property: every message that
 * comes is a part of what was sent, in order, behind a prefix that tells its length; its first
 * field of 4 KB and more is aligned; taken apart, the pieces of a request lie within it and its
 * head is a message or none. All memory goes back to the budget.
 */
#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"
#include "tools/serve/transport/grpc_frame.h"

#include "tests/fuzz/fuzz.h"

enum { MOST = 1 << 20 };

static void look(const struct grpc_message *m)
{
    struct kserve_split s;
    const long field = grpc_long_field(m->bytes, m->length);
    REQUIRE(field <= (long)m->length);
    REQUIRE(field <= 0 || m->compressed || m->length < 4096 ||
            (uintptr_t)(m->bytes + field) % 64 == 0);
    /* a copy of the message's own size, so that a byte too many is seen */
    unsigned char *block = fuzz_block(m->bytes, m->length);
    if (kserve_grpc_split(block, m->length, &s)) {
        size_t raw = 0;
        REQUIRE(s.nraw <= VERSION_MOST_TENSORS && s.head_bytes <= m->length);
        for (int i = 0; i < s.nraw; i++) {
            REQUIRE(s.raw[i].data >= block && s.raw[i].bytes <= m->length &&
                    s.raw[i].data + s.raw[i].bytes <= block + m->length);
            raw += s.raw[i].bytes;
        }
        REQUIRE(raw + s.head_bytes <= m->length);
        kserve_grpc_free(
            kserve_grpc_unpack(&inference__model_infer_request__descriptor, s.head, s.head_bytes));
        free(s.owned);
    }
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grpc_budget budget = {.most = 2 * MOST};
    struct grpc_reader r = {.budget = &budget, .most = MOST};
    if (size == 0)
        return 0;
    const size_t step = data[0] ? data[0] : size;
    size_t sent = 1, read = 1; /* where the next message begins */
    enum grpc_read status = GRPC_READ_MORE;
    while (sent < size && (status == GRPC_READ_MORE || status == GRPC_READ_MESSAGE)) {
        size_t n = step < size - sent ? step : size - sent;
        const unsigned char *at = data + sent;
        sent += n;
        while (n) {
            struct grpc_message m;
            status = grpc_reader_feed(&r, &at, &n, &m);
            if (status != GRPC_READ_MESSAGE) {
                REQUIRE(status != GRPC_READ_MORE || n == 0);
                break;
            }
            REQUIRE(read + GRPC_PREFIX_BYTES + m.length <= sent);
            REQUIRE(data[read] == m.compressed);
            REQUIRE(!m.length || !memcmp(m.bytes, data + read + GRPC_PREFIX_BYTES, m.length));
            read += GRPC_PREFIX_BYTES + m.length;
            look(&m);
            grpc_message_free(&budget, &m);
        }
    }
    grpc_reader_free(&r);
    REQUIRE(atomic_load(&budget.used) == 0);
    return 0;
}
