/* JPEG through libjpeg-turbo.
 *
 * The libjpeg interface and not TurboJPEG's, because of three things that the latter does not
 * tell or do: which warning it was (two stray bytes before a marker are harmless and occur in
 * well-known data sets, a cut file is not), a scan limit other than 500, and chroma subsampling
 * outside its six kinds.
 *
 * libjpeg's defaults (accurate integer IDCT, smooth upsampling) are Pillow's and OpenCV's too, so
 * the pixels are the same as theirs from the same libjpeg-turbo. Decoding at a reduced scale gives
 * other pixels than decoding and resizing, so it is done only where options->fast_decode asks for
 * it.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"
#include "vision/preprocess.h"

/* All state is here and not in locals, which longjmp may leave undefined. */
struct jpeg {
    struct jpeg_error_mgr manager; /* first: the callbacks cast back from it */
    jmp_buf jump;
    struct jpeg_decompress_struct cinfo;
    struct jpeg_progress_mgr progress;
    struct infer__decode *d;
    int only_looks; /* through the data: no picture is made */
    int only_size;  /* no further than the header */
    int looked;     /* it was done and found good */
    int reduced;    /* 2, 4, 8: how many pixels become one in each direction; else 1 */
    uint8_t *row;   /* one row as libjpeg gives it */
    int scan;       /* that is being read, counted from 1 */
    uint64_t work;  /* blocks of all scans up to it */
    infer_status status;
    infer_error *err;
};

static struct jpeg *jpeg_of(j_common_ptr cinfo)
{
    return (struct jpeg *)(void *)cinfo->err;
}

static infer_status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return INFER_ERROR_NO_MEMORY;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_NOTIMPL:
        return INFER_ERROR_UNSUPPORTED;
    default:
        return INFER_ERROR_PICTURE;
    }
}

static void on_error(j_common_ptr cinfo)
{
    struct jpeg *j = jpeg_of(cinfo);
    char message[JMSG_LENGTH_MAX];
    j->manager.format_message(cinfo, message);
    j->status = infer__fail(j->err, status_of(j->manager.msg_code), "JPEG: %s", message);
    longjmp(j->jump, 1);
}

/* Level -1 is a warning: the data is wrong somewhere but decoding can go on. */
static void on_message(j_common_ptr cinfo, int level)
{
    struct jpeg *j = jpeg_of(cinfo);
    if (level >= 0 || j->d->options->accept_truncated)
        return;
    switch (j->manager.msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* between segments, where nothing is lost */
    case JWRN_ADOBE_XFORM:     /* an odd marker; the colour space is guessed */
    case JWRN_JFIF_MAJOR:
        return;
    default:
        on_error(cinfo);
    }
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo;
}

/* Blocks that a scan may visit altogether. A block of a progressive scan, or one of arithmetic
 * coding, takes next to no data, but some 60 ns there and up to 400 here; a file of 1 MB is read
 * within a second. */
static uint64_t work_allowed(const struct jpeg *j)
{
    uint64_t size = j->d->size;
    return j->cinfo.arith_code ? 1500000 + size / 2 : 12000000 + 8 * size;
}

static uint64_t blocks_of(const jpeg_component_info *c)
{
    return (uint64_t)c->width_in_blocks * c->height_in_blocks;
}

static infer_status count_work(struct jpeg *j)
{
    const struct jpeg_decompress_struct *c = &j->cinfo;
    infer_error *err = j->err;
    if (c->input_scan_number == j->scan)
        return INFER_OK;
    j->scan = c->input_scan_number;
    FAIL_IF(j->scan > (int64_t)j->d->options->max_scans, INFER_ERROR_LIMIT,
            "JPEG: more than %u scans", j->d->options->max_scans);
    for (int i = 0; i < c->comps_in_scan; i++)
        j->work += blocks_of(c->cur_comp_info[i]);
    FAIL_IF(j->work > work_allowed(j), INFER_ERROR_LIMIT,
            "JPEG: %llu blocks in %d scans are more than %zu bytes are read for",
            (unsigned long long)j->work, j->scan, j->d->size);
    return INFER_OK;
}

/* Called for each row of blocks of each scan. */
static void on_progress(j_common_ptr cinfo)
{
    struct jpeg *j = jpeg_of(cinfo);
    j->status = count_work(j);
    if (j->status != INFER_OK)
        longjmp(j->jump, 1);
}

static uint32_t find_orientation(const struct jpeg_decompress_struct *cinfo)
{
    for (jpeg_saved_marker_ptr m = cinfo->marker_list; m; m = m->next) {
        uint32_t orientation = infer__exif_orientation(m->data, m->data_length);
        if (orientation)
            return orientation;
    }
    return 1;
}

/* Every 8x8 block of a component needs at least one bit for its DC value in Huffman coding, so
 * one file byte holds at most 8 blocks of the first component. Arithmetic coding has no such
 * bound (there the work is limited), and where a truncated file is wanted it doesn't matter. */
static uint64_t pixels_per_byte(const struct jpeg *j)
{
    const struct jpeg_decompress_struct *c = &j->cinfo;
    if (c->arith_code || j->d->options->accept_truncated)
        return UINT64_MAX;
    int whole = c->max_h_samp_factor * c->max_v_samp_factor;
    int first = c->comp_info[0].h_samp_factor * c->comp_info[0].v_samp_factor;
    /* twice, since picture edges are not whole blocks in tiny pictures */
    return 2 * 8 * 64 * (uint64_t)(whole / first);
}

/* Round(a * b / 255), exactly, for a, b in 0..255. */
static uint32_t mul255(uint32_t a, uint32_t b)
{
    uint32_t t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

/* From samples that are 255 - ink, as Adobe writes them, to RGB in place: what is left of black
 * minus the colour's part of it, in Pillow's arithmetic. */
static void cmyk_to_rgb(uint8_t *row, uint32_t n)
{
    uint8_t *out = row;
    for (uint32_t i = 0; i < n; i++, row += 4) {
        uint32_t light = row[3];
        for (int k = 0; k < 3; k++)
            *out++ = (uint8_t)(light - mul255(255u - row[k], light));
    }
}

static infer_status choose_output(struct jpeg *j)
{
    struct jpeg_decompress_struct *c = &j->cinfo;
    infer_error *err = j->err;
    switch (c->num_components) {
    case 1:
        c->out_color_space = JCS_GRAYSCALE;
        return INFER_OK;
    case 3:
        c->out_color_space = JCS_RGB;
        return INFER_OK;
    case 4:
        c->out_color_space = JCS_CMYK;
        return INFER_OK;
    default:
        FAIL_IF(1, INFER_ERROR_UNSUPPORTED, "JPEG: %d components", c->num_components);
    }
}

static infer_status read_rows(struct jpeg *j)
{
    struct jpeg_decompress_struct *c = &j->cinfo;
    infer_image *image = j->d->image;
    size_t bytes = (size_t)c->output_width * 4;
    j->row = infer__alloc(&j->d->options->allocator, bytes, 64);
    if (!j->row)
        return infer__no_memory(j->err, bytes);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    int direct = c->output_components == image->channels && image->channels != 4;
    while (c->output_scanline < c->output_height) {
        uint32_t y = c->output_scanline;
        JSAMPROW row = direct ? image->pixels + y * stride : j->row;
        if (jpeg_read_scanlines(c, &row, 1) != 1)
            return infer__fail(j->err, INFER_ERROR_PICTURE, "JPEG: the data ends in row %u", y);
        if (direct || j->only_looks)
            continue;
        if (c->output_components == 4)
            cmyk_to_rgb(j->row, c->output_width);
        infer__image_row(image, (int32_t)y, j->row, c->output_components == 1 ? 1 : 3);
    }
    return INFER_OK;
}

/* What of several scans is held until the last: every coefficient, in 2 bytes. */
static uint64_t coefficient_bytes(const struct jpeg_decompress_struct *c)
{
    uint64_t blocks = 0;
    for (int i = 0; i < c->num_components; i++)
        blocks += blocks_of(&c->comp_info[i]);
    return (uint64_t)INFER__PRODUCT((int64_t)blocks, DCTSIZE2, sizeof(JCOEF));
}

static uint32_t upright(const struct infer__decode *d)
{
    return d->options->ignore_orientation ? 1 : d->orientation;
}

/* Sides are to be this many times what preprocessing makes of them. With 1, MobileNetV2's best
 * class was another for 2 to 4 pictures in 100, with 2 for 1. */
enum { LEAST = 2 };

/* How far the picture may be reduced for its preprocessing. What can't be preprocessed is refused
 * later on. */
static int choose_reduction(const struct infer__decode *d, int32_t width, int32_t height)
{
    struct infer__placement place;
    infer_error ignored;
    if (!d->aim->preprocess || !d->options->fast_decode ||
        infer__preprocess_place(d->aim->preprocess, width, height, &place, &ignored) != INFER_OK)
        return 1;
    for (int n = 8; n > 1; n /= 2)
        if (width / n / LEAST >= place.scaled_w && height / n / LEAST >= place.scaled_h)
            return n;
    return 1;
}

/* A side that is no multiple of the reduction ends in a pixel that reaches out of the picture; the
 * orientations that turn this side round have it first. */
static void reduce(struct jpeg *j)
{
    struct infer__aim *aim = j->d->aim;
    const uint32_t turn = upright(j->d);
    const int32_t w = (int32_t)j->cinfo.image_width, h = (int32_t)j->cinfo.image_height;
    j->reduced = 1;
    if (!aim)
        return;
    aim->width = turn >= 5 ? h : w;
    aim->height = turn >= 5 ? w : h;
    aim->reduced = j->reduced = choose_reduction(j->d, aim->width, aim->height);
    const int32_t n = aim->reduced;
    const int from_right = turn == 2 || turn == 3 || turn == 6 || turn == 7;
    const int from_below = turn == 3 || turn == 4 || turn == 7 || turn == 8;
    aim->x = from_right ? -((n - aim->width % n) % n) : 0;
    aim->y = from_below ? -((n - aim->height % n) % n) : 0;
}

/* From the header: limits, and whether what it says is to be believed. */
static infer_status check_header(struct jpeg *j)
{
    struct jpeg_decompress_struct *c = &j->cinfo;
    infer_error *err = j->err;
    uint32_t width = c->image_width, height = c->image_height;
    FAIL_IF(c->data_precision != 8, INFER_ERROR_UNSUPPORTED, "JPEG: %d bits per sample",
            c->data_precision);
    TRY(choose_output(j));
    j->d->orientation = find_orientation(c);
    TRY(infer__image_limits(j->d->options, width, height, err));
    reduce(j);
    TRY(infer__image_plausible(j->d, width, height, pixels_per_byte(j), err));
    TRY(count_work(j));
    if (jpeg_has_multiple_scans(c)) {
        uint64_t bytes = coefficient_bytes(c);
        FAIL_IF(!infer__image_on_trust(j->d, bytes), INFER_ERROR_LIMIT,
                "JPEG: %llu bytes of memory for scans of a file of %zu bytes",
                (unsigned long long)bytes, j->d->size);
    } else if (!j->looked) {
        const uint64_t n = (uint64_t)j->reduced;
        uint64_t bytes = (width + n - 1) / n * ((height + n - 1) / n) * j->d->options->channels;
        j->only_looks = !infer__image_on_trust(j->d, bytes);
    }
    return INFER_OK;
}

/* Sets *again where the data was only looked through, in which case it is good. */
static infer_status decode(struct jpeg *j, int *again)
{
    struct jpeg_decompress_struct *c = &j->cinfo;
    infer_error *err = j->err;
    if (setjmp(j->jump))
        return j->status;
    jpeg_create_decompress(c);
    c->progress = &j->progress;
    jpeg_mem_src(c, j->d->bytes, (unsigned long)j->d->size);
    jpeg_save_markers(c, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(c, TRUE);
    TRY(check_header(j));
    if (j->only_size)
        return INFER_OK;
    c->scale_num = 1;
    c->scale_denom = (unsigned)j->reduced;
    if (j->only_looks) /* as an eighth all is decoded too, but hardly anything transformed */
        c->scale_denom = 8;
    jpeg_start_decompress(c); /* reads all scans, where there are several */
    if (!j->only_looks)
        TRY(infer__image_begin(j->d, c->output_width, c->output_height, err));
    TRY(read_rows(j));
    jpeg_finish_decompress(c);
    *again = j->only_looks;
    return INFER_OK;
}

/* One time from the first byte to the last. */
static infer_status read_jpeg(struct infer__decode *d, int looked, int only_size, int *again,
                              infer_error *err)
{
    struct jpeg j = {.d = d, .err = err, .looked = looked, .only_size = only_size};
    j.cinfo.err = jpeg_std_error(&j.manager);
    j.manager.error_exit = on_error;
    j.manager.emit_message = on_message;
    j.manager.output_message = on_output;
    j.progress.progress_monitor = on_progress;
    infer_status status = decode(&j, again);
    infer__free(&d->options->allocator, j.row);
    /* Frees what there is, also after an error at any point; needs no setjmp. */
    jpeg_destroy_decompress(&j.cinfo);
    return status;
}

infer_status infer__decode_jpeg(struct infer__decode *d, infer_error *err)
{
    int again = 0, ignored;
    TRY(read_jpeg(d, 0, 0, &again, err));
    return again ? read_jpeg(d, 1, 0, &ignored, err) : INFER_OK;
}

infer_status infer__jpeg_size(const uint8_t *bytes, size_t size, const infer_image_options *options,
                              int32_t *width, int32_t *height, infer_error *err)
{
    int ignored;
    struct infer__aim aim = {0};
    struct infer__decode d = {bytes, size, options, NULL, 1, 0, &aim};
    TRY(read_jpeg(&d, 0, 1, &ignored, err));
    *width = aim.width;
    *height = aim.height;
    return INFER_OK;
}
