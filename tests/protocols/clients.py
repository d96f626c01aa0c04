"""tritonclient, synchronous and asyncio, against our server: what its documentation's examples do.

    clients.py BUILD SHARED        with a Python that has tritonclient[http,grpc]"""
import asyncio
import os
import shutil
import sys
import tempfile

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import check  # noqa: E402
import clients_grpc  # noqa: E402
import models  # noqa: E402

A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.ones((1, 16), dtype=np.int32)


def numbers(module, binary=True):
    inputs = [module.InferInput('INPUT0', [1, 16], 'INT32'), module.InferInput('INPUT1', [1, 16], 'INT32')]
    inputs[0].set_data_from_numpy(A, binary_data=binary)
    inputs[1].set_data_from_numpy(B, binary_data=False)
    return inputs


def right(result):
    return np.array_equal(result.as_numpy('OUTPUT0'), A + B) and np.array_equal(result.as_numpy('OUTPUT1'), A - B)


def health(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('simple')
    assert not client.is_model_ready('nope') and not client.is_model_ready('simple', '9')
    assert 'binary_tensor_data' in client.get_server_metadata()['extensions']
    assert client.get_model_metadata('simple')['inputs'][0]['datatype'] == 'INT32'
    assert client.get_model_config('simple')['max_batch_size'] == 8
    try:
        client.get_model_metadata('wrong_model_name')
    except InferenceServerException as e:
        assert 'Request for unknown model' in e.message()
    else:
        raise AssertionError('an unknown model is told of')


def infer(client):
    inputs = numbers(http)
    outputs = [http.InferRequestedOutput('OUTPUT0', binary_data=True), http.InferRequestedOutput('OUTPUT1', binary_data=False)]
    assert right(client.infer('simple', inputs))
    result = client.infer('simple', inputs, outputs=outputs, query_params={'test_1': 1}, request_id='7')
    assert right(result) and result.get_response()['id'] == '7'
    for algorithm in ('gzip', 'deflate'):
        assert right(client.infer('simple', inputs, outputs=outputs, request_compression_algorithm=algorithm,
                                  response_compression_algorithm=algorithm))
    assert right(client.infer('simple', inputs, priority=1, timeout=5000000, parameters={'own': 'value'}))
    requests = [client.async_infer('simple', inputs) for _ in range(20)]
    assert all(right(r.get_result()) for r in requests)
    stats = client.get_inference_statistics('simple')
    assert len(stats['model_stats']) == 1 and stats['model_stats'][0]['inference_count'] >= 24


def reuse(client):
    """The same input object with other data, as JSON and as bytes; another batch with it."""
    x = http.InferInput('INPUT0', [1, 3], 'FP32')
    for values, binary in ((np.array([[1, 2, 3]], np.float32), True), (np.array([[4, 5.5, 6]], np.float32), False)):
        x.set_data_from_numpy(values, binary_data=binary)
        assert np.array_equal(client.infer('identity_fp32', [x]).as_numpy('OUTPUT0'), values)
    big = np.random.default_rng(1).standard_normal((3, 70000)).astype(np.float32)
    x.set_shape(big.shape)
    x.set_data_from_numpy(big)
    assert np.array_equal(client.infer('identity_fp32', [x]).as_numpy('OUTPUT0'), big)


def strings(client):
    texts = [np.array([[str(n).encode() for n in row] for row in m], dtype=np.object_) for m in (A, B)]
    for binary in (True, False):
        inputs = [http.InferInput('INPUT%d' % i, [1, 16], 'BYTES') for i in range(2)]
        for i, t in zip(inputs, texts):
            i.set_data_from_numpy(t, binary_data=binary)
        result = client.infer('simple_string', inputs)
        assert [int(t) for t in result.as_numpy('OUTPUT0')[0]] == list((A + B)[0])
        assert [int(t) for t in result.as_numpy('OUTPUT1')[0]] == list((A - B)[0])


def pictures(client, shared):
    with open(os.path.join(shared, 'images/imagenet/n02089973_English_foxhound.JPEG'), 'rb') as f:
        data = f.read()
    x = http.InferInput('image', [2, 1], 'BYTES')
    x.set_data_from_numpy(np.array([[data], [data]], dtype=np.object_))
    result = client.infer('picture', [x], outputs=[http.InferRequestedOutput('prob', class_count=3)])
    classes = result.as_numpy('prob')
    assert classes.shape == (2, 3) and b':167:n02089973 English foxhound' in classes[1][0], classes


def control(client):
    client.unload_model('mnist')
    assert not client.is_model_ready('mnist')
    assert {m['name']: m['state'] for m in client.get_model_repository_index()}['mnist'] == 'UNAVAILABLE'
    client.load_model('mnist')
    assert client.is_model_ready('mnist')
    try:
        client.load_model('nope')
    except InferenceServerException as e:
        assert 'nope' in e.message()
    else:
        raise AssertionError('a model that is not there was loaded')


async def asynchronous(address):
    async with aio.InferenceServerClient(address) as client:
        assert await client.is_server_live() and await client.is_model_ready('simple')
        results = await asyncio.gather(*[client.infer('simple', numbers(aio, i % 2 == 0)) for i in range(20)])
        assert all(right(r) for r in results)
        try:
            await client.infer('nope', numbers(aio))
        except InferenceServerException as e:
            assert 'Request for unknown model' in e.message()
        else:
            raise AssertionError('an unknown model answered')


def run(address, shared):
    client = http.InferenceServerClient(address, concurrency=4)
    for test in (health, infer, reuse, strings, control):
        test(client)
        print('tritonclient.http: %s' % test.__name__)
    pictures(client, shared)
    print('tritonclient.http: pictures')
    client.close()
    asyncio.run(asynchronous(address))
    print('tritonclient.http.aio: infer')


def main():
    build, shared = sys.argv[1:3]
    folder = tempfile.mkdtemp()
    try:
        models.make(folder, os.path.join(build, 'infer'), shared)
        server = check.Server(build, folder, [])
        try:
            run('127.0.0.1:%d' % server.ports['inference'], shared)
            clients_grpc.run('127.0.0.1:%d' % server.ports['grpc'], shared)
        finally:
            server.end()
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
