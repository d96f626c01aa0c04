/* What the fuzz targets share. A target is one file: it defines LLVMFuzzerTestOneInput and says
 * which property it tests. libFuzzer, AFL++ or tests/fuzz/replay.c feed it. */
#ifndef INFER_TESTS_FUZZ_H
#define INFER_TESTS_FUZZ_H

#include <stdio.h>

#include "file/model.h"
#include "tests/file_bytes.h"
#include "tests/fuzz/require.h"

/* Of fuzz_session: how many inputs came as far as a run. */
extern unsigned fuzz_session_runs;

/* Packed weights are again of the weights that the file has, whose checksum is right. */
FIXTURE void fuzz_repack(unsigned char *file, size_t size)
{
    uint64_t weights = 0;
    for (uint64_t i = 0; i < get_le(file + 20, 4) && 96 + 32 * i <= size; i++) {
        const unsigned char *e = file + 64 + 32 * i;
        const uint64_t kind = get_le(e, 4), offset = get_le(e + 8, 8);
        if (kind == INFER__SECTION_WEIGHTS)
            weights = get_le(e + 24, 8);
        if (kind == INFER__SECTION_PACKED && offset <= size && size - offset >= 24)
            put_le(file + offset + 16, 8, weights);
    }
}

/* A file that was changed becomes one again: magic, size, checksums. */
FIXTURE void fuzz_reseal(unsigned char *file, size_t size)
{
    if (size < INFER__FILE_HEADER)
        return;
    memcpy(file, INFER__FILE_MAGIC, 8);
    put_le(file + 24, 8, size);
    reseal(file, size);
    fuzz_repack(file, size);
    reseal(file, size);
}

/* What stands behind a file in an input, see fuzz_session.c. */
struct fuzz_choices {
    uint8_t byte[32];
};

/* Takes an input apart: returns where the file ends, as its header says, else the whole size. */
FIXTURE size_t fuzz_split(const uint8_t *data, size_t size, struct fuzz_choices *choices)
{
    uint64_t end = size >= INFER__FILE_HEADER ? get_le(data + 24, 8) : size;
    size_t bytes = end >= INFER__FILE_HEADER && end <= size ? (size_t)end : size;
    size_t rest = size - bytes < sizeof choices->byte ? size - bytes : sizeof choices->byte;
    memset(choices, 0, sizeof *choices);
    memcpy(choices->byte, data + bytes, rest);
    return bytes;
}

#endif
