/* Int8 convolutions by planes, and tiles of halves; see conv_int8.h. */
#include <string.h>

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/integers.h"

/* A chunk's planes stay in the second-level cache. */
enum { MOST_PLANES = 1 << 19, MOST_BLOCK = 256, MOST_REACH = 1 << 20 };

/* ---- the cut -------------------------------------------------------------------------------- */

static void size_planes(struct infer__conv8_cut *c)
{
    struct infer__conv8_planes *p = &c->planes;
    int64_t pixels = min64(c->chunk, c->tiles_per_row) * CONV8_TILE;
    int64_t behind = CONV8_TILE + c->s.w.kernel[2] * c->s.w.dilation[2];
    p->rows = min64((pixels - 1) / p->pitch + 2, c->s.y.h) + p->more;
    const int64_t pixels_of_plane = INFER__SUM(INFER__PRODUCT(p->rows, p->pitch), p->shared);
    p->bytes = infer__count_align(INFER__PRODUCT(pixels_of_plane, p->pixel), 64);
    c->copies = infer__count_align(INFER__SUM(INFER__PRODUCT(p->high, p->wide, p->bytes),
                                              INFER__PRODUCT(behind, p->pixel), c->padded),
                                   64);
}

static void shape_planes(struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    struct infer__conv8_planes *p = &c->planes;
    int64_t high = (w->kernel[1] - 1) * w->dilation[1], wide = (w->kernel[2] - 1) * w->dilation[2];
    int64_t behind = s->y.w + wide - s->x.w - w->pad_begin[2];
    p->pixel = s->cg;
    p->high = min64(w->stride[1], high + 1);
    p->wide = min64(w->stride[2], wide + 1);
    p->more = high / w->stride[1];
    p->shared = w->stride[2] > 1 ? 0 : min64(w->pad_begin[2], behind);
    p->shared = p->shared < 0 ? 0 : min64(p->shared, wide); /* rows of the output stay apart */
    p->pitch = s->y.w + wide / w->stride[2] - p->shared;
}

static void shape_blocks(struct infer__conv8_cut *c)
{
    const struct infer__window *w = &c->s.w;
    struct infer__conv8_planes *p = &c->planes;
    p->pixel = w->stride[1] * w->stride[2] * c->s.cg;
    p->high = p->wide = 1;
    p->more = c->krows - 1;
    p->shared = 0;
    p->pitch = c->s.y.w + (w->kernel[2] - 1) / w->stride[2];
}

/* Whether the kernel is of one plane of depth, and if by blocks whether a block has few bytes. The
 * sums of pixels' activations would have those of a block in them that no tap meets. */
static int is_possible(const struct infer__conv8_cut *c)
{
    const struct infer__window *w = &c->s.w;
    if (!c->level->halves || w->kernel[0] != 1 || w->stride[0] != 1 || w->pad_begin[0] ||
        w->pad_end[0] || (w->kernel[1] - 1) * w->dilation[1] > MOST_REACH ||
        (w->kernel[2] - 1) * w->dilation[2] > MOST_REACH || c->s.y.h > MOST_REACH ||
        c->s.y.w > MOST_REACH)
        return 0;
    return c->way == CONV8_PLANES ||
           (c->s.groups == 1 && !c->w_zero && w->dilation[1] == 1 && w->dilation[2] == 1 &&
            w->stride[1] * w->stride[2] > 1 && w->stride[1] * w->stride[2] * c->s.cg <= MOST_BLOCK);
}

int infer__conv8_cut_planes(struct infer__conv8_cut *c)
{
    const struct infer__linear *s = &c->s;
    struct infer__conv8_planes *p = &c->planes;
    if (!is_possible(c))
        return 0;
    if (c->way == CONV8_PLANES)
        shape_planes(c);
    else
        shape_blocks(c);
    c->rows = s->y.n * s->y.d;
    c->width = (s->y.h - 1) * p->pitch + s->y.w;
    c->tiles_per_row = (c->width + CONV8_TILE - 1) / CONV8_TILE;
    c->tiles = c->rows * c->tiles_per_row;
    c->chunk = min64(c->level->chunk, c->tiles_per_row);
    for (size_planes(c); c->chunk > 1 && c->copies > MOST_PLANES; size_planes(c))
        c->chunk = (c->chunk + 1) / 2;
    c->chunks = (c->tiles_per_row + c->chunk - 1) / c->chunk;
    c->chunk = (c->tiles_per_row + c->chunks - 1) / c->chunks;
    size_planes(c);
    c->chunks *= c->rows;
    return 1;
}

/* ---- copies --------------------------------------------------------------------------------- */

/* Row `row` of an image's plane whose pixels are every stride[2]-th from pixel `part` on. */
static void copy_row(const struct infer__conv8_cut *c, const uint8_t *image, int64_t row,
                     int64_t part, int64_t group, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    const int64_t step = s->w.stride[2], pitch = c->planes.pitch, n = s->cg;
    int64_t first = part - s->w.pad_begin[2]; /* the input's pixel of the plane's first */
    int64_t left = first < 0 ? min64((step - 1 - first) / step, pitch) : 0;
    int64_t right = s->x.w - first > 0 ? min64((s->x.w - first + step - 1) / step, pitch) : 0;
    if (row < 0 || row >= s->x.h || right <= left) {
        memset(to, s->x_zero, (size_t)(pitch * n));
        return;
    }
    const uint8_t *from = image + (row * s->x.w + first + left * step) * s->x.c + group * n;
    memset(to, s->x_zero, (size_t)(left * n));
    if (step == 1 && n == s->x.c)
        memcpy(to + left * n, from, (size_t)((right - left) * n));
    else
        for (int64_t i = left; i < right; i++, from += step * s->x.c)
            memcpy(to + i * n, from, (size_t)n);
    memset(to + right * n, s->x_zero, (size_t)((pitch - right) * n));
}

/* `n` bytes of each of `high` input rows, `row` bytes apart, to each of at most `count` blocks, one
 * after the other: 8 bytes are copied, of which those behind are written again by what follows.
 * Where the first row's `end` is too near they can't be; the number of blocks that are done. */
static int64_t copy_eights(const uint8_t *from, const uint8_t *end, int64_t row, int64_t high,
                           int64_t n, int64_t count, uint8_t *to)
{
    int64_t done = 0;
    for (; done < count && end - from >= 8; done++, from += n)
        for (int64_t i = 0; i < high; i++, to += n)
            memcpy(to, from + i * row, 8);
    return done;
}

/* A block whose first pixel is number `v` of rows that begin at `from`, of which the image has
 * those from `top` to before `bottom`. */
static void copy_block(const struct infer__conv8_cut *c, const uint8_t *from, int64_t top,
                       int64_t bottom, int64_t v, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t wide = s->w.stride[2], n = s->cg;
    for (int64_t i = 0; i < s->w.stride[1]; i++, from += s->x.w * n)
        for (int64_t j = 0; j < wide; j++, to += n)
            if (i >= top && i < bottom && v + j >= 0 && v + j < s->x.w)
                memcpy(to, from + (v + j) * n, (size_t)n);
            else
                memset(to, s->x_zero, (size_t)n);
}

/* Row `row` of an image's blocks. */
static void copy_blocks(const struct infer__conv8_cut *c, const uint8_t *image, int64_t row,
                        uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    const int64_t high = s->w.stride[1], wide = s->w.stride[2], row_bytes = s->x.w * s->cg;
    const int64_t n = wide * s->cg, before = s->w.pad_begin[2], pitch = c->planes.pitch,
                  pixel = c->planes.pixel;
    int64_t h = row * high - s->w.pad_begin[1], top = h < 0 ? -h : 0, bottom = s->x.h - h;
    int64_t left = min64((before + wide - 1) / wide, pitch);
    const uint8_t *from = image + h * row_bytes;
    int whole = !top && bottom >= high && n <= 16 && n % 2 == 0;
    for (int64_t b = 0; b < pitch; b++) {
        const uint8_t *at = from + (b * wide - before) * s->cg;
        if (b == left && whole && high == 2 && c->level->interleave)
            b +=
                c->level->interleave(at, from + row_bytes, row_bytes, n, pitch - b, to + b * pixel);
        else if (b == left && whole && n <= 8)
            b += copy_eights(at, from + row_bytes, row_bytes, high, n, pitch - b, to + b * pixel);
        if (b < pitch)
            copy_block(c, from, top, bottom, b * wide - before, to + b * pixel);
    }
}

/* `rows` rows of all planes, from number `first` on. */
static void copy_planes(const struct infer__conv8_cut *c, const uint8_t *image, int64_t first,
                        int64_t rows, int64_t group, uint8_t *copies)
{
    const struct infer__linear *s = &c->s;
    const struct infer__conv8_planes *p = &c->planes;
    int64_t row_bytes = p->pitch * p->pixel;
    for (int64_t r = 0; r < rows && c->way == CONV8_BLOCKS; r++)
        copy_blocks(c, image, first + r, copies + r * row_bytes);
    for (int64_t i = 0; i < p->high && c->way == CONV8_PLANES; i++)
        for (int64_t j = 0; j < p->wide; j++) {
            uint8_t *to = copies + (i * p->wide + j) * p->bytes;
            int64_t row = first * s->w.stride[1] + i - s->w.pad_begin[1];
            for (int64_t r = 0; r < rows; r++, to += row_bytes, row += s->w.stride[1])
                copy_row(c, image, row, j, group, to);
            memset(to, s->x_zero, (size_t)(p->shared * s->cg));
        }
}

/* ---- tiles ---------------------------------------------------------------------------------- */

static void add_part(struct infer__conv8_tile *tile, int64_t from, int64_t count, int64_t to)
{
    if (count < 1)
        return;
    tile->part[tile->nparts++] =
        (struct infer__conv8_part){(uint8_t)from, (uint8_t)count, (int32_t)to};
    tile->part[tile->nparts] = (struct infer__conv8_part){0, 0, 0};
    for (int nv = 1; nv <= 2; nv++)
        tile->vectors[nv - 1] += (int)(count * nv + 3) / 4;
}

static void no_parts(struct infer__conv8_tile *tile)
{
    tile->nparts = tile->vectors[0] = tile->vectors[1] = 0;
}

/* Pixels from number `skip` on are stored. */
void infer__conv8_halves(struct infer__conv8_tile *tile, int skip)
{
    no_parts(tile);
    tile->second = tile->count > CONV8_HALF ? tile->count - CONV8_HALF : CONV8_HALF;
    if (tile->count <= CONV8_HALF || tile->count == CONV8_TILE) {
        add_part(tile, skip, tile->count - skip, skip);
        return;
    }
    add_part(tile, 0, CONV8_HALF, 0);
    add_part(tile, CONV8_TILE - tile->second, tile->second, CONV8_HALF);
}

/* Which pixels of a plane from number `begin` on are the output's. */
static void find_parts(const struct infer__conv8_cut *c, int64_t begin,
                       struct infer__conv8_tile *tile)
{
    int64_t pitch = c->planes.pitch, row = begin / pitch, at = begin % pitch;
    int64_t end = min64(c->width - begin, tile->count), width = c->s.y.w;
    no_parts(tile);
    tile->second = CONV8_HALF;
    for (int64_t i = 0; i < end; row++, i += pitch - at, at = 0)
        add_part(tile, i, min64(width - at, end - i), row * width + at);
}

/* Where the taps of a tile begin that begins at `at`. */
static void find_taps(const struct infer__conv8_cut *c, const uint8_t *at,
                      struct infer__conv8_tile *tile)
{
    const struct infer__window *w = &c->s.w;
    const struct infer__conv8_planes *p = &c->planes;
    int64_t each = c->krows == w->kernel[1] ? w->kernel[2] : 1;
    tile->nrows = (int)c->krows;
    for (int64_t r = 0; r < c->krows; r++) {
        tile->before[r] = r * c->padded;
        tile->row[r] = at + r * p->pitch * p->pixel;
        if (c->way == CONV8_BLOCKS)
            continue;
        int64_t tap = r * each;
        int64_t h = tap / w->kernel[2] * w->dilation[1], v = tap % w->kernel[2] * w->dilation[2];
        int64_t plane = h % w->stride[1] * p->wide + v % w->stride[2];
        tile->row[r] =
            at + plane * p->bytes + (h / w->stride[1] * p->pitch + v / w->stride[2]) * p->pixel;
    }
}

int infer__conv8_plane_tiles(const struct infer__conv8_cut *c, int64_t chunk, int64_t group,
                             const uint8_t *x, uint8_t *copies, struct infer__conv8_tile *tiles)
{
    const struct infer__linear *s = &c->s;
    int64_t per_image = c->chunks / c->rows, image = chunk / per_image;
    int64_t first = chunk % per_image * c->chunk;
    int count = (int)min64(c->tiles_per_row - first, c->chunk);
    int64_t begin = first * CONV8_TILE, pixels = min64(c->width - begin, count * CONV8_TILE);
    int64_t row = begin / c->planes.pitch, last = (begin + pixels - 1) / c->planes.pitch;
    copy_planes(c, x + image * s->x.h * s->x.w * s->x.c, row, last - row + 1 + c->planes.more,
                group, copies);
    for (int i = 0; i < count; i++, begin += CONV8_TILE) {
        struct infer__conv8_tile *tile = &tiles[i];
        int64_t rest = c->width - begin;
        tile->count = rest <= CONV8_HALF ? CONV8_HALF : CONV8_TILE;
        tile->pixel = image * s->y.h * s->y.w;
        tile->skips = 0;
        tile->runs = 1;
        tile->run = c->padded;
        tile->step = c->planes.pixel;
        tile->run_step = 0;
        find_parts(c, begin, tile);
        find_taps(c, copies + (begin - row * c->planes.pitch) * c->planes.pixel, tile);
    }
    return count;
}
