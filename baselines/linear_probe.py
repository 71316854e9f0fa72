"""Transfer without fine-tuning: logistic regression on frozen ImageNet features, alone or as a start (LP-FT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import LogUniform, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees
    from .networks import Network


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
        from .networks import Network, refuse_volumes
        from .probe import fit_probe
        from .starts import take_all
        from .training import Classifier, seeded

        refuse_volumes(access)
        with seeded(access):
            network = Network(self.arch, len(access.classes), access.channels, self.input_size, take_all)
            fit_probe(network, access)
        return Classifier(network)


@dataclass(frozen=True)
class LpFt(TimmRecipe):
    """Probe first, then fine-tune from there, gently, the batch norms held as the probe saw them.

    A head that was fitted on features under ImageNet's statistics does not fit those under a batch's: norms that learn
    undo the probe within a step.

    Args:
        lr: A tenth of the others': the head is already in place.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Kumar et al., ICLR 2022, arXiv 2202.10054"
    search: ClassVar[Space] = {**TimmRecipe.search, "lr": LogUniform(1e-5, 1e-3)}

    lr: float = 1e-4

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .networks import timm_network
        from .probe import fit_probe, hold_norms
        from .training import Classifier

        def equip(network: Network) -> None:
            fit_probe(network, access)
            hold_norms(network)

        return Classifier(timm_network(access, self, "imagenet, probed, norms held", equip=equip, code=["probe"]))


@dataclass(frozen=True)
class BnOnly(TimmRecipe):
    """Fine-tune batch norms and the last layer alone; all other ImageNet weights stay."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Frankle et al., Training BatchNorm and only BatchNorm, ICLR 2021, arXiv 2003.00152"

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .networks import timm_network
        from .probe import only_norms_train
        from .training import Classifier

        return Classifier(timm_network(access, self, "imagenet, norms alone", equip=only_norms_train, code=["probe"]))
