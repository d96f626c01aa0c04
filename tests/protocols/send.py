"""How an exchange is sent again: one request after the other, or as it was recorded where that matters."""
import json
import threading
import time

from compare import check
from http_wire import Connection, ask

import mms


def slow_request(seconds):
    """A request that keeps the model "slow" busy."""
    body = json.dumps({'inputs': [{'name': 'INPUT0', 'shape': [1, 1], 'datatype': 'FP32', 'data': [seconds]}]})
    return ('POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)).encode()


def busy(port, count, seconds):
    """That many slow requests at once, the first of which has begun."""
    threads = [threading.Thread(target=ask, args=(port, slow_request(seconds))) for _ in range(count)]
    for t in threads:
        t.start()
        time.sleep(0.1)
    return threads


def one_by_one(port, stream):
    """Each request when the one before is answered, on one connection. Also whether the server then ended it."""
    c = Connection(port)
    answers = []
    for i, request in enumerate(stream.requests):
        head, gap, rest = request.raw.partition(b'\r\n\r\n')
        if request.headers.get('expect'):
            c.send(head + gap)
            answers.append(c.read())
            c.send(rest)
        else:
            c.send(request.raw)
        answers.append(c.read(request.method))
        if answers[-1] is None and i == 0 and not c.closed:
            break
    return c, [a for a in answers if a is not None]


def all_at_once(port, stream, half_close=False):
    c = Connection(port)
    c.send(stream.sent)
    if half_close:
        c.socket.shutdown(1)
    return c, [a for a in (c.read(r.method) for r in stream.requests or [None]) if a is not None] if stream.requests \
        else []


def queue_full(port, stream):
    threads = busy(port, 3, 0.6)
    c, answers = one_by_one(port, stream)
    for t in threads:
        t.join()
    return c, answers


def text_queue_full(port, stream):
    threads = mms.busy(port, 4, 0.6)
    c, answers = one_by_one(port, stream)
    for t in threads:
        t.join()
    return c, answers


def as_recorded(port, stream):
    """What is no whole request, as it is."""
    c = Connection(port)
    c.send(stream.sent)
    answers = [c.read()]
    if answers[0] is not None and answers[0].status == 100:
        answers.append(c.read())
    return c, [a for a in answers if a is not None]


def byte_by_byte(port, stream):
    c = Connection(port)
    for i in range(len(stream.sent)):
        c.send(stream.sent[i:i + 1])
    return c, [c.read(r.method) for r in stream.requests]


def queue_timeout(port, stream):
    threads = busy(port, 1, 0.9)
    begun = time.monotonic()
    c, answers = one_by_one(port, stream)
    check(time.monotonic() - begun > 0.25, 'answered before its time was over')
    for t in threads:
        t.join()
    return c, answers


def client_gone(port, stream):
    """The client closes while the model runs: the server must go on."""
    c = Connection(port)
    c.send(stream.sent)
    time.sleep(0.3)
    c.close()
    time.sleep(1.4)
    answer = ask(port, b'GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n')
    check(answer is not None and answer.status == 200, 'the server is gone')
    return None, []


# By server and name; all others are sent one by one.
WAYS = {
    ('triton/http', 'err-queue-full'): queue_full,
    ('triton/http', 'err-queue-timeout'): queue_timeout,
    ('mms', 'err-queue-full'): text_queue_full,
    ('torchserve', 'err-queue-full'): text_queue_full,
    ('torchserve', 'err-chunk'): as_recorded,
    ('torchserve', 'err-content-length'): as_recorded,
    ('torchserve', 'err-request-line'): as_recorded,
    ('torchserve', 'conn-chunked-trailer'): as_recorded,
    ('torchserve', 'two-413-expect'): as_recorded,
    ('triton/http', 'client-timeout'): client_gone,
    ('mms', 'err-chunk'): as_recorded,
    ('mms', 'err-content-length'): as_recorded,
    ('mms', 'err-request-line'): as_recorded,
    ('mms', 'conn-chunked-trailer'): as_recorded,
    ('mms', 'two-413-expect'): as_recorded,
    ('*', 'conn-client-gone'): client_gone,
    ('*', 'conn-byte-by-byte'): byte_by_byte,
    ('*', 'conn-pipelined'): all_at_once,
    ('*', 'conn-pipelined-predict'): all_at_once,
    ('*', 'conn-pipelined-slow'): all_at_once,
    ('*', 'conn-halfclose'): lambda port, stream: all_at_once(port, stream, True),
}


def send(port, exchange, stream):
    """The connection (None: closed already) and the answers."""
    way = WAYS.get((exchange.server, exchange.name)) or WAYS.get(('*', exchange.name)) or one_by_one
    return way(port, stream)
