"""The statistics of feature maps, mixed among the images of a batch while training (`mixstyle`)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..shifts.errors import MedshiftError
from .networks import Network

EPS = 1e-6
QUARTER = 4  # of the input's side: the first stage of an ImageNet network ends there


def mix_styles(network: Network, layers: int, probability: float, alpha: float) -> None:
    """Makes the first stages of a network mix styles while it trains.

    Raises:
        MedshiftError: The architecture has fewer stages.
    """
    body: Any = network.body
    stages = [stage["module"] for stage in body.feature_info if stage["reduction"] >= QUARTER]
    if layers > len(stages):
        raise MedshiftError(f"this architecture has {len(stages)} stages, not {layers}: set layers lower")
    for stage in stages[:layers]:
        body.get_submodule(stage).register_forward_hook(MixStyle(probability, alpha))


class MixStyle:
    """A forward hook that gives images mixtures of their own and another's mean and deviation, channel by channel.

    It draws from torch's global generator, which is the run's in training.

    Args:
        probability: Of a batch to be mixed.
        alpha: Both parameters of the beta distribution of the mixing share.
    """

    def __init__(self, probability: float, alpha: float) -> None:
        self.probability, self.alpha = probability, alpha

    def __call__(self, module: nn.Module, inputs: object, maps: Tensor) -> Tensor | None:
        """Returns the maps to go on with; None leaves them alone."""
        if maps.ndim != 4:
            raise MedshiftError("mixstyle needs feature maps (N, C, H, W): take a convolutional arch")
        if not module.training or torch.rand(()) >= self.probability:
            return None
        share = torch.distributions.Beta(self.alpha, self.alpha).sample((len(maps),)).to(maps.device)
        return restyled(maps, torch.randperm(len(maps)).to(maps.device), share)


def restyled(maps: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Returns maps (N, C, H, W) with the mixture of each one's mean and deviation and another's.

    Args:
        maps: Feature maps.
        other: (N,) which map each is mixed with.
        share: (N,) how much of its own a map keeps. The statistics take no part in the gradient.
    """
    variance, mean = torch.var_mean(maps.detach(), (2, 3), keepdim=True)
    deviation = (variance + EPS).sqrt()
    kept = share.view(-1, 1, 1, 1)
    new_mean, new_deviation = (kept * own + (1 - kept) * own[other] for own in (mean, deviation))
    return (maps - mean) / deviation * new_deviation + new_mean
