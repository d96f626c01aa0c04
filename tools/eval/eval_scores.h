/* What the evaluations of classifiers share. */
#ifndef INFER_TOOLS_EVAL_EVAL_SCORES_H
#define INFER_TOOLS_EVAL_EVAL_SCORES_H

#include "tools/eval/eval.h"
#include "tools/eval/scores.h"

/* What is taken of a class's curve; NaN where it has none. */
struct class_curve {
    double auc, ap, best_f1, best_threshold;
};

struct classification {
    const struct eval_options *o;
    struct report *report;
    struct infer__region *region; /* the view's */
    struct scores scores;
    struct name_list files;     /* pictures of the rows, where a model has answered */
    struct class_curve *curves; /* of each class */
    struct class_curve all;     /* with several to a picture: of all classes together */
    int probable;               /* all scores are of 0 to 1 */
};

/* Reports what is known of a class's curve; and the means over classes. */
void eval_put_curve(struct report *r, yyjson_mut_val *row, const struct class_curve *curve);
void eval_put_curve_means(struct classification *c);
/* The rest of the report and of the view: one class to a picture, or several. */
int eval_one_class(struct classification *c, struct eval_view *v);
int eval_several_classes(struct classification *c, struct eval_view *v);

#endif
