"""MixStyle: augmentation that mixes the statistics of early feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ...shifts.errors import MedshiftError
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier
from ..networks.network import Network


@dataclass(frozen=True)
class Mixstyle(TimmRecipe):
    """Fine-tune from ImageNet, mixing means and deviations of early feature maps between images.

    Images are paired at random, as there is only one source. Known to do little where the images of that source look
    similar: mixing creates no style outside their range.

    Args:
        probability: Probability that a batch is mixed, drawn for each stage.
        alpha: Both parameters of the beta distribution of the mixing coefficient.
        layers: Number of stages after which styles are mixed, starting at a quarter of the input's side.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Zhou et al., ICLR 2021, arXiv 2104.02008"
    search: ClassVar[Space] = {**TimmRecipe.search, "alpha": Choice((0.1, 0.2, 0.3)), "layers": Choice((1, 2, 3))}

    probability: float = 0.5
    alpha: float = 0.1
    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        if not 0 <= self.probability <= 1 or not 0 < self.alpha <= 100 or self.layers < 1:
            raise ValueError("probability must be in [0, 1], alpha in (0, 100], layers at least 1")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, mixstyle {self.probability} {self.alpha} after {self.layers} stages"

        def equip(network: Network) -> None:
            mix_styles(network, self.layers, self.probability, self.alpha)

        def need(arch: str, network: Network, image: Tensor) -> None:
            equip(network)
            with torch.no_grad():
                network(image)  # which a hook refuses where it finds no maps

        return Classifier(timm_network(access, self, name, equip=equip, need=need), self.part_size)


EPS = 1e-6
NO_MAPS = "mixstyle needs feature maps (N, C, H, W): choose a convolutional arch"
QUARTER = 4  # reduction of the input's side: the first stage of an ImageNet network ends there


def mix_styles(network: Network, layers: int, probability: float, alpha: float) -> None:
    """Mix styles after the first stages of a network while it trains.

    Raises:
        MedshiftError: The architecture has fewer stages.
    """
    body: Any = network.body
    if getattr(body, "output_fmt", "NCHW") != "NCHW":  # as in Swin: channels last
        raise MedshiftError(NO_MAPS)
    known = getattr(body, "feature_info", [])
    stages = [stage["module"] for stage in known if stage["reduction"] >= QUARTER]
    if layers > len(stages):
        raise MedshiftError(f"this architecture has {len(stages)} stages, not {layers}: set layers lower")
    try:
        modules = [body.get_submodule(stage) for stage in stages[:layers]]
    except AttributeError:  # as in HRNet, where a stage of timm's list is part of a module
        raise MedshiftError(NO_MAPS) from None
    for module in modules:
        module.register_forward_hook(MixStyle(probability, alpha))


class MixStyle:
    """A forward hook that mixes each image's channel means and deviations with those of another image.

    It draws from torch's global generator, which training seeds.

    Args:
        probability: Probability that a batch is mixed.
        alpha: Both parameters of the beta distribution of the mixing coefficient.
    """

    def __init__(self, probability: float, alpha: float) -> None:
        self.probability, self.alpha = probability, alpha

    def __call__(self, module: nn.Module, inputs: object, maps: Tensor) -> Tensor | None:
        """Return mixed feature maps, or None to leave them unchanged."""
        if not isinstance(maps, Tensor) or maps.ndim != 4:
            raise MedshiftError(NO_MAPS)
        if maps.shape[2] * maps.shape[3] < 2:
            raise MedshiftError("mixstyle: maps of one pixel have no contrast: set layers lower or input_size higher")
        if not module.training or torch.rand(()) >= self.probability:
            return None
        share = torch.distributions.Beta(self.alpha, self.alpha).sample((len(maps),)).to(maps.device)
        return restyle(maps, torch.randperm(len(maps)).to(maps.device), share)


def restyle(maps: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Mix the mean and deviation of each feature map with those of another; statistics get no gradient.

    Args:
        maps: (N, C, H, W).
        other: (N,) index of the map that each is mixed with.
        share: (N,) weight of a map's own statistics, in [0, 1].
    """
    variance, mean = torch.var_mean(maps.detach(), (2, 3), keepdim=True)
    deviation = (variance + EPS).sqrt()
    kept = share.view(-1, 1, 1, 1)
    new_mean, new_deviation = (kept * own + (1 - kept) * own[other] for own in (mean, deviation))
    return (maps - mean) / deviation * new_deviation + new_mean
