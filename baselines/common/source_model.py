"""The network trained on the source that methods start from or stand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import nn

from ...benchmark.contract.access import Access
from ...shifts.errors import MedshiftError
from .initial_weights import LoadWeights, load_all
from .networks import Network
from .recipe import TimmRecipe
from .training import Loss, TrainFunction, cross_entropy, source_network
from .volumes import maker


def timm_network(
    access: Access,
    recipe: TimmRecipe,
    start: str,
    take: LoadWeights | None = load_all,
    loss: Loss = cross_entropy,
    learn: TrainFunction | None = None,
    equip: Callable[[Network], object] | None = None,
) -> Network:
    """Returns a timm network, or for volumes one of MONAI's, trained on the source; see `training.source_network`.

    Args:
        access: What may be seen.
        recipe: Architecture and hyper-parameters.
        start: Names how the network starts and is trained, all settings of `take` and `loss` included.
        take: What is taken over from the ImageNet weights; None for a random start.
        loss: Of one training batch.
        learn: Trains the network in place; the shared loop unless told.
        equip: Adds to the network what is trained along with it.

    Raises:
        MedshiftError: These are volumes, and the start is not random or the architecture none of theirs.
    """
    if take is not None:
        refuse_volumes(access)
    if len(access.spatial) == 3:
        make, arch = maker(access, recipe)
    else:
        arch = recipe.arch

        def make() -> Network:
            return Network(arch, len(access.classes), access.channels, recipe.input_size, take)

    def build() -> nn.Module:
        network = make()
        if equip:
            equip(network)
        return network

    name = f"{arch} at {recipe.input_size} from {start}"
    return cast("Network", source_network(access, recipe, name, build, loss, learn, [make, take, equip]))


def refuse_volumes(access: Access) -> None:
    """Raise MedshiftError if these are volumes: for what takes ImageNet networks alone."""
    if len(access.spatial) == 3:
        raise MedshiftError("ImageNet networks take 2-D images; these are 3-D: run --baseline scratch on them")


def shared_model(access: Access, recipe: TimmRecipe) -> Network:
    """Returns the source model of all test-time methods: ImageNet's fine-tuned, or of volumes the one of `scratch`."""
    if len(access.spatial) == 3:
        return timm_network(access, recipe, "random", take=None)
    return timm_network(access, recipe, "imagenet")
