/* NumPy's files.
 *
 * Property: for any bytes, npy_parse gives a status and a cleared tensor, or a tensor whose data
 * lies inside the bytes and ends with them; written again it parses to the same tensor.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/npy.h"

static int same(const infer_tensor *a, const infer_tensor *b)
{
    return a->type == b->type && a->rank == b->rank && a->bytes == b->bytes &&
           !memcmp(a->dims, b->dims, sizeof a->dims) &&
           (!a->bytes || !memcmp(a->data, b->data, a->bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    infer_tensor t, again, none = {0};
    infer_error err;
    size_t written = 0;
    uint8_t *block = fuzz_block(data, size);
    infer_status status = npy_parse(block, size, &t, &err);
    REQUIRE(status == err.status);
    if (status != INFER_OK) {
        REQUIRE(same(&t, &none) && !t.data);
    } else {
        REQUIRE((uint8_t *)t.data >= block && (uint8_t *)t.data + t.bytes == block + size);
        REQUIRE(infer_tensor_elements(&t) * infer_type_size(t.type) == t.bytes);
        void *bytes = npy_encode(&t, &written);
        REQUIRE(bytes != NULL);
        REQUIRE(npy_parse(bytes, written, &again, &err) == INFER_OK && same(&t, &again));
        free(bytes);
    }
    free(block);
    return 0;
}
