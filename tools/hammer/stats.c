#include "tools/hammer/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int stats_init(struct stats *s, int steps, size_t records_most)
{
    *s = (struct stats){.count = steps, .records_most = records_most};
    s->steps = calloc((size_t)steps, sizeof *s->steps);
    return s->steps != NULL;
}

void stats_free(struct stats *s)
{
    for (int i = 0; s->steps && i < s->count; i++)
        for (int k = 0; k < s->steps[i].count; k++)
            free(s->steps[i].outcomes[k]);
    free(s->steps);
    free(s->records);
    *s = (struct stats){0};
}

static struct outcome *outcome_of(struct step_stats *s, int kind)
{
    for (int i = 0; i < s->count; i++)
        if (s->outcomes[i]->kind == kind)
            return s->outcomes[i];
    if (s->count ==
        STATS_MOST_OUTCOMES) /* more statuses than there are: the last stands for them */
        return s->outcomes[s->count - 1];
    struct outcome *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->kind = kind;
    s->outcomes[s->count++] = o;
    return o;
}

static int keep_record(struct stats *s, const struct record *r)
{
    if (s->nrecords >= s->records_most) {
        s->records_lost += s->records_most > 0;
        return 1;
    }
    if (s->nrecords == s->records_room) {
        const size_t room = s->records_room ? s->records_room * 2 : 4096;
        struct record *more = realloc(s->records, room * sizeof *more);
        if (!more)
            return 0;
        s->records = more;
        s->records_room = room;
    }
    s->records[s->nrecords++] = *r;
    return 1;
}

int stats_add(struct stats *s, const struct record *r)
{
    struct outcome *o = outcome_of(s->steps + r->step, r->kind);
    if (!o)
        return 0;
    hdr_add(&o->response, r->done - r->due);
    if (r->sent >= 0)
        hdr_add(&o->service, r->done - r->sent);
    return keep_record(s, r);
}

static int merge_step(struct step_stats *s, const struct step_stats *from)
{
    for (int i = 0; i < from->count; i++) {
        struct outcome *o = outcome_of(s, from->outcomes[i]->kind);
        if (!o)
            return 0;
        hdr_merge(&o->response, &from->outcomes[i]->response);
        hdr_merge(&o->service, &from->outcomes[i]->service);
    }
    s->issued += from->issued;
    s->accepted += from->accepted;
    s->retried += from->retried;
    s->waited += from->waited;
    s->bytes += from->bytes;
    hdr_merge(&s->late, &from->late);
    return 1;
}

int stats_merge(struct stats *s, const struct stats *from)
{
    int good = 1;
    for (int i = 0; good && i < s->count; i++)
        good = merge_step(s->steps + i, from->steps + i);
    for (size_t i = 0; good && i < from->nrecords; i++)
        good = keep_record(s, from->records + i);
    s->records_lost += from->records_lost;
    return good;
}

const struct outcome *stats_find(const struct step_stats *s, int kind)
{
    for (int i = 0; i < s->count; i++)
        if (s->outcomes[i]->kind == kind)
            return s->outcomes[i];
    return NULL;
}

void stats_accepted(const struct step_stats *s, struct outcome *sum)
{
    for (int i = 0; i < s->count; i++) {
        if (!outcome_accepted(s->outcomes[i]->kind))
            continue;
        sum->kind = s->outcomes[i]->kind;
        hdr_merge(&sum->response, &s->outcomes[i]->response);
        hdr_merge(&sum->service, &s->outcomes[i]->service);
    }
}

const char *outcome_name(int kind, char *text, size_t size)
{
    static const char *const names[] = {"?",      "no connection", "closed early",
                                        "broken", "timeout",       "wrong answer"};
    if (kind > 0 && kind <= OUTCOME_WRONG)
        return names[kind];
    snprintf(text, size, "%d", kind);
    return text;
}
