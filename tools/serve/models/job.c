#include "tools/serve/models/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/version.h"

struct job *job_new(struct version *version, enum job_kind kind)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->version = version_ref(version);
    job->kind = kind;
    return job;
}

static void answer_free(struct job_answer *a)
{
    for (size_t i = 0; a->masks && i < a->nboxes; i++)
        infer_image_free(&a->masks[i]);
    free(a->masks);
    infer_image_free(&a->mask);
    free(a->classes);
    free(a->boxes);
    free(a->points);
    free(a->vector);
    free(a->quads);
    free(a->texts);
    free(a->text_room);
}

void job_free(struct job *job)
{
    if (!job)
        return;
    for (int i = 0; job->outputs && i < job->noutputs; i++)
        free(job->outputs[i].data);
    for (int i = 0; job->answers && i < job->npictures; i++)
        answer_free(&job->answers[i]);
    free(job->outputs);
    free(job->answers);
    free(job->inputs);
    free(job->pictures);
    free(job->quads);
    version_unref(job->version);
    free(job);
}

void job_fail(struct job *job, enum job_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    job->status = status;
    vsnprintf(job->error, sizeof job->error, format, args);
    va_end(args);
}

int64_t job_images(const struct job *job)
{
    if (job->kind != JOB_TENSORS)
        return job->npictures;
    return job->version->batched && job->ninputs && job->inputs[0].rank ? job->inputs[0].dims[0]
                                                                        : 1;
}

int job_fits(const struct job *a, const struct job *b)
{
    if (!a->version->batched || a->kind != b->kind || a->top != b->top || a->score != b->score ||
        a->want_masks != b->want_masks || a->vector != b->vector)
        return 0;
    if (a->kind != JOB_TENSORS)
        return 1;
    for (int i = 0; i < a->ninputs; i++) {
        const struct job_tensor *s = &a->inputs[i], *t = &b->inputs[i];
        if (s->rank != t->rank || s->rank == 0)
            return 0;
        for (int32_t k = 1; k < s->rank; k++)
            if (s->dims[k] != t->dims[k])
                return 0;
        if (t->dims[0] != b->inputs[0].dims[0])
            return 0;
    }
    return 1;
}

int job_outputs_begin(struct job *job)
{
    job->noutputs = job->version->noutputs;
    job->outputs = calloc((size_t)job->noutputs + 1, sizeof *job->outputs);
    return job->outputs != NULL;
}

int job_output_make(struct job_tensor *t, const infer_value_info *info)
{
    t->type = info->type;
    t->rank = info->rank;
    size_t elements = 1;
    for (int32_t k = 0; k < info->rank; k++) {
        t->dims[k] = info->dims[k];
        elements *= (size_t)info->dims[k]; /* a session's: its bytes are within the limit */
    }
    t->bytes = elements * infer_type_size(info->type);
    free(t->data);
    t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
    return t->data != NULL;
}
