/* A picture's best labels. The model must have preprocessing stored (infer convert --resize ...).
 * Usage: classify model.infer picture.jpg */
#include <infer_vision.h>
#include <stdio.h>
#include <stdlib.h>

/* The bytes of a file, to be freed; NULL if it can't be read. */
static void *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    long end = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    void *bytes = end > 0 && fseek(f, 0, SEEK_SET) == 0 ? malloc((size_t)end) : NULL;
    *size = bytes ? fread(bytes, 1, (size_t)end, f) : 0;
    fclose(f);
    return bytes;
}

int main(int argc, char **argv)
{
    infer_model *model = NULL;
    infer_session *session = NULL;
    infer_class best[3];
    infer_error err;
    size_t size, found = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: classify model.infer picture.jpg\n");
        return 2;
    }
    void *picture = read_file(argv[2], &size);
    if (!picture) {
        fprintf(stderr, "%s: can't be read\n", argv[2]);
        return 1;
    }
    if (infer_load(argv[1], NULL, &model, &err) != INFER_OK ||
        infer_session_create(model, NULL, &session, &err) != INFER_OK ||
        infer_classify(session, picture, size, NULL, best, 3, &found, &err) != INFER_OK)
        fprintf(stderr, "%s: %s\n", infer_status_name(err.status), err.message);
    for (size_t i = 0; i < found; i++) {
        const char *label = infer_model_label(model, (size_t)best[i].index);
        printf("%.4f  %s\n", (double)best[i].score, label ? label : "(no label)");
    }
    free(picture);
    infer_session_free(&session);
    infer_model_free(&model);
    return found == 0;
}
