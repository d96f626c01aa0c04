/* R9: boundary values in every integer field of the format, driven by its description: 0, 1, -1,
 * 2^31 - 1, 2^31, 2^32 - 1, 2^62, 2^63 - 1, 2^63, 2^64 - 1, and one more and one less than what
 * stands there. Checksums are right, so that the rules behind them are met: an error, or a model
 * that runs. A reserved field that is not 0 must be an error; so must every change without a right
 * checksum.
 *
 * That no field can be forgotten: the description leaves no byte of a record out, docs/format.md
 * names the same fields at the same places, and every byte of the files lies in one span. */
#include "tests/reliability/corpus.h"
#include "tests/reliability/format_records.h"
#include "tests/reliability/model_run.h"

/* ---- the description ------------------------------------------------------------------------ */

/* Fields follow each other without a gap and fill their record. */
static void check_records(struct check *c)
{
    for (size_t r = 0; r < RECORDS; r++) {
        size_t at = 0;
        for (size_t i = 0; i < FIELDS; i++) {
            if (fields[i].record != (enum record)r)
                continue;
            if (fields[i].at != at)
                check_failed(c, "%s, %s: at byte %zu, not %zu", records[r].name, fields[i].name,
                             fields[i].at, at);
            at += fields[i].width * fields[i].count;
        }
        if (at != records[r].bytes)
            check_failed(c, "%s: fields of %zu bytes, a record of %zu", records[r].name, at,
                         records[r].bytes);
    }
}

/* A row of a table of fields: "| 16 | u16 | major version | 1 |"; 1 if the line is one. A row that
 * has no type describes what follows a record. */
static int parse_row(char *line, size_t *at, char **type, char **name)
{
    char *cell[4] = {NULL}, *p = line;
    for (int i = 0; i < 4 && (p = strchr(p, '|')) != NULL; i++) {
        *p++ = '\0';
        cell[i] = p + strspn(p, " ");
    }
    if (!cell[3] || cell[0][0] < '0' || cell[0][0] > '9')
        return 0;
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(cell[i]);
        while (n && cell[i][n - 1] == ' ')
            cell[i][--n] = '\0';
    }
    *at = strtoul(cell[0], NULL, 10);
    *type = cell[1];
    *name = cell[2];
    return strlen(*type) > 1 && strchr("usf", **type) && (*type)[1] >= '0' && (*type)[1] <= '9';
}

/* The document's tables have the description's fields, in its order. STATISTICS are opaque bytes
 * for the loader, and not in its description. */
static void check_document(struct check *c)
{
    FILE *f = fopen("docs/format.md", "r");
    char line[1024], type[16], *said_type, *said_name;
    size_t i = 0, at;
    int opaque = 0;
    if (!f) {
        check_failed(c, "docs/format.md is not below the working folder");
        return;
    }
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "## ", 3) == 0)
            opaque = strncmp(line + 3, "STATISTICS", 10) == 0;
        if (opaque || !parse_row(line, &at, &said_type, &said_name))
            continue;
        if (i == FIELDS) {
            check_failed(c, "docs/format.md has a field more: '%s'", said_name);
            break;
        }
        snprintf(type, sizeof type, fields[i].count > 1 ? "%s[%zu]" : "%s", fields[i].type,
                 fields[i].count);
        if (at != fields[i].at || strcmp(type, said_type) || strcmp(fields[i].name, said_name)) {
            check_failed(c, "docs/format.md: %zu %s '%s'; format.def: %zu %s '%s'", at, said_type,
                         said_name, fields[i].at, type, fields[i].name);
            break;
        }
        i++;
    }
    if (i < FIELDS && !c->failures)
        check_failed(c, "docs/format.md lacks '%s'", fields[i].name);
    fclose(f);
}

/* ---- boundary values ------------------------------------------------------------------------ */

static const uint64_t values[] = {0,
                                  1,
                                  UINT64_MAX,
                                  INT32_MAX,
                                  0x80000000,
                                  UINT32_MAX,
                                  UINT64_C(1) << 62,
                                  INT64_MAX,
                                  UINT64_C(1) << 63,
                                  0x7FFF,
                                  0x8000,
                                  0xFFFF,
                                  0x7F,
                                  0x80,
                                  0xFF};
enum { VALUES = sizeof values / sizeof *values };

struct damage {
    struct model_run run;
    const struct corpus_file *file;
    size_t elements; /* of fields that were changed */
    size_t seen[RECORDS];
};

static uint64_t low_bytes(uint64_t v, size_t width)
{
    return width == 8 ? v : v & ((UINT64_C(1) << 8 * width) - 1);
}

static void try_value(struct damage *d, const struct span *s, size_t at, uint64_t v, int sealed)
{
    struct bytes b = {exact_copy(d->file->file.data, d->file->file.size), d->file->file.size};
    snprintf(d->run.what, sizeof d->run.what, "%s, %s, %s at byte %zu: 0x%llX%s", d->file->name,
             s->record, s->name, at, (unsigned long long)v, sealed ? "" : ", checksums as before");
    put_le(b.data + at, s->width, v);
    if (sealed)
        reseal(b.data, b.size);
    infer_status status = model_run(&d->run, &b);
    if (status == INFER_OK && (!sealed || (s->role == RESERVED && v)))
        check_failed(&d->run.check, "%s: loads", d->run.what);
    free(b.data);
}

static void try_element(struct damage *d, const struct span *s, size_t at)
{
    uint64_t here = get_le(d->file->file.data + at, s->width), tried[VALUES + 2];
    size_t n = 0;
    for (size_t i = 0; i < VALUES + 2; i++) {
        uint64_t v = i < VALUES ? values[i] : i == VALUES ? here + 1 : here - 1;
        size_t k = 0;
        tried[n] = v = low_bytes(v, s->width);
        while (tried[k] != v)
            k++;
        if (k < n || v == here) /* narrow fields have fewer */
            continue;
        n++;
        try_value(d, s, at, v, s->role != SUM);
    }
    try_value(d, s, at, low_bytes(here + 1, s->width), 0);
    d->elements++;
}

static void visit(void *ctx, const struct span *s)
{
    struct damage *d = ctx;
    for (size_t r = 0; r < RECORDS; r++)
        d->seen[r] += strcmp(s->record, records[r].name) == 0;
    if (s->role != NUMBER && s->role != RESERVED && s->role != SUM)
        return;
    /* reserved bytes: the first and the last of a row stand for all */
    size_t step = s->role == RESERVED && s->count > 2 ? s->count - 1 : 1;
    for (size_t i = 0; i < s->count; i += step)
        try_element(d, s, s->at + i * s->width);
}

int main(void)
{
    static struct corpus corpus;
    static struct damage d;
    model_run_init(&d.run, "R9 boundaries");
    check_records(&d.run.check);
    check_document(&d.run.check);
    corpus_small(&corpus);
    for (size_t i = 0; i < corpus.n; i++) {
        d.file = &corpus.file[i];
        d.run.isa = i % 2 ? INFER_ISA_C : INFER_ISA_DEFAULT;
        walk_file(&d.file->file, visit, &d);
    }
    for (size_t r = 0; r < RECORDS; r++)
        if (!d.seen[r])
            check_failed(&d.run.check, "no file has a record %s", records[r].name);
    size_t files = corpus.n;
    corpus_free(&corpus);
    return check_report(&d.run.check,
                        "%llu values in %zu fields of %zu files, of which %llu load and %llu run",
                        (unsigned long long)d.run.loads, d.elements, files,
                        (unsigned long long)d.run.loaded, (unsigned long long)d.run.runs);
}
