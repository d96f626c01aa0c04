/* The formula of infer-bench --plan-scaling, on plans whose answer is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/scaling.h"

static const struct scaling_machine machine = {.cpus = 2,
                                               .crowd = 1,
                                               .thread_gbytes = 20,
                                               .all_gbytes = 30,
                                               .server_gbytes = 240,
                                               .far_gbytes = 16,
                                               .l2_bytes = 1e6,
                                               .l3_bytes = 32e6,
                                               .handoff_ns = 500,
                                               .line_ns = 10};

static void assert_near(double got, double want)
{
    if (!(got > want - 1e-6 && got < want + 1e-6))
        fail_msg("%g, not %g", got, want);
}

static void equal_units_go_in_waves(void **state)
{
    (void)state;
    double ns[18];
    for (int i = 0; i < 18; i++)
        ns[i] = 100;
    const struct scaling_job job = {18, ns};
    assert_near(scaling_makespan(&job, 1), 1800);
    assert_near(scaling_makespan(&job, 2), 900);
    assert_near(scaling_makespan(&job, 4), 500);
    assert_near(scaling_makespan(&job, 16), 200);
    assert_near(scaling_makespan(&job, 64), 100);
}

/* The first of two threads has a long unit: the second takes the rest of its part from the end. */
static void what_is_left_is_taken(void **state)
{
    (void)state;
    const double ns[6] = {500, 100, 100, 100, 100, 100};
    const struct scaling_job job = {6, ns};
    assert_near(scaling_makespan(&job, 2), 500);
    const double late[6] = {100, 100, 100, 100, 100, 500};
    const struct scaling_job other = {6, late}; /* found last by its owner */
    assert_near(scaling_makespan(&other, 2), 700);
}

static void memory_is_shared(void **state)
{
    (void)state;
    assert_near(scaling_bandwidth(&machine, 1), 20);
    assert_near(scaling_bandwidth(&machine, 2), 30);
    assert_near(scaling_bandwidth(&machine, 4), 80);
    assert_near(scaling_bandwidth(&machine, 64), 240);
}

static void parts_add_up(void **state)
{
    (void)state;
    double ns[4] = {1000, 1000, 1000, 3000};
    const struct scaling_job job = {4, ns};
    const struct scaling_work work = {
        .jobs = &job, .njobs = 1, .weight_bytes = 150e3, .moved_bytes = 32e3};
    struct scaling_bound b = scaling_bound_of(&machine, &work, 2);
    assert_near(b.work_ns, 3000);
    assert_near(b.imbalance_ns, 1000); /* 1000 + 3000 on the second, which gets no help */
    assert_near(b.far_ns, 32e3 / 2 / 16 / 2);
    assert_near(b.handoff_ns, 500);
    assert_near(b.memory_ns, 150e3 / 30 - 4000 - b.far_ns);
    assert_near(b.total_ns, 5500);
    assert_int_equal(b.units, 4);
    struct scaling_bound sum = {0};
    scaling_add(&sum, &b);
    scaling_add(&sum, &b);
    assert_near(sum.total_ns, 11000);
    assert_int_equal(sum.units, 8);
}

/* Two CPUs that are one core's: each takes longer while both compute. */
static void cpus_may_share_a_core(void **state)
{
    (void)state;
    struct scaling_machine shared = machine;
    double ns[8] = {100, 100, 100, 100, 100, 100, 100, 100};
    const struct scaling_job job = {8, ns};
    const struct scaling_work work = {.jobs = &job, .njobs = 1};
    shared.crowd = 1.5;
    assert_near(scaling_bound_of(&shared, &work, 2).total_ns, 600 + 500);
    assert_near(scaling_bound_of(&shared, &work, 4).total_ns, 200 + 520); /* of another machine */
    assert_near(scaling_bound_of(&shared, &work, 1).total_ns, 800);
}

static void one_thread_waits_for_nothing(void **state)
{
    (void)state;
    const struct scaling_work work = {.serial_ns = 700, .weight_bytes = 1e9, .moved_bytes = 1e9};
    struct scaling_bound b = scaling_bound_of(&machine, &work, 1);
    assert_near(b.total_ns, 700);
    assert_string_equal(scaling_limit(&b), "one unit");
    b = scaling_bound_of(&machine, &work, 64); /* that thread reads what 63 others wrote */
    assert_near(b.far_ns, 1e9 * 63 / 64 / 16);
    assert_string_equal(scaling_limit(&b), "other caches");
}

static void the_end_of_a_job_takes_longer_with_threads(void **state)
{
    (void)state;
    double ns[64] = {0};
    const struct scaling_job jobs[2] = {{64, ns}, {64, ns}};
    const struct scaling_work work = {.jobs = jobs, .njobs = 2};
    struct scaling_bound b = scaling_bound_of(&machine, &work, 64);
    assert_near(b.handoff_ns, 2 * (500 + 62 * 10));
    assert_string_equal(scaling_limit(&b), "hand-off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_units_go_in_waves),
        cmocka_unit_test(what_is_left_is_taken),
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(cpus_may_share_a_core),
        cmocka_unit_test(one_thread_waits_for_nothing),
        cmocka_unit_test(the_end_of_a_job_takes_longer_with_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
