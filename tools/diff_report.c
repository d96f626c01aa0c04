/* The answer of `infer diff` as text and JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "tools/diff.h"

enum { NAME_WIDTH = 36, MOST_BETWEEN = 8 };

static const struct infer__node *node_of(const struct diff *d, const struct diff_point *p)
{
    return &d->a.model->graph.nodes[p->node];
}

static const char *value_name(const struct diff *d, uint32_t value)
{
    return d->a.model->graph.values[value].name;
}

static char *shape_text(infer_type type, int32_t rank, const int64_t *dims, char *text, size_t size)
{
    char inner[160];
    infer_value_info info = {.rank = rank};
    memcpy(info.dims, dims, sizeof info.dims);
    snprintf(text, size, "%s %s", infer_type_name(type), dims_text(&info, inner, sizeof inner));
    return text;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void print_side(FILE *f, const char *name, const struct diff_side *s)
{
    if (!s->model) {
        fprintf(f, "%s: %s, recorded\n", name, s->path);
        return;
    }
    fprintf(f, "%s: %s, level %s, %s%s%s", name, s->path,
            infer_isa_name(infer__isa_usable(s->options.isa)),
            infer_precision_name((infer_precision)s->options.precision),
            s->options.no_onednn ? ", native kernels" : "",
            s->no_optimise ? ", not optimised" : "");
    if (s->options.threads)
        fprintf(f, ", %u threads", s->options.threads);
    fputc('\n', f);
}

/* The end of a long name, which tells more than its beginning; no character is cut. */
static const char *short_name(const char *name, char *text, size_t size)
{
    const size_t n = strlen(name);
    if (n <= NAME_WIDTH)
        return name;
    const char *end = name + n - (NAME_WIDTH - 3);
    while ((*end & 0xc0) == 0x80)
        end++;
    snprintf(text, size, "...%s", end);
    return text;
}

static int wider(int width, const char *text)
{
    const int n = (int)strlen(text);
    return n > width ? n : width;
}

static void print_row(FILE *f, const struct diff *d, const struct diff_point *p, const int *w)
{
    const struct infer__node *n = node_of(d, p);
    const struct diff_result *r = &p->result;
    char name[64], value[64], shape[192];
    fprintf(f, "%-*s  %-*s  %-*s  %-*s  ", w[0], short_name(n->name, name, sizeof name), w[1],
            infer__op_info(n->op)->name, w[2], short_name(value_name(d, p->a), value, sizeof value),
            w[3], shape_text(r->type_a, r->rank_a, r->dims_a, shape, sizeof shape));
    if (r->verdict == DIFF_OTHER_KIND)
        fprintf(f, "parts: B has %s",
                shape_text(r->type_b, r->rank_b, r->dims_b, shape, sizeof shape));
    else
        fprintf(f, "%9.3g %9.3g %9.3g  %s", r->max_abs, r->max_rel, r->rms,
                r->verdict == DIFF_PARTS ? "parts" : "");
    fprintf(f, "%s\n", p->refused ? " *" : "");
}

static void print_table(FILE *f, const struct diff *d)
{
    int w[4] = {4, 2, 5, 5}, refused = 0;
    for (uint32_t i = 0; i < d->npoints; i++) {
        const struct diff_point *p = &d->points[i];
        char text[192];
        w[0] = wider(w[0], short_name(node_of(d, p)->name, text, sizeof text));
        w[1] = wider(w[1], infer__op_info(node_of(d, p)->op)->name);
        w[2] = wider(w[2], short_name(value_name(d, p->a), text, sizeof text));
        w[3] = wider(w[3], shape_text(p->result.type_a, p->result.rank_a, p->result.dims_a, text,
                                      sizeof text));
        refused += p->refused;
    }
    fprintf(f, "\n%-*s  %-*s  %-*s  %-*s  %9s %9s %9s\n", w[0], "node", w[1], "op", w[2], "value",
            w[3], "shape", "largest", "relative", "rms");
    for (uint32_t i = 0; i < d->npoints; i++)
        print_row(f, d, &d->points[i], w);
    if (refused)
        fprintf(f, "* to ask for this value changed other steps or types, so that it is not quite "
                   "what flows\n  in an ordinary run\n");
    fputc('\n', f);
}

static void print_between(FILE *f, const struct diff *d)
{
    uint32_t nodes[MOST_BETWEEN], count = diff_between(d, nodes, MOST_BETWEEN);
    if (!count)
        return;
    fprintf(f, "between it and values that agree %u node%s not compared:", count,
            count == 1 ? " was" : "s were");
    for (uint32_t i = 0; i < count && i < MOST_BETWEEN; i++) {
        const struct infer__node *n = &d->a.model->graph.nodes[nodes[i]];
        fprintf(f, "%s '%s' (%s)", i ? "," : "", n->name, infer__op_info(n->op)->name);
    }
    fputs(count > MOST_BETWEEN ? " ...\n" : "\n", f);
}

static void print_first(FILE *f, const struct diff *d)
{
    const struct diff_point *p = &d->points[d->first];
    const struct diff_result *r = &p->result;
    char a[192], b[192];
    fprintf(f, "the first to part: node '%s' (%s), value '%s'", node_of(d, p)->name,
            infer__op_info(node_of(d, p)->op)->name, value_name(d, p->a));
    if (r->verdict == DIFF_OTHER_KIND)
        fprintf(f, ": A has %s, B %s\n", shape_text(r->type_a, r->rank_a, r->dims_a, a, sizeof a),
                shape_text(r->type_b, r->rank_b, r->dims_b, b, sizeof b));
    else
        fprintf(f,
                ": %zu of %zu elements; the worst, element %zu, is %.9g in A and %.9g in B (%.2g "
                "of the largest)\n",
                r->parted, r->elements, r->at, r->a, r->b, r->max_rel);
    print_between(f, d);
}

void diff_text(const struct diff *d, int brief, FILE *f)
{
    print_side(f, "A", &d->a);
    print_side(f, "B", &d->b);
    if (!brief)
        print_table(f, d);
    if (d->parted)
        print_first(f, d);
    fprintf(f, "%u of %u values agree (rtol %g, atol %g, steps %g)", d->npoints - d->parted,
            d->npoints, d->tolerance.rtol, d->tolerance.atol, d->tolerance.steps);
    if (d->nunmatched)
        fprintf(f, "; %u of A's %s", d->nunmatched,
                d->fused ? "are inside steps or have no counterpart" : "have no counterpart");
    if (!d->fused && d->runs > 1)
        fprintf(f, "; run in %u parts, as all values together are large", d->runs);
    fputc('\n', f);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void json_side(FILE *f, const char *name, const struct diff_side *s)
{
    fprintf(f, "\"%s\": {\"path\": ", name);
    json_string(f, s->path);
    if (s->model)
        fprintf(f,
                ", \"isa\": \"%s\", \"precision\": \"%s\", \"threads\": %u, \"no_onednn\": %s, "
                "\"no_tuned\": %s, \"no_optimise\": %s",
                infer_isa_name(infer__isa_usable(s->options.isa)),
                infer_precision_name((infer_precision)s->options.precision), s->options.threads,
                s->options.no_onednn ? "true" : "false", s->options.no_tuned ? "true" : "false",
                s->no_optimise ? "true" : "false");
    fprintf(f, ", \"recorded\": %s}", s->model ? "false" : "true");
}

static void json_shape(FILE *f, const char *side, infer_type type, int32_t rank,
                       const int64_t *dims)
{
    fprintf(f, ", \"type%s\": \"%s\", \"dims%s\": ", side, infer_type_name(type), side);
    json_dims(f, dims, rank);
}

static void json_named(FILE *f, const char *name, double v)
{
    fprintf(f, ", \"%s\": ", name);
    json_number(f, v);
}

static void json_point(FILE *f, const struct diff *d, const struct diff_point *p)
{
    const struct diff_result *r = &p->result;
    fputs("{\"node\": ", f);
    json_string(f, node_of(d, p)->name);
    fprintf(f, ", \"op\": \"%s\", \"value\": ", infer__op_info(node_of(d, p)->op)->name);
    json_string(f, value_name(d, p->a));
    json_shape(f, "", r->type_a, r->rank_a, r->dims_a);
    fprintf(f, ", \"parts\": %s", r->verdict == DIFF_AGREES ? "false" : "true");
    if (r->verdict == DIFF_OTHER_KIND) {
        json_shape(f, "_b", r->type_b, r->rank_b, r->dims_b);
    } else {
        json_named(f, "max_abs", r->max_abs);
        json_named(f, "max_rel", r->max_rel);
        json_named(f, "rms", r->rms);
        fprintf(f, ", \"elements\": %zu, \"parted\": %zu, \"at\": %zu", r->elements, r->parted,
                r->at);
        json_named(f, "a", r->a);
        json_named(f, "b", r->b);
    }
    fprintf(f, ", \"other_steps\": %s}", p->refused ? "true" : "false");
}

static void json_between(FILE *f, const struct diff *d)
{
    const uint32_t most = d->a.model->graph.nnodes;
    uint32_t *nodes = calloc((size_t)most + 1, sizeof *nodes);
    const uint32_t count = nodes ? diff_between(d, nodes, most) : 0;
    fputs(",\n\"between\": [", f);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", f);
        json_string(f, d->a.model->graph.nodes[nodes[i]].name);
    }
    fputc(']', f);
    free(nodes);
}

void diff_json(const struct diff *d, FILE *f)
{
    fputc('{', f);
    json_side(f, "a", &d->a);
    fputs(",\n", f);
    json_side(f, "b", &d->b);
    fprintf(f, ",\n\"fused\": %s", d->fused ? "true" : "false");
    json_named(f, "rtol", d->tolerance.rtol);
    json_named(f, "atol", d->tolerance.atol);
    json_named(f, "steps", d->tolerance.steps);
    fprintf(f, ", \"runs\": %u, \"compared\": %u, \"parted\": %u,\n\"first\": ", d->runs,
            d->npoints, d->parted);
    if (d->parted)
        json_point(f, d, &d->points[d->first]);
    else
        fputs("null", f);
    json_between(f, d);
    fputs(",\n\"values\": [", f);
    for (uint32_t i = 0; i < d->npoints; i++) {
        fputs(i ? ",\n  " : "\n  ", f);
        json_point(f, d, &d->points[i]);
    }
    fputs("],\n\"not_compared\": [", f);
    for (uint32_t i = 0; i < d->nunmatched; i++) {
        fputs(i ? ", " : "", f);
        json_string(f, value_name(d, d->unmatched[i]));
    }
    fputs("]}\n", f);
}
