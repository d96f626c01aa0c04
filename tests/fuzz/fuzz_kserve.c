/* Requests of KServe v2: JSON, a 0, tensors behind it; or, behind a 0 alone, a tensor that is all.
 *
 * Property: for any bytes a request is refused with a sentence, or every input that was given has
 * as many elements as its shape says, in memory that can be read; results of such a request are
 * whole, with as many texts as their shape says where they are classes.
 */
#include "tests/fuzz/made_request.h"
#include "tools/serve/kserve/kserve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made_version made;
    struct kserve_call k = {.doc = NULL};
    struct v2_error err = {.text = ""};
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    const size_t json = zero ? (size_t)(zero - data) : size, behind = zero ? json + 1 : json;
    char *text = fuzz_block(data, json);
    uint8_t *binary = fuzz_block(data + behind, size - behind);
    make_version(&made, json ? 3 : 1);
    REQUIRE(v2_begin(&k.request, NULL, &made.version, &err));
    const int ok = json ? kserve_parse(&k, text, json, binary, size - behind, &err)
                        : v2_input_whole(&k.request, binary, size - behind, &err);
    REQUIRE(ok || (err.code != V2_OK && *err.text));
    for (int i = 0; ok && i < made.version.ninputs; i++)
        if (k.request.given[i])
            check_input(&k.request.job->inputs[i]);
    if (ok && k.request.given[0])
        check_results(&k.request);
    v2_free(&k.request);
    yyjson_doc_free(k.doc);
    free(binary);
    free(text);
    return 0;
}
