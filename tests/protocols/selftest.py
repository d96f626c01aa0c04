"""The checker checked: recorded answers are equal to themselves, and not to the same with zeros in their tensors."""
import json
import re

import http_wire
import mms
import recordings
import v2
from compare import Differs


def zero(value):
    if isinstance(value, list):
        return [zero(v) for v in value]
    return '' if isinstance(value, str) else False if isinstance(value, bool) else 0


def zeros(answer):
    """The answer with the same shapes and zeros for values; None: it has no values but zeros."""
    text, rest = answer.json_and_tensors()
    j = json.loads(text)
    data = b''
    for o in j.get('outputs', []):
        if 'data' in o:
            o['data'] = zero(o['data'])
        size = (o.get('parameters') or {}).get('binary_data_size', 0)
        data += b'\0' * size
    text = json.dumps(j, separators=(',', ':')).encode()
    headers = dict(answer.headers)
    if data:
        headers['inference-header-content-length'] = str(len(text))
    return http_wire.Message(answer.line, headers, text + data, b'')


def nothing_but_zeros(answer):
    _, outputs = v2.outputs_of(answer)
    extra = v2.EXTRA.get(json.loads(answer.json_and_tensors()[0]).get('model_name'), ())
    return all(not v or v == b'' for name, (_, values, _) in outputs.items() if name not in extra for v in values)


def without_extra(answer):
    """What our server would answer, which has no outputs that only the recorded model has."""
    text, rest = answer.json_and_tensors()
    j = json.loads(text)
    extra = v2.EXTRA.get(j.get('model_name'), ())
    kept, data = [], b''
    for o in j['outputs']:
        size = (o.get('parameters') or {}).get('binary_data_size', 0)
        part, rest = rest[:size], rest[size:]
        if o['name'] not in extra:
            kept.append(o)
            data += part
    if not extra:
        return answer
    j['outputs'] = kept
    text = json.dumps(j, separators=(',', ':')).encode()
    headers = dict(answer.headers)
    if data:
        headers['inference-header-content-length'] = str(len(text))
    return http_wire.Message(answer.line, headers, text + data, b'')


def judge(exchange, request, want, got, module=v2):
    try:
        module.same_answer(exchange, request, want, got, str(want.status))
        return True
    except Differs:
        return False


def spoiled(answer):
    """An answer of MMS with zeros for numbers and nothing for text, in the same shapes."""
    def spoil(x):
        if isinstance(x, dict):
            return {k: spoil(v) for k, v in x.items()}
        return [spoil(v) for v in x] if isinstance(x, list) else '' if isinstance(x, str) else 0

    text = json.dumps(spoil(json.loads(answer.body))).encode()
    return http_wire.Message(answer.line, dict(answer.headers), text, b'')


def run_mms(shared, out):
    """The same for what MMS and TorchServe predicted: good, bad, wrong."""
    good = bad = wrong = 0
    for server in ('mms', 'torchserve'):
        for e in recordings.load(shared, server):
            if recordings.left_out(e, out) or not e.name.startswith('predict-'):
                continue
            for stream in e.streams():
                want = [a for a in stream.answers if a.status != 100][0]
                if want.status != 200:
                    continue
                same = judge(e, stream.requests[0], want, want, mms)
                differs = not judge(e, stream.requests[0], want, spoiled(want), mms)
                good += same
                bad += differs
                if not same or not differs:
                    wrong += 1
                    print('  the checker is wrong about %s/%s' % (server, e.name))
    return good, bad, wrong


def run(shared, out):
    """How many of the answers are judged wrongly."""
    good, bad, wrong = run_mms(shared, out)
    for e in recordings.load(shared, 'triton/http'):
        if recordings.left_out(e, out):
            continue
        for stream in e.streams():
            wanted = [a for a in stream.answers if a.status != 100]
            for request, want in zip(stream.requests, wanted):
                if want.status != 200 or not re.search(r'/infer(\?|$)', request.path or '') or not want.body:
                    continue
                ours = without_extra(want)
                good += judge(e, request, want, ours)
                if nothing_but_zeros(want):
                    wrong += not judge(e, request, want, ours)
                    continue
                bad += not judge(e, request, want, zeros(ours))
                if not judge(e, request, want, ours) or judge(e, request, want, zeros(ours)):
                    wrong += 1
                    print('  the checker is wrong about %s' % e.name)
    print('%-18s %3d answers are equal to themselves, %d with zeros are not' % ('the checker', good, bad))
    return wrong + (bad == 0)
