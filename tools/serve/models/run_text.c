#include "tools/serve/models/run_text.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_LINES = 1000, /* of a picture */
    ROOM = 1024        /* bytes of a line's text */
};

static infer_status no_memory(infer_error *err)
{
    *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
    return err->status;
}

infer_status run_text_regions(const struct version *v, infer_session *session,
                              const infer_picture *picture, const infer_image_options *image,
                              const struct job *job, struct job_answer *a, infer_error *err)
{
    infer_text_regions_options o = INFER_TEXT_REGIONS_OPTIONS_INIT;
    const size_t most = v->decoding.most > 0 && v->decoding.most < MOST_LINES
                            ? (size_t)v->decoding.most
                            : MOST_LINES;
    o.image = image;
    o.score_threshold = job->score;
    a->quads = calloc(most, sizeof *a->quads);
    return a->quads ? infer_text_regions(session, picture, &o, a->quads, most, &a->nquads, err)
                    : no_memory(err);
}

infer_status run_text(infer_session *session, const infer_picture *picture,
                      const infer_image_options *image, const struct job *job, struct job_answer *a,
                      infer_error *err)
{
    infer_read_text_options o = INFER_READ_TEXT_OPTIONS_INIT;
    const size_t n = job->quads ? job->nquads : 1;
    o.image = image;
    a->texts = calloc(n + 1, sizeof *a->texts);
    a->text_room = calloc(n + 1, ROOM);
    a->quads = job->quads ? calloc(n + 1, sizeof *a->quads) : NULL;
    if (!a->texts || !a->text_room || (job->quads && !a->quads))
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        a->texts[i] = (infer_text){.text = a->text_room + i * ROOM, .room = ROOM};
    if (job->quads)
        memcpy(a->quads, job->quads, n * sizeof *a->quads);
    a->nquads = job->quads ? n : 0;
    a->ntexts = n;
    return n ? infer_read_text(session, picture, job->quads, n, &o, a->texts, err) : INFER_OK;
}

infer_status run_vector(infer_session *session, const infer_picture *picture,
                        const infer_image_options *image, const struct job *job,
                        struct job_answer *a, infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_embed_options o = INFER_EMBED_OPTIONS_INIT;
    infer_status status = infer_session_output(session, 0, &info, err);
    if (status != INFER_OK)
        return status;
    a->length = 1;
    for (int32_t k = 0; k < info.rank; k++)
        a->length *= (size_t)info.dims[k]; /* of a batch of one; a session's, so that it fits */
    a->vector = calloc(a->length + 1, sizeof *a->vector);
    o.image = image;
    o.normalise = job->vector == JOB_VECTOR_OF_LENGTH_1;
    return a->vector ? infer_embed(session, picture, 1, &o, a->vector, a->length, err)
                     : no_memory(err);
}
