#include "tools/box_command.h"

#include <stdlib.h>

#include "base/memory.h"
#include "tools/convert.h"
#include "tools/read_file.h"
#include "tools/task.h"

/* Who is who: those that are followed get their ids. */
static infer_status follow(struct box_command *c, struct detected *a, infer_error *err)
{
    return c->tracker ? infer_tracker_update(c->tracker, a->boxes, a->found, a->ids, err)
                      : INFER_OK;
}

static int draw(struct box_command *c, struct frame *f, struct detected *a)
{
    infer_image image;
    infer_error err;
    if (frame_image(f, &image, &err) != INFER_OK)
        return cli_fail(f->name, &err);
    detector_paint(&c->d, &image, a);
    const int status = draw_out_write(&c->out, frames_rate(c->frames), &image, f->name, &a->drawn);
    infer_image_free(&image);
    return status;
}

static int one(void *ctx, struct frame *f, long index)
{
    struct box_command *c = ctx;
    struct detected a = {0};
    infer_error err = f->err;
    int status = CLI_OK;
    (void)index;
    if (err.status == INFER_OK &&
        (detector_run(&c->d, &f->picture, &a, &err) != INFER_OK || follow(c, &a, &err) != INFER_OK))
        status = cli_fail(f->name, &err);
    if (err.status == INFER_OK && c->out.where)
        status = draw(c, f, &a);
    const int told = box_writer_add(&c->w, f, &a, &err);
    detected_free(&a);
    return status > told ? status : told;
}

static int run_all(struct box_command *c, const struct cli_args *args)
{
    long failed = 0;
    int status = frames_open(args, 1, &c->frames);
    if (status == CLI_OK && (status = box_writer_begin(&c->w, args, &c->d)) == CLI_OK) {
        status = frames_each(c->frames, one, c, &failed);
        if (c->w.form != BOX_JSON)
            frames_tell_failed(c->frames, failed);
        status = box_writer_end(&c->w, status, failed);
    }
    frames_close(&c->frames);
    return status;
}

static int begin(struct box_command *c, const struct cli_args *args)
{
    struct detector *d = &c->d;
    long most;
    if (!cli_int(args, "most", 1, 100000, 300, &most))
        return CLI_USAGE;
    d->most = (size_t)most;
    d->fast = cli_has(args, "fast-decode");
    if (cli_has(args, "labels") &&
        !(d->labels = read_lines(cli_value(args, "labels"), &d->nlabels)))
        return CLI_BAD_INPUT;
    d->masks = cli_has(args, "draw") || cli_has(args, "coco");
    int status = c->check ? c->check(c, args) : CLI_OK;
    if (status == CLI_OK)
        status = detector_begin(d, args->positional[0]);
    if (status == CLI_OK)
        status = draw_out_open(&c->out, cli_value(args, "draw"));
    if (status != CLI_OK)
        return status;
    status = run_all(c, args);
    const int closed = draw_out_close(&c->out);
    return status ? status : closed;
}

/* What could not be opened may be for another command. */
static int tell_task(const char *path, int status)
{
    const int32_t task = status == CLI_BAD_INPUT ? task_guess(path) : INFER_TASK_NONE;
    if (task == INFER_TASK_NONE || task == INFER_TASK_DETECT)
        return status;
    return cli_usage("%s: its answers are %s, not boxes: %s is for it", path, task_answers(task),
                     task_command(task));
}

int box_command_run(struct box_command *c, const struct cli_args *args)
{
    struct detector *d = &c->d;
    void *bytes = NULL;
    struct convert_options o = {.task = cli_has(args, "task") ? cli_value(args, "task") : "auto",
                                .preprocess = c->preprocess};
    const int good = session_args_parse(args, &d->session_args) &&
                     cli_float(args, "score", 0, 1, c->score, &d->score) &&
                     cli_float(args, "iou", 0, 1, 0, &d->iou);
    o.shapes = d->session_args.shapes;
    o.nshapes = d->session_args.nshapes;
    int status = good ? open_model_with(args->positional[0], &o, &d->model, &bytes) : CLI_USAGE;
    infer_model *opened = d->model;
    if (opened)
        status = begin(c, args);
    else if (good)
        status = tell_task(args->positional[0], status);
    detector_free(d);
    infer_model_free(&opened);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
