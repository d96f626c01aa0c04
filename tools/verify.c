#include "tools/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "tools/onnx/onnx_import.h"
#include "tools/tensor_stats.h"

/* Operands that shapes may depend on are this small. */
enum { VALUE_ELEMENTS = 64 };

struct data_set {
    struct onnx_tensor *inputs, *outputs;
    infer_input_spec *specs;
    infer_tensor *in, *out;
    size_t nin, nout;
    infer_session *session;
};

int verify_is_data_set(const char *path)
{
    char file[4096];
    struct stat st;
    snprintf(file, sizeof file, "%s/input_0.pb", path);
    if (stat(file, &st) == 0)
        return 1;
    snprintf(file, sizeof file, "%s/output_0.pb", path);
    return stat(file, &st) == 0;
}

static infer_status load(const char *folder, const char *kind, size_t n, struct onnx_tensor *t,
                         infer_error *err)
{
    char path[4096];
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, kind, i);
        TRY(onnx_tensor_load(path, &t[i], err));
    }
    return INFER_OK;
}

/* ONNX's own tests store bf16 as u16: the model says what the bits mean. */
static void reread_bf16(infer_type declared, infer_tensor *t)
{
    if (declared == INFER_BF16 && t->type == INFER_U16)
        t->type = INFER_BF16;
}

static void spec_of(const infer_model *model, size_t index, const infer_tensor *t, int with_value,
                    infer_input_spec *spec)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    memset(spec, 0, sizeof *spec);
    if (infer_model_input(model, index, &info, NULL) != INFER_OK)
        return;
    spec->name = info.name;
    spec->rank = t->rank;
    memcpy(spec->dims, t->dims, sizeof spec->dims);
    if (with_value && t->rank <= 1 && infer_tensor_elements(t) <= VALUE_ELEMENTS)
        spec->data = t->data;
}

/* Shapes come from the data; where shapes depend on values too, those of small inputs are given
 * as well. */
static infer_status make_session(const infer_model *model, const struct verify_options *options,
                                 struct data_set *d, infer_error *err)
{
    infer_status status = INFER_OK;
    infer_session_options o = options->session;
    o.inputs = d->specs;
    o.ninputs = d->nin;
    for (int with_values = 0; with_values < 2; with_values++) {
        for (size_t i = 0; i < d->nin; i++)
            spec_of(model, i, &d->inputs[i].tensor, with_values, &d->specs[i]);
        status = infer_session_create(model, &o, &d->session, err);
        if (status != INFER_ERROR_NEED_VALUE)
            break;
    }
    return status;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static size_t largest_of(const infer_tensor *t, size_t begin, size_t n)
{
    size_t best = begin;
    for (size_t i = begin + 1; i < begin + n; i++)
        if (tensor_element(t, i) > tensor_element(t, best))
            best = i;
    return best - begin;
}

/* Rows of N x C scores have the same largest element, or one that is as good within the
 * tolerance. */
static int same_top1(const infer_tensor *got, const infer_tensor *want, double slack, char *text,
                     size_t size)
{
    if (want->rank != 2 || want->dims[1] < 2 || !tensor_is_float(want->type))
        return 1;
    size_t columns = (size_t)want->dims[1];
    for (size_t r = 0; r < (size_t)want->dims[0]; r++) {
        size_t a = largest_of(got, r * columns, columns);
        size_t b = largest_of(want, r * columns, columns);
        if (a != b &&
            tensor_element(want, r * columns + b) - tensor_element(want, r * columns + a) >
                2 * slack) {
            snprintf(text, size, "row %zu: top-1 is %zu, expected %zu", r, a, b);
            return 0;
        }
    }
    return 1;
}

static void compare(const infer_tensor *got, const infer_tensor *want, const char *name,
                    const struct verify_options *o, struct verify_result *r)
{
    int same = got->type == want->type && got->rank == want->rank;
    for (int i = 0; same && i < got->rank; i++)
        same = got->dims[i] == want->dims[i];
    if (!same) {
        int at = snprintf(r->message, sizeof r->message, "output '%s': type or shape differs: %s ",
                          name, infer_type_name(got->type));
        for (int i = 0; i < got->rank; i++)
            at += snprintf(r->message + at, sizeof r->message - (size_t)at, "%lldx",
                           (long long)got->dims[i]);
        at += snprintf(r->message + at, sizeof r->message - (size_t)at, ", expected %s ",
                       infer_type_name(want->type));
        for (int i = 0; i < want->rank; i++)
            at += snprintf(r->message + at, sizeof r->message - (size_t)at, "%lldx",
                           (long long)want->dims[i]);
        r->passed = 0;
        return;
    }
    size_t n = infer_tensor_elements(want), worst_at = 0, bad = 0;
    double largest = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double w = fabs(tensor_element(want, i));
        largest = w > largest && isfinite(w) ? w : largest;
    }
    for (size_t i = 0; i < n; i++) {
        double g = tensor_element(got, i), w = tensor_element(want, i);
        if (g == w || (isnan(g) && isnan(w)))
            continue;
        double of = o->elementwise ? fabs(w) + 1e-4 : largest;
        double difference = fabs(g - w) / (of > 0 ? of : 1e-30);
        if (!(difference <= o->tolerance) || !tensor_is_float(want->type))
            bad++;
        if (!(difference <= worst)) {
            worst = isnan(difference) ? INFINITY : difference;
            worst_at = i;
        }
    }
    r->worst = worst > r->worst ? worst : r->worst;
    if (bad) {
        r->passed = 0;
        snprintf(r->message, sizeof r->message,
                 "output '%s': %zu of %zu elements differ; the worst, element %zu, is %.9g, "
                 "expected %.9g (%.2g of the largest)",
                 name, bad, n, worst_at, tensor_element(got, worst_at),
                 tensor_element(want, worst_at), worst);
        return;
    }
    char text[128];
    if (o->top1 && !same_top1(got, want, o->tolerance * largest, text, sizeof text)) {
        r->passed = 0;
        snprintf(r->message, sizeof r->message, "output '%s': %s", name, text);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static infer_status run(const infer_model *model, const char *folder,
                        const struct verify_options *options, struct data_set *d,
                        struct verify_result *r, infer_error *err)
{
    TRY(load(folder, "input", d->nin, d->inputs, err));
    TRY(load(folder, "output", d->nout, d->outputs, err));
    TRY(make_session(model, options, d, err));
    for (size_t i = 0; i < d->nin; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        TRY(infer_session_input(d->session, i, &info, err));
        reread_bf16(info.type, &d->inputs[i].tensor);
        d->in[i] = d->inputs[i].tensor;
    }
    TRY(infer_run(d->session, d->in, d->nin, d->out, d->nout, err));
    r->passed = 1;
    for (size_t i = 0; i < d->nout && r->passed; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        TRY(infer_session_output(d->session, i, &info, err));
        reread_bf16(info.type, &d->outputs[i].tensor);
        compare(&d->out[i], &d->outputs[i].tensor, info.name, options, r);
    }
    return INFER_OK;
}

infer_status verify_data_set(const infer_model *model, const char *folder,
                             const struct verify_options *options, struct verify_result *result,
                             infer_error *err)
{
    struct data_set d = {.nin = infer_model_inputs(model), .nout = infer_model_outputs(model)};
    memset(result, 0, sizeof *result);
    d.inputs = calloc(d.nin + 1, sizeof *d.inputs);
    d.outputs = calloc(d.nout + 1, sizeof *d.outputs);
    d.specs = calloc(d.nin + 1, sizeof *d.specs);
    d.in = calloc(d.nin + 1, sizeof *d.in);
    d.out = calloc(d.nout + 1, sizeof *d.out);
    infer_status status = d.inputs && d.outputs && d.specs && d.in && d.out
                              ? run(model, folder, options, &d, result, err)
                              : infer__no_memory(err, d.nin + d.nout);
    infer_session_free(&d.session);
    for (size_t i = 0; d.inputs && i < d.nin; i++)
        onnx_tensor_free(&d.inputs[i]);
    for (size_t i = 0; d.outputs && i < d.nout; i++)
        onnx_tensor_free(&d.outputs[i]);
    free(d.inputs);
    free(d.outputs);
    free(d.specs);
    free(d.in);
    free(d.out);
    return status;
}
