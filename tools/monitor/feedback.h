/* What people say was right: accuracy, precision and recall while a model serves. */
#ifndef INFER_TOOLS_MONITOR_FEEDBACK_H
#define INFER_TOOLS_MONITOR_FEEDBACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Of one version of one model. Any thread may call any function at any time, but feedback_free. */
struct feedback;

/* `remembered`: answers that a label may still come for, the last so many, roughly; 0: 65,536. NULL
 * without memory. To be freed with feedback_free, for which NULL is fine. */
struct feedback *feedback_create(size_t remembered);
void feedback_free(struct feedback *f);

/* An answer was given. Ids should be different; where two are the same the later one counts. */
void feedback_remember(struct feedback *f, const char *id, int64_t predicted);

enum feedback_result {
    FEEDBACK_COUNTED,
    FEEDBACK_UNKNOWN, /* no such id, or too long ago */
    FEEDBACK_AGAIN,   /* it has its label */
    FEEDBACK_NO_MEMORY
};
/* The label of an answer that was remembered. */
enum feedback_result feedback_label(struct feedback *f, const char *id, int64_t truth);
/* A label with the answer that it is about; 0 without memory. */
int feedback_add(struct feedback *f, int64_t predicted, int64_t truth);

/* A share with its interval. */
struct share {
    uint64_t of, n;          /* so many of n */
    double value, low, high; /* NaN, 0 and 1 where n is 0 */
};
/* Wilson's interval (1927) at 95 %. */
struct share share_of(uint64_t of, uint64_t n);

struct feedback_class {
    int64_t class;
    struct share precision, recall;
};
struct feedback_report {
    struct share accuracy;
    struct feedback_class *classes; /* of answers or labels, ascending; the caller's, to be freed */
    size_t count;
};
/* 0 without memory. */
int feedback_report(struct feedback *f, struct feedback_report *r);

/* The label of a class, or NULL. */
typedef const char *feedback_name(void *ctx, int64_t class);
/* One JSON object. `name` may be NULL. */
void feedback_json(FILE *f, const struct feedback_report *r, feedback_name *name, void *ctx);

#endif
