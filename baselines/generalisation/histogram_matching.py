"""Input harmonisation: every image gets the source's histogram before it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.datasets.images import Images
from ..common.initial_weights import load_all
from ..common.networks import Network
from ..common.recipe import TimmRecipe
from ..common.source_model import refuse_volumes
from ..common.training import Classifier, source_network

if TYPE_CHECKING:
    from torch import nn

    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class HistogramMatching(TimmRecipe):
    """Match every image's histogram to the source's mean one, in training and test, and fine-tune from ImageNet.

    Undoes every monotone change of grey levels, and with it what a grey level itself says of the class.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Nyul and Udupa, On standardizing the MR image intensity scale, MRM 1999"

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network behind the harmonisation."""
        refuse_volumes(access)

        def build() -> nn.Module:
            network = Network(self.arch, len(access.classes), access.channels, self.input_size, load_all)
            return HistogramMatched(network, access.train)

        name = f"harmonised {self.arch} at {self.input_size}"
        return Classifier(source_network(access, self, name, build))


BATCH = 64


class HistogramMatched(nn.Module):
    """A network that sees every image with the histogram that the source's images have on average.

    Args:
        network: Takes images in [0, 1].
        source: The images whose mean quantiles are the template.
    """

    template: Tensor

    def __init__(self, network: nn.Module, source: Images) -> None:
        super().__init__()
        self.network = network
        total = sum(batch.flatten(2).sort(2).values.double().sum(0) for batch in source.batches(BATCH))
        self.register_buffer("template", (torch.as_tensor(total) / len(source)).float())

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits."""
        logits: Tensor = self.network(match_histograms(images, self.template))
        return logits


def match_histograms(images: Tensor, template: Tensor) -> Tensor:
    """Returns images (N, C, *spatial) in which the k-th darkest pixel of a channel has the template's k-th value.

    Equal pixels stay equal: they get the mean of the values that fall to them.

    Args:
        images: Any values.
        template: (C, pixels) ascending.
    """
    flat = images.flatten(2)
    ordered, order = flat.sort(2)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    run = new.cumsum(2) - 1  # which distinct value a pixel has
    values = template.expand_as(ordered)
    sums = torch.zeros_like(ordered, dtype=torch.float64).scatter_add_(2, run, values.double())
    counts = torch.zeros_like(sums).scatter_add_(2, run, torch.ones_like(sums))
    means = (sums / counts.clamp(min=1)).gather(2, run).to(images.dtype)
    return torch.empty_like(flat).scatter_(2, order, means).view(images.shape)
