/* Vectors of the measures: files with inputs and the numbers that reference packages make of them,
 * our own small ones and those of INFER_SHARED. */
#ifndef INFER_TESTS_EVAL_VECTORS_H
#define INFER_TESTS_EVAL_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "third_party/yyjson/yyjson.h"

#define OWN_VECTORS "tests/data/eval/"

/* What was compared so far, and the greatest difference. */
static unsigned long compared;
static double greatest;

/* The folder of vectors outside, or NULL after saying that it is skipped. */
static inline const char *shared_vectors(const char *part)
{
    static char path[400];
    struct stat st;
    const char *shared = getenv("INFER_SHARED");
    snprintf(path, sizeof path, "%s/vision/%s", shared ? shared : "../shared", part);
    if (stat(path, &st) == 0)
        return path;
    printf("skipped: %s is not there\n", path);
    return NULL;
}

static inline yyjson_doc *load_vectors(const char *in, const char *name)
{
    char path[600];
    yyjson_read_err e;
    snprintf(path, sizeof path, "%s/%s", in, name);
    yyjson_doc *doc = yyjson_read_file(path, 0, NULL, &e);
    if (!doc)
        fail_msg("%s: %s", path, e.msg);
    return doc;
}

/* Calls `check` with each folder inside `root` that has a file of that name; how many. */
static inline int each_case(const char *root, const char *file, void (*check)(const char *path))
{
    int n = 0;
    DIR *d = root ? opendir(root) : NULL;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[600], inside[700];
        struct stat st;
        snprintf(path, sizeof path, "%.300s/%.250s", root, e->d_name);
        snprintf(inside, sizeof inside, "%s/%s", path, file);
        if (e->d_name[0] == '.' || stat(inside, &st) != 0)
            continue;
        check(path);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

/* The tolerance is the one that our metrics promise: sums in another order differ by some 1e-16. */
static inline void near_at(double got, double want, double tolerance, const char *what)
{
    const double difference = fabs(got - want);
    if (!(difference <= tolerance))
        fail_msg("%s: %.17g, not %.17g", what, got, want);
    compared++;
    greatest = difference > greatest ? difference : greatest;
}

/* `want` may be null, which our functions give as a number that is none. */
static inline void near_value(double got, yyjson_val *want, const char *what)
{
    if (yyjson_is_null(want)) {
        if (!isnan(got))
            fail_msg("%s: %.17g, not null", what, got);
        compared++;
        return;
    }
    if (!yyjson_is_num(want))
        fail_msg("%s: no number is wanted", what);
    near_at(got, yyjson_get_num(want), 1e-9, what);
}

static inline void near_key(double got, yyjson_val *object, const char *key)
{
    near_value(got, yyjson_obj_get(object, key), key);
}

static inline void near_list(const double *got, size_t n, yyjson_val *list, const char *what)
{
    yyjson_arr_iter it;
    if (yyjson_arr_size(list) != n)
        fail_msg("%s: %zu numbers, not %zu", what, n, yyjson_arr_size(list));
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;)
        near_value(*got++, v, what);
}

/* Prints what was compared since the last call, and sets back. */
static inline void say_compared(const char *what, int cases)
{
    printf("%s: %d cases, %lu numbers, greatest difference %.2g\n", what, cases, compared,
           greatest);
    compared = 0;
    greatest = 0;
}

/* A fixture: memory of a group of tests. */
static struct infer__region case_region;

static inline int region_begin(void **state)
{
    (void)state;
    infer__region_init(&case_region, NULL);
    return 0;
}

static inline int region_end(void **state)
{
    (void)state;
    infer__region_free(&case_region);
    return 0;
}

#endif
