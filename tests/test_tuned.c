/* Tuned plans: damage, whose plan it is, and that it decides. The section's bytes are the business
 * of test_file_tuned.c. */
#include "tests/small_net.h"
#include "tests/tuned_parts.h"

#include <math.h>

#include "infer_experimental.h"
#include "plan/select.h"
#include "plan/tuned.h"
#include "run/session.h"

enum { PICTURE = 3 * 17 * 13, MOST_ENTRIES = 64 };

struct fixture {
    struct bytes file; /* without a tuned plan */
    infer_model *model;
    struct infer__tuned_for here;
};

static int setup(void **state)
{
    static struct fixture f;
    infer_error err;
    f.file = small_net();
    OK(infer_load_memory(f.file.data, f.file.size, NULL, &f.model, &err));
    if (!infer__tuned_here(&f.here)) /* not x86-64: any name will do for what is not about it */
        memcpy(f.here.vendor, "none", 4);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    infer_model_free(&f->model);
    free(f->file.data);
    return 0;
}

/* ---- helpers -------------------------------------------------------------------------------- */

static infer_session *make(const infer_model *model, uint32_t threads, uint32_t no_tuned)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.threads = threads;
    o.no_tuned = no_tuned;
    check_ok(infer_session_create(model, &o, &s, &err), &err);
    return s;
}

static void run(infer_session *s, float scores[5])
{
    static float x[PICTURE];
    struct rng r = {3};
    infer_error err;
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {1, 3, 17, 13},
                       .data = x,
                       .bytes = sizeof x},
                 out[2] = {{0}};
    for (int i = 0; i < PICTURE; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
    check_ok(infer_run(s, &in, 1, out, 2, &err), &err);
    memcpy(scores, out[0].data, 5 * sizeof *scores);
}

/* One entry per task: of each kernel that serves it the last, the dearest by estimate. */
static uint32_t dearest(const infer_session *s, struct infer__tuned_entry *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->program->plan.nsteps; i++) {
        struct infer__candidate c[INFER__MOST_CANDIDATES];
        int count = infer__candidates(&s->program->plan.steps[i].task, c);
        uint64_t key = infer__task_key(&s->program->plan.steps[i].task);
        uint32_t k = 0;
        assert_true(count > 0 && n < MOST_ENTRIES);
        while (k < n && e[k].key != key)
            k++;
        n += k == n;
        e[k] = (struct infer__tuned_entry){key, c[count - 1].kernel->name,
                                           i % 2 ? INFER__TUNED_SERIAL : 0};
    }
    return n;
}

static uint32_t tuned_steps(const infer_session *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->program->plan.nsteps; i++)
        n += s->program->plan.steps[i].tuned;
    return n;
}

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

/* ---- damage --------------------------------------------------------------------------------- */

/* Every byte takes every value that differs in one bit, and a few more: the file is refused, or it
 * loads and gives a session that answers as before. */
static void test_damage(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[MOST_ENTRIES];
    infer_session *s = make(f->model, 1, 1);
    float want[5], got[5];
    size_t size = 0, loaded = 0, files = 0;
    run(s, want);
    struct part p = tuned_part(&f->here, e, dearest(s, e));
    struct bytes b = with_plans(&f->file, &p, 1);
    size_t at = section_at(b.data, INFER__SECTION_TUNED, &size);
    infer_session_free(&s);
    for (size_t i = 0; i < size * 10; i++) {
        struct bytes c = {exact_copy(b.data, b.size), b.size};
        unsigned char *p8 = c.data + at + i / 10;
        *p8 = (unsigned char)(i % 10 < 8 ? *p8 ^ 1u << i % 10 : i % 10 == 8 ? 0 : 0xFF);
        reseal(c.data, c.size);
        infer_model *m;
        infer_error err;
        infer_status status = infer_load_memory(c.data, c.size, NULL, &m, &err);
        files++;
        assert_true(status == INFER_OK || status == INFER_ERROR_FORMAT);
        if (status == INFER_OK) {
            loaded++;
            s = make(m, 1, 0);
            run(s, got);
            for (int k = 0; k < 5; k++)
                assert_true(fabsf(got[k] - want[k]) < 1e-5f);
            infer_session_free(&s);
        }
        infer_model_free(&m);
        free(c.data);
    }
    printf("%zu files, %zu of them load\n", files, loaded);
    assert_true(loaded > 0 && loaded < files);
    free(b.data);
}

/* ---- what it decides ------------------------------------------------------------------------ */

static void test_choices_are_used(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[MOST_ENTRIES];
    struct infer__tuned_for any;
    float want[5], got[2][5];
    if (!infer__tuned_here(&any))
        skip();
    infer_session *untuned = make(f->model, 1, 0);
    uint32_t n = dearest(untuned, e), differ = 0;
    struct part p = tuned_part(&f->here, e, n);
    struct bytes b = with_plans(&f->file, &p, 1);
    infer_model *m = load(&b);
    run(untuned, want);
    assert_int_equal(tuned_steps(untuned), 0);
    for (uint32_t threads = 1; threads <= 2; threads++) {
        infer_session *s = make(m, threads, 0);
        assert_int_equal(tuned_steps(s), s->program->plan.nsteps);
        for (uint32_t i = 0; i < s->program->plan.nsteps; i++) {
            struct infer__candidate c[INFER__MOST_CANDIDATES];
            int count = infer__candidates(&s->program->plan.steps[i].task, c);
            infer_step_info info = INFER_STEP_INFO_INIT, before = INFER_STEP_INFO_INIT;
            OK(infer_session_step(s, i, &info, NULL));
            OK(infer_session_step(untuned, i, &before, NULL));
            assert_string_equal(info.kernel, c[count - 1].kernel->name);
            differ += strcmp(info.kernel, before.kernel) != 0;
        }
        run(s, got[threads - 1]);
        infer_session_free(&s);
    }
    assert_true(differ > 0);
    assert_memory_equal(got[0], got[1], sizeof got[0]); /* whatever the number of threads */
    for (int k = 0; k < 5; k++)
        assert_true(fabsf(got[0][k] - want[k]) < 1e-5f);
    infer_session *s = make(m, 1, 1); /* no_tuned */
    assert_int_equal(tuned_steps(s), 0);
    infer_session_free(&s);
    infer_session_free(&untuned);
    infer_model_free(&m);
    free(b.data);
}

static void test_foreign_plans_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[MOST_ENTRIES];
    infer_session *untuned = make(f->model, 1, 0);
    for (size_t byte = 0; byte < sizeof f->here; byte++) {
        struct infer__tuned_for by = f->here;
        ((unsigned char *)&by)[byte] ^= 1;
        uint32_t n = dearest(untuned, e);
        struct part p = tuned_part(&by, e, n);
        struct bytes b = with_plans(&f->file, &p, 1);
        infer_model *m = load(&b);
        infer_session *s = make(m, 1, 0);
        assert_int_equal(tuned_steps(s), 0);
        for (uint32_t i = 0; i < s->program->plan.nsteps; i++)
            assert_ptr_equal(s->program->plan.steps[i].kernel,
                             untuned->program->plan.steps[i].kernel);
        infer_session_free(&s);
        infer_model_free(&m);
        free(b.data);
    }
    infer_session_free(&untuned);
}

/* Names of no kernel, and of kernels that do not serve the task. */
static void test_wrong_names_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct infer__tuned_entry e[MOST_ENTRIES];
    infer_session *untuned = make(f->model, 1, 0);
    float want[5], got[5];
    run(untuned, want);
    for (const struct infer__kernel *const *k = infer__kernels;; k++) {
        uint32_t n = dearest(untuned, e), wrong = 0;
        for (uint32_t i = 0; i < n; i++)
            e[i].kernel = *k ? (*k)->name : "no_such_kernel";
        struct part p = tuned_part(&f->here, e, n);
        struct bytes b = with_plans(&f->file, &p, 1);
        infer_model *m = load(&b);
        infer_session *s = make(m, 1, 0);
        for (uint32_t i = 0; i < s->program->plan.nsteps; i++) {
            const struct infer__step *step = &s->program->plan.steps[i];
            wrong += !step->tuned;
            if (!step->tuned)
                assert_ptr_equal(step->kernel, untuned->program->plan.steps[i].kernel);
            else
                assert_ptr_equal(step->kernel, *k);
        }
        assert_true(wrong > 0);
        run(s, got);
        for (int i = 0; i < 5; i++)
            assert_true(fabsf(got[i] - want[i]) < 1e-5f);
        infer_session_free(&s);
        infer_model_free(&m);
        free(b.data);
        if (!*k)
            break;
    }
    infer_session_free(&untuned);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    struct fixture *f = *state;
    infer_session *one = make(f->model, 1, 0), *two = make(f->model, 2, 0);
    for (uint32_t i = 0; i < one->program->plan.nsteps; i++) {
        struct infer__task t = one->program->plan.steps[i].task;
        uint64_t key = infer__task_key(&t);
        assert_true(key ==
                    infer__task_key(&two->program->plan.steps[i].task)); /* threads do not count */
        struct infer__operand in[8];
        assert_true(t.nin > 0 && t.nin <= 8);
        memcpy(in, t.in, t.nin * sizeof *in);
        t.in = in;
        in[0].data = &in;
        assert_true(key == infer__task_key(&t)); /* nor where the data lies */
        in[t.nin - 1].dims[0]++;
        assert_true(key != infer__task_key(&t));
        in[t.nin - 1].dims[0]--;
        in[0].type++;
        assert_true(key != infer__task_key(&t));
        in[0].type--;
        in[0].clast ^= 1;
        assert_true(key != infer__task_key(&t));
        in[0].clast ^= 1;
        t.epi.beta += 1;
        assert_true(key != infer__task_key(&t));
        t.epi.beta -= 1;
        t.p.window.stride[1]++;
        assert_true(key != infer__task_key(&t));
        t.p.window.stride[1]--;
        t.isa--;
        assert_true(key != infer__task_key(&t));
        t.isa++;
        t.onednn ^= 1;
        assert_true(key != infer__task_key(&t));
        t.onednn ^= 1;
        assert_true(key == infer__task_key(&t));
    }
    infer_session_free(&one);
    infer_session_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_choices_are_used),
        cmocka_unit_test(test_foreign_plans_are_ignored),
        cmocka_unit_test(test_wrong_names_are_ignored),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
