#include "tools/serve/transport/grpc_frame.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 16 << 20, /* a longer message gets its memory as it comes */
    STEP = 1 << 20,     /* in which the budget is asked */
    LONG_FIELD = 4096,
    ALIGNMENT = 64,
    LOOK = 64 << 10 /* how far a long field is looked for */
};

/* ---- budget --------------------------------------------------------------------------------- */

static int reserve(struct grpc_budget *b, size_t bytes)
{
    if (atomic_fetch_add(&b->used, bytes) + bytes <= b->most)
        return 1;
    atomic_fetch_sub(&b->used, bytes);
    return 0;
}

void grpc_message_free(struct grpc_budget *budget, struct grpc_message *m)
{
    atomic_fetch_sub(&budget->used, m->reserved);
    free(m->block);
    *m = (struct grpc_message){0};
}

/* ---- protobuf, as far as alignment needs it -------------------------------------------------- */

/* A varint; its length, 0 where it is not whole, -1 where it is none. */
static int varint(const unsigned char *p, size_t n, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (i >= n)
            return 0;
        *value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (!(p[i] & 0x80))
            return (int)i + 1;
    }
    return -1;
}

long grpc_long_field(const unsigned char *bytes, size_t have)
{
    size_t at = 0;
    while (at < have) {
        uint64_t tag, value = 0;
        int n = varint(bytes + at, have - at, &tag);
        if (n <= 0)
            return n < 0 ? 0 : -1;
        at += (size_t)n;
        switch (tag & 7) {
        case 0:
        case 2:
            n = varint(bytes + at, have - at, &value);
            if (n <= 0)
                return n < 0 ? 0 : -1;
            at += (size_t)n;
            if ((tag & 7) == 0)
                break;
            if (value >= LONG_FIELD)
                return (long)at;
            at += (size_t)value;
            break;
        case 1:
            at += 8;
            break;
        case 5:
            at += 4;
            break;
        default:
            return 0;
        }
    }
    return -1;
}

/* Finds the place of the message in its block where the first long field is aligned: `bytes` are
 * the first `n` of it, `have` of which are there already. */
static void align(struct grpc_reader *r, const unsigned char *bytes, size_t n)
{
    struct grpc_message *m = &r->message;
    const long at = grpc_long_field(bytes, n);
    if (at < 0 && n < LOOK)
        return;
    r->aligned = 1;
    const size_t shift = at > 0 ? (size_t)(ALIGNMENT - at % ALIGNMENT) % ALIGNMENT : 0;
    memmove(m->block + shift, m->bytes, r->have);
    m->bytes = m->block + shift;
}

/* ---- the reader ----------------------------------------------------------------------------- */

static void *block_of(size_t bytes)
{
    return aligned_alloc(ALIGNMENT, (bytes + 2 * ALIGNMENT) & ~(size_t)(ALIGNMENT - 1));
}

static enum grpc_read begin_message(struct grpc_reader *r)
{
    const unsigned char *p = r->prefix;
    const size_t length =
        (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4];
    if (p[0] > 1)
        return GRPC_READ_BAD;
    if (length > r->most)
        return GRPC_READ_TOO_LARGE;
    r->message = (struct grpc_message){.length = length, .compressed = p[0]};
    r->message.block = r->message.bytes = block_of(length < AT_ONCE ? length : AT_ONCE);
    r->have = 0;
    r->aligned = p[0] || length < LONG_FIELD; /* nothing to align */
    return r->message.block ? GRPC_READ_MORE : GRPC_READ_NO_MEMORY;
}

/* Room for `need` bytes of the message. A message longer than AT_ONCE doubles its block. */
static int make_room(struct grpc_reader *r, size_t need)
{
    struct grpc_message *m = &r->message;
    if (need > m->reserved) {
        size_t more = need - m->reserved;
        more = more < STEP ? STEP : more;
        more = more < m->length - m->reserved ? more : m->length - m->reserved;
        if (!reserve(r->budget, more))
            return 0;
        m->reserved += more;
    }
    size_t capacity = AT_ONCE;
    while (capacity < r->have)
        capacity *= 2;
    if (need <= capacity)
        return 1;
    while (capacity < need)
        capacity *= 2;
    capacity = capacity < m->length ? capacity : m->length;
    unsigned char *block = block_of(capacity);
    if (!block)
        return 0;
    const size_t shift = (size_t)(m->bytes - m->block);
    memcpy(block + shift, m->bytes, r->have);
    free(m->block);
    m->block = block;
    m->bytes = block + shift;
    return 1;
}

enum grpc_read grpc_reader_feed(struct grpc_reader *r, const unsigned char **data, size_t *bytes,
                                struct grpc_message *message)
{
    while (*bytes) {
        if (r->nprefix < GRPC_PREFIX_BYTES) {
            r->prefix[r->nprefix++] = *(*data)++;
            (*bytes)--;
            if (r->nprefix < GRPC_PREFIX_BYTES)
                continue;
            const enum grpc_read status = begin_message(r);
            if (status != GRPC_READ_MORE)
                return status;
        }
        size_t n = r->message.length - r->have;
        n = n < *bytes ? n : *bytes;
        if (n && !make_room(r, r->have + n))
            return GRPC_READ_NO_MEMORY;
        if (!r->aligned && r->have == 0)
            align(r, *data, n); /* before anything has to be moved */
        if (n)
            memcpy(r->message.bytes + r->have, *data, n);
        r->have += n;
        *data += n;
        *bytes -= n;
        if (!r->aligned)
            align(r, r->message.bytes, r->have);
        if (r->have == r->message.length) {
            *message = r->message;
            r->message = (struct grpc_message){0};
            r->nprefix = 0;
            r->have = 0;
            return GRPC_READ_MESSAGE;
        }
    }
    return GRPC_READ_MORE;
}

int grpc_reader_within(const struct grpc_reader *r)
{
    return r->nprefix > 0;
}

void grpc_reader_free(struct grpc_reader *r)
{
    grpc_message_free(r->budget, &r->message);
    r->nprefix = 0;
    r->have = 0;
}

/* ---- headers -------------------------------------------------------------------------------- */

void grpc_prefix(unsigned char *out, int compressed, size_t length)
{
    out[0] = (unsigned char)compressed;
    out[1] = (unsigned char)(length >> 24);
    out[2] = (unsigned char)(length >> 16);
    out[3] = (unsigned char)(length >> 8);
    out[4] = (unsigned char)length;
}

int grpc_timeout(const char *text, uint64_t *ns)
{
    static const struct {
        char unit;
        uint64_t ns;
    } units[] = {{'H', UINT64_C(3600000000000)}, {'M', UINT64_C(60000000000)},
                 {'S', UINT64_C(1000000000)},    {'m', UINT64_C(1000000)},
                 {'u', UINT64_C(1000)},          {'n', UINT64_C(1)}};
    uint64_t value = 0;
    int digits = 0;
    while (text[digits] >= '0' && text[digits] <= '9' && digits < 9)
        value = value * 10 + (uint64_t)(text[digits++] - '0');
    if (digits == 0 || digits > 8 || !text[digits] || text[digits + 1])
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[digits] == units[i].unit) {
            *ns = value > UINT64_MAX / 2 / units[i].ns ? UINT64_MAX / 2 : value * units[i].ns;
            return 1;
        }
    return 0;
}

void grpc_escape(const char *text, char *out, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const int plain = c >= 0x20 && c <= 0x7e && c != '%';
        if (n + (plain ? 1 : 3) >= size)
            break;
        if (plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    out[n] = 0;
}
