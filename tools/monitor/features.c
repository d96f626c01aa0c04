#include "tools/monitor/features.h"

#include <math.h>
#include <string.h>

#include "tools/cli.h"

static const struct {
    const char *name, *what;
    int input;
} table[] = {
#define ROW(id, name, input, what) {name, what, input},
    FEATURES(ROW)
#undef ROW
};

const char *feature_name(enum feature f)
{
    return table[f].name;
}

const char *feature_what(enum feature f)
{
    return table[f].what;
}

int feature_is_input(enum feature f)
{
    return table[f].input;
}

enum feature feature_find(const char *name)
{
    int i = 0;
    while (i < FEATURE_COUNT && strcmp(table[i].name, name) != 0)
        i++;
    return (enum feature)i;
}

void features_set(struct features *f, enum feature which, double value)
{
    f->value[which] = value;
    f->told |= 1U << which;
}

int features_has(const struct features *f, enum feature which)
{
    return (int)(f->told >> which & 1);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

void features_json(FILE *to, const struct features *f)
{
    const char *between = "{";
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!features_has(f, (enum feature)i))
            continue;
        fprintf(to, "%s\"%s\": ", between, table[i].name);
        json_number(to, f->value[i]);
        between = ", ";
    }
    fputs(f->told ? "}" : "{}", to);
}

static void member(FILE *to, const char *key, const char *text)
{
    if (!text)
        return;
    fprintf(to, ", \"%s\": ", key);
    json_string(to, text);
}

void features_log(FILE *to, double time, const char *model, const char *version,
                  const char *picture, const struct features *f)
{
    fprintf(to, "{\"time\": %.3f", isfinite(time) ? time : 0);
    member(to, "model", model);
    member(to, "version", version);
    member(to, "picture", picture);
    fputs(", \"features\": ", to);
    features_json(to, f);
    fputs("}\n", to);
}

int features_from_json(struct features *f, yyjson_val *object)
{
    yyjson_obj_iter it;
    *f = (struct features){0};
    yyjson_obj_iter_init(object, &it);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        const enum feature which = feature_find(yyjson_get_str(key));
        if (which == FEATURE_COUNT)
            continue;
        if (!yyjson_is_num(v) && !yyjson_is_null(v))
            return 0;
        features_set(f, which, yyjson_is_null(v) ? NAN : yyjson_get_num(v));
    }
    return 1;
}
