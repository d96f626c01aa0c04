/* What the subcommands share: arguments, messages, exit statuses, JSON. */
#ifndef INFER_TOOLS_CLI_H
#define INFER_TOOLS_CLI_H

#include <stdio.h>

#include "infer.h"

/* Exit statuses, as `infer --help` documents them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_DIFFERS = 1,   /* the command worked, the answer is no: verify found a difference */
    CLI_USAGE = 2,     /* wrong arguments */
    CLI_BAD_INPUT = 3, /* a file is missing, corrupt or not supported */
    CLI_RESOURCES = 4  /* no memory, a limit, a thread, or a file that can't be written */
};

/* The exit status that stands for a status of the library. */
int cli_exit_of(infer_status status);
/* "infer: what: message (node 'x')" on standard error; returns cli_exit_of(err->status). */
int cli_fail(const char *what, const infer_error *err);
/* "infer: ..." on standard error, and CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An option "--name VALUE", or "--name" where `value` is NULL. May be given again and again. */
struct cli_option {
    const char *name;
    const char *value; /* what --help calls its value */
    const char *help;
};

enum { CLI_MOST_OPTIONS = 48, CLI_MOST_VALUES = 4096, CLI_MOST_POSITIONAL = 4096 };

struct cli_command {
    const char *name;
    const char *usage;                /* behind "infer NAME " */
    const char *summary;              /* one line */
    const char *detail;               /* paragraphs, may be empty */
    const char *example;              /* whole command lines */
    const struct cli_option *options; /* ends with a NULL name */
    int min_positional, max_positional;
};

struct cli_args {
    const struct cli_command *command;
    int count[CLI_MOST_OPTIONS];         /* how often each option was given */
    int first[CLI_MOST_OPTIONS];         /* where its values begin in `values` */
    const char *values[CLI_MOST_VALUES]; /* option by option; NULL for one without a value */
    int nvalues;
    const char **positional; /* points into argv */
    int npositional;
};

/* Parses argv[1..]; "--" ends options, "--name=value" works too. Returns 0 to go on; else *status
 * is what to exit with (help was printed, or a usage message). */
int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_args *args,
              int *status);
int cli_has(const struct cli_args *args, const char *name);
/* The last value of an option, or NULL. */
const char *cli_value(const struct cli_args *args, const char *name);
/* All values of an option. */
const char *const *cli_values(const struct cli_args *args, const char *name, int *count);

/* A whole number of min..max from an option; `otherwise` where it is not given. Returns 0 and
 * prints a usage message if it is none. */
int cli_int(const struct cli_args *args, const char *name, long min, long max, long otherwise,
            long *out);
/* Up to `most` numbers separated by commas; returns their count, -1 with a usage message. */
int cli_floats(const char *option, const char *text, float *out, int most);
/* A number of min..max from an option; `otherwise` where it is not given. Returns 0 and prints a
 * usage message if it is none. */
int cli_float(const struct cli_args *args, const char *name, float min, float max, float otherwise,
              float *out);
/* "name=1x3x224x224" into a spec whose name is a copy (free it); 0 with a usage message. */
int cli_input_spec(const char *text, infer_input_spec *spec);

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s, 0 if it is none. */
int cli_utf8_length(const unsigned char *s);
/* A string with quotes and escapes. */
void json_string(FILE *f, const char *s);
/* A number; null where it is not finite. */
void json_number(FILE *f, double v);
/* An array of dims. */
void json_dims(FILE *f, const int64_t *dims, int rank);

/* "1x3x224x224"; "scalar" for rank 0, "?" for free dimensions. */
char *dims_text(const infer_value_info *info, char *text, size_t size);

/* A field of a CSV file, with quotes where it needs them. */
void csv_string(FILE *f, const char *s);

/* Whether a text ends with another. */
int cli_ends_with(const char *text, const char *end);

/* Milliseconds of a monotonic clock. */
double cli_now_ms(void);

#endif
