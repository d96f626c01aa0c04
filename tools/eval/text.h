/* Text in pictures: what it says, and where it is. */
#ifndef INFER_TOOLS_EVAL_TEXT_H
#define INFER_TOOLS_EVAL_TEXT_H

#include "tools/eval/names.h"

struct text_line {
    uint32_t picture;
    const char *text;  /* UTF-8; NULL: it is not known */
    double x[4], y[4]; /* corners, going round */
    int placed;        /* 1: there are corners */
    int ignored;       /* a true one that nobody has to read: "###" */
};

struct text_lines {
    struct text_line *items;
    uint32_t count, room;
};

struct text_set {
    struct infer__region *region;
    struct name_list pictures; /* ids are 0, 1 ... in the order in which they are met */
    struct text_lines truths, answers;
};

/* Reads the truth: a folder with a file of lines "x0,y0,...,x3,y3,text" for each picture
 * (gt_NAME.txt or NAME.txt, as ICDAR 2015 has them); a CSV file with a header, of which columns
 * file, text and x0 to y3 are taken, as infer read --csv writes it; or lines `picture, "text"`
 * (ICDAR 2013), or picture and text behind a tab or space. An exit status after a message. */
int read_text_truth(const char *path, struct text_set *set);
/* Recorded answers: such a CSV file. Pictures that the truth does not have are an error. */
int read_text_answers(const char *path, struct text_set *set);
infer_status text_add(struct text_set *set, struct text_lines *list, const struct text_line *line,
                      infer_error *err);

/* ---- measures ------------------------------------------------------------------------------- */

/* Characters of UTF-8; a byte that is none counts as one. */
uint32_t text_length(const char *text);
/* Fewest characters that are put in, taken out or replaced to make one text of the other
 * (Levenshtein, 1966). UINT32_MAX without memory. */
uint32_t text_distance(const char *a, const char *b);
/* Intersection over union of two convex quadrilaterals; 0 where one is none. */
double text_overlap(const struct text_line *a, const struct text_line *b);

/* What is counted of one picture. */
struct text_counts {
    double truths, answers, right; /* lines; right: at their place by an IoU above 0.5 */
    double words;                  /* right ones that say what they should */
    double letters, edits;         /* of the texts of right lines, and of missed ones */
    double alike, compared;        /* sum of 1 - edits / the longer text, and of how many */
};

/* Sets counts[i] of each picture, which are 0 before. Without places a picture is one line, the
 * answers' texts in their order with a space between. */
infer_status text_count(const struct text_set *set, int placed, struct text_counts *counts,
                        infer_error *err);

#endif
