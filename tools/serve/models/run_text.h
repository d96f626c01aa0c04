/* Pictures to text, and to vectors: runs of single pictures beside those of run.c. */
#ifndef INFER_TOOLS_SERVE_RUN_TEXT_H
#define INFER_TOOLS_SERVE_RUN_TEXT_H

#include "tools/serve/models/version.h"

/* Where text is: quads of the answer. `image` may be NULL. */
infer_status run_text_regions(const struct version *v, infer_session *session,
                              const infer_picture *picture, const infer_image_options *image,
                              const struct job *job, struct job_answer *a, infer_error *err);
/* What it says: texts of the answer, one for each of the job's quads, else of the whole picture. */
infer_status run_text(infer_session *session, const infer_picture *picture,
                      const infer_image_options *image, const struct job *job, struct job_answer *a,
                      infer_error *err);
/* All that the first output has for a picture. */
infer_status run_vector(infer_session *session, const infer_picture *picture,
                        const infer_image_options *image, const struct job *job,
                        struct job_answer *a, infer_error *err);

#endif
