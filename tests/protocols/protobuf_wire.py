"""Protocol buffers on the wire, as far as KServe's messages need it: fields by number, read with a small schema.

A schema maps a field's number to (name, kind): 'text', 'bytes', 'int', 'uint', 'bool', or another schema; a kind in a
list is repeated. The message becomes a dict; what is absent has its default, so that two messages that mean the same
are equal, however they are written."""
import struct


class NoMessage(Exception):
    pass


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise NoMessage('a number ends too soon')
        value |= (data[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """(number, wire type, value) of each field."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
        elif wire in (1, 5):
            n = 8 if wire == 1 else 4
            value, at = data[at:at + n], at + n
        else:
            raise NoMessage('wire type %d' % wire)
        if at > len(data):
            raise NoMessage('a field ends too soon')
        yield tag >> 3, wire, value


def signed(value):
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def scalar(kind, value):
    if isinstance(kind, dict):
        return read(kind, value)
    if kind == 'text':
        return value.decode()
    if kind == 'double':
        return struct.unpack('<d', value)[0]
    return {'bytes': lambda v: v, 'int': signed, 'uint': lambda v: v, 'bool': bool}[kind](value)


def default(kind):
    if isinstance(kind, list):
        return []
    return {'text': '', 'bytes': b'', 'bool': False, 'double': 0.0}.get(kind, 0) if isinstance(kind, str) else None


def read(schema, data):
    message = {name: default(kind) for name, kind in schema.values()}
    for number, wire, value in fields(data):
        if number not in schema:
            raise NoMessage('field %d is not known' % number)
        name, kind = schema[number]
        if not isinstance(kind, list):
            message[name] = scalar(kind, value)
        elif wire == 2 and kind[0] in ('int', 'uint', 'bool'):  # packed
            at = 0
            while at < len(value):
                one, at = varint(value, at)
                message[name].append(scalar(kind[0], one))
        else:
            message[name].append(scalar(kind[0], value))
    return message


PARAMETER = {1: ('bool', 'bool'), 2: ('int', 'int'), 3: ('text', 'text'), 4: ('double', 'double'), 5: ('uint', 'uint')}
ENTRY = {1: ('key', 'text'), 2: ('value', PARAMETER)}
TENSOR = {1: ('name', 'text'), 2: ('datatype', 'text'), 3: ('shape', ['int']), 4: ('parameters', [ENTRY]),
          5: ('contents', 'bytes')}
INFER = {1: ('model_name', 'text'), 2: ('model_version', 'text'), 3: ('id', 'text'), 4: ('parameters', [ENTRY]),
         5: ('outputs', [TENSOR]), 6: ('raw_output_contents', ['bytes'])}
STREAM = {1: ('error_message', 'text'), 2: ('infer_response', INFER)}
METADATA = {1: ('name', 'text'), 2: ('versions', ['text']), 3: ('platform', 'text'), 4: ('inputs', [TENSOR]),
            5: ('outputs', [TENSOR])}
SERVER = {1: ('name', 'text'), 2: ('version', 'text'), 3: ('extensions', ['text'])}
ROW = {1: ('name', 'text'), 2: ('version', 'text'), 3: ('state', 'text'), 4: ('reason', 'text')}
INDEX = {1: ('models', [ROW])}
DURATION = {1: ('count', 'uint'), 2: ('ns', 'uint')}
TIMES = {i + 1: (name, DURATION) for i, name in enumerate(
    'success fail queue compute_input compute_infer compute_output cache_hit cache_miss'.split())}
BATCH = {1: ('batch_size', 'uint'), 2: ('compute_input', DURATION), 3: ('compute_infer', DURATION),
         4: ('compute_output', DURATION)}
STATISTICS = {1: ('model_stats', [{1: ('name', 'text'), 2: ('version', 'text'), 3: ('last_inference', 'uint'),
                                   4: ('inference_count', 'uint'), 5: ('execution_count', 'uint'),
                                   6: ('inference_stats', TIMES), 7: ('batch_stats', [BATCH])}])}
CONFIG_INPUT = {1: ('name', 'text'), 2: ('data_type', 'uint'), 3: ('format', 'uint'), 4: ('dims', ['int'])}
CONFIG_OUTPUT = {1: ('name', 'text'), 2: ('data_type', 'uint'), 3: ('dims', ['int']), 4: ('label_filename', 'text')}
GROUP = {1: ('name', 'text'), 2: ('count', 'int'), 4: ('kind', 'uint')}
ANY = {1: ('enable', 'bool')}
CONFIG = {1: ('config', {1: ('name', 'text'), 2: ('platform', 'text'),
                         3: ('version_policy', {1: ('latest', {1: ('num_versions', 'uint')})}),
                         4: ('max_batch_size', 'int'), 5: ('input', [CONFIG_INPUT]), 6: ('output', [CONFIG_OUTPUT]),
                         7: ('instance_group', [GROUP]), 8: ('default_model_filename', 'text'),
                         12: ('optimization', {5: ('input_pinned_memory', ANY), 6: ('output_pinned_memory', ANY)}),
                         17: ('backend', 'text')})}
FLAG = {1: ('is', 'bool')}
STATUS = {1: ('status', 'uint')}
ANSWERS = {'ServerLive': FLAG, 'ServerReady': FLAG, 'ModelReady': FLAG, 'ServerMetadata': SERVER,
           'ModelMetadata': METADATA, 'ModelConfig': CONFIG, 'ModelInfer': INFER, 'ModelStreamInfer': STREAM,
           'ModelStatistics': STATISTICS, 'RepositoryIndex': INDEX, 'RepositoryModelLoad': {},
           'RepositoryModelUnload': {}, 'Check': STATUS}
