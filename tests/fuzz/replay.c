/* Feeds files to a target without an engine: each file given, and each in the folders given;
 * without arguments the seeds and findings of tests/fuzz.
 *   build/tests/fuzz_load tests/fuzz/seeds/load tests/fuzz/findings/load
 * A file that breaks the target's property ends the process; its name is then the last line. */
#include <dirent.h>
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tools/read_file.h"

static unsigned files;
static FILE *out; /* a target may close its own ears and mouth, see fuzz_args.c */

static void feed(const char *path)
{
    size_t size;
    char *bytes = read_file(path, &size);
    if (!bytes) {
        fprintf(stderr, "%s: can't be read\n", path);
        exit(2);
    }
    fprintf(out, "%s\n", path);
    fflush(out);
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
    free(bytes);
    files++;
}

/* A folder that is not there has no files. */
static void feed_all(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            feed_all(name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    else if (errno == ENOTDIR)
        feed(path);
}

/* The seeds and findings of the target that this program is: fuzz_load has tests/fuzz/seeds/load.
 */
static void feed_own(const char *program)
{
    const char *name = strrchr(program, '/');
    char path[512];
    name = name ? name + 1 : program;
    if (strncmp(name, "fuzz_", 5) != 0)
        return;
    snprintf(path, sizeof path, "tests/fuzz/seeds/%s", name + 5);
    feed_all(path);
    snprintf(path, sizeof path, "tests/fuzz/findings/%s", name + 5);
    feed_all(path);
}

int main(int argc, char **argv)
{
    out = stdout;
    for (int i = 1; i < argc; i++)
        feed_all(argv[i]);
    if (argc == 1)
        feed_own(argv[0]);
    fprintf(out, "[       %s ] replayed %u files\n", files ? "OK" : "NO", files);
    return files ? 0 : 1;
}
