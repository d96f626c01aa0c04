/* MatMul and Gemm as one: y[b] = act(alpha * A[b] B[b] + beta * bias + residual). */
#ifndef INFER_KERNELS_MATMUL_H
#define INFER_KERNELS_MATMUL_H

#include "kernels/nd.h"

struct infer__matmul {
    int64_t m, n, k;
    struct infer__nd batch; /* operand 0: A's matrices, operand 1: B's; its row is of 1 */
    int64_t batches;
    int64_t b_matrices;   /* different matrices in B */
    int64_t a_row, a_col; /* strides in elements */
    int64_t b_row, b_col;
    int64_t c_row, c_col; /* of Gemm's bias; 0 where it is broadcast */
    int bias;             /* the operand that it is, or -1 */
    int residual;
    float alpha, beta;
};

/* Whether a task is an f32 product, and its description. */
int infer__matmul_of(const struct infer__task *t, struct infer__matmul *m);
/* The description of a MatMul, Gemm or Dense of any type; 0 if there is none. */
int infer__matmul_shape(const struct infer__task *t, struct infer__matmul *m);

/* Turns `n` sums of row `row` of batch `batch`, from column `col` on, into outputs. */
void infer__matmul_finish(const struct infer__task *t, const struct infer__buffers *b,
                          const struct infer__matmul *m, int64_t batch, int64_t row, int64_t col,
                          int64_t n, float *sums);

#endif
