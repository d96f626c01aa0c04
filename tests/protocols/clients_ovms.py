"""ovmsclient, TensorFlow Serving's REST in the form that OpenVINO's client has it, against our server.

    clients_ovms.py BUILD SHARED        with a Python that has ovmsclient"""
import os
import shutil
import sys
import tempfile

import numpy as np
import ovmsclient

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import check  # noqa: E402
import models  # noqa: E402


def predictions(client, shared):
    a = np.arange(16, dtype=np.int32).reshape(1, 16)
    b = np.ones((1, 16), dtype=np.int32)
    for version in (0, 1):
        got = client.predict({'INPUT0': a, 'INPUT1': b}, 'simple', version)
        assert np.array_equal(got['OUTPUT0'], a + b) and np.array_equal(got['OUTPUT1'], a - b)
    with open(os.path.join(shared, 'images/imagenet/n02089973_English_foxhound.JPEG'), 'rb') as f:
        got = client.predict({'image': f.read()}, 'picture')
    assert got.shape == (1, 1000) and got.argmax() == 167 and abs(got.max() - 0.554087) < 1e-4


def states(client):
    assert client.get_model_status('simple')[1]['state'] == 'AVAILABLE'
    assert set(client.get_model_status('two_versions', 3)) == {3}
    meta = client.get_model_metadata('simple')
    assert meta['model_version'] == 1 and meta['inputs']['INPUT0'] == {'shape': [-1, 16], 'dtype': 'DT_INT32'}


def errors(client):
    for call in (lambda: client.predict({'a': [3]}, 'nope'), lambda: client.get_model_status('nope')):
        try:
            call()
        except ovmsclient.tfs_compat.base.errors.ModelNotFoundError:
            continue
        raise AssertionError('an unknown model is not told so')


def main():
    build, shared = sys.argv[1:3]
    folder = tempfile.mkdtemp()
    models.make(folder, os.path.join(build, 'infer'), shared)
    server = check.Server(build, folder, [])
    try:
        client = ovmsclient.make_http_client('127.0.0.1:%d' % server.ports['inference'])
        predictions(client, shared)
        states(client)
        errors(client)
    finally:
        status = server.end()
        shutil.rmtree(folder)
    print('ovmsclient works with it')
    return status


if __name__ == '__main__':
    sys.exit(main())
