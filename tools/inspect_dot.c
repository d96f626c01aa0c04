/* The plan for Graphviz: a box per step, an ellipse per input and output, an edge per tensor. */
#include <stdlib.h>

#include "infer_experimental.h"
#include "run/session.h"
#include "tools/cli.h"
#include "tools/inspect.h"

/* Text inside a quoted label. */
static void label_text(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        fputc(*s, f);
    }
}

static void ellipse(FILE *f, const char *kind, size_t i, const infer_value_info *v)
{
    char dims[160];
    fprintf(f, "  %s%zu [shape=ellipse, label=\"", kind, i);
    label_text(f, v->name);
    fprintf(f, "\\n%s %s\"];\n", infer_type_name(v->type), dims_text(v, dims, sizeof dims));
}

static void boxes(FILE *f, const struct inspect *x)
{
    infer_value_info v = INFER_VALUE_INFO_INIT;
    for (size_t i = 0; i < infer_session_inputs(x->session); i++) {
        infer_session_input(x->session, i, &v, NULL);
        ellipse(f, "in", i, &v);
    }
    for (size_t i = 0; i < infer_session_steps(x->session); i++) {
        infer_step_info s = INFER_STEP_INFO_INIT;
        infer_session_step(x->session, i, &s, NULL);
        fprintf(f, "  s%zu [label=\"%zu %s%s%s\\n", i, i, s.op, s.fused[0] ? " + " : "", s.fused);
        label_text(f, s.node);
        fprintf(f, "\\n%s\"];\n", s.kernel);
    }
    for (size_t i = 0; i < infer_session_outputs(x->session); i++) {
        infer_session_output(x->session, i, &v, NULL);
        ellipse(f, "out", i, &v);
    }
}

/* An edge from where a tensor comes from. Constants and absent operands have none. */
static void edge(FILE *f, const struct inspect *x, const uint32_t *writer, uint32_t tensor,
                 const char *to, size_t number)
{
    const struct infer__plan *plan = &x->session->program->plan;
    uint32_t root = inspect_root(x, tensor);
    const struct infer__operand *d = &plan->tensors[tensor].desc;
    infer_value_info v = {.rank = d->rank};
    char dims[160];
    if (!tensor)
        return;
    if (writer[root])
        fprintf(f, "  s%u", writer[root] - 1);
    else if (plan->tensors[root].place == INFER__PLACE_INPUT)
        fprintf(f, "  in%llu", (unsigned long long)plan->tensors[root].offset);
    else
        return;
    for (int i = 0; i < d->rank; i++)
        v.dims[i] = d->dims[i];
    fprintf(f, " -> %s%zu [label=\"%s%s\"];\n", to, number, dims_text(&v, dims, sizeof dims),
            d->clast ? " clast" : "");
}

void inspect_dot(FILE *f, const struct inspect *x)
{
    const struct infer__plan *plan = &x->session->program->plan;
    uint32_t *writer = calloc(plan->ntensors + 1u, sizeof *writer); /* step + 1, by root */
    if (!writer)
        return;
    fputs("digraph plan {\n  node [shape=box, fontname=\"sans-serif\"];\n"
          "  edge [fontname=\"sans-serif\", fontsize=10];\n",
          f);
    boxes(f, x);
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const struct infer__step *step = &plan->steps[s];
        for (uint32_t k = 0; k < step->task.nin; k++)
            edge(f, x, writer, step->in[k], "s", s);
        for (uint32_t k = 0; k < step->task.nout; k++)
            if (step->out[k])
                writer[inspect_root(x, step->out[k])] = s + 1;
    }
    for (uint32_t i = 0; i < plan->graph.noutputs; i++)
        edge(f, x, writer, plan->outputs[i], "out", i);
    fputs("}\n", f);
    free(writer);
}
