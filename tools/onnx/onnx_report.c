/* What is wrong with a model: a list for people. */
#include "tools/onnx/onnx_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void onnx_report_init(struct onnx_report *r, const infer_allocator *a)
{
    memset(r, 0, sizeof *r);
    infer__region_init(&r->region, a);
}

void onnx_report_free(struct onnx_report *r)
{
    if (!r)
        return;
    infer__region_free(&r->region);
    memset(r, 0, sizeof *r);
}

/* Names come from the file: control characters are shown as '?', so that a report can't play
 * tricks with a terminal. */
static const char *keep(struct onnx_report *r, const char *s)
{
    char text[256];
    snprintf(text, sizeof text, "%s", s ? s : "");
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    return infer__region_string(&r->region, text);
}

/* A copy whose strings are the report's. */
static infer_status keep_problem(struct onnx_importer *im, struct onnx_problem *q,
                                 const struct onnx_problem *p)
{
    struct onnx_report *r = im->report;
    *q = *p;
    q->node = keep(r, p->node);
    q->op = keep(r, p->op);
    q->domain = keep(r, p->domain);
    q->attribute = keep(r, p->attribute);
    q->what = keep(r, p->what);
    q->advice = keep(r, p->advice);
    if (!q->node || !q->op || !q->domain || !q->attribute || !q->what || !q->advice)
        return infer__no_memory(im->err, 256);
    return INFER_OK;
}

/* ---- groups --------------------------------------------------------------------------------- */

/* Without an operator the entry is about the model or a tensor. Absent strings are empty ones. */
static int same_text(const char *kept, const char *given)
{
    return !strcmp(kept, given ? given : "");
}

static int same_kind(const struct onnx_problem *kept, const struct onnx_problem *p)
{
    return kept->warning == p->warning && same_text(kept->what, p->what) &&
           same_text(kept->op, p->op) && same_text(kept->domain, p->domain) &&
           same_text(kept->attribute, p->attribute) && same_text(kept->advice, p->advice);
}

/* Counts an entry in its group, and begins one where there is none. */
static infer_status count_in_group(struct onnx_importer *im, const struct onnx_problem *p,
                                   uint32_t *index)
{
    struct onnx_report *r = im->report;
    void *groups = r->groups;
    uint32_t i = 0;
    while (i < r->ngroups && !same_kind(&r->groups[i].first, p))
        i++;
    if (i == ONNX_GROUPS_MAX)
        i--;
    if (i == r->ngroups) {
        if (!infer__region_grow(&r->region, &groups, &r->groups_capacity, i + 1, sizeof *r->groups))
            return infer__no_memory(im->err, sizeof *r->groups);
        r->groups = groups;
        r->groups[i].count = 0;
        TRY(keep_problem(im, &r->groups[i].first, p));
        r->groups[i].first.group = i;
        r->ngroups++;
    }
    r->groups[i].count++;
    *index = i;
    return INFER_OK;
}

infer_status onnx_report_add(struct onnx_importer *im, const struct onnx_problem *p)
{
    struct onnx_report *r = im->report;
    uint32_t group;
    TRY(count_in_group(im, p, &group));
    if (p->warning)
        r->warnings++;
    else
        r->problems++;
    if (r->count >= ONNX_REPORT_MAX)
        return INFER_OK;
    void *items = r->items;
    if (!infer__region_grow(&r->region, &items, &r->capacity, r->count + 1, sizeof *r->items))
        return infer__no_memory(im->err, sizeof *r->items);
    r->items = items;
    TRY(keep_problem(im, &r->items[r->count], p));
    r->items[r->count++].group = group;
    return INFER_OK;
}

infer_status onnx_report_model(struct onnx_importer *im, int warning, const char *name,
                               const char *advice, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    struct onnx_problem p = {
        .node = name, .opset = im->opset, .what = what, .advice = advice, .warning = warning};
    return onnx_report_add(im, &p);
}

static infer_status add_node(struct onnx_node *n, int warning, const char *attribute,
                             const char *advice, const char *what)
{
    struct onnx_problem p = {.node = n->name,
                             .op = n->op,
                             .domain = n->domain,
                             .opset = n->opset,
                             .attribute = attribute,
                             .what = what,
                             .advice = advice,
                             .warning = warning};
    return onnx_report_add(n->im, &p);
}

infer_status onnx_fail(struct onnx_node *n, const char *attribute, const char *advice,
                       const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    n->failed = 1;
    return add_node(n, 0, attribute, advice, what);
}

infer_status onnx_warn(struct onnx_node *n, const char *attribute, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return add_node(n, 1, attribute, "", what);
}

char *onnx_problem_text(const struct onnx_problem *p, char *text, size_t size)
{
    char place[320] = "model";
    if (p->op[0])
        snprintf(place, sizeof place, "%s (%s%s%s, opset %lld)", p->node, p->domain,
                 p->domain[0] ? "." : "", p->op, (long long)p->opset);
    else if (p->node[0])
        snprintf(place, sizeof place, "'%s'", p->node);
    snprintf(text, size, "%s: %s%s%s%s%s%s%s", p->warning ? "warning" : "error", place,
             p->attribute[0] ? ", attribute " : "", p->attribute, ": ", p->what,
             p->advice[0] ? "; " : "", p->advice);
    return text;
}

char *onnx_group_text(const struct onnx_group *g, char *text, size_t size)
{
    const struct onnx_problem *p = &g->first;
    if (g->count == 1)
        return onnx_problem_text(p, text, size);
    char place[320] = "";
    if (p->op[0])
        snprintf(place, sizeof place, "%s%s%s (opset %lld)%s%s: ", p->domain,
                 p->domain[0] ? "." : "", p->op, (long long)p->opset,
                 p->attribute[0] ? ", attribute " : "", p->attribute);
    snprintf(text, size, "%s: %s%s%s%s: %u%s, the first '%s'", p->warning ? "warning" : "error",
             place, p->what, p->advice[0] ? "; " : "", p->advice, g->count,
             p->op[0] ? " nodes" : " times", p->node);
    return text;
}
