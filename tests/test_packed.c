/* Sessions with packed weights in the file: used in place, the same bits, none where they do not
 * fit, and no harm from whatever stands there. The section's bytes are the business of
 * test_file_packed.c, each kernel's that of tests/reliability/r19_guard_pages.c. */
#include "tests/packed_check.h"
#include "tests/packed_parts.h"
#include "tests/small_net.h"

#include "plan/stored.h"

enum { PICTURE = 3 * 17 * 13, SCORES = 5, MOST_BATCH = 3 };

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

static infer_session *make(const infer_model *model, infer_isa isa, int64_t batch)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    const infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {batch, 3, 17, 13}};
    infer_session *s;
    infer_error err;
    o.threads = 1;
    o.isa = isa;
    o.inputs = &spec;
    o.ninputs = 1;
    check_ok(infer_session_create(model, &o, &s, &err), &err);
    return s;
}

static void run(infer_session *s, int64_t batch, float *scores)
{
    static float x[MOST_BATCH * PICTURE];
    struct rng r = {3};
    infer_error err;
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {batch, 3, 17, 13},
                       .data = x,
                       .bytes = (size_t)batch * PICTURE * sizeof *x},
                 out[2] = {{0}};
    for (int i = 0; i < MOST_BATCH * PICTURE; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
    check_ok(infer_run(s, &in, 1, out, 2, &err), &err);
    memcpy(scores, out[0].data, (size_t)batch * SCORES * sizeof *scores);
}

struct counts {
    uint32_t packed, stored;
};

/* Steps with packed weights, and those whose lie in the file, where they must be in place. */
static struct counts count(const infer_session *s, const struct bytes *file)
{
    struct counts n = {0, 0};
    for (uint32_t i = 0; i < s->program->plan.nsteps; i++) {
        const struct infer__step *step = &s->program->plan.steps[i];
        const unsigned char *at = step->packed;
        n.packed += at != NULL;
        n.stored += step->stored;
        assert_int_equal(step->stored, at && at >= file->data && at < file->data + file->size);
    }
    return n;
}

static uint64_t packed_bytes(const infer_session *s)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_error err;
    check_ok(infer_session_memory_use(s, &m, &err), &err);
    return m.packed_bytes;
}

/* What a session packs that may be stored, as a section for its level. */
static struct part packed_by(const infer_session *s, infer_isa level)
{
    const struct infer__plan *plan = &s->program->plan;
    const struct infer__stored_for by = {.level = (uint32_t)level,
                                         .library = infer__stored_library()};
    struct infer__region region;
    infer_error err;
    uint32_t n;
    infer__region_init(&region, NULL);
    struct infer__stored_entry *e = infer__region_calloc(&region, plan->nsteps + 1, sizeof *e);
    assert_non_null(e);
    check_ok(infer__list_stored(plan, s->model, &region, e, &n, &err), &err);
    assert_true(n > 0);
    struct part p = packed_part(&by, s->model->weights_sum, e, n);
    infer__region_free(&region);
    return p;
}

/* The small network with what a session of the level and batch packs. */
static struct bytes packed_net(infer_isa isa, int64_t batch, size_t cut)
{
    struct bytes plain = small_net();
    infer_model *m = load(&plain);
    infer_session *s = make(m, isa, batch);
    struct part p = packed_by(s, isa);
    if (cut) { /* to its first entry */
        struct infer__stored t;
        infer__stored_open(&(struct infer__section){INFER__SECTION_PACKED, p.data, p.size}, &t);
        struct infer__stored_entry e = infer__stored_get(&t, 0);
        struct part first = packed_part(&t.by, m->weights_sum, &e, 1);
        free(p.data);
        p = first;
    }
    struct bytes b = with_parts(&plain, &p, 1);
    infer_session_free(&s);
    infer_model_free(&m);
    free(plain.data);
    return b;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* At every level: all that was packed is found, and answers are those of a session that packs. */
static void test_same_bits(void **state)
{
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa))
        for (int64_t batch = 1; batch <= MOST_BATCH; batch += 2) {
            float want[MOST_BATCH * SCORES], got[MOST_BATCH * SCORES];
            struct bytes plain = small_net(), b = packed_net(isa, 1, 0);
            infer_model *m = load(&plain), *p = load(&b);
            infer_session *s = make(m, isa, batch), *t = make(p, isa, batch);
            run(s, batch, want);
            run(t, batch, got);
            assert_memory_equal(got, want, (size_t)batch * SCORES * sizeof *want);
            const struct counts without = count(s, &plain), with = count(t, &b);
            assert_true(without.packed > 0 && without.stored == 0);
            assert_int_equal(with.packed, without.packed);
            assert_true(with.stored > 0);
            if (batch == 1) { /* the very steps that were packed */
                assert_int_equal(with.stored, with.packed);
                assert_int_equal(packed_bytes(t), 0);
                assert_true(packed_bytes(s) > 0);
            }
            infer_session_free(&s);
            infer_session_free(&t);
            infer_model_free(&m);
            infer_model_free(&p);
            free(plain.data);
            free(b.data);
        }
}

/* A file that has some of it: the rest is packed, and shared by sessions as ever. */
static void test_part(void **state)
{
    float want[SCORES], got[SCORES];
    size_t shared = 0;
    (void)state;
    const infer_isa isa = infer_cpu_isa();
    struct bytes plain = small_net(), b = packed_net(isa, 1, 1);
    infer_model *m = load(&plain), *p = load(&b);
    infer_session *s = make(m, isa, 1), *t = make(p, isa, 1), *u = make(p, isa, 1);
    run(s, 1, want);
    run(t, 1, got);
    assert_memory_equal(got, want, sizeof want);
    run(u, 1, got);
    assert_memory_equal(got, want, sizeof want);
    const struct counts n = count(t, &b);
    assert_true(n.stored > 0 && n.stored < n.packed);
    assert_true(packed_bytes(t) > 0 && packed_bytes(t) < packed_bytes(s));
    assert_null(packed_wrong(t, &shared));
    assert_null(packed_wrong(u, &shared));
    assert_int_equal(shared, u->program->plan.nshares);
    infer_session_free(&s);
    infer_session_free(&t);
    infer_session_free(&u);
    infer_model_free(&m);
    infer_model_free(&p);
    free(plain.data);
    free(b.data);
}

/* Packed by another library, for a level that no CPU has, or under keys of something else. */
static void test_not_used(void **state)
{
    (void)state;
    const infer_isa isa = infer_cpu_isa();
    for (int how = 0; how < 3; how++) {
        float want[SCORES], got[SCORES];
        struct bytes b = packed_net(isa, 1, 0);
        infer_model *m = load(&b);
        infer_session *s = make(m, isa, 1);
        run(s, 1, want);
        infer_session_free(&s);
        infer_model_free(&m);
        size_t size, at = section_at(b.data, INFER__SECTION_PACKED, &size);
        const uint64_t n = get_le(b.data + at + 24, 4);
        if (how == 0)
            b.data[at + 8] ^= 1;
        if (how == 1)
            put_le(b.data + at, 4, 1000);
        for (uint64_t i = 0; how == 2 && i < n; i++) /* the order stays */
            b.data[at + 64 + 32 * i + 8] ^= 0x80;
        reseal(b.data, b.size);
        m = load(&b);
        s = make(m, isa, 1);
        run(s, 1, got);
        assert_memory_equal(got, want, sizeof want);
        assert_int_equal(count(s, &b).stored, 0);
        infer_session_free(&s);
        infer_model_free(&m);
        free(b.data);
    }
}

/* Whatever bytes stand there, sessions are made and run; under AddressSanitizer this shows more. */
static void test_hostile(void **state)
{
    static const unsigned char fills[] = {0, 0xFF, 0x7F, 0x80};
    struct rng r = {test_seed()};
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa))
        for (int fill = 0; fill < 8; fill++) {
            float got[SCORES];
            struct bytes b = packed_net(isa, 1, 0);
            size_t size, at = section_at(b.data, INFER__SECTION_PACKED, &size);
            infer_model *m = load(&b);
            for (uint32_t i = 0; i < m->packed[0].nentries; i++) {
                const struct infer__stored_entry e = infer__stored_get(&m->packed[0], i);
                unsigned char *p = b.data + ((const unsigned char *)e.data - b.data);
                for (size_t k = 0; k < e.bytes; k++)
                    p[k] = fill < 4 ? fills[fill] : (unsigned char)rng_next(&r);
            }
            assert_true(at + size <= b.size);
            infer_session *s = make(m, isa, 1);
            assert_true(count(s, &b).stored > 0);
            run(s, 1, got);
            infer_session_free(&s);
            infer_model_free(&m);
            free(b.data);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_not_used),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
