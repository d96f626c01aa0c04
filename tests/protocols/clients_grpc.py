"""tritonclient.grpc, synchronous, with streams and asyncio, against our server."""
import asyncio
import os
import queue

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException

A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.ones((1, 16), dtype=np.int32)


def numbers():
    inputs = [grpc.InferInput('INPUT0', [1, 16], 'INT32'), grpc.InferInput('INPUT1', [1, 16], 'INT32')]
    inputs[0].set_data_from_numpy(A)
    inputs[1].set_data_from_numpy(B)
    return inputs


def right(result):
    return np.array_equal(result.as_numpy('OUTPUT0'), A + B) and np.array_equal(result.as_numpy('OUTPUT1'), A - B)


def fails(status, call, *args, **options):
    try:
        call(*args, **options)
    except InferenceServerException as e:
        assert e.status() == 'StatusCode.' + status, (e.status(), e.message())
        return e.message()
    raise AssertionError('no failure: %s' % status)


def health(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('simple')
    assert not client.is_model_ready('nope') and not client.is_model_ready('simple', '9')
    assert 'model_repository' in client.get_server_metadata().extensions
    assert client.get_model_metadata('simple').inputs[0].datatype == 'INT32'
    assert client.get_model_config('simple').config.max_batch_size == 8
    assert 'Request for unknown model' in fails('NOT_FOUND', client.get_model_metadata, 'wrong_model_name')


def infer(client):
    inputs = numbers()
    outputs = [grpc.InferRequestedOutput('OUTPUT1'), grpc.InferRequestedOutput('OUTPUT0')]
    assert right(client.infer('simple', inputs))
    result = client.infer('simple', inputs, outputs=outputs, request_id='7', headers={'own': 'v'}, client_timeout=10)
    assert right(result) and result.get_response().id == '7'
    for algorithm in ('gzip', 'deflate'):
        assert right(client.infer('simple', inputs, compression_algorithm=algorithm))
    assert right(client.infer('simple', inputs, priority=1, timeout=5000000, parameters={'own': 'value'}))
    results = queue.Queue()
    for i in range(60):
        client.async_infer('simple', inputs, callback=lambda result, error: results.put((result, error)))
    for i in range(60):
        result, error = results.get(timeout=20)
        assert error is None and right(result), error
    stats = client.get_inference_statistics('simple').model_stats
    assert len(stats) == 1 and stats[0].inference_count >= 65
    assert 'Request for unknown model' in fails('NOT_FOUND', client.infer, 'nope', inputs)


def large(client):
    """10 MB there and back; plain and compressed."""
    x = np.random.default_rng(1).standard_normal((1, 2621440)).astype(np.float32)
    i = grpc.InferInput('INPUT0', x.shape, 'FP32')
    i.set_data_from_numpy(x)
    for algorithm in (None, 'gzip'):
        result = client.infer('identity_fp32', [i], compression_algorithm=algorithm)
        assert np.array_equal(result.as_numpy('OUTPUT0'), x)


def deadline(client):
    i = grpc.InferInput('INPUT0', [1, 1], 'FP32')
    i.set_data_from_numpy(np.array([[1.0]], np.float32))
    fails('DEADLINE_EXCEEDED', client.infer, 'slow', [i], client_timeout=0.2)
    assert right(client.infer('simple', numbers()))


def strings(client):
    texts = [np.array([[str(n).encode() for n in row] for row in m], dtype=np.object_) for m in (A, B)]
    inputs = [grpc.InferInput('INPUT%d' % i, [1, 16], 'BYTES') for i in range(2)]
    for i, t in zip(inputs, texts):
        i.set_data_from_numpy(t)
    result = client.infer('simple_string', inputs)
    assert [int(t) for t in result.as_numpy('OUTPUT0')[0]] == list((A + B)[0])
    assert [int(t) for t in result.as_numpy('OUTPUT1')[0]] == list((A - B)[0])


def pictures(client, shared):
    with open(os.path.join(shared, 'images/imagenet/n02089973_English_foxhound.JPEG'), 'rb') as f:
        data = f.read()
    x = grpc.InferInput('image', [2, 1], 'BYTES')
    x.set_data_from_numpy(np.array([[data], [data]], dtype=np.object_))
    result = client.infer('picture', [x], outputs=[grpc.InferRequestedOutput('prob', class_count=3)])
    classes = result.as_numpy('prob')
    assert classes.shape == (2, 3) and b':167:n02089973 English foxhound' in classes[1][0], classes


def streams(client):
    """Answers in the order of their requests; an error between them does not end the stream."""
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)))
    for i in range(200):
        client.async_stream_infer('simple' if i != 50 else 'nope', numbers(), request_id=str(i))
    for i in range(200):
        result, error = results.get(timeout=20)
        if i == 50:
            assert 'Request for unknown model' in error.message()
        else:
            assert error is None and right(result) and result.get_response().id == str(i), (i, error)
    client.stop_stream()


def control(client):
    client.unload_model('mnist')
    assert not client.is_model_ready('mnist')
    assert {m.name: m.state for m in client.get_model_repository_index().models}['mnist'] == 'UNAVAILABLE'
    client.load_model('mnist')
    assert client.is_model_ready('mnist')
    assert 'nope' in fails('INTERNAL', client.load_model, 'nope')


async def asynchronous(address):
    async with aio.InferenceServerClient(address) as client:
        assert await client.is_server_live() and await client.is_model_ready('simple')
        assert all(right(r) for r in await asyncio.gather(*[client.infer('simple', numbers()) for _ in range(40)]))

        async def requests():
            for i in range(20):
                yield {'model_name': 'simple', 'inputs': numbers(), 'request_id': str(i)}

        got = [(result, error) async for result, error in client.stream_infer(requests())]
        assert [r.get_response().id for r, error in got if error is None and right(r)] == [str(i) for i in range(20)]
        try:
            await client.infer('nope', numbers())
        except InferenceServerException as e:
            assert 'Request for unknown model' in e.message()
        else:
            raise AssertionError('an unknown model answered')


def run(address, shared):
    client = grpc.InferenceServerClient(address)
    for test in (health, infer, large, deadline, strings, streams, control):
        test(client)
        print('tritonclient.grpc: %s' % test.__name__)
    pictures(client, shared)
    print('tritonclient.grpc: pictures')
    client.close()
    asyncio.run(asynchronous(address))
    print('tritonclient.grpc.aio: infer, stream_infer')
