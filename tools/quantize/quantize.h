/* The quantiser behind `infer quantize`: a float graph becomes one with QuantizeLinear and
 * DequantizeLinear around what is to run in integers.
 *
 *   samples.c, truths.c   pictures and right answers
 *   capture.c             values inside a graph, on samples
 *   equalise.c            channels of one range, before anything else
 *   calibrate.c, ranges.c a range for every tensor
 *   place.c               which nodes become integer steps, and which values integers
 *   emit.c, weights.c     the graph with its pairs of nodes, weights in one byte each
 *   measure.c             what quantising does to every step; bias correction
 *   judge.c               how good answers are by a truth, as infer eval measures it
 *   search.c, speed.c     steps put back to float: for accuracy, for speed
 *   report*.c             what came of it
 */
#ifndef INFER_TOOLS_QUANTIZE_QUANTIZE_H
#define INFER_TOOLS_QUANTIZE_QUANTIZE_H

#include "file/model.h"
#include "tools/quantize/capture.h"
#include "tools/quantize/ranges.h"

/* What becomes of a node. */
enum quant_kind {
    QUANT_FLOAT = 0,
    QUANT_DENSE,  /* Conv, Gemm, MatMul with constant weights */
    QUANT_BINARY, /* Add, Sub, Mul */
    QUANT_TABLE,  /* a function of one operand; x * Sigmoid(x) is one node, its Mul */
    QUANT_POOL,   /* averages */
    QUANT_CONCAT,
    QUANT_MOVE, /* the same integers elsewhere: scale and zero point go through */
    QUANT_INNER /* part of another node's step: an activation behind it, the Sigmoid of a Silu */
};

struct quant_node {
    uint8_t kind;
    uint8_t keep_float; /* set from outside: not to be quantised, for `reason` */
    const char *reason; /* why it stays float; NULL where it does not */
    uint32_t tail;      /* the last node of its step: itself, or the Relu or Clip behind it */
    uint32_t operand;   /* QUANT_TABLE: the one operand */
    float *fix;         /* QUANT_DENSE: what is taken off the bias, per output channel; or NULL */
    uint32_t channels;  /* QUANT_DENSE: output channels */
    const int8_t *rounded; /* QUANT_DENSE: weights and scales of rounding.c, or NULL */
    const float *scales;
    double alone_snr, alone_cosine; /* dB; only this step quantised */
    double snr, cosine;             /* the whole network quantised */
};

/* What is known of a value. */
struct quant_tensor {
    uint8_t wanted;     /* a range is needed */
    uint8_t integer;    /* made as integers, by a quantised node */
    uint8_t method;     /* enum calibration, the one chosen */
    uint32_t root;      /* the value whose scale and zero point it has: itself but behind moves */
    struct range seen;  /* in the calibration pictures */
    struct range range; /* chosen */
    struct histogram *histogram;
    struct range tried[CALIBRATE_METHODS];
    double error[CALIBRATE_METHODS]; /* squared, summed, on the pictures that were kept back */
    double power;                    /* sum of squares on them */
    uint64_t samples;                /* elements of them */
    struct quant_params params;
};

struct quant_options {
    int calibration; /* enum calibration */
    int equalise, adapt, correct_bias;
    double max_drop; /* points; negative: not limited */
    int all_int8;
    uint32_t threads;
    int bar; /* 1: progress on standard error */
};

/* What a comparison with the float network said. */
struct quant_score {
    uint32_t pictures;
    int labelled;   /* 1: correct counts right answers, else agreement with the float network */
    int classifier; /* 0: without labels only the cosine means something */
    uint32_t correct;
    uint32_t float_correct; /* of the float network: all of them where there are no labels */
    double cosine;          /* of all outputs, mean over pictures */
    const char *measure;    /* the number of --data's evaluation, or NULL: the next are not set */
    double quality, float_quality;
    uint32_t judged; /* pictures of it */
};

/* One try of the search. */
struct quant_try {
    const char *what;
    uint32_t steps;             /* put back to float */
    double drop;                /* points that are then lost; of a try for accuracy */
    double before_ms, after_ms; /* of a try for speed, else 0 */
    int kept;
};

/* QUANT_MOST_MEASURED: pictures that are enough to measure errors with. */
enum { QUANT_MOST_TRIES = 64, QUANT_MOST_MEASURED = 32 };

struct quant_judge;
struct cli_args;

struct quantiser {
    struct quant_options options;
    struct infer__region region;
    struct samples samples;
    struct infer__graph graph;    /* in float; equalised */
    struct infer__graph shaped;   /* the same with shapes */
    struct quant_node *nodes;     /* per node of `graph` */
    struct quant_tensor *tensors; /* per value of `graph` */
    uint32_t *uses, *producer;    /* per value: readers (outputs count), node + 1 */
    uint8_t *is_output;
    uint8_t *inside;           /* per value: 1: of a branch or loop, which stays float */
    uint32_t equalised;        /* pairs of layers */
    uint32_t corrected;        /* layers with corrected biases */
    int classifier;            /* 1: the first output has a score for each class */
    struct quant_judge *judge; /* NULL without --data */
    struct quant_score score;  /* of what is written */
    double float_ms, int8_ms;  /* medians of a run, in turns; 0: not measured */
    struct quant_try tries[QUANT_MOST_TRIES];
    uint32_t ntries;
    double start_ms;
};

/* ---- the way through ------------------------------------------------------------------------ */

/* Makes `q` of a model's graph; samples and options are set. */
infer_status quant_begin(struct quantiser *q, const struct infer__graph *g, infer_error *err);
void quant_end(struct quantiser *q);
void quant_progress(void *quantiser, const char *what, double part);
void quant_progress_end(struct quantiser *q);

/* equalise.c: rewrites weights so that channels have ranges alike; the network computes the same.
 */
infer_status quant_equalise(struct quantiser *q, infer_error *err);

/* place.c: decides kinds, tails, roots and which values are integers, from `keep_float`. */
void quant_place(struct quantiser *q);
/* The operand that carries the data (0), or every operand of Add, Mul and Concat. */
uint32_t quant_operands(const struct quantiser *q, uint32_t node, uint32_t *first);
const char *quant_kind_name(int kind);
/* 1 for a node that is a step of its own in the report: quantised, or float for a reason. */
int quant_is_step(const struct quantiser *q, uint32_t node);
/* The value that a step makes: its tail's first output. */
uint32_t quant_result(const struct quantiser *q, uint32_t node);

/* calibrate.c: ranges, histograms and parameters of all wanted tensors. */
infer_status quant_calibrate(struct quantiser *q, infer_error *err);

/* rounding.c: weights that make good for each other's rounding. */
infer_status quant_round(struct quantiser *q, infer_error *err);

/* measure.c */
infer_status quant_measure_alone(struct quantiser *q, infer_error *err);
infer_status quant_measure_whole(struct quantiser *q, infer_error *err);
/* Takes the mean error of every output channel, on float inputs, off its bias. */
infer_status quant_correct(struct quantiser *q, infer_error *err);

/* search.c: compares the graph as it is placed now with the float one. */
infer_status quant_evaluate(struct quantiser *q, struct quant_score *score, infer_error *err);
double quant_drop(const struct quant_score *score); /* points */
/* Keeps a step in float for a reason, or no longer (NULL); quant_place follows. */
void quant_put_back(struct quantiser *q, uint32_t node, const char *reason);
/* Puts back the fewest steps that keep the drop within options.max_drop. */
infer_status quant_search(struct quantiser *q, infer_error *err);

/* judge.c: measures the float model by --data, whose options `args` has: model and arguments are to
 * live as long as the quantiser. An exit status after a message. From then on quant_evaluate
 * measures what is placed. */
int quant_judge_begin(struct quantiser *q, const struct cli_args *args, infer_model *model,
                      const infer_preprocess *preprocess);
/* Sets the numbers of --data, for what is placed now. */
infer_status quant_judge(struct quantiser *q, struct quant_score *score, infer_error *err);
/* Points of them that are lost. */
double quant_points(const struct quant_score *s);

/* speed.c: puts back what is faster in float, unless options.all_int8, and times the result. */
infer_status quant_speed(struct quantiser *q, infer_error *err);
/* Two graphs run in turns. */
struct quant_race {
    double a_ms, b_ms; /* medians */
    double ratio;      /* of b's time to a's in one turn: median */
    double won;        /* share of turns in which b was faster */
};
infer_status quant_race(struct quantiser *q, const struct infer__graph *a,
                        const struct infer__graph *b, struct quant_race *race, infer_error *err);

/* quantize_file.c: the file of what is placed now; labels and sections are the model's,
 * preprocessing too where it is NULL. *bytes is to be freed with infer__free. */
infer_status quant_file(struct quantiser *q, const infer_model *model,
                        const infer_preprocess *preprocess, void **bytes, size_t *size,
                        infer_error *err);

/* ---- emit.c --------------------------------------------------------------------------------- */

enum quant_form {
    QUANT_FINAL, /* the quantised graph alone */
    QUANT_WHOLE, /* behind the float graph, from the same input */
    QUANT_ALONE  /* behind the float graph, every step on its own, from float values */
};

struct quant_emitted {
    struct infer__graph graph;
    uint32_t *result; /* per value of the float graph: its counterpart in f32, 0: none */
    uint32_t *raw;    /* the same of values inside a step: before the activation */
};

infer_status quant_emit(const struct quantiser *q, enum quant_form form,
                        struct infer__region *region, struct quant_emitted *out, infer_error *err);

/* ---- weights.c ------------------------------------------------------------------------------ */

/* Axis of output channels of the weights of a dense node; -1: it can't be quantised. */
int quant_weight_axis(const struct infer__graph *g, const struct infer__node *n);
/* Scales per output channel, symmetric, for s8; `bias` (or NULL) must fit s32 in scale x * w. */
void quant_weight_scales(const float *w, int64_t outer, int64_t channels, int64_t inner,
                         const float *bias, float x_scale, float *scales);
void quant_weights_s8(const float *w, int64_t outer, int64_t channels, int64_t inner,
                      const float *scales, int8_t *q);
void quant_bias_s32(const float *bias, int64_t channels, float x_scale, const float *scales,
                    int32_t *q);

#endif
