/* An operator of one's own: y = x * factor, "Scale" of the domain com.example. Usage:
 *   infer convert --custom com.example model.onnx && custom_op model.infer */
#include <infer_experimental.h>
#include <stdio.h>

static infer_status scale_shape(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    if (call->nin != 1 || call->nout != 1 || call->in[0].type != INFER_F32)
        return INFER_ERROR_UNSUPPORTED;
    call->out[0] = call->in[0]; /* type and shape */
    return INFER_OK;
}

static infer_status scale_run(void *ctx, const infer_custom_call *call)
{
    const float factor = infer_custom_float(call->node, "factor", 1);
    const float *x = (const float *)call->in[0].data;
    float *y = (float *)call->out[0].data;
    const size_t n = infer_tensor_elements(&call->in[0]);
    (void)ctx;
    for (size_t i = n * call->part / call->parts; i < n * (call->part + 1) / call->parts; i++)
        y[i] = x[i] * factor;
    return INFER_OK;
}

int main(int argc, char **argv)
{
    static infer_custom_op op; /* all 0 */
    static infer_tensor x, y;
    static float data[4] = {1, 2, 3, 4};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model = NULL;
    infer_session *session = NULL;
    infer_error err;
    op.domain = "com.example";
    op.name = "Scale";
    op.shape = scale_shape;
    op.run = scale_run;
    op.parts = 4; /* that threads may share */
    o.custom_ops = &op;
    o.ncustom_ops = 1;
    x.type = INFER_F32;
    x.rank = 1;
    x.dims[0] = 4;
    x.data = data;
    x.bytes = sizeof data;
    if (infer_load(argc > 1 ? argv[1] : "model.infer", &o, &model, &err) == INFER_OK &&
        infer_session_create(model, NULL, &session, &err) == INFER_OK &&
        infer_run(session, &x, 1, &y, 1, &err) == INFER_OK)
        for (size_t i = 0; i < infer_tensor_elements(&y); i++)
            printf("%g\n", (double)((const float *)y.data)[i]);
    if (err.status != INFER_OK)
        fprintf(stderr, "%s: %s\n", infer_status_name(err.status), err.message);
    infer_session_free(&session);
    infer_model_free(&model);
    return err.status != INFER_OK;
}
