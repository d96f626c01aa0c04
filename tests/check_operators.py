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

from control_cases import control_cases
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


def net(nodes, feeds, constants, outputs, opset=17):
    """Nodes are (operator, "in,in", "out,out"[, attributes])."""
    made = [helper.make_node(n[0], n[1].split(","), n[2].split(","), **(n[3] if n[3:] else {}))
            for n in nodes]
    graph = helper.make_graph(
        made, "g", [helper.make_tensor_value_info(k, TYPES[v.dtype], list(v.shape))
                    for k, v in feeds.items()],
        [onnx.ValueInfoProto(name=o) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    m.ir_version = 9
    return m, feeds


def i64(*a):
    return np.array(a, np.int64)


def corners(n, size=64):
    centre, half = rng.random((n, 2)) * size, rng.random((n, 2)) * size / 8 + 1
    return np.concatenate([centre - half, centre + half], 1).astype(np.float32)


def one_stage(threshold, n=200, classes=5):
    """A detector's end as exporters of the YOLO family write it."""
    pred = np.concatenate([corners(n).T, rng.random((classes, n))], 0).astype(np.float32)[None]
    constants = dict(
        parts=i64(4, classes), most=i64(20), iou=np.float32([0.45]), least=np.float32([threshold]),
        a0=i64(0), a1=i64(1), a2=i64(2), n=i64(n), s0=np.int64(0), s1=np.int64(1), s2=np.int64(2),
        ten=i64(10), flat=i64(-1), half=np.float32(0.7), zero=np.float32(0), edge=np.float32(64))
    nodes = [
        ("Split", "pred,parts", "bx,sc", {"axis": 1}),
        ("Transpose", "bx", "boxes", {"perm": [0, 2, 1]}),
        ("NonMaxSuppression", "boxes,sc,most,iou,least", "sel"),
        ("Gather", "sel,s1", "cls", {"axis": 1}), ("Gather", "sel,s2", "idx", {"axis": 1}),
        ("Squeeze", "boxes,a0", "b2"), ("Gather", "b2,idx", "picked"),
        ("Reshape", "sc,flat", "scf"), ("Mul", "cls,n", "cn"), ("Add", "cn,idx", "at"),
        ("Gather", "scf,at", "conf"), ("Shape", "conf", "count"), ("Min", "count,ten", "k"),
        ("TopK", "conf,k", "top,order", {"axis": 0}), ("Gather", "picked,order", "pb"),
        ("Gather", "cls,order", "pc"), ("Clip", "pb,zero,edge", "pbc"),
        ("Cast", "pc", "pcf", {"to": 1}), ("Unsqueeze", "pcf,a1", "pcu"),
        ("Unsqueeze", "top,a1", "topu"), ("Concat", "pbc,topu,pcu", "found", {"axis": 1}),
        ("Greater", "top,half", "high"), ("Where", "high,top,zero", "kept"),
        ("NonZero", "high", "places"), ("Squeeze", "places,a0", "rows"),
        ("Gather", "found,rows", "best"), ("Shape", "best", "best_shape"),
        ("ReduceSum", "found,a0", "sum", {"keepdims": 0}), ("Slice", "found,a0,a2,a0", "first"),
        ("Expand", "half,count", "halves"), ("ConstantOfShape", "count", "zeros"),
        ("Squeeze", "count,a0", "scalar"), ("Range", "s0,scalar,s1", "numbers")]
    return net(nodes, {"pred": pred}, constants,
               ["found", "kept", "best", "best_shape", "sum", "first", "halves", "zeros", "numbers"])


def by_class(threshold, n=100, classes=4):
    """The same as torchvision has it: candidates by NonZero, classes kept apart by an offset, and
    what a head does with the boxes that are left."""
    feeds = {"boxes": corners(n), "scores": rng.random((n, classes)).astype(np.float32)}
    constants = dict(
        least=np.float32(threshold), a0=i64(0), a1=i64(1), s0=np.int64(0), s1=np.int64(1),
        s2=np.int64(2), one=np.float32(1), most=i64(2 ** 63 - 1), iou=np.float32([0.5]),
        flat=i64(-1), end=i64(25), four=i64(-1, 4), two=i64(2, 2), classes=np.int64(classes),
        w=f32(4, 7), b=f32(7))
    nodes = [
        ("Greater", "scores,least", "high"), ("NonZero", "high", "nz"),
        ("Transpose", "nz", "pairs", {"perm": [1, 0]}), ("Gather", "pairs,s0", "rows", {"axis": 1}),
        ("Gather", "pairs,s1", "labels", {"axis": 1}), ("Gather", "boxes,rows", "cand"),
        ("Mul", "rows,classes", "rc"), ("Add", "rc,labels", "at"),
        ("Reshape", "scores,flat", "all"), ("Gather", "all,at", "conf"),
        ("ReduceMax", "cand", "far", {"keepdims": 0}), ("Add", "far,one", "step"),
        ("Cast", "labels", "lf", {"to": 1}), ("Mul", "lf,step", "off"),
        ("Unsqueeze", "off,a1", "offs"), ("Add", "cand,offs", "apart"),
        ("Unsqueeze", "apart,a0", "apart3"), ("Unsqueeze", "conf,a0", "c2"),
        ("Unsqueeze", "c2,a0", "c3"), ("NonMaxSuppression", "apart3,c3,most,iou", "sel"),
        ("Gather", "sel,s2", "left", {"axis": 1}), ("Slice", "left,a0,end", "kept"),
        ("Gather", "cand,kept", "ob"), ("Gather", "conf,kept", "os"),
        ("Gather", "labels,kept", "ol"), ("Split", "ob", "x0,y0,x1,y1", {"axis": 1}),
        ("Sub", "x1,x0", "wd"), ("Sub", "y1,y0", "ht"), ("Mul", "wd,ht", "area"),
        ("Concat", "x0,y0,wd,ht", "xywh", {"axis": 1}), ("Reshape", "xywh,flat", "row"),
        ("Reshape", "row,four", "back"), ("Shape", "back", "bs"), ("Gather", "bs,s0", "count"),
        ("Unsqueeze", "count,a0", "cu"), ("Concat", "cu,two", "shape", {"axis": 0}),
        ("Reshape", "back,shape", "halves"), ("MatMul", "back,w", "product"),
        ("Gemm", "back,w,b", "gemm"), ("Relu", "gemm", "relu"),
        ("Softmax", "relu", "soft", {"axis": 1}),
        ("ArgMax", "relu", "best", {"axis": 1, "keepdims": 0})]
    return net(nodes, feeds, constants,
               ["ob", "os", "ol", "area", "back", "halves", "product", "soft", "best", "count"],
               opset=13)


def regions(threshold, n=30):
    """The second stage of a detector: regions of a picture, gathered and scattered."""
    feeds = {"boxes": corners(n, 20), "scores": rng.random(n).astype(np.float32),
             "picture": f32(1, 8, 20, 20)}
    constants = dict(least=np.float32(threshold), a0=i64(0), a1=i64(1), w=f32(8 * 9, 12), b=f32(12),
                     zero=i64(0), flat=i64(-1, 72), ones=f32(1), w2=f32(8, 8, 3, 3) / 9,
                     cols=i64(0, 1), blank=f32(n, 12), s0=np.int64(0))
    nodes = [
        ("Greater", "scores,least", "high"), ("NonZero", "high", "nz"),
        ("Transpose", "nz", "at", {"perm": [1, 0]}), ("GatherND", "boxes,at", "kept"),
        ("GatherND", "scores,at", "conf"), ("Squeeze", "nz,a0", "rows"),
        ("Shape", "rows", "count"), ("ConstantOfShape", "count", "images",
                                     {"value": numpy_helper.from_array(i64(0))}),
        ("RoiAlign", "picture,kept,images", "crops",
         {"output_height": 3, "output_width": 3, "sampling_ratio": 2, "spatial_scale": 0.5}),
        ("Conv", "crops,w2", "conv", {"pads": [1, 1, 1, 1]}), ("Relu", "conv", "relu"),
        ("Reshape", "relu,flat", "rows72"), ("Gemm", "rows72,w,b", "classes"),
        ("Softmax", "classes", "soft", {"axis": 1}),
        ("ScatterND", "blank,at,soft", "scattered"), ("CumSum", "conf,s0", "sums"),
        ("Mul", "conf,ones", "scaled")]
    return net(nodes, feeds, constants, ["kept", "soft", "scattered", "sums", "relu", "scaled"],
               opset=16)


def dynamic(threshold, n=20):
    """A layer quantised at run time, for as many rows as there are."""
    feeds = {"x": f32(n, 16), "s": rng.random(n).astype(np.float32)}
    constants = dict(least=np.float32(threshold), a0=i64(0), w=u8(16, 8), wz=np.uint8(120),
                     ws=np.float32(0.02), b=f32(8))
    nodes = [
        ("Greater", "s,least", "high"), ("NonZero", "high", "nz"), ("Squeeze", "nz,a0", "i"),
        ("Gather", "x,i", "rows"), ("DynamicQuantizeLinear", "rows", "q,qs,qz"),
        ("MatMulInteger", "q,w,qz,wz", "sums"), ("Cast", "sums", "real", {"to": 1}),
        ("Mul", "qs,ws", "scale"), ("Mul", "real,scale", "product"), ("Add", "product,b", "y")]
    return net(nodes, feeds, constants, ["y"], opset=13)


def masks(threshold, n=40):
    """Convolutions on as many pictures as there are."""
    feeds = {"x": f32(n, 8, 7, 7), "s": rng.random(n).astype(np.float32)}
    constants = dict(least=np.float32(threshold), a0=i64(0), w=f32(16, 8, 3, 3) / 10, b=f32(16),
                     wt=f32(16, 4, 2, 2) / 10, w1=f32(3, 4, 1, 1),
                     scale=rng.random(16).astype(np.float32), m=np.zeros(16, np.float32),
                     v=np.ones(16, np.float32), twice=np.float32([1, 1, 2, 2]))
    nodes = [
        ("Greater", "s,least", "high"), ("NonZero", "high", "nz"), ("Squeeze", "nz,a0", "i"),
        ("Gather", "x,i", "xs"), ("Conv", "xs,w,b", "c", {"pads": [1, 1, 1, 1]}),
        ("Relu", "c", "r"), ("BatchNormalization", "r,scale,b,m,v", "n"),
        ("ConvTranspose", "n,wt", "t", {"strides": [2, 2]}), ("Relu", "t", "r2"),
        ("Conv", "r2,w1", "o"), ("Sigmoid", "o", "mask"),
        ("MaxPool", "mask", "small", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("GlobalAveragePool", "small", "gp"), ("Flatten", "gp", "flat"),
        ("Resize", "small,,twice", "large", {"mode": "linear"}),
        ("ReduceMean", "small", "mean", {"axes": [2, 3], "keepdims": 0})]
    return net(nodes, feeds, constants, ["mask", "small", "flat", "large", "mean"], opset=13)


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


    # sizes that depend on values: nothing, little, much, and all that there is
    for t in (2, 0.9, 0.6, 0.2, -1):
        yield (f"one_stage_{t}", *one_stage(t))
        yield (f"by_class_{t}", *by_class(t))
        yield (f"masks_{t}", *masks(t))
        yield (f"regions_{t}", *regions(t))
        yield (f"dynamic_{t}", *dynamic(t))
    for a in (None, 0, 1):
        axis = {} if a is None else {"axis": a}
        yield one(f"unique_{a}", "Unique", [rng.integers(-2, 3, (6, 2))], axis, outputs=4)
        yield one(f"unique_as_it_comes_{a}", "Unique", [rng.integers(-2, 3, (6, 2))],
                  dict(axis, sorted=0), outputs=4)
        yield one(f"compress_{a}", "Compress", [f32(4, 5), np.array([1, 0, 1, 1], bool)], axis)
    for largest in (0, 1):
        yield one(f"top_k_{largest}", "TopK", [np.round(f32(3, 40, 4) * 2), i64(9)],
                  {"axis": 1, "largest": largest}, constants=(1,), outputs=2)
    yield one("top_k_given", "TopK", [f32(3, 40), i64(9)], outputs=2)
    yield one("non_zero", "NonZero", [rng.integers(0, 2, (3, 4, 5)).astype(np.int32)])


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
    yield "max_pool_f64", "MaxPool", [x.astype("f8")], {"kernel_shape": [2, 3]}, 12
    yield "layer_norm_f64", "LayerNormalization", [x.astype("f8"), np.ones(7)], {}, 17
    yield ("gemm_f64", "Gemm", [f32(3, 4).astype("f8"), f32(5, 4).astype("f8"), f32(5).astype("f8")],
           {"transB": 1, "alpha": 0.5, "beta": 2.0}, 13)
    yield "matmul_s32", "MatMul", [np.arange(12, dtype="i4").reshape(3, 4),
                                   np.arange(20, dtype="i4").reshape(4, 5)], {}, 13
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
    for name, m, feeds in itertools.chain(cases(), more(), control_cases(rng)):
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
