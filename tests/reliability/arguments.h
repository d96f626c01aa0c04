/* What R6 gives for arguments, right and wrong, and its tables: a row for each public function, in
 * the file of its header. r06_arguments.c calls them with each argument and each pair of arguments.
 */
#ifndef TESTS_RELIABILITY_ARGUMENTS_H
#define TESTS_RELIABILITY_ARGUMENTS_H

#include <math.h>

#include "infer_vision.h"
#include "tests/reliability/check.h"

/* A function with the arguments that are chosen now; its status. */
struct arguments_row {
    const char *name;
    infer_status (*call)(void);
};

#define ROW(name)                                                                                  \
    {                                                                                              \
        "infer_" #name, name                                                                       \
    }

/* Each ends with a row without a name. */
extern const struct arguments_row arguments_of_models[], arguments_of_sessions[],
    arguments_of_pictures[], arguments_of_answers[], arguments_of_drawing[], arguments_of_text[];

extern struct check arguments_check;

/* ---- choosing arguments --------------------------------------------------------------------- */

enum { ARGS = 10 };

/* Which value each argument takes in this call: 0 is right, the first `fine` of them are. */
struct arguments_now {
    unsigned choice[ARGS], count[ARGS];
    int nonsense; /* an argument that has to be refused was given */
};
extern struct arguments_now now;

unsigned pick(int i, unsigned fine, unsigned count);

#define VALUES(type, ...) ((type[]){__VA_ARGS__})
/* Argument i: one of the values, of which the first `fine` are to be accepted. */
#define ARG(i, type, fine, ...)                                                                    \
    VALUES(type, __VA_ARGS__)                                                                      \
    [pick(i, fine, (unsigned)(sizeof(VALUES(type, __VA_ARGS__)) / sizeof(type)))]

/* ---- what is right -------------------------------------------------------------------------- */

/* `signs`, with preprocessing: a model from a file, its session of two threads, and a picture. */
extern infer_model *model;
extern infer_session *session;
extern const char *model_path, *model_bytes;
extern size_t model_size;
extern infer_image picture;
extern unsigned char *jpeg;
extern size_t jpeg_size;
extern infer_error told;
extern const infer_tensor right_input, right_output;

void arguments_open(void);
void arguments_close(void);
/* A file's bytes, below 1 MiB, with a zero behind them; to be freed. */
char *arguments_read(const char *name, size_t *size);

#define ERR(i) ARG(i, infer_error *, 2, &told, NULL)
#define MODEL(i, fine) ARG(i, infer_model *, fine, model, NULL)
#define SESSION(i) ARG(i, infer_session *, 1, session, NULL)

/* ---- what is wrong -------------------------------------------------------------------------- */

enum { WRONG = 18 };

/* The tensor with one thing wrong with it; number 0 is right. */
infer_tensor *wrong_tensor(const infer_tensor *right, unsigned number);
/* An allocator's half. */
void *some_alloc(void *ctx, size_t bytes);

const infer_image_options *image_options(int i);
const infer_picture *pictures(int i);
const infer_classify_options *classify_options(int i);
/* What reads the one row of 24 numbers of `signs` as a box and the scores of 20 classes, and as
 * a task of another kind: a map of one pixel, or 12 points. */
infer_decoding row_decoding(void);
infer_decoding other_decoding(int32_t task);

/* ---- what a call's status is to be ---------------------------------------------------------- */

/* What a query without status gives for nonsense: nothing. */
infer_status nothing_else(int something);
infer_status named(const char *name, const char *none);
/* A function that makes something: it is there exactly if the status says so. */
infer_status made(infer_status status, int there, const char *what);

/* ---- functions that are alike --------------------------------------------------------------- */

#define NUMBERS(i, type, fine, right)                                                              \
    ARG(i, type, fine, (type)(right), (type)-1, (type)999, (type)INT32_MAX, (type)INT32_MIN)

/* The init functions take NULL and any size; a size that no struct has leaves the struct alone. */
#define INIT(name, type)                                                                           \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        union {                                                                                    \
            type o;                                                                                \
            char room[4096];                                                                       \
        } u = {.o = {.size = 77}};                                                                 \
        const size_t size = ARG(1, size_t, 3, sizeof(type), sizeof(type) - 8, sizeof u, 0, 7,      \
                                sizeof u + 1, SIZE_MAX);                                           \
        type *to = ARG(0, type *, 2, &u.o, NULL);                                                  \
        infer_##name(to, size);                                                                    \
        return to             ? nothing_else(u.o.size == size)                                     \
               : now.nonsense ? INFER_ERROR_ARGUMENT                                               \
                              : INFER_OK;                                                          \
    }

/* A struct to be filled: right, NULL, or with a size that it can't have. */
#define ANSWER(i, fine, type, init)                                                                \
    ARG(i, type *, fine, (type[]){init}, NULL, ((type[]){{.size = 0}}), ((type[]){{.size = 7}}),   \
        ((type[]){{.size = 8}}), ((type[]){{.size = SIZE_MAX}}))

#define COUNT(name, object)                                                                        \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        return nothing_else(infer_##name(object) != 0);                                            \
    }

#define DESCRIBE(name, object, type)                                                               \
    static infer_status name(void)                                                                 \
    {                                                                                              \
        return infer_##name(object, ARG(1, size_t, 1, 0, 1000, SIZE_MAX),                          \
                            ANSWER(2, 1, type, {.size = sizeof(type)}), ERR(3));                   \
    }

#endif
