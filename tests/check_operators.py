"""Operators that import composes of others, and those that ONNX's own tests say little of, against
ONNX Runtime.

  check_operators.py INFER FOLDER   the small models below, written to FOLDER

Needs Python's onnx, onnxruntime and numpy."""
import itertools
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from recurrent_cases import recurrent_cases

rng = np.random.default_rng(5)
MS = "com.microsoft"
TYPES = {np.dtype(t): helper.np_dtype_to_tensor_dtype(np.dtype(t))
         for t in ("f4", "f8", "i8", "i4", "u1", "i1", "?", "f2")}


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def u8(*shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def model(op, inputs, attributes=None, constants=(), outputs=1, domain="", opset=22, free=False):
    """One node; `inputs` are arrays or None, those whose index is in `constants` are initializers.
    With `free` the first axis of every input has no size."""
    names, given, initializers, feeds = [], [], [], []
    for i, a in enumerate(inputs):
        names.append("" if a is None else f"x{i}")
        if a is None:
            continue
        a = np.asarray(a)
        if i in constants:
            initializers.append(numpy_helper.from_array(a, names[-1]))
            continue
        shape = ["n"] + list(a.shape[1:]) if free and a.ndim else list(a.shape)
        given.append(helper.make_tensor_value_info(names[-1], TYPES[a.dtype], shape))
        feeds.append((names[-1], a))
    outs = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, outs, domain=domain, **(attributes or {}))
    graph = helper.make_graph([node], "g", given,
                              [onnx.ValueInfoProto(name=o) for o in outs], initializers)
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(MS, 1)] if domain else [])
    m = helper.make_model(graph, opset_imports=imports)
    m.ir_version = 10
    return m, dict(feeds)


def cases():
    """(name, model, inputs)"""
    x = f32(2, 6, 5, 4)
    wide = np.linspace(-6, 6, 101).astype(np.float32)

    def one(name, op, *args, **kw):
        return (name, *model(op, *args, **kw))

    for a in ("none", "tanh"):
        yield one(f"gelu_{a}", "Gelu", [wide], {"approximate": a})
    yield one("gelu_free", "Gelu", [x], free=True)
    yield one("ms_gelu", "Gelu", [x], domain=MS)
    yield one("ms_bias_gelu", "BiasGelu", [f32(3, 8), f32(8)], constants=(1,), domain=MS)
    yield one("ms_fast_gelu", "FastGelu", [f32(3, 8), f32(8)], constants=(1,), domain=MS)
    yield one("ms_fast_gelu_plain", "FastGelu", [wide], domain=MS)
    yield one("ms_quick_gelu", "QuickGelu", [wide], {"alpha": 1.3}, domain=MS)
    yield one("ms_quick_gelu_default", "QuickGelu", [wide], domain=MS)
    yield one("celu", "Celu", [wide], {"alpha": 2.0})
    yield one("thresholded_relu", "ThresholdedRelu", [wide], {"alpha": 1.5})
    yield one("shrink", "Shrink", [wide], {"lambd": 1.5, "bias": 0.5})
    yield one("mish", "Mish", [wide])
    yield one("hard_swish", "HardSwish", [wide])
    special = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan], np.float32)
    yield one("sign", "Sign", [wide])
    yield one("sign_s64", "Sign", [np.arange(-3, 4)])
    yield one("is_nan", "IsNaN", [special])
    for p in (0, 1):
        for q in (0, 1):
            yield one(f"is_inf_{p}{q}", "IsInf", [special],
                      {"detect_positive": p, "detect_negative": q})
    yield one("xor", "Xor", [wide[:8] > 0, rng.standard_normal(8) > 0])
    tiny = np.concatenate([wide, wide * 1e-4, wide * 1e-7]).astype(np.float32)
    for op in ("Sinh", "Cosh", "Asinh"):
        yield one(op.lower(), op, [tiny])
    yield one("acosh", "Acosh", [1 + np.abs(tiny)])
    yield one("atanh", "Atanh", [tiny / 6.1])

    yield one("group_norm", "GroupNormalization", [x, f32(6), f32(6)], {"num_groups": 3},
              constants=(1, 2))
    yield one("group_norm_free", "GroupNormalization", [x, f32(6), f32(6)],
              {"num_groups": 2, "epsilon": 1e-3}, constants=(1, 2), free=True)
    yield one("group_norm_18", "GroupNormalization", [x, f32(3), f32(3)], {"num_groups": 3},
              constants=(1, 2), opset=18)
    yield one("rms_norm", "RMSNormalization", [f32(2, 3, 8), f32(8)], constants=(1,), opset=23)
    yield one("rms_norm_axis", "RMSNormalization", [x, f32(5, 4)], {"axis": 2, "epsilon": 1e-2},
              constants=(1,), opset=23)
    yield one("ort_rms_norm", "SimplifiedLayerNormalization", [f32(2, 3, 8), f32(8)],
              {"axis": -1, "epsilon": 1e-5}, constants=(1,))
    for bias in (None, f32(8)):
        kind = "plain" if bias is None else "bias"
        yield one(f"skip_norm_{kind}", "SkipLayerNormalization",
                  [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8), bias], constants=(2, 3, 4),
                  domain=MS)
        yield one(f"skip_rms_norm_{kind}", "SkipSimplifiedLayerNormalization",
                  [f32(2, 3, 8), f32(2, 3, 8), f32(8), bias], constants=(2, 3), domain=MS)
    yield one("lp_norm_1", "LpNormalization", [x], {"axis": 1, "p": 1})
    yield one("lp_norm_2", "LpNormalization", [x])
    yield one("mean_variance_norm", "MeanVarianceNormalization", [x])

    for k in (None, 1, -2):
        for upper in (0, 1):
            yield one(f"trilu_{k}_{upper}", "Trilu",
                      [f32(2, 5, 6), None if k is None else np.int64(k)], {"upper": upper},
                      constants=(1,))
    yield one("trilu_s64_free", "Trilu", [np.arange(20).reshape(4, 5)], free=True)
    yield one("eye_like", "EyeLike", [f32(4, 6)], {"k": 1})
    yield one("eye_like_s64", "EyeLike", [f32(4, 6)], {"k": -1, "dtype": TensorProto.INT64})
    index = np.array([[0, 3, -1], [7, 2, -4]])
    for axis in (-1, 0, 1):
        yield one(f"one_hot_{axis}", "OneHot",
                  [index, np.int64(4), np.array([2, 5], np.float32)], {"axis": axis},
                  constants=(1, 2))
    yield one("hardmax", "Hardmax", [x])
    yield one("hardmax_1", "Hardmax", [x], {"axis": 1})
    yield one("hardmax_11", "Hardmax", [x], {"axis": 2}, opset=11)
    yield one("size", "Size", [x])
    yield one("cast_like", "CastLike", [wide, np.arange(2)], constants=(1,))
    yield one("cast_like_half", "CastLike", [wide, np.zeros(1, np.float16)], constants=(1,))
    yield one("log_sum_exp", "ReduceLogSumExp", [x * 60, np.array([1, 3])], constants=(1,))
    yield one("log_sum_exp_all", "ReduceLogSumExp", [x], {"keepdims": 0})
    yield one("mod_float", "Mod", [wide, np.full(101, -2.5, np.float32)], {"fmod": 1})

    q4, k4, v4 = f32(2, 4, 3, 8), f32(2, 4, 5, 8), f32(2, 4, 5, 6)
    yield one("attention", "Attention", [q4, k4, v4], opset=23)
    yield one("attention_free", "Attention", [q4, k4, v4], {"is_causal": 1}, opset=23, free=True)
    yield one("attention_shared", "Attention", [q4, k4[:, :2].copy(), v4[:, :2].copy()],
              {"scale": 0.5, "softcap": 2.0}, opset=23)
    yield one("attention_mask", "Attention", [q4, k4, v4, f32(3, 5) > -1], opset=23)
    yield one("attention_flat", "Attention", [f32(2, 3, 32), f32(2, 5, 16), f32(2, 5, 12), f32(3, 5)],
              {"q_num_heads": 4, "kv_num_heads": 2}, opset=23)
    yield one("attention_cache", "Attention",
              [q4, k4, v4, None, f32(2, 4, 2, 8), f32(2, 4, 2, 6)], {"is_causal": 1}, outputs=3,
              opset=23)
    mask = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]], np.int32)
    heads = {"num_heads": 4}
    yield one("ms_multi_head", "MultiHeadAttention", [f32(2, 3, 16), f32(2, 5, 16), f32(2, 5, 16)],
              heads, domain=MS)
    yield one("ms_multi_head_all", "MultiHeadAttention",
              [f32(2, 3, 16), f32(2, 5, 16), f32(2, 5, 16), f32(48), mask, f32(1, 4, 3, 5)],
              dict(heads, scale=0.3), constants=(3,), domain=MS)
    yield one("ms_multi_head_cache", "MultiHeadAttention",
              [f32(2, 3, 16), f32(2, 3, 16), f32(2, 3, 16), None, None, None, f32(2, 4, 2, 4),
               f32(2, 4, 2, 4)], dict(heads, unidirectional=1), outputs=3, domain=MS)
    for c in (0, 1):
        yield one(f"ms_attention_{c}", "Attention", [f32(2, 5, 12), f32(12, 48), f32(48), mask],
                  dict(heads, unidirectional=c), constants=(1, 2), domain=MS)
    positions = np.array([[0, 2, 1], [4, 3, 5]])
    for i in (0, 1):
        yield one(f"rotary_{i}", "RotaryEmbedding", [q4, f32(6, 4), f32(6, 4), positions],
                  {"interleaved": i}, constants=(1, 2), opset=23)
        yield one(f"rotary_part_{i}", "RotaryEmbedding",
                  [f32(2, 3, 32), f32(6, 2), f32(6, 2), positions],
                  {"interleaved": i, "num_heads": 4, "rotary_embedding_dim": 4}, constants=(1, 2),
                  opset=23)

    for equation, shapes in (
            ("ij->ji", [(3, 4)]), ("bij->b", [(2, 3, 4)]), ("ii->i", [(4, 4)]), ("ii", [(4, 4)]),
            ("ij,jk->ik", [(3, 4), (4, 5)]), ("ij,jk", [(3, 4), (4, 5)]),
            ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
            ("bhqk,bhkd->bhqd", [(2, 3, 4, 6), (2, 3, 6, 5)]),
            ("byhwc,hkc->byhwk", [(2, 3, 4, 5, 6), (4, 7, 6)]),
            ("abc,cd->abd", [(2, 3, 4), (4, 5)]), ("abcd,cde->abe", [(2, 3, 4, 5), (4, 5, 6)]),
            ("i,j->ij", [(3,), (4,)]), ("ij,ij->i", [(3, 4), (3, 4)]), ("i,i->", [(4,), (4,)]),
            ("bi,bij,bj->b", [(2, 3), (2, 3, 4), (2, 4)]),
            ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]), ("...ij,jk", [(2, 3, 4), (4, 5)]),
            ("b...c,bc->b...", [(2, 3, 4, 5), (2, 5)]), ("ab,cd->", [(2, 3), (4, 5)]),
            (" b n h w , n d -> b d h w ", [(2, 3, 4, 5), (3, 6)])):
        name = "".join(c if c.isalpha() else "_" for c in equation)
        yield one(f"einsum_{name}", "Einsum", [f32(*s) for s in shapes], {"equation": equation})
    yield one("einsum_f64", "Einsum", [f32(3, 4).astype("f8"), f32(4, 5).astype("f8")],
              {"equation": "ij,jk->ik"})

    w, b = f32(7, 6, 3, 3), f32(7)
    for act, params in (("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.7]), ("Tanh", []),
                        ("HardSigmoid", [0.3, 0.4]), ("Sigmoid", [])):
        yield one(f"fused_conv_{act}", "FusedConv", [x, w, b],
                  {"activation": act, "activation_params": params, "pads": [1, 1, 1, 1]}
                  if params else {"activation": act, "pads": [1, 1, 1, 1]},
                  constants=(1, 2), domain=MS)
    yield one("fused_conv_sum", "FusedConv", [x, w, b, f32(2, 7, 3, 2)], {"activation": "Relu"},
              constants=(1, 2), domain=MS)
    yield one("fused_gemm", "FusedGemm", [f32(3, 4), f32(5, 4), f32(5)],
              {"activation": "LeakyRelu", "activation_alpha": 0.3, "transB": 1, "alpha": 0.5},
              constants=(1, 2), domain=MS)
    for ta in (0, 1):
        for tb in (0, 1):
            a, c = f32(2, 3, 4), f32(2, 4, 5)
            a, c = (a.swapaxes(1, 2) if ta else a), (c.swapaxes(1, 2) if tb else c)
            yield one(f"fused_matmul_{ta}{tb}", "FusedMatMul", [a.copy(), c.copy()],
                      {"alpha": 0.25, "transA": ta, "transB": tb}, domain=MS)
    scale = np.float32(0.02)
    yield one("dynamic_matmul", "DynamicQuantizeMatMul",
              [f32(3, 16), u8(16, 5), scale, np.uint8(120), f32(5)], constants=(1, 2, 3, 4),
              domain=MS)
    yield one("integer_matmul", "MatMulIntegerToFloat",
              [u8(3, 16), u8(16, 5), scale, np.float32(0.03), np.uint8(10), np.uint8(120), f32(5)],
              constants=(1, 2, 3, 4, 5, 6), domain=MS)
    yield one("nhwc_max_pool", "NhwcMaxPool", [u8(1, 6, 7, 3)],
              {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [0, 1, 0, 1]}, domain=MS)
    t = np.array([[1, 0, 2], [2, 2, 1]])
    for op in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"):
        for r in ("none", "sum", "mean"):
            yield one(f"{op}_{r}", op, [f32(2, 3, 3), t, np.abs(f32(3))],
                      {"reduction": r, "ignore_index": 2}, constants=(2,))
    d = {"domain": MS}
    q = np.uint8(128)
    # Scales of powers of two and windows of nine: no result lies half way between two steps.
    power = np.float32(2 ** -5)
    yield one("qlinear_average_pool_last", "QLinearAveragePool",
              [u8(1, 6, 5, 3), power, q, power, q],
              {"kernel_shape": [3, 3], "channels_last": 1}, constants=(1, 2, 3, 4), **d)
    yield one("qlinear_global_average_pool_last", "QLinearGlobalAveragePool",
              [u8(1, 6, 5, 3), scale, q, scale, q], {"channels_last": 1}, constants=(1, 2, 3, 4),
              **d)
    yield one("qlinear_softmax_12", "QLinearSoftmax",
              [u8(2, 3, 4), scale, q, np.float32(1 / 256), np.uint8(0)], {"axis": 1, "opset": 12},
              constants=(1, 2, 3, 4), **d)
    yield one("qlinear_conv_last", "QLinearConv",
              [u8(1, 6, 5, 3), power, q, u8(4, 3, 3, 3), power, q, np.float32(1), q],
              {"channels_last": 1}, constants=(1, 2, 3, 4, 5, 6, 7), **d)
    yield one("qlinear_where", "QLinearWhere",
              [f32(3, 4) > 0, u8(3, 4), scale, q, u8(3, 4), np.float32(0.03), np.uint8(3),
               np.float32(0.04), np.uint8(90)], constants=(2, 3, 5, 6, 7, 8), **d)
    yield one("ms_quantize", "QuantizeLinear", [x, scale, q], constants=(1, 2), **d)
    yield one("ms_dequantize", "DequantizeLinear", [u8(3, 4), scale, q], constants=(1, 2), **d)
    yield from recurrent_cases(one)


def gathering():
    """Gathering, scattering, running sums."""
    x, rows = f32(4, 5, 3), np.array([[0, -1, 2], [3, 1, -4]])
    at = rng.integers(-4, 4, (2, 5, 3))
    for axis, index in ((0, at), (1, rng.integers(-5, 5, (4, 7, 3))), (-1, at.clip(-3, 2))):
        yield "gather_elements", "GatherElements", [x, index], {"axis": axis}, 13
    for batch, index in ((0, rows.T[:, :1]), (1, rng.integers(-5, 5, (4, 2, 1))),
                         (2, rng.integers(-3, 3, (4, 5, 2, 1)))):
        yield "gather_nd", "GatherND", [x, index], {"batch_dims": batch}, 13
    for r in ("none", "add", "mul", "min", "max"):
        unique = np.argsort(rng.standard_normal((4, 5, 3)), axis=0)[:2]
        yield (f"scatter_elements_{r}", "ScatterElements",
               [x, unique if r == "none" else at, f32(2, 5, 3)],
               {"axis": 0, "reduction": r}, 18)
        index = np.array([[1], [3]]) if r == "none" else np.array([[1], [1]])
        yield f"scatter_nd_{r}", "ScatterND", [x, index, f32(2, 5, 3)], {"reduction": r}, 18
    for e in (0, 1):
        for r in (0, 1):
            yield (f"cum_sum_{e}{r}", "CumSum", [x, np.int64(1)], {"exclusive": e, "reverse": r}, 14)
    for axis in (0, 1):
        lengths = np.array([2, 4, 1, 3, 4] if axis else [2, 5, 1, 3])
        yield ("reverse_sequence", "ReverseSequence", [x, lengths],
               {"batch_axis": axis, "time_axis": 1 - axis}, 10)


def sampling():
    """Pictures read at any place; signals."""
    x, grid = f32(2, 5, 6, 7), rng.uniform(-1.3, 1.3, (2, 4, 3, 2)).astype(np.float32)
    deep, places = f32(1, 3, 4, 5, 6), rng.uniform(-1.3, 1.3, (1, 2, 3, 4, 3)).astype(np.float32)
    for padding in ("zeros", "border", "reflection"):
        for corners in (0, 1):
            a = {"padding_mode": padding, "align_corners": corners}
            for mode in ("linear", "nearest", "cubic"):
                yield f"grid_{mode}_{padding}_{corners}", "GridSample", [x, grid], dict(a, mode=mode), 20
            for mode in ("linear", "nearest"):
                yield (f"grid_3d_{mode}_{padding}_{corners}", "GridSample", [deep, places],
                       dict(a, mode=mode), 20)
    boxes = np.array([[0, 0, 10, 8], [2, 3, 5.5, 4], [-3, -2, 40, 30], [4, 4, 4, 4]], np.float32)
    for mode in ("avg", "max"):
        for c in ("half_pixel", "output_half_pixel"):
            for ratio in (0, 2):
                yield (f"roi_align_{mode}_{c}_{ratio}", "RoiAlign",
                       [x, boxes, np.array([0, 1, 1, 0])],
                       {"mode": mode, "coordinate_transformation_mode": c, "output_height": 3,
                        "output_width": 2, "sampling_ratio": ratio, "spatial_scale": 0.6}, 16)
    pooled = np.concatenate([np.array([[0], [1], [1], [0]], np.float32), boxes.clip(0, 6)], 1)
    yield "max_roi_pool", "MaxRoiPool", [x, pooled], {"pooled_shape": [2, 3]}, 11
    yield ("deform_conv", "DeformConv",
           [f32(2, 4, 6, 7), f32(6, 2, 3, 3), f32(2, 36, 4, 5) * 2, f32(6), f32(2, 18, 4, 5)],
           {"group": 2, "offset_group": 2}, 19)
    for p in (1, 2, 3):
        yield (f"lp_pool_{p}", "LpPool", [x],
               {"p": p, "kernel_shape": [2, 3], "pads": [1, 1, 0, 1], "strides": [2, 1]}, 18)
        yield f"global_lp_pool_{p}", "GlobalLpPool", [x], {"p": p}, 2
    for op in ("Sin", "Cos", "Tan", "Atan"):
        yield op, op, [x * 3], {}, 7
    for op in ("Asin", "Acos"):
        yield op, op, [np.linspace(-1, 1, 101).astype(np.float32)], {}, 7
    yield "det", "Det", [f32(3, 5, 5)], {}, 11
    for axis in (1, 2):
        for inverse in (0, 1):
            yield (f"dft_{axis}{inverse}", "DFT", [f32(2, 9, 10, 2), None, np.int64(axis)],
                   {"inverse": inverse}, 20)
        yield (f"dft_onesided_{axis}", "DFT", [f32(2, 9, 10, 1), np.int64(12), np.int64(axis)],
               {"onesided": 1}, 20)
    yield ("stft", "STFT", [f32(2, 40, 1), np.int64(6), np.hanning(16).astype(np.float32),
                            np.int64(16)], {}, 17)
    yield ("col2im", "Col2Im", [f32(2, 12, 12), np.array([6, 8]), np.array([2, 3])],
           {"strides": [2, 2], "pads": [0, 1, 0, 1]}, 18)
    yield ("center_crop_pad", "CenterCropPad", [x, np.array([3, 8, 6, 4])], {}, 18)


def quantised():
    """4-bit integers, small floats and scales of blocks, as weights have them."""
    w, scale = f32(4, 12), np.abs(f32(4, 3)) + 0.1
    for name, low, high in (("INT4", -8, 8), ("UINT4", 0, 16)):
        t = helper.make_tensor("x0", getattr(TensorProto, name), [4, 12],
                               rng.integers(low, high, 48).tolist())
        z = helper.make_tensor("x2", getattr(TensorProto, name), [4, 3],
                               rng.integers(low, high, 12).tolist())
        yield f"blocks_{name}", [t, scale, z], {"axis": 1, "block_size": 4}
        one = helper.make_tensor("x2", getattr(TensorProto, name), [4], [1, 2, 3, 4])
        yield f"channels_{name}", [t, scale[:, 0].copy(), one], {"axis": 0}
    t = helper.make_tensor("x0", TensorProto.FLOAT8E4M3FN, [4, 12], w.ravel().tolist())
    yield "float8", [t, np.float32(0.5)], {}


def more():
    for part in (gathering, sampling):
        for i, (name, op, inputs, attributes, opset) in enumerate(part()):
            yield (f"{name}_{i}", *model(op, inputs, attributes, opset=opset))
    for name, inputs, attributes in quantised():
        node = helper.make_node("DequantizeLinear", [f"x{i}" for i in range(len(inputs))], ["d"],
                                **attributes)
        add = helper.make_node("Add", ["d", "x"], ["y"])
        constants = [t if isinstance(t, TensorProto) else numpy_helper.from_array(np.asarray(t), f"x{i}")
                     for i, t in enumerate(inputs)]
        x = f32(4, 12)
        graph = helper.make_graph(
            [node, add], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [onnx.ValueInfoProto(name="y")], constants)
        m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        m.ir_version = 10
        yield f"dequantize_{name}", m, {"x": x}


def write(folder, m, inputs, outputs):
    os.makedirs(os.path.join(folder, "test_data_set_0"), exist_ok=True)
    onnx.save(m, os.path.join(folder, "model.onnx"))
    for kind, values in (("input", inputs), ("output", outputs)):
        for i, (name, v) in enumerate(values):
            path = os.path.join(folder, "test_data_set_0", f"{kind}_{i}.pb")
            if not isinstance(v, onnx.TensorProto):  # of types that numpy does not have: as it is
                v = numpy_helper.from_array(np.asarray(v), name)
            with open(path, "wb") as f:
                f.write(v.SerializeToString())


def verify(infer, folder):
    p = subprocess.run([infer, "verify", os.path.join(folder, "model.onnx")], capture_output=True,
                       text=True)
    return p.returncode == 0, (p.stderr or p.stdout).strip()[:300], p.returncode


def compare(infer, folder):
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    passed, failed = 0, 0
    for name, m, feeds in itertools.chain(cases(), more()):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # its quantised LSTM quantises the states of each thread
        session = onnxruntime.InferenceSession(m.SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        outputs = session.run(None, feeds)
        names = [o.name for o in session.get_outputs()]
        for o, v in zip(m.graph.output, outputs):
            o.CopyFrom(helper.make_tensor_value_info(
                o.name, helper.np_dtype_to_tensor_dtype(v.dtype), None))
        path = os.path.join(folder, name)
        write(path, m, list(feeds.items()), list(zip(names, outputs)))
        ok, text, _ = verify(infer, path)
        passed += ok
        failed += not ok
        if not ok:
            print(f"FAILED  {name}: {text}")
    print(f"operators: {passed} passed, {failed} failed (against ONNX Runtime "
          f"{onnxruntime.__version__})")
    return failed == 0


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1], sys.argv[2]) else 1)
