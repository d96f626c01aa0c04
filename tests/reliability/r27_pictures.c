/* R27: a picture file of up to 1 MB that is refused costs at most 64 MB and a second; one that is
 * taken at most three times its pixels, of 3 bytes or of as many as its format needs. Files of
 * every kind are refused at every length; libjpeg never ends the process.
 *
 * Costs are taken in a child for each file: resident memory at its highest above that at the
 * beginning, and time of the processor. Under a sanitizer they mean nothing and are not looked at.
 */
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/reliability/check.h"
#include "tests/reliability/picture_bombs.h"

#if defined(__SANITIZE_ADDRESS__)
enum { MEASURED = 0 };
#else
enum { MEASURED = 1 };
#endif
enum { MB = 1 << 20, REFUSED_BYTES = 64 * MB, REFUSED_MS = 1000 };

static struct check check = {.title = "R27 pictures"};
static uint64_t files, prefixes, most_bytes, most_ms; /* the most of those refused */

struct cost {
    infer_status status;
    uint64_t pixels, bytes, ms;
};

/* Kilobytes of a line of /proc/self/status. */
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

static void measure(const struct bytes *b, struct cost *cost)
{
    infer_image image;
    struct rusage use;
    uint64_t before = status_line("VmRSS");
    cost->status = infer_image_decode(b->p, b->n, NULL, &image, NULL);
    cost->pixels = (uint64_t)image.width * (uint64_t)image.height;
    getrusage(RUSAGE_SELF, &use);
    uint64_t after = status_line("VmHWM");
    cost->bytes = after > before ? (after - before) * 1024 : 0;
    cost->ms = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
               (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
    infer_image_free(&image);
}

/* In a child. 0 where it did not come back. */
static int decode_apart(const char *name, const struct bytes *b, struct cost *cost)
{
    int ends[2], status;
    if (pipe(ends))
        return 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        measure(b, cost);
        _exit(write(ends[1], cost, sizeof *cost) != (ssize_t)sizeof *cost);
    }
    close(ends[1]);
    int got = read(ends[0], cost, sizeof *cost) == (ssize_t)sizeof *cost;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || status || !got) {
        check_failed(&check, "%s: the process ended", name);
        return 0;
    }
    return 1;
}

/* `per_pixel`: bytes that the format needs for one. */
static void look_at_cost(const char *name, const struct bytes *b, uint64_t per_pixel,
                         struct cost *cost)
{
    files++;
    if (!decode_apart(name, b, cost) || !MEASURED)
        return;
    if (getenv("INFER_VERBOSE"))
        printf("%-28s %7zu bytes  status %2d  %5llu MB  %5llu ms\n", name, b->n, cost->status,
               (unsigned long long)cost->bytes / MB, (unsigned long long)cost->ms);
    uint64_t allowed = 3 * per_pixel * cost->pixels + 4 * MB;
    if (cost->status == INFER_OK) {
        if (cost->bytes > (allowed > REFUSED_BYTES ? allowed : REFUSED_BYTES))
            check_failed(&check, "%s: %llu bytes for %llu pixels", name,
                         (unsigned long long)cost->bytes, (unsigned long long)cost->pixels);
        return;
    }
    most_bytes = cost->bytes > most_bytes ? cost->bytes : most_bytes;
    most_ms = cost->ms > most_ms ? cost->ms : most_ms;
    if (b->n <= MB && (cost->bytes > REFUSED_BYTES || cost->ms > REFUSED_MS))
        check_failed(&check, "%s: refused for %llu bytes and %llu ms", name,
                     (unsigned long long)cost->bytes, (unsigned long long)cost->ms);
}

static void expect(const char *name, struct bytes b, uint64_t per_pixel, int taken)
{
    struct cost cost = {.status = INFER_ERROR_INTERNAL};
    look_at_cost(name, &b, per_pixel, &cost);
    if ((cost.status == INFER_OK) != taken)
        check_failed(&check, "%s: status %d", name, cost.status);
    free(b.p);
}

/* ---- bombs ---------------------------------------------------------------------------------- */

static struct bytes cut(struct bytes b, size_t n)
{
    b.n -= n;
    return b;
}

static void png_bombs(void)
{
    expect("png 1 bit", png_bomb(10000, 10000, 1, 0, 0, 0), 3, 1);
    expect("png 1 bit, short", png_bomb(10000, 10000, 1, 0, 0, 1000), 3, 0);
    expect("png 16 bits", png_bomb(4000, 4000, 16, 6, 0, 0), 8, 1);
    expect("png 16 bits, interlaced", png_bomb(4000, 4000, 16, 6, 1, 0), 8, 1);
    expect("png 16 bits, short", png_bomb(10000, 10000, 16, 6, 0, 1000), 8, 0);
    expect("png interlaced, short", png_bomb(10000, 10000, 8, 2, 1, 100000), 3, 0);
    expect("png of too much data", png_bomb(16, 16, 8, 2, 0, (uint64_t)-800000000), 3, 0);
    expect("png palette, cut", cut(png_bomb(10000, 10000, 8, 3, 0, 0), 16), 3, 0);
}

static void jpeg_bombs(void)
{
    static uint8_t flat[10000], busy[10000];
    uint32_t state = 5;
    for (size_t i = 0; i < sizeof busy; i++) /* all blocks alike, all coefficients used */
        busy[i] = i < 8 ? noise(&state) : busy[i - 8];
    expect("jpeg", jpeg_bomb(10000, 10000, BASELINE, flat), 3, 1);
    expect("jpeg, cut", cut(jpeg_bomb(10000, 10000, BASELINE, flat), 64), 3, 0);
    expect("jpeg progressive", jpeg_bomb(7000, 7000, PROGRESSIVE, flat), 3, 0);
    expect("jpeg progressive, cut", cut(jpeg_bomb(4900, 4900, PROGRESSIVE, flat), 3), 3, 0);
    expect("jpeg 64 scans", cut(jpeg_bomb(4900, 4900, SCANS, flat), 3), 3, 0);
    expect("jpeg arithmetic", jpeg_bomb(9000, 9000, ARITHMETIC, busy), 3, 1);
    expect("jpeg arithmetic, cut", cut(jpeg_bomb(9000, 9000, ARITHMETIC, busy), 3), 3, 0);
    expect("jpeg arithmetic progressive",
           cut(jpeg_bomb(4900, 4900, ARITHMETIC_PROGRESSIVE, busy), 3), 3, 0);
}

static void other_bombs(void)
{
    expect("gif, cut", gif_bomb(16384, 6000, 16384, 6000, 30000), 3, 0);
    expect("gif of one long frame", gif_bomb(3000, 3000, 1, 1, 900000), 3, 0);
    expect("gif outside", gif_bomb(16384, 6000, 16385, 1, 30000), 3, 0);
    expect("tga runs, cut", tga_bomb(8192, 6144), 3, 0);
    expect("bmp 1 bit, cut", bmp_bomb(2800, 2800), 3, 0);
    struct bytes pnm = {0};
    put(&pnm, "P6 577 577 255\n", 15);
    expect("pnm, cut", pnm, 3, 0);
}

/* ---- every length --------------------------------------------------------------------------- */

/* All prefixes but those of `spare` bytes less, which only lack what nobody needs. */
static void truncate_all(const char *name, struct bytes b, size_t spare)
{
    infer_image image;
    for (size_t n = 0; n <= b.n; n++, prefixes++) {
        uint8_t *copy = exact_copy(b.p, n);
        infer_status status = infer_image_decode(copy, n, NULL, &image, NULL);
        if (n == b.n ? status != INFER_OK : n < b.n - spare && status == INFER_OK)
            check_failed(&check, "%s: status %d at %zu of %zu bytes", name, status, n, b.n);
        if ((status == INFER_OK) != (image.pixels != NULL))
            check_failed(&check, "%s: status %d and a picture", name, status);
        infer_image_free(&image);
        free(copy);
    }
    free(b.p);
}

static void truncate_kinds(void)
{
    enum { W = 21, H = 17 };
    static uint8_t pixels[W * H * 4], row[64];
    uint32_t state = 3;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = noise(&state);
    for (size_t i = 0; i < sizeof row; i++)
        row[i] = noise(&state);
    truncate_all("png", make_png(W, H, pixels, 3), 0);
    truncate_all("png interlaced", png_bomb(W, H, 4, 0, 1, 0), 0);
    truncate_all("png 16 bits", png_bomb(W, H, 16, 4, 0, 0), 0);
    truncate_all("jpeg", make_jpeg(W, H, 3, pixels, 0, 6), 0);
    truncate_all("jpeg progressive", make_jpeg(W, H, 3, pixels, 1, 0), 0);
    truncate_all("jpeg cmyk", make_jpeg(W, H, 4, pixels, 0, 0), 0);
    truncate_all("jpeg grey", jpeg_bomb(64, 64, BASELINE, row), 0);
    truncate_all("jpeg arithmetic", jpeg_bomb(64, 64, ARITHMETIC, row), 0);
    truncate_all("jpeg arithmetic progressive", jpeg_bomb(64, 64, ARITHMETIC_PROGRESSIVE, row), 0);
    struct bytes gif = gif_bomb(W, H, W, H, 60), tga = tga_bomb(64, 64), bmp = bmp_bomb(40, 9);
    put(&gif, "", 1);
    truncate_all("gif", gif, 0);
    put(&tga, "\xff", 2);
    truncate_all("tga", tga, 0);
    put(&bmp, "\0\0\0\0", 4);
    truncate_all("bmp", bmp, 3); /* the padding of the last row, nearly a word */
    struct bytes pnm = {0};
    put(&pnm, "P6 7 5 255\n", 11);
    put(&pnm, pixels, 7 * 5 * 3);
    truncate_all("pnm", pnm, 0);
}

/* ---- files from outside --------------------------------------------------------------------- */

static void walk_folder(const char *folder)
{
    char path[1024];
    struct stat st;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        const char *ending = strrchr(path, '.');
        if (stat(path, &st) || !S_ISREG(st.st_mode) || !ending ||
            strstr(".csv.md.infer.onnx", ending))
            continue;
        struct bytes b = {malloc((size_t)st.st_size + 1), (size_t)st.st_size};
        FILE *f = fopen(path, "rb");
        struct cost cost = {0};
        if (f && b.p && fread(b.p, 1, b.n, f) == b.n)
            look_at_cost(e->d_name, &b, strstr(e->d_name, "16") ? 8 : 3, &cost);
        if (f)
            fclose(f);
        free(b.p);
    }
    if (d)
        closedir(d);
}

/* ---- stored preprocessing ------------------------------------------------------------------- */

/* Resized to 65535 x 65535, of which 8 x 8 remain: 12 GB if all of it were made. */
static void preprocess_bomb(void)
{
    static uint8_t pixels[64 * 64 * 3];
    infer_image image = {.pixels = pixels, .width = 64, .height = 64, .channels = 3};
    uint8_t bytes[8 * 8 * 3];
    infer_tensor out = {
        .type = INFER_U8, .rank = 4, .dims = {1, 8, 8, 3}, .data = bytes, .bytes = sizeof bytes};
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = 65535;
    p.crop_width = p.crop_height = 8;
    p.layout = INFER_LAYOUT_NHWC;
    for (int k = 0; k < 8; k++) {
        struct counter c = {.limit = SIZE_MAX};
        const infer_allocator a = counting(&c);
        p.filter = k & 3;
        p.resampler = k >> 2;
        infer_status status = infer_preprocess_run(&p, &image, 0, &out, &a, NULL, NULL);
        if (status != INFER_OK || c.bytes > MB)
            check_failed(&check, "preprocessing, filter %d of %d: status %d, %zu bytes", p.filter,
                         p.resampler, status, c.bytes);
    }
}

int main(void)
{
    const char *shared = getenv("INFER_SHARED");
    char folder[1024];
    png_bombs();
    jpeg_bombs();
    other_bombs();
    preprocess_bomb();
    truncate_kinds();
    snprintf(folder, sizeof folder, "%s/attacks", shared ? shared : "../shared");
    walk_folder(folder);
    snprintf(folder, sizeof folder, "%s/images/odd", shared ? shared : "../shared");
    walk_folder(folder);
    if (!MEASURED)
        return check_report(&check, "%llu prefixes, %llu files", (unsigned long long)prefixes,
                            (unsigned long long)files);
    return check_report(&check,
                        "%llu prefixes, %llu files, a refused one at most %llu MB and %llu ms",
                        (unsigned long long)prefixes, (unsigned long long)files,
                        (unsigned long long)most_bytes / MB, (unsigned long long)most_ms);
}
