/* Loading a model by call, with the configuration that may come along: Triton's ModelConfig in
 * JSON, as far as it has a meaning here. */
#ifndef INFER_TOOLS_SERVE_LOAD_H
#define INFER_TOOLS_SERVE_LOAD_H

#include "tools/serve/kserve/inference.h"

/* Loads all versions of a model that its folder holds. `config` NULL: as the server's options and
 * the model's file say, whatever an earlier call brought. Else what it says counts until the model
 * is loaded again: max_batch_size, instance_group, dynamic_batching, version_policy; inputs and
 * outputs must be the model's. 0: *err says why not, and what was served before still is. May take
 * long. */
int load_model(struct server *s, const char *name, const char *config, struct v2_error *err);

/* Whether `key` is of a parameter that a call to load may not have; *err says so then. */
int load_refuses(const char *key, struct v2_error *err);

/* ---- its parts ------------------------------------------------------------------------------- */

/* What a configuration asks for. */
struct load_config {
    struct version_options options; /* the model's own, with what was asked for set */
    struct version_policy policy;
    int max_batch; /* as it was asked for; -1: it was not */
};

/* Reads the settings of a configuration into *c, which has the model's own options. 0: refused. */
int load_read(yyjson_val *config, const char *name, struct load_config *c, struct v2_error *err);
/* Whether inputs, outputs, batches and file are those of a version. */
int load_fits(yyjson_val *config, const struct load_config *c, const struct version *v,
              struct v2_error *err);

#endif
