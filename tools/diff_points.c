/* Which values of two graphs are compared: those that a node of A makes and that B has by name. */
#include <stdlib.h>
#include <string.h>

#include "graph/control.h"
#include "run/session.h"
#include "tools/diff.h"

struct named {
    const char *name;
    uint32_t value;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The values of a graph that have a name of their own, sorted by it. */
static struct named *list_names(const struct infer__graph *g, uint32_t *count)
{
    struct named *list = calloc((size_t)g->nvalues + 1, sizeof *list);
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 1; list && i < g->nvalues; i++)
        if (g->values[i].name[0])
            list[n++] = (struct named){g->values[i].name, i};
    if (n)
        qsort(list, n, sizeof *list, by_name);
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(list[end].name, list[i].name) == 0; end++)
            ;
        if (end == i + 1)
            list[kept++] = list[i];
    }
    *count = kept;
    return list;
}

static uint32_t find(const struct named *list, uint32_t count, const char *name)
{
    const struct named key = {name, 0};
    const struct named *found = count ? bsearch(&key, list, count, sizeof key, by_name) : NULL;
    return found ? found->value : 0;
}

struct matcher {
    struct diff *d;
    struct named *in_a, *in_b;
    uint32_t na, nb;
    uint8_t *made_a, *made_b; /* by steps, per value; all 1 where that does not matter; 0 in
                                 branches and loops, whose values no output can be */
};

static void add_value(struct matcher *m, uint32_t node, uint32_t value)
{
    struct diff *d = m->d;
    struct diff_point p = {.node = node, .a = value};
    const char *name = d->a.model->graph.values[value].name;
    const int has_name = find(m->in_a, m->na, name) == value;
    if (has_name && d->b.model)
        p.b = find(m->in_b, m->nb, name);
    else if (has_name)
        p.file = diff_recorded_find(&d->recorded, name);
    if ((p.b && m->made_b[p.b] && m->made_a[value]) || (p.file && m->made_a[value]))
        d->points[d->npoints++] = p;
    else
        d->unmatched[d->nunmatched++] = value;
}

/* A byte for each value: 1, or whether a step makes it. */
static uint8_t *made_values(const struct diff *d, const struct diff_side *s)
{
    const uint32_t n = s->model->graph.nvalues;
    uint8_t *made = calloc(n, 1), *inside = calloc(n, 1);
    if (made && d->fused)
        diff_step_values(s, made);
    else if (made)
        memset(made, 1, n);
    if (made && inside)
        infer__control_inside(&s->model->graph, inside);
    for (uint32_t i = 0; made && inside && i < n; i++)
        made[i] &= !inside[i];
    free(inside);
    return made;
}

static int match(struct matcher *m)
{
    struct diff *d = m->d;
    const struct infer__graph *g = &d->a.model->graph;
    size_t room = 1;
    for (uint32_t i = 0; i < g->nnodes; i++)
        room += g->nodes[i].nout;
    d->points = calloc(room, sizeof *d->points);
    d->unmatched = calloc(room, sizeof *d->unmatched);
    m->in_a = list_names(g, &m->na);
    m->made_a = made_values(d, &d->a);
    if (d->b.model) {
        m->in_b = list_names(&d->b.model->graph, &m->nb);
        m->made_b = made_values(d, &d->b);
    }
    if (!d->points || !d->unmatched || !m->in_a || !m->made_a ||
        (d->b.model && (!m->in_b || !m->made_b))) {
        fprintf(stderr, "infer: no memory for %zu values\n", room);
        return CLI_RESOURCES;
    }
    for (uint32_t i = 0; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nout; k++)
            if (g->nodes[i].out[k])
                add_value(m, i, g->nodes[i].out[k]);
    d->first = d->npoints;
    if (d->npoints)
        return CLI_OK;
    fprintf(stderr,
            "infer: %s and %s have no value of one name that a %s makes: nothing can be "
            "compared\n",
            d->a.path, d->b.path, d->fused ? "step" : "node");
    return CLI_BAD_INPUT;
}

int diff_points(struct diff *d)
{
    struct matcher m = {.d = d};
    int status = match(&m);
    free(m.in_a);
    free(m.in_b);
    free(m.made_a);
    free(m.made_b);
    return status;
}

/* ---- what lies between ---------------------------------------------------------------------- */

/* Whether a node's value follows from constants and shapes: it can't part by itself. */
static int is_known(const struct diff *d, const struct infer__node *n)
{
    const struct infer__graph *plan = &d->a.session->program->plan.graph;
    for (uint32_t k = 0; k < n->nout; k++)
        if (n->out[k] && plan->values[n->out[k]].kind != INFER__VALUE_CONST)
            return 0;
    return 1;
}

/* Goes up from the node; the nearest come first. */
static uint32_t walk(const struct diff *d, uint8_t *wanted, uint32_t *nodes, uint32_t most)
{
    const struct infer__graph *g = &d->a.model->graph;
    uint32_t count = 0, from = d->points[d->first].node;
    for (uint32_t i = from + 1; i-- > 0;) {
        const struct infer__node *n = &g->nodes[i];
        int needed = i == from;
        for (uint32_t k = 0; k < n->nout; k++)
            needed |= n->out[k] && wanted[n->out[k]] == 1;
        if (!needed || is_known(d, n))
            continue;
        if (i != from && count++ < most)
            nodes[count - 1] = i;
        for (uint32_t k = 0; k < n->nin; k++)
            wanted[n->in[k]] |= 1;
    }
    return count;
}

uint32_t diff_between(const struct diff *d, uint32_t *nodes, uint32_t most)
{
    uint8_t *wanted = calloc(d->a.model->graph.nvalues, 1); /* 2: was compared */
    if (!wanted || d->first >= d->npoints) {
        free(wanted);
        return 0;
    }
    for (uint32_t i = 0; i < d->npoints; i++)
        wanted[d->points[i].a] = 2;
    uint32_t count = walk(d, wanted, nodes, most);
    free(wanted);
    return count;
}
