#include "answer/motion.h"

enum { X, Y, RATIO, HEIGHT, AXES };

/* Deviations in heights of the box, of ByteTrack: Zhang et al., "ByteTrack: Multi-Object Tracking
 * by Associating Every Detection Box" (2022). */
static const double of_position = 1.0 / 20, of_velocity = 1.0 / 160;

static void read(const infer_box *b, double z[AXES])
{
    const double w = (double)b->x1 - (double)b->x0, h = (double)b->y1 - (double)b->y0;
    z[X] = ((double)b->x0 + (double)b->x1) / 2;
    z[Y] = ((double)b->y0 + (double)b->y1) / 2;
    z[RATIO] = w / h;
    z[HEIGHT] = h;
}

static double square(double x)
{
    return x * x;
}

void infer__motion_begin(struct infer__motion *m, const infer_box *b)
{
    double z[AXES];
    read(b, z);
    *m = (struct infer__motion){0};
    for (int k = 0; k < AXES; k++) {
        m->axis[k].at = z[k];
        m->axis[k].pp = square(k == RATIO ? 1e-2 : 2 * of_position * z[HEIGHT]);
        m->axis[k].vv = square(k == RATIO ? 1e-5 : 10 * of_velocity * z[HEIGHT]);
    }
}

/* F = (1 1; 0 1): P = F P F' + Q. */
void infer__motion_predict(struct infer__motion *m, int hidden)
{
    const double h = m->axis[HEIGHT].at;
    if (hidden)
        m->axis[HEIGHT].by = 0;
    for (int k = 0; k < AXES; k++) {
        m->axis[k].at += m->axis[k].by;
        m->axis[k].pp += 2 * m->axis[k].pv + m->axis[k].vv;
        m->axis[k].pp += square(k == RATIO ? 1e-2 : of_position * h);
        m->axis[k].pv += m->axis[k].vv;
        m->axis[k].vv += square(k == RATIO ? 1e-5 : of_velocity * h);
    }
}

/* H = (1 0): K = P H' / (H P H' + R), x = x + K (z - H x), P = P - K H P. */
void infer__motion_correct(struct infer__motion *m, const infer_box *b)
{
    const double h = m->axis[HEIGHT].at;
    double z[AXES];
    read(b, z);
    for (int k = 0; k < AXES; k++) {
        const double pp = m->axis[k].pp, pv = m->axis[k].pv;
        const double sum = pp + square(k == RATIO ? 1e-1 : of_position * h);
        const double error = z[k] - m->axis[k].at;
        m->axis[k].at += pp / sum * error;
        m->axis[k].by += pv / sum * error;
        m->axis[k].pp -= pp / sum * pp;
        m->axis[k].vv -= pv / sum * pv;
        m->axis[k].pv -= pp / sum * pv;
    }
}

void infer__motion_box(const struct infer__motion *m, infer_box *b)
{
    const double h = m->axis[HEIGHT].at, w = m->axis[RATIO].at * h;
    b->x0 = (float)(m->axis[X].at - w / 2);
    b->x1 = (float)(m->axis[X].at + w / 2);
    b->y0 = (float)(m->axis[Y].at - h / 2);
    b->y1 = (float)(m->axis[Y].at + h / 2);
}
