"""Ultralytics' networks by their description. Options: size=N, nms=inside for suppression in the network,
nms=none for networks that need none."""
import types

import torch
from ultralytics import RTDETR, YOLO
from ultralytics.engine.exporter import NMSModel
from ultralytics.nn.modules import head as heads

from common import SEED, Case, bisect_bias, picture, settle, spread


def make(name, options):
    torch.manual_seed(SEED)
    side = int(options.get("size", 160))
    network = (RTDETR if "detr" in name else YOLO)(name + ".yaml").model.float().eval()
    torch.manual_seed(1)
    x = picture(1, 3, side, side)
    settle(network, lambda: network(torch.cat([x, picture(1, 3, side, side)])))
    head = network.model[-1]
    inside, ends = options.get("nms") == "inside", options.get("nms") == "none"
    if ends:
        head.end2end = True
    network = network.fuse(verbose=False)
    for parameter in network.parameters():
        parameter.requires_grad = False
    for module in network.modules():
        if hasattr(module, "export"):
            module.export, module.format = True, "onnx"
    with torch.no_grad():
        network(x)  # anchors are made
    if isinstance(head, heads.Detect):
        head.dynamic, head.max_det, head.xyxy = False, 100, inside
    if isinstance(head, heads.RTDETRDecoder):  # else which queries it takes hangs on rounding
        spread([head.enc_score_head, head.dec_score_head[-1]], lambda: network(x))
        bias(network, [head.dec_score_head[-1]], x)
    elif isinstance(head, heads.Detect):
        spread([b[-1] for b in (head.one2one_cv2 if head.end2end else head.cv2)],
               lambda: network(x), 1.0)
    if inside or ends:
        layers = [b[-1] for b in (head.one2one_cv3 if head.end2end else head.cv3)]
        spread(layers, lambda: network(x))
        bias(network, layers, x)
    if inside:
        network.task, network.names = "detect", {k: str(k) for k in range(head.nc)}
        network = NMSModel(network, types.SimpleNamespace(
            dynamic=False, nms=True, conf=0.05, iou=0.5, max_det=100, agnostic_nms=False,
            format="onnx", opset=17, batch=1))
    return Case(network, (x,), ["images"])


def best(network, x):
    with torch.no_grad():
        answer = network(x)
    answer = answer[0] if isinstance(answer, (tuple, list)) else answer
    if answer.shape[-1] == 6:
        return answer[0, :, 4]
    return answer[0, 4:].amax(0)


def bias(network, layers, x):
    """A bias of the scores' layers with which some dozens of boxes are found."""

    def shift(by):
        with torch.no_grad():
            for layer in layers:
                layer.bias.add_(by)

    return bisect_bias(lambda: int((best(network, x) > 0.06).sum()), shift, -30.0, 30.0)
