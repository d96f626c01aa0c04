#include "tools/eval/judge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"
#include "tools/eval/model.h"

int judged_begin(struct judged *j)
{
    *j = (struct judged){.model = calloc(1, sizeof *j->model)};
    infer__region_init(&j->view.region, NULL);
    if (j->model && report_begin(&j->report))
        return CLI_OK;
    fprintf(stderr, "infer: no memory for a report\n");
    return CLI_RESOURCES;
}

void judged_end(struct judged *j)
{
    if (j->report.doc)
        report_end(&j->report);
    infer__region_free(&j->view.region);
    if (j->model)
        eval_model_close(j->model);
    free(j->model);
    *j = (struct judged){0};
}

static int judge_model(const struct eval_options *o, struct judged *j)
{
    struct report *r = &j->report;
    struct eval_view *v = &j->view;
    const int32_t task = o->model->task;
    const int text = task == INFER_TASK_TEXT || task == INFER_TASK_TEXT_REGIONS;
    const int status = o->model->vectors            ? eval_vectors(o, r, v)
                       : task == INFER_TASK_DETECT  ? eval_detect(o, r, v)
                       : task == INFER_TASK_SEGMENT ? eval_masks(o, r, v)
                       : text                       ? eval_text(o, r, v)
                                                    : eval_scores(o, r, v);
    if (status == CLI_OK)
        report_count(r, r->root, "failed", o->model->failed);
    return status;
}

/* Whether the first line of a CSV file begins as that of infer read --csv. */
static int has_text(const char *path)
{
    static const char begin[] = "file,text,";
    char first[sizeof begin] = "";
    FILE *f = fopen(path, "r");
    const int read = f && fread(first, 1, sizeof begin - 1, f) == sizeof begin - 1;
    if (f)
        fclose(f);
    return read && strcmp(first, begin) == 0;
}

int eval_judge(const struct eval_options *o, struct judged *j)
{
    struct stat st;
    if (o->model)
        return judge_model(o, j);
    if (stat(o->predictions, &st) != 0) {
        fprintf(stderr, "infer: %s: can't be found\n", o->predictions);
        return CLI_BAD_INPUT;
    }
    if (S_ISDIR(st.st_mode))
        return eval_masks(o, &j->report, &j->view);
    if (cli_ends_with(o->predictions, ".json"))
        return eval_detect(o, &j->report, &j->view);
    if (o->vectors)
        return eval_vectors(o, &j->report, &j->view);
    if (cli_ends_with(o->predictions, ".csv") && has_text(o->predictions))
        return eval_text(o, &j->report, &j->view);
    if (cli_ends_with(o->predictions, ".csv"))
        return eval_scores(o, &j->report, &j->view);
    return cli_usage("%s: predictions are a .json or .csv file, or a folder", o->predictions);
}

int eval_kind(const char *text, enum detect_kind *kind)
{
    static const char *const names[] = {"bbox", "segm", "keypoints"};
    *kind = DETECT_BOX;
    for (int i = 0; text && i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *kind = (enum detect_kind)i;
            return 1;
        }
    if (text)
        cli_usage("--iou-type %s: bbox, segm or keypoints", text);
    return !text;
}

const char *eval_main_number(const struct report *r)
{
    static const char *const names[] = {"AP", "mIoU", "top1", "recall_at_1", "word_accuracy",
                                        "f1", NULL};
    for (const char *const *n = names; *n; n++)
        if (yyjson_mut_obj_get(r->stats, *n))
            return *n;
    return NULL;
}

int eval_less_is_better(const char *name)
{
    static const char *const names[] = {"ece",          "mce", "log_loss", "brier",
                                        "hamming_loss", "cer", NULL};
    for (const char *const *n = names; *n; n++)
        if (strcmp(name, *n) == 0)
            return 1;
    return 0;
}
