/* Tensors that were recorded one a file: NumPy's, or ONNX's TensorProto. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/diff.h"
#include "tools/folder.h"
#include "tools/npy.h"
#include "tools/onnx/onnx_import.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct diff_file *)a)->name, ((const struct diff_file *)b)->name);
}

/* The name that a TensorProto has inside, in place of its file's. */
static int take_own_name(struct diff_file *f)
{
    struct onnx_tensor t;
    infer_error err;
    if (onnx_tensor_load(f->path, &t, &err) != INFER_OK)
        return cli_fail(f->path, &err);
    char *own = t.name[0] ? strdup(t.name) : NULL;
    if (own) {
        free(f->name);
        f->name = own;
    }
    onnx_tensor_free(&t);
    return CLI_OK;
}

static int no_memory(const char *folder)
{
    fprintf(stderr, "infer: %s: no memory for its list of files\n", folder);
    return CLI_RESOURCES;
}

static int add_file(struct diff_recorded *r, const char *name)
{
    const size_t n = strlen(name), f = strlen(r->folder);
    const int npy = n > 4 && strcmp(name + n - 4, ".npy") == 0;
    const int proto = n > 3 && strcmp(name + n - 3, ".pb") == 0;
    if (!npy && !proto)
        return CLI_OK;
    if ((r->count & (r->count - 1)) == 0) { /* a power of two, or none */
        struct diff_file *more = realloc(r->files, (2 * r->count + 1) * sizeof *more);
        if (!more)
            return no_memory(r->folder);
        r->files = more;
    }
    struct diff_file file = {malloc(f + n + 2), strndup(name, n - (npy ? 4 : 3)), proto};
    if (!file.path || !file.name) {
        free(file.path);
        free(file.name);
        return no_memory(r->folder);
    }
    snprintf(file.path, f + n + 2, "%s/%s", r->folder, name);
    r->files[r->count++] = file;
    return proto ? take_own_name(&r->files[r->count - 1]) : CLI_OK;
}

int diff_recorded_open(const char *folder, struct diff_recorded *r)
{
    int status = CLI_OK;
    memset(r, 0, sizeof *r);
    r->folder = folder;
    DIR *d = opendir(folder);
    if (!d) {
        fprintf(stderr, "infer: %s: %s\n", folder, strerror(errno));
        return CLI_BAD_INPUT;
    }
    for (struct dirent *e; status == CLI_OK && (e = readdir(d)) != NULL;)
        status = add_file(r, e->d_name);
    closedir(d);
    if (status == CLI_OK && !r->count) {
        fprintf(stderr, "infer: %s: there is no .npy or .pb file in it\n", folder);
        return CLI_BAD_INPUT;
    }
    if (r->count)
        qsort(r->files, r->count, sizeof *r->files, by_name);
    return status;
}

void diff_recorded_free(struct diff_recorded *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->files[i].path);
        free(r->files[i].name);
    }
    free(r->files);
    memset(r, 0, sizeof *r);
}

static const struct diff_file *find_exactly(const struct diff_recorded *r, char *name)
{
    const struct diff_file key = {NULL, name, 0};
    return r->count ? bsearch(&key, r->files, r->count, sizeof key, by_name) : NULL;
}

const struct diff_file *diff_recorded_find(const struct diff_recorded *r, const char *name)
{
    char *copy = strdup(name), *as_file = path_in("", name, "");
    const struct diff_file *f = copy ? find_exactly(r, copy) : NULL;
    if (!f && as_file)
        f = find_exactly(r, as_file + 1); /* behind the slash */
    free(copy);
    free(as_file);
    return f;
}

int diff_recorded_load(const struct diff_file *f, infer_tensor *t)
{
    infer_error err;
    struct onnx_tensor proto;
    if (!f->proto)
        return npy_load(f->path, t, &err) == INFER_OK ? CLI_OK : cli_fail(f->path, &err);
    if (onnx_tensor_load(f->path, &proto, &err) != INFER_OK)
        return cli_fail(f->path, &err);
    *t = proto.tensor;
    t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
    t->data = malloc(t->bytes + 1);
    if (t->data && t->bytes)
        memcpy(t->data, proto.tensor.data, t->bytes);
    onnx_tensor_free(&proto);
    if (t->data)
        return CLI_OK;
    infer__no_memory(&err, t->bytes);
    return cli_fail(f->path, &err);
}
