"""JSON and tensors, compared: keys, types, values."""
import json
import math
import re
import struct

FORMATS = {'BOOL': '?', 'UINT8': 'B', 'INT8': 'b', 'UINT16': 'H', 'INT16': 'h', 'UINT32': 'I', 'INT32': 'i', 'UINT64': 'Q',
           'INT64': 'q', 'FP16': 'e', 'FP32': 'f', 'FP64': 'd'}


class Differs(Exception):
    """What is not as it should be."""


def check(ok, text, *args):
    if not ok:
        raise Differs(text % args if args else text)


def kind(x):
    if isinstance(x, bool):
        return 'boolean'
    if isinstance(x, (int, float)):
        return 'number'
    return {str: 'text', list: 'list', dict: 'object', type(None): 'null'}[type(x)]


def close(a, b, tolerance=1e-4):
    """Numbers that are equal but for their last digits."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    return math.isfinite(a) and math.isfinite(b) and abs(a - b) <= tolerance * max(abs(a), abs(b))


def same_shape(want, got, where='answer', optional=()):
    """Keys and types, the values aside; of lists the first elements."""
    check(kind(want) == kind(got), '%s is a %s, not a %s', where, kind(got), kind(want))
    if isinstance(want, dict):
        missing = set(want) - set(got) - set(optional)
        more = set(got) - set(want) - set(optional)
        check(not missing, '%s lacks %s', where, ', '.join(sorted(missing)))
        check(not more, '%s has %s', where, ', '.join(sorted(more)))
        for key in set(want) & set(got):
            same_shape(want[key], got[key], where + '.' + key, optional)
    elif isinstance(want, list) and want and got:
        same_shape(want[0], got[0], where + '[0]', optional)


def same_values(want, got, where='answer', loose=None):
    """Keys, types and values. `loose(path)` True: types alone count there."""
    check(kind(want) == kind(got), '%s is a %s, not a %s', where, kind(got), kind(want))
    if loose and loose(where):
        same_shape(want, got, where)
    elif isinstance(want, dict):
        check(set(want) == set(got), '%s has the keys %s, not %s', where, sorted(got), sorted(want))
        for key in want:
            same_values(want[key], got[key], where + '.' + key, loose)
    elif isinstance(want, list):
        check(len(want) == len(got), '%s has %d elements, not %d', where, len(got), len(want))
        for i, (a, b) in enumerate(zip(want, got)):
            same_values(a, b, '%s[%d]' % (where, i), loose)
    elif kind(want) == 'number':
        check(close(want, got) if isinstance(want, float) or isinstance(got, float) else want == got, '%s is %r, not %r',
              where, got, want)
    else:
        check(want == got, '%s is %r, not %r', where, got, want)


def flat(x):
    return [v for e in x for v in flat(e)] if isinstance(x, list) else [x]


def texts(data):
    """BYTES: each element behind its length."""
    out, at = [], 0
    while at < len(data):
        check(len(data) - at >= 4, 'BYTES end within a length')
        n = struct.unpack_from('<I', data, at)[0]
        check(len(data) - at - 4 >= n, 'BYTES end within an element')
        out.append(data[at + 4:at + 4 + n])
        at += 4 + n
    return out


def numbers(datatype, data):
    size = struct.calcsize('<' + FORMATS[datatype])
    check(len(data) % size == 0, '%d bytes are no %s', len(data), datatype)
    return list(struct.unpack('<%d%s' % (len(data) // size, FORMATS[datatype]), data))


def same_bits(datatype, a, b):
    """Numbers that are equal in their type; what is no number is that in both."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return struct.pack('<' + FORMATS[datatype], a) == struct.pack('<' + FORMATS[datatype], b)


def same_tensor(name, datatype, want, got, exact=False, small=0.0):
    """Values of a tensor; of floats 1e-4 of the value, or `small` of the largest."""
    check(len(want) == len(got), '%s has %d values, not %d', name, len(got), len(want))
    most = max((abs(w) for w in want if isinstance(w, float) and math.isfinite(w)), default=0.0)
    for i, (a, b) in enumerate(zip(want, got)):
        if datatype == 'BYTES':
            check(same_text(a, b), '%s[%d] is %r, not %r', name, i, b, a)
        elif datatype in ('FP16', 'FP32', 'FP64'):
            same = same_bits(datatype, a, b) if exact else close(float(a), float(b)) or abs(a - b) <= small * most
            check(same, '%s[%d] is %r, not %r', name, i, b, a)
        else:
            check(a == b, '%s[%d] is %r, not %r', name, i, b, a)


def same_text(a, b):
    """Texts that are equal; of a class ("0.55:167:label") the value but for its last digits."""
    a, b = (x.encode() if isinstance(x, str) else x for x in (a, b))
    if a == b:
        return True
    m, n = (re.fullmatch(rb'(-?[0-9.]+)(:\d+(?::.*)?)', x, re.S) for x in (a, b))
    return bool(m and n) and m.group(2) == n.group(2) and abs(float(m.group(1)) - float(n.group(1))) <= max(
        2e-6, 1e-4 * abs(float(m.group(1))))


def parse(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Differs('no JSON: %s: %r' % (e, text[:80]))
