"""Networks for volumes: small MONAI networks with random weights, since ImageNet weights are 2-D."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...shifts.errors import MedshiftError, near
from .network import Network, resized

SETTINGS: dict[str, tuple[str, dict[str, object]]] = {  # class in monai.networks.nets, its arguments
    "monai-resnet10-narrow": ("ResNet", {"block": "basic", "layers": [1] * 4, "block_inplanes": [16, 32, 64, 128]}),
    "monai-resnet10": ("ResNet", {"block": "basic", "layers": [1] * 4, "block_inplanes": [64, 128, 256, 512]}),
    "monai-densenet121": ("DenseNet121", {}),
}
LEAST_SIZE = {"ResNet": 1, "DenseNet121": 32}  # voxels per side: halved five times without padding


def maker(access: Access, arch: str, input_size: int) -> tuple[Callable[[], Network], str]:
    """Return a function that makes a randomly initialised network for volumes, and the network's name and version.

    Args:
        access: What may be seen, volumes (N, C, D, H, W).
        arch: In `SETTINGS`.
        input_size: As for `VolumeNetwork`.

    Raises:
        MedshiftError: The architecture is not for volumes, or the volumes are too small for it.
    """
    if arch not in SETTINGS:
        names = ", ".join(SETTINGS)
        raise MedshiftError(
            f"{arch} takes 2-D images; these are 3-D: set arch to one of {names}.{near(arch, SETTINGS)}"
        )
    least = LEAST_SIZE[SETTINGS[arch][0]]
    sides = (access.spatial[0], input_size, input_size) if input_size else access.spatial
    if min(sides) < least:
        raise MedshiftError(f"{arch} takes volumes of at least {least} voxels per side, not {sides}: choose another")

    def make() -> Network:
        return VolumeNetwork(arch, len(access.classes), access.channels, input_size)

    return make, f"{arch} of monai {version('monai')}"


class VolumeNetwork(Network):
    """A MONAI classifier of volumes in [0, 1] with the interface of `Network`.

    Args:
        arch: In `SETTINGS`.
        classes: Number of outputs.
        channels: Native channels of the volumes.
        input_size: In-plane side to which slices are resized; 0 keeps the volumes' own.
    """

    def __init__(self, arch: str, classes: int, channels: int, input_size: int) -> None:
        nn.Module.__init__(self)
        from monai.networks import nets  # takes seconds

        kind, settings = SETTINGS[arch]
        self.input_size = input_size
        inputs, outputs = ("n_input_channels", "num_classes") if kind == "ResNet" else ("in_channels", "out_channels")
        body: Any = getattr(nets, kind)(spatial_dims=3, **{inputs: channels, outputs: classes}, **settings)
        *_, (name, last) = ((n, m) for n, m in body.named_modules() if isinstance(m, nn.Linear))
        above, _, leaf = name.rpartition(".")
        setattr(body.get_submodule(above), leaf, nn.Identity())
        self.body, self.last = body, last

    def prepared(self, images: Tensor) -> Tensor:
        """Preprocess volumes (N, C, D, H, W): resize in plane, map to [-1, 1]."""
        size = (images.shape[2], self.input_size, self.input_size)
        if self.input_size and self.input_size < max(images.shape[3:]):  # the slices as channels of one image
            images = resized(images.flatten(1, 2), size[1:]).view(*images.shape[:2], *size)
        elif self.input_size and tuple(images.shape[2:]) != size:
            images = nn.functional.interpolate(images, size, mode="trilinear", align_corners=False)
        return images * 2 - 1
