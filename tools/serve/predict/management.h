/* What the files of the management API share. */
#ifndef INFER_TOOLS_SERVE_MANAGEMENT_H
#define INFER_TOOLS_SERVE_MANAGEMENT_H

#include "tools/serve/server.h"

/* Whether TorchServe is followed where it differs from MMS. */
int management_torchserve(const struct call *c);
/* The path of a version's file in the model store. */
const char *management_url(const struct call *c, const struct version *v);
/* Answers with descriptions of versions of a model: an object of the first one for MMS, a list of
 * all for TorchServe. */
void management_describe(struct call *c, struct version **versions, int count);

#endif
