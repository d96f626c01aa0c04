#include "tools/cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int cli_exit_of(infer_status status)
{
    switch (status) {
    case INFER_OK:
        return CLI_OK;
    case INFER_ERROR_ARGUMENT:
        return CLI_USAGE;
    case INFER_ERROR_NO_MEMORY:
    case INFER_ERROR_LIMIT:
    case INFER_ERROR_THREAD:
    case INFER_ERROR_INTERNAL:
        return CLI_RESOURCES;
    default:
        return CLI_BAD_INPUT;
    }
}

int cli_fail(const char *what, const infer_error *err)
{
    /* The library knows no options: say which one gives what it asks for. */
    int shape = err->status == INFER_ERROR_SHAPE && strstr(err->message, "give the input's shape");
    fprintf(stderr, "infer: %s: %s%s", what, err->message,
            shape ? " (--input-shape NAME=DIMS)" : "");
    if (err->node[0])
        fprintf(stderr, " (node '%s')", err->node);
    if (err->offset)
        fprintf(stderr, " (at byte %llu)", (unsigned long long)err->offset);
    fprintf(stderr, " [%s]\n", infer_status_name(err->status));
    return cli_exit_of(err->status);
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("infer: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_USAGE;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void print_help(const struct cli_command *c)
{
    printf("Usage: infer %s %s\n\n%s\n", c->name, c->usage, c->summary);
    if (c->detail[0])
        printf("\n%s\n", c->detail);
    printf("\nOptions:\n");
    for (const struct cli_option *o = c->options; o->name; o++) {
        char left[48];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
    printf("  %-26s %s\n", "--help", "this page");
    printf("\nExample:\n%s\n", c->example);
}

static int find(const struct cli_command *c, const char *name, size_t length)
{
    for (int i = 0; c->options[i].name; i++)
        if (strlen(c->options[i].name) == length && memcmp(c->options[i].name, name, length) == 0)
            return i;
    return -1;
}

/* Puts a value behind the others of its option. */
static void insert_value(struct cli_args *args, int o, const char *value)
{
    int at = args->first[o] + args->count[o]++;
    memmove(args->values + at + 1, args->values + at,
            (size_t)(args->nvalues++ - at) * sizeof *args->values);
    args->values[at] = value;
    for (int k = o + 1; k < CLI_MOST_OPTIONS; k++)
        args->first[k]++;
}

/* One option at argv[*i]; takes its value from the next argument if it needs one. */
static int parse_option(struct cli_args *args, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    if (strcmp(argv[*i], "-o") == 0) { /* the one short option that everybody expects */
        name = "output";
        length = 6;
        equals = NULL;
    } else if (argv[*i][1] != '-') {
        return cli_usage("%s: unknown option %s; see infer %s --help", args->command->name,
                         argv[*i], args->command->name);
    }
    int o = find(args->command, name, length);
    if (o < 0)
        return cli_usage("%s: unknown option --%.*s; see infer %s --help", args->command->name,
                         (int)length, name, args->command->name);
    if (args->nvalues == CLI_MOST_VALUES)
        return cli_usage("more than %d options are given", CLI_MOST_VALUES);
    const char *value = equals ? equals + 1 : NULL;
    if (args->command->options[o].value && !value) {
        if (++*i >= argc)
            return cli_usage("--%.*s needs a value: %s", (int)length, name,
                             args->command->options[o].value);
        value = argv[*i];
    } else if (!args->command->options[o].value && value) {
        return cli_usage("--%.*s takes no value", (int)length, name);
    }
    insert_value(args, o, value);
    return 0;
}

int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_args *args,
              int *status)
{
    int only_positional = 0, kept = 0;
    memset(args, 0, sizeof *args);
    args->command = c;
    args->positional = (const char **)argv;
    for (int i = 1; i < argc; i++) {
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = 1;
        } else if (!only_positional &&
                   (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(c);
            *status = CLI_OK;
            return 1;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1]) {
            if ((*status = parse_option(args, argc, argv, &i)) != 0)
                return 1;
        } else {
            args->positional[kept++] = argv[i];
        }
    }
    args->npositional = kept;
    if (kept < c->min_positional || kept > c->max_positional) {
        *status =
            cli_usage("%s: %s\nUsage: infer %s %s", c->name,
                      kept < c->min_positional ? "an argument is missing" : "too many arguments",
                      c->name, c->usage);
        return 1;
    }
    return 0;
}

int cli_has(const struct cli_args *args, const char *name)
{
    int o = find(args->command, name, strlen(name));
    return o >= 0 && args->count[o] > 0;
}

const char *cli_value(const struct cli_args *args, const char *name)
{
    int o = find(args->command, name, strlen(name));
    return o >= 0 && args->count[o] ? args->values[args->first[o] + args->count[o] - 1] : NULL;
}

const char *const *cli_values(const struct cli_args *args, const char *name, int *count)
{
    int o = find(args->command, name, strlen(name));
    *count = o >= 0 ? args->count[o] : 0;
    return args->values + (o >= 0 ? args->first[o] : 0);
}

int cli_int(const struct cli_args *args, const char *name, long min, long max, long otherwise,
            long *out)
{
    const char *text = cli_value(args, name);
    char *end;
    *out = otherwise;
    if (!text)
        return 1;
    errno = 0;
    *out = strtol(text, &end, 10);
    if (end != text && !*end && !errno && *out >= min && *out <= max)
        return 1;
    cli_usage("--%s %s: a whole number of %ld to %ld is needed", name, text, min, max);
    return 0;
}

int cli_floats(const char *option, const char *text, float *out, int most)
{
    int n = 0;
    for (const char *p = text;; p++) {
        char *end;
        float v = strtof(p, &end);
        if (end == p || !isfinite(v) || n == most || (*end && *end != ',')) {
            cli_usage("--%s %s: 1 to %d numbers with commas between them are needed", option, text,
                      most);
            return -1;
        }
        out[n++] = v;
        if (!*end)
            return n;
        p = end;
    }
}

int cli_float(const struct cli_args *args, const char *name, float min, float max, float otherwise,
              float *out)
{
    const char *text = cli_value(args, name);
    *out = otherwise;
    if (!text)
        return 1;
    const int n = cli_floats(name, text, out, 1);
    if (n == 1 && (*out < min || *out > max)) {
        cli_usage("--%s %s: a number of %g to %g is needed", name, text, (double)min, (double)max);
        return 0;
    }
    return n == 1;
}

int cli_input_spec(const char *text, infer_input_spec *spec)
{
    const char *equals = strrchr(text, '=');
    memset(spec, 0, sizeof *spec);
    if (equals && equals != text) {
        const char *p = equals + 1;
        while (spec->rank < INFER_MAX_RANK) {
            char *end;
            errno = 0;
            long long d = strtoll(p, &end, 10);
            if (end == p || errno || d < 0)
                break;
            spec->dims[spec->rank++] = d;
            if (!*end) {
                spec->name = strndup(text, (size_t)(equals - text));
                return spec->name != NULL;
            }
            if (*end != 'x' && *end != ',')
                break;
            p = end + 1;
        }
    }
    cli_usage("%s: a shape is written NAME=1x3x224x224", text);
    return 0;
}

/* ---- JSON and text -------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s (RFC 3629: shortest form, no surrogates), 0 if it is none. */
int cli_utf8_length(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    int n;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : low;
    high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : high;
    for (int i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (s[i] < low || s[i] > high)
            return 0;
    return n;
}

void json_string(FILE *f, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    fputc('"', f);
    while (*p) {
        int n = cli_utf8_length(p);
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < 0x20 || n == 0) /* a byte that is no UTF-8: the replacement character */
            fprintf(f, "\\u%04x", n ? *p : 0xfffd);
        else
            fwrite(p, 1, (size_t)n, f);
        p += n ? n : 1;
    }
    fputc('"', f);
}

void json_number(FILE *f, double v)
{
    if (isfinite(v))
        fprintf(f, "%.9g", v);
    else
        fputs("null", f);
}

void json_dims(FILE *f, const int64_t *dims, int rank)
{
    fputc('[', f);
    for (int i = 0; i < rank; i++)
        fprintf(f, "%s%lld", i ? ", " : "", (long long)dims[i]);
    fputc(']', f);
}

char *dims_text(const infer_value_info *info, char *text, size_t size)
{
    size_t at = 0;
    snprintf(text, size, "%s", info->rank ? "" : "scalar");
    for (int i = 0; i < info->rank && at < size; i++) {
        const char *name = info->dim_names[i] ? info->dim_names[i] : "";
        int n =
            info->free_dims >> i & 1
                ? info->dims[i] ? snprintf(text + at, size - at, "%s<=%lld", i ? "x" : "",
                                           (long long)info->dims[i])
                                : snprintf(text + at, size - at, "%s%s?", i ? "x" : "", name)
                : snprintf(text + at, size - at, "%s%lld", i ? "x" : "", (long long)info->dims[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return text;
}

void csv_string(FILE *f, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        fputs(s, f);
        return;
    }
    putc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            putc('"', f);
        putc(*s, f);
    }
    putc('"', f);
}

double cli_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int cli_ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}
