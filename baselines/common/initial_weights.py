"""What a network takes over from ImageNet weights before it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ...shifts.errors import MedshiftError

LoadWeights: TypeAlias = Callable[[nn.Module, Mapping[str, Tensor]], None]


def load_all(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Takes over everything; a tensor that is missing or does not fit raises."""
    body.load_state_dict(dict(weights), strict=True)


def load_lowest(layers: int) -> LoadWeights:
    """Returns a start that takes over the lowest `layers` stages (weight transfusion) and leaves the rest random."""

    def take(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
        order = stages(body)
        if layers > len(order):
            raise MedshiftError(f"this architecture has {len(order)} stages ({', '.join(map('+'.join, order))})")
        chosen = tuple(f"{prefix}." for stage in order[:layers] for prefix in stage)
        body.load_state_dict({name: value for name, value in weights.items() if name.startswith(chosen)}, strict=False)

    return take


def match_moments(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Draws the weights of convolutions and linear layers anew, with the mean and variance of the ImageNet ones.

    Norms keep gain 1 and offset 0, biases and running statistics their start: to draw a running variance would make
    negative ones.
    """
    with torch.no_grad():
        for name, module in body.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                given = weights[f"{name}.weight"].double()
                module.weight.normal_(float(given.mean()), float(given.std(correction=0)))


def stages(body: nn.Module) -> list[tuple[str, ...]]:
    """Returns the prefixes of the names of parameters, stage by stage from the input, the last layer left out.

    A stage is a child of the network, or of a list of children; a norm belongs to the convolution before it.
    """
    found: list[tuple[str, ...]] = []
    for name, child in body.named_children():
        parts = child.named_children() if isinstance(child, nn.Sequential) else [("", child)]
        for part, module in parts:
            prefix = f"{name}.{part}".rstrip(".")
            if not any(True for _ in module.parameters()):
                continue
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and found:
                found[-1] = (*found[-1], prefix)
            else:
                found.append((prefix,))
    return found[:-1]
