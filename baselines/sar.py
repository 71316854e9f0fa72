"""Test-time adaptation by reliable entropy, flat minima and a way back: `tent` made to last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import LogUniform, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Sar(TimmRecipe):
    """Minimise the entropy of sure predictions alone, where that is flat, and start over before all become one class.

    As `tent`, but: images whose entropy is high do not count; the gradient is that of the worst point nearby
    (sharpness-aware minimisation); when the moving average of the entropy falls so low that the model must have
    collapsed, its parameters return to the source's; the last norms stay as they are.

    A batch of one image is normalised as by `tent`; it causes a step, small in proportion, if it is sure. A batch of
    one class drives the model towards that class until the average falls below `reset`, which undoes all of it. With
    two classes the margin keeps only images of p > 0.92; where the source model is surer than `reset` of everything, it
    starts over after every step, so that it is `adabn`.

    Args:
        test_lr: Learning rate of SGD with momentum 0.9, for batches of 64; smaller ones learn less in proportion.
        margin: Predictions count whose entropy is below this share of ln K.
        rho: How far away the worst point nearby is, in the norm of all parameters that learn.
        reset: Share of ln K below which the moving average of the entropy ends in starting over; the paper's is 0.2
            nats, of 1000 classes.
        frozen: Share of the norms, the last, that do not learn; the paper's last stage of a ResNet-50 has a fifth.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Niu et al., ICLR 2023, arXiv 2302.12400"
    search: ClassVar[Space] = {**TimmRecipe.search, "test_lr": LogUniform(2.5e-5, 2.5e-3)}

    test_lr: float = 2.5e-4
    margin: float = 0.4
    rho: float = 0.05
    reset: float = 0.029
    frozen: float = 0.2

    def __post_init__(self) -> None:
        """Refuse rates that cannot learn, and shares that are none."""
        super().__post_init__()
        if not (0 <= self.test_lr <= 1 and 0 <= self.rho <= 10):
            raise ValueError("test_lr must be in [0, 1], rho in [0, 10]")
        if not (0 < self.margin <= 1 and 0 <= self.reset <= 1 and 0 <= self.frozen < 1):
            raise ValueError("margin must be in (0, 1], reset in [0, 1], frozen in [0, 1)")

    def fit(self, access: Access) -> Predictor:
        """Returns the adapting network."""
        from .batch_norm import forget_statistics
        from .networks import shared_model
        from .reliable import ReliableMinimiser

        network = forget_statistics(shared_model(access, self))
        return ReliableMinimiser(network, self.test_lr, self.margin, self.rho, self.reset, self.frozen)
