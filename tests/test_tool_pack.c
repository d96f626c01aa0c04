/* infer pack: levels, and what becomes of a file's sections. */
#include "base/cpu.h"
#include "tests/packed_parts.h"
#include "tests/small_net.h"
#include "tools/pack.h"

static infer_model *load(const struct bytes *b)
{
    infer_model *m;
    infer_error err;
    check_ok(infer_load_memory(b->data, b->size, NULL, &m, &err), &err);
    return m;
}

/* `b` after a change, in a block of its own. */
static struct bytes changed(const struct bytes *b, struct pack_change c, int64_t batch)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    const infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {batch, 3, 17, 13}};
    infer_allocator a = infer__allocator(NULL);
    infer_model *m = load(b);
    struct bytes to;
    infer_error err;
    void *bytes;
    o.threads = 1;
    o.inputs = &spec;
    o.ninputs = 1;
    c.options = &o;
    check_ok(pack_file(m, &c, &bytes, &to.size, &err), &err);
    to.data = exact_copy(bytes, to.size);
    infer__free(&a, bytes);
    infer_model_free(&m);
    return to;
}

static uint32_t sections_of(const struct bytes *b)
{
    infer_model *m = load(b);
    const uint32_t n = m->npacked;
    infer_model_free(&m);
    return n;
}

static int equal(const struct bytes *a, const struct bytes *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void test_levels(void **state)
{
    struct pack_levels l;
    (void)state;
    assert_true(pack_levels("for", "native", 1, &l));
    assert_true(l.n == 1 && l.level[0] == infer_cpu_isa());
    assert_true(pack_levels("for", "c,native,c,native", 1, &l));
    assert_true(l.n == 2 - (infer_cpu_isa() == INFER_ISA_C) && l.level[0] == INFER_ISA_C);
    assert_true(pack_levels("remove", "amx,avx2", 0, &l)); /* whatever this CPU has */
    assert_int_equal(l.n, 2);
    static const char *const bad[] = {
        "",     ",",    "c,",      ",c",
        "avx3", "c,,c", "default", "a name that is longer than that of any level"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pack_levels("for", bad[i], 0, &l));
    if (!infer_cpu_has(INFER_ISA_AMX))
        assert_false(pack_levels("for", "amx", 1, &l));
}

/* Adding is the same whenever it is done; what is removed leaves no trace. */
static void test_sections(void **state)
{
    const infer_isa best = infer_cpu_isa();
    const struct pack_change c = {.add = {{INFER_ISA_C}, 1}},
                             both = {.add = {{best, INFER_ISA_C}, 2}}, other = {.add = {{best}, 1}},
                             none = {.remove_all = 1}, not_c = {.remove = {{INFER_ISA_C}, 1}},
                             anew = {.add = {{INFER_ISA_C}, 1}, .remove_all = 1};
    struct bytes plain = small_net(), one = changed(&plain, c, 1), again = changed(&one, c, 1);
    (void)state;
    assert_int_equal(sections_of(&plain), 0);
    assert_int_equal(sections_of(&one), 1);
    assert_true(equal(&one, &again));
    struct bytes two = changed(&one, other, 1), at_once = changed(&plain, both, 1);
    assert_int_equal(sections_of(&two), best == INFER_ISA_C ? 1 : 2);
    assert_true(equal(&two, &at_once));
    struct bytes without = changed(&two, none, 1), rest = changed(&two, not_c, 1);
    assert_true(equal(&without, &plain));
    assert_int_equal(sections_of(&rest), best == INFER_ISA_C ? 0 : 1);
    struct bytes back = changed(&two, anew, 1);
    assert_true(equal(&back, &one));
    struct bytes *all[] = {&plain, &one, &again, &two, &at_once, &without, &rest, &back};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->data);
}

/* What was packed for other shapes stays, unless another library has packed it. */
static void test_adds(void **state)
{
    const struct pack_change c = {.add = {{INFER_ISA_C}, 1}};
    const struct infer__stored_entry mine = {{{5, 5}}, "mine", 5};
    (void)state;
    for (int foreign = 0; foreign < 2; foreign++) {
        struct bytes plain = small_net();
        const struct infer__stored_for by = {.level = INFER_ISA_C,
                                             .library = infer__stored_library() + (foreign != 0)};
        struct infer__stored_entry e = mine;
        struct part p = packed_part(&by, weights_sum(&plain), &e, 1);
        struct bytes b = with_parts(&plain, &p, 1), to = changed(&b, c, 1);
        infer_model *m = load(&to);
        uint32_t kept = 0;
        assert_int_equal(m->npacked, 1);
        assert_true(m->packed[0].nentries > 1);
        for (uint32_t i = 0; i < m->packed[0].nentries; i++)
            kept += infer__stored_get(&m->packed[0], i).key.word[0] == 5;
        assert_int_equal(kept, !foreign);
        infer_model_free(&m);
        free(plain.data);
        free(b.data);
        free(to.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
