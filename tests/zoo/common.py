"""What the exporters of the zoo share: pictures, and weights that keep values sane."""
import inspect

import torch

SEED = 20


class Case:
    """A module, the arguments that it is exported with, and the names of its inputs."""

    def __init__(self, module, args, names):
        self.module, self.args, self.names = module, args, names


class Pick(torch.nn.Module):
    """A module with what `pick` takes out of its answer as the answer."""

    def __init__(self, module, pick):
        super().__init__()
        self.module, self.pick = module, pick

    def forward(self, *args):
        return self.pick(self.module(*args))


def smooth(*dims, generator=None):
    """Blurred noise at three scales along the last two axes, of standard deviation 1."""
    *lead, height, width = dims
    count = 1
    for d in lead:
        count *= d
    total = torch.zeros(count, 1, height, width)
    for cell in (64, 16, 6):
        coarse = torch.randn(count, 1, max(2, height // cell), max(2, width // cell),
                             generator=generator)
        total += torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic",
                                                 align_corners=False)
    return (total / total.std()).reshape(dims)


def picture(*dims, generator=None):
    """The same in 0..1."""
    return (0.5 + 0.2 * smooth(*dims, generator=generator)).clamp(0, 1)


def seeded(maker, **options):
    """What `maker` makes under the seed; options that it does not take are left out."""
    known = inspect.signature(maker).parameters
    torch.manual_seed(SEED)
    return maker(**{k: v for k, v in options.items() if k in known}).eval()


def settle(module, run):
    """Batch norms get the statistics of `run`, which should see the very picture that is compared
    later, and random factors; factors of layers that begin near 0 get a size that counts."""
    norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for key, value in module.named_parameters():
            if value.dim() and ("layer_scale" in key or key.endswith((".gamma", "gamma_1", "gamma_2"))):
                value.fill_(0.3)
        for norm in norms:
            if norm.weight is not None:
                norm.weight.uniform_(0.6, 1.4)
                norm.bias.normal_(0, 0.2)
            norm.momentum = 1.0  # what this run gives
            norm.train()
        if norms:
            run()
        for norm in norms:  # of one pixel, say, there is little to tell
            norm.running_var.clamp_(min=0.05 * norm.running_var.mean())
    module.eval()


def spread(layers, run, std=2.0):
    """Scales the weights of `layers` so that what they give in `run` has this deviation."""
    seen = {}

    def look(layer, _, out):
        seen.setdefault(layer, out.detach().std().item())

    hooks = [layer.register_forward_hook(look) for layer in layers]
    with torch.no_grad():
        run()
        for layer in layers:
            layer.weight.mul_(std / max(seen[layer], 1e-12))
            if layer.bias is not None:
                layer.bias.zero_()
    for hook in hooks:
        hook.remove()


def liven(module, all_of_it=False):
    """Random numbers for what begins at 0, where a difference would not show in the answer; with
    all_of_it also weights that begin so small that little of one layer gets to the next."""
    with torch.no_grad():
        for value in module.parameters():
            if value.dim() < 2 or not value.numel():
                continue
            deviation = value[:1].numel() ** -0.5 if value.dim() < 5 else 0.02
            if not value.any():
                value.normal_(0, 0.1 if value.shape[0] == 1 else deviation)
            elif all_of_it and value.std() < 0.5 * deviation:
                value.mul_(deviation / value.std())


def bisect_bias(count, shift, low, high, wanted=(20, 60), steps=24):
    """Moves a bias by `shift` until `count()` detections are within `wanted`; more bias, more of
    them."""
    now = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        shift(middle - now)
        now = middle
        found = count()
        if wanted[0] <= found <= wanted[1]:
            return found
        low, high = (middle, high) if found < wanted[0] else (low, middle)
    return count()
