/* What an evaluation found: one tree, from which JSON, the page for people and the goals of a KPI
 * file are taken. `stats` has the numbers that sum it up; other members are objects of numbers,
 * lists of objects (tables) or lists of numbers (curves, matrices). */
#ifndef INFER_TOOLS_EVAL_REPORT_H
#define INFER_TOOLS_EVAL_REPORT_H

#include <stdio.h>

#include "third_party/yyjson/yyjson.h"

struct report {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root, *stats, *intervals;
};

/* 0 without memory. What else finds no memory is left out and noticed by report_whole. */
int report_begin(struct report *r);
void report_end(struct report *r);
int report_whole(const struct report *r);

/* A new object or list under a key; in a list where `key` is NULL. */
yyjson_mut_val *report_object(struct report *r, yyjson_mut_val *parent, const char *key);
yyjson_mut_val *report_list(struct report *r, yyjson_mut_val *parent, const char *key);
/* A number; null where it is not finite. */
void report_number(struct report *r, yyjson_mut_val *object, const char *key, double v);
void report_count(struct report *r, yyjson_mut_val *object, const char *key, double v);
void report_string(struct report *r, yyjson_mut_val *object, const char *key, const char *text);
void report_flag(struct report *r, yyjson_mut_val *object, const char *key, int v);
/* A list of numbers, whole ones where `counts` is set. */
void report_numbers(struct report *r, yyjson_mut_val *parent, const char *key, const double *v,
                    size_t n, int counts);
/* The interval of one of the numbers. */
void report_interval(struct report *r, const char *name, const double interval[2]);

/* A number by its name: in stats, else in another object, else by a path ("per_class.dog.AP", where
 * `dog` is the name of a list's element). 0 where there is none. */
int report_find(const struct report *r, const char *name, double *v);

/* Both return 0 where there is no memory. */
int report_write_json(const struct report *r, FILE *f);
void report_write_text(const struct report *r, FILE *f);

#endif
