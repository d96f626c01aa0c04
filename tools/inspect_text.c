#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "infer_experimental.h"
#include "plan/tuned.h"
#include "run/session.h"
#include "tools/cli.h"
#include "tools/inspect.h"
#include "tools/monitor/profile.h"
#include "tools/preprocess_args.h"

uint32_t inspect_root(const struct inspect *x, uint32_t tensor)
{
    const struct infer__plan_tensor *t = &x->session->program->plan.tensors[tensor];
    return t->alias ? t->alias : tensor;
}

uint64_t inspect_macs(const struct inspect *x)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < infer_session_steps(x->session); i++) {
        infer_step_info s = INFER_STEP_INFO_INIT;
        infer_session_step(x->session, i, &s, NULL);
        macs += s.flops / 2;
    }
    return macs;
}

uint64_t inspect_weight_bytes(const struct inspect *x)
{
    const struct infer__graph *g = &x->model->graph;
    uint64_t bytes = 0;
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (g->values[i].kind == INFER__VALUE_CONST)
            bytes += infer__value_bytes(&g->values[i]);
    return bytes;
}

/* ---- the model ------------------------------------------------------------------------------ */

static void print_value(FILE *f, const char *what, const infer_value_info *v)
{
    char dims[160];
    if (v->type == INFER_TYPE_NONE) /* an output of a file may be left open */
        fprintf(f, "%-8s %s  known once there is a session\n", what, v->name);
    else
        fprintf(f, "%-8s %s  %s %s\n", what, v->name, infer_type_name(v->type),
                dims_text(v, dims, sizeof dims));
}

static void print_operators(FILE *f, const struct infer__graph *g)
{
    uint32_t counts[INFER__OP_COUNT] = {0};
    const char *comma = "";
    for (uint32_t i = 0; i < g->nnodes; i++)
        counts[g->nodes[i].op]++;
    fprintf(f, "nodes    %u: ", g->nnodes);
    for (;;) { /* the most frequent first */
        unsigned best = 0;
        for (unsigned op = 1; op < INFER__OP_COUNT; op++)
            best = counts[op] > counts[best] ? op : best;
        if (!counts[best])
            break;
        fprintf(f, "%s%u %s", comma, counts[best], infer__op_info(best)->name);
        comma = ", ";
        counts[best] = 0;
    }
    fputc('\n', f);
}

/* Bytes of the first line, as far as it fits, no character cut. */
static int line_bytes(const char *s)
{
    enum { WIDTH = 72 };
    size_t n = strcspn(s, "\r\n\t");
    for (n = n < WIDTH ? n : WIDTH; n && (s[n] & 0xc0) == 0x80; n--)
        ;
    return (int)n;
}

static void print_about(FILE *f, const infer_model *model)
{
    infer_model_info info = INFER_MODEL_INFO_INIT;
    const char *key, *value;
    infer_model_describe(model, &info, NULL);
    if (*info.producer || info.opset)
        fprintf(f, "made by  %s%s%s, opset %u\n", *info.producer ? info.producer : "?",
                *info.producer_version ? " " : "", info.producer_version, info.opset);
    for (size_t i = 0; infer_model_metadata(model, i, &key, &value, NULL) == INFER_OK; i++) {
        const int n = line_bytes(value);
        fprintf(f, "noted    %s: %.*s%s\n", key, n, value, value[n] ? " ..." : "");
    }
}

static void print_reference(FILE *f, const infer_model *model)
{
    struct profile p;
    infer_error err;
    const infer_status status = profile_of_model(&p, model, &err);
    if (status == INFER_OK)
        profile_text(f, &p);
    else if (status != INFER_ERROR_UNSUPPORTED)
        fprintf(f, "reference that can't be read: %s\n", err.message);
    profile_free(&p);
}

void inspect_model_text(FILE *f, const struct inspect *x)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    char text[512];
    fprintf(f, "model    %s", x->path);
    if (x->model->map_bytes)
        fprintf(f, ", %zu bytes", x->model->map_bytes);
    fputc('\n', f);
    print_about(f, x->model);
    for (size_t i = 0; i < infer_model_inputs(x->model); i++) {
        infer_model_input(x->model, i, &info, NULL);
        print_value(f, "input", &info);
    }
    for (size_t i = 0; i < infer_model_outputs(x->model); i++) {
        infer_model_output(x->model, i, &info, NULL);
        print_value(f, "output", &info);
    }
    print_operators(f, &x->model->graph);
    fprintf(f, "weights  %llu bytes\n", (unsigned long long)inspect_weight_bytes(x));
    inspect_packed_text(f, x->model);
    fprintf(f, "labels   %zu\n", infer_model_labels(x->model));
    if (infer_model_preprocess(x->model, &p, &err) == INFER_OK)
        fprintf(f, "picture  %s\n", preprocess_text(&p, text, sizeof text));
    print_reference(f, x->model);
}

static void print_operands(FILE *f, const struct infer__graph *g, const uint32_t *ids, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const struct infer__value *v = &g->values[ids[k]];
        fputs(k ? ", " : "", f);
        if (!ids[k])
            fputc('-', f);
        else if (v->name[0])
            fputs(v->name, f);
        else
            fprintf(f, "#%u", ids[k]);
        if (ids[k] && v->kind == INFER__VALUE_CONST) {
            char text[160];
            fprintf(f, " (%s)", infer__value_text(v, text, sizeof text));
        }
    }
}

void inspect_nodes_text(FILE *f, const struct inspect *x)
{
    const struct infer__graph *g = &x->model->graph;
    fputs("\nnodes of the file, in order:\n", f);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        fprintf(f, "%5u  %s '%s'  ", i, infer__op_info(n->op)->name, n->name);
        print_operands(f, g, n->in, n->nin);
        fputs(" -> ", f);
        print_operands(f, g, n->out, n->nout);
        fputc('\n', f);
    }
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* A column's width in bytes and in characters are the same for the names that models have. */
struct widths {
    int op, node, shape, kernel, fused;
};

static int widest(int so_far, const char *s, int most)
{
    int n = (int)strlen(s);
    n = n > most ? most : n;
    return n > so_far ? n : so_far;
}

static void step_shape(const infer_step_info *s, char *text, size_t size)
{
    infer_value_info v = {.rank = s->rank};
    memcpy(v.dims, s->dims, sizeof v.dims);
    dims_text(&v, text, size);
}

static struct widths measure(const struct inspect *x)
{
    struct widths w = {2, 4, 6, 6, 5};
    for (size_t i = 0; i < infer_session_steps(x->session); i++) {
        infer_step_info s = INFER_STEP_INFO_INIT;
        char shape[160];
        infer_session_step(x->session, i, &s, NULL);
        step_shape(&s, shape, sizeof shape);
        w.op = widest(w.op, s.op, 24);
        w.node = widest(w.node, s.node, 32);
        w.shape = widest(w.shape, shape, 24);
        w.kernel = widest(w.kernel, s.kernel, 40);
        w.fused = widest(w.fused, s.fused, 24);
    }
    return w;
}

static void print_steps(FILE *f, const struct inspect *x)
{
    struct widths w = measure(x);
    fprintf(f, "\nsteps of the plan:\n%5s  %-*s  %-*s  %-4s %-*s  %-*s  %-*s  %9s %9s %9s  %s\n",
            "step", w.op, "op", w.node, "node", "type", w.shape, "output", w.kernel, "kernel",
            w.fused, "fused", "MMACs", "KB moved", "KB packed", "output at");
    for (size_t i = 0; i < infer_session_steps(x->session); i++) {
        infer_step_info s = INFER_STEP_INFO_INIT;
        char shape[160];
        infer_session_step(x->session, i, &s, NULL);
        step_shape(&s, shape, sizeof shape);
        fprintf(f, "%5zu  %-*s  %-*.32s  %-4s %-*s  %-*s  %-*s  %9.3f %9.1f %9.1f  ", i, w.op, s.op,
                w.node, s.node, infer_type_name(s.type), w.shape, shape, w.kernel, s.kernel,
                w.fused, s.fused, (double)s.flops / 2e6, (double)s.bytes / 1e3,
                (double)s.packed_bytes / 1e3);
        if (s.arena_end)
            fprintf(f, "%llu..%llu\n", (unsigned long long)s.arena_begin,
                    (unsigned long long)s.arena_end);
        else
            fputs("-\n", f);
    }
}

/* Whether the file has a tuned plan for here, and how many steps it decided. */
static void print_tuned(FILE *f, const struct inspect *x)
{
    uint32_t steps = 0, plans = 0;
    struct infer__tuned_for here;
    struct infer__tuned t;
    for (uint32_t i = 0; i < x->session->program->plan.nsteps; i++)
        steps += x->session->program->plan.steps[i].tuned;
    for (uint32_t i = 0; i < x->model->nsections; i++)
        plans += x->model->sections[i].kind == INFER__SECTION_TUNED;
    if (!plans)
        fputs("tuned    no: kernels by estimate (see infer tune)\n", f);
    else if (!infer__tuned_here(&here) || !infer__tuned_find(x->model, &here, &t))
        fprintf(f, "tuned    no: the file has %u plan%s, for other CPUs or libraries\n", plans,
                plans == 1 ? "" : "s");
    else
        fprintf(f, "tuned    %u of %u steps by this CPU's plan of %u tasks\n", steps,
                x->session->program->plan.nsteps, t.nentries);
}

void inspect_session_text(FILE *f, const struct inspect *x)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_session_memory_use(x->session, &m, NULL);
    fprintf(f, "\nsession  %zu steps, level %s, precision %s, %s, %u threads\n",
            infer_session_steps(x->session), infer_isa_name(x->isa),
            infer_precision_name(x->precision),
            infer_has_onednn() ? "oneDNN built in" : "no oneDNN",
            infer__team_members(x->session->team));
    for (size_t i = 0; i < infer_session_inputs(x->session); i++) {
        infer_session_input(x->session, i, &info, NULL);
        print_value(f, "input", &info);
    }
    for (size_t i = 0; i < infer_session_outputs(x->session); i++) {
        infer_session_output(x->session, i, &info, NULL);
        print_value(f, "output", &info);
    }
    print_tuned(f, x);
    const struct inspect_stored stored = inspect_stored(x);
    if (x->model->npacked)
        fprintf(f,
                "packed   of %u steps with packed weights %u use those in the file, %llu bytes\n",
                stored.packed, stored.stored, (unsigned long long)stored.bytes);
    const struct infer__weights *w = &x->session->program->plan.weights;
    fprintf(f,
            "kernels  %llu bytes of weights are packed to %llu of at most %llu; %u steps have a "
            "smaller "
            "kernel than the fastest\n",
            (unsigned long long)w->plain, (unsigned long long)w->packed,
            (unsigned long long)w->limit, w->smaller);
    fprintf(f, "work     %.3f million multiply-adds\n", (double)inspect_macs(x) / 1e6);
    fprintf(f, "memory   arena %llu, packed weights %llu, outputs %llu, plan %llu: %llu bytes\n",
            (unsigned long long)m.arena_bytes, (unsigned long long)m.packed_bytes,
            (unsigned long long)m.output_bytes, (unsigned long long)m.plan_bytes,
            (unsigned long long)(m.arena_bytes + m.packed_bytes + m.output_bytes + m.plan_bytes));
    print_steps(f, x);
}

/* ---- the arena ------------------------------------------------------------------------------ */

enum { COLUMNS = 64 };

static int written_by(const struct inspect *x, uint32_t step, uint32_t tensor)
{
    const struct infer__step *s = &x->session->program->plan.steps[step];
    for (uint32_t k = 0; k < s->task.nout; k++)
        if (s->out[k] && inspect_root(x, s->out[k]) == tensor)
            return 1;
    return 0;
}

void inspect_arena_text(FILE *f, const struct inspect *x)
{
    const struct infer__plan *plan = &x->session->program->plan;
    uint64_t per = (plan->arena_bytes + COLUMNS - 1) / COLUMNS;
    if (per == 0) {
        fputs("\narena: empty\n", f);
        return;
    }
    fprintf(f, "\narena over the steps, %llu bytes a column: # written, = kept, . free\n",
            (unsigned long long)per);
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        char row[COLUMNS + 1];
        uint64_t live = 0;
        memset(row, '.', COLUMNS);
        row[COLUMNS] = 0;
        for (uint32_t t = 1; t < plan->ntensors; t++) {
            const struct infer__plan_tensor *p = &plan->tensors[t];
            if (p->place != INFER__PLACE_ARENA || p->alias || !p->bytes || s < p->first ||
                s > p->last)
                continue;
            char mark = written_by(x, s, t) ? '#' : '=';
            live += p->bytes;
            for (uint64_t c = p->offset / per; c < COLUMNS && c * per < p->offset + p->bytes; c++)
                row[c] = row[c] == '#' ? '#' : mark;
        }
        fprintf(f, "%5u |%s| %llu\n", s, row, (unsigned long long)live);
    }
}
