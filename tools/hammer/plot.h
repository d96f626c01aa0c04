/* A small plot in SVG: lines over two axes, each of which may be logarithmic. */
#ifndef INFER_TOOLS_HAMMER_PLOT_H
#define INFER_TOOLS_HAMMER_PLOT_H

#include <stdio.h>

enum { PLOT_WIDTH = 820, PLOT_HEIGHT = 300, PLOT_LEFT = 70, PLOT_TOP = 34, PLOT_BOTTOM = 46 };
enum { PLOT_RIGHT = 150 }; /* where lines have their names */

struct plot {
    FILE *f;
    double top; /* where it stands in the picture */
    double x0, x1, y0, y1;
    int log_y;
    int lines;   /* so far: they get colours in turn */
    int started; /* points of the line that is being drawn */
};

/* Axes with a title and what x and y are. Labels of x are the caller's, by plot_tick. y0 and y1
 * are rounded outwards, to powers of ten where it is logarithmic. */
void plot_begin(struct plot *p, const char *title, const char *x, const char *y);
void plot_tick(struct plot *p, double x, const char *label);
/* A line point by point; NaN breaks it. */
void plot_line(struct plot *p, const char *name, int dashed);
void plot_point(struct plot *p, double x, double y);
void plot_line_end(struct plot *p);
/* Marks x over the whole height. */
void plot_mark(struct plot *p, double x);

#endif
