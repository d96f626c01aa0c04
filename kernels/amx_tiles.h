/* The few tile instructions of AMX that the convolutions need, or, with AMX_MODEL defined, a model
 * of them in plain C, which tests compile the same kernels with, so that they can be checked where
 * there is no AMX.
 *
 * Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 and volume 2,
 * LDTILECFG, TILELOADD, TILESTORED, TDPBUSD, TDPBF16PS. Eight tiles of at most 16 rows of 64 bytes;
 * numbers of tiles are constants. */
#ifndef INFER_KERNELS_AMX_TILES_H
#define INFER_KERNELS_AMX_TILES_H

#include <stdint.h>
#include <string.h>

enum { AMX_TILES = 8, AMX_ROWS = 16, AMX_BYTES = 64 };

/* The operand of LDTILECFG. */
struct amx_config {
    uint8_t palette, start_row, zero[14];
    uint16_t bytes[16]; /* of a row of each tile */
    uint8_t rows[16];
};

#if !defined(AMX_MODEL)

#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's header has these names since Linux 5.16 only. */
enum { AMX_REQUEST_PERMISSION = 0x1023, AMX_TILE_DATA = 18 };

struct amx {
    int none;
};

/* Asks the system for the use of tiles by this process, which it remembers. 1: granted. */
static inline int amx_permit(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    return syscall(SYS_arch_prctl, AMX_REQUEST_PERMISSION, AMX_TILE_DATA) == 0;
#else
    return 0;
#endif
}

static inline void amx_configure(struct amx *amx, const struct amx_config *config)
{
    (void)amx;
    __asm__ volatile("ldtilecfg %0" ::"m"(*config));
}

static inline void amx_release(struct amx *amx)
{
    (void)amx;
    __asm__ volatile("tilerelease");
}

#define amx_load(amx, tile, from, step)                                                            \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"((int64_t)(step))          \
                     : "memory")
#define amx_store(amx, tile, to, step)                                                             \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"((int64_t)(step))        \
                     : "memory")
/* sum += u8 by s8 */
#define amx_dot(amx, sum, x, w) __asm__ volatile("tdpbusd %%tmm" #w ", %%tmm" #x ", %%tmm" #sum ::)
/* sum += bf16 by bf16 */
#define amx_dot_bf16(amx, sum, x, w)                                                               \
    __asm__ volatile("tdpbf16ps %%tmm" #w ", %%tmm" #x ", %%tmm" #sum ::)

#else

struct amx {
    struct amx_config config;
    uint8_t tile[AMX_TILES][AMX_ROWS][AMX_BYTES];
};

static inline int amx_permit(void)
{
    return 1;
}

static inline void amx_configure(struct amx *amx, const struct amx_config *config)
{
    amx->config = *config;
    memset(amx->tile, 0, sizeof amx->tile);
}

static inline void amx_release(struct amx *amx)
{
    memset(amx, 0, sizeof *amx);
}

static inline void amx_load(struct amx *amx, int tile, const void *from, int64_t step)
{
    memset(amx->tile[tile], 0, sizeof amx->tile[tile]);
    for (int r = 0; r < amx->config.rows[tile]; r++)
        memcpy(amx->tile[tile][r], (const uint8_t *)from + r * step, amx->config.bytes[tile]);
}

static inline void amx_store(const struct amx *amx, int tile, void *to, int64_t step)
{
    for (int r = 0; r < amx->config.rows[tile]; r++)
        memcpy((uint8_t *)to + r * step, amx->tile[tile][r], amx->config.bytes[tile]);
}

static inline void amx_dot(struct amx *amx, int sum, int x, int w)
{
    const struct amx_config *c = &amx->config;
    for (int m = 0; m < c->rows[sum]; m++)
        for (int n = 0; n < c->bytes[sum] / 4; n++) {
            uint32_t s;
            memcpy(&s, amx->tile[sum][m] + 4 * n, sizeof s);
            for (int k = 0; k < c->bytes[x]; k++) {
                int8_t weight = (int8_t)amx->tile[w][k / 4][4 * n + k % 4];
                s += (uint32_t)(amx->tile[x][m][k] * weight);
            }
            memcpy(amx->tile[sum][m] + 4 * n, &s, sizeof s);
        }
}

static inline float amx_bf16_at(const uint8_t *at)
{
    uint16_t half;
    memcpy(&half, at, sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Products of even and of odd numbers are summed apart, then added to the sum before; the
 * instruction also takes denormals as 0. */
static inline void amx_dot_bf16(struct amx *amx, int sum, int x, int w)
{
    const struct amx_config *c = &amx->config;
    for (int m = 0; m < c->rows[sum]; m++)
        for (int n = 0; n < c->bytes[sum] / 4; n++) {
            float s, part[2] = {0, 0};
            for (int k = 0; k < c->bytes[x] / 2; k++)
                part[k % 2] += amx_bf16_at(amx->tile[x][m] + 2 * k) *
                               amx_bf16_at(amx->tile[w][k / 2] + 4 * n + k % 2 * 2);
            memcpy(&s, amx->tile[sum][m] + 4 * n, sizeof s);
            s += part[0] + part[1];
            memcpy(amx->tile[sum][m] + 4 * n, &s, sizeof s);
        }
}

#endif
#endif
