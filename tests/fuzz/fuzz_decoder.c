/* Heads of every family of networks, as the family's decoder has them, to answers.
 *
 * Property: outputs of any shapes are taken for a family's or refused; where they are taken, the
 * network with the decoder behind it is a file that loads, and whatever numbers the outputs hold
 * (NaN and infinities too), asking it about a picture gives a status, or answers that are what the
 * call promises: boxes that have a score above the threshold and no NaN, no more than there is room
 * for; masks, points, lines, texts, classes; boxes that are followed get numbers that differ.
 * Nothing is left behind. -timeout and -rss_limit_mb of the engine bound time and memory.
 *
 * The input is a head of 12 bytes, 9 for each output, and numbers, which fill the outputs again and
 * again:
 *
 *     0  the family: a place in `decoder_families`; behind them classes (infer_classify) and
 *        vectors (infer_embed), which need no decoder
 *     1  outputs less 1
 *     2  bits: enum choice
 *     3  height and width of the picture: 32 times (1 + the low four bits), and the high ones
 *   4-5  outputs whose numbers go through Sigmoid, as bits
 *   6-7  those that go through Softmax
 *
 *     0  rank: 1 to 4
 *   1-8  dimensions, two bytes each; 1 where the tensor would be too large
 */
#include <math.h>

#include "answer/decoding.h"
#include "base/memory.h"
#include "file/write.h"
#include "infer_text.h"
#include "infer_vision.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_decoder.h"
#include "tools/edit.h"
#include "vision/preprocess_file.h"

enum { HEAD = 12, OF_OUTPUT = 9, MOST_OUTPUTS = 12, MOST_NUMBERS = 1 << 14, MOST_BOXES = 64 };
enum { MOST_MEMORY = 1 << 26, MOST_WORK = 200000000 };

enum choice {
    AUTO = 1,   /* the family is worked out */
    TELLS = 2,  /* the model tells of itself what Ultralytics' do */
    NO_NMS = 4, /* overlapping boxes stay */
    MASKS = 8,
    GREY = 16
};

unsigned fuzz_decoder_reached[FUZZ_DECODERS];

struct head {
    struct infer__region region;
    struct infer__graph g;
    const uint8_t *data;
    int32_t width, height, channels;
    uint32_t nothing; /* a number that is 0, or NaN, but hangs on the picture */
    infer_decoding decoding;
    infer_preprocess preprocess;
    infer_error err;
};

/* ---- the network ---------------------------------------------------------------------------- */

static uint32_t node(struct head *h, uint16_t op, const char *name, const uint32_t *in, uint32_t n)
{
    struct infer__node *added;
    uint32_t out;
    REQUIRE(infer__graph_add_value(&h->g, name, &out, &h->err) == INFER_OK);
    REQUIRE(infer__graph_add_node(&h->g, op, name, in, n, &out, 1, &added, &h->err) == INFER_OK);
    if (op == INFER__OP_REDUCE_MAX)
        REQUIRE(infer__node_set_ints(&h->g, added, INFER__ATTR_KEEPDIMS, (const int64_t[]){0}, 1,
                                     &h->err) == INFER_OK);
    return out;
}

static void add_picture(struct head *h)
{
    const float zero = 0;
    uint32_t x, number;
    REQUIRE(infer__graph_init(&h->g, &h->region, &h->err) == INFER_OK);
    REQUIRE(infer__graph_add_value(&h->g, "picture", &x, &h->err) == INFER_OK);
    struct infer__value *v = &h->g.values[x];
    v->type = INFER_F32;
    v->kind = INFER__VALUE_INPUT;
    v->rank = 4;
    v->shaped = 1;
    v->dims[0] = 1;
    v->dims[1] = h->channels;
    v->dims[2] = h->height;
    v->dims[3] = h->width;
    h->g.inputs = infer__region_copy(&h->region, &x, sizeof x);
    h->g.ninputs = 1;
    REQUIRE(infer__graph_add_const(&h->g, "zero", INFER_F32, 0, NULL, &zero, 1, &number, &h->err) ==
            INFER_OK);
    const uint32_t most = node(h, INFER__OP_REDUCE_MAX, "most", &x, 1);
    h->nothing = node(h, INFER__OP_MUL, "nothing", (const uint32_t[]){most, number}, 2);
}

/* Output i: numbers of the input, plus nothing. */
static uint32_t add_output(struct head *h, unsigned i, const uint8_t *numbers, size_t size)
{
    const uint8_t *is = h->data + HEAD + (size_t)OF_OUTPUT * i;
    const int rank = 1 + is[0] % 4;
    int64_t dims[4], count = 1;
    char name[16];
    uint32_t id;
    for (int k = 0; k < rank; k++) {
        dims[k] = is[1 + 2 * k] | is[2 + 2 * k] << 8;
        dims[k] = dims[k] < 1 || count * dims[k] > MOST_NUMBERS ? 1 : dims[k];
        count *= dims[k];
    }
    uint8_t *bytes = infer__region_calloc(&h->region, (size_t)count, sizeof(float));
    REQUIRE(bytes != NULL);
    for (size_t k = 0; size && k < (size_t)count * sizeof(float); k++)
        bytes[k] = numbers[k % size];
    snprintf(name, sizeof name, "numbers%u", i);
    REQUIRE(infer__graph_add_const(&h->g, name, INFER_F32, rank, dims, bytes, 1, &id, &h->err) ==
            INFER_OK);
    snprintf(name, sizeof name, "head%u", i);
    id = node(h, INFER__OP_ADD, name, (const uint32_t[]){id, h->nothing}, 2);
    snprintf(name, sizeof name, "output%u", i);
    if ((h->data[4] | h->data[5] << 8) >> i & 1)
        id = node(h, INFER__OP_SIGMOID, name, &id, 1);
    else if ((h->data[6] | h->data[7] << 8) >> i & 1)
        id = node(h, INFER__OP_SOFTMAX, name, &id, 1);
    return id;
}

/* Puts the family's decoder behind the outputs. */
static infer_status decode(struct head *h, const struct decoder_family *family)
{
    struct infer__pair pairs[] = {{"task", "obb"}, {"kpt_shape", "[3, 3]"}};
    const struct infer__about about = {.producer = "", .version = "", .npairs = 2, .pairs = pairs};
    const struct decoder_family *was = NULL;
    struct infer__value *shaped = NULL;
    infer_error second;
    const infer_status status = edit_infer(&h->g, &h->region, &shaped, &second, &h->err);
    if (status != INFER_OK)
        return status;
    infer__error_clear(&h->err);
    const infer_status applied = decoder_apply(&h->g, shaped, h->data[2] & TELLS ? &about : NULL,
                                               h->data[2] & AUTO ? "auto" : family->name,
                                               &h->decoding, &h->preprocess, &was, &h->err);
    REQUIRE(applied == h->err.status);
    if (applied == INFER_OK && was->open) { /* preprocessing that somebody has to give */
        h->preprocess.fit = INFER_FIT_STRETCH;
        h->preprocess.width = h->width;
        h->preprocess.height = h->height;
    }
    return applied;
}

static infer_model *load(struct head *h, int decoded, void **bytes)
{
    static const char *const labels[] = {"a", "\xc3\xa4", "b", "c", "d"};
    uint8_t preprocess[INFER__PREPROCESS_BYTES], decoding[INFER__DECODING_BYTES];
    struct infer__section extra[] = {{INFER__SECTION_PREPROCESS, preprocess, sizeof preprocess},
                                     {INFER__SECTION_DECODING, decoding, sizeof decoding}};
    const struct infer__file_content content = {.graph = &h->g,
                                                .labels = labels,
                                                .nlabels = 5,
                                                .extra = extra,
                                                .nextra = 1 + (uint32_t)decoded};
    infer_model *m = NULL;
    size_t size;
    REQUIRE(infer__preprocess_encode(&h->preprocess, preprocess, &h->err) == INFER_OK);
    if (decoded)
        REQUIRE(infer__decoding_encode(&h->decoding, decoding, &h->err) == INFER_OK);
    if (infer__file_write(&content, NULL, bytes, &size, &h->err) == INFER_OK)
        REQUIRE(infer_load_memory(*bytes, size, NULL, &m, &h->err) == INFER_OK);
    return m;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void follow(const infer_box *boxes, size_t n)
{
    infer_tracker *t;
    uint64_t ids[MOST_BOXES];
    REQUIRE(infer_tracker_create(NULL, &t, NULL) == INFER_OK);
    for (int frame = 0; frame < 3; frame++) {
        REQUIRE(infer_tracker_update(t, boxes, n, ids, NULL) == INFER_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < i; k++)
                REQUIRE(!ids[i] || ids[i] != ids[k]);
    }
    infer_tracker_free(&t);
}

static infer_status ask_boxes(struct head *h, infer_session *s, const infer_picture *picture)
{
    infer_box boxes[MOST_BOXES];
    infer_image masks[MOST_BOXES] = {{0}};
    infer_decoding d = h->decoding;
    const size_t points = d.points < 0 ? 0 : (size_t)d.points_count;
    infer_point *at = points ? fuzz_block(NULL, MOST_BOXES * points * sizeof *at) : NULL;
    size_t found = 7;
    if (h->data[2] & NO_NMS)
        d.suppress = INFER_SUPPRESS_NONE;
    const infer_detect_options o = {.size = sizeof o, .decoding = &d};
    infer_detections to = {.size = sizeof to,
                           .boxes = boxes,
                           .points = at,
                           .found = &found,
                           .most = MOST_BOXES,
                           .masks = h->data[2] & MASKS ? masks : NULL};
    const infer_status status = infer_detect(s, picture, 1, &o, &to, &h->err);
    REQUIRE(found <= (status == INFER_OK ? MOST_BOXES : 0));
    for (size_t i = 0; i < found; i++) {
        const infer_box *b = &boxes[i];
        REQUIRE(b->score > d.score_threshold && b->candidate >= 0);
        REQUIRE(b->index >= -1 && b->index < INFER__MOST_CLASSES);
        REQUIRE(!isnan(b->x0) && !isnan(b->y0) && !isnan(b->x1) && !isnan(b->y1));
        for (int32_t k = 0; masks[i].pixels && k < masks[i].width * masks[i].height; k++)
            REQUIRE(masks[i].pixels[k] <= 1);
    }
    follow(boxes, found);
    for (size_t i = 0; i < MOST_BOXES; i++)
        infer_image_free(&masks[i]);
    free(at);
    return status;
}

static infer_status ask_mask(struct head *h, infer_session *s, const infer_picture *picture)
{
    infer_image mask = {0};
    const int most = h->decoding.classes == 1 ? 2 : h->decoding.classes;
    const infer_status status = infer_segment(s, picture, NULL, &mask, &h->err);
    if (status == INFER_OK)
        REQUIRE(mask.width == picture->width && mask.height == picture->height);
    for (int32_t i = 0; i < mask.width * mask.height; i++)
        REQUIRE(mask.pixels[i] < most || mask.pixels[i] == INFER_MASK_UNSEEN);
    infer_image_free(&mask);
    return status;
}

static infer_status ask_text(struct head *h, infer_session *s, const infer_picture *picture)
{
    infer_quad quads[MOST_BOXES];
    size_t found = 0;
    char room[40];
    infer_text text = {.text = room, .room = sizeof room};
    if (h->decoding.task == INFER_TASK_TEXT) {
        const infer_status status = infer_read_text(s, picture, NULL, 1, NULL, &text, &h->err);
        REQUIRE(memchr(room, 0, sizeof room) != NULL);
        return status;
    }
    const infer_status status =
        infer_text_regions(s, picture, NULL, quads, MOST_BOXES, &found, &h->err);
    for (size_t i = 0; i < found; i++)
        for (int k = 0; k < 4; k++)
            REQUIRE(isfinite(quads[i].x[k]) && isfinite(quads[i].y[k]));
    REQUIRE(found <= MOST_BOXES);
    return status;
}

static infer_status ask_numbers(struct head *h, infer_session *s, const infer_picture *picture,
                                int vectors)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_class classes[5];
    size_t found = 0, n = 1;
    if (!vectors) { /* this call takes a file's bytes */
        const size_t bytes = (size_t)h->width * (size_t)h->height * 3;
        char *ppm = fuzz_block(NULL, bytes + 32);
        const int head = snprintf(ppm, 32, "P6 %d %d 255\n", h->width, h->height);
        memcpy(ppm + head, picture->data, bytes);
        const infer_status status =
            infer_classify(s, ppm, (size_t)head + bytes, NULL, classes, 5, &found, &h->err);
        REQUIRE(found <= (status == INFER_OK ? 5 : 0));
        free(ppm);
        return status;
    }
    REQUIRE(infer_session_output(s, 0, &info, &h->err) == INFER_OK);
    for (int i = 0; i < info.rank; i++)
        n *= (size_t)info.dims[i];
    float *v = fuzz_block(NULL, n * sizeof *v);
    const infer_embed_options o = {.size = sizeof o, .normalise = 1};
    const infer_status status = infer_embed(s, picture, 1, &o, v, n, &h->err);
    free(v);
    return status;
}

static infer_status ask_points(struct head *h, infer_session *s, const infer_picture *picture)
{
    infer_point points[4096];
    return infer_keypoints(s, picture, 1, NULL, points, &h->err);
}

/* Whether there was an answer. */
static int ask(struct head *h, infer_session *s, unsigned kind)
{
    const size_t bytes = (size_t)h->width * (size_t)h->height * 3;
    uint8_t *pixels = fuzz_block(NULL, bytes);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(i * 7);
    const infer_picture picture = {
        .data = pixels, .pixels = INFER_PIXELS_RGB, .width = h->width, .height = h->height};
    const int32_t task = h->decoding.task;
    infer__error_clear(&h->err);
    const infer_status status = kind >= FUZZ_FAMILIES
                                    ? ask_numbers(h, s, &picture, kind == FUZZ_FAMILIES + 1)
                                : task == INFER_TASK_DETECT    ? ask_boxes(h, s, &picture)
                                : task == INFER_TASK_SEGMENT   ? ask_mask(h, s, &picture)
                                : task == INFER_TASK_KEYPOINTS ? ask_points(h, s, &picture)
                                                               : ask_text(h, s, &picture);
    REQUIRE(status == h->err.status && status != INFER_ERROR_INTERNAL);
    free(pixels);
    return status == INFER_OK;
}

static int run(struct head *h, unsigned kind, int decoded)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s = NULL;
    void *bytes = NULL;
    int answered = 0;
    infer_model *m = load(h, decoded, &bytes);
    o.threads = 1;
    o.max_memory_bytes = MOST_MEMORY;
    o.max_work = MOST_WORK;
    if (m && infer_session_create(m, &o, &s, &h->err) == INFER_OK)
        answered = ask(h, s, kind);
    infer_session_free(&s);
    infer_model_free(&m);
    infer__free(&a, bytes);
    return answered;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head h = {.data = data, .decoding = INFER_DECODING_INIT};
    uint32_t outputs[MOST_OUTPUTS];
    if (size < HEAD)
        return 0;
    const unsigned kind = data[0] % FUZZ_DECODERS, n = 1 + data[1] % MOST_OUTPUTS;
    const size_t heads = HEAD + (size_t)OF_OUTPUT * n;
    if (size < heads)
        return 0;
    h.height = 32 * (1 + (data[3] & 15));
    h.width = 32 * (1 + (data[3] >> 4));
    h.channels = data[2] & GREY ? 1 : 3;
    infer_preprocess_init(&h.preprocess, sizeof h.preprocess);
    h.preprocess.color = data[2] & GREY ? INFER_COLOR_GRAY : INFER_COLOR_RGB;
    infer__region_init(&h.region, NULL);
    add_picture(&h);
    for (unsigned i = 0; i < n; i++)
        outputs[i] = add_output(&h, i, data + heads, size - heads);
    h.g.outputs = infer__region_copy(&h.region, outputs, n * sizeof *outputs);
    h.g.noutputs = n;
    const int decoded = kind < FUZZ_FAMILIES;
    if (!decoded || decode(&h, &decoder_families[kind]) == INFER_OK)
        fuzz_decoder_reached[kind] += (unsigned)run(&h, kind, decoded);
    infer__region_free(&h.region);
    return 0;
}
