/* The inputs of a command that runs models: from files, from a folder of test data, or random. */
#ifndef INFER_TOOLS_INPUTS_H
#define INFER_TOOLS_INPUTS_H

#include "tools/session_args.h"

struct inputs {
    const infer_model *model;
    size_t n;
    infer_tensor *tensors;   /* in the model's order; data is NULL where none is known yet */
    infer_input_spec *specs; /* room for what a session is told of them */
};

/* Room for the inputs of a model. Functions that return int give an exit status, after a message.
 * Free it in either case: with the tensors' data, but of views of others (inputs_like). */
int inputs_init(struct inputs *in, const infer_model *model);
void inputs_free(struct inputs *in);

/* The files that --input names, NumPy's or TensorProto. */
int inputs_load(struct inputs *in, const struct cli_args *args);
/* input_K.pb of a test_data_set folder, for inputs that have no data yet. */
int inputs_load_set(struct inputs *in, const char *folder);
/* One file for input `i`. */
int inputs_load_file(struct inputs *in, size_t i, const char *path);
/* Random numbers for the inputs that have no data yet, with the shapes of a session. */
int inputs_fill(struct inputs *in, const infer_session *session, uint64_t seed);
/* The same inputs for another model, by name or, where it has others, by place: views of `from`. */
int inputs_like(struct inputs *in, const struct inputs *from, const char *path);
void inputs_free_views(struct inputs *in);

/* The first input without data, or n. */
size_t inputs_missing(const struct inputs *in);
/* Every name of --input-shape is an input's: else 0 after a usage message. */
int inputs_check_shapes(const struct inputs *in, const struct session_args *s);
/* A session for these inputs: of `model`, which has those of in->model. Shapes are those of the
 * data and, for inputs without, of --input-shape; where shapes depend on values, whole numbers are
 * given as well. */
infer_status inputs_session(const struct inputs *in, const infer_model *model,
                            const struct session_args *shapes, const infer_session_options *options,
                            infer_session **session, infer_error *err);

#endif
