#include "tools/hammer/schedule.h"

#include <math.h>

#include "tools/random_fill.h"

int schedule_add(struct schedule *s, double rate, double percent, double duration_s, int warmup)
{
    if (s->count == SCHEDULE_MOST_STEPS)
        return 0;
    s->steps[s->count] = (struct schedule_step){.rate = rate,
                                                .percent = percent,
                                                .begin_s = schedule_seconds(s),
                                                .duration_s = duration_s,
                                                .warmup = warmup};
    s->count++;
    return 1;
}

double schedule_seconds(const struct schedule *s)
{
    const struct schedule_step *last = s->steps + s->count - 1;
    return s->count ? last->begin_s + last->duration_s : 0;
}

int schedule_step_at(const struct schedule *s, double seconds)
{
    int i = 0;
    while (i + 1 < s->count && seconds >= s->steps[i + 1].begin_s)
        i++;
    return i;
}

double random_part(uint64_t *state)
{
    return (double)(random_fill_bits(state) >> 11) * 0x1p-53;
}

void arrivals_begin(struct arrivals *a, const struct schedule *s)
{
    *a = (struct arrivals){.schedule = s, .state = s->seed};
}

int arrivals_next(struct arrivals *a, int64_t *at_ns, int *step)
{
    const struct schedule *s = a->schedule;
    while (a->step < s->count) {
        const struct schedule_step *now = s->steps + a->step;
        const double gap = s->uniform ? 1 : -log1p(-random_part(&a->state));
        a->at_s += gap / now->rate;
        if (a->at_s < now->begin_s + now->duration_s) {
            if (!now->warmup && s->most && a->counted == s->most)
                return 0;
            a->counted += !now->warmup;
            a->index++;
            *at_ns = (int64_t)(a->at_s * 1e9);
            *step = a->step;
            return 1;
        }
        /* an exponential gap has no memory, so the next step may begin with a new one */
        a->step++;
        a->at_s = now->begin_s + now->duration_s;
    }
    return 0;
}
