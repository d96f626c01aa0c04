/* Products of tiles in registers, four sums at a time as the kernels have them. */
#include "bench/machine.h"

#if defined(__x86_64__)
#include "kernels/amx_tiles.h"

/* Whole tiles: 16 rows by 16 columns by 64 bytes. */
static void configure(struct amx *amx)
{
    struct amx_config config = {.palette = 1};
    for (int i = 0; i < AMX_TILES; i++) {
        config.rows[i] = AMX_ROWS;
        config.bytes[i] = AMX_BYTES;
    }
    amx_configure(amx, &config); /* all tiles are 0 */
}

enum { TILE_OPS = 2 * AMX_ROWS * 16 * AMX_BYTES }; /* of bytes */

float machine_tiles_int8(uint64_t loops, double *flops)
{
    struct amx amx = {0};
    *flops = 0;
    if (!amx_permit())
        return 0;
    configure(&amx);
    for (uint64_t n = 0; n < loops; n++) {
        amx_dot(&amx, 0, 4, 6);
        amx_dot(&amx, 1, 4, 7);
        amx_dot(&amx, 2, 5, 6);
        amx_dot(&amx, 3, 5, 7);
    }
    amx_release(&amx);
    *flops = 4.0 * TILE_OPS * (double)loops;
    return 0;
}

float machine_tiles_bf16(uint64_t loops, double *flops)
{
    struct amx amx = {0};
    *flops = 0;
    if (!amx_permit())
        return 0;
    configure(&amx);
    for (uint64_t n = 0; n < loops; n++) {
        amx_dot_bf16(&amx, 0, 4, 6);
        amx_dot_bf16(&amx, 1, 4, 7);
        amx_dot_bf16(&amx, 2, 5, 6);
        amx_dot_bf16(&amx, 3, 5, 7);
    }
    amx_release(&amx);
    *flops = 2.0 * TILE_OPS * (double)loops;
    return 0;
}
#endif
