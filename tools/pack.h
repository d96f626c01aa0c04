/* Packed weights in a model's file, behind `infer pack` and `infer convert --pack`. */
#ifndef INFER_TOOLS_PACK_H
#define INFER_TOOLS_PACK_H

#include "file/packed_section.h"

enum { PACK_MOST_LEVELS = 16 };

/* Levels of instructions, each once. */
struct pack_levels {
    infer_isa level[PACK_MOST_LEVELS];
    int n;
};

/* Reads "native,avx2" from option --`option`. `here` 1: a level that this CPU lacks is an error, as
 * only it can write what its kernels want. Returns 0 after a usage message. */
int pack_levels(const char *option, const char *text, int here, struct pack_levels *levels);

/* What to do with a file's sections. */
struct pack_change {
    const infer_session_options *options; /* shapes and precision to pack for */
    struct pack_levels add;               /* sections to make, or to add to */
    struct pack_levels remove;            /* sections that go, before others come */
    int remove_all;                       /* 1: all of them go */
};

/* The model's file with its packed weights changed: *bytes is to be freed with infer__free. What a
 * section of the same level has already, of other shapes say, stays in it, unless another library
 * has packed it. A level of which nothing is kept has no section. */
infer_status pack_file(const infer_model *model, const struct pack_change *change, void **bytes,
                       size_t *size, infer_error *err);

#endif
