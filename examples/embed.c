/* Loads a model and runs it once on zeros. Usage: embed model.infer */
#include <infer.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    infer_model *model = NULL;
    infer_session *session = NULL;
    static infer_tensor input, output; /* all 0; output.data NULL: the session lends its memory */
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    if (argc != 2) {
        fprintf(stderr, "usage: embed model.infer\n");
        return 2;
    }
    if (infer_load(argv[1], NULL, &model, &err) == INFER_OK &&
        infer_session_create(model, NULL, &session, &err) == INFER_OK &&
        infer_session_input(session, 0, &info, &err) == INFER_OK) { /* its type and shape */
        input.type = info.type;
        input.rank = info.rank;
        for (int i = 0; i < info.rank; i++)
            input.dims[i] = info.dims[i];
        input.bytes = infer_tensor_elements(&input) * infer_type_size(info.type);
        input.data = calloc(1, input.bytes); /* your data goes here */
        if (infer_run(session, &input, 1, &output, 1, &err) == INFER_OK)
            for (size_t i = 0; i < infer_tensor_elements(&output) && i < 10; i++)
                printf("%g\n", (double)((const float *)output.data)[i]);
    }
    if (err.status != INFER_OK)
        fprintf(stderr, "%s: %s\n", infer_status_name(err.status), err.message);
    free(input.data);
    infer_session_free(&session);
    infer_model_free(&model);
    return err.status != INFER_OK;
}
