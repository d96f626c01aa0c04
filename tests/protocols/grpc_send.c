/* Sends recorded gRPC messages to a server, for check_grpc.py: calls on one connection.
 *
 *   grpc_send PORT        with lines on standard input: [&] METHOD CODING TIMEOUT FILE...
 *
 * CODING is that of the messages (identity, gzip, deflate), TIMEOUT a grpc-timeout or "-", and each
 * FILE a message. '&': the call is begun, and its answer comes behind the next call that has none.
 * For each call a line is written: its status, its text, and its messages in hex, with tabs
 * between. */
#include "tests/grpc_client.h"

#include "tools/serve/transport/coding.h"

enum { WORDS = 64 };

/* Appends a file's bytes as a message. */
static void add_message(const char *path, const char *coding, unsigned char **body, size_t *bytes)
{
    size_t n, coded = 0;
    char *content = read_file(path, &n);
    unsigned char *packed = NULL;
    const int is_coded = strcmp(coding, "identity") != 0;
    if (!content || (is_coded && coding_encode(coding, content, n, &packed, &coded) != CODING_OK)) {
        fprintf(stderr, "%s: can't be read\n", path);
        exit(2);
    }
    coded = is_coded ? coded : n;
    *body = realloc(*body, *bytes + GRPC_PREFIX_BYTES + coded + 1);
    if (!*body)
        exit(2);
    grpc_prefix(*body + *bytes, is_coded, coded);
    memcpy(*body + *bytes + GRPC_PREFIX_BYTES, is_coded ? packed : (void *)content, coded);
    *bytes += GRPC_PREFIX_BYTES + coded;
    free(packed);
    free(content);
}

/* A line about a call that has ended. */
static void tell(const struct grpc_call_seen *k)
{
    printf("%d\t%s", k->status, k->message);
    for (size_t at = 0; at + GRPC_PREFIX_BYTES <= k->bytes;) {
        const unsigned char *p = k->data + at;
        const size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        printf("\t%s", p[0] ? "compressed" : "");
        for (size_t i = 0; i < n && at + GRPC_PREFIX_BYTES + i < k->bytes; i++)
            printf("%02x", p[GRPC_PREFIX_BYTES + i]);
        at += GRPC_PREFIX_BYTES + n;
    }
    putchar('\n');
    fflush(stdout);
}

/* Ends calls from `first` on, tells of them and forgets them. */
static void end_calls(struct grpc_client *c)
{
    for (int i = c->ncalls - 1; i >= 0; i--) /* the last began last: it may have been refused */
        grpc_end_call(c, &c->calls[i]);
    for (int i = 0; i < c->ncalls; i++) {
        tell(&c->calls[i]);
        free(c->calls[i].data);
        free((void *)(uintptr_t)c->calls[i].body);
    }
    c->ncalls = 0;
}

int main(int argc, char **argv)
{
    static struct grpc_client c;
    char line[8192];
    grpc_client_open(&c, argc > 1 ? atoi(argv[1]) : 0, 1 << 20);
    while (fgets(line, sizeof line, stdin)) {
        char *word[WORDS], *rest = NULL;
        int n = 0;
        for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS;
             w = strtok_r(NULL, " \n", &rest))
            word[n++] = w;
        const int first = n > 0 && strcmp(word[0], "&") == 0;
        if (n - first < 3)
            continue;
        unsigned char *body = NULL;
        size_t bytes = 0;
        const char *coding = word[first + 1], *timeout = word[first + 2];
        for (int i = first + 3; i < n; i++)
            add_message(word[i], coding, &body, &bytes);
        const int timed = strcmp(timeout, "-") != 0;
        grpc_begin_call(&c, word[first], body, bytes, 0, timed ? "grpc-timeout" : "grpc-encoding",
                        timed ? timeout : coding);
        if (!first)
            end_calls(&c);
        else
            grpc_client_flush(&c);
    }
    grpc_client_close(&c);
    return 0;
}
