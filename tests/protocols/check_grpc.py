"""Recorded gRPC calls sent to our server, by build/tests/grpc_send, and their answers compared. check.py runs it.

Where the same bytes were sent to Triton its recording decides, for the other servers too."""
import collections
import json
import os
import re
import subprocess
import tempfile

import protobuf_wire as wire
import recordings
import v2
from compare import Differs, check, numbers, same_tensor, texts

CODES = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
         'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED',
         'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED']
SUITES = ['triton/grpc', 'mlserver/grpc', 'kserve/grpc']


class Call:
    """A recorded call; `decides` is the one whose answer counts."""

    def __init__(self, folder, server, entry):
        self.server, self.name, self.entry = server, entry['name'], entry
        self.must, self.method = entry.get('must', ''), entry['method']
        self.requests = self.messages(folder, '.request.')
        self.answers = self.messages(folder, '.response.')
        self.decides = self

    def messages(self, folder, part):
        found = []
        for f in self.entry['files']:
            if part in f:
                with open(os.path.join(folder, f), 'rb') as file:
                    found.append(file.read())
        return found

    def coding(self):
        m = re.search(r'gzip|deflate', self.name)
        return m.group() if m else 'identity'

    def codes(self, rows):
        """The statuses that it may end with: what the list says, else what was recorded or the table asks for."""
        for server, glob, status, _ in rows:
            if recordings.left_out(self, [(server, glob, status)]):
                return status.split('|')
        recorded = self.decides.entry['code']
        if self.must == 'an error':
            return CODES[1:]
        return [recorded] + [c for c in re.findall(r'[A-Z_]{6,}', self.must) if c in CODES and recorded != 'OK']


def load(shared, server):
    folder = os.path.join(shared, 'protocols', server)
    with open(os.path.join(folder, 'grpc.json')) as f:
        return [Call(folder, server, e) for e in json.load(f)]


def let_triton_decide(calls, triton):
    theirs = {c.name: c for c in triton}
    for c in calls:
        other = theirs.get(c.name)
        if other and other.entry['code'] and (other.method, other.requests) == (c.method, c.requests):
            c.decides = other


# ---- what is sent ----

def tag(number):
    return bytes([number << 3 | 2])


def field(number, content):
    n, length = len(content), b''
    while n >= 0x80:
        length, n = length + bytes([n & 0x7f | 0x80]), n >> 7
    return tag(number) + length + bytes([n]) + content


def without_extra(request):
    """A ModelInferRequest that does not ask for outputs that ours lacks (v2.EXTRA)."""
    try:
        parts = list(wire.fields(request))
    except wire.NoMessage:
        return request
    model = b''.join(value for number, _, value in parts if number == 1)
    extra = v2.EXTRA.get(model.decode(errors='replace'), ())
    if not extra or any(kind != 2 for _, kind, _ in parts):
        return request
    name_of = {value: dict((n, v) for n, _, v in wire.fields(value)).get(1, b'').decode()
               for number, _, value in parts if number == 6}
    return b''.join(field(number, value) for number, _, value in parts
                    if number != 6 or name_of[value] not in extra)


class Sender:
    """Calls on one connection; messages go by files."""

    def __init__(self, build, port, folder):
        self.folder, self.nfiles = folder, 0
        self.process = subprocess.Popen([os.path.join(build, 'tests/grpc_send'), str(port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def write(self, call, begin='', timeout='-'):
        files = []
        for request in call.requests:
            self.nfiles += 1
            files.append(os.path.join(self.folder, str(self.nfiles)))
            with open(files[-1], 'wb') as f:
                f.write(without_extra(request))
        self.process.stdin.write(' '.join([begin, call.method, call.coding(), timeout] + files) + '\n')
        self.process.stdin.flush()

    def read(self):
        """Status, text and messages of a call."""
        line = self.process.stdout.readline().rstrip('\n')
        check(line, 'the call did not end')
        status, text, *messages = line.split('\t')
        check(status != '-1', 'the call ended without a status')
        return CODES[int(status)], text, [bytes.fromhex(m) for m in messages]

    def ask(self, call):
        """The answer of a call. For a full queue it is made eight times at once, and the first that is refused counts."""
        others = 7 if call.name == 'err-queue-full' else 0
        for _ in range(others):
            self.write(call, '&')
        self.write(call, timeout='500m' if call.name == 'client-timeout' else '-')
        answers = [self.read() for _ in range(others + 1)]
        check(not others or answers[0][0] == 'OK', 'the first of them was refused')
        return next((a for a in answers if a[0] != 'OK'), answers[-1])

    def end(self):
        self.process.stdin.close()
        return self.process.wait(30)


# ---- what comes back ----

def numbers_of_fields(message):
    return [number for number, _, _ in wire.fields(message)]


def tensors(response):
    """(output, values) of a ModelInferResponse, in order."""
    raw = response['raw_output_contents']
    check(len(raw) == len(response['outputs']), '%d raw contents for %d outputs', len(raw), len(response['outputs']))
    return [(o, texts(data) if o['datatype'] == 'BYTES' else numbers(o['datatype'], data))
            for o, data in zip(response['outputs'], raw)]


def same_response(want, got, strict=True):
    """ModelInferResponses: all but the tensors equal, and the tensors in values and order. Not strict: of another server
    than Triton, whose tensors and ids count."""
    extra = v2.EXTRA.get(want['model_name'], ())
    keys = ('model_name', 'model_version', 'id', 'parameters') if strict else ('model_name', 'id')
    for key in keys:
        check(want[key] == got[key] or (not strict and want[key] == '0'), '%s is %r, not %r', key, got[key], want[key])
    theirs = [t for t in tensors(want) if t[0]['name'] not in extra]
    ours = tensors(got)
    keys = ('name', 'datatype', 'shape', 'parameters', 'contents') if strict else ('name', 'datatype', 'shape')
    a, b = ([{key: t[0][key] for key in keys} for t in side] for side in (theirs, ours))
    check(a == b, 'outputs are %r, not %r', b, a)
    small = 1e-5 if want['model_name'] in ('picture', 'squeezenet') else 0
    for (o, values), (_, mine) in zip(theirs, ours):
        same_tensor(o['name'], o['datatype'], values, mine, small=small,
                    exact=want['model_name'].startswith(('identity', 'types')))


def same_stream(want, got):
    check(bool(want['error_message']) == bool(got['error_message']), 'the error is %r, not %r', got['error_message'],
          want['error_message'])
    if want['error_message']:
        check(want['infer_response']['id'] == got['infer_response']['id'], 'the error has another id')
        check(('unknown model' in want['error_message']) == ('unknown model' in got['error_message']),
              'the error is %r', got['error_message'])
    else:
        same_response(want['infer_response'], got['infer_response'])


def same_rows(want, got, free):
    """Lists by name and version; of keys in `free` only whether there is something."""
    a, b = v2.by_name(want), v2.by_name(got)
    check(set(a) == set(b), 'models %s, not %s', sorted(b), sorted(a))
    for key in a:
        for name, value in a[key].items():
            mine = b[key][name]
            check(bool(mine) == bool(value) if name in free else mine == value, '%s of %s is %r, not %r', name, key, mine,
                  value)


def same_statistics(want, got):
    a, b = v2.by_name(want['model_stats']), v2.by_name(got['model_stats'])
    check(set(a) == set(b), 'models %s, not %s', sorted(b), sorted(a))
    for key, stats in a.items():
        mine = b[key]
        check(set(stats['inference_stats']) == set(mine['inference_stats']), 'other times')
        for name, d in stats['inference_stats'].items():
            check((d is None) == (mine['inference_stats'][name] is None), '%s is missing', name)
        for name in ('last_inference', 'inference_count', 'execution_count', 'batch_stats'):
            check(bool(stats[name]) == bool(mine[name]), '%s is %r', name, mine[name])


def same_message(method, want, got, strict=True):
    """Raises Differs where messages of a method do not mean the same."""
    schema = wire.ANSWERS[method]
    a, b = wire.read(schema, want), wire.read(schema, got)
    if method == 'ModelInfer':
        same_response(a, b, strict)
        if strict and a['model_name'] not in v2.EXTRA:
            check(numbers_of_fields(want) == numbers_of_fields(got), 'the fields stand in another order')
    elif method == 'ModelStreamInfer':
        same_stream(a, b)
    elif method == 'RepositoryIndex':
        same_rows(a['models'], b['models'], ('reason',))
    elif method == 'ModelStatistics':
        same_statistics(a, b)
    elif method == 'ServerMetadata':
        check(b['name'] == 'libinfer' and b['version'], 'no name and version')
        check('classification' in b['extensions'] and 'model_repository' in b['extensions'], 'no extensions')
    elif method == 'ModelMetadata':
        for key in ('name', 'versions', 'inputs', 'outputs'):
            check(a[key] == b[key], '%s is %r, not %r', key, b[key], a[key])
    elif method == 'ModelConfig':
        for key in ('name', 'max_batch_size', 'input', 'output'):
            check(a['config'][key] == b['config'][key], '%s is %r, not %r', key, b['config'][key], a['config'][key])
        check(b['config']['backend'] and b['config']['instance_group'], 'no backend')
    else:
        check(a == b, '%r, not %r', b, a)


def same_call(call, answer, rows):
    code, text, messages = answer
    codes = call.codes(rows)
    check(code in codes, '%s (%s), not %s', code, text, '|'.join(codes))
    if call.decides.entry['code'] is None or code != call.decides.entry['code']:
        return
    if code != 'OK':
        known = 'Request for unknown model' in (call.decides.entry['details'] or '')
        check(known == ('Request for unknown model' in text), 'the text is %r', text)
        return
    wanted = call.decides.answers
    check(len(messages) == len(wanted), '%d messages, not %d', len(messages), len(wanted))
    for want, got in zip(wanted, messages):
        try:
            same_message(call.method.rsplit('/', 1)[1], want, got, call.decides.server == 'triton/grpc')
        except wire.NoMessage as e:
            raise Differs('no such message: %s' % e)


# ---- all of it ----

def run_suite(suite, calls, sender, args, lists):
    counts = collections.Counter()
    for call in calls:
        if not args.wanted(suite, call):
            continue
        why = recordings.left_out(call, lists[0])
        if why:
            counts['left out'] += 1
            if args.verbose:
                print('  left out  %s: %s' % (call.name, why))
            continue
        try:
            same_call(call, sender.ask(call), lists[1])
            counts['same'] += 1
        except (Differs, BrokenPipeError) as d:
            counts['differ'] += 1
            print('  differs   %s/%s: %s' % (suite, call.name, d))
    return counts


def zeros(response):
    """A recorded ModelInferResponse with zeros for its tensors; None: it has nothing else."""
    parts = list(wire.fields(response))
    if not any(number == 6 and any(value) for number, _, value in parts):
        return None
    return b''.join(field(number, bytes(len(value)) if number == 6 else value) for number, _, value in parts)


def judge(want, got):
    try:
        same_message('ModelInfer', want, got)
        return True
    except (Differs, wire.NoMessage):
        return False


def check_checker(calls):
    """How many recorded answers are judged wrongly: equal to themselves, and not with zeros in their tensors."""
    good = bad = wrong = 0
    for call in calls:
        if not call.method.endswith('/ModelInfer') or not call.answers:
            continue
        want = call.answers[0]
        if v2.EXTRA.get(wire.read(wire.INFER, want)['model_name']):
            continue
        zeroed = zeros(want)
        good += judge(want, want)
        bad += zeroed is not None and not judge(want, zeroed)
        wrong += not judge(want, want) or (zeroed is not None and judge(want, zeroed))
    print('%-18s %3d answers are equal to themselves, %d with zeros are not' % ('its checker', good, bad))
    return wrong + (bad == 0)


def run(make_server, args, lists):
    """How many calls differ. `make_server` gives a server with .ports['grpc'] and .end()."""
    triton = load(args.shared, 'triton/grpc')
    failed = 0
    for suite in SUITES:
        calls = triton if suite == 'triton/grpc' else load(args.shared, suite)
        if not any(args.wanted(suite, c) for c in calls):
            continue
        let_triton_decide(calls, triton)
        server = make_server()
        with tempfile.TemporaryDirectory() as folder:
            sender = Sender(args.build, server.ports['grpc'], folder)
            n = run_suite(suite, calls, sender, args, lists)
            if sender.end() != 0 or server.end() != 0:
                n['differ'] += 1
                print('  the server, or the sender, did not end well')
        failed += n['differ']
        print('%-18s %3d the same, %d differ, %d left out' % (suite, n['same'], n['differ'], n['left out']))
    return failed + check_checker(triton)
