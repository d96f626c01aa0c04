/* The tuned section: which kernel was the fastest for which task on one CPU. A file may have
 * several, one for each CPU and library. docs/format.md has the bytes; what a key means is
 * src/plan's business. */
#ifndef INFER_FILE_TUNED_SECTION_H
#define INFER_FILE_TUNED_SECTION_H

#include "file/model.h"

/* What the measurements hold for; it is compared whole. */
struct infer__tuned_for {
    char vendor[12];  /* cpuid leaf 0 */
    uint32_t cpu;     /* cpuid leaf 1, EAX: family, model, stepping */
    uint32_t isa;     /* infer_isa */
    uint32_t flags;   /* enum infer__tuned_library */
    uint64_t library; /* checksum of the library's version and the names of its kernels */
};

enum infer__tuned_library { INFER__TUNED_ONEDNN = 1 /* oneDNN is built in */ };

/* The measured best for a task. */
struct infer__tuned_entry {
    uint64_t key;
    const char *kernel;
    uint32_t flags; /* enum infer__tuned_flag */
};

enum infer__tuned_flag { INFER__TUNED_SERIAL = 1 /* all units on the calling thread */ };

/* A view of a section's bytes, which have been checked. */
struct infer__tuned {
    struct infer__tuned_for by;
    const unsigned char *entries; /* keys ascend */
    uint32_t nentries;
    const char *names;
};

/* Opens a section of a loaded model, or one of infer__tuned_encode. */
void infer__tuned_open(const void *section, struct infer__tuned *t);
/* Whether the model has such sections. */
int infer__tuned_any(const infer_model *model);
/* The model's section for `by`: 1, or 0 and an empty table. */
int infer__tuned_find(const infer_model *model, const struct infer__tuned_for *by,
                      struct infer__tuned *t);
/* Entry i; its name lies in the section. */
struct infer__tuned_entry infer__tuned_get(const struct infer__tuned *t, uint32_t i);
/* The entry of a key: 1, or 0. */
int infer__tuned_lookup(const struct infer__tuned *t, uint64_t key, struct infer__tuned_entry *e);

/* The bytes of a section, to be freed with infer__free: at least one entry, with different keys,
 * which are put in order. */
infer_status infer__tuned_encode(const struct infer__tuned_for *by,
                                 struct infer__tuned_entry *entries, uint32_t nentries,
                                 const infer_allocator *allocator, void **bytes, size_t *size,
                                 infer_error *err);

#endif
