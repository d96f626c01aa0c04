"""Random LSTMs, GRUs, RNNs and DynamicQuantizeLSTMs for check_operators.py."""
import numpy as np

MS = "com.microsoft"
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
# Activations with the parameters that each takes.
ACTS = {"Sigmoid": "", "Tanh": "", "Relu": "", "Affine": "ab", "LeakyRelu": "a",
        "ThresholdedRelu": "a", "ScaledTanh": "ab", "HardSigmoid": "ab", "Elu": "a",
        "Softsign": "", "Softplus": ""}


def activations(rng, count):
    names = [str(n) for n in rng.choice(list(ACTS), count)]
    chosen = {"activations": names}
    for key, letter in (("activation_alpha", "a"), ("activation_beta", "b")):
        values = [float(v) for v in rng.uniform(0.1, 0.6, sum(letter in ACTS[n] for n in names))]
        if values:
            chosen[key] = values
    return chosen


def layer(rng, op, quantised=False):
    """(inputs, attributes, constants, outputs) of one random layer."""
    steps, batch, inputs = rng.integers(1, 13), rng.integers(1, 10), rng.integers(1, 21)
    hidden, gates = int(rng.integers(1, 41)), GATES[op]
    direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
    d = 2 if direction == "bidirectional" else 1

    def f32(*shape, scale=1.0):
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    def sometimes(value):
        return value if rng.integers(2) else None

    x = [f32(steps, batch, inputs), f32(d, gates * hidden, inputs, scale=inputs ** -0.5),
         f32(d, gates * hidden, hidden, scale=0.6 * hidden ** -0.5),
         sometimes(f32(d, 2 * gates * hidden, scale=0.3)),
         sometimes(rng.integers(1, steps + 1, batch).astype(np.int32)),
         sometimes(f32(d, batch, hidden))]
    if op == "LSTM":
        x += [sometimes(f32(d, batch, hidden)), sometimes(f32(d, 3 * hidden, scale=0.3))]
    attributes = {"hidden_size": hidden, "direction": direction}
    if rng.integers(2) and not quantised:  # some let states grow, and steps between integers too
        attributes.update(activations(rng, d * FUNCTIONS[op]))
    if rng.integers(4) == 0:
        attributes["clip"] = 0.8
    if op == "GRU":
        attributes["linear_before_reset"] = int(rng.integers(2))
    if op == "LSTM" and not quantised and rng.integers(4) == 0:
        attributes["input_forget"] = 1
    if quantised:
        x = quantise(rng, x)
    constants = tuple(i for i in range(len(x)) if i in (1, 2, 3, 7) or i > 7)
    return x, attributes, constants, 3 if op == "LSTM" else 2


def quantise(rng, x):
    """W and R as ONNX Runtime's quantiser makes them: transposed, by direction or by column."""
    more = []
    columns = bool(rng.integers(2))
    unsigned = bool(rng.integers(2))
    for i in (1, 2):
        w = x[i].swapaxes(1, 2)
        axes = 1 if columns else (1, 2)
        most = np.abs(w).max(axis=axes, keepdims=True)
        scale = (most / 100).astype(np.float32)
        # ONNX Runtime has one zero point for all columns, and of s8 none.
        zero = np.full(scale.shape, rng.integers(-20, 21) if unsigned else 0)
        q = np.clip(np.rint(w / scale) + zero, -128, 127)
        shape = (w.shape[0], w.shape[2]) if columns else (w.shape[0],)
        kind, shift = (np.uint8, 128) if unsigned else (np.int8, 0)
        x[i] = np.ascontiguousarray(q + shift).astype(kind)
        more += [scale.reshape(shape), (zero + shift).reshape(shape).astype(kind)]
    if x[4] is not None:  # ONNX Runtime goes on with sequences that have ended, and they count
        x[4][:] = x[4][0]
    return x + more


def recurrent_cases(one, count=40):
    rng = np.random.default_rng(11)
    for op in GATES:
        for i in range(count):
            x, attributes, constants, outputs = layer(rng, op)
            yield one(f"{op.lower()}_{i}", op, x, attributes, constants=constants, outputs=outputs,
                      opset=int(rng.choice([7, 9, 14, 21, 22])))
        x, attributes, constants, outputs = layer(rng, op)
        for key in ("activations", "activation_alpha", "activation_beta"):
            attributes.pop(key, None)
        yield one(f"{op.lower()}_weights_given", op, x, attributes, outputs=outputs)
        x, attributes, constants, outputs = layer(rng, op)
        x = x[:4]
        yield one(f"{op.lower()}_free", op, x, attributes, constants=constants, outputs=outputs,
                  free=True)
    for i in range(count):
        x, attributes, constants, outputs = layer(rng, "LSTM", quantised=True)
        yield one(f"dynamic_quantize_lstm_{i}", "DynamicQuantizeLSTM", x, attributes,
                  constants=constants, outputs=outputs, domain=MS)
