/* A detector whose post-processing is in the graph, as exporters write it, from its ONNX file to
 * answers: predictions -> boxes and scores -> NonMaxSuppression -> the best few, with their
 * classes. Runs find nothing, some, or as many as there can be; any number of threads gives the
 * same. */
#include "tests/onnx_model.h"

#include <math.h>

#include "infer_experimental.h"

enum { BOXES = 60, CLASSES = 3, EACH = 8, BEST = 10, ROW = 6 };
#define LEAST 0.25f
#define OVERLAP 0.4f

static void scalar_int(struct builder *b, const char *name, int64_t v)
{
    initializer(b,
                raw_tensor(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0, NULL, &v, sizeof v));
}

static void axis_node(struct builder *b, const char *op, const char *in, const char *out,
                      int64_t axis)
{
    attr_int(b, node(b, op, in, out), "axis", axis);
}

/* x: 1 x (4 + CLASSES) x BOXES, boxes by centre and size. Results: rows of corners, score, class,
 * best first; their number; the places of the rows whose score is above 0.5. */
static void build_detector(struct builder *b)
{
    const int64_t dims[] = {1, 4 + CLASSES, BOXES}, parts[] = {4, CLASSES}, perm[] = {0, 2, 1};
    const int64_t each = EACH, zero = 0, one = 1, best = BEST, flat = -1, n = BOXES;
    const int64_t columns[] = {1, 1, 1, 1};
    const float overlap = OVERLAP, least = LEAST, half = 0.5f;
    frame(b, 13, 3, dims);
    b->graph.n_output = 0;
    output(b, "found", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    output(b, "count", ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    output(b, "sure", ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    ints(b, "parts", 2, parts);
    ints(b, "columns", 4, columns);
    ints(b, "each", 1, &each);
    ints(b, "zero", 1, &zero);
    ints(b, "one", 1, &one);
    ints(b, "best", 1, &best);
    ints(b, "flat", 1, &flat);
    ints(b, "n", 1, &n);
    scalar_int(b, "s1", 1);
    scalar_int(b, "s2", 2);
    floats(b, "overlap", 1, &one, &overlap);
    floats(b, "least", 1, &one, &least);
    floats(b, "half", 1, &one, &half);

    axis_node(b, "Split", "x,parts", "boxes,scores", 1);
    attr_ints(b, node(b, "Transpose", "boxes", "rows"), "perm", perm, 3);
    attr_int(b, node(b, "NonMaxSuppression", "rows,scores,each,overlap,least", "selected"),
             "center_point_box", 1);
    axis_node(b, "Gather", "selected,s1", "class", 1);
    axis_node(b, "Gather", "selected,s2", "place", 1);
    node(b, "Reshape", "scores,flat", "list");
    node(b, "Mul", "class,n", "before");
    node(b, "Add", "before,place", "at");
    axis_node(b, "Gather", "list,at", "score", 0);
    node(b, "Shape", "score", "many");
    node(b, "Min", "many,best", "k");
    axis_node(b, "TopK", "score,k", "top,order", 0);
    node(b, "Squeeze", "rows,zero", "table");
    axis_node(b, "Gather", "place,order", "place_of", 0);
    axis_node(b, "Gather", "class,order", "class_of", 0);
    axis_node(b, "Gather", "table,place_of", "box", 0);
    axis_node(b, "Split", "box,columns", "cx,cy,w,h", 1);
    node(b, "Mul", "w,half", "w2");
    node(b, "Mul", "h,half", "h2");
    node(b, "Sub", "cx,w2", "x0");
    node(b, "Sub", "cy,h2", "y0");
    node(b, "Add", "cx,w2", "x1");
    node(b, "Add", "cy,h2", "y1");
    node(b, "Unsqueeze", "top,one", "score_column");
    attr_int(b, node(b, "Cast", "class_of", "class_float"), "to",
             ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(b, "Unsqueeze", "class_float,one", "class_column");
    axis_node(b, "Concat", "x0,y0,x1,y1,score_column,class_column", "found", 1);
    node(b, "Shape", "top", "count");
    node(b, "Greater", "top,half", "high");
    node(b, "NonZero", "high", "sure");
}

/* ---- what is to be found -------------------------------------------------------------------- */

static float at(const float *x, int row, int box)
{
    return x[row * BOXES + box];
}

static int overlaps(const float *x, int a, int b)
{
    float low[2], high[2], both = 1, one = 1, other = 1;
    for (int k = 0; k < 2; k++) {
        low[k] = fmaxf(at(x, k, a) - at(x, 2 + k, a) / 2, at(x, k, b) - at(x, 2 + k, b) / 2);
        high[k] = fminf(at(x, k, a) + at(x, 2 + k, a) / 2, at(x, k, b) + at(x, 2 + k, b) / 2);
        both *= fmaxf(high[k] - low[k], 0);
        one *= at(x, 2 + k, a);
        other *= at(x, 2 + k, b);
    }
    return both / (one + other - both) > OVERLAP;
}

/* Of a class, the boxes that are kept; adds them to `list`, which is sorted by score. */
static int keep(const float *x, int class, int list[][2], int count)
{
    char gone[BOXES] = {0};
    for (int n = 0; n < EACH; n++) {
        int best = -1, to = count;
        for (int i = 0; i < BOXES; i++)
            if (!gone[i] && at(x, 4 + class, i) > LEAST &&
                (best < 0 || at(x, 4 + class, i) > at(x, 4 + class, best)))
                best = i;
        if (best < 0)
            break;
        for (int i = 0; i < BOXES; i++)
            gone[i] = gone[i] || i == best || overlaps(x, best, i);
        for (; to > 0 && at(x, 4 + list[to - 1][0], list[to - 1][1]) < at(x, 4 + class, best); to--)
            memcpy(list[to], list[to - 1], sizeof *list);
        list[to][0] = class;
        list[to][1] = best;
        count++;
    }
    return count;
}

static int expect_found(const float *x, const infer_tensor y[3])
{
    int list[CLASSES * EACH + 1][2], count = 0, sure = 0;
    for (int class = 0; class < CLASSES; class ++)
        count = keep(x, class, list, count);
    count = count < BEST ? count : BEST;
    assert_int_equal(y[0].rank, 2);
    assert_true(y[0].dims[0] == count && y[0].dims[1] == ROW);
    assert_true(*(const int64_t *)y[1].data == count);
    for (int i = 0; i < count; i++) {
        const float *row = (const float *)y[0].data + ROW * i;
        const int box = list[i][1];
        assert_true(fabsf(row[0] - (at(x, 0, box) - at(x, 2, box) / 2)) < 1e-4f);
        assert_true(fabsf(row[3] - (at(x, 1, box) + at(x, 3, box) / 2)) < 1e-4f);
        assert_true(row[4] == at(x, 4 + list[i][0], box));
        assert_true(row[5] == (float)list[i][0]);
        sure += row[4] > 0.5f;
    }
    assert_true(y[2].dims[0] == 1 && y[2].dims[1] == sure);
    for (int i = 0; i < sure; i++)
        assert_true(((const int64_t *)y[2].data)[i] == i);
    return count;
}

/* ---- running -------------------------------------------------------------------------------- */

/* Scores are spread evenly up to `highest`, in no order; boxes lie here and there. */
static void fill(float *x, float highest, unsigned seed)
{
    for (int i = 0; i < BOXES; i++) {
        seed = seed * 1103515245 + 12345;
        x[i] = (float)(seed >> 16 & 63);
        x[BOXES + i] = (float)(seed >> 22 & 63);
        x[2 * BOXES + i] = (float)(8 + (i & 7));
        x[3 * BOXES + i] = (float)(6 + (i % 5));
    }
    for (int i = 0; i < CLASSES * BOXES; i++)
        x[4 * BOXES + i] = highest * (float)(i * 77 % (CLASSES * BOXES)) / (CLASSES * BOXES);
}

static infer_session *session_of(const infer_model *model, uint32_t threads, infer_isa isa)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.threads = threads;
    o.isa = isa;
    if (infer_session_create(model, &o, &s, &err) != INFER_OK)
        fail_msg("%s: %s", err.node, err.message);
    return s;
}

static void run_detector(infer_session *s, int *fewest, int *most)
{
    static const float highest[] = {1, 0.2f, 0.26f, 0.4f, 0, 0.7f, 0.3f, 1};
    float x[(4 + CLASSES) * BOXES];
    infer_tensor in = {INFER_F32, 3, {1, 4 + CLASSES, BOXES}, x, sizeof x, {0, 0}};
    *fewest = BEST;
    *most = 0;
    for (size_t i = 0; i < sizeof highest / sizeof *highest; i++) {
        infer_tensor y[3] = {{0}};
        infer_error err;
        fill(x, highest[i], (unsigned)i);
        if (infer_run(s, &in, 1, y, 3, &err) != INFER_OK)
            fail_msg("%s: %s", err.node, err.message);
        const int count = expect_found(x, y);
        *fewest = count < *fewest ? count : *fewest;
        *most = count > *most ? count : *most;
    }
}

static void *file_bytes; /* of the model, which refers to them */

static infer_model *convert(void)
{
    struct builder b;
    struct imported i;
    infer_model *model = NULL;
    infer_error err;
    size_t size;
    build_detector(&b);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    struct infer__file_content c = {.graph = &i.g};
    assert_int_equal(infer__file_write(&c, NULL, &file_bytes, &size, &err), INFER_OK);
    assert_int_equal(infer_load_memory(file_bytes, size, NULL, &model, &err), INFER_OK);
    import_free(&i);
    build_end(&b);
    return model;
}

static void drop(infer_model **model)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_model_free(model);
    infer__free(&a, file_bytes);
}

static void test_detector(void **state)
{
    (void)state;
    static const infer_isa levels[] = {INFER_ISA_C, INFER_ISA_AVX2, INFER_ISA_DEFAULT};
    infer_model *model = convert();
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        for (uint32_t threads = 1; threads <= 3; threads++) {
            infer_session *s = session_of(model, threads, levels[i]);
            int fewest, most;
            run_detector(s, &fewest, &most);
            assert_int_equal(fewest, 0);
            assert_int_equal(most, BEST);
            infer_session_free(&s);
        }
    drop(&model);
}

/* What is known beforehand: of each class EACH boxes, of all BEST. */
static void test_most(void **state)
{
    (void)state;
    infer_model *model = convert();
    infer_session *s = session_of(model, 1, INFER_ISA_DEFAULT);
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    int selected = 0;
    assert_int_equal(infer_session_output(s, 0, &info, &err), INFER_OK);
    assert_true(info.rank == 2 && info.dims[0] == BEST && info.dims[1] == ROW);
    assert_int_equal(info.free_dims, 1);
    assert_int_equal(infer_session_output(s, 1, &info, &err), INFER_OK);
    assert_true(info.rank == 1 && info.dims[0] == 1 && info.free_dims == 0);
    assert_int_equal(infer_model_output(model, 0, &info, &err), INFER_OK);
    for (int k = 0; k < info.rank; k++) /* the file knows nothing of it */
        assert_true(info.dims[k] == 0 || !(info.free_dims >> k & 1));
    for (size_t k = 0; k < infer_session_steps(s); k++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        assert_int_equal(infer_session_step(s, k, &step, &err), INFER_OK);
        if (strcmp(step.op, "NonMaxSuppression") == 0) {
            assert_true(step.dims[0] == CLASSES * EACH);
            selected++;
        }
    }
    assert_int_equal(selected, 1);
    infer_session_free(&s);
    drop(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_detector),
                                       cmocka_unit_test(test_most)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
