/* gRPC's wire format: messages cut anywhere, limits, times, texts, and requests taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"
#include "tools/serve/transport/grpc_frame.h"

static struct grpc_budget budget = {.most = 64 << 20};

static struct grpc_reader new_reader(size_t most)
{
    return (struct grpc_reader){.budget = &budget, .most = most};
}

/* A protobuf message with a short field, a long one of `n` bytes, and a number. */
static size_t make_message(unsigned char *to, size_t n)
{
    size_t at = 0;
    memcpy(to,
           "\x0a\x03"
           "abc\x3a",
           6);
    at = 6;
    for (size_t v = n;; v >>= 7) {
        to[at++] = (unsigned char)(v >= 0x80 ? v | 0x80 : v);
        if (v < 0x80)
            break;
    }
    for (size_t i = 0; i < n; i++)
        to[at + i] = (unsigned char)(i * 7 + 1);
    at += n;
    to[at++] = 0x10;
    to[at++] = 5;
    return at;
}

/* Four messages, one of them empty. */
static size_t make_stream(unsigned char *to, size_t *lengths)
{
    static const size_t sizes[] = {0, 3, 5000, 4096};
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        lengths[i] = sizes[i] ? make_message(to + at + GRPC_PREFIX_BYTES, sizes[i]) : 0;
        grpc_prefix(to + at, 0, lengths[i]);
        at += GRPC_PREFIX_BYTES + lengths[i];
    }
    return at;
}

/* Feeds bytes cut at two places, and looks at what comes. */
static void feed_cut(const unsigned char *stream, size_t n, const size_t *lengths, size_t a,
                     size_t b)
{
    struct grpc_reader r = new_reader(1 << 20);
    const size_t ends[] = {a, b, n};
    size_t at = 0, want = 0;
    int count = 0;
    for (int i = 0; i < 3; i++) {
        const unsigned char *data = stream + at;
        size_t bytes = ends[i] - at;
        struct grpc_message m;
        at = ends[i];
        while (bytes) {
            const enum grpc_read status = grpc_reader_feed(&r, &data, &bytes, &m);
            if (status == GRPC_READ_MORE) {
                assert_int_equal(bytes, 0);
                continue;
            }
            assert_int_equal(status, GRPC_READ_MESSAGE);
            assert_int_equal(m.length, lengths[count]);
            assert_memory_equal(m.bytes, stream + want + GRPC_PREFIX_BYTES, m.length);
            const long field = grpc_long_field(m.bytes, m.length);
            assert_int_equal(field > 0, count >= 2);
            if (field > 0)
                assert_int_equal((uintptr_t)(m.bytes + field) % 64, 0);
            want += GRPC_PREFIX_BYTES + m.length;
            count++;
            grpc_message_free(&budget, &m);
        }
    }
    assert_int_equal(count, 4);
    assert_false(grpc_reader_within(&r));
    grpc_reader_free(&r);
    assert_int_equal(atomic_load(&budget.used), 0);
}

static void messages_cut_anywhere(void **state)
{
    static unsigned char stream[20000];
    size_t lengths[4];
    (void)state;
    const size_t n = make_stream(stream, lengths);
    for (size_t cut = 0; cut <= n; cut++)
        feed_cut(stream, n, lengths, cut, cut + (n - cut) / 2);
    for (size_t a = 0; a < 40; a++)
        for (size_t b = a; b < 40; b++)
            feed_cut(stream, n, lengths, a, b);
}

static enum grpc_read feed_all(struct grpc_reader *r, const unsigned char *data, size_t bytes)
{
    struct grpc_message m = {0};
    const enum grpc_read status = grpc_reader_feed(r, &data, &bytes, &m);
    grpc_message_free(r->budget, &m);
    return status;
}

static void limits_of_messages(void **state)
{
    static unsigned char block[3 << 20];
    (void)state;
    struct grpc_reader r = new_reader(100);
    assert_int_equal(feed_all(&r, (const unsigned char *)"\0\0\0\0\x65", 5), GRPC_READ_TOO_LARGE);
    r = new_reader(100);
    assert_int_equal(feed_all(&r, (const unsigned char *)"\2\0\0\0\1", 5), GRPC_READ_BAD);
    r = new_reader(SIZE_MAX);
    assert_int_equal(feed_all(&r, (const unsigned char *)"\0\xff\xff\xff\xff", 5), GRPC_READ_MORE);
    grpc_reader_free(&r); /* 4 GB were announced: nothing has been taken of the budget */
    assert_int_equal(atomic_load(&budget.used), 0);

    struct grpc_budget small = {.most = 2 << 20};
    struct grpc_reader two[2] = {{.budget = &small, .most = 1 << 30},
                                 {.budget = &small, .most = 1 << 30}};
    grpc_prefix(block, 0, sizeof block - GRPC_PREFIX_BYTES);
    assert_int_equal(feed_all(&two[0], block, 1500000), GRPC_READ_MORE);
    assert_int_equal(feed_all(&two[1], block, 1500000), GRPC_READ_NO_MEMORY);
    grpc_reader_free(&two[0]);
    grpc_reader_free(&two[1]);
    assert_int_equal(atomic_load(&small.used), 0);
}

/* Longer than what is had at once: the block grows, and keeps what is in it. */
static void a_long_message(void **state)
{
    const size_t length = 40 << 20;
    unsigned char *stream = malloc(length + GRPC_PREFIX_BYTES);
    struct grpc_budget wide = {.most = 1 << 30};
    struct grpc_reader r = {.budget = &wide, .most = 1 << 30};
    struct grpc_message m = {0};
    (void)state;
    assert_non_null(stream);
    grpc_prefix(stream, 0, length);
    unsigned char *message = stream + GRPC_PREFIX_BYTES;
    memset(message, 0, length);
    memcpy(message, "\x3a\xfb\xff\xff\x13", 5); /* field 7 of length - 5 bytes */
    for (size_t i = 5; i < length; i += 4096)
        message[i] = (unsigned char)(i >> 12);
    enum grpc_read status = GRPC_READ_MORE;
    for (size_t at = 0; at < length + GRPC_PREFIX_BYTES;) {
        size_t n = length + GRPC_PREFIX_BYTES - at;
        n = n < 262144 ? n : 262144;
        const unsigned char *data = stream + at;
        at += n;
        assert_int_equal(status, GRPC_READ_MORE);
        status = grpc_reader_feed(&r, &data, &n, &m);
    }
    assert_int_equal(status, GRPC_READ_MESSAGE);
    assert_int_equal((uintptr_t)(m.bytes + 5) % 64, 0);
    assert_memory_equal(m.bytes, message, length);
    grpc_message_free(&wide, &m);
    assert_int_equal(atomic_load(&wide.used), 0);
    free(stream);
}

static void timeouts(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"100m", 100000000},          {"5S", 5000000000}, {"1H", 3600000000000},
                {"2M", 120000000000},         {"7u", 7000},       {"9n", 9},
                {"99999999n", 99999999},      {"0m", 0},          {"00000001S", 1000000000},
                {"99999999H", UINT64_MAX / 2}};
    static const char *const bad[] = {"",           "m",   "5",    "5s", "-1S", "5 S",
                                      "123456789n", "5SS", "1.5S", "S5", "+5S"};
    uint64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(grpc_timeout(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (grpc_timeout(bad[i], &ns))
            fail_msg("'%s' was taken for a time", bad[i]);
}

static void texts(void **state)
{
    char to[32], tight[6];
    (void)state;
    grpc_escape("a b%c\n\x7f\xc3\xa9~", to, sizeof to);
    assert_string_equal(to, "a b%25c%0A%7F%C3%A9~");
    grpc_escape("abc%%", tight, sizeof tight); /* no escape is cut in two */
    assert_string_equal(tight, "abc");
}

/* ---- requests taken apart ------------------------------------------------------------------- */

static void raw_contents_stay(void **state)
{
    /* model_name "m", raw "xyz", id "i", raw "" */
    static const unsigned char bytes[] = "\x0a\1m\x3a\3xyz\x1a\1i\x3a\0";
    const size_t n = sizeof bytes - 1;
    struct kserve_split s;
    (void)state;
    assert_true(kserve_grpc_split(bytes, n, &s));
    assert_int_equal(s.nraw, 2);
    assert_ptr_equal(s.raw[0].data, bytes + 5);
    assert_int_equal(s.raw[0].bytes, 3);
    assert_int_equal(s.raw[1].bytes, 0);
    assert_int_equal(s.head_bytes, 6);
    assert_memory_equal(s.head, "\x0a\1m\x1a\1i", 6);
    assert_non_null(s.owned);
    free(s.owned);
    assert_true(kserve_grpc_split(bytes, 8, &s)); /* as clients send it: nothing is copied */
    assert_ptr_equal(s.head, bytes);
    assert_int_equal(s.head_bytes, 3);
    assert_null(s.owned);
    for (size_t cut = 1; cut < n; cut++) { /* cut within a field */
        static const char whole[] = {3, 8, 11, 13};
        const int good = memchr(whole, (int)cut, sizeof whole) != NULL;
        assert_int_equal(kserve_grpc_split(bytes, cut, &s), good);
        free(good ? s.owned : NULL);
    }
    assert_false(kserve_grpc_split((const unsigned char *)"\x0b", 1, &s)); /* a group */
}

/* Many empty messages take many times their bytes: it is bounded. */
static void unpacking_is_bounded(void **state)
{
    const size_t n = 8 << 20;
    unsigned char *bytes = malloc(n);
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i += 2) { /* inputs without anything */
        bytes[i] = 0x2a;
        bytes[i + 1] = 0;
    }
    assert_null(kserve_grpc_unpack(&inference__model_infer_request__descriptor, bytes, n));
    Inference__ModelInferRequest *m =
        kserve_grpc_unpack(&inference__model_infer_request__descriptor, bytes, 20);
    assert_non_null(m);
    assert_int_equal(m->n_inputs, 10);
    kserve_grpc_free(m);
    free(bytes);
}

static void versions(void **state)
{
    (void)state;
    assert_int_equal(kserve_grpc_version(""), 0);
    assert_int_equal(kserve_grpc_version("12"), 12);
    assert_int_equal(kserve_grpc_version("0"), -1);
    assert_int_equal(kserve_grpc_version("-1"), -1);
    assert_int_equal(kserve_grpc_version("1 "), -1);
    assert_int_equal(kserve_grpc_version("9999999999999999999"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_cut_anywhere),
        cmocka_unit_test(limits_of_messages),
        cmocka_unit_test(a_long_message),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(texts),
        cmocka_unit_test(raw_contents_stay),
        cmocka_unit_test(unpacking_is_bounded),
        cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
