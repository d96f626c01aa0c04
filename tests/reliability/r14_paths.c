/* R14: names of external data that lead out of the model's folder, or to anything but a plain file
 * in it, are refused, and no descriptor is closed twice or left open. The flat file has no path at
 * all (docs/format.md). */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/reliability/check.h"
#include "tools/onnx/onnx_import.h"

static struct check check = {.title = "R14 paths"};
static char folder[64];
static unsigned wrong_closes;

/* In place of the C library's: closing what is not open goes unnoticed otherwise. */
int close(int fd)
{
    long result = syscall(SYS_close, fd);
    wrong_closes += result < 0 && errno == EBADF;
    return (int)result;
}

/* ---- an ONNX model, byte by byte ------------------------------------------------------------ */

struct message {
    char bytes[4096];
    size_t n;
};

static void put_varint(struct message *m, unsigned v)
{
    for (; v >= 128; v >>= 7)
        m->bytes[m->n++] = (char)(v | 128);
    m->bytes[m->n++] = (char)v;
}

static void put_number(struct message *m, unsigned field, unsigned v)
{
    put_varint(m, field << 3);
    put_varint(m, v);
}

static void put_bytes(struct message *m, unsigned field, const void *bytes, size_t n)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, (unsigned)n);
    memcpy(m->bytes + m->n, bytes, n);
    m->n += n;
}

static void put_text(struct message *m, unsigned field, const char *s)
{
    put_bytes(m, field, s, strlen(s));
}

static void put_message(struct message *m, unsigned field, const struct message *inner)
{
    put_bytes(m, field, inner->bytes, inner->n);
}

/* An input or output of 4 floats. */
static void put_value(struct message *graph, unsigned field, const char *name)
{
    struct message dim = {0}, shape = {0}, tensor = {0}, type = {0}, value = {0};
    put_number(&dim, 1, 4);
    put_message(&shape, 1, &dim);
    put_number(&tensor, 1, 1);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    put_message(graph, field, &value);
}

static void put_external(struct message *tensor, const char *key, const char *value)
{
    struct message entry = {0};
    put_text(&entry, 1, key);
    put_text(&entry, 2, value);
    put_message(tensor, 13, &entry);
}

/* y = x + w, where w lies in another file. */
static void make_model(struct message *model, const char *location)
{
    struct message weights = {0}, node = {0}, graph = {0}, opset = {0};
    put_number(&weights, 1, 4);
    put_number(&weights, 2, 1);
    put_text(&weights, 8, "w");
    put_external(&weights, "location", location);
    put_number(&weights, 14, 1);
    put_text(&node, 1, "x");
    put_text(&node, 1, "w");
    put_text(&node, 2, "y");
    put_text(&node, 4, "Add");
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "g");
    put_message(&graph, 5, &weights);
    put_value(&graph, 11, "x");
    put_value(&graph, 12, "y");
    put_number(&opset, 2, 13);
    put_number(model, 1, 8);
    put_message(model, 7, &graph);
    put_message(model, 8, &opset);
}

/* ---- the folder ----------------------------------------------------------------------------- */

static const char *in_folder(const char *name)
{
    static char paths[2][256];
    static unsigned next;
    char *path = paths[next++ & 1];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    int good = f && fwrite(bytes, 1, n, f) == n;
    return f && fclose(f) == 0 && good;
}

static int make_folder(void)
{
    static const float data[4] = {1, 2, 3, 4};
    snprintf(folder, sizeof folder, "/tmp/infer-r14-XXXXXX");
    return mkdtemp(folder) && mkdir(in_folder("in"), 0700) == 0 &&
           mkdir(in_folder("in/sub"), 0700) == 0 &&
           write_bytes(in_folder("outside.bin"), data, sizeof data) &&
           write_bytes(in_folder("in/good.bin"), data, sizeof data) &&
           write_bytes(in_folder("in/sub/good.bin"), data, sizeof data) &&
           write_bytes(in_folder("in/two.bin"), data, sizeof data) &&
           link(in_folder("in/two.bin"), in_folder("in/hard.bin")) == 0 &&
           symlink("good.bin", in_folder("in/soft.bin")) == 0 &&
           symlink("../outside.bin", in_folder("in/out.bin")) == 0 &&
           symlink("sub", in_folder("in/softdir")) == 0 && symlink("..", in_folder("in/up")) == 0 &&
           symlink("/dev/zero", in_folder("in/zero")) == 0 &&
           mkfifo(in_folder("in/fifo"), 0600) == 0;
}

static void remove_folder(void)
{
    static const char *const names[] = {
        "in/good.bin", "in/sub/good.bin", "in/two.bin",  "in/hard.bin", "in/soft.bin",
        "in/out.bin",  "in/softdir",      "in/up",       "in/zero",     "in/fifo",
        "in/null",     "in/model.onnx",   "outside.bin", "in/sub",      "in"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(in_folder(names[i]));
    rmdir(folder);
}

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* ---- names ---------------------------------------------------------------------------------- */

static void expect(const char *location, int good)
{
    struct message model = {0};
    struct infer__region region;
    struct infer__graph graph;
    struct onnx_report report;
    infer_error err;
    make_model(&model, location);
    if (!write_bytes(in_folder("in/model.onnx"), model.bytes, model.n)) {
        check_failed(&check, "the model can't be written");
        return;
    }
    unsigned before = open_files(), wrong = wrong_closes;
    infer__region_init(&region, NULL);
    onnx_report_init(&report, NULL);
    infer_status status =
        onnx_import(in_folder("in/model.onnx"), NULL, &region, &graph, &report, &err);
    if ((status == INFER_OK) != good)
        check_failed(&check, "'%s': %s", location, infer_status_name(status));
    if (open_files() != before || wrong_closes != wrong)
        check_failed(&check, "'%s': descriptors, %u open before, %u now, %u closed twice", location,
                     before, open_files(), wrong_closes - wrong);
    onnx_report_free(&report);
    infer__region_free(&region);
}

int main(void)
{
    static const char *const good[] = {"good.bin", "./good.bin", "sub/good.bin", "sub//./good.bin",
                                       ".//good.bin"};
    static const char *const bad[] = {"../outside.bin",
                                      "sub/../good.bin",
                                      "sub/../../outside.bin",
                                      "..",
                                      "../",
                                      "up/outside.bin",
                                      "soft.bin",
                                      "out.bin",
                                      "softdir/good.bin",
                                      "zero",
                                      "fifo",
                                      "hard.bin",
                                      "two.bin",
                                      "null",
                                      "sub",
                                      "sub/",
                                      "sub/.",
                                      "sub/./",
                                      ".",
                                      "./",
                                      "./.",
                                      "././",
                                      ".//",
                                      "/",
                                      "//",
                                      "/dev/zero",
                                      "/etc/passwd",
                                      "/dev/stdin",
                                      "good.bin/",
                                      "good.bin/.",
                                      "good.bin/good.bin",
                                      "nothing.bin"};
    char long_name[600], absolute[300];
    if (!make_folder()) {
        remove_folder();
        return check_skip(&check, "no folder for its files");
    }
    /* only root may make a device; for others the name leads nowhere */
    (void)mknod(in_folder("in/null"), S_IFCHR | 0600, (dev_t)0x103);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(good[i], 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(bad[i], 0);
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    expect(long_name, 0);
    snprintf(absolute, sizeof absolute, "%s", in_folder("in/good.bin"));
    expect(absolute, 0);
    remove_folder();
    return check_report(&check, "%zu names refused, %zu of plain files below the folder taken",
                        sizeof bad / sizeof *bad + 2, sizeof good / sizeof *good);
}
