/* Which kernels may have large packed weights. A kernel that needs fewer products may need more
 * bytes for its weights (Winograd's have up to seven times as many); where all weights together
 * would pass a limit, kernels give bytes back where those gain the least time.
 *
 * A price is put on a byte, in nanoseconds: each step takes the kernel whose time, and its bytes at
 * that price, are the least. The higher the price, the fewer bytes, so the lowest price that keeps
 * to the limit is searched for. Right below it some steps would still choose larger forms: they get
 * them in their order as far as that goes, so that equal layers need not all do the same. Estimates
 * are of one thread, as all choices: what is chosen must not depend on how many there are. */
#include <math.h>

#include "plan/passes.h"
#include "plan/select.h"

#include "base/size.h"

enum {
    SLOWER = 8, /* times the best estimate: such a kernel is no choice */
    ROUNDS = 60
};

/* Of the default: so many times the weights, or so many bytes more where that is little; and what a
 * byte may cost at most. A smaller plan that takes more for it is not wanted unless it is asked
 * for. */
static const double default_factor = INFER__WEIGHTS_FACTOR;
static const uint64_t default_more = 1 << 20;
static const double default_most_price = 0.25;

/* Of a limit that was asked for: between the time of nothing and that of everything. */
static const double least_price = 1e-9, most_price = 1e9;

/* A kernel for a step, prepared. */
struct form {
    struct infer__step step;
    double ns; /* of all images */
    uint64_t bytes;
};

/* A step whose packed weights may be smaller: forms [begin, end), the fastest first, each smaller
 * than those before it. */
struct choice {
    uint32_t step;
    uint32_t begin, end, now;
    uint32_t before; /* what it was at a price that is too low for all */
};

struct weigher {
    struct infer__plan *plan;
    struct infer__region scratch;
    struct choice *choices;
    uint32_t nchoices;
    struct form *forms;
    uint32_t nforms, capacity;
    uint64_t fixed; /* bytes of all other steps */
    int asked;      /* 1: the limit was asked for */
};

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t packed_bytes(const struct infer__step *s)
{
    const uint64_t bytes = s->kernel->pack ? infer__bytes_count(s->need.packed_bytes) : 0;
    return (uint64_t)infer__count_align((int64_t)bytes, 64);
}

/* Bytes of a step's constants, as they are before they are packed. */
static uint64_t plain_bytes(const struct infer__step *s)
{
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < s->task.nin; k++)
        if (s->task.in[k].is_const && s->task.in[k].data)
            bytes = sum(bytes, infer__array_bytes((size_t)infer__operand_elements(&s->task.in[k]),
                                                  infer_type_size((infer_type)s->task.in[k].type)));
    return bytes;
}

/* What a run reads of a step's weights: a kernel that packs none reads the constants. */
static uint64_t used_bytes(const struct infer__step *s)
{
    const uint64_t packed = packed_bytes(s);
    return packed ? packed : plain_bytes(s);
}

/* ---- the forms of a step -------------------------------------------------------------------- */

static infer_status add_form(struct weigher *w, const struct infer__step *s, double ns,
                             infer_error *err)
{
    void *forms = w->forms;
    if (!infer__region_grow(&w->scratch, &forms, &w->capacity, w->nforms + 1, sizeof *w->forms))
        return infer__no_memory(err, (w->nforms + 1) * sizeof *w->forms);
    w->forms = forms;
    w->forms[w->nforms++] = (struct form){*s, ns, used_bytes(s)};
    return INFER_OK;
}

/* The step as it would be with another kernel: prepared where it stands, as cuts may point into its
 * task. */
static infer_status prepare_other(struct weigher *w, struct infer__step *s,
                                  const struct infer__kernel *kernel, struct infer__step *other,
                                  infer_error *err)
{
    const struct infer__step own = *s;
    s->kernel = kernel;
    s->tuned = 0;
    infer_status status = infer__prepare_step(w->plan, s, err);
    *other = *s;
    *s = own;
    return status;
}

/* Forms that are smaller than the one that was chosen. A kernel that allocates when it is prepared
 * is not tried: nobody would free it. */
static infer_status find_forms(struct weigher *w, struct infer__step *s, double times,
                               infer_error *err)
{
    struct infer__candidate c[INFER__MOST_CANDIDATES];
    const int n = infer__candidates(&s->task, c);
    const double own = infer__kernel_ns(s->kernel, &s->task), best = n ? fmin(own, c[0].ns) : own;
    TRY(add_form(w, s, own * times, err));
    for (int i = 0; i < n && c[i].ns <= SLOWER * best; i++) {
        struct infer__step other;
        if (c[i].kernel == s->kernel || c[i].kernel->release)
            continue;
        infer_status status = prepare_other(w, s, c[i].kernel, &other, err);
        if (status == INFER_ERROR_UNSUPPORTED)
            continue;
        TRY(status);
        if (used_bytes(&other) < w->forms[w->nforms - 1].bytes)
            TRY(add_form(w, &other, c[i].ns * times, err));
    }
    return INFER_OK;
}

/* Steps that are cut anew in each run keep their kernels: memory was taken for these. Without a
 * limit that was asked for those are left alone that have little to give back: preparing other
 * kernels takes time. */
static int may_be_smaller(const struct weigher *w, const struct infer__step *s)
{
    const uint64_t packed = packed_bytes(s), plain = plain_bytes(s);
    return !s->bounded && packed != 0 && (w->asked || packed > sum(plain, plain / 4));
}

static infer_status find_choices(struct weigher *w, infer_error *err)
{
    const struct infer__plan *plan = w->plan;
    w->choices = infer__region_calloc(&w->scratch, plan->nsteps, sizeof *w->choices);
    if (!w->choices)
        return infer__no_memory(err, plan->nsteps * sizeof *w->choices);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        struct infer__step *s = &plan->steps[i];
        const uint32_t begin = w->nforms;
        if (may_be_smaller(w, s))
            TRY(find_forms(w, s, i < plan->batch_from ? plan->images : 1, err));
        if (w->nforms - begin > 1)
            w->choices[w->nchoices++] = (struct choice){i, begin, w->nforms, begin, begin};
        else
            w->fixed = sum(w->fixed, packed_bytes(s));
    }
    return INFER_OK;
}

/* ---- the price of a byte -------------------------------------------------------------------- */

/* Lets each step choose at a price: the bytes of all. */
static uint64_t choose(struct weigher *w, double price)
{
    uint64_t bytes = w->fixed;
    for (uint32_t i = 0; i < w->nchoices; i++) {
        struct choice *c = &w->choices[i];
        double least = INFINITY;
        for (uint32_t k = c->begin; k < c->end; k++) {
            const double cost = w->forms[k].ns + price * (double)w->forms[k].bytes;
            if (cost <= least) {
                least = cost;
                c->now = k;
            }
        }
        bytes = sum(bytes, w->forms[c->now].bytes);
    }
    return bytes;
}

/* Form k for a step, if that keeps to the limit. */
static void prefer(const struct weigher *w, struct choice *c, uint32_t k, uint64_t limit,
                   uint64_t *bytes)
{
    const uint64_t more = w->forms[k].bytes - w->forms[c->now].bytes;
    if (k >= c->now || *bytes > limit || more > limit - *bytes)
        return;
    c->now = k;
    *bytes += more;
}

/* Gives what is left below the limit to steps that become faster with it: the bytes then. */
static uint64_t use_rest(struct weigher *w, uint64_t bytes, uint64_t limit)
{
    for (uint32_t i = 0; i < w->nchoices; i++)
        prefer(w, &w->choices[i], w->choices[i].before, limit, &bytes);
    for (uint32_t i = 0; i < w->nchoices; i++)
        for (uint32_t k = w->choices[i].begin; k < w->choices[i].now; k++)
            prefer(w, &w->choices[i], k, limit, &bytes);
    return bytes;
}

/* The lowest price, at most `most`, at which all keeps to the limit, or that one: the bytes then.
 */
static uint64_t find_price(struct weigher *w, uint64_t limit, double most)
{
    double low = least_price, high = most;
    if (choose(w, most) > limit)
        return choose(w, most);
    for (int i = 0; i < ROUNDS; i++) {
        const double middle = sqrt(low * high);
        if (choose(w, middle) > limit)
            low = middle;
        else
            high = middle;
    }
    (void)choose(w, low);
    for (uint32_t i = 0; i < w->nchoices; i++)
        w->choices[i].before = w->choices[i].now;
    return use_rest(w, choose(w, high), limit);
}

static void apply(struct weigher *w)
{
    for (uint32_t i = 0; i < w->nchoices; i++) {
        const struct choice *c = &w->choices[i];
        struct infer__step *s = &w->plan->steps[c->step];
        if (c->now == c->begin)
            continue;
        w->plan->weights.smaller++;
        if (s->kernel->release)
            s->kernel->release(s->need.cut);
        *s = w->forms[c->now].step;
    }
}

/* ---- the pass ------------------------------------------------------------------------------- */

static infer_status weigh(struct weigher *w, uint64_t limit, infer_error *err)
{
    const double most = w->asked ? most_price : default_most_price;
    TRY(find_choices(w, err));
    const uint64_t bytes = find_price(w, limit, most);
    FAIL_IF(w->asked && bytes > limit, INFER_ERROR_LIMIT,
            "packed weights need %llu bytes with the smallest kernels that there are: more than "
            "the limit, %llu (weight_bytes_limit)",
            (unsigned long long)bytes, (unsigned long long)limit);
    w->plan->weights.packed = bytes;
    apply(w);
    return INFER_OK;
}

infer_status infer__limit_weights(struct infer__plan *plan, const struct infer__plan_options *o,
                                  infer_error *err)
{
    uint64_t all = 0, plain = 0, limit = o->weight_bytes_limit;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        all = sum(all, packed_bytes(s));
        plain = sum(plain, packed_bytes(s) ? plain_bytes(s) : 0);
    }
    if (!limit) {
        const double most = default_factor * (double)plain;
        limit = most < 0x1p62 ? (uint64_t)most : UINT64_MAX;
        limit = limit - plain > default_more ? limit : sum(plain, default_more);
    }
    plan->weights = (struct infer__weights){.plain = plain, .packed = all, .limit = limit};
    if (all <= limit)
        return INFER_OK;
    struct weigher w = {.plan = plan, .asked = o->weight_bytes_limit != 0};
    infer__region_init(&w.scratch, &plan->allocator);
    infer_status status = weigh(&w, limit, err);
    infer__region_free(&w.scratch);
    return status;
}
