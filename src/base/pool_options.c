/* infer_pool_create: the pool's public face. */
#include "base/caller.h"
#include "base/cpu.h"
#include "base/pool_parts.h"
#include "base/sized.h"

void infer_pool_options_init(infer_pool_options *options, size_t size)
{
    infer__sized_init(options, size);
}

static infer_status read_setup(const infer_pool_options *o, struct infer__pool_setup *setup,
                               infer_error *err)
{
    FAIL_IF(!o->allocator.alloc != !o->allocator.free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    FAIL_IF(o->executor.ctx && !o->executor.run, INFER_ERROR_ARGUMENT,
            "an executor needs a function to run");
    FAIL_IF(o->threads > INFER__POOL_MOST_THREADS, INFER_ERROR_ARGUMENT, "%u threads; at most %d",
            o->threads, INFER__POOL_MOST_THREADS);
    FAIL_IF(o->affinity > 1, INFER_ERROR_ARGUMENT, "options.affinity is %u, not 0 or 1",
            o->affinity);
    FAIL_IF(o->reserved, INFER_ERROR_ARGUMENT, "options.reserved is not 0");
    *setup = infer__pool_setup(o->threads ? o->threads : infer__cpu_count());
    if (o->spin_us)
        setup->idle_us = setup->busy_us = o->spin_us == INFER_SPIN_NONE ? 0 : o->spin_us;
    setup->pin = o->affinity != 0;
    setup->executor = o->executor;
    return INFER_OK;
}

infer_status infer_pool_create(const infer_pool_options *options, infer_pool **pool,
                               infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_pool_options o;
    struct infer__pool_setup setup;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!pool, INFER_ERROR_ARGUMENT, "pool is NULL");
    *pool = NULL;
    TRY(infer__sized_read(INFER__SIZED(infer_pool_options, reserved), options, &o, err));
    TRY(read_setup(&o, &setup, err));
    const infer_allocator a = infer__allocator(&o.allocator);
    return infer__pool_create(&setup, &a, pool, err);
}

void infer_pool_free(infer_pool **pool)
{
    INFER__KEEP_CALLER;
    if (!pool || !*pool)
        return;
    infer__pool_free(*pool);
    *pool = NULL;
}
