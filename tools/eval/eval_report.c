/* What all evaluations report alike. */
#include "tools/cli.h"
#include "tools/eval/eval.h"

void eval_put_prf(struct report *r, yyjson_mut_val *object, struct prf prf, const char *behind)
{
    char key[40];
    snprintf(key, sizeof key, "precision%s", behind);
    report_number(r, object, key, prf.precision);
    snprintf(key, sizeof key, "recall%s", behind);
    report_number(r, object, key, prf.recall);
    snprintf(key, sizeof key, "f1%s", behind);
    report_number(r, object, key, prf.f1);
}

int eval_resample(const struct eval_options *o, struct report *r, const struct eval_view *v)
{
    double intervals[BOOTSTRAP_MOST][2];
    const struct bootstrap b = {.pictures = v->npictures,
                                .rounds = o->rounds,
                                .seed = o->seed,
                                .nvalues = v->nvalues,
                                .measure = v->measure,
                                .ctx = v->ctx,
                                .progress = o->progress,
                                .progress_ctx = o->progress_ctx};
    if (!b.rounds || !b.pictures)
        return CLI_OK;
    if (!bootstrap_run(&b, intervals)) {
        fprintf(stderr, "infer: no memory for %u rounds of resampling\n", b.rounds);
        return CLI_RESOURCES;
    }
    for (int i = 0; i < b.nvalues; i++)
        report_interval(r, v->names[i], intervals[i]);
    return CLI_OK;
}
