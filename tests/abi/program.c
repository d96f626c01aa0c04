/* A program that uses all of the stable interface, compiled against some version's header and run
 * with some version's library: both must get on. It prints what it was told, so that any two can be
 * compared, and says at once what is wrong. It compiles as C and as C++.
 *
 * Usage: program model.infer picture
 * INFER_ABI_NEWER: the header is one in which every struct that grows has a member `newer`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <infer_vision.h>

static int failures;

static void check(int right, const char *what, int line)
{
    if (!right) {
        fprintf(stderr, "line %d: %s\n", line, what);
        failures++;
    }
}
#define CHECK(right) check((right) != 0, #right, __LINE__)
#define OK(call) ok((call), #call, __LINE__)

static infer_error err;

static void ok(infer_status status, const char *what, int line)
{
    if (status != INFER_OK)
        fprintf(stderr, "%s: %s\n", infer_status_name(status), err.message);
    check(status == INFER_OK, what, line);
}

/* A struct between bytes that the library must leave alone. */
enum { GUARD = 64, BYTE = 0x5a };
#define GUARDED(type)                                                                              \
    struct {                                                                                       \
        type s;                                                                                    \
        unsigned char guard[GUARD];                                                                \
    }
#define BEGIN(type, g) (memset(&(g), BYTE, sizeof(g)), type##_init(&(g).s, sizeof(g).s))
#define END(g)                                                                                     \
    do {                                                                                           \
        CHECK((g).s.size == sizeof(g).s);                                                          \
        for (int guard_ = 0; guard_ < GUARD; guard_++)                                             \
            CHECK((g).guard[guard_] == BYTE);                                                      \
        NEWER_IS_0((g).s);                                                                         \
    } while (0)

#ifdef INFER_ABI_NEWER
#define NEWER_IS_0(s) CHECK((s).newer == 0)
/* What this library doesn't know of can't be asked for. */
#define REFUSED(options, call)                                                                     \
    do {                                                                                           \
        (options).newer = 1;                                                                       \
        CHECK((call) == INFER_ERROR_ARGUMENT);                                                     \
        CHECK(strstr(err.message, "options") || strstr(err.message, "preprocess"));                \
        (options).newer = 0;                                                                       \
    } while (0)
#else
#define NEWER_IS_0(s) (void)(s)
#define REFUSED(options, call) (void)(options)
#endif

static void print_value(const char *what, const infer_value_info *v)
{
    printf("%s %s %s", what, v->name, infer_type_name(v->type));
    for (int i = 0; i < v->rank; i++)
        printf(" %lld%s", (long long)v->dims[i], v->free_dims >> i & 1 ? "?" : "");
    printf("\n");
}

static infer_model *load(const char *path)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model = NULL;
    o.max_nodes = 10;
    CHECK(infer_load(path, &o, &model, &err) == INFER_ERROR_LIMIT && !model);
    o.max_nodes = 0;
    REFUSED(o, infer_load(path, &o, &model, &err));
    o.read_into_memory = 1;
    OK(infer_load(path, &o, &model, &err));
    return model;
}

static void describe_model(const infer_model *model)
{
    GUARDED(infer_value_info) v;
    GUARDED(infer_preprocess) p;
    for (size_t i = 0; i < infer_model_inputs(model); i++) {
        BEGIN(infer_value_info, v);
        OK(infer_model_input(model, i, &v.s, &err));
        END(v);
        print_value("input", &v.s);
    }
    for (size_t i = 0; i < infer_model_outputs(model); i++) {
        BEGIN(infer_value_info, v);
        OK(infer_model_output(model, i, &v.s, &err));
        END(v);
        print_value("output", &v.s);
    }
    BEGIN(infer_preprocess, p);
    CHECK(p.s.scale[0] == 1 && p.s.scale[3] == 1);
    OK(infer_model_preprocess(model, &p.s, &err));
    END(p);
    printf("picture %d %d %d %g %g\n", (int)p.s.fit, (int)p.s.width, (int)p.s.crop_width,
           (double)p.s.mean[0], (double)p.s.scale[2]);
    printf("labels %lu %s\n", (unsigned long)infer_model_labels(model),
           infer_model_label(model, 0));
}

static infer_session *make_session(const infer_model *model)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec;
    infer_session *session = NULL;
    memset(&spec, 0, sizeof spec);
    spec.name = "no such input";
    o.inputs = &spec;
    o.ninputs = 1;
    CHECK(infer_session_create(model, &o, &session, &err) == INFER_ERROR_ARGUMENT && !session);
    o.ninputs = 0;
    o.precision = 77;
    CHECK(infer_session_create(model, &o, &session, &err) == INFER_ERROR_ARGUMENT);
    o.precision = INFER_PRECISION_F32;
    REFUSED(o, infer_session_create(model, &o, &session, &err));
    o.isa = INFER_ISA_C;
    o.threads = 2;
    o.no_onednn = 1;
    OK(infer_session_create(model, &o, &session, &err));
    return session;
}

static void describe_session(const infer_session *session)
{
    GUARDED(infer_value_info) v;
    GUARDED(infer_session_memory) m;
    BEGIN(infer_value_info, v);
    OK(infer_session_input(session, 0, &v.s, &err));
    END(v);
    print_value("exact input", &v.s);
    OK(infer_session_output(session, 0, &v.s, &err));
    END(v);
    print_value("exact output", &v.s);
    BEGIN(infer_session_memory, m);
    OK(infer_session_memory_use(session, &m.s, &err));
    END(m);
    CHECK(m.s.arena_bytes && m.s.packed_bytes && m.s.output_bytes && m.s.plan_bytes);
}

static void classify(const infer_model *model, infer_session *session, const char *path)
{
    infer_image_options pictures = INFER_IMAGE_OPTIONS_INIT;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    GUARDED(infer_transform) t;
    infer_image image;
    infer_tensor in, out;
    infer_class top[3];
    size_t found = 0;
    static float x[3 * 64 * 64];
    pictures.max_side = 3;
    CHECK(infer_image_load(path, &pictures, &image, &err) == INFER_ERROR_LIMIT);
    pictures.max_side = 0;
    REFUSED(pictures, infer_image_load(path, &pictures, &image, &err));
    OK(infer_image_load(path, &pictures, &image, &err));
    OK(infer_model_preprocess(model, &p, &err));
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.type = INFER_F32;
    in.rank = 4;
    in.dims[0] = 1;
    in.dims[1] = 3;
    in.dims[2] = in.dims[3] = 64;
    in.data = x;
    in.bytes = sizeof x;
    BEGIN(infer_transform, t);
    OK(infer_preprocess_run(&p, &image, 0, &in, NULL, &t.s, &err));
    END(t);
    printf("transform %.6f %.6f %d %d\n", t.s.scale_x, t.s.offset_y, (int)t.s.picture_width,
           (int)t.s.picture_height);
    REFUSED(p, infer_preprocess_run(&p, &image, 0, &in, NULL, &t.s, &err));
    infer_image_free(&image);
    OK(infer_run(session, &in, 1, &out, 1, &err));
    OK(infer_topk(&out, 3, 1, top, &found, &err));
    for (size_t i = 0; i < found; i++)
        printf("%s %.6f\n", infer_model_label(model, (size_t)top[i].index), (double)top[i].score);
}

static void classify_at_once(const infer_model *model, infer_session *session, const char *path)
{
    infer_classify_options o = INFER_CLASSIFY_OPTIONS_INIT;
    infer_image_options pictures = INFER_IMAGE_OPTIONS_INIT;
    infer_class top[3];
    size_t found = 0;
    static unsigned char bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t size = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    o.output = 5;
    CHECK(infer_classify(session, bytes, size, &o, top, 3, &found, &err) == INFER_ERROR_ARGUMENT);
    o.output = 0;
    REFUSED(o, infer_classify(session, bytes, size, &o, top, 3, &found, &err));
    o.softmax = 1;
    o.image = &pictures;
    OK(infer_classify(session, bytes, size, &o, top, 3, &found, &err));
    for (size_t i = 0; i < found; i++)
        printf("%s %.6f\n", infer_model_label(model, (size_t)top[i].index), (double)top[i].score);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    infer_model *model = load(argv[1]);
    infer_session *session = model ? make_session(model) : NULL;
    if (session) {
        describe_model(model);
        describe_session(session);
        classify(model, session, argv[2]);
        classify_at_once(model, session, argv[2]);
    }
    infer_session_free(&session);
    infer_model_free(&model);
    CHECK(infer_cpu_has(INFER_ISA_C) && strcmp(infer_isa_name(INFER_ISA_AMX), "amx") == 0);
    CHECK(strcmp(infer_status_name(INFER_ERROR_INTERNAL), "INFER_ERROR_INTERNAL") == 0);
    CHECK(infer_type_size(INFER_BOOL) == 1);
    return failures != 0;
}
