/* Rows of R6: the functions of infer_text.h. */
#include "infer_text.h"
#include "tests/reliability/arguments.h"

INIT(text_regions_options_init, infer_text_regions_options)
INIT(read_text_options_init, infer_read_text_options)

/* `signs` as a network of text: its 24 numbers are a map of one row, or a step. */
static infer_decoding text_decoding(int32_t task)
{
    infer_decoding d = other_decoding(task);
    d.classes = task == INFER_TASK_TEXT ? 24 : 1;
    d.background = task == INFER_TASK_TEXT ? 0 : -1;
    d.label_first = 0;
    return d;
}

static infer_status text_regions(void)
{
    static const infer_image_options wrong = {.size = 1};
    infer_quad quads[3];
    size_t found;
    infer_text_regions_options o[9];
    infer_decoding d = text_decoding(INFER_TASK_TEXT_REGIONS), boxes = row_decoding();
    for (int k = 0; k < 9; k++) {
        infer_text_regions_options_init(&o[k], sizeof o[k]);
        o[k].decoding = &d;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].image = &wrong;
    o[4].decoding = &boxes;
    o[5].map_threshold = NAN;
    o[6].score_threshold = -1;
    o[7].unclip = INFINITY;
    o[8].least_side = NAN;
    return infer_text_regions(SESSION(0), pictures(1),
                              ARG(2, const infer_text_regions_options *, 1, &o[0], NULL, &o[1],
                                  &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8]),
                              ARG(3, infer_quad *, 1, quads, NULL), 3,
                              ARG(4, size_t *, 1, &found, NULL), ERR(5));
}

/* One that is right, as the second is none; then others that are not. */
static const infer_quad *quad(int i, unsigned fine)
{
    static infer_quad q[9];
    for (int k = 0; k < 9; k++)
        q[k] = (infer_quad){.x = {2, 20, 20, 2}, .y = {3, 3, 9, 9}};
    q[1].x[0] = NAN;
    q[2].y[3] = INFINITY;
    q[3].x[2] = -1e30F;
    q[4].y[1] = q[4].y[2] = 3; /* a triangle with a corner twice, */
    q[4].x[1] = q[4].x[2] = 20;
    q[5].x[1] = 1; /* another way round, */
    q[5].x[2] = 1;
    q[6].x[2] = 3; /* and not convex */
    q[6].y[2] = 4;
    q[7].reserved = 1;
    q[8].more = 1;
    return ARG(i, const infer_quad *, fine, &q[0], NULL, &q[1], &q[2], &q[3], &q[4], &q[5], &q[6],
               &q[7], &q[8]);
}

static infer_status read_text(void)
{
    static const infer_image_options wrong = {.size = 1};
    char room[20];
    infer_text texts[5];
    infer_read_text_options o[5];
    infer_decoding d = text_decoding(INFER_TASK_TEXT), boxes = row_decoding();
    infer_decoding few = text_decoding(INFER_TASK_TEXT);
    few.classes = 23;
    for (int k = 0; k < 5; k++) {
        infer_read_text_options_init(&o[k], sizeof o[k]);
        o[k].decoding = &d;
        texts[k] = (infer_text){.text = room, .room = sizeof room};
    }
    o[1].size = 0;
    o[2].image = &wrong;
    o[3].decoding = &boxes;
    o[4].decoding = &few;
    texts[1].room = 1;
    texts[2] = (infer_text){0};
    texts[3].text = NULL;
    texts[4].more = 1;
    infer_status status = infer_read_text(
        SESSION(0), pictures(1), quad(5, 2), 1,
        ARG(2, const infer_read_text_options *, 1, &o[0], NULL, &o[1], &o[2], &o[3], &o[4]),
        ARG(3, infer_text *, 3, &texts[0], &texts[1], &texts[2], NULL, &texts[3], &texts[4]),
        ERR(4));
    /* the model has no labels: what is right is refused last of all */
    return status == INFER_ERROR_UNSUPPORTED && !now.nonsense ? INFER_OK : status;
}

static infer_status quad_cut(void)
{
    infer_image image = {.width = 7};
    infer_image *to = ARG(3, infer_image *, 1, &image, NULL);
    static infer_image_options o[5];
    for (int k = 0; k < 5; k++)
        infer_image_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].channels = 2;
    o[3].allocator.alloc = some_alloc;
    o[4].fast_decode = 2;
    infer_status status = infer_quad_cut(
        pictures(0), quad(1, 1),
        ARG(2, const infer_image_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4]), to,
        ERR(4));
    made(status, to && image.pixels, "infer_quad_cut");
    if (to)
        infer_image_free(&image);
    return status;
}

const struct arguments_row arguments_of_text[] = {
    ROW(text_regions_options_init),
    ROW(text_regions),
    ROW(read_text_options_init),
    ROW(read_text),
    ROW(quad_cut),
    {NULL, NULL},
};
