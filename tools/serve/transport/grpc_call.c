/* A call on its loop: messages to requests, answers to the stream, and its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/scheduler.h"
#include "tools/serve/transport/coding.h"
#include "tools/serve/transport/grpc_internal.h"

enum {
    MOST_WAITING = 64,    /* requests of a call that wait for their answers */
    MOST_QUEUED = 4 << 20 /* bytes of answers that the client has not read */
};

/* ---- the end -------------------------------------------------------------------------------- */

void grpc_call_unref(struct grpc_call *c)
{
    if (--c->references == 0) {
        grpc_reader_free(&c->reader);
        free(c->backlog);
        free(c);
    }
}

static void item_free(struct grpc_item *i)
{
    struct grpc_call *c = i->call;
    grpc_message_free(&c->server->budget, &i->message);
    h2_chunks_free(i->chunks);
    pthread_mutex_destroy(&i->lock);
    free(i->text);
    free(i);
    grpc_call_unref(c);
}

void grpc_call_give_up(struct grpc_call *c)
{
    for (struct grpc_item *i = c->first, *next; i; i = next) {
        next = i->next;
        pthread_mutex_lock(&i->lock);
        i->unwanted = 1;
        if (i->flag)
            atomic_store(i->flag, 1);
        pthread_mutex_unlock(&i->lock);
        if (!i->answered && i->request.unwanted)
            i->request.unwanted(c->server->options.ctx, &i->request);
        if (i->answered)
            item_free(i);
    }
    c->first = NULL;
    c->last = &c->first;
    c->waiting = 0;
}

/* ---- answers to streams --------------------------------------------------------------------- */

static const char accepted_codings[] = "identity, deflate, gzip";

static void respond(struct grpc_call *c)
{
    struct h2_field fields[4] = {{":status", "200"},
                                 {"content-type", "application/grpc"},
                                 {"grpc-accept-encoding", accepted_codings}};
    size_t n = 3;
    if (c->accepts)
        fields[n++] = (struct h2_field){"grpc-encoding", c->accepts};
    if (!c->responded)
        h2_respond(c->stream, fields, n, 0);
    c->responded = 1;
}

void grpc_call_ended(const struct grpc_call *c, enum grpc_status status)
{
    const struct grpc_options *o = &c->server->options;
    const struct grpc_ended e = {.path = c->path,
                                 .traceparent = c->traceparent,
                                 .id = c->id,
                                 .status = status,
                                 .bytes_in = c->bytes_in,
                                 .bytes_out = c->bytes_out,
                                 .began_ns = c->began_ns};
    if (o->ended)
        o->ended(o->ctx, &e);
}

void grpc_call_finish(struct grpc_call *c, enum grpc_status status, const char *text)
{
    char number[8], message[3 * GRPC_TEXT_BYTES];
    if (c->finished)
        return;
    c->finished = 1;
    grpc_call_ended(c, status);
    if (c->stream) {
        snprintf(number, sizeof number, "%d", (int)status);
        grpc_escape(text ? text : "", message, sizeof message);
        const struct h2_field fields[] = {{":status", "200"},
                                          {"content-type", "application/grpc"},
                                          {"grpc-status", number},
                                          {"grpc-message", message},
                                          {"grpc-accept-encoding", accepted_codings}};
        if (c->responded)
            h2_finish(c->stream, fields + 2, *message ? 2 : 1);
        else
            h2_respond(c->stream, fields, status == GRPC_UNIMPLEMENTED ? 5 : *message ? 4 : 3, 1);
        h2_set_deadline(c->stream, 0);
        h2_expect(c->stream, 0);
    }
    grpc_call_give_up(c);
    grpc_reader_free(&c->reader);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Sends a message; its chunks are the stream's from here on. */
static void send_message(struct grpc_call *c, struct h2_chunk *chunks)
{
    for (const struct h2_chunk *k = chunks; k; k = k->next)
        c->bytes_out += k->bytes;
    respond(c);
    h2_send(c->stream, chunks);
}

static int is_full(const struct grpc_call *c)
{
    return c->waiting >= MOST_WAITING || h2_queued(c->stream) >= MOST_QUEUED;
}

/* Undoes a message's compression. */
static enum coding_status expand(struct grpc_call *c, struct grpc_message *m)
{
    unsigned char *out;
    size_t bytes;
    const enum coding_status status =
        coding_decode(c->coding, m->bytes, m->length, c->server->options.max_message, &out, &bytes);
    if (status != CODING_OK)
        return status;
    free(m->block);
    m->block = m->bytes = out;
    m->length = bytes;
    return CODING_OK;
}

/* Makes a request of a message. What can't be one ends the call. */
static void take_message(struct grpc_call *c, struct grpc_message *m)
{
    if (m->compressed) {
        const enum coding_status status =
            c->coding && strcmp(c->coding, "identity") != 0 ? expand(c, m) : CODING_UNKNOWN;
        if (status != CODING_OK) {
            grpc_message_free(&c->server->budget, m);
            if (status == CODING_TOO_LARGE)
                grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "the message is too large");
            else
                grpc_call_finish(c, GRPC_INTERNAL, "the message can't be decompressed");
            return;
        }
    }
    struct grpc_item *i = c->messages && !c->method->streaming ? NULL : calloc(1, sizeof *i);
    if (!i) {
        grpc_message_free(&c->server->budget, m);
        grpc_call_finish(c, GRPC_INTERNAL, c->messages ? "more than one message" : "out of memory");
        return;
    }
    i->request = (struct grpc_request){.method = c->method,
                                       .message = m->bytes,
                                       .bytes = m->length,
                                       .came_ns = serve_now_ns(),
                                       .deadline_ns = c->deadline_ns};
    i->message = *m;
    i->call = c;
    pthread_mutex_init(&i->lock, NULL);
    c->references++;
    c->messages++;
    c->waiting++;
    *c->last = i;
    c->last = &i->next;
    c->method->run(c->server->options.ctx, &i->request);
}

/* Keeps bytes until answers have gone; their window stays closed. */
static void put_back(struct grpc_call *c, const unsigned char *data, size_t bytes)
{
    if (bytes == 0)
        return;
    if (c->backlog_bytes + bytes > c->backlog_capacity) {
        size_t capacity = c->backlog_capacity ? c->backlog_capacity : 4096;
        while (capacity < c->backlog_bytes + bytes)
            capacity *= 2;
        unsigned char *p = realloc(c->backlog, capacity);
        if (!p) {
            grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
            return;
        }
        c->backlog = p;
        c->backlog_capacity = capacity;
    }
    memcpy(c->backlog + c->backlog_bytes, data, bytes);
    c->backlog_bytes += bytes;
}

static void feed(struct grpc_call *c, const unsigned char *data, size_t bytes)
{
    const size_t all = bytes;
    while (bytes && !c->finished && !is_full(c)) {
        struct grpc_message m;
        switch (grpc_reader_feed(&c->reader, &data, &bytes, &m)) {
        case GRPC_READ_MORE:
            break;
        case GRPC_READ_MESSAGE:
            take_message(c, &m);
            break;
        case GRPC_READ_TOO_LARGE:
            grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "the message is too large");
            break;
        case GRPC_READ_NO_MEMORY:
            grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "too much is being received");
            break;
        case GRPC_READ_BAD:
            grpc_call_finish(c, GRPC_INTERNAL, "the message has no valid prefix");
            break;
        }
    }
    if (c->finished)
        bytes = 0;
    h2_consume(c->stream, all - bytes);
    put_back(c, data, bytes);
    if (!c->finished)
        h2_expect(c->stream, grpc_reader_within(&c->reader) && c->backlog_bytes == 0);
}

void grpc_call_take(struct grpc_call *c, const unsigned char *data, size_t bytes)
{
    c->bytes_in += bytes;
    if (c->backlog_bytes)
        put_back(c, data, bytes);
    else
        feed(c, data, bytes);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Takes up what came while the call was full. */
static void take_backlog(struct grpc_call *c)
{
    while (!c->finished && c->stream && c->backlog_start < c->backlog_bytes && !is_full(c)) {
        unsigned char *data = c->backlog + c->backlog_start;
        const size_t bytes = c->backlog_bytes - c->backlog_start;
        unsigned char *all = c->backlog;
        c->backlog = NULL; /* what is left of it becomes a new one */
        c->backlog_bytes = c->backlog_start = c->backlog_capacity = 0;
        feed(c, data, bytes);
        free(all);
    }
}

void grpc_call_deliver(struct grpc_call *c)
{
    while (c->first && c->first->answered && !c->finished) {
        struct grpc_item *i = c->first;
        if (i->status != GRPC_OK) {
            grpc_call_finish(c, i->status, i->text); /* frees it */
            return;
        }
        send_message(c, i->chunks);
        i->chunks = NULL;
        c->first = i->next;
        if (!c->first)
            c->last = &c->first;
        c->waiting--;
        item_free(i);
    }
    if (!c->finished)
        take_backlog(c);
    if (c->finished || c->first || c->backlog_bytes)
        return;
    if (c->method && !c->method->streaming && c->messages)
        grpc_call_finish(c, GRPC_OK, NULL);
    else if (c->remote_ended && grpc_reader_within(&c->reader))
        grpc_call_finish(c, GRPC_INTERNAL, "the message ends too soon");
    else if (c->remote_ended)
        grpc_call_finish(c, GRPC_OK, NULL);
    else if (atomic_load(&c->server->draining) && !grpc_reader_within(&c->reader))
        grpc_call_finish(c, GRPC_UNAVAILABLE, "the server is shutting down");
}

void grpc_pushed(struct h2_task *task)
{
    struct grpc_pushed *p = (struct grpc_pushed *)task;
    struct grpc_call *c = p->item->call;
    if (p->item->unwanted || c->finished || !c->stream)
        h2_chunks_free(p->chunks);
    else
        send_message(c, p->chunks);
    free(p);
}

void grpc_come_back(struct h2_task *task)
{
    struct grpc_item *i = (struct grpc_item *)((char *)task - offsetof(struct grpc_item, task));
    struct grpc_call *c = i->call;
    i->answered = 1;
    if (i->unwanted) {
        item_free(i);
        return;
    }
    c->references++; /* it may end within */
    grpc_call_deliver(c);
    grpc_call_unref(c);
}
