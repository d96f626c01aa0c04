/* Seeds of fuzz_npy, fuzz_multipart, fuzz_kserve, fuzz_predict, fuzz_grpc, fuzz_http2 and
 * fuzz_args, and the sections that seeds of fuzz_load have. */
#include <stdlib.h>
#include <string.h>

#include "answer/decoding.h"
#include "file/packed_section.h"
#include "file/tuned_section.h"
#include "tests/fuzz/make_seeds.h"
#include "tools/monitor/profile.h"
#include "tools/npy.h"
#include "vision/preprocess_file.h"

/* Of a library that there never was: no session uses them. */
static struct infer__section packed_section(uint64_t weights)
{
    static void *bytes;
    const struct infer__stored_for by = {.level = INFER_ISA_AVX2, .library = 1};
    struct infer__stored_entry e[] = {{{{1, 2}}, "one", 4}, {{{2, 1}}, "two", 4}};
    struct infer__section s = {INFER__SECTION_PACKED, NULL, 0};
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    infer__free(&a, bytes);
    if (infer__stored_encode(&by, weights, e, 2, NULL, &bytes, &s.size, &err) != INFER_OK)
        abort();
    s.data = bytes;
    return s;
}

static struct infer__section statistics_section(void)
{
    static void *bytes;
    static size_t size;
    struct features f = {0};
    struct profile p;
    infer_error err;
    if (!bytes) {
        features_set(&f, FEATURE_BRIGHTNESS, 100);
        features_set(&f, FEATURE_CLASS, 3);
        profile_begin(&p);
        if (!profile_add(&p, &f) || profile_encode(&p, &bytes, &size, &err) != INFER_OK)
            abort();
        profile_free(&p);
    }
    return (struct infer__section){INFER__SECTION_STATISTICS, bytes, size};
}

struct seed_sections seed_sections(uint64_t weights)
{
    static uint8_t stored[INFER__PREPROCESS_BYTES], decoding[INFER__DECODING_BYTES];
    static void *tuned;
    static size_t size;
    struct infer__tuned_for by = {.vendor = "GenuineIntel", .isa = INFER_ISA_AVX2};
    struct infer__tuned_entry entries[] = {{1, "conv_f32_c", 0}, {2, "conv_f32_c", 1}};
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_decoding d = INFER_DECODING_INIT;
    infer_error err;
    d.task = INFER_TASK_DETECT;
    d.classes = 2;
    infer__preprocess_encode(&p, stored, &err);
    infer__decoding_encode(&d, decoding, &err);
    if (!tuned && infer__tuned_encode(&by, entries, 2, NULL, &tuned, &size, &err) != INFER_OK)
        abort();
    return (struct seed_sections){{{INFER__SECTION_PREPROCESS, stored, sizeof stored},
                                   {INFER__SECTION_DECODING, decoding, sizeof decoding},
                                   statistics_section(),
                                   {INFER__SECTION_TUNED, tuned, size},
                                   {INFER__SECTION_META, "meta", 4},
                                   packed_section(weights)}};
}

const struct infer__about *seed_about(void)
{
    static struct infer__dim_name dims[] = {{0, 0, 0, "batch"}, {0, 0, 2, "height"}};
    static struct infer__pair pairs[] = {{"names", "{0: 'cat',\n 1: 'd\xC3\xB6g'}"},
                                         {"stride", ""}};
    static const struct infer__about about = {"pytorch", "2.1", 17, 2, 2, dims, pairs};
    return &about;
}

static void npy_files(const char *folder)
{
    static const infer_type types[] = {INFER_F32, INFER_F64, INFER_F16, INFER_S8,
                                       INFER_U8,  INFER_S16, INFER_U16, INFER_S32,
                                       INFER_U32, INFER_S64, INFER_U64, INFER_BOOL};
    static char data[64];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        infer_tensor t = {.type = types[i], .rank = (int32_t)(i % 4), .dims = {2, 1, 3}};
        t.data = data;
        t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
        size_t size = 0;
        void *bytes = npy_encode(&t, &size);
        if (bytes)
            seed_write(folder, "npy", infer_type_name(types[i]), bytes, size);
        free(bytes);
    }
    static const char second[] = "\x93NUMPY\2\0\x3c\0\0\0{\"fortran_order\": False,'descr': '|u1', "
                                 "\t'shape': (2L, 1,), }    \n\1\2";
    seed_write(folder, "npy", "version_2", second, sizeof second - 1);
}

/* A Content-Type, a 0, a body. */
static void multipart_bodies(const char *folder)
{
    static const char curl[] = "multipart/form-data; boundary=----x1\0"
                               "------x1\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n5\r\n"
                               "------x1\r\nContent-Disposition: form-data; name=\"a\"; "
                               "filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\r\n"
                               "------x1--\r\n";
    static const char lines[] = "multipart/form-data; boundary=\"x y\"\0preamble\n--x y \n"
                                "content-disposition: form-data; filename=; name=a\n\n\n--x y--";
    seed_write(folder, "multipart", "curl", curl, sizeof curl - 1);
    seed_write(folder, "multipart", "lines", lines, sizeof lines - 1);
}

/* JSON, a 0, what stands behind it. */
static void kserve_requests(const char *folder)
{
    static const char json[] =
        "{\"id\":\"a\",\"parameters\":{\"timeout\":5,\"priority\":1},\"inputs\":[{\"name\":\"x\","
        "\"shape\":[2,3],\"datatype\":\"FP32\",\"data\":[[1,-2.5e3,NaN],[0.5,1e20,Infinity]]},"
        "{\"name\":\"n\",\"shape\":[2,2],\"datatype\":\"INT64\",\"data\":[1,-2,9007199254740993,0]}"
        ","
        "{\"name\":\"t\",\"shape\":[2,1],\"datatype\":\"BYTES\",\"data\":[\"ab\",\"\\u00e9\"]}],"
        "\"outputs\":[{\"name\":\"y\",\"parameters\":{\"classification\":2}}]}";
    static const char binary[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"parameters\":"
        "{\"binary_data_size\":8}},{\"name\":\"t\",\"shape\":[1,1],\"datatype\":\"BYTES\","
        "\"parameters\":{\"binary_data_size\":7}}],\"parameters\":{\"binary_data_output\":true}}"
        "\0\0\0\x80?\0\0\0@\3\0\0\0abc";
    static const char whole[] = "\0\0\0\x80?\0\0\0@\0\0@@";
    seed_write(folder, "kserve", "json", json, sizeof json - 1);
    seed_write(folder, "kserve", "binary", binary, sizeof binary - 1);
    seed_write(folder, "kserve", "whole", whole, sizeof whole - 1);
}

/* How they are cut, then messages behind their prefixes: ModelInfer with raw contents, one of them
 * long, with contents that have a type, and with what stands behind raw contents. */
static void grpc_messages(const char *folder)
{
    static const char typed[] = "\x07\0\0\0\0\x2a\x0a\6simple\x12\1"
                                "3\x1a\2id\x2a\x19\x0a\6INPUT0\x12\5INT32\x1a\2\1\2"
                                "\x2a\4\x12\2\x07\x08";
    static const char behind[] = "\0\0\0\0\0\0\0\0\0\0\x19\x3a\4abcd\x0a\1m\x3a\0"
                                 "\x32\x0c\x0a\1o\x12\7\x0a\1p\x12\2\x08\1";
    static char raw[5000] = "\x64\0\0\0\x13\x82\x0a\1m\x2a\x08\x0a\6INPUT0\x3a\xf2\x26";
    seed_write(folder, "grpc", "typed", typed, sizeof typed - 1);
    seed_write(folder, "grpc", "behind", behind, sizeof behind - 1);
    seed_write(folder, "grpc", "raw", raw, sizeof raw);
}

/* Which, then a body. */
static void prediction_bodies(const char *folder)
{
    static const struct {
        const char *name, *body;
    } rows[] = {
        {"rows", "r{\"signature_name\":\"\",\"instances\":[[1,2.5],[-3e2,NaN]]}"},
        {"columns", "r{\"inputs\":[[0.5,Infinity]]}"},
        {"all_rows", "a{\"instances\":[{\"x\":[1],\"n\":[5,6],\"t\":[\"ab\"]},"
                     "{\"x\":[2],\"n\":[7,-8],\"t\":[{\"b64\":\"AAE=\"}]}]}"},
        {"all_columns", "a{\"inputs\":{\"x\":[[1,2]],\"n\":[[9007199254740993,0]],"
                        "\"t\":[[\"\\u00e9\"]]}}"},
        {"pictures",
         "p{\"instances\":[{\"b64\":\"/9j/4AAQ\"},{\"image\":"
         "\"data:image/png;base64,iVBORw0KGgo=\"}],\"data\":[\"UDYKMSAxCjI1NQphYmM=\"]}"},
        {"config",
         "l{\"name\":\"made\",\"max_batch_size\":4,\"input\":[{\"name\":\"x\",\"data_type\":"
         "\"TYPE_FP32\",\"dims\":[-1]}],\"instance_group\":[{\"count\":2,\"kind\":\"KIND_CPU\"}],"
         "\"dynamic_batching\":{\"preferred_batch_size\":[2,4],"
         "\"max_queue_delay_microseconds\":\"100\",\"default_queue_policy\":"
         "{\"max_queue_size\":5,\"timeout_action\":\"REJECT\"}},"
         "\"version_policy\":{\"specific\":{\"versions\":[1,3]}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        seed_write(folder, "predict", rows[i].name, rows[i].body, strlen(rows[i].body));
}

/* How they are cut, then frames: a call of a method (headers without Huffman's code), its message
 * and the end of the stream; the same in a stream that goes on; and frames about a connection. */
static void http2_frames(const char *folder)
{
    static const char *const paths[] = {"/t.T/E", "/t.T/L", "/t.T/P", "/t.T/ES", "/t.T/RS"};
    unsigned char bytes[400];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        static const char type[] = "\x5f\x10"
                                   "application/grpc";
        const size_t length = strlen(paths[i]);
        size_t n = 1;
        bytes[0] = (unsigned char)(i * 16);
        const size_t head = n;
        memcpy(bytes + n, "\0\0\0\1\4\0\0\0\1\x83\x86\x04", 12);
        n += 12;
        bytes[n++] = (unsigned char)length;
        memcpy(bytes + n, paths[i], length);
        n += length;
        memcpy(bytes + n, type, sizeof type - 1);
        n += sizeof type - 1;
        bytes[head + 2] = (unsigned char)(n - head - 9);
        memcpy(bytes + n, "\0\0\x08\0\0\0\0\0\1\0\0\0\0\3abc", 17); /* DATA: one message */
        n += 17;
        memcpy(bytes + n, "\0\0\6\0\1\0\0\0\1\0\0\0\0\1x", 15); /* and the last */
        n += 15;
        char name[] = "call_0";
        name[5] = (char)('0' + i);
        seed_write(folder, "http2", name, bytes, n);
    }
    static const char frames[] = "\x09\0\0\6\4\0\0\0\0\0\0\4\0\0\0\x10" /* SETTINGS: a window */
                                 "\0\0\x08\6\0\0\0\0\0"
                                 "12345678"                              /* PING */
                                 "\0\0\4\x08\0\0\0\0\0\0\1\0\0"          /* WINDOW_UPDATE */
                                 "\0\0\4\3\0\0\0\0\1\0\0\0\x08"          /* RST_STREAM */
                                 "\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0"; /* GOAWAY */
    seed_write(folder, "http2", "frames", frames, sizeof frames - 1);
}

void seed_texts(const char *folder)
{
    static const char *const lines[] = {
        "infer\nmodel.infer\n--input-shape\nx=1x3x224x224\n--threads=2\n--isa\navx2\n--json",
        "infer\n--resize\n256x320\n--fit\nletterbox\n--fill=114\n--color\nbgr\n--mean\n1,2,3\nf",
        "infer\n--resize=72\n--crop\n64\n--scale\n0.017\n--filter\nbicubic\n--resampler\nopencv\nf",
        "infer\n--floats\n1,-2.5e3,0x1p3\n-o\n7\n--\n--no-such\nb",
        "infer\n--precision\nbf16\n--no-onednn\n--no-tuned\n--input-shape=a=b=4,5\n--help",
    };
    npy_files(folder);
    multipart_bodies(folder);
    kserve_requests(folder);
    grpc_messages(folder);
    prediction_bodies(folder);
    http2_frames(folder);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char name[] = "line_0";
        name[5] = (char)('0' + i);
        seed_write(folder, "args", name, lines[i], strlen(lines[i]));
    }
}
