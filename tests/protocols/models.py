"""The models that the recordings name, as a folder that is served.

    make(FOLDER, INFER, SHARED)

Those that sleep, raise or work on text use operators of the domain "tests", which only the test's own server
has (serve_test.c). BYTES tensors are u8 tensors with one more dimension, called so by "infer.text"."""
import os
import subprocess

from onnx_write import (BOOL, DOUBLE, FLOAT, FLOAT16, INT16, INT32, INT64, INT8, UINT16, UINT32, UINT64, UINT8, floats,
                        model, node, value, wrap)


def simple():
    ends = [value('INPUT0', INT32, ['N', 16]), value('INPUT1', INT32, ['N', 16])]
    outs = [value('OUTPUT0', INT32, ['N', 16]), value('OUTPUT1', INT32, ['N', 16])]
    return model([node('Add', ['INPUT0', 'INPUT1'], ['OUTPUT0']), node('Sub', ['INPUT0', 'INPUT1'], ['OUTPUT1'])],
                 ends, outs)


def simple_string():
    ends = [value('INPUT0', UINT8, ['N', 16, 'A']), value('INPUT1', UINT8, ['N', 16, 'B'])]
    outs = [value('OUTPUT0', UINT8, ['N', 16, 'C']), value('OUTPUT1', UINT8, ['N', 16, 'D'])]
    return model([node('TextAdd', ['INPUT0', 'INPUT1'], ['OUTPUT0'], 'tests', sign=1),
                  node('TextAdd', ['INPUT0', 'INPUT1'], ['OUTPUT1'], 'tests', sign=-1)], ends, outs,
                 metadata=[('infer.text', 'INPUT0,INPUT1,OUTPUT0,OUTPUT1')], domains=['tests'])


def identity(elem_type, dims, metadata=()):
    return model([node('Identity', ['INPUT0'], ['OUTPUT0'])], [value('INPUT0', elem_type, dims)],
                 [value('OUTPUT0', elem_type, dims)], metadata=metadata)


def types(without=()):
    kinds = [('BOOL', BOOL), ('INT8', INT8), ('INT16', INT16), ('INT64', INT64), ('UINT8', UINT8), ('UINT16', UINT16),
             ('UINT32', UINT32), ('UINT64', UINT64), ('STRING', UINT8), ('INT32', INT32), ('FP16', FLOAT16),
             ('FP32', FLOAT), ('FP64', DOUBLE)]
    kinds = [k for k in kinds if k[0] not in without]
    dims = {name: [2, 'T'] if name == 'STRING' else [2] for name, _ in kinds}
    return model([node('Identity', ['IN_' + n], ['OUT_' + n]) for n, _ in kinds],
                 [value('IN_' + n, t, dims[n]) for n, t in kinds], [value('OUT_' + n, t, dims[n]) for n, t in kinds],
                 metadata=[('infer.text', 'IN_STRING,OUT_STRING')])


def times(factor):
    return model([node('Mul', ['INPUT0', 'factor'], ['OUTPUT0'])], [value('INPUT0', FLOAT, [1])],
                 [value('OUTPUT0', FLOAT, [1])], [floats('factor', [1], [float(factor)])])


def custom(op, dims):
    return model([node(op, ['INPUT0'], ['OUTPUT0'], 'tests')], [value('INPUT0', FLOAT, dims)],
                 [value('OUTPUT0', FLOAT, dims)], domains=['tests'])


MADE = {
    'simple/1': simple,
    'simple_string/1': simple_string,
    'identity_fp32/1': lambda: identity(FLOAT, ['N', 'W']),
    'identity_fp32_2free/1': lambda: identity(FLOAT, ['N', 'H', 'W']),
    'identity_uint8/1': lambda: identity(UINT8, ['N', 'H', 'W']),
    'identity_bytes/1': lambda: identity(UINT8, ['N', 1, 'T'], [('infer.text', 'INPUT0,OUTPUT0')]),
    'types/1': types,
    'types_json/1': lambda: types(('FP16',)),  # the recorded model's inputs could be left out
    'two_versions/1': lambda: times(1),
    'two_versions/3': lambda: times(3),
    'slow/1': lambda: custom('Sleep', ['N', 1]),
    'fail/1': lambda: custom('Fail', [1]),
}

DIGITS = 'zero one two three four five six seven eight nine'.split()


def convert(infer, source, target, *options):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    subprocess.run([infer, 'convert', source, '-o', target, *options], check=True, stdout=subprocess.DEVNULL)


def make_broken(folder):
    """A model that can't be loaded."""
    os.makedirs(os.path.join(folder, '.broken/broken/1'), exist_ok=True)
    with open(os.path.join(folder, '.broken/broken/1/model.infer'), 'wb') as f:
        f.write(b'no model')


def make(folder, infer, shared):
    for name, build in MADE.items():
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, 'model.onnx'), 'wb') as f:
            f.write(build())
    make_broken(folder)
    digits = os.path.join(folder, '.digits.txt')
    with open(digits, 'w') as f:
        f.write('\n'.join(DIGITS) + '\n')
    convert(infer, os.path.join(shared, 'models/mnist-cntk-opset8/model.onnx'),
            os.path.join(folder, 'mnist/1/model.infer'), '--labels', digits)
    picture = os.path.join(folder, '.picture.onnx')
    source = os.path.join(shared, 'models/squeezenet-imagenet-fp32/model.onnx')
    with open(source, 'rb') as f:
        data = wrap(f.read(), 'data_0', [value('image', FLOAT, ['N', 3, 224, 224])],
                    [node('Identity', ['image'], ['data_0'])], [value('prob', FLOAT, ['N', 1000])],
                    [node('Flatten', ['softmaxout_1'], ['prob'], axis=1)])
    with open(picture, 'wb') as f:
        f.write(data)
    for name, onnx in (('squeezenet', source), ('picture', picture)):
        convert(infer, onnx, os.path.join(folder, name, '1/model.infer'), '--labels',
                os.path.join(shared, 'images/imagenet/synset_words.txt'), '--resize', '224x224', '--color', 'bgr',
                '--mean', '104,117,123')
