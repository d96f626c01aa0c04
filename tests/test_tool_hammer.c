/* infer hammer's parts: histogram, arrivals, ideal server, URLs, requests, the reader of answers.
 */
#include <math.h>

#include "tool_run.h"
#include "tools/hammer/ideal.h"
#include "tools/hammer/requests.h"
#include "tools/hammer/response.h"
#include "tools/hammer/stats.h"
#include "tools/random_fill.h"

static struct hdr_histogram *new_histograms(size_t n)
{
    struct hdr_histogram *h = calloc(n, sizeof *h);
    assert_non_null(h);
    return h;
}

/* ---- the histogram -------------------------------------------------------------------------- */

/* What a percentile says of one time below a far larger one is that time or less than a 1024th
 * more. */
static void check_bound(struct hdr_histogram *h, uint64_t v)
{
    memset(h, 0, sizeof *h);
    hdr_add(h, (int64_t)v);
    hdr_add(h, (int64_t)HDR_MOST);
    const double got = hdr_percentile(h, 50);
    if (got < (double)v || got - (double)v > (double)v / HDR_HALF)
        fail_msg("%llu comes back as %.0f", (unsigned long long)v, got);
    assert_true(v >= 2 * HDR_HALF || got == (double)v);
    assert_true(h->min == v && h->max == HDR_MOST);
}

static void test_histogram_bound(void **state)
{
    (void)state;
    struct hdr_histogram *h = new_histograms(1);
    uint64_t bits = 7;
    for (int p = 0; p < 43; p++)
        for (int64_t d = -2; d <= 2; d++)
            if (((int64_t)1 << p) + d >= 0)
                check_bound(h, (uint64_t)(((int64_t)1 << p) + d));
    for (int i = 0; i < 2000; i++) {
        const uint64_t v = random_fill_bits(&bits);
        check_bound(h, v >> (21 + v % 43));
    }
    memset(h, 0, sizeof *h);
    assert_true(isnan(hdr_percentile(h, 50)) && isnan(hdr_mean(h)));
    hdr_add(h, -5); /* clocks of two CPUs may differ */
    hdr_add(h, INT64_MAX);
    assert_true(h->min == 0 && h->max == HDR_MOST && h->count == 2);
    free(h);
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Against the sorted times; and two halves merged are the whole. */
static void test_histogram_percentiles(void **state)
{
    (void)state;
    enum { N = 5000 };
    static const double percents[] = {0, 1, 10, 50, 90, 99, 99.9, 99.98, 100};
    struct hdr_histogram *h = new_histograms(3);
    int64_t *times = calloc(N, sizeof *times);
    uint64_t bits = 11;
    double sum = 0;
    assert_non_null(times);
    for (int i = 0; i < N; i++) {
        times[i] = (int64_t)(exp(random_part(&bits) * 20) * 100);
        sum += (double)times[i];
        hdr_add(&h[0], times[i]);
        hdr_add(&h[1 + i % 2], times[i]);
    }
    hdr_merge(&h[1], &h[2]);
    assert_memory_equal(h[0].cells, h[1].cells, sizeof h[0].cells);
    assert_true(h[1].count == N && h[1].min == h[0].min && h[1].max == h[0].max);
    assert_true(fabs(hdr_mean(&h[0]) - sum / N) < 1e-6 * sum / N);
    qsort(times, N, sizeof *times, by_size);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        const int rank = (int)ceil(percents[i] / 100 * N - 1e-6);
        const double exact = (double)times[rank > 0 ? rank - 1 : 0];
        const double got = hdr_percentile(&h[1], percents[i]);
        if (got < exact || got > exact * (1 + 1.0 / HDR_HALF))
            fail_msg("p%g is %.0f, not %.0f", percents[i], got, exact);
    }
    assert_true(hdr_percentile(&h[0], 100) == (double)times[N - 1]);
    free(times);
    free(h);
}

/* ---- arrivals ------------------------------------------------------------------------------- */

static void test_poisson_arrivals(void **state)
{
    (void)state;
    struct schedule s = {.seed = 1};
    struct arrivals a;
    int64_t at, before = 0;
    int step, n = 0;
    double sum = 0, squares = 0, products = 0, last = 0;
    assert_true(schedule_add(&s, 1000, NAN, 200, 0));
    arrivals_begin(&a, &s);
    while (arrivals_next(&a, &at, &step)) {
        const double gap = (double)(at - before) / 1e6; /* 1 ms on the average */
        assert_true(gap >= 0 && step == 0);
        before = at;
        sum += gap;
        squares += gap * gap;
        products += n ? gap * last : 0;
        last = gap;
        n++;
    }
    /* 200000 +- 4 standard deviations; gaps as an exponential distribution has them */
    assert_true(abs(n - 200000) < 4 * 447);
    const double mean = sum / n, variance = squares / n - mean * mean;
    assert_true(fabs(mean - 1) < 0.01);
    assert_true(fabs(variance - 1) < 0.03);
    assert_true(fabs(products / n - mean * mean) < 0.01); /* no gap knows of the one before */
}

/* The counts of seconds vary as much as they are large. */
static void test_poisson_counts(void **state)
{
    (void)state;
    enum { SECONDS = 2000 };
    struct schedule s = {.seed = 5};
    struct arrivals a;
    int64_t at;
    int step;
    static int counts[SECONDS];
    double sum = 0, squares = 0;
    memset(counts, 0, sizeof counts);
    assert_true(schedule_add(&s, 50, NAN, SECONDS, 0));
    for (arrivals_begin(&a, &s); arrivals_next(&a, &at, &step);)
        counts[at / 1000000000]++;
    for (int i = 0; i < SECONDS; i++) {
        sum += counts[i];
        squares += (double)counts[i] * counts[i];
    }
    const double mean = sum / SECONDS, variance = squares / SECONDS - mean * mean;
    assert_true(fabs(variance / mean - 1) < 0.12); /* 4 standard deviations: 4 * sqrt(2 / 2000) */
}

static void test_steps(void **state)
{
    (void)state;
    struct schedule s = {.seed = 1, .uniform = 1, .most = 25};
    struct arrivals a;
    int64_t at, again;
    int step, counts[3] = {0};
    assert_true(schedule_add(&s, 8, NAN, 1, 1) && schedule_add(&s, 16, NAN, 1, 0) &&
                schedule_add(&s, 32, NAN, 1, 0));
    for (arrivals_begin(&a, &s); arrivals_next(&a, &at, &step); counts[step]++)
        assert_int_equal(step, at / 1000000000);
    assert_int_equal(counts[0], 7); /* the eighth is the end of the warm-up */
    assert_int_equal(counts[1], 15);
    assert_int_equal(counts[2], 25 - 15);
    assert_true(schedule_seconds(&s) == 3);
    assert_int_equal(schedule_step_at(&s, 0.5), 0);
    assert_int_equal(schedule_step_at(&s, 1), 1);
    assert_int_equal(schedule_step_at(&s, 100), 2);
    /* the same seed gives the same arrivals, another one others */
    struct schedule p = {.seed = 3};
    struct arrivals b;
    assert_true(schedule_add(&p, 10, NAN, 10, 0));
    arrivals_begin(&a, &p);
    arrivals_begin(&b, &p);
    while (arrivals_next(&a, &at, &step))
        assert_true(arrivals_next(&b, &again, &step) && at == again);
    struct schedule other = p;
    other.seed = 4;
    arrivals_begin(&a, &p);
    arrivals_begin(&b, &other);
    assert_true(arrivals_next(&a, &at, &step) && arrivals_next(&b, &again, &step) && at != again);
}

/* ---- the ideal server ----------------------------------------------------------------------- */

/* M/D/1: the mean wait is rho S / (2 (1 - rho)) (Pollaczek and Khinchine). */
static void test_ideal_is_m_d_1(void **state)
{
    (void)state;
    static const double loads[] = {0.2, 0.5, 0.8};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        double ms = 10;
        struct ideal ideal = {.times_ms = &ms, .count = 1, .workers = 1};
        struct schedule s = {.seed = 9};
        struct hdr_histogram *h = new_histograms(1);
        assert_true(schedule_add(&s, loads[i] * 100, NAN, 20000, 0));
        ideal_run(&ideal, &s, h);
        const double wait = loads[i] * ms / (2 * (1 - loads[i]));
        const double got = hdr_mean(h) / 1e6 - ms;
        if (fabs(got - wait) > 0.03 * wait)
            fail_msg("load %g: mean wait %.3f ms, not %.3f", loads[i], got, wait);
        assert_true(h->min == 10000000);
        free(h);
    }
}

/* M/M/1: the mean response is S / (1 - rho); times are drawn from those that were recorded. */
static void test_ideal_draws_times(void **state)
{
    (void)state;
    enum { N = 10000 };
    double *times = calloc(N, sizeof *times), sum = 0;
    uint64_t bits = 2;
    assert_non_null(times);
    for (int i = 0; i < N; i++)
        sum += times[i] = -log1p(-random_part(&bits)) * 10;
    struct ideal ideal = {.times_ms = times, .count = N, .workers = 1};
    struct schedule s = {.seed = 3};
    struct hdr_histogram *h = new_histograms(2);
    assert_true(schedule_add(&s, 50, NAN, 20000, 0));
    ideal_run(&ideal, &s, h);
    const double mean = sum / N, expected = mean / (1 - mean * 0.05);
    assert_true(fabs(hdr_mean(h) / 1e6 - expected) < 0.04 * expected);
    ideal.workers = 64; /* nobody waits */
    ideal_run(&ideal, &s, h + 1);
    assert_true(fabs(hdr_mean(h + 1) / 1e6 - mean) < 0.02 * mean);
    free(times);
    free(h);
}

static void test_ideal_read(void **state)
{
    (void)state;
    struct ideal ideal = {0};
    assert_int_equal(ideal_read("2.5", &ideal), CLI_OK);
    assert_true(ideal.count == 1 && ideal.times_ms[0] == 2.5);
    ideal_free(&ideal);
    memset(&ideal, 0, sizeof ideal);
    write_text(in_folder("times"), "1\n2.25 \r\n\n3e1\n");
    assert_int_equal(ideal_read(in_folder("times"), &ideal), CLI_OK);
    assert_true(ideal.count == 3 && ideal.times_ms[1] == 2.25 && ideal.times_ms[2] == 30);
    ideal_free(&ideal);
    static const char *const wrong[] = {"", "x\n", "1\n-2\n", "1 2\n", "nan\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memset(&ideal, 0, sizeof ideal);
        write_text(in_folder("times"), wrong[i]);
        assert_int_equal(ideal_read(in_folder("times"), &ideal), CLI_BAD_INPUT);
        ideal_free(&ideal);
    }
}

/* ---- URLs and requests ---------------------------------------------------------------------- */

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *port, *authority, *path;
    } good[] = {
        {"http://a", "a", "80", "a", "/"},
        {"http://a.b:8080/", "a.b", "8080", "a.b:8080", "/"},
        {"http://[::1]:81/x?y=1", "::1", "81", "[::1]:81", "/x?y=1"},
        {"http://[::1]", "::1", "80", "[::1]", "/"},
    };
    static const char *const wrong[] = {"",
                                        "a",
                                        "https://a/",
                                        "ftp://a/",
                                        "http://",
                                        "http:///x",
                                        "http://a:0/",
                                        "http://a:65536/",
                                        "http://a:8x/",
                                        "http://a:/",
                                        "http://[::1/",
                                        "http://[::1]8/",
                                        "http://u@a/",
                                        "http://a?x",
                                        "http://a/b c",
                                        "http://a/#x",
                                        "http://a/\r\nX:"};
    struct target t;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(target_parse(good[i].url, &t), CLI_OK);
        assert_string_equal(t.host, good[i].host);
        assert_string_equal(t.port, good[i].port);
        assert_string_equal(t.authority, good[i].authority);
        assert_string_equal(t.path, good[i].path);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (target_parse(wrong[i], &t) != CLI_USAGE)
            fail_msg("%s is taken for a URL", wrong[i]);
}

static void test_form(void **state)
{
    (void)state;
    static const char expected[] = "--" FORM_BOUNDARY "\r\n"
                                   "Content-Disposition: form-data; name=\"a%22\"\r\n\r\n"
                                   "text\r\n--" FORM_BOUNDARY "\r\n"
                                   "Content-Disposition: form-data; name=\"f\"; "
                                   "filename=\"x.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
                                   "\377\330\r\n--" FORM_BOUNDARY "--\r\n";
    char field[300];
    size_t size;
    write_text(in_folder("x.jpg"), "\377\330");
    snprintf(field, sizeof field, "f=@%s", in_folder("x.jpg"));
    const char *fields[] = {"a\"=text", field};
    char *content = form_content(fields, 2, NULL, &size);
    assert_non_null(content);
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(content, expected, size);
    free(content);
    assert_string_equal(media_type("a.b/C.JPEG"), "image/jpeg");
    assert_string_equal(media_type("a.png/c"), "application/octet-stream");
}

/* ---- the reader of answers ------------------------------------------------------------------ */

/* What a sequence of pieces gave. */
struct reading {
    enum response_state state;
    int status, keep_alive, ended;
    size_t taken, n;
    char content[512];
};

static struct reading read_pieces(const char *bytes, size_t size, const size_t *cuts, size_t ncuts,
                                  int head)
{
    struct response r;
    struct reading got = {0};
    size_t at = 0;
    response_begin(&r, head);
    for (size_t i = 0; i <= ncuts; i++) {
        const size_t end = i < ncuts ? cuts[i] : size;
        while (at < end && r.state < RESPONSE_DONE) {
            const char *content;
            size_t n;
            const size_t taken = response_take(&r, bytes + at, end - at, &content, &n);
            assert_true(taken > 0 || r.state == RESPONSE_BROKEN);
            assert_true(taken <= end - at);
            assert_true(!n || (content >= bytes + at && content + n <= bytes + at + taken));
            if (n && got.n + n <= sizeof got.content)
                memcpy(got.content + got.n, content, n);
            got.n += n;
            at += taken;
        }
    }
    got.state = r.state;
    got.taken = at;
    assert_true(got.n == r.content || r.state == RESPONSE_BROKEN);
    assert_true((r.state == RESPONSE_BROKEN) == (r.problem != NULL));
    got.ended = response_end(&r);
    got.status = r.status;
    got.keep_alive = r.keep_alive;
    return got;
}

static const struct {
    const char *bytes;
    int status; /* 0: broken; -1: not at its end */
    int keep_alive;
    const char *content;
    int head, to_close;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 1, "hello", 0, 0},
    {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 1, "", 0, 0},
    {"HTTP/1.1 200\nContent-Length:1\n\nx", 200, 1, "x", 0, 0},
    {"HTTP/1.1 503 Busy\r\ncontent-length: \t2 \r\nConnection: Close\r\n\r\nno", 503, 0, "no", 0,
     0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, 0, "x", 0, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: x, keep-alive\r\n\r\nx", 200, 1, "x", 0,
     0},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", 204, 1, "", 0, 0},
    {"HTTP/1.1 304 Not Modified\r\n\r\n", 304, 1, "", 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", 200, 1, "", 1, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, 1, "x", 0,
     0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0c;x=\"y\"\r\n, world.... "
     "\r\n"
     "0\r\nTrailer: x\r\n\r\n",
     200, 1, "hello, world.... ", 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: "
     "3\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     200, 0, "x", 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, 1, "abc", 0, 0},
    {"HTTP/1.1 200 OK\r\n\r\nup to the end", 200, 0, "up to the end", 0, 1},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", -1, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Le", -1, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", -1, 0, NULL, 0, 0},
    {"HTTP/2 200\r\n\r\n", 0, 0, NULL, 0, 0},
    {"SSH-2.0-OpenSSH\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 20 OK\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 099 OK\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 101 Switching\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\n: b\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 0, 0, NULL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 0, 0, NULL, 0, 0},
};

enum { ANSWERS = sizeof answers / sizeof *answers };

static void check_reading(size_t i, const struct reading *r)
{
    if (answers[i].status == 0) {
        if (r->state != RESPONSE_BROKEN)
            fail_msg("answer %zu is not broken", i);
        return;
    }
    if (r->state == RESPONSE_BROKEN || r->ended != (answers[i].status > 0))
        fail_msg("answer %zu: state %d, ended %d", i, r->state, r->ended);
    if (answers[i].status < 0)
        return;
    assert_int_equal(r->status, answers[i].status);
    assert_int_equal(r->keep_alive, answers[i].keep_alive);
    assert_int_equal(r->n, strlen(answers[i].content));
    assert_memory_equal(r->content, answers[i].content, r->n);
    assert_true(answers[i].to_close || r->state == RESPONSE_DONE);
}

/* Whole, cut in two at every byte, and byte by byte: always the same. */
static void test_answers_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        const size_t size = strlen(answers[i].bytes);
        size_t cuts[512];
        for (size_t k = 0; k < size; k++) {
            struct reading r = read_pieces(answers[i].bytes, size, &k, 1, answers[i].head);
            check_reading(i, &r);
            cuts[k] = k;
        }
        struct reading r = read_pieces(answers[i].bytes, size, cuts, size, answers[i].head);
        check_reading(i, &r);
    }
}

/* Answers with bytes changed, put in and taken out: the pieces that they come in make no
 * difference, and what is behind the end of an answer is not touched. */
static void test_damaged_answers(void **state)
{
    (void)state;
    static const char alphabet[] = "\r\n\t :;,0159afHTP/.xX\0\x80";
    uint64_t bits = getenv("INFER_SEED") ? strtoull(getenv("INFER_SEED"), NULL, 10) : 1;
    int done = 0, broken = 0;
    print_message("INFER_SEED=%llu\n", (unsigned long long)bits);
    for (int round = 0; round < 20000; round++) {
        const size_t i = random_fill_bits(&bits) % ANSWERS;
        char bytes[512];
        size_t size = strlen(answers[i].bytes), cuts[4];
        memcpy(bytes, answers[i].bytes, size);
        for (uint64_t n = 1 + random_fill_bits(&bits) % 3; n-- > 0;) {
            const uint64_t draw = random_fill_bits(&bits);
            const size_t at = (draw >> 8) % size;
            const char c = alphabet[(draw >> 32) % (sizeof alphabet - 1)];
            if (draw % 3 == 1 && size > 1)
                memmove(bytes + at, bytes + at + 1, --size - at);
            else if (draw % 3 == 2 && size < sizeof bytes)
                memmove(bytes + at + 1, bytes + at, size++ - at), bytes[at] = c;
            else
                bytes[at] = c;
        }
        for (int k = 0; k < 4; k++)
            cuts[k] = random_fill_bits(&bits) % size;
        for (int k = 0; k < 3; k++) /* in order */
            for (int m = k + 1; m < 4; m++)
                if (cuts[m] < cuts[k]) {
                    const size_t swap = cuts[k];
                    cuts[k] = cuts[m];
                    cuts[m] = swap;
                }
        char *copy = malloc(size); /* so that sanitizers see a byte read too far */
        assert_non_null(copy);
        memcpy(copy, bytes, size);
        const struct reading whole = read_pieces(copy, size, NULL, 0, answers[i].head);
        const struct reading parts = read_pieces(copy, size, cuts, 4, answers[i].head);
        assert_int_equal(whole.state, parts.state);
        assert_true(whole.state == RESPONSE_BROKEN ||
                    (whole.status == parts.status && whole.taken == parts.taken &&
                     whole.n == parts.n && memcmp(whole.content, parts.content, whole.n) == 0));
        done += whole.state == RESPONSE_DONE;
        broken += whole.state == RESPONSE_BROKEN;
        free(copy);
    }
    assert_true(done > 1000 && broken > 1000);
}

/* Neither one line nor all headers may be endless. */
static void test_endless_headers(void **state)
{
    (void)state;
    static const char start[] = "HTTP/1.1 200 OK\r\nA: ", line[] = "B: c\r\n";
    static char bytes[200000];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, start, sizeof start - 1);
    struct reading r = read_pieces(bytes, sizeof bytes, NULL, 0, 0);
    assert_int_equal(r.state, RESPONSE_BROKEN);
    size_t at = sizeof start - 4;
    for (; at + sizeof line < sizeof bytes; at += sizeof line - 1)
        memcpy(bytes + at, line, sizeof line - 1);
    r = read_pieces(bytes, at, NULL, 0, 0);
    assert_int_equal(r.state, RESPONSE_BROKEN);
}

/* ---- what is counted ------------------------------------------------------------------------ */

static void test_stats(void **state)
{
    (void)state;
    struct stats a, b;
    assert_true(stats_init(&a, 2, 3) && stats_init(&b, 2, 3));
    for (int i = 0; i < 2; i++) {
        const struct record ok = {.due = 0, .sent = 10, .done = 30, .kind = 200, .step = 1};
        const struct record busy = {.due = 0, .sent = -1, .done = 50, .kind = 503, .step = 1};
        struct stats *s = i ? &b : &a;
        assert_true(stats_add(s, &ok) && stats_add(s, &busy));
    }
    assert_true(stats_merge(&a, &b));
    const struct outcome *ok = stats_find(a.steps + 1, 200), *busy = stats_find(a.steps + 1, 503);
    assert_true(ok && ok->response.count == 2 && ok->service.max == 20 && ok->response.max == 30);
    assert_true(busy && busy->response.count == 2 && busy->service.count == 0);
    assert_null(stats_find(a.steps, 200));
    assert_true(a.nrecords == 3 && a.records_lost == 1);
    /* a server that makes up a status for every answer */
    for (int status = 100; status < 600; status++) {
        const struct record r = {.kind = status, .step = 0};
        assert_true(stats_add(&a, &r));
    }
    assert_int_equal(a.steps[0].count, STATS_MOST_OUTCOMES);
    stats_free(&a);
    stats_free(&b);
}

static int make_folder_for_tests(void **state)
{
    (void)state;
    return !mkdtemp(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram_bound),
        cmocka_unit_test(test_histogram_percentiles),
        cmocka_unit_test(test_poisson_arrivals),
        cmocka_unit_test(test_poisson_counts),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_ideal_is_m_d_1),
        cmocka_unit_test(test_ideal_draws_times),
        cmocka_unit_test(test_ideal_read),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_answers_cut_anywhere),
        cmocka_unit_test(test_damaged_answers),
        cmocka_unit_test(test_endless_headers),
        cmocka_unit_test(test_stats),
    };
    return cmocka_run_group_tests(tests, make_folder_for_tests, teardown);
}
