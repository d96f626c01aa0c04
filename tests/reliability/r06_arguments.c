/* R6: every public function with NULL or nonsense for each argument: a status that says so, and no
 * crash. The tables of arguments.h have all functions; the headers are read to see that none is
 * missing. */
#include <ctype.h>

#include "tests/reliability/arguments.h"

static const struct arguments_row *const tables[] = {
    arguments_of_models,  arguments_of_sessions, arguments_of_pictures,
    arguments_of_answers, arguments_of_drawing,  arguments_of_text,
};
enum { TABLES = sizeof tables / sizeof *tables };

/* ---- the tables against the headers --------------------------------------------------------- */

static int has_row(const char *name, size_t length)
{
    for (int t = 0; t < TABLES; t++)
        for (const struct arguments_row *r = tables[t]; r->name; r++)
            if (strlen(r->name) == length && memcmp(r->name, name, length) == 0)
                return 1;
    return 0;
}

/* A declaration begins a line with INFER_API; its name is the first one with a "(" behind it. */
static void check_header(const char *name)
{
    size_t size;
    char *text = arguments_read(name, &size);
    int declared = 0;
    for (char *at = text; (at = strstr(at, "\nINFER_API ")) != NULL; at++) {
        char *end = strchr(at, '('), *begin = end;
        if (!end)
            break;
        while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')
            begin--;
        declared++;
        if (!has_row(begin, (size_t)(end - begin)))
            check_failed(&arguments_check, "%.*s has no row", (int)(end - begin), begin);
    }
    if (!declared)
        check_failed(&arguments_check, "%s declares nothing", name);
    free(text);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static int functions;
static uint64_t calls;

static void call(const struct arguments_row *row)
{
    now.nonsense = 0;
    memset(&told, 0x5a, sizeof told);
    infer_status status = row->call();
    calls++;
    if ((status != INFER_OK) != now.nonsense) {
        char text[ARGS * 4 + 1] = "";
        for (int i = 0; i < ARGS; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %u", now.choice[i]);
        check_failed(&arguments_check, "%s with choices%s: %s", row->name, text,
                     infer_status_name(status));
    }
    if (status == INFER_ERROR_INTERNAL)
        check_failed(&arguments_check, "%s: an internal error", row->name);
}

/* Each argument with each value, and every pair of arguments with every pair of values. */
static void call_all(const struct arguments_row *row)
{
    unsigned count[ARGS];
    memset(&now, 0, sizeof now);
    call(row);
    memcpy(count, now.count, sizeof count);
    for (int i = 0; i < ARGS; i++)
        for (unsigned a = 1; a < count[i]; a++)
            for (int k = i; k < ARGS; k++)
                for (unsigned b = k == i ? 0 : 1; b < (k == i ? 1 : count[k]); b++) {
                    memset(now.choice, 0, sizeof now.choice);
                    now.choice[k] = b;
                    now.choice[i] = a;
                    call(row);
                }
}

int main(void)
{
    arguments_open();
    check_header("include/infer.h");
    check_header("include/infer_vision.h");
    check_header("include/infer_draw.h");
    check_header("include/infer_text.h");
    check_header("include/infer_experimental.h");
    for (int t = 0; t < TABLES; t++)
        for (const struct arguments_row *r = tables[t]; r->name; r++, functions++)
            call_all(r);
    arguments_close();
    return check_report(&arguments_check, "%llu calls of %d functions", (unsigned long long)calls,
                        functions);
}
