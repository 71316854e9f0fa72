"""Loading of ImageNet weights before training: all, the lowest stages, or only their moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

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
        chosen = {prefix for stage in order[:layers] for prefix in stage}
        tops = tuple(f"{prefix}." for prefix in chosen)
        taken = {name: value for name, value in weights.items() if name in chosen or name.startswith(tops)}
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
                given = weights[f"{name}.weight"].double()
                module.weight.normal_(float(given.mean()), float(given.std(correction=0)))


NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
HOLDERS = ("blocks", "stages", "features")  # what timm calls a network's list of stages


def stages(body: nn.Module) -> list[tuple[str, ...]]:
    """List the prefixes of parameter names, stage by stage from the input, without the last layer.

    A stage is a child of the network, as timm and the papers count: the stem and the four layers of a ResNet. Where an
    architecture keeps its stages in one `Sequential`, they are the children of that. A norm belongs to the stage before
    it, and what the network holds itself, such as embeddings of positions, to the first.
    """
    found: list[tuple[str, ...]] = []
    for name, child in body.named_children():
        held = isinstance(child, nn.Sequential) and name in HOLDERS
        parts = child.named_children() if held else [("", child)]
        for part, module in parts:
            prefix = f"{name}.{part}".rstrip(".")
            if not any(True for _ in module.parameters()):
                continue
            if isinstance(module, NORMS) and found:
                found[-1] = (*found[-1], prefix)
            else:
                found.append((prefix,))
    own = tuple(name for name, _ in body.named_parameters(recurse=False))
    return [(*found[0], *own), *found[1:-1]] if len(found) > 1 else []
