/* What the files of the repository share; others see repository.h. */
#ifndef INFER_TOOLS_SERVE_REPOSITORY_PARTS_H
#define INFER_TOOLS_SERVE_REPOSITORY_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "tools/serve/models/found.h"
#include "tools/serve/models/repository.h"

/* A version that there is, or was. */
struct entry {
    struct found found; /* its file, as it was loaded */
    enum model_state state;
    char reason[300];
    struct version *version;
    int unloaded;                    /* by call, this one alone */
    int evicted;                     /* for want of memory: a request brings it back */
    uint64_t asked_ns;               /* CLOCK_MONOTONIC, when it was last asked for */
    struct version_options *options; /* of a file that was added by call; NULL: those of all */
};

/* A version by another name, as "stable". */
struct version_label {
    char name[64];
    int64_t number;
};

struct model {
    char *name;
    int unloaded;           /* by call: not loaded until a call says so */
    int64_t preferred;      /* the version that is meant where none is named; 0: the newest */
    int64_t canary, shadow; /* versions that get a share of its requests; 0: none */
    struct version_options *options; /* that a call to load has brought; NULL: those of all */
    struct version_policy policy;    /* likewise */
    double canary_percent, shadow_percent, canary_turn, shadow_turn;
    struct version_label *labels;
    int nlabels;
    struct entry *entries; /* by number */
    int nentries;
};

struct repository {
    struct repository_options options;
    pthread_mutex_t changing; /* one change at a time; taken before `lock` */
    pthread_mutex_t lock;     /* of the lists below */
    struct model **models;    /* by name */
    int nmodels;
    atomic_ullong generation; /* one more behind every change of what a name leads to */
    struct found_list added;  /* files that calls have added; under `changing` */
};

/* Under the lock. */
struct model *repository_find(const struct repository *r, const char *name, size_t n);
struct entry *repository_entry(const struct model *m, int64_t number);
struct entry *repository_make_entry(struct model *m, int64_t number); /* NULL: no memory */
/* Takes a version out of an entry; the caller retires it outside the lock. */
struct version *repository_take(struct repository *r, struct entry *e, const char *reason);

/* Under `changing`, outside the lock. */
void repository_search(struct repository *r, struct found_list *list);
/* Evicts versions while all take more than the limit, but for `kept`. */
void repository_make_room(struct repository *r, const struct version *kept);
/* Forgets the files that calls have added under a name. */
void repository_forget(struct repository *r, const char *name);
/* Ends what was taken out; NULL is fine. */
void repository_retire(struct repository *r, struct version *v, const char *what);
/* The model of a name, which is made where there is none; NULL without memory. */
struct model *repository_model(struct repository *r, const char *name);
/* Loads one version and puts it in the place of what was there. 1: it is ready. */
int repository_load_entry(struct repository *r, struct model *m, const struct found *f);

/* Loads a version again that was evicted; outside both locks. 0: there is none. */
int repository_bring_back(struct repository *r, const char *name, size_t n, int64_t number);

#endif
