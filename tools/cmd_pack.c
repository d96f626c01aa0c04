/* infer pack: packed weights in a model's file: adds, removes, lists. */
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/inspect.h"
#include "tools/pack.h"
#include "tools/session_args.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"for", "LEVEL,...", "kinds of CPU to pack for: native (default), avx2, avx512vnni, amx ..."},
    {"remove", "LEVEL,...", "take out what is packed for these; all: whatever is packed"},
    {"list", NULL, "say what the file has; nothing is written"},
    {"output", "FILE", "where the packed model goes (default: the model's own file); -o too"},
    SHAPE_OPTION,
    MAX_OPTION,
    {"precision", "TYPE", "sessions to pack for: f32 (default), f32-strict, bf16"},
    {"weight-bytes", "N", "sessions to pack for: bytes of packed weights at most"},
    {"json", NULL, "the result as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "pack",
    "MODEL.infer [OPTIONS]",
    "Stores weights in the form that kernels want, for one or more kinds of CPU.",
    "Sessions use them where they stand in the mapped file: nothing is packed or copied when one "
    "is\n"
    "made, and all processes share them through the page cache. A session finds what its own "
    "kernels\n"
    "want; what the file lacks is packed as without it, to the same bits. A level can be packed "
    "for\n"
    "on a CPU that has it only. Packing again, for other shapes or another precision, adds to "
    "what\n"
    "is there; what another version of the library packed for the level is replaced, since it is "
    "of\n"
    "no use to this one. A model that was tuned afterwards wants to be packed again.",
    "  infer pack model.infer                           # for this CPU\n"
    "  infer pack model.infer --for avx2,avx512vnni -o packed.infer\n"
    "  infer pack model.infer --remove all --for native # nothing but what this CPU wants\n"
    "  infer pack model.infer --list",
    options,
    1,
    1};

/* What was asked for, but for the shapes. */
static int read_change(const struct cli_args *args, struct pack_change *change)
{
    const char *wanted = cli_value(args, "for"), *removed = cli_value(args, "remove");
    if (cli_has(args, "list") && (wanted || removed || cli_has(args, "output"))) {
        cli_usage("pack: --list writes nothing: leave out --for, --remove and --output");
        return 0;
    }
    if (cli_has(args, "list"))
        return 1;
    if (!wanted && !removed)
        wanted = "native";
    if (wanted && !pack_levels("for", wanted, 1, &change->add))
        return 0;
    change->remove_all = removed && strcmp(removed, "all") == 0;
    return !removed || change->remove_all || pack_levels("remove", removed, 0, &change->remove);
}

/* Says what a file has, once it is as it will be. */
static int tell(const struct cli_args *args, const infer_model *model, const char *path,
                size_t bytes)
{
    if (cli_has(args, "json")) {
        printf("{\"model\": ");
        json_string(stdout, path);
        if (bytes)
            printf(", \"bytes\": %zu", bytes);
        printf(", \"packed\": ");
        inspect_packed_json(stdout, model);
        printf("}\n");
        return CLI_OK;
    }
    if (bytes)
        printf("%s: %zu bytes\n", path, bytes);
    inspect_packed_text(stdout, model);
    return CLI_OK;
}

static int change_file(const struct cli_args *args, const infer_model *model,
                       const struct pack_change *change, const char *output)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model *packed = NULL;
    infer_error err;
    void *bytes;
    size_t size;
    if (pack_file(model, change, &bytes, &size, &err) != INFER_OK)
        return cli_fail(args->positional[0], &err);
    int status = write_file(output, bytes, size);
    if (status == CLI_OK)
        status = infer_load_memory(bytes, size, NULL, &packed, &err) == INFER_OK
                     ? tell(args, packed, output, size)
                     : cli_fail(output, &err);
    infer_model_free(&packed);
    infer__free(&a, bytes);
    return status;
}

int cmd_pack(int argc, char **argv)
{
    struct cli_args args;
    struct session_args s;
    struct pack_change change = {.options = &s.options};
    infer_model *model = NULL;
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    const char *path = args.positional[0], *output = cli_value(&args, "output");
    status = session_args_parse(&args, &s) && read_change(&args, &change)
                 ? open_model(path, NULL, 0, &model, &bytes)
                 : CLI_USAGE;
    if (model && cli_has(&args, "list"))
        status = tell(&args, model, path, 0);
    else if (model && bytes && !output)
        status = cli_usage("pack: an ONNX model needs -o FILE.infer for what comes of it");
    else if (model)
        status = change_file(&args, model, &change, output ? output : path);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    session_args_free(&s);
    return status;
}
