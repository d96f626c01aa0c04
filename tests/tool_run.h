/* Runs subcommands in this process, with standard output and error caught in files. */
#ifndef INFER_TESTS_TOOL_RUN_H
#define INFER_TESTS_TOOL_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_check.h"
#include "tools/commands.h"
#include "tools/read_file.h"

/* Tests run in the repository's root, as `make test` does. */
#define SIGNS "examples/signs/"
#define PICTURES SIGNS "pictures/"

enum { MOST_ARGUMENTS = 200 };

static char folder[] = "/tmp/infer-cli-XXXXXX";
static char *out, *err_text; /* of the last command */

/* A path in the test's own folder; valid until the eighth call from now. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static inline int redirect(int fd, const char *path)
{
    int kept = dup(fd), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0);
    assert_int_equal(dup2(file, fd), fd);
    close(file);
    return kept;
}

static inline void restore(int fd, int kept)
{
    dup2(kept, fd);
    close(kept);
}

static inline int run_list(int (*command)(int, char **), char **argv, int argc)
{
    size_t size;
    fflush(NULL);
    int o = redirect(1, in_folder("stdout")), e = redirect(2, in_folder("stderr"));
    int status = command(argc, argv);
    fflush(NULL);
    restore(1, o);
    restore(2, e);
    free(out);
    free(err_text);
    out = read_file(in_folder("stdout"), &size);
    err_text = read_file(in_folder("stderr"), &size);
    assert_true(out && err_text);
    return status;
}

/* run(cmd_inspect, "inspect", "model.infer", "--json", NULL): its exit status. */
static inline int run(int (*command)(int, char **), const char *name, ...)
{
    char *argv[MOST_ARGUMENTS];
    int argc = 0;
    va_list list;
    va_start(list, name);
    for (const char *a = name; a && argc < MOST_ARGUMENTS; a = va_arg(list, const char *))
        argv[argc++] = strdup(a);
    va_end(list);
    char *kept[MOST_ARGUMENTS]; /* the parser moves argv's elements */
    memcpy(kept, argv, sizeof kept);
    int status = run_list(command, argv, argc);
    for (int i = 0; i < argc; i++)
        free(kept[i]);
    return status;
}

static inline void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *path, const char *string)
{
    write_bytes(path, string, strlen(string));
}

static inline void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char *inner;
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        assert_true(asprintf(&inner, "%s/%s", path, e->d_name) > 0);
        if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode))
            remove_folder(inner);
        else
            unlink(inner);
        free(inner);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

/* ---- the bundled model, converted once for a group of tests ---------------------------------- */

static char model[64]; /* the converted bundled model */

static inline int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(model, sizeof model, "%s/signs.infer", folder);
    return run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", model, "--labels",
               SIGNS "labels.txt", "--resize", "72", "--crop", "64", "--mean", "127,122,118",
               "--scale", "0.0185,0.0195,0.0185", NULL);
}

static inline int teardown(void **state)
{
    (void)state;
    free(out);
    free(err_text);
    remove_folder(folder);
    return 0;
}

#endif
