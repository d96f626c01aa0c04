/* Cutting a sub-graph out: new inputs and outputs, and what nobody needs any more goes. */
#include <stdlib.h>
#include <string.h>

#include "plan/fold.h"
#include "tools/edit.h"

static int no_memory(const struct edit *e)
{
    fprintf(stderr, "infer: %s: no memory for a copy of its graph\n", e->path);
    return CLI_RESOURCES;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The value of this name; 0: none. Of several, the first one that a node or the graph lists. */
static uint32_t find_value(const struct infer__graph *g, const char *name, size_t length)
{
    for (uint32_t i = 1; length && i < g->nvalues; i++)
        if (strncmp(g->values[i].name, name, length) == 0 && !g->values[i].name[length])
            return i;
    return 0;
}

static int unknown(const struct edit *e, const char *option, const char *text)
{
    const size_t n = strcspn(text, ",");
    char *part = strndup(text, n);
    int shown = 0;
    cli_usage("--%s %s: there is no value '%.*s'", option, text, (int)n, text);
    for (uint32_t i = 1; part && i < e->g.nvalues && shown < 5; i++)
        if (n && strcasestr(e->g.values[i].name, part))
            fprintf(stderr, "  %s '%s'\n", shown++ ? "      or" : "is it one of",
                    e->g.values[i].name);
    if (!shown)
        fprintf(stderr, "  `infer inspect %s --nodes` lists them\n", e->path);
    free(part);
    return CLI_USAGE;
}

int edit_names(const struct edit *e, const char *option, const char *text, uint32_t *list,
               uint32_t *count, uint32_t most)
{
    for (const char *p = text;;) {
        size_t n = strlen(p);
        uint32_t value = find_value(&e->g, p, n);
        while (!value && n) { /* the longest name that ends before a comma */
            do
                n--;
            while (n && p[n] != ',');
            value = find_value(&e->g, p, n);
        }
        if (!value)
            return unknown(e, option, p);
        for (uint32_t i = 0; i < *count; i++)
            if (list[i] == value)
                return cli_usage("--%s %s: '%.*s' is named twice", option, text, (int)n, p);
        if (*count == most)
            return cli_usage("--%s: more than %u names", option, most);
        list[(*count)++] = value;
        if (!p[n])
            return CLI_OK;
        p += n + 1;
    }
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

/* Whatever makes the value now makes another one, which nobody reads. */
static int detach(struct edit *e, uint32_t value)
{
    infer_error err;
    for (uint32_t i = 0; i < e->g.nnodes; i++)
        for (uint32_t k = 0; k < e->g.nodes[i].nout; k++)
            if (e->g.nodes[i].out[k] == value &&
                infer__graph_add_value(&e->g, "", &e->g.nodes[i].out[k], &err) != INFER_OK)
                return 0;
    return 1;
}

static int make_input(struct edit *e, uint32_t value, const struct infer__value *shaped)
{
    struct infer__value *v = &e->g.values[value];
    char text[200];
    if (v->kind == INFER__VALUE_INPUT)
        return CLI_OK;
    if (!shaped->type || (!shaped->shaped && !shaped->free_dims)) {
        fprintf(stderr,
                "infer: %s: the shape of '%s' can't be worked out: it depends on the values of "
                "inputs\n",
                e->path, v->name);
        return CLI_BAD_INPUT;
    }
    if (!detach(e, value))
        return no_memory(e);
    v = &e->g.values[value];
    *v = (struct infer__value){.type = shaped->type,
                               .rank = shaped->rank,
                               .kind = INFER__VALUE_INPUT,
                               .shaped = !shaped->free_dims,
                               .free_dims = shaped->free_dims,
                               .name = v->name};
    memcpy(v->dims, shaped->dims, sizeof v->dims);
    fprintf(e->log, "new input '%s' %s\n", v->name, edit_value_text(v, text, sizeof text));
    return CLI_OK;
}

/* Names of free dimensions go along with the inputs and outputs that stay. */
static int move_dims(struct edit *e, int output, const uint32_t *before, uint32_t nbefore,
                     const uint32_t *after, uint32_t nafter)
{
    struct infer__about *a = &e->about;
    struct infer__dim_name *list =
        infer__region_calloc(&e->region, (size_t)a->ndims + 1, sizeof *list);
    uint32_t n = 0;
    if (!list)
        return 0;
    for (uint32_t i = 0; output && i < a->ndims; i++)
        if (!a->dims[i].output)
            list[n++] = a->dims[i];
    for (uint32_t k = 0; k < nafter; k++)
        for (uint32_t i = 0; i < a->ndims; i++)
            if (a->dims[i].output == output && a->dims[i].index < nbefore &&
                before[a->dims[i].index] == after[k]) {
                list[n] = a->dims[i];
                list[n++].index = k;
            }
    for (uint32_t i = 0; !output && i < a->ndims; i++)
        if (a->dims[i].output)
            list[n++] = a->dims[i];
    a->dims = list;
    a->ndims = n;
    return 1;
}

static int set_list(struct edit *e, int output, const uint32_t *values, uint32_t n)
{
    uint32_t **list = output ? &e->g.outputs : &e->g.inputs;
    uint32_t *count = output ? &e->g.noutputs : &e->g.ninputs;
    uint32_t *copy = infer__region_calloc(&e->region, (size_t)n + 1, sizeof *copy);
    if (!copy)
        return no_memory(e);
    memcpy(copy, values, n * sizeof *copy);
    if (!move_dims(e, output, *list, *count, copy, n))
        return no_memory(e);
    *list = copy;
    *count = n;
    return CLI_OK;
}

int edit_from(struct edit *e, const uint32_t *values, uint32_t n)
{
    struct infer__region region;
    struct infer__value *shaped;
    infer_error second, err;
    int status = CLI_OK;
    infer__region_init(&region, NULL);
    if (edit_infer(&e->g, &region, &shaped, &second, &err) != INFER_OK)
        status = cli_fail(e->path, &err);
    for (uint32_t i = 0; status == CLI_OK && i < n; i++)
        status = make_input(e, values[i], &shaped[values[i]]);
    infer__region_free(&region);
    /* those that were inputs are still listed: edit_sweep says whether they are needed */
    uint32_t *list = calloc((size_t)n + e->g.ninputs + 1, sizeof *list), count = n;
    if (!list)
        return no_memory(e);
    memcpy(list, values, n * sizeof *list);
    for (uint32_t i = 0; i < e->g.ninputs; i++) {
        int listed = 0;
        for (uint32_t k = 0; k < n; k++)
            listed |= values[k] == e->g.inputs[i];
        if (!listed)
            list[count++] = e->g.inputs[i];
    }
    status = status == CLI_OK ? set_list(e, 0, list, count) : status;
    free(list);
    return status;
}

int edit_to(struct edit *e, const uint32_t *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int had = 0;
        for (uint32_t k = 0; k < e->g.noutputs; k++)
            had |= e->g.outputs[k] == values[i];
        if (!had)
            fprintf(e->log, "new output '%s'\n", e->g.values[values[i]].name);
    }
    for (uint32_t k = 0; k < e->g.noutputs; k++) {
        int kept = 0;
        for (uint32_t i = 0; i < n; i++)
            kept |= e->g.outputs[k] == values[i];
        if (!kept)
            fprintf(e->log, "output '%s' is gone\n", e->g.values[e->g.outputs[k]].name);
    }
    return set_list(e, 1, values, n);
}

int edit_remove_outputs(struct edit *e, const uint32_t *values, uint32_t n)
{
    uint32_t *list = calloc((size_t)e->g.noutputs + 1, sizeof *list), kept = 0, found = 0;
    if (!list)
        return no_memory(e);
    for (uint32_t k = 0; k < e->g.noutputs; k++) {
        int goes = 0;
        for (uint32_t i = 0; i < n; i++)
            goes |= e->g.outputs[k] == values[i];
        found += (uint32_t)goes;
        if (!goes)
            list[kept++] = e->g.outputs[k];
    }
    int status = found < n ? cli_usage("--remove-output: not all of these are outputs")
                 : !kept   ? cli_usage("--remove-output: a model needs an output")
                           : edit_to(e, list, kept);
    free(list);
    return status;
}

/* ---- what is needed ------------------------------------------------------------------------- */

/* A byte for each value: 1 where an output depends on it. */
static uint8_t *find_needed(const struct infer__graph *g)
{
    uint8_t *needed = calloc((size_t)g->nvalues + 1, 1);
    for (uint32_t i = 0; needed && i < g->noutputs; i++)
        needed[g->outputs[i]] = 1;
    for (uint32_t i = g->nnodes; needed && i-- > 0;) {
        const struct infer__node *n = &g->nodes[i];
        int keep = 0;
        for (uint32_t k = 0; k < n->nout; k++)
            keep |= n->out[k] && needed[n->out[k]];
        for (uint32_t k = 0; keep && k < n->nin; k++)
            needed[n->in[k]] = 1;
    }
    return needed;
}

/* An input that was not asked for, but is needed: names a node that reads it. */
static int still_needed(const struct edit *e, uint32_t input)
{
    const struct infer__graph *g = &e->g;
    const char *name = g->values[input].name;
    for (uint32_t i = 0; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            if (g->nodes[i].in[k] == input)
                return cli_usage("--from does not cut everything off: input '%s' is still needed, "
                                 "by node '%s' (%s); name it too, or what comes of it",
                                 name, g->nodes[i].name, infer__op_info(g->nodes[i].op)->name);
    return cli_usage("--from: input '%s' is an output itself", name);
}

static int sweep_inputs(struct edit *e, const uint8_t *needed, uint32_t given)
{
    const struct infer__graph *g = &e->g;
    uint32_t *list = calloc((size_t)g->ninputs + 1, sizeof *list), kept = 0;
    int status = list ? CLI_OK : no_memory(e);
    for (uint32_t i = 0; status == CLI_OK && i < g->ninputs; i++) {
        const uint32_t v = g->inputs[i];
        if (i < given && !needed[v])
            status = cli_usage("--from: no output needs '%s'", g->values[v].name);
        else if (i >= given && given && needed[v])
            status = still_needed(e, v);
        else if (needed[v] || (!given && !e->was_used[v]))
            list[kept++] = v;
        else
            fprintf(e->log, "input '%s' is gone\n", g->values[v].name);
    }
    status = status == CLI_OK ? set_list(e, 0, list, kept) : status;
    free(list);
    return status;
}

/* An input that is listed no more must be none. */
static void forget_inputs(struct edit *e)
{
    uint8_t *listed = calloc((size_t)e->g.nvalues + 1, 1);
    for (uint32_t i = 0; listed && i < e->g.ninputs; i++)
        listed[e->g.inputs[i]] = 1;
    for (uint32_t i = 1; listed && i < e->g.nvalues; i++)
        if (e->g.values[i].kind == INFER__VALUE_INPUT && !listed[i])
            e->g.values[i] = (struct infer__value){.name = e->g.values[i].name};
    free(listed);
}

int edit_sweep(struct edit *e, uint32_t given)
{
    infer_error err;
    uint8_t *needed = find_needed(&e->g);
    int status = needed ? sweep_inputs(e, needed, given) : no_memory(e);
    free(needed);
    if (status != CLI_OK)
        return status;
    if (infer__remove_dead(&e->g, &err) != INFER_OK)
        return cli_fail(e->path, &err);
    forget_inputs(e);
    return CLI_OK;
}
