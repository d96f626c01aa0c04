/* infer pose: points of people, faces, hands. */
#include <limits.h>

#include "base/memory.h"
#include "tools/box_command.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/preprocess_args.h"
#include "tools/task.h"

static const struct cli_option options[] = {
    {"score", "N", "boxes of a higher score count (default: the model's threshold)"},
    {"detector", "MODEL", "finds the things whose points MODEL then finds, one by one"},
    {"region", "N", "a thing's square is so many times its box's longer side (default 1.2)"},
    BOX_OPTIONS,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "pose",
    "MODEL PICTURE... [OPTIONS]",
    "Finds points of people, faces or hands, and prints them in pixels of the picture.",
    FRAMES_HELP
    "MODEL either finds boxes with their points (yolov8-pose, yunet, scrfd ...), or the points "
    "of\n"
    "the one thing that a picture shows (infer convert --task points): then all of the picture "
    "is\n"
    "looked at, or with --detector a square about each box. An .onnx file of the second kind "
    "needs\n"
    "the options of preprocessing.",
    "  infer pose yolov8n-pose.onnx people.jpg --draw out --json\n"
    "  infer convert pfld.onnx --task points --resize 112x112 --color bgr --scale 0.00392157\n"
    "  infer pose pfld.infer group.jpg --detector yunet.onnx --draw out",
    options,
    1,
    INT_MAX};

/* A network of points alone changes its place: boxes, if any, are the detector's. */
static int check(struct box_command *c, const struct cli_args *args)
{
    const char *path = args->positional[0];
    infer_decoding d = INFER_DECODING_INIT;
    infer_error err;
    if (infer_model_decoding(c->d.model, &d, &err) != INFER_OK)
        return task_unknown(path, c->d.model, &err);
    if (d.task == INFER_TASK_DETECT && d.points >= 0)
        return cli_has(args, "detector")
                   ? cli_usage("%s: it finds boxes itself: --detector is for networks of points "
                               "alone",
                               path)
                   : CLI_OK;
    if (d.task != INFER_TASK_KEYPOINTS)
        return cli_usage("%s: its answers are %s without points: %s is for it", path,
                         task_answers(d.task), task_command(d.task));
    infer_model *detector = c->d.landmarks.model;
    c->d.landmarks.model = c->d.model;
    c->d.landmarks.decoding = d;
    c->d.model = detector;
    return CLI_OK;
}

static int pose(struct box_command *c, const struct cli_args *args)
{
    const char *detector = cli_value(args, "detector");
    const struct convert_options o = {.task = "auto"};
    void *bytes = NULL;
    int status = CLI_OK;
    if (detector)
        status = open_model_with(detector, &o, &c->d.landmarks.model, &bytes);
    infer_model *opened = c->d.landmarks.model; /* for now: check() knows where it belongs */
    if (status == CLI_OK)
        status = box_command_run(c, args);
    infer_model_free(&opened);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}

int cmd_pose(int argc, char **argv)
{
    struct cli_args args;
    struct box_command c = {.check = check, .d.show_points = 1};
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    if (!preprocess_args_apply(&args, &preprocess) ||
        !cli_float(&args, "region", 0.1F, 10, 1.2F, &c.d.landmarks.widen))
        return CLI_USAGE;
    if (preprocess_args_given(&args))
        c.preprocess = &preprocess;
    return pose(&c, &args);
}
