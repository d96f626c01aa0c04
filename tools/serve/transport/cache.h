/* Answers that are kept, and requests that share one.
 *
 * A request whose method, path, query, body and headers that matter are those of an earlier one
 * gets that one's answer, as long as no model has changed in between; while the earlier one is
 * still computed, it waits for the same answer. What was used longest ago goes first. */
#ifndef INFER_TOOLS_SERVE_CACHE_H
#define INFER_TOOLS_SERVE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/serve/transport/http.h"

struct cache;

struct cache_counts {
    uint64_t hits, joined, misses;
    uint64_t entries, bytes;
};

/* `bytes` bounds what is kept; 0: nothing is, but requests are joined. NULL without memory. */
struct cache *cache_begin(size_t bytes);
/* Every request that waits must have been answered. */
void cache_end(struct cache *c);
/* 1: the request is answered, or will be; 0: it has to be handled, and cache_answered tells the
 * cache of its answer. `generation` changes with the models. */
int cache_ask(struct cache *c, struct http_request *r, uint64_t generation);
/* To be called with the answer of every request, before it is given. */
void cache_answered(struct cache *c, struct http_request *r, const struct http_answer *a);
void cache_counts(struct cache *c, struct cache_counts *counts);

#endif
