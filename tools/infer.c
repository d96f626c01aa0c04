/* infer: one program, several subcommands. */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"convert", "ONNX model to flat file", cmd_convert},
    {"inspect", "what is in a model, and how it will run", cmd_inspect},
    {"run", "run a model on tensors (.npy in and out)", cmd_run},
    {"classify", "classify pictures", cmd_classify},
    {"detect", "find things in pictures", cmd_detect},
    {"segment", "tell the class of every pixel", cmd_segment},
    {"pose", "find points of people, faces, hands", cmd_pose},
    {"embed", "turn pictures into vectors, compare them", cmd_embed},
    {"track", "follow things through a video", cmd_track},
    {"picture", "make pictures of others: style, depth, matting", cmd_picture},
    {"sheet", "many pictures on one, and on a page", cmd_sheet},
    {"read", "find text in pictures and read it", cmd_read},
    {"verify", "compare a model with recorded outputs", cmd_verify},
    {"tune", "measure kernels here and store the fastest", cmd_tune},
    {"pack", "store weights as kernels want them: ready at once", cmd_pack},
    {"quantize", "float model to 8-bit integers, with a report", cmd_quantize},
    {"export", "write a model as ONNX", cmd_export},
    {"edit", "cut a part out, rename, set shapes and preprocessing", cmd_edit},
    {"diff", "compare two runs node by node", cmd_diff},
    {"eval", "how good a model is, or recorded answers", cmd_eval},
    {"reference", "store what a model's pictures and answers are like", cmd_reference},
    {"drift", "whether requests still are what the reference was", cmd_drift},
    {"archive", "a model with all that a server needs, in one file", cmd_archive},
    {"serve", "models behind HTTP", cmd_serve},
    {"hammer", "a load on an HTTP server, and its times", cmd_hammer},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *f)
{
    fputs("Usage: infer COMMAND [OPTIONS] ...\n\nCommands:\n", f);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`infer COMMAND --help` has the options and an example. `infer --version` prints the\n"
          "version. MODEL is a .infer file, or an .onnx file, which is converted in memory.\n"
          "\n"
          "Exit status:\n"
          "  0  it worked\n"
          "  1  it worked, and the answer is no (verify, diff: values differ; eval: goals missed;\n"
          "     drift: it has drifted; hammer: requests failed)\n"
          "  2  wrong arguments\n"
          "  3  a file is missing, corrupt or not supported\n"
          "  4  no memory, a limit was reached, or a file can't be written\n",
          f);
}

/* What could not be printed (a full disk behind a pipe or a file) is an error too. */
static int printed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("infer: standard output");
    return status == CLI_OK ? CLI_RESOURCES : status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("infer %s, best level %s, oneDNN %s\n", infer_version(),
               infer_isa_name(infer_cpu_isa()), infer_has_onednn() ? "built in" : "not built in");
        return CLI_OK;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return printed(commands[i].run(argc - 1, argv + 1));
    return cli_usage("there is no command '%s'; see infer --help", argv[1]);
}
