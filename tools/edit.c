/* A copy of a model to be changed, and the names of its values. */
#include "tools/edit.h"

#include <stdlib.h>
#include <string.h>

/* A byte for each value: whether a node reads it, or it is an output. */
static uint8_t *find_used(const struct infer__graph *g)
{
    uint8_t *used = calloc((size_t)g->nvalues + 1, 1);
    for (uint32_t i = 0; used && i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            used[g->nodes[i].in[k]] = 1;
    for (uint32_t i = 0; used && i < g->noutputs; i++)
        used[g->outputs[i]] = 1;
    return used;
}

int edit_begin(struct edit *e, const infer_model *model, const char *path, FILE *log)
{
    infer_error err;
    memset(e, 0, sizeof *e);
    e->model = model;
    e->path = path;
    e->log = log;
    e->about = model->about;
    e->nodes = model->graph.nnodes;
    infer__region_init(&e->region, NULL);
    e->was_used = find_used(&model->graph);
    if (!e->was_used) {
        infer__no_memory(&err, model->graph.nvalues);
        return cli_fail(path, &err);
    }
    return infer__graph_copy(&e->g, &model->graph, &e->region, &err) == INFER_OK
               ? CLI_OK
               : cli_fail(path, &err);
}

void edit_free(struct edit *e)
{
    free(e->was_used);
    infer__region_free(&e->region);
}

char *edit_value_text(const struct infer__value *v, char *text, size_t size)
{
    infer_value_info info = {.type = (infer_type)v->type, .rank = v->rank};
    char dims[160];
    memcpy(info.dims, v->dims, sizeof info.dims);
    info.free_dims = v->free_dims;
    if (v->type)
        snprintf(text, size, "%s %s", infer_type_name(info.type),
                 dims_text(&info, dims, sizeof dims));
    else
        snprintf(text, size, "known once there is a session");
    return text;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Values that the file will have. */
static int is_used(const struct infer__graph *g, const uint8_t *used, uint32_t value)
{
    int listed = used[value];
    for (uint32_t i = 0; i < g->ninputs; i++)
        listed |= g->inputs[i] == value;
    for (uint32_t i = 0; !listed && i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nout; k++)
            listed |= g->nodes[i].out[k] == value;
    return listed;
}

/* The value that the text in front of a '=' names, and what stands behind the sign; 0: none. */
static uint32_t find_old(const struct infer__graph *g, const uint8_t *used, const char *text,
                         const char **behind)
{
    for (uint32_t i = 1; i < g->nvalues; i++) {
        const size_t n = strlen(g->values[i].name);
        if (n && strncmp(text, g->values[i].name, n) == 0 && text[n] == '=' &&
            is_used(g, used, i)) {
            *behind = text + n + 1;
            return i;
        }
    }
    return 0;
}

static int rename_value(struct edit *e, const uint8_t *used, const char *text)
{
    const char *name = NULL;
    const uint32_t value = find_old(&e->g, used, text, &name);
    if (!value)
        return cli_usage("--rename %s: it is written OLD=NEW, and there is no value of the old "
                         "name",
                         text);
    if (!*name)
        return cli_usage("--rename %s: the new name is empty", text);
    for (uint32_t i = 1; i < e->g.nvalues; i++)
        if (strcmp(e->g.values[i].name, name) == 0 && is_used(&e->g, used, i))
            return cli_usage("--rename %s: there is a value '%s' already", text, name);
    char *copy = infer__region_string(&e->region, name);
    if (!copy) {
        fprintf(stderr, "infer: %s: no memory for a name\n", e->path);
        return CLI_RESOURCES;
    }
    fprintf(e->log, "'%s' is now '%s'\n", e->g.values[value].name, copy);
    e->g.values[value].name = copy;
    return CLI_OK;
}

int edit_rename(struct edit *e, const char *text)
{
    uint8_t *used = find_used(&e->g);
    int status = used ? rename_value(e, used, text) : CLI_RESOURCES;
    free(used);
    return status;
}
