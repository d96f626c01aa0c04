/* What the files of TensorFlow Serving's REST API share. */
#ifndef INFER_TOOLS_SERVE_TFS_H
#define INFER_TOOLS_SERVE_TFS_H

#include "tools/serve/server.h"

/* How a path names a version. */
enum tfs_form { TFS_MODEL, TFS_VERSION, TFS_LABEL };

struct tfs_call {
    struct server *server;
    struct http_request *http;
    char name[256], verb[32]; /* the verb stands behind a ':' */
    int64_t number;           /* 0: the default version */
    int told;                 /* the path names a version, 0 too */
};

/* The version that is meant, counted; NULL: it was answered. */
struct version *tfs_version(const struct tfs_call *t);
/* {"instances": rows} or {"inputs": columns} to {"predictions": rows} or {"outputs": columns}. */
void tfs_predict(const struct tfs_call *t);
/* {"examples": [...]} of pictures to {"result": [[["label", score], ...], ...]}. */
void tfs_classify(const struct tfs_call *t);

#endif
