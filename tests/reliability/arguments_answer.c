/* Rows of R6: the functions of infer_vision.h about what networks find in pictures. */
#include "tests/reliability/arguments.h"

INIT(decoding_init, infer_decoding)
INIT(nms_options_init, infer_nms_options)
INIT(detect_options_init, infer_detect_options)
INIT(detections_init, infer_detections)
INIT(tracker_options_init, infer_tracker_options)
INIT(segment_options_init, infer_segment_options)
INIT(keypoints_options_init, infer_keypoints_options)
INIT(embed_options_init, infer_embed_options)

/* What reads the one row of 24 numbers of `signs` as a box and the scores of 20 classes. */
infer_decoding row_decoding(void)
{
    infer_decoding d = INFER_DECODING_INIT;
    d.task = INFER_TASK_DETECT;
    d.classes = 20;
    d.scores_first = 4;
    return d;
}

/* The same whose word k (of 32) is nonsense; NULL, or of a wrong size. */
static const infer_decoding *wrong_decoding(int i)
{
    static infer_decoding w;
    const unsigned k = pick(i, 1, 35);
    w = row_decoding();
    if (k > 0 && k <= 30)
        memcpy((char *)&w + 4 + 4 * k, &(int32_t){INT32_MIN}, 4);
    else if (k > 30 && k <= 32)
        memcpy((char *)&w + 4 + 4 * k, &(float){NAN}, 4);
    else if (k > 32)
        w.size = k == 33 ? 0 : SIZE_MAX;
    return &w;
}

static infer_status model_decoding(void)
{
    infer_status status = infer_model_decoding(
        MODEL(0, 1), ANSWER(1, 1, infer_decoding, INFER_DECODING_INIT), ERR(2));
    /* the model has none */
    return status == INFER_ERROR_UNSUPPORTED ? INFER_OK : status;
}

static const infer_nms_options *nms_options(int i)
{
    static infer_nms_options o[10];
    for (int k = 0; k < 10; k++)
        infer_nms_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].suppress = -1;
    o[4].suppress = 4;
    o[5].most_candidates = -1;
    o[6].score_threshold = NAN;
    o[7].iou_threshold = INFINITY;
    o[8].sigma = -1;
    o[9].sigma = NAN;
    return ARG(i, const infer_nms_options *, 2, &o[0], NULL, &o[1], &o[2], &o[3], &o[4], &o[5],
               &o[6], &o[7], &o[8], &o[9]);
}

static infer_status nms(void)
{
    const infer_box boxes[2] = {{0, 0, 1, 1, .score = 1}, {.x0 = NAN, .score = 1}};
    infer_box kept[2];
    size_t found;
    return infer_nms(ARG(0, const infer_box *, 1, boxes, NULL), ARG(1, size_t, 2, 2, 1),
                     nms_options(2), ARG(3, infer_box *, 1, kept, NULL), 2,
                     ARG(4, size_t *, 2, &found, NULL), ERR(5));
}

const infer_picture *pictures(int i)
{
    static infer_picture p[14];
    for (int k = 0; k < 14; k++)
        p[k] = (infer_picture){.data = picture.pixels,
                               .pixels = INFER_PIXELS_RGB,
                               .width = picture.width,
                               .height = picture.height};
    p[1] = (infer_picture){.data = jpeg, .bytes = jpeg_size};
    p[2].data = NULL;
    p[3].pixels = -1;
    p[4].pixels = 9;
    p[5].width = 0;
    p[6].height = INT32_MIN;
    p[7].pitch = (size_t)picture.width * 3 - 1;
    p[8].x = 1; /* of a region that has no size */
    p[9].region_width = p[9].region_height = INT32_MAX;
    p[10].region_width = 1;
    p[11].x = p[11].region_width = p[11].region_height = INT32_MIN;
    p[12] = (infer_picture){.data = jpeg, .bytes = 3};
    p[13].pixels = INFER_PIXELS_NV12;
    p[13].width = 3;
    return ARG(i, const infer_picture *, 2, &p[0], &p[1], NULL, &p[2], &p[3], &p[4], &p[5], &p[6],
               &p[7], &p[8], &p[9], &p[10], &p[11], &p[12], &p[13]);
}

static const infer_detect_options *detect_options(int i, const infer_decoding *decoding)
{
    static const infer_image_options wrong = {.size = 1};
    static infer_detect_options o[4];
    for (int k = 0; k < 4; k++) {
        infer_detect_options_init(&o[k], sizeof o[k]);
        o[k].decoding = decoding;
    }
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].image = &wrong;
    return ARG(i, const infer_detect_options *, 1, &o[0], NULL, &o[1], &o[2], &o[3]);
}

static infer_status detect(void)
{
    static infer_box boxes[3];
    static infer_image masks[3];
    size_t found;
    infer_detections right = INFER_DETECTIONS_INIT;
    right.boxes = ARG(4, infer_box *, 1, boxes, NULL);
    right.found = ARG(5, size_t *, 1, &found, NULL);
    right.most = 3;
    right.masks = ARG(9, infer_image *, 2, NULL, masks);
    right.size = ARG(7, size_t, 1, sizeof right, 0, SIZE_MAX);
    return infer_detect(SESSION(0), pictures(1), 1, detect_options(2, wrong_decoding(8)),
                        ARG(3, infer_detections *, 1, &right, NULL), ERR(6));
}

static infer_status tracker_create(void)
{
    static infer_tracker_options o[10];
    for (int k = 0; k < 10; k++)
        infer_tracker_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].size = SIZE_MAX;
    o[3].score_high = NAN;
    o[4].score_low = -1;
    o[5].score_new = INFINITY;
    o[6].iou_high = 1.5F;
    o[7].iou_low = NAN;
    o[8].agnostic = 2;
    o[9].allocator.alloc = some_alloc; /* without free */
    infer_tracker *t = NULL;
    infer_tracker **to = ARG(1, infer_tracker **, 1, &t, NULL);
    infer_status status =
        infer_tracker_create(ARG(0, const infer_tracker_options *, 2, &o[0], NULL, &o[1], &o[2],
                                 &o[3], &o[4], &o[5], &o[6], &o[7], &o[8], &o[9]),
                             to, ERR(2));
    made(status, to && t, "infer_tracker_create");
    infer_tracker_free(&t);
    return status;
}

static infer_status tracker_free(void)
{
    infer_tracker *none = NULL;
    infer_tracker_free(ARG(0, infer_tracker **, 2, &none, NULL));
    return INFER_OK;
}

/* Two boxes, one of which is nonsense; the tracker lives as long as the process. */
static infer_tracker *tracker(int i)
{
    static infer_tracker *t;
    if (!t && infer_tracker_create(NULL, &t, NULL) != INFER_OK)
        return NULL;
    return ARG(i, infer_tracker *, 1, t, NULL);
}

static infer_status tracker_update(void)
{
    const infer_box boxes[2] = {{0, 0, 1, 1, .score = 1}, {.x0 = NAN, .score = 1}};
    uint64_t ids[2];
    return infer_tracker_update(tracker(0), ARG(1, const infer_box *, 1, boxes, NULL),
                                ARG(2, size_t, 2, 2, 1, SIZE_MAX), ARG(3, uint64_t *, 1, ids, NULL),
                                ERR(4));
}

static infer_status tracker_tracks(void)
{
    infer_track tracks[2];
    size_t found;
    return infer_tracker_tracks(tracker(0), ARG(1, infer_track *, 1, tracks, NULL), 2,
                                ARG(3, size_t *, 1, &found, NULL), ERR(4));
}

/* `signs` as a task of another kind: its 24 numbers are a map of one pixel, or 12 points. */
infer_decoding other_decoding(int32_t task)
{
    infer_decoding d = row_decoding();
    d.task = task;
    d.points = task == INFER_TASK_KEYPOINTS ? 0 : -1;
    d.points_count = 12;
    d.point_fields = 2;
    return d;
}

static infer_status segment(void)
{
    static const infer_image_options wrong = {.size = 1};
    infer_image mask = {.width = 7};
    infer_segment_options o[4];
    infer_decoding d = other_decoding(INFER_TASK_SEGMENT), boxes = row_decoding();
    for (int k = 0; k < 4; k++) {
        infer_segment_options_init(&o[k], sizeof o[k]);
        o[k].decoding = &d;
    }
    o[1].size = 0;
    o[2].image = &wrong;
    o[3].decoding = &boxes;
    infer_image *to = ARG(3, infer_image *, 1, &mask, NULL);
    infer_status status = infer_segment(
        SESSION(0), pictures(1),
        ARG(2, const infer_segment_options *, 1, &o[0], NULL, &o[1], &o[2], &o[3]), to, ERR(4));
    /* the outputs are no map, of rank 4: what is right is refused last of all */
    infer_image_free(&mask);
    return status == INFER_ERROR_SHAPE && !now.nonsense ? INFER_OK : status;
}

static infer_status classify_pictures(void)
{
    infer_class top[3];
    size_t found;
    return infer_classify_pictures(SESSION(0), pictures(1), 1, classify_options(4),
                                   ARG(5, infer_class *, 1, top, NULL), 3,
                                   ARG(6, size_t *, 1, &found, NULL), ERR(7));
}

static infer_status keypoints(void)
{
    infer_point points[12];
    infer_keypoints_options o[4];
    infer_decoding d = other_decoding(INFER_TASK_KEYPOINTS), boxes = row_decoding();
    infer_decoding far = other_decoding(INFER_TASK_KEYPOINTS);
    far.points_first = 1;
    for (int k = 0; k < 4; k++) {
        infer_keypoints_options_init(&o[k], sizeof o[k]);
        o[k].decoding = &d;
    }
    o[1].size = SIZE_MAX;
    o[2].decoding = &far;
    o[3].decoding = &boxes;
    return infer_keypoints(
        SESSION(0), pictures(1), 1,
        ARG(2, const infer_keypoints_options *, 1, &o[0], NULL, &o[1], &o[2], &o[3]),
        ARG(3, infer_point *, 1, points, NULL), ERR(4));
}

static infer_status embed(void)
{
    float vector[25];
    infer_embed_options o[3];
    for (int k = 0; k < 3; k++)
        infer_embed_options_init(&o[k], sizeof o[k]);
    o[1].size = 0;
    o[2].output = 1;
    return infer_embed(SESSION(0), pictures(1), 1,
                       ARG(2, const infer_embed_options *, 2, &o[0], NULL, &o[1], &o[2]),
                       ARG(3, float *, 1, vector, NULL), ARG(4, size_t, 1, 24, 23, 25, 0, SIZE_MAX),
                       ERR(5));
}

const struct arguments_row arguments_of_answers[] = {
    ROW(decoding_init),
    ROW(model_decoding),
    ROW(nms_options_init),
    ROW(nms),
    ROW(detect_options_init),
    ROW(detections_init),
    ROW(detect),
    ROW(tracker_options_init),
    ROW(tracker_create),
    ROW(tracker_free),
    ROW(tracker_update),
    ROW(tracker_tracks),
    ROW(segment_options_init),
    ROW(segment),
    ROW(classify_pictures),
    ROW(keypoints_options_init),
    ROW(keypoints),
    ROW(embed_options_init),
    ROW(embed),
    {NULL, NULL},
};
