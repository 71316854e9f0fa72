"""Whether an architecture takes the images and has what a method needs: asked before anything is loaded or trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...shifts.errors import MedshiftError, in_one_line
from .architectures import NATIVE, Sizing
from .networks import LEAST_SIZE, PACKAGED, Network

#: Raises MedshiftError if an untrained network lacks what a method needs; it may change the network. Takes the name of
#: the architecture, the network and one image.
Need: TypeAlias = Callable[[str, Network, Tensor], None]

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def sizing(access: Access, arch: str, input_size: int, need: Need | None = None) -> Sizing:
    """Return what timm must be given so that a network takes the images.

    Args:
        access: Gives the shape of the images.
        arch: Name of the architecture.
        input_size: Side to which images are resized, chosen by the user; 0 keeps their own.
        need: What the method needs.

    Raises:
        MedshiftError: The architecture does not exist, does not take images of this size, or lacks what the method
            needs.
    """
    found = NATIVE
    if arch == PACKAGED:  # takes every size, and has what every method needs
        return found
    network, problem = _tried(access, arch, input_size, found)
    if problem and input_size:  # the user wants this size: timm can resize some networks
        found = {"img_size": input_size}
        network, still = _tried(access, arch, input_size, found)
        if not still:
            problem = ""
            access.report(f"{arch}: made by timm for images of {input_size}, not for its own size")
    if network is None or problem:
        side = input_size or max(LEAST_SIZE, *access.spatial)
        native = _trial(access, arch, 0, NATIVE).body.pretrained_cfg["input_size"][-1]
        hint = f": --set input_size={native}, the size it was made for" if native != side else f" ({problem})"
        raise MedshiftError(f"{arch} does not take images of {side} x {side}{hint}")
    if need is not None:
        require(need, arch, network, access)
    return found


def require(need: Need, arch: str, network: Network, access: Access) -> None:
    """Raise MedshiftError if a network lacks what a method needs."""
    need(arch, network.eval(), _image(network, access))


def batch_norms_for(method: str, *, learn: bool = True) -> Need:
    """Return the need of a method that changes batch norms.

    Args:
        method: Name of the baseline.
        learn: Whether it trains their gains and offsets.
    """

    def need(arch: str, network: Network, image: Tensor) -> None:
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if not (any(True for m in norms for _ in m.parameters()) if learn else norms):
            raise MedshiftError(
                f"{method} changes batch norms, and {arch} has none{' that learn' if norms else ''}: choose another "
                "arch, such as resnet18, or another baseline, such as t3a"
            )

    return need


def norms_for(method: str) -> Need:
    """Return the need of a method that trains norms of any kind."""

    def need(arch: str, network: Network, image: Tensor) -> None:
        if not any(True for m in network.modules() if isinstance(m, NORMS) for _ in m.parameters()):
            raise MedshiftError(
                f"{method} trains norms, and {arch} has none: choose another arch, such as resnet18, or linear-probe, "
                "which trains the last layer alone"
            )

    return need


def features_for(method: str) -> Need:
    """Return the need of a method that works on the inputs of the last layer."""

    def need(arch: str, network: Network, image: Tensor) -> None:
        try:
            with torch.no_grad():
                head, features = network.head, network.features(image)
            fits = isinstance(head, nn.Linear) and features.shape == (1, head.in_features)
        except Exception:  # not every architecture of timm has these methods
            fits = False
        if not fits:
            raise MedshiftError(
                f"{method} works on the features before one linear layer, and {arch} does not end in one: choose "
                "another arch, such as resnet18, or another baseline, such as imagenet-finetune"
            )

    return need


def _tried(access: Access, arch: str, input_size: int, sizing: Sizing) -> tuple[Network | None, str]:
    """Return an untrained network that takes the images, or why it does not."""
    try:
        network = _trial(access, arch, input_size, sizing).eval()
        with torch.no_grad():
            network(_image(network, access))
    except MedshiftError:
        raise
    except Exception as error:  # of whatever layer does not fit
        return None, in_one_line(error)
    return network, ""


def _trial(access: Access, arch: str, input_size: int, sizing: Sizing) -> Network:
    """Make an untrained network, without values if possible: large ones take seconds and gigabytes."""

    def make() -> Network:
        return Network(arch, len(access.classes), access.channels, input_size, None, sizing)

    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return make()
        except MedshiftError:
            raise
        except Exception:  # some architectures compute with values while they are made
            return make()


def _image(network: Network, access: Access) -> Tensor:
    parameter: Any = next(network.parameters())
    return torch.zeros(1, access.channels, *access.spatial, device=parameter.device)
