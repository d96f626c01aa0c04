/* F4: whatever a network's outputs are, what reads them takes bounded time and memory, and says
 * nothing that is no answer. A million candidates (all alike, spread out, NaN, infinities, turned,
 * none above the threshold), maps of text and of classes, steps of text, boxes that are followed;
 * and the seeds of fuzz_decoder, which go through every family's decoder.
 *
 * Costs are taken in a child for each case: resident memory at its highest above that at the
 * beginning, and time of the processor. Under a sanitizer they mean nothing and are not looked at.
 */
#include <dirent.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer/candidates.h"
#include "answer/ctc.h"
#include "answer/nms.h"
#include "answer/regions.h"
#include "base/memory.h"
#include "infer_text.h"
#include "tests/fuzz/require.h"
#include "tests/reliability/check.h"

#if defined(__SANITIZE_ADDRESS__)
enum { MEASURED = 0 };
#else
enum { MEASURED = 1 };
#endif
enum { MB = 1 << 20, MOST_MB = 256, MOST_MS = 2000, KEPT = 300 };
enum { CANDIDATES = 1000000, FIELDS = 6 };

static struct check check = {.title = "F4 decoders"};
static uint64_t cases, most_mb, most_ms;
static uint32_t state = 9;

static float uniform(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0F;
}

/* ---- apart ---------------------------------------------------------------------------------- */

struct cost {
    uint64_t mb, ms;
};

static uint64_t status_line(const char *name)
{
    char line[256];
    unsigned long long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtoull(line + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static uint64_t cpu_ms(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
           (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}

/* In a child: `try_it` returns 0 where something does not hold. */
static void try_apart(const char *name, int (*try_it)(const void *), const void *ctx)
{
    int ends[2], status = 1;
    struct cost cost = {0, 0};
    cases++;
    if (pipe(ends)) {
        check_failed(&check, "no pipe");
        return;
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const uint64_t before = status_line("VmRSS"), began = cpu_ms();
        if (!try_it(ctx))
            _exit(1);
        const uint64_t after = status_line("VmHWM");
        cost = (struct cost){after > before ? (after - before) / 1024 : 0, cpu_ms() - began};
        _exit(write(ends[1], &cost, sizeof cost) != (ssize_t)sizeof cost);
    }
    close(ends[1]);
    const int got = read(ends[0], &cost, sizeof cost) == (ssize_t)sizeof cost;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || status || !got) {
        check_failed(&check, "%s: the process ended, or an answer is none", name);
        return;
    }
    if (getenv("INFER_VERBOSE"))
        printf("%-40s %5llu MB %6llu ms\n", name, (unsigned long long)cost.mb,
               (unsigned long long)cost.ms);
    if (MEASURED && (cost.mb > MOST_MB || cost.ms > MOST_MS))
        check_failed(&check, "%s: %llu MB, %llu ms", name, (unsigned long long)cost.mb,
                     (unsigned long long)cost.ms);
    most_mb = cost.mb > most_mb ? cost.mb : most_mb;
    most_ms = cost.ms > most_ms ? cost.ms : most_ms;
}

/* ---- boxes ---------------------------------------------------------------------------------- */

enum numbers { ALIKE, SPREAD, NANS, INFINITIES, LARGE, NOTHING, TURNED, MIXED, EVERY_KIND };

static const char *const names[] = {"all alike", "spread",  "NaN",    "infinities",
                                    "large",     "nothing", "turned", "some of all"};

static void fill(float *row, enum numbers kind)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38F, -3e38F, 1e-45F, 0, -1};
    const float alike[] = {50, 60, 20, 30, 0.9F, 0};
    for (int k = 0; k < FIELDS; k++)
        row[k] = alike[k];
    if (kind == ALIKE)
        return;
    row[0] = 3840 * uniform();
    row[1] = 2160 * uniform();
    row[2] = 10 + 200 * uniform();
    row[3] = 10 + 200 * uniform();
    row[4] = 0.3F + 0.7F * uniform();
    row[5] = kind == TURNED ? 3 * uniform() : 0;
    if (kind == NOTHING)
        row[4] = 0;
    for (int k = 0; k < FIELDS; k++)
        if (kind == NANS)
            row[k] = NAN;
        else if (kind == INFINITIES)
            row[k] = k == 1 ? -INFINITY : INFINITY;
        else if (kind == LARGE && k != 4)
            row[k] = 3e38F * (uniform() - 0.5F);
        else if (kind == MIXED && uniform() < 0.2F)
            row[k] = odd[(int)(uniform() * 8) & 7];
}

static int read_boxes(const void *ctx)
{
    const enum numbers kind = *(const enum numbers *)ctx;
    const infer_allocator a = infer__allocator(NULL);
    const infer_transform t = {.size = sizeof t, .scale_x = 1, .scale_y = 1};
    infer_decoding d = INFER_DECODING_INIT;
    struct infer__reading r;
    infer_box *boxes = NULL, kept[KEPT];
    size_t count = 0, found = 0;
    infer_error err;
    float *rows = malloc(sizeof(float[FIELDS]) * CANDIDATES);
    REQUIRE(rows != NULL);
    for (size_t i = 0; i < CANDIDATES; i++)
        fill(rows + i * FIELDS, kind);
    d.task = INFER_TASK_DETECT;
    d.classes = 1;
    d.scores_first = 4;
    d.box_form = INFER_BOX_CENTRE;
    d.angle = kind == TURNED || kind == MIXED ? 5 : -1;
    const infer_tensor output = {.type = INFER_F32,
                                 .rank = 3,
                                 .dims = {1, CANDIDATES, FIELDS},
                                 .data = rows,
                                 .bytes = sizeof(float[FIELDS]) * CANDIDATES};
    const infer_nms_options o = {.size = sizeof o,
                                 .allocator = a,
                                 .score_threshold = 0.25F,
                                 .iou_threshold = 0.5F,
                                 .most_candidates = d.angle < 0 ? 0 : 30000};
    REQUIRE(infer__reading_of(&d, &output, 1, 0, 3840, 2160, &r, &err) == INFER_OK);
    REQUIRE(infer__find_candidates(&r, 0.25F, &t, &a, &boxes, &count, &err) == INFER_OK);
    REQUIRE(infer__nms(boxes, count, &o, kept, KEPT, &found, &err) == INFER_OK);
    REQUIRE(found <= KEPT && (kind != ALIKE || found == 1));
    REQUIRE((kind != NANS && kind != NOTHING) || found == 0);
    for (size_t i = 0; i < found; i++)
        REQUIRE(kept[i].score > 0.25F && !isnan(kept[i].x0) && !isnan(kept[i].y1));
    infer__free(&a, boxes);
    free(rows);
    return 1;
}

static int follow(const void *ctx)
{
    enum { BOXES = 1000 };
    const enum numbers kind = *(const enum numbers *)ctx;
    static infer_box boxes[BOXES];
    static uint64_t ids[BOXES];
    infer_tracker *t;
    REQUIRE(infer_tracker_create(NULL, &t, NULL) == INFER_OK);
    for (int frame = 0; frame < 20; frame++) {
        for (int i = 0; i < BOXES; i++) {
            float v[FIELDS];
            fill(v, kind);
            boxes[i] = (infer_box){
                .x0 = v[0], .y0 = v[1], .x1 = v[0] + v[2], .y1 = v[1] + v[3], .score = v[4]};
        }
        REQUIRE(infer_tracker_update(t, boxes, BOXES, ids, NULL) == INFER_OK);
    }
    infer_tracker_free(&t);
    return 1;
}

/* ---- text ----------------------------------------------------------------------------------- */

enum { SIDE = 2048 };

/* Every pixel of a map by one rule: dots, stripes, a comb, noise, NaN. */
static int read_map(const void *ctx)
{
    const int kind = *(const int *)ctx;
    const infer_allocator a = infer__allocator(NULL);
    const struct infer__regions_rule rule = {0.3F, 0.1F, 1.5F, 1};
    struct infer__region_found *found = NULL;
    size_t count;
    infer_error err;
    float *map = malloc(sizeof(float) * SIDE * SIDE);
    REQUIRE(map != NULL);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int is = kind == 0   ? x % 2 == 0 && y % 2 == 0
                           : kind == 1 ? y % 2 == 0
                           : kind == 2 ? x % 2 == 0 || y == 0
                                       : uniform() < 0.4F;
            map[(size_t)y * SIDE + (size_t)x] = kind == 4 ? NAN : is ? 0.9F : 0;
        }
    const struct infer__map m = {map, SIDE, SIDE};
    REQUIRE(infer__regions_find(&m, &rule, &a, &found, &count, &err) == INFER_OK);
    REQUIRE(infer__regions_order(found, count, 1000) <= 1000);
    REQUIRE(kind != 4 || count == 0);
    infer__free(&a, found);
    free(map);
    return 1;
}

static const char *label_of(const void *ctx, int64_t class)
{
    (void)ctx;
    return class % 2 ? "\xc3\xa4" : "a";
}

static int read_steps(const void *ctx)
{
    enum { STEPS = 100000, CLASSES = 50 };
    const int kind = *(const int *)ctx;
    char room[64];
    infer_text text = {.text = room, .room = sizeof room};
    float *v = malloc(sizeof(float[CLASSES]) * STEPS);
    REQUIRE(v != NULL);
    for (size_t i = 0; i < (size_t)CLASSES * STEPS; i++)
        v[i] = kind == 0 ? NAN : kind == 1 ? INFINITY : uniform();
    const struct infer__steps s = {v, STEPS, CLASSES, 0};
    infer__ctc_read(&s, label_of, NULL, &text);
    REQUIRE(memchr(room, 0, sizeof room) && text.count <= STEPS);
    REQUIRE(kind != 0 || text.count == 0);
    free(v);
    return 1;
}

/* ---- every family --------------------------------------------------------------------------- */

struct seed {
    uint8_t *bytes;
    size_t size;
};

static int read_seed(const void *ctx)
{
    const struct seed *s = ctx;
    LLVMFuzzerTestOneInput(s->bytes, s->size);
    return 1;
}

static void try_seeds(void)
{
    static const char folder[] = "tests/fuzz/seeds/decoder";
    uint8_t bytes[8192];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        struct seed s = {.size = fread(bytes, 1, sizeof bytes, f)};
        fclose(f);
        s.bytes = fuzz_block(bytes, s.size);
        try_apart(e->d_name, read_seed, &s);
        free(s.bytes);
    }
    if (d)
        closedir(d);
    else
        check_failed(&check, "%s: it can't be read", folder);
}

int main(void)
{
    char name[64];
    for (int k = 0; k < EVERY_KIND; k++) {
        const enum numbers kind = (enum numbers)k;
        snprintf(name, sizeof name, "a million boxes, %s", names[k]);
        try_apart(name, read_boxes, &kind);
        snprintf(name, sizeof name, "following, %s", names[k]);
        try_apart(name, follow, &kind);
    }
    for (int kind = 0; kind < 5; kind++) {
        snprintf(name, sizeof name, "a map of text, %d", kind);
        try_apart(name, read_map, &kind);
    }
    for (int kind = 0; kind < 3; kind++) {
        snprintf(name, sizeof name, "steps of text, %d", kind);
        try_apart(name, read_steps, &kind);
    }
    try_seeds();
    return check_report(&check, "%llu cases, at most %llu MB and %llu ms",
                        (unsigned long long)cases, (unsigned long long)most_mb,
                        (unsigned long long)most_ms);
}
