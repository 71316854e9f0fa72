"""Transfer without fine-tuning: logistic regression on frozen ImageNet features, alone or as a start (LP-FT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.tune_space import LogUniform, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from torch import nn

    from ..benchmark.access import Access, Predictor
    from ..benchmark.sees import Sees


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on frozen ImageNet features, its strength chosen on source validation.

    Args:
        arch: A timm architecture.
        input_size: Side in pixels at which the network sees images; 0 takes them as they are, but at least 64.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Kornblith et al., CVPR 2019, arXiv 1805.08974"

    arch: str = "tf_efficientnet_lite0"
    input_size: int = 0

    def fit(self, access: Access) -> Predictor:
        """Returns the network with the probe as its last layer."""
        from .probe import probed_network
        from .training import Classifier, seeded
        from .volumes import refuse

        refuse(access)
        with seeded(access):
            return Classifier(probed_network(access, self.arch, self.input_size))


@dataclass(frozen=True)
class LpFt(TimmRecipe):
    """Probe first, then fine-tune all layers from there, gently.

    Args:
        lr: A tenth of the others': the head is already in place.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Kumar et al., ICLR 2022, arXiv 2202.10054"
    search: ClassVar[Space] = {**TimmRecipe.search, "lr": LogUniform(1e-5, 1e-3)}

    lr: float = 1e-4

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .probe import probed_network
        from .training import Classifier, source_network
        from .volumes import refuse

        refuse(access)

        def build() -> nn.Module:
            return probed_network(access, self.arch, self.input_size)

        return Classifier(source_network(access, self, f"probed {self.arch} at {self.input_size}", build))


@dataclass(frozen=True)
class BnOnly(TimmRecipe):
    """Fine-tune batch norms and the last layer alone; all other ImageNet weights stay."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Frankle et al., Training BatchNorm and only BatchNorm, ICLR 2021, arXiv 2003.00152"

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .probe import only_norms_train
        from .training import Classifier, source_network
        from .volumes import refuse

        refuse(access)

        def build() -> nn.Module:
            return only_norms_train(access, self.arch, self.input_size)

        return Classifier(source_network(access, self, f"norms of {self.arch} at {self.input_size}", build))
