/* How often each of a number of categories came. */
#ifndef INFER_TOOLS_MONITOR_COUNTER_H
#define INFER_TOOLS_MONITOR_COUNTER_H

#include "file/reader.h"
#include "file/write.h"

enum { COUNTER_MOST = 4096 /* categories; what comes behind them is `other` */ };

struct counter {
    uint64_t n, other;
    uint32_t count, room;
    struct counted {
        int64_t key;
        uint64_t times;
    } * rows; /* keys ascend */
};

/* {0} is an empty one. */
void counter_free(struct counter *c);
/* 0 without memory: nothing has changed. */
int counter_add(struct counter *c, int64_t key, uint64_t times);
int counter_merge(struct counter *c, const struct counter *other);
uint64_t counter_times(const struct counter *c, int64_t key);

size_t counter_bytes(const struct counter *c);
void counter_write(const struct counter *c, struct infer__writer *w);
/* As sketch_read. */
int counter_read(struct counter *c, struct infer__reader *r);

#endif
