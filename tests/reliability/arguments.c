/* What R6 gives for arguments; see arguments.h. */
#include "tests/reliability/nets.h"

#include "tests/reliability/arguments.h"

struct check arguments_check = {.title = "R6 arguments"};
struct arguments_now now;

unsigned pick(int i, unsigned fine, unsigned count)
{
    now.count[i] = count;
    now.nonsense |= now.choice[i] >= fine;
    return now.choice[i];
}

/* ---- what is right -------------------------------------------------------------------------- */

static struct net_file files[NETS];
static float input[3 * 64 * 64], output[24];
static char path[] = "/tmp/r06-XXXXXX";
infer_model *model;
infer_session *session;
const char *model_path = path, *model_bytes;
size_t model_size;
infer_image picture;
unsigned char *jpeg;
size_t jpeg_size;
infer_error told;

const infer_tensor right_input = {
    .type = INFER_F32, .rank = 4, .dims = {1, 3, 64, 64}, .data = input, .bytes = sizeof input};
const infer_tensor right_output = {
    .type = INFER_F32, .rank = 2, .dims = {1, 24}, .data = output, .bytes = sizeof output};

char *arguments_read(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *size = fread(text, 1, (1 << 20) - 1, f);
    text[*size] = 0;
    fclose(f);
    return text;
}

void arguments_open(void)
{
    static const char *const photo = "examples/signs/pictures/stop-1.jpg";
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    nets_open(files);
    model_bytes = files[1].bytes;
    model_size = files[1].size;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, model_bytes, model_size) == (ssize_t)model_size);
    close(fd);
    o.threads = 2;
    OK(infer_load_memory(model_bytes, model_size, NULL, &model, NULL));
    OK(infer_session_create(model, &o, &session, NULL));
    OK(infer_image_load(photo, NULL, &picture, NULL));
    jpeg = (unsigned char *)arguments_read(photo, &jpeg_size);
}

void arguments_close(void)
{
    infer_image_free(&picture);
    infer_session_free(&session);
    infer_model_free(&model);
    free(jpeg);
    unlink(path);
    nets_close(files);
}

/* ---- what is wrong -------------------------------------------------------------------------- */

infer_tensor *wrong_tensor(const infer_tensor *right, unsigned number)
{
    static infer_tensor t[2];
    static int turn;
    infer_tensor *w = &t[turn++ % 2];
    *w = *right;
    switch (number) {
    case 1:
        w->type = (infer_type)77;
        break;
    case 2:
        w->type = INFER_TYPE_NONE;
        break;
    case 3:
        w->type = (infer_type)-1;
        break;
    case 4:
        w->rank = -1;
        break;
    case 5:
        w->rank = 9;
        break;
    case 6:
        w->rank = INT32_MAX;
        break;
    case 7:
        w->rank = 1;
        break;
    case 8:
        w->dims[0] = -1;
        break;
    case 9:
        w->dims[0] = 0;
        break;
    case 10:
        w->dims[1] = INT64_MAX;
        break;
    case 11:
        w->dims[0] = INT64_C(1) << 62;
        break;
    case 12:
        w->bytes--;
        break;
    case 13:
        w->bytes = 0;
        break;
    case 14:
        w->data = (char *)w->data + 1;
        break;
    case 15:
        w->type = INFER_F64;
        break;
    case 16:
        w->reserved[0] = 1;
        break;
    case 17:
        w->reserved[1] = UINT64_C(1) << 63;
        break;
    default:
        break;
    }
    return w;
}

void *some_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

/* ---- what a call's status is to be ---------------------------------------------------------- */

infer_status nothing_else(int something)
{
    return something ? INFER_OK : INFER_ERROR_ARGUMENT;
}

infer_status named(const char *name, const char *none)
{
    return nothing_else(name && strcmp(name, none) != 0);
}

infer_status made(infer_status status, int there, const char *what)
{
    if ((status == INFER_OK) != there)
        check_failed(&arguments_check, "%s: %s, and an object is %s", what,
                     infer_status_name(status), there ? "there" : "not there");
    return status;
}
