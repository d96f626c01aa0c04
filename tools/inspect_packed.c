/* What is packed in a model's file, and what it costs. */
#include "base/cpu.h"
#include "file/packed_section.h"
#include "run/session.h"
#include "tools/cli.h"
#include "tools/inspect.h"

/* The next section of packed weights from number *at on, or NULL. */
static const struct infer__section *next_packed(const infer_model *model, uint32_t *at)
{
    while (*at < model->nsections)
        if (model->sections[(*at)++].kind == INFER__SECTION_PACKED)
            return &model->sections[*at - 1];
    return NULL;
}

/* Why this library does not look into a section here, or NULL where it does. */
static const char *why_not(const struct infer__stored *p)
{
    const infer_isa level = (infer_isa)p->by.level;
    if (p->by.library != infer__stored_library())
        return "of another version of the library";
    if (!infer__isa_known(level) || infer__isa_usable(level) != level)
        return "of a level that this CPU lacks";
    return NULL;
}

static const char *level_name(const struct infer__stored *p)
{
    const infer_isa level = (infer_isa)p->by.level;
    return infer__isa_known(level) ? infer_isa_name(level) : "unknown";
}

void inspect_packed_text(FILE *f, const infer_model *model)
{
    const struct infer__section *s;
    uint32_t at = 0, n = 0;
    while ((s = next_packed(model, &at)) != NULL) {
        struct infer__stored p;
        infer__stored_open(s, &p);
        const char *why = why_not(&p);
        fprintf(f, "packed   for %s: %u weights, %zu bytes%s%s\n", level_name(&p), p.nentries,
                p.bytes, why ? "; not used here: " : "", why ? why : "");
        n++;
    }
    if (!n)
        fputs("packed   no: weights are packed when a session is made (see infer pack)\n", f);
}

void inspect_packed_json(FILE *f, const infer_model *model)
{
    const struct infer__section *s;
    uint32_t at = 0, n = 0;
    fputc('[', f);
    while ((s = next_packed(model, &at)) != NULL) {
        struct infer__stored p;
        infer__stored_open(s, &p);
        fprintf(f, "%s{\"level\": \"%s\", \"weights\": %u, \"bytes\": %zu, \"usable\": %s}",
                n++ ? ", " : "", level_name(&p), p.nentries, p.bytes,
                why_not(&p) ? "false" : "true");
    }
    fputc(']', f);
}

struct inspect_stored inspect_stored(const struct inspect *x)
{
    const struct infer__plan *plan = &x->session->program->plan;
    struct inspect_stored n = {0, 0, 0};
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        n.packed += s->packed != NULL;
        n.stored += s->stored;
        n.bytes += s->stored ? infer__bytes_count(s->need.packed_bytes) : 0;
    }
    return n;
}
