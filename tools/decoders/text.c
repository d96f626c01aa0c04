/* Where text is, and what a line of it says: networks of PaddleOCR and kin. */
#include "tools/decoders/decoder.h"

enum {
    LEAST_PAGE = 736, /* pixels of the shorter side that small text needs, */
    MOST_PAGE = 2016, /* and of the longer one that time allows */
    MOST_LINE = 64,   /* pixels that a line is high */
    LONGEST = 32      /* times its height */
};

/* The node that makes a value, but for those that only drop or add axes; NULL: none does. */
static const struct infer__node *maker_of(const struct decoder *d, uint32_t value)
{
    for (uint32_t k = d->g->nnodes; k-- > 0;) {
        const struct infer__node *n = &d->g->nodes[k];
        if (!n->nout || n->out[0] != value)
            continue;
        if (n->op != INFER__OP_SQUEEZE && n->op != INFER__OP_UNSQUEEZE)
            return n;
        value = n->in[0];
    }
    return NULL;
}

static int made_by(const struct decoder *d, uint16_t op)
{
    const struct infer__node *n = maker_of(d, d->g->outputs[0]);
    return n && n->op == op;
}

static int64_t channels(const struct decoder *d)
{
    const struct infer__value *x = &d->shaped[d->g->inputs[0]];
    return x->rank == 4 ? x->dims[d->preprocess.layout == INFER_LAYOUT_NHWC ? 3 : 1] : 0;
}

/* ---- where it is ---------------------------------------------------------------------------- */

/* Whether a side of the map goes with the input's. */
static int suits(int64_t map, int64_t input)
{
    return input ? map > 0 && map <= input && input % map == 0 : map == 0;
}

/* A map of one channel over the input, which was found by trial where sizes are free. A map of
 * likelihoods over an input of a size that is fixed may be anything, unless it was asked for. */
int decoder_fits_text_regions(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    int fits = d->g->noutputs == 1 && s.rank >= 2 && s.rank <= 4 && channels(d) == 3 &&
               !d->height == !d->width;
    for (int i = 0; i < s.rank - 2; i++)
        fits &= s.dims[i] == 1 || (s.dims[i] == 0 && i == 0); /* a free batch */
    fits = fits && suits(s.dims[s.rank - 2], d->height) && suits(s.dims[s.rank - 1], d->width);
    return fits && (d->named || (!d->height && made_by(d, INFER__OP_SIGMOID)));
}

/* ImageNet's mean and deviation of red, green, blue are applied in this order to blue, green, red:
 * so these networks were trained. */
void decoder_build_text_regions(struct decoder *d)
{
    infer_preprocess *p = &d->preprocess;
    const int any = !d->height;
    d->decoding.task = INFER_TASK_TEXT_REGIONS;
    d->decoding.classes = 1;
    d->decoding.scores_order = 1;
    d->decoding.score_threshold = 0.6F;
    decoder_imagenet(d);
    p->color = INFER_COLOR_BGR;
    p->fit = any ? INFER_FIT_PAGE : INFER_FIT_STRETCH;
    p->width = any ? LEAST_PAGE : (int32_t)d->width;
    p->height = any ? MOST_PAGE : (int32_t)d->height;
}

/* ---- what it says --------------------------------------------------------------------------- */

int decoder_fits_text(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    const int64_t c = channels(d);
    if (d->g->noutputs != 1 || s.rank != 3 || s.dims[2] < 3 || (c != 1 && c != 3))
        return 0;
    if (d->height < 8 || (s.dims[0] > 1 && s.dims[1] > 1))
        return 0; /* steps of one line: one of the two is 1, or free */
    if (d->width && s.dims[0] * s.dims[1] > d->width)
        return 0;
    return d->named || (d->height <= MOST_LINE && made_by(d, INFER__OP_SOFTMAX));
}

void decoder_build_text(struct decoder *d)
{
    infer_preprocess *p = &d->preprocess;
    d->decoding.task = INFER_TASK_TEXT;
    d->decoding.classes = (int32_t)decoder_shape(d, 0).dims[2];
    d->decoding.background = 0;
    d->decoding.label_first = -1; /* convert.c knows the labels */
    decoder_normalise(d, 127.5F, 1 / 127.5F);
    p->color = channels(d) == 1 ? INFER_COLOR_GRAY : INFER_COLOR_BGR;
    p->fit = INFER_FIT_LINE;
    p->fill = INFER_FILL_ZERO;
    p->height = (int32_t)d->height;
    p->width = d->width ? (int32_t)d->width : LONGEST * p->height;
    if (made_by(d, INFER__OP_SOFTMAX))
        return;
    const uint32_t y = DECODER_E(d, SOFTMAX, decoder_out(d, 0));
    decoder_int(d, INFER__ATTR_AXIS, -1);
    d->decoding.scores = decoder_add_like(d, y, "decode/text");
}
