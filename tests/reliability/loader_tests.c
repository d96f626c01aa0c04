/* The unit tests of the loader in one program, for r15_bad_graphs.sh and r29_mutations.sh: each of
 * their files is compiled with a main of another name. Ends with the first that fails.
 *
 *   loader_tests           all, the fast ones first
 *   loader_tests NAME...   some */
#include <stddef.h>
#include <string.h>

#define TESTS(X)                                                                                   \
    X(test_file_rules)                                                                             \
    X(test_file_tuned)                                                                             \
    X(test_file_packed)                                                                            \
    X(test_file_about)                                                                             \
    X(test_graph_custom)                                                                           \
    X(test_graph_control)                                                                          \
    X(test_graph_verify)                                                                           \
    X(test_file_checksum)                                                                          \
    X(test_file_golden)                                                                            \
    X(test_file)                                                                                   \
    X(test_graph)                                                                                  \
    X(test_file_limits)                                                                            \
    X(test_base)                                                                                   \
    X(test_file_damage)

#define DECLARE(name) int main_##name(void);
TESTS(DECLARE)

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } tests[] = {
#define ROW(name) {#name, main_##name},
        TESTS(ROW)};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        int chosen = argc == 1;
        for (int k = 1; k < argc; k++)
            chosen |= strcmp(argv[k], tests[i].name) == 0;
        if (chosen && tests[i].run())
            return 1;
    }
    return 0;
}
