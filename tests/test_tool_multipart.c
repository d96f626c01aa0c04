/* Bodies of multipart/form-data: as curl and browsers send them, and cut, bent and hostile ones;
 * base64. Bodies end at a page that can't be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "tools/base64.h"
#include "tools/serve/transport/multipart.h"

enum { MOST = 4 };

struct parsed {
    enum multipart_status status;
    int count;
    char name[MOST][64], file[MOST][64], type[MOST][64], data[MOST][256];
    size_t bytes[MOST];
    int is_file[MOST];
};

static void keep(char *to, size_t size, const void *from, size_t n)
{
    assert_true(n < size);
    memcpy(to, from, n);
    to[n] = 0;
}

static struct parsed parse(const char *body, size_t n, const char *boundary)
{
    struct multipart_part parts[MOST];
    struct parsed p = {.count = -1};
    struct guard g = guard_new(n, 1, 1);
    memcpy(g.data, body, n);
    p.status = multipart_parse(g.data, n, boundary, parts, MOST, &p.count);
    for (int i = 0; i < p.count; i++) {
        assert_true(parts[i].data >= (unsigned char *)g.data &&
                    parts[i].data + parts[i].bytes <= (unsigned char *)g.data + n);
        keep(p.name[i], sizeof p.name[i], parts[i].name.text, parts[i].name.length);
        keep(p.data[i], sizeof p.data[i], parts[i].data, parts[i].bytes);
        if (parts[i].type.length)
            keep(p.type[i], sizeof p.type[i], parts[i].type.text, parts[i].type.length);
        if (parts[i].is_file)
            keep(p.file[i], sizeof p.file[i], parts[i].file.text, parts[i].file.length);
        p.bytes[i] = parts[i].bytes;
        p.is_file[i] = parts[i].is_file;
    }
    if (p.status != MULTIPART_OK)
        assert_int_equal(p.count, 0);
    assert_true(strlen(multipart_why(p.status)) > 0);
    guard_free(&g);
    return p;
}

static const char curl_body[] =
    "--------------------------x1\r\n"
    "Content-Disposition: form-data; name=\"k\"\r\n\r\n5\r\n"
    "--------------------------x1\r\n"
    "Content-Disposition: form-data; name=\"a\"; filename=\"h\xc3\xa9;x\\\"y.json\"\r\n"
    "content-type: application/json\r\n\r\n{\"a\":\r\n--1}\r\n"
    "--------------------------x1--\r\n";
static const char curl_boundary[] = "------------------------x1";

static void test_curl(void **state)
{
    (void)state;
    const struct parsed p = parse(curl_body, sizeof curl_body - 1, curl_boundary);
    assert_int_equal(p.status, MULTIPART_OK);
    assert_int_equal(p.count, 2);
    assert_string_equal(p.name[0], "k");
    assert_string_equal(p.data[0], "5");
    assert_int_equal(p.is_file[0], 0);
    assert_string_equal(p.type[0], "");
    assert_string_equal(p.name[1], "a");
    assert_string_equal(p.file[1], "h\xc3\xa9;x\\\"y.json");
    assert_int_equal(p.is_file[1], 1);
    assert_string_equal(p.type[1], "application/json");
    assert_string_equal(p.data[1], "{\"a\":\r\n--1}");
}

/* Cut anywhere in front of the end of its last boundary it is no body; from there on it is. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    const size_t whole = sizeof curl_body - 1 - 2;
    for (size_t n = 0; n < sizeof curl_body; n++) {
        const struct parsed p = parse(curl_body, n, curl_boundary);
        assert_int_equal(p.status, n < whole ? MULTIPART_CUT : MULTIPART_OK);
        assert_int_equal(p.count, n < whole ? 0 : 2);
    }
}

/* Any byte changed into any of some others: no crash, and parts stay within the body. */
static void test_bent_at_every_byte(void **state)
{
    static const char others[] = {0, '\r', '\n', '-', '"', ';', ':', ' ', '\\', 'x'};
    char bent[sizeof curl_body];
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i + 1 < sizeof curl_body; i++)
        for (size_t k = 0; k < sizeof others; k++) {
            memcpy(bent, curl_body, sizeof bent);
            bent[i] = others[k];
            wrong += parse(bent, sizeof bent - 1, curl_boundary).status != MULTIPART_OK;
        }
    assert_true(wrong > 100);
}

#define PARSE(text, boundary) parse(text, sizeof(text) - 1, boundary)
#define FORM "Content-Disposition: form-data; name=\"a\"\r\n"

static void test_forms(void **state)
{
    (void)state;
    struct parsed p =
        PARSE("--xx\nContent-Disposition: form-data; name=\"a\"\n\nv\n--xx--\n", "xx");
    assert_int_equal(p.count, 1); /* lines that end in LF */
    assert_string_equal(p.data[0], "v");
    p = PARSE("a preamble\r\n--xx\r\n" FORM "\r\nv\r\n--xx--\r\nan epilogue --xx", "xx");
    assert_int_equal(p.count, 1);
    assert_string_equal(p.data[0], "v");
    p = PARSE("--xx--\r\n", "xx"); /* no part */
    assert_int_equal(p.status, MULTIPART_OK);
    assert_int_equal(p.count, 0);
    p = PARSE("--xx \t\r\n" FORM "\r\n\r\n--xx--", "xx"); /* no data, white space */
    assert_int_equal(p.count, 1);
    assert_int_equal(p.bytes[0], 0);
    p = PARSE("--xx\r\n" FORM "\r\n--xx--", "xx");
    assert_int_equal(p.status, MULTIPART_OK);
    assert_int_equal(p.bytes[0], 0);
    p = PARSE("--xx\r\n" FORM "\r\n--xxy\r\n--x\r\n --xx--\r\n\r\n--xx--", "xx");
    assert_int_equal(p.count, 1); /* what looks like the boundary */
    assert_string_equal(p.data[0], "--xxy\r\n--x\r\n --xx--\r\n");
    p = PARSE("--xx\r\nContent-Disposition: form-data; filename=b; name=a\r\n\r\nv\r\n--xx--",
              "xx");
    assert_string_equal(p.name[0], "a"); /* without quotes */
    assert_string_equal(p.file[0], "b");
    p = PARSE("--xx\r\nContent-Disposition: form-data; filename=\"; name=b\"; name=\"a\"\r\n\r\nv"
              "\r\n--xx--",
              "xx");
    assert_string_equal(p.name[0], "a"); /* a parameter within quotes is none */
}

static void test_wrong(void **state)
{
    (void)state;
    assert_int_equal(PARSE("", "xx").status, MULTIPART_CUT);
    assert_int_equal(PARSE("no boundary at all", "xx").status, MULTIPART_CUT);
    assert_int_equal(PARSE("--xx\r\n" FORM "\r\nv\r\n--xx--", "").status, MULTIPART_NO_BOUNDARY);
    assert_int_equal(PARSE("--xx\r\nContent-Type: text/plain\r\n\r\na\r\n--xx--", "xx").status,
                     MULTIPART_BAD_HEADER);
    assert_int_equal(
        PARSE("--xx\r\nContent-Disposition: form-data\r\n\r\na\r\n--xx--", "xx").status,
        MULTIPART_BAD_HEADER);
    assert_int_equal(
        PARSE("--xx\r\nContent-Disposition: form-data; name=\"\"\r\n\r\na\r\n--xx--", "xx").status,
        MULTIPART_BAD_HEADER);
    assert_int_equal(
        PARSE("--xx\r\nContent-Disposition: form-data; name=\"a\r\n\r\na\r\n--xx--", "xx").status,
        MULTIPART_BAD_HEADER); /* a quote that does not end */
    assert_int_equal(
        PARSE("--xx\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\na\r\n--xx--", "xx")
            .status,
        MULTIPART_BAD_HEADER);
    assert_int_equal(PARSE("--xx\r\n" FORM "--xx--", "xx").status, MULTIPART_BAD_HEADER);
    assert_int_equal(PARSE("--xx\r\n--xx\r\n--xx--", "xx").status, MULTIPART_BAD_HEADER);
    char many[1000];
    size_t n = 0;
    for (int i = 0; i <= MOST; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, "--xx\r\n" FORM "\r\nv\r\n");
    n += (size_t)snprintf(many + n, sizeof many - n, "--xx--");
    assert_int_equal(parse(many, n, "xx").status, MULTIPART_TOO_MANY);
}

static void test_boundaries(void **state)
{
    char b[MULTIPART_LONGEST_BOUNDARY + 1], type[200];
    (void)state;
    assert_int_equal(multipart_boundary("multipart/form-data; boundary=xx", b), MULTIPART_OK);
    assert_string_equal(b, "xx");
    assert_int_equal(multipart_boundary("multipart/form-data;BOUNDARY=\"x y\"; a=b", b),
                     MULTIPART_OK);
    assert_string_equal(b, "x y");
    assert_int_equal(multipart_boundary("multipart/form-data; a=\"; boundary=no\"; boundary=xx", b),
                     MULTIPART_OK);
    assert_string_equal(b, "xx");
    static const char *const none[] = {"multipart/form-data", "multipart/form-data; boundary=",
                                       "multipart/form-data; boundary=\"x",
                                       "multipart/form-data; boundaryx=1", ""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(multipart_boundary(none[i], b), MULTIPART_NO_BOUNDARY);
    for (int n = 69; n < 73; n++) {
        snprintf(type, sizeof type, "multipart/form-data; boundary=%0*d", n, 0);
        assert_int_equal(multipart_boundary(type, b),
                         n <= 70 ? MULTIPART_OK : MULTIPART_NO_BOUNDARY);
    }
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    unsigned char out[64];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t length;
        const size_t n = strlen(pairs[i][0]);
        char *text = base64_encode(pairs[i][0], n, &length);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(length, strlen(text));
        assert_int_equal(base64_decode(text, length, out), n);
        assert_memory_equal(out, pairs[i][0], n);
        assert_int_equal(base64_decode(text, strcspn(text, "="), out), n); /* without padding */
        free(text);
    }
    assert_int_equal(base64_decode(" Zm\r\n9v\tYg = = ", 15, out), 4);
    assert_memory_equal(out, "foob", 4);
    assert_int_equal(base64_decode("-_+/", 4, out), 3); /* both alphabets */
    assert_memory_equal(out, "\xfb\xff\xbf", 3);
    static const char *const wrong[] = {
        "Z", "Zm9vY", "Zg=", "Zg===", "=", "Zm9v=", "Zm.v", "Zg==Zg"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), out), -1);
    for (size_t n = 0; n < 300; n++) { /* decoded in place, between guard pages */
        unsigned char bytes[300];
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)(i * 37 + n);
        size_t length;
        char *text = base64_encode(bytes, n, &length);
        struct guard g = guard_new(length, 1, 1);
        memcpy(g.data, text, length);
        assert_int_equal(base64_decode((char *)g.data, length, g.data), n);
        assert_memory_equal(g.data, bytes, n);
        assert_true(base64_room(length) >= n);
        guard_free(&g);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curl),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_bent_at_every_byte),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
