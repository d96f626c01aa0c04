/* Primitives of a task: made by prepare, one set of memory objects per unit, so that units can run
 * on several threads at once. */
#include "kernels/onednn/onednn_state.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"

/* ---- OpenMP --------------------------------------------------------------------------------- */

/* libgomp's thread count belongs to the calling thread, so this disturbs nobody. Declared here
 * because omp.h is not there for every compiler. */
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);

int infer__dnnl_one_thread(void)
{
    int before = omp_get_max_threads();
    if (before != 1)
        omp_set_num_threads(1);
    return before;
}

void infer__dnnl_restore_threads(int before)
{
    if (before != 1)
        omp_set_num_threads(before);
}

/* ---- release -------------------------------------------------------------------------------- */

static void release_unit(struct infer__dnnl_unit *u)
{
    for (int i = 0; i < u->nargs; i++)
        if (u->args[i].memory)
            dnnl_memory_destroy(u->args[i].memory);
}

static void release_state(struct infer__dnnl_state *s)
{
    infer_allocator a = infer__allocator(NULL);
    if (!s)
        return;
    for (uint32_t i = 0; i < s->nunits; i++)
        release_unit(&s->units[i]);
    for (uint32_t i = 0; i < s->nshapes; i++) {
        if (s->shapes[i].primitive)
            dnnl_primitive_destroy(s->shapes[i].primitive);
        if (s->shapes[i].pd)
            dnnl_primitive_desc_destroy(s->shapes[i].pd);
    }
    for (uint32_t i = 0; i < s->nchunks; i++)
        if (s->chunks[i].reorder)
            dnnl_primitive_destroy(s->chunks[i].reorder);
    if (s->stream)
        dnnl_stream_destroy(s->stream);
    if (s->engine)
        dnnl_engine_destroy(s->engine);
    infer__free(&a, s->units);
    infer__free(&a, s->shapes);
    infer__free(&a, s->chunks);
    infer__free(&a, s);
}

void infer__dnnl_release(void *cut)
{
    release_state(((struct infer__dnnl_cut *)cut)->state);
}

/* ---- prepare -------------------------------------------------------------------------------- */

static infer_status check(dnnl_status_t s, const char *what, infer_error *err)
{
    if (s == dnnl_success)
        return INFER_OK;
    if (s == dnnl_out_of_memory)
        return infer__dnnl_no_room(err);
    return infer__fail(err, INFER_ERROR_UNSUPPORTED, "oneDNN: %s failed (status %d)", what, (int)s);
}

/* ONEDNN_VERBOSE and its like make oneDNN print or write files: these switches are process-wide,
 * but a call wins over the environment. An engine and a stream cost 2 microseconds, so each state
 * has its own and nothing is shared. */
static infer_status make_engine(struct infer__dnnl_state *s, infer_error *err)
{
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE))
        return infer__dnnl_no_room(err);
    dnnl_set_verbose(0);
    dnnl_set_jit_dump(0);
    dnnl_set_jit_profiling_flags(DNNL_JIT_PROFILE_NONE);
    TRY(check(dnnl_engine_create(&s->engine, dnnl_cpu, 0), "making an engine", err));
    return check(dnnl_stream_create(&s->stream, s->engine, dnnl_stream_in_order), "making a stream",
                 err);
}

static const dnnl_memory_desc_t *query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

/* The primitive of a tile's shape, made or found. */
static infer_status find_shape(struct infer__dnnl_state *s, const struct infer__dnnl_tile *tile,
                               const struct infer__epilogue *e, struct infer__dnnl_shape **out,
                               infer_error *err)
{
    struct infer__dnnl_chunk *chunk = &s->chunks[tile->chunk];
    for (uint32_t i = 0; i < s->nshapes; i++) {
        *out = &s->shapes[i];
        if (memcmp(&(*out)->p, &tile->p, sizeof tile->p) == 0)
            return INFER_OK;
    }
    struct infer__dnnl_shape *shape = *out = &s->shapes[s->nshapes++];
    shape->p = tile->p;
    TRY(infer__dnnl_find(&tile->p, e, s->engine, s->implementation,
                         chunk->known ? &chunk->packed : NULL, &shape->pd, err));
    if (!infer__dnnl_reserve(INFER__DNNL_MAKE))
        return infer__dnnl_no_room(err);
    return check(dnnl_primitive_create(&shape->primitive, shape->pd), "making a primitive", err);
}

/* Memory objects of a unit; where they point is set by pack and run. */
static infer_status add_arg(struct infer__dnnl_state *s, struct infer__dnnl_unit *u, int arg,
                            const dnnl_memory_desc_t *md, infer_error *err)
{
    dnnl_exec_arg_t *a = &u->args[u->nargs++];
    a->arg = arg;
    return check(dnnl_memory_create(&a->memory, md, s->engine, DNNL_MEMORY_NONE),
                 "making a memory object", err);
}

static int64_t align64(size_t bytes)
{
    return infer__count_align((int64_t)bytes, 64);
}

/* Layout of a unit's scratch: oneDNN's own, then, for a range of channels, the result. */
static void plan_scratch(struct infer__dnnl_unit *u, const struct infer__dnnl_shape *shape)
{
    const dnnl_memory_desc_t *own = query(shape->pd, dnnl_query_scratchpad_md);
    const dnnl_memory_desc_t *dst = query(shape->pd, dnnl_query_dst_md);
    u->scratch_dst = align64(dnnl_memory_desc_get_size(own));
    u->scratch_bytes = u->scratch_dst;
    if (u->through_scratch)
        u->scratch_bytes = INFER__SUM(u->scratch_dst, align64(dnnl_memory_desc_get_size(dst)));
}

static infer_status make_unit(struct infer__dnnl_state *s, const struct infer__dnnl_tile *tile,
                              const struct infer__dnnl_shape *shape, infer_error *err)
{
    struct infer__dnnl_unit *u = &s->units[s->nunits++];
    const dnnl_memory_desc_t *src = query(shape->pd, dnnl_query_src_md);
    const dnnl_memory_desc_t *dst = query(shape->pd, dnnl_query_dst_md);
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE))
        return infer__dnnl_no_room(err);
    u->primitive = shape->primitive;
    u->src_offset = tile->src_offset;
    u->dst_offset = tile->dst_offset;
    u->c_begin = tile->c_begin;
    u->channels = tile->p.co;
    u->pixels = tile->p.n * tile->p.out[0] * tile->p.out[1] * tile->p.out[2];
    u->through_scratch = tile->p.co < s->channels;
    u->chunk = (uint32_t)tile->chunk;
    TRY(add_arg(s, u, DNNL_ARG_SRC, src, err));
    TRY(add_arg(s, u, DNNL_ARG_DST, dst, err));
    TRY(add_arg(s, u, DNNL_ARG_SCRATCHPAD, query(shape->pd, dnnl_query_scratchpad_md), err));
    if (tile->p.bias) {
        dnnl_memory_desc_t md;
        TRY(check(dnnl_memory_desc_init_by_tag(&md, 1, (dnnl_dims_t){tile->p.co}, dnnl_f32, dnnl_a),
                  "describing a bias", err));
        TRY(add_arg(s, u, DNNL_ARG_BIAS, &md, err));
    }
    if (s->packed_bytes)
        TRY(add_arg(s, u, DNNL_ARG_WEIGHTS, &s->chunks[tile->chunk].packed, err));
    plan_scratch(u, shape);
    return INFER_OK;
}

/* The first tile of a range of channels settles how its weights are packed. */
static infer_status settle_weights(struct infer__dnnl_state *s, const struct infer__dnnl_tile *tile,
                                   const struct infer__dnnl_shape *shape, infer_error *err)
{
    struct infer__dnnl_chunk *c = &s->chunks[tile->chunk];
    dnnl_primitive_desc_t pd = NULL;
    if (c->known || tile->p.kind == INFER__DNNL_POOL)
        return INFER_OK;
    c->packed = *query(shape->pd, dnnl_query_weights_md);
    c->known = 1;
    c->offset = (size_t)s->packed_bytes;
    c->source_offset =
        (size_t)INFER__PRODUCT(tile->c_begin, s->binding.weight_strides[0], sizeof(float));
    s->packed_bytes = INFER__SUM(s->packed_bytes, align64(dnnl_memory_desc_get_size(&c->packed)));
    TRY(check(infer__dnnl_weights_desc(&tile->p, &s->binding, &c->source), "describing weights",
              err));
    if (!infer__dnnl_reserve(INFER__DNNL_MAKE))
        return infer__dnnl_no_room(err);
    TRY(check(
        dnnl_reorder_primitive_desc_create(&pd, &c->source, s->engine, &c->packed, s->engine, NULL),
        "describing the packing of weights", err));
    dnnl_status_t made = dnnl_primitive_create(&c->reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    return check(made, "making the packing of weights", err);
}

static infer_status make_units(struct infer__dnnl_state *s, const struct infer__dnnl_problem *p,
                               const struct infer__dnnl_grid *g, const struct infer__epilogue *e,
                               infer_error *err)
{
    infer_allocator a = infer__allocator(NULL);
    uint32_t n = infer__dnnl_tiles(g);
    s->units = infer__calloc(&a, n, sizeof *s->units);
    s->shapes = infer__calloc(&a, n, sizeof *s->shapes);
    s->nchunks = (uint32_t)g->chunks;
    s->chunks = infer__calloc(&a, s->nchunks, sizeof *s->chunks);
    if (!s->units || !s->shapes || !s->chunks) {
        s->nchunks = s->chunks ? s->nchunks : 0;
        return infer__no_memory(err, n * sizeof *s->units);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct infer__dnnl_tile tile;
        struct infer__dnnl_shape *shape;
        FAIL_IF(!infer__dnnl_tile(p, g, i, &tile), INFER_ERROR_UNSUPPORTED,
                "a range of rows lies wholly in the padding");
        TRY(find_shape(s, &tile, e, &shape, err));
        TRY(settle_weights(s, &tile, shape, err));
        TRY(make_unit(s, &tile, shape, err));
    }
    return INFER_OK;
}

/* Which implementation serves the whole problem; every tile must have the same, so that the cut
 * does not turn a fast shape into a slow one. */
static infer_status choose(struct infer__dnnl_state *s, const struct infer__dnnl_problem *p,
                           const struct infer__epilogue *e, infer_error *err)
{
    dnnl_primitive_desc_t pd = NULL;
    const char *info = "";
    TRY(infer__dnnl_find(p, e, s->engine, "", NULL, &pd, err));
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info);
    size_t n = strlen(info);
    if (n < sizeof s->implementation)
        memcpy(s->implementation, info, n + 1);
    dnnl_primitive_desc_destroy(pd);
    FAIL_IF(n >= sizeof s->implementation, INFER_ERROR_UNSUPPORTED, "oneDNN: a name of %zu bytes",
            n);
    return INFER_OK;
}

static infer_status make_state(const struct infer__dnnl_problem *p,
                               const struct infer__dnnl_binding *b,
                               const struct infer__dnnl_grid *g, const struct infer__epilogue *e,
                               struct infer__dnnl_state **out, infer_error *err)
{
    infer_allocator a = infer__allocator(NULL);
    infer_status status = INFER_OK;
    struct infer__dnnl_state *s = infer__calloc(&a, 1, sizeof *s);
    *out = NULL;
    if (!s)
        return infer__no_memory(err, sizeof *s);
    s->binding = *b;
    s->channels = p->co;
    s->bias_after = b->bias >= 0 && !p->bias;
    if (!infer__dnnl_fuses(p, e))
        s->after = (struct infer__epilogue){.act = e->act, .alpha = e->alpha, .beta = e->beta};
    TRY_GOTO(make_engine(s, err));
    TRY_GOTO(choose(s, p, e, err));
    TRY_GOTO(make_units(s, p, g, e, err));
    *out = s;
    return INFER_OK;
fail:
    release_state(s);
    return status;
}

infer_status infer__dnnl_prepare(const struct infer__dnnl_problem *p,
                                 const struct infer__dnnl_binding *b, const struct infer__task *t,
                                 struct infer__need *need, infer_error *err)
{
    struct infer__dnnl_grid grid = infer__dnnl_cut(p), whole = {1, 1, 1};
    struct infer__dnnl_state *s;
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE))
        return infer__dnnl_no_room(err);
    int before = infer__dnnl_one_thread();
    infer_status status = make_state(p, b, &grid, &t->epi, &s, err);
    if (status == INFER_ERROR_UNSUPPORTED && infer__dnnl_tiles(&grid) > 1)
        status = make_state(p, b, &whole, &t->epi, &s, err);
    infer__dnnl_restore_threads(before);
    TRY(status);
    ((struct infer__dnnl_cut *)need->cut)->state = s;
    need->units = s->nunits;
    need->packed_bytes = infer__bytes_of(s->packed_bytes, 1);
    int64_t scratch = 0;
    for (uint32_t i = 0; i < s->nunits; i++)
        if (s->units[i].scratch_bytes > scratch)
            scratch = s->units[i].scratch_bytes;
    need->scratch_bytes = infer__bytes_of(scratch, 1);
    return INFER_OK;
}
