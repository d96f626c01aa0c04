#include "tools/eval/kpi.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/read_file.h"

struct goal {
    const char *name, *sign;
    double wanted; /* added to the other model's number where `versus` is set */
    int versus;
};

/* "0.4", "versus", "versus - 0.005". */
static int parse_wanted(const char *text, struct goal *g)
{
    static const char versus[] = "versus";
    const size_t n = sizeof versus - 1;
    char *end;
    int negative = 0;
    text += strspn(text, " \t");
    g->wanted = 0;
    g->versus = strncmp(text, versus, n) == 0;
    if (g->versus) {
        text += n;
        text += strspn(text, " \t");
        if (!*text)
            return 1;
        negative = *text == '-';
        if (*text != '+' && *text != '-')
            return 0;
        text++;
    }
    g->wanted = strtod(text, &end);
    if (end == text || *end || !isfinite(g->wanted) || (g->versus && g->wanted < 0))
        return 0;
    g->wanted = negative ? -g->wanted : g->wanted;
    return 1;
}

/* Cuts a line into its three parts; 0 where it is none. */
static int parse(char *line, struct goal *g)
{
    static const char *const signs[] = {">=", "<=", "==", ">", "<"};
    char *at = line + strcspn(line, "<>=");
    g->sign = NULL;
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !g->sign; i++)
        if (strncmp(at, signs[i], strlen(signs[i])) == 0)
            g->sign = signs[i];
    if (!g->sign)
        return 0;
    if (!parse_wanted(at + strlen(g->sign), g))
        return 0;
    while (at > line && isspace((unsigned char)at[-1]))
        at--;
    *at = 0;
    g->name = line;
    return at > line;
}

static int is_met(const struct goal *g, double v)
{
    if (isnan(v) || isnan(g->wanted))
        return 0;
    switch (g->sign[0]) {
    case '>':
        return g->sign[1] ? v >= g->wanted : v > g->wanted;
    case '<':
        return g->sign[1] ? v <= g->wanted : v < g->wanted;
    default:
        return v >= g->wanted && v <= g->wanted;
    }
}

/* Takes comments and space away from both ends. */
static char *trim(char *line)
{
    line[strcspn(line, "#")] = 0;
    while (isspace((unsigned char)*line))
        line++;
    for (char *end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
        *--end = 0;
    return line;
}

/* 0 after a message where the goal needs a model to compare with. */
static int add_other(const char *path, unsigned number, const struct report *other, struct goal *g)
{
    double v;
    if (!g->versus)
        return 1;
    if (other && report_find(other, g->name, &v)) {
        g->wanted += v;
        return 1;
    }
    fprintf(stderr, "infer: %s: line %u: %s\n", path, number,
            other ? "the other model has no such number" : "`versus` needs --versus MODEL");
    return 0;
}

static int judge_line(const char *path, unsigned number, char *line, struct report *r,
                      const struct report *other, yyjson_mut_val *list)
{
    struct goal g;
    double v;
    if (!parse(line, &g)) {
        fprintf(stderr, "infer: %s: line %u is not like `AP50 >= 0.4`\n", path, number);
        return CLI_BAD_INPUT;
    }
    if (!report_find(r, g.name, &v)) {
        fprintf(stderr, "infer: %s: line %u: this evaluation has no number '%.80s'\n", path, number,
                g.name);
        return CLI_BAD_INPUT;
    }
    if (!add_other(path, number, other, &g))
        return CLI_BAD_INPUT;
    yyjson_mut_val *row = report_object(r, list, NULL);
    report_string(r, row, "goal", g.name);
    report_string(r, row, "sign", g.sign);
    report_number(r, row, "wanted", g.wanted);
    report_number(r, row, "value", v);
    report_flag(r, row, "met", is_met(&g, v));
    return is_met(&g, v) ? CLI_OK : CLI_DIFFERS;
}

int kpi_judge(const char *path, struct report *r, const struct report *other)
{
    unsigned n, goals = 0;
    int status = CLI_OK;
    char **lines = read_lines(path, &n);
    if (!lines)
        return CLI_BAD_INPUT;
    yyjson_mut_val *list = report_list(r, r->root, "kpi");
    for (unsigned i = 0; i < n && status <= CLI_DIFFERS; i++) {
        char *line = trim(lines[i]);
        if (!*line)
            continue;
        const int one = judge_line(path, i + 1, line, r, other, list);
        status = one > status ? one : status;
        goals++;
    }
    free(lines);
    if (status == CLI_OK && !goals) {
        fprintf(stderr, "infer: %s: there is no goal in it\n", path);
        return CLI_BAD_INPUT;
    }
    return status;
}
