"""Input harmonisation: match every image to the source's mean histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ...benchmark.datasets.images import Images
from ..common.recipe import TimmRecipe
from ..common.source_model import refuse_volumes
from ..common.training import Classifier, source_network
from ..networks.initial_weights import load_all
from ..networks.network import Network
from ..networks.suitability import sizing


@dataclass(frozen=True)
class HistogramMatching(TimmRecipe):
    """Match images to the source's mean histogram, in training and test, and fine-tune from ImageNet.

    Undoes every monotone change of grey levels, and with it what the grey levels themselves say about the class.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Nyul and Udupa, On standardizing the MR image intensity scale, MRM 1999"

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network on harmonised images."""
        refuse_volumes(access)
        sized = sizing(access, self.arch, self.input_size)

        def build() -> nn.Module:
            network = Network(self.arch, len(access.classes), access.channels, self.input_size, load_all, sized)
            return HistogramMatched(network, access.train, self.at_once(BATCH))

        name = f"{self.arch} at {self.input_size} from imagenet, histograms matched"
        return Classifier(source_network(access, self, name, build), self.part_size)


BATCH = 64


class HistogramMatched(nn.Module):
    """A network behind histogram matching.

    Args:
        network: Takes images in [0, 1].
        source: Images whose mean quantiles are the template.
        size: Number of them that are sorted at a time.
    """

    template: Tensor

    def __init__(self, network: nn.Module, source: Images, size: int = BATCH) -> None:
        super().__init__()
        self.network = network
        total = sum(batch.flatten(2).sort(2).values.double().sum(0) for batch in source.batches(size))
        self.register_buffer("template", (torch.as_tensor(total) / len(source)).float())

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K)."""
        logits: Tensor = self.network(match_histograms(images, self.template))
        return logits


def match_histograms(images: Tensor, template: Tensor) -> Tensor:
    """Give the k-th darkest pixel of each channel of images (N, C, *spatial) the template's k-th value.

    Equal pixels stay equal: they get the mean of their template values.

    Args:
        images: Values of any range.
        template: (C, pixels), ascending.
    """
    flat = images.flatten(2)
    ordered, order = flat.sort(2)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    run = new.cumsum(2) - 1  # index of a pixel's value among the distinct ones
    means = run_means(run, template.expand_as(ordered))
    return torch.empty_like(flat).scatter_(2, order, means.to(images.dtype)).view(images.shape)


def run_means(run: Tensor, values: Tensor) -> Tensor:
    """Return the mean of each value's run, of the values' shape, summed in float64.

    Args:
        run: Index of each value's run along the last of three axes.
        values: The values.
    """
    place = with_float64(run.device)
    there = run.to(place)
    exact = values.to(place, torch.float64)
    sums = torch.zeros_like(exact).scatter_add_(2, there, exact)
    counts = torch.zeros_like(sums).scatter_add_(2, there, torch.ones_like(sums))
    return (sums / counts.clamp(min=1)).gather(2, there).to(values.dtype).to(run.device)


def with_float64(device: torch.device) -> torch.device:
    """Return the device itself, or the CPU in place of Apple's graphics cards, which have no float64."""
    return torch.device("cpu") if device.type == "mps" else device
