"""Robust training: mixing the statistics of early features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.search_space import Choice, Space
from ...shifts.errors import MedshiftError
from ..common.networks import Network
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Mixstyle(TimmRecipe):
    """Fine-tune from ImageNet with the means and deviations of early feature maps mixed among images.

    Images are paired at random, as there is one source. Known to do little where the images of that source look alike:
    no style is made that lies beyond theirs.

    Args:
        probability: Of a batch to be mixed, for each stage anew.
        alpha: Both parameters of the beta distribution of the mixing share.
        layers: After how many of the first stages styles are mixed, from a quarter of the input's side on.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Zhou et al., ICLR 2021, arXiv 2104.02008"
    search: ClassVar[Space] = {**TimmRecipe.search, "alpha": Choice((0.1, 0.2, 0.3)), "layers": Choice((1, 2, 3))}

    probability: float = 0.5
    alpha: float = 0.1
    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse what is no probability and no distribution."""
        super().__post_init__()
        if not 0 <= self.probability <= 1 or not 0 < self.alpha <= 100 or self.layers < 1:
            raise ValueError("probability must be in [0, 1], alpha in (0, 100], layers at least 1")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        name = f"imagenet, styles mixed {self.probability} {self.alpha} after {self.layers}"

        def equip(network: Network) -> None:
            mix_styles(network, self.layers, self.probability, self.alpha)

        return Classifier(timm_network(access, self, name, equip=equip))


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
        return restyle(maps, torch.randperm(len(maps)).to(maps.device), share)


def restyle(maps: Tensor, other: Tensor, share: Tensor) -> Tensor:
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
