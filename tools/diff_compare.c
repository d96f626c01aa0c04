/* How far two tensors are apart. */
#include <math.h>
#include <string.h>

#include "tools/diff.h"
#include "tools/tensor_stats.h"

static int same_kind(const infer_tensor *a, const infer_tensor *b)
{
    int same = a->rank == b->rank && tensor_is_float(a->type) == tensor_is_float(b->type);
    for (int i = 0; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static double largest_of(const infer_tensor *t)
{
    double largest = 0;
    const size_t n = infer_tensor_elements(t);
    for (size_t i = 0; i < n; i++) {
        const double v = fabs(tensor_element(t, i));
        largest = isfinite(v) && v > largest ? v : largest;
    }
    return largest;
}

/* What is NaN on one side only, or another infinity, is infinitely apart. */
static double apart(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b)))
        return 0;
    const double d = fabs(a - b);
    return isnan(d) ? (double)INFINITY : d;
}

void diff_compare(const infer_tensor *a, const infer_tensor *b, const struct diff_tolerance *t,
                  struct diff_result *r)
{
    memset(r, 0, sizeof *r);
    r->type_a = a->type;
    r->type_b = b->type;
    r->rank_a = a->rank;
    r->rank_b = b->rank;
    memcpy(r->dims_a, a->dims, sizeof r->dims_a);
    memcpy(r->dims_b, b->dims, sizeof r->dims_b);
    r->elements = infer_tensor_elements(a);
    if (!same_kind(a, b)) {
        r->verdict = DIFF_OTHER_KIND;
        return;
    }
    const double in_a = largest_of(a), in_b = largest_of(b), largest = in_a > in_b ? in_a : in_b;
    const double allowed = tensor_is_float(a->type) ? t->atol + t->rtol * largest : t->steps;
    double squares = 0;
    for (size_t i = 0; i < r->elements; i++) {
        const double x = tensor_element(a, i), y = tensor_element(b, i), d = apart(x, y);
        squares += d * d;
        r->parted += d > allowed;
        if (d > r->max_abs || i == 0) {
            r->max_abs = d;
            r->at = i;
            r->a = x;
            r->b = y;
        }
    }
    r->verdict = r->parted ? DIFF_PARTS : DIFF_AGREES;
    r->max_rel = r->max_abs > 0 ? r->max_abs / (largest > 0 ? largest : 1e-300) : 0;
    r->rms = r->elements ? sqrt(squares / (double)r->elements) : 0;
}
