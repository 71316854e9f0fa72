"""Outputs of a network's stages on given images, averaged over space, as what CKA needs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ....baselines.networks.initial_weights import stages
from ....shifts.errors import MedshiftError
from .cka import Alignment, Gram, debiased_cka, gram

GRID = 1  # cells per axis that space is averaged to: one, the mean over the image
FLAT, TOKENS = 2, 3  # axes of features without space, and of a transformer's

Prefixes: TypeAlias = "list[tuple[str, ...]]"


@dataclass(frozen=True)
class Activations:
    """What the stages of one network make of some images.

    Args:
        ids: Names of the images, in order.
        stages: Name of each stage: those of its modules.
        grams: Gram matrix of each stage's features.
        grid: Cells per axis that space was averaged to.
    """

    ids: tuple[str, ...]
    stages: tuple[str, ...]
    grams: tuple[Gram, ...]
    grid: int


def stage_activations(
    network: nn.Module, batches: Iterable[Tensor], ids: Sequence[str], grid: int = GRID
) -> Activations:
    """Compute the outputs of all stages of a network.

    The stages are those of partial transfer (`initial_weights.stages`); the output of one is what the next one gets,
    after activation and pool.

    Args:
        network: With its inputs' preprocessing; set to evaluation mode.
        batches: Images (n, C, *spatial) in [0, 1], on the network's device.
        ids: Their names, in the same order.
        grid: Cells per axis that space is averaged to before features are laid out in one row; fewer where a stage has
            fewer. Tokens of a transformer are averaged.

    Raises:
        MedshiftError: The numbers of names and images differ, or a stage does not give a tensor.
    """
    body, prefixes = stages_of(network)
    found: list[list[NDArray[np.float32]]] = [[] for _ in prefixes]
    network.eval()
    with torch.inference_mode(), _watching(body, prefixes, grid) as seen:
        for images in batches:
            seen.clear()
            network(images)
            for stage, parts in enumerate(found):
                if stage not in seen:
                    raise MedshiftError(f"stage {'+'.join(prefixes[stage])!r} of this network gives no features")
                parts.append(seen[stage].float().cpu().numpy())
    count = sum(map(len, found[0]))
    if count != len(ids):
        raise MedshiftError(f"{len(ids)} names of images were given for {count} images")
    names = tuple("+".join(prefix) for prefix in prefixes)
    return Activations(tuple(ids), names, tuple(gram(np.concatenate(parts)) for parts in found), grid)


def align(one: Activations, other: Activations, groups: NDArray[np.int64]) -> list[Alignment]:
    """Compute the debiased CKA of two networks, or of one under two conditions, stage by stage.

    Args:
        one: The first.
        other: The second, on the same images in the same order: of different images, CKA says nothing.
        groups: (n,) whose image it is, 0..G-1.

    Raises:
        MedshiftError: The images, the stages or the grids differ.
    """
    if one.ids != other.ids:
        shared = len(set(one.ids) & set(other.ids))
        what = "in another order" if shared == len(one.ids) == len(other.ids) else f"only {shared} images are in both"
        raise MedshiftError(f"CKA compares features of the same images, and these are not ({what})")
    if one.stages != other.stages or one.grid != other.grid:
        raise MedshiftError("CKA stage by stage compares networks of one architecture, pooled alike; these differ")
    return [debiased_cka(a, b, groups) for a, b in zip(one.grams, other.grams, strict=True)]


def stages_of(network: nn.Module) -> tuple[nn.Module, Prefixes]:
    """Return the part of a network that has stages, and the names of their modules in it, from the input on.

    Raises:
        MedshiftError: The network has no stages.
    """
    body = getattr(network, "body", network)
    found = stages(body, getattr(network, "head", None) if body is not network else None)
    if not found:
        raise MedshiftError("this network has no stages: it is a single layer")
    return body, found


@contextmanager
def _watching(body: nn.Module, prefixes: Prefixes, grid: int) -> Iterator[dict[int, Tensor]]:
    """Note the pooled output of every stage while the network runs.

    What modules without weights make of a stage's output belongs to that stage, until space is averaged away.
    """
    of_stage = {name: stage for stage, prefix in enumerate(prefixes) for name in prefix}
    whole = getattr(body, "output_fmt", "")
    seen: dict[int, Tensor] = {}
    shapes: dict[int, tuple[int, ...]] = {}  # of the stages' own outputs

    def own(stage: int) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                features = _channels_first(output, getattr(module, "output_fmt", whole))
                seen[stage], shapes[stage] = pooled(features, grid), tuple(features.shape)

        return note

    def after(module: nn.Module, inputs: object, output: object) -> None:
        if seen and isinstance(output, Tensor):
            stage, features = max(seen), _channels_first(output, whole)
            if _keeps_space(tuple(features.shape), shapes[stage]):
                seen[stage] = pooled(features, grid)

    with _hooks() as hold:
        for name, module in body.named_modules():
            inside = any(name == prefix or name.startswith(f"{prefix}.") for prefix in of_stage)
            above = any(not name or prefix.startswith(f"{name}.") for prefix in of_stage)
            if name in of_stage:
                hold(module.register_forward_hook(own(of_stage[name])))
            elif not inside and not above and not any(True for _ in module.parameters()):
                hold(module.register_forward_hook(after))
        yield seen


@contextmanager
def _hooks() -> Iterator[Callable[[Any], None]]:
    """Remove hooks in the end, whatever happens."""
    held: list[Any] = []
    try:
        yield held.append
    finally:
        for hook in held:
            hook.remove()


def _keeps_space(shape: tuple[int, ...], before: tuple[int, ...]) -> bool:
    """Return whether an output still has the axes of a stage's output, and has not averaged them to one cell."""
    return len(shape) == len(before) and (max(shape[2:], default=2) > 1 or max(before[2:], default=1) == 1)


def _channels_first(output: Tensor, order: object) -> Tensor:
    """Move the channels before space; `order` is timm's name of an order of axes, if a module tells it."""
    return output.movedim(-1, 1) if order == "NHWC" and output.ndim > TOKENS else output


def pooled(features: Tensor, grid: int) -> Tensor:
    """Average features (n, C, *spatial) over a grid of cells, tokens (n, T, C) over all, and lay them out as (n, d)."""
    if features.ndim == FLAT:
        return features.clone()
    if features.ndim == TOKENS:
        return features.mean(dim=1)
    cells = tuple(min(grid, side) for side in features.shape[2:])
    pool = nn.functional.adaptive_avg_pool2d if len(cells) == 2 else nn.functional.adaptive_avg_pool3d
    return pool(features.float(), cast("Any", cells)).flatten(1)
