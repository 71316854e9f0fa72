"""Input harmonisation: every image gets the source's histogram before it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .recipe import TimmRecipe

if TYPE_CHECKING:
    from torch import nn

    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class HistogramMatching(TimmRecipe):
    """Match every image's histogram to the source's mean one, in training and test, and fine-tune from ImageNet.

    Undoes every monotone change of grey levels, and with it what a grey level itself says of the class.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Nyul and Udupa, On standardizing the MR image intensity scale, MRM 1999"

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network behind the harmonisation."""
        from .histograms import Harmonised
        from .networks import Network, refuse_volumes
        from .starts import take_all
        from .training import Classifier, source_network

        refuse_volumes(access)

        def build() -> nn.Module:
            network = Network(self.arch, len(access.classes), access.channels, self.input_size, take_all)
            return Harmonised(network, access.train)

        name = f"harmonised {self.arch} at {self.input_size}"
        return Classifier(source_network(access, self, name, build, code=["histograms"]))
