/* infer detect: pictures in, boxes out. */
#include <limits.h>

#include "tools/box_command.h"
#include "tools/commands.h"

static const struct cli_option options[] = {
    {"score", "N", "boxes of a higher score count (default: the model's threshold)"},
    BOX_OPTIONS,
    FAST_DECODE_OPTION,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "detect",
    "MODEL PICTURE... [OPTIONS]",
    "Finds things in pictures, and prints their boxes in pixels of the picture.",
    FRAMES_HELP
    "The model says how its outputs are read (infer convert --task); for an .onnx file it is "
    "worked\n"
    "out, and said. A picture that can't be read gives a message and the others go on; the exit\n"
    "status is then 3. docs/video.md has formats of results.",
    "  infer convert yolov8n.onnx --task yolov8 --labels coco.txt\n"
    "  infer detect yolov8n.infer street.jpg --draw out\n"
    "  infer detect yolov8n.infer photos --jsonl --score 0.5",
    options,
    1,
    INT_MAX};

int cmd_detect(int argc, char **argv)
{
    struct cli_args args;
    struct box_command c = {0};
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    return box_command_run(&c, &args);
}
