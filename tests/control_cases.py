"""If, Loop and Scan for check_operators.py: branches of different sizes, loops that end by their
condition, states that grow or take each other's place, values of the graph around in another
layout."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

F32, S64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
value = helper.make_tensor_value_info
node = helper.make_node


def graph(nodes, inputs, outputs, constants=()):
    return helper.make_graph(nodes, "graph", inputs, outputs,
                             [numpy_helper.from_array(np.asarray(a), n) for n, a in constants])


def branch(nodes, output, constants=()):
    return graph(nodes, [], [value(output, F32, None)], constants)


def model(*parts):
    m = helper.make_model(graph(*parts), opset_imports=[helper.make_opsetid("", 17)])
    m.ir_version = 8
    return m


def body(nodes, states, outputs):
    """Of a Loop: i, go_in, then states; go_out, then outputs."""
    return graph(nodes, [value("i", S64, []), value("go_in", BOOL, [])] +
                 [value(n, t, None) for n, t in states],
                 [value("go_out", BOOL, [])] + [value(n, t, None) for n, t in outputs])


ALWAYS = node("Identity", ["go_in"], ["go_out"])


def ifs(x):
    add = branch([node("Add", ["x", "x"], ["a"])], "a")
    square = branch([node("Mul", ["x", "x"], ["b"])], "b")
    part = branch([node("Slice", ["x", "s", "e", "axis"], ["b"])], "b",
                  [("s", [1]), ("e", [3]), ("axis", [1])])
    same = branch([node("Identity", ["x"], ["a"])], "a")
    for name, then, other in (("plain", add, square), ("sizes", same, part)):
        m = model([node("If", ["c"], ["y"], then_branch=then, else_branch=other),
                   node("Relu", ["y"], ["z"]), node("Shape", ["z"], ["shape"])],
                  [value("c", BOOL, []), value("x", F32, [3, 4])],
                  [value("z", F32, None), value("shape", S64, None)])
        for c in (True, False):
            yield f"if_{name}_{c}", m, {"c": np.array(c), "x": x}


def loops(x):
    rows = body([node("Gather", ["x", "i"], ["row"], axis=0), node("Add", ["s", "row"], ["next"]),
                 ALWAYS, node("Mul", ["next", "row"], ["scan"])],
                [("s", F32)], [("next", F32), ("scan", F32)])
    m = model([node("Loop", ["m", "", "zero"], ["y", "ys"], body=rows)], [value("x", F32, [3, 4])],
              [value("y", F32, None), value("ys", F32, None)],
              [("m", np.int64(3)), ("zero", np.zeros(4, np.float32))])
    yield "loop_rows", m, {"x": x}
    swap = body([node("Add", ["a", "b"], ["n"]), node("ReduceMax", ["n"], ["most"], keepdims=0),
                 node("Less", ["most", "limit"], ["go_out"])],
                [("a", F32), ("b", F32)], [("b", F32), ("n", F32)])
    m = model([node("Loop", ["", "c", "u", "v"], ["p", "q"], body=swap)],
              [value("u", F32, [4]), value("v", F32, [4]), value("c", BOOL, [])],
              [value("p", F32, None), value("q", F32, None)], [("limit", np.float32(100))])
    for c in (True, False):
        yield f"loop_swap_{c}", m, {"u": np.ones(4, np.float32),
                                    "v": np.arange(4).astype(np.float32), "c": np.array(c)}
    grow = body([node("Gather", ["x", "i"], ["row"], axis=0),
                 node("Unsqueeze", ["row", "axis"], ["list"]),
                 node("Concat", ["s", "list"], ["next"], axis=0),
                 node("ReduceSum", ["next"], ["sum"], keepdims=0),
                 node("Less", ["sum", "limit"], ["go_out"])], [("s", F32)], [("next", F32)])
    m = model([node("Loop", ["m", "c", "none"], ["y"], body=grow)],
              [value("x", F32, [3, 4]), value("limit", F32, [])], [value("y", F32, None)],
              [("axis", [0]), ("m", np.int64(3)), ("c", True),
               ("none", np.zeros((0, 4), np.float32))])
    for limit in (1e9, 3, 0):
        yield f"loop_grow_{limit}", m, {"x": np.abs(x), "limit": np.array(limit, np.float32)}
    found = body([node("Gather", ["x", "i"], ["row"], axis=0), node("Relu", ["row"], ["positive"]),
                  node("NonZero", ["positive"], ["places"]), node("Shape", ["places"], ["shape"]),
                  node("Add", ["s", "shape"], ["next"]), ALWAYS],
                 [("s", S64)], [("next", S64), ("shape", S64)])
    m = model([node("Loop", ["m", "", "zero"], ["y", "ys"], body=found)],
              [value("x", F32, [3, 4])], [value("y", S64, None), value("ys", S64, None)],
              [("m", np.int64(3)), ("zero", np.zeros(2, np.int64))])
    yield "loop_found", m, {"x": x}


def nested(rng):
    x = rng.standard_normal((1, 8, 6, 6)).astype(np.float32)
    w = (rng.standard_normal((8, 8, 3, 3)) * 0.1).astype(np.float32)
    pads = {"pads": [1, 1, 1, 1]}
    then = branch([node("Conv", ["s", "w"], ["a"], **pads)], "a")
    other = branch([node("Conv", ["x2", "w"], ["c"], **pads), node("Add", ["s", "c"], ["b"])], "b")
    steps = body([node("Mod", ["i", "two"], ["rest"]), node("Cast", ["rest"], ["odd"], to=BOOL),
                  node("If", ["odd"], ["next"], then_branch=then, else_branch=other), ALWAYS],
                 [("s", F32)], [("next", F32)])
    m = model([node("Conv", ["x", "w"], ["x2"], **pads),
               node("Loop", ["m", "", "x2"], ["y"], body=steps), node("Add", ["y", "x2"], ["o"])],
              [value("x", F32, [1, 8, 6, 6]), value("m", S64, [])], [value("o", F32, None)],
              [("w", w), ("two", np.int64(2))])
    for count in (0, 1, 5):
        yield f"nested_{count}", m, {"x": x, "m": np.array(count)}


def scans(x):
    step = graph([node("Add", ["s", "e"], ["next"]), node("Identity", ["next"], ["o"])],
                 [value("s", F32, [3]), value("e", F32, [3])],
                 [value("next", F32, [3]), value("o", F32, [3])])
    for back in (0, 1):
        m = model([node("Scan", ["zero", "x"], ["last", "all"], body=step, num_scan_inputs=1,
                        scan_input_axes=[1], scan_output_axes=[-1], scan_input_directions=[back],
                        scan_output_directions=[1 - back])],
                  [value("x", F32, [3, 4])], [value("last", F32, [3]), value("all", F32, [3, 4])],
                  [("zero", np.zeros(3, np.float32))])
        yield f"scan_{back}", m, {"x": x}


def control_cases(rng):
    x = rng.standard_normal((3, 4)).astype(np.float32)
    for part in (ifs(x), loops(x), nested(rng), scans(x)):
        yield from part
