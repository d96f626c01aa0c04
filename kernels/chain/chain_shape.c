/* Shapes and cutting of chains; see chain_shape.h. */
#include "kernels/chain/chain_shape.h"

#include "kernels/conv/depthwise_rows.h"
#include "kernels/share_out.h"

/* Bytes that the ring and the depthwise rows may take, about half of a second-level cache of 1 MiB,
 * and more than which a chain is not served; pixels of a round at least, if that leaves room. */
enum { CACHED_BYTES = 512 << 10, MOST_BYTES = 896 << 10, ROUND_PIXELS = 48 };
/* Weights of a projection from which a round has as many pixels as there is room for: each round
 * reads them all. */
enum { LARGE_FLOATS = 64 << 10 };
/* Weights that bands should not read once each: more than a second-level cache keeps. */
enum { APART_FLOATS = 384 << 10 };
/* The same where a picture has fewer rows than there are threads. */
enum { FEW_FLOATS = 64 << 10 };
/* Pixels that a unit of a projection which is apart takes at least. */
enum { STRIP_PIXELS = 8 };
/* Multiply-adds of a thread, measured on a Xeon. */
enum { PRODUCTS_PER_NS = 80 };

static int is_picture(const struct infer__operand *o)
{
    return o->type == INFER_F32 && o->clast && o->rank == 4;
}

static int is_weight(const struct infer__operand *o, int rank)
{
    return o->type == INFER_F32 && o->is_const && o->rank == rank;
}

static int is_bias(const struct infer__operand *o)
{
    return o->type == INFER_TYPE_NONE || is_weight(o, 1);
}

/* ---- cutting -------------------------------------------------------------------------------- */

static int64_t ring_rows(const struct infer__chain_shape *s, int64_t group)
{
    return s->expand ? min64(s->x.h, (group - 1) * s->w->stride[1] + s->w->kernel[1]) : 0;
}

static int64_t round_floats(const struct infer__chain_shape *s, int64_t group)
{
    int64_t middle = s->project && !s->apart ? INFER__PRODUCT(group, s->y.w, s->padded) : 0;
    return INFER__SUM(INFER__PRODUCT(ring_rows(s, group), s->x.w, s->step), middle);
}

static void cut_rounds(struct infer__chain_shape *s)
{
    const int64_t picture = INFER__PRODUCT(s->y.n, s->y.h, s->y.w, s->padded);
    int64_t pixels =
        s->project && !s->apart && s->middle * s->y.c > LARGE_FLOATS ? INT64_MAX : ROUND_PIXELS;
    s->group = min64(2, s->y.h);
    while (s->group + 2 <= s->y.h && s->group * s->y.w < pixels &&
           round_floats(s, s->group + 2) * 4 <= CACHED_BYTES)
        s->group += 2;
    s->ring = ring_rows(s, s->group);
    s->ring_floats = INFER__PRODUCT(s->ring, s->x.w, s->step);
    s->middle_floats = s->apart     ? picture
                       : s->project ? INFER__PRODUCT(s->group, s->y.w, s->padded)
                                    : 0;
}

int64_t infer__chain_parts(int64_t blocks)
{
    const int64_t parts = ceil_div(blocks, CHAIN_PART);
    return parts <= CHAIN_PART ? parts : round_up(parts, 2);
}

/* Whether a band for each thread pays, though channels could be shared out: rows that two bands
 * expand take less than to fetch, in the next step, what other cores have of a row's channels. */
static int bands_pay(const struct infer__chain_shape *s, int64_t threads)
{
    double rows = (double)((s->w->kernel[1] - s->w->stride[1]) * (threads - 1));
    double products = rows * (double)(s->x.w * s->x.c); /* for each channel */
    double bytes = (double)(s->y.h * s->y.w * (threads - 1)) * 4 / (double)threads;
    return s->y.h >= 2 * threads && products / PRODUCTS_PER_NS < bytes / INFER__FAR_BYTES_PER_NS;
}

/* Bands for many threads: those whose last thread ends first, when each expands its own rows. */
static int64_t bands_for_many(const struct infer__chain_shape *s, int64_t across, int64_t threads)
{
    const int64_t twice = s->expand ? s->w->kernel[1] - s->w->stride[1] : 0;
    int64_t best = 1, time = INT64_MAX;
    for (int64_t b = 1; b <= ceil_div(s->y.h, 2); b++) {
        int64_t rows = ceil_div(s->y.h, b) * s->w->stride[1] + (twice > 0 ? twice : 0);
        int64_t now = ceil_div(across * b, threads) * rows;
        if (now < time) {
            time = now;
            best = b;
        }
    }
    return best;
}

/* Bands cost rows that are expanded twice: two for each thread where a picture is high, else one.
 * Without an expansion they cost nothing, and are whole rounds where each thread has one of them;
 * where channels can be shared out none are needed. */
static void cut_units(struct infer__chain_shape *s, int64_t threads)
{
    int64_t most = ceil_div(s->y.h, s->group), across = s->y.n * s->parts;
    s->bands = 1;
    if (threads > 1 && across < 2 * threads) {
        int64_t want = ceil_div(s->expand && s->y.h < 24 * threads ? threads : 2 * threads, across);
        s->bands =
            s->expand || most < threads ? min64(want, ceil_div(s->y.h, 2)) : min64(2 * want, most);
    }
    if (s->expand && s->parts > 1 && s->bands < threads && s->y.n == 1 && bands_pay(s, threads))
        s->bands = threads;
    if (threads >= INFER__MANY_THREADS && across < 4 * threads)
        s->bands = bands_for_many(s, across, threads);
    s->items = across * s->bands;
    s->units = infer__units(s->items, 1, threads > 1 ? 8 * (uint32_t)threads : 1);
    if (s->apart) {
        s->barrier = s->units;
        const int64_t panels = ceil_div(s->y.c, CHAIN_PART * CHAIN_BLOCK);
        const int64_t pixels = s->y.n * s->y.h * s->y.w;
        s->strips = threads < INFER__MANY_THREADS
                        ? 1
                        : min64(ceil_div(threads, panels), ceil_div(pixels, STRIP_PIXELS));
        s->units += infer__units(panels * s->strips, 1, 4 * (uint32_t)threads);
    }
}

/* Whether the projection waits for everything before it. */
static int is_apart(const struct infer__chain_shape *s, uint32_t threads)
{
    double weights = (double)s->middle * (double)((s->expand ? s->x.c : 0) + s->y.c);
    double picture = (double)s->y.n * (double)(s->y.h * s->y.w) * (double)s->padded;
    const int few = threads >= INFER__MANY_THREADS && s->y.n * s->y.h < threads;
    return s->project && threads > 1 && weights > (few ? FEW_FLOATS : APART_FLOATS) &&
           picture * 4 <= CACHED_BYTES;
}

static void place_weights(struct infer__chain_shape *s)
{
    int64_t taps = INFER__PRODUCT(s->w->kernel[1], s->w->kernel[2]);
    int64_t out = infer__count_align(s->y.c, CHAIN_BLOCK), padded = s->padded;
    s->at_expand = 0;
    s->at_expand_bias = s->expand ? INFER__PRODUCT(s->x.c, padded) : 0;
    s->at_depthwise = INFER__SUM(s->at_expand_bias, s->expand ? padded : 0);
    s->at_depthwise_bias = INFER__SUM(s->at_depthwise, INFER__PRODUCT(taps, padded));
    s->at_project = INFER__SUM(s->at_depthwise_bias, padded);
    s->at_project_bias = INFER__SUM(s->at_project, s->project ? INFER__PRODUCT(s->middle, out) : 0);
    s->packed_floats = INFER__SUM(s->at_project_bias, s->project ? out : 0);
}

/* ---- shape ---------------------------------------------------------------------------------- */

static int operands_fit(const struct infer__task *t, const struct infer__chain_shape *s)
{
    const struct infer__operand *in = t->in;
    int64_t last = s->project ? s->y.c : s->middle, first = s->expand ? s->x.c : s->middle;
    if (!is_weight(&in[CHAIN_DEPTHWISE], 4) || !is_bias(&in[CHAIN_EXPAND_BIAS]) ||
        !is_bias(&in[CHAIN_DEPTHWISE_BIAS]) || !is_bias(&in[CHAIN_PROJECT_BIAS]))
        return 0;
    if (s->expand && (!is_weight(&in[CHAIN_EXPAND], 4) || in[CHAIN_EXPAND].dims[0] != s->middle ||
                      in[CHAIN_EXPAND].dims[1] != s->x.c))
        return 0;
    if (s->project && (!is_weight(&in[CHAIN_PROJECT], 4) || in[CHAIN_PROJECT].dims[0] != s->y.c ||
                       in[CHAIN_PROJECT].dims[1] != s->middle))
        return 0;
    return first == s->x.c && last == s->y.c && s->x.n == s->y.n;
}

int infer__chain_shape(const struct infer__task *t, struct infer__chain_shape *s)
{
    const int64_t most = (int64_t)1 << 24;
    *s = (struct infer__chain_shape){.w = &t->p.window};
    if (t->op != INFER__OP_CONV_CHAIN || t->nout != 1 || !t->inner ||
        t->nin != CHAIN_RESIDUAL + (t->epi.residual ? 1u : 0u) || !is_picture(&t->in[CHAIN_X]) ||
        !is_picture(&t->out[0]) || !infer__dw_serves(s->w))
        return 0;
    s->expand = t->in[CHAIN_EXPAND].type != INFER_TYPE_NONE;
    s->project = t->in[CHAIN_PROJECT].type != INFER_TYPE_NONE;
    s->residual = t->epi.residual != 0;
    s->x = infer__operand_spatial(&t->in[CHAIN_X]);
    s->y = infer__operand_spatial(&t->out[0]);
    s->middle = t->in[CHAIN_DEPTHWISE].dims[0];
    s->padded = ceil_div(s->middle, CHAIN_BLOCK) * CHAIN_BLOCK;
    if ((!s->expand && !s->project) || (s->residual && !s->project) || !operands_fit(t, s) ||
        s->y.n < 1 || s->y.h < 1 || s->y.w < 1 || s->middle < 1 || s->x.c < 1 || s->y.c < 1 ||
        s->x.h > most || s->x.w > most || s->x.c > most || s->y.c > most || s->middle > most ||
        s->y.n > most || s->y.h > most || s->y.w > most)
        return 0;
    s->apart = is_apart(s, t->threads);
    const int whole = s->project && !s->apart;
    s->parts = whole ? 1 : infer__chain_parts(s->padded / CHAIN_BLOCK);
    s->step = whole || s->padded < CHAIN_PART * CHAIN_BLOCK ? s->padded : CHAIN_PART * CHAIN_BLOCK;
    if ((double)s->x.w * (double)s->step + (double)s->y.w * (double)s->padded > MOST_BYTES / 4)
        return 0;
    cut_rounds(s);
    if ((s->ring_floats + s->middle_floats) * 4 > MOST_BYTES)
        return 0;
    cut_units(s, t->threads);
    place_weights(s);
    return 1;
}
