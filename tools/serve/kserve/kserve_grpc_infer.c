/* ModelInfer and ModelStreamInfer: from a message to a job, and its results to an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kserve.pb-c.h"
#include "tools/serve/kserve/kserve_grpc.h"

typedef Inference__InferParameter parameter;
typedef Inference__InferTensorContents contents;
typedef Inference__ModelInferRequest__InferInputTensor input_tensor;

enum { LONGEST_VARINT = 10, MOST_RESULTS = VERSION_MOST_TENSORS };

/* An inference on its way. */
struct infer_call {
    struct v2_request request;
    struct grpc_request *grpc;
    Inference__ModelInferRequest *message;
    struct kserve_split split;
    struct v2_result *results;
    int nresults;
    unsigned char *head; /* what stands before and between the tensors of the answer */
};

static void drop(void *owner)
{
    struct infer_call *k = owner;
    v2_results_free(k->results, k->nresults);
    v2_free(&k->request);
    kserve_grpc_free(k->message);
    free(k->split.owned);
    free(k->head);
    free(k);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* A parameter that is to be a whole number from 0 on. */
static int read_number(const parameter *p, const char *name, uint64_t *value, struct v2_error *err)
{
    const int kind = p ? (int)p->parameter_choice_case : 0;
    if (kind == INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_UINT64_PARAM)
        *value = p->uint64_param;
    else if (kind == INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_INT64_PARAM &&
             p->int64_param >= 0)
        *value = (uint64_t)p->int64_param;
    else {
        v2_fail(err, V2_INVALID, "invalid value for parameter '%s'", name);
        return 0;
    }
    return 1;
}

static int read_parameters(struct infer_call *k, struct v2_error *err)
{
    const Inference__ModelInferRequest *m = k->message;
    for (size_t i = 0; i < m->n_parameters; i++) {
        const char *key = m->parameters[i]->key;
        uint64_t value = 0;
        if (strcmp(key, "priority") == 0) {
            if (!read_number(m->parameters[i]->value, key, &value, err))
                return 0;
            k->request.priority = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
        } else if (strcmp(key, "timeout") == 0) {
            if (!read_number(m->parameters[i]->value, key, &value, err))
                return 0;
            k->request.timeout_us = value;
        }
    }
    return 1;
}

/* Elements of one list of the contents, as they lie there. */
struct list {
    const char *datatype; /* what a tensor with this list is told to be */
    const void *data;
    size_t count;
};

/* The list that a type's elements come in. */
static struct list list_of(const contents *c, infer_type type)
{
    switch (type) {
    case INFER_BOOL:
        return (struct list){"BOOL", c->bool_contents, c->n_bool_contents};
    case INFER_S8:
    case INFER_S16:
    case INFER_S32:
        return (struct list){"INT32", c->int_contents, c->n_int_contents};
    case INFER_S64:
        return (struct list){"INT64", c->int64_contents, c->n_int64_contents};
    case INFER_U8:
    case INFER_U16:
    case INFER_U32:
        return (struct list){"UINT32", c->uint_contents, c->n_uint_contents};
    case INFER_U64:
        return (struct list){"UINT64", c->uint64_contents, c->n_uint64_contents};
    case INFER_F32:
        return (struct list){"FP32", c->fp32_contents, c->n_fp32_contents};
    case INFER_F64:
        return (struct list){"FP64", c->fp64_contents, c->n_fp64_contents};
    case INFER_TYPE_NONE:
        return (struct list){"BYTES", c->bytes_contents, c->n_bytes_contents};
    default: /* FP16 and BF16 have none */
        return (struct list){NULL, NULL, 0};
    }
}

static size_t count_all(const contents *c)
{
    return c->n_bool_contents + c->n_int_contents + c->n_int64_contents + c->n_uint_contents +
           c->n_uint64_contents + c->n_fp32_contents + c->n_fp64_contents + c->n_bytes_contents;
}

/* Numbers into a type that is as wide as theirs, or narrower. */
static void store(infer_type type, const void *from, size_t count, void *to)
{
    const size_t size = infer_type_size(type);
    if (type != INFER_BOOL && size >= 4) {
        if (count)
            memcpy(to, from, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t value = type == INFER_BOOL ? ((const protobuf_c_boolean *)from)[i] != 0
                                                  : ((const uint32_t *)from)[i];
        if (size == 1)
            ((uint8_t *)to)[i] = (uint8_t)value;
        else
            ((uint16_t *)to)[i] = (uint16_t)value;
    }
}

static int read_texts(struct infer_call *k, int place, const struct list *l, struct v2_error *err)
{
    const ProtobufCBinaryData *bytes = l->data;
    struct v2_text *texts = calloc(l->count + 1, sizeof *texts);
    if (!texts) {
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
        return 0;
    }
    for (size_t i = 0; i < l->count; i++)
        texts[i] = (struct v2_text){bytes[i].data, bytes[i].len};
    const int ok = v2_input_texts(&k->request, place, texts, l->count, err);
    free(texts);
    return ok;
}

/* An input's elements from its contents. */
static int read_contents(struct infer_call *k, const input_tensor *t, int place,
                         struct v2_error *err)
{
    infer_type type = INFER_TYPE_NONE;
    v2_type_of(t->datatype, strlen(t->datatype), &type); /* v2_input knows it */
    const struct list l = list_of(t->contents, type);
    if (!l.datatype || count_all(t->contents) != l.count) {
        v2_fail(err, V2_INVALID,
                "unexpected explicit tensor data for input tensor '%.100s' for model '%.100s', "
                "which is '%s'",
                t->name, k->request.version->name, v2_datatype(type));
        return 0;
    }
    if (type == INFER_TYPE_NONE)
        return read_texts(k, place, &l, err);
    void *room = v2_input_room(&k->request, place, l.count, err);
    if (room)
        store(type, l.data, l.count, room);
    return room != NULL;
}

static int read_input(struct infer_call *k, size_t i, struct v2_error *err)
{
    const input_tensor *t = k->message->inputs[i];
    const struct v2_tensor announced = {.name = t->name,
                                        .name_length = strlen(t->name),
                                        .datatype = t->datatype,
                                        .datatype_length = strlen(t->datatype),
                                        .rank = t->n_shape > INT32_MAX ? INT32_MAX
                                                                       : (int32_t)t->n_shape,
                                        .dims = t->shape};
    const char *model = k->request.version->name;
    const int raw = k->split.nraw > 0;
    if (raw && t->contents && count_all(t->contents)) {
        v2_fail(err, V2_INVALID,
                "contents field must not be specified when using raw_input_contents for '%.100s' "
                "for model '%.100s'",
                t->name, model);
        return 0;
    }
    if (raw ? i >= (size_t)k->split.nraw : !t->contents) {
        v2_fail(err, V2_INVALID,
                "unable to find data for input tensor '%.100s' for model '%.100s' in request.",
                t->name, model);
        return 0;
    }
    const int place = v2_input(&k->request, &announced, err);
    if (place < 0)
        return 0;
    return raw ? v2_input_raw(&k->request, place, k->split.raw[i].data, k->split.raw[i].bytes, err)
               : read_contents(k, t, place, err);
}

static int read_output(struct infer_call *k, size_t i, struct v2_error *err)
{
    const Inference__ModelInferRequest__InferRequestedOutputTensor *o = k->message->outputs[i];
    uint64_t classes = 0;
    for (size_t j = 0; j < o->n_parameters; j++)
        if (strcmp(o->parameters[j]->key, "classification") == 0 &&
            !read_number(o->parameters[j]->value, "classification", &classes, err))
            return 0;
    return v2_output(&k->request, o->name, strlen(o->name),
                     classes > INT64_MAX ? INT64_MAX : (int64_t)classes, 0, err);
}

/* Answers come in the model's order, whatever the order in which they were asked for. */
static int by_index(const void *a, const void *b)
{
    const struct v2_output *x = a, *y = b;
    return x->index - y->index;
}

static int fill(struct infer_call *k, struct server *s, struct v2_error *err)
{
    const Inference__ModelInferRequest *m = k->message;
    struct version *v = v2_find(s, m->model_name, strlen(m->model_name),
                                kserve_grpc_version(m->model_version), err);
    if (!kserve_grpc_version(m->model_version))
        v = traffic_choose(s, v);
    int ok = v && v2_begin(&k->request, s, v, err) && read_parameters(k, err);
    version_unref(v);
    for (size_t i = 0; ok && i < m->n_inputs; i++)
        ok = read_input(k, i, err);
    for (size_t i = 0; ok && i < m->n_outputs; i++)
        ok = read_output(k, i, err);
    qsort(k->request.outputs, (size_t)k->request.noutputs, sizeof *k->request.outputs, by_index);
    return ok;
}

/* ---- answers -------------------------------------------------------------------------------- */

static size_t put_varint(unsigned char *to, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        to[n++] = (unsigned char)(value | 0x80);
    to[n++] = (unsigned char)value;
    return n;
}

/* The answer without its tensors: protobuf's objects, all of which live in one of these. */
struct answer {
    Inference__ModelInferResponse response;
    char version[24];
    Inference__ModelInferResponse__InferOutputTensor tensors[MOST_RESULTS], *list[MOST_RESULTS];
    Inference__InferParameter final;
    Inference__ModelInferResponse__ParametersEntry entry, *entries[1];
};

/* Streams tell with each answer that it is a request's last. */
static void mark_final(struct answer *a)
{
    inference__infer_parameter__init(&a->final);
    a->final.parameter_choice_case = INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_BOOL_PARAM;
    a->final.bool_param = 1;
    inference__model_infer_response__parameters_entry__init(&a->entry);
    a->entry.key = (char *)(uintptr_t) "triton_final_response";
    a->entry.value = &a->final;
    a->entries[0] = &a->entry;
    a->response.n_parameters = 1;
    a->response.parameters = a->entries;
}

static void describe(const struct infer_call *k, struct answer *a)
{
    inference__model_infer_response__init(&a->response);
    a->response.model_name = k->request.version->name;
    snprintf(a->version, sizeof a->version, "%lld", (long long)k->request.version->number);
    a->response.model_version = a->version;
    a->response.id = k->message->id;
    for (int i = 0; i < k->nresults; i++) {
        const struct v2_result *r = &k->results[i];
        inference__model_infer_response__infer_output_tensor__init(&a->tensors[i]);
        a->tensors[i].name = (char *)(uintptr_t)r->info.name;
        a->tensors[i].datatype = (char *)(uintptr_t)v2_datatype(r->info.type);
        a->tensors[i].n_shape = (size_t)r->info.rank;
        a->tensors[i].shape = (int64_t *)(uintptr_t)r->info.dims;
        a->list[i] = &a->tensors[i];
    }
    a->response.n_outputs = (size_t)k->nresults;
    a->response.outputs = a->list;
    if (k->grpc->method->streaming)
        mark_final(a);
}

static void add_piece(struct grpc_body *body, const void *data, size_t bytes)
{
    body->piece[body->npieces].data = data;
    body->piece[body->npieces++].bytes = bytes;
}

/* Answers with the results: raw_output_contents are sent from where they lie. 0: no memory. */
static int send_results(struct infer_call *k)
{
    const unsigned char response_tag = 2 << 3 | 2, raw_tag = 6 << 3 | 2;
    struct answer *a = calloc(1, sizeof *a);
    struct grpc_body body = {.release = drop, .owner = k};
    unsigned char tags[MOST_RESULTS][1 + LONGEST_VARINT];
    size_t ntags[MOST_RESULTS], n = 0, total;
    if (!a)
        return 0;
    describe(k, a);
    const size_t packed = total = protobuf_c_message_get_packed_size(&a->response.base);
    for (int i = 0; i < k->nresults; i++) {
        tags[i][0] = raw_tag;
        ntags[i] = 1 + put_varint(tags[i] + 1, k->results[i].bytes);
        total += ntags[i] + k->results[i].bytes;
        n += ntags[i];
    }
    k->head = malloc(packed + n + 1 + LONGEST_VARINT);
    if (!k->head) {
        free(a);
        return 0;
    }
    unsigned char *p = k->head;
    if (k->grpc->method->streaming) { /* the answer is a field of another message */
        *p++ = response_tag;
        p += put_varint(p, total);
    }
    p += protobuf_c_message_pack(&a->response.base, p);
    free(a);
    const unsigned char *begin = k->head;
    for (int i = 0; i < k->nresults; i++) {
        memcpy(p, tags[i], ntags[i]);
        p += ntags[i];
        add_piece(&body, begin, (size_t)(p - begin));
        add_piece(&body, k->results[i].data, k->results[i].bytes);
        begin = p;
    }
    if (k->nresults == 0)
        add_piece(&body, begin, (size_t)(p - begin));
    grpc_answer(k->grpc, &body);
    return 1;
}

/* An error: a status, or in a stream a message, behind which the stream goes on. */
static void refuse(struct grpc_request *r, const char *id, const struct v2_error *err)
{
    Inference__ModelStreamInferResponse stream = INFERENCE__MODEL_STREAM_INFER_RESPONSE__INIT;
    Inference__ModelInferResponse response = INFERENCE__MODEL_INFER_RESPONSE__INIT;
    if (!r->method->streaming) {
        kserve_grpc_refuse(r, err);
        return;
    }
    response.id = (char *)(uintptr_t)id;
    stream.error_message = (char *)(uintptr_t)err->text;
    stream.infer_response = &response;
    kserve_grpc_reply(r, &stream);
}

static void on_done(struct job *job, void *ctx)
{
    struct infer_call *k = ctx;
    struct v2_error err = {V2_UNAVAILABLE, "out of memory"};
    if (job->status != JOB_OK)
        v2_job_error(job, &err);
    else
        k->results = v2_results(&k->request, &k->nresults, &err);
    if (k->results && send_results(k))
        return;
    refuse(k->grpc, k->message->id, &err);
    drop(k);
}

void kserve_grpc_infer(void *server, struct grpc_request *r)
{
    struct v2_error err = {V2_UNAVAILABLE, "out of memory"};
    struct infer_call *k = calloc(1, sizeof *k);
    if (!k) {
        kserve_grpc_refuse(r, &err);
        return;
    }
    k->grpc = r;
    if (kserve_grpc_split(r->message, r->bytes, &k->split))
        k->message = kserve_grpc_unpack(&inference__model_infer_request__descriptor, k->split.head,
                                        k->split.head_bytes);
    if (!k->message) {
        grpc_fail(r, GRPC_INTERNAL, "Unable to parse request");
        drop(k);
        return;
    }
    int ok = fill(k, server, &err);
    if (ok) {
        k->request.job->deadline_ns = r->deadline_ns;
        grpc_watch(r, &k->request.job->cancelled);
        ok = v2_submit(&k->request, on_done, k, &err);
    }
    if (ok)
        return;
    refuse(r, k->message->id, &err);
    drop(k);
}
