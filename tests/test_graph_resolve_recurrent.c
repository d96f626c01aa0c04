/* Shapes of LSTM, GRU, RNN and DynamicQuantizeLSTM, and what each refuses; see test_graph.h for the
 * notation. */
#include "test_graph.h"

#include <math.h>

#define CHECK(rows) resolve_rows(rows, sizeof(rows) / sizeof *(rows))

static void test_lstm(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "", "7x1x2x5 f32; 1x2x5 f32; 1x2x5 f32"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "direction=1", "7x1x2x5 f32; -; 1x2x5 f32"},
        {"LSTM", "7x2x3 f32; 2x20x3 f32; 2x20x5 f32; 2x40 f32", "direction=2",
         "7x2x2x5 f32; 2x2x5 f32"},
        {"LSTM", "2x7x3 f32; 2x20x3 f32; 2x20x5 f32; -; 2 s32; 2x2x5 f32; 2x2x5 f32; 2x15 f32",
         "direction=2 layout=1 clip=3 mode=1", "2x7x2x5 f32; 2x2x5 f32; 2x2x5 f32"},
        {"LSTM", "7x4x3 f32; 1x20x3 f32; 1x20x5 f32; -; 4 s32 = 0,7,3,1", "", "7x1x4x5 f32"},
        {"LSTM", "0x4x3 f32; 1x20x3 f32; 1x20x5 f32", "", "0x1x4x5 f32; 1x4x5 f32"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "direction=2", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x4 f32; 1x20x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x15x3 f32; 1x20x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x15x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2 f32; 1x20x3 f32; 1x20x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 20x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x0x3 f32; 1x0x0 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; 1x20 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; 7 s32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; 2 s32 = 1,8", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; 2 s32 = -1,7", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; 2 s64", "", "!UNSUPPORTED"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; -; 2x1x5 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; -; -; 1x2x4 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32; -; -; -; -; 1x20 f32", "", "!SHAPE"},
        {"LSTM", "7x2x3 f64; 1x20x3 f64; 1x20x5 f64", "", "!UNSUPPORTED"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "clip=-1", "!FORMAT"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "direction=3", "!FORMAT"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "layout=2", "!FORMAT"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "activations=0,1", "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "activations=0,1,11", "!FORMAT"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "activations=0,1,3 activation_alpha=1,2",
         "!SHAPE"},
        {"LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "activations=0,1,3 activation_beta=1,2,inf",
         "!FORMAT"},
    };
    CHECK(rows);
}

static void test_gru_and_rnn(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"GRU", "7x2x3 f32; 1x15x3 f32; 1x15x5 f32; 1x30 f32", "mode=1", "7x1x2x5 f32; 1x2x5 f32"},
        {"GRU", "2x7x3 f32; 2x15x3 f32; 2x15x5 f32; -; -; 2x2x5 f32", "layout=1 direction=2",
         "2x7x2x5 f32; 2x2x5 f32"},
        {"GRU", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "", "!SHAPE"},
        {"GRU", "7x2x3 f32; 1x15x3 f32; 1x15x5 f32", "mode=2", "!FORMAT"},
        {"GRU", "7x2x3 f32; 1x15x3 f32; 1x15x5 f32", "activations=0,1,1", "!SHAPE"},
        {"RNN", "7x2x3 f32; 1x5x3 f32; 1x5x5 f32", "activations=2", "7x1x2x5 f32; 1x2x5 f32"},
        {"RNN", "7x2x3 f32; 2x5x3 f32; 2x5x5 f32; 2x10 f32; 2 s32", "direction=2 activations=2,1",
         "7x2x2x5 f32; 2x2x5 f32"},
        {"RNN", "7x2x3 f32; 1x5x3 f32; 1x5x4 f32", "", "!SHAPE"},
    };
    CHECK(rows);
}

#define HEAD "7x2x3 f32; 1x3x20 s8; 1x5x20 s8; -; -; -; -; -; "

static void test_quantised(void **state)
{
    (void)state;
    static const struct resolve_row rows[] = {
        {"DynamicQuantizeLSTM", HEAD "1 f32; 1 s8; 1 f32; 1 s8", "", "7x1x2x5 f32; 1x2x5 f32"},
        {"DynamicQuantizeLSTM", HEAD "1x20 f32; 1x20 s8; 1 f32; 1 s8", "", "7x1x2x5 f32"},
        {"DynamicQuantizeLSTM", HEAD "1 f32; -; 1x20 f32; -", "", "7x1x2x5 f32"},
        {"DynamicQuantizeLSTM", HEAD "1 f32; 1x20 s8; 1 f32; 1 s8", "", "!SHAPE"},
        {"DynamicQuantizeLSTM", HEAD "1 f32; 1 u8; 1 f32; 1 s8", "", "!SHAPE"},
        {"DynamicQuantizeLSTM", HEAD "1x5 f32; 1x5 s8; 1 f32; 1 s8", "", "!SHAPE"},
        {"DynamicQuantizeLSTM", HEAD "2 f32; 2 s8; 1 f32; 1 s8", "", "!SHAPE"},
        {"DynamicQuantizeLSTM", HEAD "1 f32; 1 s8", "", "!FORMAT"},
        {"DynamicQuantizeLSTM", "7x2x3 f32; 1x20x3 s8; 1x20x5 s8; -; -; -; -; -; 1 f32; -; 1 f32",
         "", "!SHAPE"},
        {"DynamicQuantizeLSTM", "7x2x3 f32; 1x3x20 f32; 1x5x20 f32; -; -; -; -; -; 1 f32; -; 1 f32",
         "", "!UNSUPPORTED"},
    };
    CHECK(rows);
}

static void test_parameters(void **state)
{
    (void)state;
    struct infer__recurrent p =
        resolve_params("LSTM", "7x2x3 f32; 1x20x3 f32; 1x20x5 f32", "", "7x1x2x5 f32").recurrent;
    assert_int_equal(p.function[0][0].act, INFER__CELL_SIGMOID);
    assert_int_equal(p.function[0][1].act, INFER__CELL_TANH);
    assert_int_equal(p.function[0][2].act, INFER__CELL_TANH);
    assert_true(isinf(p.clip));
    p = resolve_params("GRU", "7x2x3 f32; 2x15x3 f32; 2x15x5 f32",
                       "direction=2 clip=2 activations=7,4,8,6 activation_alpha=1,2,3,4",
                       "7x2x2x5 f32")
            .recurrent;
    assert_true(p.clip == 2);
    assert_int_equal(p.direction, INFER__BIDIRECTIONAL);
    assert_int_equal(p.function[1][0].act, INFER__CELL_ELU);
    assert_true(p.function[1][0].alpha == 3);
    assert_true(p.function[0][0].beta == 0.5f); /* that of HardSigmoid */
    assert_true(p.function[1][1].beta == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lstm),
        cmocka_unit_test(test_gru_and_rnn),
        cmocka_unit_test(test_quantised),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
