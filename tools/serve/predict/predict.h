/* Predictions as MXNet Model Server, TorchServe and SageMaker answer them: what their parts share.
 */
#ifndef INFER_TOOLS_SERVE_PREDICT_H
#define INFER_TOOLS_SERVE_PREDICT_H

#include "tools/serve/predict/answers.h"
#include "tools/serve/predict/columns.h"
#include "tools/serve/predict/picture_list.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/body.h"

/* How an answer is drawn. */
enum predict_draw { DRAW_NOTHING, DRAW_JPEG, DRAW_PNG };

/* A prediction on its way. */
struct prediction {
    struct server *server;
    struct http_request *http;
    struct version *version; /* counted */
    struct body body;
    yyjson_doc *doc; /* of a body that is JSON */

    /* what the query, or values in the body, ask for */
    long top;
    float score;
    enum predict_draw draw;
    enum answer_masks masks;
    enum job_vector vector;
    char detector[128]; /* the model that finds what this one is asked about; "": none */

    struct picture_list pictures; /* for answers of the model's task */
    struct v2_request request;    /* for tensors */
    struct columns_memory memory;
    struct job *found; /* what a detector has found, while its points are looked for */
    infer_image image; /* the picture, decoded for that */
};

/* Frees it; it was answered. */
void prediction_free(struct prediction *p);
/* Runs a model on what another finds (predict_detector.c). 0: err says why not; else it is
 * answered, perhaps before this returns. */
int predict_by_detector(struct prediction *p, struct v2_error *err);
/* Fills the inputs of a request from the body. 0: err says why not. */
int predict_tensors(struct prediction *p, struct v2_error *err);
/* Answers with what came out of a job that is done. */
void predict_answer(const struct prediction *p, const struct job *job);
void predict_answer_tensors(const struct prediction *p);
/* Tells a failure as MMS and TorchServe do. */
void predict_refuse(const struct prediction *p, const struct v2_error *err);
/* The same of a job. */
void predict_tell_failure(const struct prediction *p, const struct job *job);

/* A model's name in a path, percent-decoded, into `name`; 0: it is none, which was answered. */
int mms_name(const struct call *c, int part, char *name, size_t size);
/* A version in a path, "3" or "3.0"; 0: it is none. */
int64_t mms_version(const struct part *part);
/* Answers that there is no such model, or, where `version` is not empty, no such version. */
void mms_unknown(struct http_request *r, const char *name, const char *version);

/* OpenAPI descriptions (openapi.c). */
void openapi_inference(struct call *c);
void openapi_management(struct call *c);
void openapi_model(struct call *c);

#endif
