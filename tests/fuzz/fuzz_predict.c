/* JSON of predictions: TensorFlow Serving's rows and columns, which /predictions takes too;
 * pictures as base64 anywhere in a value; the configuration that comes with load.
 *
 * The first byte says which, the rest is the body. Property: for any bytes a body is refused with a
 * sentence, or every input that was given has as many elements as its shape says, in memory that
 * can be read, and what is answered is JSON; pictures that are found are pictures, of memory that
 * is theirs; a configuration that is taken has settings within their bounds.
 */
#include "tests/fuzz/made_request.h"
#include "tools/serve/kserve/kserve.h"
#include "tools/serve/kserve/load.h"
#include "tools/serve/predict/columns.h"
#include "tools/serve/predict/picture_list.h"
#include "tools/serve/transport/body.h"

enum { PICTURES = 'p', CONFIG = 'l', ALL_INPUTS = 'a' };

/* The first input back as rows and as columns. */
static void answer(struct v2_request *q)
{
    struct v2_error err;
    int count;
    struct v2_result *r = v2_results(q, &count, &err);
    REQUIRE(r && count == 1);
    for (int i = 0; i < 2; i++) {
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *v = i ? columns_rows(doc, r, count) : columns_values(doc, r, count);
        size_t bytes = 0;
        REQUIRE(v != NULL || i);
        if (v) {
            yyjson_mut_doc_set_root(doc, v);
            char *text = yyjson_mut_write(
                doc, YYJSON_WRITE_ALLOW_INF_AND_NAN | YYJSON_WRITE_ALLOW_INVALID_UNICODE, &bytes);
            REQUIRE(text && bytes);
            free(text);
        }
        yyjson_mut_doc_free(doc);
    }
    v2_results_free(r, count);
}

static void inputs_of(struct version *v, yyjson_val *root)
{
    struct v2_request q;
    struct columns_memory memory = {{NULL}};
    struct v2_error err = {.text = ""};
    REQUIRE(v2_begin(&q, NULL, v, &err));
    yyjson_val *rows = yyjson_obj_get(root, "instances"), *columns = yyjson_obj_get(root, "inputs");
    const int ok = rows ? columns_read_rows(&q, rows, &memory, &err)
                        : columns_read(&q, columns ? columns : root, &memory, &err);
    REQUIRE(ok || (err.code != V2_OK && *err.text));
    for (int i = 0; ok && i < v->ninputs; i++)
        if (q.given[i])
            check_input(&q.job->inputs[i]);
    if (ok && q.given[0]) {
        check_results(&q);
        answer(&q);
    }
    v2_free(&q);
    columns_free(&memory);
}

static void pictures_of(yyjson_val *root)
{
    static struct picture_list p;
    memset(&p, 0, sizeof p);
    picture_list_add_json(&p, root);
    REQUIRE(p.count >= 0 && p.count <= PICTURE_LIST_MOST);
    for (int i = 0; i < p.count; i++) {
        REQUIRE(body_is_picture(p.picture[i].data, p.picture[i].bytes));
        touch(p.picture[i].data, p.picture[i].bytes);
    }
    picture_list_free(&p);
}

static void config_of(const struct version *v, yyjson_val *root)
{
    struct load_config c = {.options = v->options};
    struct v2_error err = {.text = ""};
    const int ok = load_read(root, v->name, &c, &err) && load_fits(root, &c, v, &err);
    REQUIRE(ok || (err.code == V2_INVALID && *err.text));
    if (!ok)
        return;
    REQUIRE(c.options.max_batch >= 1 && c.options.max_batch <= 1024);
    REQUIRE(c.options.workers >= 0 && c.options.workers <= 1024);
    REQUIRE(c.options.max_queue >= 0 && c.options.max_queue <= 1000000);
    REQUIRE(c.policy.nspecific >= 0 && c.policy.nspecific <= REPOSITORY_MOST_SPECIFIC);
    for (int i = 1; i < VERSION_MOST_PREFERRED && c.options.preferred[i]; i++)
        REQUIRE(c.options.preferred[i] > c.options.preferred[i - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made_version made;
    static char path[] = "model.onnx";
    struct v2_error err = {.text = ""};
    if (size == 0)
        return 0;
    char *text = fuzz_block(data + 1, size - 1);
    make_version(&made, data[0] == ALL_INPUTS ? 3 : 1);
    made.version.path = path;
    yyjson_doc *doc = kserve_read(text, size - 1, &err);
    REQUIRE(doc || *err.text);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (doc && data[0] == PICTURES)
        pictures_of(root);
    else if (doc && data[0] == CONFIG && yyjson_is_obj(root))
        config_of(&made.version, root);
    else if (doc)
        inputs_of(&made.version, root);
    yyjson_doc_free(doc);
    free(text);
    return 0;
}
