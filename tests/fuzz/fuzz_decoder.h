/* What fuzz_decoder asks about: families of decoders, in the order of their list, and two more. */
#ifndef INFER_TESTS_FUZZ_DECODER_H
#define INFER_TESTS_FUZZ_DECODER_H

#include "tools/decoders/decoder.h"

/* FUZZ_FAMILIES: how many there are; test_tool_fuzz_decoders sees to it. */
enum { FUZZ_FAMILIES = 28, FUZZ_DECODERS = FUZZ_FAMILIES + 2 };

/* How often each has come as far as an answer. */
extern unsigned fuzz_decoder_reached[FUZZ_DECODERS];

#endif
