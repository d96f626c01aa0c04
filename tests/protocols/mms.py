"""What must be equal of answers of MXNet Model Server and TorchServe, and the model store that they are asked for."""
import os
import re
import shutil
import threading
import time

import http_wire
import models
from compare import check, kind, parse, same_shape, same_values
from onnx_write import UINT8, model, node, value
from recordings import Stream

# Loaded before the first exchange, each with one worker; "two" had one model.
FIRST = {'mms': ('squeezenet', 'echo', 'fail'), 'torchserve': ('squeezenet', 'echo', 'fail'), 'auth': ('echo', 'fail'),
         'two': ('echo',)}

# Refused by what reads HTTP, which knows nothing of MMS.
BY_HTTP = ('err-chunk', 'err-content-length', 'err-two-content-lengths')

# A token for each port, in place of those that TorchServe made.
TOKEN = 'a-token-of-the-test'
MANAGEMENT_TOKEN = 'another-token'


def of_text(op, domain=''):
    """One text in, one text out: what the recorded handlers can be replaced with."""
    nodes = [node(op, ['body'], ['text'], domain)]
    if op == 'TextSleep':  # a step behind it, so that a run that is late is noticed
        nodes = [node(op, ['body'], ['slept'], domain), node('TextPass', ['slept'], ['text'], domain)]
    return model(nodes, [value('body', UINT8, ['N', 1, 'T'])],
                 [value('text', UINT8, ['N', 1, 'T'])], metadata=[('infer.text', 'body,text')],
                 domains=[domain] if domain else [])


def make(folder, infer, shared):
    """The store. No file of it ends as a model's does, so that only calls load them."""
    os.makedirs(folder, exist_ok=True)
    models.convert(infer, os.path.join(shared, 'models/squeezenet-imagenet-fp32/model.onnx'),
                   os.path.join(folder, 'squeezenet.mar'), '--labels',
                   os.path.join(shared, 'images/imagenet/synset_words.txt'), '--resize', '224x224', '--color', 'bgr',
                   '--mean', '104,117,123')
    for name, data in (('echo', of_text('Identity')), ('fail', of_text('Fail', 'tests')),
                       ('slow', of_text('TextSleep', 'tests'))):
        with open(os.path.join(folder, name + '.mar'), 'wb') as f:
            f.write(data)
    for name in ('picky', 'echo2'):
        shutil.copy(os.path.join(folder, 'echo.mar'), os.path.join(folder, name + '.mar'))


def belongs(suite, exchange):
    """"mms/two" has the exchanges of mms that begin with "two-"."""
    kinds = ('two', 'auth')
    mine = suite.split('/')[1] if '/' in suite else ''
    return exchange.name.split('-')[0] == mine if mine else exchange.name.split('-')[0] not in kinds


def where(exchange):
    return 'management' if ':8081' in exchange.cmd else 'inference'


def prepare(suite, ports):
    """Registers the models that were there when recording began."""
    for name in FIRST[suite.split('/')[-1]]:
        answer = http_wire.ask(ports['management'], (
            'POST /models?url=%s.mar&initial_workers=1&batch_size=1&max_batch_delay=100 HTTP/1.1\r\nHost: a\r\n'
            'Authorization: Bearer %s\r\nContent-Length: 0\r\n\r\n' % (name, MANAGEMENT_TOKEN)).encode())
        check(answer is not None and answer.status == 200, '%s is not registered: %r', name, answer and answer.body)


def rewrite(exchange, stream):
    if exchange.name == 'conn-pipelined-predict':  # there the second answer came first
        return Stream(stream.name, stream.sent, b''.join(a.raw for a in reversed(stream.answers)))
    if not exchange.name.startswith('auth-'):
        return stream
    sent = stream.sent
    own = where(exchange) == 'management' and not exchange.name.endswith('inference-token')
    if not exchange.name.endswith('wrong'):
        sent = re.sub(rb'Bearer [^\r]*', b'Bearer ' + (MANAGEMENT_TOKEN if own else TOKEN).encode(), sent)
    return Stream(stream.name, sent, stream.got)


# ---- answers

def same_error(want, got):
    """{"code", "type", "message"}; the type where the status is the recorded one. The connection ends."""
    j = parse(got.body.decode('utf-8', 'replace'))
    check(kind(j) == 'object' and set(j) == {'code', 'type', 'message'}, 'no code, type and message: %r', got.body[:100])
    check(j['code'] == got.status and kind(j['type']) == 'text' and j['message'], 'an odd error: %r', j)
    check(got.headers.get('connection', '').lower() == 'close', 'an error leaves the connection open')
    if want is not None and want.status == got.status and want.body:
        check(parse(want.body)['type'] == j['type'], 'type %s, not %s', j['type'], parse(want.body)['type'])


def echoed(want):
    """The text that the recorded handler was given, or None."""
    if kind(want) != 'object':
        return None
    one = want.get('body') if 'body' in want else next(iter(want.values())) if len(want) == 1 else None
    return one['value'] if kind(one) == 'object' and set(one) == {'type', 'value'} and kind(one['value']) == 'text' \
        else None


def same_text(text, got):
    j = parse(got.body)
    check(kind(j) == 'object' and set(j) == {'text'} and j['text']['shape'] == [1, 1], 'not one text: %r', got.body[:100])
    data = j['text']['data'][0][0]
    given = data.encode('utf-8').decode('latin1') if kind(data) == 'text' else None
    check(given == text or data == text, 'the text is %r, not %r', data, text)


def same_openapi(got):
    j = parse(got.body)
    check(j.get('openapi') == '3.0.1' and kind(j.get('info')) == 'object' and j.get('paths'), 'no OpenAPI 3.0.1')
    for path in j['paths'].values():
        for operation in path.values():
            check('responses' in operation and 'operationId' in operation, 'an operation lacks something')


def same_description(want, got):
    """Of a model: keys and types, and the values that do not depend on the server."""
    for x, y in zip(want, got):
        if kind(x) == 'object' and 'customizedMetadata' in x:
            x['customizedMetadata'] = y.get('customizedMetadata')
    same_shape(want, got)
    a, b = (x if kind(x) == 'list' else [x] for x in (want, got))
    check(len(a) == len(b), '%d versions, not %d', len(b), len(a))
    for x, y in zip(a, b):
        for key in ('modelName', 'modelVersion', 'modelUrl', 'minWorkers', 'maxWorkers', 'batchSize', 'maxBatchDelay',
                    'loadedAtStartup'):
            if key in x and not (key == 'loadedAtStartup' and x[key]):
                check(x[key] == y[key], '%s is %r, not %r', key, y[key], x[key])
        check(len(x['workers']) == len(y['workers']), '%d workers, not %d', len(y['workers']), len(x['workers']))
        for w, g in zip(x['workers'], y['workers']):
            same_shape(w, g, 'worker')


def same_list(exchange, want, got):
    """Names and files; those that are refused here are not there."""
    refused = ('a/b', 'e7')
    want = dict(want, models=[m for m in want['models'] if m['modelName'] not in refused])
    same_values(want, got)


def same_body(exchange, request, want, got):
    path = request.path.split('?')[0]
    if request.method == 'HEAD':
        check(not got.body, 'a body for HEAD')
    elif request.method == 'OPTIONS' or path == '/api-description':
        same_openapi(got)
    elif not want.body:
        check(not got.body, 'a body where none was: %r', got.body[:60])
    elif want.body == b'slept':
        same_text(request.body.decode(), got)
    elif where(exchange) == 'management' and request.method == 'GET':
        j = parse(want.body)
        (same_list if 'models' in j else same_description)(*(([exchange] if 'models' in j else []) + [j, parse(got.body)]))
    else:
        j = parse(want.body)
        text = echoed(j)
        if text is not None:
            same_text(text, got)
        else:
            same_values(j, parse(got.body))


def same_headers(want, got):
    check(re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', got.headers.get('x-request-id', '')),
          'no x-request-id')
    for name in ('pragma', 'cache-control', 'expires', 'access-control-allow-origin', 'access-control-allow-methods',
                 'access-control-allow-headers'):
        a, b = want.headers.get(name), got.headers.get(name)
        check((a is None) == (b is None) if name.startswith('access') else a == b, '%s: %s, not %s', name, b, a)


def same_answer(exchange, request, want, got, pattern):
    check(re.fullmatch(pattern, str(got.status)), 'status %d, not %s: %r', got.status, pattern, got.body[:120])
    if exchange.name in BY_HTTP:
        return
    if got.status >= 400:
        if got.body or (want is not None and want.body and want.status == got.status and want.status not in (413, 417)):
            same_error(want, got)
        return
    if want is None or want.status >= 400:
        return
    same_headers(want, got)
    same_body(exchange, request, want, got)


# ---- ways of sending

def busy(port, count, seconds):
    body = '%g' % seconds
    request = ('POST /predictions/slow HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' %
               (len(body), body)).encode()
    threads = [threading.Thread(target=http_wire.ask, args=(port, request)) for _ in range(count)]
    for t in threads:
        t.start()
        time.sleep(0.1)
    return threads
