/* infer eval --versus, --slice and goals that refer to the other model, on small networks. */
#include "tests/eval_nets.h"

#include "tools/eval/versus.h"

#define CHANNELS "--resize", "8x8", "--scale", "0.00392157"

/* Four pictures of each of three classes, of 8, 16, 24 and 32 pixels a side and ever brighter. The
 * network `good` is right on all; `bad` says green (class b) where red is right. */
static int setup_pictures(void **state)
{
    static const uint8_t colours[3][3] = {{4, 2, 1}, {1, 4, 2}, {2, 1, 4}};
    char name[64];
    if (begin(state) != 0)
        return 1;
    make_folder_in("data");
    for (int k = 0; k < 3; k++) {
        snprintf(name, sizeof name, "data/%c", 'a' + k);
        make_folder_in(name);
        for (int i = 0; i < 4; i++) {
            uint8_t rgb[3];
            for (int c = 0; c < 3; c++)
                rgb[c] = (uint8_t)(colours[k][c] * (10 + 10 * i));
            snprintf(name, sizeof name, "data/%c/%d.ppm", 'a' + k, i);
            write_colour(in_folder(name), 8 + 8 * i, 8 + 8 * i, rgb);
        }
    }
    write_classifier(in_folder("good.onnx"), 1);
    write_classifier(in_folder("bad.onnx"), 0.4F);
    return 0;
}

/* The sums are worked out by hand: of 10 pictures on which one model is right, 1 or fewer for the
 * other: 2 (1 + 10) / 2^10. */
static void mcnemar(void **state)
{
    (void)state;
    near_at(eval_mcnemar(9, 1), 22.0 / 1024, 1e-12, "9, 1");
    near_at(eval_mcnemar(1, 9), 22.0 / 1024, 1e-12, "1, 9");
    near_at(eval_mcnemar(0, 4), 2.0 / 16, 1e-12, "0, 4");
    near_at(eval_mcnemar(3, 3), 1, 0, "3, 3");
    near_at(eval_mcnemar(0, 0), 1, 0, "0, 0");
    /* 2 P(k <= 450) of 1000 by exact summation; a normal approximation is off by 1e-5 */
    near_at(eval_mcnemar(450, 550), 0.0017305360849763, 1e-12, "450, 550");
}

static int compare(const char *first, const char *second, const char *option, const char *value)
{
    return run(cmd_eval, "eval", in_folder(first), "--versus", in_folder(second), "--data",
               in_folder("data"), "--json", CHANNELS, option, value, NULL);
}

static void classifiers(void **state)
{
    (void)state;
    assert_int_equal(compare("good.onnx", "bad.onnx", "--seed", "7"), CLI_OK);
    near_at(number("stats.top1"), 1, 0, "top1");
    near_at(number("comparison.0.versus"), 8.0 / 12, 1e-12, "top1 of the other");
    near_at(number("comparison.0.difference"), 4.0 / 12, 1e-12, "difference");
    /* each drawn picture is one of the four that differ with a chance of a third: of 12 draws 1 to
     * 7 are, but for less than 2.5 % at either end */
    assert_true(number("comparison.0.low") >= 1.0 / 12 - 1e-12);
    assert_true(number("comparison.0.low") < 4.0 / 12);
    assert_true(number("comparison.0.high") > 4.0 / 12);
    assert_true(number("comparison.0.high") <= 7.0 / 12 + 1e-12);
    near_at(number("versus.better"), 4, 0, "better");
    near_at(number("versus.worse"), 0, 0, "worse");
    near_at(number("versus.equal"), 8, 0, "equal");
    near_at(number("versus.only_this_right"), 4, 0, "only this one right");
    near_at(number("versus.mcnemar_p"), 0.125, 1e-12, "p");
    near_at(number("differing_most.3.versus"), 0.5, 1e-12, "reciprocal rank");
    assert_true(isnan(number("differing_most.4.versus")));
    says(out, "data/a/0.ppm");
    assert_null(strstr(out, "data/b/0.ppm"));
    char *once = strdup(out);
    assert_int_equal(compare("good.onnx", "bad.onnx", "--seed", "7"), CLI_OK);
    assert_string_equal(out, once);
    free(once);
    assert_int_equal(compare("bad.onnx", "good.onnx", "--curves", NULL), CLI_OK);
    near_at(number("comparison.0.difference"), -4.0 / 12, 1e-12, "difference");
    near_at(number("versus.worse"), 4, 0, "worse");
    says(out, "data/b/0.ppm"); /* --curves: all of them */
    assert_int_equal(compare("good.onnx", "good.onnx", "--bootstrap", "50"), CLI_OK);
    near_at(number("comparison.0.low"), 0, 0, "low of no difference");
    near_at(number("comparison.0.high"), 0, 0, "high of no difference");
    near_at(number("versus.mcnemar_p"), 1, 0, "p of no difference");
}

static int judge(const char *goal)
{
    write_text(in_folder("goals"), goal);
    return compare("bad.onnx", "good.onnx", "--kpi", in_folder("goals"));
}

static void goals(void **state)
{
    (void)state;
    assert_int_equal(judge("top1 >= versus - 0.34 # points\n"), CLI_OK);
    near_at(number("kpi.0.wanted"), 0.66, 1e-12, "wanted");
    assert_int_equal(judge("top1 >= versus-0.33\n"), CLI_DIFFERS);
    assert_int_equal(judge("top1 < versus\ntop1 < versus + 0.1\n"), CLI_OK);
    assert_int_equal(judge("comparison.top1.difference >= -0.34\n"), CLI_OK);
    assert_int_equal(judge("per_class.0.recall >= versus\n"), CLI_DIFFERS);
    static const char *const wrong[] = {"top1 >= versus 0.1\n", "top1 >= versus - x\n",
                                        "top1 >= versus - -0.1\n", "top1 >= verso\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(judge(wrong[i]), CLI_BAD_INPUT);
        says(err_text, "goals: line 1 is not like");
    }
    write_text(in_folder("goals"), "\ntop1 >= versus\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("good.onnx"), "--data", in_folder("data"),
                         CHANNELS, "--kpi", in_folder("goals"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "goals: line 2: `versus` needs --versus MODEL");
}

static int slice(const char *by)
{
    return run(cmd_eval, "eval", in_folder("bad.onnx"), "--data", in_folder("data"), "--json",
               CHANNELS, "--slice", by, NULL);
}

static void slices(void **state)
{
    (void)state;
    assert_int_equal(slice("class"), CLI_OK);
    near_at(number("slices.0.top1"), 0, 0, "a");
    near_at(number("slices.1.top1"), 1, 0, "b");
    near_at(number("slices.2.pictures"), 4, 0, "pictures of c");
    /* of 12 pictures in order of size the 5th has 16 pixels a side, the 9th 24 */
    assert_int_equal(slice("size"), CLI_OK);
    near_at(number("slices.0.pictures"), 3, 0, "small pictures");
    near_at(number("slices.0.to"), 64, 0, "the largest of them");
    near_at(number("slices.1.pictures"), 3, 0, "medium pictures");
    near_at(number("slices.1.from"), 256, 0, "the smallest of them");
    near_at(number("slices.2.pictures"), 6, 0, "large pictures");
    near_at(number("slices.2.to"), 1024, 0, "the largest of them");
    near_at(number("slices.2.top1"), 4.0 / 6, 1e-12, "large pictures' top1");
    assert_int_equal(slice("brightness"), CLI_OK);
    near_at(number("slices.0.pictures") + number("slices.1.pictures") + number("slices.2.pictures"),
            12, 0, "pictures");
    /* the darkest is the blue one of level 10: (20, 10, 40) */
    near_at(number("slices.0.from"), (19595 * 20 + 38470 * 10 + 7471 * 40) / 65536.0, 1e-9, "luma");
    assert_int_equal(slice("colour"), CLI_USAGE);
    write_text(in_folder("scores.csv"), "label,x,y\n0,1,0\n1,1,0\n");
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--slice", "size", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--slice",
                         "class", "--json", NULL),
                     CLI_OK);
    near_at(number("slices.0.top1"), 1, 0, "x");
    near_at(number("slices.1.top1"), 0, 0, "y");
}

/* One network finds class 0 with a sure score, the other not at all. */
static void detectors(void **state)
{
    (void)state;
    make_folder_in("yolo");
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "yolo/%d.ppm", i);
        write_grey(in_folder(name), 32, (uint8_t)(150 + i));
        snprintf(name, sizeof name, "yolo/%d.txt", i);
        write_text(in_folder(name), "0 0.25 0.25 0.25 0.25\n1 0.75 0.75 0.5 0.5\n");
    }
    write_detector(in_folder("sure.onnx"), 0.75F);
    write_detector(in_folder("blind.onnx"), 0);
    assert_int_equal(run(cmd_eval, "eval", in_folder("sure.onnx"), "--versus",
                         in_folder("blind.onnx"), "--data", in_folder("yolo"), "--json", NULL),
                     CLI_OK);
    near_at(number("comparison.0.this"), 1, 1e-12, "AP");
    near_at(number("comparison.0.versus"), 0.5, 1e-12, "AP of the other");
    near_at(number("comparison.0.low"), 0.5, 1e-12, "low: all pictures are alike");
    near_at(number("comparison.0.high"), 0.5, 1e-12, "high");
    near_at(number("versus.better"), 3, 0, "better");
    near_at(number("differing_most.0.versus"), 2.0 / 3, 1e-12, "F1 of one of two");
    assert_true(isnan(number("versus.mcnemar_p")));
    assert_int_equal(run(cmd_eval, "eval", in_folder("sure.onnx"), "--versus",
                         in_folder("bad.onnx"), "--data", in_folder("yolo"), CHANNELS, NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--versus",
                         in_folder("bad.onnx"), NULL),
                     CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar), cmocka_unit_test(classifiers), cmocka_unit_test(goals),
        cmocka_unit_test(slices),  cmocka_unit_test(detectors),
    };
    return cmocka_run_group_tests(tests, setup_pictures, teardown);
}
