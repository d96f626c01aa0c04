#include "tools/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/size.h"
#include "base/status.h"

/* 6 bytes of magic, version, length of the header: 2 bytes in version 1, 4 from version 2. */
static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

enum { MOST_HEADER = 65536 };

static const struct {
    char text[4];
    infer_type type;
} types[] = {{"f4", INFER_F32}, {"f8", INFER_F64}, {"f2", INFER_F16}, {"i1", INFER_S8},
             {"u1", INFER_U8},  {"i2", INFER_S16}, {"u2", INFER_U16}, {"i4", INFER_S32},
             {"u4", INFER_U32}, {"i8", INFER_S64}, {"u8", INFER_U64}, {"b1", INFER_BOOL}};

/* ---- the header: a Python dictionary of three literals --------------------------------------- */

struct text {
    const char *at, *end;
};

static void skip_spaces(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
        t->at++;
}

static int take(struct text *t, char c)
{
    skip_spaces(t);
    if (t->at == t->end || *t->at != c)
        return 0;
    t->at++;
    return 1;
}

static int take_word(struct text *t, const char *word)
{
    size_t n = strlen(word);
    skip_spaces(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return 0;
    t->at += n;
    return 1;
}

/* A string in either kind of quotes, without escapes, cut to fit. */
static int take_string(struct text *t, char *out, size_t size)
{
    size_t n = 0;
    skip_spaces(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return 0;
    char quote = *t->at++;
    for (; t->at < t->end && *t->at != quote; t->at++) {
        if (*t->at == '\\' || *t->at < ' ' || n + 1 >= size)
            return 0;
        out[n++] = *t->at;
    }
    out[n] = 0;
    return take(t, quote);
}

/* "(1, 3, 224)", "(5,)", "()"; old files may have an L behind a number. */
static infer_status take_shape(struct text *t, infer_tensor *x, infer_error *err)
{
    FAIL_IF(!take(t, '('), INFER_ERROR_FORMAT, "the shape is not a tuple");
    while (!take(t, ')')) {
        int64_t d = 0;
        int digits = 0;
        skip_spaces(t);
        for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++, digits++)
            FAIL_IF(!infer__dim_mul(d, 10, &d) || !infer__dim_add(d, *t->at - '0', &d),
                    INFER_ERROR_FORMAT, "a dimension of the shape is too large");
        FAIL_IF(!digits, INFER_ERROR_FORMAT, "the shape has something that is no number");
        FAIL_IF(x->rank == INFER_MAX_RANK, INFER_ERROR_UNSUPPORTED, "more than %d dimensions",
                INFER_MAX_RANK);
        x->dims[x->rank++] = d;
        take(t, 'L');
        if (!take(t, ',')) {
            FAIL_IF(!take(t, ')'), INFER_ERROR_FORMAT, "the shape does not end");
            break;
        }
    }
    return INFER_OK;
}

static infer_status take_type(struct text *t, infer_tensor *x, infer_error *err)
{
    char text[32];
    FAIL_IF(!take_string(t, text, sizeof text), INFER_ERROR_UNSUPPORTED,
            "its type is not a plain one (descr is not a string)");
    int order = text[0];
    FAIL_IF(order == '>', INFER_ERROR_UNSUPPORTED,
            "its numbers are big-endian (%s); write it with x.astype(x.dtype.newbyteorder('<'))",
            text);
    if (order == '<' || order == '|' || order == '=')
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (strcmp(text + 1, types[i].text) == 0 || strcmp(text + 1, "?") == 0)
                x->type = text[1] == '?' ? INFER_BOOL : types[i].type;
    FAIL_IF(!x->type, INFER_ERROR_UNSUPPORTED, "its type '%s' is not one of a tensor's", text);
    return INFER_OK;
}

static infer_status take_order(struct text *t, infer_error *err)
{
    if (take_word(t, "False"))
        return INFER_OK;
    FAIL_IF(!take_word(t, "True"), INFER_ERROR_FORMAT, "fortran_order is neither True nor False");
    return infer__fail(err, INFER_ERROR_UNSUPPORTED,
                       "it is in Fortran order; write it with np.ascontiguousarray(x)");
}

static infer_status parse_header(struct text t, infer_tensor *x, infer_error *err)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    unsigned seen = 0;
    FAIL_IF(!take(&t, '{'), INFER_ERROR_FORMAT, "its header is not a dictionary");
    while (!take(&t, '}')) {
        char key[32];
        FAIL_IF(!take_string(&t, key, sizeof key) || !take(&t, ':'), INFER_ERROR_FORMAT,
                "its header is damaged");
        unsigned bit = strcmp(key, "descr") == 0           ? DESCR
                       : strcmp(key, "fortran_order") == 0 ? ORDER
                       : strcmp(key, "shape") == 0         ? SHAPE
                                                           : 0;
        FAIL_IF(!bit || seen & bit, INFER_ERROR_FORMAT, "its header has '%s' %s", key,
                bit ? "twice" : "in it, which is unknown");
        seen |= bit;
        TRY(bit == DESCR   ? take_type(&t, x, err)
            : bit == ORDER ? take_order(&t, err)
                           : take_shape(&t, x, err));
        if (!take(&t, ',')) {
            FAIL_IF(!take(&t, '}'), INFER_ERROR_FORMAT, "its header does not end");
            break;
        }
    }
    skip_spaces(&t);
    FAIL_IF(t.at != t.end, INFER_ERROR_FORMAT, "something follows the header's dictionary");
    FAIL_IF(seen != (DESCR | ORDER | SHAPE), INFER_ERROR_FORMAT,
            "its header lacks descr, fortran_order or shape");
    return INFER_OK;
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static infer_status parse(const unsigned char *b, size_t size, infer_tensor *x, infer_error *err)
{
    union {
        const void *from;
        void *to;
    } data;
    FAIL_IF(size < 10 || memcmp(b, magic, sizeof magic) != 0, INFER_ERROR_FORMAT,
            "it is not a .npy file");
    FAIL_IF(b[6] < 1 || b[6] > 3, INFER_ERROR_VERSION, "it is of version %u.%u; 1 to 3 are read",
            b[6], b[7]);
    size_t start = b[6] == 1 ? 10 : 12;
    FAIL_IF(size < start, INFER_ERROR_FORMAT, "it is cut in its header");
    uint32_t length = (uint32_t)b[8] | (uint32_t)b[9] << 8;
    if (b[6] > 1)
        length |= (uint32_t)b[10] << 16 | (uint32_t)b[11] << 24;
    FAIL_IF(length > MOST_HEADER, INFER_ERROR_LIMIT, "its header has %u bytes; at most %d", length,
            MOST_HEADER);
    FAIL_IF(!infer__size_inside(start, length, size), INFER_ERROR_FORMAT,
            "it is cut in its header");
    const char *header = (const char *)b + start;
    TRY(parse_header((struct text){header, header + length}, x, err));
    int64_t elements;
    FAIL_IF(!infer__dims_product(x->dims, x->rank, &elements) ||
                !infer__size_mul((size_t)elements, infer_type_size(x->type), &x->bytes),
            INFER_ERROR_LIMIT, "its shape is too large");
    size_t left = size - start - length;
    FAIL_IF(left != x->bytes, INFER_ERROR_FORMAT,
            "its shape needs %zu bytes of data and the file has %zu", x->bytes, left);
    data.from = b + start + length;
    x->data = data.to;
    return INFER_OK;
}

infer_status npy_parse(const void *bytes, size_t size, infer_tensor *tensor, infer_error *err)
{
    memset(tensor, 0, sizeof *tensor);
    infer__error_clear(err);
    infer_status status = parse(bytes, size, tensor, err);
    if (status != INFER_OK)
        memset(tensor, 0, sizeof *tensor);
    return status;
}

/* The bytes of a regular file; *size is what was there. */
static infer_status read_all(const char *path, unsigned char **bytes, size_t *size,
                             infer_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FAIL_IF(fd < 0, INFER_ERROR_IO, "it can't be opened: %s", strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return infer__fail(err, INFER_ERROR_IO, "it is not a regular file");
    }
    size_t want = (size_t)st.st_size, got = 0;
    *bytes = malloc(want + 1);
    while (*bytes && got < want) {
        ssize_t n = read(fd, *bytes + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    if (!*bytes)
        return infer__no_memory(err, want);
    *size = got;
    return INFER_OK;
}

infer_status npy_load(const char *path, infer_tensor *tensor, infer_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    memset(tensor, 0, sizeof *tensor);
    infer__error_clear(err);
    infer_status status = read_all(path, &bytes, &size, err);
    if (status == INFER_OK)
        status = npy_parse(bytes, size, tensor, err);
    if (status == INFER_OK) {
        /* aligned_alloc wants a multiple of the alignment */
        void *data = aligned_alloc(64, (tensor->bytes + 64) & ~(size_t)63);
        if (data)
            memcpy(data, tensor->data, tensor->bytes);
        else
            status = infer__no_memory(err, tensor->bytes);
        tensor->data = data;
    }
    free(bytes);
    if (status != INFER_OK)
        memset(tensor, 0, sizeof *tensor);
    return status;
}

void *npy_encode(const infer_tensor *tensor, size_t *size)
{
    char header[512];
    const char *name = NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == tensor->type)
            name = types[i].text;
    size_t data = infer_tensor_elements(tensor) * infer_type_size(tensor->type);
    if (!name)
        return NULL;
    int n = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     infer_type_size(tensor->type) == 1 ? '|' : '<', name);
    for (int i = 0; i < tensor->rank; i++)
        n += snprintf(header + n, sizeof header - (size_t)n, "%s%lld", i ? ", " : "",
                      (long long)tensor->dims[i]);
    n += snprintf(header + n, sizeof header - (size_t)n, "%s), }", tensor->rank == 1 ? "," : "");
    /* spaces and a line end bring the data to a multiple of 64 bytes */
    size_t length = (((size_t)n + 1 + 10 + 63) & ~(size_t)63) - 10;
    unsigned char *bytes = malloc(10 + length + data);
    if (!bytes)
        return NULL;
    memcpy(bytes, magic, sizeof magic);
    bytes[6] = 1;
    bytes[7] = 0;
    bytes[8] = (unsigned char)(length & 255);
    bytes[9] = (unsigned char)(length >> 8);
    memset(bytes + 10, ' ', length);
    memcpy(bytes + 10, header, (size_t)n);
    bytes[10 + length - 1] = '\n';
    if (data)
        memcpy(bytes + 10 + length, tensor->data, data);
    *size = 10 + length + data;
    return bytes;
}
