#include "tools/hammer/ideal.h"

#include <math.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/read_file.h"

static int is_time(const char *text, double *ms)
{
    char *end;
    *ms = strtod(text, &end);
    while (*end == ' ' || *end == '\r' || *end == '\t')
        end++;
    return end != text && !*end && isfinite(*ms) && *ms >= 0;
}

int ideal_read(const char *text, struct ideal *ideal)
{
    unsigned count = 1;
    double ms;
    const int constant = is_time(text, &ms);
    char **lines = constant ? NULL : read_lines(text, &count);
    if (!constant && !lines)
        return CLI_BAD_INPUT;
    ideal->times_ms = calloc(count ? count : 1, sizeof *ideal->times_ms);
    int status = ideal->times_ms ? CLI_OK : CLI_RESOURCES;
    if (status == CLI_OK && constant)
        ideal->times_ms[ideal->count++] = ms;
    for (unsigned i = 0; lines && status == CLI_OK && i < count; i++) {
        if (!lines[i][0])
            continue;
        if (is_time(lines[i], &ms)) {
            ideal->times_ms[ideal->count++] = ms;
        } else {
            fprintf(stderr, "infer: %s: line %u: '%s' is no time in milliseconds\n", text, i + 1,
                    lines[i]);
            status = CLI_BAD_INPUT;
        }
    }
    free(lines);
    if (status == CLI_OK && !ideal->count) {
        fprintf(stderr, "infer: %s: there are no times in it\n", text);
        status = CLI_BAD_INPUT;
    }
    return status;
}

void ideal_free(struct ideal *ideal)
{
    free(ideal->times_ms);
    ideal->times_ms = NULL;
}

void ideal_run(const struct ideal *ideal, const struct schedule *s, struct hdr_histogram *responses)
{
    int64_t free_at[IDEAL_MOST_WORKERS] = {0}, arrival;
    struct arrivals a;
    uint64_t draws = ~s->seed;
    int step;
    arrivals_begin(&a, s);
    while (arrivals_next(&a, &arrival, &step)) {
        const size_t draw = (size_t)(random_part(&draws) * (double)ideal->count);
        long first = 0;
        for (long i = 1; i < ideal->workers; i++)
            if (free_at[i] < free_at[first])
                first = i;
        const int64_t start = free_at[first] > arrival ? free_at[first] : arrival;
        free_at[first] = start + (int64_t)(ideal->times_ms[draw] * 1e6);
        hdr_add(&responses[step], free_at[first] - arrival);
    }
}
