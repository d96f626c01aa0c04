/* Settings for a server that a model's file brings along as notes (its metadata). */
#ifndef INFER_TOOLS_SERVE_NOTES_H
#define INFER_TOOLS_SERVE_NOTES_H

#include "tools/serve/models/version.h"

#define NOTE_MAX_BATCH "serve.max_batch"
#define NOTE_BATCH_DELAY "serve.batch_delay_us"
#define NOTE_WORKERS "serve.workers"
#define NOTE_TIMEOUT "serve.timeout_ms"

/* Takes over what the model's notes say and options have not been told. What is no number that it
 * may be is passed over. */
void notes_apply(const infer_model *model, struct version_options *options);

#endif
