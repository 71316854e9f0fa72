"""Loading of ImageNet weights before training: all, the lowest stages, or only their moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ...shifts.errors import MedshiftError

LoadWeights: TypeAlias = Callable[[nn.Module, Mapping[str, Tensor]], None]


def load_all(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load all weights; a tensor that is missing or does not fit raises."""
    body.load_state_dict(dict(weights), strict=True)


def load_lowest(layers: int) -> LoadWeights:
    """Return a loader of the lowest `layers` stages (weight transfusion) that leaves the rest random.

    All stages are all weights: norms and projections between them and the last layer, too.
    """

    def load(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
        order = stages(body)
        if layers > len(order):
            raise MedshiftError(
                f"layers={layers}: this architecture has {len(order)} stages ({', '.join(map('+'.join, order))}): take "
                f"at most {len(order)}"
            )
        if layers == len(order):
            load_all(body, weights)
            return
        chosen = [prefix for stage in order[:layers] for prefix in stage]
        within = tuple(f"{prefix}." for prefix in chosen)
        taken = {name: value for name, value in weights.items() if name in chosen or name.startswith(within)}
        body.load_state_dict(taken, strict=False)

    return load


def match_moments(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Resample weights of convolutions and linear layers from normals with the mean and variance of ImageNet's.

    Norms keep gain 1 and offset 0; biases and running statistics keep their initial values, as a resampled running
    variance could be negative.
    """
    with torch.no_grad():
        for name, module in body.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                _resample(module.weight, weights[f"{name}.weight"])
            elif isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
                _resample(module.in_proj_weight, weights[f"{name}.in_proj_weight"])


def _resample(weight: Tensor, like: Tensor) -> None:
    given = like.double()
    weight.normal_(float(given.mean()), float(given.std(correction=0)))


HOLDERS = ("blocks", "stages", "features", "layers", "resblocks")  # a network's list of stages, in timm and open_clip
FRAMES = ("tower", "trunk", "transformer")  # what holds these lists in the image towers of open_clip
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def stages(body: nn.Module, last: nn.Module | None = None) -> list[tuple[str, ...]]:
    """List the prefixes of parameter names, stage by stage from the input, without the last layer.

    A stage is a child of the network, as timm and the papers count: the stem and the four layers of a ResNet. Where an
    architecture keeps its stages in one `Sequential`, they are the children of that. A norm belongs to the stage before
    it, and what a transformer adds to its patches (positions, class tokens) to the first.

    Args:
        body: The network.
        last: Its last layer, which may stand outside of it; by default timm's classifier, or else the last child that
            has weights.
    """
    heads = _last_layers(body) if last is None else [last]
    outside = {id(module) for head in heads for module in head.modules()}
    found: list[tuple[str, ...]] = []
    added: list[str] = []
    for prefix, module in _parts(body):
        if isinstance(module, nn.Parameter):
            added.append(prefix)
        elif not any(True for _ in module.parameters()) or any(id(each) in outside for each in module.modules()):
            continue
        elif isinstance(module, NORMS) and found:
            found[-1] = (*found[-1], prefix)
        else:
            found.append((prefix,))
    return [(*found[0], *added), *found[1:]] if found else found


def _last_layers(body: nn.Module) -> list[nn.Module]:
    """List the layers that give a network's outputs."""
    network: Any = body  # for timm's own methods
    if hasattr(network, "get_classifier"):
        heads = network.get_classifier()
        return [*heads] if isinstance(heads, tuple | list) else [heads]
    return [child for child in body.children() if any(True for _ in child.parameters())][-1:]


def _parts(body: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module | nn.Parameter]]:
    """Yield the stages of a network, its norms, its last layer, and the parameters that belong to none of these."""
    for name, parameter in body.named_parameters(recurse=False):
        if "proj" not in name:  # what comes after the last stage is left as it is
            yield f"{prefix}{name}", parameter
    for name, child in body.named_children():
        if name in FRAMES:
            yield from _parts(child, f"{prefix}{name}.")
        elif name in HOLDERS and isinstance(child, nn.Sequential | nn.ModuleList):
            yield from ((f"{prefix}{name}.{part}", module) for part, module in child.named_children())
        else:
            yield f"{prefix}{name}", child
