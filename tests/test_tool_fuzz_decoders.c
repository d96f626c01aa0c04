/* Every family of decoders has seeds of fuzz_decoder that come as far as an answer, with plain
 * numbers and with odd ones. What is new and has none fails here: add it to
 * tests/fuzz/make_seeds_decoders.c and FUZZ_FAMILIES, then `make fuzz-seeds`. */
#include "tests/file_fixture.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_decoder.h"

static void try_seed(const char *name, const char *behind, unsigned kind)
{
    char path[256];
    unsigned char bytes[4096];
    snprintf(path, sizeof path, "tests/fuzz/seeds/decoder/%s%s", name, behind);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: there is no such seed", path);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    const unsigned before = fuzz_decoder_reached[kind];
    assert_true(size > 0 && bytes[0] == kind);
    uint8_t *exact = fuzz_block(bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    if (fuzz_decoder_reached[kind] == before)
        fail_msg("%s does not come as far as an answer", path);
}

static void families(void **state)
{
    unsigned n = 0;
    (void)state;
    for (; decoder_families[n].name; n++) {
        assert_true(n < FUZZ_FAMILIES);
        try_seed(decoder_families[n].name, "", n);
        try_seed(decoder_families[n].name, "-odd", n);
    }
    assert_int_equal(n, FUZZ_FAMILIES);
    try_seed("classes", "", FUZZ_FAMILIES);
    try_seed("vectors", "", FUZZ_FAMILIES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
