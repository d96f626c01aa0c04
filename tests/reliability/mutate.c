/* Takes one check out of a C file at a time, for r29_mutations.sh.
 *
 *   mutate FILE      lists the mutants: number, line, what is taken out
 *   mutate FILE K    prints the file without check K
 *   mutate FILE messages   lists the messages of its failures, with their lines
 *
 * What counts as a check: each term of the condition of a FAIL..._IF, each term of the condition
 * of an `if` whose branch returns, breaks or sets a failure, each TRY, and each term of a `return`
 * that gives a truth value. A term is still evaluated, so that what it does stays done: it just
 * decides nothing. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text; /* of the file, NUL-terminated */
static size_t length;
static long wanted = -1, count; /* the mutant to print, and how many were met */
static int messages;

/* The end of the comment, string or character that begins at `p`, or `p` where none does. */
static size_t skip_quiet(size_t p)
{
    if (text[p] == '/' && text[p + 1] == '*') {
        const char *end = strstr(text + p + 2, "*/");
        return end ? (size_t)(end - text) + 2 : length;
    }
    if (text[p] != '"' && text[p] != '\'')
        return p;
    char quote = text[p++];
    while (p < length && text[p] != quote)
        p += text[p] == '\\' ? 2 : 1;
    return p + 1;
}

/* The next byte that is no space and in no comment. */
static size_t skip_space(size_t p)
{
    for (;;) {
        while (p < length && isspace((unsigned char)text[p]))
            p++;
        size_t next = text[p] == '/' ? skip_quiet(p) : p;
        if (next == p)
            return p;
        p = next;
    }
}

/* Where the expression that begins at `p` ends: at a `,`, `;` or closing bracket outside of any
 * bracket of its own. Whole: commas do not end it. */
static size_t expression_end(size_t p, int whole)
{
    int depth = 0;
    while (p < length) {
        size_t next = skip_quiet(p);
        if (next != p) {
            p = next;
            continue;
        }
        char c = text[p];
        if (depth == 0 && (c == ';' || c == ')' || (c == ',' && !whole)))
            return p;
        depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
        p++;
    }
    return p;
}

static long line_of(size_t p)
{
    long line = 1;
    for (size_t i = 0; i < p; i++)
        line += text[i] == '\n';
    return line;
}

/* One mutant: `before`, the text from `begin` to `end`, `after`, instead of what stands from `from`
 * to `end`. */
static void mutant(size_t from, size_t begin, size_t end, const char *before, const char *after)
{
    if (wanted < 0) {
        printf("%ld\t%ld\t", count, line_of(begin));
        int space = 0;
        for (size_t i = begin; i < end; i++) {
            if (!isspace((unsigned char)text[i]))
                putchar(text[i]);
            else if (!space)
                putchar(' ');
            space = isspace((unsigned char)text[i]) != 0;
        }
        putchar('\n');
    } else if (count == wanted) {
        printf("%.*s%s%.*s%s%s", (int)from, text, before, (int)(end - begin), text + begin, after,
               text + end);
    }
    count++;
}

/* The terms of an expression, joined by `op` twice ("||" or "&&"). */
static void terms(size_t begin, size_t end, char op, const char *after)
{
    int depth = 0;
    size_t start = begin;
    for (size_t p = begin; p < end;) {
        size_t next = skip_quiet(p);
        if (next != p) {
            p = next;
            continue;
        }
        char c = text[p];
        depth += (c == '(' || c == '[') - (c == ')' || c == ']');
        if (depth == 0 && c == op && text[p + 1] == op) {
            mutant(start, start, p, "((", after);
            start = skip_space(p + 2);
            p = start;
            continue;
        }
        p++;
    }
    mutant(start, start, end, "((", after);
}

static int word_at(size_t p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(text + p, word, n) || isalnum((unsigned char)text[p + n]) || text[p + n] == '_')
        return 0;
    return p == 0 || !(isalnum((unsigned char)text[p - 1]) || text[p - 1] == '_');
}

/* Whether the expression has `&&` outside of brackets, or is a negation or comparison with NULL. */
static int is_truth(size_t begin, size_t end)
{
    int depth = 0;
    if (text[begin] == '!')
        return 1;
    for (size_t p = begin; p + 1 < end; p++) {
        depth += (text[p] == '(') - (text[p] == ')');
        if (depth == 0 && text[p] == '&' && text[p + 1] == '&')
            return 1;
    }
    return end - begin > 7 && strncmp(text + end - 7, "!= NULL", 7) == 0;
}

/* Whether a return stands in the block that begins at `p`. */
static int block_returns(size_t p)
{
    for (; p < length && text[p] != '}'; p++)
        if (word_at(p, "return"))
            return 1;
    return 0;
}

/* An `if` whose branch gives up. */
static void check_if(size_t open)
{
    size_t begin = open + 1, close = expression_end(begin, 1), then = skip_space(close + 1);
    int gives_up = text[then] == '{' && block_returns(then);
    if (word_at(then, "status")) {
        then = skip_space(then + strlen("status"));
        then = text[then] == '=' ? skip_space(then + 1) : then;
    }
    if (gives_up || word_at(then, "return") || word_at(then, "break") ||
        word_at(then, "infer__fail_at"))
        terms(begin, close, '|', ") && 0)");
}

/* The first string of a call, its parts put together; escapes stay as they are written. */
static void message(size_t begin, size_t end)
{
    while (begin < end && text[begin] != '"')
        begin++;
    if (begin == end)
        return;
    printf("%ld\t", line_of(begin));
    while (begin < end && text[begin] == '"') {
        size_t close = skip_quiet(begin);
        printf("%.*s", (int)(close - begin - 2), text + begin + 1);
        begin = skip_space(close);
    }
    putchar('\n');
}

/* What begins at `p`, the start of a word; where to go on. */
static size_t statement(size_t p)
{
    static const char *const fails[] = {"FAIL_IF", "FAIL_AT_IF", "FAIL_NODE_IF"};
    size_t n = 0;
    while (isalnum((unsigned char)text[p + n]) || text[p + n] == '_')
        n++;
    size_t open = skip_space(p + n);
    if (messages) {
        if (text[open] == '(' && (!strncmp(text + p, "FAIL_", 5) || word_at(p, "fail_value") ||
                                  !strncmp(text + p, "infer__fail", 11)))
            message(open + 1, expression_end(open + 1, 1));
        return p + n;
    }
    for (size_t i = 0; i < sizeof fails / sizeof *fails; i++)
        if (word_at(p, fails[i]) && text[open] == '(')
            terms(open + 1, expression_end(open + 1, 0), '|', ") && 0)");
    if ((word_at(p, "TRY") || word_at(p, "TRY_GOTO")) && text[open] == '(')
        mutant(p, open, expression_end(open + 1, 1) + 1, "(void)", ""); /* what it does, stays */
    if (word_at(p, "if") && text[open] == '(')
        check_if(open);
    if (word_at(p, "return") && is_truth(open, expression_end(open, 1)))
        terms(open, expression_end(open, 1), '&', ") || 1)");
    return p + n;
}

static size_t skip_directive(size_t p)
{
    while (p < length && text[p] != '\n')
        p += text[p] == '\\' ? 2 : 1;
    return p;
}

static void walk(void)
{
    for (size_t p = 0; p < length;) {
        size_t next = skip_quiet(p);
        if (next != p)
            p = next;
        else if (text[p] == '#')
            p = skip_directive(p);
        else if (isalpha((unsigned char)text[p]) || text[p] == '_')
            p = statement(p);
        else
            p++;
    }
}

int main(int argc, char **argv)
{
    FILE *f = argc >= 2 ? fopen(argv[1], "rb") : NULL;
    static char buffer[1 << 20];
    if (!f) {
        fprintf(stderr, "usage: mutate FILE [K]\n");
        return 2;
    }
    length = fread(buffer, 1, sizeof buffer - 2, f);
    fclose(f);
    text = buffer;
    messages = argc > 2 && strcmp(argv[2], "messages") == 0;
    wanted = argc > 2 && !messages ? atol(argv[2]) : -1;
    walk();
    return wanted >= count ? 2 : 0;
}
