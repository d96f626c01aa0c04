/* The windows of max_pool_c.c for one element type. The including file defines
 *   T, F(name)  the element type, and its form of a name
 *   LOWEST      what an empty window gives
 *   MASK        the signed integer type of T's size
 *   HAS_NAN     1 for f32 */
#define LANES ((int)(16 / sizeof(T)))

typedef T F(pool_vec) __attribute__((vector_size(16)));
typedef MASK F(pool_mask) __attribute__((vector_size(16)));

static inline int F(is_greater)(T x, T than)
{
#if HAS_NAN
    return x > than || (x != x && than == than);
#else
    return x > than;
#endif
}

static inline F(pool_vec) F(greater_of)(F(pool_vec) x, F(pool_vec) best)
{
    F(pool_mask) m = (F(pool_mask))(x > best);
#if HAS_NAN
    m |= (F(pool_mask))(x != x); /* NOLINT(misc-redundant-expression): NaN */
#endif
    return (F(pool_vec))((m & (F(pool_mask))x) | (~m & (F(pool_mask))best));
}

/* `nv` vectors of channels from `c` on, a constant number. */
static inline __attribute__((always_inline)) void
F(max_vectors)(int nv, const struct infer__task *t, const struct infer__pooling_window *p,
               const struct infer__spatial *s, const T *x, T *y)
{
    const int64_t *dilation = t->p.window.dilation;
    F(pool_vec) best[WIDE];
    for (int v = 0; v < nv; v++)
        best[v] = (F(pool_vec)){0} + (T)LOWEST;
    for (int64_t d = p->from[0]; d < p->to[0]; d++)
        for (int64_t h = p->from[1]; h < p->to[1]; h++) {
            int64_t row = (p->n * s->d + p->begin[0] + d * dilation[0]) * s->h + p->begin[1] +
                          h * dilation[1];
            for (int64_t w = p->from[2]; w < p->to[2]; w++) {
                const T *at = x + (row * s->w + p->begin[2] + w * dilation[2]) * s->c;
                for (int v = 0; v < nv; v++) {
                    F(pool_vec) a;
                    memcpy(&a, at + v * LANES, sizeof a);
                    best[v] = F(greater_of)(a, best[v]);
                }
            }
        }
    for (int v = 0; v < nv; v++)
        memcpy(y + v * LANES, &best[v], sizeof best[v]);
}

static T F(max_one)(const struct infer__task *t, const struct infer__pooling_window *p,
                    const struct infer__spatial *s, const T *x, int64_t *pixel)
{
    const int64_t *dilation = t->p.window.dilation;
    T best = LOWEST;
    *pixel = -1;
    for (int64_t d = p->from[0]; d < p->to[0]; d++)
        for (int64_t h = p->from[1]; h < p->to[1]; h++)
            for (int64_t w = p->from[2]; w < p->to[2]; w++) {
                int64_t at =
                    ((p->begin[0] + d * dilation[0]) * s->h + p->begin[1] + h * dilation[1]) *
                        s->w +
                    p->begin[2] + w * dilation[2];
                T a = x[(p->n * s->d * s->h * s->w + at) * s->c];
                if (*pixel < 0 || F(is_greater)(a, best)) {
                    best = a;
                    *pixel = at;
                }
            }
    return best;
}

static void F(max_pool_pixel)(const struct infer__task *t, const struct infer__spatial *s,
                              int64_t pixel, const void *in, void *out, int64_t *index)
{
    const T *x = in;
    T *y = out;
    struct infer__pooling_window p = infer__pooling_window(t, pixel);
    int64_t c = 0, at;
    if (!index) {
        for (; c + WIDE * LANES <= s->c; c += WIDE * LANES)
            F(max_vectors)(WIDE, t, &p, s, x + c, y + c);
        for (; c + LANES <= s->c; c += LANES)
            F(max_vectors)(1, t, &p, s, x + c, y + c);
    }
    for (; c < s->c; c++) {
        y[c] = F(max_one)(t, &p, s, x + c, &at);
        if (index)
            index[c] = index_of(t, s, p.n, c, at);
    }
}

#undef LANES
#undef T
#undef F
#undef LOWEST
#undef MASK
#undef HAS_NAN
