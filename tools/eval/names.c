#include "tools/eval/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"

infer_status names_add(struct name_list *l, int64_t id, const char *text, infer_error *err)
{
    char *copy = infer__region_string(l->region, text);
    if (!copy || (l->count == l->capacity &&
                  !infer__region_grow(l->region, (void **)&l->items, &l->capacity,
                                      infer__length_add(l->count, 1), sizeof *l->items)))
        return infer__no_memory(err, sizeof *l->items);
    l->items[l->count++] = (struct name){id, copy};
    return INFER_OK;
}

/* ---- ids ------------------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const struct name *)a)->id, y = ((const struct name *)b)->id;
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

void names_sort_texts(struct name_list *l)
{
    if (l->count)
        qsort(l->items, l->count, sizeof *l->items, by_text);
}

/* Sorts; the index of the first of two items with one id, or the count. */
static uint32_t sort_ids(struct name_list *l)
{
    uint32_t i = 1;
    if (l->count)
        qsort(l->items, l->count, sizeof *l->items, by_id);
    while (i < l->count && l->items[i - 1].id != l->items[i].id)
        i++;
    return i < l->count ? i - 1 : l->count;
}

infer_status names_sort(struct name_list *l, const char *what, infer_error *err)
{
    const uint32_t twice = sort_ids(l);
    FAIL_IF(twice < l->count, INFER_ERROR_FORMAT, "two of the %s have the id %lld", what,
            (long long)l->items[twice].id);
    return INFER_OK;
}

int64_t names_by_id(const struct name_list *l, int64_t id)
{
    const struct name key = {id, NULL};
    const struct name *found =
        l->count ? bsearch(&key, l->items, l->count, sizeof *l->items, by_id) : NULL;
    return found ? found - l->items : NAME_NONE;
}

/* The number that a stem is, or -1: up to 15 digits, so that a double holds it. */
static int64_t stem_number(const char *path)
{
    const char *start;
    const size_t n = names_stem(path, &start);
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (start[i] < '0' || start[i] > '9' || n > 15)
            return -1;
        v = 10 * v + (start[i] - '0');
    }
    return n ? v : -1;
}

infer_status names_number(struct name_list *l, infer_error *err)
{
    int64_t next = 0;
    names_sort_texts(l);
    for (uint32_t i = 0; i < l->count; i++) {
        l->items[i].id = stem_number(l->items[i].text);
        next = l->items[i].id > next ? l->items[i].id : next;
    }
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].id < 0)
            l->items[i].id = ++next;
    if (sort_ids(l) < l->count) {
        names_sort_texts(l);
        for (uint32_t i = 0; i < l->count; i++)
            l->items[i].id = i + 1;
    }
    return names_sort(l, "pictures", err);
}

/* ---- texts ---------------------------------------------------------------------------------- */

int64_t names_by_text(const struct name_list *l, const char *text)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].text, text) == 0)
            return i;
    return NAME_NONE;
}

/* Endings that a picture, its mask or its label file may have. */
static int is_ending(const char *dot)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".bmp", ".gif",
                                          ".tga", ".ppm",  ".pgm", ".pnm", ".webp",
                                          ".tif", ".tiff", ".xml", ".txt"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return 1;
    return 0;
}

size_t names_stem(const char *path, const char **start)
{
    const char *slash = strrchr(path, '/');
    *start = slash ? slash + 1 : path;
    const char *dot = strrchr(*start, '.');
    return dot && dot > *start && is_ending(dot) ? (size_t)(dot - *start) : strlen(*start);
}

static int compare_stems(const char *a, const char *b)
{
    const char *x, *y;
    const size_t n = names_stem(a, &x), m = names_stem(b, &y);
    const int order = memcmp(x, y, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static int by_stem(const void *a, const void *b, void *items)
{
    const struct name *all = items;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const int order = compare_stems(all[x].text, all[y].text);
    return order ? order : (x > y) - (x < y);
}

static int index_stems(struct name_list *l)
{
    l->by_stem = infer__region_take(l->region, infer__array_bytes(l->count, sizeof *l->by_stem));
    for (uint32_t i = 0; l->by_stem && i < l->count; i++)
        l->by_stem[i] = i;
    if (l->by_stem && l->count)
        qsort_r(l->by_stem, l->count, sizeof *l->by_stem, by_stem, l->items);
    return l->by_stem != NULL;
}

/* Length of the folders in a path. */
static size_t folders(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

/* Whether one path's folders are the last of the other's. */
static int same_folders(const char *a, const char *b)
{
    const size_t n = folders(a), m = folders(b), least = n < m ? n : m;
    const char *x = a + n - least, *y = b + m - least;
    const char *before = n > m ? x : y;
    return memcmp(x, y, least) == 0 && (n == m || least == 0 || before[-1] == '/');
}

int64_t names_by_file(struct name_list *l, const char *text)
{
    uint32_t low = 0, high = l->count;
    int64_t found = NAME_NONE;
    if (!l->by_stem && !index_stems(l))
        return NAME_NONE;
    while (low < high) { /* the first stem that is not before it */
        const uint32_t middle = low + (high - low) / 2;
        if (compare_stems(l->items[l->by_stem[middle]].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    int exact = 0; /* matches by the whole text are better than others */
    for (; low < l->count && compare_stems(l->items[l->by_stem[low]].text, text) == 0; low++) {
        const uint32_t i = l->by_stem[low];
        const int same = strcmp(l->items[i].text, text) == 0;
        if (same < exact || !same_folders(l->items[i].text, text))
            continue;
        found = found == NAME_NONE || same > exact ? (int64_t)i : NAME_TWICE;
        exact = same;
    }
    return found;
}
