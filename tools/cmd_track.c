/* infer track: things that are followed from frame to frame. */
#include <limits.h>

#include "tools/box_command.h"
#include "tools/commands.h"

static const struct cli_option options[] = {
    {"score", "N", "boxes of a higher score are looked at (default 0.1)"},
    {"score-high", "N", "what has a higher score is matched first (default 0.5)"},
    {"score-new", "N", "what has a higher score may be new (default: 0.1 above --score-high)"},
    {"patience", "N", "frames for which something may be hidden (default 30)"},
    {"agnostic", NULL, "a thing may change its class"},
    BOX_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "track",
    "MODEL VIDEO|FOLDER... [OPTIONS]",
    "Follows things through a video, or the pictures of a folder by their names.",
    FRAMES_HELP
    "What is found gets a number, which stays the same from frame to frame (ByteTrack); 0 is "
    "what\n"
    "is not followed: it was seen only once, or its score is low. --draw leaves these out.",
    "  ffmpeg -i street.mp4 -pix_fmt yuv420p -f yuv4mpegpipe - | \\\n"
    "      infer track yolov8n.infer - --draw tracked.y4m --jsonl\n"
    "  infer track yolov8n.infer frames --csv",
    options,
    1,
    INT_MAX};

int cmd_track(int argc, char **argv)
{
    struct cli_args args;
    struct box_command c = {.score = 0.1F, .d.tracked = 1};
    infer_tracker_options o = INFER_TRACKER_OPTIONS_INIT;
    infer_error err;
    long patience;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    if (!cli_float(&args, "score-high", 0, 1, 0, &o.score_high) ||
        !cli_float(&args, "score-new", 0, 1, 0, &o.score_new) ||
        !cli_int(&args, "patience", 1, 1000000, 0, &patience))
        return CLI_USAGE;
    o.patience = (uint32_t)patience;
    o.agnostic = (uint32_t)cli_has(&args, "agnostic");
    if (infer_tracker_create(&o, &c.tracker, &err) != INFER_OK)
        return cli_fail("track", &err);
    status = box_command_run(&c, &args);
    infer_tracker_free(&c.tracker);
    return status;
}
