"""Robust training: mixing the statistics of early features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import Choice, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees
    from .networks import Network


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
        from .networks import timm_network
        from .style import mix_styles
        from .training import Classifier

        name = f"imagenet, styles mixed {self.probability} {self.alpha} after {self.layers}"

        def equip(network: Network) -> None:
            mix_styles(network, self.layers, self.probability, self.alpha)

        return Classifier(timm_network(access, self, name, equip=equip, code=["style"]))
