#include "infer_experimental.h"
#include "run/session.h"
#include "tools/cli.h"
#include "tools/inspect.h"
#include "tools/monitor/profile.h"
#include "tools/preprocess_args.h"

static void value(FILE *f, const char *before, const infer_value_info *v)
{
    fprintf(f, "%s\n  {\"name\": ", before);
    json_string(f, v->name);
    fprintf(f, ", \"type\": \"%s\", \"dims\": ", infer_type_name(v->type));
    json_dims(f, v->dims, v->rank);
    fprintf(f, ", \"free\": [");
    for (int i = 0, n = 0; i < v->rank; i++)
        if (v->free_dims >> i & 1)
            fprintf(f, "%s%d", n++ ? ", " : "", i);
    fputs("], \"dim_names\": [", f);
    for (int i = 0; i < v->rank; i++) {
        fputs(i ? ", " : "", f);
        if (v->dim_names[i])
            json_string(f, v->dim_names[i]);
        else
            fputs("null", f);
    }
    fputs("]}", f);
}

static void values(FILE *f, const struct inspect *x, int session)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    fputs("\"inputs\": [", f);
    for (size_t i = 0; i < infer_model_inputs(x->model); i++) {
        if (session)
            infer_session_input(x->session, i, &info, NULL);
        else
            infer_model_input(x->model, i, &info, NULL);
        value(f, i ? "," : "", &info);
    }
    fputs("], \"outputs\": [", f);
    for (size_t i = 0; i < infer_model_outputs(x->model); i++) {
        if (session)
            infer_session_output(x->session, i, &info, NULL);
        else
            infer_model_output(x->model, i, &info, NULL);
        value(f, i ? "," : "", &info);
    }
    fputc(']', f);
}

static void operands(FILE *f, const char *key, const uint32_t *ids, uint32_t n)
{
    fprintf(f, ", \"%s\": [", key);
    for (uint32_t k = 0; k < n; k++)
        fprintf(f, "%s%u", k ? ", " : "", ids[k]);
    fputc(']', f);
}

static void nodes(FILE *f, const struct infer__graph *g)
{
    fputs("\"nodes\": [", f);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        fprintf(f, "%s\n  {\"op\": \"%s\", \"name\": ", i ? "," : "",
                infer__op_info(g->nodes[i].op)->name);
        json_string(f, g->nodes[i].name);
        operands(f, "inputs", g->nodes[i].in, g->nodes[i].nin);
        operands(f, "outputs", g->nodes[i].out, g->nodes[i].nout);
        fputc('}', f);
    }
    fputc(']', f);
}

static void steps(FILE *f, const struct inspect *x)
{
    fputs("\"steps\": [", f);
    for (size_t i = 0; i < infer_session_steps(x->session); i++) {
        infer_step_info s = INFER_STEP_INFO_INIT;
        infer_session_step(x->session, i, &s, NULL);
        fprintf(f, "%s\n  {\"op\": \"%s\", \"node\": ", i ? "," : "", s.op);
        json_string(f, s.node);
        fprintf(f,
                ", \"kernel\": \"%s\", \"fused\": \"%s\", \"type\": \"%s\", \"dims\": ", s.kernel,
                s.fused, infer_type_name(s.type));
        json_dims(f, s.dims, s.rank);
        fprintf(f, ", \"macs\": %llu, \"bytes\": %llu", (unsigned long long)(s.flops / 2),
                (unsigned long long)s.bytes);
        fprintf(f, ", \"packed_bytes\": %llu, \"arena_begin\": %llu, \"arena_end\": %llu}",
                (unsigned long long)s.packed_bytes, (unsigned long long)s.arena_begin,
                (unsigned long long)s.arena_end);
    }
    fputc(']', f);
}

static void arena(FILE *f, const struct inspect *x)
{
    const struct infer__plan *plan = &x->session->program->plan;
    const char *comma = "";
    fputs("\"arena\": [", f);
    for (uint32_t t = 1; t < plan->ntensors; t++) {
        const struct infer__plan_tensor *p = &plan->tensors[t];
        if (p->place != INFER__PLACE_ARENA || p->alias || !p->bytes || p->first > p->last)
            continue;
        fprintf(f, "%s\n  {\"begin\": %llu, \"end\": %llu, \"first_step\": %u, \"last_step\": %u}",
                comma, (unsigned long long)p->offset, (unsigned long long)(p->offset + p->bytes),
                p->first, p->last);
        comma = ",";
    }
    fputc(']', f);
}

static void session(FILE *f, const struct inspect *x)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_session_memory_use(x->session, &m, NULL);
    fprintf(f,
            "{\"isa\": \"%s\", \"precision\": \"%s\", \"onednn\": %s, \"threads\": %u, "
            "\"macs\": %llu,\n",
            infer_isa_name(x->isa), infer_precision_name(x->precision),
            infer_has_onednn() ? "true" : "false", infer__team_members(x->session->team),
            (unsigned long long)inspect_macs(x));
    uint32_t tuned = 0;
    for (uint32_t i = 0; i < x->session->program->plan.nsteps; i++)
        tuned += x->session->program->plan.steps[i].tuned;
    const struct inspect_stored stored = inspect_stored(x);
    fprintf(f, "\"packed_steps\": %u, \"stored_steps\": %u, \"stored_bytes\": %llu, ",
            stored.packed, stored.stored, (unsigned long long)stored.bytes);
    const struct infer__weights *w = &x->session->program->plan.weights;
    fprintf(f, "\"weights\": {\"plain_bytes\": %llu, \"packed_bytes\": %llu, ",
            (unsigned long long)w->plain, (unsigned long long)w->packed);
    fprintf(f, "\"limit_bytes\": %llu, \"smaller_steps\": %u}, ", (unsigned long long)w->limit,
            w->smaller);
    fprintf(f, "\"tuned_steps\": %u,\n\"memory\": {\"arena_bytes\": %llu, \"packed_bytes\": %llu",
            tuned, (unsigned long long)m.arena_bytes, (unsigned long long)m.packed_bytes);
    fprintf(f, ", \"output_bytes\": %llu, \"plan_bytes\": %llu},\n",
            (unsigned long long)m.output_bytes, (unsigned long long)m.plan_bytes);
    values(f, x, 1);
    fputs(",\n", f);
    steps(f, x);
    fputs(",\n", f);
    arena(f, x);
    fputc('}', f);
}

static void about(FILE *f, const infer_model *model)
{
    infer_model_info info = INFER_MODEL_INFO_INIT;
    const char *key, *text;
    infer_model_describe(model, &info, NULL);
    fputs("\"producer\": ", f);
    json_string(f, info.producer);
    fputs(", \"producer_version\": ", f);
    json_string(f, info.producer_version);
    fprintf(f, ", \"opset\": %u, \"metadata\": [", info.opset);
    for (size_t i = 0; infer_model_metadata(model, i, &key, &text, NULL) == INFER_OK; i++) {
        fprintf(f, "%s\n  {\"key\": ", i ? "," : "");
        json_string(f, key);
        fputs(", \"value\": ", f);
        json_string(f, text);
        fputc('}', f);
    }
    fputs("],\n", f);
}

static void reference(FILE *f, const infer_model *model)
{
    struct profile p;
    infer_error err;
    if (profile_of_model(&p, model, &err) == INFER_OK)
        profile_json(f, &p);
    else
        fputs("null", f);
    profile_free(&p);
}

void inspect_json(FILE *f, const struct inspect *x, const infer_error *error)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    fputs("{\"model\": ", f);
    json_string(f, x->path);
    fprintf(f, ", \"bytes\": %zu, \"weight_bytes\": %llu, ", x->model->map_bytes,
            (unsigned long long)inspect_weight_bytes(x));
    about(f, x->model);
    values(f, x, 0);
    fputs(",\n\"labels\": [", f);
    for (size_t i = 0; i < infer_model_labels(x->model); i++) {
        fputs(i ? ", " : "", f);
        json_string(f, infer_model_label(x->model, i));
    }
    fputs("], \"preprocessing\": ", f);
    if (infer_model_preprocess(x->model, &p, &err) == INFER_OK)
        preprocess_json(f, &p);
    else
        fputs("null", f);
    fputs(",\n\"packed\": ", f);
    inspect_packed_json(f, x->model);
    fputs(",\n\"reference\": ", f);
    reference(f, x->model);
    fputs(",\n", f);
    nodes(f, &x->model->graph);
    fputs(",\n\"session\": ", f);
    if (x->session) {
        session(f, x);
    } else {
        fputs("null, \"error\": ", f);
        json_string(f, error->message);
    }
    fputs("}\n", f);
}
