/* What a task of LSTM, GRU or RNN is; see recurrent.h. */
#include "kernels/recurrent/recurrent.h"

int infer__cells_of(const struct infer__task *t, struct infer__cells *c)
{
    const struct infer__operand *x = &t->in[CELLS_X], *r = &t->in[CELLS_R];
    const struct infer__recurrent *p = &t->p.recurrent;
    *c = (struct infer__cells){.gates = t->op == INFER__OP_RNN   ? 1
                                        : t->op == INFER__OP_GRU ? GRU_GATES
                                                                 : LSTM_GATES};
    c->quantised = t->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM;
    if (t->op < INFER__OP_LSTM || t->op > INFER__OP_DYNAMIC_QUANTIZE_LSTM ||
        !infer__no_epilogue(t) || x->type != INFER_F32 || x->rank != 3 || r->rank != 3)
        return 0;
    c->steps = x->dims[p->layout ? 1 : 0];
    c->batch = x->dims[p->layout ? 0 : 1];
    c->inputs = x->dims[2];
    c->hidden = r->dims[c->quantised ? 1 : 2];
    c->directions = r->dims[0];
    const int64_t state = INFER__PRODUCT(c->directions, c->hidden);
    if (p->layout) {
        c->x_step = c->inputs;
        c->x_row = INFER__PRODUCT(c->steps, c->inputs);
        c->y_step = state;
        c->y_row = INFER__PRODUCT(c->steps, state);
        c->y_direction = c->h_direction = c->hidden;
        c->h_row = state;
        return 1;
    }
    c->x_row = c->inputs;
    c->x_step = INFER__PRODUCT(c->batch, c->inputs);
    c->y_row = c->h_row = c->hidden;
    c->y_direction = c->h_direction = INFER__PRODUCT(c->batch, c->hidden);
    c->y_step = INFER__PRODUCT(c->batch, state);
    return 1;
}
