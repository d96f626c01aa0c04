/* Bodies of multipart/form-data, and base64.
 *
 * The input: a Content-Type, a 0, and a body. Property: for any bytes, the parts that are found lie
 * within the body, behind one another, each with a name; and base64 of the body, decoded, is the
 * body, as is what its text decodes to if it is one.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/base64.h"
#include "tools/serve/transport/multipart.h"

enum { MOST = 16 };

static void parts_of(const char *type, const unsigned char *body, size_t bytes)
{
    char boundary[MULTIPART_LONGEST_BOUNDARY + 1];
    struct multipart_part parts[MOST];
    int count = -1;
    if (multipart_boundary(type, boundary) != MULTIPART_OK)
        return;
    const enum multipart_status status =
        multipart_parse(body, bytes, boundary, parts, MOST, &count);
    REQUIRE(count >= 0 && count <= MOST && (status == MULTIPART_OK || count == 0));
    const unsigned char *at = body, *end = body + bytes;
    for (int i = 0; i < count; i++) {
        const struct multipart_part *p = &parts[i];
        REQUIRE(p->name.length > 0 && (const unsigned char *)p->name.text >= at);
        REQUIRE((const unsigned char *)p->name.text + p->name.length < p->data);
        REQUIRE(!p->is_file || (const unsigned char *)p->file.text + p->file.length < p->data);
        REQUIRE(!p->type.length || (const unsigned char *)p->type.text + p->type.length < p->data);
        REQUIRE(p->data <= end && p->bytes <= (size_t)(end - p->data));
        at = p->data + p->bytes;
    }
}

static void base64_of(const unsigned char *bytes, size_t n)
{
    size_t length;
    char *text = base64_encode(bytes, n, &length);
    unsigned char *out = malloc(base64_room(length));
    REQUIRE(text && out);
    REQUIRE(base64_decode(text, length, out) == (long)n && (!n || !memcmp(out, bytes, n)));
    free(out);
    free(text);
    out = malloc(base64_room(n));
    const long decoded = base64_decode((const char *)bytes, n, out);
    REQUIRE(decoded <= (long)base64_room(n));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    if (!zero)
        return 0;
    const size_t type = (size_t)(zero - data) + 1;
    char *text = fuzz_block(data, type);
    unsigned char *body = fuzz_block(data + type, size - type);
    parts_of(text, body, size - type);
    base64_of(body, size - type);
    free(body);
    free(text);
    return 0;
}
