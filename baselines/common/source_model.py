"""The network trained on the source, which methods change or build on."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import nn

from ...benchmark.contract.access import Access
from ...shifts.errors import MedshiftError
from ..networks.initial_weights import LoadWeights, load_all
from ..networks.network import Network
from ..networks.suitability import Need, require, sizing
from ..networks.volumes import maker
from .recipe import TimmRecipe
from .training import Loss, TrainFunction, cross_entropy, seeded, source_network


def timm_network(
    access: Access,
    recipe: TimmRecipe,
    start: str,
    load: LoadWeights | None = load_all,
    loss: Loss = cross_entropy,
    learn: TrainFunction | None = None,
    equip: Callable[[Network], object] | None = None,
    need: Need | None = None,
) -> Network:
    """Train a timm network, or a MONAI one for volumes, on the source; see `training.source_network`.

    Args:
        access: What may be seen.
        recipe: Architecture and hyper-parameters.
        start: Describes initial weights and training with every setting of `load`, `loss`, `learn` and `equip`, for the
            key of the cached weights.
        load: Loads ImageNet weights into the network; None for random weights.
        loss: Loss of one training batch.
        learn: Trains the network in place; `training.train` by default.
        equip: Changes the network before training, such as adding a module to be trained with it.
        need: What the method needs of the network.

    Raises:
        MedshiftError: The images are volumes, and `load` is given or the architecture is not for volumes; or the
            architecture does not take the images or lacks what the method needs.
    """
    if load is not None:
        refuse_volumes(access)
    if len(access.spatial) == 3:
        make, arch = maker(access, recipe.for_dims(3).arch, recipe.input_size)
        if need:
            with seeded(access):
                require(need, arch, make(), access)
    else:
        arch = recipe.arch
        sized = sizing(access, arch, recipe.input_size, need)

        def make() -> Network:
            return Network(arch, len(access.classes), access.channels, recipe.input_size, load, sized)

    def build() -> nn.Module:
        network = make()
        if equip:
            equip(network)
        return network

    name = f"{arch} at {recipe.input_size} from {start}"
    return cast("Network", source_network(access, recipe, name, build, loss, learn, [make, load, equip]))


def refuse_volumes(access: Access) -> None:
    """Raise MedshiftError if the images are volumes, which no ImageNet network takes."""
    if len(access.spatial) == 3:
        raise MedshiftError("ImageNet networks take 2-D images; these are 3-D: run --baseline scratch on them")


def shared_model(access: Access, recipe: TimmRecipe, need: Need | None = None) -> Network:
    """Train the source model shared by test-time methods: that of `imagenet-finetune`, or of `scratch` for volumes."""
    if len(access.spatial) == 3:
        return timm_network(access, recipe, "random", load=None, need=need)
    return timm_network(access, recipe, "imagenet", need=need)
