#include "tools/hammer/response.h"

#include <string.h>
#include <strings.h>

void response_begin(struct response *r, int head_request)
{
    r->state = RESPONSE_STATUS_LINE;
    r->status = 0;
    r->keep_alive = 0;
    r->content = 0;
    r->problem = NULL;
    r->no_content = head_request;
    r->chunked = r->lengths = 0;
    r->left = 0;
    r->head = 0;
    r->line_length = 0;
}

static void broken(struct response *r, const char *problem)
{
    r->state = RESPONSE_BROKEN;
    r->problem = problem;
    r->keep_alive = 0;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static void take_status_line(struct response *r)
{
    const char *l = r->line;
    if (!*l && r->head <= 2) /* an empty line before the answer does no harm */
        return;
    if (strncmp(l, "HTTP/1.", 7) != 0 || !is_digit(l[7]) || l[8] != ' ' || l[9] < '1' ||
        l[9] > '9' || !is_digit(l[10]) || !is_digit(l[11]) || (l[12] && l[12] != ' ')) {
        broken(r, "the first line is not that of an HTTP/1 answer");
        return;
    }
    r->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
    r->keep_alive = l[7] != '0';
    r->state = RESPONSE_HEADERS;
}

static void take_length(struct response *r, const char *value)
{
    uint64_t length = 0;
    const char *p = value;
    for (; is_digit(*p) && length < UINT64_MAX / 100; p++)
        length = length * 10 + (uint64_t)(*p - '0');
    if (p == value || *p)
        broken(r, "Content-Length is no number");
    else if (r->lengths && length != r->left)
        broken(r, "there are two Content-Lengths");
    r->lengths = 1;
    r->left = length;
}

/* Whether a list of words, with commas between them, has one. */
static int has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);
    while (*list) {
        list += strspn(list, " \t,");
        const size_t length = strcspn(list, " \t,");
        if (length == n && strncasecmp(list, word, n) == 0)
            return 1;
        list += length;
    }
    return 0;
}

static void take_header(struct response *r)
{
    char *colon = strchr(r->line, ':');
    if (!colon || colon == r->line || colon[-1] == ' ' || r->line[0] == ' ' || r->line[0] == '\t') {
        broken(r, "a line among the headers is no header");
        return;
    }
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    if (strcasecmp(r->line, "Content-Length") == 0) {
        take_length(r, value);
    } else if (strcasecmp(r->line, "Transfer-Encoding") == 0) {
        r->chunked = 1;
        if (strcasecmp(value, "chunked") != 0)
            broken(r, "its transfer encoding is not chunked");
    } else if (strcasecmp(r->line, "Connection") == 0) {
        if (has_word(value, "close"))
            r->keep_alive = 0;
        else if (has_word(value, "keep-alive"))
            r->keep_alive = 1;
    }
}

/* The headers are over: what comes? (RFC 9112, 6.3) */
static void begin_content(struct response *r)
{
    if (r->status == 101)
        broken(r, "the server changes to another protocol");
    else if (r->status < 200)
        response_begin(r, r->no_content);
    else if (r->no_content || r->status == 204 || r->status == 304)
        r->state = RESPONSE_DONE;
    else if (r->chunked)
        r->state = RESPONSE_CHUNK_SIZE;
    else if (r->lengths)
        r->state = r->left ? RESPONSE_LENGTH : RESPONSE_DONE;
    else
        r->state = RESPONSE_TO_CLOSE;
    if (r->state == RESPONSE_TO_CLOSE || (r->chunked && r->lengths))
        r->keep_alive = 0; /* both lengths at once: who follows which is not certain */
}

static int hex_digit(char c)
{
    return is_digit(c)              ? c - '0'
           : (c >= 'a' && c <= 'f') ? c - 'a' + 10
           : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                    : -1;
}

static void take_chunk_size(struct response *r)
{
    int i = 0;
    r->left = 0;
    for (; i < 15 && hex_digit(r->line[i]) >= 0; i++)
        r->left = r->left * 16 + (uint64_t)hex_digit(r->line[i]);
    r->head = 0; /* chunks may be many: each has a line of its own limit */
    if (i == 0 || (r->line[i] && !strchr("; \t", r->line[i])))
        broken(r, "the size of a chunk is no number");
    else
        r->state = r->left ? RESPONSE_CHUNK : RESPONSE_TRAILERS;
}

static void take_line(struct response *r)
{
    if (r->state == RESPONSE_STATUS_LINE)
        take_status_line(r);
    else if (r->state == RESPONSE_HEADERS && r->line[0])
        take_header(r);
    else if (r->state == RESPONSE_HEADERS)
        begin_content(r);
    else if (r->state == RESPONSE_CHUNK_SIZE)
        take_chunk_size(r);
    else if (r->state == RESPONSE_CHUNK_END && r->line[0])
        broken(r, "a chunk is longer than its size");
    else if (r->state == RESPONSE_CHUNK_END)
        r->state = RESPONSE_CHUNK_SIZE;
    else if (r->state == RESPONSE_TRAILERS && !r->line[0])
        r->state = RESPONSE_DONE;
}

/* Takes what belongs to the line that is being read, and the line when it is whole. */
static size_t take_line_bytes(struct response *r, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    const size_t part = end ? (size_t)(end - bytes) : n;
    if (part >= sizeof r->line - r->line_length || part > RESPONSE_MOST_HEAD - r->head) {
        broken(r, "its headers are too long");
        return 0;
    }
    memcpy(r->line + r->line_length, bytes, part);
    r->line_length += part;
    r->head += part + (end != NULL);
    if (!end)
        return n;
    if (r->line_length && r->line[r->line_length - 1] == '\r')
        r->line_length--;
    r->line[r->line_length] = 0;
    if (memchr(r->line, 0, r->line_length))
        broken(r, "there is a zero byte among its headers");
    else if (r->head > RESPONSE_MOST_HEAD)
        broken(r, "its headers are too long");
    else
        take_line(r);
    r->line_length = 0;
    return part + 1;
}

/* ---- content -------------------------------------------------------------------------------- */

static size_t take_content(struct response *r, const char *bytes, size_t n, const char **content,
                           size_t *length)
{
    if (r->state != RESPONSE_TO_CLOSE) {
        n = n > r->left ? (size_t)r->left : n;
        r->left -= n;
        if (!r->left)
            r->state = r->state == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_DONE;
    }
    r->content += n;
    *content = bytes;
    *length = n;
    return n;
}

size_t response_take(struct response *r, const char *bytes, size_t n, const char **content,
                     size_t *length)
{
    size_t taken = 0;
    *content = NULL;
    *length = 0;
    while (taken < n && r->state < RESPONSE_DONE) {
        if (r->state == RESPONSE_LENGTH || r->state == RESPONSE_CHUNK ||
            r->state == RESPONSE_TO_CLOSE)
            return taken + take_content(r, bytes + taken, n - taken, content, length);
        taken += take_line_bytes(r, bytes + taken, n - taken);
    }
    return taken;
}

int response_end(struct response *r)
{
    if (r->state == RESPONSE_TO_CLOSE)
        r->state = RESPONSE_DONE;
    return r->state == RESPONSE_DONE;
}
