"""Whether an architecture takes the images and has what a method needs: asked before anything is loaded or trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...shifts.errors import MedshiftError, in_one_line
from ..pretrained.packaged import FILES
from ..pretrained.sizes import own_side, patch_size, uncut_sides
from .architectures import NATIVE, Sizing
from .network import Network, sides

#: Raises MedshiftError if an untrained network lacks what a method needs; it may change the network. Takes the name of
#: the architecture, the network and one image.
Need: TypeAlias = Callable[[str, Network, Tensor], None]

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)


def is_norm(module: nn.Module) -> bool:
    """Say whether a module of a network normalises."""
    from timm.layers import RmsNorm  # type: ignore[attr-defined]

    return isinstance(module, (*NORMS, RmsNorm))


def sizing(access: Access, arch: str, input_size: int, need: Need | None = None) -> Sizing:
    """Return what timm must be given so that a network takes the images.

    Args:
        access: Gives the shape of the images.
        arch: Name of the architecture.
        input_size: Side of the square to which images are resized, chosen by the user; 0 keeps their own shape.
        need: What the method needs.

    Raises:
        MedshiftError: The architecture does not exist, does not take images of this size, or lacks what the method
            needs.
    """
    if arch in FILES:  # take every size, and have what every method needs
        return NATIVE
    size = sides(access.spatial, input_size)
    given = size[0] if size[0] == size[1] else size
    problems = []
    for found in (NATIVE, {"img_size": given}, {"dynamic_img_size": True}):
        network, problem = _tried(access, arch, input_size, found)
        if network is not None:
            break
        problems.append(problem)
    else:
        raise MedshiftError(
            f"{arch} does not take images of {size[0]} x {size[1]}{_way_out(access, arch, size, problems[0])}"
        )
    for side in sorted(set(size), reverse=True):
        _refuse_cut_images(arch, network, side)
    if found:
        own = own_side(network.body)
        instead = "" if (own, own) == size else f" of {own}"
        wanted = size[0] if size[0] == size[1] else f"{size[0]} x {size[1]}"
        access.report(f"{arch}: made by timm for images of {wanted}, not for its own size{instead}")
    if need is not None:
        require(need, arch, network, access)
    return found


def _way_out(access: Access, arch: str, size: tuple[int, int], problem: str) -> str:
    own = own_side(_trial(access, arch, 0, NATIVE).body)
    if (own, own) == size:
        return f" ({problem})"
    stretched = "" if size[0] == size[1] else ", to which they are stretched"
    return f": --set input_size={own}, the size it was made for{stretched}"


def _refuse_cut_images(arch: str, network: Network, side: int) -> None:
    sides = uncut_sides(network.body, side)
    if sides:
        choice = " or ".join(f"--set input_size={each}" for each in sides)
        patch = patch_size(network.body)
        raise MedshiftError(f"{arch} cuts images into patches of {patch} pixels, which do not divide {side}: {choice}")


def require(need: Need, arch: str, network: Network, access: Access) -> None:
    """Raise MedshiftError if a network lacks what a method needs."""
    need(arch, network.eval(), _image(network, access))


def batch_norms_for(method: str, instead: str = "t3a") -> Need:
    """Return the need of a method that changes the statistics of batch norms.

    Args:
        method: Name of the baseline.
        instead: What to run with a network that has none.
    """

    def need(arch: str, network: Network, image: Tensor) -> None:
        if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
            raise MedshiftError(
                f"{method} changes batch norms, and {arch} has none: choose another arch, such as resnet18, or another "
                f"baseline, such as {instead}"
            )

    return need


def learning_norms(network: nn.Module) -> list[nn.Module]:
    """List the norms whose gains and offsets are learnt at test time: batch norms, or else norms of any kind."""
    learning: list[nn.Module] = [
        module for module in network.modules() if is_norm(module) and any(True for _ in module.parameters())
    ]
    batch: list[nn.Module] = [module for module in learning if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    return batch or learning


def learning_norms_for(method: str, report: Callable[[str], None]) -> Need:
    """Return the need of a method that learns the gains and offsets of norms at test time.

    Args:
        method: Name of the baseline.
        report: Told if these are not batch norms.
    """

    def need(arch: str, network: Network, image: Tensor) -> None:
        norms = learning_norms(network)
        if not norms:
            raise MedshiftError(
                f"{method} learns gains and offsets of norms, and {arch} has none: choose another arch, such as "
                "resnet18 or convnext_atto, or another baseline, such as t3a"
            )
        if not isinstance(norms[0], nn.modules.batchnorm._BatchNorm):
            kinds = " and ".join(sorted({_kind(norm) for norm in norms}))
            report(f"{method}: {arch} has no batch norms that learn; its {len(norms)} {kinds} do")

    return need


def _kind(norm: nn.Module) -> str:
    if isinstance(norm, nn.LayerNorm):
        return "layer norms"
    return "group norms" if isinstance(norm, nn.GroupNorm) else "norms"


def norms_for(method: str) -> Need:
    """Return the need of a method that trains norms of any kind."""

    def need(arch: str, network: Network, image: Tensor) -> None:
        if not any(True for m in network.modules() if is_norm(m) for _ in m.parameters()):
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
            outputs = network(_image(network, access))
        if tuple(outputs.shape) != (1, len(access.classes)):
            return None, f"its outputs have the shape {tuple(outputs.shape)}"
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
