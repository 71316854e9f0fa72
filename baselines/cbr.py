"""CBR nets: small networks of conv - batch norm - ReLU blocks, from scratch, as large ones' yardstick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees

PAPER = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"


@dataclass(frozen=True)
class CbrTiny(Recipe):
    """Train CBR-Tiny from scratch: 5x5, 32 to 256 channels, the widths that give the paper's parameter count."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER
    kernel: ClassVar[int] = 5
    widths: ClassVar[tuple[int, ...]] = (32, 64, 128, 256)
    last_pool: ClassVar[bool] = True

    def fit(self, access: Access) -> Predictor:
        """Returns the trained network."""
        from .training import Classifier, source_network

        name = f"cbr {self.kernel} {self.widths} {self.last_pool}"
        return Classifier(source_network(access, self, name, lambda: self.network(access), code=["cbr_network"]))

    def network(self, access: Access) -> nn.Module:
        """Returns the network, in the images' native channels, 2-D."""
        from ..shifts.errors import MedshiftError
        from .cbr_network import cbr_network

        if len(access.spatial) != 2:
            raise MedshiftError(f"CBR nets take 2-D images; these are {len(access.spatial)}-D")
        return cbr_network(access.channels, self.widths, self.kernel, self.last_pool, len(access.classes))


@dataclass(frozen=True)
class CbrTinyWide(CbrTiny):
    """Train CBR-Tiny from scratch with the widths in the paper's text: 5x5, 64 to 512 channels."""

    widths: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)


@dataclass(frozen=True)
class CbrSmall(CbrTiny):
    """Train CBR-Small from scratch: 7x7, 32 to 256 channels."""

    kernel: ClassVar[int] = 7


@dataclass(frozen=True)
class CbrLargeW(CbrTiny):
    """Train CBR-LargeW (wide) from scratch: 7x7, 64 to 512 channels."""

    kernel: ClassVar[int] = 7
    widths: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)


@dataclass(frozen=True)
class CbrLargeT(CbrTiny):
    """Train CBR-LargeT (tall) from scratch: 7x7, five blocks of 32 to 512 channels."""

    kernel: ClassVar[int] = 7
    widths: ClassVar[tuple[int, ...]] = (32, 64, 128, 256, 512)
    last_pool: ClassVar[bool] = False
