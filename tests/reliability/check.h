/* What the checks of this folder share. A check is a program of its own: it looks into one
 * requirement of docs/reliability.md, prints one line that begins with its number, and exits with
 * 0 if the requirement holds. checks.txt lists them; tests/reliability/run.sh runs them.
 *
 * INFER_SCALE says how much to do: "part" (seconds, for .ci/run), "ci" (the default: a minute or
 * so), "long". A check without anything to scale ignores it. */
#ifndef TESTS_RELIABILITY_CHECK_H
#define TESTS_RELIABILITY_CHECK_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of three numbers, as INFER_SCALE says. */
static inline uint64_t check_scale(uint64_t part, uint64_t ci, uint64_t at_length)
{
    const char *s = getenv("INFER_SCALE");
    if (s && strcmp(s, "part") == 0)
        return part;
    return s && strcmp(s, "long") == 0 ? at_length : ci;
}

/* The seed of random checks: INFER_SEED, else `otherwise`. Print it with a failure. */
static inline uint64_t check_seed(uint64_t otherwise)
{
    const char *s = getenv("INFER_SEED");
    return s ? strtoull(s, NULL, 0) : otherwise;
}

/* Counts failures and tells each of the first ones, so that one run shows more than one. */
struct check {
    const char *title; /* "R7 truncation" */
    uint64_t failures;
};

__attribute__((format(printf, 2, 3))) static inline void check_failed(struct check *c,
                                                                      const char *format, ...)
{
    va_list args;
    if (c->failures++ >= 20)
        return;
    va_start(args, format);
    fprintf(stderr, "%s: ", c->title);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* The check's line, "R7 truncation: 48,211 prefixes of 14 files, 0 failures"; returns the exit
 * status. */
__attribute__((format(printf, 2, 3))) static inline int check_report(const struct check *c,
                                                                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s: ", c->title);
    vprintf(format, args);
    printf(", %llu failures\n", (unsigned long long)c->failures);
    va_end(args);
    return c->failures ? 1 : 0;
}

/* A check that can't be done here: says why, and passes. */
static inline int check_skip(const struct check *c, const char *why)
{
    printf("%s: skipped: %s\n", c->title, why);
    return 0;
}

#endif
