"""What must be equal of answers of KServe v2. Triton decides; of other servers the tensors, ids and statuses count."""
import json
import re

from recordings import Stream
from compare import Differs, check, flat, kind, numbers, parse, same_shape, same_tensor, same_values, texts

# Of models that are not served (sequences, several answers to a request).
ABSENT = ('repeat', 'sequence', 'types_json')

# Requests that go to another model, as ours can't leave inputs out.
OTHER_MODEL = {'types-json': ('types', 'types_json')}

# Outputs that only the recorded model has: the size of the picture as it came.
EXTRA = {'picture': ('size',)}


def without_outputs(request, names):
    """A request that does not ask for these outputs."""
    text, rest = request.json_and_tensors()
    j = parse(text)
    j['outputs'] = [o for o in j['outputs'] if o['name'] not in names]
    text = json.dumps(j, separators=(',', ':')).encode()
    return (b'POST %s HTTP/1.1\r\nHost: a\r\nInference-Header-Content-Length: %d\r\nContent-Length: %d\r\n\r\n' %
            (request.path.encode(), len(text), len(text) + len(rest)) + text + rest)


def rewrite(exchange, stream):
    """The connection with its requests for the models that we have."""
    if exchange.name in OTHER_MODEL:
        old, new = ('/models/%s/' % name for name in OTHER_MODEL[exchange.name])
        return Stream(stream.name, stream.sent.replace(old.encode(), new.encode(), 1), stream.got)
    for name, outputs in EXTRA.items():
        if len(stream.requests) == 1 and stream.requests[0].path == '/v2/models/%s/infer' % name and asked_for(
                stream.requests[0]):
            return Stream(stream.name, without_outputs(stream.requests[0], outputs), stream.got)
    return stream


def outputs_of(answer):
    """Each output by name: datatype, shape, values; and the JSON without them."""
    text, rest = answer.json_and_tensors()
    j = parse(text)
    check(kind(j) == 'object' and kind(j.get('outputs')) == 'list', 'no "outputs"')
    found = {}
    for o in j['outputs']:
        size = (o.get('parameters') or {}).get('binary_data_size')
        if size is not None:
            check(len(rest) >= size, 'the tensors end before %s', o['name'])
            data, rest = rest[:size], rest[size:]
            values = texts(data) if o['datatype'] == 'BYTES' else numbers(o['datatype'], data)
        else:
            values = flat(o.get('data'))
        found[o['name']] = (o, values, size is not None)
    check(not rest, '%d bytes behind the tensors', len(rest))
    return j, found


def asked_for(request):
    """The names of the outputs that a request lists; none: all are meant."""
    try:
        outputs = parse(request.json_and_tensors()[0]).get('outputs') or []
        return [o['name'] for o in outputs]
    except (Differs, AttributeError):
        return []


def same_infer(request, want, got, strict):
    a, outputs = outputs_of(want)
    b, have = outputs_of(got)
    extra = EXTRA.get(a.get('model_name'), ())
    asked = asked_for(request)
    outputs = {k: v for k, v in outputs.items() if k not in extra and (strict or not asked or k in asked)}
    check(set(outputs) == set(have), 'outputs %s, not %s', sorted(have), sorted(outputs))
    if strict:
        check(set(a) == set(b), 'keys %s, not %s', sorted(b), sorted(a))
        if b['model_name'] in [new for _, new in OTHER_MODEL.values()]:
            b['model_name'] = a['model_name']
        same_values({k: v for k, v in a.items() if k != 'outputs'}, {k: v for k, v in b.items() if k != 'outputs'})
    elif a.get('id') not in (None, '0'):
        check('id' not in b or b['id'] == a['id'], 'id %r, not %r', b.get('id'), a['id'])
    for name, (o, values, binary) in outputs.items():
        p, mine, mine_binary = have[name]
        check(o['datatype'] == p['datatype'], '%s is %s, not %s', name, p['datatype'], o['datatype'])
        check(o['shape'] == p['shape'], '%s has the shape %s, not %s', name, p['shape'], o['shape'])
        if strict:
            check(set(o) == set(p), '%s has the keys %s, not %s', name, sorted(p), sorted(o))
            check(binary == mine_binary, '%s is %s binary', name, 'not' if binary else 'all the same')
        small = 1e-5 if a.get('model_name') in ('picture', 'squeezenet') else 0
        same_tensor(name, o['datatype'], values, mine, small=small,
                    exact=str(a.get('model_name')).startswith(('identity', 'types')))


def by_name(rows):
    return {(r.get('name'), r.get('version')): r for r in rows if r.get('name') not in ABSENT}


def same_index(want, got):
    check(kind(got) == 'list', 'no list')
    a, b = by_name(want), by_name(got)
    check(set(a) == set(b), 'models %s, not %s', sorted(b), sorted(a))
    for key in a:
        same_values(a[key], b[key], str(key), lambda path: path.endswith('.reason'))


def same_statistics(want, got):
    same_shape(want, got)
    a, b = by_name(want['model_stats']), by_name(got['model_stats'])
    check(set(a) == set(b), 'models %s, not %s', sorted(b), sorted(a))
    for key in a:
        row = dict(b[key])
        if not a[key]['batch_stats'] or not row['batch_stats']:
            row['batch_stats'] = a[key]['batch_stats']
        same_shape(a[key], row, str(key))
        s = row['inference_stats']['success']
        check(s['count'] <= row['inference_count'] and (s['count'] == 0) == (s['ns'] == 0), 'success of %s: %s', key, s)


def same_config(want, got):
    same_shape(want, got)
    for key in ('name', 'max_batch_size'):
        check(want[key] == got[key], '%s is %r, not %r', key, got[key], want[key])
    for side in ('input', 'output'):
        same_values([{k: t[k] for k in ('name', 'data_type', 'dims')} for t in want[side]],
                    [{k: t[k] for k in ('name', 'data_type', 'dims')} for t in got[side]], side)


def own(path):
    """What every server says in its own way."""
    return path.rsplit('.', 1)[-1] in ('platform', 'extensions') or path in ('answer.name', 'answer.version')


def same_error(want, got):
    text = got.body.decode('utf-8', 'replace')
    j = parse(text)
    check(kind(j) == 'object' and set(j) == {'error'} and kind(j['error']) == 'text' and j['error'], 'no {"error"}: %s',
          text[:100])
    if want is not None and b'Request for unknown model' in want.body:
        check('Request for unknown model' in j['error'], 'the words are not those that clients look for: %s', text)


def same_headers(want, got):
    for name in ('content-type', 'content-encoding', 'inference-header-content-length', 'accept-encoding'):
        a, b = want.headers.get(name), got.headers.get(name)
        if name == 'inference-header-content-length':
            check((a is None) == (b is None), '%s: %s, not %s', name, b, a)
        elif a is not None or name == 'content-encoding':
            check(a == b, '%s: %s, not %s', name, b, a)


def same_body(request, want, got, strict):
    path = request.path.split('?')[0]
    if not want.body:
        check(not got.body, 'a body where none was: %r', got.body[:60])
    elif path.endswith('/infer'):
        same_infer(request, want, got, strict)
    elif path.endswith('/repository/index'):
        same_index(parse(want.body), parse(got.body))
    elif path.endswith('/stats'):
        same_statistics(parse(want.body), parse(got.body))
    elif path.endswith('/config'):
        same_config(parse(want.body), parse(got.body))
    elif path == '/v2':
        same_values(parse(want.body), parse(got.body), loose=own)
    else:
        same_values(parse(want.body), parse(got.body), loose=lambda p: p.endswith('.platform'))


def same_answer(exchange, request, want, got, pattern):
    """Raises Differs. `want` is None where nothing was recorded; `pattern` says which statuses are right."""
    check(got is not None, 'no answer')
    check(re.fullmatch(pattern, str(got.status)) is not None, 'status %d, not %s', got.status, pattern)
    strict = exchange.server.startswith('triton')
    recorded = want is not None and want.status == got.status
    if request.method == 'HEAD':
        return
    if strict and recorded:
        same_headers(want, got)
    if got.status >= 400:
        if not (recorded and not want.body):
            same_error(want if recorded else None, got)
    elif recorded and (strict or request.path.endswith('/infer')):
        same_body(request, want, got, strict)
    elif got.body:
        parse(got.json_and_tensors()[0])
