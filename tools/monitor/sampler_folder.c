/* The folder of samples as an earlier process has left it. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/monitor/sampler_parts.h"

enum { MOST_JSON = 65536 };

void sample_file(char name[SAMPLE_NAME], int kind, uint64_t number, const char *ending)
{
    snprintf(name, SAMPLE_NAME, "%s-%06" PRIu64 ".%.7s", sample_names[kind], number, ending);
}

/* Whether the name is one of ours: its parts. */
static int parse(const char *name, int *kind, uint64_t *number, char ending[SAMPLE_ENDING])
{
    for (*kind = 0; *kind < SAMPLE_KINDS; ++*kind) {
        const size_t n = strlen(sample_names[*kind]);
        char *end, again[SAMPLE_NAME];
        if (strncmp(name, sample_names[*kind], n) != 0 || name[n] != '-')
            continue;
        errno = 0;
        *number = strtoull(name + n + 1, &end, 10);
        if (errno || *end != '.' || strlen(end + 1) >= SAMPLE_ENDING)
            return 0;
        snprintf(ending, SAMPLE_ENDING, "%s", end + 1);
        sample_file(again, *kind, *number, ending);
        return strcmp(again, name) == 0; /* no other way to write it */
    }
    return 0;
}

static uint64_t size_of(const struct sampler *s, const char *name)
{
    char path[SAMPLE_PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size
                                                                          : 0;
}

/* Ranks and times are not trusted: whoever can write to the folder may have changed them. */
static int read_slot(const struct sampler *s, const char *json, int kind, struct slot *slot)
{
    char path[SAMPLE_PATH], name[SAMPLE_NAME];
    uint64_t number;
    int of;
    const uint64_t bytes = size_of(s, json);
    snprintf(path, sizeof path, "%s/%s", s->folder, json);
    yyjson_doc *doc = bytes && bytes < MOST_JSON ? yyjson_read_file(path, 0, NULL, NULL) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *file = yyjson_get_str(yyjson_obj_get(root, "file"));
    yyjson_val *rank = yyjson_obj_get(root, "rank"), *time = yyjson_obj_get(root, "time");
    int ok = file && strlen(file) < sizeof name && parse(file, &of, &number, slot->ending) &&
             of == kind && number == slot->number && yyjson_is_num(rank) && yyjson_is_num(time);
    if (ok) {
        const uint64_t picture = size_of(s, file);
        slot->rank = yyjson_get_num(rank);
        slot->time = yyjson_get_num(time);
        slot->bytes = picture + bytes;
        ok = picture > 0;
    }
    yyjson_doc_free(doc);
    return ok;
}

static int is_held(const struct sampler *s, int kind, uint64_t number, const char *ending)
{
    const struct slots *list = &s->slots[kind];
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].number == number)
            return strcmp(ending, "json") == 0 || strcmp(ending, list->items[i].ending) == 0;
    return 0;
}

/* Calls `take` with each file of ours. */
static int each(struct sampler *s,
                void (*take)(struct sampler *, const char *, int, uint64_t, const char *))
{
    DIR *d = opendir(s->folder);
    if (!d) {
        fprintf(stderr, "infer: %s: %s\n", s->folder, strerror(errno));
        return CLI_RESOURCES;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char ending[SAMPLE_ENDING];
        uint64_t number;
        int kind;
        if (parse(e->d_name, &kind, &number, ending))
            take(s, e->d_name, kind, number, ending);
    }
    closedir(d);
    return CLI_OK;
}

static void add_json(struct sampler *s, const char *name, int kind, uint64_t number,
                     const char *ending)
{
    struct slots *list = &s->slots[kind];
    struct slot slot = {.number = number};
    if (strcmp(ending, "json") != 0 || !read_slot(s, name, kind, &slot))
        return;
    list->items[list->count++] = slot;
    list->bytes += slot.bytes;
    sampler_make_room(s, kind, 0, 0, 0);
    s->last_number = number > s->last_number ? number : s->last_number;
}

static void drop_rest(struct sampler *s, const char *name, int kind, uint64_t number,
                      const char *ending)
{
    char path[SAMPLE_PATH];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    if (!is_held(s, kind, number, ending))
        unlink(path);
}

int sampler_take_over(struct sampler *s)
{
    const int status = each(s, add_json);
    return status == CLI_OK ? each(s, drop_rest) : status;
}
