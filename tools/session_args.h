/* The options that every subcommand which makes a session shares. */
#ifndef INFER_TOOLS_SESSION_ARGS_H
#define INFER_TOOLS_SESSION_ARGS_H

#include "tools/cli.h"

/* Rows of a table of options. */
#define SHAPE_OPTION                                                                               \
    {                                                                                              \
        "input-shape", "NAME=DIMS", "shape of an input, as input=1x3x224x224; repeatable"          \
    }
#define MAX_OPTION                                                                                 \
    {                                                                                              \
        "max", "NAME=N", "the most of a size that depends on values; repeatable"                   \
    }
#define THREADS_OPTION                                                                             \
    {                                                                                              \
        "threads", "N", "threads (default: all that this process may use)"                         \
    }
#define ISA_OPTIONS                                                                                \
    {"isa", "LEVEL", "c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16, amx; else the best"},     \
        {"no-onednn", NULL, "native kernels only"},                                                \
        {"no-tuned", NULL, "kernels by estimate, without the tuned plan in the file"},             \
        {"weight-bytes", "N", "bytes of packed weights at most (default: docs/memory.md)"},        \
    {                                                                                              \
        "precision", "TYPE",                                                                       \
            "f32 (default), f32-strict (plain sums only), bf16 (rounded operands)"                 \
    }

struct session_args {
    infer_session_options options; /* inputs point to `shapes`, maxima to `maxima` */
    infer_input_spec *shapes;
    infer_maximum *maxima;
    size_t nshapes, nmaxima;
};

/* Fills *out from those of the options above that the command has. Returns 0 after a usage
 * message. Free it in either case. */
int session_args_parse(const struct cli_args *args, struct session_args *out);
/* The same of the shapes alone, for a command whose --threads is something else. */
int session_args_shapes(const struct cli_args *args, struct session_args *out);
/* The value of --isa, or NULL where it is not given. Returns 0 after a usage message. */
int session_args_isa(const char *text, infer_isa *isa);
/* The value of --precision, or NULL where it is not given. Returns 0 after a usage message. */
int session_args_precision(const char *text, uint32_t *precision);
void session_args_free(struct session_args *s);

#endif
