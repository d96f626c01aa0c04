/* How good the answers are by the truth of --data: what `infer eval` measures, for every task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/eval/judge.h"
#include "tools/eval/model.h"
#include "tools/quantize/quantize.h"

struct quant_judge {
    struct eval_options o;
    const struct cli_args *args;
    const infer_model *model; /* the float one */
    const infer_preprocess *preprocess;
    const char *name; /* of the measure; in `room` where no option gave it */
    char room[64];
    double quality; /* of the float model */
};

/* The measured number of a model, which is lent. */
static int measure(struct quant_judge *j, infer_model *model, int quiet, double *quality,
                   uint32_t *pictures)
{
    struct judged judged;
    double n = 0;
    int status = judged_begin(&judged);
    if (status == CLI_OK) {
        judged.model->quiet = quiet;
        status = eval_model_lend(judged.model, j->o.predictions, model, j->args);
    }
    j->o.model = judged.model;
    if (status == CLI_OK)
        status = eval_judge(&j->o, &judged);
    if (status == CLI_OK && judged.model->failed)
        status = CLI_BAD_INPUT;
    const char *name = j->name ? j->name : eval_main_number(&judged.report);
    if (status == CLI_OK &&
        (!name || !report_find(&judged.report, name, quality) || !isfinite(*quality))) {
        fprintf(stderr, "infer: %s: there is no number '%s' to judge by\n", j->o.data,
                name ? name : "AP");
        status = CLI_BAD_INPUT;
    }
    if (status == CLI_OK) {
        if (name != j->room)
            snprintf(j->room, sizeof j->room, "%s", name);
        j->name = j->room;
        report_find(&judged.report, "pictures", &n);
        *pictures = (uint32_t)n;
    }
    judged_end(&judged);
    return status;
}

int quant_judge_begin(struct quantiser *q, const struct cli_args *args, infer_model *model,
                      const infer_preprocess *preprocess)
{
    uint32_t pictures;
    struct quant_judge *j = infer__region_calloc(&q->region, 1, sizeof *j);
    if (!j) {
        fprintf(stderr, "infer: no memory to judge by %s\n", cli_value(args, "data"));
        return CLI_RESOURCES;
    }
    j->args = args;
    j->model = model;
    j->preprocess = preprocess;
    j->name = cli_value(args, "measure");
    if (j->name && strlen(j->name) >= sizeof j->room)
        return cli_usage("--measure %s: a name of a number of infer eval is needed", j->name);
    j->o = (struct eval_options){.predictions = args->positional[0],
                                 .data = cli_value(args, "data"),
                                 .classes = cli_value(args, "classes"),
                                 .images = cli_value(args, "data-images"),
                                 .class_agnostic = cli_has(args, "class-agnostic"),
                                 .confidence = 0.5,
                                 .ignore = 255,
                                 .progress = q->options.bar ? quant_progress : NULL,
                                 .progress_ctx = q};
    if (!eval_kind(cli_value(args, "iou-type"), &j->o.kind))
        return CLI_USAGE;
    const int status = measure(j, model, 0, &j->quality, &pictures);
    q->judge = status == CLI_OK ? j : NULL;
    return status;
}

/* The model that is placed now, opened from memory. */
static infer_status judge_placed(struct quantiser *q, struct quant_score *score, void **bytes,
                                 infer_model **model, infer_error *err)
{
    struct quant_judge *j = q->judge;
    size_t size;
    TRY(quant_file(q, j->model, j->preprocess, bytes, &size, err));
    TRY(infer_load_memory(*bytes, size, NULL, model, err));
    const int status = measure(j, *model, 1, &score->quality, &score->judged);
    FAIL_IF(status != CLI_OK, status == CLI_RESOURCES ? INFER_ERROR_NO_MEMORY : INFER_ERROR_FORMAT,
            "the quantised model can't be judged by %.200s", j->o.data);
    score->measure = j->name;
    score->float_quality = j->quality;
    return INFER_OK;
}

infer_status quant_judge(struct quantiser *q, struct quant_score *score, infer_error *err)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model *model = NULL;
    void *bytes = NULL;
    const infer_status status = judge_placed(q, score, &bytes, &model, err);
    infer_model_free(&model);
    infer__free(&a, bytes);
    return status;
}

double quant_points(const struct quant_score *s)
{
    const double lost = s->float_quality - s->quality;
    return 100 * (eval_less_is_better(s->measure) ? -lost : lost);
}
