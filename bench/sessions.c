/* Sessions of one model: what the first and the following ones take to make and to hold, and what
 * it takes to give one other input shapes. Prints tables in Markdown. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/run_zeros.h"

enum { MOST_SESSIONS = 8, MOST_SIZES = 16, TRIES = 15 };

static const char help_text[] =
    "Usage: sessions MODEL.infer [THREADS [SIZE...]]\n"
    "\n"
    "Makes 8 sessions of a model, one after the other, runs each once, and says what that took "
    "and\n"
    "what memory of its own the process has then, less what it had when the model was loaded. "
    "With\n"
    "SIZEs of the first input, as 1x3x224x224, it then changes a session from one to the next.\n";

struct bench {
    infer_model *model;
    uint32_t threads;
    infer_error err;
};

static void fail(const struct bench *b, const char *what)
{
    fprintf(stderr, "sessions: %s: %s\n", what, b->err.message);
    exit(1);
}

/* Kilobytes that the process holds and that are no file's pages: those the system may drop. */
static long own_memory(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtol(line + 8, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static double ms_since(uint64_t begin)
{
    return (double)(infer__now_ns() - begin) / 1e6;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static infer_session *make(struct bench *b, const infer_input_spec *spec)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    o.threads = b->threads;
    o.inputs = spec;
    o.ninputs = spec ? 1 : 0;
    if (infer_session_create(b->model, &o, &s, &b->err) != INFER_OK)
        fail(b, "no session");
    return s;
}

static void run(struct bench *b, infer_session *s)
{
    if (run_zeros(s, NULL, &b->err) != INFER_OK)
        fail(b, "no run");
}

/* One more session; *ms: the fastest of some tries, but of the first one, which packs. */
static infer_session *make_one_more(struct bench *b, const infer_input_spec *spec, int first,
                                    double *ms)
{
    infer_session *s = NULL;
    *ms = INFINITY;
    for (int i = 0; i < (first ? 1 : TRIES); i++) {
        infer_session_free(&s);
        const uint64_t begin = infer__now_ns();
        s = make(b, spec);
        *ms = fmin(*ms, ms_since(begin));
    }
    return s;
}

static void many_sessions(struct bench *b, const infer_input_spec *spec)
{
    infer_session *s[MOST_SESSIONS];
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    const long before = own_memory();
    puts("| sessions | making the last one, ms | memory, MB | more than with one less, MB | "
         "packed weights of each, MB | arena of each, MB |\n|---|---|---|---|---|---|");
    long last = before;
    for (int n = 0; n < MOST_SESSIONS; n++) {
        double ms;
        s[n] = make_one_more(b, spec, n == 0, &ms);
        run(b, s[n]);
        infer_session_memory_use(s[n], &m, NULL);
        const long now = own_memory();
        if (n < 2 || n == 3 || n == 7)
            printf("| %d | %.2f | %.1f | %.1f | %.1f | %.1f |\n", n + 1, ms,
                   (double)(now - before) * 1024 / 1e6, (double)(now - last) * 1024 / 1e6,
                   (double)m.packed_bytes / 1e6, (double)m.arena_bytes / 1e6);
        last = now;
    }
    for (int n = 0; n < MOST_SESSIONS; n++)
        infer_session_free(&s[n]);
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static int read_size(const char *text, const char *name, infer_input_spec *spec)
{
    *spec = (infer_input_spec){.name = name};
    while (spec->rank < INFER_MAX_RANK) {
        char *end;
        spec->dims[spec->rank++] = strtol(text, &end, 10);
        if (end == text || (*end && *end != 'x'))
            return 0;
        if (!*end)
            return 1;
        text = end + 1;
    }
    return 0;
}

static double reshape_ms(struct bench *b, infer_session *s, const infer_input_spec *spec)
{
    const uint64_t begin = infer__now_ns();
    if (infer_session_reshape(s, spec, 1, &b->err) != INFER_OK)
        fail(b, "no reshape");
    return ms_since(begin);
}

/* To a size that the session has not seen, then back and there again: the fastest of some tries,
 * each with a session of its own. Another one keeps the weights of the first size. */
static void change(struct bench *b, const infer_input_spec *from, const infer_input_spec *to)
{
    double first = INFINITY, again = INFINITY;
    uint64_t more = 0;
    for (int i = 0; i < TRIES; i++) {
        infer_session_memory m = INFER_SESSION_MEMORY_INIT;
        infer_session *s = make(b, from);
        run(b, s);
        infer_session_memory_use(s, &m, NULL);
        more = m.packed_bytes;
        first = fmin(first, reshape_ms(b, s, to));
        infer_session_memory_use(s, &m, NULL);
        more = m.packed_bytes - more;
        run(b, s);
        reshape_ms(b, s, from);
        run(b, s);
        again = fmin(again, reshape_ms(b, s, to));
        infer_session_free(&s);
    }
    printf("| ");
    for (int d = 0; d < to->rank; d++)
        printf("%s%lld", d ? " x " : "", (long long)to->dims[d]);
    printf(" | %.2f | %.4f | %.2f |\n", first, again, (double)more / 1e6);
}

int main(int argc, char **argv)
{
    struct bench b = {.threads = argc > 2 ? (uint32_t)atoi(argv[2]) : 1};
    infer_input_spec spec[MOST_SIZES];
    infer_value_info info = INFER_VALUE_INFO_INIT;
    int n = 0;
    if (argc < 2 || argv[1][0] == '-' || argc > 3 + MOST_SIZES) {
        fputs(help_text, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (infer_load(argv[1], NULL, &b.model, &b.err) != INFER_OK)
        fail(&b, argv[1]);
    infer_model_input(b.model, 0, &info, NULL);
    for (; n + 3 < argc; n++)
        if (!read_size(argv[n + 3], info.name, &spec[n])) {
            fprintf(stderr, "sessions: '%s' is no size\n", argv[n + 3]);
            return 2;
        }
    many_sessions(&b, n ? spec : NULL);
    if (n > 1)
        puts("\n| to size | new, ms | seen before, ms | more packed weights, MB "
             "|\n|---|---|---|---|");
    infer_session *holder = make(&b, n ? spec : NULL);
    for (int i = 1; i < n; i++)
        change(&b, &spec[i - 1], &spec[i]);
    infer_session_free(&holder);
    infer_model_free(&b.model);
    return 0;
}
