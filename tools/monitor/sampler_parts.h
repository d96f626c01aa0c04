/* What the two parts of samples share. */
#ifndef INFER_TOOLS_MONITOR_SAMPLER_PARTS_H
#define INFER_TOOLS_MONITOR_SAMPLER_PARTS_H

#include <pthread.h>

#include "tools/monitor/sampler.h"

enum { SAMPLE_NAME = 64, SAMPLE_PATH = 3000, SAMPLE_JSON = 1024, SAMPLE_ENDING = 8 };

/* A picture that lies in the folder. */
struct slot {
    double rank, time;
    uint64_t number, bytes; /* bytes: of both files */
    char ending[SAMPLE_ENDING];
};

struct sampler {
    pthread_mutex_t lock;
    char *folder;
    uint32_t most;
    uint64_t most_bytes, offered, last_number, random;
    double keep;
    struct slots {
        struct slot *items; /* room for most + 1 */
        uint32_t count;
        uint64_t bytes;
    } slots[SAMPLE_KINDS];
};

extern const char *const sample_names[SAMPLE_KINDS];

/* "most-drifted-000123.jpg" */
void sample_file(char name[SAMPLE_NAME], int kind, uint64_t number, const char *ending);
/* Takes a picture out of its list, and its files out of the folder. */
void sampler_remove(struct sampler *s, int kind, uint32_t at);
/* Removes pictures until `count` more of `bytes` fit. */
void sampler_make_room(struct sampler *s, int kind, uint64_t bytes, uint32_t count, double now);
/* Reads what an earlier process has left. An exit status after a message. */
int sampler_take_over(struct sampler *s);

#endif
