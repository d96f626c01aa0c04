/* Looking whether there is memory before oneDNN asks for it.
 *
 * Measured with oneDNN 2.6.3 on Zen 5, in one call, over the shapes of tests/test_kernel_onednn.c,
 * convolutions with windows up to 64 x 64 and pools up to 4096:
 *   describing    620 kB of malloc in 22,000 pieces
 *   making        515 kB in 5,800 pieces, and 10.5 MB of pages: generated code, 256 kB a kernel
 *   executing     904 bytes in 11 pieces
 * Still larger windows take 260 MB (infer__dnnl_sane refuses them), and implementations by "gemm"
 * make their code, 12 MB, when they are first executed (onednn_desc.c passes them over).
 */
#include <stdatomic.h>

#include "base/memory.h"
#include "kernels/onednn/onednn_kernel.h"

int infer__dnnl_reserve(enum infer__dnnl_call call)
{
    const size_t make_bytes = 4 << 20, make_pages = 64 << 20;
    const size_t execute_bytes = 64 << 10; /* a thread without an arena: a page for each piece */
    return call == INFER__DNNL_MAKE ? infer__reserve(make_bytes, make_pages)
                                    : infer__reserve(execute_bytes, 0);
}

infer_status infer__dnnl_no_room(infer_error *err)
{
    return infer__fail(err, INFER_ERROR_NO_MEMORY, "no memory for a kernel of oneDNN");
}

void infer__dnnl_no_memory(const struct infer__task *t)
{
    if (t->trouble)
        atomic_store_explicit(t->trouble, INFER_ERROR_NO_MEMORY, memory_order_relaxed);
}
