/* The subcommands of infer: each takes its own name as argv[0] and returns an exit status. */
#ifndef INFER_TOOLS_COMMANDS_H
#define INFER_TOOLS_COMMANDS_H

#include "tools/cli.h"

int cmd_convert(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_detect(int argc, char **argv);
int cmd_segment(int argc, char **argv);
int cmd_pose(int argc, char **argv);
int cmd_embed(int argc, char **argv);
int cmd_track(int argc, char **argv);
int cmd_picture(int argc, char **argv);
int cmd_sheet(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_edit(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_archive(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_hammer(int argc, char **argv);
int cmd_reference(int argc, char **argv);
int cmd_drift(int argc, char **argv);

#endif
