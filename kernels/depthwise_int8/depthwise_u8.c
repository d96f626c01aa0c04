/* Depthwise convolution of u8: how it is cut and packed. See depthwise_u8.h. */
#include "kernels/depthwise_int8/depthwise_u8.h"

#include <string.h>

enum {
    CHUNK = 32,         /* output columns: the quads of a chunk stay in the first-level cache */
    COLUMNS_MOST = 512, /* input columns of a chunk */
    HEAD = (int)sizeof(struct infer__dw8_packed)
};

int infer__dw8_width(const struct infer__dw8_level *level, int64_t channels)
{
    int width = level->widest;
    if (width == 64) { /* the last block may hang over */
        while (width > 16 && channels <= width / 2)
            width /= 2;
    } else {
        while (width > 16 && channels < width)
            width /= 2;
    }
    return width;
}

/* Channels of all blocks, those that are not there included. */
static int64_t padded(const struct infer__dw8 *d)
{
    int64_t c = d->s.x.c / d->level->widest * d->level->widest;
    while (c < d->s.x.c)
        c += infer__dw8_width(d->level, d->s.x.c - c);
    return c;
}

/* A weight less its zero point. */
static int32_t weight(const struct infer__dw8 *d, const int8_t *w, int64_t c, int64_t tap)
{
    return w[c * d->s.taps + tap] - infer__conv8_w_zero(&d->s, c);
}

/* The value that sums start with: the bias and what the input's zero point takes off. */
static uint32_t start(const struct infer__task *t, const struct infer__dw8 *d, int64_t c)
{
    uint32_t sum = d->s.bias ? (uint32_t)((const int32_t *)t->in[2].data)[c] : 0;
    for (int64_t tap = 0; tap < d->s.taps; tap++)
        sum -= (uint32_t)(weight(d, t->in[1].data, c, tap) * d->s.x_zero);
    return sum;
}

/* The part of a weight less its zero point that pass 0 or 1 multiplies by. */
static int32_t weight_part(const struct infer__dw8 *d, int32_t w, int pass)
{
    int32_t first = d->level->bytes > 1 ? w : w < -128 ? -128 : w > 127 ? 127 : w;
    return pass ? w - first : first;
}

/* Whether channel c has weights of nine bits. */
static int is_wide(const struct infer__task *t, const struct infer__dw8 *d, int64_t c)
{
    for (int64_t tap = 0; tap < d->s.taps; tap++)
        if (weight_part(d, weight(d, t->in[1].data, c, tap), 1))
            return 1;
    return 0;
}

/* The quarters of the block of `width` channels from c on that are summed twice, as bits. */
static int twice_of(const struct infer__task *t, const struct infer__dw8 *d, int64_t c, int width)
{
    int bits = 0;
    for (int64_t i = 0; i < width && c + i < d->s.x.c && d->level->bytes == 1; i++)
        if (!(bits >> i % 16 / 4 & 1) && is_wide(t, d, c + i))
            bits |= 1 << i % 16 / 4;
    return bits;
}

/* The part of all quarters that are summed twice; narrow blocks count as wide ones. */
static double twice_part(const struct infer__task *t, const struct infer__dw8 *d)
{
    int twice = 0, all = 0;
    for (int64_t c = 0, width; c < d->s.x.c; c += width) {
        width = infer__dw8_width(d->level, d->s.x.c - c);
        int bits = twice_of(t, d, c, (int)width);
        for (int q = 0; q < 4; q++)
            twice += bits >> q & 1;
        all += 4;
    }
    return (double)twice / all;
}

int infer__dw8_fits_bytes(const struct infer__task *t, struct infer__dw8 *d)
{
    for (int64_t c = 0; c < d->s.x.c; c++) {
        double most = (double)(int32_t)start(t, d, c);
        most = most < 0 ? -most : most;
        for (int64_t tap = 0; tap < d->s.taps; tap++) {
            int32_t w = weight(d, t->in[1].data, c, tap);
            if (w > 254) /* 127 + 127; the least one is -255, -128 - 127 */
                return 0;
            most += 255 * (double)(w < 0 ? -w : w);
        }
        if (!(most < 0x1p31 && most * (double)infer__conv8_factor(&d->s, c) < 0x1p30))
            return 0;
    }
    d->twice = twice_part(t, d);
    return 1;
}

static void cut(const struct infer__task *t, struct infer__dw8 *d)
{
    const struct infer__window *w = &d->s.w;
    const struct infer__spatial *y = &d->s.y;
    d->apart = w->dilation[1];
    d->rows = w->stride[1] == 1 && y->h > d->apart ? 2 : 1;
    d->quads = (d->kernel_h + d->rows - 1 + 3) / 4;
    d->strips = y->n * y->h;
    if (d->rows == 2) {
        int64_t rest = y->h % (2 * d->apart);
        d->strips = y->n * (y->h / (2 * d->apart) * d->apart + (rest < d->apart ? rest : d->apart));
    }
    d->chunk = d->quads > 1 ? CHUNK * 3 / 4 : CHUNK;
    if (d->chunk > y->w)
        d->chunk = y->w;
    d->columns = (d->chunk - 1) * w->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1;
    int64_t most = (d->s.x.c + DW8_WIDEST - 1) / DW8_WIDEST, wanted = 1;
    if (t->threads > 1)
        wanted = (8 * (int64_t)t->threads + d->strips - 1) / d->strips;
    wanted = wanted < most ? wanted : most;
    d->group = (most + wanted - 1) / wanted * DW8_WIDEST;
    d->groups = (d->s.x.c + d->group - 1) / d->group;
    d->units = infer__units(d->strips * d->groups, 1, t->threads > 1 ? 8 * t->threads : 1);
    d->per_channel = 8 + 4 * d->quads * d->kernel_w * d->rows * d->level->bytes;
}

int infer__dw8_of(const struct infer__task *t, const struct infer__dw8_level *level,
                  struct infer__dw8 *d)
{
    *d = (struct infer__dw8){.level = level};
    if (t->op != INFER__OP_CONV || !infer__isa_has(t->isa, level->isa) ||
        !infer__linear_int8(t, &d->s) || d->s.cg != 1 || d->s.mg != 1 || d->s.f32 ||
        !t->in[1].is_const || (d->s.bias && !t->in[2].is_const))
        return 0;
    const struct infer__window *w = &d->s.w;
    const struct infer__spatial *y = &d->s.y;
    if (d->s.x.d != 1 || y->d != 1 || w->kernel[0] != 1 || w->pad_begin[0] || w->pad_end[0] ||
        w->kernel[1] > DW8_ROWS - 1 || w->kernel[2] > 64 || y->n < 1 || y->h < 1 || y->w < 1 ||
        y->n > INT32_MAX || y->h > INT32_MAX || y->w > INT32_MAX / 2 || d->s.x.c < 1)
        return 0;
    if (w->dilation[1] > INT32_MAX / 2 || w->dilation[2] > COLUMNS_MOST ||
        w->stride[2] > COLUMNS_MOST)
        return 0;
    d->kernel_h = (int)w->kernel[1];
    d->kernel_w = (int)w->kernel[2];
    cut(t, d);
    return d->columns <= COLUMNS_MOST && 4 * d->quads <= DW8_ROWS;
}

/* Per block of 64 channels: products at `rate` per ns, what is done to each output, and what
 * interleaving a column takes. Narrow blocks take nearly as long as full ones of the level. */
double infer__dw8_ns(const struct infer__dw8 *d)
{
    const int64_t c = d->s.x.c;
    double blocks = (double)(c / d->level->widest);
    for (int64_t rest = c % d->level->widest, w; rest > 0; rest -= w) {
        w = infer__dw8_width(d->level, rest);
        blocks += 0.25 + (double)w / d->level->widest * 0.7;
    }
    double vectors = 4.0 * (1 + d->twice) * d->quads * d->kernel_w / d->level->rate;
    double chunks = (double)((d->s.y.w + d->chunk - 1) / d->chunk);
    double columns = chunks * (double)d->columns * (double)d->quads * (double)d->strips;
    double pixels = (double)d->s.y.n * (double)d->s.y.h * (double)d->s.y.w;
    return 300 + blocks * (pixels * (vectors + d->level->each) + columns * d->level->column) +
           (double)d->strips * chunks * blocks * 20 +
           (d->s.rq->table ? 0.05 : 0) * pixels * (double)c;
}

/* Sums of two passes have the weights of both. */
static void cut_twice(const struct infer__task *t, struct infer__dw8 *d)
{
    d->twice = twice_part(t, d);
    if (d->twice > 0)
        d->per_channel += d->per_channel - 8;
}

infer_status infer__dw8_prepare(const struct infer__task *t, struct infer__dw8 *d,
                                struct infer__need *need)
{
    cut_twice(t, d);
    const int64_t weights = INFER__PRODUCT(padded(d), d->per_channel);
    const int64_t bytes = INFER__SUM(INFER__PRODUCT(d->columns, d->quads, 4, d->level->bytes),
                                     INFER__PRODUCT(d->rows, d->chunk));
    need->packed_bytes = infer__bytes_of(INFER__SUM(HEAD, weights, padded(d) / 16), 1);
    need->layout = INFER__LAYOUT(d->rows, d->quads, d->per_channel);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(bytes, d->level->widest), 1);
    need->units = d->units;
    d->at_twice = INFER__SUM(HEAD, weights);
    d->table_row = d->s.rq->table ? infer__table_row_find(t->isa) : NULL;
    return INFER_OK;
}

/* Row of the kernel that stands at row r of the quads, for output row q of a strip; -1: none. */
static int64_t kernel_row(const struct infer__dw8 *d, int64_t r, int q)
{
    return r >= q && r - q < d->kernel_h ? r - q : -1;
}

/* A vector of weights: `width` / 4 channels by four rows, or where weights are s16 two vectors, of
 * the even rows and of the odd ones. */
static uint8_t *pack_vector(const struct infer__task *t, const struct infer__dw8 *d, int64_t c,
                            int width, const int64_t place[5], uint8_t *to)
{
    /* place: quad, column, row of output, quarter of the block, pass */
    int bytes = d->level->bytes;
    for (int half = 0; half < bytes; half++)
        for (int i = 0; i < width / 4; i++)
            for (int r = half; r < 4; r += bytes) {
                int64_t channel = c + i / 4 * 16 + 4 * place[3] + i % 4;
                int64_t row = kernel_row(d, 4 * place[0] + r, (int)place[2]);
                int16_t v = 0;
                if (row >= 0 && channel < d->s.x.c)
                    v = (int16_t)weight_part(
                        d, weight(d, t->in[1].data, channel, row * d->kernel_w + place[1]),
                        (int)place[4]);
                memcpy(to, &v, (size_t)bytes); /* little-endian, as all these levels are */
                to += bytes;
            }
    return to;
}

/* A block: starts, factors, then for each pass and quarter the weights by quad, column and output
 * row. */
static void pack_block(const struct infer__task *t, const struct infer__dw8 *d, int64_t c,
                       int width, uint8_t *to)
{
    for (int i = 0; i < width; i++) {
        int64_t q = i / (width / 4), e = i % (width / 4);
        int64_t channel = c + e / 4 * 16 + 4 * q + e % 4;
        uint32_t sum = channel < d->s.x.c ? start(t, d, channel) : 0;
        float factor = channel < d->s.x.c ? infer__conv8_factor(&d->s, channel) : 0;
        memcpy(to + 4 * i, &sum, 4);
        memcpy(to + 4 * (width + i), &factor, 4);
    }
    to += 8 * width;
    for (int64_t q = 0; q < (d->twice > 0 ? 8 : 4); q++)
        for (int64_t quad = 0; quad < d->quads; quad++)
            for (int64_t k = 0; k < d->kernel_w; k++)
                for (int64_t r = 0; r < d->rows; r++)
                    to = pack_vector(t, d, c, width, (int64_t[5]){quad, k, r, q % 4, q / 4}, to);
}

void infer__dw8_pack(const struct infer__task *t, const struct infer__dw8 *d, void *packed)
{
    struct infer__dw8_packed *head = packed;
    uint8_t *twice = (uint8_t *)packed + d->at_twice;
    memset(head->line, d->s.x_zero, sizeof head->line);
    memset(twice, 0, (size_t)(padded(d) / 16));
    int width;
    for (int64_t c = 0; c < d->s.x.c; c += width) {
        width = infer__dw8_width(d->level, d->s.x.c - c);
        pack_block(t, d, c, width, (uint8_t *)(head + 1) + c * d->per_channel);
        twice[c / 16] = (uint8_t)twice_of(t, d, c, width);
    }
}
