/* Answers of requests, from any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/transport/coding.h"
#include "tools/serve/transport/grpc_internal.h"

enum {
    COPIED_BYTES = 64 << 10, /* shorter answers are copied into one piece */
    WORTH_CODING = 1 << 10   /* bytes from which on an answer is compressed */
};

static struct h2_chunk *chunk_new(size_t bytes)
{
    struct h2_chunk *k = malloc(sizeof *k + bytes);
    if (k)
        *k = (struct h2_chunk){.data = (const unsigned char *)(k + 1), .bytes = bytes};
    return k;
}

/* All in one piece behind a prefix; compressed where that is asked for and makes it shorter. */
static struct h2_chunk *flat(const struct grpc_body *body, size_t total, const char *coding)
{
    struct h2_chunk *k = chunk_new(GRPC_PREFIX_BYTES + total);
    if (!k)
        return NULL;
    unsigned char *p = (unsigned char *)(k + 1);
    size_t at = GRPC_PREFIX_BYTES;
    grpc_prefix(p, 0, total);
    for (int i = 0; i < body->npieces; i++) {
        if (body->piece[i].bytes)
            memcpy(p + at, body->piece[i].data, body->piece[i].bytes);
        at += body->piece[i].bytes;
    }
    unsigned char *coded = NULL;
    size_t bytes = 0;
    if (coding && total >= WORTH_CODING &&
        coding_encode(coding, p + GRPC_PREFIX_BYTES, total, &coded, &bytes) == CODING_OK &&
        bytes < total) {
        grpc_prefix(p, 1, bytes);
        memcpy(p + GRPC_PREFIX_BYTES, coded, bytes);
        k->bytes = GRPC_PREFIX_BYTES + bytes;
    }
    free(coded);
    return k;
}

/* The pieces where they lie, which the last chunk lets go of. */
static struct h2_chunk *in_place(const struct grpc_body *body, size_t total)
{
    struct h2_chunk *first = chunk_new(GRPC_PREFIX_BYTES), *last = first;
    if (!first)
        return NULL;
    grpc_prefix((unsigned char *)(first + 1), 0, total);
    for (int i = 0; i < body->npieces; i++) {
        last->next = chunk_new(0);
        if (!last->next) {
            h2_chunks_free(first);
            return NULL;
        }
        last = last->next;
        last->data = body->piece[i].data;
        last->bytes = body->piece[i].bytes;
    }
    last->release = body->release;
    last->owner = body->owner;
    return first;
}

/* Hands an item back to its loop, which may free it at once. */
static void hand_back(struct grpc_item *i)
{
    struct h2_loop *loop = i->call->loop;
    pthread_mutex_lock(&i->lock);
    i->flag = NULL;
    pthread_mutex_unlock(&i->lock);
    i->task.run = grpc_come_back;
    h2_post(loop, &i->task);
}

void grpc_watch(struct grpc_request *request, atomic_int *flag)
{
    struct grpc_item *i = (struct grpc_item *)request;
    pthread_mutex_lock(&i->lock);
    i->flag = flag;
    if (i->unwanted)
        atomic_store(flag, 1);
    pthread_mutex_unlock(&i->lock);
}

static int is_unwanted(struct grpc_item *i)
{
    pthread_mutex_lock(&i->lock);
    const int unwanted = i->unwanted;
    pthread_mutex_unlock(&i->lock);
    return unwanted;
}

void grpc_push(struct grpc_request *request, const struct grpc_body *body)
{
    struct grpc_item *i = (struct grpc_item *)request;
    struct grpc_pushed *p = calloc(1, sizeof *p);
    size_t total = 0;
    for (int k = 0; k < body->npieces; k++)
        total += body->piece[k].bytes;
    if (p)
        p->chunks = flat(body, total, i->call->accepts);
    if (!p || !p->chunks) {
        free(p);
        return; /* without memory a message is left out, as the next tells as much */
    }
    p->item = i;
    p->task.run = grpc_pushed;
    h2_post(i->call->loop, &p->task);
}

void grpc_answer(struct grpc_request *request, const struct grpc_body *body)
{
    struct grpc_item *i = (struct grpc_item *)request;
    size_t total = 0;
    for (int k = 0; k < body->npieces; k++)
        total += body->piece[k].bytes;
    const char *coding = i->call->accepts;
    const int copied = !body->release || total <= COPIED_BYTES || coding;
    if (total > UINT32_MAX)
        i->text = strdup("the answer is larger than a message may be");
    else if (!is_unwanted(i))
        i->chunks = copied ? flat(body, total, coding) : in_place(body, total);
    i->status = i->chunks ? GRPC_OK : GRPC_RESOURCE_EXHAUSTED;
    if ((copied || !i->chunks) && body->release)
        body->release(body->owner);
    hand_back(i);
}

void grpc_fail(struct grpc_request *request, enum grpc_status status, const char *format, ...)
{
    struct grpc_item *i = (struct grpc_item *)request;
    char text[GRPC_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    i->text = strdup(text);
    i->status = status;
    hand_back(i);
}
