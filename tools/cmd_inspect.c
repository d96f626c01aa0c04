/* infer inspect: what is in a model, and how it will run here. */
#include "base/cpu.h"
#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/inspect.h"
#include "tools/session_args.h"

static const struct cli_option options[] = {SHAPE_OPTION,
                                            MAX_OPTION,
                                            THREADS_OPTION,
                                            ISA_OPTIONS,
                                            {"nodes", NULL, "list the nodes of the file too"},
                                            {"json", NULL, "everything as JSON"},
                                            {"dot", NULL, "the plan as a Graphviz graph"},
                                            {NULL, NULL, NULL}};

static const struct cli_command command = {
    "inspect",
    "MODEL [OPTIONS]",
    "Shows what is in a model and how it will run on this machine.",
    "Inputs, outputs, operators, labels and preprocessing; then the plan for the shapes given:\n"
    "every step with its kernel, what was fused into it, its multiply-adds and where its output\n"
    "lies in the arena; a drawing of the arena; and the memory that a session takes, exactly. All\n"
    "checksums of the file are checked, those of weights and packed weights too.",
    "  infer inspect model.infer --input-shape input=4x3x224x224 --threads 2\n"
    "  infer inspect model.infer --dot | dot -Tsvg -o plan.svg",
    options,
    1,
    1};

static int inspect(const struct cli_args *args, const infer_session_options *o,
                   const infer_model *model)
{
    infer_session *session = NULL;
    infer_error err;
    int json = cli_has(args, "json"), dot = cli_has(args, "dot");
    infer_status status = infer_session_create(model, o, &session, &err);
    struct inspect x = {args->positional[0], model, session, infer__isa_usable(o->isa),
                        (infer_precision)o->precision};
    if (json) {
        inspect_json(stdout, &x, &err);
    } else if (dot && session) {
        inspect_dot(stdout, &x);
    } else if (!dot) {
        inspect_model_text(stdout, &x);
        if (cli_has(args, "nodes"))
            inspect_nodes_text(stdout, &x);
        if (session) {
            inspect_session_text(stdout, &x);
            inspect_arena_text(stdout, &x);
        }
    }
    infer_session_free(&session);
    return status == INFER_OK ? CLI_OK : cli_fail(args->positional[0], &err);
}

int cmd_inspect(int argc, char **argv)
{
    struct cli_args args;
    struct session_args s;
    infer_model *model = NULL;
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    const struct convert_options o = {.verify = 1};
    status = session_args_parse(&args, &s) ? open_model_with(args.positional[0], &o, &model, &bytes)
                                           : CLI_USAGE;
    if (model)
        status = inspect(&args, &s.options, model);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    session_args_free(&s);
    return status;
}
