/* What a damaged model file must come to: an error that says what is wrong, or a model of which a
 * session can be asked for and which, if there is one, runs once. Nothing is left behind, and
 * nothing takes more than INFER_CASE_SECONDS. */
#ifndef TESTS_RELIABILITY_MODEL_RUN_H
#define TESTS_RELIABILITY_MODEL_RUN_H

#include <signal.h>
#include <unistd.h>

#include "infer_vision.h"
#include "tests/reliability/check.h"
#include "tests/small_net.h"
#include "tools/random_fill.h"

enum { INFER_CASE_SECONDS = 60 };

/* Limits that small files keep by far, so that damage which asks for much is refused soon. */
#define MODEL_TENSOR_BYTES (UINT64_C(16) << 20)
#define MODEL_ARENA_BYTES (UINT64_C(32) << 20)

struct model_run {
    struct check check;
    char what[160]; /* the case, for a message */
    infer_isa isa;
    int load_only;
    FILE *answers; /* where the bytes of the outputs go, or NULL */
    uint64_t loads, loaded, sessions, runs;
    double most_memory; /* of loading, beyond 64 KiB, in bytes per byte of the file */
};

/* What a load may take: docs/format.md. */
enum { LOAD_FACTOR = 8, LOAD_BASE = 64 * 1024 };

static struct model_run *model_run_now; /* for the alarm */

static void model_run_hangs(int number)
{
    (void)number; /* nothing can be repaired here: say which case it was, and end */
    static const char told[] = ": this case takes more than 60 s\n";
    if (write(2, model_run_now->what, strlen(model_run_now->what)) < 0 ||
        write(2, told, sizeof told - 1) < 0)
        _exit(3);
    _exit(1);
}

FIXTURE void model_run_init(struct model_run *r, const char *title)
{
    *r = (struct model_run){.check = {title, 0}, .isa = INFER_ISA_C};
    model_run_now = r;
    signal(SIGALRM, model_run_hangs);
}

/* An error is one that a file can be blamed for. */
static void model_run_error(struct model_run *r, infer_status status, const infer_error *err,
                            uint64_t size)
{
    if (status == INFER_ERROR_INTERNAL || status == INFER_ERROR_NO_MEMORY ||
        status == INFER_ERROR_ARGUMENT)
        check_failed(&r->check, "%s: %s: %s", r->what, infer_status_name(status), err->message);
    if (err->status != status || !err->message[0] || err->offset > size)
        check_failed(&r->check, "%s: an error that says %s, byte %llu, '%s'", r->what,
                     infer_status_name(err->status), (unsigned long long)err->offset, err->message);
}

/* Free dimensions become 1 and, behind the first, 5. */
static infer_session *model_run_session(struct model_run *r, const infer_model *m)
{
    enum { MOST = 16 };
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec[MOST];
    infer_session *s = NULL;
    infer_error err;
    o.threads = 1;
    o.isa = r->isa;
    o.no_onednn = 1;
    o.max_memory_bytes = MODEL_ARENA_BYTES;
    o.inputs = spec;
    for (size_t i = 0; i < infer_model_inputs(m) && o.ninputs < MOST; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        if (infer_model_input(m, i, &info, NULL) != INFER_OK || !info.free_dims)
            continue;
        infer_input_spec *to = &spec[o.ninputs++];
        *to = (infer_input_spec){.name = info.name, .rank = info.rank};
        for (int k = 0; k < info.rank; k++)
            to->dims[k] = !(info.free_dims >> k & 1) ? info.dims[k] : k ? 5 : 1;
    }
    infer_status status = infer_session_create(m, &o, &s, &err);
    if ((status == INFER_OK) != (s != NULL))
        check_failed(&r->check, "%s: a status without its session", r->what);
    /* two inputs of one name can't be told apart: the shapes are the caller's mistake then */
    if (status != INFER_OK && status != INFER_ERROR_ARGUMENT)
        model_run_error(r, status, &err, UINT64_MAX);
    return s;
}

static void model_run_once(struct model_run *r, infer_session *s)
{
    size_t nin = infer_session_inputs(s), nout = infer_session_outputs(s);
    infer_tensor *in = calloc(nin + 1, sizeof *in), *out = calloc(nout + 1, sizeof *out);
    infer_error err;
    for (size_t i = 0; i < nin; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(s, i, &info, NULL);
        in[i].type = info.type;
        in[i].rank = info.rank;
        memcpy(in[i].dims, info.dims, sizeof info.dims);
        in[i].bytes = infer_tensor_elements(&in[i]) * infer_type_size(info.type);
        in[i].data = malloc(in[i].bytes ? in[i].bytes : 1);
        if (!in[i].data)
            fail_msg("no memory for an input of %zu bytes", in[i].bytes);
        random_fill(&in[i], i + 1);
    }
    infer_status status = infer_run(s, in, nin, out, nout, &err);
    if (status != INFER_OK)
        check_failed(&r->check, "%s: a session that can't be run: %s: %s", r->what,
                     infer_status_name(status), err.message);
    for (size_t i = 0; i < nout && status == INFER_OK; i++) {
        infer__checksum(out[i].data, out[i].bytes); /* every byte of the answers is there */
        if (r->answers)
            fwrite(out[i].data, 1, out[i].bytes, r->answers);
    }
    for (size_t i = 0; i < nin; i++)
        free(in[i].data);
    free(in);
    free(out);
}

static void model_run_model(struct model_run *r, const infer_model *m)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    touch_model(m);
    infer_status status = infer_model_preprocess(m, &p, &err);
    if (status != INFER_OK && status != INFER_ERROR_UNSUPPORTED) /* no section of that kind */
        model_run_error(r, status, &err, UINT64_MAX);
    if (r->load_only)
        return;
    infer_session *s = model_run_session(r, m);
    if (s) {
        r->sessions++;
        model_run_once(r, s);
        r->runs++;
    }
    infer_session_free(&s);
}

/* Loads the bytes, which lie in a block of exactly their size, and goes on as far as they allow.
 * Returns what loading said. The case is in r->what. */
static infer_status model_run(struct model_run *r, const struct bytes *b)
{
    struct counter counter;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m = (infer_model *)r; /* a failure must clear it */
    infer_error err;
    alarm(INFER_CASE_SECONDS);
    o.allocator = counting(&counter);
    o.verify = 1; /* else damage of packed weights goes unseen, and of the weights behind them */
    o.max_tensor_bytes = MODEL_TENSOR_BYTES;
    o.max_nodes = o.max_values = r->load_only ? UINT32_MAX : 0; /* the bound is not theirs */
    infer_status status = infer_load_memory(b->data, b->size, &o, &m, &err);
    r->loads++;
    double most = counter.peak > LOAD_BASE ? (double)(counter.peak - LOAD_BASE) : 0;
    if (most > LOAD_FACTOR * (double)b->size)
        check_failed(&r->check, "%s: loading %zu bytes takes %zu", r->what, b->size, counter.peak);
    if (b->size && most / (double)b->size > r->most_memory)
        r->most_memory = most / (double)b->size;
    if ((status == INFER_OK) != (m != NULL))
        check_failed(&r->check, "%s: %s, but a model is %s", r->what, infer_status_name(status),
                     m ? "there" : "missing");
    if (status != INFER_OK) {
        model_run_error(r, status, &err, b->size);
    } else {
        r->loaded++;
        model_run_model(r, m);
    }
    infer_model_free(&m);
    if (counter.blocks)
        check_failed(&r->check, "%s: %zu blocks of memory are left", r->what, counter.blocks);
    return status;
}

#endif
