/* Pictures put aside so that somebody labels them: some drawn evenly from all, those that the model
 * was least sure of, and those least like the reference. They lie in a folder that stays within
 * bounds, each with a file of JSON beside it that says what it is. */
#ifndef INFER_TOOLS_MONITOR_SAMPLER_H
#define INFER_TOOLS_MONITOR_SAMPLER_H

#include "tools/monitor/features.h"

enum sample_kind { SAMPLE_RESERVOIR, SAMPLE_LEAST_CONFIDENT, SAMPLE_MOST_DRIFTED, SAMPLE_KINDS };
enum { SAMPLER_MOST = 10000 };

/* What is 0 is as said here. */
struct sampler_options {
    uint32_t most;       /* 100; pictures of each kind, SAMPLER_MOST at most */
    uint64_t most_bytes; /* 64 MiB; of all files together, a third for each kind */
    double keep;         /* 7 days, in seconds; one that is older makes room for any other; below 0:
                            for ever */
    uint64_t seed;       /* of what is drawn */
};

struct sampler;

/* Samples in a folder, which is made where it is missing; those of an earlier process are taken
 * over, and those that pass the bounds go. The folder belongs to this one process. *s is to be
 * freed with sampler_free, for which NULL is fine; the files stay. Returns an exit status after a
 * message. */
int sampler_open(const char *folder, const struct sampler_options *o, struct sampler **s);
void sampler_free(struct sampler *s);

struct sample {
    const void *bytes; /* the picture as it came */
    size_t size;
    const char *id, *model, *version; /* NULL: none */
    double time;
    const struct features *features;
    double oddness; /* monitor_oddness */
};

/* Offers a picture; any thread, one after the other. It writes at most three pictures, each with
 * its file of JSON, and waits for the disk: not for the thread that answers. write_file is used,
 * which no other thread may do at the same time. Returns an exit status after a message, where a
 * file can't be written; the picture is then left out. */
int sampler_offer(struct sampler *s, const struct sample *x);
/* Whether it would be taken but for the reservoir, whose draw is made by sampler_offer: so that a
 * server need not keep pictures that are of no interest. */
int sampler_wants(struct sampler *s, const struct features *f, double oddness, double now);

/* What is in the folder. */
struct sampler_count {
    uint32_t pictures[SAMPLE_KINDS];
    uint64_t bytes, offered;
};
struct sampler_count sampler_count(struct sampler *s);

#endif
