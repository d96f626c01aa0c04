/* Import holds weights once: the file is mapped, and what is parsed becomes the graph's constants.
 */
#include "tests/onnx_model.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 3000, BYTES = SIDE * SIDE * 4, MORE = 8 << 20 };

/* Writes a model with one matrix of weights. */
static void write_model(const char *path)
{
    struct builder b;
    float *w = calloc((size_t)SIDE * SIDE, sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i += 1000)
        w[i] = (float)i;
    build_begin(&b, 13);
    input(&b, "x", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){1, SIDE});
    initializer(&b, raw_tensor(&b, "w", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2,
                               (int64_t[]){SIDE, SIDE}, w, BYTES));
    node(&b, "MatMul", "x,w", "y");
    output(&b, "y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    pack(&b);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.bytes, 1, b.size, f), b.size);
    assert_int_equal(fclose(f), 0);
    build_end(&b);
    free(w);
}

/* Bytes of private memory that can be written to, which RLIMIT_DATA bounds. */
static size_t private_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    int n = f ? fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) : 0;
    if (f)
        fclose(f);
    return n == 1 ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static int import_within(const char *path, size_t bytes)
{
    struct infer__region region;
    struct infer__graph g;
    struct onnx_report report;
    infer_error err;
    const struct rlimit most = {bytes, bytes};
    if (setrlimit(RLIMIT_DATA, &most))
        return 2;
    infer__region_init(&region, NULL);
    onnx_report_init(&report, NULL);
    if (onnx_import(path, NULL, &region, &g, &report, &err) != INFER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (uint32_t i = 1; i < g.nvalues; i++)
        if (g.values[i].kind == INFER__VALUE_CONST) {
            float last;
            memcpy(&last, (const char *)g.values[i].data + ((size_t)SIDE * SIDE - 1000) * 4, 4);
            return last == (float)(SIDE * SIDE - 1000) ? 0 : 3;
        }
    return 4;
}

static void test_weights_once(void **state)
{
    char path[] = "/tmp/infer-XXXXXX";
    (void)state;
    int fd = mkstemp(path), status;
    assert_true(fd >= 0);
    close(fd);
    write_model(path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        _exit(import_within(path, private_bytes() + BYTES + MORE));
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink(path);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weights_once)};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    puts("skipped: a sanitizer takes memory of its own");
    return 0;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
