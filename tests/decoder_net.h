/* Networks whose outputs are given numbers, whatever picture they see, with a family's decoding: so
 * what infer_detect makes of them can be held against a formula. */
#ifndef INFER_TESTS_DECODER_NET_H
#define INFER_TESTS_DECODER_NET_H

#include "small_net.h"

#include <math.h>

#include "answer/decoding.h"
#include "infer_vision.h"
#include "tools/decoders/decoder.h"
#include "tools/edit.h"
#include "vision/preprocess_file.h"

enum { HEAD_OUTPUTS = 8, HEAD_MOST = 20000 };

struct head {
    struct net net;
    uint32_t picture, nothing; /* a number that is 0, but hangs on the picture */
    uint32_t outputs[HEAD_OUTPUTS], noutputs;
    float *data[HEAD_OUTPUTS]; /* of each f32 output, the region's */
    int width, height;
    struct infer__about about;
    /* what became of it */
    const struct decoder_family *family;
    struct net_model model;
    infer_decoding decoding;
    infer_box *boxes;
    infer_point *points;
    size_t found;
};

/* Without outputs yet; the picture has `width` x `height` pixels. */
FIXTURE void head_begin(struct head *h, int width, int height)
{
    struct infer__node *node;
    *h = (struct head){.net = {.rng = {11}}, .width = width, .height = height};
    struct net *n = &h->net;
    infer__region_init(&n->region, NULL);
    OK(infer__graph_init(&n->g, &n->region, &n->err));
    h->picture = net_input(n);
    n->g.values[h->picture].free_dims = 0;
    n->g.values[h->picture].shaped = 1;
    const int64_t dims[] = {1, 3, height, width};
    memcpy(n->g.values[h->picture].dims, dims, sizeof dims);
    const float zero = 0;
    uint32_t number;
    const int64_t keep = 0;
    OK(infer__graph_add_const(&n->g, "zero", INFER_F32, 0, NULL, &zero, 1, &number, &n->err));
    const uint32_t most = net_node(n, INFER__OP_REDUCE_MAX, "most", &h->picture, 1, &node);
    net_attr(n, node, INFER__ATTR_KEEPDIMS, 1, &keep);
    h->nothing = net_node(n, INFER__OP_MUL, "nothing", (uint32_t[]){most, number}, 2, &node);
}

/* An output of random numbers in [low, high), which may be changed until head_run; their memory. */
FIXTURE float *head_output(struct head *h, const char *name, int rank, const int64_t *dims,
                           double low, double high)
{
    struct net *n = &h->net;
    struct infer__node *node;
    int64_t count = 1;
    char constant[64];
    uint32_t id;
    for (int i = 0; i < rank; i++)
        count *= dims[i];
    float *data = infer__region_calloc(&n->region, (size_t)count, sizeof *data);
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(low + (high - low) * rng_below(&n->rng, 1 << 20) / (1 << 20));
    snprintf(constant, sizeof constant, "%s_data", name);
    OK(infer__graph_add_const(&n->g, constant, INFER_F32, rank, dims, data, 0, &id, &n->err));
    h->data[h->noutputs] = data;
    h->outputs[h->noutputs++] =
        net_node(n, INFER__OP_ADD, name, (uint32_t[]){id, h->nothing}, 2, &node);
    return data;
}

/* Puts `op` behind the last output. */
FIXTURE void head_behind(struct head *h, uint16_t op, const char *name)
{
    struct infer__node *node;
    uint32_t *last = &h->outputs[h->noutputs - 1];
    *last = net_node(&h->net, op, name, last, 1, &node);
}

FIXTURE infer_status head_decode(struct head *h, const char *family, infer_preprocess *p)
{
    struct net *n = &h->net;
    struct infer__value *shaped = NULL;
    infer_error second;
    n->g.outputs = infer__region_copy(&n->region, h->outputs, h->noutputs * sizeof *h->outputs);
    n->g.noutputs = h->noutputs;
    OK(edit_infer(&n->g, &n->region, &shaped, &second, &n->err));
    return decoder_apply(&n->g, shaped, &h->about, family, &h->decoding, p, &h->family, &n->err);
}

/* The file of the network with what reads it. */
FIXTURE void head_write(struct head *h, const infer_preprocess *p)
{
    uint8_t preprocess[INFER__PREPROCESS_BYTES], decoding[INFER__DECODING_BYTES];
    infer_error err;
    OK(infer__preprocess_encode(p, preprocess, &err));
    OK(infer__decoding_encode(&h->decoding, decoding, &err));
    struct infer__section extra[] = {{INFER__SECTION_PREPROCESS, preprocess, sizeof preprocess},
                                     {INFER__SECTION_DECODING, decoding, sizeof decoding}};
    struct infer__file_content content = {.graph = &h->net.g, .extra = extra, .nextra = 2};
    h->model.file = write_exact(&content);
    OK(infer_load_memory(h->model.file.data, h->model.file.size, NULL, &h->model.model, &err));
}

/* Everything above `score` on a picture of the input's size: h->boxes, in the order of candidates'
 * scores. As the family suppresses, or with `all` 1 without suppression, clipping and limits. */
FIXTURE void head_detect(struct head *h, float score, int all)
{
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections to = INFER_DETECTIONS_INIT;
    infer_decoding d = h->decoding;
    infer_error err;
    infer_session *s = net_session(&h->model, INFER_ISA_DEFAULT, 1, 0);
    uint8_t *pixels = calloc((size_t)(h->width * h->height), 3);
    const infer_picture picture = {
        .data = pixels, .pixels = INFER_PIXELS_RGB, .width = h->width, .height = h->height};
    if (all) {
        d.suppress = INFER_SUPPRESS_NONE;
        d.clip = d.most = d.most_candidates = 0;
    }
    o.decoding = &d;
    o.score_threshold = score;
    h->boxes = calloc(HEAD_MOST, sizeof *h->boxes);
    h->points =
        d.points >= 0 ? calloc(HEAD_MOST * (size_t)d.points_count, sizeof *h->points) : NULL;
    to.boxes = h->boxes;
    to.points = h->points;
    to.found = &h->found;
    to.most = HEAD_MOST;
    if (infer_detect(s, &picture, 1, &o, &to, &err) != INFER_OK)
        fail_msg("%s", err.message);
    assert_true(h->found < HEAD_MOST);
    free(pixels);
    infer_session_free(&s);
}

/* Applies a family, "auto" or by name, and finds all boxes. */
FIXTURE void head_run(struct head *h, const char *family, float score)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    if (head_decode(h, family, &p) != INFER_OK)
        fail_msg("%s: %s", family, h->net.err.message);
    head_write(h, &p);
    head_detect(h, score, 1);
}

FIXTURE void head_end(struct head *h)
{
    net_drop(&h->model);
    free(h->boxes);
    free(h->points);
    infer__region_free(&h->net.region);
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* What a formula says of a candidate and a class. */
struct truth {
    double box[4], score; /* corners in pixels */
    double points[64];    /* x, y, score of each */
};
typedef void truth_of(const struct head *h, int64_t candidate, int32_t class, struct truth *t);

/* Sums and products of a few f32 numbers, exp to 2 units in the last place among them, are within
 * 1e-5 of their sizes; 1e-4 leaves room for differences of numbers up to ten times as large. */
#define TRUTH_CLOSE 1e-4

FIXTURE void check_close(double got, double want, const char *what, int64_t candidate)
{
    if (!(fabs(got - want) <= TRUTH_CLOSE * (1 + fabs(want))))
        fail_msg("candidate %d: %s is %.7g, not %.7g", (int)candidate, what, got, want);
}

FIXTURE void check_found(const struct head *h, size_t i, const struct truth *t)
{
    const infer_box *b = &h->boxes[i];
    const double got[] = {(double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1};
    const int32_t n = h->decoding.points >= 0 ? h->decoding.points_count : 0;
    for (int k = 0; k < 4; k++)
        check_close(got[k], t->box[k], "a side", b->candidate);
    check_close((double)b->score, t->score, "the score", b->candidate);
    for (int32_t k = 0; k < n; k++) {
        const infer_point *p = &h->points[i * (size_t)n + (size_t)k];
        check_close((double)p->x, t->points[3 * k], "a point's x", b->candidate);
        check_close((double)p->y, t->points[3 * k + 1], "a point's y", b->candidate);
        if (h->decoding.point_fields == 3)
            check_close((double)p->score, t->points[3 * k + 2], "a point's score", b->candidate);
    }
}

/* Every box is what the formula says, and every pair of candidate and class (the best one, or each)
 * that the formula has above `score` is there, but for those within the tolerance of it. `first`:
 * the lowest class that counts; `classes`: one past the last. */
FIXTURE void check_truth(const struct head *h, truth_of *formula, int64_t candidates, int32_t first,
                         int32_t classes, double score)
{
    size_t must = 0, may = 0;
    for (size_t i = 0; i < h->found; i++) {
        struct truth t = {0};
        formula(h, h->boxes[i].candidate, h->boxes[i].index, &t);
        check_found(h, i, &t);
    }
    for (int64_t i = 0; i < candidates; i++) {
        double best = -INFINITY;
        for (int32_t c = first; c < classes; c++) {
            struct truth t = {0};
            formula(h, i, c, &t);
            best = t.score > best ? t.score : best;
            if (h->decoding.every_class) {
                must += t.score > score + TRUTH_CLOSE;
                may += t.score > score - TRUTH_CLOSE;
            }
        }
        if (!h->decoding.every_class) {
            must += best > score + TRUTH_CLOSE;
            may += best > score - TRUTH_CLOSE;
        }
    }
    printf("%s: %zu boxes\n", h->family->name, h->found);
    assert_true(must > 0 && h->found >= must && h->found <= may);
}

/* A box of centre and size. */
FIXTURE void set_centred(struct truth *t, double x, double y, double width, double height)
{
    const double box[] = {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
    memcpy(t->box, box, sizeof box);
}

FIXTURE double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

#endif
