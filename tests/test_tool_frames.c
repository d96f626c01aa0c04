/* Where pictures come from: files, folders, patterns, standard input, videos, raw frames, folders
 * that are watched. The network's one score is the picture's mean, 0 to 1, so it says which picture
 * was seen. */
#include "eval_nets.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "infer_vision.h"
#include "tools/frame_source.h"

static const char *net;

static int prepare(void **state)
{
    if (begin(state))
        return 1;
    net = strdup(in_folder("net.onnx"));
    write_detector(net, 0);
    make_folder_in("some");
    for (int i = 1; i <= 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "some/p%d.ppm", i);
        write_grey(in_folder(name), 32, (uint8_t)(51 * i)); /* 0.2, 0.4, 0.6, 0.8 */
    }
    write_text(in_folder("some/none.txt"), "no picture");
    return 0;
}

#define DETECT(...) run(cmd_detect, "detect", net, "--score", "0.01", "--json", __VA_ARGS__)

/* Runs with a file as standard input. */
static int run_from(const char *input, const char *a, const char *b, const char *c)
{
    const int kept = dup(0), file = open(input, O_RDONLY);
    assert_true(kept >= 0 && file >= 0 && dup2(file, 0) == 0);
    close(file);
    const int status = DETECT(a, b, c, NULL);
    restore(0, kept);
    return status;
}

/* Pictures of the last command, and the one score of each. */
static void check_scores(int count, const double *scores)
{
    char path[64];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "pictures.%d.boxes.0.score", i);
        if (!(fabs(number(path) - scores[i]) < 0.02))
            fail_msg("picture %d: %g, not %g: %.400s", i, number(path), scores[i], out);
    }
    snprintf(path, sizeof path, "pictures.%d.ms", count);
    assert_true(isnan(number(path)));
}

static void test_files(void **state)
{
    (void)state;
    const double all[] = {0.4, 0.2, 0.4, 0.6, 0.8};
    assert_int_equal(DETECT(in_folder("some/p2.ppm"), in_folder("some"), NULL), CLI_OK);
    check_scores(5, all);
    assert_int_equal(DETECT(in_folder("some/p[3-9].p?m"), NULL), CLI_OK);
    check_scores(2, all + 3);
    assert_int_equal(DETECT(in_folder("some"), "--frames", "2", NULL), CLI_OK);
    check_scores(2, all + 1);
    assert_int_equal(DETECT(in_folder("some/q*"), NULL), CLI_BAD_INPUT);
    says(err_text, "none matches");
    assert_int_equal(DETECT(NULL), CLI_USAGE);
    says(err_text, "--watch");
    /* one that is none does not end it */
    assert_int_equal(DETECT(in_folder("missing.ppm"), in_folder("some/none.txt"),
                            in_folder("some/p1.ppm"), NULL),
                     CLI_BAD_INPUT);
    assert_true(number("failed") == 2 && fabs(number("pictures.2.boxes.0.score") - 0.2) < 0.01);
    says(err_text, "it can't be opened");
}

static void test_standard_input(void **state)
{
    (void)state;
    const double one = 0.6;
    assert_int_equal(run_from(in_folder("some/p3.ppm"), "-", "--most", "5"), CLI_OK);
    check_scores(1, &one);
    says(out, "\"file\": \"-\"");
    assert_int_equal(run_from("/dev/null", "-", "--most", "5"), CLI_BAD_INPUT);
}

/* ---- videos --------------------------------------------------------------------------------- */

/* Frames of a size, each one grey level behind the other: brightness in the range of video, then
 * `chroma` bytes without colour. */
static void write_video(const char *path, const char *header, const char *line, int frames,
                        int luma, int chroma, long cut)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(header, f);
    for (int i = 1; i <= frames; i++) {
        fputs(line, f);
        for (int k = 0; k < luma + chroma; k++)
            fputc(k >= luma ? 128 : 16 + (int)lround(219 * 0.2 * i), f);
    }
    if (cut)
        assert_int_equal(ftruncate(fileno(f), (fflush(f), ftell(f) - cut)), 0);
    assert_int_equal(fclose(f), 0);
}

static void test_y4m(void **state)
{
    (void)state;
    const double all[] = {0.2, 0.4, 0.6};
    char path[256];
    snprintf(path, sizeof path, "%s/a.y4m", folder);
    write_video(path, "YUV4MPEG2 W32 H32 F30:1 Ip A1:1 C420jpeg\n", "FRAME\n", 3, 1024, 512, 0);
    assert_int_equal(DETECT(path, NULL), CLI_OK);
    check_scores(3, all);
    says(out, "a.y4m#000002");
    assert_int_equal(run_from(path, "-", "--most", "5"), CLI_OK);
    check_scores(3, all);
    assert_int_equal(run_from(path, "-", "--frames", "1"), CLI_OK);
    check_scores(1, all);
    /* no C is 420; a line of a frame may say more; sides that are odd lose a pixel */
    write_video(path, "YUV4MPEG2 H31 W33\n", "FRAME Ip\n", 2, 33 * 31, 2 * 17 * 16, 0);
    assert_int_equal(DETECT(path, NULL), CLI_OK);
    check_scores(2, all);
    assert_true(number("pictures.0.width") == 32 && number("pictures.0.height") == 30);
    /* all of 0 to 255: 16 + 44 of 255 */
    const double full = 60 / 255.0;
    write_video(path, "YUV4MPEG2 W32 H32 XCOLORRANGE=FULL\n", "FRAME\n", 1, 1024, 512, 0);
    assert_int_equal(DETECT(path, NULL), CLI_OK);
    check_scores(1, &full);
    write_video(path, "YUV4MPEG2 W32 H32 Cmono\n", "FRAME\n", 1, 1024, 0, 0);
    const double grey = (16 + 44) / 255.0; /* grey is taken as it is */
    assert_int_equal(DETECT(path, NULL), CLI_OK);
    check_scores(1, &grey);
}

static void test_wrong_videos(void **state)
{
    (void)state;
    static const struct {
        const char *header, *line, *says;
        int frames; /* that were seen before */
        long cut;
    } cases[] = {
        {"YUV4MPEG2 W32 H32 C410\n", "FRAME\n", "C410", 0, 0},
        {"YUV4MPEG2 W32 H32 C420p17\n", "FRAME\n", "C420p17", 0, 0},
        {"YUV4MPEG2 W32 H32 C444p\n", "FRAME\n", "C444p", 0, 0},
        {"YUV4MPEG2 W32\n", "FRAME\n", "how large", 0, 0},
        {"YUV4MPEG2 W70000 H32\n", "FRAME\n", "how large", 0, 0},
        {"YUV4MPEG2 W65535 H65535\n", "FRAME\n", "at most", 0, 0},
        {"YUV4MPEG2 W32 H32 ", "", "has no end", 0, 0},
        {"YUV4MPEG2 W32 H32\n", "FRAME\n", "ends within this frame", 1, 1},
        {"YUV4MPEG2 W32 H32\n", "FRAME\n", "ends within this frame", 1, 1536},
        {"YUV4MPEG2 W32 H32\n", "FRAMX\n", "does not begin with FRAME", 0, 0},
    };
    char path[256];
    snprintf(path, sizeof path, "%s/b.y4m", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_video(path, cases[i].header, cases[i].line, 2, 1024, 512, cases[i].cut);
        const int status = DETECT(path, NULL);
        if (status != CLI_BAD_INPUT && status != CLI_RESOURCES)
            fail_msg("%s: exit status %d", cases[i].header, status);
        says(err_text, cases[i].says);
        assert_true(number("failed") == 1);
        assert_true(isnan(number("pictures.0.ms")) == (cases[i].frames == 0));
    }
}

/* ---- kinds of planes ------------------------------------------------------------------------ */

struct kind {
    const char *name, *raw; /* as Y4M and as ffmpeg call it */
    int depth, across, down, planes;
};

static const struct kind kinds[] = {
    {"420", "yuv420p", 8, 1, 1, 3},         {"422", "yuv422p", 8, 1, 0, 3},
    {"444", "yuv444p", 8, 0, 0, 3},         {"411", "yuv411p", 8, 2, 0, 3},
    {"444alpha", NULL, 8, 0, 0, 4},         {"mono", NULL, 8, 0, 0, 1},
    {"420p10", "yuv420p10le", 10, 1, 1, 3}, {"422p12", "yuv422p12le", 12, 1, 0, 3},
    {"444p16", "yuv444p16le", 16, 0, 0, 3}, {"mono9", "gray9le", 9, 0, 0, 1},
    {"mono16", "gray16le", 16, 0, 0, 1},
};

/* A sample of 8 bits, as precisely as the stored one says. */
static double sample_at(const struct kind *k, const uint8_t *frame, size_t i)
{
    return k->depth > 8
               ? round((frame[2 * i] | frame[2 * i + 1] << 8) / (double)(1 << (k->depth - 8)))
               : frame[i];
}

static double between(double v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Every pixel of a random frame against BT.601 with the factors that OpenCV has, of three digits.
 */
static void check_kind(const struct kind *k, int32_t width, int32_t height)
{
    struct stream v = {.width = width, .height = height};
    infer_error err;
    assert_true(y4m_kind(&v, k->name));
    assert_int_equal(stream_layout(&v, &err), INFER_OK);
    const size_t w = (size_t)width, h = (size_t)height;
    const size_t columns = (w + (1u << k->across) - 1) >> k->across;
    const size_t rows = (h + (1u << k->down) - 1) >> k->down, part = columns * rows;
    const size_t samples = w * h * (k->planes == 4 ? 2 : 1) + (k->planes > 1 ? 2 * part : 0);
    assert_int_equal(v.stored, samples * (k->depth > 8 ? 2 : 1));
    uint8_t *frame = malloc(v.stored), *kept = malloc(v.stored);
    for (size_t i = 0; i < v.stored; i++)
        kept[i] = frame[i] = (uint8_t)(i * 197 + i * i % 251);
    for (size_t i = 1; k->depth > 8 && i < v.stored; i += 2)
        kept[i] = frame[i] = (uint8_t)(frame[i] & ((1 << (k->depth - 8)) - 1));
    assert_int_equal(y4m_unpack(&v, &frame, &err), INFER_OK);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            const size_t at = y * w + x, c = w * h + (y >> k->down) * columns + (x >> k->across);
            const double luma = between(sample_at(k, kept, at));
            if (!v.to_rgb) {
                assert_true(frame[at] == luma);
                continue;
            }
            const double u = between(sample_at(k, kept, c)) - 128;
            const double q = between(sample_at(k, kept, c + part)) - 128;
            const double light = 1.164 * (luma > 16 ? luma - 16 : 0);
            const double want[] = {light + 1.596 * q, light - 0.813 * q - 0.391 * u,
                                   light + 2.018 * u};
            for (int i = 0; i < 3; i++)
                if (!(fabs(frame[3 * at + (size_t)i] - between(want[i])) < 0.501))
                    fail_msg("%s: %d at %zu, %zu: %d, not %g", k->name, i, x, y,
                             frame[3 * at + (size_t)i], want[i]);
        }
    free(kept);
    free(frame);
}

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        check_kind(&kinds[i], 32, 32);
        check_kind(&kinds[i], 33, 31);
    }
}

/* Grey frames of each kind, as videos and as raw frames. */
static void test_kinds_seen(void **state)
{
    (void)state;
    const double all[] = {0.2, 0.4};
    char path[256], raw[64];
    snprintf(path, sizeof path, "%s/kinds.y4m", folder);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *k = &kinds[i];
        const size_t part = (32u >> k->across) * (32u >> k->down);
        if (k->planes == 1)
            continue;
        for (int headers = 0; headers < 2; headers++) {
            FILE *f = fopen(path, "wb");
            assert_non_null(f);
            if (headers)
                fprintf(f, "YUV4MPEG2 W32 H32 C%s XYSCSS=none\n", k->name);
            for (int n = 0; n < 2; n++) {
                if (headers)
                    fputs("FRAME\n", f);
                const size_t colours = 1024 + 2 * part;
                for (size_t s = 0; s < colours + (k->planes == 4 ? 1024 : 0); s++) {
                    const long level = s < 1024 ? 16 + lround(219 * all[n]) : 128;
                    const long stored = level << (k->depth - 8);
                    fputc((int)(stored & 255), f);
                    if (k->depth > 8)
                        fputc((int)(stored >> 8), f);
                }
            }
            assert_int_equal(fclose(f), 0);
            snprintf(raw, sizeof raw, "32x32:%s", k->raw ? k->raw : "");
            if (headers || k->raw)
                assert_int_equal(headers ? DETECT(path, NULL) : DETECT(path, "--raw", raw, NULL),
                                 CLI_OK);
            check_scores(2, all);
        }
    }
}

static void test_raw(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        int luma, chroma;
        double shift; /* 1: brightness is that of video */
    } cases[] = {{"32x32:i420", 1024, 512, 1},
                 {"32x32:nv12", 1024, 512, 1},
                 {"31x33:i420", 31 * 33, 2 * 16 * 17, 1},
                 {"32x32:gray", 1024, 0, 0},
                 {"32x32:rgb", 3072, 0, 0},
                 {"32x32:bgra", 4096, 0, 0}};
    char path[256];
    snprintf(path, sizeof path, "%s/c.raw", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double want[3];
        for (int k = 0; k < 3; k++)
            want[k] = cases[i].shift > 0 ? 0.2 * (k + 1)
                                         : (16 + (double)lround(219 * 0.2 * (k + 1))) / 255;
        write_video(path, "", "", 3, cases[i].luma, cases[i].chroma, 0);
        assert_int_equal(DETECT(path, "--raw", cases[i].format, NULL), CLI_OK);
        check_scores(3, want);
        assert_int_equal(run_from(path, "-", "--raw", cases[i].format), CLI_OK);
        check_scores(3, want);
    }
    write_video(path, "", "", 2, 1024, 512, 7);
    assert_int_equal(run_from(path, "-", "--raw", "32x32:nv12"), CLI_BAD_INPUT);
    says(err_text, "ends within this frame");
    for (const char *const *w =
             (const char *const[]){"32x32", "32:rgb", "32x32:xyz", "0x4:rgb", "-3x4:rgb",
                                   "99999x9999:rgb", "3x2:yuyv", "1x1:i420", "32x32rgb", NULL};
         *w; w++)
        assert_int_equal(DETECT(path, "--raw", *w, NULL), CLI_USAGE);
}

/* ---- watching ------------------------------------------------------------------------------- */

static atomic_int ended;
enum { UNTIL_ENDED, UNTIL_SEEN };

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* Puts pictures into the folder until the command has ended, or until it has printed something:
 * then a signal ends it. */
static void *put_pictures(void *ctx)
{
    const int until = *(const int *)ctx;
    for (int i = 0; !ended && i < 1000; i++) {
        char name[64], to[64];
        struct stat st;
        snprintf(name, sizeof name, "%s/watched/.new", folder);
        snprintf(to, sizeof to, "%s/watched/p%d.ppm", folder, i);
        write_grey(name, 32, 153);
        rename(name, to);
        snprintf(to, sizeof to, "%s/watched/notes%d.txt", folder, i);
        write_text(to, "no picture");
        wait_a_little();
        snprintf(to, sizeof to, "%s/stdout", folder);
        if (until == UNTIL_SEEN && stat(to, &st) == 0 && st.st_size > 0) {
            kill(getpid(), SIGTERM);
            break;
        }
    }
    return NULL;
}

static void test_watch(void **state)
{
    (void)state;
    make_folder_in("watched");
    for (int until = UNTIL_ENDED; until <= UNTIL_SEEN; until++) {
        pthread_t thread;
        ended = 0;
        write_text(in_folder("stdout"), "");
        assert_int_equal(pthread_create(&thread, NULL, put_pictures, &until), 0);
        const int status = until == UNTIL_ENDED
                               ? run(cmd_detect, "detect", net, "--watch", in_folder("watched"),
                                     "--frames", "2", "--score", "0.01", "--jsonl", NULL)
                               : run(cmd_detect, "detect", net, "--watch", in_folder("watched"),
                                     "--score", "0.01", "--jsonl", NULL);
        ended = 1;
        pthread_join(thread, NULL);
        assert_int_equal(status, CLI_OK);
        says(out, "\"label\": \"class 1\", \"index\": 1, \"score\": 0.6");
        assert_null(strstr(out, "notes"));
        assert_string_equal(err_text, "");
        int lines = 0;
        for (const char *c = out; *c; c++)
            lines += *c == '\n';
        assert_true(until == UNTIL_ENDED ? lines == 2 : lines >= 1);
    }
    assert_int_equal(run(cmd_detect, "detect", net, "--watch", in_folder("nothing"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "can't be watched");
}

/* The signals do what they did before. */
static void test_signals_are_given_back(void **state)
{
    (void)state;
    struct sigaction now;
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
}

/* ---- what is read is what the library decodes --------------------------------------------------
 */

static void test_pictures_are_the_same(void **state)
{
    (void)state;
    const char *const pictures[] = {PICTURES "stop-1.jpg", PICTURES "danger-1.jpg"};
    for (int i = 0; i < 2; i++) {
        infer_image image;
        char size[64];
        assert_int_equal(infer_image_load(pictures[i], NULL, &image, NULL), INFER_OK);
        write_bytes(in_folder("d.raw"), image.pixels, image.pitch * (size_t)image.height);
        snprintf(size, sizeof size, "%dx%d:rgb", image.width, image.height);
        infer_image_free(&image);
        assert_int_equal(DETECT(pictures[i], NULL), CLI_OK);
        const double found = number("pictures.0.boxes.0.score");
        assert_true(found > 0.1);
        assert_int_equal(DETECT(in_folder("d.raw"), "--raw", size, NULL), CLI_OK);
        assert_true(number("pictures.0.boxes.0.score") == found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_y4m),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_seen),
        cmocka_unit_test(test_wrong_videos),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_signals_are_given_back),
        cmocka_unit_test(test_pictures_are_the_same),
    };
    return cmocka_run_group_tests(tests, prepare, teardown);
}
