/* The formula of --plan-scaling; docs/scaling.md has it in words. */
#include <math.h>
#include <string.h>

#include "bench/scaling.h"

enum { MOST_MEMBERS = 1024 };

/* A member's part of the units that nobody has claimed yet: [begin, end). */
struct part {
    uint32_t begin, end;
    double clock; /* when its owner looks for the next unit */
};

static int next_unit(struct part *p, unsigned members, unsigned member, uint32_t *unit)
{
    if (p[member].begin < p[member].end) {
        *unit = p[member].begin++;
        return 1;
    }
    for (unsigned k = 1; k < members; k++) {
        struct part *other = &p[(member + k) % members];
        if (other->begin < other->end) {
            *unit = --other->end;
            return 1;
        }
    }
    return 0;
}

double scaling_makespan(const struct scaling_job *job, unsigned members)
{
    struct part p[MOST_MEMBERS];
    double last = 0;
    members = members > MOST_MEMBERS ? MOST_MEMBERS : members;
    for (unsigned i = 0; i < members; i++)
        p[i] = (struct part){(uint32_t)((uint64_t)job->units * i + members - 1) / members,
                             (uint32_t)((uint64_t)job->units * (i + 1) + members - 1) / members, 0};
    for (uint32_t taken = 0; taken < job->units; taken++) {
        unsigned first = 0;
        uint32_t unit = 0;
        for (unsigned i = 1; i < members; i++)
            first = p[i].clock < p[first].clock ? i : first;
        if (!next_unit(p, members, first, &unit))
            break;
        p[first].clock += job->ns[unit];
        last = fmax(last, p[first].clock);
    }
    return last;
}

double scaling_bandwidth(const struct scaling_machine *m, unsigned threads)
{
    double most = threads > m->cpus ? m->server_gbytes : m->all_gbytes;
    return threads == 1 ? m->thread_gbytes : fmin(most, m->thread_gbytes * threads);
}

static double handoff(const struct scaling_machine *m, unsigned threads)
{
    return threads > 1 ? m->handoff_ns + m->line_ns * (threads - 2) : 0;
}

struct scaling_bound scaling_bound_of(const struct scaling_machine *m, const struct scaling_work *w,
                                      unsigned threads)
{
    struct scaling_bound b = {.serial_ns = w->serial_ns, .jobs = w->njobs};
    const double crowd = threads > 1 && threads <= m->cpus ? m->crowd : 1;
    double work = 0, last = 0;
    for (uint32_t k = 0; k < w->njobs; k++) {
        for (uint32_t u = 0; u < w->jobs[k].units; u++)
            work += crowd * w->jobs[k].ns[u];
        last += crowd * scaling_makespan(&w->jobs[k], threads);
        b.units += w->jobs[k].units;
        b.handoff_ns += handoff(m, threads);
    }
    b.work_ns = work / threads;
    b.imbalance_ns = last - b.work_ns;
    /* Of what a thread reads, others have written all but its own share; in a step of one thread
     * that thread reads it all. */
    if (threads > 1 && m->far_gbytes > 0)
        b.far_ns = w->moved_bytes * (1 - 1.0 / threads) / m->far_gbytes / (w->njobs ? threads : 1);
    double so_far = b.serial_ns + last + b.far_ns;
    b.memory_ns = fmax(0, w->weight_bytes / scaling_bandwidth(m, threads) - so_far);
    if (threads == 1)
        b.memory_ns = 0; /* is in what was measured */
    b.total_ns = so_far + b.memory_ns + b.handoff_ns;
    return b;
}

void scaling_add(struct scaling_bound *sum, const struct scaling_bound *b)
{
    sum->work_ns += b->work_ns;
    sum->imbalance_ns += b->imbalance_ns;
    sum->serial_ns += b->serial_ns;
    sum->far_ns += b->far_ns;
    sum->memory_ns += b->memory_ns;
    sum->handoff_ns += b->handoff_ns;
    sum->total_ns += b->total_ns;
    sum->units += b->units;
    sum->jobs += b->jobs;
}

const char *scaling_limit(const struct scaling_bound *b)
{
    const double parts[] = {b->imbalance_ns, b->serial_ns, b->far_ns, b->memory_ns, b->handoff_ns};
    static const char *const names[] = {"imbalance", "one unit", "other caches", "memory",
                                        "hand-off"};
    int worst = 0;
    for (int i = 1; i < 5; i++)
        worst = parts[i] > parts[worst] ? i : worst;
    return parts[worst] > 0.1 * b->total_ns ? names[worst] : "work";
}
