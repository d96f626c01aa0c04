#!/usr/bin/python3
"""Write torchvision's networks as ONNX files for the benches; nothing is downloaded.

    bench/export_zoo.py [--batch N] [--list] FOLDER [NETWORK...]

Without a NETWORK it exports those of --list. A file that is there already is kept. Weights come
from the architecture's own initialisation under one fixed seed, and the statistics of the batch
normalisations are those that a few smooth pictures cause, so that no layer's values vanish or
explode: a comparison of two engines' answers then says something about every layer.

Debian: python3-torch python3-torchvision python3-onnx.
"""
import argparse
import inspect
import os
import sys
import warnings

DEFAULT = """squeezenet1_1 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet1_0
shufflenet_v2_x1_0 efficientnet_b0 regnet_y_400mf resnet18 resnet50 resnext50_32x4d googlenet
densenet121 inception_v3 vgg16 alexnet efficientnet_v2_s convnext_tiny swin_t
deeplabv3_mobilenet_v3_large ssdlite320_mobilenet_v3_large""".split()
SEED = 20
OPSET = 13

# Sides of square inputs other than 224; a prefix of the name is enough.
SIDES = (("inception", 299), ("efficientnet_b1", 240), ("efficientnet_b2", 260),
         ("efficientnet_b3", 300), ("efficientnet_b4", 380), ("swin_v2", 256), ("ssd300", 300),
         ("ssdlite320", 320), ("deeplab", 320), ("fcn", 320), ("lraspp", 320))
SEGMENTATION = ("deeplab", "fcn", "lraspp")
DETECTION = ("ssd", "retinanet", "fcos", "fasterrcnn")


def input_side(name):
    return next((side for prefix, side in SIDES if name.startswith(prefix)), 224)


def smooth_pictures(count, side):
    """Blurred noise at three scales, about as large as normalised photographs."""
    total = torch.zeros(count, 3, side, side)
    for cell in (64, 16, 4):
        coarse = torch.randn(count, 3, max(2, side // cell), max(2, side // cell))
        total += torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic",
                                                 align_corners=False)
    return total / total.std()


def make_network(name):
    """The network with random weights; auxiliary heads, unused when it runs, are left out."""
    maker = torchvision.models.get_model_builder(name)
    known = inspect.signature(maker).parameters
    options = {"weights": None}
    if "weights_backbone" in known:
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options.update(aux_logits=False, init_weights=True)
    torch.manual_seed(SEED)
    network = maker(**options)
    with torch.no_grad():
        for key, value in network.named_parameters():
            if key.endswith("layer_scale"):  # 1e-6 as made: the block would not matter
                value.fill_(0.3)
    return network.eval()


def settle_batch_norms(network, side):
    """Statistics of the pictures' activations, averaged over two passes."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
        norm.train()
    if norms:
        with torch.no_grad():
            for _ in range(2):
                network(smooth_pictures(4, side))
    network.eval()


def map_only(network):
    """A segmentation network with its map as the only output."""

    class MapOnly(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, pictures):
            return self.network(pictures)["out"]

    return MapOnly().eval()


def export(name, path, batch):
    side = input_side(name)
    network = make_network(name)
    torch.manual_seed(SEED + 1)
    if name.startswith(DETECTION):
        if batch != 1:
            raise ValueError("detection networks are exported for one picture")
        torch.onnx.export(network, ([torch.rand(3, side, side)],), path, opset_version=11,
                          input_names=["image"])
        return
    settle_batch_norms(network, side)
    if name.startswith(SEGMENTATION):
        network = map_only(network)
    torch.onnx.export(network, smooth_pictures(batch, side), path, opset_version=OPSET,
                      input_names=["input"], output_names=["output"])


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("folder", nargs="?")
    words.add_argument("networks", nargs="*", metavar="NETWORK")
    words.add_argument("--batch", type=int, default=1, help="pictures per run (default 1)")
    words.add_argument("--list", action="store_true", help="names exported without a NETWORK")
    given = words.parse_args()
    if given.list:
        print("\n".join(DEFAULT))
        return 0
    if not given.folder:
        words.error("a FOLDER is needed")

    global torch, torchvision
    try:
        import torch
        import torchvision
    except ImportError as missing:
        print(f"export_zoo: {missing}: install Debian's python3-torch python3-torchvision "
              "python3-onnx, and start this with /usr/bin/python3", file=sys.stderr)
        return 4
    warnings.filterwarnings("ignore")
    os.makedirs(given.folder, exist_ok=True)
    failed = 0
    for name in given.networks or DEFAULT:
        suffix = f"_b{given.batch}" if given.batch != 1 else ""
        path = os.path.join(given.folder, f"{name}{suffix}.onnx")
        if os.path.exists(path):
            print(f"{name}: there already", file=sys.stderr)
            continue
        try:
            export(name, path + ".part", given.batch)
            os.replace(path + ".part", path)
            print(f"{name}: {os.path.getsize(path) / 1e6:.1f} MB", file=sys.stderr, flush=True)
        except Exception as problem:  # one network's failure is no reason to lose the others
            failed += 1
            if os.path.exists(path + ".part"):
                os.remove(path + ".part")
            print(f"{name}: FAILED: {type(problem).__name__}: {str(problem)[:300]}",
                  file=sys.stderr, flush=True)
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
