"""torchvision's networks. Options: size=N or NxM ..., of the picture;
nms=traced for detectors without control flow."""
import torch
import torchvision

from common import Case, Pick, bisect_bias, picture, seeded, settle, smooth, spread

DETECTORS = ("retinanet", "fcos", "fasterrcnn", "maskrcnn", "keypointrcnn", "ssd")


def make(name, options):
    builder = torchvision.models.get_model_builder(name)
    size = [int(n) for n in options.get("size", "224").split("x")]
    if name.startswith(DETECTORS):
        return detector(name, builder, size[0], options.get("nms") == "traced")
    if name.startswith("raft"):
        return flow(builder, size)
    if name.startswith("quantized_"):
        return quantised(builder, size[0])
    network = seeded(builder, weights=None, weights_backbone=None, aux_logits=False,
                     init_weights=True)
    dims = (3, *size) if len(size) == 3 else (3, size[0], size[0])
    torch.manual_seed(1)
    x = smooth(1, *dims)
    settle(network, lambda: network(torch.cat([x, smooth(1, *dims)])))
    if name.startswith(("deeplab", "fcn", "lraspp")):
        network = Pick(network, lambda answer: answer["out"])
    return Case(network, (x,), ["input"])


def quantised(builder, side):
    """Post-training quantisation by PyTorch's own eager mode."""
    network = seeded(builder, weights=None, quantize=False, aux_logits=False, init_weights=True)
    torch.manual_seed(1)
    x = smooth(1, 3, side, side)
    settle(network, lambda: network(torch.cat([x, smooth(1, 3, side, side)])))
    network.fuse_model(is_qat=False)
    network.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    torch.ao.quantization.prepare(network, inplace=True)
    with torch.no_grad():
        network(x)
        network(smooth(1, 3, side, side))
        torch.ao.quantization.convert(network, inplace=True)
    return Case(network, (x,), ["input"])


def flow(builder, size):
    """Optical flow between a picture and itself moved by a few pixels; fewer rounds than usual."""
    network = seeded(builder, weights=None)
    height, width = size if len(size) == 2 else (size[0], size[0])
    torch.manual_seed(1)
    a = smooth(1, 3, height, width).clamp(-1, 1)
    b = torch.roll(a, (2, 3), (2, 3))
    settle(network, lambda: network(a, b, num_flow_updates=3))

    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, first, second):
            return self.network(first, second, num_flow_updates=4)[-1]

    return Case(Last().eval(), (a, b), ["first", "second"])


def trace_nms():
    """Boxes are suppressed without a branch for the case that there are none."""
    boxes = torchvision.ops.boxes
    boxes.batched_nms = lambda b, scores, labels, threshold: boxes.nms(
        b + (labels.to(b) * (b.max() + 1))[:, None], scores, threshold) if len(b) else labels[:0]


def detector(name, builder, side, traced):
    sizes = {} if name.startswith("ssd") else {"min_size": side, "max_size": side * 4 // 3}
    if traced:
        trace_nms()
    torch.manual_seed(20)
    network = builder(weights=None, weights_backbone=None, **sizes).eval()
    torch.manual_seed(1)
    x = picture(3, side, side if name.startswith("ssd") else side * 5 // 4)
    settle(network, lambda: network([x, picture(*x.shape)]))
    bias_head(name, network, x)
    return Case(network, ([x],), ["image"])


def bias_head(name, network, x):
    """Scores with some spread, and a bias with which some dozens of boxes are found."""
    sign, layers = 1, None
    if "rcnn" in name:
        rpn, box = network.rpn.head, network.roi_heads.box_predictor
        spread([rpn.cls_logits], lambda: network([x]))
        spread([rpn.bbox_pred], lambda: network([x]), 0.3)
        spread([box.cls_score, box.bbox_pred], lambda: network([x]))
        biases, sign = [box.cls_score.bias[:1]], -1  # the background's
    else:
        head = network.head.classification_head
        layers = ([head.cls_logits] if hasattr(head, "cls_logits") else
                  [m if isinstance(m, torch.nn.Conv2d) else m[-1] for m in head.module_list])
        spread(layers, lambda: network([x]))
        biases = [layer.bias for layer in layers]
        if name.startswith("ssd"):  # softmax with class 0 for the background
            biases, sign = [bias.view(-1, 91)[:, 0] for bias in biases], -1

    def shift(by):
        with torch.no_grad():
            for bias in biases:
                bias.add_(sign * by)

    def count():
        with torch.no_grad():
            return int((network([x])[0]["scores"] > 0.06).sum())

    return bisect_bias(count, shift, -30.0, 30.0)
