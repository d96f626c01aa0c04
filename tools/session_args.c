#include "tools/session_args.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/types.h"

int session_args_isa(const char *text, infer_isa *isa)
{
    *isa = text ? infer__isa_named(text) : INFER_ISA_DEFAULT;
    if (text && !*isa)
        cli_usage("--isa %s: c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16 or amx", text);
    return !text || *isa;
}

int session_args_precision(const char *text, uint32_t *precision)
{
    *precision = INFER_PRECISION_F32;
    if (!text || infer__precision_named(text, precision))
        return 1;
    cli_usage("--precision %s: f32, f32-strict or bf16", text);
    return 0;
}

/* NAME=N. The last '=' parts them: names may have others. */
static int parse_maximum(const char *text, infer_maximum *m)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    const long long value = equals ? strtoll(equals + 1, &end, 10) : -1;
    if (!equals || equals == text || end == equals + 1 || *end || value < 0 || value > INT32_MAX) {
        cli_usage("--max %s: NAME=N, where N is 0 to 2147483647", text);
        return 0;
    }
    char *name = malloc((size_t)(equals - text) + 1);
    if (!name) {
        fprintf(stderr, "infer: no memory for a name\n");
        return 0;
    }
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    m->name = name;
    m->value = value;
    return 1;
}

static int parse_maxima(const struct cli_args *args, struct session_args *out)
{
    int n;
    const char *const *texts = cli_values(args, "max", &n);
    out->maxima = calloc((size_t)n + 1, sizeof *out->maxima);
    if (!out->maxima) {
        fprintf(stderr, "infer: no memory for %d maxima\n", n);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (!parse_maximum(texts[i], &out->maxima[i]))
            return 0;
        out->nmaxima++;
    }
    out->options.maxima = out->maxima;
    out->options.nmaxima = out->nmaxima;
    return 1;
}

int session_args_shapes(const struct cli_args *args, struct session_args *out)
{
    int n;
    memset(out, 0, sizeof *out);
    infer_session_options_init(&out->options, sizeof out->options);
    const char *const *texts = cli_values(args, "input-shape", &n);
    out->shapes = calloc((size_t)n + 1, sizeof *out->shapes);
    if (!out->shapes) {
        fprintf(stderr, "infer: no memory for %d shapes\n", n);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (!cli_input_spec(texts[i], &out->shapes[i]))
            return 0;
        out->nshapes++;
    }
    out->options.inputs = out->shapes;
    out->options.ninputs = out->nshapes;
    return parse_maxima(args, out);
}

int session_args_parse(const struct cli_args *args, struct session_args *out)
{
    long threads, weight_bytes;
    if (!session_args_shapes(args, out) || !cli_int(args, "threads", 1, 1024, 0, &threads) ||
        !cli_int(args, "weight-bytes", 1, LONG_MAX, 0, &weight_bytes) ||
        !session_args_isa(cli_value(args, "isa"), &out->options.isa) ||
        !session_args_precision(cli_value(args, "precision"), &out->options.precision))
        return 0;
    out->options.threads = (uint32_t)threads;
    out->options.no_onednn = (uint32_t)cli_has(args, "no-onednn");
    out->options.no_tuned = (uint32_t)cli_has(args, "no-tuned");
    out->options.weight_bytes_limit = (uint64_t)weight_bytes;
    return 1;
}

void session_args_free(struct session_args *s)
{
    union {
        const char *name;
        char *memory;
    } u;
    for (size_t i = 0; i < s->nshapes; i++) {
        u.name = s->shapes[i].name;
        free(u.memory);
    }
    for (size_t i = 0; i < s->nmaxima; i++) {
        u.name = s->maxima[i].name;
        free(u.memory);
    }
    free(s->shapes);
    free(s->maxima);
    s->maxima = NULL;
    s->nmaxima = 0;
    s->shapes = NULL;
    s->nshapes = 0;
}
