/* levels: avx2 avx512 */
/* Transpose of three planes of four-byte elements into triples, as a picture's channels before the
 * first layer.
 */
#include "kernels/levels.h"

#include "kernels/nd.h"
#include "kernels/vec_math.h"

enum { STRETCH = 4096, PLANES = 3 }; /* elements of a plane in an item; planes */

/* Sets the number of plane triples and the size of a plane; 0 if the task is of another kind. */
static int planes_of(const struct infer__task *t, int64_t *pictures, int64_t *size)
{
    const struct infer__operand *x = &t->in[0];
    if (t->op != INFER__OP_TRANSPOSE || !infer__isa_has(t->isa, LEVEL_ISA) ||
        x->type != t->out[0].type || x->rank < 2 || infer__operand_size(&t->out[0]) != 4 ||
        !infer__no_epilogue(t))
        return 0;
    int last = x->rank - 1, plane = t->p.transpose.perm[last];
    *pictures = *size = 1;
    for (int i = 0; i < last; i++) /* all other axes keep their order */
        if (t->p.transpose.perm[i] != i + (i >= plane))
            return 0;
    for (int i = 0; i <= last; i++)
        *(i < plane ? pictures : size) *= i == plane ? 1 : x->dims[i];
    return plane < last && x->dims[plane] == PLANES && *size > 0 && *pictures > 0;
}

static int64_t items_of(int64_t pictures, int64_t size)
{
    return pictures * ((size + STRETCH - 1) / STRETCH);
}

INFER__APART static double interleave_estimate(const struct infer__task *t)
{
    int64_t pictures, size;
    if (!planes_of(t, &pictures, &size))
        return -1;
    return 50 + (double)pictures * (double)size * (VEC_LEVEL == 512 ? 0.4 : 0.35);
}

static infer_status interleave_3_prepare(const struct infer__task *t, struct infer__need *need,
                                         infer_error *err)
{
    int64_t pictures, size;
    (void)err;
    need->units =
        planes_of(t, &pictures, &size) ? infer__task_units(t, items_of(pictures, size), 2) : 1;
    return INFER_OK;
}

/* Element e of the triples is element e / 3 of plane e % 3. */
#if VEC_LEVEL == 512
typedef __m512i lanes;
VEC_INLINE lanes load_lanes(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
VEC_INLINE vec merge(vec a, vec b, vec c, lanes element, lanes plane)
{
    /* the upper half of the choice between a and b begins at 16 */
    lanes of_two = _mm512_add_epi32(element, _mm512_slli_epi32(plane, 4));
    __mmask16 third = _mm512_cmpeq_epi32_mask(plane, _mm512_set1_epi32(2));
    return _mm512_mask_permutexvar_ps(_mm512_permutex2var_ps(a, of_two, b), third, element, c);
}
#else
typedef __m256i lanes;
VEC_INLINE lanes load_lanes(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
VEC_INLINE vec merge(vec a, vec b, vec c, lanes element, lanes plane)
{
    vec second = _mm256_castsi256_ps(_mm256_cmpeq_epi32(plane, _mm256_set1_epi32(1)));
    vec third = _mm256_castsi256_ps(_mm256_cmpeq_epi32(plane, _mm256_set1_epi32(2)));
    vec two = _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, element),
                               _mm256_permutevar8x32_ps(b, element), second);
    return _mm256_blendv_ps(two, _mm256_permutevar8x32_ps(c, element), third);
}
#endif

/* n elements of each plane, which are `size` apart. */
static void interleave(const float *x, int64_t size, int64_t n, float *y)
{
    int32_t element[PLANES * VEC], plane[PLANES * VEC];
    lanes e[PLANES], p[PLANES];
    for (int i = 0; i < PLANES * VEC; i++) {
        element[i] = i / PLANES;
        plane[i] = i % PLANES;
    }
    for (int i = 0; i < PLANES; i++) {
        e[i] = load_lanes(element + i * VEC);
        p[i] = load_lanes(plane + i * VEC);
    }
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vec a = vec_load(x + i), b = vec_load(x + size + i), c = vec_load(x + 2 * size + i);
        VEC_UNROLL
        for (int k = 0; k < PLANES; k++)
            vec_store(y + i * PLANES + k * VEC, merge(a, b, c, e[k], p[k]));
    }
    for (; i < n; i++) /* bits, whatever they mean */
        for (int k = 0; k < PLANES; k++)
            memcpy(y + i * PLANES + k, x + k * size + i, sizeof *y);
}

static void interleave_3_run(const struct infer__task *t, const struct infer__buffers *b,
                             uint32_t begin, uint32_t end)
{
    int64_t pictures, size;
    if (!planes_of(t, &pictures, &size))
        return;
    int64_t items = items_of(pictures, size), each = items / pictures;
    uint32_t units = infer__task_units(t, items, 2);
    int64_t last = infer__unit_begin(items, units, end);
    for (int64_t i = infer__unit_begin(items, units, begin); i < last; i++) {
        int64_t first = i % each * STRETCH, n = size - first < STRETCH ? size - first : STRETCH;
        int64_t at = i / each * PLANES * size;
        interleave((const float *)b->in[0] + at + first, size, n,
                   (float *)b->out[0] + at + first * PLANES);
    }
}

const struct infer__kernel LEVEL_NAME(infer__interleave_3) = {.name = LEVEL_STRING("interleave_3"),
                                                              .isa = LEVEL_ISA,
                                                              .estimate = interleave_estimate,
                                                              .prepare = interleave_3_prepare,
                                                              .run = interleave_3_run};
