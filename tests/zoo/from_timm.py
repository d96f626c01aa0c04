"""timm's networks. Options: size=N, the side of the picture (default: the network's own)."""
import timm
import torch

from common import SEED, Case, liven, settle, smooth


def make(name, options):
    torch.manual_seed(SEED)
    size = {"img_size": int(options["img_size"])} if "img_size" in options else {}
    network = timm.create_model(name, pretrained=False, exportable=True, **size).eval()
    side = int(options.get("size", network.default_cfg["input_size"][-1]))
    side = size.get("img_size", side)
    liven(network)
    torch.manual_seed(1)
    x = smooth(1, 3, side, side)
    settle(network, lambda: network(torch.cat([x, smooth(1, 3, side, side)])))
    return Case(network, (x,), ["input"])
