"""ONNX models written by hand: as much of protobuf's wire format as that takes."""
import struct

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64 = range(1, 14)


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def integer(field, n):
    return varint(field << 3) + varint(n)


def piece(field, data):
    if isinstance(data, str):
        data = data.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, int):
        return piece(1, name) + integer(3, value) + integer(20, 2)
    if isinstance(value, float):
        return piece(1, name) + varint(2 << 3 | 5) + struct.pack('<f', value) + integer(20, 1)
    if isinstance(value, str):
        return piece(1, name) + piece(4, value) + integer(20, 3)
    return piece(1, name) + b''.join(integer(8, v) for v in value) + integer(20, 7)


def node(op, inputs, outputs, domain='', **attributes):
    return (b''.join(piece(1, i) for i in inputs) + b''.join(piece(2, o) for o in outputs) + piece(4, op) +
            b''.join(piece(5, attribute(k, v)) for k, v in attributes.items()) + piece(7, domain))


def value(name, elem_type, dims):
    """A number is a dimension, a text the name of a free one."""
    shape = b''.join(piece(1, integer(1, d) if isinstance(d, int) else piece(2, d)) for d in dims)
    return piece(1, name) + piece(2, piece(1, integer(1, elem_type) + piece(2, shape)))


def floats(name, dims, values):
    return (b''.join(integer(1, d) for d in dims) + integer(2, FLOAT) + piece(8, name) +
            piece(9, struct.pack('<%df' % len(values), *values)))


def integers(name, dims, values):
    return (b''.join(integer(1, d) for d in dims) + integer(2, INT64) + piece(8, name) +
            piece(9, struct.pack('<%dq' % len(values), *values)))


def model(nodes, inputs, outputs, constants=(), metadata=(), domains=(), opset=17):
    graph = (b''.join(piece(1, n) for n in nodes) + piece(2, 'g') + b''.join(piece(5, c) for c in constants) +
             b''.join(piece(11, i) for i in inputs) + b''.join(piece(12, o) for o in outputs))
    return (integer(1, 8) + piece(7, graph) + piece(8, piece(1, '') + integer(2, opset)) +
            b''.join(piece(8, piece(1, d) + integer(2, 1)) for d in domains) +
            b''.join(piece(14, piece(1, k) + piece(2, v)) for k, v in metadata))


def fields(data):
    """(number, wire type, value) of a message: integers for type 0, bytes for the others."""
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n
    while at < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, 0, number()
        else:
            size = number() if key & 7 == 2 else 8 if key & 7 == 1 else 4
            yield key >> 3, key & 7, data[at:at + size]
            at += size


def put(number, kind, data):
    return integer(number, data) if kind == 0 else piece(number, data) if kind == 2 else varint(number << 3 | kind) + data


def first_text(message):
    return next(data.decode() for number, kind, data in fields(message) if number == 1 and kind == 2)


def wrap(data, old_input, inputs, before, outputs, after):
    """A model with nodes before and after its own, and other inputs and outputs."""
    out = b''
    for number, kind, part in fields(data):
        if number != 7:
            out += put(number, kind, part)
            continue
        graph = b''.join(piece(1, n) for n in before)
        for n, k, p in fields(part):
            if not (n in (12, 13) or (n == 11 and first_text(p) == old_input)):
                graph += put(n, k, p)
        graph += b''.join(piece(1, n) for n in after)
        graph += b''.join(piece(11, i) for i in inputs) + b''.join(piece(12, o) for o in outputs)
        out += piece(7, graph)
    return out
