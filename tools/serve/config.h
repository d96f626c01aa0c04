/* A configuration file: the options of the command line by their names, and what is different for
 * single models.
 *
 *   {
 *     "paths": ["models/"], "port": 8080, "slo": "p99=20ms", "triton-metrics": true,
 *     "models": {
 *       "yolo": {
 *         "workers": 2, "max-batch": 4,
 *         "default": 3, "labels": {"stable": 3, "next": 4},
 *         "canary": {"version": 4, "percent": 5},
 *         "shadow": {"version": 4, "percent": 100}
 *       }
 *     }
 *   }
 */
#ifndef INFER_TOOLS_SERVE_CONFIG_H
#define INFER_TOOLS_SERVE_CONFIG_H

#include "third_party/yyjson/yyjson.h"
#include "tools/serve/models/repository.h"

enum { CONFIG_MOST_ARGUMENTS = 256, CONFIG_MOST_LABELS = 16 };

/* A share of the requests that name no version, for another than the default. */
struct config_share {
    int64_t version; /* 0: none */
    double percent;
};

struct config_model {
    const char *name;
    struct version_options versions;
    int64_t preferred; /* 0: the newest */
    struct {
        const char *name;
        int64_t number;
    } labels[CONFIG_MOST_LABELS];
    int nlabels;
    struct config_share canary, shadow;
    yyjson_val *object;
};

struct config {
    yyjson_doc *doc;
    const char *path;
    char *text[CONFIG_MOST_ARGUMENTS]; /* arguments that were made; owned */
    int ntext;
    const char *paths[CONFIG_MOST_ARGUMENTS];
    int npaths;
    struct config_model *models;
    int nmodels;
};

/* Reads a file. 0 after a usage message that names the place. Free it in either case. */
int config_read(struct config *c, const char *path);
void config_free(struct config *c);
/* The file's options, or those of one of its models (`model` not NULL), as arguments that stand for
 * them, into `out`: "--port=8080". Returns their number, -1 after a usage message. */
int config_arguments(struct config *c, const struct config_model *model, char **out, int most);
/* Sets defaults, labels, canaries and shadows of the models that are loaded. */
void config_apply(const struct config *c, struct repository *r);

#endif
