/* Requests of KServe v2: JSON, a 0, tensors behind it; or, behind a 0 alone, a tensor that is all.
 *
 * Property: for any bytes a request is refused with a sentence, or every input that was given has
 * as many elements as its shape says, in memory that can be read; results of such a request are
 * whole, with as many texts as their shape says where they are classes.
 */
#include "tests/fuzz/require.h"
#include "tests/serve_version.h"
#include "tools/serve/kserve/kserve.h"

/* Reads every byte, so that AddressSanitizer sees those that are not there. */
static void touch(const void *data, size_t bytes)
{
    static volatile unsigned char sum;
    for (size_t i = 0; i < bytes; i++)
        sum = (unsigned char)(sum + ((const unsigned char *)data)[i]);
}

static void check_input(const struct job_tensor *t)
{
    size_t elements = 1;
    for (int32_t k = 0; k < t->rank; k++)
        elements *= (size_t)t->dims[k];
    REQUIRE(t->bytes == elements * infer_type_size(t->type));
    REQUIRE(t->data || t->bytes == 0);
    REQUIRE((uintptr_t)t->data % infer_type_size(t->type) == 0);
    touch(t->data, t->bytes);
}

/* As if the model had given back its first input. */
static void check_results(struct v2_request *q)
{
    struct job *job = q->job;
    struct v2_error err = {.text = ""};
    int count;
    REQUIRE(job_outputs_begin(job));
    job->outputs[0] = job->inputs[0];
    job->outputs[0].data = malloc(job->inputs[0].bytes + 1);
    REQUIRE(job->outputs[0].data != NULL);
    if (job->inputs[0].bytes)
        memcpy(job->outputs[0].data, job->inputs[0].data, job->inputs[0].bytes);
    struct v2_result *r = v2_results(q, &count, &err);
    REQUIRE(r && count == 1);
    touch(r[0].data, r[0].bytes);
    if (r[0].info.type == INFER_TYPE_NONE) {
        struct v2_text text;
        size_t at = 0, texts = 0;
        while (v2_next_text(r[0].data, r[0].bytes, &at, &text))
            texts++;
        REQUIRE(at == r[0].bytes);
        REQUIRE(texts == (size_t)(r[0].info.dims[0] * r[0].info.dims[1]));
    }
    v2_results_free(r, count);
}

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
