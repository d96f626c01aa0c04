/* The state of a prepared task; see onednn_state.c and onednn_run.c. */
#ifndef INFER_KERNELS_ONEDNN_ONEDNN_STATE_H
#define INFER_KERNELS_ONEDNN_ONEDNN_STATE_H

#include "kernels/onednn/onednn_kernel.h"

enum { INFER__DNNL_ARGS = 5 };

/* One unit. Its memory objects are its own: two units never share one. */
struct infer__dnnl_unit {
    dnnl_primitive_t primitive; /* a shape's */
    dnnl_exec_arg_t args[INFER__DNNL_ARGS];
    int nargs;
    int through_scratch; /* a range of channels: computed densely in scratch, then copied */
    uint32_t chunk;
    size_t src_offset, dst_offset; /* bytes */
    int64_t pixels, channels, c_begin;
    int64_t scratch_dst, scratch_bytes;
};

/* A primitive that the tiles of one shape share. */
struct infer__dnnl_shape {
    struct infer__dnnl_problem p;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
};

/* Packed weights of a range of output channels. */
struct infer__dnnl_chunk {
    int known;
    size_t offset;        /* in the packed weights */
    size_t source_offset; /* in the graph's */
    dnnl_memory_desc_t source, packed;
    dnnl_primitive_t reorder;
};

struct infer__dnnl_state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct infer__dnnl_binding binding;
    int bias_after;               /* 1: the bias is added by us */
    struct infer__epilogue after; /* the activation, where oneDNN does not do it */
    int64_t channels;             /* of the whole output */
    int64_t packed_bytes;
    char implementation[64]; /* oneDNN's name of it */
    struct infer__dnnl_unit *units;
    struct infer__dnnl_shape *shapes;
    struct infer__dnnl_chunk *chunks;
    uint32_t nunits, nshapes, nchunks;
};

/* Sets the calling thread's OpenMP thread count to 1; returns what it was, for the other. */
int infer__dnnl_one_thread(void);
void infer__dnnl_restore_threads(int before);

#endif
