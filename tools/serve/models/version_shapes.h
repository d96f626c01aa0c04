/* What shapes a version takes and gives. */
#ifndef INFER_TOOLS_SERVE_VERSION_SHAPES_H
#define INFER_TOOLS_SERVE_VERSION_SHAPES_H

#include "tools/serve/models/version.h"

/* Makes the first session, of sizes that the model can be planned for, and learns from it what the
 * outputs are, which of their dimensions follow free ones of inputs, and whether the version is
 * batched. Inputs must be known. */
infer_status version_learn(struct version *v, infer_error *err);

#endif
