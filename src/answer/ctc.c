#include "answer/ctc.h"

#include <math.h>
#include <string.h>

/* The best class of a step; -1 where none is. */
static int64_t best_of(const float *scores, int64_t classes)
{
    float most = -INFINITY;
    int64_t best = -1;
    for (int64_t c = 0; c < classes; c++)
        if (scores[c] > most || (best < 0 && scores[c] == most)) {
            most = scores[c];
            best = c;
        }
    return best;
}

/* `written`: bytes that are there; SIZE_MAX once something did not fit. */
static void append(infer_text *text, const char *label, size_t *written)
{
    const size_t n = strlen(label);
    text->length += n;
    if (*written == SIZE_MAX || n >= text->room - *written) {
        *written = SIZE_MAX;
        return;
    }
    memcpy(text->text + *written, label, n + 1);
    *written += n;
}

void infer__ctc_read(const struct infer__steps *s, infer__label_of *label, const void *ctx,
                     infer_text *text)
{
    size_t written = text->room ? 0 : SIZE_MAX;
    int64_t before = s->blank;
    double sum = 0;
    if (text->room)
        text->text[0] = 0;
    text->length = 0;
    text->count = 0;
    for (int64_t i = 0; i < s->steps; i++) {
        const float *scores = s->data + i * s->classes;
        const int64_t best = best_of(scores, s->classes);
        const char *name =
            best >= 0 && best != s->blank && best != before ? label(ctx, best) : NULL;
        before = best;
        if (!name)
            continue;
        append(text, name, &written);
        sum += (double)scores[best];
        text->count++;
    }
    text->score = text->count ? (float)(sum / text->count) : 0;
}
